"""Pull quotes: passages that the page repeats in large type between, above or inside its paragraphs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher
from statistics import median_low

from policylens.data.layout.lines import ends_sentence
from policylens.data.layout.numbering import number_value
from policylens.data.layout.units import Unit, breaks_off

# A pull quote repeats its source nearly word for word (same numbers, clauses left out): where something was
# left out a few of its n-grams are new. Marked figures are evidence of their own, so less repetition will do.
_GRAM = 5
_REPEATED, _REPEATED_CUTTING, _REPEATED_MARKED = 0.75, 0.65, 0.45
# Words left out in many places break most n-grams, but the order of what is kept stays.
_KEPT_CUTTING = 0.8
_MIN_CHARS = 10
_HEAD = 6  # characters
_REACH = 400  # units before and after in which a pull quote's source is looked for
_MAX_SOURCES = 3  # paragraphs that one pull quote is put together from
_MAX_OWNERS = 60
_HAN_NUMBER = re.compile("[零〇一二两三四五六七八九十百千]+")
_NOISE = re.compile(r"[^0-9A-Za-z\u4e00-\u9fff]+")


def mark_cutting_quotes(units: Sequence[Unit]) -> None:
    """Mark the pull quotes that carry bold figures or cut a sentence in two, before its halves are joined."""
    _mark(units, _marked_or_cutting(units))


def mark_other_quotes(units: Sequence[Unit]) -> None:
    """Mark the pull quotes that stand between whole paragraphs or above a byline.

    Repetition alone is not enough: a law or a speech may repeat a paragraph. The unit must also be on a
    page with bylines or captions, stand apart from the text or full of figures, and repeat parts of
    longer paragraphs.
    """
    if any(unit.kind in ("byline", "caption") for unit in units):
        usual_gap = median_low([unit.first.gap for unit in units])
        _mark(units, {i: False for i in range(len(units)) if _is_set_apart(units, i, usual_gap)})


def _mark(units: Sequence[Unit], candidates: dict[int, bool]) -> None:
    if not candidates:
        return
    owners = _gram_owners(units, candidates)
    chosen: set[int] = set()
    for index in sorted(candidates, key=lambda i: (not units[i].bold, len(units[i].text))):
        if _is_repeated(units, index, owners, chosen, cuts_sentence=candidates[index]):
            units[index].kind = "pull_quote"
            chosen.add(index)


def _is_repeated(
    units: Sequence[Unit], index: int, owners: dict[str, set[int]], chosen: set[int], *, cuts_sentence: bool
) -> bool:
    unit = units[index]
    grams = _grams(unit.text)
    sources: Counter[int] = Counter()
    for gram in grams:
        # Phrases that stand everywhere are no evidence, and counting them is slow.
        if len(owners[gram]) <= _MAX_OWNERS:
            sources.update(owners[gram])
    ranked = [
        source
        for source, _ in sources.most_common(12)
        if source != index
        and source not in chosen
        and (unit.bold or cuts_sentence or len(units[source].text) > len(unit.text))
    ][:_MAX_SOURCES]
    repeated = sum(1 for gram in grams if any(source in owners[gram] for source in ranked))
    share = _REPEATED_MARKED if unit.bold else _REPEATED_CUTTING if cuts_sentence else _REPEATED
    if repeated >= share * len(grams):
        return True
    return cuts_sentence and any(_kept(unit.text, units[source].text) >= _KEPT_CUTTING for source in ranked)


def _kept(quote: str, source: str) -> float:
    """Share of the quote's characters that stand in the source in the same order, single ones not counted."""
    bare, longer = _plain(quote), _plain(source)
    blocks = SequenceMatcher(None, bare, longer, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 1) / len(bare)


def _marked_or_cutting(units: Sequence[Unit]) -> dict[int, bool]:
    """Index of each unit with outer evidence, and whether it stands inside a broken sentence."""
    found: dict[int, bool] = {}
    previous: Unit | None = None  # the last running text above, other than candidates
    for index, unit in enumerate(units):
        if not unit.undecided or unit.number is not None or unit.first.hint:
            if unit.kind == "heading" or unit.kind is None:
                previous = unit
            continue
        whole = ends_sentence(unit.text) or _is_verbatim(unit, units, index)
        cuts = _is_open(previous) and whole and _is_whole_elsewhere(unit, units, index)
        if _is_long_enough(unit) and (unit.bold or cuts):
            found[index] = cuts
        else:
            previous = unit
    return found


def _is_open(unit: Unit | None) -> bool:
    return unit is not None and unit.kind != "heading" and breaks_off(unit)


def _is_long_enough(unit: Unit) -> bool:
    return len(_NOISE.sub("", unit.text)) >= _MIN_CHARS


def _is_verbatim(unit: Unit, units: Sequence[Unit], index: int) -> bool:
    """Whether a text without the end of a sentence stands as whole clauses inside a neighbour.

    The first half of a cut paragraph stands inside the pull quote that repeats it as well, but ends there
    within a clause.
    """
    around = range(max(0, index - _REACH), min(len(units), index + _REACH))
    words = unit.text.strip("“”…")
    return len(words) >= _MIN_CHARS and any(
        _ends_clause(words, units[at].text) for at in around if at != index
    )


def _ends_clause(words: str, text: str) -> bool:
    found = text.find(words)
    return found >= 0 and not text[found + len(words) : found + len(words) + 1].isalnum()


def _is_whole_elsewhere(unit: Unit, units: Sequence[Unit], index: int) -> bool:
    """Whether its first words begin a clause elsewhere; those of the second half of a paragraph do not."""
    head = unit.text[:_HEAD]
    for other_index in range(max(0, index - _REACH), min(len(units), index + _REACH)):
        text = units[other_index].text
        position = text.find(head) if other_index != index else -1
        if position == 0 or (position > 0 and not text[position - 1].isalnum()):
            return True
    return False


def _is_set_apart(units: Sequence[Unit], index: int, usual_gap: int) -> bool:
    """Whether a unit stands above a byline, is full of figures, or has more white space around it."""
    unit = units[index]
    if unit.kind not in (None, "body") or unit.number is not None or unit.first.hint or not unit.prose:
        return False
    if not _is_long_enough(unit):
        return False
    below = next((unit for unit in units[index + 1 : index + 4] if unit.kind != "caption"), None)
    if below is not None and below.kind == "byline":
        return True
    spaced = unit.first.gap > usual_gap and (below is None or below.first.gap > usual_gap)
    return spaced or len(re.findall(r"\d+", unit.text)) >= 2


def _plain(text: str) -> str:
    """Letters and digits only, Chinese numbers as Arabic ones: a quote may give 百分之十一 as 11%."""
    digits = _HAN_NUMBER.sub(lambda match: str(number_value(match[0])), text.replace("百分之", ""))
    return _NOISE.sub("", re.sub(r"(?<=\d)点(?=\d)", "", digits))


def _grams(text: str) -> list[str]:
    bare = _plain(text)
    return [bare[i : i + _GRAM] for i in range(len(bare) - _GRAM + 1)]


def _gram_owners(units: Sequence[Unit], candidates: dict[int, bool]) -> dict[str, set[int]]:
    """Which units hold each n-gram of the candidates: one pass over the document."""
    owners: dict[str, set[int]] = defaultdict(set)
    for index in candidates:
        for gram in _grams(units[index].text):
            owners[gram].add(index)
    for index, unit in enumerate(units):
        if index not in candidates and unit.kind in (None, "body"):
            for gram in _grams(unit.text):
                if gram in owners:
                    owners[gram].add(index)
    return owners
