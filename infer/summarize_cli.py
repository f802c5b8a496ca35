"""The command `summarize`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from policylens.data.errors import ConfigError
from policylens.infer.exit_codes import exit_if_failed
from policylens.infer.options import Device, Inputs, Limit, Model, OnDevice, Out, TextField, TitleField
from policylens.infer.streams.formats import ReportFormat, report_format
from policylens.infer.streams.reporter import Reporter


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
    limit: Limit = None,
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
    """  # noqa: D301 - a backspace
    from policylens.data.limits import parse_limits
    from policylens.infer import pipeline
    from policylens.infer.streams.output import open_output

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
            themes=_theme_names(themes),
            max_chars=max_chars,
            text_field=text_field,
            title_field=title_field,
            limits=parse_limits(limit or ()),
            on_failure=reporter.fail,
            track=reporter.track,
            rewrite=rewriter,
        )
        stream.write(pipeline.render(summary, form))
    exit_if_failed(reporter.failures)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in re.split("[,，]", text) if name.strip()]


def _theme_names(themes: str | None) -> list[str] | None:
    if themes is None:
        return None
    names = _listed(themes)
    if not names:
        raise ConfigError(f"--themes {themes!r} names no theme; expected ids or names, e.g. --themes a,b")
    return names


def _set_names(names: str | None, compare: list[str] | None) -> tuple[str, str] | None:
    if names is None:
        return None
    both = _listed(names)
    if not compare:
        raise ConfigError(f"--names {names!r} names two sets, but there is one; give the other by --compare")
    if len(both) != 2:
        raise ConfigError(f"--names {names!r} has {len(both)} names; expected two, e.g. --names 2024,2025")
    return both[0], both[1]
