"""Maps from the labels of one taxonomy to those of another, and rows of labels brought along.

Works on rows as they lie in files, label files and the output of `classify` alike: fields that hold no labels
stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from policylens.data.errors import TaxonomyError
from policylens.data.strict_yaml import entries_of, load_yaml, mapping_of, text_of, texts_of
from policylens.data.taxonomy import Label, Taxonomy

_FILE_KEYS = ("themes", "stances")
_ENTRY_KEYS = ("from", "to", "otherwise")
_PART_KEYS = ("id", "words")

_THEME_FIELDS = ("theme", "input_theme")
_THEME_LISTS = ("also", "theme_alt", "input_also")
_STANCE_FIELDS = ("stance", "input_stance")
_STANCE_LISTS = ("stance_alt",)


@dataclass(frozen=True, slots=True)
class Part:
    """One of the labels that a label is split into, and the words that tell its paragraphs."""

    id: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What becomes of a label.

    Attributes:
        parts: In order; the first with a word in the text is taken. One without words is taken always: so
            are renames and merges written.
        otherwise: Taken where no part is; "" for none, the row is then listed as not mapped.
    """

    parts: tuple[Part, ...]
    otherwise: str = ""

    def of(self, text: str) -> str:
        """The new label of a row with this text, "" where the map cannot tell."""
        for part in self.parts:
            if not part.words or any(word in text for word in part.words):
                return part.id
        return self.otherwise

    @property
    def ids(self) -> tuple[str, ...]:
        """Every label that it can give."""
        ids = [part.id for part in self.parts]
        return (*ids, self.otherwise) if self.otherwise else tuple(ids)


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Old label -> what becomes of it; labels that are not named stay as they are."""

    themes: Mapping[str, Target] = field(default_factory=dict)
    stances: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotMapped:
    """A label for which there is no new one.

    Attributes:
        field: Field of the row that holds it.
        label: The old label.
        reason: Why.
    """

    field: str
    label: str
    reason: str


def load_label_map(path: str | Path, *, old: Taxonomy | None = None, new: Taxonomy | None = None) -> LabelMap:
    """Read a map.

    Args:
        path: YAML file; docs/taxonomies.md describes it.
        old: Labels to map must belong to it, where given; they may be its names, too.
        new: Their targets must belong to it, where given.

    Raises:
        TaxonomyError: The file cannot be read or is wrong; the message names the file and the place.
    """
    source = Path(path)
    try:
        data = load_yaml(source.read_text(encoding="utf-8-sig"))
        fields = mapping_of(data, place="top level", known=_FILE_KEYS)
        found = LabelMap(_targets(fields, "themes"), _targets(fields, "stances"))
        _check(found, old, new)
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"cannot read the map {source}: {error}") from error
    except TaxonomyError as error:
        raise TaxonomyError(f"{source}: {error}") from error.__cause__
    return found


def migrate_row(
    row: Mapping[str, object],
    label_map: LabelMap,
    *,
    old: Taxonomy | None = None,
    new: Taxonomy | None = None,
    text_field: str = "text",
) -> tuple[dict[str, object], list[NotMapped]]:
    """A row with its labels mapped.

    Of the output of `classify`, the scores of merged themes are added up among those that it lists; the
    parents are dropped, since they would have to be added up over all themes.

    Args:
        row: The fields of a record; left as it is.
        label_map: The map.
        old: The taxonomy of the row, where its labels may be names; they are taken as ids where None.
        new: The taxonomy that labels must then belong to; any label is taken where None.
        text_field: The field whose words decide splits.

    Returns:
        The new row and the labels that could not be mapped; these are in the row as they were.
    """
    migrator = _Migrator(label_map, old, new, str(row.get(text_field) or ""))
    fresh = dict(row)
    for name in (*_THEME_FIELDS, *_STANCE_FIELDS):
        if isinstance(row.get(name), str | int) and str(row[name]).strip():
            fresh[name] = migrator.label(name, str(row[name]).strip())
    for name in (*_THEME_LISTS, *_STANCE_LISTS):
        if name in row:
            fresh[name] = migrator.labels(name, row[name])
    if fresh.get("theme") and isinstance(fresh.get("also"), list):
        fresh["also"] = [label for label in _listed(fresh["also"]) if label != fresh["theme"]]
    if isinstance(row.get("themes"), list):
        _merge_scores(fresh, migrator)
    fresh.pop("parents", None)
    return fresh, migrator.failures


class _Migrator:
    def __init__(self, label_map: LabelMap, old: Taxonomy | None, new: Taxonomy | None, text: str) -> None:
        self.label_map = label_map
        self.old = old
        self.new = new
        self.text = text
        self.failures: list[NotMapped] = []

    def label(self, name: str, old: str) -> str:
        """The new label; the old one, and a failure, where there is none."""
        is_theme = name in (*_THEME_FIELDS, *_THEME_LISTS, "themes")
        old = _id_of(self.old, old, is_theme=is_theme) or old
        target = (self.label_map.themes if is_theme else self.label_map.stances).get(old)
        fresh = target.of(self.text) if target else old
        if not fresh:
            options = " or ".join(target.ids) if target else ""
            self._fail(name, old, f"no word of the text tells {options}")
            return old
        if target is None and self.new and not (known := _id_of(self.new, fresh, is_theme=is_theme)):
            self._fail(name, old, f"neither the map nor {self.new.name} {self.new.version} has it")
        elif target is None and self.new:
            return known
        return fresh

    def labels(self, name: str, value: object) -> object:
        """A list of labels, or the text that stands for one in a CSV cell; merged ones once."""
        if isinstance(value, str):
            return ";".join(dict.fromkeys(self.label(name, old) for old in _cell_labels(value)))
        if not isinstance(value, list):
            return value
        return list(dict.fromkeys(self.label(name, str(old)) for old in value))

    def _fail(self, name: str, label: str, reason: str) -> None:
        self.failures.append(NotMapped(name, label, reason))


def _id_of(taxonomy: Taxonomy | None, name: str, *, is_theme: bool) -> str:
    """The id of the label with this id or name, "" where there is none."""
    if taxonomy is None:
        return ""
    try:
        return (taxonomy.find_theme if is_theme else taxonomy.find_stance)(name).id
    except TaxonomyError:
        return ""


def _merge_scores(fresh: dict[str, object], migrator: _Migrator) -> None:
    """Adds up the scores of themes that became one, in `themes` and in `theme_score`."""
    totals: dict[str, float] = {}
    before = len(migrator.failures)
    items = fresh["themes"]
    assert isinstance(items, list)
    for item in items:
        label = migrator.label("themes", str(item["theme"]))
        totals[label] = totals.get(label, 0.0) + float(item["score"])
    # A candidate that cannot be mapped is no reason to set the row aside: it is left out.
    lost = {failure.label for failure in migrator.failures[before:]}
    del migrator.failures[before:]
    ranked = sorted(((label, score) for label, score in totals.items() if label not in lost), key=_by_score)
    fresh["themes"] = [{"theme": label, "score": round(min(score, 1.0), 4)} for label, score in ranked]
    if fresh.get("theme") in totals and "theme_score" in fresh:
        fresh["theme_score"] = round(min(totals[str(fresh["theme"])], 1.0), 4)


def _by_score(item: tuple[str, float]) -> float:
    return -item[1]


def _listed(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _cell_labels(value: str) -> list[str]:
    return [part.strip() for part in value.split(";") if part.strip()]


def _targets(fields: Mapping[str, object], key: str) -> dict[str, Target]:
    targets: dict[str, Target] = {}
    for place, entry in entries_of(fields, key):
        values = mapping_of(entry, place=place, known=_ENTRY_KEYS)
        sources = [text_of(values, "from", place=place)] if isinstance(values.get("from"), str) else []
        sources = sources or list(texts_of(values, "from", place=place))
        if not sources:
            raise TaxonomyError(f"{place}: the key 'from' is missing; expected a label or a list of labels")
        if "to" not in values:
            raise TaxonomyError(
                f"{place} ({', '.join(sources)}): the key 'to' is missing: the label that it becomes, or "
                "for a split a list of labels with words"
            )
        target = _target(values, place=place)
        for source in sources:
            if source in targets:
                raise TaxonomyError(f"{place}: {source!r} is mapped already; give a split one entry")
            targets[source] = target
    return targets


def _target(values: Mapping[str, object], *, place: str) -> Target:
    if not isinstance(values.get("to"), list):
        if "otherwise" in values:
            raise TaxonomyError(f"{place}: 'otherwise' is for a split, where 'to' is a list")
        return Target((Part(text_of(values, "to", place=place), ()),))
    parts = [_part(entry, place=where) for where, entry in entries_of(values, "to")]
    if len(parts) < 2 and "otherwise" not in values:
        raise TaxonomyError(f"{place}: a split has two parts or more, or one and 'otherwise'")
    otherwise = text_of(values, "otherwise", place=place) if "otherwise" in values else ""
    return Target(tuple(parts), otherwise)


def _part(entry: object, *, place: str) -> Part:
    fields = mapping_of(entry, place=place, known=_PART_KEYS)
    words = texts_of(fields, "words", place=place)
    if not words:
        raise TaxonomyError(
            f"{place}: the key 'words' is missing or empty: the words that tell this part's paragraphs"
        )
    return Part(text_of(fields, "id", place=place), words)


def _check(label_map: LabelMap, old: Taxonomy | None, new: Taxonomy | None) -> None:
    for what, targets in (("theme", label_map.themes), ("stance", label_map.stances)):
        for source, target in targets.items():
            if old is not None:
                _exact(old, what, source)
            if new is not None:
                for label_id in target.ids:
                    _exact(new, what, label_id)


def _exact(taxonomy: Taxonomy, what: str, label_id: str) -> Label:
    return taxonomy.theme(label_id) if what == "theme" else taxonomy.stance(label_id)
