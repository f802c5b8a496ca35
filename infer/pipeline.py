"""The whole flow on one page: read -> paragraphs -> classify -> digest -> render.

The command line calls these functions and nothing below them; so can a program.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from policylens.data.crosswalk import Crosswalk
from policylens.data.errors import ConfigError
from policylens.data.limits import DEFAULT_LIMITS, Limits
from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.rewriting.rewrite import open_rewriter
from policylens.infer.streams.codes import with_codes
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.inputs import InputStream, OnFailure, read_paragraphs, stop_at, without_failures
from policylens.infer.streams.journal import Finished, Header, files_digest, model_fingerprint
from policylens.infer.streams.output import is_file
from policylens.infer.streams.progress import Metered, unseen
from policylens.infer.streams.run import Places, open_run
from policylens.infer.streams.stream import SHARD_PARAGRAPHS, Tag, write_rows, write_shards
from policylens.infer.summary import Summary, log_failure, render, summarize_inputs

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier

__all__ = [
    "Summary",
    "classify_inputs",
    "classify_to",
    "errors_file",
    "open_rewriter",
    "read_paragraphs",
    "render",
    "stop_at",
    "summarize_inputs",
    "tag",
    "without_failures",
]


def classify_inputs(
    inputs: Sequence[str],
    classifier: Classifier,
    *,
    batch_tokens: int | None = None,
    all_kinds: bool = False,
    text_field: str = "text",
    title_field: str = "title",
    limits: Limits = DEFAULT_LIMITS,
    on_failure: OnFailure = log_failure,
) -> Iterator[TaggedParagraph | Paragraph]:
    """Tag the body paragraphs of files, folders, patterns or "-", in input order and constant memory.

    Args:
        inputs: What the user names.
        classifier: The model.
        batch_tokens: Most tokens in a batch; the classifier's own default when None.
        all_kinds: Yield headings, captions and the like too, untagged, in their places.
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        limits: What is too large to be read.
        on_failure: Called for each input or record that cannot be used; the others go on.

    Raises:
        InputError: Not one paragraph could be read.
    """
    found = read_paragraphs(inputs, text_field=text_field, title_field=title_field, limits=limits)
    paragraphs = without_failures(found, on_failure=on_failure)
    return tag(paragraphs, classifier, batch_tokens=batch_tokens, all_kinds=all_kinds)


def classify_to(
    out: Path | None,
    inputs: Sequence[str],
    load: Callable[[], Classifier],
    *,
    form: TableFormat = TableFormat.JSONL,
    batch_tokens: int | None = None,
    all_kinds: bool = False,
    text_field: str = "text",
    title_field: str = "title",
    shard_paragraphs: int = SHARD_PARAGRAPHS,
    resume: bool = False,
    crosswalk: Crosswalk | None = None,
    limits: Limits = DEFAULT_LIMITS,
    on_failure: OnFailure = log_failure,
    metered: Metered = unseen,
) -> Finished:
    """Tag as `classify_inputs` does and write the rows; to a file in a run that can go on after any end.

    Args:
        out: A file, beside which failures go to `OUT.errors.jsonl` and the journal to `OUT.journal`; or a
            device; or None or "-" for standard output.
        inputs: What the user names.
        load: Gives the model.
        form: Format of the rows.
        batch_tokens: Most tokens in a batch; the classifier's own default when None.
        all_kinds: Write headings, captions and the like too, untagged, in their places.
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        shard_paragraphs: Paragraphs between two entries of a file's journal.
        resume: Go on where an unfinished run stopped; the bytes are those of one that never did.
        crosswalk: Adds the codes of another scheme to each row.
        limits: What is too large to be read.
        on_failure: Called for each input or record that cannot be used; the others go on.
        metered: Shows the progress.

    Raises:
        InputError: Not one paragraph could be read.
        ConfigError: Another run writes this file, it cannot be written, or it cannot be resumed; or the
            crosswalk is for other themes.
        OutputError: The disk is full or broken.
    """
    places = Places.of(out) if out is not None and is_file(out) else None
    stream = InputStream(
        inputs,
        text_field=text_field,
        title_field=title_field,
        leave_out=places.all if places else (),
        limits=limits,
    )
    if resume and (places is None or stream.reads_stdin):
        raise ConfigError(
            "--resume needs a file to go on with, named by -o, and inputs that can be read again, not -"
        )
    classifier = load()
    tag_all: Tag = partial(tag, classifier=classifier, batch_tokens=batch_tokens, all_kinds=all_kinds)
    if crosswalk is not None:
        crosswalk.check(classifier.taxonomy)
        tag_all = with_codes(tag_all, crosswalk)
    if places is None:
        return write_rows(out, form, stream, tag_all, on_failure=on_failure, metered=metered)
    options = {
        "format": form.value,
        "batch_tokens": batch_tokens,
        "all_kinds": all_kinds,
        "text_field": text_field,
        "title_field": title_field,
        "shard_paragraphs": shard_paragraphs,
        "stdin": stream.reads_stdin,
        **({"crosswalk": crosswalk.digest} if crosswalk else {}),
        **({"limits": asdict(limits)} if limits != DEFAULT_LIMITS else {}),
    }
    header = Header(model_fingerprint(classifier), options, files_digest(stream.files), len(stream.files))
    with open_run(places, form, header=header, files=stream.files, resume=resume) as run:
        return run.finished or write_shards(
            stream, run, tag_all, shard_paragraphs=shard_paragraphs, on_failure=on_failure, metered=metered
        )


def errors_file(out: Path | None) -> Path | None:
    """Where a run that writes to `out` lists what failed; None where that is no file."""
    return Places.of(out).errors if out is not None and is_file(out) else None


def tag(
    paragraphs: Iterable[Paragraph],
    classifier: Classifier,
    *,
    batch_tokens: int | None = None,
    all_kinds: bool = False,
) -> Iterator[TaggedParagraph | Paragraph]:
    """Tag body paragraphs in order; with `all_kinds` the others come untagged, in their places."""
    waiting: deque[Paragraph] = deque()

    def body() -> Iterator[Paragraph]:
        for paragraph in paragraphs:
            if paragraph.kind == "body" or all_kinds:
                waiting.append(paragraph)
            if paragraph.kind == "body":
                yield paragraph

    options = {} if batch_tokens is None else {"batch_tokens": batch_tokens}
    # What is there as a whole can be tokenised ahead.
    source = list(body()) if isinstance(paragraphs, list) else body()
    for tagged in classifier.classify(source, **options):
        while waiting[0].kind != "body":
            yield waiting.popleft()
        waiting.popleft()
        yield tagged
    yield from waiting
