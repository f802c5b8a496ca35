"""What a piece of work costs in this process: processor time and memory."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_KB = 1024


@dataclass
class Cost:
    """What it took: processor time, and memory over what was in use before, in megabytes."""

    seconds: float = 0.0
    memory_mb: float = 0.0


@contextmanager
def cost() -> Iterator[Cost]:
    """Measures the block; on systems without /proc only growth over the highest use so far shows."""
    spent = Cost()
    # Linux then counts the highest use anew; elsewhere, and where that is forbidden, it stays.
    with suppress(OSError):
        _RESET.write_text("5", encoding="ascii")
    before, start = _peak_bytes(), time.process_time()
    yield spent
    spent.seconds = time.process_time() - start
    spent.memory_mb = (_peak_bytes() - before) / 1e6


def _peak_bytes() -> int:
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KB
