from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.data.errors import ConfigError, ModelFileError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.infer.cli import app
from policylens.infer.engines.backends import OnnxBackend, OpenVinoBackend, open_backend
from policylens.models.bundle import EXPORT_FILE, WEIGHTS_FILE, open_bundle
from policylens.models.export import load_export, write_export
from policylens.train import gate
from policylens.train.gate import GateReport, HeadLoss, export_model

Rows = Callable[[int], list[LabelledParagraph]]


def labels(classifier: Classifier, rows: list[LabelledParagraph]) -> list[tuple[str, str, float]]:
    tagged = classifier.classify([row.paragraph for row in rows])
    return [(item.theme, item.stance, round(item.theme_score, 3)) for item in tagged]


@pytest.mark.parametrize(
    ("backend", "precision"), [("openvino", "int8"), ("openvino", "fp32"), ("onnx", "fp32")]
)
def test_an_export_gives_what_its_model_gives(
    backend: str, precision: str, tiny_model: Path, tiny_rows: Rows, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime" if backend == "onnx" else "openvino")
    bundle, rows = open_bundle(tiny_model), tiny_rows(24)
    write_export(bundle, tmp_path / "out", backend=backend, precision=precision)
    exported = Classifier.load(tmp_path / "out")
    source = Classifier(bundle, OpenVinoBackend(bundle, precision=precision))
    assert (exported.backend.name, exported.backend.precision) == (backend, precision)
    assert not (tmp_path / "out" / WEIGHTS_FILE).exists()
    for ours, theirs in zip(labels(exported, rows), labels(source, rows), strict=True):
        assert ours[:2] == theirs[:2]
        assert ours[2] == pytest.approx(theirs[2], abs=0.002)


def test_int8_of_onnx_gives_the_labels_of_float(tiny_model: Path, tiny_rows: Rows, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    report = export_model(
        open_bundle(tiny_model), tmp_path / "out", tiny_rows(60), backend="onnx", precision="int8"
    )
    assert [(head.head, head.n) for head in report.heads] == [("theme", 60), ("stance", 60)]
    assert [head.agreement for head in report.heads] == [1.0, 1.0]


def test_an_export_can_give_token_vectors(tiny_model: Path, tiny_rows: Rows, tmp_path: Path) -> None:
    bundle, rows = open_bundle(tiny_model), tiny_rows(8)
    write_export(bundle, tmp_path / "out", backend="openvino", precision="fp32")
    paragraphs = [row.paragraph for row in rows]
    plain = Classifier(bundle, OpenVinoBackend(bundle, precision="fp32", states=True))
    exported = Classifier.load(tmp_path / "out", vectors=True)
    for (_, a), (_, b) in zip(
        plain.classify_with_vectors(paragraphs), exported.classify_with_vectors(paragraphs), strict=True
    ):
        assert abs(a.astype(float) - b.astype(float)).max() < 0.01


def test_the_shipped_rows_are_none_that_the_shipped_model_learned_from() -> None:
    learned_from = open_bundle(None).config.trained_on
    assert learned_from
    assert hashlib.sha256(gate.SHIPPED_ROWS.read_bytes()).hexdigest() not in learned_from.values()


def worse(*_: object, **options: object) -> GateReport:
    """A measurement in which themes lose 1.25 points."""
    heads = (HeadLoss("theme", 80, 0.975, 0.8125, 0.8), HeadLoss("stance", 80, 1.0, 0.9, 0.9))
    return GateReport(("dev.jsonl",), heads, float(options["allowed_loss"]))  # type: ignore[arg-type]


def test_an_export_that_loses_too_much_is_refused(
    tiny_model: Path, tiny_rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "measure_loss", worse)
    with pytest.raises(
        ConfigError, match=r"theme loses 1\.25 points of macro-F1 on 80 paragraphs.*0\.5.*1\.26"
    ):
        export_model(
            open_bundle(tiny_model), tmp_path / "out", tiny_rows(8), backend="openvino", precision="int8"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_was_allowed_stands_in_the_folder(
    tiny_model: Path, tiny_rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "measure_loss", worse)
    export_model(
        open_bundle(tiny_model),
        tmp_path / "out",
        tiny_rows(8),
        backend="openvino",
        precision="int8",
        allowed_loss=2.0,
    )
    record = json.loads((tmp_path / "out" / EXPORT_FILE).read_text(encoding="utf-8"))
    assert record["gate"]["allowed_loss_points"] == 2.0
    assert record["gate"]["loses_more_than_usual"] is True
    assert record["gate"]["heads"][0]["loss_points"] == 1.25
    assert (record["backend"], record["precision"], record["source"]) == ("openvino", "int8", "tiny")


def test_loss_is_of_macro_f1_over_the_rows_that_have_the_label(
    tiny_model: Path, tiny_rows: Rows, tmp_path: Path
) -> None:
    rows = tiny_rows(12)
    rows[0] = replace(rows[0], stance="")
    bundle = open_bundle(tiny_model)
    report = gate.measure_loss(bundle, bundle, rows)
    assert [(head.head, head.n) for head in report.heads] == [("theme", 12), ("stance", 11)]
    assert all(head.agreement == 1.0 and head.loss == 0.0 for head in report.heads)


@pytest.mark.parametrize(
    ("backend", "precision", "message"),
    [
        ("onnx", "bf16", "no bf16 kernels"),
        ("openvino", "int4", "expected one of"),
        ("tflite", "int8", "expected one of"),
    ],
)
def test_combinations_that_do_not_exist_are_refused(
    backend: str, precision: str, message: str, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        write_export(open_bundle(tiny_model), tmp_path / "out", backend=backend, precision=precision)


def test_an_export_is_for_its_own_runtime_only(tiny_model: Path, tmp_path: Path) -> None:
    write_export(open_bundle(tiny_model), tmp_path / "out", backend="openvino", precision="fp32")
    bundle = open_bundle(tmp_path / "out")
    with pytest.raises(ConfigError, match="without weights for torch; name the model that it was made from"):
        open_backend(bundle, backend="torch", device="cpu")
    with pytest.raises(ConfigError, match="is an export itself"):
        write_export(bundle, tmp_path / "again", backend="openvino", precision="fp32")
    pytest.importorskip("onnxruntime")
    with pytest.raises(ConfigError, match="a graph for openvino, no ONNX graph"):
        OnnxBackend(bundle)


def test_a_broken_export_says_so(tiny_model: Path, tmp_path: Path) -> None:
    write_export(open_bundle(tiny_model), tmp_path / "out", backend="openvino", precision="fp32")
    (tmp_path / "out" / "model.xml").write_text("<net", encoding="utf-8")
    with pytest.raises(ModelFileError, match="export it again"):
        Classifier.load(tmp_path / "out")
    (tmp_path / "out" / EXPORT_FILE).write_text('{"backend": "x", "precision": "int8", "source": ""}')
    with pytest.raises(ModelFileError, match="expected one of"):
        load_export(tmp_path / "out")


def test_command_writes_a_folder_that_classify_runs(
    tiny_model: Path, tiny_rows: Rows, tmp_path: Path
) -> None:
    data, rows = tmp_path / "rows.jsonl", tiny_rows(24)
    lines = [
        {"text": row.paragraph.text, "title": "行动方案", "theme": row.theme, "stance": row.stance}
        for row in rows
    ]
    data.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    run = CliRunner()
    out = tmp_path / "out"
    done = run.invoke(app, ["export", "--model", str(tiny_model), "--data", str(data), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "theme: 100.0 % of 24 labels as in float" in done.stderr
    again = run.invoke(app, ["export", "--model", str(tiny_model), "--data", str(data), "-o", str(out)])
    assert (again.exit_code, "is not empty" in again.stderr) == (2, True)
    tagged = run.invoke(app, ["-q", "classify", "--model", str(out), str(data)])
    expected = [item[0] for item in labels(Classifier.load(tiny_model, device="cpu"), rows)]
    assert [json.loads(line)["theme"] for line in tagged.stdout.splitlines()] == expected
    alone = run.invoke(app, ["export", "--model", str(tiny_model), "-o", str(tmp_path / "other")])
    assert "give labelled rows of yours with --data" in alone.stderr
