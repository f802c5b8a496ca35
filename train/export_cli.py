"""The command `export`. Only light imports here: heavy ones stand inside the function."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from policylens.data.errors import ConfigError
from policylens.infer.streams.reporter import Reporter


class ExportBackend(StrEnum):
    """Runtime that the folder is for."""

    OPENVINO = "openvino"
    ONNX = "onnx"


class Precision(StrEnum):
    """What the matrix products are computed in."""

    INT8 = "int8"
    BF16 = "bf16"
    FP32 = "fp32"


def export(
    ctx: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", "--output", "-o", metavar="FOLDER", help="New folder to write.")
    ],
    backend: Annotated[
        ExportBackend, typer.Option(help="Runtime; onnx needs the extra [onnx].")
    ] = ExportBackend.OPENVINO,
    precision: Annotated[
        Precision, typer.Option(help="Precision of the matrix products; bf16 is for openvino only.")
    ] = Precision.INT8,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Model folder with weights; default: the shipped one."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Labelled rows to measure on; else the shipped test rows."),
    ] = None,
    allow_loss: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="X",
            help="Points of macro-F1 that may be lost.  [default: 0.5]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a model as a graph for one CPU runtime, if it loses next to nothing by it.

    Labels the rows with the float model and with the export. An export whose macro-F1 for themes or for
    stances is more than half a point lower is refused; --allow-loss allows more, and export.json in the
    folder says so. The folder runs with `policylens classify --model FOLDER`.

    \b
    Examples:
      policylens export -o policy-zh-int8
      policylens export --backend onnx -o policy-zh-onnx
      policylens export --model my-model --data held_out.jsonl --precision fp32 -o my-model-fp32
    """
    from policylens.data.taxonomy import load_taxonomy
    from policylens.models.bundle import open_bundle
    from policylens.train.gate import ALLOWED_LOSS, SHIPPED_ROWS, export_model
    from policylens.train.task import Fields, read_rows

    bundle = open_bundle(model)
    files = data or [SHIPPED_ROWS]
    if not data and bundle.taxonomy.theme_ids != load_taxonomy().theme_ids:
        raise ConfigError(
            f"{bundle.folder} has other themes than the shipped rows; give labelled rows of yours with --data"
        )
    stance = "stance" if bundle.taxonomy.stances else None
    rows = read_rows(files, Fields(stance=stance), taxonomy=bundle.taxonomy)
    report = export_model(
        bundle,
        out,
        rows,
        backend=backend.value,
        precision=precision.value,
        data=[path.name for path in files],
        allowed_loss=ALLOWED_LOSS if allow_loss is None else allow_loss,
    )
    reporter: Reporter = ctx.obj
    for line in report.lines:
        reporter.note(line)
    reporter.note("wrote {path}", path=out)
