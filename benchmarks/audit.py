"""How many planted label errors the audit finds.

    python benchmarks/audit.py [--data F.jsonl …] [--rows 2000] [--share 0.1] [--seed 0]

Takes labelled rows, whole documents at random up to --rows, gives a share of them another theme, drawn from
the other labels by their frequency, and another stance likewise, and asks how many of the rows that were
changed stand in the first 15 % of the audit's ranking. The default data are the paragraphs of data/labeled.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from policylens.train.labelling.audit_rows import AuditRow, read_audit_rows
from policylens.train.labelling.suspects import Suspect, rank_labels

LABELED = Path(__file__).parent.parent / "data" / "labeled"
_TOP = 0.15


@dataclass(frozen=True, slots=True)
class Found:
    """Result for one head.

    Attributes:
        head: "theme" or "stance".
        rows: Rows that were judged.
        planted: How many labels were changed.
        recall: Share of them in the first 15 % of the ranking.
        suggested: Share of those found whose suggestion is the label before the change.
        seconds: Time of the ranking.
    """

    head: str
    rows: int
    planted: int
    recall: float
    suggested: float
    seconds: float


def sample(rows: Sequence[AuditRow], n_rows: int, *, seed: int) -> list[AuditRow]:
    """Whole documents at random, up to so many usable rows."""
    docs = sorted({row.doc for row in rows})
    random.Random(seed).shuffle(docs)
    place = {doc: at for at, doc in enumerate(docs)}
    return sorted((row for row in rows if not row.problem), key=lambda row: place[row.doc])[:n_rows]


def plant(rows: Sequence[AuditRow], head: str, *, share: float, seed: int) -> tuple[list[AuditRow], set[int]]:
    """Rows with the labels of a share of them changed, and which these are."""
    draw = random.Random(seed)
    counts = Counter(getattr(row, head) for row in rows)
    changed = set(draw.sample(range(len(rows)), round(share * len(rows))))
    planted = list(rows)
    for at in changed:
        others = {label: n for label, n in counts.items() if label != getattr(rows[at], head)}
        wrong = draw.choices(list(others), weights=list(others.values()))[0]
        planted[at] = replace(rows[at], **{head: wrong})
    return planted, changed


def measure(rows: Sequence[AuditRow], head: str, *, share: float, seed: int) -> Found:
    """Plants errors, ranks the labels, and counts."""
    planted, changed = plant(rows, head, share=share, seed=seed)
    began = time.perf_counter()
    ranked: list[Suspect] = rank_labels(
        [f"{row.title}\n{row.text}".strip() for row in planted],
        [getattr(row, head) for row in planted],
        [row.doc or row.key for row in planted],
        seed=seed,
    )
    seconds = time.perf_counter() - began
    top = [suspect for suspect in ranked[: int(_TOP * len(rows))] if suspect.index in changed]
    right = sum(suspect.suggested == getattr(rows[suspect.index], head) for suspect in top)
    return Found(head, len(rows), len(changed), len(top) / len(changed), right / max(1, len(top)), seconds)


def main() -> None:
    """Parses, measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", default=sorted(LABELED.glob("t*.jsonl")))
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = sample(read_audit_rows(options.data, []), options.rows, seed=options.seed)
    for head in ("theme", "stance"):
        found = measure(rows, head, share=options.share, seed=options.seed)
        sys.stdout.write(
            f"{found.head}: {found.planted} of {found.rows} labels changed; {found.recall:.0%} of these in "
            f"the first {_TOP:.0%} of the ranking; the suggestion is right for {found.suggested:.0%}; "
            f"{found.seconds:.0f} s\n"
        )


if __name__ == "__main__":
    main()
