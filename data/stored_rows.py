"""Labelled rows in a file that is mapped into memory, for more of them than a machine has room for.

Arrow's file format: a row is read where it lies, the operating system keeps what is used and drops the rest.
"""

from __future__ import annotations

import bisect
import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from policylens.data.labels import LabelledParagraph
from policylens.data.records import NO_EXTRA, Paragraph

# Up to so many rows stay objects: 2 kB each with texts of usual length, so 100 MB.
MAX_IN_MEMORY = 50_000
# Rows that are written, and mapped, as one piece: two megabytes.
_BATCH = 4_000

_TEXTS = ("doc", "kind", "text", "title", "heading", "prev", "id", "theme", "stance")
_LISTS = ("heading_path", "also", "theme_alt", "stance_alt")
_NUMBERS = ("para", "start", "end", "confidence")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        *((name, pa.list_(pa.string())) for name in _LISTS),
        *((name, pa.int64()) for name in _NUMBERS),
        ("spans", pa.list_(pa.int64())),
        ("extra", pa.string()),
    ]
)
_LABELS = ("theme", "also", "stance", "confidence", "theme_alt", "stance_alt")


class StoredRows(Sequence[LabelledParagraph]):
    """Rows of a file, or some of them; a row becomes an object when it is asked for.

    The file is removed with the last object that reads it.

    Args:
        file: What `store` has written.
        places: Numbers of the rows in the file, in order; None for all.
    """

    def __init__(self, file: _MappedFile, places: NDArray[np.int64] | None = None) -> None:
        """Map nothing more than the file."""
        self._file = file
        self._places = places

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._file) if self._places is None else len(self._places)

    @overload
    def __getitem__(self, index: int) -> LabelledParagraph: ...

    @overload
    def __getitem__(self, index: slice) -> StoredRows: ...

    def __getitem__(self, index: int | slice) -> LabelledParagraph | StoredRows:
        """A row, or rows that stay in the file."""
        if isinstance(index, slice):
            return self.select(range(*index.indices(len(self))))
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return self._file.row(at if self._places is None else int(self._places[at]))

    def __iter__(self) -> Iterator[LabelledParagraph]:
        """The rows in order."""
        return (self[at] for at in range(len(self)))

    def select(self, places: Iterable[int]) -> StoredRows:
        """Some of the rows by their numbers, without a copy."""
        chosen = np.fromiter(places, np.int64)
        return StoredRows(self._file, chosen if self._places is None else self._places[chosen])


def kept(
    rows: Iterable[LabelledParagraph], *, max_in_memory: int = MAX_IN_MEMORY
) -> Sequence[LabelledParagraph]:
    """The rows as a list, or in a file where there are more than `max_in_memory`.

    Args:
        rows: Read once, in constant memory.
        max_in_memory: Rows that a list may have.
    """
    stream = iter(rows)
    first = list(islice(stream, max_in_memory + 1))
    if len(first) <= max_in_memory:
        return first
    return store(_chained(first, stream))


def store(rows: Iterable[LabelledParagraph], folder: Path | None = None) -> StoredRows:
    """Writes the rows to a temporary file and maps it.

    Args:
        rows: Read once, in constant memory.
        folder: Where the file is written; default: the system's folder for temporary files ($TMPDIR).
    """
    # The file outlives this function: `_MappedFile` removes it.
    with tempfile.NamedTemporaryFile(
        prefix="policylens-rows-", suffix=".arrow", dir=folder, delete=False
    ) as stream:
        path = Path(stream.name)
        with pa.ipc.new_file(stream, _SCHEMA) as writer:
            source = iter(rows)
            while batch := list(islice(source, _BATCH)):
                writer.write_batch(_batch(batch))
    return StoredRows(_MappedFile(path))


class _MappedFile:
    """The file and where its pieces begin."""

    def __init__(self, path: Path) -> None:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            self._batches = [reader.get_batch(at) for at in range(reader.num_record_batches)]
        self._starts = [0, *accumulate(batch.num_rows for batch in self._batches)]
        self._remove = weakref.finalize(self, path.unlink, missing_ok=True)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def row(self, at: int) -> LabelledParagraph:
        place = bisect.bisect_right(self._starts, at) - 1
        batch, within = self._batches[place], at - self._starts[place]
        values = {
            name: column[within].as_py() for name, column in zip(_SCHEMA.names, batch.columns, strict=True)
        }
        return _row(values)


def _chained(
    first: list[LabelledParagraph], rest: Iterator[LabelledParagraph]
) -> Iterator[LabelledParagraph]:
    """The first rows, let go of one by one, then the rest."""
    first.reverse()
    while first:
        yield first.pop()
    yield from rest


def _batch(rows: list[LabelledParagraph]) -> Any:  # noqa: ANN401 - pyarrow has no types
    columns = []
    for name in _SCHEMA.names:
        field = _SCHEMA.field(name)
        columns.append(pa.array([_value(row, name) for row in rows], field.type))
    return pa.record_batch(columns, schema=_SCHEMA)


def _value(row: LabelledParagraph, name: str) -> object:
    if name in _LABELS:
        return getattr(row, name)
    if name == "spans":
        return [end for span in row.paragraph.spans for end in span]
    if name == "extra":
        extra = {key: value for key, value in row.paragraph.extra.items() if _is_plain(value)}
        return json.dumps(extra, ensure_ascii=False) if extra else ""
    return getattr(row.paragraph, name)


def _is_plain(value: object) -> bool:
    """Whether JSON brings it back as it was; a record has nothing else."""
    return value is None or isinstance(value, str | int | float | bool | list | dict)


def _row(values: dict[str, Any]) -> LabelledParagraph:
    labels = {name: values.pop(name) for name in _LABELS}
    spans, extra = values.pop("spans"), values.pop("extra")
    paragraph = Paragraph(
        **{**values, "heading_path": tuple(values["heading_path"])},
        spans=tuple(zip(spans[::2], spans[1::2], strict=True)),
        extra=json.loads(extra) if extra else NO_EXTRA,
    )
    read: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in labels.items()
    }
    return LabelledParagraph(paragraph, **read)
