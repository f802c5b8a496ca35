"""Rows of label files, whatever the file format: JSON objects with known fields and checked labels.

A canonical row holds text under the names of `TEXT_FIELDS`, label ids, lists under `LIST_FIELDS`, a whole
number as `confidence`, and any other field of the file as it was. Empty known fields are left out. Rows like
that survive every file format unchanged.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from policylens.data.errors import LabelError, TaxonomyError
from policylens.data.taxonomy import Label, Taxonomy, nearest_id

Row = dict[str, object]

TEXT_FIELDS = ("id", "source", "doc", "title", "heading", "prev", "text", "annotator")
LIST_FIELDS = ("also", "theme_alt", "stance_alt")
FIELDS = (
    *("id", "source", "doc", "title", "heading", "prev", "text"),
    *("theme", "also", "stance", "confidence", "theme_alt", "stance_alt", "annotator"),
)
# What people who start a sheet by hand write over its columns.
_ALIASES = {
    "text": ("文本", "正文", "段落", "内容"),
    "title": ("标题", "文件标题"),
    "doc": ("文件", "文档"),
    "theme": ("主题", "类别", "标签"),
    "also": ("次要主题", "其他主题"),
    "stance": ("立场", "态度"),
    "confidence": ("把握", "置信度"),
    "annotator": ("标注人", "标注员"),
}
_UNNAMED = "unnamed"
_CONFIDENCES = (1, 2, 3)
_SEPARATORS = re.compile("[;；]")
_MORE_SEPARATORS = re.compile("[,，、]")
# Lines of one and the same mistake that an error names; the count of all is given too.
_MAX_LINES = 20


@dataclass(frozen=True, slots=True)
class FieldNames:
    """What the fields are called in a file.

    Attributes:
        text: The paragraph.
        title: Title of its document.
        theme: The primary theme, or the only label of a task.
        stance: The stance.
    """

    text: str = "text"
    title: str = "title"
    theme: str = "theme"
    stance: str = "stance"


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as a file gives it.

    Attributes:
        line: Line, sheet row or item number on which it starts, from 1.
        fields: Its fields; labels unchecked.
    """

    line: int
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Canonical rows and what was left out.

    Attributes:
        rows: Canonical rows, in the order of the file.
        lines: Where each of them starts in the file.
        unlabelled: How many rows without a theme were left out.
    """

    rows: list[Row]
    lines: list[int]
    unlabelled: int = 0


@dataclass(slots=True)
class _Problems:
    """What is wrong with a file: unknown labels by head and value, other mistakes by message."""

    unknown: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    other: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def raise_if_any(self, name: str, taxonomy: Taxonomy | None) -> None:
        lines = [f"{_places(places)}: {message}" for message, places in self.other.items()]
        for (head, value), places in self.unknown.items():
            hint = _hint(head, value, taxonomy) if taxonomy else ""
            lines.append(f"{_places(places)}: unknown {head} {value!r}{hint}")
        if not lines:
            return
        where = f" (taxonomy {taxonomy.name!r}, version {taxonomy.version})" if taxonomy else ""
        raise LabelError(f"{name}: nothing imported{where}; correct these:\n  " + "\n  ".join(lines))


def canonical_rows(
    raw_rows: Iterable[RawRow],
    *,
    name: str,
    names: FieldNames | None = None,
    taxonomy: Taxonomy | None = None,
    keep_unlabelled: bool = False,
) -> LabelRows:
    """Check rows and settle their labels to ids.

    Args:
        raw_rows: Rows of one file.
        name: Name of the file, for errors.
        names: What its fields are called.
        taxonomy: Labels, given as ids or names, must belong to it; None takes any label as it is.
        keep_unlabelled: Keep rows without a theme instead of leaving them out.

    Raises:
        LabelError: Rows have unknown labels, no text or fields of the wrong type; the message lists all.
    """
    names, problems = names or FieldNames(), _Problems()
    kept = LabelRows([], [])
    unlabelled = 0
    for raw in raw_rows:
        try:
            row = _canonical(raw, names=names, taxonomy=taxonomy, problems=problems)
        except LabelError as error:
            problems.other[str(error)].append(raw.line)
            continue
        if "theme" not in row and not keep_unlabelled:
            unlabelled += 1
            continue
        kept.rows.append(row)
        kept.lines.append(raw.line)
    problems.raise_if_any(name, taxonomy)
    return LabelRows(kept.rows, kept.lines, unlabelled)


def fitting_taxonomy(raw_rows: Iterable[RawRow], names: FieldNames, shipped: Taxonomy) -> Taxonomy | None:
    """The shipped taxonomy if it knows at least half of the different labels in the rows, else None.

    Half, so that a few misspelt labels of ours are still told from another label set.
    """
    found = {
        (head, value)
        for raw in raw_rows
        for head, key in (("theme", names.theme), ("stance", names.stance))
        if (value := str(_get(raw.fields, key, head) or "").strip())
    }
    known = sum(_resolve(head, value, shipped) is not None for head, value in found)
    return shipped if found and 2 * known >= len(found) else None


def cell_of(value: object) -> str:
    """A value of an unknown field as the text of a table cell, from which `value_of` reads an equal one."""
    if isinstance(value, str) and value:
        read = value_of(value)
        if isinstance(read, str) and read == value:
            return value
    return json.dumps(value, ensure_ascii=False)


def value_of(cell: str) -> object:
    """The value of a cell: JSON where it is written as `json.dumps` writes it, else the text itself.

    Anything else stays text, so that 0123 or 1.10 lose no digit.
    """
    if not cell or cell[0] not in '"[{-0123456789tfn':
        return cell
    try:
        value: object = json.loads(cell)
        same = json.dumps(value, ensure_ascii=False, allow_nan=False) == cell
    except (ValueError, RecursionError):
        return cell
    return value if same else cell


def list_cell(labels: Sequence[str]) -> str:
    """Labels as one cell: separated by ";", as JSON where that could be read as something else."""
    if any(_SEPARATORS.search(label) or label != label.strip() or label[:1] in ("", "[") for label in labels):
        return json.dumps(list(labels), ensure_ascii=False)
    return ";".join(labels)


def to_cells(row: Row) -> dict[str, str]:
    """A canonical row as the cells of a table."""
    return {
        key: list_cell(value)
        if key in LIST_FIELDS and isinstance(value, list)
        else str(value)
        if key in FIELDS
        else cell_of(value)
        for key, value in row.items()
    }


def from_cells(cells: Mapping[str, object]) -> Row:
    """Fields of a table row; empty cells are absent fields. Known fields are read by `canonical_rows`."""
    return {
        key: value_of(value) if isinstance(value, str) and key not in FIELDS else value
        for key, value in cells.items()
        if value is not None and value != ""
    }


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Columns of a table of these rows: text and theme always, other fields where a row has them."""
    seen = {key for row in rows for key in row} | {"text", "theme"}
    return [*(key for key in FIELDS if key in seen), *sorted(seen.difference(FIELDS))]


