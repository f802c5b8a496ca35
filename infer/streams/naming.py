"""Names of documents in citations: every document of a run has its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from policylens.data.paths import readable_name

_NUMBERED = re.compile(r"(.*) \(\d+\)", re.DOTALL)


class DocNames:
    """Gives each file a name that no other document of the run has.

    Args:
        files: All files that may be named. Of the names that records give themselves only those are kept
            that one of these files could get: a stream of records has no end, memory has.
        taken: Names that are in use from the start.

    Attributes:
        order: The names noted since, in order; a later run that takes them again goes on in the same way.
    """

    def __init__(self, files: Iterable[Path] = (), *, taken: Iterable[str] = ()) -> None:
        """Start a run."""
        self._possible = {name for path in files for name in _candidates(path)}
        self._taken = set(taken)
        self.order: list[str] = []

    def take(self, name: str) -> None:
        """Note a name that an input gives itself; it stays as it is."""
        if name in self._taken:
            return
        numbered = _NUMBERED.fullmatch(name)
        if name in self._possible or (numbered and numbered[1] in self._possible):
            self._note(name)

    def name(self, path: Path) -> str:
        """The file's stem; if taken, with its folder (`2024/report`), or numbered (`report (2)`)."""
        candidates = _candidates(path)
        name = next((name for name in candidates if name not in self._taken), candidates[-1])
        numbers = count(2)
        while name in self._taken:
            name = f"{candidates[0]} ({next(numbers)})"
        self._note(name)
        return name

    def _note(self, name: str) -> None:
        self._taken.add(name)
        self.order.append(name)


def _candidates(path: Path) -> tuple[str, ...]:
    stem, folder = readable_name(path.stem), readable_name(path.parent.name)
    return (stem,) if folder in ("", "..") else (stem, f"{folder}/{stem}")
