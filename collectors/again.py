"""What a message that is known gains by coming again from another source.

A webhook knows of a comment first but not when it was written, and of a private message but not
what its author is called; a reading knows that, and the address where people see it. So that the
order of the two changes nothing, all of it is a smallest, a largest, or what a newest message told:

* a message is as old as the earliest time that was told of it;
* what was missing (its address, what it answers, the address of its post) is filled in;
* its author is called what the newest message says, whoever brought it.

To a message that was removed nothing is added but its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from collectors import people
from shenava.messages import Incoming
from shenava.store import (
    Case,
    Conversation,
    Fact,
    FactKind,
    Identity,
    IdentityHandle,
    Message,
    Post,
    case_rank,
    changes,
)
from shenava.store.bulk import either
from shenava.text import index_text


@dataclass(slots=True)
class _Told:
    """All that a batch says of one known message."""

    row: Any
    items: list[Incoming]

    @property
    def earliest(self) -> datetime:
        return min(item.written_at for item in self.items)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What has to be done once the cases of ``case_ids`` are locked: see :meth:`move`."""

    case_ids: frozenset[int] = frozenset()
    earlier: Mapping[int, datetime] = field(default_factory=dict)

    def move(self, session: Session) -> None:
        """Let cases begin, end and wait as their messages now say."""
        if not self.earlier:
            return
        session.flush()
        for case in session.scalars(
            select(Case)
            .where(Case.id.in_(self.earlier))
            .order_by(Case.id)
            .execution_options(populate_existing=True)
        ):
            _move(session, case, self.earlier[case.id])
        session.flush()


