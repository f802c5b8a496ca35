"""Inputs -> rows of tags: at once to a stream, shard by shard to a file.

A shard is always the same stretch of the inputs and is tagged by itself, so that a run that was interrupted
writes the same bytes as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from policylens.data.read import InputFailure
from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.inputs import InputStream, OnFailure, nothing_readable, without_failures
from policylens.infer.streams.journal import Finished
from policylens.infer.streams.output import open_table
from policylens.infer.streams.progress import Metered
from policylens.infer.streams.rows import row_of
from policylens.infer.streams.run import Run

Item = TaggedParagraph | Paragraph
Tag = Callable[[Iterable[Paragraph]], Iterator[Item]]

# The sizes of the classifier's first chunks, 64 + 128 + … + 1024, so that none is cut. A crash costs at most
# so many paragraphs, a minute and a half at 20 paragraphs/s.
SHARD_PARAGRAPHS = 1984


def write_rows(
    out: Path | None,
    form: TableFormat,
    stream: InputStream,
    tag: Tag,
    *,
    on_failure: OnFailure,
    metered: Metered,
) -> Finished:
    """Tag the inputs and write each row at once, to standard output or a device.

    Args:
        out: The device; None or "-" for standard output.
        form: Format of the rows.
        stream: The inputs.
        tag: Tags paragraphs, in order.
        on_failure: Called for each input or record that cannot be used.
        metered: Shows the progress.

    Raises:
        InputError: Not one paragraph could be read.
    """
    failures = 0

    def fail(failure: InputFailure) -> None:
        nonlocal failures
        failures += 1
        on_failure(failure)

    rows = 0
    with open_table(out, form=form) as write, metered() as meter:
        for item in tag(without_failures(stream.read(), on_failure=fail)):
            write(row_of(item))
            meter.failures = failures
            meter.count(item)
            rows += 1
    return Finished(rows, failures, out_bytes=0)


def write_shards(
    stream: InputStream,
    run: Run,
    tag: Tag,
    *,
    shard_paragraphs: int = SHARD_PARAGRAPHS,
    on_failure: OnFailure,
    metered: Metered,
) -> Finished:
    """Tag what is left of the inputs, shard by shard, and put the output into its place.

    Args:
        stream: The inputs.
        run: The output.
        tag: Tags paragraphs, in order.
        shard_paragraphs: Paragraphs in a shard, of all kinds.
        on_failure: Called for each input or record that cannot be used.
        metered: Shows the progress.

    Raises:
        InputError: Not one paragraph could be read; the errors are in their file.
        OutputError: The disk is full or broken.
    """
    found = stream.read(run.start.position, names=run.names)
    ended = False
    with metered(start_share=run.start.share) as meter:
        while not ended:
            paragraphs, failures, ended = _take(found, shard_paragraphs, on_failure=on_failure)
            meter.failures = run.start.failures + len(failures)
            rows = []
            for item in tag(paragraphs):
                rows.append(row_of(item))
                meter.count(item, _between(run.start.share, stream.share, len(rows) / len(paragraphs)))
            if paragraphs or failures:
                run.commit(rows, failures, read=len(paragraphs), stream=stream)
        if run.start.failures and not run.start.read:
            run.give_up()
            raise nothing_readable()
        return run.finish()


def _take(
    found: Iterator[Paragraph | InputFailure], n_paragraphs: int, *, on_failure: OnFailure
) -> tuple[list[Paragraph], list[InputFailure], bool]:
    """The paragraphs of the next shard, the failures among them, and whether they are the last."""
    paragraphs: list[Paragraph] = []
    failures: list[InputFailure] = []
    for item in found:
        if isinstance(item, InputFailure):
            on_failure(item)
            failures.append(item)
        else:
            paragraphs.append(item)
            if len(paragraphs) == n_paragraphs:
                return paragraphs, failures, False
    return paragraphs, failures, True


def _between(before: float, after: float | None, share: float) -> float | None:
    """How far the rows are, where the reading is a shard ahead of them."""
    return None if after is None else before + (after - before) * share