def _canonical(raw: RawRow, *, names: FieldNames, taxonomy: Taxonomy | None, problems: _Problems) -> Row:
    fields = {key.strip() or _UNNAMED: value for key, value in reversed(list(raw.fields.items()))}
    taken: Row = {}
    given = {"text": names.text, "title": names.title, "theme": names.theme, "stance": names.stance}
    for key in FIELDS:
        name = name_in(fields, given.get(key, key), key)
        value = fields.pop(name, None)
        taken[key] = value
    row: Row = {}
    for key in FIELDS:
        value = taken[key]
        if key in TEXT_FIELDS:
            row[key] = _as_text(value, key)
        elif key == "confidence":
            row[key] = _confidence(value)
        else:
            labels = _labels(value, key=key, taxonomy=taxonomy)
            row[key] = _settle(labels, key, raw.line, taxonomy=taxonomy, problems=problems)
    if not str(row["text"]).strip():
        raise LabelError(f"no text in the field {names.text!r}; fields: {', '.join(raw.fields) or 'none'}")
    theme = row["theme"]
    row["also"] = [label for label in _listed(row["also"]) if label != theme]
    known = {key: value for key, value in row.items() if value not in ("", None, [])}
    return known | {key: fields[key] for key in sorted(fields) if fields[key] is not None}


