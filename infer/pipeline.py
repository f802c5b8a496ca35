"""The whole flow on one page: read -> paragraphs -> classify -> digest -> render.

The command line calls these functions and nothing below them; so can a program.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from policylens.data.read import InputFailure
from policylens.data.records import Digest, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Taxonomy, load_taxonomy
from policylens.infer.digest import summarize
from policylens.infer.inputs import OnFailure, read_paragraphs, without_failures
from policylens.infer.output import ReportFormat
from policylens.infer.report import render_html, render_json, render_markdown
from policylens.infer.rows import tags_of

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier

logger = logging.getLogger(__name__)

__all__ = [
    "Summary",
    "classify_inputs",
    "read_paragraphs",
    "render",
    "summarize_inputs",
    "tag",
    "without_failures",
]

Track = Callable[[Iterator[TaggedParagraph]], Iterator[TaggedParagraph]]


@dataclass(frozen=True, slots=True)
class Summary:
    """A digest and the taxonomy that its theme and stance ids belong to."""

    digest: Digest
    taxonomy: Taxonomy


def log_failure(failure: InputFailure) -> None:
    """Log an input that is left out: what happens to failures unless the caller wants them."""
    logger.warning("%s", failure.message)


def classify_inputs(
    inputs: Sequence[str],
    classifier: Classifier,
    *,
    batch_tokens: int | None = None,
    all_kinds: bool = False,
    text_field: str = "text",
    title_field: str = "title",
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
        on_failure: Called for each input or record that cannot be used; the others go on.

    Raises:
        InputError: Not one paragraph could be read.
    """
    found = read_paragraphs(inputs, text_field=text_field, title_field=title_field)
    paragraphs = without_failures(found, on_failure=on_failure)
    return tag(paragraphs, classifier, batch_tokens=batch_tokens, all_kinds=all_kinds)


def summarize_inputs(
    inputs: Sequence[str],
    *,
    model: str | Path | None = None,
    device: str = "auto",
    themes: Sequence[str] | None = None,
    max_chars: int = 300,
    text_field: str = "text",
    title_field: str = "title",
    on_failure: OnFailure = log_failure,
    track: Track = iter,
) -> Summary:
    """Digest files, folders, patterns or "-" theme by theme.

    Records that carry a theme and a stance keep them; the model is loaded only if others are left.

    Args:
        inputs: What the user names.
        model: Model folder, the shipped one when None. Its taxonomy is the one that carried labels are of.
        device: "auto", "cpu" or "cuda".
        themes: Only these themes, by id or name.
        max_chars: Largest length of the digest of one theme, in characters.
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        on_failure: Called for each input or record that cannot be used; the others go on.
        track: Wraps the paragraphs that are being tagged, to show progress.

    Raises:
        InputError: Not one paragraph could be read.
        TaxonomyError: A theme or a carried label is unknown.
        ModelFileError: The model folder cannot be used.
    """
    taxonomy = _taxonomy_of(model)
    wanted = None if themes is None else [taxonomy.find_theme(name).id for name in themes]
    found = read_paragraphs(inputs, text_field=text_field, title_field=title_field)
    body = [par for par in without_failures(found, on_failure=on_failure) if par.kind == "body"]
    tagged = _tag_rest(body, taxonomy, lambda rest: track(_classify(rest, model=model, device=device)))
    _warn_of_shared_places(body)
    digest = summarize(tagged, taxonomy=taxonomy, max_chars=max_chars, themes=wanted)
    return Summary(digest, taxonomy)


def render(summary: Summary, form: ReportFormat) -> str:
    """Render a summary as Markdown, HTML or JSON."""
    ways = {
        ReportFormat.MD: render_markdown,
        ReportFormat.HTML: render_html,
        ReportFormat.JSON: render_json,
    }
    return ways[form](summary.digest, taxonomy=summary.taxonomy)


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
    for tagged in classifier.classify(body(), **options):
        while waiting[0].kind != "body":
            yield waiting.popleft()
        waiting.popleft()
        yield tagged
    yield from waiting


def _tag_rest(
    body: Sequence[Paragraph],
    taxonomy: Taxonomy,
    classify: Callable[[list[Paragraph]], Iterator[TaggedParagraph]],
) -> list[TaggedParagraph]:
    """The tags that records carry, and the model's for the others, in order."""
    given = [tags_of(par, taxonomy=taxonomy) for par in body]
    rest = [par for par, known in zip(body, given, strict=True) if known is None]
    # Taken to the end at once, so that the progress closes with its last paragraph.
    predicted = iter(list(classify(rest)) if rest else [])
    return [known or next(predicted) for known in given]


def _classify(
    paragraphs: Iterable[Paragraph], *, model: str | Path | None, device: str
) -> Iterator[TaggedParagraph]:
    from policylens.infer.classify import Classifier

    return Classifier.load(model, device=device).classify(paragraphs)


def _taxonomy_of(model: str | Path | None) -> Taxonomy:
    if model is None:
        return load_taxonomy()
    from policylens.models.bundle import open_bundle

    return open_bundle(model).taxonomy


def _warn_of_shared_places(paragraphs: Iterable[Paragraph]) -> None:
    places = Counter((par.doc, par.para) for par in paragraphs)
    if shared := [f"{doc} ¶{para}" for (doc, para), n in places.items() if n > 1]:
        logger.warning(
            "%d places name more than one paragraph, e.g. %s; citations of them are ambiguous: "
            "give each record its own doc and para",
            len(shared),
            shared[0],
        )
