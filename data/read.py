"""From what the user names (files, folders, patterns, "-") to documents and records."""

from __future__ import annotations

import codecs
import glob
import io
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from policylens.data.errors import InputError
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

DOCUMENT_SUFFIXES = (".txt", ".md", ".html", ".htm", ".docx", ".pdf")
RECORD_SUFFIXES = (".jsonl", ".csv", ".json")
STDIN = "-"

_SUPPORTED = ", ".join((*DOCUMENT_SUFFIXES, *RECORD_SUFFIXES))


@dataclass(frozen=True, slots=True)
class InputFailure:
    """An input, or a record of one, that cannot be used; the others go on.

    Attributes:
        path: What the user wrote.
        message: Why it cannot be used, with the input in it.
        line: Line of the record that cannot be used, its number in a `.json` array; None for a whole input.
        error: Short code: "unreadable", "missing_extra", or that of a `RecordError`.
    """

    path: str
    message: str
    line: int | None = None
    error: str = "unreadable"


def expand_inputs(inputs: Sequence[str]) -> list[str | Path | InputFailure]:
    """Turn files, folders (with all below them), glob patterns and "-" into single inputs, each once.

    Folders and patterns give supported files only, sorted by path; hidden files and the lock files of Word
    (`~$…`) are left out. What cannot be used stands in its place as an `InputFailure`.
    """
    found: list[str | Path | InputFailure] = []
    seen: set[str] = set()
    for given in inputs:
        for item in _expand(given):
            key = os.path.realpath(item) if isinstance(item, Path) else repr(item)
            if key not in seen:
                seen.add(key)
                found.append(item)
    return found


def is_records(path: str | Path) -> bool:
    """Whether a file holds records (for `read_records`) rather than a document, by its suffix."""
    return Path(path).suffix.lower() in RECORD_SUFFIXES


def read_document(path: str | Path, *, doc: str | None = None, data: bytes | None = None) -> Document:
    """Read one document.

    Args:
        path: A file with one of `DOCUMENT_SUFFIXES`; with `data` only its name counts, and "-" means text.
        doc: Name used in citations; the file's stem ("stdin" for "-") unless given.
        data: The bytes, where they do not come from the file.

    Raises:
        InputError: The file cannot be read or decoded, is damaged or empty, or has an unknown suffix.
        MissingExtraError: The format needs a package that is not installed.
    """
    name = str(path)
    suffix = ".txt" if name == STDIN else Path(path).suffix.lower()
    if suffix not in DOCUMENT_SUFFIXES:
        raise InputError(_unsupported(name))
    if data is None:
        with open_input(path) as stream:
            data = stream.read()
    if not data.strip():
        raise InputError(f"{name}: is empty")
    doc = doc or _stem(path)
    match suffix:
        case ".html" | ".htm":
            return read_html(data, doc=doc, path=name)
        case ".docx":
            return read_docx(data, doc=doc, path=name)
        case ".pdf":
            return read_pdf(data, doc=doc, path=name)
    text = decode(data, name=name)
    if not text.strip():
        raise InputError(f"{name}: is empty")
    return Document(doc=doc, text=text, path=name)


