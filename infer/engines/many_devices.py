"""Several GPUs of one machine: a process for each, which keeps the model; batches go to whichever is free."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from policylens.data.errors import ConfigError
from policylens.infer.engines.padding import Logits
from policylens.models.bundle import Bundle
from policylens.models.encode import Encoding

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

# Batches that wait for a device: one is computed, one is ready.
_BATCHES_PER_DEVICE = 2
_CHECK_EVERY_S = 5.0


class ManyDevices:
    """Runs batches on several torch devices at once, one process each.

    Args:
        bundle: An open model folder.
        devices: Names of torch devices, e.g. "cuda:0", "cuda:1".
        states: Whether batches also give their token vectors.

    Attributes:
        batch_tokens: Best size of a batch in tokens on the slowest device; None on CPUs.

    Raises:
        ConfigError: A process could not open the model on its device.
    """

    name = "torch"

    def __init__(self, bundle: Bundle, devices: Sequence[str], *, states: bool = False) -> None:
        # A forked process could not use CUDA.
        context = multiprocessing.get_context("spawn")
        self._tasks: Queue[Any] = context.Queue()
        self._results: Queue[Any] = context.Queue()
        self._limit = _BATCHES_PER_DEVICE * len(devices)
        # Goes on from run to run: what an abandoned run still gets is told apart by its number.
        self._given = 0
        self._processes = [
            context.Process(
                target=_work, args=(bundle, device, states, self._tasks, self._results), daemon=True
            )
            for device in devices
        ]
        for process in self._processes:
            process.start()
        ready = [self._next() for _ in devices]
        self.precision: str = ready[0][1]
        budgets = [budget for _, _, budget in ready if budget is not None]
        self.batch_tokens: int | None = min(budgets) if budgets else None

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch in order."""
        done: dict[int, Logits] = {}
        taken = self._given
        for batch in batches:
            while self._given - taken >= self._limit:
                yield self._take(taken, done)
                taken += 1
            self._tasks.put((self._given, list(batch)))
            self._given += 1
        for number in range(taken, self._given):
            yield self._take(number, done)

    def close(self) -> None:
        """End the processes."""
        for _ in self._processes:
            self._tasks.put(None)
        for process in self._processes:
            process.join(_CHECK_EVERY_S)

    def _take(self, number: int, done: dict[int, Logits]) -> Logits:
        while number not in done:
            at, logits = self._next()
            if at >= number:
                done[at] = logits
        return done.pop(number)

    def _next(self) -> tuple[Any, ...]:
        """The next message of any process; waiting for one that has died would never end."""
        while True:
            try:
                message = self._results.get(timeout=_CHECK_EVERY_S)
            except queue.Empty:
                if dead := [process for process in self._processes if not process.is_alive()]:
                    raise ConfigError(
                        f"a process for a device ended with code {dead[0].exitcode}; its message is above"
                    ) from None
                continue
            if isinstance(message, Exception):
                raise message
            return tuple(message)


def gpu_names() -> list[str]:
    """Names of the GPUs that torch sees, e.g. ["cuda:0", "cuda:1"]."""
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def _work(bundle: Bundle, device: str, states: bool, tasks: Queue[Any], results: Queue[Any]) -> None:
    from policylens.infer.engines.torch_backend import TorchBackend

    try:
        backend = TorchBackend(bundle, device=device, states=states)
        results.put(("ready", backend.precision, backend.batch_tokens))
        while (task := tasks.get()) is not None:
            number, batch = task
            (logits,) = backend.run([batch])
            results.put((number, dict(logits)))
    except Exception as error:
        # Only text travels safely between processes.
        results.put(ConfigError(f"{device}: {type(error).__name__}: {error}"))
