from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
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
from policylens.train import encoder, fit
from policylens.train.config import TrainConfig, load_train_config
from policylens.train.evaluation.evaluate import evaluate
from policylens.train.fit import split_training_data, train_model
from policylens.train.progress import ProgressLog
from policylens.train.quantize import round_weights
from policylens.train.trainer import parameter_groups, training_arguments, weighted_cross_entropy

Rows = Callable[[int], list[LabelledParagraph]]


def test_tiny_task_is_learned(tiny_model: Path, tiny_rows: Rows) -> None:
    evaluation = evaluate(Classifier.load(tiny_model, device="cpu", backend="torch"), tiny_rows(60))
    theme, stance = evaluation.heads
    assert theme.accuracy.value >= 0.9
    assert stance.accuracy.value >= 0.9


def test_folder_says_how_it_was_made(tiny_model: Path, tiny_settings: dict[str, Any]) -> None:
    bundle = open_bundle(tiny_model)
    assert bundle.config.base == tiny_settings["base"]
    assert bundle.config.max_tokens == 64
    assert load_train_config(tiny_model / "training.toml") == load_train_config(None, **tiny_settings)
    assert not (tiny_model / "checkpoints").exists()


def test_tokenizer_of_the_folder_is_that_of_the_base(tiny_model: Path, tiny_base: Path) -> None:
    assert (tiny_model / "tokenizer.json").read_text() == (tiny_base / "tokenizer.json").read_text()


class _StopAfter(ProgressLog):
    """Presses Ctrl-C in a given step."""

    step = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            signal.raise_signal(signal.SIGINT)


def test_resumed_run_ends_where_an_unbroken_one_does(
    tmp_path: Path,
    tiny_rows: Rows,
    tiny_taxonomy: Taxonomy,
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = load_train_config(None, **tiny_settings | {"epochs": 2, "patience": 0})
    data = split_training_data(tiny_rows(96), None, config=config)

    def run(name: str, *, resume: bool = False) -> dict[str, torch.Tensor]:
        bundle = train_model(
            data, tmp_path / name, taxonomy=tiny_taxonomy, config=config, device="cpu", resume=resume
        )
        return load_network(bundle).state_dict()

    unbroken = run("unbroken")
    # 88 rows in batches of 16: 6 steps an epoch; step 8 lies in the second one.
    with monkeypatch.context() as patch:
        patch.setattr(fit, "ProgressLog", _StopAfter)
        patch.setattr(_StopAfter, "step", 8)
        with pytest.raises(KeyboardInterrupt):
            run("broken")
    [last] = sorted((tmp_path / "broken" / "checkpoints").glob("checkpoint-9"))
    assert json.loads((last / "trainer_state.json").read_text())["global_step"] == 9
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed = run("broken", resume=True)
    for name, tensor in unbroken.items():
        assert torch.allclose(tensor, resumed[name], atol=1e-3), name


def test_resuming_with_other_settings_is_refused(
    tmp_path: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    config = load_train_config(None, **tiny_settings)
    data = split_training_data(tiny_rows(48), None, config=config)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "training.toml").write_text("epochs = 1\n")
    with pytest.raises(ConfigError, match="cannot resume with other settings"):
        train_model(data, tmp_path, taxonomy=tiny_taxonomy, config=config, device="cpu", resume=True)


def test_window_beyond_the_encoder_is_refused(
    tmp_path: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    config = load_train_config(None, **tiny_settings | {"max_tokens": 256})
    data = split_training_data(tiny_rows(48), None, config=config)
    with pytest.raises(ConfigError, match=r"max_tokens = 256; .* takes at most 128"):
        train_model(data, tmp_path, taxonomy=tiny_taxonomy, config=config, device="cpu")


def test_hundreds_of_labels_and_no_stances(
    tmp_path: Path, tiny_rows: Rows, tiny_settings: dict[str, Any]
) -> None:
    rows = [replace(row, theme=f"类{at % 300}", stance="") for at, row in enumerate(tiny_rows(320))]
    taxonomy = taxonomy_from_labels("many", {row.theme for row in rows})
    config = load_train_config(None, **tiny_settings | {"epochs": 1})
    data = split_training_data(rows, None, config=config)
    bundle = train_model(data, tmp_path, taxonomy=taxonomy, config=config, device="cpu")
    classifier = Classifier.load(bundle.folder, device="cpu", backend="torch")
    tagged = list(classifier.classify(row.paragraph for row in rows[:20]))
    assert {record.stance for record in tagged} == {""}
    # No row had a secondary theme: none may be made up.
    assert {record.also for record in tagged} == {()}


def test_documents_are_not_split(tiny_rows: Rows) -> None:
    rows = tiny_rows(80)
    data = split_training_data(rows, rows[:8], config=TrainConfig(holdout_share=0.2))
    held = {row.paragraph.doc for row in data.holdout}
    assert held.isdisjoint(row.paragraph.doc for row in data.train)
    assert len(data.train) + len(data.holdout) == 80
    assert data.dev == rows[:8]
    assert split_training_data(rows, None, config=TrainConfig()).dev != []


def test_no_holdout_trains_on_everything(tiny_rows: Rows) -> None:
    data = split_training_data(tiny_rows(8), None, config=TrainConfig(holdout_share=0))
    assert (len(data.train), len(data.dev), len(data.holdout)) == (8, 0, 0)


@pytest.mark.parametrize(("n_rows", "message"), [(0, "there are no rows"), (1, "all 1 rows have the theme")])
def test_nothing_to_learn_is_refused(tiny_rows: Rows, n_rows: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_training_data(tiny_rows(n_rows), None, config=TrainConfig())


def test_heads_learn_faster_and_vectors_do_not_decay(tiny_model: Path) -> None:
    network = load_network(open_bundle(tiny_model))
    config = TrainConfig(encoder_lr=1e-5, head_lr=1e-3, weight_decay=0.1)
    groups = parameter_groups(torch.nn.ModuleDict({"classifier": network}), config)
    found = {(group["lr"], group["weight_decay"]): len(group["params"]) for group in groups}
    n_parameters = len(list(network.parameters()))
    assert found[1e-3, 0.1] == found[1e-3, 0.0] == 3
    assert found[1e-5, 0.1] + found[1e-5, 0.0] == n_parameters - 6


def test_weighted_cross_entropy_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.9, 0.1]]))
    target = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    loss = weighted_cross_entropy(logits, target, torch.tensor([2.0, 1.0]))
    expected = (2 * -np.log(0.5) + -(0.5 * np.log(0.9) + 0.5 * np.log(0.1))) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_missing_gpu_and_unknown_device_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device, message in [("cuda", "torch sees no GPU"), ("tpu", "expected one of auto, cpu, cuda")]:
        with pytest.raises(ConfigError, match=message):
            training_arguments(
                tmp_path, TrainConfig(), n_rows=9, device=device, evaluate=False, has_stances=False
            )


