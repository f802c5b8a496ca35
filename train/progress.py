"""Training progress as log lines: loss, scores on dev and time left."""

from __future__ import annotations

import logging
import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

logger = logging.getLogger(__name__)


class ProgressLog(TrainerCallback):
    """Logs every line that `Trainer` reports, with speed and the time left."""

    def __init__(self, *, batch_size: int) -> None:
        """Take the batch size, for the speed in paragraphs."""
        self.batch_size = batch_size
        self._began = 0.0
        self._first_step = 0

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Start the clock; a resumed run counts from where it took up."""
        self._began = time.monotonic()
        self._first_step = state.global_step

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """One line for each report."""
        values = logs or {}
        place = f"step {state.global_step}/{state.max_steps} epoch {state.epoch or 0:.2f}"
        if "loss" in values:
            done = max(1, state.global_step - self._first_step)
            rate = done / (time.monotonic() - self._began)
            left = (state.max_steps - state.global_step) / rate
            logger.info(
                "%s  loss %.4f  %.1f paragraphs/s  %s left",
                place,
                values["loss"],
                rate * self.batch_size,
                format_duration(left),
            )
        elif "eval_macro_f1" in values:
            scores = {name.removeprefix("eval_"): value for name, value in values.items() if _is_score(name)}
            shown = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
            logger.info("%s  dev: %s", place, shown)


def _is_score(name: str) -> bool:
    return name.startswith("eval_") and name.endswith(("accuracy", "macro_f1", "loss"))


def format_duration(seconds: float) -> str:
    """Hours, minutes and seconds as `1:02:03` or `02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
