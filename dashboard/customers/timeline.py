"""What a customer and the shop wrote to each other, on all channels, as one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import literal, or_, select, tuple_
from sqlalchemy.orm import Session

from dashboard.answering.own import Own, own_messages
from dashboard.answering.target import web_link
from dashboard.context import desk
from dashboard.inbox.queries import Cursor, instant_of, number_of
from dashboard.pictures.shown import Shown, pictures_of
from responder.effective import Held, held_verdicts
from shenava.messages import MessageKind, Platform
from shenava.store import Case, Message, RemovedBecause

WINDOW = 40
"""Messages of the customer that are shown at once, the newest; what the shop wrote comes along."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the customer wrote. ``removed``: why nothing of it is left."""

    id: int
    case_id: int
    platform: Platform
    kind: MessageKind
    text: str
    permalink: str | None
    written_at: datetime
    held: Held | None
    pictures: tuple[Shown, ...] = ()
    edited_at: datetime | None = None
    removed: RemovedBecause | None = None

    is_own = False


@dataclass(frozen=True, slots=True)
class Day:
    """What was written on one day of the shop's calendar."""

    at: datetime
    entries: tuple[Said | Own, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """``earlier``: where what came before goes on; ``None`` when this begins at the beginning."""

    days: tuple[Day, ...]
    earlier: Cursor | None

    @property
    def is_empty(self) -> bool:
        return not self.days


def timeline(
    session: Session,
    person: Sequence[int],
    before: Cursor | None,
    me: int,
    people: Mapping[int, str],
) -> Timeline:
    """The newest messages of a person (all their identities) written before ``before``."""
    place = (Message.written_at, Message.id)
    asked = select(Message).where(Message.identity_id.in_(person))
    if before is not None:
        there = (literal(instant_of(before.key), Message.written_at.type), literal(before.id))
        asked = asked.where(tuple_(*place) < tuple_(*there))
    found = session.scalars(
        asked.order_by(*(column.desc() for column in place)).limit(WINDOW + 1)
    ).all()
    shown = found[:WINDOW]
    earlier = None
    if len(found) > WINDOW:
        earlier = Cursor(number_of(shown[-1].written_at), shown[-1].id)
    held = held_verdicts(session, (row.id for row in shown))
    pictures = pictures_of(session, [row.id for row in shown])
    entries: list[Said | Own] = [
        _said(row, held.get(row.id), pictures.get(row.id, ())) for row in shown
    ]
    entries += _own(session, person, shown, before, earlier, me, people)
    entries.sort(key=lambda one: (one.written_at, one.is_own, one.id))
    return Timeline(_days(entries), earlier)


def _said(row: Message, held: Held | None, pictures: tuple[Shown, ...]) -> Said:
    return Said(
        id=row.id,
        case_id=row.case_id,
        platform=row.platform,
        kind=row.kind,
        text=row.text,
        permalink=web_link(row.permalink),
        written_at=row.written_at,
        held=held,
        pictures=pictures,
        edited_at=row.edited_at,
        removed=row.removed_because,
    )


def _own(
    session: Session,
    person: Sequence[int],
    shown: Sequence[Message],
    before: Cursor | None,
    earlier: Cursor | None,
    me: int,
    people: Mapping[int, str],
) -> list[Own]:
    """What the shop wrote in the same stretch of time."""
    begin = shown[-1].written_at if earlier is not None else None
    end = instant_of(before.key) if before is not None else None
    asked: Any = select(Case.id).where(Case.identity_id.in_(person))
    if begin is not None:
        # Answered within, or not answered and perhaps being so now.
        asked = asked.where(or_(Case.answered_at >= begin, Case.last_message_at >= begin))
    if end is not None:
        asked = asked.where(Case.opened_at <= end)
    cases = session.scalars(asked.order_by(Case.id.desc()).limit(WINDOW * 2)).all()
    found = own_messages(session, cases, me, people)
    return [
        one
        for one in found
        if (begin is None or one.written_at >= begin) and (end is None or one.written_at < end)
    ]


def _days(entries: Sequence[Said | Own]) -> tuple[Day, ...]:
    zone = desk().settings.zone
    days: dict[date, list[Said | Own]] = {}
    for one in entries:
        days.setdefault(one.written_at.astimezone(zone).date(), []).append(one)
    return tuple(Day(found[0].written_at, tuple(found)) for found in days.values())
