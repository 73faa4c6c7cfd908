"""The rows of a list behind a number, as people read them: messages, cases, sends, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from dashboard.i18n import gettext as _
from dashboard.inbox.rows import PREVIEW, plain
from dashboard.inbox.words import KINDS, PLATFORMS
from reports.lists import Item
from shenava.messages import Platform
from shenava.store import (
    Account,
    Case,
    EntryKind,
    Fact,
    Feed,
    Identity,
    Message,
    OutboxRow,
)

_MESSAGES = frozenset(
    {
        EntryKind.MESSAGE,
        EntryKind.JUDGED,
        EntryKind.COMPLAINT,
        EntryKind.URGENT,
        EntryKind.URGENT_WAITING,
        EntryKind.REPAIRED,
    }
)
_CASES = frozenset({EntryKind.CASE, EntryKind.FIRST_ANSWER, EntryKind.CLOSED})


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``text``: what was written, in its own direction; ``None`` for a message that was
    removed. ``seconds``, ``elapsed``: of a time. ``link`` is empty where there is nothing to
    open."""

    at: datetime
    name: str
    about: str
    text: str | None = ""
    removed: bool = False
    case_id: int | None = None
    broadcast_id: int | None = None
    account_id: int | None = None
    seconds: int | None = None
    elapsed: int | None = None


def rows_of(session: Session, kind: EntryKind, items: Sequence[Item]) -> list[Row]:
    """These rows, in their order: as many as there are items, whatever became of them since."""
    if kind in _MESSAGES:
        found = _messages(session, items)
    elif kind in _CASES:
        found = _cases(session, items, timed=kind is not EntryKind.CASE)
    elif kind is EntryKind.ANSWER:
        found = _sent(session, items)
    else:
        found = _facts(session, items)
    return [found.get(one.subject_id) or Row(one.happened_at, "?", "") for one in items]


def _messages(session: Session, items: Sequence[Item]) -> Mapping[int, Row]:
    rows = session.execute(
        select(
            Message.id,
            Message.case_id,
            Message.kind,
            Message.platform,
            func.substr(Message.text, 1, literal(PREVIEW)).label("text"),
            Message.removed_at,
            Identity.name,
            Identity.handle,
        )
        .join(Identity, Identity.id == Message.identity_id)
        .where(Message.id.in_([one.subject_id for one in items]))
    )
    at = {one.subject_id: one.happened_at for one in items}
    return {
        row.id: Row(
            at=at[row.id],
            name=_name(row.name, row.handle),
            about=f"{PLATFORMS[row.platform]} · {KINDS[row.kind]}",
            text=" ".join(row.text.split()),
            removed=row.removed_at is not None,
            case_id=row.case_id,
        )
        for row in rows
    }


def _cases(session: Session, items: Sequence[Item], *, timed: bool) -> Mapping[int, Row]:
    by_id = {one.subject_id: one for one in items}
    rows = session.execute(
        select(Case.id, Account.platform, Identity.name, Identity.handle)
        .join(Identity, Identity.id == Case.identity_id)
        .join(Account, Account.id == Case.account_id)
        .where(Case.id.in_(by_id))
    )
    return {
        row.id: Row(
            at=by_id[row.id].happened_at,
            name=_name(row.name, row.handle),
            about=str(PLATFORMS[row.platform]),
            case_id=row.id,
            seconds=by_id[row.id].measure if timed else None,
            elapsed=by_id[row.id].elapsed if timed else None,
        )
        for row in rows
    }


def _sent(session: Session, items: Sequence[Item]) -> Mapping[int, Row]:
    by_id = {one.subject_id: one for one in items}
    rows = session.execute(
        select(
            OutboxRow.id,
            OutboxRow.case_id,
            func.substr(OutboxRow.text, 1, literal(PREVIEW)).label("text"),
            Account.platform,
            Account.handle,
        )
        .join(Account, Account.id == OutboxRow.account_id)
        .where(OutboxRow.id.in_(by_id))
    )
    return {
        row.id: Row(
            at=by_id[row.id].happened_at,
            name=plain(row.handle),
            about=str(PLATFORMS[row.platform]),
            text=" ".join(row.text.split()),
            case_id=row.case_id,
        )
        for row in rows
    }


def _facts(session: Session, items: Sequence[Item]) -> Mapping[int, Row]:
    facts = session.scalars(
        select(Fact).where(Fact.id.in_([one.subject_id for one in items]))
    ).all()
    places: dict[int, Any] = {
        row.id: row
        for row in session.execute(
            select(Account.id, Account.platform, Account.handle).where(
                Account.id.in_({fact.details.get("account") for fact in facts})
            )
        )
    }
    sources = dict(
        session.execute(
            select(Feed.id, Feed.source).where(
                Feed.id.in_({fact.details.get("feed") for fact in facts})
            )
        ).all()
    )
    found = {}
    for fact in facts:
        place = places.get(int(fact.details.get("account") or 0))
        if "broadcast" in fact.details:
            found[fact.id] = Row(
                fact.happened_at,
                _("Broadcast"),
                "",
                broadcast_id=int(fact.details["broadcast"]),
            )
        else:
            source = sources.get(int(fact.details.get("feed") or 0))
            found[fact.id] = Row(
                fact.happened_at,
                plain(place.handle) if place else "?",
                str(PLATFORMS[Platform(place.platform)]) if place else "",
                text=source.value if source else "",
                account_id=place.id if place else None,
            )
    return found


def _name(name: str | None, handle: str | None) -> str:
    return plain(name) or plain(handle) or "?"
