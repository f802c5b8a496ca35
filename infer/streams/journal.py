"""What a run writes down of itself, so that it can go on after any end: one JSON object a line.

The first line says what the run is: inputs, model, options. Each further one says that a shard of the output
is safely on disk. A line that a crash cut off counts as never written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from policylens.data.errors import ConfigError
from policylens.infer.streams.inputs import InputFile, Position

# Raised when an older journal can no longer be continued.
_FORMAT = 1
# Backend -> the package that computes.
_RUNTIMES = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}
# What a model folder says about itself rather than what the model is.
_NOT_THE_MODEL = frozenset({"README.md", "metrics.json"})


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is. Two runs with equal headers write the same bytes.

    Attributes:
        model: What the labels depend on: digest of the model's files, runtime and versions.
        options: What else the output depends on.
        inputs: Digest of the list of input files.
        n_inputs: How many there are.
    """

    model: Mapping[str, str]
    options: Mapping[str, object]
    inputs: str
    n_inputs: int


@dataclass(frozen=True, slots=True)
class Shard:
    """A stretch of the output that is on disk.

    Attributes:
        paragraphs: Rows written so far.
        failures: Inputs and records that failed so far.
        read: Paragraphs of any kind read so far.
        size: What the output's sink gave as its size so far.
        errors_size: Size of the error file so far, in bytes.
        position: How far the inputs were read.
        share: Share of their bytes, in [0, 1]; 0.0 where it is not known.
        names: Names of documents that have been given since the shard before.
    """

    paragraphs: int = 0
    failures: int = 0
    read: int = 0
    size: int = 0
    errors_size: int = 0
    position: Position = field(default_factory=Position)
    share: float = 0.0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a run.

    Attributes:
        paragraphs: Rows written.
        failures: Inputs and records that failed.
        out_bytes: Size of the output file.
    """

    paragraphs: int
    failures: int
    out_bytes: int


class Journal:
    """The journal file of one run.

    Args:
        path: The file; read if it is there.

    Attributes:
        header: What the run is, None where nothing is written yet.
        last: The last shard that is done.
        names: The names of documents that all shards gave, in order.
        finished: The end of the run, None before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header | None = None
        self.last = Shard()
        self.names: list[str] = []
        self.finished: Finished | None = None
        self._valid_bytes = 0
        if path.is_file():
            self._read()

    def begin(self, header: Header) -> None:
        """Start anew with this header."""
        self._valid_bytes = 0
        self.header, self.last, self.names, self.finished = header, Shard(), [], None
        self._append({"run": _FORMAT, **asdict(header)})

    def add(self, shard: Shard) -> None:
        """Note that a shard is on disk."""
        self._append({"shard": asdict(shard)})
        self._note(shard)

    def finish(self, finished: Finished) -> None:
        """Note that all is written and only has to be put into its place."""
        self._append({"finished": asdict(finished)})
        self.finished = finished

    def _append(self, entry: Mapping[str, object]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self.path.open("r+b" if self.path.exists() else "w+b") as stream:
            # Over a line that a crash cut off.
            stream.truncate(self._valid_bytes)
            stream.seek(self._valid_bytes)
            stream.write(line)
            stream.flush()
            # A journal may only tell of what a power cut cannot take back.
            os.fsync(stream.fileno())
        self._valid_bytes += len(line)

    def _read(self) -> None:
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream):
                try:
                    entry = json.loads(line) if line.endswith(b"\n") else None
                    if not isinstance(entry, dict):
                        return
                    self._take(entry, first=number == 0)
                except (ValueError, KeyError, TypeError) as error:
                    raise ConfigError(
                        f"{self.path}, line {number + 1}: is no journal entry of this version ({error}); "
                        f"delete {self.path} to start anew"
                    ) from None
                self._valid_bytes += len(line)

    def _take(self, entry: dict[str, object], *, first: bool) -> None:
        match entry:
            case {"run": form, **header} if first and form == _FORMAT:
                self.header = Header(**header)  # type: ignore[arg-type]
            case {"shard": dict(fields)} if not first:
                position = Position(**fields.pop("position"))
                names = tuple(fields.pop("names"))
                self._note(Shard(**fields, position=position, names=names))
            case {"finished": dict(fields)} if not first:
                self.finished = Finished(**fields)
            case _:
                raise ValueError(f"unknown entry {', '.join(entry)}")

    def _note(self, shard: Shard) -> None:
        self.last = shard
        self.names.extend(shard.names)


def differences(before: Header, now: Header) -> list[str]:
    """Why a run cannot be continued, in words; empty where it can."""
    found = []
    for what, old, new in (("model", before.model, now.model), ("option", before.options, now.options)):
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                found.append(f"{what} {name} was {_shown(old.get(name))}, is {_shown(new.get(name))}")
    if before.n_inputs != now.n_inputs:
        found.append(f"the number of inputs was {before.n_inputs}, is {now.n_inputs}")
    elif before.inputs != now.inputs:
        found.append("an input has changed")
    return found


def model_fingerprint(classifier: object) -> dict[str, str]:
    """What the labels of a classifier depend on; one that is no model folder is known by its class."""
    found = {"policylens": version("policylens"), "classifier": type(classifier).__qualname__}
    bundle, backend = getattr(classifier, "bundle", None), getattr(classifier, "backend", None)
    if bundle is not None:
        found["files"] = folder_digest(bundle.folder)
    if (abstention := getattr(classifier, "abstention", None)) is not None:
        found["min_precision"] = f"{abstention.theme.precision:g}"
    if backend is not None:
        found["backend"] = backend.name
        found["precision"] = getattr(backend, "precision", "")
        if package := _RUNTIMES.get(backend.name):
            found["runtime"] = version(package)
    return found


def folder_digest(folder: Path) -> str:
    """SHA-256 of the files of a model folder, without its card and metrics."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in _NOT_THE_MODEL and not path.name.startswith("."):
            with path.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256")
            digest.update(f"{path.name}\0{content.hexdigest()}\n".encode())
    return digest.hexdigest()


def files_digest(files: Iterable[InputFile]) -> str:
    """SHA-256 of the list of input files: paths, sizes and times."""
    digest = hashlib.sha256()
    for line in files_lines(files):
        digest.update(line)
    return digest.hexdigest()


def files_lines(files: Iterable[InputFile]) -> Iterable[bytes]:
    """The input files as JSON lines."""
    return (json.dumps(asdict(file)).encode() + b"\n" for file in files)


def changed_input(lines: Iterable[bytes], files: Sequence[InputFile]) -> str:
    """The first input that is not what it was when `lines` were written, in words; "" where all are."""
    for line, file in zip(lines, files, strict=False):
        before = InputFile(**json.loads(line))
        if before.path != file.path:
            return f"input {before.path} was there, in its place is {file.path}"
        if before != file:
            what = "size" if before.size != file.size else "time of change"
            return f"input {file.path} has another {what} than before"
    return ""


def _shown(value: object) -> str:
    text = "not given" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
