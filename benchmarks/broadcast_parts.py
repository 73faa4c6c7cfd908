"""The parts of ``bench_broadcast``: a platform in a process of its own that keeps the truth, the
channel to it, people to be told, and a worker to be killed."""

from __future__ import annotations

import json
import logging
import os
import random
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.kill_parts import fork
from config import Settings
from responder.broadcasts.running import tick
from responder.policy import policy_of
from service import sending
from service.broadcasting import Fleet
from service.recovery import take_over
from shenava.channels import (
    Cursor,
    OutcomeUnknown,
    Outgoing,
    Page,
    Profile,
    RateLimited,
    Reads,
    Sent,
    Unreachable,
)
from shenava.channels.rules import Allowed, Basis, Facts, Length, Limit, Per, Rule, Ruling
from shenava.clock import Clock
from shenava.messages import Deed, Language, MessageKind, Platform, Source
from shenava.store import (
    Account,
    AccountState,
    App,
    Case,
    CaseIntent,
    CaseState,
    Conversation,
    Identity,
    Message,
    Store,
)
from shenava.store.bulk import insert_numbered, insert_rows

BASIS = Basis("benchmarks", date(2026, 1, 1))
WAIT_S = 2.0
"""For so long an answer of the platform is waited for."""


# The platform.


@dataclass(frozen=True, slots=True)
class Faults:
    """Of the requests that send, what share fares how. ``slow_s``: how long a request takes."""

    unanswered: float = 0.0
    limited: float = 0.0
    broken: float = 0.0
    slow_s: float = 0.0


class PlatformProcess:
    """A platform behind a socket of the file system. It writes each thing it takes in into a file
    before it answers; what it answers may get lost."""

    def __init__(self, folder: Path, faults: Faults, seed: int) -> None:
        self.address = str(folder / "platform.sock")
        self.ledger = folder / "platform.ledger"

        def body() -> None:
            _serve(self.address, self.ledger, faults, seed)

        self.number = fork(body, folder / "platform.log")
        until = time.monotonic() + 10
        while not Path(self.address).exists():
            assert time.monotonic() < until, "the platform does not start"
            time.sleep(0.01)

    def end(self) -> None:
        os.kill(self.number, 9)
        os.waitpid(self.number, 0)

    def taken(self) -> list[tuple[float, str, str]]:
        """(time, to whom, words) of all that it took in."""
        if not self.ledger.exists():
            return []
        lines = self.ledger.read_text(encoding="utf-8").splitlines()
        return [(at, to, text) for at, to, text in map(json.loads, lines)]


