"""How far a run is: counts, throughput and the time left, shown live on a terminal and as lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.messages import text

# Seconds between two lines in a log, and between two changes on a terminal.
LINE_EVERY_S = 30.0
LIVE_EVERY_S = 0.1
# Names of documents that are counted one by one; a run over millions of records must not keep them all.
_MAX_DOCUMENTS = 100_000

Item = TaggedParagraph | Paragraph
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is.

    Attributes:
        paragraphs: Tagged since the run began or was resumed.
        documents: How many documents they are of, at most `_MAX_DOCUMENTS` + 1.
        seconds: Since then.
        share: Share of the inputs that is done, in [0, 1]; None where it is not known.
        start_share: What it was at the beginning.
        failures: Inputs and records that failed.
    """

    paragraphs: int
    documents: int
    seconds: float
    share: float | None = None
    start_share: float = 0.0
    failures: int = 0

    @property
    def rate(self) -> float:
        """Paragraphs a second, 0.0 before the first."""
        return self.paragraphs / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds left if it goes on like this; None where that cannot be told."""
        if self.share is None or self.share <= self.start_share:
            return None
        return (1 - self.share) * self.seconds / (self.share - self.start_share)

    @property
    def line(self) -> str:
        """E.g. "tagging: 12,000 paragraphs, 158/s, 3 failed, 41 % done, about 1 h 12 min left"."""
        paragraphs = counted(self.paragraphs, "paragraph", "paragraphs")
        parts = [text("tagging: {paragraphs}", paragraphs=paragraphs), f"{self.rate:.0f}/s"]
        if self.failures:
            parts.append(text("{number} failed", number=f"{self.failures:,}"))
        if self.share is not None:
            parts.append(text("{percent} % done", percent=f"{100 * self.share:.0f}"))
        if self.eta_s is not None:
            parts.append(text("about {time} left", time=duration(self.eta_s)))
        return text(", ").join(parts)


Show = Callable[[Snapshot], None]


class Meter:
    """Counts items as they come and shows them from time to time.

    Args:
        show: Takes a snapshot; called at most every `every_s` seconds.
        every_s: Seconds between two calls.
        start_share: Share of the inputs that is done at the beginning.
        clock: Gives seconds.

    Attributes:
        failures: Inputs and records that failed; the owner counts them.
    """

    def __init__(
        self,
        show: Show,
        *,
        every_s: float,
        start_share: float = 0.0,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._show, self._every_s, self._clock = show, every_s, clock
        self._start_share, self._share = start_share, None if start_share == 0.0 else start_share
        self._began = self._shown = clock()
        self._paragraphs = 0
        self._documents: set[str] = set()
        self.failures = 0

    def count(self, item: Item, share: float | None = None) -> None:
        """Count a row that is done.

        Args:
            item: The row.
            share: Share of the inputs that is done with it, in [0, 1].
        """
        self._share = share
        if isinstance(item, TaggedParagraph):
            self._paragraphs += 1
            if len(self._documents) <= _MAX_DOCUMENTS:
                self._documents.add(item.paragraph.doc)
        if (now := self._clock()) - self._shown >= self._every_s:
            self._shown = now
            self._show(self.snapshot())

    def snapshot(self) -> Snapshot:
        """How far it is."""
        seconds = self._clock() - self._began
        documents = len(self._documents)
        return Snapshot(
            self._paragraphs, documents, seconds, self._share, self._start_share, failures=self.failures
        )


Metered = Callable[..., AbstractContextManager[Meter]]


@contextmanager
def unseen(*, start_share: float = 0.0) -> Iterator[Meter]:
    """A progress that nobody sees: what a program gets unless it gives one."""
    yield Meter(lambda _: None, every_s=math.inf, start_share=start_share)


def tagged_line(paragraphs: int, *, documents: int, seconds: float) -> str:
    """The closing line, e.g. "43 paragraphs of 1 document tagged in 0.8 s (53/s)"."""
    rate = f" ({paragraphs / seconds:.0f}/s)" if paragraphs and seconds > 0 else ""
    of = counted(documents, "document", "documents")
    if documents > _MAX_DOCUMENTS:
        of = text("more than {documents}", documents=counted(_MAX_DOCUMENTS, "document", "documents"))
    line = text(
        "{paragraphs} of {documents} tagged in {time} s",
        paragraphs=counted(paragraphs, "paragraph", "paragraphs"),
        documents=of,
        time=f"{seconds:.1f}",
    )
    return line + rate


def counted(n: int, one: str, many: str) -> str:
    """A number with its noun in the user's language, e.g. "1 document", "2,000 documents"."""
    return f"{n:,} {text(one if n == 1 else many)}"


def duration(seconds: float) -> str:
    """A time in its two largest units, e.g. "45 s", "3 min 20 s", "1 h 12 min", "2 d 3 h"."""
    whole = round(seconds)
    for size, name, smaller_size, smaller in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {text(name)}" + (f" {rest} {text(smaller)}" if rest else "")
    return f"{whole} {text('s')}"


@contextmanager
def live_display() -> Iterator[Show]:
    """A line on the terminal that changes in place and goes away at the end."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda snapshot: progress.update(task, description=snapshot.line)
