"""The parts of ``bench_kill``: a clock that runs fast, processes, and what every platform has.

Leases, pauses and windows are minutes; the benchmark has seconds. So workers and platforms live by
a clock that runs many times as fast as the machine's, and every lease keeps its proportion to
every other. Only the time-outs of the network are real seconds, and are set short.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from rehearsal.faults import Faults
from rehearsal.journal import Accepted
from service.channels import Kind
from service.logs import OneLine
from shenava.channels.wire import Timeouts
from shenava.messages import Deed, MessageKind, Platform, Source
from shenava.store import Account, AccountState, App, Feed
from shenava.vault import Vault

LOST_SHARE = 0.02
"""Of the requests that send, so many are carried out and not answered, in three ways."""

BROKEN_SHARE = 0.01
"""Of the requests that read, so many fail in each of three ways."""

HIDDEN_SHARE = 0.3
"""Of what was taken in without an answer, so much is hidden from reading back from then on."""

TIMEOUTS = Timeouts(connect=1.0, read=1.0, total=2.0)


@dataclass(frozen=True, slots=True)
class FastClock:
    """Runs ``scale`` times as fast as the machine's clock, from now on; the same in every process
    that has it."""

    began: float
    scale: float

    def now(self) -> datetime:
        at = self.began + (time.time() - self.began) * self.scale
        return datetime.fromtimestamp(at, UTC)


def fork(body: Callable[[], None], log: Path) -> int:
    """Run ``body`` in a process of its own, which begins at once: all is imported already. Its
    number. The caller has one thread, and no open database."""
    number = os.fork()
    if number:
        return number
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        handler = logging.FileHandler(log)
        handler.setFormatter(OneLine())
        logging.basicConfig(handlers=[handler], level=logging.ERROR, force=True)
        body()
    except BaseException:
        logging.exception("a process of the benchmark failed")
        os._exit(1)
    os._exit(0)


def kill(number: int) -> None:
    """SIGKILL, and gone when this returns."""
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


# What every platform has.


@dataclass(frozen=True, slots=True)
class Truth:
    """What the platform itself knows in the end. ``written``: keys of what customers wrote.
    ``taken_in``: what it accepted from the shop. ``hidden``: texts that it took in without an
    answer, and shows to nobody who reads."""

    written: frozenset[str]
    taken_in: Sequence[Accepted]
    hidden: frozenset[str]


class Stage(Protocol):
    """A simulated platform, in the process that serves it."""

    @property
    def faults(self) -> Faults: ...

    def write(self, count: int) -> None:
        """Customers write so many messages, of all kinds that there are."""

    def hide_lost(self) -> None:
        """From now on hide a part of what is taken in without an answer."""

    def orders(self) -> Mapping[str, Callable[..., object]]:
        """What else it can be told; each gives the answer."""


class Side(Protocol):
    """One platform, as the benchmark and its workers see it."""

    @property
    def platform(self) -> Platform: ...

    @property
    def page(self) -> int:
        """How many messages a page of it has."""

    def serve(self, folder: Path, clock: FastClock, seed: int) -> AbstractContextManager[Stage]:
        """Serve it; keys and address are in a file of the folder, see ``write_connection``."""

    def account(self, told: Mapping[str, Any]) -> Opened:
        """The account of the shop, from what that file says."""

    def kind(self, clock: FastClock, base_url: str) -> Kind:
        """Its real channel with short time-outs, and its rules without paces."""

    def deed(self, kind: MessageKind, number: int) -> Deed:
        """How answer ``number``, to a message of this kind, is given."""

    def truth(self, folder: Path, clock: FastClock) -> Truth: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """What the rows of an app, its account and its feeds are made of."""

    handle: str
    native_id: str
    secrets: Mapping[str, str]
    credentials: Mapping[str, str]
    feeds: Mapping[Source, str]
    """Each with what it searches for."""


def connect(
    session: Session, vault: Vault, platform: Platform, opened: Opened, now: datetime
) -> tuple[int, int]:
    """Make the rows; numbers of app and account."""
    sweep = now + timedelta(minutes=30)
    secrets = vault.lock(dict(opened.secrets)) if opened.secrets else None
    app = App(platform=platform, name="bench", secrets=secrets, created_at=now)
    session.add(app)
    session.flush()
    account = Account(
        platform=platform,
        handle=opened.handle,
        native_id=opened.native_id,
        app_id=app.id,
        state=AccountState.CONNECTED,
        created_at=now,
        connected_at=now,
        credentials=vault.lock(dict(opened.credentials)),
    )
    session.add(account)
    session.flush()
    for source, query in opened.feeds.items():
        session.add(
            Feed(
                account_id=account.id,
                source=source,
                query=query,
                every_s=60,
                next_at=now,
                sweep_at=sweep,
            )
        )
    return app.id, account.id


class Hider:
    """Whether the platform hides what it could not answer for; mixed into its world."""

    hiding = 0.0
    draw: random.Random

    def hides(self, how: str) -> bool:
        unanswered = how in ("reset", "silence", "cut", "gone")
        return unanswered and self.draw.random() < self.hiding


# The platform's process.


def be_a_platform(
    side: Side, folder: Path, clock: FastClock, seed: int, orders: socket.socket
) -> None:
    """Serve a platform until it is told to end. Orders are lines: ``write N`` (customers write so
    much), ``hide`` (from now on some of what is not answered is hidden), ``break`` (from now on
    things fail), ``mend``, ``end``, and those of the stage. Each is answered with a line."""
    with side.serve(folder, clock, seed) as stage:
        own = stage.orders()
        with orders, orders.makefile("rw", encoding="ascii") as line:
            line.write("up\n")
            line.flush()
            for order in line:
                word, *rest = order.split()
                answer: object = "done"
                match word:
                    case "write":
                        stage.write(int(rest[0]))
                    case "hide":
                        stage.hide_lost()
                    case "break":
                        _break(stage.faults, seed)
                    case "mend":
                        stage.faults.clear()
                    case "end":
                        pass
                    case _:
                        answer = own[word](*rest)
                line.write(f"{answer}\n")
                line.flush()
                if word == "end":
                    break


def _break(faults: Faults, seed: int) -> None:
    for number, kind in enumerate(("silence_after", "reset_after", "cut_body")):
        more = {"times": None, "seed": seed * 10 + number}
        faults.add(kind, "POST", probability=LOST_SHARE / 3, **more)
    for number, kind in enumerate(("reset_before", "cut_body", "lost_500")):
        more = {"times": None, "seed": seed * 10 + 5 + number}
        faults.add(kind, "GET", probability=BROKEN_SHARE, **more)
    # As slow as the real one: a kill is to fall into requests too.
    faults.add("slow", "*", times=None, probability=0.7, seconds=0.12)


class PlatformProcess:
    """The process of one platform, as the benchmark commands it."""

    def __init__(self, side: Side, folder: Path, clock: FastClock, seed: int) -> None:
        ours, theirs = socket.socketpair()

        def body() -> None:
            ours.close()
            be_a_platform(side, folder, clock, seed, theirs)

        self.number = fork(body, folder / f"{side.platform}.log")
        theirs.close()
        self._socket = ours
        self._line = ours.makefile("rw", encoding="ascii")
        self._line.readline()

    def order(self, *words: object) -> str:
        self._line.write(" ".join(map(str, words)) + "\n")
        self._line.flush()
        return self._line.readline().strip()

    def end(self) -> None:
        self.order("end")
        os.waitpid(self.number, 0)
        self._line.close()
        self._socket.close()
