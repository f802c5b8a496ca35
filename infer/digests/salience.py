"""Salience of clauses: by the model's head where it has one, else by surface features.

The one path: a `Salience` holds the head of a model folder and the clause vectors of the run's paragraphs.
Where there is none, because the folder has no head or nobody read vectors, `judge` goes by surface features.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.digests.candidates import Candidate, read_candidates
from policylens.infer.digests.scoring import Frequencies, score_clauses
from policylens.infer.digests.set_features import feature_names, set_matrix
from policylens.infer.engines.clause_vectors import Vectors
from policylens.models.bundle import open_bundle
from policylens.models.salience import SalienceHead, load_head

if TYPE_CHECKING:
    from pathlib import Path

    from policylens.infer.classify import Classifier

# Of paragraphs that come with their labels, so many are read by the encoder, the most telling ones of each
# theme: 25 s on two AVX2 cores (2026-11). Paragraphs that are classified in this run cost nothing more.
MAX_READ = 500
_LEAST_OF_A_THEME = 20
_TELLING_CLAUSES = 3

Scores = NDArray[np.float64]
_Key = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a digest needs to know of its candidates.

    Attributes:
        salience: Expected share of each that a digest uses, in [0, 1], `[n]`.
        vectors: Centred clause vectors of unit length, `[n, hidden]`; None without an encoder.
    """

    salience: Scores
    vectors: NDArray[np.float32] | None = None


class Salience:
    """A head and the clause vectors of the paragraphs of a run.

    Args:
        head: The head of the model folder that reads the vectors.
    """

    def __init__(self, head: SalienceHead) -> None:
        """Start without paragraphs."""
        self.head = head
        self._vectors: dict[_Key, Vectors] = {}

    @classmethod
    def open(cls, model: str | Path | None = None) -> Salience | None:
        """The salience of a model folder, the shipped one by default; None where it has no head that fits.

        Raises:
            ModelFileError: The folder cannot be used.
        """
        bundle = open_bundle(model)
        head = load_head(bundle, features=feature_names())
        return None if head is None else cls(head)

    def classify(self, classifier: Classifier, paragraphs: Iterable[Paragraph]) -> Iterator[TaggedParagraph]:
        """Tag paragraphs and keep the vectors of the same pass.

        Args:
            classifier: The model that the head belongs to, loaded with `vectors`.
            paragraphs: Any number of them.
        """
        for tagged, vectors in classifier.classify_with_vectors(paragraphs):
            self._vectors[_key(tagged.paragraph)] = vectors
            yield tagged

    def read(self, classifier: Classifier, tagged: Sequence[TaggedParagraph]) -> Iterator[TaggedParagraph]:
        """Read vectors of paragraphs that came with their labels; of very many, of the most telling ones.

        Args:
            classifier: The model that the head belongs to, loaded with `vectors`.
            tagged: Paragraphs in reading order; those that have vectors already are passed over.

        Yields:
            Each paragraph that was read, as the model would have tagged it.
        """
        rest = [item for item in tagged if _key(item.paragraph) not in self._vectors]
        wanted = rest if len(rest) <= MAX_READ else _most_telling(rest, n_most=MAX_READ)
        yield from self.classify(classifier, (item.paragraph for item in wanted))

    def known(self, tagged: Sequence[TaggedParagraph]) -> list[TaggedParagraph]:
        """The paragraphs whose vectors were read."""
        return [item for item in tagged if _key(item.paragraph) in self._vectors]

    def vectors_of(self, tagged: Sequence[TaggedParagraph]) -> list[Vectors]:
        """Clause vectors of paragraphs that are all `known`."""
        return [self._vectors[_key(item.paragraph)] for item in tagged]


def _key(paragraph: Paragraph) -> _Key:
    # Two documents of a run may have the same cut name; the text tells them apart.
    return paragraph.doc, paragraph.para, paragraph.text


def _most_telling(tagged: Sequence[TaggedParagraph], *, n_most: int) -> list[TaggedParagraph]:
    """The paragraphs of each theme with the best clauses by surface features, in reading order."""
    by_theme: dict[str, list[int]] = defaultdict(list)
    for at, item in enumerate(tagged):
        by_theme[item.theme].append(at)
    chosen: set[int] = set()
    for places in by_theme.values():
        quota = max(_LEAST_OF_A_THEME, n_most * len(places) // len(tagged))
        telling = _telling([tagged[at] for at in places])
        chosen.update(places[i] for i in np.argsort(-telling, kind="stable")[:quota])
    return [tagged[at] for at in sorted(chosen)]


def _telling(tagged: Sequence[TaggedParagraph]) -> Scores:
    """Mean of each paragraph's best clause scores."""
    candidates = read_candidates(tagged)
    found: dict[int, list[float]] = defaultdict(list)
    if candidates:
        for candidate, score in zip(candidates, judge(candidates, tagged).salience, strict=True):
            found[candidate.paragraph].append(float(score))
    return np.array(
        [sum(sorted(found[i])[-_TELLING_CLAUSES:]) / _TELLING_CLAUSES for i in range(len(tagged))]
    )


def judge(
    candidates: Sequence[Candidate], tagged: Sequence[TaggedParagraph], salience: Salience | None = None
) -> Judged:
    """Judge the clauses of one theme.

    Args:
        candidates: At least one clause.
        tagged: The paragraphs of the theme.
        salience: Knows all of them; None for surface features.
    """
    if salience is None:
        scores = score_clauses(
            [candidate.clause.text for candidate in candidates],
            [candidate.place for candidate in candidates],
            Frequencies([item.paragraph.text for item in tagged]),
        )
        return Judged(scores)
    matrix = set_matrix(candidates, tagged, salience.vectors_of(tagged))
    learned = salience.head.predict(matrix.features, matrix.clauses, matrix.paragraphs)
    lengths = np.linalg.norm(matrix.clauses, axis=1, keepdims=True)
    return Judged(learned.astype(np.float64), matrix.clauses / (lengths + 1e-9))
