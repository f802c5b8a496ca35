"""One run at a time writes an output: a lock that dies with its process."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from policylens.data.errors import ConfigError

logger = logging.getLogger(__name__)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file while the block runs; it is removed at the end.

    The kernel's lock on the file counts, not the file: one that a killed process left behind locks nothing.

    Args:
        path: The lock file; it holds the process id and host of its owner.

    Raises:
        ConfigError: Another process holds the lock.
        OSError: The file cannot be made.
    """
    descriptor = _acquire(path)
    try:
        yield
    finally:
        # Removed while it is held: who waits for it sees another file under its name and makes a new one.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(descriptor, path)
            if _is_still(descriptor, path):
                _sign(descriptor, path)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        logger.info("this system has no flock; nothing keeps a second run from writing the same output")
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = _owner(descriptor)
        message = f"is being written by another run ({owner}); wait for it, or give another OUT"
        raise ConfigError(f"{path.with_suffix('')} {message}") from None
    except OSError as error:
        # Some network file systems have no locks; refusing to work there would help nobody.
        logger.warning("%s: no lock to be had here (%s); start no second run", path, error.strerror)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int, path: Path) -> None:
    if before := os.pread(descriptor, 1000, 0):
        logger.info("%s was left by a run that has ended: %s", path, before.decode(errors="replace"))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)


def _owner(descriptor: int) -> str:
    try:
        owner = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError, OSError):
        return "process unknown"
