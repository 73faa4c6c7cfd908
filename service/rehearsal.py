"""The rehearsal: the simulated X beside the service, and a shop that is connected to it.

The simulated X is a process of its own (``python -m rehearsal``), started with the service and
ended with it. A service that was killed leaves it running; the next start finds it, by the lock
it holds, and goes on with it. Left alone for long, it ends by itself.

A data folder is for the rehearsal or for the real thing, never for both: made-up customers must
not get into real reports, nor real keys into a rehearsal.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.clocks import RunningClock
from rehearsal.remote import Remote, RemoteError
from service.errors import Halt
from service.lock import running_lock

if TYPE_CHECKING:
    from config import Settings
    from shenava.store import Store

log = logging.getLogger(__name__)

FOLDER = "rehearsal"
"""Within the data folder; where it is, the data folder is one of a rehearsal."""

OUTAGE_AFTER_S = 30
"""After the first start the payment gateway of the simulated shop fails, once."""

_START_S = 60.0
_END_S = 10.0
_ALONE_S = 900
"""A simulator that nobody asks anything for so long ends: its service was killed for good."""


def folder_of(settings: Settings) -> Path:
    """Where the simulated X of a data folder keeps its state."""
    return settings.home / FOLDER


def is_rehearsal(settings: Settings) -> bool:
    """Whether the data folder is one of a rehearsal."""
    return folder_of(settings).is_dir()


def at_any_hour(settings: Settings) -> Settings:
    """``settings`` of a rehearsal. People rehearse when they have the time, at night too: the
    shop is open then, unless its hours are set."""
    if "business_hours" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"business_hours": "always"})


def hold_apart(settings: Settings, store: Store, *, rehearse: bool) -> None:
    """Raise :class:`Halt` where a rehearsal and the real thing would meet in one data folder."""
    if is_rehearsal(settings):
        if not rehearse:
            raise Halt(
                f"The data folder {settings.home} holds a rehearsal, and real customers must not "
                "get into it. Rehearse with shenava run --rehearsal, or choose another folder for "
                "the real thing: SHENAVA_HOME=/path/to/folder shenava run."
            )
    elif rehearse and _is_in_use(store):
        raise Halt(
            f"The data folder {settings.home} is in real use (it holds messages or connected "
            "accounts), and made-up customers must not get into it. Nothing was changed. Choose "
            "another folder to rehearse in: SHENAVA_HOME=/path/to/folder shenava run --rehearsal."
        )


def _is_in_use(store: Store) -> bool:
    """Anything but the bundled sample counts."""
    from sqlalchemy import select

    from shenava.store import Account, Message

    with store.read() as session:
        accounts = select(Account.id).where(Account.credentials.is_not(None))
        messages = select(Message.id).where(~Message.native_key.startswith("sample-"))
        return any(session.scalar(found.limit(1)) is not None for found in (accounts, messages))


# The simulated X as a process.


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated X that answers. ``keys``: what the developer console of X would show."""

    pid: int
    base_url: str
    control_token: str
    keys: Mapping[str, str]

    def call(self, method: str, path: str, **given: Any) -> Any:
        """Pull a string of it: see ``rehearsal.x.control``. Raises ``RemoteError``, ``OSError``."""
        return Remote(self.base_url, self.control_token).call(method, path, **given)


def find(settings: Settings) -> Simulated | None:
    """The simulated X that runs for a data folder, if there is one and it answers."""
    folder = folder_of(settings)
    if not _is_held(folder):
        return None
    try:
        told = json.loads((folder / "x.json").read_text(encoding="utf-8"))
        found = Simulated(told["pid"], told["base_url"], told["control_token"], told["credentials"])
        found.call("GET", "/state")
    except (OSError, ValueError, KeyError, RemoteError):
        # Just started, it has not written the file yet; what stands there is of the one before.
        return None
    return found


def running(settings: Settings) -> Simulated:
    """The same. Raises :class:`Halt` when there is none."""
    found = find(settings)
    if found is None:
        raise Halt(
            f"No rehearsal runs on the data folder {settings.home}; start one with "
            "shenava run --rehearsal."
        )
    return found


def _is_held(folder: Path) -> bool:
    """Whether a simulator lives on the folder: it holds the lock for as long as it does."""
    try:
        handle = os.open(folder / "process.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


class Rehearsal:
    """The simulated X for as long as the service runs, and the clock that both live by."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None
        self._simulated: Simulated | None = None
        self.clock = RunningClock()

    @property
    def simulated(self) -> Simulated:
        assert self._simulated is not None, "started by now"
        return self._simulated

    @contextmanager
    def up(self) -> Iterator[Simulated]:
        """Find the simulator, or start it; end it when the block ends."""
        folder = folder_of(self._settings)
        folder.mkdir(mode=0o700, exist_ok=True)
        with running_lock(folder):
            try:
                yield self._bring_up()
            finally:
                self._end()

    def keep(self) -> None:
        """Called now and then: see that the simulator lives, and live by its time."""
        found = find(self._settings) or self._bring_up()
        self._simulated = found
        self._set_clock(found)

    def _bring_up(self) -> Simulated:
        folder = folder_of(self._settings)
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            found = find(self._settings)
            if found is not None:
                self._simulated = found
                self._set_clock(found)
                return found
            if self._child is not None and self._child.poll() is not None:
                self._child = None
                said = (folder / "x.log").read_text(encoding="utf-8", errors="replace")
                log.warning("the simulated X ended: %s", said[-300:].strip())
            if self._child is None and not _is_held(folder):
                self._child = _start(folder)
            time.sleep(0.05)
        raise Halt(
            f"The simulated X could not be started within {_START_S:.0f} s; its log is "
            f"{folder / 'x.log'}."
        )

    def _set_clock(self, found: Simulated) -> None:
        with contextlib.suppress(OSError, RemoteError):
            ahead = found.call("GET", "/state")["ahead_s"]
            self.clock.set_ahead(timedelta(seconds=ahead))

    def _end(self) -> None:
        """End the simulator, whether we or a service before us started it."""
        child = self._child
        if child is not None:
            child.terminate()
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            return
        found = find(self._settings)
        if found is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        until = time.monotonic() + _END_S
        while _is_held(folder_of(self._settings)) and time.monotonic() < until:
            time.sleep(0.05)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    # -P: the folder that the service was started in may hold modules named like ours. A session
    # of its own: Ctrl-C is for the service, which ends the simulator when it is done.
    words = ["--home", str(folder), "--outage-after", str(OUTAGE_AFTER_S), "--alone", str(_ALONE_S)]
    handle = os.open(folder / "x.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "rehearsal", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
