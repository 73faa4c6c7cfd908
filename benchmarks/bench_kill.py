"""Is anything lost, doubled, or sent twice, however often the process is killed?

    python -m benchmarks.bench_kill --kills 200 --answers 500 --pages 40 --processes 1

A worker (webhooks, pipeline, collecting, sending, all as in the service) works against a simulated
X and a simulated Instagram and is killed with SIGKILL at random moments, while pages wait to be
read, webhooks come in (twice, in no order, some never) and answers are to be sent; one request in
fifty is carried out by the platform and never answered, and some of what it took in like that it
hides. Then the worker is left alone until everything is decided, and the platforms' own ledgers
are compared with the database.

The last line on standard output is one JSON object: ``kills``, ``messages_lost``,
``messages_doubled``, ``sent_twice``, ``unknown``, ``seconds``, and ``platforms`` with the same for
each. A webhook that was answered with 200 and is not in the database counts as lost. What else was
found is told on standard error; the exit code is 1 when anything was lost, doubled, sent twice,
told wrongly, or left unknown without need.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from benchmarks.kill_instagram import InstagramSide
from benchmarks.kill_parts import FastClock, PlatformProcess, Side, connect, fork, kill
from benchmarks.kill_reckoning import reckon
from benchmarks.kill_worker import Work, be_a_worker, channels_of, dashboard_of, doors_of
from benchmarks.kill_x import XSide
from responder.outbox import Asker, Draft, Plan, enqueue
from shenava.channels.webhooks import Subscribes
from shenava.messages import MessageKind, Platform
from shenava.store import (
    Identity,
    InboundEvent,
    InboundState,
    Message,
    OutboxRow,
    OutboxState,
    Store,
)
from shenava.store.migrations import upgrade
from shenava.vault import Vault
from tests.support.databases import postgresql_server
from tests.support.processes import free_port

WAVES = 5
"""In which pages and answers come, so that there is work at every moment."""

SCALE = 40.0
"""How much faster than the machine's clock worker and platform live."""

SHORTEST_S, LONGEST_S = 0.05, 0.9
"""How long a worker lives before it is killed."""

CALM_S = 400.0
"""How long everything may take to be decided in the end."""

SIDES: dict[str, Side] = {"x": XSide(), "instagram": InstagramSide()}

_ANSWERED = (MessageKind.MENTION, MessageKind.COMMENT, MessageKind.DM)


