"""Choose clauses within a budget: worth per character, little repetition, all documents and stances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policylens.infer.digests.candidates import Candidate
from policylens.infer.digests.clauses import Kind
from policylens.infer.digests.scoring import bigrams

# Swept on 204 of the 408 training digests (2026-11); the optimum is flat, each moves ROUGE by less than one.
# The share of a clause that a reference uses by chance; below it a clause costs more than it is worth.
_FLOOR = 0.3
_NOVELTY_POWER = 1.5
_DOCUMENT_SHARE = 1.0
_PARAGRAPH_SHARE = 2.0
# Not fitted, the training digests have no stances: a missing stance counts up to half more.
_STANCE_PULL = 0.5
_LEAST = 0.001
# Characters that a new sentence costs on top of its own, against digests of scattered fragments.
_NEW_SENTENCE = 6
# A clause that shares more than this part of its bigrams with the digest is a repeat.
_REPEAT = 0.6
_REPEAT_MIN_BIGRAMS = 8
# A clause whose vector is nearer than this to a chosen one of another paragraph loses up to that part of its
# worth: the same measure in other words.
_NEAR = 0.5
_SAME_MEANING = 0.5
# Only this many of the best clauses are looked at, at least; more for larger budgets.
_POOL = 600
_POOL_PER_CHAR = 3


@dataclass(frozen=True, slots=True)
class Source:
    """What a digest balances, and what naming it takes.

    Attributes:
        doc: Document of a paragraph.
        stance: Its stance.
        unit: Which paragraphs are printed together, see `joining.Unit`.
        name_chars: Length of the name printed before them.
    """

    doc: str
    stance: str
    unit: str = ""
    name_chars: int = 0


class Selection:
    """A growing choice of candidates.

    Attributes:
        chosen: Positions of the chosen candidates.
        chars: Their length in characters with one mark after each, an upper bound of the printed length.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        scores: np.ndarray[tuple[int], np.dtype[np.float64]],
        sources: Sequence[Source],
        *,
        max_chars: int,
        reads_well: Callable[[Sequence[Candidate]], bool],
        vectors: NDArray[np.float32] | None = None,
    ) -> None:
        """Start with nothing chosen.

        Args:
            candidates: All clauses of the theme in reading order.
            scores: One score in [0, 1] per candidate.
            sources: One per paragraph of the theme.
            max_chars: Budget in characters.
            reads_well: Whether these clauses of one sentence make a sentence that can be printed.
            vectors: Of unit length, one per candidate, `[n, hidden]`; None: only words tell repeats.
        """
        self._reads_well = reads_well
        self._vectors = vectors
        self._paragraphs = np.array([candidate.paragraph for candidate in candidates])
        # Cosine of each candidate to the nearest chosen clause of another paragraph.
        self._nearest = np.zeros(len(candidates), np.float32)
        self._candidates = candidates
        self._scores = scores
        self._sources = sources
        self._max_chars = max_chars
        self._stances: Mapping[str, int] = Counter(source.stance for source in sources)
        self._pairs: dict[int, list[str]] = {}
        self._seen: set[str] = set()
        self._opened: Counter[tuple[int, int]] = Counter()
        self._by_doc: Counter[str] = Counter()
        self._by_paragraph: Counter[int] = Counter()
        self._by_stance: Counter[str] = Counter()
        self._named: set[tuple[str, str]] = set()
        self.chosen: set[int] = set()
        self.chars = 0

    def grow(self) -> set[int]:
        """Add the best bundle (a clause and what it needs) until none fits, and return the choice."""
        pool = self._pool()
        while pool:
            best, best_worth = -1, 0.0
            for i in pool:
                worth = self._worth(i)
                if worth > best_worth:
                    best, best_worth = i, worth
            if best < 0:
                break
            new = [j for j in self._candidates[best].needs if j not in self.chosen]
            if self._leaves_whole_sentences(new):
                self._add(new)
            pool = [i for i in pool if i not in self.chosen and i != best]
        return self.chosen

    def _leaves_whole_sentences(self, new: Sequence[int]) -> bool:
        """Whether every sentence that `new` touches can be printed with it."""
        touched: dict[tuple[int, int], list[Candidate]] = {}
        for j in new:
            candidate = self._candidates[j]
            touched[candidate.paragraph, candidate.sentence] = []
        for j in sorted({*self.chosen, *new}):
            candidate = self._candidates[j]
            touched.get((candidate.paragraph, candidate.sentence), []).append(candidate)
        return all(self._reads_well(clauses) for clauses in touched.values())

    def _pool(self) -> list[int]:
        size = max(_POOL, _POOL_PER_CHAR * self._max_chars)
        # A circumstance or 会议指出 is printed only where something needs it.
        idle = (Kind.FRAME, Kind.MEETING)
        targets = [i for i, candidate in enumerate(self._candidates) if candidate.clause.kind not in idle]
        means = np.array([self._scores[list(self._candidates[i].needs)].mean() for i in targets])
        return [targets[i] for i in np.argsort(-means, kind="stable")[:size]]

    def _worth(self, i: int) -> float:
        """What the bundle of candidate `i` adds per character; 0 where it does not fit or repeats."""
        new = [j for j in self._candidates[i].needs if j not in self.chosen]
        cost = sum(len(self._candidates[j].clause.text) + 1 for j in new)
        cost += self._name_cost(new)
        if not new or self.chars + cost > self._max_chars:
            return 0.0
        gain = 0.0
        for j in new:
            pairs = self._bigrams(j)
            overlap = sum(pair in self._seen for pair in pairs) / max(1, len(pairs))
            if overlap > _REPEAT and len(pairs) >= _REPEAT_MIN_BIGRAMS:
                return 0.0
            worth = float(self._scores[j]) - _FLOOR
            meant = max(0.0, float(self._nearest[j]) - _NEAR) / (1.0 - _NEAR)
            gain += worth * len(pairs) * (1.0 - overlap) ** _NOVELTY_POWER * (1.0 - _SAME_MEANING * meant)
        candidate = self._candidates[i]
        source = self._sources[candidate.paragraph]
        # Below the floor is still better than an empty line in a theme of few paragraphs.
        gain = max(gain, _LEAST * cost)
        if not any(self._opened[self._candidates[j].paragraph, self._candidates[j].sentence] for j in new):
            cost += _NEW_SENTENCE
        crowd = _DOCUMENT_SHARE * self._by_doc[source.doc]
        crowd += _PARAGRAPH_SHARE * self._by_paragraph[candidate.paragraph]
        return gain / cost / (1.0 + crowd / self._max_chars) * self._stance_factor(source.stance)

    def _name_cost(self, new: Sequence[int]) -> int:
        """Characters for the names of source and speaker that come in with `new`: all of one paragraph."""
        if not new:
            return 0
        source = self._sources[self._candidates[new[0]].paragraph]
        speakers = {self._candidates[j].speaker for j in new} - {""}
        cost = sum(len(name) + 1 for name in speakers if (source.unit, name) not in self._named)
        return cost + (0 if (source.unit, "") in self._named else source.name_chars)

    def _stance_factor(self, stance: str) -> float:
        if len(self._stances) < 2:
            return 1.0
        wanted = self._stances[stance] / len(self._sources)
        have = self._by_stance[stance] / max(1, self.chars)
        return 1.0 + _STANCE_PULL * (wanted - have)

    def _add(self, new: list[int]) -> None:
        self.chars += self._name_cost(new)
        for j in new:
            candidate = self._candidates[j]
            source = self._sources[candidate.paragraph]
            length = len(candidate.clause.text) + 1
            self.chosen.add(j)
            self._named |= {(source.unit, ""), (source.unit, candidate.speaker)}
            self.chars += length
            self._seen.update(self._bigrams(j))
            self._opened[candidate.paragraph, candidate.sentence] += 1
            self._by_doc[source.doc] += length
            self._by_paragraph[candidate.paragraph] += length
            self._by_stance[source.stance] += length
            self._note_meaning(j)

    def _note_meaning(self, j: int) -> None:
        if self._vectors is None:
            return
        cosines = self._vectors @ self._vectors[j]
        # Clauses of one paragraph share their context and are alike without saying the same.
        cosines[self._paragraphs == self._paragraphs[j]] = 0.0
        np.maximum(self._nearest, cosines, out=self._nearest)

    def _bigrams(self, j: int) -> list[str]:
        if j not in self._pairs:
            self._pairs[j] = bigrams(self._candidates[j].clause.text)
        return self._pairs[j]
