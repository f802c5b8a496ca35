"""All that the user names -> paragraphs, document by document, with what cannot be read told apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from policylens.data.errors import InputError, MissingExtraError
from policylens.data.read import (
    STDIN,
    InputFailure,
    RecordError,
    expand_inputs,
    is_records,
    read_document,
    read_records,
    read_stdin,
)
from policylens.data.records import Document, Paragraph
from policylens.data.reflow import reflow
from policylens.infer.naming import DocNames

OnFailure = Callable[[InputFailure], None]


def read_paragraphs(
    inputs: Sequence[str],
    *,
    text_field: str = "text",
    title_field: str = "title",
    stdin: BinaryIO | None = None,
) -> Iterator[Paragraph | InputFailure]:
    """Read the paragraphs of all inputs, in order; what cannot be used stands in its place as a failure.

    Documents are put together again by `reflow`, records are paragraphs as they stand. Documents with the
    same file name get different names; names that records give themselves are kept.

    Args:
        inputs: Files, folders, patterns or "-".
        text_field: Field with the text in record inputs.
        title_field: Field with the document's title in record inputs.
        stdin: What "-" reads; `sys.stdin.buffer` when None.
    """
    names = DocNames(["stdin"] if STDIN in inputs else [])
    for item in expand_inputs(inputs):
        if isinstance(item, InputFailure):
            yield item
            continue
        try:
            for found in _read_one(item, names, text_field=text_field, title_field=title_field, stdin=stdin):
                if isinstance(found, RecordError):
                    yield InputFailure(found.input, found.message)
                else:
                    names.take(found.doc)
                    yield found
        except (InputError, MissingExtraError) as error:
            yield InputFailure(str(item), str(error))


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
        raise InputError("no input could be read, so nothing is written")


def _read_one(
    item: str | Path, names: DocNames, *, text_field: str, title_field: str, stdin: BinaryIO | None
) -> Iterable[Paragraph | RecordError]:
    if isinstance(item, Path) and is_records(item):
        return read_records(item, text_field=text_field, title_field=title_field, doc=names.name(item))
    if isinstance(item, Path):
        document = read_document(item)
        # Named only now: a file that cannot be read takes no name from the next one.
        return reflow(replace(document, doc=names.name(item)))
    source = read_stdin(stdin or sys.stdin.buffer, text_field=text_field, title_field=title_field)
    return reflow(source) if isinstance(source, Document) else source
