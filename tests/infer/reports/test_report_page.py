"""The page in a real browser: what a reader clicks, types and sees."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policylens.data.records import (
    Amount,
    Citation,
    CitedSentence,
    Conflict,
    Digest,
    Figure,
    Measure,
    Paragraph,
    SubTopic,
    TaggedParagraph,
    ThemeDigest,
    Voice,
)
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.digests.compare_sets import compare_digests
from policylens.infer.reports.report_page import direction, render_html, render_page, script_json
from policylens.infer.summary import Summary

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

TAXONOMY = Taxonomy(
    "t",
    "1",
    themes=(Label("water", "水利", "Water"), Label("road", "道路", "Roads")),
    stances=(Label("pro", "赞成", "For"), Label("con", "反对", "Against")),
)
EVIL = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    "\"'`${window.hacked=1}{{7*7}}<!--"
)
A, B = Citation("plan", 2), Citation("notes", 1)


def figure(value: str, at: Citation, measure: str = "新建水渠", unit: str = "公里") -> Figure:
    amount = Amount(float(value), float(value), unit)
    return Figure(value, unit, measure, f"{measure}{value}{unit}", at, "2024年", measure, "", amount)


def theme(name: str, at: Citation, text: str, **more: Any) -> ThemeDigest:
    return ThemeDigest(
        name, 1, 1, {"pro": 1} if name == "water" else {"con": 1}, (CitedSentence(text, (at,)),), **more
    )


WATER = theme(
    "water",
    A,
    "修好老旧水渠。",
    figures=(figure("900", A), figure("80", A, "改造水渠"), figure("5", A, "=水渠增长", "%")),
    voices=(
        Voice("陆文静", "水利所所长", "要先修水渠，再说别的事情。", A, "水利所", "所长", "pro", "要先修水渠"),
    ),
    headline=CitedSentence("修好老旧水渠", (A,)),
    measures=(Measure("《河湖条例》", "document", (A,)),),
    subtopics=(SubTopic("水渠先行", (A,)), SubTopic("水库加固", (A,))),
)
ROAD = theme("road", B, "反对盲目修路。")
CONFLICT = Conflict("水渠长度", "2024年", (figure("80", A), figure("900", B)))
SOURCES = (
    Paragraph("plan", 1, "heading", "第一章 水利"),
    TaggedParagraph(
        Paragraph("plan", 2, "body", "今年要修好老旧水渠。其他另说。", title="水利计划"),
        "water",
        0.9,
        stance="pro",
    ),
    *(Paragraph("plan", 3 + i, "other", f"附注{i}") for i in range(40)),
    TaggedParagraph(Paragraph("notes", 1, "body", "专家反对盲目修路。"), "road", 0.6, stance="con"),
)
SUMMARY = Summary(Digest((WATER, ROAD), 2, 2, (CONFLICT,)), TAXONOMY, SOURCES)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Opens the page of a summary; fails on anything in the console and on any request but the page."""
    troubles: list[str] = []

    def open_page(summary: Summary, *, locale: str = "zh-CN", width: int = 1440) -> Any:
        file = tmp_path / "digest.html"
        file.write_text(render_page(summary), encoding="utf-8")
        page = browser.new_page(
            locale=locale, viewport={"width": width, "height": 900}, accept_downloads=True
        )
        page.set_default_timeout(60_000)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda request: (
                troubles.append(request.url) if request.url[:5] not in ("file:", "data:", "blob:") else None
            ),
        )
        page.goto(file.as_uri())
        return page

    yield open_page
    assert troubles == []


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true; `wait_for_function` would need the `eval` that the page forbids."""
    for _ in range(1200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


@needs_browser
def test_citation_opens_its_paragraph_and_escape_gives_the_focus_back(visit):
    page = visit(SUMMARY)
    cite = page.locator(".digest a.cite").first
    assert cite.inner_text() == "1·¶2"
    assert cite.get_attribute("aria-label") == "出处：plan 第 2 段"
    cite.press("Enter")
    reader = page.locator("#reader")
    assert reader.is_visible()
    assert page.locator("#h-reader").inner_text() == "水利计划"
    assert page.locator("#reader .hit").get_attribute("data-at") == "1"
    assert page.locator("#reader mark").all_inner_texts() == ["修好老旧水渠"]
    assert page.locator("#reader .rp").count() == 7
    assert page.evaluate("document.activeElement.classList.contains('hit')")
    page.locator("#later").click()
    assert page.locator("#reader .rp").count() == 27
    page.keyboard.press("Escape")
    assert not reader.is_visible()
    assert page.evaluate("document.activeElement.dataset.i") == "1"


@needs_browser
def test_filters_by_theme_stance_document_score_and_words(visit):
    page = visit(SUMMARY)
    cards = page.locator(".card:visible h2 > span")
    status = page.locator("#status")
    assert status.inner_text() == "2 / 2 段符合"
    page.select_option("#f-theme", "road")
    assert cards.all_inner_texts() == ["道路"]
    page.locator("button[type=reset]").click()
    until(page, "document.querySelectorAll('.card:not([hidden])').length == 2")
    page.select_option("#f-stance", "pro")
    assert cards.all_inner_texts() == ["水利"]
    page.select_option("#f-stance", "")
    page.select_option("#f-doc", "1")
    assert cards.all_inner_texts() == ["道路"]
    page.select_option("#f-doc", "")
    page.locator("#f-score").fill("0.8")
    until(page, "document.querySelectorAll('.hits > li').length == 1")
    assert cards.all_inner_texts() == ["水利"]
    page.locator("#f-score").fill("0")
    page.locator("#f-query").fill("盲目")
    until(page, "document.querySelector('#status').textContent.startsWith('1 / 2')")
    assert page.locator(".hits mark").all_inner_texts() == ["盲目"]
    page.locator("#f-query").fill("没有这个词")
    until(page, "document.querySelector('.hits').textContent == '没有符合筛选的段落。'")
    assert cards.count() == 0


@needs_browser
def test_matrix_cell_shows_its_paragraphs(visit):
    page = visit(SUMMARY)
    page.get_by_role("button", name="道路，反对：1 段").click()
    assert page.locator(".hits p").all_inner_texts() == ["专家反对盲目修路。 2·¶1"]


@needs_browser
def test_figures_are_sorted_by_value_within_a_unit_and_downloaded(visit):
    page = visit(SUMMARY)
    values = page.locator("#figures td.v")
    assert values.all_inner_texts() == ["900公里", "80公里", "5%"]
    page.get_by_role("button", name="按“数值”排序").click()
    assert values.all_inner_texts() == ["5%", "80公里", "900公里"]
    assert page.locator("#figures th[aria-sort=ascending]").inner_text().startswith("数值")
    page.get_by_role("button", name="按“数值”排序").click()
    assert values.all_inner_texts() == ["900公里", "80公里", "5%"]
    with page.expect_download() as download:
        page.locator("#csv").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["value"], row["amount"], row["doc"], row["para"]) for row in rows] == [
        ("900", "900", "plan", "2"),
        ("80", "80", "plan", "2"),
        ("5", "5", "plan", "2"),
    ]
    # A spreadsheet must not take it for a formula.
    assert rows[2]["measure"] == "'=水渠增长"


@needs_browser
@pytest.mark.parametrize(
    ("locale", "title", "name"), [("zh-TW", "政策内容摘要", "水利"), ("en-GB", "Policy digest", "Water")]
)
def test_interface_starts_in_the_language_of_the_browser_and_switches(visit, locale, title, name):
    page = visit(SUMMARY, locale=locale)
    assert page.title() == page.locator("h1").inner_text() == title
    assert page.locator(".card h2 > span").first.inner_text() == name
    page.locator("#lang").click()
    assert page.locator("h1").inner_text() != title
    assert page.locator("html").get_attribute("lang") == ("en" if locale.startswith("zh") else "zh-CN")
    # The sources stay as they are.
    assert page.locator(".digest .q").first.inner_text() == "修好老旧水渠。"
    assert "undefined" not in page.locator("body").inner_text()


@needs_browser
def test_every_control_has_a_name_and_the_page_has_landmarks(visit):
    page = visit(SUMMARY)
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, a, select, input')].filter(n => n.checkVisibility() && "
        "!(n.getAttribute('aria-label') || n.textContent.trim() || (n.labels && n.labels.length))).length"
    )
    assert nameless == 0
    for role in ("banner", "main", "navigation", "search", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(n => n.id)")
    assert len(ids) == len(set(ids))


@needs_browser
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(visit, width):
    page = visit(SUMMARY, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".digest a.cite").first.click()
    assert page.locator("#reader").bounding_box()["width"] <= width


@needs_browser
def test_hostile_documents_are_only_text(visit):
    at = Citation(EVIL, 1)
    evil = ThemeDigest(
        "water",
        1,
        1,
        {"pro": 1},
        (CitedSentence(EVIL, (at,)),),
        figures=(Figure("1", "%", EVIL, EVIL, at, EVIL, EVIL, EVIL),),
        voices=(Voice(EVIL, EVIL, EVIL + EVIL, at, EVIL, EVIL, "pro", EVIL),),
        headline=CitedSentence(EVIL, (at,)),
        measures=(Measure(EVIL, "programme", (at,)),),
        subtopics=(SubTopic(EVIL, (at,)),),
    )
    source = TaggedParagraph(
        Paragraph(EVIL, 1, "body", EVIL + "\ud800\u2028", title=EVIL), "water", 0.9, stance="pro"
    )
    digest = Digest((evil,), 1, 1, (Conflict(EVIL, EVIL, (evil.figures[0],)),))
    comparison = compare_digests(digest, digest, names=(EVIL, EVIL))
    page = visit(Summary(digest, TAXONOMY, (source,), comparison))
    page.locator(".card .digest a.cite").first.click()
    page.locator("#lang").click()
    page.locator("#f-query").fill("<script>")
    until(page, "document.querySelectorAll('.hits mark').length == 1")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert page.locator(".card .digest .q").first.inner_text() == EVIL
    assert page.locator("#reader .hit").inner_text().count("window.hacked") == 3


@needs_browser
def test_ten_megabytes_of_paragraphs_stay_usable(visit):
    text = "加快修复老旧水渠，落实管护责任，严禁违规取水。" * 11
    sources = tuple(
        TaggedParagraph(
            Paragraph(f"d{i // 200}", i % 200 + 1, "body", f"第{i}号。{text}"), "water", 0.9, stance="pro"
        )
        for i in range(13_000)
    )
    assert sum(len(item.paragraph.text.encode()) for item in sources) > 10_000_000
    digest = Digest((theme("water", Citation("d64", 200), "落实管护责任。"),), 65, len(sources))
    began = time.perf_counter()
    page = visit(Summary(digest, TAXONOMY, sources))
    until(page, "document.querySelectorAll('.hits > li').length > 0")
    # Bounded for a loaded two-core machine; on an idle one it is well under two seconds.
    assert time.perf_counter() - began < 60
    assert page.evaluate("document.querySelectorAll('*').length") < 3000
    page.locator("#f-query").fill("第12999号")
    until(page, "document.querySelectorAll('.hits > li').length == 1")
    spent = page.evaluate(
        "() => { const began = performance.now(); "
        "document.querySelector('#f-theme').dispatchEvent(new Event('input', {bubbles: true})); "
        "return new Promise(done => setTimeout(() => done(performance.now() - began), 0)); }"
    )
    assert spent < 10_000
    page.locator("button[type=reset]").click()
    page.locator(".digest a.cite").first.click()
    assert page.locator("#reader .hit .no").inner_text() == "¶200"
    assert page.locator("#reader .rp").count() == 6


@needs_browser
def test_comparison_stands_side_by_side(visit):
    before, after = Digest((WATER,), 1, 1), Digest((ROAD,), 1, 1)
    comparison = compare_digests(before, after, names=("2024", "2025"))
    page = visit(Summary(SUMMARY.digest, TAXONOMY, SOURCES, comparison))
    rows = page.locator("#compare tbody tr").all_inner_texts()
    assert [re.sub(r"\s+", " ", row) for row in rows] == ["水利 消失 100% 0%", "道路 新增 0% 100%"]
    page.locator("#compare summary").first.click()
    assert "修好老旧水渠。" in page.locator("#compare .two").first.inner_text()


def test_page_reads_without_scripts_and_names_no_other_resource():
    html = render_page(SUMMARY)
    shown = re.sub(r"<script.*?</script>|<style>.*?</style>|<[^>]+>", "", html, flags=re.S)
    for text in ("修好老旧水渠。", "《河湖条例》", "水利所", "水渠先行", "水渠长度", "政策内容摘要"):
        assert text in shown
    assert not re.search(r"\b(?:src|action|formaction)=|@import|url\(|https?://", html)
    assert "default-src 'none'" in html


def test_digest_alone_has_citations_without_links():
    html = render_html(SUMMARY.digest, taxonomy=TAXONOMY)
    assert '<a class="cite"' not in html and "plan ¶2" in html
    assert "没有可以汇总的内容。" in render_html(Digest(()), taxonomy=TAXONOMY)


def test_words_of_both_languages_are_complete():
    folder = Path(__file__).parents[3] / "infer" / "reports" / "templates"
    words = json.loads((folder / "strings.json").read_text(encoding="utf-8"))
    script, page = ((folder / name).read_text(encoding="utf-8") for name in ("page.js", "page.html"))
    used = set(re.findall(r'\bt\("(\w+)"', script)) | set(re.findall(r"\b(?:t|words)\('(\w+)'", page))
    assert used <= set(words)
    for chinese, english in words.values():
        assert sorted(re.findall(r"\{\d\}", chinese)) == sorted(re.findall(r"\{\d\}", english))


def test_script_json_cannot_end_its_element():
    text = script_json({"a": "</script><!--\u2028&"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--\u2028&"}


@pytest.mark.parametrize(
    ("change", "expected"), [("同比增长", "up"), ("下降", "down"), ("缩短到", "down"), ("", "")]
)
def test_direction(change, expected):
    assert direction(Figure("1", "%", "", "", A, change=change)) == expected
