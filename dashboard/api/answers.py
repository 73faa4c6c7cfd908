"""Answers: into the outbox, once for each key, and what became of them."""

from __future__ import annotations

from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.api import asked, reading, shapes
from dashboard.api.paging import onward, place
from dashboard.api.problems import PREFIX, Kind, Problem, invalid, not_found
from dashboard.api.serving import Placed, writing
from dashboard.api.tokens import Caller
from dashboard.context import desk
from dashboard.inbox.queries import Cursor
from responder import approval, outbox
from responder.collision import Cannot, Collision, OutboxError
from responder.outbox import Asker, Conflict, Draft, Plan
from shenava.messages import Deed
from shenava.store import Case, Message, OutboxRow, OutboxState


def write_answer(caller: Caller, case_id: int, body: asked.WriteAnswer, key: str) -> Placed:
    """Answer a customer. The answer is put into the outbox and leaves after ten seconds, or at
    `not_before`. What the platform or the shop does not allow is answered too: as `refused`, with
    the reason and the way out. Asked again with the same key and body, nothing is sent twice: the
    same row is answered as it stands then."""
    asker = Asker(caller.principal, key, caller.maker, automatic=body.automatic)
    plan = Plan(
        not_before=body.not_before,
        expires_at=body.expires_at,
        state=OutboxState.AWAITING_APPROVAL if body.approval else OutboxState.QUEUED,
    )
    with writing(caller) as session:
        draft = _draft(session, case_id, body)
        try:
            row = outbox.enqueue(
                session,
                asker,
                draft,
                desk().store.clock.now(),
                desk().rules,
                seen=reading.seen_of(body.seen),
                plan=plan,
            )
        except OutboxError as error:
            _refuse(error)
        session.flush()
        return Placed(reading.answer(row), f"{PREFIX}/answers/{row.id}")


def get_answer(caller: Caller, answer_id: int) -> shapes.Answer:
    """Read one answer. Whether it waits, was sent, refused, failed, or is unknown."""
    with desk().store.read() as session:
        row = session.get(OutboxRow, answer_id)
        if row is None:
            raise not_found("answer")
        return reading.answer(row)


def list_answers(caller: Caller, query: asked.AnswerQuery) -> shapes.AnswerPage:
    """List answers. Everything in the outbox, whoever wrote it, the newest first."""
    after = place(query, query.cursor)
    wanted = select(OutboxRow).order_by(OutboxRow.id.desc()).limit(query.limit + 1)
    if query.state is not None:
        wanted = wanted.where(OutboxRow.state == query.state)
    if query.case is not None:
        wanted = wanted.where(OutboxRow.case_id == int(query.case))
    if after is not None:
        wanted = wanted.where(OutboxRow.id < after.id)
    with desk().store.read() as session:
        rows = session.scalars(wanted).all()
    end = Cursor(0, rows[query.limit - 1].id) if len(rows) > query.limit else None
    return shapes.AnswerPage(
        items=[reading.answer(row) for row in rows[: query.limit]], next=onward(query, end)
    )


def approve_answer(caller: Caller, answer_id: int, body: asked.Approve) -> shapes.AnswerDone:
    """Approve an answer that waits for it; it leaves as it was read. In the name of who made the
    token: nobody approves what they wrote at the pages themselves."""
    with writing(caller) as session:
        row = _row(session, answer_id)
        now = desk().store.clock.now()
        try:
            done = approval.approve(session, caller.maker, row.id, body.body_hash, now)
        except OutboxError as error:
            _refuse(error)
        return _decided(session, row, done)


def return_answer(caller: Caller, answer_id: int, body: asked.SendBack) -> shapes.AnswerDone:
    """Give an answer that waits for approval back to its writer, with a word. Nothing is sent."""
    with writing(caller) as session:
        row = _row(session, answer_id)
        now = desk().store.clock.now()
        try:
            done = approval.send_back(session, caller.maker, row.id, now, body.word)
        except OutboxError as error:
            _refuse(error)
        return _decided(session, row, done)


def _row(session: Session, answer_id: int) -> OutboxRow:
    row = session.get(OutboxRow, answer_id)
    if row is None:
        raise not_found("answer")
    return row


def _decided(session: Session, row: OutboxRow, done: bool) -> shapes.AnswerDone:
    session.flush()
    session.refresh(row)
    return shapes.AnswerDone(changed=done, answer=reading.answer(row))


def _draft(session: Session, case_id: int, body: asked.WriteAnswer) -> Draft:
    case = session.get(Case, case_id)
    if case is None:
        raise not_found("case")
    message = session.get(Message, int(body.message_id))
    # A reopened case is about messages of the case before it, in the same conversation.
    if message is None or message.conversation_id != case.conversation_id:
        raise invalid("This message is not of this case's conversation.", pointer="#/message_id")
    return Draft(
        deed=Deed.DM if body.private else Deed.ANSWER,
        account_id=case.account_id,
        text=body.text,
        message_id=message.id,
        case_id=case_id,
    )


def _refuse(error: OutboxError) -> NoReturn:
    if isinstance(error, Conflict):
        raise Problem(Kind.KEY_REUSED, str(error), more={"answer_id": str(error.row_id)}) from None
    if isinstance(error, Collision):
        raise Problem(
            Kind.COLLISION,
            str(error),
            more={"collision": error.kind.value, "row_id": str(error.row_id)},
        ) from None
    if error.code in (Cannot.ONES_OWN, Cannot.MAY_NOT_APPROVE):
        raise Problem(Kind.NOT_YOURS, str(error), more={"code": error.code.value}) from None
    raise Problem(Kind.INVALID, str(error), more={"code": error.code.value}) from None
