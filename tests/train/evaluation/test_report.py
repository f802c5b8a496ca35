from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.classify import LabelProbabilities
from policylens.models.config import ModelConfig, Promise
from policylens.train.evaluation.charts import (
    abstention_chart,
    confusion_chart,
    interval_bar,
    reliability_chart,
)
from policylens.train.evaluation.evaluate import evaluate
from policylens.train.evaluation.metrics import Score, abstention_curve, reliability
from policylens.train.evaluation.report import render_page, with_code
from policylens.train.evaluation.results import PromiseCheck

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>" + "长" * 300
VOID = {"meta", "line", "circle", "rect", "polygon", "polyline"}


class Page(HTMLParser):
    """Checks that elements nest, and collects elements, texts and the targets of links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class FakeClassifier:
    """Always sure of the first theme, with falling confidence."""

    def __init__(self, taxonomy: Taxonomy, *, promises: bool = True) -> None:
        self.taxonomy = taxonomy
        abstention = {"theme": (Promise(0.9, 0.7, 0.4),)} if promises else {}
        self.bundle = SimpleNamespace(
            folder=Path("models/<demo>"), config=ModelConfig(base="b", abstention=abstention)
        )
        self.backend = SimpleNamespace(name="torch")

    def probabilities(self, paragraphs):
        n = len(self.taxonomy.themes)
        for at, paragraph in enumerate(paragraphs):
            theme = np.full(n, (0.05 + 0.01 * at) / (n - 1), np.float32)
            theme[0] = 0.95 - 0.01 * at
            yield paragraph, LabelProbabilities(theme, np.zeros(n, np.float32), np.zeros(0, np.float32))


def taxonomy(n: int) -> Taxonomy:
    return Taxonomy("demo", "1", tuple(Label(f"t{at}", f"主题{at}") for at in range(n)))


def rows(*themes: str, text: str = "正文") -> list[LabelledParagraph]:
    return [
        LabelledParagraph(
            Paragraph(f"文件{at}", at + 1, "body", text, extra={"source": f"s<{at % 2}>"}), theme
        )
        for at, theme in enumerate(themes)
    ]


def page_of(n_labels: int, *themes: str, text: str = "正文", promises: bool = True) -> str:
    labels = taxonomy(n_labels)
    evaluation = evaluate(FakeClassifier(labels, promises=promises), rows(*themes, text=text))
    return render_page(evaluation, labels)


def test_page_has_every_part_and_its_links_lead_somewhere() -> None:
    page = Page(page_of(3, "t0", "t1", "t0", "t2"))
    targets = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    links = [attrs["href"] for tag, attrs in page.elements if tag == "a"]
    assert len(links) == 5
    assert all(link is not None and link[1:] in targets for link in links)
    pictures = [attrs["aria-label"] for tag, attrs in page.elements if tag == "svg" and "aria-label" in attrs]
    assert pictures == [
        "Themes: share right by confidence",
        "Themes: share right by share kept",
        "Themes: confusion matrix, rows the right labels",
    ]
    text = " ".join(" ".join(page.texts).split())
    assert "50.0 (0.0–100.0)" in text
    assert "90 % 0.700 100.0 % 50.0 (6.8–93.2) within chance" in text
    assert "predicted 主题0 0.94 right 主题1 0.03" in text


def test_page_in_chinese_has_no_english_word(chinese: None) -> None:
    page = Page(page_of(60, "t0", "t59", "t2", text="正文" * 200))
    assert ("html", {"lang": "zh-CN"}) in page.elements
    pictures = [attrs["aria-label"] for tag, attrs in page.elements if tag == "svg" and "aria-label" in attrs]
    assert pictures == [
        "主题：各置信度下的正确比例",
        "主题：保留比例与正确比例",
        "主题：混淆矩阵，行为正确标签",
    ]
    text = " ".join(" ".join(page.texts).split("</style>")[-1].split())
    text = text[text.index("分类体系：") :]
    assert "90 % 0.700 100.0 % 33.3 (0.8–90.6) 在抽样误差之内" in text
    assert "错误较少的 20 个标签没有列出。" in text
    assert "预测 主题0 0.94 正确 主题59 0.00" in text
    words = set(re.findall("[A-Za-z][A-Za-z-]+", text))
    # Names: of the model, its taxonomy, the runtime and the command; F1 is called so in Chinese too.
    assert words <= {"demo", "torch", "classify", "min-precision"}, words


@pytest.mark.parametrize("promises", [True, False])
def test_sentences_of_the_chinese_page(chinese: None, promises: bool) -> None:
    text = page_of(3, "t0", "t0", promises=promises)
    assert "没有一个标签是错的。" in text
    assert ("可用 <code>policylens calibrate</code> 校准得出" in text) is not promises
    assert ("<code>classify --min-precision</code> 就是这样做的" in text) is promises


def test_code_in_sentences_is_escaped() -> None:
    assert with_code("a `<b>` & `c`") == "a <code>&lt;b&gt;</code> &amp; <code>c</code>"


def test_page_needs_nothing_from_outside() -> None:
    text = page_of(3, "t0", "t1")
    page = Page(text)
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "img", "iframe")]
    assert not re.search(r"https?://|url\(|@import", text)
    assert "default-src 'none'" in text


def test_hostile_text_stays_text() -> None:
    text = page_of(3, "t0", "t1", text=HOSTILE)
    page = Page(text)
    assert not [tag for tag, _ in page.elements if tag in ("script", "img")]
    assert HOSTILE in page.texts, "the whole paragraph, folded"
    assert [tag for tag, _ in page.elements].count("details") == 1
    assert any("s<1>" in part for part in page.texts)


def test_model_without_promises_is_told_how_to_get_them() -> None:
    text = page_of(3, "t0", "t1", promises=False)
    assert "This model makes no promises of precision" in text


def test_no_errors_are_said_in_words() -> None:
    assert "Not one label is wrong." in page_of(3, "t0", "t0")


def test_matrix_of_many_labels_shows_those_with_errors() -> None:
    text = page_of(60, "t0", "t59")
    assert "20 labels with fewer errors are left out" in text
    assert "主题59 predicted as 主题0: 1 of 1" in text


def test_interval_bar_is_to_scale() -> None:
    bar = interval_bar(Score(0.5, 0.25, 1.0))
    # The scale is 102 units from 5 on.
    assert 'cx="56.0"' in bar
    assert 'x1="30.5" y1="8.0" x2="107.0"' in bar


def test_reliability_chart_counts_and_places() -> None:
    right = np.array([True, False, True, True])
    chart = reliability_chart(reliability(right, np.array([0.5, 0.5, 0.9, 0.9], np.float32)), title="shares")
    assert 'aria-label="shares"' in chart
    assert "confidence 0.50, right 0.50 [0.01, 0.99], 2 of 4" in chart
    # Accuracy 1 lies at the upper edge, 12; confidence 0.9 at 44 + 0.9 * 380.
    assert '<circle class="dot" cx="386.0" cy="12.0" r="5"/>' in chart


def test_abstention_chart_marks_promises() -> None:
    right = np.array([True] * 30 + [False] * 10)
    points = abstention_curve(right, np.linspace(1, 0.5, 40, dtype=np.float32), n_points=4)
    assert [(point.n, point.precision.value) for point in points] == [
        (10, 1.0),
        (20, 1.0),
        (30, 1.0),
        (40, 0.75),
    ]
    chart = abstention_chart(points, [PromiseCheck(0.9, 0.8, points[2], "kept")], title="kept")
    # Coverage 0.75 at 44 + 0.75 * 380.
    assert '<circle class="mark" cx="329.0" cy="12.0" r="5"/>' in chart
    assert "0.90 promised: 1.000 right, kept" in chart


@pytest.mark.parametrize("name", ["<b>", 'a"b'])
def test_names_in_charts_are_escaped(name: str) -> None:
    chart = confusion_chart([[1, 1], [0, 2]], [name, "y"], title=name)
    assert name not in re.sub(r"<[^>]*>", lambda tag: "" if "<b>" not in tag[0] else tag[0], chart)
    Page(chart)
