"""From rows to what is answered. A fixed number of questions, however many rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.api import shapes
from dashboard.api.problems import not_found
from responder.collision import Seen, seen
from responder.effective import Held, held_verdicts
from shenava.store import (
    Account,
    Attachment,
    Case,
    Customer,
    Identity,
    Message,
    Note,
    OutboxRow,
    User,
)

ENTRIES = 200
"""Messages, and notes, that a case is answered with, the newest."""


def summaries(session: Session, case_ids: Sequence[int]) -> list[shapes.CaseSummary]:
    """These cases, in this order; one that is gone is left out."""
    found = {
        row.Case.id: shapes.CaseSummary(**_case(row))
        for row in session.execute(
            _cases().where(Case.id.in_(case_ids)).execution_options(populate_existing=True)
        )
    }
    return [found[key] for key in case_ids if key in found]


def summary(session: Session, case_id: int) -> shapes.CaseSummary:
    """One case; a problem when there is none."""
    found = summaries(session, [case_id])
    if not found:
        raise not_found("case")
    return found[0]


def whole(session: Session, case_id: int) -> shapes.CaseWhole:
    """One case with its newest messages and notes. A reopened case is about the messages of the
    case before it, which come with it."""
    row = session.execute(_cases().where(Case.id == case_id)).one_or_none()
    if row is None:
        raise not_found("case")
    about = [key for key in (case_id, row.Case.reopened_from_id) if key is not None]
    newest = session.scalars(
        select(Message)
        .where(Message.case_id.in_(about))
        .order_by(Message.written_at.desc(), Message.id.desc())
        .limit(ENTRIES)
    ).all()
    notes = session.execute(
        _notes().where(Note.case_id == case_id).order_by(Note.id.desc()).limit(ENTRIES)
    ).all()
    return shapes.CaseWhole(
        **_case(row),
        messages=messages(session, newest[::-1]),
        messages_left_out=_count(session, Message, about) - len(newest),
        notes=[_note(found) for found in reversed(notes)],
        notes_left_out=_count(session, Note, [case_id]) - len(notes),
        seen=str(seen(session, case_id)),
    )


def messages(session: Session, rows: Sequence[Message]) -> list[shapes.Message]:
    """These messages, in this order, with what is held to be true of them."""
    held = held_verdicts(session, (row.id for row in rows))
    attached = _attachments(session, [row.id for row in rows])
    writers = {
        row.Identity.id: _customer(row.Identity, row.vip)
        for row in session.execute(
            select(Identity, Customer.vip)
            .outerjoin(Customer, Customer.id == Identity.customer_id)
            .where(Identity.id.in_({row.identity_id for row in rows}))
        )
    }
    return [
        shapes.Message(
            id=str(row.id),
            case_id=str(row.case_id),
            conversation_id=str(row.conversation_id),
            platform=row.platform,
            kind=row.kind,
            author=writers[row.identity_id],
            text=row.text,
            permalink=_web(row.permalink),
            historic=row.historic,
            written_at=row.written_at,
            received_at=row.received_at,
            edited_at=row.edited_at,
            removed=row.removed_because,
            attachments=attached.get(row.id, []),
            verdict=_verdict(held.get(row.id)),
        )
        for row in rows
    ]


def _attachments(session: Session, ids: Sequence[int]) -> dict[int, list[shapes.Attachment]]:
    """What hangs on these messages, in order."""
    found: dict[int, list[shapes.Attachment]] = defaultdict(list)
    for row in session.scalars(
        select(Attachment)
        .where(Attachment.message_id.in_(ids))
        .order_by(Attachment.message_id, Attachment.place, Attachment.id)
    ):
        found[row.message_id].append(
            shapes.Attachment(
                kind=row.kind, alt=row.alt, state=row.state, width=row.width, height=row.height
            )
        )
    return found


def message(session: Session, message_id: int) -> shapes.Message:
    """One message; a problem when there is none."""
    row = session.get(Message, message_id)
    if row is None:
        raise not_found("message")
    return messages(session, [row])[0]


def note(session: Session, note_id: int) -> shapes.Note:
    """One note, which is there."""
    return _note(session.execute(_notes().where(Note.id == note_id)).one())


def answer(row: OutboxRow) -> shapes.Answer:
    """One row of the outbox."""
    way_out = row.evidence.get("way_out")
    return shapes.Answer(
        id=str(row.id),
        state=row.state,
        deed=row.deed,
        account_id=str(row.account_id),
        case_id=_id(row.case_id),
        message_id=_id(row.message_id),
        text=row.text,
        body_hash=row.body_hash,
        by=row.principal,
        key=row.key,
        automatic=row.automatic,
        by_hand=row.by_hand,
        created_at=row.created_at,
        not_before=row.not_before,
        expires_at=row.expires_at,
        sending_at=row.sending_at,
        sent_at=row.sent_at,
        native_key=row.native_key,
        permalink=row.permalink,
        reason=row.reason,
        way_out=way_out if isinstance(way_out, str) else None,
        approved_by=_id(row.approved_by),
        returned_by=_id(row.returned_by),
        returned_word=row.returned_word,
        price_micros=row.price_micros,
    )


def account(row: Account) -> shapes.Account:
    """One of the shop's own places; never its credentials."""
    return shapes.Account(
        id=str(row.id),
        platform=row.platform,
        handle=row.handle,
        name=row.name,
        state=row.state,
        paused_because=row.paused_because,
        connected_at=row.connected_at,
        token_expires_at=row.token_expires_at,
    )


