"""The command line. Each command parses, calls one library function and prints.

Data goes to standard output or a file, all talk to standard error. Exit codes: 0; 1 where inputs or records
failed and the others are written; 2 where the call cannot work as it is given; 130 when interrupted.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from contextlib import suppress
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from policylens.data.errors import ConfigError, ModelFileError, PolicylensError, TaxonomyError
from policylens.infer.output import (
    ReportFormat,
    TableFormat,
    open_output,
    open_table,
    report_format,
    table_format,
)
from policylens.infer.reporter import Reporter
from policylens.infer.rows import paragraph_row, row_of
from policylens.train.cli import register

_FAILED, _USAGE, _INTERRUPTED = 1, 2, 130
_USAGE_ERRORS = (ConfigError, ModelFileError, TaxonomyError)


class Device(StrEnum):
    """Where the model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class TaxonomyFormat(StrEnum):
    """How a taxonomy is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def _version(on: bool) -> None:
    if on:
        typer.echo(f"policylens {version('policylens')}")
        raise typer.Exit


class _Commands(TyperGroup):
    """Turns the errors meant for the user into one line and an exit code; a bug keeps its traceback."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except PolicylensError as error:
            Reporter().error(str(error))
            raise typer.Exit(_USAGE if isinstance(error, _USAGE_ERRORS) else _FAILED) from None
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit from None
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        return result


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="Files (txt, md, html, docx, pdf; jsonl, csv, json), folders, patterns, or - for stdin.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="OUT", help="File to write; standard output if not given."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Model folder that `policylens train` wrote; else ours."),
]
OnDevice = Annotated[Device, typer.Option(help="Where the model runs; auto takes a GPU where there is one.")]
TextField = Annotated[str, typer.Option(metavar="FIELD", help="Field with the text, in record inputs.")]
TitleField = Annotated[
    str, typer.Option(metavar="FIELD", help="Field with the document's title, in record inputs.")
]


@app.callback()
def policylens(
    ctx: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more; -vv: all.")
    ] = 0,
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    """Chinese policy text: paragraphs, themes and stances, and digests in which every sentence is cited.

    \b
    Examples:
      policylens summarize report.pdf
      policylens summarize papers/ -o digest.html
      policylens classify papers/ -o tags.jsonl
      policylens summarize tags.jsonl --themes green,finance
      policylens taxonomy
    """
    _speak_utf8()
    _set_up_logging(quiet=quiet, verbose=verbose)
    ctx.obj = Reporter(quiet=quiet)


@app.command(no_args_is_help=True)
def classify(
    ctx: typer.Context,
    inputs: Inputs,
    out: Out = None,
    form: Annotated[
        TableFormat | None,
        typer.Option("--format", help="Output format; else by the suffix of OUT, else jsonl."),
    ] = None,
    model: Model = None,
    device: OnDevice = Device.AUTO,
    batch_tokens: Annotated[
        int | None, typer.Option(min=512, metavar="N", help="Most tokens in a batch; more needs more memory.")
    ] = None,
    all_kinds: Annotated[
        bool, typer.Option("--all-kinds", help="Write headings, captions and the like too, without labels.")
    ] = False,
    text_field: TextField = "text",
    title_field: TitleField = "title",
) -> None:
    """Tag every paragraph with its theme and stance.

    Writes one record a body paragraph, in input order. Fields of record inputs are carried through; one
    named like a field of ours, such as the theme of a labelled file, as input_theme.

    \b
    Examples:
      policylens classify report.docx
      policylens classify papers/ more/*.pdf -o tags.csv
      cat report.txt | policylens classify - | jq -r .theme
    """
    from policylens.infer import Classifier, pipeline

    reporter: Reporter = ctx.obj
    with open_table(out, form=table_format(out, form)) as write:
        tagged = pipeline.classify_inputs(
            inputs,
            Classifier.load(model, device=device.value),
            batch_tokens=batch_tokens,
            all_kinds=all_kinds,
            text_field=text_field,
            title_field=title_field,
            on_failure=reporter.fail,
        )
        for item in reporter.track(tagged):
            write(row_of(item))
    _exit_if_failed(reporter)


