"""Which paragraphs to label next: those the model is unsure of, of rare labels, and unlike each other."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.data.pointers import text_hash
from policylens.data.records import Paragraph
from policylens.infer.classify import Classifier, LabelProbabilities

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]

# Paragraphs that are looked at: their vectors take 1.5 kB each and 20 of them a second. The first ones of
# longer inputs would be those of a few documents; 20,000 are enough for any sheet.
MAX_POOL = 20_000
# So many times the paragraphs that are asked for are candidates, the highest scores of the pool; clustering
# chooses among them. With 1 there is no diversity, with the whole pool little uncertainty.
_CANDIDATES = 5
# How much rarer labels count for more: (mean count / expected count) to this power.
_RARITY_POWER = 0.5
# A label that is expected next to never would outweigh everything.
_MOST_RARITY = 4.0
# A sheet is about themes first.
_STANCE_SHARE = 0.3
_CLUSTER_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Scores:
    """What speaks for each paragraph of the pool, all `[n]`.

    Attributes:
        uncertainty: 0 for a sure label, 1 where the best two are equally probable.
        rarity: 1 for labels of mean frequency, more for rarer ones.
    """

    uncertainty: Floats
    rarity: Floats

    @property
    def total(self) -> Floats:
        """The product."""
        return self.uncertainty * self.rarity


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A paragraph to label.

    Attributes:
        paragraph: The paragraph.
        theme: Theme id that the model would give.
        theme_score: Its probability.
        second: The next theme.
        stance: Stance id that the model would give, "" without stances.
        stance_score: Its probability.
        why: What speaks for it: "unsure", "rare label" or both.
    """

    paragraph: Paragraph
    theme: str
    theme_score: float
    second: str
    stance: str
    stance_score: float
    why: str


def suggest(
    classifier: Classifier,
    paragraphs: Iterable[Paragraph],
    *,
    n: int,
    labelled_texts: Iterable[str] = (),
    seed: int = 0,
) -> list[Suggestion]:
    """Chooses paragraphs to label next.

    Args:
        classifier: A model, loaded with `vectors`; one of prototypes will do to begin with.
        paragraphs: Unlabelled ones; equal texts count once, and only `MAX_POOL` are looked at.
        n: How many to choose.
        labelled_texts: Texts that are labelled already; they are left out.
        seed: Of the clustering.

    Returns:
        Suggestions, the most useful first; fewer than `n` where there are not so many.

    Raises:
        ConfigError: There is nothing to choose from.
    """
    pool = list(islice(_fresh(paragraphs, labelled_texts), MAX_POOL + 1))
    if not pool:
        raise ConfigError("no body paragraph that is not labelled already; name other inputs")
    if len(pool) > MAX_POOL:
        logger.warning("looking at the first %d paragraphs; shuffle longer inputs to see all", MAX_POOL)
        pool.pop()
    embedded = list(classifier.embed(pool))
    found = [probabilities for _, probabilities, _ in embedded]
    vectors = np.stack([vector for _, _, vector in embedded])
    scores = score_pool(np.stack([item.theme for item in found]), np.stack([item.stance for item in found]))
    chosen = choose(vectors, scores, n=n, seed=seed)
    return [_suggestion(classifier, pool[at], found[at], scores, at) for at in chosen]


def score_pool(themes: Floats, stances: Floats) -> Scores:
    """What speaks for labelling each paragraph.

    Args:
        themes: Probabilities of the themes, `[n, n_themes]`.
        stances: Probabilities of the stances, `[n, n_stances]`; no columns where there are none.

    Source: margin sampling, Scheffer et al., "Active Hidden Markov Models for Information Extraction", 2001.
    """
    share = _STANCE_SHARE if stances.shape[1] > 1 else 0.0
    uncertainty, rarity = _uncertainty(themes), _rarity(themes)
    if share:
        uncertainty = (1 - share) * uncertainty + share * _uncertainty(stances)
        rarity = rarity ** (1 - share) * _rarity(stances) ** share
    return Scores(uncertainty.astype(np.float32), rarity.astype(np.float32))


