"""Labelled rows as the audit sees them: every row of every file, also those that cannot be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from policylens.data.errors import LabelError
from policylens.data.label_formats.label_files import read_raw_rows
from policylens.data.label_formats.label_rows import FieldNames, RawRow, canonical_rows, fitting_taxonomy
from policylens.data.pointers import text_hash
from policylens.data.taxonomy import Taxonomy, load_taxonomy

TRAIN, DEV = "train", "dev"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of a label file.

    Attributes:
        file: Name of its file.
        line: Where it starts in the file.
        split: "train", or "dev" for rows that are kept from training.
        text: The paragraph, "" where there is none.
        key: Hash of the normalised text; the same for copies.
        theme: Id of the theme, "" where missing or unknown.
        stance: Likewise.
        id: Identifier of the input, "" where it gives none.
        doc: Its document, "" where the file names none.
        title: Title of the document.
        annotator: Who labelled it, "" where the file does not say.
        problem: Why the row cannot be trained on, "" where it can.
    """

    file: str
    line: int
    split: str
    text: str
    key: str
    theme: str = ""
    stance: str = ""
    id: str = ""
    doc: str = ""
    title: str = ""
    annotator: str = ""
    problem: str = ""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


def read_audit_rows(
    train: Sequence[Path], dev: Sequence[Path], *, taxonomy: Taxonomy | None = None, any_labels: bool = False
) -> list[AuditRow]:
    """Rows of label files of any format, in order.

    Args:
        train: Files to train on.
        dev: Files kept from training.
        taxonomy: Labels must belong to it; None takes the shipped one if it knows at least half of them.
        any_labels: Take labels as they are.

    Raises:
        InputError: A file cannot be read or holds no rows.
        LabelError: A file is no label file.
    """
    names = FieldNames()
    known = None if any_labels else taxonomy or load_taxonomy()
    files = [(path, split) for paths, split in ((train, TRAIN), (dev, DEV)) for path in paths]
    raw = [(path, split, read_raw_rows(path, names=names, taxonomy=known)) for path, split in files]
    if taxonomy is None and known is not None:
        # All files together: a small one must not be judged by another label set than the rest.
        everything = [row for _, _, rows in raw for row in rows]
        taxonomy = fitting_taxonomy(everything, names, known)
    return [_row(path, split, row, taxonomy) for path, split, rows in raw for row in rows]


def _row(path: Path, split: str, raw: RawRow, taxonomy: Taxonomy | None) -> AuditRow:
    problem = ""
    try:
        found = canonical_rows([raw], name="", taxonomy=taxonomy, keep_unlabelled=True)
    except LabelError as error:
        problem = str(error).rsplit("\n", 1)[-1].partition(": ")[2]
        found = None
    if found is None:
        fields = {key: value for key, value in raw.fields.items() if isinstance(value, str)}
    else:
        fields = {key: value for key, value in found.rows[0].items() if isinstance(value, str)}
        problem = "" if "theme" in fields else "no theme"
    text = fields.get("text", "")
    return AuditRow(
        file=str(path),
        line=raw.line,
        split=split,
        text=text,
        key=text_hash(text),
        theme="" if problem else fields.get("theme", ""),
        stance="" if problem else fields.get("stance", ""),
        id=fields.get("id", ""),
        doc=fields.get("doc", ""),
        title=fields.get("title", ""),
        annotator=fields.get("annotator", ""),
        problem=problem,
    )
