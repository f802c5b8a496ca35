from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from policylens.data.errors import ConfigError
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.abstention import abstention_for
from policylens.infer.classify import Classifier
from policylens.infer.digest import summarize
from policylens.infer.reports.report import render_markdown
from policylens.infer.reports.report_json import digest_as_json
from policylens.infer.streams.rows import row_of, tags_of
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.config import ModelConfig, Promise, save_config

TAXONOMY = Taxonomy(
    "demo",
    "1",
    themes=(Label("green", "绿色"), Label("rural", "农业")),
    stances=(Label("for", "赞成"), Label("against", "反对")),
)
PROMISES = {
    "theme": (Promise(0.8, 0.0, 1.0), Promise(0.95, 0.72, 0.6)),
    "stance": (Promise(0.9, 0.5, 0.9), Promise(0.96, 0.8, 0.7)),
}
BUNDLE = Bundle(Path("models/demo"), ModelConfig(base="b", abstention=PROMISES), TAXONOMY)
TEXT = "推进绿色低碳转型，严控新增产能，年内淘汰落后产能五十万吨。"


def tagged(theme_score: float, stance_score: float) -> TaggedParagraph:
    themes = (LabelScore("green", theme_score), LabelScore("rural", 1 - theme_score))
    paragraph = Paragraph("文件", 1, "body", TEXT)
    return TaggedParagraph(paragraph, "green", theme_score, ("rural",), "for", stance_score, themes)


def test_sure_labels_stay() -> None:
    kept = abstention_for(BUNDLE, 0.95).hold_back(tagged(0.72, 0.8))
    assert kept == replace(tagged(0.72, 0.8), abstained="", stance_abstained="")


def test_uncertain_theme_is_held_back_with_its_secondary_themes() -> None:
    kept = abstention_for(BUNDLE, 0.95).hold_back(tagged(0.61, 0.9))
    assert kept.abstained == "theme probability 0.61 below 0.72, which keeps 95 % right"
    assert (kept.theme, kept.also, kept.theme_score) == ("", (), 0.61)
    assert kept.themes == tagged(0.61, 0.9).themes
    assert (kept.stance, kept.stance_abstained) == ("for", "")


def test_stance_has_a_threshold_of_its_own() -> None:
    kept = abstention_for(BUNDLE, 0.95).hold_back(tagged(0.9, 0.7957))
    assert (kept.theme, kept.abstained) == ("green", "")
    assert (kept.stance, kept.stance_score) == ("", 0.7957)
    # Two decimals would say "0.80 below 0.80".
    assert kept.stance_abstained == "stance probability 0.796 below 0.800, which keeps 95 % right"


def test_precision_that_is_not_promised_holds_all_back(caplog: pytest.LogCaptureFixture) -> None:
    abstention = abstention_for(BUNDLE, 0.955)
    kept = abstention.hold_back(tagged(1.0, 0.9))
    assert kept.abstained == "no theme probability keeps 95.5 % right; at most 95 %"
    assert (kept.theme, kept.stance) == ("", "for")
    assert caplog.messages == [
        "demo can promise at most 95 % of its themes to be right, not 95.5 %: every theme is left out"
    ]


@pytest.mark.parametrize("precision", [0.5, 1.0, 0.0, -1.0, 95.0, float("nan")])
def test_precision_out_of_range_is_refused(precision: float) -> None:
    with pytest.raises(ConfigError, match=r"expected a share between 0\.5 and 1, e\.g\. 0\.95"):
        abstention_for(BUNDLE, precision)


def test_folder_without_promises_names_the_command() -> None:
    bundle = replace(BUNDLE, config=ModelConfig(base="b"))
    with pytest.raises(
        ConfigError, match=r"policylens calibrate --model models/demo --data .*train it again"
    ):
        abstention_for(bundle, 0.95)


def test_task_without_stances_needs_no_promise_for_them() -> None:
    config = ModelConfig(base="b", abstention={"theme": PROMISES["theme"]})
    abstention = abstention_for(Bundle(Path("m"), config, replace(TAXONOMY, stances=())), 0.95)
    assert abstention.stance is None
    kept = abstention.hold_back(replace(tagged(0.9, 0.0), stance=""))
    assert (kept.abstained, kept.stance_abstained) == ("", "")


