"""The outbox, as people use it: write, undo, settle, try again, record what was done by hand.
What must be approved first is :mod:`responder.approval`; what leaves, leaves through
:mod:`responder.dispatch`.

A row is made once for a (principal, key): asking again with the same body gives the same row,
with another body it is refused (:class:`Conflict`). Each function is part of the caller's
transaction, and says in what state it expects the row; what comes too late changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from responder.answered import ANSWERS, answered, link_echo
from responder.circumstances import Rules, body_hash, gather, locked_row, price_of
from responder.collision import Cannot, OutboxError, Seen, look_for_collision
from responder.gate import Refused, gate
from responder.outcome import as_refusal, audit_row, fact, take_back
from responder.policy import Policy
from responder.record import CaseworkError, one
from shenava.messages import Deed
from shenava.store import (
    Account,
    Case,
    FactKind,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    Picture,
    Recipient,
    User,
    changes,
)
from shenava.store.bulk import insert_into
from shenava.store.spending import spent

UNDO = timedelta(seconds=10)
"""For so long what was sent can be taken back."""


class Conflict(OutboxError):
    """The key was used before, for something else: HTTP 409."""

    def __init__(self, row_id: int) -> None:
        super().__init__(Cannot.KEY_REUSED)
        self.row_id = row_id


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: ``principal`` (``user:7``, ``token:3``, ``broadcast:12``) with a ``key`` of their
    own making; ``user_id`` where it is a person. ``automatic``: no person pressed "send"."""

    principal: str
    key: str
    user_id: int | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be done. An answer or a hiding names ``message_id``; a DM ``message_id``,
    whose writer it goes to, or ``case_id``; a post neither. ``picture_id``: one that a colleague
    attached."""

    deed: Deed
    account_id: int
    text: str = ""
    message_id: int | None = None
    case_id: int | None = None
    picture_id: int | None = None
    picture_alt: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """When and how it leaves. ``not_before``: ``None`` is after :data:`UNDO`. ``expires_at``: not
    later than this. ``state``: ``QUEUED``, ``DRAFT`` or ``AWAITING_APPROVAL``."""

    not_before: datetime | None = None
    expires_at: datetime | None = None
    state: OutboxState = OutboxState.QUEUED


SOON = Plan()


def enqueue(
    session: Session,
    asker: Asker,
    draft: Draft,
    now: datetime,
    rules: Rules,
    *,
    seen: Seen | None = None,
    plan: Plan = SOON,
) -> OutboxRow:
    """Put something into the outbox, once, and return its row.

    A row that the gate refuses is written too, as ``REFUSED`` with the reason and the way out.
    One by a person whose answers need approval waits for it, whatever ``plan`` says.
    ``seen``: what the person saw of the case when they wrote; ``None`` asks for no such care.
    Raises :class:`Conflict`, ``Collision``, and :class:`OutboxError` for what cannot be.
    """
    row = _row(session, asker, draft, now, plan)
    if row.state is OutboxState.QUEUED and asks_first(session, asker.user_id):
        row.state = OutboxState.AWAITING_APPROVAL
    row.expected_last_message_id = seen.message_id or None if seen else None
    if known := _known(session, row):
        return known
    if row.case_id is not None:
        _lock_case(session, row.case_id)
        # Asked twice at once, the second waited for the first here.
        if known := _known(session, row):
            return known
        if seen is not None:
            look_for_collision(session, row.case_id, seen, asker.principal)
    row.price_micros = price_of(session, row, rules)
    _pass_gate(session, row, rules, now)
    made = _write(session, row)
    if made is None:
        return _faster(session, row)
    _tell(session, made, "outbox_queued", asker.user_id, now, asker.principal)
    if made.state is OutboxState.REFUSED:
        fact(session, made, FactKind.ANSWER_REFUSED, now)
    return made


def cancel(session: Session, actor: int | None, row_id: int, now: datetime) -> bool:
    """Take a row back. False when it is too late: it has left, or is about to."""
    return move(
        session,
        row_id,
        (OutboxState.DRAFT, OutboxState.AWAITING_APPROVAL, OutboxState.QUEUED),
        actor,
        "outbox_cancelled",
        now,
        state=OutboxState.CANCELLED,
    )


def send_now(session: Session, actor: int | None, row_id: int, now: datetime) -> bool:
    """Let a queued row leave at once: the rest of its undo, or of "send later", is waived."""
    return move(
        session,
        row_id,
        (OutboxState.QUEUED,),
        actor,
        "outbox_hurried",
        now,
        OutboxRow.not_before > now,
        not_before=now,
    )


def settle(
    session: Session,
    actor: int,
    row_id: int,
    now: datetime,
    policy: Policy,
    *,
    sent: bool,
    native_key: str | None = None,
    permalink: str | None = None,
) -> bool:
    """A person has looked and says what became of a row with an unknown outcome.

    ``sent`` with what they found, or not sent: the row is then ``FAILED`` and can be tried again.
    False when the outcome is not, or no longer, unknown.
    """
    lock_case_of(session, row_id)
    row = locked_row(session, row_id)
    if row is None or row.state is not OutboxState.UNKNOWN:
        return False
    row.look_at = None
    row.evidence = row.evidence | {"settled_by": actor, "settled_at": now.isoformat()}
    if sent:
        row.state, row.reason = OutboxState.SENT, None
        row.sent_at = row.sending_at
        row.native_key, row.permalink = native_key or row.native_key, permalink
        session.flush()
        link_echo(session, row, now)
        fact(session, row, FactKind.ANSWER_SENT, now)
        _stop_clock(session, row, now, policy)
    else:
        take_back(session, row)
        row.state, row.reason = OutboxState.FAILED, "not_sent"
        session.flush()
        fact(session, row, FactKind.ANSWER_FAILED, now)
    _tell(session, row, "outbox_settled", actor, now)
    return True


def retry(
    session: Session,
    asker: Asker,
    row_id: int,
    now: datetime,
    rules: Rules,
    *,
    plan: Plan = SOON,
) -> OutboxRow:
    """Try a failed or refused row again, as a new row with the same body; once, however often
    asked. Raises :class:`OutboxError` when the row is neither."""
    lock_case_of(session, row_id)
    old = locked_row(session, row_id)
    if old is None:
        raise OutboxError(Cannot.NO_SUCH_ANSWER)
    later = session.scalars(select(OutboxRow).where(OutboxRow.retry_of_id == row_id)).one_or_none()
    if later is not None:
        return later
    if old.state not in (OutboxState.FAILED, OutboxState.REFUSED):
        raise OutboxError(Cannot.NOT_ENDED)
    row = OutboxRow(
        **{
            name: getattr(old, name)
            for name in (
                "deed",
                "account_id",
                "case_id",
                "message_id",
                "identity_id",
                "to_key",
                "to_native_id",
                "text",
                "picture_id",
                "picture",
                "picture_alt",
                "body_hash",
            )
        }
    )
    _address(row, asker, plan, now)
    row.retry_of_id = row_id
    if asker.principal == old.principal:
        # Tried again by its broadcast, it leaves as one of its rows; by a person, on its own.
        row.broadcast_id = old.broadcast_id
    # What was approved stays so; of one's own words that never were, it is asked again.
    row.approved_by = old.approved_by
    if old.approved_by is None and asks_first(session, asker.user_id):
        row.state = OutboxState.AWAITING_APPROVAL
    if known := _known(session, row):
        return known
    row.price_micros = price_of(session, row, rules)
    _pass_gate(session, row, rules, now)
    made = _write(session, row)
    if made is None:
        return _faster(session, row)
    session.execute(
        update(Recipient).where(Recipient.outbox_id == row_id).values(outbox_id=made.id)
    )
    _tell(session, made, "outbox_retried", asker.user_id, now, asker.principal)
    if made.state is OutboxState.REFUSED:
        fact(session, made, FactKind.ANSWER_REFUSED, now)
    return made


def record_by_hand(
    session: Session,
    asker: Asker,
    draft: Draft,
    now: datetime,
    policy: Policy,
    *,
    native_key: str | None = None,
    permalink: str | None = None,
) -> OutboxRow:
    """Write down an answer that a person gave on the platform itself. It stops the clock.

    ``native_key``: the platform's id of it, where the person or its address tells. Raises as
    :func:`enqueue` does, but for collisions: it has happened.
    """
    row = _row(session, asker, draft, now, SOON)
    row.by_hand, row.not_before = True, now
    row.state, row.sent_at = OutboxState.SENT, now
    row.native_key, row.permalink = native_key, permalink
    if known := _known(session, row):
        return known
    if row.case_id is not None:
        _lock_case(session, row.case_id)
    made = _write(session, row)
    if made is None:
        return _faster(session, row)
    link_echo(session, made, now)
    fact(session, made, FactKind.ANSWER_SENT, now)
    _stop_clock(session, made, now, policy)
    _tell(session, made, "outbox_by_hand", asker.user_id, now, asker.principal)
    return made


def would_be(session: Session, draft: Draft, now: datetime) -> OutboxRow:
    """The row that ``draft`` would become if it were sent now. It belongs to no session, and is
    never written. Raises :class:`OutboxError` for what cannot be."""
    return _row(session, Asker("", ""), draft, now, Plan(not_before=now))


def asks_first(session: Session, user_id: int | None) -> bool:
    """Whether what this person answers waits until somebody else approves it."""
    if user_id is None:
        return False
    return session.scalar(select(User.approval_since).where(User.id == user_id)) is not None


# Making rows.


def _row(session: Session, asker: Asker, draft: Draft, now: datetime, plan: Plan) -> OutboxRow:
    row = OutboxRow(
        deed=draft.deed,
        account_id=draft.account_id,
        case_id=draft.case_id,
        text=draft.text,
        picture_id=draft.picture_id,
        picture_alt=draft.picture_alt,
    )
    if draft.picture_id is not None:
        row.picture = session.get(Picture, draft.picture_id)
        if row.picture is None or row.picture.uploaded_by is None:
            raise OutboxError(Cannot.NO_SUCH_PICTURE)
    if session.get(Account, draft.account_id) is None:
        raise OutboxError(Cannot.NO_SUCH_ACCOUNT)
    _aim(session, row, draft)
    row.body_hash = body_hash(row)
    _address(row, asker, plan, now)
    return row


def _aim(session: Session, row: OutboxRow, draft: Draft) -> None:
    """Find whom and what it goes to."""
    if draft.message_id is not None:
        message = session.get(Message, draft.message_id)
        if message is None:
            raise OutboxError(Cannot.NO_SUCH_MESSAGE)
        row.message_id, row.identity_id = message.id, message.identity_id
        row.to_key = message.native_key
        if row.case_id is None:
            row.case_id = _live_case(session, message)
    elif draft.case_id is not None:
        row.identity_id = session.scalar(select(Case.identity_id).where(Case.id == draft.case_id))
    if draft.deed not in (Deed.POST, Deed.DM) and row.to_key is None:
        raise OutboxError(Cannot.ANSWERS_NOTHING)
    if draft.deed in (Deed.DM, Deed.PRIVATE_REPLY):
        identity = session.get(Identity, row.identity_id) if row.identity_id else None
        if identity is not None and identity.key.startswith("id:"):
            row.to_native_id = identity.key.removeprefix("id:")
        elif draft.deed is Deed.DM:
            raise OutboxError(Cannot.NO_ADDRESS)


def _live_case(session: Session, message: Message) -> int:
    """The case that an answer to ``message`` belongs to: the conversation's open one, if any."""
    live = session.scalar(
        select(Case.id).where(
            Case.conversation_id == message.conversation_id, Case.closed_at.is_(None)
        )
    )
    return live if live is not None else message.case_id


