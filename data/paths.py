"""What the user names (files, folders, patterns, "-") as single inputs, and how they are opened and shown."""

from __future__ import annotations

import glob
import logging
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from policylens.data.errors import InputError

logger = logging.getLogger(__name__)

DOCUMENT_SUFFIXES = (".txt", ".md", ".html", ".htm", ".docx", ".pdf")
RECORD_SUFFIXES = (".jsonl", ".csv", ".json")
STDIN = "-"

_SUPPORTED = (*DOCUMENT_SUFFIXES, *RECORD_SUFFIXES)
_SUPPORTED_LIST = ", ".join(_SUPPORTED)
# Files that hold documents in forms that are not read. A folder leaves them out as it leaves out pictures,
# but whoever gives the folder may count on them, so a warning says so.
_OTHER_DOCUMENTS = frozenset(
    ".doc .docm .dot .dotx .wps .wpt .rtf .odt .ofd .ceb .caj .xls .xlsx .et .ppt .pptx .dps .epub .mht "
    ".mhtml .xhtml .shtml .xml .eml .msg .tsv .ndjson .zip .rar .7z .gz .tar .tif .tiff .djvu".split()
)
# Control and format characters, lone surrogates (bytes that are no UTF-8), line and paragraph separators.
_NOT_SHOWN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


@dataclass(frozen=True, slots=True)
class InputFailure:
    """An input, or a record of one, that cannot be used; the others go on.

    Attributes:
        path: What the user wrote, as `shown`.
        message: Why it cannot be used, with the input in it.
        line: Line of the record that cannot be used, its number in a `.json` array; None for a whole input.
        error: Short code: "unreadable", "missing_extra", or that of a `RecordError`.
    """

    path: str
    message: str
    line: int | None = None
    error: str = "unreadable"


def expand_inputs(inputs: Sequence[str]) -> list[str | Path | InputFailure]:
    """Turn files, folders (with all below them), glob patterns and "-" into single inputs, each once.

    Folders and patterns give supported files only, sorted by path; hidden files and the lock files of Word
    (`~$…`) are left out, and a warning counts documents of other kinds. Links to folders are not followed
    but reported: a folder that comes from elsewhere could point to anything. What cannot be used stands in
    its place as an `InputFailure`.
    """
    found: list[str | Path | InputFailure] = []
    seen: set[str] = set()
    for given in inputs:
        for item in _expand(given):
            key = os.path.realpath(item) if isinstance(item, Path) else repr(item)
            if key not in seen:
                seen.add(key)
                found.append(item)
    return found


def open_input(path: str | Path) -> BinaryIO:
    """Open a regular file; a pipe or device could block or never end.

    Raises:
        InputError: It is something else or cannot be opened.
    """
    name = shown(path)
    try:
        # Not blocking: between a look at the file and its opening a pipe could take its place.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        # Not named by the system alone: a folder or socket, say, depends on it.
        raise InputError(f"{name}: {_why_not(path, error)}") from None
    except ValueError as error:
        raise InputError(f"{name}: is not a file name ({error})") from None
    try:
        if fault := _not_regular(os.fstat(descriptor).st_mode):
            raise InputError(f"{name}: {fault}")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def shown(path: str | Path) -> str:
    r"""A path as one line that can be printed and written as UTF-8.

    Line ends, other control characters, marks that turn the direction of writing, and bytes that are not
    UTF-8 are written as escapes such as `\n`.
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _NOT_SHOWN
        else character
        for character in str(path)
    )


def document_name(path: str | Path) -> str:
    """Name of a document in citations: the file's stem on one line, "stdin" for standard input."""
    return "stdin" if str(path) == STDIN else readable_name(Path(path).stem)


def readable_name(name: str) -> str:
    """Part of a file name as text of one line; bytes that are not UTF-8, as in old archives, are replaced."""
    text = os.fsencode(name).decode("utf-8", errors="replace")
    return "".join(" " if unicodedata.category(character) in _NOT_SHOWN else character for character in text)


def unsupported(path: str | Path, expected: Sequence[str] = _SUPPORTED) -> str:
    """Why a file of this kind is not read."""
    suffix = shown(Path(path).suffix) or "no suffix"
    return f"{shown(path)}: cannot be read as {suffix}; expected {', '.join(expected)}"


def _expand(given: str) -> Iterator[str | Path | InputFailure]:
    if given == STDIN:
        yield given
        return
    name = shown(given)
    path = Path(given)
    if not given:
        yield InputFailure(given, "an input is empty; expected a file, a folder, a pattern or -")
    elif os.path.isdir(given):  # noqa: PTH112 - Path.is_dir raises on a name too long or a locked folder
        yield from _nonempty(_walk(path), given, f"{name}: holds no supported file ({_SUPPORTED_LIST})")
    elif _exists(path):
        yield path if path.suffix.lower() in _SUPPORTED else InputFailure(name, unsupported(given))
    elif glob.has_magic(given):
        message = f"{name}: matches no supported file ({_SUPPORTED_LIST})"
        yield from _nonempty(_matches(given), given, message)
    else:
        yield InputFailure(name, f"{name}: does not exist; expected a file, a folder, a pattern or -")


def _exists(path: Path) -> bool:
    """Whether something may have this name, also a link that leads nowhere: opening it says what is wrong."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True


def _nonempty(
    items: Iterator[Path | InputFailure], given: str, message: str
) -> Iterator[Path | InputFailure]:
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        yield InputFailure(shown(given), message)


def _matches(pattern: str) -> Iterator[Path | InputFailure]:
    # A pattern may start anywhere, which Path.glob cannot do.
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207
        path = Path(match)
        if os.path.isdir(match):  # noqa: PTH112
            yield from _walk(path)
        elif _is_wanted(path.name):
            yield path


def _walk(folder: Path) -> Iterator[Path | InputFailure]:
    failures: list[InputFailure] = []

    def note(error: OSError) -> None:
        name = shown(error.filename)
        failures.append(InputFailure(name, f"{name}: cannot be read ({error.strerror})"))

    files: list[Path] = []
    others: Counter[str] = Counter()
    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        failures.extend(
            _linked(Path(parent) / name) for name in folders if (Path(parent) / name).is_symlink()
        )
        files.extend(Path(parent) / name for name in names if _is_wanted(name))
        others.update(_other_document(name) for name in names)
    del others[""]
    if others:
        counts = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common())
        logger.warning("%s: documents of other kinds are left out: %s", shown(folder), counts)
    yield from sorted(files)
    yield from failures


def _linked(folder: Path) -> InputFailure:
    name = shown(folder)
    message = f"{name}: is a link to a folder and not followed; name the folder as an input of its own"
    return InputFailure(name, message)


def _is_wanted(name: str) -> bool:
    return Path(name).suffix.lower() in _SUPPORTED and not name.startswith((".", "~$"))


def _other_document(name: str) -> str:
    """The suffix of a document of a kind that is not read, "" for all else."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix in _OTHER_DOCUMENTS and not name.startswith((".", "~$")) else ""


def _why_not(path: str | Path, error: OSError) -> str:
    try:
        fault = _not_regular(os.stat(path).st_mode)  # noqa: PTH116 - of the same kind as os.open
    except OSError:
        fault = ""
    return fault or f"cannot be read ({error.strerror})"


def _not_regular(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    return f"is {kind}; give a file, or pipe the text in and give -"
