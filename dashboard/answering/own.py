"""What the shop itself wrote in a conversation: rows of the outbox, and what staff wrote in the
platform's own app. Each is one bubble on the other side of the thread, with its plain state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.answering import words
from dashboard.answering.target import web_link
from dashboard.pictures.shown import small_size
from responder import approval
from responder.gate import Why
from responder.outbox import UNDO
from shenava.messages import Deed, Platform
from shenava.store import Account, Message, OutboxRow, OutboxState, OwnMessageRow, Picture

SHOWN = 200
"""Own messages of a case that its page shows, the newest."""


class Phase(StrEnum):
    """What a person needs to know of an own message; several states of a row may be one."""

    UNDO = "undo"
    """Leaves in seconds; can be taken back."""
    LATER = "later"
    HELD_UP = "held_up"
    """Should have left, and will by itself."""
    APPROVAL = "approval"
    SENDING = "sending"
    SENT = "sent"
    BY_HAND = "by_hand"
    ELSEWHERE = "elsewhere"
    """Written in the platform's own app."""
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    """Not approved: it came back to its writer."""

    @property
    def moves(self) -> bool:
        """Whether it will become something else without the reader."""
        return self in _MOVING


_MAY_PASS = frozenset({Why.BLOCKED, Why.NOT_CONNECTED, Why.MONEY, Why.RATE, Why.EXPIRED})
"""Refusals after which the same words may be tried again."""

