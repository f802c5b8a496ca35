"""From what the user names (files, folders, patterns, "-") to documents and records."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from policylens.data.errors import InputError
from policylens.data.limits import DEFAULT_LIMITS, Limits, too_large
from policylens.data.paths import (
    DOCUMENT_SUFFIXES,
    RECORD_SUFFIXES,
    STDIN,
    InputFailure,
    document_name,
    expand_inputs,
    open_input,
    shown,
    unsupported,
)
from policylens.data.readers.encoding import decode
from policylens.data.readers.read_docx import read_docx
from policylens.data.readers.read_html import read_html
from policylens.data.readers.read_pdf import read_pdf
from policylens.data.readers.read_records import (
    RecordError,
    is_json_record,
    records_from_csv,
    records_from_json_array,
    records_from_json_lines,
)
from policylens.data.records import Document, Paragraph

__all__ = [
    "DOCUMENT_SUFFIXES",
    "RECORD_SUFFIXES",
    "STDIN",
    "InputFailure",
    "RecordError",
    "expand_inputs",
    "is_records",
    "open_input",
    "read_document",
    "read_records",
    "read_stdin",
]


def is_records(path: str | Path) -> bool:
    """Whether a file holds records (for `read_records`) rather than a document, by its suffix."""
    return Path(path).suffix.lower() in RECORD_SUFFIXES


def read_document(
    path: str | Path,
    *,
    doc: str | None = None,
    data: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Document:
    """Read one document.

    Args:
        path: A file with one of `DOCUMENT_SUFFIXES`; with `data` only its name counts, and "-" means text.
        doc: Name used in citations; the file's stem ("stdin" for "-") unless given.
        data: The bytes, where they do not come from the file.
        limits: What is too large to be read.

    Raises:
        InputError: The file cannot be read or decoded, is damaged, empty or over a limit, or has an unknown
            suffix.
        MissingExtraError: The format needs a package that is not installed.
    """
    name = shown(path)
    suffix = ".txt" if name == STDIN else Path(path).suffix.lower()
    if suffix not in DOCUMENT_SUFFIXES:
        raise InputError(unsupported(path))
    try:
        if data is None:
            with open_input(path) as stream:
                data = _read_all(stream, suffix, name=name, limits=limits)
        else:
            _check_size(len(data), suffix, name=name, limits=limits)
        document = _document(data, suffix, doc=doc or document_name(path), name=name, limits=limits)
    except MemoryError:
        raise InputError(f"{name}: needs more memory than there is; split it") from None
    limits.check_text(document.text, name=name)
    return document


def read_records(
    path: str | Path,
    *,
    text_field: str = "text",
    title_field: str = "title",
    doc: str | None = None,
    stream: BinaryIO | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Paragraph | RecordError]:
    """Read the records of a .jsonl, .csv or .json file one by one, .jsonl and .csv in constant memory.

    Each record with text is one body paragraph as it stands. The fields `id`, `doc`, `para`, `kind`,
    `heading`, `prev`, `start` and `end` are used where they are there; all others go into `Paragraph.extra`.

    Args:
        path: The file.
        text_field: Field or column with the text.
        title_field: Field or column with the document's title.
        doc: Name used in citations for records without `doc`; the file's stem unless given.
        stream: The open file, where the caller wants to see how far it is read; closed in the end.
        limits: What is too large to be read; only `parsed_mb` holds for records.

    Yields:
        A paragraph, or a `RecordError` in the place of a record that cannot be used.

    Raises:
        InputError: The file as a whole cannot be read, is empty, or has no such column.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in RECORD_SUFFIXES:
        raise InputError(unsupported(path, RECORD_SUFFIXES))
    fields = {"doc": doc or document_name(path), "text_field": text_field, "title_field": title_field}
    with stream or open_input(path) as opened:
        yield from _records(opened, suffix, name=shown(path), limits=limits, fields=fields)


