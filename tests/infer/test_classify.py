from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from policylens.data.errors import ConfigError, ModelFileError
from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.infer import classify as classify_module
from policylens.infer.classify import Classifier, batches_of_like_length
from policylens.infer.engines.backends import OpenVinoBackend, TorchBackend, open_backend, pad_batch
from policylens.models.bundle import open_bundle
from policylens.models.encode import Encoding
from policylens.models.openvino_graph import RANGES_FILE, load_ranges

Rows = Callable[[int], list[LabelledParagraph]]


def paragraphs_of(rows: Iterable[LabelledParagraph]) -> list[Paragraph]:
    return [row.paragraph for row in rows]


def theme_table(classifier: Classifier, paragraphs: Sequence[Paragraph]) -> np.ndarray:
    return np.stack([found.theme for _, found in classifier.probabilities(paragraphs)])


def encoding(n_tokens: int) -> Encoding:
    return Encoding(ids=[5] * n_tokens, types=[0] * n_tokens)


def test_float_graph_gives_the_probabilities_of_torch(tiny_model: Path, tiny_rows: Rows) -> None:
    bundle, paragraphs = open_bundle(tiny_model), paragraphs_of(tiny_rows(40))
    compiled = Classifier(bundle, OpenVinoBackend(bundle, precision="fp32"))
    plain = Classifier(bundle, TorchBackend(bundle, device="cpu"))
    for (_, ours), (_, theirs) in zip(
        compiled.probabilities(paragraphs), plain.probabilities(paragraphs), strict=True
    ):
        np.testing.assert_allclose(ours.theme, theirs.theme, atol=1e-4)
        np.testing.assert_allclose(ours.also, theirs.also, atol=1e-4)
        np.testing.assert_allclose(ours.stance, theirs.stance, atol=1e-4)


def test_int8_graph_gives_the_labels_of_torch(tiny_model: Path, tiny_rows: Rows) -> None:
    bundle, paragraphs = open_bundle(tiny_model), paragraphs_of(tiny_rows(60))
    assert load_ranges(bundle), "training measures the ranges"
    int8 = Classifier(bundle, OpenVinoBackend(bundle, precision="int8")).classify(paragraphs)
    plain = Classifier(bundle, TorchBackend(bundle, device="cpu")).classify(paragraphs)
    assert [(t.theme, t.stance) for t in int8] == [(t.theme, t.stance) for t in plain]


