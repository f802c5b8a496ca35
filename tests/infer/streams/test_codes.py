from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from policylens.data.crosswalk import load_crosswalk
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer import pipeline
from policylens.infer.classify import Classifier, LabelProbabilities
from policylens.infer.cli import app
from policylens.infer.streams.codes import with_codes
from policylens.infer.streams.rows import row_of
from policylens.models.config import ModelConfig

GREEN = "推进绿色低碳发展，建设美丽城市。"


def test_codes_stand_before_what_the_input_carries(keyword_classifier) -> None:
    paragraphs = [Paragraph("d", 1, "body", GREEN, extra={"cap": "theirs", "note": 1})]
    tag = with_codes(lambda found: pipeline.tag(found, keyword_classifier), load_crosswalk("cap"))
    [item] = tag(paragraphs)
    row = row_of(item)
    assert list(row)[-4:] == ["cap", "cap_name", "note", "input_cap"]
    assert (row["cap"], row["cap_name"], row["input_cap"]) == (7, "Environment", "theirs")


def test_a_theme_that_was_held_back_has_no_code() -> None:
    held_back = TaggedParagraph(Paragraph("d", 1, "body", "x"), "", 0.4, abstained="too low")
    [item] = with_codes(lambda _: iter([held_back]), load_crosswalk("cap"))([])
    assert item.codes == {"cap": None, "cap_name": None}


def test_other_kinds_pass(keyword_classifier) -> None:
    heading = Paragraph("d", 1, "heading", "一、总体要求")
    tag = with_codes(lambda found: iter(found), load_crosswalk("cap"))
    assert list(tag([heading])) == [heading]


def test_parents_are_written_only_where_there_are_some() -> None:
    par = Paragraph("d", 1, "body", "x", extra={"parents": "theirs"})
    plain = TaggedParagraph(par, "a", 0.9)
    assert "parents" not in row_of(plain)
    assert row_of(plain)["input_parents"] == "theirs"
    with_parents = TaggedParagraph(par, "a/b", 0.9, parents=(LabelScore("a", 0.95),))
    assert row_of(with_parents)["parents"] == [{"theme": "a", "score": 0.95}]


def test_a_parent_is_as_probable_as_its_themes_together() -> None:
    ids = ("industry/steel", "water", "industry/silk", "industry")
    classifier = object.__new__(Classifier)
    classifier.bundle = SimpleNamespace(
        taxonomy=Taxonomy("own", "1", tuple(Label(item, item) for item in ids)),
        config=ModelConfig(base="x"),
    )
    classifier.abstention = None
    probabilities = LabelProbabilities(
        np.array([0.3, 0.4, 0.2, 0.1], np.float32), np.zeros(4, np.float32), np.zeros(0, np.float32)
    )
    tagged = classifier._tag(Paragraph("d", 1, "body", "x"), probabilities, top=3)
    # The likeliest theme is not under the likeliest parent, and both are told.
    assert tagged.theme == "water"
    [parent] = tagged.parents
    assert parent.label == "industry"
    assert parent.score == pytest.approx(0.6)


def test_from_the_command_line(loads, tmp_path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": GREEN}) + "\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["classify", str(source), "--crosswalk", "cap"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["cap_name"] == "Environment"
    unknown = CliRunner().invoke(app, ["classify", str(source), "--crosswalk", "nace"])
    assert unknown.exit_code == 2
    assert "no crosswalk 'nace'; shipped: cap" in unknown.stderr
