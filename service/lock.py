"""One running Shenava a data folder: a lock that the system lets go of when the process dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import Halt

FILE_NAME = "running.lock"
_PROBE_S = 5.0
_PAUSE_S = 0.001


@contextmanager
def running_lock(home: Path) -> Iterator[None]:
    """Hold the lock of the data folder ``home`` (which is there) for as long as the block runs.

    Raises :class:`Halt` while another process holds it. A killed process leaves the file, which
    locks nothing by itself.
    """
    handle = os.open(home / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _take(handle):
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise Halt(
                f"Shenava is already running on the data folder {home} (process {holder}); "
                "stop it first."
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    """Take the lock, unless a service holds it. Someone who only asks (:func:`is_running`) shares
    it for an instant; that is waited for."""
    until = time.monotonic() + _PROBE_S
    while not _flock(handle, fcntl.LOCK_EX):
        if not _flock(handle, fcntl.LOCK_SH) or time.monotonic() > until:
            return False
        # Two that start at once must not keep each other out.
        fcntl.flock(handle, fcntl.LOCK_UN)
        time.sleep(_PAUSE_S)
    return True


def _flock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_running(home: Path) -> bool:
    """Whether a process holds the lock of ``home`` now. Makes nothing, and keeps nobody out."""
    try:
        handle = os.open(home / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _flock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)
