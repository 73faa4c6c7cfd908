"""Is anyone told twice, or silently left out, however often the process is killed?

    python -m benchmarks.bench_broadcast                     killed 200 times, 10,000 recipients
    python -m benchmarks.bench_broadcast --database postgresql --processes 2
    python -m benchmarks.bench_broadcast --pace 30 --processes 3 --recipients 900
    python -m benchmarks.bench_broadcast --throughput        without a limit: recipients a second
    python -m benchmarks.bench_broadcast --plan 100000       how long the plan of so many takes

A worker (feeding, convoys, looking up, all as in the service) tells everyone through a simulated
platform and is killed with SIGKILL at random moments; of the requests one in fifty is carried out
and never answered, and some get 429 or 500. Then the platform's own ledger is compared with ours.

The last line on standard output is one JSON object. Killed: ``kills``, ``recipients``,
``sent_twice``, ``left_out`` (neither told nor named with a reason), ``unknown``, ``seconds``. The
exit code is 1 when anything is not as it must be.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

from benchmarks.broadcast_parts import (
    Channels,
    Faults,
    InstantChannel,
    PlatformProcess,
    Ways,
    WireChannel,
    be_a_worker,
    open_shop,
    seed_people,
)
from benchmarks.kill_parts import FastClock, fork, kill
from config import Settings
from responder.broadcasts import drafting
from responder.broadcasts.content import Aim, Content, Place
from responder.broadcasts.drafting import Notice
from responder.broadcasts.planning import house_of, plan_broadcast
from responder.broadcasts.running import tick
from responder.outbox import Asker
from responder.policy import policy_of
from service.broadcasting import Fleet
from shenava.clock import Clock, SystemClock
from shenava.messages import Intent, Language
from shenava.store import (
    Broadcast,
    BroadcastState,
    Identity,
    OutboxRow,
    OutboxState,
    Recipient,
    RecipientState,
    Store,
)
from shenava.store.migrations import upgrade
from tests.support.databases import postgresql_server

SCALE = 10.0
"""How much faster than the machine's clock a killed worker lives: leases are minutes."""

SHORTEST_S, LONGEST_S = 0.05, 0.9
CALM_S = 400.0
FAULTS = Faults(unanswered=0.02, limited=0.01, broken=0.01, slow_s=0.04)
COMPLAINING = 0.2


