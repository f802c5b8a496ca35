"""A digest keeps its budget, says what its sources say, and every citation leads to a source."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.records import Citation, CitedSentence, Digest, Figure, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Taxonomy, taxonomy_from_labels
from policylens.infer.digest import summarize
from policylens.infer.digests.structure import add_structure
from policylens.infer.reports.report_json import digest_as_json, render_json

properties = settings.get_profile("properties")

THEMES, STANCES = ("green", "rural"), ("support", "restrict")
TAXONOMY: Taxonomy = taxonomy_from_labels("t", THEMES, STANCES)

SENTENCES = (
    "推动钢铁企业完成超低排放改造30家。",
    "今年1—9月，全市技改投资增长18.6%，其中设备购置投资增长22.3%；更新服役十年以上的机床3400台（套）。",
    "省财政安排专项资金20亿元，支持中小企业节能改造，每户最高补助50万元。",
    "严禁以技改名义新增印染产能，严控高耗能项目落地。",
    "一是加快建设绿色工厂；二是推广节水灌溉面积120万亩；三是培训职业农民3万人。",
    "会议指出，要统筹推进城乡供水一体化，到2027年农村自来水普及率达到95%。",
    "李强强调，要抓紧修订《节约能源条例》，加强监督检查。",
    "他表示，企业普遍反映手续比过去简单。",
    "“改造花掉2900万元。”厂长陆长庚说，“电费一年省下600万元。”",
    "此外，部分园区污水处理能力不足，达标率仅为80%。",
    "与此同时，该厂产值达到3.5亿元，比上年增加4200万元。",
    "我省粮食总产量超过800亿斤，居全国第三位。",
    "支持农民合作社建设冷链仓库（以下简称“冷库”），每座补助20万元。",
    "实施“绿色田园”行动，建设高标准农田450万亩（省农业农村厅牵头）。",
    "加强组织领导。",
    "为什么改造意愿不强？主要是资金不足、技术人员缺乏！",
    "各市人民政府，各部门：现将方案印发给你们，请认真贯彻执行",
    "2024年，全区新增城镇就业1.2万人;失业率控制在5%以内,低于预期目标.",
)
STRAYS = (
    "，",
    "；",
    "。",
    "“",
    "”",
    "（",
    "）",
    "《",
    "》",
    "：",
    "、",
    "\n",
    " ",
    "——",
    "……",
    "3",
    "%",
    "a",
)
DOCUMENTS = (
    *(("a", ""), ("吉林省2025年政府工作报告", ""), ("2024年政府工作报告", "")),
    *(("b", "国务院常务会议研究部署"), ("c", "河北省人民政府关于加快绿色发展的意见")),
    *(("2025年中央经济工作会议", ""), ("国务院关于印发规划的通知", "")),
)

sentences = st.one_of(st.sampled_from(SENTENCES), st.sampled_from(SENTENCES), st.sampled_from(STRAYS))
texts = st.lists(sentences, min_size=1, max_size=7).map("".join).filter(str.strip)


@st.composite
def sources(draw: st.DrawFn) -> list[TaggedParagraph]:
    """Tagged body paragraphs of some documents, in reading order."""
    found = []
    for doc, title in draw(st.lists(st.sampled_from(DOCUMENTS), min_size=1, max_size=3, unique=True)):
        for number, text in enumerate(draw(st.lists(texts, min_size=1, max_size=4)), start=1):
            found.append(
                TaggedParagraph(
                    Paragraph(doc, number, "body", text, title=title, end=len(text), spans=((0, len(text)),)),
                    draw(st.sampled_from(THEMES)),
                    0.9,
                    stance=draw(st.sampled_from(STANCES)),
                    stance_score=0.9,
                )
            )
    return found


def digest_of(tagged: list[TaggedParagraph], max_chars: int) -> Digest:
    return add_structure(summarize(tagged, taxonomy=TAXONOMY, max_chars=max_chars), tagged)


def cited_sentences(digest: Digest) -> list[CitedSentence]:
    themes = digest.themes
    headlines = [theme.headline for theme in themes if theme.headline is not None]
    return [*headlines, *(sentence for theme in themes for sentence in theme.sentences)]


def all_figures(digest: Digest) -> list[Figure]:
    return [figure for theme in digest.themes for figure in theme.figures]


def all_citations(digest: Digest) -> list[Citation]:
    found = [place for sentence in cited_sentences(digest) for place in sentence.citations]
    found += [place for figure in all_figures(digest) for place in figure.citations]
    for theme in digest.themes:
        found += [voice.citation for voice in theme.voices]
        found += [place for part in (*theme.subtopics, *theme.measures) for place in part.citations]
    return found + [place for one in digest.conflicts for figure in one.figures for place in figure.citations]


def whole_documents(tagged: list[TaggedParagraph]) -> dict[str, str]:
    """Name, title and text of each document."""
    found: dict[str, str] = {}
    for item in tagged:
        par = item.paragraph
        found[par.doc] = found.get(par.doc, f"{par.doc}\n{par.title}") + "\n" + par.text
    return found


def stretches(piece: str, allowed: str) -> int:
    """How many verbatim stretches of the sources a piece is made of; more than its length where it is not."""
    count = 0
    while piece:
        size = next((size for size in range(len(piece), 0, -1) if piece[:size] in allowed), 0)
        if not size:
            return 1000
        piece, count = piece[size:], count + 1
    return count


@properties
@given(sources(), st.integers(20, 400))
def test_a_digest_keeps_its_budget(tagged: list[TaggedParagraph], max_chars: int) -> None:
    digest = digest_of(tagged, max_chars)
    assert sum(theme.paragraphs for theme in digest.themes) == len(tagged)
    for theme in digest.themes:
        assert len(theme.text) <= max_chars
        assert theme.text == "".join(sentence.text for sentence in theme.sentences)
        assert sum(theme.stances.values()) == theme.paragraphs


@properties
@given(sources(), st.integers(60, 400))
def test_sentences_are_parts_of_their_sources(tagged: list[TaggedParagraph], max_chars: int) -> None:
    """The rule: cut at its marks, a sentence consists of verbatim stretches of the documents that it cites.

    One stretch a piece; at the start of a sentence its source's name and who speaks, inside a bracket left
    out, make it two or three. Names are the document's own: from its name, its title or its text.
    """
    by_doc = whole_documents(tagged)
    for sentence in cited_sentences(digest_of(tagged, max_chars)):
        allowed = "\n".join(by_doc[place.doc] for place in dict.fromkeys(sentence.citations))
        for number, piece in enumerate(re.split("[，；。：！,;:!]", sentence.text)):
            assert stretches(piece, allowed) <= (3 if number == 0 else 2), (piece, sentence.text)


@properties
@given(sources(), st.integers(60, 400))
def test_citations_lead_to_a_source_that_says_it(tagged: list[TaggedParagraph], max_chars: int) -> None:
    digest = digest_of(tagged, max_chars)
    texts_of = {Citation(item.paragraph.doc, item.paragraph.para): item.paragraph.text for item in tagged}
    by_doc = whole_documents(tagged)
    assert set(all_citations(digest)) <= set(texts_of)
    for theme in digest.themes:
        themes = {
            Citation(item.paragraph.doc, item.paragraph.para) for item in tagged if item.theme == theme.theme
        }
        assert {place for sentence in theme.sentences for place in sentence.citations} <= themes
        for voice in theme.voices:
            # 他 is said by its name, which an earlier paragraph of the document gives.
            assert voice.speaker in by_doc[voice.citation.doc]
            assert voice.short in texts_of[voice.citation]
        for measure in theme.measures:
            assert all(measure.name in texts_of[place] for place in measure.citations)
    for figure in all_figures(digest):
        assert figure.shown in texts_of[figure.citation]
        assert all(figure.value in texts_of[place] or figure.also for place in figure.citations)


@properties
@given(sources(), st.integers(60, 400))
def test_a_digest_through_json(tagged: list[TaggedParagraph], max_chars: int) -> None:
    digest = digest_of(tagged, max_chars)
    written = render_json(digest, taxonomy=TAXONOMY)
    read = json.loads(written, parse_constant=lambda name: 1 / 0)
    assert read == digest_as_json(digest, taxonomy=TAXONOMY)
    for theme, row in zip(digest.themes, read["themes"], strict=True):
        places = [
            tuple(Citation(place["doc"], place["para"]) for place in sentence.get("citations", [sentence]))
            for sentence in row["sentences"]
        ]
        assert [sentence.citations for sentence in theme.sentences] == places
        assert [sentence.text for sentence in theme.sentences] == [one["text"] for one in row["sentences"]]
        assert row["digest"] == theme.text
        assert len(row["figures"]) == len(theme.figures)
