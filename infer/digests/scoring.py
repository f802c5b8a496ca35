"""How much of a clause belongs in a digest: a linear model over features that one can read off the page."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import add

import numpy as np

from policylens.infer.digests.clauses import Kind

_RUN = re.compile(r"\w{2,}")
_FIGURE = re.compile(r"[\d０-９]|百分之|[一二三四五六七八九十百千万亿]{2,}(?:元|人|个|家|户|亩|吨|公里)")
_MEASURED = re.compile(
    r"[\d０-９][^，]{0,3}(?:%|％|‰|万|亿|元|倍|个百分点|家|个|项|公里|亩|吨|套|人|户|千瓦)"
)
_YEAR = re.compile(r"(?:19|20)\d\d年|[今明]年|“?十[一二三四五]五”?")
_TERM = re.compile(r"“[^”]{2,14}”")
_TITLE = re.compile(r"《[^》]+》")
_PROGRAMME = re.compile(
    r"行动|工程|计划|专项|试点|示范|清单|机制|制度|条例|政策|措施|基金|平台|中心|目录|指南|办法"
)
_FIRST = re.compile(r"首[次个批创条台座家例]|第一|最[大高多快长]|率先|领先|之首|居全国|居世界|纪录|突破")
_ACTION = re.compile(
    r"出台|启动|建成|建立|设立|印发|投产|开通|获批|实施|发布|决定|取消|降低|提高|新增|完成|安排"
    r"|严禁|不得|淘汰"
)
_TARGET = re.compile(r"到20\d\d年|到[二两]○|力争|目标|预期|达到|以上|左右")
_PLACE = re.compile(
    r"[一-龥]{2,3}(?:省|市|县|自治区|新区|经济带|城市群|都市圈|半岛|三角)|京津冀|全国|全省|我国"
)
_SPEECH = re.compile(r"指出|强调|表示|认为|要求|提出|介绍|说$")
_SLOGAN = re.compile(
    r"为指导|精神|旗帜|重大意义|重要意义|重要论述|思想|坚定不移|凝心聚力|决心|信心|奋力|谱写|篇章"
    r"|伟大|初心|使命|高度重视|统一思想|全局|大局|时代|"
    r"深刻|全方位|总要求|必须|更好"
)
_STORY = re.compile(
    r"记者|镜头|画面|告诉|大家|孩子|走进|来到|眼前|故事|老人|现场|一位|这位|[他她]|我(?!国|省|市"
    r"|们)|吗|呢|啊|了(?=$|，)|一个个"
)
_CONCERN = re.compile(r"不足|问题|困难|风险|短板|制约|矛盾|滞后|压力|挑战|不够|不平衡|下降|隐患|违法")
_EXAMPLE = re.compile(r"^(?:比如|例如|如|像|包括|其中|分别)|等(?:方面|领域)?$")

_MAX_COUNT = 3

# Fitted on 408 digests of policy paragraphs with one reference each (2026-11) by logistic regression: the
# target is the share of a clause's character bigrams that its reference uses. Features are plain counts,
# flags and shares as in `_features`; a positive weight draws a clause into the digest. Refit with
# benchmarks/fit_digest.py when a feature is added; single weights are not independent of the others.
WEIGHTS: dict[str, float] = {
    "bias": 1.682,
    "first_sentence": -0.249,
    "second_sentence": -0.020,
    "sentence_depth": -0.705,
    "one_sentence": -0.205,
    "first_clause": -0.067,
    "clause_depth": -0.262,
    "log_length": -0.470,
    "short": -0.165,
    "log_paragraph": -0.364,
    "figure": 0.820,
    "measured": 0.430,
    "year": 0.184,
    "term": 0.174,
    "title_named": -0.651,
    "programme": 0.098,
    "first_of_kind": 0.233,
    "action": 0.249,
    "target": 0.479,
    "place": 0.076,
    "speech": 0.247,
    "slogan": -0.377,
    "story": -0.354,
    "concern": 0.070,
    "example": -0.110,
    "opening": 0.016,
    "time": -0.003,
    "tail": -0.048,
    "verb": 0.176,
    "spread": 0.626,
    "likeness": 4.427,
    "once": -0.615,
    "title_share": 1.032,
    "theme_score": 0.000,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clause stands.

    Attributes:
        kind: What the clause does in its sentence.
        clause: Number of the clause in its sentence, from 0.
        clauses: Number of clauses of the sentence.
        sentence: Number of the sentence in its paragraph, from 0.
        sentences: Number of sentences of the paragraph.
        theme_score: Probability of the theme in [0, 1].
        title: Document title, heading and document name.
        paragraph_chars: Length of the paragraph in characters.
    """

    kind: Kind
    clause: int
    clauses: int
    sentence: int
    sentences: int
    theme_score: float
    title: str
    paragraph_chars: int


def bigrams(text: str) -> list[str]:
    """Overlapping pairs of letters, digits and characters; pairs across a mark or space are left out."""
    pairs: list[str] = []
    for run in _RUN.findall(text):
        pairs += map(add, run, run[1:])
    return pairs


