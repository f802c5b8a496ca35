"""A model without a single labelled paragraph: each label is a point, the nearest one wins.

The points are what the encoder makes of the taxonomy file: name, definition and typical words of a label, and
its examples if it has some.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np

from policylens.data.errors import ConfigError
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.models.bundle import Bundle
from policylens.models.config import ModelConfig
from policylens.train.config import TRAINING_FILE, TrainConfig, dump_train_config
from policylens.train.frozen import FrozenEncoder, with_base
from policylens.train.heads import Floats, LinearHead

logger = logging.getLogger(__name__)

Embed = Callable[[Iterable[Paragraph]], Floats]

# Cosines are turned into logits by this factor.
_SCALE = 8.0
# Logit of every secondary theme: nothing in a definition says which themes go together.
_NO_ALSO = -10.0


def train_prototypes(
    output: Path, *, taxonomy: Taxonomy, config: TrainConfig, device: str = "auto"
) -> Bundle:
    """Makes heads of the definitions and writes a model folder like any other.

    Probabilities are not calibrated, since there is nothing to calibrate on: `policylens calibrate` does it
    with a few hundred labelled paragraphs.

    Args:
        output: Model folder to write.
        taxonomy: Labels with definitions.
        config: `base` and `max_tokens` are used.
        device: Where the encoder runs: "auto", "cpu" or "cuda".

    Raises:
        ConfigError: The taxonomy has a single theme, or a setting does not fit the encoder or the device.
    """
    if len(taxonomy.themes) < 2:
        raise ConfigError(f"taxonomy {taxonomy.name!r} has one theme; there is nothing to tell apart")
    config = with_base(config, taxonomy)
    with tempfile.TemporaryDirectory() as folder:
        encoder = FrozenEncoder(config, taxonomy, Path(folder), device=device)
        heads = {
            "theme": prototype_head(encoder.embed, taxonomy.themes),
            "also": _never(len(taxonomy.themes), encoder.hidden),
        }
        if taxonomy.stances:
            heads["stance"] = prototype_head(encoder.embed, taxonomy.stances)
        settings = ModelConfig(
            base=config.base,
            max_tokens=config.max_tokens,
            context=config.context,
            package_version=version("policylens"),
        )
        bundle = encoder.save(output, settings, heads=heads)
    (output / TRAINING_FILE).write_text(dump_train_config(config), encoding="utf-8")
    return bundle


def prototype_head(embed: Embed, labels: Sequence[Label]) -> LinearHead:
    """The head whose logits are cosines to the labels, times a factor.

    Vectors of an encoder lie close together, all in one direction: cosines are taken from the middle of the
    labels. A linear head cannot divide by the length of the paragraph's vector; that length is the same for
    all labels, so the order of the labels is that of the cosines, and the mean length stands for it.

    Args:
        embed: Gives the vectors of paragraphs, `[n, hidden]`.
        labels: At least two.

    Raises:
        ConfigError: Labels that the encoder cannot tell apart.
    """
    described = [label_texts(label) for label in labels]
    if bare := [label.id for label in labels if not (label.definition or label.include or label.examples)]:
        logger.warning("no definition, typical words or examples, only a name: %s", ", ".join(bare))
    flat = [text for texts in described for text in texts]
    vectors = embed(Paragraph("taxonomy", at + 1, "body", text) for at, text in enumerate(flat))
    starts = np.cumsum([0, *(len(texts) for texts in described)])
    return head_of_points(np.stack([vectors[a:b].mean(0) for a, b in pairwise(starts)]))


def head_of_points(points: Floats) -> LinearHead:
    """The head of labels that are points, `[n_labels, hidden]`.

    Raises:
        ConfigError: Two points are the same.
    """
    middle = points.mean(0)
    away = points - middle
    lengths = np.linalg.norm(away, axis=1, keepdims=True)
    if not lengths.all() or len(np.unique(points, axis=0)) < len(points):
        raise ConfigError("two labels of the taxonomy read the same; give each its own definition")
    weight = (_SCALE * away / lengths / lengths.mean()).astype(np.float32)
    return LinearHead(weight, (-weight @ middle).astype(np.float32))


def label_texts(label: Label) -> list[str]:
    """What a label's point is the mean of: its description, then each of its examples."""
    name = label.name_zh if label.name_en in ("", label.id) else f"{label.name_zh}（{label.name_en}）"
    description = f"{name}：{label.definition}" if label.definition else name
    words = "、".join(label.include)
    return [f"{description}{words}", *label.examples]


def _never(n_labels: int, hidden: int) -> LinearHead:
    return LinearHead(np.zeros((n_labels, hidden), np.float32), np.full(n_labels, _NO_ALSO, np.float32))
