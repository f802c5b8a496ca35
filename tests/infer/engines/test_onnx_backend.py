from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.infer.engines import backends
from policylens.infer.engines.backends import OnnxBackend, OpenVinoBackend, suitable_backend
from policylens.models.bundle import open_bundle
from policylens.models.encode import Encoding
from policylens.models.export import write_export

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

Rows = Callable[[int], list[LabelledParagraph]]


def some_batches(n_batches: int) -> list[list[Encoding]]:
    """Batches of one to three windows of different lengths."""
    chance = np.random.default_rng(0)
    made = []
    for size in chance.integers(1, 4, n_batches):
        lengths = chance.integers(3, 40, size)
        made.append([Encoding(chance.integers(4, 60, n).tolist(), [1] * int(n)) for n in lengths])
    return made


def themes(backend: OnnxBackend, batches: Sequence[Sequence[Encoding]]) -> list[np.ndarray]:
    return [np.asarray(logits["theme"]) for logits in backend.run(batches)]


def test_int8_gives_the_labels_of_openvino(tiny_model: Path, tiny_rows: Rows) -> None:
    bundle, rows = open_bundle(tiny_model), [row.paragraph for row in tiny_rows(40)]
    ours, theirs = OnnxBackend(bundle), OpenVinoBackend(bundle)
    assert ours.precision == theirs.precision == "int8"
    found = [
        [(item.theme, item.stance) for item in Classifier(bundle, b).classify(rows)] for b in (ours, theirs)
    ]
    assert found[0] == found[1]


def test_streams_keep_the_order_of_the_batches(tiny_model: Path) -> None:
    bundle, batches = open_bundle(tiny_model), some_batches(30)
    alone = [themes(OnnxBackend(bundle, threads=1), [batch])[0] for batch in batches[:6]]
    together = themes(OnnxBackend(bundle, threads=4), batches)
    assert len(together) == 30
    for one, other in zip(alone, together[:6], strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_more_batches_are_taken_than_can_be_under_way(tiny_model: Path) -> None:
    taken = 0

    def source() -> Iterator[list[Encoding]]:
        nonlocal taken
        for batch in some_batches(50):
            taken += 1
            yield batch

    next(iter(OnnxBackend(open_bundle(tiny_model), threads=2).run(source())))
    assert taken <= 4


def test_the_graph_outlives_what_it_was_built_from(tiny_model: Path, tmp_path: Path) -> None:
    bundle, batches = open_bundle(tiny_model), some_batches(3)
    write_export(bundle, tmp_path / "out", backend="onnx", precision="int8")
    built = OnnxBackend(bundle)
    # The session reads the weights where the builder left them: they must not be freed and written over.
    gc.collect()
    filler = [np.full((64, 64), 1e9, np.float32) for _ in range(500)]
    saved = OnnxBackend(open_bundle(tmp_path / "out"))
    for one, other in zip(themes(built, batches), themes(saved, batches), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(filler) == 500


@pytest.mark.parametrize(
    ("has_int8", "installed", "expected"),
    [(False, True, "onnx"), (False, False, "openvino"), (True, True, "openvino")],
)
def test_the_runtime_follows_the_cpu(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, has_int8: bool, installed: bool, expected: str
) -> None:
    monkeypatch.setattr(backends, "multiplies_int8", lambda: has_int8)
    monkeypatch.setattr(backends, "find_spec", lambda name: object() if installed else None)
    assert suitable_backend(open_bundle(tiny_model), "cpu") == expected
    assert suitable_backend(open_bundle(tiny_model), "cuda") == "torch"
