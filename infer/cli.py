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
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from policylens.data.errors import ConfigError, ModelFileError, PolicylensError, TaxonomyError
from policylens.infer.engine_cli import (
    Actors,
    CpusPerActor,
    Engine,
    GpusPerActor,
    OnBackend,
    OnEngine,
    RayAddress,
    check_local,
    classify_on_cluster,
    cluster_options,
)
from policylens.infer.streams.output import (
    ReportFormat,
    TableFormat,
    open_output,
    open_table,
    report_format,
    table_format,
)
from policylens.infer.streams.reporter import JsonFormatter, Reporter
from policylens.infer.streams.rows import paragraph_row
from policylens.infer.taxonomy_cli import taxonomy_app
from policylens.train.cli import register

_FAILED, _USAGE, _INTERRUPTED = 1, 2, 130
_USAGE_ERRORS = (ConfigError, ModelFileError, TaxonomyError)


class Device(StrEnum):
    """Where the model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


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
            reporter = ctx.obj if isinstance(ctx.obj, Reporter) else Reporter()
            reporter.error(str(error))
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
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Say everything on standard error as JSON lines.")
    ] = False,
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
    _set_up_logging(quiet=quiet, verbose=verbose, log_json=log_json)
    ctx.obj = Reporter(quiet=quiet, log_json=log_json)


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
    backend: OnBackend = None,
    batch_tokens: Annotated[
        int | None, typer.Option(min=512, metavar="N", help="Most tokens in a batch; more needs more memory.")
    ] = None,
    all_kinds: Annotated[
        bool, typer.Option("--all-kinds", help="Write headings, captions and the like too, without labels.")
    ] = False,
    min_precision: Annotated[
        float | None,
        typer.Option(metavar="P", help="Hold back labels, so that this share of the others is right: 0.95."),
    ] = None,
    crosswalk: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Add the codes of another scheme: cap, or a crosswalk file."),
    ] = None,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an unfinished run that wrote to this OUT.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first input or record that cannot be used.")
    ] = False,
    checkpoint: Annotated[
        int, typer.Option(min=1, metavar="N", help="Paragraphs that an interrupted run loses at most.")
    ] = 1984,
    engine: OnEngine = Engine.LOCAL,
    ray_address: RayAddress = None,
    actors: Actors = None,
    cpus_per_actor: CpusPerActor = None,
    gpus_per_actor: GpusPerActor = None,
) -> None:
    """Tag every paragraph with its theme and stance.

    Writes one record a body paragraph, in input order. Fields of record inputs are carried through; one
    named like a field of ours, such as the theme of a labelled file, as input_theme. CSV and Parquet have
    fixed columns, the last of which, extra, holds the carried fields as JSON.

    With --min-precision a label that is too uncertain is null and the field abstained, or stance_abstained,
    says why; the candidates stay in themes.

    A run that writes a file can be killed at any time and goes on with --resume. What cannot be read is left
    out, listed in OUT.errors.jsonl, and makes the exit code 1.

    With --engine ray the input files, Parquet too, are spread over a Ray cluster; OUT is a folder with one
    Parquet file an input. See docs/scale.md.

    \b
    Examples:
      policylens classify report.docx
      policylens classify papers/ more/*.pdf -o tags.csv
      policylens classify papers/ --min-precision 0.95 -o tags.jsonl
      policylens classify archive/ -o tags.parquet --resume
      policylens classify archive/ --engine ray --ray-address auto -o tags/
      cat report.txt | policylens classify - | jq -r .theme
    """
    from policylens.data.crosswalk import load_crosswalk
    from policylens.infer import Classifier, pipeline

    reporter: Reporter = ctx.obj
    spread = {"ray_address": ray_address, "actors": actors, "cpus_per_actor": cpus_per_actor}
    backend_name = backend.value if backend else None
    if engine is Engine.RAY:
        from policylens.infer.cluster import Work

        options = cluster_options(
            on_gpu=device is Device.CUDA,
            address=ray_address,
            actors=actors,
            cpus=cpus_per_actor,
            gpus=gpus_per_actor,
        )
        work = Work(model, backend_name, all_kinds, text_field, title_field, min_precision, batch_tokens)
        end = classify_on_cluster(
            out, inputs, work, options, form=form, resume=resume, strict=strict, crosswalk=crosswalk
        )
        reporter.say(end.line, level="info", event="done", **end.numbers)
        _exit_if_failed(end.failures)
        return
    check_local(**spread, gpus_per_actor=gpus_per_actor)
    form = table_format(out, form)
    reporter.errors_file = pipeline.errors_file(out)
    done = pipeline.classify_to(
        out,
        inputs,
        partial(
            Classifier.load,
            model,
            device=device.value,
            backend=backend_name,
            min_precision=min_precision,
        ),
        form=form,
        batch_tokens=batch_tokens,
        all_kinds=all_kinds,
        text_field=text_field,
        title_field=title_field,
        shard_paragraphs=checkpoint,
        resume=resume,
        crosswalk=load_crosswalk(crosswalk) if crosswalk else None,
        on_failure=pipeline.stop_at if strict else reporter.fail,
        metered=reporter.metered,
    )
    reporter.say_failures(done.failures)
    _exit_if_failed(done.failures)


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
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INPUT", help="A second set to put beside the inputs; may be given several times."
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="What to call the two sets; else by their files or folders."),
    ] = None,
    rewrite: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Word sentences anew, under guard: hf:FOLDER_OR_NAME or openai:MODEL."
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Server of openai:MODEL; its key comes from POLICYLENS_API_KEY."),
    ] = None,
    rewrite_timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Longest time for one reworded sentence, in seconds.")
    ] = 30.0,
    model: Model = None,
    device: OnDevice = Device.AUTO,
    text_field: TextField = "text",
    title_field: TitleField = "title",
) -> None:
    """Digest documents theme by theme; every sentence, figure and voice names its paragraph.

    Takes documents or what `policylens classify` wrote: records with a theme and a stance keep them, and
    if all have them no model is loaded. An html report is one page that needs no network: citations open
    their paragraph, with filters, search and a table of all figures. With --compare the inputs and a second
    set stand side by side: what is new, gone, stronger or weaker in the second one.

    With --rewrite a language model words the sentences. A rewording that has a number, date, name or claim
    that the cited paragraphs lack, or drops one, is refused and the extracted sentence stands; the report
    says how many. With openai: the cited paragraphs are sent to the server.

    \b
    Examples:
      policylens summarize report.pdf
      policylens summarize papers/ -o digest.html
      policylens summarize tags.jsonl --themes green,finance --max-chars 150
      policylens summarize 2024/ --compare 2025/ -o change.html
      policylens summarize hebei.docx --compare henan.docx --names 河北,河南 -o change.docx
      policylens summarize papers/ --rewrite openai:qwen3-8b --base-url http://localhost:8000/v1
    """
    from policylens.infer import pipeline

    reporter: Reporter = ctx.obj
    form = report_format(out, form)
    rewriter = pipeline.open_rewriter(
        rewrite, base_url=base_url, timeout_s=rewrite_timeout, device=device.value, max_chars=max_chars
    )
    with open_output(out) as stream:
        summary = pipeline.summarize_inputs(
            inputs,
            compare=compare or (),
            names=_set_names(names, compare),
            model=model,
            device=device.value,
            themes=_names(themes),
            max_chars=max_chars,
            text_field=text_field,
            title_field=title_field,
            on_failure=reporter.fail,
            track=reporter.track,
            rewrite=rewriter,
        )
        stream.write(pipeline.render(summary, form))
    _exit_if_failed(reporter.failures)


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
    _exit_if_failed(reporter.failures)


app.add_typer(taxonomy_app, name="taxonomy")
register(app)


def main() -> None:
    """Run the command line: the entry point of the `policylens` script."""
    app(prog_name="policylens")


def _exit_if_failed(failures: int) -> None:
    if failures:
        raise typer.Exit(_FAILED)


def _names(themes: str | None) -> list[str] | None:
    if themes is None:
        return None
    names = [name.strip() for name in re.split("[,，]", themes) if name.strip()]
    if not names:
        raise ConfigError(f"--themes {themes!r} names no theme; expected ids or names, e.g. --themes a,b")
    return names


def _set_names(names: str | None, compare: list[str] | None) -> tuple[str, str] | None:
    if names is None:
        return None
    both = [name.strip() for name in re.split("[,，]", names) if name.strip()]
    if not compare:
        raise ConfigError(f"--names {names!r} names two sets, but there is one; give the other by --compare")
    if len(both) != 2:
        raise ConfigError(f"--names {names!r} has {len(both)} names; expected two, e.g. --names 2024,2025")
    return both[0], both[1]


def _speak_utf8() -> None:
    """Data is UTF-8 whatever the locale says; a file name that is not can still be named in an error."""
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _set_up_logging(*, quiet: bool, verbose: int, log_json: bool) -> None:
    """Warnings by default, and what training reports as it goes."""
    levels = [logging.WARNING, logging.INFO, logging.DEBUG]
    level = logging.ERROR if quiet else levels[min(verbose, 2)]
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    if log_json:
        logging.getLogger().handlers[0].setFormatter(JsonFormatter())
    logging.getLogger("policylens").setLevel(level)
    logging.getLogger("policylens.train").setLevel(level if quiet else min(level, logging.INFO))


def _forget_stdout() -> None:
    """The reader has gone: let the interpreter's last flush go nowhere instead of into its closed pipe."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
