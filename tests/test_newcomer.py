"""The way of a newcomer with a sheet of their own, as docs and README tell it: every step is a command."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.data.taxonomy import load_taxonomy
from policylens.infer.cli import app

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
TAXONOMY = SAMPLES / "water.yaml"
# Lines of the imported water_labels.xlsx that have a wrong theme on purpose; and pairs of which one is the
# text of the other with another theme.
WRONG = (27, 32, 67, 92, 101, 117, 155, 198)
COPIES = ((69, 149), (113, 115))

pytestmark = pytest.mark.slow


def run(*arguments: object) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.stderr
    return result.stdout, result.stderr


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two sheets imported."""
    place = tmp_path_factory.mktemp("newcomer")
    for sheet, name, n_rows in (("water_labels", "rows", 200), ("water_test", "test", 80)):
        _, said = run(
            *("labels", "import", SAMPLES / f"{sheet}.xlsx", "--taxonomy", TAXONOMY),
            *("-o", place / f"{name}.jsonl"),
        )
        assert f"{n_rows} rows, 5 themes, 3 stances" in said
    return place


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    """The model of the 200 rows, trained by a command in a process of its own: imports count, too."""
    out = folder / "my-model"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "policylens.infer", "train", "--mode", "linear"),
            *("--data", str(folder / "rows.jsonl"), "--taxonomy", str(TAXONOMY), "-o", str(out)),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "on documents left out in turn (200 paragraphs)" in done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, not that of the clock: other work on the machine must not fail the test.
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 60
    return out


def test_names_in_the_sheet_become_ids(folder: Path) -> None:
    rows, taxonomy = lines_of(folder / "rows.jsonl"), load_taxonomy(TAXONOMY)
    assert {row["theme"] for row in rows} == set(taxonomy.theme_ids)
    assert {row["stance"] for row in rows} == set(taxonomy.stance_ids)
    assert len({row["doc"] for row in rows}) == 25


def test_the_audit_finds_what_is_wrong(folder: Path) -> None:
    fix = folder / "fix.jsonl"
    told, _ = run(
        *("labels", "audit", folder / "rows.jsonl", "--dev", folder / "test.jsonl"),
        *("--taxonomy", TAXONOMY, "--fix", fix),
    )
    found = lines_of(fix)
    assert {row["line"] for row in found if row["kind"] == "conflict"} == {
        at for pair in COPIES for at in pair
    }
    assert "copies of one text with different labels" in told
    doubted = [row["line"] for row in found if row["kind"] == "suspect" and row["head"] == "theme"]
    # Of eight wrong labels at least six, among the first 15 % of the 280 rows.
    assert len(set(WRONG) & set(doubted)) >= 6


def test_the_model_is_better_than_definitions_alone(folder: Path, model: Path) -> None:
    run("train", "--mode", "prototypes", "--taxonomy", TAXONOMY, "-o", folder / "model-0")
    run(
        *("compare", folder / "model-0", model, "--data", folder / "test.jsonl"),
        *("-o", folder / "comparison.json"),
    )
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    theme = next(head for head in comparison["heads"] if head["head"] == "theme")
    assert comparison["verdict"] == "better"
    assert theme["accuracy_gain"]["low"] > 0.1
    assert theme["new_accuracy"] > 0.85


def test_it_classifies_news(folder: Path, model: Path) -> None:
    news = folder / "news.txt"
    news.write_text(
        "自3月1日起，居民用水第一档由每吨2.1元调整为2.4元。\n\n"
        "受台风影响，全县转移群众1.2万人，三座水库提前泄洪。\n",
        encoding="utf-8",
    )
    told, _ = run("classify", news, "--model", model)
    tags = [json.loads(line) for line in told.splitlines()]
    assert [tag["theme"] for tag in tags] == ["tariffs", "floods"]
    assert [tag["stance"] for tag in tags] == ["describe", "describe"]
