"""What a user names -> a digest, or two digests side by side, with everything a report needs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from policylens.data.errors import ConfigError
from policylens.data.limits import DEFAULT_LIMITS, Limits
from policylens.data.read import InputFailure
from policylens.data.records import Digest, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Taxonomy, load_taxonomy
from policylens.infer.digest import summarize
from policylens.infer.digests.compare_sets import Comparison, compare_digests
from policylens.infer.digests.salience import Salience
from policylens.infer.digests.structure import add_structure
from policylens.infer.streams.formats import ReportFormat
from policylens.infer.streams.inputs import OnFailure, read_paragraphs, without_failures
from policylens.infer.streams.rows import tags_of

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier

logger = logging.getLogger(__name__)

Track = Callable[[Iterator[TaggedParagraph]], Iterator[TaggedParagraph]]
Rewrite = Callable[[Digest, Sequence[TaggedParagraph]], Digest]
Source = TaggedParagraph | Paragraph


@dataclass(frozen=True, slots=True)
class Summary:
    """A digest and what it was made from.

    Attributes:
        digest: The digest of all inputs.
        taxonomy: The taxonomy that its theme and stance ids belong to.
        sources: All paragraphs that were read, the body ones tagged, in reading order.
        comparison: The two sets side by side, where a second one was given.
    """

    digest: Digest
    taxonomy: Taxonomy
    sources: tuple[Source, ...] = ()
    comparison: Comparison | None = None


def log_failure(failure: InputFailure) -> None:
    """Log an input that is left out: what happens to failures unless the caller wants them."""
    logger.warning("%s", failure.message)


def summarize_inputs(
    inputs: Sequence[str],
    *,
    compare: Sequence[str] = (),
    names: tuple[str, str] | None = None,
    model: str | Path | None = None,
    device: str = "auto",
    themes: Sequence[str] | None = None,
    max_chars: int = 300,
    text_field: str = "text",
    title_field: str = "title",
    limits: Limits = DEFAULT_LIMITS,
    on_failure: OnFailure = log_failure,
    track: Track = iter,
    rewrite: Rewrite | None = None,
) -> Summary:
    """Digest files, folders, patterns or "-" theme by theme.

    Records that carry a theme and a stance keep them. A model with a salience head reads their clauses all
    the same, of very many paragraphs the most telling; one without is loaded only if others are left.

    Args:
        inputs: What the user names.
        compare: A second set of inputs to put beside the first one.
        names: What to call the two sets; else by their files or folders.
        model: Model folder, the shipped one when None. Its taxonomy is the one that carried labels are of.
        device: "auto", "cpu" or "cuda".
        themes: Only these themes, by id or name.
        max_chars: Largest length of the digest of one theme, in characters.
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        limits: What is too large to be read.
        on_failure: Called for each input or record that cannot be used; the others go on.
        track: Wraps the paragraphs that are being tagged, to show progress.
        rewrite: Words the digests anew, such as a `rewrite.Rewriter`.

    Raises:
        InputError: Not one paragraph of a set could be read.
        ConfigError: Standard input is in both sets.
        TaxonomyError: A theme or a carried label is unknown.
        ModelFileError: The model folder cannot be used.
    """
    if "-" in inputs and "-" in compare:
        raise ConfigError("standard input ('-') can be in one of the two sets only; save it to a file first")
    taxonomy = _taxonomy_of(model)
    wanted = None if themes is None else [taxonomy.find_theme(name).id for name in themes]

    def read(some: Sequence[str]) -> list[Paragraph]:
        found = read_paragraphs(some, text_field=text_field, title_field=title_field, limits=limits)
        return list(without_failures(found, on_failure=on_failure))

    def digest_of(some: Iterable[Source]) -> Digest:
        tagged = [item for item in some if isinstance(item, TaggedParagraph)]
        digest = add_structure(
            summarize(tagged, taxonomy=taxonomy, max_chars=max_chars, themes=wanted, salience=salience),
            tagged,
        )
        return digest if rewrite is None else rewrite(digest, tagged)

    first = read(inputs)
    titles = names or (set_name(inputs, "A"), set_name(compare, "B"))
    second = _renamed(read(compare), {par.doc for par in first}, titles[1]) if compare else []
    _warn_of_shared_places(par for par in (*first, *second) if par.kind == "body")
    salience = Salience.open(model)
    load = cache(partial(_load, model, device=device, vectors=salience is not None))
    tagged = _tag_rest([*first, *second], taxonomy, lambda rest: track(_classify(rest, load(), salience)))
    if salience is not None:
        _read_rest(tagged, taxonomy, wanted, salience, load, track=track)
    comparison = None
    if compare:
        before, after = digest_of(tagged[: len(first)]), digest_of(tagged[len(first) :])
        comparison = compare_digests(before, after, names=titles)
    return Summary(digest_of(tagged), taxonomy, tuple(tagged), comparison)


def render(summary: Summary, form: ReportFormat) -> bytes:
    """Render a summary as Markdown, HTML, JSON (all UTF-8) or DOCX.

    Raises:
        MissingExtraError: DOCX without python-docx.
    """
    # Imported here: each way needs a library that the others do without.
    if form is ReportFormat.HTML:
        from policylens.infer.reports.report_page import render_page

        return render_page(summary).encode()
    if form is ReportFormat.DOCX:
        from policylens.infer.reports.report_docx import render_docx

        return render_docx(summary)
    from policylens.infer.reports.report import render_json, render_markdown

    way = render_json if form is ReportFormat.JSON else render_markdown
    return way(summary.digest, taxonomy=summary.taxonomy, comparison=summary.comparison).encode()


def set_name(inputs: Sequence[str], otherwise: str) -> str:
    """What to call a set of inputs: its only file or folder, else the folder that all are in."""
    paths = [Path(name) for name in inputs if name != "-"]
    folders = {path.parent for path in paths}
    if len(inputs) == 1 and paths:
        path = paths[0]
        # "2024/*.txt" is called by its folder.
        return (path.parent.name if "*" in path.name else path.stem) or path.absolute().name or otherwise
    return (folders.pop().name if len(folders) == 1 and len(paths) == len(inputs) else "") or otherwise


def _renamed(paragraphs: list[Paragraph], taken: set[str], prefix: str) -> list[Paragraph]:
    """Paragraphs of the second set; documents of it that are called like one of the first get a prefix."""
    return [replace(par, doc=f"{prefix}/{par.doc}") if par.doc in taken else par for par in paragraphs]


def _tag_rest(
    paragraphs: Sequence[Paragraph],
    taxonomy: Taxonomy,
    classify: Callable[[list[Paragraph]], Iterator[TaggedParagraph]],
) -> list[Source]:
    """The tags that records carry, the model's for the other body paragraphs, and the rest as they are."""
    given = [tags_of(par, taxonomy=taxonomy) if par.kind == "body" else par for par in paragraphs]
    rest = [par for par, known in zip(paragraphs, given, strict=True) if known is None]
    # Taken to the end at once, so that the progress closes with its last paragraph.
    predicted = iter(list(classify(rest)) if rest else [])
    return [next(predicted) if known is None else known for known in given]


def _classify(
    paragraphs: Iterable[Paragraph], classifier: Classifier, salience: Salience | None
) -> Iterator[TaggedParagraph]:
    return salience.classify(classifier, paragraphs) if salience else classifier.classify(paragraphs)


def _read_rest(
    sources: Iterable[Source],
    taxonomy: Taxonomy,
    themes: Sequence[str] | None,
    salience: Salience,
    load: Callable[[], Classifier],
    *,
    track: Track,
) -> None:
    """Read the clauses of the paragraphs that brought their labels and whose theme gets a digest."""
    tagged = [item for item in sources if isinstance(item, TaggedParagraph) and not item.abstained]
    wanted = [item for item in tagged if taxonomy.theme(item.theme).digest or item.theme in (themes or ())]
    rest = [item for item in wanted if themes is None or item.theme in themes]
    if len(salience.known(rest)) < len(rest):
        for _ in track(salience.read(load(), rest)):
            pass


def _load(model: str | Path | None, *, device: str, vectors: bool) -> Classifier:
    from policylens.infer.classify import Classifier

    return Classifier.load(model, device=device, vectors=vectors)


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