def learn(session: Session, again: Sequence[tuple[Incoming, int]], now: datetime) -> Learnt:
    """Add what ``again`` (each with the number of its message) tells. Part of intake's transaction,
    before any case is locked there."""
    if not again:
        return Learnt()
    found = {
        row.id: row
        for row in session.execute(
            select(
                Message.id,
                Message.case_id,
                Message.written_at,
                Message.historic,
                Message.permalink,
                Message.reply_to_key,
                Message.removed_at,
                Message.text,
                Message.search_text,
                Identity.platform,
                Identity.key,
                Identity.handle,
                Identity.name,
                Identity.followers,
                Identity.profile_at,
                Post.native_key.label("post_key"),
                Post.permalink.label("post_link"),
            )
            .join(Identity, Identity.id == Message.identity_id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .outerjoin(Post, Post.id == Conversation.post_id)
            .where(Message.id.in_({message_id for _, message_id in again}))
        )
    }
    told: dict[int, _Told] = {}
    for item, message_id in again:
        told.setdefault(message_id, _Told(found[message_id], [])).items.append(item)
    _profiles(session, told.values())
    _posts(session, told.values())
    news = {number: values for number, one in told.items() if (values := _news(one))}
    if not news:
        return Learnt()
    session.execute(
        select(Message.id)
        .where(Message.id.in_(news))
        .order_by(Message.id)
        .with_for_update(key_share=True)
    ).all()
    for number, values in sorted(news.items()):
        session.execute(
            update(Message)
            .where(Message.id == number)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    earlier = [told[number] for number, values in news.items() if "written_at" in values]
    cases = _began_earlier(session, earlier, now)
    of_news = frozenset(told[number].row.case_id for number in news)
    changes.note(session, of_news)
    return Learnt(frozenset(cases), cases)


def _news(one: _Told) -> dict[str, Any]:
    row, values = one.row, dict[str, Any]()
    if one.earliest < row.written_at:
        values["written_at"] = one.earliest
    if row.removed_at is not None:
        return values
    named = [item.author for item in one.items if item.author.handle or item.author.name]
    if named and row.search_text == index_text(row.text, "", ""):
        # Found by the name of its author too, though the first who told of it did not know that.
        author = named[0]
        values["search_text"] = index_text(row.text, author.name or "", author.handle or "")
    for name in ("permalink", "reply_to_key"):
        if getattr(row, name) is None:
            known = [told for item in one.items if (told := getattr(item, name)) is not None]
            if known:
                values[name] = min(known)
    return values


def _began_earlier(
    session: Session, earlier: Sequence[_Told], now: datetime
) -> dict[int, datetime]:
    """Move what hangs on the time of a message with it, and have its case triaged anew; returns the
    cases, each with the earliest new time."""
    cases: dict[int, datetime] = {}
    for one in earlier:
        session.execute(
            update(Fact)
            .where(
                Fact.message_id == one.row.id,
                Fact.kind.in_((FactKind.MESSAGE_RECEIVED, FactKind.MESSAGE_JUDGED)),
                Fact.happened_at > one.earliest,
            )
            .values(happened_at=one.earliest)
            .execution_options(synchronize_session=False)
        )
        cases[one.row.case_id] = min(cases.get(one.row.case_id, one.earliest), one.earliest)
    live = [one.row.id for one in earlier if not one.row.historic and one.row.removed_at is None]
    if live:
        # The pipeline finds its verdict there, and triages with the time as it is now.
        session.execute(
            update(Message)
            .where(Message.id.in_(live))
            .values(judge_after=func.coalesce(Message.judge_after, now))
            .execution_options(synchronize_session=False)
        )
    return cases


def _move(session: Session, case: Case, at: datetime) -> None:
    case.opened_at = min(case.opened_at, at)
    times = session.execute(
        select(Message.written_at, Message.edited_at).where(Message.case_id == case.id)
    ).all()
    case.last_message_at = max(edited or written for written, edited in times)
    if case.historic:
        case.closed_at = case.last_message_at
    if case.waiting_since is None:
        return
    since = case.answered_at
    if since is None:
        case.waiting_since = min(written for written, _ in times)
    else:
        after = [one for both in times for one in both if one is not None and one > since]
        case.waiting_since = min(after, default=None)
    case.rank = case_rank(case.priority, case.due_at, case.waiting_since)


def _profiles(session: Session, told: Any) -> None:
    """What the authors are called: by the newest message that says so, first come or not.

    Only of those known by the same key: an import that knew a handle made another identity.
    """
    newer: list[Incoming] = []
    named: dict[tuple[people.IdentityKey, str], tuple[datetime, datetime]] = {}
    for one in told:
        key = (one.row.platform, one.row.key)
        for item in one.items:
            if people.identity_key(item) != key:
                continue
            if people.tells_more(item, one.row):
                newer.append(item)
            if handle := item.author.handle:
                low, high = named.get((key, handle), (item.version_at, item.version_at))
                named[(key, handle)] = (min(low, item.version_at), max(high, item.version_at))
    if newer:
        people.identities(session, newer)
    elif named:
        _handles(session, named)


def _handles(
    session: Session, named: Mapping[tuple[people.IdentityKey, str], tuple[datetime, datetime]]
) -> None:
    """From when to when a handle was seen, where this widens it."""
    keys = {key for key, _ in named}
    rows = session.execute(
        select(Identity.platform, Identity.key, IdentityHandle)
        .join(Identity, Identity.id == IdentityHandle.identity_id)
        .where(either(Identity.platform, Identity.key, keys))
        .order_by(Identity.id)
    ).all()
    for platform, key, row in rows:
        low, high = named.get(((platform, key), row.handle), (row.first_seen, row.last_seen))
        row.first_seen, row.last_seen = min(row.first_seen, low), max(row.last_seen, high)
    session.flush()


def _posts(session: Session, told: Any) -> None:
    items = [
        item
        for one in told
        for item in one.items
        if item.post is not None
        and item.post.native_key == one.row.post_key
        and item.post.permalink
        and (one.row.post_link is None or item.post.permalink < one.row.post_link)
    ]
    if items:
        people.posts(session, items)
