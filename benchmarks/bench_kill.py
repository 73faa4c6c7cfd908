"""Is anything lost, doubled, or sent twice, however often the process is killed?

    python -m benchmarks.bench_kill --kills 200 --answers 500 --pages 40 --processes 1

A worker (pipeline, collecting, sending, all as in the service) works against a simulated X and is
killed with SIGKILL at random moments, while pages wait to be read and answers to be sent; one
request in fifty is carried out by the platform and never answered, and now and then the platform
hides what it took in without an answer. Then the worker is left alone until everything is decided,
and the platform's own ledger is compared with the database.

The last line on standard output is one JSON object: ``kills``, ``messages_lost``,
``messages_doubled``, ``sent_twice``, ``unknown``, ``seconds``. What else was found is told on
standard error; the exit code is 1 when anything was lost, doubled, sent twice, told wrongly, or
left unknown without need.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.kill_parts import (
    PAGE,
    SEARCHED,
    FastClock,
    FastWays,
    PlatformProcess,
    Written,
    be_a_worker,
    fork,
    kill,
)
from rehearsal.x import World
from responder.outbox import Asker, Draft, Plan, enqueue
from shenava.channels.x import query_of
from shenava.messages import Deed, MessageKind, Platform, Source
from shenava.store import (
    Account,
    AccountState,
    App,
    Case,
    Fact,
    FactKind,
    Feed,
    Message,
    OutboxRow,
    OutboxState,
    Store,
)
from shenava.store.migrations import upgrade
from shenava.vault import Vault
from tests.support.databases import postgresql_server

WAVES = 5
"""In which pages and answers come, so that there is work at every moment."""

SCALE = 40.0
"""How much faster than the machine's clock worker and platform live."""

SHORTEST_S, LONGEST_S = 0.05, 0.9
"""How long a worker lives before it is killed."""

CALM_S = 240.0
"""How long everything may take to be decided in the end."""