def _get(fields: Mapping[str, object], name: str, key: str) -> object:
    return fields.get(name_in(fields, name, key))


def name_in(fields: Container[str], name: str, key: str) -> str:
    """What a known field is called in these fields: the name given, else a usual Chinese one."""
    if name in fields or name != key:
        return name
    return next((alias for alias in _ALIASES.get(key, ()) if alias in fields), name)


def _as_text(value: object, key: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        # Spreadsheets know no whole numbers: 12 comes as 12.0.
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise LabelError(f"the field {key!r} is {value!r}; expected text")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LabelError(f"the field {key!r} holds half a surrogate pair, which is no character") from None
    return text


def _confidence(value: object) -> int | None:
    if value is None or value == "":
        return None
    for number in _CONFIDENCES:
        if not isinstance(value, bool) and value in (number, str(number)):
            return number
    raise LabelError(f"the field 'confidence' is {value!r}; expected 1, 2 or 3")


def _labels(value: object, *, key: str, taxonomy: Taxonomy | None) -> list[str]:
    """The labels that a field names, unchecked."""
    if key not in LIST_FIELDS:
        name = _as_text(value, key).strip()
        return [name] if name else []
    if isinstance(value, str):
        parsed = value_of(value.strip()) if value.strip().startswith("[") else None
        value = parsed if isinstance(parsed, list) else _split(value, key=key, taxonomy=taxonomy)
    if value is None:
        return []
    items = value if isinstance(value, list | tuple) else [value]
    return [name for item in items if (name := _as_text(item, key).strip())]


def _split(text: str, *, key: str, taxonomy: Taxonomy | None) -> list[str]:
    """Labels of one cell. Names may hold commas, so these only part what is no label as a whole."""
    parts: list[str] = []
    for part in _SEPARATORS.split(text):
        whole = taxonomy is None or _resolve(key, part, taxonomy) is not None
        parts += [part] if whole else _MORE_SEPARATORS.split(part)
    return parts


def _settle(
    labels: Sequence[str], key: str, line: int, *, taxonomy: Taxonomy | None, problems: _Problems
) -> str | list[str]:
    """Ids of the labels of a field: a list, or for theme and stance the only one or ""."""
    head = _head(key)
    settled: list[str] = []
    for name in labels:
        label = _resolve(head, name, taxonomy) if taxonomy else name
        if label is None:
            problems.unknown[head, name].append(line)
        elif label not in settled:
            settled.append(label)
    if key in LIST_FIELDS:
        return settled
    return settled[0] if settled else ""


def _head(key: str) -> str:
    return "stance" if key.startswith("stance") else "theme"


def _resolve(key: str, name: str, taxonomy: Taxonomy) -> str | None:
    find: Callable[[str], Label] = taxonomy.find_stance if _head(key) == "stance" else taxonomy.find_theme
    try:
        return find(name.strip()).id
    except TaxonomyError:
        return None


def _hint(head: str, value: str, taxonomy: Taxonomy) -> str:
    labels = taxonomy.stances if head == "stance" else taxonomy.themes
    if not labels:
        return "; the taxonomy has no stances"
    near = nearest_id(value, labels)
    if not near:
        return "; no valid name is like it (see `policylens taxonomy`)"
    label = next(label for label in labels if label.id == near)
    return f"; did you mean {near!r}{'' if label.name_zh == near else f' ({label.name_zh})'}?"


def _places(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:_MAX_LINES]))
    more = f", … ({len(lines)} in all)" if len(lines) > _MAX_LINES else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"


def _listed(value: object) -> list[str]:
    return value if isinstance(value, list) else []
