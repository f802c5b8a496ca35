"""What the paragraphs of a theme speak of: clusters, each with a label in the sources' own words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from policylens.data.records import Citation, SubTopic, TaggedParagraph
from policylens.infer.digests.phrases import standing_phrases
from policylens.infer.digests.scoring import bigrams
from policylens.infer.digests.terms import Array, Terms, pull

# Fewer paragraphs are read faster than a list of their topics.
_MIN_PARAGRAPHS = 4
_MAX_SUBTOPICS = 7
# Of more, the first so many are clustered (quadratic) and the others join the nearest cluster.
_MAX_CLUSTERED = 500
# Latent dimensions that are kept: with so few paragraphs, more of them only carry noise.
_DIMENSIONS = 12
# Paragraphs under one heading of one document were put together by their author.
_SAME_HEADING = 0.15
# Part of a cluster that has to stand under a heading for the heading to be its label.
_HEADING_SHARE = 0.6
_LABEL_CHARS = (5, 20)
# A paragraph that has so many character pairs of a label speaks of what it says.
_SHARED_PAIRS = 2
# Only where there is no shorter one.
_LONGEST_LABEL = 32
# Paragraphs of a cluster, evenly taken, that a label is looked for in.
_MAX_READ = 25
_HEADING_NUMBER = re.compile(
    r"^[（(]?[一二三四五六七八九十\d]+[)）、.．\s]+|^第[一二三四五六七八九十]+[章节条]\s*"
)


def find_subtopics(tagged: Sequence[TaggedParagraph]) -> tuple[SubTopic, ...]:
    """Cluster the paragraphs of a theme and name each cluster.

    Paragraphs are compared by their character pairs in a latent space and joined by Ward's method; no cluster
    is left with a single paragraph unless the theme has very few.

    Args:
        tagged: Body paragraphs of one theme, in reading order.

    Returns:
        The sub-topics, the largest first; empty where they are too few or all speak of the same.
    """
    if len(tagged) < _MIN_PARAGRAPHS:
        return ()
    terms = Terms([f"{item.paragraph.heading}\n{item.paragraph.text}" for item in tagged])
    groups = _cluster(tagged, terms)
    if len(groups) < 2:
        return ()
    labels = _labels(tagged, terms, groups)
    topics = [
        SubTopic(label, tuple(Citation(tagged[i].paragraph.doc, tagged[i].paragraph.para) for i in group))
        for group, label in zip(groups, labels, strict=True)
        if label
    ]
    if len(topics) < 2:
        return ()
    return tuple(sorted(topics, key=lambda topic: -len(topic.citations)))


def _cluster(tagged: Sequence[TaggedParagraph], terms: Terms) -> list[list[int]]:
    first = list(range(min(len(tagged), _MAX_CLUSTERED)))
    likeness = terms.similarities(first)
    headings = [(item.paragraph.doc, item.paragraph.heading) for item in tagged[: len(first)]]
    for i, (doc, heading) in enumerate(headings):
        same = [j for j in first if heading and headings[j] == (doc, heading)]
        likeness[i, same] += _SAME_HEADING
    found = _without_singles(_ward(_latent(likeness), _how_many(len(tagged))), terms)
    _add_rest(found, range(len(first), len(tagged)), terms)
    return found


def _how_many(paragraphs: int) -> int:
    return min(_MAX_SUBTOPICS, max(2, round(math.sqrt(paragraphs))))


def _latent(likeness: Array) -> Array:
    """Rows of length 1 in the main directions of a similarity matrix `[n, n]`."""
    values, vectors = np.linalg.eigh(likeness)
    kept = slice(max(0, len(values) - _DIMENSIONS), None)
    rows: Array = vectors[:, kept] * np.sqrt(np.clip(values[kept], 0.0, None))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def _ward(rows: Array, clusters: int) -> list[list[int]]:
    """Join the two clusters whose union spreads least, until so many are left.

    Source: Ward (1963), with the update of Lance and Williams (1967). Written out, for the import of a
    clustering library takes longer than the clustering.
    """
    groups = [[i] for i in range(len(rows))]
    sizes = np.ones(len(rows))
    spread = np.square(rows[:, None, :] - rows[None, :, :]).sum(axis=2)
    np.fill_diagonal(spread, np.inf)
    for _ in range(len(rows) - clusters):
        i, j = divmod(int(np.argmin(spread)), len(rows))
        total = sizes[i] + sizes[j] + sizes
        joined = (sizes[i] + sizes) * spread[i] + (sizes[j] + sizes) * spread[j] - sizes * spread[i, j]
        spread[i] = spread[:, i] = joined / total
        spread[i, i] = spread[j] = spread[:, j] = np.inf
        sizes[i] += sizes[j]
        groups[i], groups[j] = groups[i] + groups[j], []
    return [sorted(group) for group in groups if group]


def _without_singles(groups: list[list[int]], terms: Terms) -> list[list[int]]:
    kept = [group for group in groups if len(group) > 1] or [max(groups, key=len)]
    _add_rest(kept, [i for group in groups if group not in kept for i in group], terms)
    return sorted((sorted(group) for group in kept), key=lambda group: group[0])


def _add_rest(groups: list[list[int]], rest: Sequence[int], terms: Terms) -> None:
    centres = [terms.centre(group) for group in groups]
    for i in rest:
        row = terms.rows[i]
        near = [sum(weight * centre.get(pair, 0.0) for pair, weight in row.items()) for centre in centres]
        groups[int(np.argmax(near))].append(i)


def _labels(tagged: Sequence[TaggedParagraph], terms: Terms, groups: list[list[int]]) -> list[str]:
    centres = [terms.centre(group) for group in groups]
    taken: set[str] = set()
    labels = []
    for number, group in enumerate(groups):
        members = [tagged[i] for i in group]
        others = _mean([centre for i, centre in enumerate(centres) if i != number])
        label = _heading(members, taken) or _best_phrase(members, centres[number], others, taken)
        taken.add(label)
        labels.append(label)
    return labels


def _heading(members: Sequence[TaggedParagraph], taken: set[str]) -> str:
    headings = Counter(_HEADING_NUMBER.sub("", item.paragraph.heading).strip() for item in members)
    heading, count = headings.most_common(1)[0]
    fits = _LABEL_CHARS[0] - 1 <= len(heading) <= _LABEL_CHARS[1] and heading not in taken
    return heading if fits and count >= _HEADING_SHARE * len(members) else ""


def _best_phrase(
    members: Sequence[TaggedParagraph],
    centre: Mapping[str, float],
    others: Mapping[str, float],
    taken: set[str],
) -> str:
    low, high = _LABEL_CHARS
    read = members[:: -(-len(members) // _MAX_READ)]
    for longest in (high, _LONGEST_LABEL):
        found = [p for p in standing_phrases(read, min_chars=low, max_chars=longest) if p.text not in taken]
        # A complaint of one paragraph is no name for others that have none: 改造意愿不强.
        usual = Counter(item.stance for item in members).most_common(1)[0][0]
        phrases = {p.text for p in found if read[p.paragraph].stance == usual} or {p.text for p in found}
        if phrases:
            return max(sorted(phrases), key=lambda text: _fit(text, read, centre, others))
    return ""


def _fit(
    text: str, members: Sequence[TaggedParagraph], centre: Mapping[str, float], others: Mapping[str, float]
) -> float:
    """How well a clause names a cluster: what it has of it and not of others, and in how many paragraphs."""
    pairs = set(bigrams(text))
    shares = [len(pairs.intersection(bigrams(item.paragraph.text))) >= _SHARED_PAIRS for item in members]
    return pull(text, centre, others) * (1.0 + sum(shares) / len(shares))


def _mean(centres: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    total: dict[str, float] = {}
    for centre in centres:
        for pair, weight in centre.items():
            total[pair] = total.get(pair, 0.0) + weight / len(centres)
    return total
