"""What a run says on standard error: failures as they come, progress on a terminal, one line at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from policylens.data.read import InputFailure
from policylens.data.records import Paragraph, TaggedParagraph

if TYPE_CHECKING:
    from rich.progress import Progress

_Item = TypeVar("_Item", bound=TaggedParagraph | Paragraph)


class Reporter:
    """Counts what a run does and says so.

    Args:
        quiet: Say nothing but errors.

    Attributes:
        failures: How many inputs or records could not be used.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        """Start counting."""
        self.quiet = quiet
        self.failures = 0

    def fail(self, failure: InputFailure) -> None:
        """Report an input that is left out, in one line."""
        self.failures += 1
        self.error(failure.message)

    def error(self, message: str) -> None:
        """Print an error as one line, whatever line breaks it quotes from its input."""
        self.say(f"error: {' '.join(message.splitlines())}")

    def say(self, line: str) -> None:
        """Print a line to standard error."""
        print(line, file=sys.stderr)  # noqa: T201 - this class is the voice of the command line

    def track(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """Hand on paragraphs while showing how many are tagged; in the end one line says it."""
        began = time.perf_counter()
        tagged = 0
        documents: set[str] = set()
        with _live() if self._shows_progress() else nullcontext() as live:
            task = live.add_task("tagging", total=None) if live else None
            for item in items:
                if isinstance(item, TaggedParagraph):
                    tagged += 1
                    documents.add(item.paragraph.doc)
                    if live and task is not None:
                        live.advance(task)
                yield item
        if not self.quiet:
            self.say(tagged_line(tagged, documents=len(documents), seconds=time.perf_counter() - began))

    def _shows_progress(self) -> bool:
        # Rows that scroll by on the same terminal show the progress themselves.
        return not self.quiet and sys.stderr.isatty() and not sys.stdout.isatty()


def tagged_line(paragraphs: int, *, documents: int, seconds: float) -> str:
    """The closing line, e.g. "43 paragraphs of 1 document tagged in 0.8 s (53/s)"."""
    rate = f" ({paragraphs / seconds:.0f}/s)" if paragraphs and seconds > 0 else ""
    counts = f"{_counted(paragraphs, 'paragraph')} of {_counted(documents, 'document')}"
    return f"{counts} tagged in {seconds:.1f} s{rate}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _live() -> Progress:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
