"""Texts as a program has them: plain strings beside paragraphs, and columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policylens.data.records import Paragraph
from policylens.infer.streams.journal import folder_digest
from policylens.infer.streams.rows import LABEL_FIELDS, row_of

if TYPE_CHECKING:
    from policylens.infer.classify import Classifier

_DOC = "text"


def as_paragraphs(texts: Iterable[Paragraph | str]) -> Iterable[Paragraph]:
    """Paragraphs as they are, strings as body paragraphs of one document, numbered from 1.

    A list stays a list: the classifier reads ahead in it.

    Raises:
        TypeError: It is one string rather than many, or holds something else than text.
    """
    if isinstance(texts, str):
        raise TypeError(f"expected many texts, found one string; put it into a list: [{texts[:12]!r}…]")
    found = _each(texts)
    return list(found) if isinstance(texts, list) else found


def _each(texts: Iterable[Paragraph | str]) -> Iterator[Paragraph]:
    for number, text in enumerate(texts, start=1):
        yield text if isinstance(text, Paragraph) else _paragraph(text, number)


def _paragraph(text: object, number: int, *, title: str = "") -> Paragraph:
    if not isinstance(text, str):
        raise TypeError(
            f"text {number} is {type(text).__name__} ({text!r}); expected a string or a Paragraph"
        )
    return Paragraph(_DOC, number, "body", text, title=title, end=len(text), spans=((0, len(text)),))


class ColumnTagger:
    """Tags the texts of a table: columns in, columns out. Loads its model when it is first called.

    It fits `datasets.Dataset.map(..., batched=True)`, whose worker processes each load the model for
    themselves, and takes a pandas frame or a dict of lists as well.

    Args:
        model: Model folder; the shipped one when None.
        device: "auto", "cpu" or "cuda".
        text_field: Column with the texts.
        title_field: Column with the titles of their documents; may be missing.

    Raises:
        ModelFileError: The folder is missing, incomplete or inconsistent.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        device: str = "auto",
        text_field: str = "text",
        title_field: str = "title",
    ) -> None:
        from policylens.models.bundle import open_bundle

        folder = open_bundle(model).folder
        self._settings = (str(folder.resolve()), device, text_field, title_field)
        # Part of the pickled state: a cache of results, such as that of `Dataset.map`, knows the model by it.
        self._digest = folder_digest(folder)
        self._classifier: Classifier | None = None

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, list[Any]]:
        """The label columns of a batch: theme, theme_score, also, stance, stance_score, themes.

        Args:
            columns: Lists, arrays or series of equal length; that of the texts holds strings.

        Raises:
            TypeError: A text is no string.
        """
        _, _, text_field, title_field = self._settings
        texts: Sequence[object] = list(columns[text_field])
        titles = list(columns[title_field]) if title_field in columns else [""] * len(texts)
        paragraphs = [
            _paragraph(text, number, title=title if isinstance(title, str) else "")
            for number, (text, title) in enumerate(zip(texts, titles, strict=True), start=1)
        ]
        rows = [row_of(tagged) for tagged in self._loaded().classify(paragraphs)]
        return {name: [row[name] for row in rows] for name in LABEL_FIELDS}

    def __getstate__(self) -> dict[str, object]:
        """All but the loaded model."""
        return {**self.__dict__, "_classifier": None}

    def _loaded(self) -> Classifier:
        from policylens.infer.classify import Classifier

        if self._classifier is None:
            folder, device, _, _ = self._settings
            self._classifier = Classifier.load(folder, device=device)
        return self._classifier
