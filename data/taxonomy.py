"""Taxonomies: the themes and stances that a model chooses from, read from and written to YAML.

A taxonomy is data: no other module names a theme or a stance, so that another file works everywhere.
The order of the labels is the order of a model's logits.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from policylens.data.errors import TaxonomyError
from policylens.data.strict_yaml import (
    dump_yaml,
    entries_of,
    flag_of,
    load_yaml,
    mapping_of,
    text_of,
    texts_of,
)

SHIPPED_TAXONOMY = Path(__file__).parent / "taxonomies" / "policy-zh.yaml"

# Ids are typed on command lines and stand in file names and anchors, hence no blanks or commas;
# "/" is for hierarchies such as industry/upgrading. \w covers Chinese characters.
_ID = re.compile(r"\w[\w/-]*")
# An error lists this many ids at most, so that it stays readable with a taxonomy of hundreds.
_MAX_LISTED = 40

_FILE_KEYS = ("name", "version", "free_ids", "groups", "themes", "stances")
_GROUP_KEYS = ("id", "name_zh", "name_en")
_TEXT_LISTS = ("include", "exclude", "examples")
_LABEL_KEYS = (*_GROUP_KEYS, "group", "digest", "definition", *_TEXT_LISTS)


class Group(NamedTuple):
    """A group of themes, for headings in reports and tables."""

    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Label:
    """A theme or a stance.

    Attributes:
        id: What data files, models and command lines call it.
        name_zh: Chinese name.
        name_en: English name; the id where none is given.
        definition: What belongs here, in a sentence or two.
        include: Typical topics or words.
        exclude: What does not belong here, and where it goes.
        examples: Paragraphs that belong here.
        group: `Group.id` of its group, "" where there is none.
        digest: Whether its paragraphs enter a digest; false for what is no policy content.
    """

    id: str
    name_zh: str
    name_en: str = ""
    definition: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    group: str = ""
    digest: bool = True

    def __post_init__(self) -> None:
        """Fall back to the id where there is no English name."""
        if not self.name_en:
            object.__setattr__(self, "name_en", self.id)


@dataclass(frozen=True)
class Taxonomy:
    """Themes and stances, in the order of the logits.

    Attributes:
        name: Name of the taxonomy.
        version: Its version; a model folder records it.
        themes: At least one.
        stances: Empty for tasks with one label only.
        groups: Groups that the themes refer to, in the order of a report.

    Raises:
        TaxonomyError: No themes, an id used twice, or a label in an unknown group.
    """

    name: str
    version: str
    themes: tuple[Label, ...]
    stances: tuple[Label, ...] = ()
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        """Check what `theme` and `stance` rely on, for taxonomies built by hand too."""
        if not self.themes:
            raise TaxonomyError("themes: the list is empty; a taxonomy needs at least one theme")
        for place, items in (("groups", self.groups), ("themes", self.themes), ("stances", self.stances)):
            _check_unique([item.id for item in items], place=place)
        known = [group.id for group in self.groups]
        for place, labels in (("themes", self.themes), ("stances", self.stances)):
            for label in labels:
                if label.group and label.group not in known:
                    raise TaxonomyError(
                        f"{place}: {label.id!r} is in the group {label.group!r}, "
                        f"which is not listed under groups; listed: {_listed(known)}"
                    )

    @property
    def theme_ids(self) -> tuple[str, ...]:
        """Ids of the themes, in the order of the logits."""
        return tuple(label.id for label in self.themes)

    @property
    def stance_ids(self) -> tuple[str, ...]:
        """Ids of the stances, in the order of the logits; empty where the task has none."""
        return tuple(label.id for label in self.stances)

    def theme(self, theme_id: str) -> Label:
        """Return the theme with this exact id.

        Raises:
            TaxonomyError: The taxonomy has no such theme.
        """
        label = self._themes_by_id.get(theme_id)
        if label is None:
            raise self._unknown("theme", theme_id, self.themes)
        return label

    def stance(self, stance_id: str) -> Label:
        """Return the stance with this exact id.

        Raises:
            TaxonomyError: The taxonomy has no such stance.
        """
        label = self._stances_by_id.get(stance_id)
        if label is None:
            raise self._unknown("stance", stance_id, self.stances)
        return label

    def find_theme(self, name: str) -> Label:
        """Return the theme with this id, Chinese or English name; case does not matter.

        Raises:
            TaxonomyError: No theme, or more than one, is called so.
        """
        return self._find("theme", name, self.themes)

    def find_stance(self, name: str) -> Label:
        """Return the stance with this id, Chinese or English name; case does not matter.

        Raises:
            TaxonomyError: No stance, or more than one, is called so.
        """
        return self._find("stance", name, self.stances)

    @cached_property
    def parents(self) -> Mapping[str, tuple[int, ...]]:
        """Parents of hierarchical theme ids -> places of the themes at or under them, in order of appearance.

        `industry/steel/scrap` has the parents `industry` and `industry/steel`; a parent may be a theme
        itself. Labels that are free text are no hierarchy, whatever they hold.
        """
        found: dict[str, list[int]] = {}
        for at, theme_id in enumerate(self.theme_ids):
            for parent in parents_of(theme_id):
                found.setdefault(parent, []).append(at)
        for at, theme_id in enumerate(self.theme_ids):
            if theme_id in found:
                found[theme_id].append(at)
        return {parent: tuple(sorted(places)) for parent, places in found.items()}

    @cached_property
    def _themes_by_id(self) -> Mapping[str, Label]:
        return {label.id: label for label in self.themes}

    @cached_property
    def _stances_by_id(self) -> Mapping[str, Label]:
        return {label.id: label for label in self.stances}

    def _find(self, what: str, name: str, labels: Sequence[Label]) -> Label:
        for label in labels:
            if label.id == name:
                return label
        wanted = name.strip().casefold()
        found = [label for label in labels if wanted in _names(label)]
        if not found:
            raise self._unknown(what, name, labels)
        if len(found) > 1:
            ids = _listed([label.id for label in found])
            raise TaxonomyError(f"the {what} name {name!r} is shared by {ids}; use the id")
        return found[0]

    def _unknown(self, what: str, value: str, labels: Sequence[Label]) -> TaxonomyError:
        where = f"taxonomy {self.name!r} (version {self.version})"
        if not labels:
            return TaxonomyError(f"unknown {what} {value!r}: {where} has none")
        near = nearest_id(value, labels)
        hint = f"did you mean {near!r}? " if near else ""
        ids = _listed([label.id for label in labels])
        return TaxonomyError(f"unknown {what} {value!r}; {hint}{where} has: {ids}")


def parents_of(label_id: str) -> tuple[str, ...]:
    """Ids above a hierarchical id, outermost first: `a/b/c` has `a` and `a/b`; none for free text."""
    if not _ID.fullmatch(label_id):
        return ()
    parts = label_id.split("/")
    if not all(parts):
        return ()
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts)))


def nearest_id(value: str, labels: Iterable[Label]) -> str:
    """Return the id of the label whose id or name is spelled most like `value`, "" where none is close."""
    ids: dict[str, str] = {}
    for label in labels:
        for name in _names(label):
            ids.setdefault(name, label.id)
    # 0.5 instead of difflib's 0.6: Chinese names are so short that two characters of four must do.
    close = difflib.get_close_matches(value.strip().casefold(), ids, n=1, cutoff=0.5)
    return ids[close[0]] if close else ""


def load_taxonomy(path: str | Path | None = None) -> Taxonomy:
    """Read a taxonomy file.

    Args:
        path: A YAML file; the shipped `policy-zh` when None.

    Raises:
        TaxonomyError: The file cannot be read or is wrong; the message names the file and the place.
    """
    source = SHIPPED_TAXONOMY if path is None else Path(path)
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise TaxonomyError(f"cannot read the taxonomy file {source}: {reason}") from error
    except UnicodeDecodeError as error:
        raise TaxonomyError(f"{source}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    try:
        return _parse(load_yaml(text))
    except TaxonomyError as error:
        raise TaxonomyError(f"{source}: {error}") from error.__cause__


def dump_taxonomy(taxonomy: Taxonomy) -> str:
    """Return the YAML text from which `load_taxonomy` reads an equal taxonomy."""
    data: dict[str, object] = {"name": taxonomy.name, "version": taxonomy.version}
    ids = (*(group.id for group in taxonomy.groups), *taxonomy.theme_ids, *taxonomy.stance_ids)
    if not all(map(_ID.fullmatch, ids)):
        data["free_ids"] = True
    if taxonomy.groups:
        data["groups"] = [group._asdict() for group in taxonomy.groups]
    data["themes"] = [_label_to_dict(label) for label in taxonomy.themes]
    if taxonomy.stances:
        data["stances"] = [_label_to_dict(label) for label in taxonomy.stances]
    return dump_yaml(data)


def taxonomy_from_labels(name: str, themes: Iterable[str], stances: Iterable[str] = ()) -> Taxonomy:
    """Return a taxonomy for a task whose labels are whatever its data file holds.

    Args:
        name: Name of the taxonomy.
        themes: Labels, repeated or not; each becomes both id and name. Sorted, so that the order of
            rows in the file does not change the order of the logits.
        stances: Likewise; none for a task with one label.

    Raises:
        TaxonomyError: No labels, or an empty one.
    """
    return Taxonomy(
        name=name,
        version="from-data",
        themes=_labels_from_text(themes, place="themes"),
        stances=_labels_from_text(stances, place="stances"),
    )


def _labels_from_text(values: Iterable[str], *, place: str) -> tuple[Label, ...]:
    names = {value.strip() for value in values}
    if "" in names:
        raise TaxonomyError(f"{place}: one label is empty; label the row or leave it out")
    return tuple(Label(id=name, name_zh=name) for name in sorted(names))


def _names(label: Label) -> tuple[str, str, str]:
    return label.id.casefold(), label.name_zh.casefold(), label.name_en.casefold()


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_MAX_LISTED]) or "none"
    return shown if len(ids) <= _MAX_LISTED else f"{shown}, ... ({len(ids)} in all)"


def _check_unique(ids: Sequence[str], *, place: str) -> None:
    first: dict[str, int] = {}
    for number, item_id in enumerate(ids, start=1):
        if item_id in first:
            raise TaxonomyError(
                f"{place}: the id {item_id!r} is used twice, by entries {first[item_id]} and {number}"
            )
        first[item_id] = number


def _parse(data: object) -> Taxonomy:
    fields = mapping_of(data, place="top level", known=_FILE_KEYS)
    free_ids = flag_of(fields, "free_ids", place="top level", default=False)
    groups = tuple(
        _group(entry, place=place, free_ids=free_ids) for place, entry in entries_of(fields, "groups")
    )
    themes = tuple(
        _label(entry, place=place, free_ids=free_ids) for place, entry in entries_of(fields, "themes")
    )
    stances = tuple(
        _label(entry, place=place, free_ids=free_ids) for place, entry in entries_of(fields, "stances")
    )
    return Taxonomy(
        name=text_of(fields, "name", place="top level"),
        version=text_of(fields, "version", place="top level"),
        themes=themes,
        stances=stances,
        groups=groups,
    )


def _group(entry: object, *, place: str, free_ids: bool) -> Group:
    fields = mapping_of(entry, place=place, known=_GROUP_KEYS)
    group_id = _id(fields, place=place, free_ids=free_ids)
    place = f"{place} ({group_id})"
    name_en = text_of(fields, "name_en", place=place) if "name_en" in fields else group_id
    return Group(group_id, text_of(fields, "name_zh", place=place), name_en)


def _label(entry: object, *, place: str, free_ids: bool) -> Label:
    fields = mapping_of(entry, place=place, known=_LABEL_KEYS)
    label_id = _id(fields, place=place, free_ids=free_ids)
    place = f"{place} ({label_id})"
    optional = {
        key: text_of(fields, key, place=place) for key in ("name_en", "definition", "group") if key in fields
    }
    lists = {key: texts_of(fields, key, place=place) for key in _TEXT_LISTS}
    return Label(
        id=label_id,
        name_zh=text_of(fields, "name_zh", place=place),
        name_en=optional.get("name_en", ""),
        definition=optional.get("definition", ""),
        group=optional.get("group", ""),
        digest=flag_of(fields, "digest", place=place, default=True),
        **lists,
    )


def _id(fields: Mapping[str, object], *, place: str, free_ids: bool) -> str:
    value = text_of(fields, "id", place=place)
    if not free_ids and not _ID.fullmatch(value):
        raise TaxonomyError(
            f"{place}: the id {value!r} may hold only letters, digits, '_', '-' and '/', and must not begin "
            "with '-' or '/'; for labels that are free text, add 'free_ids: true' at the top of the file"
        )
    return value


def _label_to_dict(label: Label) -> dict[str, object]:
    data: dict[str, object] = {"id": label.id, "name_zh": label.name_zh, "name_en": label.name_en}
    if label.group:
        data["group"] = label.group
    if not label.digest:
        data["digest"] = False
    if label.definition:
        data["definition"] = label.definition
    for key, texts in (("include", label.include), ("exclude", label.exclude), ("examples", label.examples)):
        if texts:
            data[key] = list(texts)
    return data
