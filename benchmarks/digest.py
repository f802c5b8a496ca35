"""Compare digests with reference digests and with other summarizers: character ROUGE, form, speed.

    python benchmarks/digest.py --data digests.jsonl [--model FOLDER] [--folds 6] [--systems "ours;lead"]

Each line of the data: {"theme", "max_chars", "paragraphs": [{"doc", "para", "text"}], "references": [...]}.
ROUGE is F1 over characters, punctuation and white space left out, averaged over the references of a set.
With --folds the salience head is fitted anew on the other folds for each fold, so that data which the
model's own head was fitted on can be used. The last lines give ours less the best peer, in pairs of the same
set, with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from digest_peers import PEERS, Digest, Row, System

from policylens.data.records import CitedSentence, Paragraph, TaggedParagraph
from policylens.data.sentences import is_balanced
from policylens.infer.classify import Classifier
from policylens.infer.digest import compose, digest_paragraphs
from policylens.infer.digests.candidates import read_candidates
from policylens.infer.digests.repair import leans_back
from policylens.infer.digests.salience import Judged, Salience
from policylens.infer.digests.scoring import Frequencies, bigrams
from policylens.infer.digests.set_features import feature_names
from policylens.models.bundle import open_bundle
from policylens.models.salience import HeadConfig, SalienceHead
from policylens.train.salience import Example, fit_head, make_example, read_reference_sets

_OURS = "ours"
_BOOTSTRAPS = 2000
_SEED = 0


def tagged_of(row: Row) -> list[TaggedParagraph]:
    """The paragraphs of a set, all with its theme."""
    return [
        TaggedParagraph(Paragraph(par["doc"], par["para"], "body", par["text"]), row["theme"], 1.0)
        for par in row["paragraphs"]
    ]


def letters(text: str) -> list[str]:
    """The characters that ROUGE counts."""
    return [char for char in text if char.isalnum()]


def rouge_n(ours: Sequence[str], reference: Sequence[str], n: int) -> float:
    """F1 of overlapping n-grams, in [0, 1]."""
    left, right = (Counter(zip(*(side[i:] for i in range(n)), strict=False)) for side in (ours, reference))
    return 2 * (left & right).total() / max(1, left.total() + right.total())


def rouge_l(ours: Sequence[str], reference: Sequence[str]) -> float:
    """F1 of the longest common subsequence, in [0, 1]."""
    row = [0] * (len(reference) + 1)
    for char in ours:
        diagonal = 0
        for j, other in enumerate(reference, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if char == other else max(row[j], row[j - 1])
    return 2 * row[-1] / max(1, len(ours) + len(reference))


def rouge(text: str, references: Sequence[str]) -> tuple[float, float, float]:
    """ROUGE-1, -2 and -L in percent, averaged over the references."""
    ours = letters(text)
    totals = [0.0, 0.0, 0.0]
    for reference in references:
        theirs = letters(reference)
        scores = (rouge_n(ours, theirs, 1), rouge_n(ours, theirs, 2), rouge_l(ours, theirs))
        totals = [total + 100 * score / len(references) for total, score in zip(totals, scores, strict=True)]
    return totals[0], totals[1], totals[2]


def sourced(row: Row, sentences: Sequence[CitedSentence]) -> Digest:
    """Sentences of our digest, each with the text and the document name of all that it cites."""
    texts: dict[tuple[str, int], str] = {}
    for par in row["paragraphs"]:
        # Two documents of a set may have the same cut name, hence the same citation.
        key = par["doc"], par["para"]
        texts[key] = texts.get(key, par["doc"] + "\n") + par["text"]
    return [
        (sentence.text, "\n".join(texts[cited.doc, cited.para] for cited in sentence.citations))
        for sentence in sentences
    ]


def surface(row: Row) -> Digest:
    """Ours as it is for a model folder without a salience head."""
    return sourced(row, digest_paragraphs(tagged_of(row), max_chars=row["max_chars"]))


def centrality(row: Row) -> Digest:
    """Our clauses and joins, chosen only by likeness to all paragraphs."""
    tagged = tagged_of(row)
    candidates = read_candidates(tagged)
    if not candidates:
        return []
    frequencies = Frequencies([item.paragraph.text for item in tagged])
    likeness = np.array([frequencies.likeness(bigrams(c.clause.text)) for c in candidates])
    judged = Judged(likeness / max(1e-9, float(likeness.max())))
    return sourced(row, compose(candidates, tagged, judged, max_chars=row["max_chars"]))


def ours_with(model: Path | None, rows: Sequence[Row], data: Path, *, folds: int) -> System | None:
    """Ours with the model's salience head, or with heads fitted on the other folds; None without a head.

    The vectors are read here: in use they come out of the classifier's pass.
    """
    bundle = open_bundle(model)
    stored = Salience.open(bundle.folder)
    if stored is None and not folds:
        return None
    sets = read_reference_sets(data)
    salience = stored or Salience(_no_head())
    classifier = Classifier.load(bundle.folder, device="cpu", vectors=True)
    for _ in salience.classify(classifier, (item.paragraph for one in sets for item in one.tagged)):
        pass
    heads: dict[int, SalienceHead] = {}
    if folds:
        examples = [make_example(one, salience.vectors_of(one.tagged)) for one in sets]
        heads = {id(rows[at]): head for at, head in _fold_heads(examples, folds)}

    def run(row: Row) -> Digest:
        salience.head = heads.get(id(row), salience.head)
        sentences = digest_paragraphs(tagged_of(row), max_chars=row["max_chars"], salience=salience)
        return sourced(row, sentences)

    return run


def _no_head() -> SalienceHead:
    empty = np.zeros(0, np.float32)
    return SalienceHead(_config(), *[empty] * 9)


def _config() -> HeadConfig:
    return HeadConfig(feature_names(), encoder="", data="", sets=0, version="")


def _fold_heads(examples: Sequence[Example | None], folds: int) -> list[tuple[int, SalienceHead]]:
    order = np.random.default_rng(_SEED).permutation(len(examples))
    found: list[tuple[int, SalienceHead]] = []
    for k in range(folds):
        held_out = set(order[k::folds].tolist())
        known = [item for at, item in enumerate(examples) if at not in held_out and item is not None]
        head = fit_head(known, _config())
        found += [(at, head) for at in held_out]
    return found


def faults(sentences: Digest) -> Counter[str]:
    """Count what a reader would object to."""
    found: Counter[str] = Counter()
    before = ""
    for text, source in sentences:
        # A sentence that leans back may follow one of its own paragraph.
        found["dangling"] += leans_back(text) and source != before
        before = source
        found["unbalanced"] += not is_balanced(text)
        found["no end"] += not re.search(r"[。！？][”’」』]?\s*$", text)
        found["digits"] += bool(source) and any(n not in source for n in re.findall(r"\d[\d.,]*", text))
    return found


def redundancy(sentences: Digest) -> float:
    """Share of a digest's character bigrams that it has said before, in [0, 1]."""
    pairs = [pair for text, _ in sentences for pair in bigrams(text)]
    return 1.0 - len(set(pairs)) / max(1, len(pairs))