@dataclass(slots=True)
class Bench:
    """One run of the benchmark."""

    folder: Path
    url: str
    clock: FastClock
    asked: argparse.Namespace
    draw: random.Random
    platform: PlatformProcess = field(init=False)
    base_url: str = field(init=False)
    kills: int = 0
    written: int = 0
    answers: int = 0

    # --- the stage --------------------------------------------------------------------------

    def open(self) -> None:
        """The platform, the database, an account with four feeds."""
        self.platform = PlatformProcess(self.folder, self.clock, self.asked.seed)
        told = json.loads((self.folder / "x.json").read_text(encoding="utf-8"))
        self.base_url = told["base_url"]
        keys = told["credentials"]
        vault = Vault(self.folder / "vault.key")
        with self.store() as store:
            upgrade(store)
            with store.write() as session:
                now = store.clock.now()
                app = App(platform=Platform.X, name="bench", created_at=now)
                session.add(app)
                session.flush()
                account = Account(
                    platform=Platform.X,
                    handle=keys["username"],
                    native_id=keys["user_id"],
                    app_id=app.id,
                    state=AccountState.CONNECTED,
                    created_at=now,
                    connected_at=now,
                    credentials=vault.lock(
                        {
                            "consumer_key": keys["consumer_key"],
                            "consumer_secret": keys["consumer_secret"],
                            "token": keys["access_token"],
                            "token_secret": keys["access_token_secret"],
                        }
                    ),
                )
                session.add(account)
                session.flush()
                query = query_of([SEARCHED], keys["username"])
                for source in (Source.MENTION, Source.INBOX, Source.OWN, Source.SEARCH):
                    session.add(
                        Feed(
                            account_id=account.id,
                            source=source,
                            query=query if source is Source.SEARCH else "",
                            every_s=60,
                            next_at=now,
                            sweep_at=now + timedelta(minutes=30),
                        )
                    )

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, closed before the next process is made."""
        store = Store(self.url, self.clock)
        try:
            yield store
        finally:
            store.close()

    def worker(self) -> int:
        alone = self.asked.processes == 1

        def body() -> None:
            be_a_worker(self.url, self.folder, self.clock, self.base_url, alone)

        return fork(body, self.folder / "worker.log")

    # --- the play ---------------------------------------------------------------------------

    def play(self) -> None:
        """1. Something to answer is taken in. 2. In waves, pages wait and answers are to go out,
        while workers are killed. 3. They are left alone until all is decided."""
        self.write(Written.pages(-(-2 * self.asked.answers // PAGE)))
        self.calm(lambda: self.has_all())
        self.platform.order("break")
        for wave in range(WAVES):
            self.write(Written.pages(_share(self.asked.pages, wave)))
            self.enqueue(_share(self.asked.answers, wave))
            self.kill_workers(_share(self.asked.kills, wave))
        self.platform.order("mend")
        self.calm(lambda: self.is_decided())

    def write(self, wave: Written) -> None:
        self.written += wave.total
        self.platform.write(wave)

    def enqueue(self, count: int) -> None:
        """Answers to messages that have none yet, public and private."""
        rules = {Platform.X: FastWays()}
        with self.store() as store, store.write() as session:
            now = store.clock.now()
            account_id = session.scalars(select(Account.id)).one()
            waiting = session.execute(
                select(Message.id, Message.kind)
                .where(
                    Message.kind.in_([MessageKind.MENTION, MessageKind.DM]),
                    ~select(OutboxRow.id).where(OutboxRow.message_id == Message.id).exists(),
                )
                .order_by(Message.id)
                .limit(count)
            ).all()
            assert len(waiting) == count, f"{len(waiting)} messages to answer, not {count}"
            for message_id, kind in waiting:
                self.answers += 1
                deed = Deed.DM if kind is MessageKind.DM else Deed.ANSWER
                words = f"We are on it, number {self.answers}."
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
            if self.asked.hide:
                self.platform.order("hide")
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

    def is_decided(self) -> bool:
        """All was taken in, every feed was read since, and no row of the outbox moves any more."""
        moving = (OutboxState.QUEUED, OutboxState.CLAIMED, OutboxState.SENDING)
        with self.store() as store, store.read() as session:
            row = session.scalar(
                select(OutboxRow.id)
                .where(OutboxRow.state.in_(moving) | OutboxRow.look_at.is_not(None))
                .limit(1)
            )
        return row is None and self.has_all()

    # --- the reckoning ----------------------------------------------------------------------

    def reckon(self, seconds: float) -> tuple[dict[str, Any], list[str]]:
        """The figures, and in words what is not as it must be."""
        world = World(self.clock, self.folder / "x.journal")
        shop = world.named("noora_shop")
        assert shop is not None
        truth = {one.id for one in world.posts.values() if one.author_id != shop.id}
        truth |= {one.id for one in world.dms.values() if one.sender_id != shop.id}
        ledger = [one for one in world.ledger if one.deed in ("post", "dm")]
        texts = Counter(one.text for one in ledger)
        with self.store() as store, store.read() as session:
            keys = list(session.scalars(select(Message.native_key)))
            counted = session.scalar(select(func.sum(Case.message_count))) or 0
            facts = (
                session.scalar(
                    select(func.count())
                    .select_from(Fact)
                    .where(Fact.kind == FactKind.MESSAGE_RECEIVED)
                )
                or 0
            )
            rows = list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))
        world.close()
        doubled = len(keys) - len(set(keys)) + abs(counted - len(keys)) + abs(facts - len(keys))
        unknown = [row for row in rows if row.state is OutboxState.UNKNOWN]
        wrong = [
            f"row {row.id} is {row.state}, and the platform took it in {texts[row.text]} times"
            for row in rows
            if row.state is not OutboxState.UNKNOWN
            and texts[row.text] != (row.state is OutboxState.SENT)
        ]
        hidden = {
            one.text
            for one in ledger
            if one.deed == "post" and world.posts[one.result_id].deleted_at is not None
        }
        wrong += [
            f"row {row.id} is unknown ({row.reason}, {row.evidence}), but the platform shows it"
            for row in unknown
            if texts[row.text] and row.text not in hidden
        ]
        wrong += [f"{key} was taken in, and nobody wrote it" for key in set(keys) - truth]
        if len(rows) != self.asked.answers:
            wrong.append(f"{len(rows)} rows in the outbox, not {self.asked.answers}")
        self._tell(rows, ledger, hidden)
        figures = {
            "kills": self.kills,
            "messages_lost": len(truth - set(keys)),
            "messages_doubled": doubled,
            "sent_twice": sum(count - 1 for count in texts.values()),
            "unknown": len(unknown),
            "seconds": round(seconds, 1),
        }
        return figures, wrong

    def _tell(self, rows: list[OutboxRow], ledger: list[Any], hidden: set[str]) -> None:
        found = Counter(str(row.evidence.get("found", "answered")) for row in rows)
        lost = Counter(one.answer for one in ledger if one.answer != "whole")
        print(
            f"{self.written} messages written; outbox: "
            f"{dict(Counter(row.state.value for row in rows))}, told by {dict(found)}; "
            f"taken in without an answer: {dict(lost)}, hidden: {len(hidden)}",
            file=sys.stderr,
        )
        log = self.folder / "worker.log"
        odd = log.read_text(encoding="utf-8") if log.exists() else ""
        if odd:
            print(f"the workers' log:\n{odd[-8000:]}", file=sys.stderr)


def _share(total: int, wave: int) -> int:
    """The part of ``total`` that falls to one wave; all of them together are ``total``."""
    return total * (wave + 1) // WAVES - total * wave // WAVES


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.bench_kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--processes", type=int, default=1, choices=[1, 2])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--database-url", help="an empty database, instead of one of its own")
    parser.add_argument("--seed", type=int, default=3, help="of the moments, and of the faults")
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
        bench = Bench(folder, url, clock, asked, random.Random(asked.seed))
        begin = time.monotonic()
        bench.open()
        try:
            bench.play()
        finally:
            bench.platform.end()
        figures, wrong = bench.reckon(time.monotonic() - begin)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    print(json.dumps(figures))
    bad = figures["messages_lost"] or figures["messages_doubled"] or figures["sent_twice"]
    return int(bool(bad or wrong))


if __name__ == "__main__":
    sys.exit(main())
