"""An audit as text for the terminal, as JSON, as one HTML page, and as a list to work through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from policylens.train.labelling.audit import KINDS, AuditReport, Finding
from policylens.train.labelling.audit_rows import DEV, TRAIN

_TEMPLATES = Path(__file__).parents[1] / "templates"
# In the terminal; the files have all.
_SHOWN = 8
_MAX_LABELS = 40


def to_json(report: AuditReport) -> str:
    """The whole report as a JSON object."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=2) + "\n"


def findings_bytes(report: AuditReport) -> bytes:
    """A JSON line for each finding, the worst kinds first."""
    lines = (json.dumps(asdict(finding), ensure_ascii=False) + "\n" for finding in report.findings)
    return "".join(lines).encode()


def to_text(report: AuditReport) -> str:
    """The report for a terminal: counts in full, of each kind of finding the first few."""
    lines = [*_table(("file", "split", "rows", "usable", "documents"), _file_rows(report)), ""]
    lines += [f"texts: median {report.median_chars:,} characters, longest {report.longest_chars:,}", ""]
    for head, labels in report.labels.items():
        rows = [(label, str(n.get(TRAIN, 0)), str(n.get(DEV, 0))) for label, n in labels.items()]
        lines += _table((head, TRAIN, DEV), rows[:_MAX_LABELS])
        lines += [f"… {len(rows) - _MAX_LABELS} more labels", ""] if len(rows) > _MAX_LABELS else [""]
    for agreement in report.agreement:
        alpha = "undefined" if agreement.alpha is None else f"{agreement.alpha:.3f}"
        lines += [
            f"agreement on the {agreement.head}, {agreement.n:,} paragraphs: Krippendorff's alpha {alpha}"
        ]
        for pair in agreement.pairs:
            kappa = "undefined" if pair.kappa is None else f"{pair.kappa:.3f}"
            lines += [
                f"  {pair.first} and {pair.second}: {pair.n:,} paragraphs, {pair.agreement:.1%} the same, "
                f"kappa {kappa}"
            ]
        lines += [""]
    for kind, meaning in KINDS.items():
        lines += _kind_lines(report.of_kind(kind), meaning)
    if not report.findings:
        lines += ["nothing to look at"]
    return "\n".join(lines).rstrip() + "\n"


def to_html(report: AuditReport) -> str:
    """The report as one page without anything outside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    kinds = [(kind, meaning, found) for kind, meaning in KINDS.items() if (found := report.of_kind(kind))]
    most = {head: max(sum(n.values()) for n in labels.values()) for head, labels in report.labels.items()}
    template = environment.get_template("audit.html")
    return template.render(report=report, kinds=kinds, most=most) + "\n"


def _file_rows(report: AuditReport) -> list[tuple[str, ...]]:
    return [
        (found.file, found.split, f"{found.rows:,}", f"{found.usable:,}", f"{found.documents:,}")
        for found in report.files
    ]


def _kind_lines(findings: Sequence[Finding], meaning: str) -> list[str]:
    if not findings:
        return []
    likely = sum(finding.likely for finding in findings)
    note = f", {likely:,} of them likely errors" if likely else ""
    lines = [f"{len(findings):,} {meaning}{note}"]
    for finding in findings[:_SHOWN]:
        other = f" ({finding.other})" if finding.other else ""
        lines += [f"  {finding.file}:{finding.line}: {finding.message}{other}"]
        lines += [f"      {' '.join(finding.text.split())}"] if finding.text.strip() else []
    if len(findings) > _SHOWN:
        lines += [f"  … {len(findings) - _SHOWN:,} more; --html or --fix has all"]
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


def _width(text: str) -> int:
    """Columns that a terminal gives the text: two for each Chinese character."""
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
