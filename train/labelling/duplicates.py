"""Near duplicates by MinHash over character 4-grams."""

from __future__ import annotations

from collections.abc import Sequence

from policylens.data.errors import MissingExtraError
from policylens.data.pointers import normalise

# Four characters are about two Chinese words: shorter grams make texts of one genre alike, longer ones miss
# copies with changed numbers.
_GRAM = 4
_PERMUTATIONS = 128


def near_duplicates(
    texts: Sequence[str], groups: Sequence[str], *, threshold: float, seed: int = 0
) -> list[tuple[int, int, float]]:
    """Pairs of different texts that share most of their character 4-grams.

    Args:
        texts: The texts; copies of each other are left to the caller and give no pair.
        groups: Of each text, e.g. its split.
        threshold: Least Jaccard similarity of the sets of 4-grams, in (0, 1].
        seed: Of the hash functions.

    Returns:
        For each text that resembles an earlier one, and for each group that has such a one: its index, that
        of the most similar earlier text of the group, and their similarity.

    Raises:
        MissingExtraError: datasketch is not installed.

    Source: Broder, "On the Resemblance and Containment of Documents", 1997.
    """
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise MissingExtraError(
            "looking for near duplicates", extra="labels", package="datasketch"
        ) from error
    index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS)
    grams = [_grams(normalise(text)) for text in texts]
    seen: set[frozenset[str]] = set()
    pairs: list[tuple[int, int, float]] = []
    hashes = MinHash.generator(
        ([gram.encode() for gram in found] for found in grams), num_perm=_PERMUTATIONS, seed=seed + 1
    )
    for at, (found, sketch) in enumerate(zip(grams, hashes, strict=True)):
        if not found or found in seen:
            continue
        seen.add(found)
        # The sketch only proposes; what is reported is the true similarity.
        best: dict[str, tuple[float, int]] = {}
        for other in sorted(index.query(sketch)):
            similarity = _jaccard(found, grams[other])
            if similarity >= threshold and similarity > best.get(groups[other], (0.0, 0))[0]:
                best[groups[other]] = similarity, other
        pairs += [(at, other, similarity) for similarity, other in best.values()]
        index.insert(at, sketch)
    return pairs


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[at : at + _GRAM] for at in range(max(1, len(text) - _GRAM + 1)) if text)


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second)