def test_row_of_a_held_back_paragraph() -> None:
    row = row_of(abstention_for(BUNDLE, 0.95).hold_back(tagged(0.61, 0.6)))
    assert {name: row[name] for name in ("theme", "theme_score", "also", "stance", "stance_score")} == {
        "theme": None,
        "theme_score": 0.61,
        "also": [],
        "stance": None,
        "stance_score": 0.6,
    }
    assert row["abstained"] == "theme probability 0.61 below 0.72, which keeps 95 % right"
    assert row["stance_abstained"] == "stance probability 0.60 below 0.80, which keeps 95 % right"
    assert [item["theme"] for item in row["themes"]] == ["green", "rural"]


def test_row_with_kept_labels_says_so_only_where_it_was_asked() -> None:
    asked = row_of(abstention_for(BUNDLE, 0.95).hold_back(tagged(0.9, 0.9)))
    assert (asked["abstained"], asked["stance_abstained"]) == (None, None)
    plain = row_of(tagged(0.9, 0.9))
    assert "abstained" not in plain
    assert plain == {name: value for name, value in asked.items() if "abstained" not in name}


def read_back(item: TaggedParagraph) -> TaggedParagraph | None:
    row = row_of(item)
    fields = {name: row[name] for name in row if name not in ("doc", "para", "id", "kind", "text")}
    return tags_of(replace(item.paragraph, extra=fields), taxonomy=TAXONOMY)


@pytest.mark.parametrize(("theme", "stance"), [(0.61, 0.9), (0.9, 0.6), (0.61, 0.6), (0.9, 0.9)])
def test_what_was_held_back_is_not_tagged_again(theme: float, stance: float) -> None:
    item = abstention_for(BUNDLE, 0.95).hold_back(tagged(theme, stance))
    again = read_back(item)
    assert again is not None
    for name in ("theme", "also", "stance", "theme_score", "stance_score"):
        assert getattr(again, name) == getattr(item, name), name
    assert again.abstained == (item.abstained or None)
    assert again.stance_abstained == (item.stance_abstained or None)


def test_a_field_of_the_same_name_that_is_no_reason_counts_for_nothing() -> None:
    paragraph = Paragraph("d", 1, "body", TEXT, extra={"abstained": True})
    assert tags_of(paragraph, taxonomy=TAXONOMY) is None


def test_reason_of_the_input_does_not_pass_for_ours() -> None:
    item = replace(tagged(0.9, 0.9), paragraph=Paragraph("d", 1, "body", TEXT, extra={"abstained": "old"}))
    row = row_of(item)
    assert (row["input_abstained"], "abstained" in row) == ("old", False)


def test_digest_counts_what_it_leaves_out() -> None:
    abstention = abstention_for(BUNDLE, 0.95)
    other = "支持农民种植粮食，发展乡村产业，今年改善道路三百公里。"
    items = [
        abstention.hold_back(tagged(0.9, 0.6)),
        replace(abstention.hold_back(tagged(0.6, 0.9)), paragraph=Paragraph("文件", 2, "body", other)),
    ]
    digest = summarize(items, taxonomy=TAXONOMY)
    assert [(theme.theme, theme.paragraphs, dict(theme.stances)) for theme in digest.themes] == [
        ("green", 1, {})
    ]
    assert (digest.paragraphs, digest.abstained) == (2, 1)
    assert not any("农民" in sentence.text for sentence in digest.themes[0].sentences)
    assert "1 份文件，2 个段落，1 个主题；1 个段落主题把握不足，未列入。" in render_markdown(
        digest, taxonomy=TAXONOMY
    )
    assert digest_as_json(digest, taxonomy=TAXONOMY)["abstained"] == 1


def test_classifier_holds_back_what_its_folder_says(tiny_model: Path, tmp_path: Path, tiny_rows) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "m"))
    paragraphs = [row.paragraph for row in tiny_rows(30)]
    plain = list(Classifier.load(folder, device="cpu").classify(paragraphs))
    scores = sorted(item.theme_score for item in plain)
    # Between two scores, so that both sides of the threshold occur.
    limit = (scores[14] + scores[15]) / 2
    promises = {"theme": (Promise(0.95, limit, 0.5),), "stance": (Promise(0.95, 0.0, 1.0),)}
    save_config(replace(open_bundle(folder).config, abstention=promises), folder)
    found = list(Classifier.load(folder, device="cpu", min_precision=0.95).classify(paragraphs))
    assert [bool(item.abstained) for item in found] == [item.theme_score < limit for item in plain]
    assert [item.theme for item in found] == [
        "" if item.abstained else old.theme for item, old in zip(found, plain, strict=True)
    ]
    assert [item.stance for item in found] == [item.stance for item in plain]
    again = list(Classifier.load(folder, device="cpu").classify(paragraphs))
    assert again == plain, "without the option nothing changes"
