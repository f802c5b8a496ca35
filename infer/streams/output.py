"""Where results go: standard output, or a file that appears only when it is whole; JSONL, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from policylens.data.cells import as_cell
from policylens.data.errors import ConfigError
from policylens.infer.streams.formats import TableFormat, is_stdout
from policylens.infer.streams.rows import ABSTENTION_FIELDS, FIELDS, Row

if TYPE_CHECKING:
    import pyarrow as pa

# Rows in one row group of a Parquet file: some 10 MB of text, which every reader can hold.
_ROW_GROUP = 8192


# Column of CSV and Parquet with the fields that inputs carry.
EXTRA = "extra"
COLUMNS = (*FIELDS, *ABSTENTION_FIELDS, EXTRA)


def is_file(out: Path | None) -> bool:
    """Whether results go to a file, which there may be already, rather than to a stream or device."""
    return out is not None and not is_stdout(out) and (out.is_file() or not out.exists())


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
        form: How rows are written; see `TableFormat`.

    Yields:
        The function that takes a row.

    Raises:
        ConfigError: The file cannot be written.
    """
    with open_output(out) as stream:
        if form is TableFormat.PARQUET:
            with _parquet_rows(stream) as write:
                yield write
            return
        flush = is_stdout(out)
        stream.write(header_bytes(form))

        def write_now(row: Row) -> None:
            stream.write(rows_bytes([row], form))
            if flush:
                stream.flush()

        yield write_now


def header_bytes(form: TableFormat) -> bytes:
    """What a text table begins with: the column names of CSV, nothing else."""
    return _csv_bytes([COLUMNS]) if form is TableFormat.CSV else b""


def rows_bytes(rows: Iterable[Row], form: TableFormat) -> bytes:
    """Rows as lines of a text table, JSONL or CSV."""
    if form is TableFormat.CSV:
        return _csv_bytes([as_cell(_cell(value)) for value in in_columns(row).values()] for row in rows)
    return "".join(_json(row) + "\n" for row in rows).encode()


def in_columns(row: Row) -> Row:
    """The row in `COLUMNS`: fields that inputs carry go, as one JSON object, into the last.

    The columns of CSV and Parquet have to be known before the first row is written, and only the last one
    would show which fields the inputs carry.
    """
    own = COLUMNS[:-1]
    carried = {name: value for name, value in row.items() if name not in own}
    return {**{name: row.get(name) for name in own}, EXTRA: _json(carried) if carried else None}


def parquet_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as an Arrow table with the columns `COLUMNS`, whose types are the same in every table."""
    import pyarrow as pa

    schema = pa.schema([(name, _arrow_type(name)) for name in COLUMNS])
    texts = [field.name for field in schema if field.type == pa.string()]
    cells = [in_columns(row) for row in rows]
    for row in cells:
        row.update({name: _cell(row[name]) for name in texts if row[name] is not None})
    return pa.Table.from_pylist(cells, schema=schema)


def merge_parquet(parts: Iterable[Path], target: Path) -> None:
    """Join Parquet files of `parquet_table` to one with large row groups, in constant memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(target, parquet_table([]).schema) as writer:
        waiting: list[pa.Table] = []
        for part in parts:
            waiting.append(pq.read_table(part))
            if sum(table.num_rows for table in waiting) >= _ROW_GROUP:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting.clear()
        if waiting:
            writer.write_table(pa.concat_tables(waiting).combine_chunks())


def _json(value: object) -> str:
    """A value as JSON, Chinese as it is."""
    return json.dumps(value, ensure_ascii=False)


def _csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    return "".join(map(_csv_line, rows)).encode()


def _csv_line(row: Sequence[str]) -> str:
    """One row. The module quotes what holds a part of its line end: a lone CR would else end the record."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue()[:-2] + "\n"


def _cell(value: object) -> str:
    """A CSV cell: text as it is, null as an empty cell, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


@contextmanager
def _parquet_rows(stream: BinaryIO) -> Iterator[Callable[[Row], None]]:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(stream, parquet_table([]).schema) as writer:
        waiting: list[Row] = []

        def write(row: Row) -> None:
            waiting.append(row)
            if len(waiting) == _ROW_GROUP:
                writer.write_table(parquet_table(waiting))
                waiting.clear()

        yield write
        if waiting:
            writer.write_table(parquet_table(waiting))


def _arrow_type(name: str) -> pa.DataType:
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
    return pa.string()
