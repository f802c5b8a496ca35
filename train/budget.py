"""How many training steps fit into a given time on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from policylens.train.dataset import EncodedRows

logger = logging.getLogger(__name__)

# Beside the checkpoints: a resumed run keeps the schedule of the first one, however fast the machine is now.
STEPS_FILE = "max_steps.txt"
# Places in the order of length at which a batch is timed; their mean stands for all batches.
_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
# Left for evaluation, checkpoints, calibration and a machine that slows down.
_SHARE_FOR_STEPS = 0.88


def steps_within(
    minutes: float,
    *,
    step_seconds: Callable[[], float],
    planned: int,
    folder: Path,
) -> int:
    """Steps of a run that is to end in time: the planned ones, or as many as the time allows.

    Args:
        minutes: Time for the whole run.
        step_seconds: Measures the mean seconds of a step; not asked where an interrupted run left its number.
        planned: Steps of all epochs.
        folder: Where the number is kept for a resumed run.
    """
    path = folder / STEPS_FILE
    if path.is_file():
        return int(path.read_text(encoding="ascii"))
    seconds = step_seconds()
    affordable = max(1, int(minutes * 60 * _SHARE_FOR_STEPS / seconds))
    steps = min(planned, affordable)
    logger.info("%.2f s a step: %d of %d planned steps fit into %g minutes", seconds, steps, planned, minutes)
    path.write_text(str(steps), encoding="ascii")
    return steps


def measure_step(
    model: nn.Module,
    rows: EncodedRows,
    collate: Callable[[list[dict[str, Any]]], dict[str, Tensor]],
    *,
    batch_size: int,
    bf16: bool,
) -> float:
    """Mean seconds of a forward and backward pass and an optimizer step that changes nothing.

    Args:
        model: Returns a "loss"; its weights are the same afterwards.
        rows: Training rows.
        collate: Makes a batch of rows.
        batch_size: Rows in a batch.
        bf16: Whether the run computes in bf16.
    """
    device = next(model.parameters()).device
    lengths = rows.lengths()
    order = sorted(range(len(rows)), key=lengths.__getitem__)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # A rate of 0 leaves the weights as they are.
    optimizer = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0, fused=True)
    model.train()
    total = 0.0
    for quantile in _QUANTILES:
        first = min(int(quantile * len(order)), max(0, len(order) - batch_size))
        batch = collate([rows[at] for at in order[first : first + batch_size]])
        inputs = {name: tensor.to(device) for name, tensor in batch.items()}
        for is_timed in (False, True):
            began = time.perf_counter()
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
                loss = model(**inputs)["loss"]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            # Reading the loss waits for a GPU to be done.
            loss.detach().item()
            total += (time.perf_counter() - began) * is_timed
    return total / len(_QUANTILES)
