"""Promises of looking: what was deleted there goes here within a day, and no cent too much."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.factories import START, incoming
from support.judges import WordJudge
from support.platform import READ_PRICE, ScriptedPlatform
from support.shop import add_person, connect_shop

from collectors.intake import take_in
from collectors.lookups import DAILY
from responder.casework import close
from responder.policy import Policy
from service.looking import run_one
from service.pipeline import Pipeline
from shenava.channels import RateLimited, Unreachable
from shenava.clock import SetClock
from shenava.messages import Incoming, MediaKind, MediaRef, MessageKind, Source
from shenava.store import (
    Attachment,
    Case,
    Message,
    MessageVersion,
    Note,
    RemovedBecause,
    Spend,
    Store,
    VerdictRow,
)
from shenava.store.search import matching_messages

WORDS = "my card number is four four four and I am very angry, urgent complaint"


@pytest.fixture
def platform(store: Store, clock: SetClock) -> ScriptedPlatform:
    connect_shop(store, money_limit_micros=1_000_000)
    return ScriptedPlatform(clock)


def _bring(store: Store, platform: ScriptedPlatform, policy: Policy, *items: Incoming) -> None:
    for item in items:
        platform.write(item)
    take_in(store, items)
    Pipeline(store, WordJudge(), policy).run_until_idle()


def _look(store: Store, platform: ScriptedPlatform, policy: Policy, per_day: int = 100) -> int:
    runs = 0
    while run_one(store, platform, policy, per_day) is not None:
        runs += 1
    return runs


def test_what_its_author_deleted_is_gone_within_a_day(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    first = replace(
        incoming("1", "before: " + WORDS),
        media=(MediaRef("m", None, MediaKind.PHOTO, "my card"),),
    )
    edited = replace(first, native_key="2", text=WORDS, edited_from=("1",))
    _bring(store, platform, policy, first, edited, incoming("3", "still here"))
    sara = add_person(store)
    with store.write() as session:
        case_id = session.scalars(select(Case.id)).first()
        for text in (f"she says: {WORDS}!", "a note of ours"):
            session.add(Note(case_id=case_id, user_id=sara, text=text, written_at=clock.now()))
    platform.deleted.add("2")
    clock.advance(timedelta(hours=24))
    _look(store, platform, policy)
    with store.read() as session:
        gone = session.scalars(select(Message).where(Message.native_key == "2")).one()
        assert (gone.text, gone.raw, gone.search_text, gone.permalink) == ("", None, "", None)
        assert gone.removed_because is RemovedBecause.DELETED
        assert session.scalars(select(MessageVersion.text)).all() == [None]
        assert session.scalars(select(Attachment.id)).all() == []
        assert session.scalars(
            select(VerdictRow.why).where(VerdictRow.message_id == gone.id)
        ).all() == [[]]
        assert sorted(session.scalars(select(Note.text))) == ["", "a note of ours"]
        found = matching_messages(session, "angry")
        assert found is not None and session.scalars(found).all() == []
        assert session.scalars(select(Case.message_count)).all() == [2]
        still = session.scalars(select(Message).where(Message.native_key == "3")).one()
        assert still.text == "still here"


def test_nothing_is_taken_in_again(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    item = incoming("1", WORDS)
    _bring(store, platform, policy, item)
    platform.locked_away.add("1")
    clock.advance(timedelta(hours=24))
    _look(store, platform, policy)
    later = replace(item, native_key="2", edited_from=("1",), text=WORDS + "!", media=())
    photo = MediaRef("m", "https://pictures.test/a", MediaKind.PHOTO)
    for again in (
        replace(item, source=Source.IMPORT),
        replace(item, source=Source.SEARCH, media=(photo,)),
        later,
        replace(later, edited_from=()),
    ):
        assert take_in(store, [again]).new == 0
    Pipeline(store, WordJudge(), policy).run_until_idle()
    with store.read() as session:
        message = session.scalars(select(Message)).one()
        assert (message.text, message.removed_because) == ("", RemovedBecause.HIDDEN)
        assert session.scalars(select(Attachment.id)).all() == []
        assert session.scalars(select(MessageVersion.text)).all() in ([], [None])


def test_a_case_of_which_nothing_is_left_wants_no_answer(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    _bring(store, platform, policy, incoming("1", WORDS))
    with store.read() as session:
        assert session.scalars(select(Case.needs_answer)).one()
    platform.deleted.add("1")
    clock.advance(timedelta(hours=24))
    _look(store, platform, policy)
    with store.read() as session:
        case = session.scalars(select(Case)).one()
        assert (case.needs_answer, case.waiting_since, case.judged) == (False, None, True)
        assert case.message_count == 1


def test_open_cases_are_looked_at_daily_others_ever_more_seldom(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    _bring(store, platform, policy, incoming("open", author="a"), incoming("closed", author="b"))
    sara = add_person(store)
    with store.write() as session:
        case_id = session.scalars(
            select(Message.case_id).where(Message.native_key == "closed")
        ).one()
        close(session, sara, [case_id], clock.now())
    for _ in range(40):
        clock.advance(timedelta(hours=24))
        _look(store, platform, policy)
    times = {key: sum(key in keys for keys in platform.looked_up) for key in ("open", "closed")}
    assert times["open"] == 40
    assert times["closed"] <= 13


def test_open_cases_come_first_and_the_number_a_day_holds(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    _bring(store, platform, policy, *(incoming(f"c{n}", author=f"a{n}") for n in range(5)))
    sara = add_person(store)
    with store.write() as session:
        close(session, sara, session.scalars(select(Case.id)).all(), clock.now())
    _bring(store, platform, policy, incoming("live", author="z", minutes_ago=600))
    clock.advance(timedelta(hours=24))
    _look(store, platform, policy, per_day=3)
    assert [len(keys) for keys in platform.looked_up] == [3]
    assert "live" in platform.looked_up[0]
    with store.read() as session:
        asked = select(Spend.what, Spend.micros).where(Spend.day == clock.now().date())
        spent = {row.what: row.micros for row in session.execute(asked)}
    assert spent["post"] == 3 * READ_PRICE


def test_half_of_the_budget_is_kept_for_what_is_new(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    _bring(store, platform, policy, incoming("1"))
    with store.write() as session:
        session.add(
            Spend(
                app_id=1,
                day=START.date(),
                what="owned_post",
                count=1,
                micros=600_000,
            )
        )
    clock.advance(DAILY)
    assert _look(store, platform, policy) == 0
    assert platform.looked_up == []


@pytest.mark.parametrize("kind", ["unreachable", "limited"])
def test_a_failure_removes_nothing_and_is_tried_again(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock, kind: str
) -> None:
    _bring(store, platform, policy, incoming("1"))
    clock.advance(DAILY)
    until = clock.now() + timedelta(minutes=15)
    platform.look_errors.append(
        Unreachable("no route") if kind == "unreachable" else RateLimited(until, named=True)
    )
    _look(store, platform, policy)
    clock.advance(timedelta(hours=2))
    _look(store, platform, policy)
    assert len(platform.looked_up) == 2
    with store.read() as session:
        assert session.scalars(select(Message.removed_at)).all() == [None]


def test_what_the_platform_does_not_answer_about_stays(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    take_in(store, [incoming("unknown")])
    clock.advance(DAILY)
    _look(store, platform, policy)
    with store.read() as session:
        assert session.scalars(select(Message.removed_at)).all() == [None]


def test_private_messages_and_imports_are_not_looked_up(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    take_in(
        store,
        [
            incoming("1", kind=MessageKind.DM, source=Source.INBOX),
            incoming("2", source=Source.IMPORT),
        ],
    )
    clock.advance(timedelta(days=3))
    assert _look(store, platform, policy) == 0


def test_two_workers_do_not_pay_for_one_look(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    from collectors import lookups

    _bring(store, platform, policy, incoming("1"))
    clock.advance(DAILY)
    assert lookups.claim_due(store, platform.rules, platform.tariff, 100) is not None
    assert lookups.claim_due(store, platform.rules, platform.tariff, 100) is None


def test_a_reopened_case_is_looked_at_within_the_day(
    store: Store, platform: ScriptedPlatform, policy: Policy, clock: SetClock
) -> None:
    _bring(store, platform, policy, incoming("1"))
    with store.write() as session:
        session.execute(update(Message).values(look_at=clock.now() + timedelta(days=30)))
    _look(store, platform, policy)
    clock.advance(timedelta(hours=24))
    assert _look(store, platform, policy) == 1
