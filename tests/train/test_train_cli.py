from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.data.labels import LabelledParagraph
from policylens.infer.cli import app
from policylens.models.bundle import open_bundle
from policylens.train import fit
from policylens.train.config import TrainConfig

Rows = Callable[[int], list[LabelledParagraph]]


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write(path: Path, rows: list[LabelledParagraph], **names: str) -> Path:
    """Rows as JSON lines; `names` maps record fields to what they are called in the file."""
    lines = []
    for row in rows:
        values = {
            "text": row.paragraph.text,
            "doc": row.paragraph.doc,
            "title": row.paragraph.title,
            "source": row.paragraph.extra.get("source"),
            "theme": row.theme,
            "stance": row.stance,
        }
        wanted = names or {name: name for name in values}
        lines.append(json.dumps({wanted[name]: values[name] for name in wanted}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def settings(tmp_path: Path, tiny_base: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(
        f"base = {json.dumps(str(tiny_base))}\nbatch_size = 16\nencoder_lr = 3e-3\nhead_lr = 1e-2\n"
        "max_tokens = 64\nholdout_share = 0.1\n",
        encoding="utf-8",
    )
    return path


def test_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, policylens.train.cli\n"
        "print(sorted({'torch', 'transformers', 'sklearn', 'openvino', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_train_then_evaluate_give_the_same_number(tmp_path: Path, settings: Path, tiny_rows: Rows) -> None:
    rows = tiny_rows(240)
    data, dev = write(tmp_path / "train.jsonl", rows[:200]), write(tmp_path / "dev.jsonl", rows[200:])
    model = tmp_path / "model"
    code, out, err = run(
        "train", "--data", data, "--dev", dev, "--output", model, "--config", settings, "--epochs", 6
    )
    assert code == 0, err
    assert "the taxonomy is what the data holds: 3 themes (green, rural, talent)" not in err
    assert out.startswith("theme   accuracy ")
    assert "step " in err
    assert " left" in err
    assert f"wrote {model}" in err
    metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
    assert [head["head"] for head in metrics["heads"]] == ["theme", "stance"]
    code, out, err = run(
        "evaluate", "--data", dev, "--model", model, "--train", data, "--backend", "torch", "--format", "json"
    )
    assert code == 0, err
    again = json.loads(out)
    for before, after in zip(metrics["heads"], again["heads"], strict=True):
        assert before["accuracy"] == after["accuracy"]
        assert after["baseline"]["accuracy"]["value"] == 1.0
    report = tmp_path / "report.md"
    assert run("evaluate", "--data", dev, "--model", model, "--backend", "torch", "-o", report)[0] == 0
    assert report.read_text(encoding="utf-8").startswith("# model: 40 paragraphs\n")


def test_labels_and_fields_of_another_task(tmp_path: Path, settings: Path, tiny_rows: Rows) -> None:
    rows = tiny_rows(60)
    data = write(tmp_path / "cases.jsonl", rows, text="text", stance="label", title="target")
    model = tmp_path / "model"
    fields = ("--theme-field", "label", "--context-field", "target")
    code, _, err = run("train", "--data", data, "-o", model, "--config", settings, "--epochs", 1, *fields)
    assert code == 0, err
    assert "no row has a label in the field 'stance': training themes only" in err
    assert "2 themes (restrict, support) and 0 stances (none)" in err
    bundle = open_bundle(model)
    assert bundle.config.context.title_chars == 160
    taxonomy = bundle.taxonomy
    assert (taxonomy.name, taxonomy.theme_ids, taxonomy.stance_ids) == ("cases", ("restrict", "support"), ())
    code, out, err = run("evaluate", "--data", data, "--model", model, "--backend", "torch", *fields)
    assert code == 0, err
    assert "## Themes (60 paragraphs)" in out
    assert "## Stances" not in out


def test_shipped_taxonomy_without_stances(tmp_path: Path, settings: Path, tiny_rows: Rows) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(48), text="text", theme="theme")
    code, _, err = run("train", "--data", data, "-o", tmp_path / "m", "--config", settings, "--epochs", 1)
    assert code == 0, err
    taxonomy = open_bundle(tmp_path / "m").taxonomy
    assert (taxonomy.name, len(taxonomy.themes), taxonomy.stances) == ("policy-zh", 22, ())


def test_folder_with_files_is_left_alone(tmp_path: Path, tiny_rows: Rows) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(24))
    code, _, err = run("train", "--data", data, "-o", tmp_path)
    assert code == 2
    assert (
        err
        == f"error: {tmp_path} is not empty; --resume goes on with it, --overwrite replaces the model in it\n"
    )


def test_finished_model_is_not_resumed(tmp_path: Path, tiny_rows: Rows) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(24))
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "policylens.json").write_text("{}")
    code, _, err = run("train", "--data", data, "-o", tmp_path / "m", "--resume")
    assert code == 2
    assert "holds a finished model, nothing to resume" in err


def test_wrong_theme_field_lists_the_fields(tmp_path: Path, settings: Path, tiny_rows: Rows) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(24), text="text", theme="topic")
    code, _, err = run("train", "--data", data, "-o", tmp_path / "m", "--config", settings)
    assert code == 1
    assert "no label in the field 'theme'; other fields of the row: topic" in err


