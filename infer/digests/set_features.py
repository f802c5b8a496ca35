"""Features of clauses within their set: how a clause stands among all clauses of its theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.records import TaggedParagraph
from policylens.infer.digests.candidates import Candidate
from policylens.infer.digests.scoring import WEIGHTS, Frequencies, surface_matrix
from policylens.infer.engines.clause_vectors import Vectors, clause_spans

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

_RANKED_IN_SET = ("likeness", "spread", "once", "log_length", "measured", "log_paragraph")
_RANKED_IN_PARAGRAPH = ("likeness", "spread", "once", "measured", "log_length")
_OF_SENTENCE = ("likeness", "measured", "log_length", "figure")
_OF_NEIGHBOURS = ("likeness", "measured", "figure", "slogan", "verb", "time")
_NO_NEIGHBOUR = -1.0


@dataclass(frozen=True, slots=True)
class SetMatrix:
    """What the salience head reads, one row for each candidate.

    Attributes:
        names: Names of the features.
        features: `[n, n_features]`.
        clauses: Clause vectors less the mean over the set's paragraphs, `[n, hidden]`.
        paragraphs: Paragraph vectors, likewise, `[n, hidden]`.
    """

    names: tuple[str, ...]
    features: Floats
    clauses: Floats
    paragraphs: Floats


def set_matrix(
    candidates: Sequence[Candidate], tagged: Sequence[TaggedParagraph], vectors: Sequence[Vectors]
) -> SetMatrix:
    """Read all features of the candidates of one theme.

    Args:
        candidates: At least one clause.
        tagged: The paragraphs of the theme.
        vectors: Clause vectors of each paragraph, see `clause_vectors.clause_spans`.
    """
    frequencies = Frequencies([item.paragraph.text for item in tagged])
    surface = surface_matrix(
        [candidate.clause.text for candidate in candidates],
        [candidate.place for candidate in candidates],
        frequencies,
    )
    columns = dict(zip(WEIGHTS, surface.T, strict=True))
    paragraph = np.array([candidate.paragraph for candidate in candidates])
    sentence = _dense(paragraph * (1 + max(c.sentence for c in candidates)) + _sentences(candidates))
    clauses, paragraphs = _vectors_of(candidates, tagged, vectors)
    found = {
        **columns,
        **_places(paragraph, tagged),
        **_within_set(columns),
        **_within_paragraph(columns, paragraph),
        **{f"sentence_{name}": _group_mean(columns[name], sentence) for name in _OF_SENTENCE},
        **_neighbours(columns, paragraph),
        **_nearness(clauses, paragraphs, paragraph),
    }
    middle = _first_rows(paragraphs, paragraph).mean(axis=0)
    return SetMatrix(
        tuple(found),
        np.column_stack([np.asarray(column, np.float64) for column in found.values()]).astype(np.float32),
        clauses - middle,
        paragraphs - middle,
    )


def feature_names() -> tuple[str, ...]:
    """Names of the columns of `SetMatrix.features`."""
    return (
        *WEIGHTS,
        *("set_chars", "set_paragraphs", "set_documents", "paragraph_place", "document_place"),
        *("document_share", "paragraph_share", "paragraph_in_document"),
        *(f"{way}_{name}" for name in _RANKED_IN_SET for way in ("z", "rank")),
        *(
            f"{way}_{name}"
            for name in _RANKED_IN_PARAGRAPH
            for way in ("paragraph_rank", "paragraph_mean", "z_paragraph_mean")
        ),
        *(f"sentence_{name}" for name in _OF_SENTENCE),
        *(f"{side}_{name}" for name in _OF_NEIGHBOURS for side in ("before", "after")),
        *("centrality", "z_centrality", "paragraph_likeness", "set_likeness"),
    )


def _sentences(candidates: Sequence[Candidate]) -> Numbers:
    return np.array([candidate.sentence for candidate in candidates])


def _dense(groups: Numbers) -> Numbers:
    """Group numbers without gaps, in order."""
    numbers: Numbers = np.unique(groups, return_inverse=True)[1]
    return numbers


def _vectors_of(
    candidates: Sequence[Candidate], tagged: Sequence[TaggedParagraph], vectors: Sequence[Vectors]
) -> tuple[Floats, Floats]:
    """The vector of the piece that the middle of each candidate lies in, and of its paragraph."""
    ends = [np.array([end for _, end in clause_spans(item.paragraph.text)]) for item in tagged]
    means = np.array([rows.astype(np.float32).mean(axis=0) for rows in vectors])
    clauses = [
        vectors[c.paragraph][int(np.searchsorted(ends[c.paragraph], c.middle, side="right"))]
        for c in candidates
    ]
    return np.array(clauses, np.float32), means[[candidate.paragraph for candidate in candidates]]


def _places(paragraph: Numbers, tagged: Sequence[TaggedParagraph]) -> dict[str, NDArray[np.float64]]:
    docs = _dense_in_order([item.paragraph.doc for item in tagged])
    chars = np.array([len(item.paragraph.text) for item in tagged], np.float64)
    doc_chars = np.bincount(docs, weights=chars)
    seen = np.zeros(docs.max() + 1, np.int64)
    number = np.empty(len(docs), np.float64)
    for i, doc in enumerate(docs):
        number[i] = seen[doc]
        seen[doc] += 1
    n = len(paragraph)
    return {
        "set_chars": np.full(n, np.log(chars.sum())),
        "set_paragraphs": np.full(n, np.log(len(tagged))),
        "set_documents": np.full(n, np.log(docs.max() + 1)),
        "paragraph_place": paragraph / max(1, len(tagged) - 1),
        "document_place": docs[paragraph] / max(1, docs.max()),
        "document_share": doc_chars[docs[paragraph]] / chars.sum(),
        "paragraph_share": chars[paragraph] / chars.sum(),
        "paragraph_in_document": number[paragraph],
    }


def _dense_in_order(names: Sequence[str]) -> Numbers:
    first: dict[str, int] = {}
    return np.array([first.setdefault(name, len(first)) for name in names])


def _within_set(columns: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    found = {}
    for name in _RANKED_IN_SET:
        found[f"z_{name}"] = _standard(columns[name])
        found[f"rank_{name}"] = _ranks(columns[name], np.zeros(len(columns[name]), np.int64))
    return found


def _within_paragraph(
    columns: dict[str, NDArray[np.float64]], paragraph: Numbers
) -> dict[str, NDArray[np.float64]]:
    found = {}
    groups = _dense(paragraph)
    for name in _RANKED_IN_PARAGRAPH:
        mean = _group_mean(columns[name], groups)
        found[f"paragraph_rank_{name}"] = _ranks(columns[name], groups)
        found[f"paragraph_mean_{name}"] = mean
        found[f"z_paragraph_mean_{name}"] = _standard(mean)
    return found


def _neighbours(
    columns: dict[str, NDArray[np.float64]], paragraph: Numbers
) -> dict[str, NDArray[np.float64]]:
    """The same feature of the candidates right before and after in the paragraph."""
    same = paragraph[1:] == paragraph[:-1]
    found = {}
    for name in _OF_NEIGHBOURS:
        values = columns[name]
        before, after = np.full(len(values), _NO_NEIGHBOUR), np.full(len(values), _NO_NEIGHBOUR)
        before[1:][same], after[:-1][same] = values[:-1][same], values[1:][same]
        found[f"before_{name}"], found[f"after_{name}"] = before, after
    return found


def _nearness(clauses: Floats, paragraphs: Floats, paragraph: Numbers) -> dict[str, Floats]:
    """Cosines of a clause to the set's centre, to its paragraph and to all clauses."""
    unit = _unit(clauses)
    centre = _unit(_first_rows(paragraphs, paragraph).mean(axis=0, keepdims=True))[0]
    centrality = unit @ centre
    return {
        "centrality": centrality,
        "z_centrality": _standard(centrality),
        "paragraph_likeness": (unit * _unit(paragraphs)).sum(axis=1),
        "set_likeness": unit @ unit.mean(axis=0),
    }


def _first_rows(rows: Floats, groups: Numbers) -> Floats:
    """One row of each group."""
    return rows[np.unique(groups, return_index=True)[1]]


def _unit(rows: Floats) -> Floats:
    units: Floats = rows / (np.linalg.norm(rows, axis=-1, keepdims=True) + 1e-9)
    return units


def _standard(values: NDArray[Any]) -> NDArray[Any]:
    spread = values.std()
    standard: NDArray[Any] = (values - values.mean()) / (spread if spread > 1e-9 else 1.0)
    return standard


def _group_mean(values: NDArray[np.float64], groups: Numbers) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = (np.bincount(groups, weights=values) / np.maximum(1, np.bincount(groups)))[
        groups
    ]
    return mean


def _ranks(values: NDArray[np.float64], groups: Numbers) -> NDArray[np.float64]:
    """Rank of each value in its group, from 0 for the least to 1; a half where it is alone."""
    order = np.lexsort((values, groups))
    counts = np.bincount(groups)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(values), np.float64)
    rank[order] = np.arange(len(values)) - starts[groups[order]]
    sizes = counts[groups]
    return np.where(sizes > 1, rank / np.maximum(1, sizes - 1), 0.5)
