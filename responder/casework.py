"""What a person does to cases: assign, close, reopen, snooze, note, read.

Each deed is a function of (session, who, which cases, now) that writes what it changed, and
nothing else, as part of the caller's transaction: rows, the audit trail (ids and choices, never
text), facts for reports, and a change for every screen. A deed done twice changes nothing the
second time: every UPDATE says in what state it expects the row.

A case is open, snoozed or closed:

* open ⇄ snoozed: :func:`snooze`, :func:`unsnooze`, :func:`wake_snoozed` (and intake, when the
  customer writes again);
* open or snoozed → closed: :func:`close`. A closed case stays closed;
* closed → a new case in the same conversation: :func:`reopen`.

Who closes or snoozes says up to which message they have seen (``seen_upto``, the number of the
newest message in the store when they looked). A case in which the customer wrote after that is
left as it is: nobody answered what nobody had read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from responder.policy import Policy
from responder.record import CaseworkError, Deed, Done, Refusal, audit, facts, locked, one
from responder.retriage import retriage
from shenava.store import (
    Case,
    CaseRead,
    CaseState,
    FactKind,
    Message,
    Note,
    User,
    UserState,
    case_rank,
    changes,
)
from shenava.store.bulk import insert_into

NOTE_LIMIT = 5_000
"""Characters of one note."""

SNOOZE_LIMIT = timedelta(days=366)

BATCH = 500
"""Cases that a caller should hand in at most, to keep its transaction short."""


_ANYONE = -1
"""``assign(expected=…)``: whoever has the case now."""


def assign(
    session: Session,
    actor: int,
    case_ids: Iterable[int],
    now: datetime,
    to: int | None,
    *,
    expected: int | None = _ANYONE,
) -> Done:
    """Give cases to ``to``, or to nobody (``None``). Closed cases stay with whom they were.

    ``expected``: who has them as far as the person knows. Should a single case have gone to
    someone else meanwhile, it is not taken away from them: ``CaseworkError``.
    """
    if to is not None:
        state = session.scalar(select(User.state).where(User.id == to))
        if state is not UserState.ACTIVE:
            raise CaseworkError(Refusal.NO_SUCH_PERSON)
    had = {
        row.id: row.assignee_id
        for row in locked(session, case_ids)
        if row.state is not CaseState.CLOSED and row.assignee_id != to
    }
    if expected != _ANYONE and any(holder != expected for holder in had.values()):
        raise CaseworkError(Refusal.TAKEN)
    changed = _change(session, had, Case.state != CaseState.CLOSED, assignee_id=to)
    audit(
        session, actor, Deed.ASSIGNED, now, {key: {"from": had[key], "to": to} for key in changed}
    )
    return Done(changed)


def close(
    session: Session,
    actor: int | None,
    case_ids: Iterable[int],
    now: datetime,
    *,
    seen_upto: int | None = None,
) -> Done:
    """End cases. ``seen_upto``: see the top of this file; ``None`` closes in any case."""
    opened = {
        row.id: row.opened_at
        for row in locked(session, case_ids)
        if row.state is not CaseState.CLOSED
    }
    left = _written_since(session, list(opened), seen_upto)
    changed = _change(
        session,
        [key for key in opened if key not in left],
        Case.state != CaseState.CLOSED,
        state=CaseState.CLOSED,
        closed_at=now,
        snoozed_until=None,
    )
    audit(session, actor, Deed.CLOSED, now, {key: {} for key in changed})
    told = {key: {"by": actor, "opened_at": opened[key].isoformat()} for key in changed}
    facts(session, FactKind.CASE_CLOSED, now, told)
    return Done(changed, tuple(sorted(left)))


def reopen(
    session: Session, actor: int, case_ids: Iterable[int], now: datetime, policy: Policy
) -> Done:
    """Open a new case for each closed one, about the same messages, with the same person.

    A conversation that has a live case already keeps that one. The closed case is not touched:
    what was reported of it stays true. The new case waits from now on.
    """
    found = [row for row in locked(session, case_ids) if row.state is CaseState.CLOSED]
    conversations = [row.conversation_id for row in found]
    live = set(
        session.scalars(
            select(Case.conversation_id).where(
                Case.conversation_id.in_(conversations), Case.state != CaseState.CLOSED
            )
        )
    )
    values = []
    # Of several closed cases of one conversation the newest speaks for it.
    for row in sorted(found, key=lambda row: row.id, reverse=True):
        if row.conversation_id not in live:
            live.add(row.conversation_id)
            values.append(_reopened(row, now))
    if not values:
        return Done()
    # Two people may press at once: one case is opened, by whoever comes first.
    statement = insert_into(session, Case).on_conflict_do_nothing()
    values.sort(key=lambda row: int(row["conversation_id"]))
    rows = session.execute(statement.returning(Case.id, Case.reopened_from_id), values)
    opened: dict[int, int] = {row.id: row.reopened_from_id for row in rows}
    audit(session, actor, Deed.REOPENED, now, {key: {"from": old} for key, old in opened.items()})
    facts(
        session,
        FactKind.CASE_OPENED,
        now,
        {key: {"historic": False, "reopened_from": old} for key, old in opened.items()},
    )
    retriage(session, opened, policy, now)
    return Done(tuple(sorted(opened)))


def snooze(
    session: Session,
    actor: int,
    case_ids: Iterable[int],
    now: datetime,
    until: datetime,
    *,
    seen_upto: int | None = None,
) -> Done:
    """Put cases away until ``until`` (aware). They come back then, or when the customer writes."""
    if until <= now:
        raise CaseworkError(Refusal.SNOOZE_PAST)
    if until > now + SNOOZE_LIMIT:
        raise CaseworkError(Refusal.SNOOZE_TOO_FAR)
    wanted = [
        row.id
        for row in locked(session, case_ids)
        if row.state is not CaseState.CLOSED and row.snoozed_until != until
    ]
    left = _written_since(session, wanted, seen_upto)
    changed = _change(
        session,
        [key for key in wanted if key not in left],
        Case.state != CaseState.CLOSED,
        state=CaseState.SNOOZED,
        snoozed_until=until,
    )
    details = {"until": until.isoformat()}
    audit(session, actor, Deed.SNOOZED, now, dict.fromkeys(changed, details))
    return Done(changed, tuple(sorted(left)))


def unsnooze(session: Session, actor: int, case_ids: Iterable[int], now: datetime) -> Done:
    """Take snoozed cases up again before their time."""
    return _wake(session, actor, [row.id for row in locked(session, case_ids)], now)


def wake_snoozed(session: Session, now: datetime, limit: int = BATCH) -> Done:
    """Open the snoozed cases whose time has come, at most ``limit``: the scheduler's deed."""
    due = session.scalars(
        select(Case.id)
        .where(Case.state == CaseState.SNOOZED, Case.snoozed_until <= now)
        .order_by(Case.snoozed_until)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    return _wake(session, None, due, now)


def _wake(session: Session, actor: int | None, case_ids: Sequence[int], now: datetime) -> Done:
    changed = _change(
        session,
        case_ids,
        Case.state == CaseState.SNOOZED,
        state=CaseState.OPEN,
        snoozed_until=None,
    )
    audit(session, actor, Deed.WOKEN, now, {key: {} for key in changed})
    return Done(changed)


def note(session: Session, actor: int, case_id: int, now: datetime, text: str) -> Done:
    """Add a note for colleagues; also to a closed case."""
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise CaseworkError(Refusal.NOTE_EMPTY)
    if len(text) > NOTE_LIMIT:
        raise CaseworkError(Refusal.NOTE_TOO_LONG)
    one(session, case_id)
    written = Note(case_id=case_id, user_id=actor, text=text, written_at=now)
    session.add(written)
    session.flush()
    audit(session, actor, Deed.NOTED, now, {case_id: {"note": written.id}})
    changes.note(session, [case_id])
    return Done((case_id,))


def mark_read(session: Session, actor: int, case_id: int, message_count: int) -> None:
    """Remember that ``actor`` has read a case up to its ``message_count`` messages.

    Reading less than before changes nothing. No screen but the reader's own shows it, so that
    neither the feed nor the audit trail hears of it.
    """
    statement = insert_into(session, CaseRead).values(
        case_id=case_id, user_id=actor, message_count=message_count
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["case_id", "user_id"],
            set_={"message_count": statement.excluded.message_count},
            where=CaseRead.message_count < statement.excluded.message_count,
        )
    )