def read_stdin(
    stream: BinaryIO,
    *,
    text_field: str = "text",
    title_field: str = "title",
    limits: Limits = DEFAULT_LIMITS,
) -> Document | Iterator[Paragraph | RecordError]:
    """Read standard input: JSON lines if its first line is a JSON object with the text field, else text.

    Args:
        stream: `sys.stdin.buffer`; records are read from it while they are used.
        text_field: Field with the text.
        title_field: Field with the document's title.
        limits: What is too large to be read.

    Raises:
        InputError: The input is empty, over a limit, or cannot be decoded.
    """
    most = max(limits.text_bytes, limits.parsed_bytes)
    lines: list[bytes] = []
    taken = 0
    while taken <= most and (line := stream.readline(most + 1 - taken)):
        lines.append(line)
        taken += len(line)
        if line.removeprefix(codecs.BOM_UTF8).strip():
            break
    if lines and is_json_record(lines[-1], text_field=text_field):
        chained = io.BufferedReader(_Chained(b"".join(lines), stream))
        fields = {"doc": document_name(STDIN), "text_field": text_field, "title_field": title_field}
        return _records(chained, ".jsonl", name=STDIN, limits=limits, fields=fields)
    rest = stream.read(max(0, limits.text_bytes + 1 - taken))
    return read_document(STDIN, data=b"".join(lines) + rest, limits=limits)


class _Chained(io.RawIOBase):
    """Bytes already taken from a stream, then the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._parts: list[BinaryIO] = [io.BytesIO(head), rest]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        # readline, not read: a pipe must not wait for a full buffer before the first record is used.
        for part in self._parts:
            if taken := part.readline(len(buffer)):
                buffer[: len(taken)] = taken
                return len(taken)
        return 0


def _records(
    stream: BinaryIO, suffix: str, *, name: str, limits: Limits, fields: Mapping[str, str]
) -> Iterator[Paragraph | RecordError]:
    if suffix == ".json":
        data = _read_all(stream, suffix, name=name, limits=limits)
        if not data.strip():
            raise InputError(f"{name}: is empty")
        found = records_from_json_array(data, name=name, **fields)
    else:
        read = records_from_csv if suffix == ".csv" else records_from_json_lines
        found = read(stream, name=name, limits=limits, **fields)
    empty = True
    for item in found:
        empty = False
        yield item
    if empty:
        raise InputError(f"{name}: holds no records")


def _document(data: bytes, suffix: str, *, doc: str, name: str, limits: Limits) -> Document:
    if not data.strip():
        raise InputError(f"{name}: is empty")
    match suffix:
        case ".html" | ".htm":
            return read_html(data, doc=doc, path=name)
        case ".docx":
            return read_docx(data, doc=doc, path=name, limits=limits)
        case ".pdf":
            return read_pdf(data, doc=doc, path=name, limits=limits)
    text = decode(data, name=name)
    if not text.strip():
        raise InputError(f"{name}: is empty")
    return Document(doc=doc, text=text, path=name)


def _read_all(stream: BinaryIO, suffix: str, *, name: str, limits: Limits) -> bytes:
    """The whole stream, or an error after reading one byte more than it may have."""
    most, _ = _most_bytes(suffix, limits)
    data = stream.read(most + 1)
    _check_size(len(data), suffix, name=name, limits=limits)
    return data


def _check_size(size: int, suffix: str, *, name: str, limits: Limits) -> None:
    most, limit = _most_bytes(suffix, limits)
    if size > most:
        characters = limit == "chars"
        what = (
            f"holds more than {limits.chars:,} characters"
            if characters
            else f"holds more than {most:,} bytes"
        )
        raise too_large(name, what, limit, getattr(limits, limit))


def _most_bytes(suffix: str, limits: Limits) -> tuple[int, str]:
    """How large a file of this kind may be, in bytes, and the limit that says so."""
    if suffix in (".txt", ".md"):
        return limits.text_bytes, "chars" if limits.text_bytes < limits.file_bytes else "file_mb"
    if suffix in (".html", ".htm", ".json"):
        return limits.parsed_bytes, "parsed_mb"
    return limits.file_bytes, "file_mb"
