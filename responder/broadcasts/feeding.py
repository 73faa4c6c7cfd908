"""The ledger's rows become rows of the outbox, some ahead of the convoy, in their order.

Not all at once: what waits here can be stopped with one word, and a queue of a hundred thousand
would be in everyone's way. Each account and manner has its own place in the queue, so that a slow
platform holds nobody else up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from responder.broadcasts.content import Content
from responder.broadcasts.plan import LeftOut
from responder.circumstances import body_hash
from responder.pictures import as_drawn
from shenava.messages import Deed, Language
from shenava.store import (
    Account,
    Broadcast,
    Identity,
    OutboxRow,
    OutboxState,
    Recipient,
    RecipientKind,
    RecipientState,
    Stage,
)
from shenava.store.bulk import update_by_id

AHEAD = 1_000
"""Rows of one account and manner that wait in the outbox."""

AT_ONCE = 500

Pictures = Mapping[int, tuple[bytes, str] | None]
"""By account: the notice as a picture, and its description; ``None`` where none could be made."""


@dataclass(frozen=True, slots=True)
class PictureWanted:
    """A public post that goes with a picture."""

    account_id: int
    language: Language
    stage: Stage
    text: str
    name: str


def pictures_wanted(session: Session, broadcast: Broadcast) -> list[PictureWanted]:
    """The pictures that the next rows of a broadcast need."""
    content = Content.of_json(broadcast.content)
    going = {one["account"] for one in (broadcast.plan or {}).get("places", ()) if one["picture"]}
    rows = session.execute(
        select(
            Recipient.account_id,
            Recipient.language,
            Account.platform,
            Account.name,
            Account.handle,
            Recipient.deed,
        )
        .join(Account, Account.id == Recipient.account_id)
        .where(
            Recipient.broadcast_id == broadcast.id,
            Recipient.state == RecipientState.WAITING,
            Recipient.kind == RecipientKind.PLACE,
        )
    )
    return [
        PictureWanted(
            row.account_id,
            row.language,
            broadcast.stage,
            content.text_for(row.platform, row.language, row.deed, place=True),
            row.name or row.handle,
        )
        for row in rows
        if row.account_id in going
    ]


def feed(session: Session, broadcast: Broadcast, pictures: Pictures, now: datetime) -> int:
    """Put the next rows of a running broadcast into the outbox; returns how many."""
    _leave_out(session, broadcast.id, [key for key, made in pictures.items() if made is None])
    waiting = session.execute(
        select(Recipient.account_id, Recipient.deed)
        .where(Recipient.broadcast_id == broadcast.id, Recipient.state == RecipientState.WAITING)
        .group_by(Recipient.account_id, Recipient.deed)
    ).all()
    queued = _queued(session, broadcast.id)
    fed = 0
    for account_id, deed in waiting:
        assert deed is not None, "who is told is told somehow"
        room = min(AT_ONCE, AHEAD - queued.get((account_id, deed), 0))
        if room > 0:
            fed += _feed_line(session, broadcast, account_id, deed, room, pictures, now)
    return fed


def _leave_out(session: Session, broadcast_id: int, accounts: Sequence[int]) -> None:
    """What was to go with a picture does not go without."""
    if accounts:
        session.execute(
            update(Recipient)
            .where(
                Recipient.broadcast_id == broadcast_id,
                Recipient.state == RecipientState.WAITING,
                Recipient.kind == RecipientKind.PLACE,
                Recipient.account_id.in_(accounts),
            )
            .values(state=RecipientState.LEFT_OUT, reason=LeftOut.NO_PICTURE.value)
        )


def _queued(session: Session, broadcast_id: int) -> dict[tuple[int, Deed], int]:
    rows = session.execute(
        select(OutboxRow.account_id, OutboxRow.deed, func.count())
        .where(OutboxRow.broadcast_id == broadcast_id, OutboxRow.state == OutboxState.QUEUED)
        .group_by(OutboxRow.account_id, OutboxRow.deed)
    )
    return {(account_id, deed): count for account_id, deed, count in rows}


def _feed_line(
    session: Session,
    broadcast: Broadcast,
    account_id: int,
    deed: Deed,
    most: int,
    pictures: Pictures,
    now: datetime,
) -> int:
    found = session.execute(
        select(
            Recipient.id,
            Recipient.key,
            Recipient.kind,
            Recipient.identity_id,
            Recipient.case_id,
            Recipient.message_id,
            Recipient.to_key,
            Recipient.language,
            Identity.key.label("native"),
        )
        .outerjoin(Identity, Identity.id == Recipient.identity_id)
        .where(
            Recipient.broadcast_id == broadcast.id,
            Recipient.state == RecipientState.WAITING,
            Recipient.account_id == account_id,
            Recipient.deed == deed,
        )
        .order_by(Recipient.id)
        .limit(most)
    ).all()
    platform = session.scalars(select(Account.platform).where(Account.id == account_id)).one()
    content = Content.of_json(broadcast.content)
    rows = [
        _row(one, broadcast, account_id, deed, _text(content, platform, one, deed), pictures, now)
        for one in found
    ]
    session.add_all(rows)
    session.flush()
    update_by_id(
        session,
        Recipient,
        [
            {"b_id": one.id, "state": RecipientState.HANDED, "outbox_id": row.id}
            for one, row in zip(found, rows, strict=True)
        ],
    ) if rows else None
    # Let go of them: a hundred thousand rows must not gather in one session.
    for row in rows:
        session.expunge(row)
    return len(rows)


def _text(content: Content, platform: Any, one: Any, deed: Deed) -> str:
    place = one.kind is RecipientKind.PLACE
    return content.text_for(platform, one.language, deed, place=place)


def _row(
    one: Any,
    broadcast: Broadcast,
    account_id: int,
    deed: Deed,
    text: str,
    pictures: Pictures,
    now: datetime,
) -> OutboxRow:
    is_place = one.kind is RecipientKind.PLACE
    picture, alt = (pictures.get(account_id) if is_place else None) or (None, "")
    row = OutboxRow(
        principal=f"broadcast:{broadcast.id}",
        key=one.key,
        deed=deed,
        account_id=account_id,
        case_id=one.case_id,
        message_id=one.message_id,
        identity_id=one.identity_id,
        to_key=one.to_key,
        to_native_id=_native_id(one.native) if deed in _PRIVATE else None,
        text=text,
        picture=as_drawn(picture, now) if picture is not None else None,
        picture_alt=alt,
        state=OutboxState.QUEUED,
        # A person pressed the button, but wrote to none of them: what platforms let people
        # alone do is not claimed for it.
        automatic=not is_place,
        by_hand=False,
        created_at=now,
        not_before=now,
        expires_at=broadcast.expires_at,
        evidence={},
        price_micros=0,
        created_by=broadcast.submitted_by or broadcast.created_by,
        approved_by=broadcast.approved_by,
        broadcast_id=broadcast.id,
    )
    row.body_hash = body_hash(row)
    return row


_PRIVATE: Sequence[Deed] = (Deed.DM, Deed.PRIVATE_REPLY)


def _native_id(key: str | None) -> str | None:
    return key.removeprefix("id:") if key is not None and key.startswith("id:") else None
