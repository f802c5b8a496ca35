"""What changed from one version of a taxonomy to the next."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from policylens.data.strict_yaml import dump_yaml
from policylens.data.taxonomy import Label, Taxonomy, parents_of

# A removed and an added label are taken for one that was renamed from this likeness on: 0.6 is where difflib
# itself calls texts close.
_RENAMED = 0.6
_COMPARED = ("name_zh", "name_en", "group", "digest", "definition", "include", "exclude", "examples")


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A label that both versions have, with other words.

    Attributes:
        id: Its id.
        fields: Names of the fields that differ.
    """

    id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rename:
    """A label that is gone and one that is new and much like it."""

    old: str
    new: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Split:
    """A label that is gone, and new ones under it: `supply` and `supply/works`, `supply/quality`.

    Attributes:
        old: Its id.
        parts: Id of each new label under it and its typical words.
    """

    old: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class LabelDiff:
    """Changes of the themes or of the stances.

    Attributes:
        added: Ids that only the new version has.
        removed: Ids that only the old version has.
        renamed: Pairs of those that are probably one label; a guess. Two old ones with the same new one are
            probably merged.
        split: Labels that are gone of which at least two new ones are parts, by their ids.
        changed: Labels in both, with other words.
        reordered: Whether the labels in both come in another order, or, where none is gone, new ones before
            old ones: the logits of a model are then in another order too.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[Rename, ...]
    split: tuple[Split, ...]
    changed: tuple[LabelChange, ...]
    reordered: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.removed or self.changed or self.reordered)


@dataclass(frozen=True, slots=True)
class TaxonomyDiff:
    """Changes from one taxonomy to another.

    Attributes:
        old: Name and version of the old one.
        new: Name and version of the new one.
        themes: Changes of the themes.
        stances: Changes of the stances.
    """

    old: str
    new: str
    themes: LabelDiff
    stances: LabelDiff


def diff_taxonomies(old: Taxonomy, new: Taxonomy) -> TaxonomyDiff:
    """Compare two taxonomies label by label."""
    return TaxonomyDiff(
        old=f"{old.name} {old.version}",
        new=f"{new.name} {new.version}",
        themes=_diff(old.themes, new.themes),
        stances=_diff(old.stances, new.stances),
    )


def map_skeleton(diff: TaxonomyDiff) -> str:
    """YAML text to begin a map for `taxonomy migrate` with: the guesses, and an entry for each label gone.

    Entries without a guess have no `to`, and parts of a split no words where the new labels have none; the
    map is refused until they are filled in.
    """
    data: dict[str, object] = {}
    for key, part in (("themes", diff.themes), ("stances", diff.stances)):
        guesses: dict[str, object] = {rename.old: rename.new for rename in part.renamed}
        for split in part.split:
            guesses[split.old] = [{"id": label_id, "words": list(words)} for label_id, words in split.parts]
        entries = [
            {"from": [gone], "to": guesses[gone]} if gone in guesses else {"from": [gone]}
            for gone in part.removed
        ]
        if entries:
            data[key] = entries
    head = f"# From {diff.old} to {diff.new}. Check every guess; see docs/taxonomies.md.\n"
    return head + (dump_yaml(data) if data else "themes: []\n")


def diff_as_dict(diff: TaxonomyDiff) -> dict[str, object]:
    """The changes as fields for JSON."""
    return asdict(diff)


def diff_as_lines(diff: TaxonomyDiff) -> list[str]:
    """The changes for reading, one a line."""
    lines = [f"{diff.old} -> {diff.new}"]
    for what, part in (("theme", diff.themes), ("stance", diff.stances)):
        paired = {rename.old for rename in part.renamed} | {rename.new for rename in part.renamed}
        for split in part.split:
            parts = [label_id for label_id, _ in split.parts]
            paired |= {split.old, *parts}
            lines.append(f"~ {what} {split.old} -> {' + '.join(parts)}? (parts)")
        lines += [f"~ {what} {r.old} -> {r.new}? (likeness {r.likeness:.2f})" for r in part.renamed]
        lines += [f"- {what} {gone}" for gone in part.removed if gone not in paired]
        lines += [f"+ {what} {added}" for added in part.added if added not in paired]
        lines += [f"* {what} {change.id}: {', '.join(change.fields)}" for change in part.changed]
        if part.reordered:
            lines.append(f"! {what}s are in another order: models of the two do not share their heads")
    return lines if len(lines) > 1 else [*lines, "no changes"]


def _diff(old: Sequence[Label], new: Sequence[Label]) -> LabelDiff:
    before, after = {label.id: label for label in old}, {label.id: label for label in new}
    kept = [label_id for label_id in before if label_id in after]
    changes = ((label_id, _changed_fields(before[label_id], after[label_id])) for label_id in kept)
    removed = tuple(label_id for label_id in before if label_id not in after)
    added = tuple(label_id for label_id in after if label_id not in before)
    split = _splits(removed, [after[label_id] for label_id in added])
    taken = {part.old for part in split} | {label_id for part in split for label_id, _ in part.parts}
    return LabelDiff(
        added=added,
        removed=removed,
        renamed=_renames(
            [before[gone] for gone in removed if gone not in taken],
            [after[label_id] for label_id in added if label_id not in taken],
        ),
        split=split,
        changed=tuple(LabelChange(label_id, fields) for label_id, fields in changes if fields),
        reordered=_is_reordered(kept, list(after), all_kept=not removed),
    )


def _is_reordered(kept: list[str], after: list[str], *, all_kept: bool) -> bool:
    if all_kept:
        return after[: len(kept)] != kept
    return [label_id for label_id in after if label_id in kept] != kept


def _changed_fields(old: Label, new: Label) -> tuple[str, ...]:
    return tuple(name for name in _COMPARED if getattr(old, name) != getattr(new, name))


def _splits(removed: Sequence[str], added: Sequence[Label]) -> tuple[Split, ...]:
    """Labels that are gone and have at least two new ones under them."""
    found = (
        Split(gone, tuple((label.id, label.include) for label in added if gone in parents_of(label.id)))
        for gone in removed
    )
    return tuple(split for split in found if len(split.parts) > 1)


def _renames(removed: Sequence[Label], added: Sequence[Label]) -> tuple[Rename, ...]:
    """The likeliest pairs first, each label in one of them; then what is left with the likeliest: a merge."""
    pairs = sorted(
        ((_likeness(old, new), old.id, new.id) for old in removed for new in added),
        key=lambda pair: -pair[0],
    )
    found: list[Rename] = []
    for likeness, old, new in pairs:
        taken = any(old == rename.old or new == rename.new for rename in found)
        if likeness >= _RENAMED and not taken:
            found.append(Rename(old, new, round(likeness, 2)))
    for likeness, old, new in pairs:
        if likeness >= _RENAMED and all(old != rename.old for rename in found):
            found.append(Rename(old, new, round(likeness, 2)))
    return tuple(found)


def _likeness(old: Label, new: Label) -> float:
    """Of the likest among the names and the definitions; the same name is the same label."""
    pairs = [(old.name_zh, new.name_zh), (old.name_en, new.name_en), (old.id, new.id)]
    if old.definition and new.definition:
        pairs.append((old.definition, new.definition))
    return max(difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() for a, b in pairs)
