"""The commands `labels …`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from policylens.data.errors import ConfigError
from policylens.infer.exit_codes import exit_if_failed
from policylens.infer.options import Out, TextField, TitleField
from policylens.infer.streams.reporter import Reporter

if TYPE_CHECKING:
    from policylens.data.label_formats.label_rows import FieldNames, LabelRows
    from policylens.data.rebuild import Rebuilt
    from policylens.data.taxonomy import Taxonomy

_AS_THEY_ARE = "any"

labels = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Labelled paragraphs: in and out of spreadsheets and labelling tools, and what is wrong with them.",
)


class Format(StrEnum):
    """Formats of label files; those of `data.label_files`, which is not imported for the help."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    LABEL_STUDIO = "label-studio"
    DOCCANO = "doccano"


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="Label files: .jsonl (also doccano's), .csv, .xlsx, .json (Label Studio).",
    ),
]
TaxonomyOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Taxonomy file or model folder that labels must belong to; 'any' takes labels as they are. "
        "Default: ours if it knows at least half of the labels, else as they are.",
    ),
]
KeepUnlabelled = Annotated[
    bool, typer.Option("--keep-unlabelled", help="Keep rows without a theme instead of leaving them out.")
]
ThemeField = Annotated[
    str,
    typer.Option(metavar="FIELD", help="Field of the theme, or of the only label; Label Studio's from_name."),
]
StanceField = Annotated[str, typer.Option(metavar="FIELD", help="Field of the stance.")]