def newest_message(session: Session) -> int:
    """The number of the newest message in the store: the ``seen_upto`` of who looks now.

    Messages come in one transaction at a time (``collectors.intake``), so their numbers follow
    the order of commits: what is above this number was not there to be seen.
    """
    return session.scalar(select(func.max(Message.id))) or 0


def _written_since(session: Session, case_ids: Sequence[int], seen_upto: int | None) -> set[int]:
    """The cases with a message that the person cannot have seen."""
    if seen_upto is None:
        return set()
    newer = exists().where(Message.case_id == Case.id, Message.id > seen_upto)
    return set(session.scalars(select(Case.id).where(Case.id.in_(case_ids), newer)))


def _change(
    session: Session, case_ids: Iterable[int], expected: Any, **values: Any
) -> tuple[int, ...]:
    """Write ``values`` to the cases that are as ``expected``; returns those, in order."""
    wanted = list(case_ids)
    if not wanted:
        return ()
    changed = session.scalars(
        update(Case)
        .where(Case.id.in_(wanted), expected)
        .values(**values)
        .returning(Case.id)
        .execution_options(synchronize_session=False)
    ).all()
    changes.note(session, changed)
    return tuple(sorted(changed))


def _reopened(old: Case, now: datetime) -> dict[str, Any]:
    # A case that was reopened and got no message of its own passes on where its messages are.
    about = old.reopened_from_id if old.message_count == 0 else old.id
    return {
        "conversation_id": old.conversation_id,
        "account_id": old.account_id,
        "identity_id": old.identity_id,
        "reopened_from_id": about,
        "state": CaseState.OPEN,
        "historic": False,
        "priority": old.priority,
        "rank": case_rank(old.priority, None, now),
        "reasons": old.reasons,
        "needs_answer": True,
        "assignee_id": old.assignee_id,
        "opened_at": now,
        "last_message_at": old.last_message_at,
        "waiting_since": now,
        "message_count": 0,
        "judged": old.judged,
    }