_MOVING = frozenset(
    {Phase.UNDO, Phase.LATER, Phase.HELD_UP, Phase.APPROVAL, Phase.SENDING, Phase.UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Looks:
    """What was looked up of an outcome that nobody knows. ``next_at``: ``None``: no more."""

    count: int
    absent: int
    next_at: datetime | None
    left_at: datetime


@dataclass(frozen=True, slots=True)
class Own:
    """``written_at`` is where it stands in the thread. ``key``: the page's own, where the reader
    sent it. ``by``: the colleague, where one is known. ``retried``: another row tries it again.
    ``look_link``: where to look for one in doubt. ``approvable``: the reader may approve what has
    this ``body_hash``, with the customer's messages up to ``newest_id`` before them.
    ``returned_by`` and ``word``: who gave it back, and what they said."""

    id: int
    is_row: bool
    case_id: int | None
    platform: Platform
    deed: Deed
    phase: Phase
    text: str
    written_at: datetime
    account: str
    by: str | None = None
    by_me: bool = False
    key: str = ""
    not_before: datetime | None = None
    permalink: str | None = None
    why: str = ""
    way_out: str = ""
    can_retry: bool = False
    retried: bool = False
    looks: Looks | None = None
    look_link: str | None = None
    approvable: bool = False
    newest_id: int = 0
    body_hash: str = ""
    returned_by: str | None = None
    word: str = ""
    picture_id: int | None = None
    picture_alt: str = ""
    picture_size: tuple[int, int] = (0, 0)

    is_own = True

    @property
    def element(self) -> str:
        """The id of its element on the page."""
        return f"o{self.id}" if self.is_row else f"w{self.id}"


def own_messages(
    session: Session, case_ids: Iterable[int], me: int, people: Mapping[int, str]
) -> list[Own]:
    """What the shop wrote in these cases, in no order. An echo and its row are one."""
    wanted = list(case_ids)
    rows = session.scalars(
        select(OutboxRow)
        .where(OutboxRow.case_id.in_(wanted), OutboxRow.deed.not_in((Deed.HIDE, Deed.DELETE)))
        .order_by(OutboxRow.id.desc())
        .limit(SHOWN)
    ).all()
    others = session.scalars(
        select(OwnMessageRow)
        .where(OwnMessageRow.case_id.in_(wanted), OwnMessageRow.outbox_id.is_(None))
        .order_by(OwnMessageRow.written_at.desc(), OwnMessageRow.id.desc())
        .limit(SHOWN)
    ).all()
    accounts = _accounts(
        session, [row.account_id for row in rows] + [own.account_id for own in others]
    )
    return [
        *_of_rows(session, rows, accounts, me, people, _newest(session, wanted)),
        *(_elsewhere(one, accounts[one.account_id]) for one in others),
    ]


def own_rows(
    session: Session, row_ids: Iterable[int], me: int, people: Mapping[int, str]
) -> list[Own]:
    """These rows of the outbox, as they stand now."""
    rows = session.scalars(select(OutboxRow).where(OutboxRow.id.in_(list(row_ids)))).all()
    accounts = _accounts(session, [row.account_id for row in rows])
    return _of_rows(session, rows, accounts, me, people)


def _accounts(session: Session, ids: Collection[int]) -> dict[int, Account]:
    if not ids:
        return {}
    found = session.scalars(select(Account).where(Account.id.in_(set(ids))))
    return {account.id: account for account in found}


def _of_rows(
    session: Session,
    rows: Sequence[OutboxRow],
    accounts: Mapping[int, Account],
    me: int,
    people: Mapping[int, str],
    newest: Mapping[int, int] = MappingProxyType({}),
) -> list[Own]:
    if not rows:
        return []
    retried = set(
        session.scalars(
            select(OutboxRow.retry_of_id).where(OutboxRow.retry_of_id.in_([row.id for row in rows]))
        )
    )
    links = _links(session, [row for row in rows if row.state is OutboxState.UNKNOWN])
    sizes = _sizes(session, [row.picture_id for row in rows if row.picture_id is not None])
    waiting = any(row.state is OutboxState.AWAITING_APPROVAL for row in rows)
    approver = waiting and approval.may_approve(session, me)
    return [
        replace(
            _of_row(row, accounts[row.account_id], me, people, row.id in retried),
            look_link=links.get(row.id),
            approvable=approver
            and row.state is OutboxState.AWAITING_APPROVAL
            and not approval.is_ones_own(row, me),
            newest_id=newest.get(row.case_id or 0, 0),
            picture_id=row.picture_id,
            picture_alt=row.picture_alt,
            picture_size=sizes.get(row.picture_id or 0, (0, 0)),
        )
        for row in rows
    ]


def _sizes(session: Session, picture_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """How large these pictures are shown when they are shown small."""
    if not picture_ids:
        return {}
    asked = select(Picture.id, Picture.width, Picture.height).where(Picture.id.in_(picture_ids))
    return {row.id: small_size(row.width, row.height) for row in session.execute(asked)}


def _newest(session: Session, case_ids: Collection[int]) -> dict[int, int]:
    """By case, the newest message that its page shows."""
    found = session.execute(
        select(Message.case_id, func.max(Message.id).label("newest"))
        .where(Message.case_id.in_(case_ids))
        .group_by(Message.case_id)
    )
    return {row.case_id: row.newest for row in found}


def _links(session: Session, rows: Iterable[OutboxRow]) -> dict[int, str | None]:
    """Where the messages stand that these rows answer."""
    wanted = {row.id: row.message_id for row in rows if row.message_id is not None}
    if not wanted:
        return {}
    asked = select(Message.id, Message.permalink).where(Message.id.in_(wanted.values()))
    links = {row.id: web_link(row.permalink) for row in session.execute(asked)}
    return {row_id: links[message_id] for row_id, message_id in wanted.items()}


def _of_row(
    row: OutboxRow,
    account: Account,
    me: int,
    people: Mapping[int, str],
    retried: bool,
) -> Own:
    phase = phase_of(row)
    waits = phase in (Phase.UNDO, Phase.LATER, Phase.HELD_UP)
    reason, platform = row.reason or "", account.platform
    said = ""
    if phase in (Phase.REFUSED, Phase.FAILED):
        said = words.why(reason, platform)
    elif phase is Phase.UNKNOWN:
        said = words.doubt(reason, platform)
    elif waits:
        said = words.held_up(row.reason, platform)
    ended = phase in (Phase.REFUSED, Phase.FAILED)
    worth = phase is Phase.FAILED or reason in _MAY_PASS
    return Own(
        id=row.id,
        is_row=True,
        case_id=row.case_id,
        platform=platform,
        deed=row.deed,
        phase=phase,
        text=row.text,
        written_at=row.sent_at
        or row.sending_at
        or (max(row.created_at, row.not_before) if waits else row.created_at),
        account=account.handle,
        by=people.get(row.created_by or 0),
        by_me=row.created_by == me,
        key=row.key if row.principal == f"user:{me}" else "",
        not_before=row.not_before,
        permalink=web_link(row.permalink),
        why=said,
        way_out=words.way_out(str(row.evidence.get("way_out", "")), platform) if ended else "",
        can_retry=ended and worth and not retried,
        retried=retried,
        looks=_looks(row) if phase is Phase.UNKNOWN else None,
        body_hash=row.body_hash,
        returned_by=people.get(row.returned_by or 0),
        word=row.returned_word or "",
    )


def phase_of(row: OutboxRow) -> Phase:
    """Which phase a row is in."""
    match row.state:
        case OutboxState.QUEUED if row.reason is not None:
            return Phase.HELD_UP
        case OutboxState.QUEUED:
            return Phase.UNDO if row.not_before - row.created_at <= UNDO else Phase.LATER
        case OutboxState.DRAFT | OutboxState.AWAITING_APPROVAL:
            return Phase.APPROVAL
        case OutboxState.CLAIMED | OutboxState.SENDING:
            return Phase.SENDING
        case OutboxState.SENT:
            return Phase.BY_HAND if row.by_hand else Phase.SENT
        case OutboxState.REFUSED:
            return Phase.REFUSED
        case OutboxState.FAILED:
            return Phase.FAILED
        case OutboxState.UNKNOWN:
            return Phase.UNKNOWN
    return Phase.RETURNED if row.returned_by is not None else Phase.CANCELLED


def _looks(row: OutboxRow) -> Looks:
    assert row.sending_at is not None
    absent = int(row.evidence.get("absent", 0))
    return Looks(row.looks, absent, row.look_at, row.sending_at)


def _elsewhere(row: OwnMessageRow, account: Account) -> Own:
    return Own(
        id=row.id,
        is_row=False,
        case_id=row.case_id,
        platform=account.platform,
        deed=Deed(row.kind),
        phase=Phase.ELSEWHERE,
        text=row.text,
        written_at=row.written_at,
        account=account.handle,
        permalink=web_link(row.permalink),
    )