@app.command(no_args_is_help=True)
def summarize(
    ctx: typer.Context,
    inputs: Inputs,
    out: Out = None,
    form: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="Output format; else by the suffix of OUT, else md."),
    ] = None,
    max_chars: Annotated[
        int, typer.Option(min=20, metavar="N", help="Largest length of the digest of one theme.")
    ] = 300,
    themes: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Only these themes, by id or name (see `policylens taxonomy`)."),
    ] = None,
    model: Model = None,
    device: OnDevice = Device.AUTO,
    text_field: TextField = "text",
    title_field: TitleField = "title",
) -> None:
    """Digest documents theme by theme; every sentence, figure and voice names its paragraph.

    Takes documents or what `policylens classify` wrote: records with a theme and a stance keep them, and
    if all have them no model is loaded.

    \b
    Examples:
      policylens summarize report.pdf
      policylens summarize papers/ -o digest.html
      policylens summarize tags.jsonl --themes green,finance --max-chars 150
    """
    from policylens.infer import pipeline

    reporter: Reporter = ctx.obj
    with open_output(out) as stream:
        summary = pipeline.summarize_inputs(
            inputs,
            model=model,
            device=device.value,
            themes=_names(themes),
            max_chars=max_chars,
            text_field=text_field,
            title_field=title_field,
            on_failure=reporter.fail,
            track=reporter.track,
        )
        stream.write(pipeline.render(summary, report_format(out, form)).encode())
    _exit_if_failed(reporter)


@app.command("reflow", no_args_is_help=True)
def print_paragraphs(
    ctx: typer.Context, inputs: Inputs, text_field: TextField = "text", title_field: TitleField = "title"
) -> None:
    """Print the true paragraphs of documents as JSON lines, without tagging them.

    \b
    Example:
      policylens reflow report.pdf | jq -r 'select(.kind == "body").text'
    """
    from policylens.infer import pipeline

    reporter: Reporter = ctx.obj
    found = pipeline.read_paragraphs(inputs, text_field=text_field, title_field=title_field)
    with open_table(None, form=TableFormat.JSONL) as write:
        for paragraph in pipeline.without_failures(found, on_failure=reporter.fail):
            write(paragraph_row(paragraph))
    _exit_if_failed(reporter)


@app.command("taxonomy")
def print_taxonomy(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", show_default=False, help="File or model folder; else ours."),
    ] = None,
    form: Annotated[TaxonomyFormat, typer.Option("--format", help="Output format.")] = TaxonomyFormat.TABLE,
) -> None:
    """Print themes and stances with their names and definitions; tab-separated if piped."""
    from policylens.data.taxonomy import load_taxonomy
    from policylens.infer import taxonomy_view

    taxonomy = load_taxonomy(file / "taxonomy.yaml" if file and file.is_dir() else file)
    match form:
        case TaxonomyFormat.JSON:
            typer.echo(taxonomy_view.as_json(taxonomy))
        case TaxonomyFormat.YAML:
            typer.echo(taxonomy_view.as_yaml(taxonomy), nl=False)
        case TaxonomyFormat.TABLE if sys.stdout.isatty():
            taxonomy_view.print_table(taxonomy)
        case TaxonomyFormat.TABLE:
            typer.echo(taxonomy_view.as_lines(taxonomy), nl=False)


register(app)


def main() -> None:
    """Run the command line: the entry point of the `policylens` script."""
    app(prog_name="policylens")


def _exit_if_failed(reporter: Reporter) -> None:
    if reporter.failures:
        raise typer.Exit(_FAILED)


def _names(themes: str | None) -> list[str] | None:
    if themes is None:
        return None
    names = [name.strip() for name in re.split("[,，]", themes) if name.strip()]
    if not names:
        raise ConfigError(f"--themes {themes!r} names no theme; expected ids or names, e.g. --themes a,b")
    return names


def _speak_utf8() -> None:
    """Data is UTF-8 whatever the locale says; a file name that is not can still be named in an error."""
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _set_up_logging(*, quiet: bool, verbose: int) -> None:
    """Warnings by default, and what training reports as it goes."""
    levels = [logging.WARNING, logging.INFO, logging.DEBUG]
    level = logging.ERROR if quiet else levels[min(verbose, 2)]
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    logging.getLogger("policylens").setLevel(level)
    logging.getLogger("policylens.train").setLevel(level if quiet else min(level, logging.INFO))


def _forget_stdout() -> None:
    """The reader has gone: let the interpreter's last flush go nowhere instead of into its closed pipe."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
