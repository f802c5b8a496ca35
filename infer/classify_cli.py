"""The command `classify`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from policylens.infer.engine_cli import (
    Actors,
    CpusPerActor,
    Engine,
    GpusPerActor,
    OnEngine,
    RayAddress,
    Spread,
    check_local,
    classify_on_cluster,
    cluster_options,
)
from policylens.infer.exit_codes import exit_if_failed
from policylens.infer.options import (
    BackendName,
    Device,
    Inputs,
    Limit,
    Model,
    OnBackend,
    OnDevice,
    Out,
    TextField,
    TitleField,
)
from policylens.infer.streams.formats import TableFormat, table_format
from policylens.infer.streams.reporter import Reporter


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is read: the options of that name."""

    inputs: list[str]
    text_field: str
    title_field: str
    all_kinds: bool
    limit: list[str]


@dataclass(frozen=True, slots=True)
class _Tagging:
    """What tags: the options of that name."""

    model: str | None
    device: Device
    backend: BackendName | None
    batch_tokens: int | None
    min_precision: float | None
    crosswalk: str | None


@dataclass(frozen=True, slots=True)
class _Writing:
    """Where rows go and how a run ends: the options of that name."""

    out: Path | None
    form: TableFormat | None
    resume: bool
    strict: bool
    checkpoint: int


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
    limit: Limit = None,
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
    """  # noqa: D301 - a backspace
    reporter: Reporter = ctx.obj
    reading = _Reading(inputs, text_field, title_field, all_kinds, limit or [])
    tagging = _Tagging(model, device, backend, batch_tokens, min_precision, crosswalk)
    writing = _Writing(out, form, resume, strict, checkpoint)
    spread = Spread(ray_address, actors, cpus_per_actor, gpus_per_actor)
    if engine is Engine.RAY:
        failures = _classify_on_ray(reporter, reading, tagging, writing, spread)
    else:
        check_local(spread)
        failures = _classify_here(reporter, reading, tagging, writing)
    exit_if_failed(failures)


def _classify_here(reporter: Reporter, reading: _Reading, tagging: _Tagging, writing: _Writing) -> int:
    """Tags on this machine; gives the number of failures."""
    from policylens.data.crosswalk import load_crosswalk
    from policylens.data.limits import parse_limits
    from policylens.infer import Classifier, pipeline

    form = table_format(writing.out, writing.form)
    reporter.errors_file = pipeline.errors_file(writing.out)
    load = partial(
        Classifier.load,
        tagging.model,
        device=tagging.device.value,
        backend=tagging.backend.value if tagging.backend else None,
        min_precision=tagging.min_precision,
    )
    done = pipeline.classify_to(
        writing.out,
        reading.inputs,
        load,
        form=form,
        batch_tokens=tagging.batch_tokens,
        all_kinds=reading.all_kinds,
        text_field=reading.text_field,
        title_field=reading.title_field,
        shard_paragraphs=writing.checkpoint,
        resume=writing.resume,
        crosswalk=load_crosswalk(tagging.crosswalk) if tagging.crosswalk else None,
        limits=parse_limits(reading.limit),
        on_failure=pipeline.stop_at if writing.strict else reporter.fail,
        metered=reporter.metered,
    )
    reporter.say_failures(done.failures)
    return done.failures


def _classify_on_ray(
    reporter: Reporter, reading: _Reading, tagging: _Tagging, writing: _Writing, spread: Spread
) -> int:
    """Tags on a cluster; gives the number of failures."""
    from policylens.infer.shards import Work

    work = Work(
        tagging.model,
        tagging.backend.value if tagging.backend else None,
        reading.all_kinds,
        reading.text_field,
        reading.title_field,
        tagging.min_precision,
        tagging.batch_tokens,
        tuple(reading.limit),
    )
    end = classify_on_cluster(
        writing.out,
        reading.inputs,
        work,
        cluster_options(spread, on_gpu=tagging.device is Device.CUDA),
        form=writing.form,
        resume=writing.resume,
        strict=writing.strict,
        crosswalk=tagging.crosswalk,
    )
    reporter.say(end.line, level="info", event="done", **end.numbers)
    return end.failures