@dataclass(slots=True)
class Bench:
    """One run."""

    folder: Path
    url: str
    asked: argparse.Namespace
    clock: Clock
    account: int = 0
    number: int = 0
    recipients: int = 0
    channels: Channels = field(init=False)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, closed before the next process is made."""
        store = Store(self.url, self.clock)
        try:
            yield store
        finally:
            store.close()

    def open(self, people: int) -> None:
        with self.store() as store:
            upgrade(store)
            self.account = open_shop(store)
            seed_people(store, self.account, people, COMPLAINING)

    def write(self, store: Store) -> tuple[float, float]:
        """Write a notice to everyone, and plan it; seconds that the plan and its ledger took."""
        content = Content({Language.EN: "Payment is down. We are on it."})
        aim = Aim(
            places=(Place(self.account, Language.EN),),
            intents=frozenset({Intent.PAYMENT}),
            open_windows=True,
        )
        with store.write() as session:
            notice = Notice(content, aim, lasts_hours=168)
            now = store.clock.now()
            self.number = drafting.create(session, Asker("bench", "1"), notice, now).id
        begin = time.perf_counter()
        plan = plan_broadcast(store, self.number, self.channels.rules, house_of(Settings()), None)
        took = time.perf_counter() - begin
        assert plan is not None
        self.recipients = len(plan.lines)
        with store.write() as session:
            drafting.release(
                session, None, self.number, plan.hash, store.clock.now(), None,
                second_person=False,
            )  # fmt: skip
        return took, plan.seconds

    def worker(self) -> int:
        alone = self.asked.processes == 1

        def body() -> None:
            be_a_worker(self.url, self.clock, self.channels, alone=alone)

        return fork(body, self.folder / "worker.log")

    def is_done(self) -> bool:
        with self.store() as store, store.read() as session:
            row = session.get_one(Broadcast, self.number)
            looking = session.scalar(
                select(OutboxRow.id).where(OutboxRow.look_at.is_not(None)).limit(1)
            )
        return row.state is BroadcastState.DONE and looking is None

    def calm(self, holds: Callable[[], bool]) -> bool:
        workers = [self.worker() for _ in range(self.asked.processes)]
        until = time.monotonic() + CALM_S
        try:
            while not holds():
                if time.monotonic() > until:
                    print(f"not decided within {CALM_S:.0f} s", file=sys.stderr)
                    return False
                time.sleep(0.3)
            return True
        finally:
            for number in workers:
                kill(number)

    def reckon(self, taken: list[tuple[float, str, str]]) -> tuple[dict[str, Any], list[str]]:
        """Compare the platform's ledger with ours."""
        times = Counter(to for _, to, _ in taken)
        with self.store() as store, store.read() as session:
            lines = session.execute(
                select(
                    Recipient.key,
                    Recipient.state,
                    Recipient.reason,
                    OutboxRow.state,
                    OutboxRow.reason,
                    Identity.key,
                )
                .outerjoin(OutboxRow, OutboxRow.id == Recipient.outbox_id)
                .outerjoin(Identity, Identity.id == Recipient.identity_id)
                .where(Recipient.broadcast_id == self.number)
            ).all()
            people = set(session.scalars(select(Identity.key)))
        wrong = []
        silent = people - {native for *_, native in lines}
        unknown = 0
        for key, state, reason, outbox, why, native in lines:
            to = native.removeprefix("id:") if native else "everyone"
            came = times[to]
            if outbox is OutboxState.UNKNOWN:
                unknown += 1
            elif outbox is OutboxState.SENT:
                if came != 1:
                    wrong.append(f"{key} is sent, and the platform took it in {came} times")
            elif came:
                wrong.append(f"{key} is {outbox or state}, and the platform took it in")
            elif not (why if outbox is not None else reason):
                silent.add(key)
        if state_of := [one for one in lines if one[1] is RecipientState.WAITING]:
            wrong.append(f"{len(state_of)} still wait")
        figures = {
            "recipients": len(lines),
            "sent_twice": sum(count - 1 for count in times.values()),
            "left_out": len(silent),
            "unknown": unknown,
        }
        return figures, wrong


# What can be asked for.


def killed(bench: Bench) -> tuple[dict[str, Any], list[str]]:
    asked = bench.asked
    draw = random.Random(asked.seed)
    platform = PlatformProcess(bench.folder, FAULTS, asked.seed)
    ways = Ways(None)
    clock = bench.clock
    bench.channels = Channels(lambda: WireChannel(platform.address, clock), ways)
    bench.open(asked.recipients - 1)
    with bench.store() as store:
        bench.write(store)
    begin = time.monotonic()
    kills = 0
    workers: list[int] = []
    try:
        while kills < asked.kills:
            while len(workers) < asked.processes:
                workers.append(bench.worker())
            time.sleep(draw.uniform(SHORTEST_S, LONGEST_S) / len(workers))
            kill(workers.pop(draw.randrange(len(workers))))
            kills += 1
        for number in workers:
            kill(number)
        bench.calm(bench.is_done)
    finally:
        platform.end()
    seconds = round(time.monotonic() - begin, 1)
    figures, wrong = bench.reckon(platform.taken())
    return {"kills": kills, **figures, "seconds": seconds}, wrong


