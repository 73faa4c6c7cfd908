"""The rehearsal: simulated platforms beside the service, and a shop that is connected to them.

The simulated X and the simulated Instagram are one process of their own (``python -m rehearsal``),
started with the service and ended with it. A service that was killed leaves it running; the next
start finds it, by the lock it holds, and goes on with it. Left alone for long, it ends by itself.

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
    """Where the simulated platforms of a data folder keep their state."""
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


def keep_out(settings: Settings, what: str) -> None:
    """Raise :class:`Halt` where real messages would get into a rehearsal. ``what``: the command."""
    if is_rehearsal(settings):
        raise Halt(
            f"The data folder {settings.home} holds a rehearsal, and real customers must not get "
            "into it. Nothing was taken in. Choose another folder: "
            f"SHENAVA_HOME=/path/to/folder shenava {what} …"
        )


def _is_in_use(store: Store) -> bool:
    """Anything but the bundled sample counts."""
    from sqlalchemy import select

    from shenava.store import Account, Message

    with store.read() as session:
        accounts = select(Account.id).where(Account.credentials.is_not(None))
        messages = select(Message.id).where(~Message.native_key.startswith("sample-"))
        return any(session.scalar(found.limit(1)) is not None for found in (accounts, messages))


# The simulated platforms as a process.


@dataclass(frozen=True, slots=True)
class Simulator:
    """One simulated platform that answers. ``keys``: what its developer console would show."""

    base_url: str
    control_token: str
    keys: Mapping[str, str]

    def call(self, method: str, path: str, **given: Any) -> Any:
        """Pull a string of it: see its ``control``. Raises ``RemoteError``, ``OSError``."""
        return Remote(self.base_url, self.control_token).call(method, path, **given)


@dataclass(frozen=True, slots=True)
class Simulated:
    """The platforms of a rehearsal: one process, one clock."""

    pid: int
    x: Simulator
    instagram: Simulator

    @property
    def places(self) -> dict[str, str]:
        """The settings by which the platforms are found here."""
        return {"x_base_url": self.x.base_url, "instagram_base_url": self.instagram.base_url}

    def outage(self, complaints: int, minutes: float) -> int:
        """The shop's payment gateway fails: people complain on all platforms; how many."""
        share = complaints // 2
        parts = ((self.x, complaints - share), (self.instagram, share))
        told = [one.call("POST", "/outage", complaints=n, minutes=minutes) for one, n in parts]
        return sum(found["complaints"] for found in told)

    def reset(self) -> None:
        for one in (self.x, self.instagram):
            one.call("POST", "/reset")

    def state(self) -> dict[str, Any]:
        """How each stands, by name; the time is that of all."""
        found = {
            name: one.call("GET", "/state") | {"address": f"{one.base_url}/"}
            for name, one in (("x", self.x), ("instagram", self.instagram))
        }
        return {"now": found["x"]["now"], "ahead_s": found["x"]["ahead_s"], **found}


def find(settings: Settings) -> Simulated | None:
    """The simulated platforms that run for a data folder, if there are any and they answer."""
    folder = folder_of(settings)
    if not _is_held(folder):
        return None
    try:
        told = {
            name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("x", "instagram")
        }
        if told["x"]["pid"] != told["instagram"]["pid"]:
            return None
        made = {
            name: Simulator(one["base_url"], one["control_token"], one["credentials"])
            for name, one in told.items()
        }
        found = Simulated(told["x"]["pid"], made["x"], made["instagram"])
        found.state()
    except (OSError, ValueError, KeyError, RemoteError):
        # Just started, it has not written the files yet; what stands there is of the one before.
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
    """The simulated platforms for as long as the service runs, and the clock all live by."""

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
                said = (folder / "process.log").read_text(encoding="utf-8", errors="replace")
                log.warning("the simulated platforms ended: %s", said[-300:].strip())
            if self._child is None and not _is_held(folder):
                self._child = _start(folder)
            time.sleep(0.05)
        raise Halt(
            f"The simulated platforms could not be started within {_START_S:.0f} s; its log is "
            f"{folder / 'process.log'}."
        )

    def _set_clock(self, found: Simulated) -> None:
        with contextlib.suppress(OSError, RemoteError):
            ahead = found.x.call("GET", "/state")["ahead_s"]
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
    handle = os.open(folder / "process.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "rehearsal", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
