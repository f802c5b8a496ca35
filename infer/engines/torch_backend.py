"""PyTorch: for GPUs, for encoders that the compiled runtimes do not know, and to compare with."""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.infer.engines.padding import Logits, pad_batch
from policylens.models.bundle import Bundle
from policylens.models.encode import Encoding
from policylens.models.openvino_graph import STATES

if TYPE_CHECKING:
    import torch
    from torch import Tensor

logger = logging.getLogger(__name__)

# Batches under way on the device while the host prepares the next one.
_UNDER_WAY = 2
# Where the search for the token budget of a GPU begins and where it ends at the latest.
_FIRST_BUDGET, _LAST_BUDGET = 4096, 524_288
# A doubled budget has to bring this much: more memory for nothing would only make out-of-memory likelier.
_LEAST_GAIN = 1.05


class TorchBackend:
    """The network as it was trained; bf16 or fp16 products and fused attention on GPUs, float32 on CPUs.

    Copies to and from a GPU run beside its computing. A batch that does not fit into its memory is cut in
    two, again and again if need be.

    Args:
        bundle: An open model folder.
        device: "auto", "cpu", "cuda" or a certain GPU such as "cuda:1".
        states: Whether batches also give their token vectors.
        threads: How many it may use on the CPU, which holds for the whole process; None leaves it alone.

    Attributes:
        batch_tokens: Best size of a batch in tokens as measured on this GPU; None on CPUs.

    Raises:
        ConfigError: CUDA is asked for and torch sees no GPU.
    """

    name = "torch"

    def __init__(
        self,
        bundle: Bundle,
        *,
        device: str = "auto",
        states: bool = False,
        threads: int | None = None,
    ) -> None:
        import torch

        from policylens.models.bundle import load_network

        if threads is not None:
            torch.set_num_threads(threads)
        has_gpu = torch.cuda.is_available()
        if device.startswith("cuda") and not has_gpu:
            raise ConfigError(f"device {device!r} was asked for, but torch sees no GPU; use --device cpu")
        if device == "auto":
            device = "cuda" if has_gpu else "cpu"
        self._device = torch.device(device)
        self._on_gpu = self._device.type == "cuda"
        if self._on_gpu and self._device.index is not None:
            # Streams, events and pinned memory go by the current device.
            torch.cuda.set_device(self._device)
        self._dtype, self.precision = torch.float32, "fp32"
        if self._on_gpu:
            # Cards before Ampere would only imitate bf16, at a tenth of the speed of fp16.
            has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
            self._dtype = torch.bfloat16 if has_bf16 else torch.float16
            self.precision = "bf16" if has_bf16 else "fp16"
        self._network = load_network(bundle).to(self._device)
        self._pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)
        self._states: list[Tensor] = []
        if states:
            # What the heads read is the mean of these; a hook spares the network a second way to be called.
            self._network.encoder.register_forward_hook(
                lambda _module, _inputs, output: self._states.append(output.last_hidden_state)
            )
        self.batch_tokens: int | None = None
        if self._on_gpu:
            self.batch_tokens = find_budget(self._time_batch(bundle.config.max_tokens))
            logger.info("%s: batches of %d tokens", self._device, self.batch_tokens)

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch in order; the next batches are launched before one is waited for."""
        under_way: deque[_Output] = deque()
        for batch in batches:
            under_way.append(self._launch_fitting(batch))
            if len(under_way) > _UNDER_WAY:
                yield under_way.popleft().wait()
        while under_way:
            yield under_way.popleft().wait()

    def _launch_fitting(self, batch: Sequence[Encoding]) -> _Output:
        """Launch a batch, in as many pieces as the memory asks for."""
        import torch

        try:
            return self._launch(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
        self._states.clear()
        if self._on_gpu:
            torch.cuda.empty_cache()
        half = len(batch) // 2
        logger.info("%d windows do not fit into the memory of %s: two halves", len(batch), self._device)
        # One after the other: the second half may need the memory of the first.
        parts = [self._launch_fitting(part).wait() for part in (batch[:half], batch[half:])]
        return _Output({name: _stack([part[name] for part in parts]) for name in parts[0]})

    def _launch(self, batch: Sequence[Encoding]) -> _Output:
        import torch

        inputs = {
            name: self._copied(torch.from_numpy(array))
            for name, array in pad_batch(batch, pad_id=self._pad_id).items()
        }
        enabled = self._dtype != torch.float32
        with torch.inference_mode(), torch.autocast(self._device.type, self._dtype, enabled=enabled):
            logits = self._network(**inputs)
        if self._states:
            logits[STATES] = self._states.pop()
        if not self._on_gpu:
            return _Output({name: values.float().numpy() for name, values in logits.items()})
        return _copying_back(logits)

    def _copied(self, values: Tensor) -> Tensor:
        """The tensor on the device; from pinned memory the copy does not hold up the host."""
        if self._on_gpu:
            values = values.pin_memory()
        return values.to(self._device, non_blocking=True).long()

    def _time_batch(self, max_tokens: int) -> Callable[[int], float]:
        """A function that gives the seconds for a batch of so many tokens in full windows."""
        import torch

        window = Encoding(ids=[self._pad_id] * max_tokens, types=[0] * max_tokens)

        def seconds(n_tokens: int) -> float:
            batch = [window] * max(1, n_tokens // max_tokens)
            self._launch(batch).wait()
            torch.cuda.synchronize(self._device)
            began = time.perf_counter()
            self._launch(batch).wait()
            return time.perf_counter() - began

        return seconds


class _Output:
    """Logits that are there, or on their way from a device.

    Args:
        values: Arrays by name.
        event: Passed once the device has written them; None where they are there.
    """

    def __init__(self, values: dict[str, Any], event: torch.cuda.Event | None = None) -> None:
        self._values, self._event = values, event

    def wait(self) -> Logits:
        """The logits, once they are there."""
        if self._event is not None:
            self._event.synchronize()
        return self._values


def _copying_back(logits: dict[str, Tensor]) -> _Output:
    import torch

    values = {}
    for name, tensor in logits.items():
        host = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=True)
        host.copy_(tensor.float(), non_blocking=True)
        values[name] = host.numpy()
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return _Output(values, event)


def find_budget(
    seconds: Callable[[int], float], *, first: int = _FIRST_BUDGET, last: int = _LAST_BUDGET
) -> int:
    """The smallest token budget that keeps a GPU busy, found by doubling.

    Args:
        seconds: Time of a batch of so many tokens; raises torch's OutOfMemoryError where it does not fit.
        first: Budget to begin with; taken as it is if it does not fit, since batches are cut as they run.
        last: Largest budget to try.

    Returns:
        The last budget before one that no longer brings a twentieth more tokens a second, or of which
        twice as much no longer fits.
    """
    import torch

    best, best_rate = first, 0.0
    for budget in itertools.takewhile(
        lambda size: size <= last, (first << step for step in itertools.count())
    ):
        try:
            rate = budget / seconds(budget)
        except torch.OutOfMemoryError:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            break
        if rate < best_rate * _LEAST_GAIN:
            break
        best, best_rate = budget, rate
    return best


def _stack(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Arrays of two halves as one; token vectors of a narrower half are padded."""
    width = max(part.shape[1] for part in parts)
    padded = [
        part if part.shape[1] == width else np.pad(part, [(0, 0), (0, width - part.shape[1]), (0, 0)])
        for part in parts
    ]
    return np.concatenate(padded)