def test_a_trained_model_is_gone_on_from(
    tiny_model: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    config = load_train_config(None, **{**tiny_settings, "base": str(tiny_model)})
    network = fit._network(config.base, tiny_rows(40), taxonomy=tiny_taxonomy, config=config)
    before = load_network(open_bundle(tiny_model)).state_dict()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name])


def test_other_labels_take_over_the_encoder_only(
    tiny_model: Path, tiny_rows: Rows, tiny_settings: dict[str, Any]
) -> None:
    config = load_train_config(None, **{**tiny_settings, "base": str(tiny_model)})
    other = taxonomy_from_labels("other", ["green", "rural", "talent", "new"])
    network = fit._network(config.base, tiny_rows(40), taxonomy=other, config=config)
    before = load_network(open_bundle(tiny_model))
    assert network.heads["theme"].out_features == 4
    for name, tensor in network.encoder.state_dict().items():
        torch.testing.assert_close(tensor, before.encoder.state_dict()[name])


def test_frozen_layers_keep_their_weights(
    tmp_path: Path,
    tiny_model: Path,
    tiny_rows: Rows,
    tiny_taxonomy: Taxonomy,
    tiny_settings: dict[str, Any],
) -> None:
    settings = {**tiny_settings, "base": str(tiny_model), "epochs": 1, "frozen_layers": 1}
    config = load_train_config(None, **settings)
    data = split_training_data(tiny_rows(64), None, config=config)
    bundle = train_model(data, tmp_path / "on", taxonomy=tiny_taxonomy, config=config, device="cpu")
    base = load_network(open_bundle(tiny_model))
    # All weights are rounded to their int8 levels at the end, those of frozen layers too, and kept in fp16.
    round_weights(base)
    for name, tensor in load_network(bundle).state_dict().items():
        is_frozen = "embeddings" in name or "encoder.layer.0." in name
        expected = base.state_dict()[name].half().float()
        assert torch.equal(tensor, expected) == is_frozen, name


def test_more_frozen_layers_than_there_are_is_refused(
    tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    config = load_train_config(None, **{**tiny_settings, "frozen_layers": 9})
    with pytest.raises(ConfigError, match=r"frozen_layers = 9, but the encoder has \d layers"):
        fit._network(config.base, tiny_rows(40), taxonomy=tiny_taxonomy, config=config)


def test_weights_are_mixed_with_those_of_the_base(tiny_model: Path) -> None:
    network = load_network(open_bundle(tiny_model))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    encoder.mix_with_base(network, str(tiny_model), share=0.25)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] + 0.75)


def test_only_a_trained_model_is_mixed_in(tiny_model: Path, tiny_base: Path) -> None:
    network = load_network(open_bundle(tiny_model))
    with pytest.raises(ConfigError, match=r"base_share = 0.5, but .* is not a trained model"):
        encoder.mix_with_base(network, str(tiny_base), share=0.5)