def coverage(row: Row, sentences: Digest) -> float:
    """Share of the documents of a set with a run of eight characters in the digest, in [0, 1]."""
    text = "\n".join(sentence for sentence, _ in sentences)
    runs = {text[i : i + 8] for i in range(len(text) - 7)}
    docs: dict[str, bool] = {}
    for par in row["paragraphs"]:
        said = par["text"]
        used = any(said[i : i + 8] in runs for i in range(len(said) - 7))
        docs[par["doc"]] = docs.get(par["doc"], False) or used
    return sum(docs.values()) / max(1, len(docs))


@dataclass
class Measured:
    """What one system did on all sets."""

    name: str
    rouges: list[tuple[float, float, float]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    chars: list[int] = field(default_factory=list)
    redundancy: list[float] = field(default_factory=list)
    coverage: list[float] = field(default_factory=list)
    over: int = 0
    spent_s: float = 0.0

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean ROUGE-1, -2 and -L."""
        return tuple(np.mean(self.rouges, axis=0))

    def line(self) -> str:
        """A row of the table."""
        n = len(self.rouges)
        names = ("dangling", "unbalanced", "no end", "digits")
        return (
            f"{self.name:<18}"
            + "".join(f"{value:6.1f}" for value in self.mean)
            + f"{np.mean(self.chars):7.0f}{self.over:6d}"
            + f"{100 * np.mean(self.redundancy):7.1f}{100 * np.mean(self.coverage):7.1f}"
            + "".join(f"{self.faults[name]:11d}" for name in names)
            + f"{1000 * self.spent_s / n:9.1f}"
        )


_HEADER = (
    f"{'':<18}{'R-1':>6}{'R-2':>6}{'R-L':>6}{'chars':>7}{'over':>6}{'redund':>7}{'cover':>7}"
    f"{'dangling':>11}{'unbalanced':>11}{'no end':>11}{'digits':>11}{'ms/set':>9}"
)


def measure(name: str, rows: Sequence[Row], system: System) -> Measured:
    """Run a system on all sets."""
    measured = Measured(name)
    for row in rows:
        start = time.perf_counter()
        sentences = system(row)
        measured.spent_s += time.perf_counter() - start
        text = "".join(sentence for sentence, _ in sentences)
        measured.chars.append(len(text))
        measured.over += len(text) > row["max_chars"]
        measured.faults += faults(sentences)
        measured.redundancy.append(redundancy(sentences))
        measured.coverage.append(coverage(row, sentences))
        measured.rouges.append(rouge(text, row["references"]))
    return measured


def difference(ours: Measured, peer: Measured) -> str:
    """Ours less a peer, set by set: mean and 95 % bootstrap interval of each ROUGE."""
    gaps = np.array(ours.rouges) - np.array(peer.rouges)
    picks = np.random.default_rng(_SEED).integers(len(gaps), size=(_BOOTSTRAPS, len(gaps)))
    low, high = np.percentile(gaps[picks].mean(axis=1), (2.5, 97.5), axis=0)
    parts = (
        f"{name} {mean:+.1f} ({a:+.1f} to {b:+.1f})"
        for name, mean, a, b in zip(("R-1", "R-2", "R-L"), gaps.mean(axis=0), low, high, strict=True)
    )
    return f"{ours.name} less {peer.name}: " + ", ".join(parts)


def systems(wanted: Sequence[str], ours: System | None) -> list[tuple[str, System]]:
    """The systems to run, by name; says on standard error which are missing."""
    makers: dict[str, Callable[[], System]] = dict(PEERS)
    makers |= {"ours, centrality": lambda: centrality, "ours, surface": lambda: surface}
    if ours is not None:
        makers[_OURS] = lambda: ours
    found = []
    for name, make in makers.items():
        if wanted and name not in wanted:
            continue
        try:
            found.append((name, make()))
        except ImportError as error:
            sys.stderr.write(f"{name}: not installed ({error}); see benchmarks/digest_peers.py\n")
    return found


def main() -> None:
    """Print the table, and the first digests with their references where asked."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True, help="JSONL with paragraph sets and references")
    parser.add_argument("--model", type=Path, help="model folder; default: the shipped one")
    parser.add_argument("--folds", type=int, default=0, help="cross-validate the salience head")
    parser.add_argument("--systems", default="", help="only these, by name, separated by semicolons")
    parser.add_argument("--show", type=int, default=0, help="print this many digests with their references")
    options = parser.parse_args()
    lines = options.data.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    wanted = [name.strip() for name in options.systems.split(";") if name.strip()]
    ours = None
    if not wanted or _OURS in wanted:
        ours = ours_with(options.model, rows, options.data, folds=options.folds)
    print(f"{options.data.name}: {len(rows)} sets\n{_HEADER}")  # noqa: T201
    table = []
    for name, system in systems(wanted, ours):
        table.append(measure(name, rows, system))
        print(table[-1].line(), flush=True)  # noqa: T201
    peers = [measured for measured in table if measured.name in PEERS]
    if peers and table[-1].name not in PEERS:
        best = max(peers, key=lambda measured: sum(measured.mean))
        print(difference(table[-1], best))  # noqa: T201
    shown = ours or surface
    for row in rows[: options.show]:
        text = "\n  ".join(sentence for sentence, _ in shown(row))
        print(f"\n[{row['theme']}]\n  {text}\n  -- {row['references'][0]}")  # noqa: T201


if __name__ == "__main__":
    main()
