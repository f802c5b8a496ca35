"""Joins pointers with texts that the user has fetched: labels by hash, context from where the text stands."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from policylens.data.errors import InputError, MissingExtraError
from policylens.data.label_formats.label_rows import Row
from policylens.data.pointers import Pointer, text_hash
from policylens.data.read import InputFailure, expand_inputs, is_records, open_input, read_document
from policylens.data.readers.encoding import decode
from policylens.data.records import Document
from policylens.data.reflow import reflow

logger = logging.getLogger(__name__)

# Fields of a record that say where its text stands; they are kept beside it.
_CONTEXT_FIELDS = ("id", "doc", "title", "heading", "prev")
# A model reads 60 characters of the previous paragraph; more only makes the file larger.
_MAX_PREV = 160
_MAX_CELL = 1 << 28


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many pointers of one source found their text."""

    source: str
    found: int
    total: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Labelled rows and what was read for them.

    Attributes:
        rows: A row for each pointer that found its text, in the order of the pointers.
        counts: By source, in the order of the pointers.
        files: How many files were read.
        failures: Files that could not be read.
    """

    rows: list[Row]
    counts: list[SourceCount]
    files: int
    failures: list[InputFailure]


def rebuild(folder: Path, pointers: Sequence[Pointer]) -> Rebuilt:
    """Labelled rows from every file under a folder that can be read.

    Candidates are every text field of a record, every paragraph and every line of a document: what has the
    hash of a pointer is its text, whatever field or file it stands in. Where a text is found several times,
    the place with the most context (title, heading, previous paragraph, document) gives the row.

    Raises:
        InputError: The folder is none or holds no supported file, or no pointer found its text.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name the one that the collections were fetched into")
    wanted = {pointer.sha256 for pointer in pointers}
    best: dict[str, Row] = {}
    failures: list[InputFailure] = []
    n_files = 0
    for item in expand_inputs([str(folder)]):
        if not isinstance(item, Path):
            failures.append(item if isinstance(item, InputFailure) else InputFailure(item, "not a file"))
            continue
        try:
            for candidate in _candidates(item):
                key = text_hash(str(candidate["text"]))
                if key in wanted and len(candidate) > len(best.get(key, ())):
                    best[key] = candidate
            n_files += 1
        except (InputError, MissingExtraError) as error:
            failures.append(InputFailure(str(item), str(error)))
    rows = [_labelled(best[pointer.sha256], pointer) for pointer in pointers if pointer.sha256 in best]
    if not rows:
        raise InputError(
            f"{folder}: none of {len(pointers):,} pointers found its text in {n_files:,} files; "
            "the data card lists where the collections come from"
        )
    return Rebuilt(rows, _counts(pointers, best), n_files, failures)


def _labelled(candidate: Row, pointer: Pointer) -> Row:
    row: Row = {"id": f"{pointer.source}-{pointer.sha256[:10]}", "source": pointer.source, **candidate}
    row |= {"theme": pointer.theme, "also": list(pointer.also), "stance": pointer.stance}
    return {key: value for key, value in row.items() if value not in ("", [])} | {
        "confidence": pointer.confidence
    }


def _counts(pointers: Sequence[Pointer], found: Mapping[str, Row]) -> list[SourceCount]:
    totals = Counter(pointer.source for pointer in pointers)
    hits = Counter(pointer.source for pointer in pointers if pointer.sha256 in found)
    return [SourceCount(source, hits[source], total) for source, total in totals.items()]


def _candidates(path: Path) -> Iterator[Row]:
    """Texts of a file that a pointer may mean, each with what is known about its place."""
    if not is_records(path):
        yield from _of_document(read_document(path))
        return
    for record in _records(path):
        if isinstance(record, dict):
            yield from _of_record(record, doc=path.stem)


def _of_document(document: Document) -> Iterator[Row]:
    for par in reflow(document):
        yield _row(par.text, doc=par.doc, title=par.title, heading=par.heading, prev=par.prev)
    # Collections were often cut at line ends, where reflow joins what belongs together.
    yield from _lines(document.text, {"doc": document.doc, "title": document.title})


def _of_record(record: Mapping[str, object], *, doc: str) -> Iterator[Row]:
    context = {key: str(record[key]) for key in _CONTEXT_FIELDS if isinstance(record.get(key), str | int)}
    context.setdefault("doc", context.get("title") or doc)
    for key, value in record.items():
        if isinstance(value, str) and key not in _CONTEXT_FIELDS and value.strip():
            yield _row(value, **context)
            if "\n" in value.strip():
                yield from _lines(value, {key: context[key] for key in ("doc", "title") if key in context})


def _lines(text: str, context: Mapping[str, str]) -> Iterator[Row]:
    prev = ""
    for line in filter(None, map(str.strip, text.split("\n"))):
        yield _row(line, prev=prev, **context)
        prev = line


def _row(text: str, **context: str) -> Row:
    filled = {key: value for key, value in context.items() if value}
    if "prev" in filled:
        filled["prev"] = filled["prev"][:_MAX_PREV]
    return {**{key: filled[key] for key in _CONTEXT_FIELDS if key in filled}, "text": text}


def _records(path: Path) -> Iterable[object]:
    """Records of any shape: unlike for `classify`, no field has to be called text.

    Raises:
        InputError: The file cannot be read, decoded or parsed.
    """
    with open_input(path) as stream:
        data = stream.read()
    text = decode(data, name=str(path))
    try:
        match path.suffix.lower():
            case ".csv":
                return _table(text)
            case ".json":
                value = json.loads(text)
                return value if isinstance(value, list) else [value]
    except (csv.Error, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as {path.suffix} ({error})") from None
    return _json_lines(text, path)


def _table(text: str) -> list[dict[str, str]]:
    # Whole documents stand in the cells of such collections; the csv module stops at 131,072 characters.
    limit = csv.field_size_limit(_MAX_CELL)
    try:
        return list(csv.DictReader(io.StringIO(text)))
    finally:
        csv.field_size_limit(limit)


def _json_lines(text: str, path: Path) -> list[object]:
    lines = [line for line in text.split("\n") if line.strip()]
    records = []
    for line in lines:
        with suppress(ValueError, RecursionError):
            records.append(json.loads(line))
    if not records:
        raise InputError(f"{path}: cannot be read as {path.suffix} (no line is valid JSON)")
    if len(records) < len(lines):
        logger.warning("%s: %d lines are no valid JSON and are left out", path, len(lines) - len(records))
    return records