def _address(row: OutboxRow, asker: Asker, plan: Plan, now: datetime) -> None:
    row.principal, row.key = asker.principal, asker.key
    row.created_by, row.automatic = asker.user_id, asker.automatic
    row.created_at = now
    row.state = plan.state
    row.not_before = now + UNDO if plan.not_before is None else max(now, plan.not_before)
    row.expires_at = plan.expires_at
    row.by_hand = False
    row.evidence = {}
    row.price_micros = 0


def _known(session: Session, row: OutboxRow) -> OutboxRow | None:
    """The row that has this key already. Raises :class:`Conflict` when its body is another."""
    found = session.scalars(
        select(OutboxRow)
        .where(OutboxRow.principal == row.principal, OutboxRow.key == row.key)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is not None and found.body_hash != row.body_hash:
        raise Conflict(found.id)
    return found


def _pass_gate(session: Session, row: OutboxRow, rules: Rules, now: datetime) -> None:
    """Refuse the row if it could not leave as things stand. A pace that is used up only waits."""
    if row.state not in (OutboxState.QUEUED, OutboxState.AWAITING_APPROVAL):
        return
    app_id = session.scalar(select(Account.app_id).where(Account.id == row.account_id))
    used = spent(session, app_id, now) if app_id is not None else None
    answer = gate(gather(session, row, rules, now, used))
    if isinstance(answer, Refused) and answer.until is None:
        row.state = OutboxState.REFUSED
        row.reason, row.evidence = as_refusal(answer)


def _write(session: Session, row: OutboxRow) -> OutboxRow | None:
    """Insert; ``None`` when somebody with the same key was faster."""
    values = {
        column.key: getattr(row, column.key)
        for column in OutboxRow.__table__.columns
        if column.key != "id" and getattr(row, column.key) is not None
    }
    made = session.scalar(
        insert_into(session, OutboxRow)
        .values(values)
        .on_conflict_do_nothing()
        .returning(OutboxRow.id)
    )
    return None if made is None else session.get(OutboxRow, made)


def _faster(session: Session, row: OutboxRow) -> OutboxRow:
    """The row that somebody with the same key wrote in this very moment."""
    known = _known(session, row)
    assert known is not None, "only the key can be taken"
    return known


def _lock_case(session: Session, case_id: int) -> None:
    try:
        one(session, case_id)
    except CaseworkError:
        raise OutboxError(Cannot.NO_SUCH_CASE) from None


def lock_case_of(session: Session, row_id: int) -> None:
    """Everything that needs a case and a row locks the case first, so that no two wait for each
    other."""
    case_id = session.scalar(select(OutboxRow.case_id).where(OutboxRow.id == row_id))
    if case_id is not None:
        _lock_case(session, case_id)


def _stop_clock(session: Session, row: OutboxRow, now: datetime, policy: Policy) -> None:
    if row.case_id is not None and row.deed in ANSWERS:
        assert row.sent_at is not None
        answered(session, row.case_id, row.sent_at, now, policy, by=row.created_by)


def move(
    session: Session,
    row_id: int,
    expected: tuple[OutboxState, ...],
    actor: int | None,
    deed: str,
    now: datetime,
    *conditions: Any,
    **values: Any,
) -> bool:
    """Write ``values`` if the row is in one of the ``expected`` states; whether it was. ``deed``:
    what the trail calls it."""
    lock_case_of(session, row_id)
    moved = session.scalar(
        update(OutboxRow)
        .where(OutboxRow.id == row_id, OutboxRow.state.in_(expected), *conditions)
        .values(**values)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        return False
    row = session.get(OutboxRow, row_id, populate_existing=True)
    assert row is not None
    _tell(session, row, deed, actor, now)
    return True


def _tell(
    session: Session,
    row: OutboxRow,
    deed: str,
    actor: int | None,
    now: datetime,
    principal: str | None = None,
) -> None:
    audit_row(session, row, deed, actor, now, principal)
    if row.case_id is not None:
        changes.note(session, [row.case_id])
