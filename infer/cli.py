"""The command line. Each command parses, calls one library function and prints.

Data goes to standard output or a file, all talk to standard error. Exit codes: 0; 1 where inputs or records
failed and the others are written; 2 where the call cannot work as it is given; 130 when interrupted.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import Annotated

import typer

from policylens.infer.classify_cli import classify
from policylens.infer.command_group import CommandGroup
from policylens.infer.exit_codes import exit_if_failed
from policylens.infer.messages import Language, TalkFormatter, use_language
from policylens.infer.options import Inputs, Limit, TextField, TitleField
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.reporter import JsonFormatter, Reporter
from policylens.infer.summarize_cli import summarize
from policylens.infer.taxonomy_cli import taxonomy_app
from policylens.train.cli import register


def _version(on: bool) -> None:
    if on:
        from importlib.metadata import version

        typer.echo(f"policylens {version('policylens')}")
        raise typer.Exit


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def policylens(
    ctx: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Say everything on standard error as JSON lines.")
    ] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more; -vv: all.")
    ] = 0,
    lang: Annotated[
        Language | None,
        typer.Option(show_default=False, help="Language of help, messages and scores; else the locale's."),
    ] = None,
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
    # `CommandGroup` has heeded --lang before it wrote any help; programs that read JSON lines expect English.
    if log_json:
        use_language(Language.EN)
    _speak_utf8()
    _set_up_logging(quiet=quiet, verbose=verbose, log_json=log_json)
    ctx.obj = Reporter(quiet=quiet, log_json=log_json)


app.command(no_args_is_help=True)(classify)
app.command(no_args_is_help=True)(summarize)


@app.command("reflow", no_args_is_help=True)
def print_paragraphs(
    ctx: typer.Context,
    inputs: Inputs,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    limit: Limit = None,
) -> None:
    """Print the true paragraphs of documents as JSON lines, without tagging them.

    \b
    Example:
      policylens reflow report.pdf | jq -r 'select(.kind == "body").text'
    """
    from policylens.data.limits import parse_limits
    from policylens.infer import pipeline
    from policylens.infer.streams.output import open_table
    from policylens.infer.streams.rows import paragraph_row

    reporter: Reporter = ctx.obj
    found = pipeline.read_paragraphs(
        inputs, text_field=text_field, title_field=title_field, limits=parse_limits(limit or ())
    )
    with open_table(None, form=TableFormat.JSONL) as write:
        for paragraph in pipeline.without_failures(found, on_failure=reporter.fail):
            write(paragraph_row(paragraph))
    exit_if_failed(reporter.failures)


app.add_typer(taxonomy_app, name="taxonomy")
register(app)


def main() -> None:
    """Run the command line: the entry point of the `policylens` script."""
    app(prog_name="policylens")


def _speak_utf8() -> None:
    """Data is UTF-8 whatever the locale says; a file name that is not can still be named in an error."""
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _set_up_logging(*, quiet: bool, verbose: int, log_json: bool) -> None:
    """Warnings by default, and what training reports as it goes."""
    levels = [logging.WARNING, logging.INFO, logging.DEBUG]
    level = logging.ERROR if quiet else levels[min(verbose, 2)]
    logging.basicConfig(level=logging.WARNING, force=True)
    logging.getLogger().handlers[0].setFormatter(JsonFormatter() if log_json else TalkFormatter())
    logging.getLogger("policylens").setLevel(level)
    logging.getLogger("policylens.train").setLevel(level if quiet else min(level, logging.INFO))