@labels.command("import", no_args_is_help=True)
def import_labels(
    ctx: typer.Context,
    files: Files,
    out: Out = None,
    source_format: Annotated[
        Format | None, typer.Option("--from", help="Format of the files; else by suffix and content.")
    ] = None,
    taxonomy: TaxonomyOption = None,
    keep_unlabelled: KeepUnlabelled = False,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Turn label files into our JSON lines, with label names as ids.

    Labels may be ids or Chinese or English names. If any is unknown nothing is written, and all of them are
    listed with their lines and the nearest valid name.

    \b
    Examples:
      policylens labels import sheet.xlsx -o rows.jsonl
      policylens labels import project-1.json --theme-field topic -o rows.jsonl
    """  # noqa: D301 - a backspace
    names = _names(text_field, title_field, theme_field, stance_field)
    found = _read(files, source_format, names, taxonomy=taxonomy, keep_unlabelled=keep_unlabelled)
    _write(found, out, Format.JSONL, taxonomy=None, reporter=ctx.obj)


@labels.command("export", no_args_is_help=True)
def export_labels(
    ctx: typer.Context,
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="File to write.")],
    target_format: Annotated[
        Format | None, typer.Option("--to", help="Format of OUT; else by its suffix (.json: Label Studio).")
    ] = None,
    taxonomy: TaxonomyOption = None,
) -> None:
    """Turn label files into a spreadsheet or what a labelling tool reads; `import` brings the same rows back.

    \b
    Examples:
      policylens labels export rows.jsonl -o rows.xlsx
      policylens labels export rows.jsonl --to doccano -o for-doccano.jsonl
    """  # noqa: D301 - a backspace
    from policylens.data.label_formats.label_files import LabelFormat, label_format

    form = label_format(out, LabelFormat(target_format) if target_format else None)
    found = _read(files, None, _names(), taxonomy=taxonomy, keep_unlabelled=True)
    _write(found, out, Format(form.value), taxonomy=_listed_taxonomy(taxonomy, found), reporter=ctx.obj)


@labels.command("template", no_args_is_help=True)
def template(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Sheet to write, .xlsx.")],
    taxonomy: Annotated[
        str | None, typer.Option(metavar="FILE", help="Taxonomy file or model folder; default: ours.")
    ] = None,
) -> None:
    """Write an empty sheet to label in, with drop-down lists and the codebook beside it."""
    from policylens.data.label_formats.label_sheets import write_template
    from policylens.data.taxonomy import load_taxonomy
    from policylens.infer.streams.output import open_output

    if out.suffix.lower() != ".xlsx":
        raise ConfigError(f"cannot write {out}: expected a name that ends in .xlsx")
    chosen = _taxonomy(taxonomy) or load_taxonomy()
    data = write_template(chosen)
    with open_output(out) as stream:
        stream.write(data)
    reporter: Reporter = ctx.obj
    reporter.note(
        "wrote {path}: {themes} themes, {stances} stances",
        path=out,
        themes=len(chosen.themes),
        stances=len(chosen.stances),
    )


@labels.command("rebuild", no_args_is_help=True)
def rebuild_rows(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", show_default=False, help="Folder with the fetched collections.")
    ],
    out: Out = None,
    pointers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pointers to look for; default: the shipped ones.")
    ] = None,
) -> None:
    """Join the labels that we ship without their texts with texts that you have fetched.

    Looks into every document and record file below DIR for the paragraphs that the labels belong to. The data
    card in data/labeled names the collections.

    \b
    Example:
      policylens labels rebuild collections/ -o rows.jsonl
    """  # noqa: D301 - a backspace
    from policylens.data.label_formats.label_files import LabelFormat, label_bytes
    from policylens.data.pointers import read_pointers
    from policylens.data.rebuild import rebuild
    from policylens.infer.streams.output import open_output

    found = rebuild(folder, read_pointers(pointers))
    with open_output(out) as stream:
        stream.write(label_bytes(found.rows, LabelFormat.JSONL))
    _report_rebuilt(found, ctx.obj)
    exit_if_failed(len(found.failures))


@labels.command("audit", no_args_is_help=True)
def audit_files(
    files: Files,
    dev: Annotated[
        list[Path] | None,
        typer.Option("--dev", metavar="FILE", help="Rows kept from training; may be repeated."),
    ] = None,
    taxonomy: TaxonomyOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write the whole report as JSON.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="OUT", help="Write the report as one page.")
    ] = None,
    fix_file: Annotated[
        Path | None,
        typer.Option("--fix", metavar="OUT", help="Write the findings, one JSON object a line."),
    ] = None,
    max_chars: Annotated[
        int, typer.Option(min=1, metavar="N", help="Texts with more characters are reported as too long.")
    ] = 1000,
    near: Annotated[
        float,
        typer.Option(
            min=0.5, max=1.0, metavar="SHARE", help="Likeness from which texts are near duplicates."
        ),
    ] = 0.8,
    suspects: Annotated[
        bool, typer.Option("--suspects/--no-suspects", help="Look for labels that a model doubts.")
    ] = True,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of all random choices.")] = 0,
) -> None:
    """Look for what is wrong with labelled rows before a model is trained on them.

    Counts; exact and near duplicates within and across files; the same text with different labels; documents
    on both sides of the split; labels that a model trained on the other documents doubts; agreement of
    annotators; empty and long texts.

    \b
    Example:
      policylens labels audit train.jsonl --dev dev.jsonl --html audit.html --fix fix.jsonl
    """  # noqa: D301 - a backspace
    from policylens.train.labelling.audit import AuditConfig, audit
    from policylens.train.labelling.audit_report import findings_bytes, to_html, to_json, to_text
    from policylens.train.labelling.audit_rows import read_audit_rows

    rows = read_audit_rows(
        files, dev or [], taxonomy=_taxonomy(taxonomy), any_labels=taxonomy == _AS_THEY_ARE
    )
    report = audit(rows, AuditConfig(max_chars=max_chars, near=near, suspects=suspects, seed=seed))
    reports: tuple[tuple[Path | None, Callable[[], bytes]], ...] = (
        (json_file, lambda: to_json(report).encode()),
        (html_file, lambda: to_html(report).encode()),
        (fix_file, lambda: findings_bytes(report)),
    )
    for path, content in reports:
        if path is not None:
            _write_file(path, content())
    typer.echo(to_text(report), nl=False)


def _report_rebuilt(found: Rebuilt, reporter: Reporter) -> None:
    for failure in found.failures:
        reporter.fail(failure)
    reporter.note(
        "{found} of {total} labels found their text in {files} files",
        found=f"{len(found.rows):,}",
        total=f"{sum(count.total for count in found.counts):,}",
        files=f"{found.files:,}",
    )
    for count in found.counts:
        reporter.note(
            "  {source}: {found} of {total}",
            source=count.source,
            found=f"{count.found:,}",
            total=f"{count.total:,}",
        )


def _names(
    text: str = "text", title: str = "title", theme: str = "theme", stance: str = "stance"
) -> FieldNames:
    from policylens.data.label_formats.label_rows import FieldNames

    return FieldNames(text=text, title=title, theme=theme, stance=stance)


def _taxonomy(given: str | None) -> Taxonomy | None:
    from policylens.data.taxonomy import load_taxonomy

    if given is None or given == _AS_THEY_ARE:
        return None
    path = Path(given)
    return load_taxonomy(path / "taxonomy.yaml" if path.is_dir() else path)


def _read(
    files: list[Path],
    form: Format | None,
    names: FieldNames,
    *,
    taxonomy: str | None,
    keep_unlabelled: bool,
) -> LabelRows:
    from policylens.data.label_formats.label_files import LabelFormat, read_label_rows
    from policylens.data.label_formats.label_rows import LabelRows

    chosen = _taxonomy(taxonomy)
    found = [
        read_label_rows(
            path,
            form=LabelFormat(form) if form else None,
            names=names,
            taxonomy=chosen,
            any_labels=taxonomy == _AS_THEY_ARE,
            keep_unlabelled=keep_unlabelled,
        )
        for path in files
    ]
    return LabelRows(
        [row for part in found for row in part.rows],
        [line for part in found for line in part.lines],
        sum(part.unlabelled for part in found),
    )


def _listed_taxonomy(given: str | None, found: LabelRows) -> Taxonomy | None:
    """The taxonomy for a sheet's drop-down lists: the one given, else ours if it has all the labels."""
    from policylens.data.taxonomy import load_taxonomy

    if given == _AS_THEY_ARE:
        return None
    taxonomy = _taxonomy(given) or load_taxonomy()
    themes = {str(row["theme"]) for row in found.rows if "theme" in row}
    return taxonomy if themes and themes <= set(taxonomy.theme_ids) else None


def _write(
    found: LabelRows, out: Path | None, form: Format, *, taxonomy: Taxonomy | None, reporter: Reporter
) -> None:
    from policylens.data.label_formats.label_files import LabelFormat, label_bytes

    data = label_bytes(found.rows, LabelFormat(form), taxonomy=taxonomy)
    _write_file(out, data)
    themes = len({row.get("theme") for row in found.rows} - {None})
    stances = len({row.get("stance") for row in found.rows} - {None})
    sentence = "{rows} rows, {themes} themes, {stances} stances"
    if found.unlabelled:
        sentence = "{rows} rows, {themes} themes, {stances} stances; {unlabelled} without a theme left out"
    reporter.note(
        sentence,
        rows=f"{len(found.rows):,}",
        themes=themes,
        stances=stances,
        unlabelled=f"{found.unlabelled:,}",
    )


def _write_file(path: Path | None, data: bytes) -> None:
    from policylens.infer.streams.output import open_output

    with open_output(path) as stream:
        stream.write(data)
