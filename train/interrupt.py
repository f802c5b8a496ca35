"""Ctrl-C in training: the step is finished and saved, so that a resumed run loses nothing."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from policylens.train.processes import in_any, n_processes

logger = logging.getLogger(__name__)


class StopOnInterrupt(TrainerCallback):
    """Turns the first Ctrl-C into a checkpoint and an orderly stop; a second one stops at once.

    `Trainer` saves nothing on an interrupt, and an interrupt between two parameter updates would leave a
    state that belongs to no step.

    Attributes:
        interrupted: Whether training stopped for this reason.
    """

    def __init__(self) -> None:
        """Start uninterrupted."""
        self.interrupted = False
        self._before: Any = None

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Listen to Ctrl-C; Python allows that in the main thread only."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Save and stop, if asked to in any process: all have to stop at the same step."""
        self.interrupted = in_any(self.interrupted)
        if self.interrupted:
            control.should_save = True
            control.should_training_stop = True
            control.should_evaluate = False

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """See `release`."""
        self.release()

    def release(self) -> None:
        """Give Ctrl-C its former meaning back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        # A launcher passes the terminal's signal on, so that its processes get it twice.
        if self.interrupted and n_processes() == 1:
            raise KeyboardInterrupt
        self.interrupted = True
        logger.warning("interrupt: saving a checkpoint after this step; once more stops at once")
