"""XLSX sheets of labelled rows: exact text, drop-down lists of the labels, and the codebook beside them."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from policylens.data.errors import InputError, LabelError, MissingExtraError
from policylens.data.label_formats.label_rows import (
    FieldNames,
    RawRow,
    Row,
    columns_of,
    from_cells,
    name_in,
    to_cells,
)
from policylens.data.limits import DEFAULT_LIMITS
from policylens.data.readers.docx_package import check_workbook
from policylens.data.taxonomy import Label, Taxonomy

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

ROWS_SHEET, CODEBOOK_SHEET = "labels", "codebook"
# The file format's own limit, in characters.
_MAX_CELL = 32_767
# XML cannot hold these characters, and its readers turn carriage returns into line feeds; ECMA-376 part 1,
# 22.9.2.19 (ST_Xstring) writes them as _x000D_, and the underscore of a literal _x000D_ as _x005F_.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
# A row of a few bytes may have its only cell in column 16,384, a sheet its only row at any number: a small
# file would take all memory.
_MAX_PLACES = 20_000_000
_PLACES_OF_A_ROW = 16
_TEMPLATE_COLUMNS = ("id", "doc", "title", "prev", "text", "theme", "also", "stance", "confidence")
_CODEBOOK_COLUMNS = (
    *("field", "choice", "id", "name", "English name", "definition", "typical", "not here", "examples"),
)
# Rows below the header that get drop-down lists: enough for a day of labelling.
_LISTED_ROWS = 2000
_WIDTHS = {"text": 90, "title": 30, "prev": 30, "theme": 24, "also": 24, "stance": 12}


def read_sheet(data: bytes, *, name: str, names: FieldNames) -> list[RawRow]:
    """Rows of the first sheet that has a column with text.

    Raises:
        InputError: It is no XLSX file, or no sheet has such a column.
        MissingExtraError: openpyxl is not installed.
    """
    openpyxl = _openpyxl()
    check_workbook(data, path=name, limits=DEFAULT_LIMITS)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [_cells(sheet, name=name) for sheet in book.worksheets]
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # The zip, the XML or any part may be damaged; zipfile, the XML parser and openpyxl have no common
        # error for that.
        raise InputError(f"{name}: is no XLSX workbook ({error}); save it as .xlsx") from None
    headers = [[_header(cell) for cell in sheet[0]] if sheet else [] for sheet in sheets]
    for header, sheet in zip(headers, sheets, strict=True):
        if name_in(header, names.text, "text") in header:
            return list(_sheet_rows(header, sheet[1:]))
    found = "; ".join(", ".join(filter(None, header)) or "empty" for header in headers)
    raise InputError(f"{name}: no sheet has a column {names.text!r} in its first row; columns: {found}")


def _cells(sheet: Any, *, name: str) -> list[Sequence[object]]:  # noqa: ANN401 - openpyxl has no types
    """The rows of a sheet, as long as their last cell."""
    # What the file says of its size is often wrong, and pads all rows to it.
    sheet.reset_dimensions()
    rows: list[Sequence[object]] = []
    places = 0
    for row in sheet.iter_rows(values_only=True):
        # A file may leave out millions of rows, each of which comes as an empty one.
        places += len(row) + _PLACES_OF_A_ROW
        if places > _MAX_PLACES:
            raise InputError(
                f"{name}: has more than {_MAX_PLACES:,} cells, empty ones before a filled one included; "
                "delete what stands far below or right of the table"
            )
        rows.append(row)
    return rows


def write_sheet(rows: Sequence[Row], *, taxonomy: Taxonomy | None = None) -> bytes:
    """A workbook with canonical rows, from which `read_sheet` reads equal ones.

    Args:
        rows: Canonical rows.
        taxonomy: Of the drop-down lists and the codebook sheet; None writes neither.

    Raises:
        LabelError: A cell would be longer than the format allows.
        MissingExtraError: openpyxl is not installed.
    """
    book = _openpyxl().Workbook()
    if taxonomy is None:
        _fill(book.active, columns_of(rows), rows)
        return _saved(book)
    columns = columns_of([*rows, dict.fromkeys(["theme", "also", *(["stance"] if taxonomy.stances else [])])])
    _fill(book.active, columns, rows)
    # Ids, since that is what stands in the cells.
    _add_codebook(book, taxonomy, [*taxonomy.theme_ids, *taxonomy.stance_ids])
    _add_lists(book.active, columns, taxonomy, n_rows=max(len(rows), 1))
    return _saved(book)


def write_template(taxonomy: Taxonomy) -> bytes:
    """An empty sheet to label in: drop-down lists of themes and stances, and the codebook beside it.

    Raises:
        MissingExtraError: openpyxl is not installed.
    """
    columns = [key for key in _TEMPLATE_COLUMNS if key != "stance" or taxonomy.stances]
    book = _openpyxl().Workbook()
    _fill(book.active, columns, [])
    _add_codebook(book, taxonomy, [*choices(taxonomy.themes), *choices(taxonomy.stances)])
    _add_lists(book.active, columns, taxonomy, n_rows=_LISTED_ROWS)
    return _saved(book)


def choices(labels: Sequence[Label]) -> list[str]:
    """What a drop-down list offers for labels: the Chinese name, the id where another label is called so."""
    return [label.id if _is_shared(label, labels) else label.name_zh for label in labels]


def _is_shared(label: Label, labels: Sequence[Label]) -> bool:
    name = label.name_zh.casefold()
    return any(
        name in (other.id.casefold(), other.name_zh.casefold(), other.name_en.casefold())
        for other in labels
        if other is not label
    )


def _openpyxl() -> Any:  # noqa: ANN401 - the module has no types
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError("reading and writing XLSX", extra="labels", package="openpyxl") from error
    return openpyxl


def _header(cell: object) -> str:
    return _unescape(str(cell)).strip() if cell is not None else ""


def _sheet_rows(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[RawRow]:
    for number, cells in enumerate(rows, start=2):
        values = {
            key: _value(cell)
            for key, cell in zip(header, cells, strict=False)
            if key or cell not in (None, "")
        }
        if any(value not in (None, "") for value in values.values()):
            yield RawRow(number, from_cells(values))


def _value(cell: object) -> object:
    if isinstance(cell, str):
        return _unescape(cell)
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, datetime.timedelta):
        return str(cell)
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _fill(sheet: Worksheet, columns: Sequence[str], rows: Sequence[Row]) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    sheet.title = ROWS_SHEET
    sheet.freeze_panes = "A2"
    for at, column in enumerate(columns, start=1):
        _put(sheet, 1, at, column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS.get(column, 16)
    wrapped = Alignment(wrap_text=True, vertical="top")
    for number, row in enumerate(rows, start=2):
        cells = to_cells(row)
        for at, column in enumerate(columns, start=1):
            if (text := cells.get(column, "")) != "":
                _put(sheet, number, at, text).alignment = wrapped


def _put(sheet: Worksheet, row: int, column: int, text: str) -> Any:  # noqa: ANN401 - openpyxl's cell
    escaped = _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    if len(escaped) > _MAX_CELL:
        raise LabelError(
            f"row {row} of the sheet: a text of {len(text):,} characters; a cell holds {_MAX_CELL:,}: "
            "export as CSV or JSONL instead"
        )
    cell = sheet.cell(row, column)
    cell.value = escaped
    # Text, also where it begins with "=" or looks like an error value; the quote keeps it text when edited.
    cell.data_type = "s"
    cell.quotePrefix = escaped[:1] in tuple("=+-@")
    return cell


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _add_codebook(book: Workbook, taxonomy: Taxonomy, offered: Sequence[str]) -> None:
    """One row a label; the column `choice` is what the drop-down lists offer, themes first."""
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet(CODEBOOK_SHEET)
    header = (
        "field",
        "choice",
        "id",
        "name",
        "English name",
        "definition",
        "typical",
        "not here",
        "examples",
    )
    for at, text in enumerate(header, start=1):
        _put(sheet, 1, at, text).font = Font(bold=True)
    wrapped = Alignment(wrap_text=True, vertical="top")
    labels = [*taxonomy.themes, *taxonomy.stances]
    for number, (label, choice) in enumerate(zip(labels, offered, strict=True), start=2):
        field = "theme" if number - 2 < len(taxonomy.themes) else "stance"
        texts = (
            *(field, choice, label.id, label.name_zh, label.name_en, label.definition),
            *("、".join(label.include), "\n".join(label.exclude), "\n".join(label.examples)),
        )
        for at, text in enumerate(texts, start=1):
            _put(sheet, number, at, text).alignment = wrapped
    for column, width in zip("ABCDEFGHI", (8, 22, 16, 22, 28, 50, 34, 34, 60), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "A2"


def _add_lists(sheet: Worksheet, columns: Sequence[str], taxonomy: Taxonomy, *, n_rows: int) -> None:
    """Drop-down lists that point to the codebook: a list inside the rule may hold 255 characters only."""
    n_themes = len(taxonomy.themes)
    _add_list(sheet, columns, "theme", f"={CODEBOOK_SHEET}!$B$2:$B${n_themes + 1}", n_rows=n_rows)
    if taxonomy.stances:
        last = n_themes + len(taxonomy.stances) + 1
        _add_list(sheet, columns, "stance", f"={CODEBOOK_SHEET}!$B${n_themes + 2}:$B${last}", n_rows=n_rows)
    _add_list(sheet, columns, "confidence", '"1,2,3"', n_rows=n_rows)


def _add_list(sheet: Worksheet, columns: Sequence[str], column: str, formula: str, *, n_rows: int) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    if column not in columns:
        return
    rule = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=True)
    rule.errorTitle, rule.error = column, "Not in the list; see the sheet codebook."
    letter = get_column_letter(columns.index(column) + 1)
    rule.add(f"{letter}2:{letter}{n_rows + 1}")
    sheet.add_data_validation(rule)


def _saved(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
