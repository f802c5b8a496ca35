"""Label files and predictions, brought along to another version of a taxonomy, row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from policylens.data.errors import InputError
from policylens.data.label_formats.label_map import NotMapped
from policylens.data.readers.csv_lines import csv_lines
from policylens.data.readers.encoding import read_lines

Row = dict[str, object]

_LISTS = ("also", "themes", "theme_alt", "stance_alt")
# Maps one row: the new row, and what could not be mapped.
MapRow = Callable[[Mapping[str, object]], tuple[Row, list[NotMapped]]]


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A row that was set aside.

    Attributes:
        file: Its file.
        line: The line on which it starts.
        labels: Its labels that have no new one.
        row: The row as it was.
    """

    file: str
    line: int
    labels: tuple[NotMapped, ...]
    row: Mapping[str, object]


@dataclass
class Migration:
    """What came of a file: how many rows were written, and those that were set aside."""

    written: int = 0
    unmapped: list[Unmapped] = field(default_factory=list)


def migrate_file(path: Path, output: TextIO, map_row: MapRow) -> Migration:
    """Maps the labels of every row of a .jsonl or .csv file, in constant memory.

    Rows with a label that has no new one are not written but returned: a row with a wrong or missing label
    would be an error, or worse none, wherever it is read next.

    Args:
        path: The file; the format of what is written is the same.
        output: Takes the mapped rows.
        map_row: See `label_map.migrate_row`.

    Raises:
        InputError: The file cannot be read, is of another kind, or has a broken row; the message names it.
    """
    suffix = path.suffix.lower()
    if suffix not in (".jsonl", ".csv"):
        raise InputError(f"{path}: expected a .jsonl or .csv file")
    done = Migration()
    try:
        with path.open("rb") as stream:
            if suffix == ".jsonl":
                _migrate_json_lines(_numbered(stream, path), path, output, map_row, done)
            else:
                _migrate_csv(csv_lines(stream, name=str(path)), path, output, map_row, done)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return done


def unmapped_as_dict(item: Unmapped) -> Row:
    """Fields of a row that was set aside, for a JSON line."""
    labels = [{"field": label.field, "label": label.label, "reason": label.reason} for label in item.labels]
    return {"file": item.file, "line": item.line, "labels": labels, "row": dict(item.row)}


def _numbered(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str]]:
    for line in read_lines(stream, name=str(path)):
        if line.error:
            raise InputError(f"{path}, line {line.number}: {line.error}")
        yield line.number, line.text


def _migrate_json_lines(
    lines: Iterable[tuple[int, str]], path: Path, output: TextIO, map_row: MapRow, done: Migration
) -> None:
    for number, text in lines:
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object, got {type(row).__name__}")
        fresh = _take(row, number, path, map_row, done)
        if fresh is not None:
            output.write(json.dumps(fresh, ensure_ascii=False) + "\n")


def _migrate_csv(lines: Iterable[str], path: Path, output: TextIO, map_row: MapRow, done: Migration) -> None:
    reader = csv.DictReader(lines, strict=True)
    try:
        columns = list(reader.fieldnames or [])
        writer = csv.DictWriter(_RowEnds(output), columns, lineterminator="\r\n", extrasaction="ignore")
        writer.writeheader()
        start = reader.line_num + 1
        for cells in reader:
            if None in cells:
                raise InputError(f"{path}, line {start}: more cells than the header has columns")
            fresh = _take(
                {name: _value(name, cell) for name, cell in cells.items()}, start, path, map_row, done
            )
            if fresh is not None:
                writer.writerow({name: _cell(fresh.get(name)) for name in columns})
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from error


class _RowEnds:
    """Ends rows with a line feed.

    The csv module quotes a cell with a line end only where that is part of its own (Python 3.11): with a line
    feed as the end of rows, a lone CR in a cell would end the row when the file is read again.
    """

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, row: str) -> int:
        return self._output.write(row.removesuffix("\r\n") + "\n")


def _take(row: Row, line: int, path: Path, map_row: MapRow, done: Migration) -> Row | None:
    fresh, failures = map_row(row)
    if failures:
        done.unmapped.append(Unmapped(str(path), line, tuple(failures), row))
        return None
    done.written += 1
    return fresh


def _value(name: str, cell: str | None) -> object:
    """The lists in a CSV of `classify` are JSON; anything else is text."""
    if name in _LISTS and cell is not None and cell.startswith("["):
        try:
            value = json.loads(cell)
        except ValueError:
            return cell
        return value if isinstance(value, list) else cell
    return cell


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
