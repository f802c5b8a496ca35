"""What a training run learns: rows and labels, from data files alone if need be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from policylens.data.errors import ConfigError, LabelError, TaxonomyError
from policylens.data.labels import LabelCounts, LabelledParagraph, iter_labelled, label_counts
from policylens.data.read import RecordError, read_records
from policylens.data.records import Paragraph
from policylens.data.stored_rows import kept
from policylens.data.taxonomy import Label, Taxonomy, load_taxonomy, taxonomy_from_labels

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fields:
    """Names of the fields in data files.

    Attributes:
        text: The paragraph.
        title: Title of its document.
        context: Read as the title instead, e.g. the target of a stance task; None for none.
        theme: The primary theme, or the only label of a task.
        stance: The stance; None where the task has none.
    """

    text: str = "text"
    title: str = "title"
    context: str | None = None
    theme: str = "theme"
    stance: str | None = "stance"

    def __post_init__(self) -> None:
        """Refuse one field for both labels.

        Raises:
            ConfigError: Theme and stance are the same field.
        """
        if self.theme == self.stance:
            raise ConfigError(f"theme and stance are both read from {self.theme!r}; add --stance-field none")


@dataclass(frozen=True, slots=True)
class Task:
    """Labelled rows and the labels to choose from.

    Attributes:
        rows: Training rows; in a file that is mapped into memory where there are very many.
        taxonomy: Their labels; without stances where the rows have none.
        fields: Where the rows were read from, to read a dev file alike.
    """

    rows: Sequence[LabelledParagraph]
    taxonomy: Taxonomy
    fields: Fields


def read_rows(
    paths: Sequence[Path], fields: Fields, *, taxonomy: Taxonomy | None, allow_missing: bool = False
) -> list[LabelledParagraph]:
    """Rows of several files.

    Raises:
        LabelError: A row is broken, lacks a label or has an unknown one.
        InputError: A file cannot be read or holds no rows.
    """
    return list(_rows(paths, fields, taxonomy=taxonomy, allow_missing=allow_missing))


def read_paragraphs(paths: Sequence[Path], fields: Fields) -> list[Paragraph]:
    """Paragraphs of several files of records, whatever labels they may have.

    Raises:
        LabelError: A row is broken.
        InputError: A file cannot be read or holds no rows.
    """
    found: list[Paragraph] = []
    for path in paths:
        title = fields.context or fields.title
        for record in read_records(path, text_field=fields.text, title_field=title):
            if isinstance(record, RecordError):
                raise LabelError(record.message)
            found.append(record)
    return found


def _rows(
    paths: Sequence[Path], fields: Fields, *, taxonomy: Taxonomy | None, allow_missing: bool = False
) -> Iterator[LabelledParagraph]:
    return (
        row
        for path in paths
        for row in iter_labelled(
            path,
            taxonomy=taxonomy,
            text_field=fields.text,
            title_field=fields.title,
            context_field=fields.context,
            theme_field=fields.theme,
            stance_field=fields.stance,
            allow_missing=allow_missing,
        )
    )


def read_task(paths: Sequence[Path], fields: Fields, *, taxonomy_file: Path | None) -> Task:
    """Reads training files and settles which labels there are.

    Without a taxonomy file the shipped taxonomy is taken if it knows all labels, else the labels found are
    the taxonomy. A stance field that no row has means a task with one label.

    Raises:
        LabelError: A row is broken, lacks a label or has an unknown one.
        InputError: A file cannot be read or holds no rows.
        TaxonomyError: The taxonomy file is wrong.
    """
    taxonomy = load_taxonomy(taxonomy_file) if taxonomy_file is not None else None
    if taxonomy is None or taxonomy.stances:
        found = label_counts(_rows(paths, fields, taxonomy=None, allow_missing=True))
        if fields.stance is not None and not found.stances:
            logger.warning("no row has a label in the field %r: training themes only", fields.stance)
            fields = replace(fields, stance=None)
        taxonomy = taxonomy or _taxonomy_for(found, name=paths[0].stem)
    if fields.stance is None:
        taxonomy = replace(taxonomy, stances=())
    return Task(kept(_rows(paths, fields, taxonomy=taxonomy)), taxonomy, fields)


def _taxonomy_for(found: LabelCounts, *, name: str) -> Taxonomy:
    shipped = load_taxonomy()
    themes = {*found.themes, *found.also}
    if _all_known(themes, shipped.find_theme) and _all_known(found.stances, shipped.find_stance):
        return shipped
    taxonomy = taxonomy_from_labels(name, themes, found.stances)
    logger.warning(
        "the labels are not those of %s; the taxonomy is what the data holds: "
        "%d themes (%s) and %d stances (%s)",
        shipped.name,
        len(taxonomy.themes),
        ", ".join(taxonomy.theme_ids),
        len(taxonomy.stances),
        ", ".join(taxonomy.stance_ids) or "none",
    )
    return taxonomy


def _all_known(names: Iterable[str], find: Callable[[str], Label]) -> bool:
    try:
        for name in names:
            find(name)
    except TaxonomyError:
        return False
    return True
