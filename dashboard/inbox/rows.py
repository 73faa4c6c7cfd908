"""Rows of a list: everything one line shows of a case, read for a whole page in two questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, literal, select
from sqlalchemy.orm import Session, aliased

from dashboard.filters import digits
from dashboard.i18n import gettext as _
from dashboard.inbox.queries import Hit
from dashboard.inbox.words import PLATFORMS
from shenava.messages import AboutKind, Platform, Sentiment
from shenava.store import (
    Account,
    Attachment,
    Case,
    CaseRead,
    CaseState,
    Conversation,
    Customer,
    Identity,
    Message,
    RemovedBecause,
    User,
)

NUMBER_SHOWN = 4
"""Signs of a number that stands for a name."""

PREVIEW = 280
"""Characters of a message that a row could ever show of its two lines."""

_TURNING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer on one platform. ``name`` is never empty."""

    identity_id: int
    name: str
    handle: str | None
    followers: int | None
    vip: bool
    blocked: bool
    opted_out: bool


@dataclass(frozen=True, slots=True)
class Staff:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """``preview``: the newest message, or the one a search found; ``removed``: why it is empty.
    ``pictures``: something hangs on that message. ``unread``: messages that the
    reader has not seen, in a case that is not historic."""

    id: int
    state: CaseState
    historic: bool
    priority: int
    reasons: Sequence[Any]
    person: Person
    platform: Platform
    account: str
    preview: str
    at: datetime
    due_at: datetime | None
    waiting_since: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    holder: Staff | None
    sentiment: Sentiment | None
    sentiment_p: float | None
    complaint: bool | None
    judged: bool
    message_count: int
    unread: bool
    pictures: bool = False
    removed: RemovedBecause | None = None
    private: bool = False
    """The conversation is one of private messages."""
    about: AboutKind | None = None
    """What the message of ``preview`` is beside its words."""

    @property
    def level(self) -> str:
        """The urgency edge: by priority while the case is live."""
        if self.state is CaseState.CLOSED:
            return "calm"
        return ("calm", "calm", "soon", "urgent")[self.priority]

    @property
    def waits(self) -> bool:
        """Whether a customer waits, so that it is worth saying for how long."""
        return self.state is CaseState.OPEN and self.waiting_since is not None


_PREVIEW = (
    func.substr(Message.text, 1, literal(PREVIEW)).label("text"),
    Message.written_at,
    Message.removed_because,
    Message.about,
    select(Attachment.id).where(Attachment.message_id == Message.id).exists().label("pictures"),
)
"""What a row shows of one message."""


def rows(session: Session, hits: Iterable[Hit], me: int) -> list[Row]:
    """The rows of these cases, in their order; one that is gone is left out."""
    wanted = {hit.case_id: hit.message_id for hit in hits}
    if not wanted:
        return []
    found = {row.Case.id: row for row in session.execute(_question(wanted, me))}
    previews = _previews(session, [row.Case for row in found.values()], wanted)
    return [_row(found[key], previews.get(key)) for key in wanted if key in found]


def _question(wanted: Iterable[int], me: int) -> Any:
    return (
        select(
            Case,
            Identity,
            Customer.vip,
            Account.platform,
            Account.handle.label("account"),
            User.id.label("holder_id"),
            User.name.label("holder"),
            CaseRead.message_count.label("read"),
            Conversation.thread,
        )
        .join(Conversation, Conversation.id == Case.conversation_id)
        .join(Identity, Identity.id == Case.identity_id)
        .join(Account, Account.id == Case.account_id)
        .outerjoin(Customer, Customer.id == Identity.customer_id)
        .outerjoin(User, User.id == Case.assignee_id)
        .outerjoin(CaseRead, and_(CaseRead.case_id == Case.id, CaseRead.user_id == me))
        .where(Case.id.in_(list(wanted)))
    )


