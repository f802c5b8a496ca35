"""Where the shards of a run go: appended to one file, or as parts that are joined at the end.

A sink knows its size, and can go back to an earlier one: what a crash left after the last shard that the
journal knows is cut off.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from policylens.data.errors import ConfigError
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.output import header_bytes, merge_parquet, parquet_table, rows_bytes
from policylens.infer.streams.rows import Row


class Sink(Protocol):
    """Takes the rows of a run shard by shard; at the end `path` is the whole output."""

    path: Path

    def add(self, rows: Sequence[Row]) -> int:
        """Write rows through to the disk; gives the size afterwards."""
        ...

    def back_to(self, size: int) -> None:
        """Forget all that was written after the sink had this size."""
        ...

    def finish(self) -> None:
        """Make `path` the whole output."""
        ...


class TextSink:
    """JSONL or CSV, appended to one file; the size is in bytes.

    Args:
        path: The file.
        form: JSONL or CSV.
    """

    def __init__(self, path: Path, form: TableFormat) -> None:
        self.path = path
        self._form = form
        self._size = 0

    def add(self, rows: Sequence[Row]) -> int:
        """Append rows."""
        header = b"" if self._size else header_bytes(self._form)
        data = header + rows_bytes(rows, self._form)
        if data:
            with self.path.open("ab") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        self._size += len(data)
        return self._size

    def back_to(self, size: int) -> None:
        """Cut off what was written after this size.

        Raises:
            ConfigError: The file is shorter.
        """
        here = self.path.stat().st_size if self.path.exists() else 0
        if here < size:
            raise ConfigError(_damaged(self.path, f"has {here} bytes, its journal says {size}"))
        if here > size:
            os.truncate(self.path, size)
        self._size = size

    def finish(self) -> None:
        """Write what a table without rows has."""
        self.add([])
        self.path.touch()


class PartsSink:
    """Parquet, one file a shard; the size is their number.

    Args:
        folder: Where the parts are; each is complete, so that others can read them during the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "whole.parquet"
        self._folder = folder
        self._size = 0

    def add(self, rows: Sequence[Row]) -> int:
        """Write rows as the next part; no rows make no part."""
        if rows:
            import pyarrow.parquet as pq

            with _part(self._folder, self._size).open("wb") as stream:
                pq.write_table(parquet_table(rows), stream)
                stream.flush()
                os.fsync(stream.fileno())
            self._size += 1
        return self._size

    def back_to(self, size: int) -> None:
        """Delete the parts after the first `size` ones.

        Raises:
            ConfigError: There are fewer.
        """
        for number in range(size):
            if not _part(self._folder, number).exists():
                raise ConfigError(_damaged(_part(self._folder, number), "is missing"))
        for path in _parts(self._folder):
            if int(path.stem) >= size:
                path.unlink()
        self._size = size

    def finish(self) -> None:
        """Join the parts to one file with large row groups."""
        merge_parquet((_part(self._folder, number) for number in range(self._size)), self.path)


def sink_for(folder: Path, form: TableFormat) -> Sink:
    """The sink of a format, in this folder."""
    return PartsSink(folder) if form is TableFormat.PARQUET else TextSink(folder / f"rows.{form}", form)


def files_of_sinks(folder: Path) -> list[Path]:
    """All that sinks of any format have written into a folder."""
    return [*folder.glob("rows.*"), *folder.glob("whole.parquet"), *_parts(folder)]


def _parts(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.parquet") if path.stem.isdigit()]


def _part(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.parquet"


def _damaged(path: Path, what: str) -> str:
    return f"{path} {what}; the run cannot be continued: delete {path.parent} to start anew"
