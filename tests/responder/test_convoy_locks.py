"""Senders on PostgreSQL: none waits for another in a circle, and what one has begun is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import event, select, update
from support.broadcasting import CONTENT, AnnouncingShop, names
from support.locks import until_someone_waits_for_a_row
from support.platform import ScriptedPlatform, per_account
from support.shop import connect_shop

import service.broadcasting
from responder import convoy, outbox
from responder.broadcasts.drafting import Notice
from responder.dispatch import Means, claim_due, dispatch
from responder.outbox import Asker, Draft, Plan
from responder.policy import Policy
from service.broadcasting import Fleet
from service.sending import run_due
from shenava.channels import Outgoing, RateLimited, Sent, Unreachable
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.store import Message, OutboxRow, OutboxState, Spend, Store

RATE, CASES, ROWS, MONEY = range(4)
"""The order in which whoever sends locks what is shared."""


@pytest.fixture
def shop(postgresql_store: Store, clock: SetClock, policy: Policy) -> AnnouncingShop:
    return _shop(postgresql_store, clock, policy)


def _shop(store: Store, clock: SetClock, policy: Policy) -> AnnouncingShop:
    account = connect_shop(store, money_limit_micros=10**9)
    platform = ScriptedPlatform(clock)
    platform.limits = (per_account(100, timedelta(minutes=15)),)
    shop = AnnouncingShop(store, platform, policy, account=account).open()
    shop.complain(names(6))
    return shop


def _means(shop: AnnouncingShop) -> Means:
    return Means(shop.platform.connect, shop.platform.rules, shop.policy, Random(1))


def _fed(shop: AnnouncingShop) -> int:
    """A notice to six people, its rows in the queue."""
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    shop.store.clock.advance(timedelta(seconds=20))  # type: ignore[attr-defined]
    while shop.tick():
        pass
    return number


def _answer(shop: AnnouncingShop) -> None:
    """Someone answers the first of them."""
    with shop.store.write() as session:
        message = session.scalars(select(Message.id).order_by(Message.id)).first()
        draft = Draft(Deed.ANSWER, shop.account, "We see to it.", message_id=message)
        now = shop.store.clock.now()
        asker = Asker(f"user:{shop.writer}", "k", shop.writer)
        outbox.enqueue(session, asker, draft, now, shop.platform.rules, plan=Plan(not_before=now))


def _kind(statement: str) -> int | None:
    """What a statement locks; ``None``: nothing, or only what is free."""
    if "hashtext" in statement:
        return RATE
    if "SKIP LOCKED" in statement or " FOR " not in statement:
        return None
    return next(
        (
            kind
            for kind, table in ((CASES, "cases"), (ROWS, "outbox"), (MONEY, "apps"))
            if f"FROM {table} " in statement.replace("\n", " ")
        ),
        None,
    )


@contextmanager
def _locks(store: Store) -> Iterator[list[list[int]]]:
    """Of each transaction, what it locked, in order."""
    found: list[list[int]] = []

    def begun(*_: Any) -> None:
        found.append([])

    def asked(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        kind = _kind(statement)
        if kind is not None:
            found[-1].append(kind)

    event.listen(store.engine, "begin", begun)
    event.listen(store.engine, "before_cursor_execute", asked)
    try:
        yield found
    finally:
        event.remove(store.engine, "begin", begun)
        event.remove(store.engine, "before_cursor_execute", asked)


def test_answers_and_convoys_lock_in_one_order(shop: AnnouncingShop) -> None:
    _fed(shop)
    _answer(shop)
    with _locks(shop.store) as convoys:
        left = convoy.depart(shop.store, _means(shop), "w", 10)
        later = RateLimited(shop.store.clock.now() + timedelta(minutes=1), named=True)
        came = [convoy.Arrived(one, later, one.at) for one in left.rows]
        convoy.arrive(shop.store, _means(shop), came)
    with _locks(shop.store) as answers:
        run_due(shop.store, shop.platform, shop.policy)
    assert any(set(one) == {RATE, CASES, ROWS, MONEY} for one in convoys)
    assert any(set(one) == {RATE, CASES, ROWS, MONEY} for one in answers)
    for locked in (*convoys, *answers):
        assert [kind for n, kind in enumerate(locked) if kind not in locked[:n]] == sorted(
            set(locked)
        )


def test_slowing_down_waits_for_no_row_that_somebody_else_has(shop: AnnouncingShop) -> None:
    """One is told "later". Of the five behind it one is just being stopped by a person: the other
    four are put off, and that one is waited for by nobody."""
    number = _fed(shop)
    left = convoy.depart(shop.store, _means(shop), "w", 1)
    (departed,) = left.rows
    until = shop.store.clock.now() + timedelta(minutes=5)
    came = convoy.Arrived(departed, RateLimited(until, named=True), departed.at)
    with shop.store.write() as holder:
        queued = select(OutboxRow).where(OutboxRow.state == OutboxState.QUEUED)
        held = holder.scalars(queued.order_by(OutboxRow.id).limit(1).with_for_update()).one().id
        arriving = Thread(
            target=convoy.arrive, args=(shop.store, _means(shop), [came]), daemon=True
        )
        arriving.start()
        arriving.join(20)
        assert not arriving.is_alive()
    put_off = {row.id for row in shop.outbox(number) if row.not_before >= until}
    assert put_off == {row.id for row in shop.outbox(number)} - {held}


def test_what_came_of_an_answer_is_written_down_though_postgresql_gave_it_up(
    shop: AnnouncingShop,
) -> None:
    """Somebody has the money in hand and wants the row; who has the row wants the money."""
    _answer(shop)

    def interfere(begun: Event) -> None:
        with shop.store.write() as other:
            other.execute(update(Spend).values(count=Spend.count))
            begun.set()
            until_someone_waits_for_a_row(shop.store)
            other.scalars(select(OutboxRow).with_for_update()).all()

    class Interfering:
        def send(self, outgoing: Outgoing) -> Sent:
            begun = Event()
            Thread(target=interfere, args=(begun,), daemon=True).start()
            assert begun.wait(20)
            raise Unreachable("no line")

    claim = claim_due(shop.store, "w")
    assert claim is not None
    means = replace(_means(shop), connect=lambda account_id: Interfering())  # type: ignore[arg-type,return-value]
    assert dispatch(shop.store, claim, means) is OutboxState.QUEUED
    with shop.store.read() as session:
        row = session.get_one(OutboxRow, claim.row_id)
        assert (row.reason, row.attempts, row.claimed_until) == ("unreachable", 1, None)


@pytest.fixture
def small_shop(store: Store, clock: SetClock, policy: Policy) -> AnnouncingShop:
    return _shop(store, clock, policy)


def test_what_is_under_way_is_written_down_though_the_next_cannot_leave(
    small_shop: AnnouncingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails just when the second convoy is to leave; the first has left, and its
    answers come after that."""
    shop = small_shop
    number = _fed(shop)
    failed = Event()
    departures = 0

    def once(store: Store, means: Means, worker: str, most: int) -> convoy.Convoy:
        nonlocal departures
        departures += 1
        if departures > 1:
            failed.set()
            raise ConnectionError
        # There is room for more, so that the next is asked for before anything came back.
        return convoy.depart(store, means, worker, most - 1)

    class Slow:
        rules = shop.platform.rules

        def connect(self, account_id: int) -> Any:
            return self

        def send(self, outgoing: Outgoing) -> Sent:
            assert failed.wait(20)
            return shop.platform.connect(shop.account).send(outgoing)

    monkeypatch.setattr(service.broadcasting, "depart", once)
    with pytest.raises(ConnectionError):
        Fleet(shop.store, Slow(), shop.policy, threads=1, most=4).run()
    states = [row.state for row in shop.outbox(number)]
    assert states.count(OutboxState.SENT) == len(shop.accepted()) == 3
    assert states.count(OutboxState.QUEUED) == 3
