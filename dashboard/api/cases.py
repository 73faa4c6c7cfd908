"""Cases: lists, one case, and what is done to it. The docstrings stand in the API's document."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dashboard.api import asked, reading, shapes
from dashboard.api.paging import onward, place
from dashboard.api.problems import Kind, Problem, invalid, not_found
from dashboard.api.serving import writing
from dashboard.api.tokens import Caller
from dashboard.context import desk
from dashboard.inbox import queries
from dashboard.inbox.wanted import Answer, Holder, Queue, Wanted
from responder import casework
from responder.record import CaseworkError, Done, Refusal, one
from shenava.store import ApiNoteKey, Case, CaseState, Note, changes
from shenava.store.bulk import insert_into

KEYS_KEPT = timedelta(days=7)
"""For so long a note's Idempotency-Key is remembered."""


def list_cases(caller: Caller, query: asked.CaseQuery) -> shapes.CasePage:
    """List cases. A list of the inbox, or what a search finds, narrowed by filters."""
    wanted = _wanted(query)
    after = place(query, query.cursor)
    in_order = query.order is asked.CaseOrder.NUMBER
    read = queries.in_turn if in_order and not wanted.is_search else queries.page
    with desk().store.read() as session:
        page = read(session, wanted, caller.maker, after, query.limit)
        items = reading.summaries(session, [hit.case_id for hit in page.hits])
    return shapes.CasePage(items=items, next=onward(query, page.next))


def get_case(caller: Caller, case_id: int) -> shapes.CaseWhole:
    """Read one case. With its messages, their verdicts and its notes."""
    with desk().store.read() as session:
        return reading.whole(session, case_id)


def assign_case(caller: Caller, case_id: int, body: asked.Assign) -> shapes.CaseDone:
    """Give a case to someone. Or to nobody; closed cases stay with whom they were."""
    to = None if body.to is None else int(body.to)
    with writing(caller) as session:
        _require(session, case_id)
        now = desk().store.clock.now()
        try:
            if "expected" in body.model_fields_set:
                expected = None if body.expected is None else int(body.expected)
                done = casework.assign(session, caller.maker, [case_id], now, to, expected=expected)
            else:
                done = casework.assign(session, caller.maker, [case_id], now, to)
        except CaseworkError as error:
            raise _problem(error) from None
        return _done(session, case_id, done)


def close_case(caller: Caller, case_id: int, body: asked.Close) -> shapes.CaseDone:
    """Close a case. With `seen`, only if the customer did not write in the meantime."""
    with writing(caller) as session:
        _require(session, case_id)
        done = casework.close(
            session,
            caller.maker,
            [case_id],
            desk().store.clock.now(),
            seen_upto=_seen_message(body.seen),
        )
        return _done(session, case_id, done)


def snooze_case(caller: Caller, case_id: int, body: asked.Snooze) -> shapes.CaseDone:
    """Snooze a case. It comes back at `until`, or as soon as the customer writes."""
    with writing(caller) as session:
        _require(session, case_id)
        try:
            done = casework.snooze(
                session,
                caller.maker,
                [case_id],
                desk().store.clock.now(),
                body.until,
                seen_upto=_seen_message(body.seen),
            )
        except CaseworkError as error:
            raise _problem(error) from None
        return _done(session, case_id, done)


def reopen_case(caller: Caller, case_id: int, body: asked.Reopen) -> shapes.CaseDone:
    """Open a closed case again. As a new case about the same messages, which is answered; a
    conversation that has an open case keeps that one."""
    with writing(caller) as session:
        _require(session, case_id)
        done = casework.reopen(
            session, caller.maker, [case_id], desk().store.clock.now(), desk().policy
        )
        # None is live where the case is: only a closed one has a successor.
        shown = done.changed[0] if done.changed else _live(session, case_id) or case_id
        return _done(session, shown, done)


