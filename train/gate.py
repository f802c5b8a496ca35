"""What an export loses against the float model, and the gate that refuses one that loses too much."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from policylens import data as data_module
from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.infer.engines.backends import OpenVinoBackend
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.export import load_export, save_export, write_export
from policylens.train.evaluation.metrics import macro_f1

logger = logging.getLogger(__name__)

# What a model with the shipped labels is measured on. The shipped model has learned from train.jsonl and
# dev.jsonl and may know their labels by heart; from test.jsonl it has not.
SHIPPED_ROWS = Path(data_module.__file__).parent / "labeled" / "test.jsonl"
# Points of macro-F1 that an export may lose unless more is allowed.
ALLOWED_LOSS = 0.5


@dataclass(frozen=True, slots=True)
class HeadLoss:
    """What one head loses.

    Attributes:
        head: "theme" or "stance".
        n: How many labelled paragraphs it was measured on.
        agreement: Share of them with the same label from both forms, in [0, 1].
        macro_f1_float: Of the float model, in [0, 1].
        macro_f1: Of the export.
    """

    head: str
    n: int
    agreement: float
    macro_f1_float: float
    macro_f1: float

    @property
    def loss(self) -> float:
        """Points of macro-F1 lost; negative where the export is better."""
        return 100 * (self.macro_f1_float - self.macro_f1)


@dataclass(frozen=True, slots=True)
class GateReport:
    """What was measured and allowed.

    Attributes:
        data: Names of the labelled files.
        heads: The heads.
        allowed_loss: Points of macro-F1 that each head may lose.
    """

    data: tuple[str, ...]
    heads: tuple[HeadLoss, ...]
    allowed_loss: float = ALLOWED_LOSS

    @property
    def too_much(self) -> tuple[HeadLoss, ...]:
        """The heads that lose more than is allowed."""
        return tuple(head for head in self.heads if head.loss > self.allowed_loss + 1e-9)

    @property
    def lines(self) -> list[str]:
        """One line a head, e.g. "theme: 99.4 % of 314 labels as in float, macro-F1 80.31 -> 80.12"."""
        return [
            f"{head.head}: {100 * head.agreement:.1f} % of {head.n} labels as in float, macro-F1 "
            f"{100 * head.macro_f1_float:.2f} -> {100 * head.macro_f1:.2f}"
            for head in self.heads
        ]


def export_model(
    bundle: Bundle,
    folder: Path,
    rows: Sequence[LabelledParagraph],
    *,
    backend: str,
    precision: str,
    data: Sequence[str] = (),
    allowed_loss: float = ALLOWED_LOSS,
) -> GateReport:
    """Writes a folder for one CPU runtime if it loses no more than allowed against the float model.

    Args:
        bundle: A model folder with weights.
        folder: Where to write; must be empty or not there.
        rows: Labelled paragraphs, read with the model's taxonomy.
        backend: "openvino" or "onnx".
        precision: "int8", "bf16" or "fp32".
        data: Names of the files that the rows are from, for the record.
        allowed_loss: Points of macro-F1 that each head may lose; kept in the folder's `export.json`.

    Raises:
        ConfigError: It loses more, the folder holds something, there are no rows, or no such export exists.
    """
    if not rows:
        raise ConfigError("there are no labelled paragraphs to measure the export on; give some with --data")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty; export into a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        write_export(bundle, part, backend=backend, precision=precision)
        report = measure_loss(bundle, open_bundle(part), rows, data=data, allowed_loss=allowed_loss)
        for line in report.lines:
            logger.info("%s", line)
        if report.too_much:
            raise ConfigError(_refusal(report))
        if (export := load_export(part)) is not None:
            save_export(replace(export, gate=_record(report)), part)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return report


def measure_loss(
    bundle: Bundle,
    exported: Bundle,
    rows: Sequence[LabelledParagraph],
    *,
    data: Sequence[str] = (),
    allowed_loss: float = ALLOWED_LOSS,
) -> GateReport:
    """Labels the rows with both forms.

    Args:
        bundle: The model, run in float32.
        exported: The export, run as it will be.
        rows: Labelled paragraphs.
        data: Names of their files.
        allowed_loss: See `GateReport`.
    """
    plain = _labels(Classifier(bundle, OpenVinoBackend(bundle, precision="fp32")), rows)
    other = _labels(Classifier.load(exported.folder, device="cpu"), rows)
    gold = {
        "theme": (bundle.taxonomy.theme_ids, [row.theme for row in rows]),
        "stance": (bundle.taxonomy.stance_ids, [row.stance for row in rows]),
    }
    heads = tuple(
        _head_loss(name, label_ids, labels, plain[name], other[name])
        for name, (label_ids, labels) in gold.items()
        if label_ids and any(labels)
    )
    return GateReport(tuple(data), heads, allowed_loss)


def _labels(classifier: Classifier, rows: Sequence[LabelledParagraph]) -> dict[str, list[str]]:
    tagged = list(classifier.classify([row.paragraph for row in rows]))
    return {"theme": [item.theme for item in tagged], "stance": [item.stance for item in tagged]}


def _head_loss(
    head: str, label_ids: Sequence[str], gold: Sequence[str], plain: Sequence[str], other: Sequence[str]
) -> HeadLoss:
    """Over the rows that have a label for this head."""
    number = {label: at for at, label in enumerate(label_ids)}
    kept = [at for at, label in enumerate(gold) if label]
    right, a, b = (np.array([number[names[at]] for at in kept], np.int64) for names in (gold, plain, other))
    return HeadLoss(head, len(kept), float((a == b).mean()), macro_f1(right, a), macro_f1(right, b))


def _refusal(report: GateReport) -> str:
    lost = "; ".join(
        f"{head.head} loses {head.loss:.2f} points of macro-F1 on {head.n} paragraphs"
        for head in report.too_much
    )
    return (
        f"nothing is written: {lost}, allowed are {report.allowed_loss:g}. Export a higher precision, or "
        f"allow the loss with --allow-loss {max(head.loss for head in report.too_much) + 0.01:.2f}"
    )


def _record(report: GateReport) -> dict[str, Any]:
    """The report as JSON, with what is allowed beyond the usual said in the open."""
    heads = [{**asdict(head), "loss_points": round(head.loss, 3)} for head in report.heads]
    usual = ALLOWED_LOSS
    return {
        "data": list(report.data),
        "allowed_loss_points": report.allowed_loss,
        "usual_allowed_loss_points": usual,
        "loses_more_than_usual": any(head.loss > usual for head in report.heads),
        "heads": heads,
    }
