"""All that the user names -> paragraphs, document by document, with what cannot be read told apart."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from policylens.data.errors import ConfigError, InputError, MissingExtraError
from policylens.data.limits import DEFAULT_LIMITS, Limits
from policylens.data.paths import shown
from policylens.data.read import (
    STDIN,
    InputFailure,
    RecordError,
    expand_inputs,
    is_records,
    open_input,
    read_document,
    read_records,
    read_stdin,
)
from policylens.data.records import Document, Paragraph
from policylens.data.reflow import reflow
from policylens.infer.streams.naming import DocNames

OnFailure = Callable[[InputFailure], None]


@dataclass(frozen=True, slots=True)
class Position:
    """How far the inputs are read.

    Attributes:
        inputs: How many of them are done.
        items: How many paragraphs and failures of the next one are taken.
    """

    inputs: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True)
class InputFile:
    """What shows that an input is still the same.

    Attributes:
        path: As it is opened; what the user wrote where nothing can be.
        size: In bytes; 0 where there is no file.
        mtime_ns: Time of its last change in nanoseconds; 0 where there is no file.
    """

    path: str
    size: int = 0
    mtime_ns: int = 0


class InputStream:
    """All inputs as one stream of paragraphs that knows how far it is and can start there.

    Args:
        inputs: Files, folders, patterns or "-".
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        stdin: What "-" reads; `sys.stdin.buffer` when None.
        leave_out: Files and folders that no folder or pattern of the inputs gives, such as the output.
        limits: What is too large to be read.

    Attributes:
        files: The single inputs, in order, as they were when the stream was made.
        position: How far it is read.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        *,
        text_field: str = "text",
        title_field: str = "title",
        stdin: BinaryIO | None = None,
        leave_out: Sequence[Path] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._limits = limits
        self._fields = {"text_field": text_field, "title_field": title_field}
        self._stdin = stdin
        named = set(inputs)
        self._items = [
            item for item in expand_inputs(inputs) if str(item) in named or not _is_below(item, leave_out)
        ]
        self.files = [_input_file(item) for item in self._items]
        self.position = Position()
        paths = [item for item in self._items if isinstance(item, Path)]
        self._names = DocNames(paths, taken=["stdin"] if STDIN in inputs else [])
        self._names_before = 0
        self._total_bytes = sum(file.size for file in self.files)
        self._bytes_before = 0
        self._stream: BinaryIO | None = None

    @property
    def reads_stdin(self) -> bool:
        """Whether one of the inputs cannot be read twice."""
        return STDIN in self._items

    @property
    def share(self) -> float | None:
        """Share of the bytes that is read, in [0, 1]: records as they come, documents as a whole.

        None where standard input is one of the inputs, or nothing has a size.
        """
        if self.reads_stdin or not self._total_bytes:
            return None
        at = 0 if self._stream is None or self._stream.closed else self._stream.tell()
        return min(1.0, (self._bytes_before + at) / self._total_bytes)

    @property
    def names(self) -> list[str]:
        """Names that documents before the present input have; a stream that starts there must know them."""
        return self._names.order[: self._names_before]

    def read(
        self, start: Position | None = None, *, names: Iterable[str] = ()
    ) -> Iterator[Paragraph | InputFailure]:
        """The paragraphs in order; what cannot be used stands in its place as a failure.

        Documents are put together again by `reflow`, records are paragraphs as they stand. Documents with
        the same file name get different names; names that records give themselves are kept.

        Args:
            start: Where to begin; inputs that are done are not opened again.
            names: What `names` was at that place.

        Raises:
            ConfigError: An input has become shorter than where to begin.
        """
        self.position = start = start or Position()
        for name in names:
            self._names.take(name)
        self._names_before = len(self._names.order)
        self._bytes_before = sum(file.size for file in self.files[: start.inputs])
        for number in range(start.inputs, len(self._items)):
            skipped = start.items if number == start.inputs else 0
            self._names_before = len(self._names.order)
            taken = 0
            for taken, found in enumerate(self._read(number), start=1):
                if taken > skipped:
                    self.position = Position(number, taken)
                    yield found
            if taken < skipped:
                raise ConfigError(f"{self.files[number].path}: is shorter than when the run began")
            self._names_before = len(self._names.order)
            self._bytes_before += self.files[number].size
            self._stream = None
            self.position = Position(number + 1, 0)

    def _read(self, number: int) -> Iterator[Paragraph | InputFailure]:
        item = self._items[number]
        if isinstance(item, InputFailure):
            yield item
            return
        try:
            for found in self._open(item):
                if isinstance(found, RecordError):
                    yield InputFailure(found.input, found.message, line=found.line, error=found.error)
                else:
                    self._names.take(found.doc)
                    yield found
        except MissingExtraError as error:
            yield InputFailure(shown(item), str(error), error="missing_extra")
        except InputError as error:
            yield InputFailure(shown(item), str(error))
        except OSError as error:
            reason = error.strerror or str(error)
            yield InputFailure(shown(item), f"{shown(item)}: cannot be read further ({reason})")
        if isinstance(item, Path) and (now := _input_file(item)) != self.files[number]:
            was = self.files[number]
            message = f"{shown(item)}: changed while it was read ({was.size} bytes before, {now.size} now)"
            yield InputFailure(shown(item), message, error="changed")

    def _open(self, item: str | Path) -> Iterable[Paragraph | RecordError]:
        if isinstance(item, Path) and is_records(item):
            self._stream = open_input(item)
            doc = self._names.name(item)
            return read_records(item, **self._fields, doc=doc, stream=self._stream, limits=self._limits)
        if isinstance(item, Path):
            document = read_document(item, limits=self._limits)
            # Named only now: a file that cannot be read takes no name from the next one.
            return reflow(replace(document, doc=self._names.name(item)))
        source = read_stdin(self._stdin or sys.stdin.buffer, **self._fields, limits=self._limits)
        return reflow(source) if isinstance(source, Document) else source


