"""What training in a hurry costs: `train --mode linear` and `--mode prototypes`, scored on other documents.

    python benchmarks/linear.py --data rows.jsonl --test held_out.jsonl [--base policy-zh] [--sizes 0,2000]

Size 0 is prototypes: no labelled row at all. The other sizes are the first so many of the rows in a random
order. Intervals are 95 % bootstrap over the test rows. Where the base has been fine-tuned on these very
labels (policy-zh on its own training rows), the numbers say how little the heads lose, not what another
taxonomy gets.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from embeddings import cached_vectors

from policylens.data.labels import LabelledParagraph, read_labelled
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Taxonomy, load_taxonomy
from policylens.infer.classify import softmax
from policylens.train.config import TrainConfig
from policylens.train.evaluation.metrics import expected_calibration_error, macro_f1
from policylens.train.heads import LinearHead
from policylens.train.linear import fit_heads
from policylens.train.prototypes import prototype_head

_SEED = 5
_BOOTSTRAPS = 1000


def interval(gold: NDArray[np.int64], found: NDArray[np.int64]) -> str:
    """Accuracy and macro-F1 in percent with their intervals."""
    draws = np.random.default_rng(0).integers(0, len(gold), (_BOOTSTRAPS, len(gold)))
    shown = []
    for name, measure in (("accuracy", lambda a, b: float((a == b).mean())), ("macro-F1", macro_f1)):
        low, high = np.percentile([measure(gold[at], found[at]) for at in draws], [2.5, 97.5])
        shown.append(f"{name} {100 * measure(gold, found):.1f} ({100 * low:.1f}-{100 * high:.1f})")
    return ", ".join(shown)


def report(
    heads: dict[str, LinearHead],
    temperatures: dict[str, float],
    vectors: NDArray[np.float32],
    rows: Sequence[LabelledParagraph],
    taxonomy: Taxonomy,
) -> None:
    """Prints the scores of both heads."""
    for head, ids in (("theme", taxonomy.theme_ids), ("stance", taxonomy.stance_ids)):
        gold = np.array([ids.index(getattr(row, head)) for row in rows])
        probabilities = softmax(heads[head].logits(vectors) / temperatures.get(head, 1.0))
        best = probabilities.argmax(1)
        error = expected_calibration_error(best == gold, probabilities.max(1))
        print(f"  {head}: {interval(gold, best)}, calibration error {error:.3f}", flush=True)  # noqa: T201


def main() -> None:
    """Parse, embed, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--base", default="policy-zh")
    parser.add_argument("--sizes", default="0,200,500,1000,2000")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/policylens-vectors"))
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    taxonomy = load_taxonomy()
    test = read_labelled(options.test, taxonomy=taxonomy)
    held_out = {row.paragraph.doc for row in test}
    rows = [
        row for row in read_labelled(options.data, taxonomy=taxonomy) if row.paragraph.doc not in held_out
    ]
    rows = random.Random(_SEED).sample(rows, min(max(sizes), len(rows)))

    def embed(paragraphs: Iterable[Paragraph]) -> NDArray[np.float32]:
        labelled = [LabelledParagraph(paragraph, "") for paragraph in paragraphs]
        return cached_vectors(labelled, taxonomy, base=options.base, cache=options.cache)

    tested, vectors = embed(row.paragraph for row in test), embed(row.paragraph for row in rows)
    for size in sizes:
        began = time.perf_counter()
        if size == 0:
            heads = {
                "theme": prototype_head(embed, taxonomy.themes),
                "stance": prototype_head(embed, taxonomy.stances),
            }
            temperatures: dict[str, float] = {}
        else:
            fitted = fit_heads(
                vectors[:size], rows[:size], taxonomy=taxonomy, config=TrainConfig(mode="linear")
            )
            heads, temperatures = dict(fitted.heads), dict(fitted.calibration.temperatures)
        seconds = time.perf_counter() - began
        print(f"{options.base}, {size} rows, {len(test)} tested, fitted in {seconds:.1f} s")  # noqa: T201
        report(heads, temperatures, tested, test, taxonomy)


if __name__ == "__main__":
    main()
