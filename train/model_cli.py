"""The commands `compare` and `model info`. Only light imports here: heavy ones stand inside the functions."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from policylens.data.errors import ConfigError

if TYPE_CHECKING:
    from policylens.models.inspect import ModelInfo

_NO_FIELD = "none"

model = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a model folder holds.")


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class BackendName(StrEnum):
    """What computes."""

    openvino = "openvino"
    torch = "torch"


class Form(StrEnum):
    """How a comparison is written."""

    md = "md"
    json = "json"


class InfoForm(StrEnum):
    """How a model is described."""

    text = "text"
    json = "json"


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Model folder in use; 'shipped' for ours.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Model folder that may replace it.")],
    data: Annotated[
        list[Path], typer.Option("--data", help="Labelled rows that neither was trained on; may be repeated.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File (.md or .json) to write.")
    ] = None,
    form: Annotated[Form | None, typer.Option("--format", help="Default: by the suffix, else md.")] = None,
    device: Annotated[Device, typer.Option(help="auto takes a GPU where there is one.")] = Device.auto,
    backend: Annotated[BackendName | None, typer.Option(help="Default: what suits the device.")] = None,
    text_field: Annotated[str, typer.Option(help="Field of the paragraph.")] = "text",
    title_field: Annotated[str, typer.Option(help="Field of the document title.")] = "title",
    context_field: Annotated[
        str | None, typer.Option(help="Field shown to the models before the paragraph; replaces the title.")
    ] = None,
    theme_field: Annotated[str, typer.Option(help="Field of the theme, or of the only label.")] = "theme",
    stance_field: Annotated[str, typer.Option(help="Field of the stance; none for one label.")] = "stance",
) -> None:
    """Compare two models on the same labelled paragraphs: better, same or worse, and where.

    The verdict is better or worse only where the paired bootstrap interval of the accuracy gain excludes 0
    and the exact McNemar test agrees at the 5 % level; worse in one head is worse.
    """
    from policylens.infer.classify import Classifier
    from policylens.infer.streams.output import open_output
    from policylens.train.evaluation.compare import compare_models, to_json, to_markdown
    from policylens.train.task import Fields, read_rows

    chosen = _form(output, form)
    stance = None if stance_field == _NO_FIELD else stance_field
    fields = Fields(
        text=text_field, title=title_field, context=context_field, theme=theme_field, stance=stance
    )
    loaded = [
        Classifier.load(None if name == "shipped" else name, device=device, backend=backend)
        for name in (old, new)
    ]
    rows = read_rows(data, fields, taxonomy=loaded[1].taxonomy)
    comparison = compare_models(loaded[0], loaded[1], rows)
    text = to_json(comparison) if chosen is Form.json else to_markdown(comparison)
    with open_output(output) as stream:
        stream.write(text.encode())


@model.command("info")
def info(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", show_default=False, help="Model folder; default: ours.")
    ] = None,
    form: Annotated[InfoForm, typer.Option("--format", help="Output format.")] = InfoForm.text,
) -> None:
    """Print what a model folder holds, and refuse one whose parts do not fit together."""
    import json

    from policylens.models.inspect import inspect_model

    found = inspect_model(folder)
    if form is InfoForm.json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(_info_lines(found)))


def _info_lines(found: ModelInfo) -> list[str]:
    config, encoder = found.config, found.encoder
    context = _pairs(config["context"]).replace("_chars", "")
    rows = [
        ("folder", found.folder),
        ("taxonomy", f"{found.taxonomy}: {len(found.themes)} themes, {len(found.stances)} stances"),
        ("themes", ", ".join(found.themes)),
        ("stances", ", ".join(found.stances) or "none"),
        ("base", str(config["base"])),
        (
            "encoder",
            f"{encoder['model_type']}, {encoder['num_hidden_layers']} layers of {encoder['hidden_size']}, "
            f"{encoder['vocab_size']:,} pieces; {found.parameters / 1e6:.1f} M weights, "
            f"{', '.join(found.dtypes)}{', int8 ranges' if found.int8 else ''}",
        ),
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


def _form(output: Path | None, chosen: Form | None) -> Form:
    """The format asked for, else that of the file's suffix, else Markdown.

    Raises:
        ConfigError: The suffix names another format, or none.
    """
    if output is None or str(output) == "-":
        return chosen or Form.md
    suffix = output.suffix.lower().removeprefix(".")
    if suffix not in list(Form) or (chosen is not None and chosen != suffix):
        wanted = f".{chosen}" if chosen else " or ".join(f".{form}" for form in Form)
        raise ConfigError(f"cannot write {output}: expected a name that ends in {wanted}")
    return Form(suffix)
