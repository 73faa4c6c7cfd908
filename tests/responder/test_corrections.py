"""A person's word stands over the model's, and can be taken back."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.factories import START, incoming
from support.judges import WordJudge
from support.rows import one_of_each

from collectors.intake import take_in
from responder import casework
from responder.corrections import (
    MODELS_WORD,
    Said,
    correct,
    latest_correction,
    said,
    undo_correction,
)
from responder.policy import Policy
from responder.record import CaseworkError, Done
from service.pipeline import Pipeline
from shenava.messages import Intent, Sentiment
from shenava.store import Case, Correction, Fact, FactKind, Message, Store

URGENT = Said(urgent=True)


@pytest.fixture
def user(store: Store, judge: WordJudge, policy: Policy) -> int:
    ids = one_of_each(store)
    Pipeline(store, judge, policy).run_until_idle()
    return ids.user


def the_case(store: Store) -> Case:
    with store.read() as session:
        return session.scalars(select(Case)).one()


def message(store: Store) -> int:
    with store.read() as session:
        return session.scalars(select(Message.id)).one()


def do(store: Store, user: int, policy: Policy, word: Said) -> Done:
    with store.write() as session:
        return correct(session, user, message(store), START, policy, word)


def undo(store: Store, user: int, policy: Policy, correction: int | None) -> Done:
    assert correction is not None
    with store.write() as session:
        return undo_correction(session, user, correction, START, policy)


def latest(store: Store) -> int | None:
    with store.read() as session:
        return latest_correction(session, message(store))


def test_a_correction_moves_the_case_at_once(store: Store, user: int, policy: Policy) -> None:
    before = the_case(store)
    assert before.priority == 1
    do(store, user, policy, URGENT)
    after = the_case(store)
    assert after.priority == 3
    assert after.rank < before.rank
    assert after.urgent is True


def test_the_same_correction_twice_is_one(store: Store, user: int, policy: Policy) -> None:
    assert do(store, user, policy, URGENT).changed
    assert not do(store, user, policy, URGENT).changed
    with store.read() as session:
        assert len(session.scalars(select(Correction)).all()) == 1
        facts = session.scalars(select(Fact).where(Fact.kind == FactKind.VERDICT_CORRECTED)).all()
    assert len(facts) == 1
    assert facts[0].details["urgent"] is True


def test_what_is_not_corrected_stays_the_models_word(
    store: Store, user: int, policy: Policy
) -> None:
    do(store, user, policy, Said(sentiment=Sentiment.NEGATIVE, intents=(Intent.REFUND,)))
    found = the_case(store)
    assert found.sentiment is Sentiment.NEGATIVE
    assert found.complaint is False


def test_undo_restores_what_stood_before(store: Store, user: int, policy: Policy) -> None:
    do(store, user, policy, URGENT)
    do(store, user, policy, Said(urgent=True, complaint=True))
    undo(store, user, policy, latest(store))
    with store.read() as session:
        assert said(session, message(store)) == URGENT
    do(store, user, policy, MODELS_WORD)
    assert the_case(store).priority == 1


def test_undo_leaves_what_someone_else_said_since(store: Store, user: int, policy: Policy) -> None:
    do(store, user, policy, URGENT)
    mine = latest(store)
    do(store, user, policy, Said(urgent=True, complaint=True))
    assert not undo(store, user, policy, mine).changed
    assert the_case(store).complaint is True


def test_a_corrected_message_raises_the_case_opened_again_about_it(
    store: Store, user: int, policy: Policy
) -> None:
    with store.write() as session:
        casework.close(session, user, [the_case(store).id], START)
        (new,) = casework.reopen(session, user, [the_case(store).id], START, policy).changed
    do(store, user, policy, URGENT)
    with store.read() as session:
        assert session.get_one(Case, new).priority == 3


def test_a_better_model_does_not_outrank_a_person(store: Store, user: int, policy: Policy) -> None:
    do(store, user, policy, URGENT)
    take_in(store, [incoming("2", "thanks", author="sara", minutes_ago=1)])
    Pipeline(store, WordJudge("words-2"), policy).run_until_idle()
    assert the_case(store).priority == 3


def test_no_correction_of_what_is_not_there(store: Store, user: int, policy: Policy) -> None:
    with store.write() as session, pytest.raises(CaseworkError):
        correct(session, user, 999, START, policy, URGENT)
