"""Labelled paragraphs: reading them, checking them against a taxonomy, counting and splitting them."""

from __future__ import annotations

import csv
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from policylens.data.errors import ConfigError, LabelError, TaxonomyError
from policylens.data.read import RecordError, read_records
from policylens.data.readers.csv_lines import csv_lines
from policylens.data.readers.encoding import read_lines
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Label, Taxonomy

_CONFIDENCES = (1, 2, 3)
# In a CSV cell a list is written with semicolons: labels may hold commas and blanks.
_LIST_SEPARATOR = ";"


@dataclass(frozen=True, slots=True)
class LabelledParagraph:
    """A paragraph with the labels that an annotator gave it.

    Attributes:
        paragraph: The paragraph.
        theme: Id of the primary theme; "" only where missing labels were allowed.
        also: Secondary theme ids.
        stance: Stance id; "" where the task has no stances (or, if allowed, where it is missing).
        confidence: How sure the annotator was: 1 (a guess) to 3 (sure).
        theme_alt: Other themes that a second annotator found defensible.
        stance_alt: Likewise for the stance.
    """

    paragraph: Paragraph
    theme: str
    also: tuple[str, ...] = ()
    stance: str = ""
    confidence: int = 3
    theme_alt: tuple[str, ...] = ()
    stance_alt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How often each label occurs, most frequent first.

    Attributes:
        themes: Primary themes.
        also: Secondary themes.
        stances: Stances.
    """

    themes: Mapping[str, int]
    also: Mapping[str, int]
    stances: Mapping[str, int]


def read_labelled(
    path: str | Path,
    *,
    taxonomy: Taxonomy | None = None,
    text_field: str = "text",
    title_field: str = "title",
    context_field: str | None = None,
    theme_field: str = "theme",
    stance_field: str | None = "stance",
    allow_missing: bool = False,
) -> list[LabelledParagraph]:
    """Read labelled paragraphs from a .jsonl or .csv file.

    Labels may be ids or names of the taxonomy; ids are returned. The fields `also`, `theme_alt`,
    `stance_alt` (lists; in CSV separated by ";") and `confidence` are read where they are there.

    Args:
        path: The file.
        taxonomy: Labels must belong to it; with None any label is taken as it is.
        text_field: Field of the text.
        title_field: Field of the document title.
        context_field: Field that is read as the title instead, e.g. the target of a stance task.
        theme_field: Field of the primary theme, or of the only label of a task.
        stance_field: Field of the stance; None where the task has none. Not read either where the
            taxonomy has no stances.
        allow_missing: Take rows without a theme or stance, as "", instead of refusing the file.

    Raises:
        LabelError: A row is broken, lacks a label or has an unknown one; the message names file, line
            and value.
        InputError: The file cannot be read or holds no rows.
    """
    return list(
        iter_labelled(
            path,
            taxonomy=taxonomy,
            text_field=text_field,
            title_field=title_field,
            context_field=context_field,
            theme_field=theme_field,
            stance_field=stance_field,
            allow_missing=allow_missing,
        )
    )


def iter_labelled(
    path: str | Path,
    *,
    taxonomy: Taxonomy | None = None,
    text_field: str = "text",
    title_field: str = "title",
    context_field: str | None = None,
    theme_field: str = "theme",
    stance_field: str | None = "stance",
    allow_missing: bool = False,
) -> Iterator[LabelledParagraph]:
    """The rows of `read_labelled` one by one, in constant memory; errors come with the row they are of."""
    source = Path(path)
    labeller = _Labeller(
        taxonomy=taxonomy,
        theme_field=theme_field,
        stance_field=None if taxonomy is not None and not taxonomy.stances else stance_field,
        allow_missing=allow_missing,
    )
    records = read_records(source, text_field=text_field, title_field=context_field or title_field)
    for number, record in enumerate(records, start=1):
        if isinstance(record, RecordError):
            raise LabelError(record.message)
        try:
            labelled = labeller.label(record)
        except (LabelError, TaxonomyError) as error:
            raise LabelError(f"{source}, line {_line_of(source, number)}: {error}") from error
        yield labelled


def label_counts(rows: Iterable[LabelledParagraph]) -> LabelCounts:
    """Count the labels of the rows."""
    themes: Counter[str] = Counter()
    also: Counter[str] = Counter()
    stances: Counter[str] = Counter()
    for row in rows:
        themes[row.theme] += 1
        also.update(row.also)
        stances[row.stance] += 1
    # "" is the absence of a label, no label.
    return LabelCounts(
        *({label: n for label, n in counter.most_common() if label} for counter in (themes, also, stances))
    )


def split_by_document(
    rows: Sequence[LabelledParagraph], *, dev_share: float, seed: int
) -> tuple[Sequence[LabelledParagraph], Sequence[LabelledParagraph]]:
    """Split rows into training and development rows so that no document is in both.

    Paragraphs of one document share names, figures and phrases: a model that has seen some of them
    scores too well on the others. Where all rows are of one document (a file that names none), rows
    with the same text stay together instead.

    Args:
        rows: The rows; each part keeps their order.
        dev_share: Share of the rows that the development part gets at most, between 0 and 1; one
            whole document in any case.
        seed: The same seed gives the same split, whatever the order of the rows.

    Returns:
        The training rows and the development rows, neither empty; of `StoredRows` both stay in the file.

    Raises:
        ConfigError: `dev_share` is not between 0 and 1.
        LabelError: There is only one document and only one text.
    """
    if not 0 < dev_share < 1:
        raise ConfigError(f"dev_share is {dev_share}; expected a share between 0 and 1, e.g. 0.1")
    keys_of = _split_keys(rows)
    sizes = Counter(keys_of)
    if len(sizes) < 2:
        raise LabelError(f"cannot split {len(rows)} rows of one text; give a separate development file")
    keys = sorted(sizes)
    random.Random(seed).shuffle(keys)
    wanted = min(round(dev_share * len(rows)), len(rows) - 1)
    dev_keys: set[str] = set()
    taken = 0
    for key in keys:
        if taken + sizes[key] <= wanted:
            dev_keys.add(key)
            taken += sizes[key]
    if not dev_keys:
        dev_keys.add(min(keys, key=lambda key: sizes[key]))
    train = [at for at, key in enumerate(keys_of) if key not in dev_keys]
    dev = [at for at, key in enumerate(keys_of) if key in dev_keys]
    return _some(rows, train), _some(rows, dev)


def _split_keys(rows: Sequence[LabelledParagraph]) -> list[str]:
    """What each row is kept together by; equal keys are one object, since there may be a million rows."""
    seen: dict[str, str] = {}
    documents = [seen.setdefault(row.paragraph.doc, row.paragraph.doc) for row in rows]
    return documents if len(seen) > 1 else [row.paragraph.text for row in rows]


def _some(rows: Sequence[LabelledParagraph], places: Sequence[int]) -> Sequence[LabelledParagraph]:
    if isinstance(rows, _Selectable):
        return rows.select(places)
    return [rows[at] for at in places]


@runtime_checkable
class _Selectable(Protocol):
    """Rows that lie in a file: some of them are chosen without being read."""

    def select(self, places: Iterable[int]) -> Sequence[LabelledParagraph]:
        """The rows with these numbers."""
        ...


@dataclass(frozen=True, slots=True)
class _Labeller:
    """Turns the fields of a record into checked labels."""

    taxonomy: Taxonomy | None
    theme_field: str
    stance_field: str | None
    allow_missing: bool

    def label(self, paragraph: Paragraph) -> LabelledParagraph:
        fields = paragraph.extra
        find_theme = self.taxonomy.find_theme if self.taxonomy else _any_label
        find_stance = self.taxonomy.find_stance if self.taxonomy else _any_label
        theme = self._one(fields, self.theme_field, find=find_theme)
        has_stance = self.stance_field is not None
        return LabelledParagraph(
            paragraph=paragraph,
            theme=theme,
            also=tuple(name for name in _several(fields, "also", find=find_theme) if name != theme),
            stance=self._one(fields, self.stance_field, find=find_stance) if self.stance_field else "",
            confidence=_confidence(fields.get("confidence")),
            theme_alt=_several(fields, "theme_alt", find=find_theme),
            stance_alt=_several(fields, "stance_alt", find=find_stance) if has_stance else (),
        )

    def _one(self, fields: Mapping[str, object], key: str, *, find: Callable[[str], Label]) -> str:
        name = _label_text(fields.get(key), key=key)
        if name:
            return find(name).id
        if self.allow_missing:
            return ""
        raise LabelError(f"no label in the field {key!r}; other fields of the row: {_names(fields)}")


def _line_of(path: Path, number: int) -> int:
    """The line on which a record starts; the number of the record itself in a .json array.

    Paragraphs carry no line, so that it is looked up here, only when there is an error to report.
    """
    if path.suffix.lower() == ".json":
        return number
    with path.open("rb") as stream:
        if path.suffix.lower() == ".csv":
            starts = _csv_starts(csv_lines(stream, name=str(path)))
        else:
            starts = _filled_lines(line.text for line in read_lines(stream, name=str(path)))
        return next(itertools.islice(starts, number - 1, None))


def _filled_lines(texts: Iterable[str]) -> Iterator[int]:
    return (number for number, text in enumerate(texts, start=1) if text.strip())


def _csv_starts(texts: Iterable[str]) -> Iterator[int]:
    reader = csv.reader(texts, strict=True)
    next(reader)
    start = reader.line_num + 1
    for row in reader:
        if any(row):
            yield start
        start = reader.line_num + 1


def _any_label(name: str) -> Label:
    return Label(id=name, name_zh=name)


def _label_text(value: object, *, key: str) -> str:
    if value is None:
        return ""
    # Labels are often class numbers; bool is an int, but True is no class number.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LabelError(f"the field {key!r} is {value!r}; expected a label (text or a whole number)")
    return str(value).strip()


def _several(fields: Mapping[str, object], key: str, *, find: Callable[[str], Label]) -> tuple[str, ...]:
    value = fields.get(key)
    if isinstance(value, str):
        value = value.split(_LIST_SEPARATOR)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise LabelError(f"the field {key!r} is {value!r}; expected a list of labels")
    names = [_label_text(item, key=key) for item in value]
    return tuple(dict.fromkeys(find(name).id for name in names if name))


def _confidence(value: object) -> int:
    if value is None or value == "":
        return _CONFIDENCES[-1]
    for number in _CONFIDENCES:
        if not isinstance(value, bool) and value in (number, str(number)):
            return number
    raise LabelError(f"the field 'confidence' is {value!r}; expected 1, 2 or 3")


def _names(fields: Mapping[str, object]) -> str:
    return ", ".join(sorted(fields)) or "none"
