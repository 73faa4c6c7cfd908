"""Promises of collecting: nothing lost, nothing doubled, no false claim, no cent too much."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select
from support.content import content, differences
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import START, incoming
from support.locks import until_someone_waits_for_a_row
from support.platform import READ_PRICE, Killed, ScriptedPlatform, kill
from support.shop import add_feed, connect_shop
from support.stops import stop_at

from collectors import fetch
from collectors.coverage import QUIET, Stretch, gaps
from collectors.fetch import LEASE, Run
from collectors.intake import take_in
from collectors.sweep import SWEEP_BACK, SWEEP_EVERY
from responder.policy import Policy
from responder.record import locked
from service.collecting import run_due, run_one
from shenava.channels import (
    ChannelError,
    OwnMessage,
    PaymentRequired,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.clock import SetClock
from shenava.messages import Deed, Incoming, MessageKind
from shenava.store import (
    Account,
    AccountState,
    Case,
    CaseState,
    Coverage,
    CoverageKind,
    Feed,
    FeedError,
    Message,
    OwnMessageRow,
    PausedBecause,
    Spend,
    Store,
)


class Desk:
    """A shop whose mentions are read, and the platform where they are written."""

    def __init__(self, store: Store, clock: SetClock, policy: Policy, **limits: int) -> None:
        self.store, self.clock, self.policy = store, clock, policy
        self.platform = ScriptedPlatform(clock)
        self.account = connect_shop(store, **limits)
        self.feed_id = add_feed(store, self.account, sweep=True)
        self.number = 0

    def customers_write(self, count: int = 1) -> list[Incoming]:
        written = []
        for _ in range(count):
            self.number += 1
            self.clock.advance(timedelta(seconds=1))
            item = incoming(
                f"m{self.number}", author=f"u{self.number % 5}", written_at=self.clock.now()
            )
            self.platform.write(item)
            written.append(item)
        return written

    def run(self, *, sweep: bool = False) -> Run | None:
        return run_one(self.store, self.platform, self.policy, sweep=sweep, chance=Random(1))

    def wait(self, by: timedelta = timedelta(seconds=70)) -> None:
        self.clock.advance(by)

    def feed(self) -> Feed:
        with self.store.read() as session:
            return session.get_one(Feed, self.feed_id)

    def account_row(self) -> Account:
        with self.store.read() as session:
            return session.get_one(Account, self.account)

    def lines(self) -> list[Coverage]:
        with self.store.read() as session:
            return list(session.scalars(select(Coverage).order_by(Coverage.id)))

    def held(self) -> list[str]:
        with self.store.read() as session:
            return sorted(session.scalars(select(Message.native_key)))

    def written(self) -> list[str]:
        return sorted(item.native_key for item in self.platform.timeline)

    def spent(self) -> int:
        with self.store.read() as session:
            return int(session.scalar(select(func.sum(Spend.micros))) or 0)


@pytest.fixture
def desk(store: Store, clock: SetClock, policy: Policy) -> Desk:
    return Desk(store, clock, policy)


def test_every_page_is_read_and_the_ledger_claims_what_was_covered(desk: Desk) -> None:
    first = desk.customers_write(8)
    assert desk.run() == Run(pages=3, new=8, complete=True)
    assert desk.held() == desk.written()
    (line,) = desk.lines()
    assert (line.kind, line.complete, line.pages, line.new) == (
        CoverageKind.BACKFILL,
        True,
        3,
        8,
    )
    assert (line.covered_from, line.covered_to) == (first[0].written_at, desk.clock.now())
    desk.customers_write(2)
    assert desk.run() is None, "not due yet"
    desk.wait()
    assert desk.run() == Run(pages=1, new=2, complete=True)
    after = desk.lines()[1]
    assert (after.covered_from, after.covered_to) == (line.covered_to, desk.clock.now())


def test_a_kill_at_any_statement_loses_and_doubles_nothing(
    sqlite_files: SqliteFiles, policy: Policy
) -> None:
    """Each statement of a run in turn; the database is a new one each time."""
    clean: dict[str, Any] | None = None
    statement = -1
    killed = True
    while killed:
        with sqlite_files.database() as url:
            clock = SetClock(START)
            store = Store(url, clock)
            desk = Desk(store, clock, policy)
            desk.customers_write(7)
            killed = False
            if statement >= 0:
                try:
                    with stop_at(store, statement, kill):
                        desk.run()
                except Killed:
                    killed = True
            else:
                killed = True
            desk.wait(LEASE)
            while desk.run():
                pass
            held = content(store)
            clean = clean or held
            assert differences(held, clean) == []
            assert desk.held() == desk.written()
            # One reading is one line, however often it was cut off.
            assert [(line.complete, line.messages) for line in desk.lines()][:1] == [(True, 7)]
            assert sum(line.messages for line in desk.lines()) == 7
            store.close()
        statement += 1
    assert statement > 40, "the kills reached into every part of the run"


def test_what_another_worker_reads_is_left_alone_and_its_death_noticed(desk: Desk) -> None:
    desk.customers_write()
    claim = fetch.claim_due(desk.store)
    assert claim is not None
    assert desk.run() is None
    desk.wait(LEASE)
    assert desk.run() == Run(pages=1, new=1, complete=True)
    # The first worker wakes: what it read costs its money, and changes nothing else.
    late = fetch.run(
        desk.store, claim, lambda: desk.platform.connect(1), fetch.Means(tariff=desk.platform)
    )
    assert late == Run()
    assert len(desk.lines()) == 1


@pytest.mark.parametrize(
    ("error", "told", "failures"),
    [
        (Unreachable("x"), FeedError.UNREACHABLE, 1),
        (Rejected(RejectedBecause.BAD_REQUEST), FeedError.REJECTED, 1),
        (ZeroDivisionError(), FeedError.INTERNAL, 1),
        (RateLimited(START + timedelta(minutes=9), named=True), FeedError.RATE_LIMITED, 0),
    ],
)
def test_a_failure_between_pages_is_told_and_the_next_run_goes_on(
    desk: Desk, error: Exception, told: FeedError, failures: int
) -> None:
    desk.customers_write(7)
    desk.platform.read_errors.extend([None, error])
    run = desk.run()
    assert run == Run(pages=1, new=3, error=told)
    feed = desk.feed()
    assert (feed.last_error, feed.failures, feed.claimed_until) == (told, failures, None)
    assert feed.next_at > desk.clock.now()
    if isinstance(error, RateLimited):
        assert feed.next_at > error.retry_at
    desk.clock.advance(feed.next_at - desk.clock.now())
    assert desk.run() == Run(pages=2, new=4, complete=True)
    assert desk.held() == desk.written()
    assert (desk.feed().last_error, desk.feed().failures) == (None, 0)


def test_a_token_that_died_keeps_everything_and_the_night_is_read_on_return(desk: Desk) -> None:
    desk.customers_write(2)
    desk.run()
    before = desk.lines()[0].covered_to
    desk.wait()
    desk.customers_write(2)
    desk.platform.read_errors.append(Unauthorised("the token died"))
    assert desk.run() == Run(error=FeedError.UNAUTHORISED)
    assert desk.account_row().state is AccountState.UNAUTHORISED
    desk.wait(timedelta(hours=9))
    desk.customers_write(5)
    assert desk.run() is None
    with desk.store.write() as session:
        account = session.get_one(Account, desk.account)
        account.state, account.connected_at = AccountState.CONNECTED, desk.clock.now()
    run = desk.run()
    assert run is not None and run.complete
    assert desk.held() == desk.written()
    line = desk.lines()[-1]
    assert (line.covered_from, line.covered_to) == (before, desk.clock.now())
    with desk.store.read() as session:
        day = Stretch(before or START, desk.clock.now())
        assert gaps(session, desk.feed_id, day) == []


def test_an_old_tokens_failure_does_not_disconnect_a_new_one(desk: Desk) -> None:
    desk.customers_write()

    def reconnect_and_fail() -> Any:
        with desk.store.write() as session:
            account = session.get_one(Account, desk.account)
            account.connected_at = desk.clock.now() + timedelta(seconds=1)
        raise Unauthorised("the old token died")

    claim = fetch.claim_due(desk.store)
    assert claim is not None
    fetch.run(desk.store, claim, reconnect_and_fail, fetch.Means())
    assert desk.account_row().state is AccountState.CONNECTED


def test_a_platform_that_wants_money_pauses_the_account(desk: Desk) -> None:
    desk.platform.read_errors.append(PaymentRequired("no money"))
    desk.run()
    account = desk.account_row()
    assert (account.state, account.paused_because) == (
        AccountState.PAUSED,
        PausedBecause.PAYMENT,
    )


def test_the_budget_is_a_hard_stop_until_the_next_month(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    desk = Desk(store, clock, policy, money_limit_micros=7 * READ_PRICE)
    desk.customers_write(20)
    # A page may cost 3: after two of them a third might be too much.
    assert desk.run() == Run(pages=2, new=6, error=FeedError.BUDGET)
    assert desk.spent() == 6 * READ_PRICE
    feed = desk.feed()
    assert feed.next_at == datetime(2026, 2, 1, tzinfo=START.tzinfo)
    assert (feed.held_micros, feed.held_reads) == (0, 0)
    assert desk.account_row().state is AccountState.CONNECTED
    desk.wait(timedelta(days=20))
    assert desk.run() is None
    desk.wait(timedelta(days=9))
    assert desk.run() == Run(pages=2, new=6, error=FeedError.BUDGET)


def test_what_a_killed_run_may_have_spent_stays_set_aside(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    desk = Desk(store, clock, policy, money_limit_micros=5 * READ_PRICE)
    desk.customers_write(2)
    other = add_feed(store, desk.account, fetch.Source.SEARCH)

    def die() -> None:
        raise Killed

    claim = fetch.claim_due(store)
    assert claim is not None and claim.feed_id == desk.feed_id
    desk.platform.read_errors.append(None)
    with pytest.raises(Killed), stop_at(store, 12, die):
        fetch.run(
            store,
            claim,
            lambda: desk.platform.connect(1),
            fetch.Means(tariff=desk.platform, chance=Random(1)),
        )
    assert desk.feed().held_micros == 3 * READ_PRICE
    run = desk.run()
    assert run is not None and run.error is FeedError.BUDGET
    with store.read() as session:
        assert session.get_one(Feed, other).last_error is FeedError.BUDGET


def test_a_first_reading_takes_the_long_past_as_history(desk: Desk) -> None:
    for days, key in ((40, "old"), (0, "new")):
        desk.platform.write(incoming(key, written_at=START - timedelta(days=days, hours=1)))
    desk.run()
    with desk.store.read() as session:
        rows = session.execute(select(Message.native_key, Message.historic))
        assert {row.native_key: row.historic for row in rows} == {"old": True, "new": False}


def test_a_search_that_is_added_later_alerts_on_nothing_old(desk: Desk) -> None:
    """The account has long been connected by then; what counts is when the feed began."""
    desk.run()
    desk.wait(timedelta(days=31))
    with desk.store.write() as session:
        session.get_one(Feed, desk.feed_id).enabled = False
    add_feed(desk.store, desk.account, fetch.Source.SEARCH)
    now = desk.clock.now()
    for days, key in ((20, "old"), (0.5, "new")):
        desk.platform.write(incoming(key, written_at=now - timedelta(days=days)))
    assert desk.run() == Run(pages=1, new=2, complete=True)
    with desk.store.read() as session:
        rows = session.execute(select(Message.native_key, Message.historic))
        assert {row.native_key: row.historic for row in rows} == {"old": True, "new": False}


def test_what_was_missed_while_the_service_was_down_is_no_history(desk: Desk) -> None:
    desk.run()
    desk.wait(timedelta(days=10))
    item = incoming("late", written_at=desk.clock.now() - timedelta(days=8))
    desk.platform.write(item)
    desk.run()
    with desk.store.read() as session:
        assert session.scalars(select(Message.historic)).all() == [False]


@pytest.mark.parametrize("sweep", [False, True])
def test_a_reading_stops_between_two_pages_and_goes_on_where_it_stood(
    desk: Desk, sweep: bool
) -> None:
    desk.customers_write(7)
    if sweep:
        desk.run()
    asked: list[int] = []

    def stopping() -> bool:
        asked.append(1)
        return len(asked) > 1

    def run(stop: Callable[[], bool]) -> Run | None:
        return run_one(
            desk.store, desk.platform, desk.policy, sweep=sweep, chance=Random(1), stopping=stop
        )

    first = run(stopping)
    assert first is not None and (first.pages, first.complete, first.stopped) == (1, False, True)
    feed = desk.feed()
    assert (feed.claimed_until, feed.held_micros, feed.last_error) == (None, 0, None)
    # Due at once: the next start of the service goes on.
    rest = run(lambda: False)
    assert rest is not None and (rest.pages, rest.complete) == (2, True)
    assert desk.held() == desk.written()
    of_kind = [line for line in desk.lines() if (line.kind is CoverageKind.SWEEP) is sweep]
    assert [(line.complete, line.messages) for line in of_kind] == [(True, 7)]


@pytest.mark.parametrize("sweep", [False, True])
def test_a_platform_that_wants_a_pause_between_pages_gets_it_and_nobody_sleeps(
    desk: Desk, sweep: bool
) -> None:
    desk.customers_write(7)
    if sweep:
        desk.run()
    desk.platform.pace = timedelta(seconds=1)
    runs: list[Run] = []
    for _ in range(3):
        run = desk.run(sweep=sweep)
        assert run is not None and run.error is None
        runs.append(run)
        if not run.complete:
            assert desk.run(sweep=sweep) is None, "not before the platform allows it"
            assert (desk.feed().claimed_until, desk.feed().last_error) == (None, None)
            desk.wait(timedelta(seconds=1))
    assert [(run.pages, run.complete) for run in runs] == [(1, False), (1, False), (1, True)]
    assert desk.held() == desk.written()
    of_kind = [line for line in desk.lines() if (line.kind is CoverageKind.SWEEP) is sweep]
    assert [(line.complete, line.messages) for line in of_kind] == [(True, 7)]


def test_a_sweep_counts_what_an_earlier_reading_had_missed(desk: Desk) -> None:
    desk.customers_write(4)
    desk.platform.hidden.add("m2")
    desk.run()
    desk.customers_write(1)
    desk.wait()
    desk.run()
    desk.platform.hidden.clear()
    late = desk.customers_write(1)
    assert desk.run(sweep=True) == Run(pages=2, new=2, repaired=1, complete=True)
    sweep = desk.lines()[-1]
    assert (sweep.kind, sweep.repaired, sweep.complete) == (CoverageKind.SWEEP, 1, True)
    assert desk.held() == desk.written()
    assert desk.run(sweep=True) is None
    # The feed's own reading went on undisturbed: what the sweep saw first is known to it.
    desk.wait()
    assert desk.run() == Run(pages=1, new=0, complete=True)
    assert late[0].native_key in desk.held()
    desk.wait(SWEEP_EVERY)
    assert desk.run(sweep=True) == Run(pages=2, new=0, complete=True)


def test_a_sweep_leaves_the_last_of_the_budget_to_what_is_new(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    desk = Desk(store, clock, policy, money_limit_micros=10 * READ_PRICE)
    desk.customers_write(6)
    desk.run()
    assert desk.run(sweep=True) == Run(error=FeedError.BUDGET)
    desk.customers_write(1)
    desk.wait()
    assert desk.run() == Run(pages=1, new=1, complete=True)
    assert CoverageKind.SWEEP not in {line.kind for line in desk.lines()}


def test_a_platform_that_cannot_reach_back_leaves_a_gap_that_is_told(desk: Desk) -> None:
    desk.customers_write(2)
    desk.run()
    desk.wait(timedelta(hours=1))
    desk.customers_write(9)
    desk.platform.reach = 4
    desk.run()
    before, after = desk.lines()
    assert after.gap and after.complete
    with desk.store.read() as session:
        (hole,) = gaps(session, desk.feed_id, Stretch(START, desk.clock.now()))[1:]
    assert (hole.start, hole.end) == (before.covered_to, after.covered_from)


def test_quiet_runs_share_a_line(desk: Desk) -> None:
    desk.customers_write()
    for _ in range(20):
        desk.run()
        desk.wait()
    lines = desk.lines()
    assert len(lines) < 5
    assert sum(line.pages for line in lines) == 20
    assert max(line.started_at for line in lines) - START < timedelta(minutes=20) + QUIET


def test_run_due_reads_every_feed_that_is_due_once(desk: Desk) -> None:
    add_feed(desk.store, desk.account, fetch.Source.SEARCH)
    desk.customers_write(2)
    assert run_due(desk.store, desk.platform, desk.policy) == 2
    assert run_due(desk.store, desk.platform, desk.policy) == 0


class Reading(RuleBasedStateMachine):
    """A hostile week of one feed. Set ``databases`` and ``policy`` in a subclass."""

    databases: Any
    policy: Policy

    def __init__(self) -> None:
        super().__init__()
        self._database = self.databases.database()
        self.clock = SetClock(START)
        self.store = Store(self._database.__enter__(), self.clock)
        self.desk = Desk(self.store, self.clock, self.policy)
        self.missed: set[str] = set()

    @rule(count=st.integers(1, 7))
    def write(self, count: int) -> None:
        self.desk.customers_write(count)

    @rule()
    def write_unseen(self) -> None:
        """The platform took a message, and shows it late."""
        (item,) = self.desk.customers_write()
        self.desk.platform.hidden.add(item.native_key)

    @rule()
    def show(self) -> None:
        self.desk.platform.hidden.clear()

    @rule(sweep=st.booleans())
    def read(self, sweep: bool) -> None:
        self._read(sweep)

    @rule(sweep=st.booleans(), statement=st.integers(0, 60))
    def read_and_be_killed(self, sweep: bool, statement: int) -> None:
        try:
            with stop_at(self.store, statement, kill):
                self._read(sweep)
        except Killed:
            pass

    @rule(
        pages=st.integers(0, 2),
        error=st.sampled_from(
            [Unreachable("x"), RateLimited(START + timedelta(hours=1), named=True)]
        ),
    )
    def read_and_fail(self, pages: int, error: ChannelError) -> None:
        self.desk.platform.read_errors.extend([None] * pages + [error])
        self._read(sweep=False)
        self.desk.platform.read_errors.clear()

    def _read(self, sweep: bool) -> None:
        self.desk.run(sweep=sweep)

    @rule(minutes=st.sampled_from([1, 5, 40, 200]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @invariant()
    def no_claim_is_false(self) -> None:
        """What a complete line covers is there, but for what the platform had not shown."""
        with self.store.read() as session:
            held = set(session.scalars(select(Message.native_key)))
            claimed = session.execute(
                select(Coverage.covered_from, Coverage.covered_to).where(Coverage.complete)
            ).all()
        self.missed |= self.desk.platform.hidden
        for item in self.desk.platform.timeline:
            if item.native_key not in self.missed and any(
                line.covered_from <= item.written_at <= line.covered_to for line in claimed
            ):
                assert item.native_key in held

    @invariant()
    def the_meter_knows_of_every_message(self) -> None:
        assert self.desk.spent() >= len(self.desk.held()) * READ_PRICE

    def teardown(self) -> None:
        try:
            self._end()
        finally:
            self.store.close()
            self._database.__exit__(None, None, None)

    def _end(self) -> None:
        self.desk.platform.hidden.clear()
        self.desk.platform.read_errors.clear()
        # The first may only end a reading that was cut off, and that began before the last words.
        for _ in range(2):
            self.clock.advance(timedelta(hours=2))
            while (run := self.desk.run()) and not run.complete:
                pass
            assert run is not None
        # Of the last hours: a sweep that was cut off is ended first, and then a new one begins.
        recent = {
            item.native_key
            for item in self.desk.platform.timeline
            if item.written_at > self.clock.now() - SWEEP_BACK
        }
        self._sweep_twice()
        keys = self.desk.held()
        assert len(keys) == len(set(keys))
        lost = set(self.desk.written()) - set(keys)
        assert lost <= self.missed - recent
        repaired = sum(line.repaired for line in self.desk.lines())
        assert repaired <= len(self.missed)
        with self.store.read() as session:
            feed = session.get_one(Feed, self.desk.feed_id)
            stretch = Stretch(START + timedelta(minutes=1), feed.last_ok_at or START)
            first = min(line.covered_from for line in self.desk.lines() if line.covered_from)
            if first < stretch.end:
                assert gaps(session, feed.id, Stretch(first, stretch.end)) == []

    def _sweep_twice(self) -> None:
        for _ in range(2):
            with self.store.write() as session:
                session.get_one(Feed, self.desk.feed_id).sweep_at = self.clock.now()
            run = self.desk.run(sweep=True)
            assert run is not None
            assert run.complete


def _run(databases: Any, policy: Policy, **bounds: int) -> None:
    machine = type("Machine", (Reading,), {"databases": databases, "policy": policy})
    run_state_machine_as_test(
        machine,
        settings=settings(
            stateful_step_count=bounds["steps"],
            max_examples=bounds["examples"],
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_however_reading_goes_nothing_is_lost_on_sqlite(
    sqlite_files: SqliteFiles, policy: Policy
) -> None:
    _run(sqlite_files, policy, steps=25, examples=60)


def test_however_reading_goes_nothing_is_lost_on_postgresql(
    postgresql: PostgresqlServer, policy: Policy
) -> None:
    _run(postgresql, policy, steps=15, examples=10)


def test_a_page_with_customers_and_own_messages_waits_in_the_one_order(
    postgresql_store: Store, clock: SetClock, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of the inbox holds both. Its customers' case comes after the one that its own message
    belongs to: locked as they come, it would wait for who locks them in their order, and they
    for it."""
    # PostgreSQL gives one of two up that wait for each other; here that is not to be made good.
    monkeypatch.setattr("collectors.fetch._REPEATS", 0)
    store, platform = postgresql_store, ScriptedPlatform(clock)
    account = connect_shop(store)
    add_feed(store, account, fetch.Source.INBOX)
    take_in(store, [incoming("1", author="ali", kind=MessageKind.DM)])
    take_in(store, [incoming("2", author="mina", kind=MessageKind.DM)])
    with store.read() as session:
        first, second = session.scalars(select(Case.id).order_by(Case.id)).all()
    platform.write(incoming("3", author="mina", kind=MessageKind.DM, written_at=clock.now()))
    platform.own = [OwnMessage("o1", Deed.ANSWER, "done", clock.now(), reply_to_key="1")]
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            locked(session, [first])
            page = pool.submit(run_one, store, platform, policy)
            until_someone_waits_for_a_row(store)
            # Whoever does something to both cases locks them by their numbers.
            locked(session, [second])
        run = page.result()
    assert run is not None and (run.new, run.error) == (1, None)
    with store.read() as session:
        own = session.scalars(select(OwnMessageRow.case_id)).one()
        assert own == first


def test_an_own_message_of_a_closed_case_opens_nothing_and_hides_nothing(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    """The closed case is locked with the others of the page; what the customer writes opens a
    new one all the same."""
    platform = ScriptedPlatform(clock)
    add_feed(store, connect_shop(store))
    take_in(store, [incoming("1", author="ali")])
    with store.write() as session:
        case = session.scalars(select(Case)).one()
        case.state, case.closed_at, case.waiting_since = CaseState.CLOSED, clock.now(), None
        closed = case.id
    clock.advance(timedelta(minutes=1))
    platform.write(incoming("2", author="ali", written_at=clock.now()))
    platform.own = [OwnMessage("o1", Deed.ANSWER, "done", START, reply_to_key="1")]
    assert run_one(store, platform, policy) is not None
    with store.read() as session:
        cases = session.scalars(select(Case).order_by(Case.id)).all()
        assert [(case.id == closed, case.state) for case in cases] == [
            (True, CaseState.CLOSED),
            (False, CaseState.OPEN),
        ]
        assert cases[1].message_count == 1
