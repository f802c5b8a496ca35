"""What an affiliation is made of, and the shortest stretch of a quote that stands on its own."""

from __future__ import annotations

import re

from policylens.data.sentences import is_balanced, split_clauses, split_sentences
from policylens.infer.digests.clauses import Kind, read_clauses
from policylens.infer.digests.repair import is_well_formed, leans_back

# The end of an organisation's name; 院长, 院士, 司令 and 党委书记 are posts, not the end of one.
_ORGANISATION_END = re.compile(
    r"(?:实验室|智库|联盟|集团|中心|大学|银行|报社|人大|政协|合作社|"
    r"[局厅部司院所厂校站社村乡镇县市省区会]|(?<![党执常])委|办)(?![长士令员学公会])"
)
# What a quote is quoted for: what ought to be, or what the matter is.
_SAYS_MUCH = re.compile(
    r"要|应|必须|需|关键|重要|核心|最|成为|希望|建议|有望|才能|不能|不是|就是|问题|挑战|机遇|短板"
)
_OPENS_ONLY = re.compile(r"(?:通过|以|为|将|把|使|让|示范|从而|并)")
_MIN_CHARS, _MAX_CHARS = 12, 48


def split_affiliation(affiliation: str) -> tuple[str, str]:
    """Split "某研究院副院长" into organisation and role.

    Args:
        affiliation: As written before a name; several posts are joined by 、.

    Returns:
        The first organisation ("" where none is named) and all that follows it.
    """
    first = affiliation.split("、", 1)[0]
    ends = [match.end() for match in _ORGANISATION_END.finditer(first)]
    # "鹤翎航空的技术负责人": a firm that only its own name tells.
    end = ends[-1] if ends else max(first.find("的"), 0)
    return affiliation[:end], affiliation[end:].lstrip("、的")


def shortest_quote(quote: str, speaker: str) -> str:
    """Find the shortest stretch of a quote that stands on its own and says what it is quoted for.

    Args:
        quote: The whole quote, verbatim; between two parts of it may stand who said it.
        speaker: Name of the speaker.

    Returns:
        A stretch of it, verbatim, without the mark after it; the quote itself where it is short or where no
        part stands alone.
    """
    if len(quote) <= _MAX_CHARS and speaker not in quote:
        return quote
    naming = rf"[^。！？，；“”]*{re.escape(speaker)}[^，：。“”]*[，：。]?"
    parts = [part.strip("“”") for part in re.split(naming, quote)]
    stretches = [
        s for part in parts for start, end in split_sentences(part) for s in _stretches(part[start:end])
    ]
    if not stretches:
        return quote
    return min(stretches, key=lambda s: (not _SAYS_MUCH.search(s), len(s)))


def _stretches(sentence: str) -> list[str]:
    """Runs of clauses that hold all that their last clause needs and read as a sentence."""
    spans = [span for span in split_clauses(sentence) if sentence[span[0] : span[1]].strip()]
    clauses = read_clauses(sentence)
    if len(clauses) != len(spans):
        return []
    found = []
    for i, clause in enumerate(clauses):
        stretch = sentence[spans[min((i, *clause.needs))][0] : spans[i][1]].strip("，；。：、 \n")
        fits = _MIN_CHARS <= len(stretch) <= _MAX_CHARS and is_balanced(stretch)
        stands = clause.kind in (Kind.STATEMENT, Kind.VERB) and not _OPENS_ONLY.match(stretch)
        if fits and stands and not leans_back(stretch) and is_well_formed(stretch + "。"):
            found.append(stretch)
    return found
