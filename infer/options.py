"""Arguments and options that several commands share. No heavy imports: the help needs this module."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Device(StrEnum):
    """Where the model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class BackendName(StrEnum):
    """What computes; those of `engines.backends`, which is not imported for the help."""

    OPENVINO = "openvino"
    ONNX = "onnx"
    TORCH = "torch"


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
    typer.Option("--model", metavar="FOLDER", help="Model folder that `policylens train` wrote; else ours."),
]
OnDevice = Annotated[
    Device, typer.Option("--device", help="Where the model runs; auto takes a GPU where there is one.")
]
OnBackend = Annotated[
    BackendName | None,
    typer.Option("--backend", help="Runtime that computes; else what suits the model folder and the device."),
]
TextField = Annotated[
    str, typer.Option("--text-field", metavar="FIELD", help="Field with the text, in records.")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help="Limit of one input; else file_mb=500, parsed_mb=32, pages=5000, chars=5000000, lines=200000.",
    ),
]
TitleField = Annotated[
    str, typer.Option("--title-field", metavar="FIELD", help="Field with the document's title, in records.")
]