@dataclass(slots=True)
class Bench:
    """One run of the benchmark."""

    folder: Path
    url: str
    clock: FastClock
    asked: argparse.Namespace
    draw: random.Random
    sides: tuple[Side, ...]
    platforms: dict[Platform, PlatformProcess] = field(default_factory=dict)
    accounts: dict[Platform, int] = field(default_factory=dict)
    work: Work = field(init=False)
    app: Flask = field(init=False)
    """The dashboard. It is made once, and has not touched its database when a worker is forked."""
    kills: int = 0
    written: int = 0
    answers: int = 0

    # --- the stage --------------------------------------------------------------------------

    def open(self) -> None:
        """The platforms, the database, an account on each with its feeds."""
        addresses = {}
        vault = Vault(self.folder / "vault.key")
        for number, side in enumerate(self.sides):
            self.platforms[side.platform] = PlatformProcess(
                side, self.folder, self.clock, self.asked.seed * 10 + number
            )
        door: tuple[str, str] | None = None
        port = free_port()
        with self.store() as store:
            upgrade(store)
            for side in self.sides:
                told = json.loads((self.folder / f"{side.platform}.json").read_text("utf-8"))
                addresses[side.platform] = told["base_url"]
                with store.write() as session:
                    now = store.clock.now()
                    app_id, self.accounts[side.platform] = connect(
                        session, vault, side.platform, side.account(told), now
                    )
                if side.platform is Platform.INSTAGRAM:
                    address = f"http://127.0.0.1:{port}/webhooks/{side.platform}/{app_id}"
                    doors = doors_of(store, self.folder)
                    door = address, doors.verify_token(side.platform, app_id)
            alone = self.asked.processes == 1
            self.work = Work(self.url, self.folder, self.clock, self.sides, addresses, port, alone)
            if door:
                channel = channels_of(store, self.work).connect(self.accounts[Platform.INSTAGRAM])
                assert isinstance(channel, Subscribes)
                channel.subscribe()
        self.app = dashboard_of(self.work)
        if door:
            platform = self.platforms[Platform.INSTAGRAM]
            self.calm(lambda: platform.order("point", *door, self.asked.seed) == "done")

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, closed before the next process is made."""
        store = Store(self.url, self.clock)
        try:
            yield store
        finally:
            store.close()

    def worker(self) -> int:
        return fork(lambda: be_a_worker(self.work, self.app), self.folder / "worker.log")

    def order(self, *words: object) -> None:
        for platform in self.platforms.values():
            platform.order(*words)

    # --- the play ---------------------------------------------------------------------------

    def play(self) -> None:
        """1. Something to answer is taken in. 2. In waves, pages wait and answers are to go out,
        while workers are killed. 3. They are left alone; once every answer has left, nothing fails
        any more, until all is decided."""
        for side in self.sides:
            self.write(side, 2 * self.asked.answers // len(self.sides))
        self.calm(self.has_all)
        self.order("break")
        if self.asked.hide:
            self.order("hide")
        for wave in range(WAVES):
            for number, side in enumerate(self.sides):
                share = _share(self.asked.pages, number, len(self.sides))
                self.write(side, _share(share, wave) * side.page)
                share = _share(self.asked.answers, number, len(self.sides))
                self.enqueue(side, _share(share, wave))
            self.kill_workers(_share(self.asked.kills, wave))
        self.calm(self.have_left)
        self.order("mend")
        if hooks := self.platforms.get(Platform.INSTAGRAM):
            hooks.order("hurry")
        self.calm(self.is_decided)

    def write(self, side: Side, count: int) -> None:
        self.written += count
        self.platforms[side.platform].order("write", count)

    def enqueue(self, side: Side, count: int) -> None:
        """Answers to messages that have none yet, public and private. Raises ``ValueError`` where
        there are not so many."""
        rules = {one.platform: one.kind(self.clock, "").ways for one in self.sides}
        account_id = self.accounts[side.platform]
        with self.store() as store, store.write() as session:
            now = store.clock.now()
            waiting = session.execute(
                select(Message.id, Message.kind)
                .join(Identity, Identity.id == Message.identity_id)
                .where(
                    Identity.platform == side.platform,
                    Message.kind.in_(_ANSWERED),
                    ~select(OutboxRow.id).where(OutboxRow.message_id == Message.id).exists(),
                )
                .order_by(Message.id)
            ).all()
            for message_id, kind in self.draw.sample(waiting, count):
                self.answers += 1
                words = f"We are on it, number {self.answers}."
                deed = side.deed(kind, self.answers)
                draft = Draft(deed, account_id, words, message_id=message_id)
                asker = Asker("bench", str(self.answers))
                enqueue(session, asker, draft, now, rules, plan=Plan(not_before=now))

    def kill_workers(self, count: int) -> None:
        workers: list[int] = []
        for _ in range(count):
            while len(workers) < self.asked.processes:
                workers.append(self.worker())
            pause = self.draw.uniform(SHORTEST_S, LONGEST_S) / len(workers)
            time.sleep(pause)
            kill(workers.pop(self.draw.randrange(len(workers))))
            self.kills += 1
        for number in workers:
            kill(number)

    def calm(self, holds: Any) -> None:
        """Let workers live until something holds."""
        workers = [self.worker() for _ in range(self.asked.processes)]
        until = time.monotonic() + CALM_S
        try:
            while not holds():
                if time.monotonic() > until:
                    print(f"not decided within {CALM_S:.0f} s", file=sys.stderr)
                    return
                time.sleep(0.3)
        finally:
            for number in workers:
                kill(number)

    def has_all(self) -> bool:
        with self.store() as store, store.read() as session:
            held = session.scalar(select(func.count()).select_from(Message))
            waits = session.scalar(
                select(Message.id).where(Message.judge_after.is_not(None)).limit(1)
            )
        return held == self.written and waits is None

    def have_left(self) -> bool:
        with self.store() as store, store.read() as session:
            waits = select(OutboxRow.id).where(OutboxRow.attempts == 0).limit(1)
            return session.scalar(waits) is None

    def is_decided(self) -> bool:
        """All was taken in, every webhook was told and worked through, and no row of the outbox
        moves any more, but for what was looked for and not found: that waits for a person."""
        with self.store() as store, store.read() as session:
            rows = session.scalars(
                select(OutboxRow).where(
                    OutboxRow.state.in_(
                        (OutboxState.QUEUED, OutboxState.CLAIMED, OutboxState.SENDING)
                    )
                    | OutboxRow.look_at.is_not(None)
                )
            )
            moving = any(row.evidence.get("absent", 0) < 2 for row in rows)
            event = session.scalar(
                select(InboundEvent.id).where(InboundEvent.state == InboundState.WAITING).limit(1)
            )
        hooks = self.platforms.get(Platform.INSTAGRAM)
        told = hooks is None or hooks.order("waiting") == "0"
        return told and not moving and event is None and self.has_all()


def _share(total: int, number: int, parts: int = WAVES) -> int:
    """A part of ``total``; all of them together are ``total``."""
    return total * (number + 1) // parts - total * number // parts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.bench_kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--platforms", default="x,instagram", help="which, with commas between")
    parser.add_argument("--processes", type=int, default=1, choices=[1, 2])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--database-url", help="an empty database, instead of one of its own")
    parser.add_argument("--seed", type=int, default=9, help="of the moments, and of the faults")
    parser.add_argument("--no-hide", dest="hide", action="store_false", help="hide nothing")
    return parser.parse_args()


def main() -> int:
    asked = _arguments()
    if asked.processes == 2 and asked.database == "sqlite" and not asked.database_url:
        asked.database = "postgresql"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shenava-kill-")))
        url = asked.database_url or f"sqlite:///{folder / 'bench.db'}"
        if asked.database == "postgresql" and not asked.database_url:
            server = stack.enter_context(postgresql_server())
            url = stack.enter_context(server.database(migrated=False))
        clock = FastClock(time.time(), SCALE)
        sides = tuple(SIDES[name] for name in asked.platforms.split(","))
        bench = Bench(folder, url, clock, asked, random.Random(asked.seed), sides)
        begin = time.monotonic()
        try:
            bench.open()
            bench.play()
            hooks = bench.platforms.get(Platform.INSTAGRAM)
            told = hooks.order("told") if hooks else ""
        finally:
            for platform in bench.platforms.values():
                platform.end()
        with bench.store() as store:
            found = reckon(store, folder, clock, sides)
    seconds = time.monotonic() - begin
    wrong = found.wrong
    if found.rows != asked.answers:
        wrong.append(f"{found.rows} rows in the outbox, not {asked.answers}")
    found.tell(bench.written, told)
    print(json.dumps({"kills": bench.kills, **found.figures, "seconds": round(seconds, 1),
                      "platforms": found.by_platform}))  # fmt: skip
    figures = found.figures
    bad = figures["messages_lost"] or figures["messages_doubled"] or figures["sent_twice"]
    return int(bool(bad or wrong))


if __name__ == "__main__":
    sys.exit(main())
