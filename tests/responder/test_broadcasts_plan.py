"""Promises of a plan: everyone is told or named, and what is approved is what leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.answering import ScriptedX
from support.broadcasting import CONTENT, TEXTS, AnnouncingShop, names
from support.factories import START
from support.platform import ScriptedPlatform, per_account

from responder.broadcasts import drafting
from responder.broadcasts.content import Aim, Content, Place
from responder.broadcasts.drafting import BroadcastError, KeyTaken, Notice
from responder.broadcasts.plan import Candidate, LeftOut, Snapshot, Spot, make_plan
from responder.broadcasts.quiet import quiet_hours
from responder.broadcasts.templates import KINDS, STAGE_WORDS, still_to_fill, template
from responder.outbox import Asker
from responder.policy import Policy
from shenava.channels.rules import Facts
from shenava.channels.x import length_of
from shenava.clock import SetClock
from shenava.messages import Deed, Language, MessageKind, Platform
from shenava.store import (
    Audit,
    Broadcast,
    BroadcastState,
    Customer,
    OutboxRow,
    Recipient,
    RecipientKind,
    RecipientState,
    Stage,
    Store,
)


@pytest.fixture
def shop(store: Store, clock: SetClock, policy: Policy) -> AnnouncingShop:
    return AnnouncingShop(store, ScriptedX(clock), policy).open()


def test_everyone_is_told_as_the_platform_allows_or_named_with_the_reason(
    shop: AnnouncingShop,
) -> None:
    shop.complain(["private"])
    shop.complain(["named_us"], kind=MessageKind.MENTION)
    shop.complain(["stranger"], kind=MessageKind.POST, summoned=False)
    shop.complain(["blocked", "left"])
    shop.set_person("blocked", blocked_at=START)
    shop.set_person("left", opted_out_at=START)
    number = shop.write()
    plan = shop.plan(number)
    lines = {
        name: shop.of(name, number)
        for name in ("private", "named_us", "stranger", "blocked", "left")
    }
    assert {name: (line.state, line.deed, line.reason) for name, line in lines.items()} == {
        "private": (RecipientState.WAITING, Deed.DM, None),
        "named_us": (RecipientState.WAITING, Deed.ANSWER, None),
        "stranger": (RecipientState.LEFT_OUT, None, "not_summoned"),
        "blocked": (RecipientState.LEFT_OUT, None, "blocked"),
        "left": (RecipientState.LEFT_OUT, None, "opted_out"),
    }
    assert (plan.told, plan.people) == (3, 2)
    assert sum(plan.left_out.values()) == 3


def test_each_is_told_in_their_own_language_and_the_post_in_the_chosen_one(
    shop: AnnouncingShop,
) -> None:
    shop.complain(["iranian"], text="سفارشم late است، شکایت دارم")
    shop.complain(["english"])
    personal = {Language.FA: "سلام، ببخشید.", Language.EN: "Hello, sorry."}
    number = shop.announce(Notice(replace(CONTENT, personal=personal), shop.aim()))
    shop.work()
    texts = {row.to_native_id: row.text for row in shop.outbox(number)}
    assert texts == {
        None: TEXTS[Language.EN],
        "id-iranian": "سلام، ببخشید.",
        "id-english": "Hello, sorry.",
    }


def test_a_link_costs_what_the_platform_takes_for_it(shop: AnnouncingShop) -> None:
    without = shop.plan(shop.write())
    content = replace(CONTENT, link="https://shop.example/status")
    with_link = shop.plan(shop.write(Notice(content, shop.aim())))
    assert (without.price_micros, with_link.price_micros) == (15_000, 200_000)
    assert with_link.places[0].text.endswith("\nhttps://shop.example/status")


def test_a_customer_with_two_accounts_is_told_once(shop: AnnouncingShop) -> None:
    shop.complain(["one", "two"])
    with shop.store.write() as session:
        customer = Customer(vip=False, created_at=START)
        session.add(customer)
        session.flush()
        number = customer.id
    for name in ("one", "two"):
        shop.set_person(name, customer_id=number)
    plan = shop.plan(shop.write(Notice(CONTENT, shop.aim(place=False))))
    assert Counter(line.reason for line in plan.lines) == {None: 1, LeftOut.TOLD_ELSEWHERE: 1}


def test_whom_the_pace_does_not_reach_in_time_is_left_out_and_told_how_long_the_rest_takes(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    shop = AnnouncingShop(store, ScriptedPlatform(clock), policy).open()
    shop.platform.limits = (per_account(3, timedelta(minutes=15)),)
    shop.complain(names(10))
    plan = shop.plan(shop.write(Notice(CONTENT, shop.aim(place=False), lasts_hours=1)))
    assert plan.people == 10
    shop.platform.limits = (per_account(2, timedelta(minutes=15)),)
    plan = shop.plan(shop.write(Notice(CONTENT, shop.aim(place=False), lasts_hours=1)))
    assert plan.people == 8
    assert plan.left_out == {(shop.account, LeftOut.RATE): 2}
    assert plan.seconds == 3 * 15 * 60


def test_what_is_approved_is_what_leaves(shop: AnnouncingShop) -> None:
    shop.complain(["first"])
    number = shop.write()
    plan = shop.plan(number)
    shop.complain(["second"])
    shop.release(number, plan)
    shop.work()
    assert "id-second" not in shop.accepted()
    with shop.store.write() as session:
        assert not drafting.edit(
            session, shop.writer, number, 1, Notice(CONTENT, shop.aim()), START
        )


def test_a_plan_that_was_made_anew_does_not_leave_by_the_old_one(shop: AnnouncingShop) -> None:
    number = shop.write()
    old = shop.plan(number)
    shop.complain(["second"])
    new = shop.plan(number)
    assert old.hash != new.hash
    with shop.store.write() as session:
        assert not drafting.release(
            session, shop.writer, number, old.hash, START, None, second_person=False
        )
    assert shop.row(number).state is BroadcastState.PLANNED


def test_the_same_snapshot_gives_the_same_plan(shop: AnnouncingShop) -> None:
    shop.complain(names(5))
    snapshot = shop.snapshot(shop.write())
    assert make_plan(CONTENT, snapshot, shop.platform.rules) == make_plan(
        CONTENT, snapshot, shop.platform.rules
    )


def test_nobody_approves_their_own(shop: AnnouncingShop) -> None:
    number = shop.write()
    plan = shop.plan(number)
    shop.release(number, plan, second_person=True)
    shop.work(after=timedelta(hours=1))
    assert shop.accepted() == []
    now = shop.store.clock.now()
    with pytest.raises(BroadcastError), shop.store.write() as session:
        drafting.approve(session, shop.writer, number, plan.hash, now, None)
    with shop.store.write() as session:
        assert not drafting.approve(session, shop.second, number, "another", now, None)
        assert drafting.approve(session, shop.second, number, plan.hash, now, None)
    shop.work()
    assert shop.accepted() == ["post"]
    with shop.store.read() as session:
        assert session.scalars(select(OutboxRow.approved_by)).all() == [shop.second]


def test_the_same_key_writes_one_broadcast_and_refuses_other_words(shop: AnnouncingShop) -> None:
    first = shop.write(key="once")
    assert shop.write(key="once") == first
    with pytest.raises(KeyTaken):
        shop.write(Notice(Content({Language.EN: "Other words."}), shop.aim()), key="once")


def test_in_quiet_hours_it_waits_for_the_morning_unless_it_is_urgent(
    shop: AnnouncingShop,
) -> None:
    from zoneinfo import ZoneInfo

    shop.quiet = quiet_hours("09:00-11:30", ZoneInfo("Asia/Tehran"))  # it is ten there
    waits = shop.announce()
    urgent = shop.announce(Notice(Content({Language.EN: "Urgent."}), shop.aim(), urgent=True))
    shop.work()
    assert shop.row(urgent).state is BroadcastState.DONE
    assert shop.row(waits).state is BroadcastState.SCHEDULED
    shop.work(after=timedelta(minutes=91))
    assert shop.row(waits).state is BroadcastState.DONE


def test_two_accounts_of_one_platform_do_not_post_the_very_same_words() -> None:
    spots = {n: Spot(n, Platform.X, f"shop{n}", None, True) for n in (1, 2, 3)}
    snapshot = Snapshot(
        START,
        START,
        START + timedelta(hours=1),
        True,
        False,
        spots,
        [(1, Language.FA), (2, Language.FA), (3, Language.EN)],
        [],
        0,
    )
    plan = make_plan(CONTENT, snapshot, ScriptedX(SetClock(START)).rules)
    assert [line.reason for line in plan.lines] == [None, LeftOut.SAME_TEXT, None]


def test_a_plan_for_a_hundred_thousand_people_names_each_of_them() -> None:
    people = [
        Candidate(
            identity_id=n,
            kind=RecipientKind.OPEN_WINDOW,
            account_id=1,
            language=Language.EN,
            opted_out=n % 10 == 0,
            ways=(Facts(Deed.DM, wrote_privately=n % 3 > 0, automatic=True),),
        )
        for n in range(100_000)
    ]
    snapshot = Snapshot(
        START,
        START,
        START + timedelta(hours=1),
        True,
        False,
        {1: Spot(1, Platform.X, "shop", None, True)},
        [],
        people,
        0,
    )
    platform = ScriptedX(SetClock(START))
    platform.limits = ()
    plan = make_plan(CONTENT, snapshot, platform.rules)
    assert len({line.key for line in plan.lines}) == 100_000
    assert plan.people + sum(plan.left_out.values()) == 100_000
    assert plan.left_out[1, LeftOut.OPTED_OUT] == 10_000


def test_follow_ups_go_to_the_same_people_under_the_same_post_and_to_nobody_else(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(3))
    shop.complain(["in_public"], kind=MessageKind.MENTION)
    first = shop.announce()
    shop.work()
    shop.complain(["late"])
    shop.set_person("customer1", opted_out_at=shop.store.clock.now())
    shop.platform.accepted.clear()
    content = Content({Language.EN: "Payment works again.", Language.FA: "پرداخت وصل شد."})
    aim = Aim(places=(Place(shop.account, Language.EN),))
    again = shop.announce(Notice(content, aim, Stage.RESOLVED, parent_id=first))
    shop.work()
    post = shop.outbox(first)[0].native_key
    public, *private = shop.platform.accepted
    assert (public[2].deed, public[2].to_key) == (Deed.ANSWER, post)
    assert {sent.to_native_id or sent.to_key for _, _, sent in private} == {
        "id-customer0",
        "id-customer2",
        "c4",
    }
    assert shop.of("customer1", again).reason == "opted_out"
    with pytest.raises(KeyError):
        shop.of("late", again)
    assert all(
        line.kind in (RecipientKind.TOLD_BEFORE, RecipientKind.PLACE)
        for line in shop.ledger(again).values()
    )


def test_a_follow_up_of_what_was_told_to_nobody_is_refused(shop: AnnouncingShop) -> None:
    first = shop.write()
    with pytest.raises(BroadcastError):
        shop.write(Notice(CONTENT, shop.aim(), Stage.RESOLVED, parent_id=first))


def test_the_trail_names_who_did_what_and_no_words(shop: AnnouncingShop) -> None:
    shop.announce()
    shop.work()
    with shop.store.read() as session:
        lines = session.scalars(select(Audit).where(Audit.action.like("broadcast_%"))).all()
        told = {line.action for line in lines}
        whole = str([line.details for line in lines])
        assert session.scalar(select(Broadcast.id)) is not None
        assert session.scalar(select(Recipient.id)) is not None
    assert {"broadcast_written", "broadcast_planned", "broadcast_released"} <= told
    assert "Payment" not in whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", list(Stage))
def test_the_templates_fit_a_post_on_x_in_all_three_languages(kind: str, stage: Stage) -> None:
    words = template(kind, stage)
    for language in (Language.FA, Language.AR, Language.EN):
        assert length_of(words.texts[language], Deed.POST).fits, (kind, stage, language)
        assert STAGE_WORDS[stage][language]
        if words.personal:
            assert length_of(words.personal[language], Deed.ANSWER).fits, (kind, language)
        assert bool(still_to_fill(words.texts[language])) == (kind == "other")


def test_a_draft_can_be_thrown_away_and_tells_nobody(shop: AnnouncingShop) -> None:
    number = shop.write()
    shop.plan(number)
    with shop.store.write() as session:
        assert drafting.withdraw(session, shop.writer, number, START)
        assert drafting.create(
            session, Asker("user:1", "other"), Notice(CONTENT, shop.aim()), START
        )
    shop.work(after=timedelta(hours=1))
    assert shop.accepted() == []
