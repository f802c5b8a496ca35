"""Words that reports of every format share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from policylens.data.records import Citation, Digest, Rewriting, Voice
from policylens.infer.digests.compare_sets import Trend

TITLE = "政策内容摘要"
NOTHING = "没有可以汇总的内容。"
TRENDS: Mapping[Trend, str] = MappingProxyType(
    {"new": "新增", "gone": "消失", "stronger": "增强", "weaker": "减弱", "steady": "持平"}
)

# Why a sentence stands as extracted although a generator was asked: the reasons of `infer.rewrite`.
KEPT: Mapping[str, str] = MappingProxyType(
    {
        "unchanged": "未作改动",
        "form": "不成句",
        "length": "过长",
        "figure": "数字无出处",
        "date": "日期无出处",
        "document_number": "文号无出处",
        "code": "代号或外文无出处",
        "person": "人名无出处",
        "organisation": "机构或地名无出处",
        "title": "文件名无出处",
        "quotation": "引语无出处",
        "claim": "说法无出处",
        "negation": "肯定否定不符",
        "direction": "增减方向不符",
        "moved": "数字错配",
        "dropped": "漏掉要素",
        "similarity": "与原文相差太大",
        "timeout": "超时",
        "server": "服务器出错",
        "refused": "服务器拒绝",
        "garbage": "回答无法读取",
        "failed": "模型出错",
        "given_up": "模型无应答",
    }
)


def source(citations: Iterable[Citation]) -> str:
    """Render places as "doc ¶3", or "doc ¶3、¶5；other ¶2" for several paragraphs."""
    paragraphs: dict[str, list[str]] = {}
    for citation in citations:
        paragraphs.setdefault(citation.doc, []).append(f"¶{citation.para}")
    return "；".join(f"{doc} {'、'.join(marks)}" for doc, marks in paragraphs.items())


def overview_line(digest: Digest) -> str:
    """How much was read, how much of it has a theme, and how much was too uncertain to be given one."""
    counts = f"{digest.documents} 份文件，{digest.paragraphs} 个段落，{len(digest.themes)} 个主题"
    abstained = f"；{digest.abstained} 个段落主题把握不足，未列入" if digest.abstained else ""
    return f"{counts}{abstained}。"


def rewriting_line(rewriting: Rewriting) -> str:
    """What a generator did, in one line: how many sentences it worded and why the others stand."""
    line = (
        f"措辞：{rewriting.generator} 改写；{rewriting.sentences} 句中采用 {rewriting.reworded} 句，"
        f"保留原文 {rewriting.sentences - rewriting.reworded} 句"
    )
    reasons = "、".join(f"{KEPT.get(reason, reason)} {n}" for reason, n in rewriting.kept.items())
    return line + (f"（{reasons}）。" if reasons else "。")


def shown_quote(voice: Voice) -> str:
    """The short form of a quote, with …… where the rest is left out."""
    short = voice.short or voice.quote
    if short == voice.quote:
        return short
    before = "" if voice.quote.lstrip("“").startswith(short) else "……"
    return f"{before}{short}……"
