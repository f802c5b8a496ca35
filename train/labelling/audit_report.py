"""An audit as text for the terminal and as one HTML page, in the user's language; as JSON and as a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from policylens.infer.messages import Sentences, columns, language_tag, text, translated
from policylens.train.labelling.agreement import Agreement
from policylens.train.labelling.audit import KINDS, AuditReport, Finding
from policylens.train.labelling.audit_rows import DEV, TRAIN

_TEMPLATES = Path(__file__).parents[1] / "templates"
# In the terminal; the files have all.
_SHOWN = 8
_MAX_LABELS = 40
_SPLITS: Sentences = {TRAIN: "train", DEV: "dev"}
_LABEL_COLUMNS: Sentences = {"theme": "theme | train | dev", "stance": "stance | train | dev"}
_ROWS_BY: Sentences = {"theme": "Rows by theme", "stance": "Rows by stance"}
_AGREEMENTS: Sentences = {
    "theme": "agreement on the theme, {n} paragraphs: Krippendorff's alpha {alpha}",
    "stance": "agreement on the stance, {n} paragraphs: Krippendorff's alpha {alpha}",
}
_AGREEMENT_TITLES: Sentences = {"theme": "Agreement on the theme", "stance": "Agreement on the stance"}


def to_json(report: AuditReport) -> str:
    """The whole report as a JSON object."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=2) + "\n"


def findings_bytes(report: AuditReport) -> bytes:
    """A JSON line for each finding, the worst kinds first."""
    lines = (json.dumps(asdict(finding), ensure_ascii=False) + "\n" for finding in report.findings)
    return "".join(lines).encode()


def to_text(report: AuditReport) -> str:
    """The report for a terminal: counts in full, of each kind of finding the first few."""
    lines = [*_table(columns("file | split | rows | usable | documents"), _file_rows(report)), ""]
    lengths = text(
        "texts: median {median} characters, longest {longest}",
        median=f"{report.median_chars:,}",
        longest=f"{report.longest_chars:,}",
    )
    lines += [lengths, ""]
    for head, labels in report.labels.items():
        rows = [(label, str(n.get(TRAIN, 0)), str(n.get(DEV, 0))) for label, n in labels.items()]
        lines += _table(columns(_LABEL_COLUMNS[head]), rows[:_MAX_LABELS])
        more = len(rows) - _MAX_LABELS
        lines += [text("… {n} more labels", n=more), ""] if more > 0 else [""]
    for agreement in report.agreement:
        lines += [*_agreement_lines(agreement), ""]
    for kind, meaning in KINDS.items():
        lines += _kind_lines(report.of_kind(kind), text(meaning))
    if not report.findings:
        lines += [text("nothing to look at")]
    return "\n".join(lines).rstrip() + "\n"


def to_html(report: AuditReport) -> str:
    """The report as one page without anything outside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals |= {
        "agreement_titles": _AGREEMENT_TITLES,
        "columns": columns,
        "defined": _defined,
        "label_columns": _LABEL_COLUMNS,
        "language": language_tag(),
        "rows_by": _ROWS_BY,
        "splits": _SPLITS,
        "text": text,
        "translated": translated,
    }
    kinds = [
        (kind, text(meaning), found) for kind, meaning in KINDS.items() if (found := report.of_kind(kind))
    ]
    most = {head: max(sum(n.values()) for n in labels.values()) for head, labels in report.labels.items()}
    template = environment.get_template("audit.html")
    return template.render(report=report, kinds=kinds, most=most) + "\n"


def _defined(value: float | None) -> str:
    return text("undefined") if value is None else f"{value:.3f}"


def _agreement_lines(agreement: Agreement) -> Iterator[str]:
    yield text(_AGREEMENTS[agreement.head], n=f"{agreement.n:,}", alpha=_defined(agreement.alpha))
    for pair in agreement.pairs:
        yield text(
            "  {first} and {second}: {n} paragraphs, {share} the same, kappa {kappa}",
            first=pair.first,
            second=pair.second,
            n=f"{pair.n:,}",
            share=f"{pair.agreement:.1%}",
            kappa=_defined(pair.kappa),
        )


def _file_rows(report: AuditReport) -> list[tuple[str, ...]]:
    return [
        (
            found.file,
            text(_SPLITS[found.split]),
            f"{found.rows:,}",
            f"{found.usable:,}",
            f"{found.documents:,}",
        )
        for found in report.files
    ]


def _kind_lines(findings: Sequence[Finding], meaning: str) -> list[str]:
    if not findings:
        return []
    likely = sum(finding.likely for finding in findings)
    lines = [
        text(
            "{n} {meaning}, {likely} of them likely errors" if likely else "{n} {meaning}",
            n=f"{len(findings):,}",
            meaning=meaning,
            likely=f"{likely:,}",
        )
    ]
    for finding in findings[:_SHOWN]:
        other = f" ({finding.other})" if finding.other else ""
        lines += [f"  {finding.file}:{finding.line}: {translated(finding.message)}{other}"]
        lines += [f"      {' '.join(finding.text.split())}"] if finding.text.strip() else []
    if len(findings) > _SHOWN:
        lines += [text("  … {n} more; --html or --fix has all", n=f"{len(findings) - _SHOWN:,}")]
    return [*lines, ""]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [tuple(header), *map(tuple, rows)]
    widths = [max(_width(row[at]) for row in cells) for at in range(len(header))]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) if at == 0 else " " * (width - _width(cell)) + cell
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _width(cell: str) -> int:
    """Columns that a terminal gives the cell: two for each Chinese character."""
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in cell)
