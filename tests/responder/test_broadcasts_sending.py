"""Promises of a broadcast that leaves: everyone once, each with an end, nobody left out unsaid."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.broadcasting import CONTENT, AnnouncingShop, names
from support.platform import PRICE, Fate, ScriptedPlatform, per_account

from responder.broadcasts import drafting, running
from responder.broadcasts.drafting import BroadcastError, Notice
from responder.broadcasts.progress import Outcome
from responder.policy import Policy
from shenava.clock import SetClock
from shenava.messages import Deed, MessageKind
from shenava.store import (
    Account,
    AccountState,
    BroadcastState,
    CaseState,
    Fact,
    FactKind,
    OutboxState,
    PausedBecause,
    Spend,
    Stage,
    Store,
)


@pytest.fixture
def shop(store: Store, clock: SetClock, policy: Policy) -> AnnouncingShop:
    return AnnouncingShop(store, ScriptedPlatform(clock), policy).open()


def _facts(shop: AnnouncingShop, kind: FactKind) -> list[Fact]:
    with shop.store.read() as session:
        return list(session.scalars(select(Fact).where(Fact.kind == kind).order_by(Fact.id)))


def test_one_public_post_and_every_open_complaint_are_told_once(shop: AnnouncingShop) -> None:
    shop.complain(names(5))
    shop.complain(["in_public"], kind=MessageKind.MENTION)
    number = shop.announce()
    assert shop.accepted() == []
    shop.work()
    assert Counter(shop.accepted()) == Counter(["post", "c6", *(f"id-{name}" for name in names(5))])
    row = shop.row(number)
    assert row.state is BroadcastState.DONE
    assert shop.progress(number).counts() == {"sent": 7}
    assert all(case.first_response_at is not None for case in shop.cases())
    assert all(case.state is CaseState.OPEN for case in shop.cases())


def test_nothing_leaves_within_the_time_to_undo(shop: AnnouncingShop) -> None:
    number = shop.announce()
    shop.work(after=timedelta(seconds=9))
    with shop.store.write() as session:
        assert drafting.withdraw(session, shop.writer, number, shop.store.clock.now())
    shop.work(after=timedelta(minutes=5))
    assert shop.accepted() == []


def test_who_opted_out_or_was_blocked_after_the_plan_is_not_told_and_named(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(3))
    number = shop.announce()
    shop.set_person("customer0", opted_out_at=shop.store.clock.now())
    shop.set_person("customer1", blocked_at=shop.store.clock.now())
    shop.work()
    assert sorted(shop.accepted()) == ["id-customer2", "post"]
    reasons = {row.to_native_id: row.reason for row in shop.outbox(number)}
    assert reasons["id-customer0"] == "opted_out"
    assert reasons["id-customer1"] == "blocked"
    assert shop.progress(number).counts() == {"sent": 2, "refused": 2}


def test_what_fails_for_one_stops_no_other_and_only_it_is_tried_again(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(4))
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    shop.work(Fate.FINE, Fate.REJECTED, Fate.FINE, *[Fate.UNREACHABLE] * 1)
    for _ in range(12):
        shop.work(*[Fate.UNREACHABLE], after=timedelta(minutes=6))
    counts = shop.progress(number).counts()
    assert counts == {"sent": 2, "refused": 1, "failed": 1}
    assert shop.row(number).state is BroadcastState.DONE
    before = Counter(shop.accepted())
    with shop.store.write() as session:
        now = shop.store.clock.now()
        assert running.retry_failed(session, shop.writer, number, now, shop.platform.rules) == 1
    shop.work()
    assert shop.progress(number).counts() == {"sent": 3, "refused": 1}
    assert sum((Counter(shop.accepted()) - before).values()) == 1
    assert max(Counter(shop.accepted()).values()) == 1
    assert shop.row(number).state is BroadcastState.DONE


def test_a_token_that_dies_holds_its_own_channel_and_nothing_is_lost(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(6))
    number = shop.announce()
    shop.work(Fate.FINE, Fate.UNAUTHORISED)
    with shop.store.read() as session:
        assert session.get_one(Account, shop.account).state is AccountState.UNAUTHORISED
    counted = shop.progress(number)
    assert (counted.of(Outcome.SENT), counted.of(Outcome.WAITING)) == (1, 6)
    assert shop.row(number).state is BroadcastState.SENDING
    with shop.store.write() as session:
        session.execute(update(Account).values(state=AccountState.CONNECTED))
    shop.work()
    assert shop.progress(number).counts() == {"sent": 7}
    assert max(Counter(shop.accepted()).values()) == 1


def test_a_channel_without_money_waits_and_what_never_left_is_told_at_the_end(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(3))
    number = shop.announce()
    shop.work(Fate.FINE, Fate.PAYMENT)
    with shop.store.read() as session:
        account = session.get_one(Account, shop.account)
    assert account.paused_because is PausedBecause.PAYMENT
    shop.work(after=timedelta(hours=13))
    assert shop.row(number).state is BroadcastState.DONE
    assert shop.progress(number).counts() == {"sent": 1, "refused": 3}
    assert {row.reason for row in shop.outbox(number)} == {None, "expired"}
    with shop.store.read() as session:
        assert session.scalar(select(Spend.micros).where(Spend.what.like("send:%"))) == PRICE


def test_paused_nothing_leaves_and_going_on_sends_the_rest(shop: AnnouncingShop) -> None:
    shop.platform.limits = (per_account(2, timedelta(minutes=15)),)
    shop.complain(names(5))
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    shop.work()
    assert len(shop.accepted()) == 2
    with shop.store.write() as session:
        assert running.pause(session, shop.writer, number, shop.store.clock.now())
    shop.work(after=timedelta(hours=1))
    assert len(shop.accepted()) == 2
    with shop.store.write() as session:
        assert running.go_on(session, shop.writer, number, shop.store.clock.now())
    shop.work_until_done(number)
    assert sorted(shop.accepted()) == sorted(f"id-{name}" for name in names(5))


def test_stopped_nobody_more_is_told_and_everyone_has_an_end(shop: AnnouncingShop) -> None:
    shop.platform.limits = (per_account(2, timedelta(minutes=15)),)
    shop.complain(names(5))
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    shop.work()
    with shop.store.write() as session:
        assert running.stop(session, shop.writer, number, shop.store.clock.now())
        assert not running.stop(session, shop.writer, number, shop.store.clock.now())
    shop.work(after=timedelta(hours=2))
    assert len(shop.accepted()) == 2
    assert shop.progress(number).counts() == {"sent": 2, "stopped": 3}
    assert shop.row(number).state is BroadcastState.STOPPED
    with pytest.raises(BroadcastError), shop.store.write() as session:
        running.retry_failed(
            session, shop.writer, number, shop.store.clock.now(), shop.platform.rules
        )


@pytest.mark.parametrize("fate", [Fate.LOST_ANSWER, Fate.LOST_REQUEST])
def test_an_unknown_outcome_is_looked_up_and_nobody_is_told_twice(
    shop: AnnouncingShop, fate: Fate
) -> None:
    shop.complain(names(4))
    number = shop.announce()
    shop.work(Fate.FINE, fate, Fate.FINE)
    shop.work_until_done(number)
    assert shop.progress(number).counts() == {"sent": 5}
    assert max(Counter(shop.accepted()).values()) == 1


def test_a_pace_is_kept_over_all_rows_of_an_account(shop: AnnouncingShop) -> None:
    window = timedelta(minutes=15)
    shop.platform.limits = (per_account(3, window),)
    shop.complain(names(9))
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    shop.work_until_done(number)
    times = sorted(at for at, _, _ in shop.platform.accepted)
    assert len(times) == 9
    for at, later in zip(times, times[3:], strict=False):
        assert later - at >= window


def test_money_is_a_hard_stop_in_the_middle_of_a_convoy(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    from support.shop import connect_shop

    account = connect_shop(store, money_limit_micros=3 * PRICE)
    shop = AnnouncingShop(store, ScriptedPlatform(clock), policy, account=account).open()
    shop.complain(names(5))
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    planned = shop.progress(number).counts()
    assert planned == {"waiting": 3, "left_out": 2}
    shop.work()
    assert len(shop.accepted()) == 3
    with store.read() as session:
        assert session.scalar(select(Spend.micros)) == 3 * PRICE


def test_on_resolved_the_cases_are_closed_by_choice_but_not_of_who_wrote_again(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(2))
    shop.announce(Notice(CONTENT, shop.aim(), stage=Stage.RESOLVED, close_cases=True))
    shop.complain(["customer1"], text="it is still late, a complaint")
    shop.work()
    states = [case.state for case in shop.cases()]
    assert states == [CaseState.CLOSED, CaseState.OPEN]


def test_reports_are_told_of_start_posts_and_end(shop: AnnouncingShop) -> None:
    shop.complain(names(2))
    shop.complain(["stranger"], kind=MessageKind.MENTION, summoned=False)
    shop.set_person("customer1", opted_out_at=shop.store.clock.now())
    number = shop.announce()
    shop.work()
    (started,) = _facts(shop, FactKind.BROADCAST_STARTED)
    assert started.details["broadcast"] == number
    assert (started.details["places"], started.details["people"]) == (1, 2)
    (posted,) = _facts(shop, FactKind.BROADCAST_POSTED)
    assert (posted.details["broadcast"], posted.details["deed"]) == (number, Deed.POST)
    (ended,) = _facts(shop, FactKind.BROADCAST_ENDED)
    assert ended.details["recipients"] == {"sent": 3, "left_out": 1}
    assert ended.details["reasons"] == {"left_out:opted_out": 1}


def test_a_row_of_a_broadcast_waits_behind_nobodys_answer(shop: AnnouncingShop) -> None:
    """The queue of answers does not see it at all: neither holds the other up."""
    from service.sending import run_due

    shop.complain(names(2))
    number = shop.announce()
    shop.store.clock.advance(timedelta(seconds=20))  # type: ignore[attr-defined]
    shop.tick()
    run_due(shop.store, shop.platform, shop.policy)
    assert shop.accepted() == []
    assert {row.state for row in shop.outbox(number)} == {OutboxState.QUEUED}