def test_batches_do_not_change_what_a_paragraph_gets(tiny_model: Path, tiny_rows: Rows) -> None:
    classifier = Classifier.load(tiny_model, device="cpu", backend="torch")
    paragraphs = paragraphs_of(tiny_rows(24))
    paragraphs[3] = replace(paragraphs[3], text=paragraphs[3].text * 9, title="")
    together = theme_table(classifier, paragraphs)
    alone = np.concatenate([theme_table(classifier, [paragraph]) for paragraph in paragraphs])
    backwards = theme_table(classifier, paragraphs[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(together, backwards, atol=1e-4)


def test_chunks_keep_order_and_lose_nothing(
    tiny_model: Path, tiny_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classify_module, "FIRST_CHUNK_PARAGRAPHS", 3)
    monkeypatch.setattr(classify_module, "CHUNK_PARAGRAPHS", 5)
    rows = tiny_rows(23)
    tagged = list(Classifier.load(tiny_model, device="cpu").classify(paragraphs_of(rows), batch_tokens=64))
    assert [item.paragraph for item in tagged] == paragraphs_of(rows)
    assert [item.theme for item in tagged] == [row.theme for row in rows]


def test_stream_is_read_as_it_is_tagged(tiny_model: Path, tiny_rows: Rows) -> None:
    taken = 0

    def source() -> Iterator[Paragraph]:
        nonlocal taken
        for paragraph in paragraphs_of(tiny_rows(240)):
            taken += 1
            yield paragraph

    next(iter(Classifier.load(tiny_model, device="cpu").classify(source())))
    assert taken == classify_module.FIRST_CHUNK_PARAGRAPHS


def test_end_of_a_paragraph_longer_than_the_window_counts(tiny_model: Path) -> None:
    classifier = Classifier.load(tiny_model, device="cpu", backend="torch")
    head = Paragraph("d", 1, "body", "鼓励高校培养人才。" * 12)
    both = replace(head, text=head.text + "鼓励农民种植粮食。" * 60)
    first, second = classifier.classify([head, both])
    assert (first.theme, second.theme) == ("talent", "rural")


def test_tagged_paragraph_lists_the_best_themes(tiny_model: Path, tiny_rows: Rows) -> None:
    classifier = Classifier.load(tiny_model, device="cpu", backend="torch")
    (tagged,) = classifier.classify(paragraphs_of(tiny_rows(1)), top=2)
    assert tagged.themes[0].label == tagged.theme == "green"
    assert len(tagged.themes) == 2
    assert tagged.themes[0].score == tagged.theme_score > tagged.themes[1].score
    assert 0 < tagged.stance_score <= 1
    assert tagged.theme not in tagged.also


@pytest.mark.parametrize("text", ["", "　", "𠀀𠀁", "😀", "A" * 3000])
def test_odd_texts_get_finite_scores(tiny_model: Path, text: str) -> None:
    for backend in ("openvino", "torch"):
        classifier = Classifier.load(tiny_model, device="cpu", backend=backend)
        (tagged,) = classifier.classify([Paragraph("d", 1, "body", text)])
        assert np.isfinite(tagged.theme_score)


def test_batches_hold_like_lengths_within_the_budget() -> None:
    windows = [encoding(n_tokens) for n_tokens in (10, 50, 11, 49, 12, 100)]
    batches = batches_of_like_length(windows, batch_tokens=100)
    assert batches == [[5], [1, 3], [4, 2, 0]]


def test_window_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    assert batches_of_like_length([encoding(90), encoding(80)], batch_tokens=50) == [[0], [1]]


def test_a_long_text_among_short_ones_costs_little_more_than_its_own_tokens() -> None:
    short = [encoding(60)] * 31
    mixed = [*short[:15], encoding(330), *short[15:]]

    def padded(windows: list[Encoding]) -> int:
        batches = batches_of_like_length(windows, batch_tokens=classify_module.BATCH_TOKENS)
        return sum(pad_batch([windows[at] for at in batch], pad_id=1)["input_ids"].size for batch in batches)

    # 64 and 336 tokens are 60 and 330 as they are padded; in one rectangle it would be 32 times 336.
    assert padded([*short, encoding(60)]) == 32 * 64
    assert padded(mixed) == 31 * 64 + 336
    assert padded(mixed) < 1.2 * padded([*short, encoding(60)])


def test_pad_batch() -> None:
    inputs = pad_batch([Encoding([7, 8, 9], [0, 1, 1]), Encoding([7], [0])], pad_id=4)
    assert inputs["input_ids"].shape == (2, 16)
    assert inputs["input_ids"][:, :4].tolist() == [[7, 8, 9, 4], [7, 4, 4, 4]]
    assert inputs["token_type_ids"][:, :4].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]
    assert inputs["attention_mask"].sum(axis=1).tolist() == [3, 1]
    assert pad_batch([Encoding([7, 8, 9], [0, 1, 1])], pad_id=4, pad_to=1)["input_ids"].shape == (1, 3)


def test_wrong_device_or_backend_is_named(tiny_model: Path) -> None:
    bundle = open_bundle(tiny_model)
    with pytest.raises(ConfigError, match=r"'tpu'.*auto, cpu, cuda"):
        open_backend(bundle, device="tpu")
    with pytest.raises(ConfigError, match="runs on CPUs"):
        open_backend(bundle, device="cuda", backend="openvino")


def test_int8_without_ranges_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = copy_without(tiny_model, tmp_path, RANGES_FILE)
    with pytest.raises(ConfigError, match=RANGES_FILE):
        OpenVinoBackend(open_bundle(folder), precision="int8")
    assert Classifier.load(folder, device="cpu").backend.name == "openvino"


def test_broken_ranges_are_a_model_file_error(tiny_model: Path, tmp_path: Path) -> None:
    folder = copy_without(tiny_model, tmp_path, RANGES_FILE)
    (folder / RANGES_FILE).write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(ModelFileError, match=RANGES_FILE):
        Classifier.load(folder, device="cpu")


def copy_without(folder: Path, target: Path, name: str) -> Path:
    copy = target / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        if path.name != name:
            (copy / path.name).write_bytes(path.read_bytes())
    return copy
