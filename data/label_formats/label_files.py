"""Label files in and out: our JSON lines, CSV, XLSX, Label Studio and doccano."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from policylens.data.cells import as_cell, from_cell
from policylens.data.errors import ConfigError, InputError, LabelError
from policylens.data.label_formats.label_rows import (
    FieldNames,
    LabelRows,
    RawRow,
    Row,
    canonical_rows,
    columns_of,
    fitting_taxonomy,
    from_cells,
    to_cells,
)
from policylens.data.label_formats.label_sheets import read_sheet, write_sheet
from policylens.data.label_formats.label_tools import (
    from_doccano,
    from_json_min,
    from_label_studio,
    is_doccano,
    is_label_studio,
    to_doccano,
    to_label_studio,
)
from policylens.data.read import open_input
from policylens.data.readers.encoding import decode
from policylens.data.taxonomy import Taxonomy, load_taxonomy


class LabelFormat(StrEnum):
    """Formats of label files."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    LABEL_STUDIO = "label-studio"
    DOCCANO = "doccano"


_SUFFIXES = {
    ".jsonl": LabelFormat.JSONL,
    ".csv": LabelFormat.CSV,
    ".xlsx": LabelFormat.XLSX,
    ".json": LabelFormat.LABEL_STUDIO,
}


def label_format(path: Path, given: LabelFormat | None = None) -> LabelFormat:
    """The format asked for, else the one of the suffix.

    Raises:
        ConfigError: The suffix tells no format.
    """
    form = given or _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{path}: the suffix {path.suffix or '(none)'} tells no format; expected "
            f"{', '.join(_SUFFIXES)}, or name the format: {', '.join(LabelFormat)}"
        )
    return form


def read_label_rows(
    path: Path,
    *,
    form: LabelFormat | None = None,
    names: FieldNames | None = None,
    taxonomy: Taxonomy | None = None,
    any_labels: bool = False,
    keep_unlabelled: bool = False,
) -> LabelRows:
    """Read a label file of any format.

    Args:
        path: The file. `.jsonl` may be doccano's, `.json` Label Studio's or a plain array: told by content.
        form: The format, where suffix and content do not tell it.
        names: What its fields are called.
        taxonomy: Labels must belong to it. None takes the shipped one if it knows at least half of the
            different labels, else labels as they are.
        any_labels: Take labels as they are, whatever `taxonomy` is.
        keep_unlabelled: Keep rows without a theme instead of leaving them out.

    Raises:
        LabelError: Rows have unknown labels, no text or fields of the wrong type; the message lists all.
        InputError: The file cannot be read or holds no rows.
        MissingExtraError: XLSX needs openpyxl.
    """
    names = names or FieldNames()
    # doccano knows one kind of label: which of them are stances only a taxonomy can tell.
    for_tools = None if any_labels else taxonomy or load_taxonomy()
    raw_rows = read_raw_rows(path, form=form, names=names, taxonomy=for_tools)
    if any_labels:
        taxonomy = None
    elif taxonomy is None:
        taxonomy = fitting_taxonomy(raw_rows, names, load_taxonomy())
    return canonical_rows(
        raw_rows, name=str(path), names=names, taxonomy=taxonomy, keep_unlabelled=keep_unlabelled
    )


