"""The command line as a process of its own, with bounded time and memory."""

import os
import resource
import subprocess
import sys
from functools import partial

# Of address space, not of memory in use: Python with the readers maps 1 GB before it begins.
MEMORY_BYTES = 4 << 30


def policylens(*arguments, stdin=None, memory_bytes=MEMORY_BYTES, timeout_s=300):
    """The command line as a process with bounded memory."""
    limit = partial(resource.setrlimit, resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    return subprocess.run(
        [sys.executable, "-m", "policylens.infer", *map(str, arguments)],
        stdin=stdin,
        capture_output=True,
        timeout=timeout_s,
        preexec_fn=limit,
        env={**os.environ, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
        check=False,
    )
