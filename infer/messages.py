"""What the program says to its user, in the user's language. Data never depends on it.

The English sentences in the code are the keys; `translations/zh.po` has the Chinese ones, and
`scripts/catalogue.py` keeps it in step with the code. Sentences of the command line are looked up by `text`.
Errors and log records, which are made anywhere, are recognised by their sentence in `translated`.
"""

from __future__ import annotations

import json
import locale
import logging
import os
import re
import string
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path

# A constant of this type holds sentences that are looked up one by one; `scripts/catalogue.py` collects them.
Sentences = Mapping[str, str]

_FOLDER = Path(__file__).parent / "translations"
# An error quotes another one, which may quote a third; deeper nesting is not met.
_DEPTH = 3
# Letters below which a template is mere punctuation between two values, such as "{path}: {reason}".
_LETTERS = 4


class Language(StrEnum):
    """Languages of the program's own sentences."""

    EN = "en"
    ZH = "zh"


class Catalogue:
    """Sentences and their translations.

    Args:
        entries: Sentence -> translation; parts that vary are named in braces in both.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries = entries

    def look_up(self, sentence: str) -> str:
        """The translation of a sentence with its braces; the sentence itself where there is none."""
        return self._entries.get(sentence) or sentence

    def recognise(self, message: str, depth: int = _DEPTH) -> str:
        """The translation of a sentence whose braces are filled in; the message itself where none fits."""
        if found := self._entries.get(message):
            return found
        if depth == 0 or not self._entries:
            return message
        for pieces, template in self._templates:
            if all(piece in message for piece in pieces) and (match := _matcher(template).fullmatch(message)):
                parts = {
                    name: self.recognise(part, depth - 1) if " " in part else part
                    for name, part in match.groupdict().items()
                }
                if sum(map(len, pieces)) >= _LETTERS or parts != match.groupdict():
                    return self._entries[template].format(**parts)
        return message

    @cached_property
    def _templates(self) -> list[tuple[list[str], str]]:
        """Sentences with braces and their fixed pieces, those with most fixed letters first."""
        found = [(_fixed(sentence), sentence) for sentence, other in self._entries.items() if other]
        return sorted(
            # Blanks between values are in every message and say nothing of this one.
            ((pieces, sentence) for pieces, sentence in found if "{" in sentence and "".join(pieces).strip()),
            key=lambda item: -sum(map(len, item[0])),
        )


_current = Catalogue({})
_language = Language.EN


def use_language(language: Language) -> None:
    """Speak this language from now on."""
    global _current, _language
    _language = language
    _current = Catalogue({} if language is Language.EN else read_catalogue(_FOLDER / f"{language}.po"))


def locale_language(environment: Mapping[str, str] = os.environ) -> Language:
    """Chinese where the locale of messages is a Chinese one, else English."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next((name for name in names if name), "")
    if not name and os.name == "nt":
        # Windows sets none of these and calls its locale "Chinese (Simplified)_China".
        name = locale.getlocale()[0] or ""
    return Language.ZH if name.lower().startswith(("zh", "chinese")) else Language.EN


def text(sentence: str, /, **values: object) -> str:
    """A sentence of the program in the user's language, with its values filled in."""
    found = _current.look_up(sentence)
    return found.format(**values) if values else found


def columns(sentence: str, /) -> list[str]:
    """The columns of a table, e.g. of "label | n | F1"; one sentence, since a word alone may mean much."""
    return text(sentence).split(" | ")


def language_tag() -> str:
    """The language that is spoken, as pages name it: "en" or "zh-CN"."""
    return "zh-CN" if _language is Language.ZH else "en"


def translated(message: str) -> str:
    """A message that was made in English, in the user's language; as it is where no translation fits."""
    return _current.recognise(message)


class TalkFormatter(logging.Formatter):
    """Log records as lines for people, e.g. "WARNING: no checkpoint in my-model"."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line, followed by its traceback if there is one."""
        line = f"{text(record.levelname)}: {translated(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def read_catalogue(path: Path) -> dict[str, str]:
    """The entries of a catalogue in the PO format of gettext; without plural forms and contexts."""
    entries: dict[str, str] = {}
    for sentence, translation in _pairs(path.read_text(encoding="utf-8")):
        entries[sentence] = translation
    # The entry of the empty sentence is the head of the file.
    entries.pop("", None)
    return entries


def _pairs(lines: str) -> Iterator[tuple[str, str]]:
    fields = {"msgid": "", "msgstr": ""}
    name = "msgid"
    for line in [*lines.splitlines(), 'msgid ""']:
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith('"'):
            name, line = line.split(" ", 1)
            if name == "msgid" and fields["msgstr"]:
                yield fields["msgid"], fields["msgstr"]
            if name == "msgid":
                fields = {"msgid": "", "msgstr": ""}
        fields[name] += json.loads(line)


def _fixed(sentence: str) -> list[str]:
    return [piece for piece, *_ in string.Formatter().parse(sentence) if piece]


def _matcher(template: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(template)
    pattern = "".join(re.escape(piece) + (f"(?P<{name}>.+?)" if name else "") for piece, name, *_ in parts)
    return re.compile(pattern, re.DOTALL)
