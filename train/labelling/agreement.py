"""Agreement of annotators: Cohen's kappa of each pair, Krippendorff's alpha of all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Units = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators on the paragraphs that both have labelled.

    Attributes:
        first: One annotator.
        second: The other.
        n: How many paragraphs both have labelled.
        agreement: Share of them with the same label.
        kappa: Cohen's kappa, in [-1, 1]; None where both always give one and the same label.
    """

    first: str
    second: str
    n: int
    agreement: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of all annotators on one head.

    Attributes:
        head: "theme" or "stance".
        n: Paragraphs with labels of at least two annotators.
        alpha: Krippendorff's alpha for nominal labels; None where all labels are the same.
        pairs: Each pair of annotators who share paragraphs.
    """

    head: str
    n: int
    alpha: float | None
    pairs: tuple[PairAgreement, ...]


def agreement_of(head: str, units: Units) -> Agreement | None:
    """Agreement on one head, None where no paragraph has two annotators.

    Args:
        head: Name of the head.
        units: For each paragraph annotator -> label.
    """
    shared = [unit for unit in units if len(unit) > 1]
    if not shared:
        return None
    annotators = sorted({annotator for unit in shared for annotator in unit})
    pairs = [_pair(first, second, shared) for first, second in combinations(annotators, 2)]
    return Agreement(head, len(shared), krippendorff_alpha(shared), tuple(pair for pair in pairs if pair.n))


def krippendorff_alpha(units: Units) -> float | None:
    """Krippendorff's alpha for nominal labels, with any number of annotators and gaps.

    Args:
        units: For each paragraph annotator -> label; those with one label do not count.

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, section C.
    """
    coincidences: dict[tuple[str, str], float] = defaultdict(float)
    for unit in units:
        counts = Counter(unit.values())
        n_labels = counts.total()
        if n_labels < 2:
            continue
        for label, n in counts.items():
            for other, n_other in counts.items():
                pairs = n * (n_other - (label == other))
                coincidences[label, other] += pairs / (n_labels - 1)
    totals: dict[str, float] = defaultdict(float)
    for (label, _), weight in coincidences.items():
        totals[label] += weight
    total = sum(totals.values())
    expected = sum(totals[a] * totals[b] for a in totals for b in totals if a != b)
    if not expected:
        return None
    observed = sum(n for (label, other), n in coincidences.items() if label != other)
    return float(1 - (total - 1) * observed / expected)


def _pair(first: str, second: str, units: Units) -> PairAgreement:
    both = [(unit[first], unit[second]) for unit in units if first in unit and second in unit]
    if not both:
        return PairAgreement(first, second, 0, 0.0, None)
    agreement = sum(one == other for one, other in both) / len(both)
    return PairAgreement(first, second, len(both), agreement, _kappa(both))


def _kappa(both: Sequence[tuple[str, str]]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    one, other = zip(*both, strict=True)
    if len({*one, *other}) == 1:
        return None
    return float(cohen_kappa_score(one, other))
