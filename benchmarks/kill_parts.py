"""The parts of ``bench_kill``: a clock that runs fast, a simulated X, and a worker to be killed.

Leases, pauses and windows are minutes; the benchmark has seconds. So worker and platform live by
a clock that runs many times as fast as the machine's, and every lease keeps its proportion to
every other. Only the time-outs of the network are real seconds, and are set short.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config import Settings
from rehearsal.__main__ import write_connection
from rehearsal.x import World, serve
from rehearsal.x.limits import Limit as XLimit
from responder.policy import policy_of
from service import collecting, sending
from service.channels import Channels, Keys, Kind
from service.connecting import XWays
from service.logs import OneLine
from service.pipeline import Pipeline
from service.recovery import take_over
from shenava.channels import Profile
from shenava.channels.rules import Limit
from shenava.channels.x import OAuth1, Timeouts, XChannel
from shenava.messages import Deed, Platform
from shenava.store import Store
from shenava.vault import Vault
from tests.support.judges import WordJudge

SEARCHED = "noora"
"""What the search feed looks for; a third of the public posts have it and do not name the shop."""

PAGE = 100
PEOPLE = 300

LOST_SHARE = 0.02
"""Of the requests that send, so many are carried out and not answered, in three ways."""

BROKEN_SHARE = 0.01
"""Of the requests that read, so many fail in each of three ways."""

HIDDEN_SHARE = 0.3
"""Of the moments at which something was taken in without an answer and could be hidden."""

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


# The platform.


@dataclass(frozen=True, slots=True)
class Written:
    """What customers write in one wave: mentions, private messages, posts to be found."""

    mentions: int
    dms: int
    found: int

    @classmethod
    def pages(cls, count: int) -> Written:
        """So many pages of messages, of all three kinds."""
        total = count * PAGE
        return cls(total - 2 * (total // 5), total // 5, total // 5)

    @property
    def total(self) -> int:
        return self.mentions + self.dms + self.found


def be_the_platform(folder: Path, clock: FastClock, seed: int, orders: socket.socket) -> None:
    """A simulated X, until it is told to end. Orders are lines: ``write M D F`` (customers write
    so much), ``break`` (from now on things fail), ``hide`` (what was taken in without an answer,
    and was not hidden before, is taken away), ``mend``, ``end``. Each is answered with a line."""
    draw = random.Random(seed)
    world = World(clock, folder / "x.journal")
    with serve(world) as served:
        sim = served.sim
        for name in list(sim.rates.limits):
            sim.rates.limits[name] = XLimit(1_000_000)
        write_connection(served, folder, "x")
        people = [world.add_user(f"customer{n}", f"Customer {n}") for n in range(PEOPLE)]
        count = 0
        hidden = 0
        with orders, orders.makefile("rw", encoding="ascii") as line:
            line.write("up\n")
            line.flush()
            for order in line:
                words = order.split()
                answer = "done"
                if words[0] == "write":
                    kinds = [kind for kind, n in enumerate(words[1:]) for _ in range(int(n))]
                    draw.shuffle(kinds)
                    for kind in kinds:
                        count += 1
                        author = draw.choice(people).id
                        if kind == 0:
                            world.post(author, f"@{sim.shop.username} where is order {count}?")
                        elif kind == 1:
                            world.dm(author, sim.shop.id, f"my payment {count} is lost")
                        else:
                            world.post(author, f"{SEARCHED} never answers, case {count}")
                elif words[0] == "break":
                    for number, kind in enumerate(("silence_after", "reset_after", "cut_body")):
                        more = {"times": None, "seed": seed * 10 + number}
                        sim.faults.add(kind, "POST", probability=LOST_SHARE / 3, **more)
                    for number, kind in enumerate(("reset_before", "cut_body", "error_503")):
                        more = {"times": None, "seed": seed * 10 + 5 + number}
                        sim.faults.add(kind, "GET", probability=BROKEN_SHARE, **more)
                    # As slow as the real one: a kill is to fall into requests too.
                    sim.faults.add("slow", "*", times=None, probability=0.7, seconds=0.12)
                elif words[0] == "hide":
                    with world.lock:
                        lost = [
                            one
                            for one in world.ledger
                            if one.deed == "post"
                            and one.answer not in ("whole", "gone")
                            and world.posts[one.result_id].deleted_at is None
                        ]
                        if lost and draw.random() < HIDDEN_SHARE:
                            world.delete(lost[-1].result_id)
                            hidden += 1
                    answer = str(hidden)
                elif words[0] == "mend":
                    sim.faults.clear()
                line.write(f"{answer}\n")
                line.flush()
                if words[0] == "end":
                    break
    world.close()


class PlatformProcess:
    """The platform's process, as the benchmark commands it."""

    def __init__(self, folder: Path, clock: FastClock, seed: int) -> None:
        ours, theirs = socket.socketpair()

        def body() -> None:
            ours.close()
            be_the_platform(folder, clock, seed, theirs)

        self.number = fork(body, folder / "platform.log")
        theirs.close()
        self._socket = ours
        self._line = ours.makefile("rw", encoding="ascii")
        self._line.readline()

    def order(self, *words: object) -> str:
        self._line.write(" ".join(map(str, words)) + "\n")
        self._line.flush()
        return self._line.readline().strip()

    def write(self, wave: Written) -> None:
        self.order("write", wave.mentions, wave.dms, wave.found)

    def end(self) -> None:
        self.order("end")
        os.waitpid(self.number, 0)
        self._line.close()
        self._socket.close()


# The worker.


class FastWays(XWays):
    """The rules of X without its paces: five hundred answers would take an hour."""

    def limits_of(self, what: Deed) -> tuple[Limit, ...]:
        return ()


def channels_of(store: Store, folder: Path, base_url: str) -> Channels:
    """Real channels of the real adapter, with short time-outs."""

    def make(keys: Keys) -> XChannel:
        assert keys.native_id is not None
        return XChannel(
            OAuth1(**keys.credentials),
            store.clock,
            base_url=base_url,
            timeout=TIMEOUTS,
            profile=Profile(keys.native_id, keys.handle, keys.handle, None),
            query=keys.query,
            settle=timedelta(minutes=3),
        )

    vault = Vault(folder / "vault.key")
    return Channels(store, vault, {Platform.X: Kind(make, FastWays())})


def be_a_worker(url: str, folder: Path, clock: FastClock, base_url: str, alone: bool) -> None:
    """Judge, collect, sweep and send until killed, each in a thread, as the service does.

    ``alone``: no other process works on the database, so what a dead one held is taken over.
    """
    store = Store(url, clock)
    policy = policy_of(Settings())
    channels = channels_of(store, folder, base_url)
    pipeline = Pipeline(store, WordJudge(), policy)
    if alone:
        take_over(store)
    jobs: list[Callable[[], object]] = [
        lambda: pipeline.run_once(50),
        lambda: collecting.run_one(store, channels, policy),
        lambda: collecting.run_one(store, channels, policy),
        lambda: collecting.run_one(store, channels, policy, sweep=True),
        lambda: sending.run_due(store, channels, policy, limit=5),
        lambda: sending.run_due(store, channels, policy, limit=5),
    ]

    def again(job: Callable[[], object]) -> None:
        while True:
            try:
                if job():
                    continue
            except Exception:
                logging.exception("a job failed")
            time.sleep(0.02)

    for job in jobs[1:]:
        threading.Thread(target=again, args=(job,), daemon=True).start()
    again(jobs[0])