def write_note(caller: Caller, case_id: int, body: asked.WriteNote, key: str) -> shapes.Note:
    """Write a note. For colleagues; customers never see it. Asked again with the same key, the
    note that was written then is answered."""
    now = desk().store.clock.now()
    body_hash = hashlib.sha256(f"{case_id}\n{body.text}".encode()).hexdigest()
    with writing(caller) as session:
        try:
            # Locked first: asked twice at once, the second waits here and finds the key.
            one(session, case_id)
            known = session.get(ApiNoteKey, (caller.token_id, key), populate_existing=True)
            if known is not None:
                if known.body_hash != body_hash:
                    raise _reused()
                return reading.note(session, known.note_id)
            casework.note(session, caller.maker, case_id, now, body.text)
        except CaseworkError as error:
            raise _problem(error) from None
        # The case is locked, so that its newest note is ours.
        note_id = session.scalar(select(func.max(Note.id)).where(Note.case_id == case_id))
        written = session.scalar(
            insert_into(session, ApiNoteKey)
            .values(
                token_id=caller.token_id,
                key=key,
                body_hash=body_hash,
                note_id=note_id,
                created_at=now,
            )
            .on_conflict_do_nothing()
            .returning(ApiNoteKey.note_id)
        )
        if written is None:
            # For another case, in this very moment; our note goes with the transaction.
            raise _reused()
        session.execute(
            delete(ApiNoteKey)
            .where(ApiNoteKey.created_at < now - KEYS_KEPT)
            .execution_options(synchronize_session=False)
        )
        return reading.note(session, written)


def list_changes(caller: Caller, query: asked.ChangeQuery) -> shapes.Changes:
    """Ask what moved. The cases that changed since a number; ask every few seconds."""
    with desk().store.read() as session:
        if query.since is None:
            moved = changes.Moved(changes.latest(session), (), complete=True)
        else:
            moved = changes.since(session, int(query.since))
    return shapes.Changes(
        upto=str(moved.upto),
        complete=moved.complete,
        case_ids=[str(case_id) for case_id in moved.case_ids],
    )


def _wanted(query: asked.CaseQuery) -> Wanted:
    holder: Holder | int | None = None
    if query.assignee is not None:
        holder = Holder.NOBODY if query.assignee == "none" else int(query.assignee)
    return Wanted(
        queue=Queue(query.queue.value),
        words=" ".join((query.q or "").split()),
        platform=query.platform,
        account=None if query.account is None else int(query.account),
        language=query.language,
        sentiment=query.sentiment,
        complaint=None if query.complaint is None else Answer(query.complaint),
        intent=query.intent,
        holder=holder,
    )


def _require(session: Session, case_id: int) -> None:
    if session.scalar(select(Case.id).where(Case.id == case_id)) is None:
        raise not_found("case")


def _live(session: Session, case_id: int) -> int | None:
    """The case that the conversation of this one is worked on in now."""
    mine = select(Case.conversation_id).where(Case.id == case_id).scalar_subquery()
    return session.scalar(
        select(Case.id).where(Case.conversation_id == mine, Case.state != CaseState.CLOSED)
    )


def _done(session: Session, case_id: int, done: Done) -> shapes.CaseDone:
    """What came of it, read before the commit: an answer that cannot be given undoes the deed."""
    if done.left:
        raise Problem(
            Kind.CUSTOMER_WROTE,
            "The customer wrote after you read the case. Nothing was changed; read it again.",
        )
    session.flush()
    return shapes.CaseDone(changed=bool(done.changed), case=reading.summary(session, case_id))


def _seen_message(text: str | None) -> int | None:
    seen = reading.seen_of(text)
    return None if seen is None else seen.message_id


def _reused() -> Problem:
    return Problem(
        Kind.KEY_REUSED, "This key was used before, for another note. Nothing was written."
    )


_POINTERS = {
    Refusal.NO_SUCH_PERSON: "#/to",
    Refusal.NOTE_EMPTY: "#/text",
    Refusal.NOTE_TOO_LONG: "#/text",
    Refusal.SNOOZE_PAST: "#/until",
    Refusal.SNOOZE_TOO_FAR: "#/until",
}


def _problem(error: CaseworkError) -> Problem:
    if error.refusal is Refusal.NO_SUCH_CASE:
        return not_found("case")
    if error.refusal is Refusal.TAKEN:
        return Problem(Kind.TAKEN, str(error))
    return invalid(str(error), pointer=_POINTERS[error.refusal])
