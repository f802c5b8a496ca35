"""Looks for what is wrong with labelled rows before a model is trained on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from policylens.infer.messages import Sentences
from policylens.train.labelling.agreement import Agreement, agreement_of
from policylens.train.labelling.audit_rows import DEV, TRAIN, AuditRow
from policylens.train.labelling.duplicates import near_duplicates
from policylens.train.labelling.suspects import rank_labels

HEADS = ("theme", "stance")
# In the order in which they are reported: what spoils a score first, then what spoils training.
KINDS: Sentences = {
    "unusable": "rows that cannot be trained on",
    "document_leak": "documents with rows in training and in dev files",
    "duplicate_across": "texts of dev files that stand in training files",
    "near_duplicate_across": "texts of dev files that are almost those of training files",
    "conflict": "copies of one text with different labels",
    "duplicate": "copies of a text within a split",
    "near_duplicate": "texts within a split that are almost the same",
    "suspect": "labels that a model trained on the other documents doubts",
    "long": "texts longer than the limit",
}
# Findings that name a head are one sentence for each: a translation does not put a word into another.
_CONFLICTS: Sentences = {
    "theme": "copies of this text have the themes {shown}",
    "stance": "copies of this text have the stances {shown}",
}
_DOUBTS: Sentences = {
    "theme": "theme {label}; a model of the other documents says {suggested} ({probability})",
    "stance": "stance {label}; a model of the other documents says {suggested} ({probability})",
}
_CUT = 80


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """What to look for.

    Attributes:
        max_chars: Texts with more characters count as too long.
        near: Least share of common character 4-grams of near duplicates.
        suspects: Whether to look for doubted labels, the slowest part.
        suspect_share: Share of the rows that are listed as doubted at most, by head.
        seed: Of folds and hashes.
    """

    max_chars: int = 1000
    near: float = 0.8
    suspects: bool = True
    suspect_share: float = 0.15
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: One of `KINDS`.
        file: File of the row.
        line: Its line.
        split: "train" or "dev".
        id: Its identifier, "" where it has none.
        message: What is wrong.
        text: Its text, cut at 80 characters.
        head: "theme" or "stance" where it is about a label.
        label: The label that it has.
        suggestion: The label that it may have to have, "" where none is suggested.
        score: Similarity of duplicates; of a doubted label how well it fits (lowest first).
        other: File and line of the row that it copies.
        likely: Whether a doubted label counts as an error by confident learning.
    """

    kind: str
    file: str
    line: int
    split: str
    id: str
    message: str
    text: str
    head: str = ""
    label: str = ""
    suggestion: str = ""
    score: float | None = None
    other: str = ""
    likely: bool = False


@dataclass(frozen=True, slots=True)
class FileCount:
    """Rows of one file."""

    file: str
    split: str
    rows: int
    usable: int
    documents: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the audit found.

    Attributes:
        files: Rows of each file.
        labels: Head -> label -> split -> number of rows, most frequent label first.
        median_chars: Median length of the texts in characters.
        longest_chars: Length of the longest.
        agreement: Of several annotators, by head; empty where the rows name none.
        findings: What to look at, by kind, the worst first.
    """

    files: tuple[FileCount, ...]
    labels: Mapping[str, Mapping[str, Mapping[str, int]]]
    median_chars: int
    longest_chars: int
    agreement: tuple[Agreement, ...]
    findings: tuple[Finding, ...]

    def of_kind(self, kind: str) -> list[Finding]:
        """Findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]


