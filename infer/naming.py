"""Names of documents in citations: every document of a run has its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path


class DocNames:
    """Gives each file a name that no other document of the run has.

    Args:
        taken: Names that are in use from the start.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Start a run."""
        self._taken = set(taken)

    def take(self, name: str) -> None:
        """Note a name that an input gives itself; it stays as it is."""
        self._taken.add(name)

    def name(self, path: Path) -> str:
        """The file's stem; if taken, with its folder (`2024/report`), or numbered (`report (2)`)."""
        stem, folder = _text(path.stem), _text(path.parent.name)
        name = stem
        if name in self._taken and folder not in ("", ".."):
            name = f"{folder}/{stem}"
        numbers = count(2)
        while name in self._taken:
            name = f"{stem} ({next(numbers)})"
        self._taken.add(name)
        return name


def _text(name: str) -> str:
    """A file name as text that can be written as UTF-8; the bytes of an old archive may not be."""
    return os.fsencode(name).decode("utf-8", errors="replace")
