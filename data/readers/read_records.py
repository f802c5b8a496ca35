"""Records (.jsonl, .csv, .json): one body paragraph each, as it stands, read as a stream."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, NoReturn, get_args

from policylens.data.cells import from_cell
from policylens.data.errors import InputError
from policylens.data.limits import DEFAULT_LIMITS, Limits
from policylens.data.readers.csv_lines import csv_lines
from policylens.data.readers.encoding import DecodedLine, decode, read_lines
from policylens.data.records import NO_EXTRA, Kind, Paragraph

_KINDS: frozenset[str] = frozenset(get_args(Kind))
# Deeper than any record of data, and far from where Python's own limit (about 1,000) would stop the writing.
_MAX_DEPTH = 100
# What Parquet holds as a whole number has 64 bits.
_TOO_MUCH = 10**18
_NO_NAME = re.compile(r"column_\d+")


@dataclass(frozen=True, slots=True)
class RecordError:
    """A record that cannot be used; the records after it follow.

    Attributes:
        input: The file, "-" for standard input.
        line: Line on which the record starts, from 1; its number in a `.json` array.
        error: Short code: "bad_encoding", "bad_json", "bad_csv", "not_an_object", "no_text", "bad_field",
            "too_large".
        message: What is wrong, with file and line.
    """

    input: str
    line: int
    error: str
    message: str


class _BadRecord(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    doc: str
    text_field: str
    title_field: str

    def paragraph(self, record: object, number: int) -> Paragraph:
        """The paragraph of the record with this number (from 1)."""
        if not isinstance(record, dict):
            raise _BadRecord("not_an_object", f"expected a JSON object, found {type(record).__name__}")
        fields = dict(record)
        text = self._text(fields)
        start = _integer(fields, "start", 0, least=0)
        end = _integer(fields, "end", start + len(text), least=start)
        heading = _string(fields, "heading")
        kind: Kind = fields.pop("kind") if _has_kind(fields) else "body"
        return Paragraph(
            doc=_string(fields, "doc") or self.doc,
            para=_integer(fields, "para", number, least=1),
            kind=kind,
            text=text,
            title=_string(fields, self.title_field),
            heading=heading,
            heading_path=(heading,) if heading else (),
            prev=_string(fields, "prev"),
            start=start,
            end=end,
            spans=((start, end),),
            id=_string(fields, "id"),
            extra=MappingProxyType(fields) if fields else NO_EXTRA,
        )

    def _text(self, fields: dict[str, object]) -> str:
        if self.text_field not in fields:
            found = ", ".join(map(str, fields)) or "none"
            raise _BadRecord("no_text", f"no field {self.text_field!r}; fields: {found} (see --text-field)")
        text = fields.pop(self.text_field)
        if not isinstance(text, str):
            raise _BadRecord("no_text", f"{self.text_field!r} is {type(text).__name__}, expected a string")
        if not text.strip():
            raise _BadRecord("no_text", f"{self.text_field!r} is empty")
        if "\0" in text:
            raise _BadRecord("bad_field", f"{self.text_field!r} holds a NUL character, so it is not text")
        return text

    def error(self, line: int, code: str, message: str) -> RecordError:
        """The error of the record that starts on this line."""
        return RecordError(self.name, line, code, f"{self.name}, line {line}: {message}")


def records_from_json_lines(
    stream: BinaryIO,
    *,
    name: str,
    doc: str,
    text_field: str,
    title_field: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Paragraph | RecordError]:
    """Read one JSON object a line, in constant memory; empty lines are skipped.

    Raises:
        InputError: The encoding cannot be told.
    """
    source = _Source(name, doc, text_field, title_field)
    number = 0
    for line in read_lines(stream, name=name, limits=limits):
        if not line.text.strip() and not line.error:
            continue
        number += 1
        try:
            yield source.paragraph(_parse(line), number)
        except _BadRecord as error:
            yield source.error(line.number, error.code, str(error))


def records_from_csv(
    stream: BinaryIO,
    *,
    name: str,
    doc: str,
    text_field: str,
    title_field: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Paragraph | RecordError]:
    """Read a CSV file with a header, in constant memory; line ends inside a field become line feeds.

    Raises:
        InputError: The encoding cannot be told or broken, or there is no column `text_field`.
    """
    source = _Source(name, doc, text_field, title_field)
    # A quote that is never closed ends as an error once a field reaches the limit of the csv module,
    # 131,072 characters, instead of taking in the rest of the file.
    reader = csv.reader(_csv_lines(stream, name=name, limits=limits), strict=True)
    header = _header(reader, source)
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
            if row is None:
                return
            if not any(row):
                continue
            number += 1
            yield source.paragraph(_fields(header, row), number)
        except csv.Error as error:
            number += 1
            yield source.error(line, "bad_csv", f"{error}; check the quotes of this record")
        except _BadRecord as error:
            yield source.error(line, error.code, str(error))


def records_from_json_array(
    data: bytes, *, name: str, doc: str, text_field: str, title_field: str
) -> Iterator[Paragraph | RecordError]:
    """Read a JSON file that holds an array of objects.

    Raises:
        InputError: The file is no JSON array.
    """
    source = _Source(name, doc, text_field, title_field)
    try:
        records = _load(decode(data, name=name))
    except (_BadRecord, ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not valid JSON ({error}); for one object a line use .jsonl") from None
    if not isinstance(records, list):
        raise InputError(f"{name}: expected a JSON array of objects, found {type(records).__name__}")
    for number, record in enumerate(records, start=1):
        try:
            yield source.paragraph(record, number)
        except _BadRecord as error:
            yield source.error(number, error.code, str(error))


def is_json_record(line: bytes, *, text_field: str) -> bool:
    """Whether a line is a JSON object with the text field: standard input holds records, not text."""
    if not line.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    try:
        record = json.loads(decode(line))
    except (InputError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and text_field in record


def _parse(line: DecodedLine) -> object:
    if line.error:
        raise _BadRecord("too_large" if line.too_large else "bad_encoding", line.error)
    try:
        return _load(line.text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise _BadRecord("bad_json", f"not valid JSON ({error})") from None


def _load(text: str) -> object:
    """Parse JSON that can be written again: no key twice, no NaN or infinity, no half characters."""
    value: object = json.loads(
        text, object_pairs_hook=_object, parse_constant=_reject_constant, parse_float=_finite
    )
    # So few brackets cannot nest deeper; counting is faster than walking through every record.
    if text.count("[") + text.count("{") > _MAX_DEPTH:
        _check_depth(value)
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(value)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _BadRecord("bad_json", f"has the key {twice!r} twice")
    return fields


def _reject_constant(value: str) -> NoReturn:
    raise _BadRecord("bad_json", f"{value} is not valid JSON; expected a number or null")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _BadRecord("bad_json", f"the number {digits[:20]} is too large")
    return number


def _check_depth(value: object) -> None:
    """Refuse what is nested so deep that it could be read but not be written.

    Raises:
        _BadRecord: It is.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise _BadRecord("bad_json", f"is nested deeper than {_MAX_DEPTH} levels")
        parents = [item for item in level if isinstance(item, dict | list)]
        level = [child for item in parents for child in (item.values() if isinstance(item, dict) else item)]


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _BadRecord("bad_json", "holds half a surrogate pair, which is no character") from None