def seen_of(text: str | None) -> Seen | None:
    """What a client saw of a case; ``text`` has passed its pattern."""
    return None if text is None else Seen.of(text)


def _cases() -> Any:
    return (
        select(
            Case,
            Identity,
            Customer.vip,
            Account.platform,
            Account.handle.label("account"),
            User.name.label("assignee"),
        )
        .join(Identity, Identity.id == Case.identity_id)
        .join(Account, Account.id == Case.account_id)
        .outerjoin(Customer, Customer.id == Identity.customer_id)
        .outerjoin(User, User.id == Case.assignee_id)
    )


def _case(row: Any) -> dict[str, Any]:
    case: Case = row.Case
    assignee = None
    if case.assignee_id is not None:
        assignee = shapes.Staff(id=str(case.assignee_id), name=row.assignee)
    return {
        "id": str(case.id),
        "conversation_id": str(case.conversation_id),
        "reopened_from_id": _id(case.reopened_from_id),
        "account": shapes.Place(id=str(case.account_id), platform=row.platform, handle=row.account),
        "customer": _customer(row.Identity, row.vip),
        "assignee": assignee,
        "reasons": [
            shapes.Reason(code=str(told["code"]), params=told.get("params") or {})
            for told in case.reasons
        ],
    } | {name: getattr(case, name) for name in _AS_THEY_ARE}


_AS_THEY_ARE = (
    "state",
    "historic",
    "priority",
    "needs_answer",
    "language",
    "sentiment",
    "complaint",
    "urgent",
    "judged",
    "message_count",
    "opened_at",
    "last_message_at",
    "waiting_since",
    "due_at",
    "first_response_at",
    "answered_at",
    "snoozed_until",
    "closed_at",
)


def _customer(identity: Identity, vip: bool | None) -> shapes.Customer:
    return shapes.Customer(
        id=str(identity.id),
        name=identity.name,
        handle=identity.handle,
        followers=identity.followers,
        vip=bool(vip),
        blocked=identity.blocked_at is not None,
    )


def _verdict(held: Held | None) -> shapes.Verdict | None:
    if held is None:
        return None
    row = held.verdict
    return shapes.Verdict(
        language=row.language,
        script=row.script,
        sentiment=held.sentiment,
        complaint=held.complaint,
        urgent=held.urgent,
        intents=list(held.intents),
        corrected=held.corrected,
        model=shapes.ModelWord(
            name=row.model,
            judged_at=row.judged_at,
            sentiment=shapes.ScoredSentiment(value=row.sentiment, probability=row.sentiment_p),
            complaint=shapes.ScoredAnswer(value=row.complaint, probability=row.complaint_p),
            urgent=shapes.ScoredAnswer(value=row.urgent, probability=row.urgent_p),
            intents=[
                shapes.ScoredIntent(value=told["label"], probability=told["probability"])
                for told in row.intents
            ],
            why=[str(word) for word in row.why],
        ),
    )


def _notes() -> Any:
    return select(Note, User.name.label("writer")).join(User, User.id == Note.user_id)


def _note(row: Any) -> shapes.Note:
    found: Note = row.Note
    return shapes.Note(
        id=str(found.id),
        text=found.text,
        by=shapes.Staff(id=str(found.user_id), name=row.writer),
        written_at=found.written_at,
    )


def _count(session: Session, kind: type[Message] | type[Note], case_ids: Sequence[int]) -> int:
    return session.scalar(select(func.count()).where(kind.case_id.in_(case_ids))) or 0


def _web(link: str | None) -> str | None:
    """A link that came from outside; anything but the web (``javascript:``) is none."""
    return link if link and link.startswith(("https://", "http://")) else None


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