def read_raw_rows(
    path: Path,
    *,
    form: LabelFormat | None = None,
    names: FieldNames | None = None,
    taxonomy: Taxonomy | None = None,
) -> list[RawRow]:
    """Rows of a label file as they are, with labels unchecked; see `read_label_rows`.

    Raises:
        InputError: The file cannot be read or holds no rows.
        LabelError: A row is no JSON object, or its tool's fields are broken.
        MissingExtraError: XLSX needs openpyxl.
    """
    names = names or FieldNames()
    form = label_format(path, form)
    with open_input(path) as stream:
        data = stream.read()
    if not data.strip():
        raise InputError(f"{path}: is empty")
    if form is LabelFormat.XLSX:
        rows = read_sheet(data, name=str(path), names=names)
    elif form is LabelFormat.CSV:
        rows = list(_csv_rows(_text(data, name=str(path)), name=str(path)))
    elif form is LabelFormat.LABEL_STUDIO:
        rows = _from_array(_text(data, name=str(path)), name=str(path), names=names)
    else:
        rows = list(_json_lines(_text(data, name=str(path)), name=str(path)))
        if form is LabelFormat.DOCCANO or is_doccano(rows, names):
            rows = from_doccano(rows, name=str(path), names=names, taxonomy=taxonomy)
    if not rows:
        raise InputError(f"{path}: holds no rows")
    return rows


def label_bytes(rows: Sequence[Row], form: LabelFormat, *, taxonomy: Taxonomy | None = None) -> bytes:
    """Canonical rows as the content of a label file.

    Args:
        rows: Canonical rows.
        form: The format.
        taxonomy: Of a sheet's drop-down lists and codebook; None writes none.

    Raises:
        LabelError: A text is too long for a spreadsheet.
        MissingExtraError: XLSX needs openpyxl.
    """
    match form:
        case LabelFormat.XLSX:
            return write_sheet(rows, taxonomy=taxonomy)
        case LabelFormat.CSV:
            return _csv_bytes(rows)
        case LabelFormat.LABEL_STUDIO:
            text = json.dumps([to_label_studio(row) for row in rows], ensure_ascii=False, indent=1)
            return f"{text}\n".encode()
        case LabelFormat.DOCCANO:
            return _json_bytes(list(map(to_doccano, rows)))
    return _json_bytes(rows)


def _text(data: bytes, *, name: str) -> str:
    """The decoded text with its line ends: unlike in documents they belong to the cells of a table."""
    if b"\0" not in data:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig")
    return decode(data, name=name)


def _json_bytes(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _json_lines(text: str, *, name: str) -> Iterator[RawRow]:
    # Not splitlines(): it would also cut at U+2028 and the like inside a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield RawRow(number, _object(line, name=name, place=f"line {number}"))


def _object(line: str, *, name: str, place: str) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{name}, {place}: not valid JSON ({error})") from None
    return _checked(value, name=name, place=place)


def _checked(value: object, *, name: str, place: str) -> Row:
    if not isinstance(value, dict):
        raise LabelError(f"{name}, {place}: expected a JSON object, found {type(value).__name__}")
    return value


def _from_array(text: str, *, name: str, names: FieldNames) -> list[RawRow]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not valid JSON ({error}); for one object a line use .jsonl") from None
    if not isinstance(items, list):
        raise InputError(f"{name}: expected a JSON array, found {type(items).__name__}")
    rows = [RawRow(at, _checked(item, name=name, place=f"item {at}")) for at, item in enumerate(items, 1)]
    return (
        from_label_studio(rows, name=name, names=names)
        if is_label_studio(rows)
        else from_json_min(rows, names)
    )


def _csv_rows(text: str, *, name: str) -> Iterator[RawRow]:
    # newline="" keeps the line ends inside quoted cells as they are.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader)]
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(header):
                raise LabelError(
                    f"{name}, line {line}: {len(cells)} cells, the header has {len(header)}; "
                    "put text with commas in quotes"
                )
            if any(cells):
                yield RawRow(line, from_cells(dict(zip(header, map(from_cell, cells), strict=False))))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}: not valid CSV ({error}); check the quotes"
        ) from None


def _csv_bytes(rows: Sequence[Row]) -> bytes:
    columns = columns_of(rows)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    for row in rows:
        cells = to_cells(row)
        writer.writerow([as_cell(cells.get(column, "")) for column in columns])
    # The byte-order mark is what spreadsheets tell UTF-8 by.
    return stream.getvalue().encode("utf-8-sig")
