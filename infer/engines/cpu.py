"""What the CPU can do that decides which form of the model is the fastest on it."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_TOPOLOGY, _QUOTA = Path("/sys/devices/system/cpu"), Path("/sys/fs/cgroup/cpu.max")
# Flags of /proc/cpuinfo for an instruction that multiplies and adds int8 in one step.
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"})


@cache
def multiplies_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU has int8 dot products (VNNI, AMX, or dot products on ARM).

    Without them int8 is emulated, by ONNX Runtime faster than by OpenVINO: see docs/performance.md. Where the
    system does not say what the CPU can do (not Linux), it is taken to have them: it is no old server.

    Args:
        cpuinfo: File in the format of Linux' /proc/cpuinfo.
    """
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    flags: set[str] = set()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            flags.update(value.split())
    return not flags or bool(flags & _INT8_FLAGS)


def usable_cores(*, topology: Path = _TOPOLOGY, quota: Path = _QUOTA) -> int:
    """Cores that this process may keep busy, at least 1.

    Two hyper-threads of one core count once, since they share its units for multiplication; CPUs that the
    process is not allowed to run on do not count, nor does what is above the quota of a container.

    Args:
        topology: Folder with `cpu0/topology/thread_siblings_list` and so on, as Linux has it.
        quota: File in the format of `cpu.max` of cgroups, "200000 100000" for two CPUs.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
    else:
        allowed = set(range(os.cpu_count() or 1))
    siblings = "topology/thread_siblings_list"
    cores = {_read(topology / f"cpu{cpu}" / siblings) or str(cpu) for cpu in allowed}
    limit, _, period = _read(quota).partition(" ")
    if limit.isdigit() and period.isdigit():
        return max(1, min(len(cores), math.ceil(int(limit) / int(period))))
    return len(cores)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
