"""Where results go: standard output, or a file that appears only when it is whole; JSONL, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from policylens.data.errors import ConfigError
from policylens.infer.rows import FIELDS, Row

if TYPE_CHECKING:
    import pyarrow as pa

# Rows in one row group of a Parquet file: some 10 MB of text, which every reader can hold.
_ROW_GROUP = 8192


class TableFormat(StrEnum):
    """File formats of tagged paragraphs."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class ReportFormat(StrEnum):
    """File formats of digests."""

    MD = "md"
    HTML = "html"
    JSON = "json"


_TABLE_SUFFIXES = {".csv": TableFormat.CSV, ".parquet": TableFormat.PARQUET, ".pq": TableFormat.PARQUET}
_REPORT_SUFFIXES = {".html": ReportFormat.HTML, ".htm": ReportFormat.HTML, ".json": ReportFormat.JSON}


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
    """The format asked for, else the one of the file's suffix, else Markdown."""
    return given or _REPORT_SUFFIXES.get(out.suffix.lower() if out else "", ReportFormat.MD)


def is_stdout(out: Path | None) -> bool:
    """Whether results go to standard output: no file named, or "-"."""
    return out is None or str(out) == "-"


@contextmanager
def open_output(out: Path | None) -> Iterator[BinaryIO]:
    """Open a file, or standard output, for writing bytes.

    A file is written beside its final place under another name and renamed when the block ends without an
    error, so that what bears the final name is always whole.

    Raises:
        ConfigError: The file cannot be written.
    """
    if out is None or is_stdout(out):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # A link keeps pointing to the file; a device such as /dev/null must not be replaced by one.
    target = out.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    direct = target.exists() and not target.is_file()
    try:
        with (target if direct else part).open("wb") as stream:
            yield stream
        if not direct:
            part.replace(target)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename not in (None, *map(str, (target, part))):
            raise
        raise ConfigError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def open_table(out: Path | None, *, form: TableFormat) -> Iterator[Callable[[Row], None]]:
    """Open a table for writing row by row, in constant memory.

    Args:
        out: The file; None or "-" for standard output.
        form: JSON lines are written as they come. The columns of CSV and Parquet are known only after the
            last row, since inputs carry different fields: rows wait in a temporary file until then.

    Yields:
        The function that takes a row. Lists and objects become JSON text in CSV.

    Raises:
        ConfigError: The file cannot be written.
    """
    with open_output(out) as stream:
        if form is TableFormat.JSONL:
            flush = is_stdout(out)
            yield lambda row: _write_line(row, stream, flush=flush)
            return
        with tempfile.TemporaryFile() as spool:
            columns: dict[str, set[type]] = {name: set() for name in FIELDS}
            yield lambda row: _spool(row, spool, columns)
            spool.seek(0)
            rows: Iterator[Row] = map(json.loads, spool)
            if form is TableFormat.CSV:
                _write_csv(rows, columns, stream)
            else:
                _write_parquet(rows, columns, stream)


def _json_line(row: Mapping[str, object]) -> str:
    """One row as a line of JSON, Chinese as it is."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def _write_line(row: Row, stream: BinaryIO, *, flush: bool) -> None:
    stream.write(_json_line(row).encode())
    if flush:
        stream.flush()


def _spool(row: Row, spool: IO[bytes], columns: dict[str, set[type]]) -> None:
    spool.write(_json_line(row).encode())
    for name, value in row.items():
        # A number that a float cannot hold exactly, such as a long id, is text in Parquet.
        exact = not isinstance(value, int) or abs(value) < 2**53
        columns.setdefault(name, set()).add(type(value) if exact else str)


def _write_csv(rows: Iterator[Row], columns: Mapping[str, object], stream: BinaryIO) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    text.detach()


def _cell(value: object) -> str:
    """A CSV cell: text as it is, null as an empty cell, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_parquet(rows: Iterator[Row], columns: Mapping[str, set[type]], stream: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(name, types)) for name, types in columns.items()])
    texts = [name for name in schema.names if name not in FIELDS and schema.field(name).type == pa.string()]
    with pq.ParquetWriter(stream, schema) as writer:
        while group := list(islice(rows, _ROW_GROUP)):
            for row in group:
                row.update({name: _cell(row[name]) for name in texts if row.get(name) is not None})
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _arrow_type(name: str, types: set[type]) -> pa.DataType:
    import pyarrow as pa

    match name:
        case "para" | "start" | "end":
            return pa.int64()
        case "theme_score" | "stance_score":
            return pa.float64()
        case "also":
            return pa.list_(pa.string())
        case "themes":
            return pa.list_(pa.struct([("theme", pa.string()), ("score", pa.float64())]))
    if name in FIELDS:
        return pa.string()
    # A carried field keeps a simple type that all its values share; else they are text, JSON if need be.
    match types - {type(None)}:
        case kinds if kinds == {bool}:
            return pa.bool_()
        case kinds if kinds == {int}:
            return pa.int64()
        case kinds if kinds == {float} or kinds == {int, float}:
            return pa.float64()
    return pa.string()
