"""A taxonomy for reading: as a table on a terminal, as lines in a pipe, as JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from policylens.data.taxonomy import Label, Taxonomy, dump_taxonomy


def as_json(taxonomy: Taxonomy) -> str:
    """The taxonomy as indented JSON."""
    fields = {
        "name": taxonomy.name,
        "version": taxonomy.version,
        "groups": [group._asdict() for group in taxonomy.groups],
        "themes": [asdict(label) for label in taxonomy.themes],
        "stances": [asdict(label) for label in taxonomy.stances],
    }
    return json.dumps(fields, ensure_ascii=False, indent=2)


def as_yaml(taxonomy: Taxonomy) -> str:
    """The taxonomy as a file that `load_taxonomy` reads."""
    return dump_taxonomy(taxonomy)


def as_lines(taxonomy: Taxonomy) -> str:
    """One line a label, themes first: id, Chinese name, English name and definition between tabs."""
    return "".join("\t".join(_cells(label)) + "\n" for _, labels in _parts(taxonomy) for label in labels)


def print_table(taxonomy: Taxonomy) -> None:
    """Print tables of the themes and the stances to the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    for title, labels in _parts(taxonomy):
        table = Table("id", "名称", "English name", "definition", title=title, box=box.SIMPLE_HEAD)
        for label in labels:
            table.add_row(*_cells(label))
        # No markup: a definition may hold [brackets].
        Console(markup=False).print(table)


def _parts(taxonomy: Taxonomy) -> Iterator[tuple[str, tuple[Label, ...]]]:
    yield f"{taxonomy.name} {taxonomy.version}: themes", taxonomy.themes
    if taxonomy.stances:
        yield "stances", taxonomy.stances


def _cells(label: Label) -> tuple[str, str, str, str]:
    return label.id, label.name_zh, label.name_en, " ".join(label.definition.split())
