"""Compare digests with reference digests: character ROUGE, readability, speed.

    python benchmarks/digest.py --data digests.jsonl [--show 3]

Each line of the data: {"theme", "max_chars", "paragraphs": [{"doc", "para", "text"}], "references": [...]}.
ROUGE is F1 over characters, punctuation and white space left out, averaged over the references of a set.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.data.sentences import is_balanced, split_clauses, split_sentences
from policylens.infer.digest import digest_paragraphs
from policylens.infer.repair import leans_back

Row = Mapping[str, Any]


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


def ours(row: Row) -> list[tuple[str, str]]:
    """Sentences of our digest, each with the text of the paragraph that it cites."""
    texts: dict[tuple[str, int], str] = {}
    for par in row["paragraphs"]:
        # Two documents of a set may have the same cut name, hence the same citation.
        key = par["doc"], par["para"]
        texts[key] = texts.get(key, "") + par["text"]
    return [
        (sentence.text, texts[sentence.citations[0].doc, sentence.citations[0].para])
        for sentence in digest_paragraphs(tagged_of(row), max_chars=row["max_chars"])
    ]


def lead(row: Row) -> list[tuple[str, str]]:
    """First sentence of each paragraph in turn, then the second ones, while they fit."""
    chosen: list[tuple[int, int, str, str]] = []
    room = row["max_chars"]
    split = [[p["text"][s:e] for s, e in split_sentences(p["text"])] for p in row["paragraphs"]]
    for depth in range(max(map(len, split), default=0)):
        for number, sentences in enumerate(split):
            if depth < len(sentences) and len(sentences[depth]) <= room:
                room -= len(sentences[depth])
                chosen.append((number, depth, sentences[depth], row["paragraphs"][number]["text"]))
    return [(text, source) for _, _, text, source in sorted(chosen)]


def sum_basic(row: Row) -> list[tuple[str, str]]:
    """SumBasic (Nenkova and Vanderwende 2005) over clauses with character bigrams as words."""
    clauses = [(p["text"][s:e], p["text"]) for p in row["paragraphs"] for s, e in split_clauses(p["text"])]
    pairs = [Counter(text[i : i + 2] for i in range(len(text) - 1)) for text, _ in clauses]
    total = sum(pairs, Counter())
    weight = {pair: n / total.total() for pair, n in total.items()}
    chosen: list[int] = []
    room, left = row["max_chars"], set(range(len(clauses)))
    while left:
        worth = {i: sum(weight[p] * n for p, n in pairs[i].items()) / max(1, pairs[i].total()) for i in left}
        best = max(left, key=lambda i: (worth[i], -i))
        left.remove(best)
        if len(clauses[best][0]) <= room:
            room -= len(clauses[best][0])
            chosen.append(best)
            weight.update({pair: weight[pair] ** 2 for pair in pairs[best]})
    return [clauses[i] for i in sorted(chosen)]


def faults(sentences: Sequence[tuple[str, str]]) -> Counter[str]:
    """Count what a reader would object to."""
    found: Counter[str] = Counter()
    before = ""
    for text, source in sentences:
        # A sentence that leans back may follow one of its own paragraph.
        found["dangling opening"] += leans_back(text) and source != before
        before = source
        found["unbalanced"] += not is_balanced(text)
        found["no end mark"] += not re.search(r"[。！？][”’」』]?\s*$", text)
        found["unsupported number"] += any(n not in source for n in re.findall(r"\d[\d.,]*", text))
    return found


def measure(rows: Sequence[Row], system: Callable[[Row], list[tuple[str, str]]]) -> str:
    """One line of the table: ROUGE, mean length, faults per 100 sets, milliseconds per set."""
    totals = [0.0, 0.0, 0.0]
    found: Counter[str] = Counter()
    chars, over, spent_s = 0, 0, 0.0
    for row in rows:
        start = time.perf_counter()
        sentences = system(row)
        spent_s += time.perf_counter() - start
        text = "".join(sentence for sentence, _ in sentences)
        chars += len(text)
        over += len(text) > row["max_chars"]
        found += faults(sentences)
        scores = rouge(text, row["references"])
        totals = [total + score for total, score in zip(totals, scores, strict=True)]
    rouges = " ".join(f"{total / len(rows):5.1f}" for total in totals)
    wrong = ", ".join(f"{name} {found[name]}" for name in ("dangling opening", "unbalanced", "no end mark"))
    return (
        f"{system.__name__:<10} {rouges}  {chars / len(rows):5.0f} chars, {over} over  {wrong}, "
        f"unsupported number {found['unsupported number']}  {1000 * spent_s / len(rows):.1f} ms/set"
    )


def main() -> None:
    """Print the table, and the first digests with their references where asked."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True, help="JSONL with paragraph sets and references")
    parser.add_argument("--show", type=int, default=0, help="print this many digests with their references")
    options = parser.parse_args()
    lines = options.data.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    print(f"{options.data.name}: {len(rows)} sets; ROUGE-1 -2 -L")  # noqa: T201
    for system in (ours, lead, sum_basic):
        print(measure(rows, system))  # noqa: T201
    for row in rows[: options.show]:
        text = "\n  ".join(sentence for sentence, _ in ours(row))
        print(f"\n[{row['theme']}]\n  {text}\n  -- {row['references'][0]}")  # noqa: T201


if __name__ == "__main__":
    main()