def choose(vectors: Floats, scores: Scores, *, n: int, seed: int) -> list[int]:
    """Places of `n` paragraphs in the pool, the highest score first: the best of each of `n` clusters.

    Args:
        vectors: `[n_pool, hidden]`.
        scores: What speaks for each.
        n: How many.
        seed: Of the clustering.

    Source: Zhdanov, "Diverse mini-batch Active Learning", arXiv:1901.05954: k-means over the most uncertain,
    weighted by how uncertain they are.
    """
    if n < 1:
        raise ConfigError(f"n is {n}; expected at least 1")
    total = scores.total
    order = np.argsort(-total, kind="stable")
    candidates = order[: max(n * _CANDIDATES, n)]
    if len(candidates) <= n:
        return [int(at) for at in candidates]
    clusters = _clusters(vectors[candidates], np.maximum(total[candidates], 1e-6), n=n, seed=seed)
    chosen: list[int] = []
    seen: set[int] = set()
    # Candidates come best first, so that the first of a cluster is its best; leftovers fill empty clusters.
    for at, cluster in zip(candidates, clusters, strict=True):
        if int(cluster) not in seen:
            seen.add(int(cluster))
            chosen.append(int(at))
    taken = set(chosen)
    chosen += [int(at) for at in candidates if int(at) not in taken][: n - len(chosen)]
    return sorted(chosen, key=lambda at: -total[at])


def sheet_rows(suggestions: Sequence[Suggestion]) -> list[dict[str, object]]:
    """Rows of a labelling sheet: the theme stays empty, the model's guess stands beside it.

    A guess in the column of the label itself would be confirmed too easily.
    """
    rows = []
    for item in suggestions:
        par = item.paragraph
        place = {"id": par.id, "doc": par.doc, "title": par.title, "heading": par.heading, "prev": par.prev}
        row: dict[str, object] = {name: value for name, value in place.items() if value}
        row |= {"text": par.text, "guess": item.theme, "guess_score": round(item.theme_score, 2)}
        row["guess_second"] = item.second
        if item.stance:
            row |= {"guess_stance": item.stance, "guess_stance_score": round(item.stance_score, 2)}
        rows.append({**row, "why": item.why})
    return rows


def _fresh(paragraphs: Iterable[Paragraph], labelled_texts: Iterable[str]) -> Iterable[Paragraph]:
    seen = {text_hash(text) for text in labelled_texts}
    for paragraph in paragraphs:
        key = text_hash(paragraph.text)
        if paragraph.kind == "body" and key not in seen:
            seen.add(key)
            yield paragraph


def _uncertainty(probabilities: Floats) -> Floats:
    """1 minus the lead of the best label over the next."""
    best_two = -np.partition(-probabilities, 1, axis=1)[:, :2]
    uncertainty: Floats = 1 - (best_two[:, 0] - best_two[:, 1])
    return uncertainty


def _rarity(probabilities: Floats) -> Floats:
    """Of the label that each paragraph would have, by how many such the pool is expected to hold."""
    expected = probabilities.sum(0)
    factors = np.minimum((expected.mean() / np.maximum(expected, 1e-6)) ** _RARITY_POWER, _MOST_RARITY)
    rarity: Floats = probabilities @ factors
    return rarity


def _clusters(vectors: Floats, weights: Floats, *, n: int, seed: int) -> NDArray[np.int32]:
    from sklearn.cluster import KMeans

    away = vectors - vectors.mean(0)
    directions = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    found = KMeans(n, n_init=1, max_iter=_CLUSTER_ROUNDS * 10, random_state=seed).fit(
        directions, sample_weight=weights
    )
    labels: NDArray[np.int32] = found.labels_
    return labels


def _suggestion(
    classifier: Classifier, paragraph: Paragraph, found: LabelProbabilities, scores: Scores, at: int
) -> Suggestion:
    themes, stances = classifier.taxonomy.theme_ids, classifier.taxonomy.stance_ids
    order = np.argsort(-found.theme, kind="stable")
    stance = int(found.stance.argmax()) if stances else None
    reasons = {
        "unsure": scores.uncertainty[at] >= np.median(scores.uncertainty),
        "rare label": scores.rarity[at] > 1.2,
    }
    return Suggestion(
        paragraph=paragraph,
        theme=themes[order[0]],
        theme_score=float(found.theme[order[0]]),
        second=themes[order[1]] if len(order) > 1 else "",
        stance=stances[stance] if stance is not None else "",
        stance_score=float(found.stance[stance]) if stance is not None else 0.0,
        why=", ".join(reason for reason, holds in reasons.items() if holds) or "unlike the others",
    )
