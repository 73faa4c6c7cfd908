"""Promises of retriage: a case says what its messages say, as people corrected them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from support.factories import START, incoming, many
from support.judges import WordJudge
from support.locks import questions

from collectors.intake import take_in
from responder import casework, effective
from responder import retriage as module
from responder.effective import held_verdicts
from responder.policy import Policy
from responder.retriage import retriage
from responder.triage import Priority
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Author, Incoming, Intent, Language, MessageKind, Sentiment
from shenava.store import (
    Case,
    CaseIntent,
    CaseState,
    Correction,
    Customer,
    Identity,
    Message,
    Role,
    Store,
    User,
    UserState,
    VerdictRow,
    changes,
)

Tell = Callable[..., None]


@pytest.fixture
def tell(store: Store, policy: Policy) -> Tell:
    """Takes messages in and has them judged."""

    def tell_(*batch: Incoming) -> None:
        take_in(store, batch)
        Pipeline(store, WordJudge(), policy).run_until_idle()

    return tell_


@pytest.fixture
def user_id(store: Store) -> int:
    with store.write() as session:
        user = User(
            email="a@example.com",
            name="A",
            role=Role.AGENT,
            state=UserState.INVITED,
            session_key="k",
            created_at=START,
        )
        session.add(user)
        session.flush()
        return user.id


@pytest.fixture
def correct(store: Store, policy: Policy, user_id: int) -> Callable[..., None]:
    """A person's word on a message, and the case triaged anew."""

    def correct_(key: str, **word: Any) -> None:
        with store.write() as session:
            message = session.scalars(select(Message).where(Message.native_key == key)).one()
            session.add(
                Correction(message_id=message.id, user_id=user_id, corrected_at=START, **word)
            )
            session.flush()
            retriage(session, [message.case_id], policy, store.clock.now())

    return correct_


def _again(store: Store, policy: Policy) -> None:
    with store.write() as session:
        retriage(session, session.scalars(select(Case.id)), policy, store.clock.now())


def _case(store: Store) -> Case:
    with store.read() as session:
        return session.scalars(select(Case)).one()


def _codes(case: Case) -> list[str]:
    return [reason["code"] for reason in case.reasons]


def _intents(store: Store) -> set[Intent]:
    with store.read() as session:
        return set(session.scalars(select(CaseIntent.intent)))


def test_the_gravest_message_decides_and_the_newest_gives_the_tone(
    store: Store, tell: Tell
) -> None:
    tell(
        incoming("1", "پول کم شد ولی ثبت نشد فوری", minutes_ago=9),
        incoming("2", "thanks for nothing", minutes_ago=8),
    )
    case = _case(store)
    assert (case.priority, case.urgent, case.complaint) == (Priority.URGENT, True, True)
    assert (case.language, case.sentiment) == (Language.EN, Sentiment.POSITIVE)
    assert _intents(store) == {Intent.PAYMENT, Intent.ORDER_NOT_REGISTERED, Intent.PRAISE}


def test_yes_outranks_not_sure_and_not_sure_outranks_no(store: Store, tell: Tell) -> None:
    tell(incoming("1", "hello", minutes_ago=9))
    assert _case(store).complaint is False
    tell(incoming("2", "perhaps", minutes_ago=8))
    assert _case(store).complaint is None
    tell(incoming("3", "complaint", minutes_ago=7))
    assert _case(store).complaint is True


def test_a_persons_word_outranks_the_model(
    store: Store, tell: Tell, correct: Callable[..., None]
) -> None:
    tell(incoming("1", "hello"))
    assert _case(store).priority == Priority.LOW
    correct("1", complaint=True, urgent=True, sentiment="negative", intents=["threat"])
    case = _case(store)
    assert (case.priority, _codes(case)) == (Priority.URGENT, ["threat"])
    assert (case.sentiment, case.complaint, case.urgent) == (Sentiment.NEGATIVE, True, True)
    assert _intents(store) == {Intent.THREAT}
    assert case.due_at is not None


def test_where_a_person_said_nothing_the_models_word_stands(
    store: Store, tell: Tell, correct: Callable[..., None]
) -> None:
    tell(incoming("1", "پول کم شد فوری"))
    correct("1", urgent=False)
    case = _case(store)
    assert (case.priority, case.complaint, case.urgent) == (Priority.HIGH, True, False)
    assert _intents(store) == {Intent.PAYMENT}


def test_the_latest_word_stands_also_one_that_takes_the_others_back(
    store: Store, tell: Tell, correct: Callable[..., None]
) -> None:
    tell(incoming("1", "پول کم شد فوری"))
    correct("1", urgent=False, complaint=False, intents=[])
    assert _intents(store) == set()
    correct("1")
    assert _case(store).priority == Priority.URGENT
    assert _intents(store) == {Intent.PAYMENT}


def test_a_persons_word_outranks_a_better_model_too(
    store: Store, tell: Tell, correct: Callable[..., None], policy: Policy, clock: SetClock
) -> None:
    tell(incoming("1", "hello"))
    correct("1", complaint=True)
    with store.write() as session:
        session.execute(update(Message).values(judge_after=clock.now()))
    Pipeline(store, WordJudge("words-2"), policy).run_until_idle()
    assert _case(store).complaint is True
    with store.read() as session:
        held = held_verdicts(session, session.scalars(select(Message.id)))
        (only,) = held.values()
        assert (only.verdict.model, only.corrected) == ("words-2", True)
        assert len(session.scalars(select(VerdictRow)).all()) == 2


def test_a_message_without_a_verdict_is_held_to_be_nothing(store: Store) -> None:
    take_in(store, [incoming("1")])
    with store.read() as session:
        assert held_verdicts(session, session.scalars(select(Message.id))) == {}
        assert held_verdicts(session, []) == {}


