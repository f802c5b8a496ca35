"""Rows of `policylens classify`: from a tagged paragraph to fields, and from such fields back to its tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from policylens.data.errors import LabelError, TaxonomyError
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Label, Taxonomy

Row = dict[str, object]

PLACE_FIELDS = ("doc", "para", "id", "kind", "title", "heading", "text", "start", "end")
LABEL_FIELDS = ("theme", "theme_score", "also", "stance", "stance_score", "themes")
FIELDS = (*PLACE_FIELDS, *LABEL_FIELDS)
# Only where a precision was asked for.
ABSTENTION_FIELDS = ("abstained", "stance_abstained")
# Only where theme ids are hierarchical.
PARENTS_FIELD = "parents"

_SCORE_DIGITS = 4
_CARRIED_PREFIX = "input_"


def row_of(item: TaggedParagraph | Paragraph) -> Row:
    """The output fields of a paragraph, in their order: `FIELDS`, then those carried from its input record.

    A paragraph that was not tagged has null labels; so has a stance where the taxonomy has none. Where a
    precision was asked for, `ABSTENTION_FIELDS` follow: why a label is null, or null. A carried field named
    like one of ours comes as `input_theme` and so on: a label that the input gives and the one that the
    model gives stand side by side.
    """
    paragraph = item.paragraph if isinstance(item, TaggedParagraph) else item
    labels: Row = dict.fromkeys(LABEL_FIELDS)
    if isinstance(item, TaggedParagraph):
        labels = _labels(item)
    place: Row = {name: getattr(paragraph, name) for name in PLACE_FIELDS}
    codes: Row = dict(item.codes) if isinstance(item, TaggedParagraph) else {}
    taken = (*FIELDS, *ABSTENTION_FIELDS, PARENTS_FIELD, *codes)
    return {**place, **labels, **codes, **_carried(paragraph.extra, taken=taken)}


def paragraph_row(paragraph: Paragraph) -> Row:
    """The fields of a paragraph without labels; `read_records` makes an equal paragraph of them."""
    place: Row = {name: getattr(paragraph, name) for name in PLACE_FIELDS}
    return {**place, "prev": paragraph.prev, **_carried(paragraph.extra, taken=(*PLACE_FIELDS, "prev"))}


def tags_of(paragraph: Paragraph, *, taxonomy: Taxonomy) -> TaggedParagraph | None:
    """The tags that a paragraph's input record carries, None where it has no theme or lacks its stance.

    Labels may be ids or names. A label without a score counts as certain. A label that was held back, with
    its reason in the record, stays held back.

    Raises:
        TaxonomyError: The taxonomy has no such theme or stance.
        LabelError: A label or score is of the wrong type.
    """
    fields = paragraph.extra
    theme, no_theme = _text(paragraph, "theme"), _reason(paragraph, "abstained")
    stance, no_stance = "", ""
    if taxonomy.stances:
        stance, no_stance = _text(paragraph, "stance"), _reason(paragraph, "stance_abstained")
    if not (theme or no_theme) or (taxonomy.stances and not (stance or no_stance)):
        return None
    theme = _known(paragraph, theme, find=taxonomy.find_theme) if theme else ""
    also = (_known(paragraph, name, find=taxonomy.find_theme) for name in _names(paragraph, "also"))
    return TaggedParagraph(
        paragraph=paragraph,
        theme=theme,
        theme_score=_score(paragraph, fields.get("theme_score")),
        also=tuple(name for name in also if name != theme),
        stance=_known(paragraph, stance, find=taxonomy.find_stance) if stance else "",
        stance_score=_score(paragraph, fields.get("stance_score")) if stance or no_stance else 0.0,
        abstained=None if theme else no_theme,
        stance_abstained=None if stance or not no_stance else no_stance,
    )


def _labels(item: TaggedParagraph) -> Row:
    has_stance = item.stance or item.stance_abstained
    labels: Row = {
        "theme": item.theme or None,
        "theme_score": round(item.theme_score, _SCORE_DIGITS),
        "also": list(item.also),
        "stance": item.stance or None,
        "stance_score": round(item.stance_score, _SCORE_DIGITS) if has_stance else None,
        "themes": _scores(item.themes),
    }
    if item.parents:
        labels[PARENTS_FIELD] = _scores(item.parents)
    reasons = (item.abstained, item.stance_abstained)
    if any(reason is not None for reason in reasons):
        labels |= dict(zip(ABSTENTION_FIELDS, (reason or None for reason in reasons), strict=True))
    return labels


def _scores(items: Iterable[LabelScore]) -> list[Row]:
    return [{"theme": item.label, "score": round(item.score, _SCORE_DIGITS)} for item in items]


def _carried(extra: Mapping[str, object], *, taken: tuple[str, ...]) -> Row:
    carried: Row = {name: value for name, value in extra.items() if name not in taken}
    for name, value in extra.items():
        if name in taken:
            free = _CARRIED_PREFIX + name
            while free in carried:
                free = _CARRIED_PREFIX + free
            carried[free] = value
    return carried


def _known(paragraph: Paragraph, name: str, *, find: Callable[[str], Label]) -> str:
    try:
        return find(name).id
    except TaxonomyError as error:
        hint = "if another model tagged this input, name that model with --model"
        raise TaxonomyError(f"{_place(paragraph)}: {error}; {hint}") from None


def _text(paragraph: Paragraph, name: str) -> str:
    value = paragraph.extra.get(name)
    if value is None:
        return ""
    # Class numbers are labels too; bool is an int, but True is no class number.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LabelError(f"{_place(paragraph)}: {name!r} is {value!r}; expected a label or null")
    return str(value).strip()


def _reason(paragraph: Paragraph, name: str) -> str:
    """Why a label was held back; what is no text was not written by `classify`."""
    value = paragraph.extra.get(name)
    return value.strip() if isinstance(value, str) else ""


def _names(paragraph: Paragraph, name: str) -> list[str]:
    value = paragraph.extra.get(name)
    if isinstance(value, str) and value.strip():
        # The CSV of `classify` holds a JSON list, hand-made tables a list with semicolons.
        value = json.loads(value) if _is_json_list(value) else [part.strip() for part in value.split(";")]
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        raise LabelError(f"{_place(paragraph)}: {name!r} is {value!r}; expected a list of labels")
    return [str(item) for item in value if item != ""]


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def _score(paragraph: Paragraph, value: object) -> float:
    if value is None or value == "":
        return 1.0
    try:
        score = float(value) if isinstance(value, int | float | str) else -1.0
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise LabelError(f"{_place(paragraph)}: the score {value!r} is not a number from 0 to 1")
    return score


def _place(paragraph: Paragraph) -> str:
    return f"{paragraph.doc} ¶{paragraph.para}"
