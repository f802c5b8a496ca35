from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.taxonomy import Taxonomy, taxonomy_from_labels
from policylens.infer.classify import Classifier
from policylens.models.bundle import load_network, open_bundle
from policylens.train.config import load_train_config
from policylens.train.distill import TEACHING_FILE, VECTOR, Teaching, teach, vector_loss
from policylens.train.encoder import keep_layers, load_encoder
from policylens.train.fit import TrainingData, train_model

Rows = Callable[[int], list[LabelledParagraph]]


def _ask(rows: list[LabelledParagraph], teacher: Path, taxonomy: Taxonomy, folder: Path) -> Any:
    unlabelled = [row.paragraph for row in rows[8:]]
    return teach(
        rows[:8],
        unlabelled,
        teacher=str(teacher),
        taxonomy=taxonomy,
        share=0.25,
        folder=folder,
        device="cpu",
    )


def test_the_teacher_labels_what_has_no_labels(
    tmp_path: Path, tiny_model: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy
) -> None:
    rows = tiny_rows(24)
    taught, teaching = _ask(rows, tiny_model, tiny_taxonomy, tmp_path)
    assert taught[:8] == rows[:8]
    said = list(Classifier.load(tiny_model, device="cpu").classify(row.paragraph for row in rows[8:]))
    assert [(row.theme, row.stance) for row in taught[8:]] == [(tag.theme, tag.stance) for tag in said]
    np.testing.assert_allclose(teaching.targets["theme"].sum(1), 1, atol=1e-5)
    assert teaching.shares.tolist() == [0.25] * 8 + [1.0] * 16
    assert teaching.vectors.shape == (24, 32)


def test_a_resumed_run_does_not_ask_again(
    tmp_path: Path,
    tiny_model: Path,
    tiny_rows: Rows,
    tiny_taxonomy: Taxonomy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, first = _ask(tiny_rows(24), tiny_model, tiny_taxonomy, tmp_path)
    assert (tmp_path / TEACHING_FILE).is_file()
    monkeypatch.setattr(Classifier, "embed", lambda *_: pytest.fail("asked again"))
    _, second = _ask(tiny_rows(24), tiny_model, tiny_taxonomy, tmp_path)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    np.testing.assert_array_equal(first.targets["stance"], second.targets["stance"])


def test_a_teacher_of_other_labels_is_refused(tmp_path: Path, tiny_model: Path, tiny_rows: Rows) -> None:
    other = taxonomy_from_labels("other", ["green", "rural"], ["support", "restrict"])
    with pytest.raises(ConfigError, match=r"teacher .* has other labels than the data"):
        _ask(tiny_rows(24), tiny_model, other, tmp_path)


def test_targets_are_mixed_by_the_share_of_the_row() -> None:
    said = {"theme": np.array([[0.5, 0.5], [0.2, 0.8]], np.float32)}
    teaching = Teaching(said, np.ones((2, 3), np.float32), np.array([0.5, 1.0], np.float32))
    own = {"theme": torch.tensor([1.0, 0.0]), "theme_weight": torch.tensor(2.0)}
    mixed = teaching.blend(own, 0)
    torch.testing.assert_close(mixed["theme"], torch.tensor([0.75, 0.25]))
    assert mixed["theme_weight"] == 2.0
    torch.testing.assert_close(mixed[VECTOR], torch.ones(3))
    torch.testing.assert_close(teaching.blend(own, 1)["theme"], torch.tensor([0.2, 0.8]))


def test_distance_of_vectors_is_a_share_of_their_length() -> None:
    wanted = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    assert vector_loss(wanted, wanted) == 0
    assert vector_loss(torch.zeros(2, 2), wanted) == 1
    torch.testing.assert_close(vector_loss(torch.tensor([[3.0, 4.0], [2.0, 2.0]]), wanted), torch.tensor(0.5))


def test_layers_are_kept_from_first_to_last(tiny_base: Path) -> None:
    encoder = load_encoder(str(tiny_base), dropout=0.0)
    last = encoder.encoder.layer[1]
    keep_layers(encoder, 2)
    assert encoder.encoder.layer[1] is last
    keep_layers(encoder, 1)
    assert (len(encoder.encoder.layer), encoder.config.num_hidden_layers) == (1, 1)
    with pytest.raises(ConfigError, match="layers = 3, but the encoder has 1 layers"):
        keep_layers(encoder, 3)


def test_a_student_of_one_layer_says_what_its_teacher_says(
    tmp_path: Path, tiny_model: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    settings = {**tiny_settings, "base": str(tiny_model), "teacher": str(tiny_model), "layers": 1}
    config = load_train_config(None, **settings)
    rows = tiny_rows(240)
    unlabelled = [row.paragraph for row in rows[120:]]
    data = TrainingData(train=rows[:120], dev=(), holdout=(), unlabelled=unlabelled)
    bundle = train_model(data, tmp_path / "student", taxonomy=tiny_taxonomy, config=config, device="cpu")
    assert bundle.encoder_config["num_hidden_layers"] == 1
    assert len(load_network(open_bundle(bundle.folder)).encoder.encoder.layer) == 1
    paragraphs = [row.paragraph for row in tiny_rows(60)]
    student, teacher = (
        [tag.theme for tag in Classifier.load(folder, device="cpu").classify(paragraphs)]
        for folder in (bundle.folder, tiny_model)
    )
    assert sum(one == other for one, other in zip(student, teacher, strict=True)) >= 54


def test_unlabelled_paragraphs_need_a_teacher(
    tmp_path: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    rows = tiny_rows(32)
    data = TrainingData(train=rows, dev=(), holdout=(), unlabelled=[rows[0].paragraph])
    config = load_train_config(None, **tiny_settings)
    with pytest.raises(ConfigError, match="without a teacher"):
        train_model(data, tmp_path / "m", taxonomy=tiny_taxonomy, config=config, device="cpu")
