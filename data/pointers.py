"""Labels without their texts: each points by a hash to a paragraph that the user has to fetch.

Texts of others are not ours to ship; what an annotator said about them is. A pointer holds the labels, the
public collection that the paragraph comes from, and the SHA-256 of its normalised text.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from policylens.data.errors import InputError, LabelError

SHIPPED_POINTERS = Path(__file__).parent / "labeled" / "pointers.jsonl"

_HASH = re.compile(r"[0-9a-f]{64}")
_CONFIDENCES = (1, 2, 3)
_KEYS = ("sha256", "source", "theme", "also", "stance", "confidence")


@dataclass(frozen=True, slots=True)
class Pointer:
    """The labels of one paragraph whose text is elsewhere.

    Attributes:
        sha256: `text_hash` of the paragraph, 64 lower-case hexadecimal digits.
        source: Id of the public collection that it comes from.
        theme: Id of the primary theme.
        also: Secondary theme ids.
        stance: Stance id; "" where the task has none.
        confidence: How sure the annotator was: 1 (a guess) to 3 (sure).
    """

    sha256: str
    source: str
    theme: str
    also: tuple[str, ...] = ()
    stance: str = ""
    confidence: int = 3

    def __post_init__(self) -> None:
        """Refuse what no text could ever be joined with.

        Raises:
            LabelError: The hash is no SHA-256, the theme is empty, or the confidence is out of range.
        """
        if not _HASH.fullmatch(self.sha256):
            raise LabelError(f"sha256 is {self.sha256!r}; expected 64 digits of 0-9 and a-f")
        if not self.theme:
            raise LabelError(f"the pointer {self.sha256[:12]}… has no theme")
        if self.confidence not in _CONFIDENCES:
            raise LabelError(f"confidence is {self.confidence!r}; expected 1, 2 or 3")


def normalise(text: str) -> str:
    """The text as it is hashed: Unicode NFKC, then all whitespace removed.

    Copies of one official text differ in full-width digits and punctuation, indents and line breaks;
    anything else that differs is another text.
    """
    return "".join(unicodedata.normalize("NFKC", text).split())


def text_hash(text: str) -> str:
    """SHA-256 of the normalised text in UTF-8, 64 lower-case hexadecimal digits."""
    # A lone surrogate, from a broken \ud8xx escape in some JSON, must not stop a run over a folder.
    return hashlib.sha256(normalise(text).encode("utf-8", errors="surrogatepass")).hexdigest()


def pointer_of(
    text: str,
    *,
    source: str,
    theme: str,
    also: Iterable[str] = (),
    stance: str = "",
    confidence: int = 3,
) -> Pointer:
    """The pointer to a labelled text.

    Raises:
        LabelError: The text has nothing but whitespace, or a label is missing.
    """
    if not normalise(text):
        raise LabelError("the text is empty; there is nothing that a pointer could find")
    return Pointer(text_hash(text), source, theme, tuple(also), stance, confidence)


def unique_pointers(pointers: Iterable[Pointer]) -> list[Pointer]:
    """One pointer a text, sorted by source and hash: the most confident one, else the first."""
    best: dict[str, Pointer] = {}
    for pointer in pointers:
        known = best.get(pointer.sha256)
        if known is None or pointer.confidence > known.confidence:
            best[pointer.sha256] = pointer
    return sorted(best.values(), key=lambda pointer: (pointer.source, pointer.sha256))


def write_pointers(path: str | Path, pointers: Iterable[Pointer]) -> int:
    """Write pointers as JSON lines, one a text (see `unique_pointers`), and return how many.

    Raises:
        InputError: The file cannot be written.
    """
    kept = unique_pointers(pointers)
    lines = [json.dumps(asdict(pointer), ensure_ascii=False) + "\n" for pointer in kept]
    try:
        Path(path).write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    return len(kept)


def read_pointers(path: str | Path | None = None) -> list[Pointer]:
    """Read a pointers file.

    Args:
        path: JSON lines as `write_pointers` makes them; the shipped file when None.

    Raises:
        InputError: The file cannot be read.
        LabelError: A line is no pointer; the message names file and line.
    """
    source = SHIPPED_POINTERS if path is None else Path(path)
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: not UTF-8 text (byte {error.start})") from error
    pointers = []
    # Not splitlines(): it would also cut at U+2028 and the like inside a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                pointers.append(_parse(line))
            except (LabelError, ValueError) as error:
                raise LabelError(f"{source}, line {number}: {error}") from error
    return pointers


def _parse(line: str) -> Pointer:
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise LabelError(f"expected a JSON object, found {type(fields).__name__}")
    if unknown := [key for key in fields if key not in _KEYS]:
        raise LabelError(f"unknown field {unknown[0]!r}; known: {', '.join(_KEYS)}")
    return Pointer(
        sha256=_text(fields, "sha256"),
        source=_text(fields, "source"),
        theme=_text(fields, "theme"),
        also=_texts(fields, "also"),
        stance=_text(fields, "stance", default=""),
        confidence=_whole(fields, "confidence", default=3),
    )


def _text(fields: Mapping[str, object], key: str, *, default: str | None = None) -> str:
    value = fields.get(key, default)
    if not isinstance(value, str):
        raise LabelError(f"the field {key!r} is {value!r}; expected text")
    return value


def _texts(fields: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = fields.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LabelError(f"the field {key!r} is {value!r}; expected a list of labels")
    return tuple(value)


def _whole(fields: Mapping[str, object], key: str, *, default: int) -> int:
    value = fields.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise LabelError(f"the field {key!r} is {value!r}; expected a whole number")
    return value
