"""Several processes in one training run (`torchrun`, `accelerate launch`): who writes, who waits.

Started without a launcher there is one process, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

# The others wait while the main one converts an encoder or asks a teacher about a million paragraphs.
_PATIENCE = timedelta(hours=12)


def n_processes() -> int:
    """Processes of this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the process that writes and talks."""
    return os.environ.get("RANK", "0") == "0"


def join(*, use_cpu: bool) -> None:
    """Joins the processes of the run: over gloo on CPUs, over nccl on GPUs."""
    if n_processes() > 1:
        from accelerate import PartialState

        PartialState(cpu=use_cpu, timeout=_PATIENCE)


def wait() -> None:
    """Waits until all processes are here."""
    if n_processes() > 1:
        from torch import distributed

        distributed.barrier()


@contextmanager
def main_first() -> Iterator[None]:
    """The main process goes through a block alone, the others afterwards: what it writes, they read."""
    if not is_main():
        wait()
    yield
    if is_main():
        wait()


def agree(find: Callable[[], int]) -> int:
    """A number that the main process finds, in all processes."""
    if n_processes() == 1:
        return find()
    from torch import distributed

    found = [find() if is_main() else 0]
    distributed.broadcast_object_list(found, src=0)
    return found[0]


def in_any(flag: bool) -> bool:
    """Whether the flag is set in any process."""
    if n_processes() == 1:
        return flag
    import torch
    from torch import distributed

    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    votes = torch.tensor([int(flag)], device=device)
    distributed.all_reduce(votes)
    return bool(votes.item())
