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
from responder.circumstances import hash_of
from responder.pictures import as_drawn
from shenava.messages import Deed, Language, Platform
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
from shenava.store.bulk import insert_numbered, update_by_id

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
    if not found:
        return 0
    say = _Words(Content.of_json(broadcast.content), platform, deed)
    drawn = None
    if any(one.kind is RecipientKind.PLACE for one in found):
        drawn = _kept(session, pictures.get(account_id), now)
    common: dict[str, Any] = {
        "principal": f"broadcast:{broadcast.id}",
        "deed": deed,
        "account_id": account_id,
        "state": OutboxState.QUEUED,
        "by_hand": False,
        "created_at": now,
        "not_before": now,
        "expires_at": broadcast.expires_at,
        "evidence": {},
        "price_micros": 0,
        "created_by": broadcast.submitted_by or broadcast.created_by,
        "approved_by": broadcast.approved_by,
        "broadcast_id": broadcast.id,
    }
    # Plain rows: a hundred thousand of them would be slow to make one by one.
    numbers = insert_numbered(
        session, OutboxRow, [common | _told_one(one, account_id, say, drawn) for one in found]
    )
    update_by_id(
        session,
        Recipient,
        [
            {"b_id": one.id, "state": RecipientState.HANDED, "outbox_id": number}
            for one, number in zip(found, numbers, strict=True)
        ],
    )
    return len(numbers)


class _Words:
    """What is said in one manner on one platform, found once for each language."""

    def __init__(self, content: Content, platform: Platform, deed: Deed) -> None:
        self._content, self._platform, self.deed = content, platform, deed
        self._found: dict[tuple[Language, bool], str] = {}

    def to(self, language: Language, *, place: bool) -> str:
        key = (language, place)
        if key not in self._found:
            self._found[key] = self._content.text_for(
                self._platform, language, self.deed, place=place
            )
        return self._found[key]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A picture that is kept: its row, its SHA-256, what it shows."""

    picture_id: int
    sha256: str
    alt: str


def _kept(session: Session, made: tuple[bytes, str] | None, now: datetime) -> _Drawn | None:
    if made is None:
        return None
    picture = as_drawn(made[0], now)
    session.add(picture)
    session.flush()
    return _Drawn(picture.id, picture.sha256, made[1])


def _told_one(one: Any, account_id: int, say: _Words, drawn: _Drawn | None) -> dict[str, Any]:
    """What of a row of the outbox is one recipient's own."""
    is_place = one.kind is RecipientKind.PLACE
    picture = drawn if is_place else None
    text = say.to(one.language, place=is_place)
    to_native_id = _native_id(one.native) if say.deed in _PRIVATE else None
    alt = picture.alt if picture else ""
    return {
        "key": one.key,
        "case_id": one.case_id,
        "message_id": one.message_id,
        "identity_id": one.identity_id,
        "to_key": one.to_key,
        "to_native_id": to_native_id,
        "text": text,
        "picture_id": picture.picture_id if picture else None,
        "picture_alt": alt,
        # A person pressed the button, but wrote to none of them: what platforms let people
        # alone do is not claimed for it.
        "automatic": not is_place,
        "body_hash": hash_of(
            say.deed,
            account_id,
            one.case_id,
            one.message_id,
            one.to_key,
            to_native_id,
            text,
            picture.sha256 if picture else None,
            alt,
        ),
    }


_PRIVATE: Sequence[Deed] = (Deed.DM, Deed.PRIVATE_REPLY)


def _native_id(key: str | None) -> str | None:
    return key.removeprefix("id:") if key is not None and key.startswith("id:") else None
