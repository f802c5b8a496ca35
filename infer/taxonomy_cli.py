"""The commands `taxonomy`, `taxonomy diff` and `taxonomy migrate`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from policylens.data.errors import ConfigError
from policylens.infer.exit_codes import exit_if_failed
from policylens.infer.streams.reporter import Reporter

if TYPE_CHECKING:
    from policylens.data.migration import MapRow, Unmapped

_SHOW = "show"
# Rows that a terminal shows; --unmapped FILE has them all.
_SHOWN = 20


class TaxonomyFormat(StrEnum):
    """How a taxonomy is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class DiffFormat(StrEnum):
    """How changes are printed."""

    TEXT = "text"
    JSON = "json"


class _ShowByDefault(TyperGroup):
    """`taxonomy FILE` is short for `taxonomy show FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer carries its own click
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)


taxonomy_app = typer.Typer(
    cls=_ShowByDefault,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Print a taxonomy, compare two, or bring labels from one to another. Without a command: show.",
)


@taxonomy_app.command(_SHOW)
def show(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", show_default=False, help="File or model folder; else ours."),
    ] = None,
    form: Annotated[TaxonomyFormat, typer.Option("--format", help="Output format.")] = TaxonomyFormat.TABLE,
) -> None:
    """Print themes and stances with their names and definitions; tab-separated if piped."""
    from policylens.data.taxonomy import load_taxonomy
    from policylens.infer import taxonomy_view

    taxonomy = load_taxonomy(_file(file) if file else None)
    match form:
        case TaxonomyFormat.JSON:
            typer.echo(taxonomy_view.as_json(taxonomy))
        case TaxonomyFormat.YAML:
            typer.echo(taxonomy_view.as_yaml(taxonomy), nl=False)
        case TaxonomyFormat.TABLE if sys.stdout.isatty():
            taxonomy_view.print_table(taxonomy)
        case TaxonomyFormat.TABLE:
            typer.echo(taxonomy_view.as_lines(taxonomy), nl=False)


@taxonomy_app.command("diff", no_args_is_help=True)
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="File or model folder.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="File or model folder.")],
    form: Annotated[DiffFormat, typer.Option("--format", help="Output format.")] = DiffFormat.TEXT,
    write_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Begin a map for `taxonomy migrate`: an entry a label that is gone."
        ),
    ] = None,
) -> None:
    """Print which labels are new (+), gone (-), probably renamed (~) or worded differently (*).

    \b
    Example:
      policylens taxonomy diff themes-1.yaml themes-2.yaml --write-map map.yaml
    """
    from policylens.data.taxonomy import load_taxonomy
    from policylens.data.taxonomy_changes import diff_as_dict, diff_as_lines, diff_taxonomies, map_skeleton

    found = diff_taxonomies(load_taxonomy(_file(old)), load_taxonomy(_file(new)))
    if write_map is not None:
        _write_new(write_map, map_skeleton(found))
    if form is DiffFormat.JSON:
        typer.echo(json.dumps(diff_as_dict(found), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(diff_as_lines(found)))


@taxonomy_app.command("migrate", no_args_is_help=True)
def migrate(
    ctx: typer.Context,
    rows: Annotated[list[Path], typer.Argument(metavar="ROWS", help="Label files or tags, .jsonl or .csv.")],
    map_file: Annotated[
        Path, typer.Option("--map", metavar="FILE", help="What becomes of each label, YAML.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="File, or folder for several; else standard output."),
    ] = None,
    old: Annotated[
        Path | None,
        typer.Option("--from", metavar="OLD", help="Taxonomy of the rows: its labels may then be names."),
    ] = None,
    new: Annotated[
        Path | None,
        typer.Option("--to", metavar="NEW", help="Taxonomy that every label must then belong to."),
    ] = None,
    unmapped: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows that were set aside here, as JSON lines."),
    ] = None,
    text_field: Annotated[
        str, typer.Option(metavar="FIELD", help="Field whose words decide where a split label goes.")
    ] = "text",
) -> None:
    """Bring the labels of rows to another version of a taxonomy: renames, merges and splits.

    Rows with a label that has no new one are not written but listed, and make the exit code 1.

    \b
    Examples:
      policylens taxonomy migrate --map map.yaml --to themes-2.yaml labels.jsonl -o labels-2.jsonl
      policylens taxonomy migrate --map map.yaml old/*.jsonl -o new/ --unmapped by-hand.jsonl
    """
    from functools import partial

    from policylens.data.label_formats.label_map import load_label_map, migrate_row
    from policylens.data.taxonomy import load_taxonomy

    before = load_taxonomy(_file(old)) if old else None
    after = load_taxonomy(_file(new)) if new else None
    label_map = load_label_map(map_file, old=before, new=after)
    mapped = partial(migrate_row, label_map=label_map, old=before, new=after, text_field=text_field)
    set_aside = _migrate_all(rows, out, mapped, ctx.obj)
    if unmapped is not None:
        _write_unmapped(unmapped, set_aside)
    exit_if_failed(len(set_aside))


def _migrate_all(rows: list[Path], out: Path | None, map_row: MapRow, reporter: Reporter) -> list[Unmapped]:
    from policylens.data.migration import migrate_file

    set_aside: list[Unmapped] = []
    for path, target in zip(rows, _targets(rows, out), strict=True):
        if target is None:
            done = migrate_file(path, sys.stdout, map_row)
        else:
            # Under its name only when whole.
            part = target.with_name(f".{target.name}.part")
            try:
                with part.open("w", encoding="utf-8", newline="") as stream:
                    done = migrate_file(path, stream, map_row)
                part.replace(target)
            except OSError as error:
                raise ConfigError(f"cannot write {target}: {error.strerror or error}") from error
            finally:
                part.unlink(missing_ok=True)
        reporter.note(
            "{path}: {written} rows written, {unmapped} set aside",
            path=path,
            written=done.written,
            unmapped=len(done.unmapped),
        )
        _list_unmapped(done.unmapped, reporter)
        set_aside += done.unmapped
    return set_aside


def _targets(rows: list[Path], out: Path | None) -> list[Path | None]:
    """Where each file goes.

    Raises:
        ConfigError: Several files and no folder, two files of one name, or a file over itself.
    """
    if out is None or str(out) == "-":
        if len(rows) > 1:
            raise ConfigError("several files cannot go to standard output; name a folder with -o")
        return [None]
    if len(rows) > 1 or out.is_dir():
        if out.exists() and not out.is_dir():
            raise ConfigError(f"{out} is a file; several files go to a folder")
        out.mkdir(parents=True, exist_ok=True)
        targets = [out / path.name for path in rows]
    else:
        targets = [out]
    if len(set(targets)) < len(targets):
        raise ConfigError("two of the files have the same name and would overwrite each other")
    for path, target in zip(rows, targets, strict=True):
        if target.exists() and path.exists() and target.samefile(path):
            raise ConfigError(f"{path} would be overwritten by its own migration; choose another -o")
        if target.suffix.lower() != path.suffix.lower():
            raise ConfigError(f"{path} stays {path.suffix}; {target} has another suffix")
    return list(targets)


def _list_unmapped(found: list[Unmapped], reporter: Reporter) -> None:
    for item in found[:_SHOWN]:
        labels = "; ".join(f"{label.field} {label.label!r}: {label.reason}" for label in item.labels)
        reporter.note("  line {line}: {labels}", line=item.line, labels=labels)
    if len(found) > _SHOWN:
        reporter.note("  and {number} more; --unmapped FILE writes them all", number=len(found) - _SHOWN)


def _write_unmapped(path: Path, found: list[Unmapped]) -> None:
    from policylens.data.migration import unmapped_as_dict

    text = "".join(json.dumps(unmapped_as_dict(item), ensure_ascii=False) + "\n" for item in found)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error


def _write_new(path: Path, text: str) -> None:
    """A map is worked on by hand: never over one that is there."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; name another file for the map") from None
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error


def _file(path: Path) -> Path:
    return path / "taxonomy.yaml" if path.is_dir() else path