def paced(bench: Bench) -> tuple[dict[str, Any], list[str]]:
    asked = bench.asked
    platform = PlatformProcess(bench.folder, Faults(), asked.seed)
    clock = bench.clock
    bench.channels = Channels(lambda: WireChannel(platform.address, clock), Ways(asked.pace))
    bench.open(asked.recipients)
    with bench.store() as store:
        bench.write(store)
    try:
        bench.calm(bench.is_done)
    finally:
        platform.end()
    taken = platform.taken()
    figures, wrong = bench.reckon(taken)
    times = sorted(at for at, _, _ in taken)
    worst = max(
        sum(1 for later in times[place : place + 4 * asked.pace] if later < at + 1.0)
        for place, at in enumerate(times)
    )
    span = times[-1] - times[0]
    # A full window leaves at once; each further one, the last not quite full, a second later.
    reached = -(-(len(times) - asked.pace) // asked.pace) / span
    if worst > asked.pace:
        wrong.append(f"{worst} within one second, and {asked.pace} are allowed")
    if reached < 0.95:
        wrong.append(f"only {reached:.1%} of the pace was reached")
    return {
        "pace": asked.pace,
        "processes": asked.processes,
        **figures,
        "reached": round(reached, 3),
        "most_in_a_second": worst,
        "seconds": round(span, 1),
    }, wrong


def fast(bench: Bench) -> tuple[dict[str, Any], list[str]]:
    """In this process, so that memory can be watched."""
    clock = bench.clock
    bench.channels = Channels(lambda: InstantChannel("", clock), Ways(None))
    bench.open(bench.asked.recipients)
    process = psutil.Process()
    with bench.store() as store:
        bench.write(store)
        before = process.memory_info().rss
        peak = [before]
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.05):
                peak[0] = max(peak[0], process.memory_info().rss)

        threading.Thread(target=watch, daemon=True).start()
        fleet = Fleet(store, bench.channels, policy_of(Settings()))
        while bench_waits(store, bench.number):
            time.sleep(0.05)
        begin = time.perf_counter()
        feeding = threading.Thread(target=_feed, args=(store, bench.number, over), daemon=True)
        feeding.start()
        while not over.is_set():
            if not fleet.run():
                time.sleep(0.005)
        seconds = time.perf_counter() - begin
    with bench.store() as store, store.read() as session:
        sent = len(
            session.scalars(select(OutboxRow.id).where(OutboxRow.state == OutboxState.SENT)).all()
        )
    wrong = [] if sent == bench.recipients else [f"{sent} of {bench.recipients} were sent"]
    return {
        "recipients": sent,
        "recipients_per_s": round(sent / seconds),
        "seconds": round(seconds, 2),
        "rss_mb_before": round(before / 2**20),
        "rss_mb_peak": round(peak[0] / 2**20),
    }, wrong


def bench_waits(store: Store, number: int) -> bool:
    """Whether the time to undo is not over yet."""
    with store.read() as session:
        row = session.get_one(Broadcast, number)
        return row.not_before is not None and row.not_before > store.clock.now()


def _feed(store: Store, number: int, over: threading.Event) -> None:
    while not over.is_set():
        if not tick(store, None, lambda wanted: None):
            time.sleep(0.005)
        with store.read() as session:
            if session.get_one(Broadcast, number).state is BroadcastState.DONE:
                over.set()


def planned(bench: Bench) -> tuple[dict[str, Any], list[str]]:
    bench.channels = Channels(lambda: InstantChannel("", bench.clock), Ways(None))
    bench.open(bench.asked.plan)
    # As the service does when it has started.
    gc.collect()
    gc.freeze()
    with bench.store() as store:
        took, _ = bench.write(store)
    return {"people": bench.recipients - 1, "plan_seconds": round(took, 2)}, []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.bench_broadcast", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--recipients", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1, choices=[1, 2, 3])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--pace", type=int, help="a limit a second, kept and reached")
    parser.add_argument("--throughput", action="store_true", help="without a limit")
    parser.add_argument("--plan", type=int, metavar="PEOPLE", help="plan for so many")
    parser.add_argument("--seed", type=int, default=3, help="of the moments, and of the faults")
    return parser.parse_args()


def main() -> int:
    asked = _arguments()
    job = planned if asked.plan else fast if asked.throughput else paced if asked.pace else killed
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shenava-cast-")))
        url = f"sqlite:///{folder / 'bench.db'}"
        if asked.database == "postgresql":
            server = stack.enter_context(postgresql_server())
            url = stack.enter_context(server.database(migrated=False))
        clock: Clock = FastClock(time.time(), SCALE) if job is killed else SystemClock()
        figures, wrong = job(Bench(folder, url, asked, clock))
        log = folder / "worker.log"
        if log.exists() and (odd := log.read_text(encoding="utf-8")):
            print(f"the workers' log:\n{odd[-4000:]}", file=sys.stderr)
    for sentence in wrong[:40]:
        print(sentence, file=sys.stderr)
    print(json.dumps(figures))
    return int(bool(figures.get("sent_twice") or figures.get("left_out") or wrong))


if __name__ == "__main__":
    sys.exit(main())