def _csv_lines(stream: BinaryIO, *, name: str, limits: Limits) -> Iterator[str]:
    for line in csv_lines(stream, name=name, limits=limits):
        yield line.replace("\r\n", "\n").replace("\r", "\n")


def _header(reader: Iterator[list[str]], source: _Source) -> list[str]:
    try:
        header = [column.strip() for column in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"{source.name}: the header is not valid CSV ({error})") from None
    if not header:
        raise InputError(f"{source.name}: is empty")
    # Programs that write tables fill up the header with empty names; a cell under one must not be lost.
    header = [column or f"column_{number}" for number, column in enumerate(header, start=1)]
    twice = next((column for column in header if header.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{source.name}: has two columns {twice!r}; give each its own name")
    if source.text_field not in header:
        raise InputError(
            f"{source.name}: has no column {source.text_field!r}; columns: {', '.join(header)}; "
            "name the one with the text by --text-field"
        )
    return header


def _fields(header: list[str], row: list[str]) -> dict[str, object]:
    if len(row) > len(header):
        raise _BadRecord(
            "bad_csv", f"{len(row)} fields, the header has {len(header)}; put text with commas in quotes"
        )
    named = zip(header, row, strict=False)
    return {column: from_cell(cell) for column, cell in named if cell or not _NO_NAME.fullmatch(column)}


def _has_kind(fields: Mapping[str, object]) -> bool:
    kind = fields.get("kind")
    return isinstance(kind, str) and kind in _KINDS


def _string(fields: dict[str, object], name: str) -> str:
    value = fields.pop(name, None)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _BadRecord("bad_field", f"{name!r} is {type(value).__name__}, expected a string")
    return str(value)


def _integer(fields: dict[str, object], name: str, default: int, *, least: int) -> int:
    value = fields.pop(name, None)
    if value is None or value == "":
        return default
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < _TOO_MUCH:
        found = repr(value)
        shown = found if len(found) <= 40 else f"{found[:40]}…"
        raise _BadRecord("bad_field", f"{name!r} is {shown}, expected a whole number of at least {least}")
    return value
