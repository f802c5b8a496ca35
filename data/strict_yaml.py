"""Strict YAML: a key given twice is refused, each field is checked as it is taken, text comes back unchanged.

Every function that checks takes `place`, the words that tell the user where in the file a value stands.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence

import yaml

from policylens.data.errors import TaxonomyError

# Aliases make lists of lists that are written out in no time and no memory.
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring = 2, 60


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing a key given twice, of which PyYAML silently keeps the last."""

    def compose_mapping_node(self, anchor: dict[str, yaml.Node]) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise TaxonomyError(
                    f"line {key.start_mark.line + 1}: the key {key.value!r} appears twice in one mapping"
                )
            seen.add(key.value)
        return node


def load_yaml(text: str) -> object:
    """Parse YAML text.

    Raises:
        TaxonomyError: It is not valid YAML or gives a key twice; the message names the line.
    """
    try:
        # Safe: _StrictLoader is a SafeLoader.
        data: object = yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise TaxonomyError(f"{line}not valid YAML: {error.problem or error.context}") from error
    # ValueError: a scalar that looks like a date or a number but is none, e.g. 2024-13-01.
    except (yaml.YAMLError, ValueError) as error:
        raise TaxonomyError(f"not valid YAML: {error}") from error
    except RecursionError:
        raise TaxonomyError("not valid YAML: nested too deep") from None
    return data


class _ExactDumper(yaml.SafeDumper):
    """The safe dumper, quoting text that PyYAML would otherwise read back changed (e.g. a final U+0085)."""


def _exact_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ExactDumper.add_representer(str, _exact_text)


def dump_yaml(data: object) -> str:
    """Return YAML text from which `load_yaml` reads equal data; the order of keys is kept."""
    text: str = yaml.dump(data, Dumper=_ExactDumper, allow_unicode=True, sort_keys=False, width=110)
    return text


def entries_of(fields: Mapping[str, object], key: str) -> list[tuple[str, object]]:
    """Return the entries of the list at `key`, each with its place; none where the key is absent.

    Raises:
        TaxonomyError: The value is no list.
    """
    value = fields.get(key, [])
    if not isinstance(value, list):
        raise TaxonomyError(f"{key}: expected a list, got {_shown(value)}")
    return [(f"{key}, entry {number}", entry) for number, entry in enumerate(value, start=1)]


def mapping_of(value: object, *, place: str, known: Sequence[str]) -> Mapping[str, object]:
    """Return `value` if it is a mapping that has no other keys than the known ones.

    Raises:
        TaxonomyError: It is no mapping or has another key.
    """
    if not isinstance(value, dict):
        raise TaxonomyError(
            f"{place}: expected a mapping with the keys {', '.join(known)}; got {_shown(value)}"
        )
    for key in value:
        if key not in known:
            raise TaxonomyError(f"{place}: unknown key {key!r}; known keys: {', '.join(known)}")
    return value


def text_of(fields: Mapping[str, object], key: str, *, place: str) -> str:
    """Return the text at `key`, which must be there and not be blank.

    Raises:
        TaxonomyError: There is no text.
    """
    if key not in fields:
        raise TaxonomyError(f"{place}: the key {key!r} is missing")
    return _checked_text(fields[key], place=f"{place}: {key}")


def texts_of(fields: Mapping[str, object], key: str, *, place: str) -> tuple[str, ...]:
    """Return the list of texts at `key`; empty where the key is absent.

    Raises:
        TaxonomyError: The value is no list of texts, or one is blank.
    """
    value = fields.get(key, [])
    if not isinstance(value, list):
        raise TaxonomyError(f"{place}: {key}: expected a list of texts, got {_shown(value)}")
    return tuple(
        _checked_text(text, place=f"{place}: {key}, entry {number}")
        for number, text in enumerate(value, start=1)
    )


def _checked_text(value: object, *, place: str) -> str:
    if not isinstance(value, str):
        raise TaxonomyError(f"{place}: expected text, got {_shown(value)}; put it in quotes if it is text")
    if not value.strip():
        raise TaxonomyError(f"{place}: the text is empty")
    return value


def flag_of(fields: Mapping[str, object], key: str, *, place: str, default: bool) -> bool:
    """Return the truth value at `key`.

    Raises:
        TaxonomyError: The value is neither true nor false.
    """
    value = fields.get(key, default)
    if not isinstance(value, bool):
        raise TaxonomyError(f"{place}: {key}: expected true or false, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {_SHORT.repr(value)}"[:80]