def read_records(
    path: str | Path,
    *,
    text_field: str = "text",
    title_field: str = "title",
    doc: str | None = None,
    stream: BinaryIO | None = None,
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

    Yields:
        A paragraph, or a `RecordError` in the place of a record that cannot be used.

    Raises:
        InputError: The file as a whole cannot be read, is empty, or has no such column.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in RECORD_SUFFIXES:
        raise InputError(_unsupported(str(path), RECORD_SUFFIXES))
    with stream or open_input(path) as opened:
        yield from _records(
            opened,
            suffix,
            name=str(path),
            doc=doc or _stem(path),
            text_field=text_field,
            title_field=title_field,
        )


def read_stdin(
    stream: BinaryIO, *, text_field: str = "text", title_field: str = "title"
) -> Document | Iterator[Paragraph | RecordError]:
    """Read standard input: JSON lines if its first line is a JSON object with the text field, else text.

    Args:
        stream: `sys.stdin.buffer`; records are read from it while they are used.
        text_field: Field with the text.
        title_field: Field with the document's title.

    Raises:
        InputError: The input is empty or cannot be decoded.
    """
    lines = []
    for line in stream:
        lines.append(line)
        if line.removeprefix(codecs.BOM_UTF8).strip():
            break
    if lines and is_json_record(lines[-1], text_field=text_field):
        chained = io.BufferedReader(_Chained(b"".join(lines), stream))
        return _records(
            chained, ".jsonl", name=STDIN, doc=_stem(STDIN), text_field=text_field, title_field=title_field
        )
    return read_document(STDIN, data=b"".join(lines) + stream.read())


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
    stream: BinaryIO, suffix: str, *, name: str, doc: str, text_field: str, title_field: str
) -> Iterator[Paragraph | RecordError]:
    empty = True
    if suffix == ".json":
        data = stream.read()
        if not data.strip():
            raise InputError(f"{name}: is empty")
        found = records_from_json_array(
            data, name=name, doc=doc, text_field=text_field, title_field=title_field
        )
    else:
        read = records_from_csv if suffix == ".csv" else records_from_json_lines
        found = read(stream, name=name, doc=doc, text_field=text_field, title_field=title_field)
    for item in found:
        empty = False
        yield item
    if empty:
        raise InputError(f"{name}: holds no records")


def _expand(given: str) -> Iterator[str | Path | InputFailure]:
    if given == STDIN:
        yield given
        return
    path = Path(given)
    if not given:
        yield InputFailure(given, "an input is empty; expected a file, a folder, a pattern or -")
    elif path.is_dir():
        yield from _nonempty(_walk(path), given, f"{given}: holds no supported file ({_SUPPORTED})")
    elif path.exists():
        supported = path.suffix.lower() in (*DOCUMENT_SUFFIXES, *RECORD_SUFFIXES)
        yield path if supported else InputFailure(given, _unsupported(given))
    elif glob.has_magic(given):
        message = f"{given}: matches no supported file ({_SUPPORTED})"
        yield from _nonempty(_matches(given), given, message)
    else:
        yield InputFailure(given, f"{given}: does not exist; expected a file, a folder, a pattern or -")


def _nonempty(
    items: Iterator[Path | InputFailure], given: str, message: str
) -> Iterator[Path | InputFailure]:
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        yield InputFailure(given, message)


def _matches(pattern: str) -> Iterator[Path | InputFailure]:
    # A pattern may start anywhere, which Path.glob cannot do.
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207
        path = Path(match)
        if path.is_dir():
            yield from _walk(path)
        elif _is_wanted(path.name):
            yield path


def _walk(folder: Path) -> Iterator[Path | InputFailure]:
    failures: list[InputFailure] = []

    def note(error: OSError) -> None:
        failures.append(
            InputFailure(str(error.filename), f"{error.filename}: cannot be read ({error.strerror})")
        )

    files: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files.extend(Path(parent) / name for name in names if _is_wanted(name))
    yield from sorted(files)
    yield from failures


def _is_wanted(name: str) -> bool:
    suffix = Path(name).suffix.lower()
    return suffix in (*DOCUMENT_SUFFIXES, *RECORD_SUFFIXES) and not name.startswith((".", "~$"))


def open_input(path: str | Path) -> BinaryIO:
    """Open a regular file; a pipe or device could block or never end.

    Raises:
        InputError: It is something else or cannot be opened.
    """
    name = str(path)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a path with a NUL raises here, not in a helper of pathlib
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise InputError(f"{name}: is {kind}; give a file, or pipe the text in and give -")
        return Path(path).open("rb")
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"{name!r}: is not a file name ({error})") from None


def _stem(path: str | Path) -> str:
    return "stdin" if str(path) == STDIN else Path(path).stem


def _unsupported(name: str, expected: Sequence[str] = (*DOCUMENT_SUFFIXES, *RECORD_SUFFIXES)) -> str:
    suffix = Path(name).suffix or "no suffix"
    return f"{name}: cannot be read as {suffix}; expected {', '.join(expected)}"
