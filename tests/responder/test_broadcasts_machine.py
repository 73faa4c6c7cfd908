"""The great promise of a broadcast: whatever happens, each is told at most once, and has an end.

Hypothesis plays an outage night: notices are written, planned, approved, paused, stopped, tried
again, followed up; people opt out and are blocked meanwhile; workers are killed at any statement or
between the commit and the request; requests are taken in and never answered. In the end every line
of every ledger says what the platform knows.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from support.broadcasting import CONTENT, AnnouncingShop, names
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import START
from support.platform import Fate, Killed, ScriptedPlatform, kill, per_account
from support.stops import stop_at

from responder import outbox
from responder.broadcasts import drafting, running
from responder.broadcasts.content import Aim, Content
from responder.broadcasts.drafting import BroadcastError, Notice
from responder.broadcasts.progress import Outcome
from responder.convoy import Arrived, Departed, arrive, depart
from responder.dispatch import Means
from responder.policy import Policy
from service.broadcasting import Lines
from service.sending import run_due
from shenava.clock import SetClock
from shenava.messages import Language
from shenava.store import Broadcast, BroadcastState, OutboxRow, OutboxState, Stage, Store

PEOPLE = 5
FATES = st.lists(
    st.sampled_from(
        [Fate.FINE, Fate.FINE, *set(Fate) - {Fate.UNAUTHORISED, Fate.PAYMENT, Fate.SLOW}]
    ),
    max_size=5,
)
PICK = st.integers(0, 20)


class Night(RuleBasedStateMachine):
    """Set ``databases`` and ``policy`` in a subclass."""

    databases: Any
    policy: Policy

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = SetClock(START)
        self.store = Store(self.stack.enter_context(self.databases.database()), self.clock)
        self.stack.callback(self.store.close)
        platform = ScriptedPlatform(self.clock, limits=(per_account(4, timedelta(minutes=15)),))
        self.shop = AnnouncingShop(self.store, platform, self.policy).open()
        self.platform = platform
        self.numbers: list[int] = []
        self.left_out_since: dict[int, set[str]] = {}

    @initialize()
    def customers_complain(self) -> None:
        self.shop.complain(names(PEOPLE))

    # What people do.

    @rule(follow=st.booleans(), pick=PICK, second=st.booleans())
    def announce(self, follow: bool, pick: int, second: bool) -> None:
        words = f"Notice {len(self.numbers)}."
        content = (
            Content({Language.EN: words})
            if self.numbers
            else replace(CONTENT, texts={Language.EN: words})
        )
        parent = self._started(pick) if follow else None
        aim = replace(self.shop.aim(), intents=frozenset()) if parent else self.shop.aim()
        stage = Stage.RESOLVED if parent else Stage.INVESTIGATING
        notice = Notice(
            content, Aim(places=aim.places, intents=aim.intents), stage, parent_id=parent
        )
        number = self.shop.write(notice)
        plan = self.shop.plan(number)
        if not plan.told:
            return
        self.shop.release(number, plan, second_person=second)
        if second:
            with self.store.write() as session:
                assert drafting.approve(
                    session, self.shop.second, number, plan.hash, self.clock.now(), None
                )
        self.numbers.append(number)

    @rule(pick=PICK, what=st.sampled_from(["pause", "go_on", "stop", "withdraw"]))
    def press(self, pick: int, what: str) -> None:
        if not self.numbers:
            return
        deeds = {
            "pause": running.pause,
            "go_on": running.go_on,
            "stop": running.stop,
            "withdraw": drafting.withdraw,
        }
        with self.store.write() as session:
            deeds[what](session, self.shop.writer, self._pick(pick), self.clock.now())

    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        if self.numbers:
            with self.store.write() as session, suppress(BroadcastError):
                running.retry_failed(
                    session,
                    self.shop.writer,
                    self._pick(pick),
                    self.clock.now(),
                    self.platform.rules,
                )

    @rule(who=st.integers(0, PEOPLE - 1), blocked=st.booleans())
    def someone_wants_no_more(self, who: int, blocked: bool) -> None:
        column = "blocked_at" if blocked else "opted_out_at"
        self.shop.set_person(f"customer{who}", **{column: self.clock.now()})
        self.left_out_since.setdefault(who, set()).update(self._texts_to(who))

    @rule()
    def settle(self) -> None:
        """A person looks at what the machine could not find, and tells the truth."""
        with self.store.read() as session:
            rows = session.execute(
                select(OutboxRow.id, OutboxRow.text, OutboxRow.to_native_id).where(
                    OutboxRow.state == OutboxState.UNKNOWN, OutboxRow.look_at.is_(None)
                )
            ).all()
        for row_id, text, to in rows:
            keys = [
                key
                for _, key, sent in self.platform.accepted
                if (sent.text, sent.to_native_id) == (text, to)
            ]
            with self.store.write() as session:
                outbox.settle(
                    session,
                    self.shop.writer,
                    row_id,
                    self.clock.now(),
                    self.policy,
                    sent=bool(keys),
                    native_key=keys[0] if keys else None,
                )

    # What workers and platforms do.

    @rule(fates=FATES)
    def work(self, fates: list[Fate]) -> None:
        self._work(fates)

    @rule(fates=FATES, statement=st.integers(0, 60))
    def work_and_be_killed(self, fates: list[Fate], statement: int) -> None:
        with suppress(Killed), stop_at(self.store, statement, kill):
            self._work(fates)

    @rule(seconds=st.sampled_from([1, 11, 61, 400, 4_000]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def _work(self, fates: list[Fate]) -> None:
        """One thread does what the service's threads do, so that a kill ends all of it."""
        self.platform.fates = deque(fates)
        means = Means(self.platform.connect, self.platform.rules, self.policy, Random(1))
        with suppress(Killed):
            while self.shop.tick():
                pass
            lines = Lines(self.platform.connect)
            while (convoy := depart(self.store, means, "night", 3)).rows:
                came = [self._carry(lines, one) for one in convoy.rows]
                arrive(self.store, means, came)
            run_due(self.store, self.platform, self.policy, chance=Random(1))
            self.shop.tick()
        self.platform.fates.clear()

    def _carry(self, lines: Lines, one: Departed) -> Arrived:
        return Arrived(one, lines.carry(one, self.clock.now()), self.clock.now())

    def _pick(self, pick: int) -> int:
        return self.numbers[pick % len(self.numbers)]

    def _started(self, pick: int) -> int | None:
        with self.store.read() as session:
            found = session.scalars(
                select(Broadcast.id).where(Broadcast.started_at.is_not(None))
            ).all()
        return found[pick % len(found)] if found else None

    def _texts_to(self, who: int) -> set[str]:
        return {
            sent.text
            for _, _, sent in self.platform.accepted
            if sent.to_native_id == f"id-customer{who}"
        }

    # What must hold, always and in the end.

    @invariant()
    def nobody_is_told_the_same_twice(self) -> None:
        told = [
            (sent.to_native_id, sent.to_key, sent.text) for _, _, sent in self.platform.accepted
        ]
        assert len(told) == len(set(told))

    @invariant()
    def who_wants_no_more_hears_no_more(self) -> None:
        for who, before in self.left_out_since.items():
            assert self._texts_to(who) <= before

    @invariant()
    def the_pace_is_kept(self) -> None:
        times = sorted(at for at, _, _ in self.platform.accepted)
        for at, later in zip(times, times[4:], strict=False):
            assert later - at >= timedelta(minutes=15)

    def teardown(self) -> None:
        with self.stack:
            self._morning()

    def _morning(self) -> None:
        for number in self.numbers:
            with self.store.write() as session:
                running.go_on(session, self.shop.writer, number, self.clock.now())
        for _ in range(40):
            self.clock.advance(timedelta(minutes=21))
            self.settle()
            self._work([])
            if all(self._has_ended(number) for number in self.numbers):
                break
        self.nobody_is_told_the_same_twice()
        self.who_wants_no_more_hears_no_more()
        for number in self.numbers:
            self._ledger_is_true(number)

    def _has_ended(self, number: int) -> bool:
        return not self.shop.progress(number).moves and self.shop.row(number).state in (
            BroadcastState.DONE,
            BroadcastState.STOPPED,
            BroadcastState.WITHDRAWN,
        )

    def _ledger_is_true(self, number: int) -> None:
        row = self.shop.row(number)
        counted = self.shop.progress(number)
        if row.state is BroadcastState.WITHDRAWN:
            return
        assert self._has_ended(number), (row.state, counted)
        assert counted.of(Outcome.UNKNOWN) == 0
        for one in self.shop.outbox(number):
            came = sum(
                (sent.text, sent.to_native_id, sent.to_key)
                == (one.text, one.to_native_id, one.to_key)
                for _, _, sent in self.platform.accepted
            )
            assert came == (one.state is OutboxState.SENT), (one.state, one.reason, one.evidence)
            assert (
                one.state is OutboxState.SENT or one.reason or (one.state is OutboxState.CANCELLED)
            )


def _run(databases: Any, policy: Policy, **bounds: int) -> None:
    machine = type("Machine", (Night,), {"databases": databases, "policy": policy})
    run_state_machine_as_test(
        machine,
        settings=settings(
            stateful_step_count=bounds["steps"],
            max_examples=bounds["examples"],
            # Shrinking such a machine takes longer than a test may; the steps are few enough.
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_whatever_happens_each_is_told_once_and_has_an_end_on_sqlite(
    sqlite_files: SqliteFiles, policy: Policy
) -> None:
    _run(sqlite_files, policy, steps=20, examples=30)


def test_whatever_happens_each_is_told_once_and_has_an_end_on_postgresql(
    postgresql: PostgresqlServer, policy: Policy
) -> None:
    _run(postgresql, policy, steps=15, examples=6)
