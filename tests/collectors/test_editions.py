"""Promises about edited messages: one message to the reader, whichever version comes when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select, update
from support.factories import START, incoming
from support.judges import WordJudge
from support.shop import add_person

from collectors.intake import take_in
from responder import corrections
from responder.casework import close
from responder.corrections import Said
from responder.effective import held_verdicts
from responder.policy import Policy
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Incoming, MediaKind, MediaRef, Source
from shenava.store import (
    Attachment,
    Case,
    CaseState,
    Fact,
    FactKind,
    Message,
    MessageVersion,
    Store,
)
from shenava.store.search import matching_messages

FIRST = incoming("1", "thanks, all fine")
SECOND = replace(
    FIRST,
    native_key="2",
    text="this is a complaint, urgent",
    edited_from=("1",),
    written_at=FIRST.written_at + timedelta(minutes=2),
)
THIRD = replace(
    SECOND,
    native_key="3",
    text="it works now, thanks",
    edited_from=("1", "2"),
    written_at=FIRST.written_at + timedelta(minutes=4),
)


def _only(store: Store) -> Message:
    with store.read() as session:
        return session.scalars(select(Message)).one()


def _judge(store: Store, policy: Policy) -> None:
    Pipeline(store, WordJudge(), policy).run_until_idle()


@pytest.mark.parametrize("order", list(permutations((FIRST, SECOND, THIRD))))
def test_versions_are_one_message_in_whatever_order_they_come(
    store: Store, order: tuple[Incoming, ...]
) -> None:
    for item in order:
        take_in(store, [item])
        take_in(store, [replace(item, source=Source.SEARCH)])
    message = _only(store)
    assert (message.native_key, message.text) == ("3", "it works now, thanks")
    assert message.written_at == FIRST.written_at
    assert message.edited_at == THIRD.written_at
    with store.read() as session:
        earlier = session.execute(
            select(MessageVersion.native_key, MessageVersion.text).order_by(MessageVersion.edition)
        ).all()
        assert [tuple(row) for row in earlier] == [("1", FIRST.text), ("2", SECOND.text)]
        assert session.scalars(select(Case.message_count)).all() == [1]
        received = select(func.count()).where(Fact.kind == FactKind.MESSAGE_RECEIVED)
        assert session.scalar(received) == 1


def test_an_edit_is_judged_and_its_case_decided_anew(store: Store, policy: Policy) -> None:
    take_in(store, [FIRST])
    _judge(store, policy)
    with store.read() as session:
        assert session.scalars(select(Case.urgent)).one() is False
    take_in(store, [SECOND])
    _judge(store, policy)
    with store.read() as session:
        case = session.scalars(select(Case)).one()
        assert case.urgent and case.priority == 3
        found = matching_messages(session, "complaint")
        assert found is not None and session.scalars(found).all() == [_only(store).id]
        gone = matching_messages(session, "fine")
        assert gone is not None and session.scalars(gone).all() == []


def test_a_correction_of_the_old_words_does_not_hold_for_the_new(
    store: Store, policy: Policy, clock: SetClock
) -> None:
    take_in(store, [FIRST])
    _judge(store, policy)
    message = _only(store)
    sara = add_person(store)
    with store.write() as session:
        word = Said(None, False, False, None)
        corrections.correct(session, sara, message.id, clock.now(), policy, word)
    take_in(store, [SECOND])
    _judge(store, policy)
    with store.read() as session:
        held = held_verdicts(session, [message.id])[message.id]
    assert held.urgent and not held.corrected


def test_a_verdict_on_words_that_were_edited_meanwhile_is_not_written(
    store: Store, policy: Policy
) -> None:
    take_in(store, [FIRST])

    class Slow(WordJudge):
        def classify(self, texts):  # type: ignore[no-untyped-def]
            if FIRST.text in texts:
                take_in(store, [SECOND])
            return super().classify(texts)

    Pipeline(store, Slow(), policy).run_until_idle()
    with store.read() as session:
        assert held_verdicts(session, [_only(store).id])[_only(store).id].urgent


def test_an_edit_in_a_closed_case_opens_it_again_once(
    store: Store, policy: Policy, clock: SetClock
) -> None:
    take_in(store, [FIRST])
    _judge(store, policy)
    sara = add_person(store)
    with store.write() as session:
        close(session, sara, [_only(store).case_id], clock.now())
    take_in(store, [SECOND])
    take_in(store, [SECOND, FIRST])
    _judge(store, policy)
    with store.read() as session:
        closed, opened = session.scalars(select(Case).order_by(Case.id)).all()
    assert closed.state is CaseState.CLOSED
    assert (opened.reopened_from_id, opened.state) == (closed.id, CaseState.OPEN)
    assert opened.urgent


def test_an_edit_after_the_answer_waits_for_one(store: Store, policy: Policy) -> None:
    take_in(store, [FIRST])
    with store.write() as session:
        session.execute(update(Case).values(waiting_since=None, answered_at=FIRST.written_at))
    take_in(store, [SECOND])
    _judge(store, policy)
    with store.read() as session:
        case = session.scalars(select(Case)).one()
    assert case.waiting_since == SECOND.written_at
    assert case.needs_answer


def test_where_an_edit_keeps_the_key_the_time_tells_versions_apart(store: Store) -> None:
    edited = replace(FIRST, text="no, it is broken", edited_at=START)
    for item in (edited, FIRST, edited):
        take_in(store, [item])
    message = _only(store)
    assert (message.text, message.edited_at) == ("no, it is broken", START)
    with store.read() as session:
        assert session.scalars(select(MessageVersion.text)).all() == [FIRST.text]


def test_pictures_are_those_of_the_newest_version(store: Store) -> None:
    def picture(key: str) -> MediaRef:
        return MediaRef(key, f"https://pictures.test/{key}", MediaKind.PHOTO)

    take_in(store, [replace(FIRST, media=(picture("a"), picture("b")))])
    take_in(store, [replace(SECOND, media=(picture("b"), picture("c")))])
    take_in(store, [replace(FIRST, media=(picture("a"), picture("b")))])
    with store.read() as session:
        assert session.scalars(select(Attachment.key).order_by(Attachment.place)).all() == [
            "b",
            "c",
        ]
