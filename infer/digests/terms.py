"""Paragraphs as vectors of the character pairs that tell them apart, for sub-topics and headlines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from policylens.infer.digests.scoring import bigrams

Array = npt.NDArray[np.float64]


class Terms:
    """Weighs the character pairs of texts by how many of the texts have them (tf-idf, rows of length 1).

    Args:
        texts: The paragraphs. A pair that only one of them has cannot join it to another one and is left out.

    Attributes:
        rows: One sparse row per text: pair -> weight.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Read all texts."""
        counts = [Counter(bigrams(text)) for text in texts]
        seen = Counter(pair for count in counts for pair in count)
        self._rarity = {pair: math.log(1 + len(texts) / n) for pair, n in seen.items() if n > 1}
        self.rows: list[Mapping[str, float]] = [self._row(count) for count in counts]

    def _row(self, count: Counter[str]) -> Mapping[str, float]:
        row = {
            pair: (1 + math.log(n)) * self._rarity[pair] for pair, n in count.items() if pair in self._rarity
        }
        length = math.sqrt(sum(weight**2 for weight in row.values()))
        return {pair: weight / length for pair, weight in row.items()} if length else {}

    def centre(self, members: Iterable[int]) -> Mapping[str, float]:
        """The mean row of some of the texts."""
        total: Counter[str] = Counter()
        numbers = list(members)
        for i in numbers:
            for pair, weight in self.rows[i].items():
                total[pair] += weight  # type: ignore[assignment]
        return {pair: weight / len(numbers) for pair, weight in total.items()}

    def similarities(self, members: Sequence[int]) -> Array:
        """Cosines of some of the texts with each other.

        Returns:
            `[n, n]` in [0, 1].
        """
        postings: dict[str, tuple[list[int], list[float]]] = {}
        for number, i in enumerate(members):
            for pair, weight in self.rows[i].items():
                numbers, weights = postings.setdefault(pair, ([], []))
                numbers.append(number)
                weights.append(weight)
        cosines = np.zeros((len(members), len(members)))
        for numbers, weights in postings.values():
            cosines[np.ix_(numbers, numbers)] += np.outer(weights, weights)
        return cosines


def pull(text: str, centre: Mapping[str, float], others: Mapping[str, float]) -> float:
    """How much a text speaks of what `centre` speaks of and `others` does not, per square root of length."""
    pairs = set(bigrams(text))
    gain = sum(centre.get(pair, 0.0) - others.get(pair, 0.0) for pair in pairs)
    return gain / math.sqrt(len(pairs)) if pairs else 0.0
