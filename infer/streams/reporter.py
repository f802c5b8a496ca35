"""What a run says on standard error: failures as they come, how far it is, one line at the end."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.messages import text, translated
from policylens.infer.streams.progress import (
    LINE_EVERY_S,
    LIVE_EVERY_S,
    Meter,
    Show,
    Snapshot,
    counted,
    live_display,
    tagged_line,
)

if TYPE_CHECKING:
    from policylens.data.read import InputFailure

__all__ = ["JsonFormatter", "Reporter", "json_event", "tagged_line"]

_Item = TypeVar("_Item", bound=TaggedParagraph | Paragraph)

# Failures told one by one where a file holds them all: enough to see what is wrong.
_SHOWN_FAILURES = 20


class Reporter:
    """Counts what a run does and says so.

    Args:
        quiet: Say nothing but errors.
        log_json: Say everything as JSON objects, one a line, for programs that collect logs.

    Attributes:
        failures: How many inputs or records could not be used.
        errors_file: Where they are written too, None if nowhere.
    """

    def __init__(self, *, quiet: bool = False, log_json: bool = False) -> None:
        """Start counting."""
        self.quiet = quiet
        self.log_json = log_json
        self.failures = 0
        self.errors_file: Path | None = None

    def fail(self, failure: InputFailure) -> None:
        """Report an input that is left out, in one line."""
        self.failures += 1
        if self.errors_file is None or self.failures <= _SHOWN_FAILURES:
            place = {"input": failure.path, "line": failure.line, "error": failure.error}
            self.error(failure.message, event="failure", **place)
        elif self.failures == _SHOWN_FAILURES + 1:
            self.error(text("more of this kind goes to {path} only", path=self.errors_file), event="failure")

    def error(self, message: str, /, *, event: str = "error", **fields: object) -> None:
        """Print an error as one line, whatever line breaks it quotes from its input."""
        line = " ".join(translated(message).splitlines())
        if not self.log_json:
            line = text("error: {message}", message=line)
        self.say(line, level="error", event=event, **fields)

    def note(self, sentence: str, /, **values: object) -> None:
        """Say what was done in the user's language, unless nothing but errors is wanted.

        Args:
            sentence: In English, with names in braces, see `messages.text`, or made elsewhere without values.
            values: What stands for the names.
        """
        if not self.quiet:
            self.say(text(sentence, **values) if values else translated(sentence))

    def say(self, line: str, /, *, level: str = "info", event: str = "message", **fields: object) -> None:
        """Print a line to standard error.

        Args:
            line: The line.
            level: "info" or "error", for `log_json`.
            event: What kind of line it is, for `log_json`.
            fields: More of the same, as values.
        """
        if self.log_json:
            line = json_event(line, level=level, event=event, **fields)
        print(line, file=sys.stderr)  # noqa: T201 - this class is the voice of the command line

    def track(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """Hand on paragraphs while showing how many are tagged; in the end one line says it."""
        with self.metered() as meter:
            for item in items:
                meter.count(item)
                meter.failures = self.failures
                yield item

    @contextmanager
    def metered(self, *, start_share: float = 0.0) -> Iterator[Meter]:
        """Show the progress of a block; if it ends well, one line says what was done.

        Args:
            start_share: Share of the inputs that is done before, in [0, 1].
        """
        live = self._is_live()
        display: AbstractContextManager[Show] = live_display() if live else nullcontext(self._say_progress)
        with display as show:
            every_s = LIVE_EVERY_S if live else LINE_EVERY_S
            meter = Meter(show, every_s=every_s, start_share=start_share)
            yield meter
        if not self.quiet:
            end = meter.snapshot()
            line = tagged_line(end.paragraphs, documents=end.documents, seconds=end.seconds)
            self.say(line, level="info", event="done", **_numbers(end))

    def say_failures(self, failures: int) -> None:
        """Say at the end how many failures the errors file holds."""
        if failures and self.errors_file is not None:
            what = counted(failures, "input or record", "inputs or records")
            line = text("{inputs} could not be used: see {path}", inputs=what, path=self.errors_file)
            self.error(line, event="failures", failures=failures)

    def _say_progress(self, snapshot: Snapshot) -> None:
        # Rows that scroll by on the same terminal show the progress themselves.
        if not self.quiet and not (sys.stderr.isatty() and sys.stdout.isatty()):
            self.say(snapshot.line, level="info", event="progress", **_numbers(snapshot))

    def _is_live(self) -> bool:
        plain = self.quiet or self.log_json
        return not plain and sys.stderr.isatty() and not sys.stdout.isatty()


def json_event(message: str, /, *, level: str, event: str, **fields: object) -> str:
    """A line of a JSON log: time in UTC, level, event, message, and what else there is."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entry = {"time": now, "level": level, "event": event, "message": message, **fields}
    return json.dumps(entry, ensure_ascii=False)


class JsonFormatter(logging.Formatter):
    """Log records as lines of the JSON log."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        message = super().format(record)
        return json_event(message, level=record.levelname.lower(), event="log", logger=record.name)


def _numbers(snapshot: Snapshot) -> dict[str, object]:
    eta_s = snapshot.eta_s
    return {
        "paragraphs": snapshot.paragraphs,
        "documents": snapshot.documents,
        "seconds": round(snapshot.seconds, 3),
        "rate": round(snapshot.rate, 2),
        "share": None if snapshot.share is None else round(snapshot.share, 4),
        "eta_s": None if eta_s is None else round(eta_s, 1),
        "failures": snapshot.failures,
    }