def test_one_field_for_both_labels_is_refused(tmp_path: Path) -> None:
    code, _, err = run("train", "--data", "x.jsonl", "-o", tmp_path / "m", "--theme-field", "stance")
    assert code == 2
    assert err == "error: theme and stance are both read from 'stance'; add --stance-field none\n"


def test_interrupt_tells_how_to_go_on(
    tmp_path: Path, settings: Path, tiny_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(48))

    def interrupted(rows: object, output: Path, **options: object) -> None:
        (output / "checkpoints" / "checkpoint-3").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "train_model", interrupted)
    code, _, err = run("train", "--data", data, "-o", tmp_path / "m", "--config", settings)
    assert code == 130
    assert f"the same command with --resume goes on from the checkpoint in {tmp_path / 'm'}" in err


def test_options_left_out_leave_the_settings_alone(
    tmp_path: Path, tiny_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(48))
    seen: list[TrainConfig] = []

    def stop(rows: object, output: Path, *, config: TrainConfig, **options: object) -> None:
        seen.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "train_model", stop)
    run("train", "--data", data, "-o", tmp_path / "m", "--seed", 4, "--head-lr", 0.5)
    assert seen == [TrainConfig(seed=4, head_lr=0.5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [(("-o", "x.txt"), "ends in .md or .json"), (("-o", "x.md", "--format", "json"), "ends in .json")],
)
def test_output_name_without_a_format_is_refused(options: tuple[str, ...], message: str) -> None:
    code, _, err = run("evaluate", "--data", "rows.jsonl", *options)
    assert code == 2
    assert message in err


def test_calibrate_then_hold_back_then_report(tmp_path: Path, tiny_model: Path, tiny_rows: Rows) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "m"))
    data = write(tmp_path / "held_out.jsonl", tiny_rows(120))
    config = json.loads((model / "policylens.json").read_text())
    config["abstention"] = {}
    (model / "policylens.json").write_text(json.dumps(config))
    code, _, err = run("classify", data, "--model", model, "--device", "cpu", "--min-precision", 0.9)
    assert code == 2
    assert f"policylens calibrate --model {model} --data held_out.jsonl" in err
    code, out, err = run("calibrate", "--model", model, "--data", data, "--device", "cpu")
    assert code == 0, err
    assert "theme: temperature " in out
    assert "  precision 0.90 keeps 100.0%, from a probability of 0.000 on" in out
    assert out.splitlines()[-1].startswith("secondary themes: from a probability of ")
    code, out, err = run("classify", data, "--model", model, "--device", "cpu", "--min-precision", 0.9)
    assert code == 0, err
    records = [json.loads(line) for line in out.splitlines()]
    assert {record["abstained"] for record in records} == {None}
    page = tmp_path / "out.html"
    code, out, err = run("evaluate", "--model", model, "--data", data, "--device", "cpu", "--report", page)
    assert code == 0, err
    assert "| 0.90 | 0.000 | 1.000 | " in out
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    code, _, err = run("calibrate", "--model", model, "--data", write(tmp_path / "few.jsonl", tiny_rows(12)))
    assert code == 2
    assert "12 labelled paragraphs are too few to calibrate on" in err


@pytest.mark.parametrize("command", ["evaluate", "calibrate", "compare", "classify"])
def test_every_runtime_is_offered(command: str) -> None:
    _, out, _ = run(command, "--help")
    assert re.search(r"--backend [<\[]openvino\|onnx\|torch[>\]]", out)


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.pdf", "expected a name that ends in .html"), ("nowhere/out.html", "there is no folder")],
)
def test_report_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str, message: str) -> None:
    code, _, err = run("evaluate", "--data", "missing.jsonl", "--report", tmp_path / name)
    assert code == 2
    assert message in err


def test_a_student_is_taught_on_labelled_and_unlabelled_files(
    tmp_path: Path, tiny_rows: Rows, tiny_model: Path, settings: Path
) -> None:
    settings.write_text(settings.read_text().replace("base = ", "# base = "))
    data, more = write(tmp_path / "rows.jsonl", tiny_rows(64)), tmp_path / "more.jsonl"
    write(more, tiny_rows(96), text="text", title="title")
    student = tmp_path / "student"
    taught = ("--teacher", tiny_model, "--layers", 1, "--unlabelled", more)
    code, _, err = run("train", "--data", data, "-o", student, "--config", settings, "--epochs", 1, *taught)
    assert code == 0, err
    assert open_bundle(student).encoder_config["num_hidden_layers"] == 1
    assert "layers = 1\n" in (student / "training.toml").read_text()


def test_unlabelled_paragraphs_are_for_a_teacher(tmp_path: Path, tiny_rows: Rows) -> None:
    data = write(tmp_path / "rows.jsonl", tiny_rows(64))
    common = ("train", "--data", data, "-o", tmp_path / "m", "--unlabelled", data)
    code, _, err = run(*common, "--mode", "linear")
    assert (code, "--mode linear has no teacher" in err) == (2, True)
    code, _, err = run(*common)
    assert (code, "without a teacher; name one" in err) == (2, True)
