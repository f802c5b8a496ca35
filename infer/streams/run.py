"""One output on its way: what is beside it while a run writes it, and how a later run goes on.

Beside `tags.jsonl` there are, while it is written, `tags.jsonl.lock` and the folder `tags.jsonl.parts` with
the journal and the shards that are done; afterwards `tags.jsonl.journal`, and `tags.jsonl.errors.jsonl` if
something failed.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from policylens.data.errors import ConfigError, OutputError
from policylens.data.read import InputFailure
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.inputs import InputFile, InputStream
from policylens.infer.streams.journal import (
    Finished,
    Header,
    Journal,
    Shard,
    changed_input,
    differences,
    files_lines,
)
from policylens.infer.streams.locking import locked
from policylens.infer.streams.rows import Row
from policylens.infer.streams.sinks import TextSink, files_of_sinks, sink_for

logger = logging.getLogger(__name__)

# The file system says no, whatever is free on it.
_CANNOT = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR}


@dataclass(frozen=True, slots=True)
class Places:
    """The files of a run.

    Attributes:
        out: The output, links followed.
    """

    out: Path

    @classmethod
    def of(cls, out: Path) -> Places:
        """The files beside an output; beside the file itself where it is a link."""
        return cls(out.resolve())

    @property
    def lock(self) -> Path:
        """Held while a run writes this output."""
        return self._beside(".lock")

    @property
    def parts(self) -> Path:
        """Folder of what an unfinished run has written."""
        return self._beside(".parts")

    @property
    def errors(self) -> Path:
        """Inputs and records that failed."""
        return self._beside(".errors.jsonl")

    @property
    def journal(self) -> Path:
        """Journal of the run that wrote the output."""
        return self._beside(".journal")

    @property
    def all(self) -> tuple[Path, ...]:
        """None of these is an input."""
        return (self.out, self.lock, self.parts, self.errors, self.journal)

    def _beside(self, suffix: str) -> Path:
        return self.out.with_name(self.out.name + suffix)


class Run:
    """One output on its way. Made by `open_run`.

    Args:
        places: Its files.
        form: Format of the output.

    Attributes:
        finished: The end of the run, None before.
    """

    def __init__(self, places: Places, form: TableFormat) -> None:
        self.places = places
        self.finished: Finished | None = None
        self._journal_path = places.parts / "journal.jsonl"
        self._files_path = places.parts / "inputs.jsonl"
        self._sink = sink_for(places.parts, form)
        self._errors = TextSink(places.parts / "errors.jsonl", TableFormat.JSONL)
        self._journal = Journal(self._journal_path)

    @property
    def start(self) -> Shard:
        """What is done already."""
        return self._journal.last

    @property
    def names(self) -> list[str]:
        """Names that documents have been given."""
        return self._journal.names

    def begin(self, header: Header, files: Sequence[InputFile], *, resume: bool) -> None:
        """Start, or go on where an earlier run stopped.

        Raises:
            ConfigError: The earlier run was another one, or there is one and `resume` is not given; or
                nothing can be written there.
        """
        with _writing(self.places.out):
            if resume and self._journal.header is not None:
                self._check(self._journal.header, header, files)
                self._go_on()
            elif resume and self._is_complete(header):
                self._clear()
            else:
                self._start(header, files)

    def commit(
        self,
        rows: Sequence[Row],
        failures: Sequence[InputFailure],
        *,
        read: int,
        stream: InputStream,
    ) -> None:
        """Write a shard and note that it is there.

        Args:
            rows: Its rows.
            failures: What failed on the way.
            read: How many paragraphs of any kind were read for it.
            stream: The inputs, read as far as this shard goes.

        Raises:
            OutputError: The disk is full or broken.
        """
        done = self.start
        with _writing(self.places.out):
            shard = Shard(
                paragraphs=done.paragraphs + len(rows),
                failures=done.failures + len(failures),
                size=self._sink.add(rows),
                errors_size=self._errors.add([_error_row(failure) for failure in failures]),
                read=done.read + read,
                position=stream.position,
                share=stream.share or 0.0,
                names=tuple(stream.names[len(self.names) :]),
            )
            self._journal.add(shard)

    def finish(self) -> Finished:
        """Put the output, its errors and its journal into their places.

        Raises:
            OutputError: The disk is full or broken.
        """
        with _writing(self.places.out):
            self._sink.finish()
            done = self.start
            finished = Finished(done.paragraphs, done.failures, self._sink.path.stat().st_size)
            self._journal.finish(finished)
            self._put_in_place()
        self.finished = finished
        return finished

    def give_up(self) -> None:
        """Leave nothing but the errors."""
        with _writing(self.places.out):
            self._put_errors_in_place()
            self._clear()

    def stop(self, *, resumable: bool) -> None:
        """End without an output; what is done is kept for a later run if there is something."""
        # What is on disk counts: an interruption can fall between the entry of a shard and its note here.
        self._journal = Journal(self._journal_path)
        if resumable and self._holds_work():
            logger.warning(
                "%s paragraphs are kept in %s; the same command with --resume goes on",
                f"{self.start.paragraphs:,}",
                self.places.parts,
            )
        else:
            with suppress(OSError):
                self._clear()

    def _holds_work(self) -> bool:
        header = self._journal.header
        return header is not None and not header.options.get("stdin") and self.start.paragraphs > 0

    def _check(self, before: Header, now: Header, files: Sequence[InputFile]) -> None:
        reasons = differences(before, now)
        if before.inputs != now.inputs and self._files_path.exists():
            with self._files_path.open("rb") as lines:
                reasons.append(changed_input(lines, files))
        if reasons := [reason for reason in reasons if reason]:
            raise ConfigError(
                f"cannot resume {self.places.out.name}, it would not be the same run: {'; '.join(reasons)}. "
                f"Give what was given before, or delete {self.places.parts} to start anew"
            )

    def _start(self, header: Header, files: Sequence[InputFile]) -> None:
        if self._holds_work():
            raise ConfigError(
                f"{self.places.parts} holds an unfinished run with {self.start.paragraphs:,} paragraphs; "
                "give --resume to go on with it, or delete the folder to start anew"
            )
        self._clear()
        self.places.parts.mkdir()
        with self._files_path.open("wb") as stream:
            stream.writelines(files_lines(files))
        self._journal.begin(header)

    def _go_on(self) -> None:
        if self._journal.finished is not None:
            self.finished = self._journal.finished
            self._put_in_place()
            return
        self._sink.back_to(self.start.size)
        self._errors.back_to(self.start.errors_size)
        logger.info("going on after %s paragraphs", f"{self.start.paragraphs:,}")

    def _is_complete(self, header: Header) -> bool:
        """Whether the output is there and is that of this very run."""
        if not self.places.journal.exists() or not self.places.out.exists():
            return False
        journal = Journal(self.places.journal)
        if journal.header is None or journal.finished is None:
            return False
        if reasons := differences(journal.header, header):
            raise ConfigError(
                f"{self.places.out.name} is complete, but of another run: {'; '.join(reasons)}. "
                "Run without --resume to replace it, or give another OUT"
            )
        if self.places.out.stat().st_size != journal.finished.out_bytes:
            raise ConfigError(
                f"{self.places.out} has changed since it was written; run without --resume to replace it"
            )
        logger.info("%s is complete", self.places.out)
        self.finished = journal.finished
        return True

    def _put_in_place(self) -> None:
        """Can be cut off and done again at any point: the journal goes last."""
        self._put_errors_in_place()
        if self._sink.path.exists():
            self._sink.path.replace(self.places.out)
        self._journal_path.replace(self.places.journal)
        self._clear()

    def _put_errors_in_place(self) -> None:
        if self._errors.path.exists():
            self._errors.path.replace(self.places.errors)
        elif not self.start.failures:
            # Those of an earlier run.
            self.places.errors.unlink(missing_ok=True)

    def _clear(self) -> None:
        """Delete what is ours in the folder of parts, and the folder."""
        folder = self.places.parts
        if not folder.exists():
            return
        ours = (self._journal_path, self._files_path, self._errors.path)
        for path in (*ours, *files_of_sinks(folder)):
            path.unlink(missing_ok=True)
        folder.rmdir()
        self._journal = Journal(self._journal_path)


@contextmanager
def open_run(
    places: Places, form: TableFormat, *, header: Header, files: Sequence[InputFile], resume: bool = False
) -> Iterator[Run]:
    """Take the output for this run alone, and start or go on.

    Where the block ends without `Run.finish`, what is done is kept, and a warning says how to go on.

    Args:
        places: The output and what is beside it.
        form: Its format.
        header: What the run is.
        files: Its inputs.
        resume: Whether to go on where an earlier run stopped, if there was one.

    Raises:
        ConfigError: Another run writes this output, or it cannot be written, or the earlier run was another.
    """
    with ExitStack() as stack:
        with _writing(places.out):
            stack.enter_context(locked(places.lock))
        run = Run(places, form)
        run.begin(header, files, resume=resume)
        try:
            yield run
        finally:
            if run.finished is None:
                run.stop(resumable=not header.options.get("stdin"))


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _CANNOT:
            raise ConfigError(f"cannot write {out}: {reason}") from error
        raise OutputError(f"cannot write {out}: {reason}") from error


def _error_row(failure: InputFailure) -> Row:
    return {
        "input": failure.path,
        "line": failure.line,
        "error": failure.error,
        "message": failure.message,
    }
