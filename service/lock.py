"""One running Shenava a data folder: a lock that the system lets go of when the process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import Halt

FILE_NAME = "running.lock"


@contextmanager
def running_lock(home: Path) -> Iterator[None]:
    """Hold the lock of the data folder ``home`` (which is there) for as long as the block runs.

    Raises :class:`Halt` while another process holds it. A killed process leaves the file, which
    locks nothing by itself.
    """
    handle = os.open(home / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise Halt(
                f"Shenava is already running on the data folder {home} (process {holder}); "
                "stop it first."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def is_running(home: Path) -> bool:
    """Whether a process holds the lock of ``home`` now. Makes nothing."""
    try:
        handle = os.open(home / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