def _previews(
    session: Session, cases: Sequence[Case], wanted: dict[int, int | None]
) -> dict[int, Any]:
    """What to show of each case: (text, written_at) of one message."""
    if not cases:
        return {}
    newest = aliased(Message)
    # A reopened case shows what the case before it was about, until the customer writes again.
    about = func.coalesce(
        select(newest.id)
        .where(newest.case_id == Case.id)
        .order_by(newest.written_at.desc(), newest.id.desc())
        .limit(1)
        .correlate(Case)
        .scalar_subquery(),
        select(newest.id)
        .where(newest.case_id == Case.reopened_from_id)
        .order_by(newest.written_at.desc(), newest.id.desc())
        .limit(1)
        .correlate(Case)
        .scalar_subquery(),
    )
    found = {key: message for key, message in wanted.items() if message is not None}
    shown = select(Case.id.label("case_id"), about.label("message_id")).where(
        Case.id.in_([case.id for case in cases if case.id not in found])
    )
    texts = {}
    if len(found) < len(cases):
        of_case = shown.subquery()
        asked = select(
            of_case.c.case_id,
            *_PREVIEW,
        ).join(Message, Message.id == of_case.c.message_id)
        texts.update({row.case_id: row for row in session.execute(asked)})
    if found:
        asked = select(
            Message.case_id,
            *_PREVIEW,
        ).where(Message.id.in_(found.values()))
        texts.update({row.case_id: row for row in session.execute(asked)})
    return texts


def _row(found: Any, preview: Any) -> Row:
    case: Case = found.Case
    return Row(
        id=case.id,
        state=case.state,
        historic=case.historic,
        priority=case.priority,
        reasons=case.reasons,
        person=person_of(found.Identity, bool(found.vip)),
        platform=found.platform,
        account=found.account,
        preview=" ".join(preview.text.split()) if preview else "",
        at=case.last_message_at,
        due_at=case.due_at if case.state is CaseState.OPEN else None,
        waiting_since=case.waiting_since,
        snoozed_until=case.snoozed_until,
        closed_at=case.closed_at,
        holder=Staff(found.holder_id, found.holder) if found.holder_id else None,
        sentiment=case.sentiment,
        sentiment_p=case.sentiment_p,
        complaint=case.complaint,
        judged=case.judged,
        message_count=case.message_count,
        unread=not case.historic and case.message_count > (found.read or 0),
        pictures=bool(preview and preview.pictures),
        removed=preview.removed_because if preview else None,
        private=found.thread == "dm",
        about=preview.about if preview else None,
    )


def person_of(identity: Identity, vip: bool) -> Person:
    """A customer, by the best name there is."""
    return Person(
        identity_id=identity.id,
        name=name_of(identity.platform, identity.key, identity.name, identity.handle),
        handle=plain(identity.handle) or None,
        followers=identity.followers,
        vip=vip,
        blocked=identity.blocked_at is not None,
        opted_out=identity.opted_out_at is not None,
    )


def called(*names: str | None) -> str:
    """The best name there is, for people to read. Instagram does not tell who wrote what is found
    by a hashtag, nor an app that Meta has not reviewed; such a writer's name is kept as "?"."""
    told = next((told for name in names if (told := plain(name)) not in ("", "?")), "")
    return told or _("Unnamed")


def name_of(platform: Platform, key: str, *names: str | None) -> str:
    """The best name of who has the ``key``. Who writes privately is known to a platform's webhook
    by a number alone until their name is asked for: its end tells two such people apart, and the
    number itself is a name to nobody."""
    told = next((told for name in names if (told := plain(name))), "")
    if told:
        return called(told)
    kind, _colon, native = key.partition(":")
    if kind != "id" or not (end := plain(native)[-NUMBER_SHOWN:]):
        return called(native)
    return _("%(channel)s customer …%(end)s", channel=PLATFORMS[platform], end=digits(end))


def plain(text: str | None) -> str:
    """A name for places that are not an element of their own, such as a title: without the
    controls that would turn the words around it."""
    return " ".join(_TURNING.sub("", text or "").split())
