"""What the CPU can do that decides which form of the model is the fastest on it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
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
