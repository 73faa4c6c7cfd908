"""What a person does to cases: done once however often it is asked for, and never blindly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from support.factories import START, incoming
from support.judges import WordJudge

from collectors.intake import take_in
from responder import casework, people
from responder.casework import NOTE_LIMIT
from responder.policy import Policy
from responder.record import CaseworkError, Deed, Done, Refusal
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.store import (
    Audit,
    Case,
    CaseRead,
    CaseState,
    Change,
    Customer,
    Fact,
    FactKind,
    Identity,
    Note,
    Role,
    Store,
    User,
    UserState,
)

SARA, ALI, GONE = 1, 2, 3
LATER = START + timedelta(hours=2)


@pytest.fixture
def shop(store: Store, judge: WordJudge, policy: Policy) -> Store:
    """Three people who work here (one no longer), and three customers who wrote."""
    with store.write() as session:
        for number, name in ((SARA, "Sara"), (ALI, "Ali"), (GONE, "Gone")):
            session.add(
                User(
                    id=number,
                    email=f"{name}@shop.example",
                    name=name,
                    role=Role.AGENT,
                    state=UserState.DISABLED if number == GONE else UserState.ACTIVE,
                    password_hash="x",
                    session_key="k",
                    created_at=START,
                )
            )
    texts = ("پول کم شد ولی سفارش ثبت نشد فوری", "قیمت چند است؟", "late, a complaint")
    take_in(
        store,
        [incoming(str(n), text, author=f"user{n}") for n, text in enumerate(texts, start=1)],
    )
    Pipeline(store, judge, policy).run_until_idle()
    return store


@pytest.fixture
def cases(shop: Store) -> list[int]:
    """The three cases, by the order of their messages."""
    with shop.read() as session:
        return list(session.scalars(select(Case.id).order_by(Case.conversation_id)))


def do(store: Store, deed: Callable[[Session], Done]) -> Done:
    with store.write() as session:
        return deed(session)


def case(store: Store, case_id: int) -> Case:
    with store.read() as session:
        return session.get_one(Case, case_id)


def deeds(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.scalars(select(Audit.action).order_by(Audit.id)))


def changes(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(Change)) or 0


def test_a_case_given_twice_is_given_once(shop: Store, cases: list[int]) -> None:
    before = changes(shop)
    for _ in range(2):
        do(shop, lambda s: casework.assign(s, SARA, cases[:2], START, ALI))
    assert [case(shop, key).assignee_id for key in cases] == [ALI, ALI, None]
    assert deeds(shop) == [Deed.ASSIGNED, Deed.ASSIGNED]
    assert changes(shop) == before + 2


def test_nobody_takes_what_someone_else_took_meanwhile(shop: Store, cases: list[int]) -> None:
    do(shop, lambda s: casework.assign(s, ALI, cases[:1], START, ALI))
    with pytest.raises(CaseworkError) as caught:
        do(shop, lambda s: casework.assign(s, SARA, cases[:1], START, SARA, expected=None))
    assert caught.value.refusal is Refusal.TAKEN
    assert case(shop, cases[0]).assignee_id == ALI
    do(shop, lambda s: casework.assign(s, SARA, cases[:1], START, SARA, expected=ALI))
    assert case(shop, cases[0]).assignee_id == SARA


@pytest.mark.parametrize("to", [GONE, 99])
def test_a_case_goes_only_to_someone_who_works_here(shop: Store, cases: list[int], to: int) -> None:
    with pytest.raises(CaseworkError):
        do(shop, lambda s: casework.assign(s, SARA, cases, START, to))
    assert deeds(shop) == []


def test_closing_is_counted_once(shop: Store, cases: list[int]) -> None:
    first = do(shop, lambda s: casework.close(s, SARA, cases, LATER))
    second = do(shop, lambda s: casework.close(s, ALI, cases, LATER + timedelta(hours=1)))
    assert first.changed == tuple(sorted(cases))
    assert second.changed == ()
    with shop.read() as session:
        facts = session.scalars(select(Fact).where(Fact.kind == FactKind.CASE_CLOSED)).all()
    assert [fact.details["by"] for fact in facts] == [SARA] * 3
    opened = {case(shop, key).opened_at.isoformat() for key in cases}
    assert {fact.details["opened_at"] for fact in facts} == opened
    assert {case(shop, key).closed_at for key in cases} == {LATER}


@pytest.mark.parametrize("name", ["close", "snooze"])
def test_nothing_unread_is_put_away(
    shop: Store, cases: list[int], clock: SetClock, name: str
) -> None:
    with shop.read() as session:
        seen = casework.newest_message(session)
    take_in(shop, [incoming("again", "سلام؟", author="user1")])

    def deed(session: Session) -> Done:
        if name == "close":
            return casework.close(session, SARA, cases, START, seen_upto=seen)
        return casework.snooze(session, SARA, cases, START, LATER, seen_upto=seen)

    done = do(shop, deed)
    assert done.left == (cases[0],)
    assert set(done.changed) == set(cases[1:])
    assert case(shop, cases[0]).state is CaseState.OPEN


def test_reopening_makes_a_new_case_about_the_same_messages(
    shop: Store, cases: list[int], policy: Policy
) -> None:
    closed = cases[0]
    do(shop, lambda s: casework.close(s, SARA, [closed], LATER))
    done = do(shop, lambda s: casework.reopen(s, SARA, [closed], LATER, policy))
    (new,) = done.changed
    before, after = case(shop, closed), case(shop, new)
    assert before.state is CaseState.CLOSED
    assert after.state is CaseState.OPEN
    assert after.reopened_from_id == closed
    assert after.message_count == 0
    assert (after.priority, after.urgent, after.complaint) == (3, True, True)
    assert after.waiting_since == after.opened_at == LATER
    assert after.due_at is not None and after.due_at > LATER


def test_what_is_opened_again_twice_opens_once(
    shop: Store, cases: list[int], policy: Policy
) -> None:
    do(shop, lambda s: casework.close(s, SARA, cases[:1], LATER))
    do(shop, lambda s: casework.reopen(s, SARA, cases[:1], LATER, policy))
    assert do(shop, lambda s: casework.reopen(s, ALI, cases[:1], LATER, policy)).changed == ()
    assert deeds(shop).count(Deed.REOPENED) == 1


def test_a_case_opened_again_and_again_stays_about_its_messages(
    shop: Store, cases: list[int], policy: Policy
) -> None:
    key = cases[0]
    for _ in range(3):
        at = key
        do(shop, lambda s, at=at: casework.close(s, SARA, [at], LATER))
        (key,) = do(shop, lambda s, at=at: casework.reopen(s, SARA, [at], LATER, policy)).changed
    assert case(shop, key).reopened_from_id == cases[0]
    assert case(shop, key).priority == 3


def test_what_the_customer_writes_next_belongs_to_the_reopened_case(
    shop: Store, cases: list[int], policy: Policy
) -> None:
    do(shop, lambda s: casework.close(s, SARA, cases[:1], LATER))
    (new,) = do(shop, lambda s: casework.reopen(s, SARA, cases[:1], LATER, policy)).changed
    take_in(shop, [incoming("again", "سلام؟", author="user1")])
    assert case(shop, new).message_count == 1
    assert case(shop, cases[0]).message_count == 1


def test_a_snoozed_case_comes_back_at_its_time(shop: Store, cases: list[int]) -> None:
    do(shop, lambda s: casework.snooze(s, SARA, cases[:2], START, LATER))
    do(shop, lambda s: casework.snooze(s, SARA, cases[2:], START, LATER + timedelta(hours=1)))
    assert do(shop, lambda s: casework.wake_snoozed(s, LATER - timedelta(seconds=1))).changed == ()
    assert do(shop, lambda s: casework.wake_snoozed(s, LATER)).changed == tuple(sorted(cases[:2]))
    assert do(shop, lambda s: casework.wake_snoozed(s, LATER)).changed == ()
    states = [case(shop, key).state for key in cases]
    assert states == [CaseState.OPEN, CaseState.OPEN, CaseState.SNOOZED]
    assert deeds(shop).count(Deed.WOKEN) == 2


def test_a_snoozed_case_comes_back_when_the_customer_writes(shop: Store, cases: list[int]) -> None:
    do(shop, lambda s: casework.snooze(s, SARA, cases[:1], START, LATER))
    take_in(shop, [incoming("again", "سلام؟", author="user1")])
    assert case(shop, cases[0]).state is CaseState.OPEN


def test_a_snoozed_case_can_be_taken_up_again_and_closed(shop: Store, cases: list[int]) -> None:
    do(shop, lambda s: casework.snooze(s, SARA, cases[:2], START, LATER))
    assert do(shop, lambda s: casework.unsnooze(s, SARA, cases, START)).changed == tuple(cases[:2])
    do(shop, lambda s: casework.snooze(s, SARA, cases[:1], START, LATER))
    do(shop, lambda s: casework.close(s, SARA, cases[:1], LATER))
    assert case(shop, cases[0]).snoozed_until is None


@pytest.mark.parametrize("until", [START, START - timedelta(days=1), START + timedelta(days=400)])
def test_no_case_is_snoozed_into_the_past_or_for_good(
    shop: Store, cases: list[int], until: object
) -> None:
    with pytest.raises(CaseworkError):
        do(shop, lambda s: casework.snooze(s, SARA, cases, START, until))  # type: ignore[arg-type]


def test_a_note_is_kept_and_its_text_stays_out_of_the_trail(shop: Store, cases: list[int]) -> None:
    do(shop, lambda s: casework.note(s, SARA, cases[0], START, "  called the bank\r\ntwice "))
    with shop.read() as session:
        written = session.scalars(select(Note)).one()
        trail = session.scalars(select(Audit)).one()
    assert written.text == "called the bank\ntwice"
    assert trail.details == {"note": written.id}


@pytest.mark.parametrize("text", ["", " \n ", "x" * (NOTE_LIMIT + 1)])
def test_an_empty_or_endless_note_is_refused(shop: Store, cases: list[int], text: str) -> None:
    with pytest.raises(CaseworkError):
        do(shop, lambda s: casework.note(s, SARA, cases[0], START, text))


def test_who_is_blocked_triggers_nothing_until_unblocked(
    shop: Store, cases: list[int], policy: Policy
) -> None:
    for _ in range(2):
        do(shop, lambda s: people.block(s, SARA, cases[0], START, policy))
    blocked = case(shop, cases[0])
    assert (blocked.priority, blocked.due_at, blocked.needs_answer) == (0, None, False)
    do(shop, lambda s: people.unblock(s, SARA, cases[0], START, policy))
    assert case(shop, cases[0]).priority == 3
    assert deeds(shop) == [Deed.BLOCKED, Deed.UNBLOCKED]


def test_a_vip_waits_less(shop: Store, cases: list[int], policy: Policy) -> None:
    before = case(shop, cases[1])
    for _ in range(2):
        do(shop, lambda s: people.mark_vip(s, SARA, cases[1], START, policy))
    after = case(shop, cases[1])
    assert after.priority == before.priority + 1
    assert before.due_at and after.due_at and after.due_at < before.due_at
    do(shop, lambda s: people.unmark_vip(s, SARA, cases[1], START, policy))
    assert case(shop, cases[1]).due_at == before.due_at
    with shop.read() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 1
        assert session.scalar(select(func.count(Identity.customer_id))) == 1
    assert deeds(shop) == [Deed.VIP, Deed.NOT_VIP]


def test_reading_never_goes_backwards(shop: Store, cases: list[int]) -> None:
    for count in (2, 1, 3, 2):
        with shop.write() as session:
            casework.mark_read(session, SARA, cases[0], count)
    with shop.read() as session:
        assert session.scalars(select(CaseRead.message_count)).all() == [3]


def test_what_is_not_there_is_refused_in_a_sentence(shop: Store, policy: Policy) -> None:
    with pytest.raises(CaseworkError, match="There is no such case"):
        do(shop, lambda s: casework.note(s, SARA, 999, START, "x"))
    assert do(shop, lambda s: casework.close(s, SARA, [999], START)) == Done()
    assert do(shop, lambda s: casework.reopen(s, SARA, [999], START, policy)) == Done()
