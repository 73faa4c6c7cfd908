"""What the gate asks about one row of the outbox, gathered from the store and the rules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from responder.gate import SendFacts
from shenava.channels import Outgoing, Reads
from shenava.channels.rules import (
    Basis,
    Facts,
    Length,
    Limit,
    NotAllowed,
    Reason,
    Rule,
    Ruling,
    WayOut,
)
from shenava.messages import Deed, MessageKind, Platform
from shenava.store import (
    Account,
    AccountState,
    Conversation,
    Identity,
    Message,
    OutboxRow,
    OwnMessageRow,
    Post,
)
from shenava.store.spending import Spent


class PlatformRules(Protocol):
    """What a platform's rules can be asked; a module of ``shenava.channels`` will do."""

    def may_answer(self, facts: Facts) -> Ruling: ...

    def length_of(self, text: str, deed: Deed = ...) -> Length: ...

    def price_of(self, outgoing: Outgoing, summoned: bool = ...) -> int: ...

    def limits_of(self, what: Deed) -> tuple[Limit, ...]: ...

    def read_price(self, reads: Reads) -> int: ...


Rules = Mapping[Platform, PlatformRules]

_NO_RULES = Rule(
    "shenava.no_channel",
    "Shenava cannot send on this platform yet.",
    Basis("docs/architecture.md", date(2026, 11, 22)),
)


def body_hash(row: OutboxRow) -> str:
    """SHA-256 of all that is sent, through which account and to whom."""
    picture = hashlib.sha256(row.picture).hexdigest() if row.picture is not None else None
    body = [
        row.deed.value,
        row.account_id,
        row.case_id,
        row.message_id,
        row.to_key,
        row.to_native_id,
        row.text,
        picture,
        row.picture_alt,
    ]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def outgoing_of(row: OutboxRow) -> Outgoing:
    """What a channel is handed."""
    return Outgoing(
        deed=row.deed,
        text=row.text,
        to_key=row.to_key,
        to_native_id=row.to_native_id,
        picture=row.picture,
        picture_alt=row.picture_alt,
    )


def locked_row(session: Session, row_id: int) -> OutboxRow | None:
    """A row of the outbox with its picture, nobody else's to change until the commit."""
    return session.scalars(
        select(OutboxRow)
        .where(OutboxRow.id == row_id)
        .options(undefer(OutboxRow.picture))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def price_of(session: Session, row: OutboxRow, rules: Rules) -> int:
    """What sending ``row`` costs, in millionths of a US dollar; 0 where nothing can be sent."""
    account = _account(session, row)
    known = rules.get(account.platform)
    if known is None:
        return 0
    return known.price_of(outgoing_of(row), bool(_summoned(session, row)))


def gather(
    session: Session,
    row: OutboxRow,
    rules: Rules,
    now: datetime,
    spent: Spent | None,
    rate_free_at: datetime | None = None,
) -> SendFacts:
    """The facts about ``row`` at ``now``. ``spent``: what its app has used, ``None`` without an
    app; ``row.price_micros`` is its price."""
    account = _account(session, row)
    identity = session.get(Identity, row.identity_id) if row.identity_id is not None else None
    known = rules.get(account.platform)
    if known is None:
        ruling: Ruling = NotAllowed(Reason.NOT_OFFERED, WayOut.OPEN_ON_PLATFORM, _NO_RULES)
        length = Length(0, 0)
    else:
        ruling = known.may_answer(_platform_facts(session, row, identity))
        length = known.length_of(row.text, row.deed)
    return SendFacts(
        deed=row.deed,
        now=now,
        ruling=ruling,
        length=length,
        has_content=bool(row.text.strip()) or row.picture is not None or row.deed is Deed.HIDE,
        connected=account.state is AccountState.CONNECTED,
        blocked=identity is not None and identity.blocked_at is not None,
        opted_out=identity is not None and identity.opted_out_at is not None,
        automatic=row.automatic,
        intact=row.body_hash == body_hash(row),
        customer_wrote=_customer_wrote(session, row),
        money_fits=spent is None or spent.fits(row.price_micros),
        expires_at=row.expires_at,
        rate_free_at=rate_free_at,
    )


def _account(session: Session, row: OutboxRow) -> Account:
    return session.scalars(
        select(Account)
        .where(Account.id == row.account_id)
        .execution_options(populate_existing=True)
    ).one()


def _summoned(session: Session, row: OutboxRow) -> bool | None:
    if row.message_id is None:
        return None
    return session.scalar(select(Message.summoned).where(Message.id == row.message_id))


def _platform_facts(session: Session, row: OutboxRow, identity: Identity | None) -> Facts:
    return Facts(
        deed=row.deed,
        summoned=_summoned(session, row),
        under_own_post=_under_own_post(session, row),
        wrote_privately=_wrote_privately(session, row),
        opted_out=identity is not None and identity.opted_out_at is not None,
        automatic=row.automatic,
    )


def _under_own_post(session: Session, row: OutboxRow) -> bool:
    if row.message_id is None:
        return False
    return (
        session.scalar(
            select(OwnMessageRow.id)
            .join(Account, Account.id == OwnMessageRow.account_id)
            .join(
                Post,
                (Post.platform == Account.platform) & (Post.native_key == OwnMessageRow.native_key),
            )
            .join(Conversation, Conversation.post_id == Post.id)
            .join(Message, Message.conversation_id == Conversation.id)
            .where(Message.id == row.message_id, OwnMessageRow.account_id == row.account_id)
            .limit(1)
        )
        is not None
    )


def _wrote_privately(session: Session, row: OutboxRow) -> bool:
    if row.identity_id is None:
        return False
    return (
        session.scalar(
            select(Message.id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(
                Message.identity_id == row.identity_id,
                Message.kind == MessageKind.DM,
                Conversation.account_id == row.account_id,
            )
            .limit(1)
        )
        is not None
    )


def _customer_wrote(session: Session, row: OutboxRow) -> bool:
    if row.case_id is None or row.expected_last_message_id is None:
        return False
    return (
        session.scalar(
            select(Message.id)
            .where(Message.case_id == row.case_id, Message.id > row.expected_last_message_id)
            .limit(1)
        )
        is not None
    )