def read_paragraphs(
    inputs: Sequence[str],
    *,
    text_field: str = "text",
    title_field: str = "title",
    stdin: BinaryIO | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Paragraph | InputFailure]:
    """Read the paragraphs of all inputs, as `InputStream` does from the start.

    Args:
        inputs: Files, folders, patterns or "-".
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        stdin: What "-" reads; `sys.stdin.buffer` when None.
        limits: What is too large to be read.
    """
    stream = InputStream(inputs, text_field=text_field, title_field=title_field, stdin=stdin, limits=limits)
    return stream.read()


def without_failures(
    found: Iterable[Paragraph | InputFailure], *, on_failure: OnFailure
) -> Iterator[Paragraph]:
    """Hand on the paragraphs and report the failures.

    Raises:
        InputError: There were failures and nothing else.
    """
    failed = usable = False
    for item in found:
        if isinstance(item, InputFailure):
            failed = True
            on_failure(item)
        else:
            usable = True
            yield item
    if failed and not usable:
        raise nothing_readable()


def nothing_readable() -> InputError:
    """The error of a run whose inputs gave failures only."""
    return InputError("no input could be read, so nothing is written")


def stop_at(failure: InputFailure) -> None:
    """What becomes of a failure where none is allowed.

    Raises:
        InputError: Always.
    """
    raise InputError(f"{failure.message} (the run stops here: --strict)")


def _is_below(item: str | Path | InputFailure, folders: Sequence[Path]) -> bool:
    if not isinstance(item, Path) or not any(folder.name in item.parts for folder in folders):
        return False
    return any(Path(os.path.realpath(item)).is_relative_to(folder) for folder in folders)


def _input_file(item: str | Path | InputFailure) -> InputFile:
    if not isinstance(item, Path):
        return InputFile(item.path if isinstance(item, InputFailure) else item)
    try:
        status = item.stat()
    except (OSError, ValueError):
        return InputFile(str(item))
    return InputFile(str(item), status.st_size, status.st_mtime_ns)
