"""A run fits into the time it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from policylens.data.labels import LabelledParagraph
from policylens.data.taxonomy import Taxonomy
from policylens.models.bundle import load_network, open_bundle
from policylens.train import budget, fit
from policylens.train.budget import STEPS_FILE, measure_step, steps_within
from policylens.train.config import load_train_config
from policylens.train.fit import split_training_data, train_model

Rows = Callable[[int], list[LabelledParagraph]]


@pytest.mark.parametrize(("planned", "expected"), [(1000, 528), (100, 100)])
def test_steps_are_those_that_the_time_allows(tmp_path: Path, planned: int, expected: int) -> None:
    # 60 minutes of which 88 % are for steps of 6 seconds.
    steps = steps_within(60, step_seconds=lambda: 6.0, planned=planned, folder=tmp_path)
    assert steps == expected


def test_resumed_run_keeps_the_number_of_the_first(tmp_path: Path) -> None:
    (tmp_path / STEPS_FILE).write_text("77", encoding="ascii")

    def measure() -> float:
        raise AssertionError("measured again")

    assert steps_within(1, step_seconds=measure, planned=1000, folder=tmp_path) == 77


def test_measuring_changes_no_weight(
    tiny_model: Path, tiny_rows: Rows, tiny_taxonomy: Taxonomy, tiny_settings: dict[str, Any]
) -> None:
    from policylens.models.config import ContextConfig
    from policylens.models.encode import PairEncoder, load_tokenizer
    from policylens.train.dataset import Collator, EncodedRows
    from policylens.train.trainer import TrainingModel

    bundle = open_bundle(tiny_model)
    config = load_train_config(None, **tiny_settings)
    network = load_network(bundle)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rows = EncodedRows(
        tiny_rows(40),
        PairEncoder(load_tokenizer(bundle.folder), max_tokens=64),
        taxonomy=tiny_taxonomy,
        config=config,
        context=ContextConfig(),
        training=True,
    )
    model = TrainingModel(network, also_loss=0.5)
    seconds = measure_step(model, rows, Collator(pad_id=1, pad_to=8), batch_size=16, bf16=False)
    assert seconds > 0
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_schedule_is_shortened_and_ends_at_rate_zero(
    tmp_path: Path,
    tiny_rows: Rows,
    tiny_taxonomy: Taxonomy,
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "measure_step", lambda *_, **__: 60 * budget._SHARE_FOR_STEPS / 5)
    states = []
    original = fit._run

    def run(trainer: Any, folder: Path, *, resume: bool) -> None:
        original(trainer, folder, resume=resume)
        states.append((trainer.state.global_step, trainer.lr_scheduler.get_last_lr()))

    monkeypatch.setattr(fit, "_run", run)
    config = load_train_config(None, **{**tiny_settings, "max_minutes": 1})
    data = split_training_data(tiny_rows(240), None, config=config)
    train_model(data, tmp_path / "short", taxonomy=tiny_taxonomy, config=config, device="cpu")
    assert states == [(5, [0.0] * 4)]
