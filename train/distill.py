"""A student of a trained model: some of its layers, taught by its probabilities and paragraph vectors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Taxonomy
from policylens.infer.classify import Classifier
from policylens.models.bundle import TAXONOMY_FILE
from policylens.models.classifier import ALSO, STANCE, THEME
from policylens.train.encoder import base_folder

logger = logging.getLogger(__name__)

# Beside the checkpoints: a resumed run does not ask the teacher again.
TEACHING_FILE = "teaching.safetensors"
VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Teaching:
    """What a teacher says of each training row.

    Attributes:
        targets: Head name -> its probabilities, float32 `[n_rows, n_labels]`; no stance head where the
            teacher has none.
        vectors: What the teacher's heads read, float32 `[n_rows, hidden]`.
        shares: Weight of the teacher in the target of each row, `[n_rows]`; its own labels have the rest.
    """

    targets: dict[str, NDArray[np.float32]]
    vectors: NDArray[np.float32]
    shares: NDArray[np.float32]

    def blend(self, own: dict[str, Tensor], row: int) -> dict[str, Tensor]:
        """The targets of a row: its labels' mixed with the teacher's, and the vector to come close to.

        Args:
            own: What `TargetBuilder.build` made of the labels.
            row: Number of the row.
        """
        share = float(self.shares[row])
        mixed = {
            head: torch.lerp(own[head], torch.from_numpy(values[row]), share)
            for head, values in self.targets.items()
        }
        return own | mixed | {VECTOR: torch.from_numpy(self.vectors[row])}


def teach(
    rows: Sequence[LabelledParagraph],
    unlabelled: Sequence[Paragraph],
    *,
    teacher: str,
    taxonomy: Taxonomy,
    share: float,
    folder: Path,
    device: str,
) -> tuple[list[LabelledParagraph], Teaching]:
    """Asks the teacher about labelled and unlabelled paragraphs, each with its whole context.

    Args:
        rows: Labelled rows; of their targets the teacher gets `share`.
        unlabelled: Paragraphs of whose targets the teacher gets all.
        teacher: Folder of a trained model.
        taxonomy: Labels of the student.
        share: Between 0 and 1.
        folder: Where the answers are kept for a resumed run.
        device: "auto", "cpu" or "cuda".

    Returns:
        All rows, the unlabelled ones with the teacher's labels, and what the teacher says of each.

    Raises:
        ConfigError: The teacher has other labels.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; the vector is the last-layer
    form of Sun et al., "Patient Knowledge Distillation for BERT", EMNLP 2019.
    """
    classifier = Classifier.load(teacher, device=device, vectors=True)
    labels = classifier.taxonomy
    if (labels.theme_ids, labels.stance_ids) != (taxonomy.theme_ids, taxonomy.stance_ids):
        raise ConfigError(
            f"teacher {teacher!r} has other labels than the data; expected the same ids in the same order"
        )
    paragraphs = [*(row.paragraph for row in rows), *unlabelled]
    targets, vectors = _answers(classifier, paragraphs, folder / TEACHING_FILE)
    shares = np.array([share] * len(rows) + [1.0] * len(unlabelled), np.float32)
    teaching = Teaching(targets, vectors, shares)
    return [*rows, *_labelled(unlabelled, targets, labels, first=len(rows))], teaching


def taxonomy_of(teacher: str) -> Path | None:
    """The file with a teacher's labels, which are its student's too; None without a teacher."""
    return Path(base_folder(teacher)) / TAXONOMY_FILE if teacher else None


def vector_loss(vectors: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared distance to the teacher's vectors as a share of their squared length, scalar.

    Args:
        vectors: Of the student, `[batch, hidden]`.
        wanted: Of the teacher, `[batch, hidden]`.
    """
    return ((vectors - wanted).square().sum(1) / wanted.square().sum(1)).mean()


def _answers(
    classifier: Classifier, paragraphs: list[Paragraph], path: Path
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    from safetensors.numpy import load_file, save_file

    if path.is_file():
        kept = load_file(path)
        return {name: values for name, values in kept.items() if name != VECTOR}, kept[VECTOR]
    logger.info("asking the teacher about %d paragraphs", len(paragraphs))
    found = list(classifier.embed(paragraphs))
    vectors = np.stack([vector for _, _, vector in found])
    targets = {
        THEME: np.stack([said.theme for _, said, _ in found]),
        ALSO: np.stack([said.also for _, said, _ in found]),
    }
    if classifier.taxonomy.stances:
        targets[STANCE] = np.stack([said.stance for _, said, _ in found])
    save_file({**targets, VECTOR: vectors}, path)
    return targets, vectors


def _labelled(
    paragraphs: Sequence[Paragraph], targets: dict[str, NDArray[np.float32]], labels: Taxonomy, *, first: int
) -> list[LabelledParagraph]:
    themes = targets[THEME][first:].argmax(1)
    stances = targets[STANCE][first:].argmax(1) if labels.stances else None
    return [
        LabelledParagraph(
            paragraph,
            theme=labels.theme_ids[themes[at]],
            stance="" if stances is None else labels.stance_ids[stances[at]],
        )
        for at, paragraph in enumerate(paragraphs)
    ]