def _serve(address: str, ledger: Path, faults: Faults, seed: int) -> None:
    draw = random.Random(seed)
    lock = threading.Lock()
    held: dict[tuple[str, str], str] = {}
    out = ledger.open("a", encoding="utf-8", buffering=1)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                asked = json.loads(line)
                answer = self.answer(asked)
                if answer is None:
                    return  # the connection breaks
                self.wfile.write((json.dumps(answer) + "\n").encode())

        def answer(self, asked: dict[str, Any]) -> dict[str, Any] | None:
            to, text = asked["to"], asked["text"]
            if asked["do"] == "find":
                with lock:
                    return {"key": held.get((to, text))}
            if faults.slow_s:
                time.sleep(draw.uniform(0.2, 1.8) * faults.slow_s)
            chance = draw.random()
            if chance < faults.limited:
                return {"error": "429"}
            chance -= faults.limited
            if chance < faults.broken:
                return {"error": "500"}
            with lock:
                key = f"k{len(held)}-{to}"
                held.setdefault((to, text), key)
                out.write(json.dumps([time.time(), to, text]) + "\n")
            if draw.random() < faults.unanswered:
                return None
            return {"key": key}

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever asked was killed."""

    with Server(address, Handler) as server:
        server.serve_forever()


class Ways:
    """Its rules: everything may be sent, ``pace`` a second."""

    def __init__(self, pace: int | None) -> None:
        window = timedelta(seconds=1)
        self._limits = (Limit("send", Per.USER, pace, window, BASIS),) if pace else ()

    def may_answer(self, facts: Facts) -> Ruling:
        return Allowed(Rule("bench.all", "Everything.", BASIS))

    def length_of(self, text: str, deed: Deed = Deed.ANSWER) -> Length:
        return Length(len(text), 1_000)

    def price_of(self, outgoing: Outgoing, summoned: bool = False) -> int:
        return 10

    def limits_of(self, what: Deed) -> tuple[Limit, ...]:
        return self._limits

    def read_price(self, reads: Reads) -> int:
        return 0

    def window_of(self, deed: Deed, opened_at: datetime, now: datetime) -> None:
        return None

    def may_repeat(self, deed: Deed) -> bool:
        return True


class WireChannel:
    """The channel to a :class:`PlatformProcess`; used by one thread at a time."""

    def __init__(self, address: str, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._line: Any = None

    def _ask(self, do: str, outgoing: Outgoing) -> dict[str, Any]:
        if self._line is None:
            wire = socket.socket(socket.AF_UNIX)
            wire.settimeout(WAIT_S)
            wire.connect(self._address)
            self._line = wire.makefile("rwb")
        to = outgoing.to_native_id or outgoing.to_key or "everyone"
        asked = {"do": do, "to": to, "text": outgoing.text}
        self._line.write((json.dumps(asked) + "\n").encode())
        self._line.flush()
        line = self._line.readline()
        if not line:
            self._line = None
            raise ConnectionResetError
        told: dict[str, Any] = json.loads(line)
        return told

    def send(self, outgoing: Outgoing) -> Sent:
        try:
            told = self._ask("send", outgoing)
        except OSError as error:
            self._line = None
            raise OutcomeUnknown(type(error).__name__) from None
        if told.get("error") == "429":
            raise RateLimited(self._clock.now() + timedelta(seconds=1), named=True)
        if told.get("error") == "500":
            raise Unreachable("the platform says that it failed, and did nothing")
        return Sent(told["key"], None, self._clock.now())

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        try:
            told = self._ask("find", outgoing)
        except OSError as error:
            self._line = None
            raise Unreachable(type(error).__name__) from None
        return Sent(told["key"], None, after) if told["key"] else None

    def take_reads(self) -> Reads:
        return Reads(requests=0)

    def check(self) -> Profile:
        return Profile("1", "shop", "Shop", None)

    def sources(self) -> Sequence[Source]:
        return ()

    def read(self, source: Source, cursor: Cursor) -> Page:
        raise NotImplementedError


class InstantChannel(WireChannel):
    """Takes everything at once and keeps nothing: what is measured then is ourselves."""

    def send(self, outgoing: Outgoing) -> Sent:
        return Sent(f"k-{outgoing.to_native_id}", None, self._clock.now())


@dataclass(frozen=True, slots=True)
class Channels:
    """What the service joins."""

    make: Callable[[], WireChannel]
    ways: Ways

    @property
    def rules(self) -> dict[Platform, Ways]:
        return {Platform.TELEGRAM: self.ways}

    def connect(self, account_id: int) -> WireChannel:
        return self.make()


# The shop and its people.


def open_shop(store: Store) -> int:
    """A connected account; returns its number."""
    with store.write() as session:
        now = store.clock.now()
        app = App(platform=Platform.TELEGRAM, name="bench", created_at=now)
        session.add(app)
        session.flush()
        account = Account(
            platform=Platform.TELEGRAM,
            handle="shop",
            native_id="1",
            app_id=app.id,
            state=AccountState.CONNECTED,
            created_at=now,
            connected_at=now,
        )
        session.add(account)
        session.flush()
        return account.id


def seed_people(store: Store, account_id: int, count: int, complaining: float = 0.0) -> None:
    """``count`` people who wrote in private; a share of them has an open complaint."""
    for begin in range(0, count, 5_000):
        some = range(begin, min(count, begin + 5_000))
        with store.write() as session:
            now = store.clock.now() - timedelta(minutes=30)
            people = insert_numbered(
                session,
                Identity,
                [
                    {
                        "platform": Platform.TELEGRAM,
                        "key": f"id:{n}",
                        "handle": f"p{n}",
                        "name": f"Person {n}",
                        "profile_at": now,
                    }
                    for n in some
                ],
            )
            talks = insert_numbered(
                session,
                Conversation,
                [{"account_id": account_id, "identity_id": one, "thread": "dm"} for one in people],
            )
            waits = [n < count * complaining for n in some]
            cases = insert_numbered(
                session,
                Case,
                [
                    _case(account_id, one, talk, now, waits=wait)
                    for one, talk, wait in zip(people, talks, waits, strict=True)
                ],
            )
            insert_rows(
                session,
                Message,
                [
                    {
                        "platform": Platform.TELEGRAM,
                        "scope": "",
                        "native_key": f"m{n}",
                        "kind": MessageKind.DM,
                        "identity_id": one,
                        "conversation_id": talk,
                        "case_id": case,
                        "text": "my payment is lost",
                        "search_text": "payment",
                        "normaliser": 1,
                        "historic": False,
                        "written_at": now,
                        "received_at": now,
                    }
                    for n, one, talk, case in zip(some, people, talks, cases, strict=True)
                ],
            )
            insert_rows(
                session,
                CaseIntent,
                [
                    {"case_id": case, "intent": "payment"}
                    for case, wait in zip(cases, waits, strict=True)
                    if wait
                ],
            )


def _case(account: int, one: int, talk: int, now: datetime, *, waits: bool) -> dict[str, Any]:
    return {
        "conversation_id": talk, "account_id": account, "identity_id": one,
        "state": CaseState.OPEN if waits else CaseState.CLOSED, "historic": False, "priority": 1,
        "rank": 1, "reasons": [], "needs_answer": waits, "opened_at": now,
        "last_message_at": now, "waiting_since": now if waits else None,
        "closed_at": None if waits else now, "message_count": 1, "judged": True,
        "language": Language.EN, "complaint": True,
    }  # fmt: skip


# The worker.


def be_a_worker(url: str, clock: Clock, channels: Channels, *, alone: bool) -> None:
    """Start, feed, send and look up until killed, each in a thread, as the service does."""
    store = Store(url, clock)
    policy = policy_of(Settings())
    if alone:
        take_over(store)
    fleet = Fleet(store, channels, policy)
    jobs: list[Callable[[], object]] = [
        lambda: tick(store, None, lambda wanted: None),
        fleet.run,
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
