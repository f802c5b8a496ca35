"""Two models on the same rows: verdicts, exact tests, and what changed."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import taxonomy_from_labels
from policylens.infer.classify import LabelProbabilities
from policylens.train.evaluation.compare import compare_models, mcnemar, to_json, to_markdown

STANCES = ("for", "against")


class Fixed:
    """Stands in for a model: the themes and stances that it gives, row by row."""

    def __init__(self, name, themes, labels=("a", "b", "c"), stances=STANCES, stance=None):
        self.taxonomy = taxonomy_from_labels(name, labels, stances)
        self.bundle = SimpleNamespace(folder=name)
        self.themes, self.stance = themes, stance

    def probabilities(self, paragraphs):
        for paragraph in paragraphs:
            at = paragraph.para - 1
            theme = self.spread(self.themes[at], self.taxonomy.theme_ids)
            stance = self.spread(self.stance[at] if self.stance else "for", self.taxonomy.stance_ids)
            yield paragraph, LabelProbabilities(theme, theme, stance)

    @staticmethod
    def spread(label, ids):
        return np.array([0.8 if one == label else 0.2 / max(1, len(ids) - 1) for one in ids], np.float32)


def rows(themes, stance="for"):
    return [
        LabelledParagraph(Paragraph("d", at, "body", f"第{at}段|文字", id=f"r{at}"), theme, stance=stance)
        for at, theme in enumerate(themes, start=1)
    ]


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"),
    [(0, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (3, 3, 1.0), (1, 8, 0.0390625)],
)
def test_exact_mcnemar(gained, lost, p_value):
    assert mcnemar(gained, lost) == pytest.approx(p_value)


def test_better():
    gold = ["a", "b"] * 20
    old = Fixed("old", ["b" if at < 20 else label for at, label in enumerate(gold)])
    found = compare_models(old, Fixed("new", gold), rows(gold))
    theme, stance = found.heads
    assert (found.verdict, theme.verdict, stance.verdict) == ("better", "better", "same")
    assert (theme.gained, theme.lost) == (10, 0)
    assert theme.p_value == pytest.approx(2 / 2**10)
    assert theme.accuracy_gain.value == 0.25


def test_few_changes_are_chance_though_the_bootstrap_is_sure():
    gold = ["a", "b"] * 20
    old = Fixed("old", ["b" if at in (0, 2, 4, 6, 8) else label for at, label in enumerate(gold)])
    theme = compare_models(old, Fixed("new", gold), rows(gold)).heads[0]
    assert theme.accuracy_gain.low > 0
    assert (theme.gained, theme.lost, theme.p_value, theme.verdict) == (5, 0, 0.0625, "same")


def test_worse_in_one_head_is_worse():
    gold = ["a", "b"] * 20
    old = Fixed("old", ["c"] * 40)
    new = Fixed("new", gold, stance=["against"] * 40)
    found = compare_models(old, new, rows(gold))
    assert [head.verdict for head in found.heads] == ["better", "worse"]
    assert found.verdict == "worse"
    assert found.heads[0].accuracy_gain.value == 1.0


def test_changes_and_labels():
    gold = ["a", "a", "b", "b"]
    old = Fixed("old", ["a", "b", "c", "b"])
    new = Fixed("new", ["b", "a", "a", "b"])
    theme = compare_models(old, new, rows(gold)).heads[0]
    assert [(one.id, one.right, one.old, one.new) for one in theme.changes] == [
        ("r1", "a", "a", "b"),
        ("r2", "a", "b", "a"),
        ("r3", "b", "c", "a"),
    ]
    f1 = {one.label: (one.n, round(one.old_f1, 3), round(one.new_f1, 3)) for one in theme.labels}
    assert f1 == {"a": (2, 0.667, 0.5), "b": (2, 0.5, 0.5), "c": (0, 0.0, 0.0)}
    assert (theme.old_ece, theme.new_ece) == (pytest.approx(0.3), pytest.approx(0.3))


def test_other_taxonomies_are_compared_by_label():
    gold = ["a", "x"]
    old = Fixed("old", ["a", "b"])
    new = Fixed("new", ["a", "x"], labels=("x", "a"), stances=())
    found = compare_models(old, new, rows(gold))
    assert [head.head for head in found.heads] == ["theme"]
    assert (found.heads[0].old_accuracy, found.heads[0].new_accuracy) == (0.5, 1.0)


def test_forms():
    gold = ["a", "b"]
    found = compare_models(Fixed("old", ["b", "b"]), Fixed("new", gold), rows(gold))
    text = to_markdown(found)
    assert text.startswith("# new is not told apart from old\n")
    assert "| gained | a | b 0.80 | a 0.80 | 第1段\\|文字 |" in text
    assert json.loads(to_json(found))["heads"][0]["gained"] == 1


def test_report_in_chinese(chinese):
    gold = ["a", "b"] * 20
    old = Fixed("旧", ["b" if at < 20 else label for at, label in enumerate(gold)])
    found = compare_models(old, Fixed("新", gold), rows(gold))
    lines = to_markdown(found).splitlines()
    assert lines[0] == "# 新 优于 旧"
    assert lines[2].startswith("40 个段落。方括号内为 95% 配对自助法区间。速度（各运行一遍）：旧模型每秒 ")
    headings = [line for line in lines if line.startswith("##")]
    assert headings == [
        "## 主题（40 个段落）：更好",
        "### F1 有变化的标签",
        "### 标签有变化的段落（10 个）",
        "## 立场（40 个段落）：没有显著差异",
    ]
    assert "|  | 旧模型 | 新模型 | 变化 |" in lines
    assert "| 只有一个模型判对的段数 | 0 | 10 | McNemar p = 0.002 |" in lines
    assert "| 改对 | a | b 0.80 | a 0.80 | 第1段\\|文字 |" in lines
    assert set(re.findall("[A-Za-z]+", "\n".join(lines))) <= {"a", "b", "F", "McNemar", "p"}
    assert json.loads(to_json(found))["verdict"] == "better"


def test_worse_and_undecided_in_chinese(chinese):
    gold = ["a", "b"] * 20
    good, bad = Fixed("好", gold), Fixed("差", ["b" if at < 20 else label for at, label in enumerate(gold)])
    assert to_markdown(compare_models(good, bad, rows(gold))).startswith("# 差 不如 好\n")
    assert to_markdown(compare_models(good, good, rows(gold))).startswith("# 好 与 好 没有显著差异\n")


def test_no_rows():
    with pytest.raises(ConfigError, match="no labelled paragraphs"):
        compare_models(Fixed("old", []), Fixed("new", []), [])
