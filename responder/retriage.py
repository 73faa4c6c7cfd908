"""Triage applied to cases: the verdicts in force are read, the decision is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from responder.effective import Held, held_verdicts
from responder.policy import Policy
from responder.triage import CaseFacts, VerdictFacts, triage
from shenava.messages import Intent, MessageKind
from shenava.store import Case, CaseIntent, Customer, Identity, Message, case_rank, changes
from shenava.store.bulk import insert_rows, update_by_id

# Of a case with very many messages the newest decide; older ones no longer wait for an answer
# that a person would not give to all of them at once.
NEWEST_CONSIDERED = 200


def retriage(session: Session, case_ids: Iterable[int], policy: Policy, now: datetime) -> None:
    """Decide anew about these cases and write it down, as part of the caller's transaction.

    Also sums up each case's language, mood and intents, which rows and filters show.
    """
    cases = _cases(session, case_ids)
    if not cases:
        return
    messages = _messages(session, cases)
    held = held_verdicts(session, (row.id for rows in messages.values() for row in rows))

    values = [_decide(case, messages[case.id], held, policy, now) for case in cases]
    intents = [
        {"case_id": case.id, "intent": intent}
        for case in cases
        for intent in _intents(messages[case.id], held)
    ]
    update_by_id(session, Case, values)
    triaged = [value["b_id"] for value in values]
    session.execute(delete(CaseIntent).where(CaseIntent.case_id.in_(triaged)))
    insert_rows(session, CaseIntent, intents)
    changes.note(session, triaged)


def _cases(session: Session, case_ids: Iterable[int]) -> Sequence[Any]:
    """What triage asks of these cases and of who wrote, in order, nobody else's to change now."""
    wanted = set(case_ids)
    # Locked first and read then: of a row that is joined, but not locked itself, PostgreSQL would
    # show what it was before the wait for the lock, such as a writer not yet blocked.
    session.execute(
        select(Case.id).where(Case.id.in_(wanted)).order_by(Case.id).with_for_update(key_share=True)
    ).all()
    return session.execute(
        select(
            Case.id,
            Case.reopened_from_id,
            Case.historic,
            Case.waiting_since,
            Case.answered_at,
            Identity.followers,
            Identity.blocked_at,
            Customer.vip,
        )
        .join(Identity, Identity.id == Case.identity_id)
        .outerjoin(Customer, Customer.id == Identity.customer_id)
        .where(Case.id.in_(wanted))
        .order_by(Case.id)
    ).all()


def _messages(session: Session, cases: Sequence[Any]) -> dict[int, list[Any]]:
    """The messages of each case, newest first, as (id, case_id, kind, written_at, said_at).

    A reopened case is also about those of the case that it was reopened from.
    """
    about = {case.id: [case.id] for case in cases}
    for case in cases:
        if case.reopened_from_id is not None:
            about.setdefault(case.reopened_from_id, []).append(case.id)
    newest_first = (Message.written_at.desc(), Message.native_key)
    place = func.row_number().over(partition_by=Message.case_id, order_by=newest_first)
    each = (
        select(
            Message.id,
            Message.case_id,
            Message.kind,
            Message.native_key,
            Message.written_at,
            func.coalesce(Message.edited_at, Message.written_at).label("said_at"),
            place.label("place"),
        )
        # Of a tombstone there is nothing to judge, and nothing to answer.
        .where(Message.case_id.in_(about), Message.removed_at.is_(None))
        .subquery()
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(
        select(each)
        .where(each.c.place <= NEWEST_CONSIDERED)
        .order_by(each.c.written_at.desc(), each.c.native_key)
    ):
        # Of two cases that one is about, the newest of both together decide.
        for case_id in about[row.case_id]:
            if len(found[case_id]) < NEWEST_CONSIDERED:
                found[case_id].append(row)
    return found


def _decide(
    case: Any, messages: Sequence[Any], held: dict[int, Held], policy: Policy, now: datetime
) -> dict[str, Any]:
    known = [held[row.id] for row in messages if row.id in held]
    waiting = _waiting(case, messages)
    decision = triage(_facts(case, waiting, held), policy.hours, policy.targets, now)
    newest = known[0] if known else None
    return {
        "b_id": case.id,
        "priority": int(decision.priority),
        "rank": case_rank(decision.priority, decision.due_at, case.waiting_since),
        "reasons": [reason.as_json() for reason in decision.reasons],
        "needs_answer": decision.needs_answer,
        "due_at": decision.due_at,
        "judged": len(known) == len(messages),
        "language": newest.language if newest else None,
        "sentiment": newest.sentiment if newest else None,
        "sentiment_p": newest.verdict.sentiment_p if newest else None,
        "complaint": _any(item.complaint for item in known),
        "urgent": _any(item.urgent for item in known),
    }


def _waiting(case: Any, messages: Sequence[Any]) -> Sequence[Any]:
    """Those that wait for an answer: all, until the first; then what was written, or put
    otherwise, since."""
    since = case.waiting_since
    if case.answered_at is None or since is None:
        return messages
    return [row for row in messages if row.said_at >= since]


def _facts(case: Any, messages: Sequence[Any], held: dict[int, Held]) -> CaseFacts:
    known = [held[row.id] for row in messages if row.id in held]
    return CaseFacts(
        verdicts=tuple(
            VerdictFacts(item.sentiment, item.complaint, item.urgent, item.intents)
            for item in known
        ),
        waiting_since=case.waiting_since,
        unanswered=len(messages),
        vip=bool(case.vip),
        followers=case.followers,
        is_public=any(MessageKind(row.kind).is_public for row in messages),
        historic=case.historic,
        blocked=case.blocked_at is not None,
    )


def _intents(messages: Sequence[Any], held: dict[int, Held]) -> list[Intent]:
    found = {intent for row in messages if row.id in held for intent in held[row.id].intents}
    return sorted(found)


def _any(values: Iterable[bool | None]) -> bool | None:
    """Yes if any is yes; not sure if any is not sure; no if there is a value and all are no."""
    found = set(values)
    if True in found:
        return True
    return None if None in found or not found else False