def test_a_loyal_customer_comes_sooner(store: Store, tell: Tell, policy: Policy) -> None:
    tell(incoming("1", "a complaint", minutes_ago=5))
    assert _case(store).due_at == START + timedelta(minutes=55)
    with store.write() as session:
        customer = Customer(vip=True, created_at=START)
        session.add(customer)
        session.flush()
        session.execute(update(Identity).values(customer_id=customer.id))
    _again(store, policy)
    case = _case(store)
    assert (case.priority, _codes(case)) == (Priority.URGENT, ["complaint", "vip"])
    assert case.due_at == START - timedelta(minutes=5) + timedelta(minutes=7.5)


def test_someone_blocked_waits_for_nothing(store: Store, tell: Tell, policy: Policy) -> None:
    tell(incoming("1", "پول کم شد فوری"))
    with store.write() as session:
        session.execute(update(Identity).values(blocked_at=START))
    _again(store, policy)
    case = _case(store)
    assert (case.priority, case.due_at, case.needs_answer) == (Priority.LOW, None, False)
    assert _codes(case) == ["blocked"]
    # What they write from now on calls nobody either.
    tell(incoming("2", "پول کم شد فوری"))
    assert (_case(store).priority, _case(store).due_at) == (Priority.LOW, None)


def test_what_many_read_weighs_more_only_in_public(store: Store, tell: Tell) -> None:
    author = Author("7", "star", None, 10_000)
    tell(
        incoming("1", "a complaint", author=author),
        incoming("2", "a complaint", author=author, kind=MessageKind.DM),
    )
    with store.read() as session:
        cases = session.scalars(select(Case).order_by(Case.priority)).all()
    assert [case.priority for case in cases] == [Priority.HIGH, Priority.URGENT]


def test_triaging_again_changes_nothing_but_tells_the_screens(
    store: Store, tell: Tell, policy: Policy, clock: SetClock
) -> None:
    tell(*(incoming(str(n), "complaint, perhaps urgent?", minutes_ago=n) for n in range(4)))
    before = _values(_case(store))
    with store.read() as session:
        upto = changes.latest(session)
    clock.advance(timedelta(hours=5))
    _again(store, policy)
    assert _values(_case(store)) == before
    with store.read() as session:
        assert changes.since(session, upto).case_ids == (before["id"],)


def _values(case: Case) -> dict[str, Any]:
    return {column.key: getattr(case, column.key) for column in Case.__table__.columns}


def test_an_intent_that_is_gone_is_no_longer_filtered_by(
    store: Store, tell: Tell, correct: Callable[..., None]
) -> None:
    tell(incoming("1", "قیمت؟"))
    assert _intents(store) == {Intent.PRICE, Intent.QUESTION}
    correct("1", intents=["refund"])
    assert _intents(store) == {Intent.REFUND}


def test_of_a_flood_the_newest_messages_decide(
    store: Store, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEWEST_CONSIDERED", 3)
    tell(incoming("0", "urgent", minutes_ago=60))
    assert _case(store).priority == Priority.URGENT
    tell(*(incoming(f"{n}", "thanks", minutes_ago=n) for n in range(1, 5)))
    case = _case(store)
    assert case.urgent is False
    assert "repeated" in _codes(case)


def test_of_a_flood_no_more_is_read_than_decides(
    postgresql_store: Store, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = postgresql_store
    monkeypatch.setattr(module, "NEWEST_CONSIDERED", 3)
    take_in(store, many(40, authors=2))
    Pipeline(store, WordJudge(), policy).run_until_idle()
    with questions(store) as asked:
        _again(store, policy)
    assert max(question.rows for question in asked) == 2 * 3


def test_a_reopened_case_is_about_the_newest_of_its_own_and_the_old_ones(
    store: Store, tell: Tell, policy: Policy, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEWEST_CONSIDERED", 3)
    tell(incoming("1", "urgent", minutes_ago=60), incoming("2", "a complaint", minutes_ago=30))
    old = _case(store).id
    with store.write() as session:
        casework.close(session, user_id, [old], START)
        (new,) = casework.reopen(session, user_id, [old], START, policy).changed
    with store.read() as session:
        assert session.get_one(Case, new).urgent is True
    tell(*(incoming(f"{n}", "thanks", minutes_ago=n) for n in (4, 5)))
    with store.read() as session:
        before, after = session.get_one(Case, old), session.get_one(Case, new)
    assert (before.urgent, after.urgent, after.complaint) == (True, False, True)


def test_verdicts_read_in_pieces_are_those_read_at_once(
    store: Store, tell: Tell, correct: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(*many(11, authors=3))
    for number in (0, 3, 10):
        correct(f"m{number}", urgent=True)
    read = []
    for piece in (effective.PIECE, 3):
        monkeypatch.setattr(effective, "PIECE", piece)
        with store.read() as session:
            held = held_verdicts(session, session.scalars(select(Message.id)))
        read.append({key: (one.verdict.id, one.urgent) for key, one in held.items()})
    assert len(read[0]) == 11
    assert read[0] == read[1]


def test_a_closed_case_has_nothing_due_whatever_is_said_of_it_later(
    store: Store, tell: Tell, correct: Callable[..., None]
) -> None:
    tell(incoming("1", "hello"))
    with store.write() as session:
        session.execute(
            update(Case).values(
                state=CaseState.CLOSED, closed_at=START, waiting_since=None, due_at=None
            )
        )
    correct("1", urgent=True, complaint=True)
    case = _case(store)
    assert (case.due_at, case.needs_answer, case.urgent) == (None, False, True)


def test_nothing_to_triage_is_no_work(store: Store, policy: Policy) -> None:
    with store.write() as session:
        retriage(session, [], policy, START)
        retriage(session, [404], policy, START)