def audit(rows: Sequence[AuditRow], config: AuditConfig | None = None) -> AuditReport:
    """Audit rows.

    Args:
        rows: Rows of all files, those to train on first.
        config: What to look for.

    Raises:
        MissingExtraError: datasketch or cleanlab is not installed.
    """
    config = config or AuditConfig()
    usable = [row for row in rows if not row.problem]
    parts = [
        (_finding("unusable", row, row.problem) for row in rows if row.problem),
        _leaks(usable),
        _copies(usable),
        _near_copies(usable, config),
        _conflicts(usable),
        _suspects(usable, config) if config.suspects else (),
        _long(usable, config.max_chars),
    ]
    order = {kind: at for at, kind in enumerate(KINDS)}
    findings = sorted(chain.from_iterable(parts), key=lambda finding: order[finding.kind])
    lengths = sorted(len(row.text) for row in usable) or [0]
    return AuditReport(
        files=_files(rows),
        labels={head: counts for head in HEADS if (counts := _label_counts(usable, head))},
        median_chars=lengths[len(lengths) // 2],
        longest_chars=lengths[-1],
        agreement=tuple(found for head in HEADS if (found := _agreement(usable, head))),
        findings=tuple(findings),
    )


def _finding(kind: str, row: AuditRow, message: str, **more: object) -> Finding:
    text = row.text if len(row.text) <= _CUT else row.text[: _CUT - 1] + "…"
    return Finding(kind, row.file, row.line, row.split, row.id, message, text, **more)  # type: ignore[arg-type]


def _files(rows: Iterable[AuditRow]) -> tuple[FileCount, ...]:
    by_file: dict[tuple[str, str], list[AuditRow]] = defaultdict(list)
    for row in rows:
        by_file[row.file, row.split].append(row)
    return tuple(
        FileCount(
            file,
            split,
            len(found),
            sum(not row.problem for row in found),
            len({row.doc for row in found if row.doc}),
        )
        for (file, split), found in by_file.items()
    )


def _label_counts(rows: Sequence[AuditRow], head: str) -> dict[str, dict[str, int]]:
    totals = Counter(label for row in rows if (label := getattr(row, head)))
    splits = Counter((getattr(row, head), row.split) for row in rows)
    return {
        label: {split: n for split in (TRAIN, DEV) if (n := splits[label, split])}
        for label, _ in totals.most_common()
    }


def _agreement(rows: Sequence[AuditRow], head: str) -> Agreement | None:
    units: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row.annotator and getattr(row, head):
            units[row.key, row.id].setdefault(row.annotator, getattr(row, head))
    return agreement_of(head, list(units.values()))


def _leaks(rows: Sequence[AuditRow]) -> Iterator[Finding]:
    by_doc: dict[str, dict[str, list[AuditRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.doc:
            by_doc[row.doc][row.split].append(row)
    for doc, parts in by_doc.items():
        if TRAIN in parts and DEV in parts:
            message = f"{doc!r} has {len(parts[TRAIN])} training rows and {len(parts[DEV])} dev rows"
            yield _finding("document_leak", parts[DEV][0], message, other=parts[TRAIN][0].place)


def _same_texts(rows: Sequence[AuditRow]) -> list[list[AuditRow]]:
    """Rows of each text, by annotator: two annotators of one paragraph are no copies."""
    groups: dict[tuple[str, str], list[AuditRow]] = defaultdict(list)
    for row in rows:
        groups[row.key, row.annotator].append(row)
    return [group for group in groups.values() if len(group) > 1]


def _copies(rows: Sequence[AuditRow]) -> Iterator[Finding]:
    for group in _same_texts(rows):
        first: dict[str, AuditRow] = {}
        for row in group:
            if row.split == DEV and TRAIN in first:
                yield _finding(
                    "duplicate_across", row, "stands in a training file", score=1.0, other=first[TRAIN].place
                )
            elif row.split in first:
                place = first[row.split].place
                yield _finding("duplicate", row, "the same text", score=1.0, other=place)
            first.setdefault(row.split, row)


def _conflicts(rows: Sequence[AuditRow]) -> Iterator[Finding]:
    for group in _same_texts(rows):
        for head in HEADS:
            counts = Counter(label for row in group if (label := getattr(row, head)))
            if len(counts) < 2:
                continue
            (usual, n), (_, n_next) = counts.most_common(2)
            shown = ", ".join(f"{label} {n}×" for label, n in counts.most_common())
            for row in group:
                label = getattr(row, head)
                if label and (label != usual or n == n_next):
                    suggestion = usual if n > n_next else ""
                    others = next(other.place for other in group if getattr(other, head) not in ("", label))
                    yield _finding(
                        "conflict",
                        row,
                        _CONFLICTS[head].format(shown=shown),
                        head=head,
                        label=label,
                        suggestion=suggestion,
                        other=others,
                    )


def _near_copies(rows: Sequence[AuditRow], config: AuditConfig) -> Iterator[Finding]:
    unique = list({(row.key, row.split): row for row in reversed(rows)}.values())[::-1]
    pairs = near_duplicates(
        [row.text for row in unique],
        [row.split for row in unique],
        threshold=config.near,
        seed=config.seed,
    )
    for at, other_at, score in sorted(pairs, key=lambda pair: -pair[2]):
        row, other = unique[at], unique[other_at]
        kind = "near_duplicate" if row.split == other.split else "near_duplicate_across"
        message = (
            f"{score:.0%} of the character 4-grams are the same"
            if row.theme == other.theme
            else f"{score:.0%} of the character 4-grams are the same, "
            f"the theme is not ({row.theme}, there {other.theme})"
        )
        yield _finding(kind, row, message, score=score, other=other.place)


def _suspects(rows: Sequence[AuditRow], config: AuditConfig) -> Iterator[Finding]:
    for head in HEADS:
        labelled = [row for row in rows if getattr(row, head)]
        ranked = rank_labels(
            [f"{row.title}\n{row.text}".strip() for row in labelled],
            [getattr(row, head) for row in labelled],
            [row.doc or row.key for row in labelled],
            seed=config.seed,
        )
        for suspect in ranked[: int(config.suspect_share * len(labelled))]:
            yield _finding(
                "suspect",
                labelled[suspect.index],
                _DOUBTS[head].format(
                    label=suspect.label,
                    suggested=suspect.suggested,
                    probability=f"{suspect.probability:.0%}",
                ),
                head=head,
                label=suspect.label,
                suggestion=suspect.suggested,
                score=suspect.quality,
                likely=suspect.flagged,
            )


def _long(rows: Sequence[AuditRow], max_chars: int) -> Iterator[Finding]:
    for row in rows:
        if len(row.text) > max_chars:
            message = f"{len(row.text):,} characters; training reads the start and the end of long texts only"
            yield _finding("long", row, message)
