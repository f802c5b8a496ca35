"""Formats of results, and which one is meant. No heavy imports: the help needs this module."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from policylens.data.errors import ConfigError


class TableFormat(StrEnum):
    """File formats of tagged paragraphs.

    JSONL has the fields that inputs carry beside ours. CSV and Parquet have `output.COLUMNS`; lists
    and objects are JSON text in CSV.
    """

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class ReportFormat(StrEnum):
    """File formats of digests."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    DOCX = "docx"


_TABLE_SUFFIXES = {".csv": TableFormat.CSV, ".parquet": TableFormat.PARQUET, ".pq": TableFormat.PARQUET}
_REPORT_SUFFIXES = {
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".json": ReportFormat.JSON,
    ".docx": ReportFormat.DOCX,
}


def table_format(out: Path | None, given: TableFormat | None = None) -> TableFormat:
    """The format asked for, else the one of the file's suffix, else JSONL.

    Raises:
        ConfigError: Parquet is to go to standard output.
    """
    form = given or _TABLE_SUFFIXES.get(out.suffix.lower() if out else "", TableFormat.JSONL)
    if form is TableFormat.PARQUET and is_stdout(out):
        raise ConfigError("parquet is binary and cannot go to standard output; name a file with -o")
    return form


def report_format(out: Path | None, given: ReportFormat | None = None) -> ReportFormat:
    """The format asked for, else the one of the file's suffix, else Markdown.

    Raises:
        ConfigError: DOCX is to go to standard output.
    """
    form = given or _REPORT_SUFFIXES.get(out.suffix.lower() if out else "", ReportFormat.MD)
    if form is ReportFormat.DOCX and is_stdout(out):
        raise ConfigError("docx is binary and cannot go to standard output; name a file with -o")
    return form


def is_stdout(out: Path | None) -> bool:
    """Whether results go to standard output: no file named, or "-"."""
    return out is None or str(out) == "-"