class Frequencies:
    """How common each bigram is among the paragraphs of a theme."""

    def __init__(self, paragraphs: Sequence[str]) -> None:
        """Count over all paragraphs of one theme."""
        spread: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        for text in paragraphs:
            pairs = bigrams(text)
            self._total.update(pairs)
            spread.update(set(pairs))
        scale = math.log1p(max(1, len(paragraphs)))
        self._spread = {pair: math.log1p(n) / scale for pair, n in spread.items()}
        self._once = {pair for pair, n in self._total.items() if n == 1}
        self._norm = math.sqrt(sum(n * n for n in self._total.values())) or 1.0

    def spread(self, pairs: Sequence[str]) -> float:
        """Mean share of paragraphs that use a bigram of the clause, log-scaled to [0, 1]."""
        return sum(map(self._spread.get, pairs, repeat(0.0))) / max(1, len(pairs))

    def likeness(self, pairs: Sequence[str]) -> float:
        """Cosine of the clause's bigrams, each taken once per place, to the counts of the whole theme."""
        return sum(map(self._total.__getitem__, pairs)) / (math.sqrt(max(1, len(pairs))) * self._norm)

    def once(self, pairs: Sequence[str]) -> float:
        """Share of the clause's bigrams that the theme has only here."""
        return sum(map(self._once.__contains__, pairs)) / max(1, len(pairs))


@lru_cache(maxsize=1024)
def _title_bigrams(title: str) -> frozenset[str]:
    return frozenset(bigrams(title))


def features(text: str, place: Place, frequencies: Frequencies) -> dict[str, float]:
    """The features of a clause, by name."""
    pairs = bigrams(text)
    title = _title_bigrams(place.title)
    return {
        "bias": 1.0,
        "first_sentence": float(place.sentence == 0),
        "second_sentence": float(place.sentence == 1),
        "sentence_depth": place.sentence / max(1, place.sentences),
        "one_sentence": float(place.sentences == 1),
        "first_clause": float(place.clause == 0),
        "clause_depth": place.clause / max(1, place.clauses),
        "log_length": math.log(max(1, len(text))),
        "short": float(len(text) < 8),
        "log_paragraph": math.log(max(1, place.paragraph_chars)),
        "figure": float(bool(_FIGURE.search(text))),
        "measured": float(min(_MAX_COUNT, len(_MEASURED.findall(text)))),
        "year": float(bool(_YEAR.search(text))),
        "term": float(min(_MAX_COUNT, len(_TERM.findall(text)))),
        "title_named": float(bool(_TITLE.search(text))),
        "programme": float(min(_MAX_COUNT, len(_PROGRAMME.findall(text)))),
        "first_of_kind": float(bool(_FIRST.search(text))),
        "action": float(min(_MAX_COUNT, len(_ACTION.findall(text)))),
        "target": float(bool(_TARGET.search(text))),
        "place": float(bool(_PLACE.search(text))),
        "speech": float(bool(_SPEECH.search(text))),
        "slogan": float(min(_MAX_COUNT, len(_SLOGAN.findall(text)))),
        "story": float(min(_MAX_COUNT, len(_STORY.findall(text)))),
        "concern": float(bool(_CONCERN.search(text))),
        "example": float(bool(_EXAMPLE.search(text))),
        "opening": float(place.kind in (Kind.FRAME, Kind.CONDITION, Kind.MEETING)),
        "time": float(place.kind is Kind.TIME),
        "tail": float(place.kind is Kind.TAIL),
        "verb": float(place.kind is Kind.VERB),
        "spread": frequencies.spread(pairs),
        "likeness": frequencies.likeness(pairs),
        "once": frequencies.once(pairs),
        "title_share": sum(map(title.__contains__, pairs)) / max(1, len(pairs)),
        "theme_score": place.theme_score,
    }


def surface_matrix(
    texts: Sequence[str], places: Sequence[Place], frequencies: Frequencies
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The features of clauses, one row each, in the order of `WEIGHTS`.

    Args:
        texts: Clauses without their marks.
        places: Where each stands.
        frequencies: Bigram frequencies of their theme.
    """
    rows = np.empty((len(texts), len(WEIGHTS)))
    for i, (text, place) in enumerate(zip(texts, places, strict=True)):
        row = features(text, place, frequencies)
        rows[i] = [row[name] for name in WEIGHTS]
    return rows


def score_clauses(
    texts: Sequence[str], places: Sequence[Place], frequencies: Frequencies
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Score clauses by surface features alone: the way of model folders without a salience head.

    Args:
        texts: Clauses without their marks.
        places: Where each stands.
        frequencies: Bigram frequencies of their theme.

    Returns:
        *Shape:* (len(texts),) — expected share of the clause that a reference digest would use, in [0, 1].
    """
    rows = surface_matrix(texts, places, frequencies)
    weights = np.array(list(WEIGHTS.values()))
    scores: np.ndarray[tuple[int], np.dtype[np.float64]] = 1.0 / (1.0 + np.exp(-(rows @ weights)))
    return scores
