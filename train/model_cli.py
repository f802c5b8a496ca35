"""The commands `compare` and `model info`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from policylens.infer.options import Device, OnBackend, OnDevice, TextField, TitleField
from policylens.train.options import (
    ContextField,
    Data,
    OnScoreFormat,
    ScoreFormat,
    ScoresOut,
    StanceField,
    ThemeField,
    named_fields,
    score_format,
)

if TYPE_CHECKING:
    from policylens.models.inspect import ModelInfo

model = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a model folder holds.")


class InfoForm(StrEnum):
    """How a model is described."""

    TEXT = "text"
    JSON = "json"


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Model folder in use; 'shipped' for ours.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Model folder that may replace it.")],
    data: Data,
    out: ScoresOut = None,
    form: OnScoreFormat = None,
    device: OnDevice = Device.AUTO,
    backend: OnBackend = None,
    text_field: TextField = "text",
    title_field: TitleField = "title",
    context_field: ContextField = None,
    theme_field: ThemeField = "theme",
    stance_field: StanceField = "stance",
) -> None:
    """Compare two models on the same labelled paragraphs: better, same or worse, and where.

    The verdict is better or worse only where the paired bootstrap interval of the accuracy gain excludes 0
    and the exact McNemar test agrees at the 5 % level; worse in one head is worse.

    \b
    Examples:
      policylens compare shipped my-model --data labelled.jsonl
      policylens compare model-1 model-2 --data labelled.jsonl -o change.md
    """  # noqa: D301 - a backspace
    from policylens.infer.classify import Classifier
    from policylens.infer.streams.output import open_output
    from policylens.train.evaluation.compare import compare_models, to_json, to_markdown
    from policylens.train.task import read_rows

    form = score_format(out, form)
    fields = named_fields(text_field, title_field, context_field, theme_field, stance_field)
    before, after = (
        Classifier.load(None if name == "shipped" else name, device=device, backend=backend)
        for name in (old, new)
    )
    comparison = compare_models(before, after, read_rows(data, fields, taxonomy=after.taxonomy))
    text = to_json(comparison) if form is ScoreFormat.JSON else to_markdown(comparison)
    with open_output(out) as stream:
        stream.write(text.encode())


@model.command("info")
def info(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", show_default=False, help="Model folder; default: ours.")
    ] = None,
    form: Annotated[InfoForm, typer.Option("--format", help="Output format.")] = InfoForm.TEXT,
) -> None:
    """Print what a model folder holds, and refuse one whose parts do not fit together.

    \b
    Example:
      policylens model info my-model
    """  # noqa: D301 - a backspace
    import json

    from policylens.models.inspect import inspect_model

    found = inspect_model(folder)
    if form is InfoForm.JSON:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(_info_lines(found)))


def _info_lines(found: ModelInfo) -> list[str]:
    config = found.config
    context = _pairs(config["context"]).replace("_chars", "")
    rows = [
        ("folder", found.folder),
        ("taxonomy", f"{found.taxonomy}: {len(found.themes)} themes, {len(found.stances)} stances"),
        ("themes", ", ".join(found.themes)),
        ("stances", ", ".join(found.stances) or "none"),
        ("base", str(config["base"])),
        ("encoder", _encoder_line(found)),
        ("window", f"{config['max_tokens']} tokens; context {context} characters"),
        ("temperatures", _pairs(config["temperatures"]) or "none"),
        ("also themes", f"from {config['also_threshold']:.3g}"),
        *_promises(config.get("abstention") or {}),
        ("trained with", _pairs(found.settings) or "not recorded"),
        *((f"trained on {name}", digest) for name, digest in config["trained_on"].items()),
        *((f"calibrated on {name}", digest) for name, digest in (config.get("calibrated_on") or {}).items()),
        *((f"{head} scores", _pairs(scores)) for head, scores in found.metrics.items()),
        ("written by", f"policylens {config['package_version'] or '(unknown)'}"),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    lines += ["", f"{'bytes':>12}  {'sha256':<64}  file"]
    for file in found.files:
        note = "" if file.read else "  (never read)"
        lines.append(f"{file.size:>12,}  {file.sha256}  {file.name}{note}")
    return lines


def _encoder_line(found: ModelInfo) -> str:
    """Size of the encoder, and what holds it: weights, or a graph of them."""
    encoder = found.encoder
    size = (
        f"{encoder['model_type']}, {encoder['num_hidden_layers']} layers of {encoder['hidden_size']}, "
        f"{encoder['vocab_size'] or 0:,} pieces"
    )
    if found.export is not None:
        return (
            f"{size}; graph for {found.export.backend} in {found.export.precision}, of {found.export.source}"
        )
    weights = f"{(found.parameters or 0) / 1e6:.1f} M weights, {', '.join(found.dtypes)}"
    return f"{size}; {weights}{', int8 ranges' if found.int8 else ''}"


def _promises(abstention: dict[str, list[dict[str, float]]]) -> list[tuple[str, str]]:
    return [
        (
            f"{head} abstains",
            ", ".join(
                f"{promise['precision']:.0%} right from {promise['confidence']:.3f}" for promise in promises
            ),
        )
        for head, promises in abstention.items()
    ]


def _pairs(values: object) -> str:
    if not isinstance(values, dict):
        return str(values)
    return ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in values.items()
    )
