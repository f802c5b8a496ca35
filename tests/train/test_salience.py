import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from policylens.data.errors import InputError
from policylens.infer.cli import app
from policylens.infer.digests.salience import Salience
from policylens.infer.digests.set_features import feature_names
from policylens.models.salience import HEAD_FILE, HeadConfig
from policylens.train.salience import fit_head, make_example, read_reference_sets

GREEN = "加快建设绿色工厂三十多个，支持农民种植粮食。"
OTHER = "鼓励高校培养人才专家团队。"


def write(path, *, sets=12):
    rows = [
        {
            "theme": "green",
            "max_chars": 40,
            "paragraphs": [
                {"doc": "a", "para": 1, "text": (GREEN, OTHER)[at % 2]},
                {"doc": "b", "para": 2, "text": (OTHER, GREEN)[at % 2]},
            ],
            "references": ["加快建设绿色工厂三十多个。"],
        }
        for at in range(sets)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def examples(path):
    from policylens.infer.engines.clause_vectors import clause_spans

    sets = read_reference_sets(path)
    generator = np.random.default_rng(0)
    return [
        make_example(
            one,
            [
                generator.normal(size=(len(clause_spans(t.paragraph.text)), 4)).astype(np.float16)
                for t in one.tagged
            ],
        )
        for one in sets
    ]


def test_clauses_are_aligned_with_the_reference(tmp_path):
    first = examples(write(tmp_path / "sets.jsonl"))[0]
    np.testing.assert_allclose(first.used, [1.0, 0.0, 0.0])
    np.testing.assert_allclose(first.weight * 15, [11, 7, 11])


def test_the_head_learns_what_is_kept_and_is_the_same_each_time(tmp_path):
    data = examples(write(tmp_path / "sets.jsonl"))
    config = HeadConfig(feature_names(), encoder="", data="", sets=len(data), version="")
    head = fit_head(data, config, seed=1, copies=2, epochs=20)
    again = fit_head(data, config, seed=1, copies=2, epochs=20)
    matrix = data[1].matrix
    kept = head.predict(matrix.features, matrix.clauses, matrix.paragraphs)
    np.testing.assert_array_equal(kept, again.predict(matrix.features, matrix.clauses, matrix.paragraphs))
    # Its numpy form is that of the network without dropout: the kept clause stands out by far.
    assert kept.argmax() == data[1].used.argmax()
    assert kept.max() > 0.7
    assert np.sort(kept)[-2] < 0.4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "expected theme"),
        ('{"theme": "green", "paragraphs": []}', "references"),
        ('{"theme": "green", "paragraphs": [], "references": ["a"]}', "no paragraphs"),
        ("", "no rows"),
    ],
)
def test_rows_that_cannot_be_used_are_errors(tmp_path, line, message):
    path = tmp_path / "sets.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_reference_sets(path)


def test_the_command_adds_a_head_that_digests_then_use(tmp_path, tiny_model):
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    data = write(tmp_path / "sets.jsonl")
    result = CliRunner().invoke(app, ["train-salience", "--data", str(data), "--model", str(model)])
    assert result.exit_code == 0, result.output
    assert "fitted on 12 sets" in result.output
    first = (model / HEAD_FILE).read_bytes()
    salience = Salience.open(model)
    assert salience is not None
    assert salience.head.config.sets == 12
    CliRunner().invoke(app, ["train-salience", "--data", str(data), "--model", str(model)])
    assert (model / HEAD_FILE).read_bytes() == first
