"""Questions to the database about lists of cases: pages, counts, and everything in turn.

What a question costs does not grow with the table. Pages are read by key (the next begins where
the last ended, in the order of an index), counts stop at :data:`COUNT_LIMIT`, and a search reads
the index from the newest message backwards until a page is full or it has looked at
:data:`LOOKED_AT` messages, and then says how to go on.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from dashboard.inbox.wanted import Answer, Holder, Queue, Wanted
from responder import approval, spikes
from shenava.store import Account, Case, CaseIntent, CaseState, Message, Spike, SpikeCase
from shenava.store.search import matching_messages
from shenava.text import search_tokens

PAGE = 30
"""Cases on a page."""

COUNT_LIMIT = 1_000
"""Counts stop here and say "1,000+"."""

LOOKED_AT = 2_000
"""Messages that one page of a search looks at; filters may let few of them through."""

_STEP = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the number it was sorted by, and the row's own to settle ties."""

    key: int
    id: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.key}.{self.id}".encode()).decode().rstrip("=")


def cursor(text: str | None) -> Cursor | None:
    """The cursor in an address; ``None`` (the first page) when it is none of ours."""
    try:
        plain = base64.urlsafe_b64decode((text or "") + "==").decode("ascii")
        key, _, row = plain.partition(".")
        found = Cursor(int(key), int(row))
    except (ValueError, binascii.Error):
        return None
    return found if abs(found.key) < 2**62 and abs(found.id) < 2**62 else None


@dataclass(frozen=True, slots=True)
class Hit:
    """A case in a list. ``message_id``: the newest message that the search found in it."""

    case_id: int
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``next``: where to go on; ``None`` when this was all. ``reached``: the place of the last
    case shown, where there are more."""

    hits: tuple[Hit, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many; ``more``: at least one more than ``number``, which is then the limit."""

    number: int
    more: bool = False


def page(session: Session, wanted: Wanted, me: int, after: Cursor | None, size: int = PAGE) -> Page:
    """The cases that follow ``after``, in the order of the queue, or of the search."""
    if wanted.is_search:
        return _search_page(session, wanted, me, after, size)
    order = _ORDERS[wanted.queue]
    asked = select(Case.id, order.column.label("key")).where(*_in_queue(wanted.queue, me))
    asked = asked.where(*_filters(session, wanted, me))
    if after is not None:
        asked = asked.where(order.follows(after))
    found = session.execute(asked.order_by(*order.by).limit(size + 1)).all()
    shown = found[:size]
    goes_on = Cursor(number_of(shown[-1].key), shown[-1].id) if len(found) > size else None
    return Page(tuple(Hit(row.id) for row in shown), goes_on)


def new_in_page(
    session: Session, wanted: Wanted, me: int, case_ids: Sequence[int], end: Cursor | None
) -> list[int]:
    """Those of ``case_ids`` that belong to the list, and in it to its first page.

    ``end``: where that page ended (:attr:`Page.next`), ``None`` when it held everything.
    """
    if wanted.is_search:
        return []
    order = _ORDERS[wanted.queue]
    asked = select(Case.id).where(Case.id.in_(case_ids), *_in_queue(wanted.queue, me))
    asked = asked.where(*_filters(session, wanted, me))
    if end is not None:
        asked = asked.where(~order.follows(end))
    return list(session.scalars(asked))


def count(session: Session, wanted: Wanted, me: int) -> Count:
    """How many cases a queue with filters holds, up to the limit. Not for searches."""
    asked = select(literal(1)).where(*_in_queue(wanted.queue, me), *_filters(session, wanted, me))
    found = asked.limit(COUNT_LIMIT + 1).subquery()
    return _count(session.scalar(select(func.count()).select_from(found)) or 0)


def queue_counts(session: Session, me: int) -> dict[Queue, Count]:
    """How many cases each queue holds, without filters. One question."""
    parts: list[Select[str, int]] = []
    for queue in Queue:
        found = select(literal(1)).where(*_in_queue(queue, me)).limit(COUNT_LIMIT + 1).subquery()
        parts.append(
            select(literal(queue.value).label("queue"), func.count().label("number")).select_from(
                found
            )
        )
    rows = session.execute(union_all(*parts))
    return {Queue(row.queue): _count(row.number) for row in rows}


def in_turn(session: Session, wanted: Wanted, me: int, after: Cursor | None, size: int) -> Page:
    """Everything wanted, in an order that does not move: for exports and for working on all.

    A queue is read by the number of the case, a search from the newest message backwards. A page
    may be short, or empty, before the end: only ``next`` tells.
    """
    if wanted.is_search:
        return _search_page(session, wanted, me, after, size)
    asked = select(Case.id).where(*_in_queue(wanted.queue, me), *_filters(session, wanted, me))
    if after is not None:
        asked = asked.where(Case.id > after.id)
    ids = session.scalars(asked.order_by(Case.id).limit(size)).all()
    goes_on = Cursor(0, ids[-1]) if len(ids) == size else None
    return Page(tuple(Hit(case_id) for case_id in ids), goes_on)


# Queues.


@dataclass(frozen=True, slots=True)
class _Order:
    """The order of a queue: by ``column``, then by the case's number."""

    column: Any
    descending: bool = False

    @property
    def by(self) -> tuple[Any, Any]:
        if self.descending:
            return (self.column.desc(), Case.id.desc())
        return (self.column, Case.id)

    def follows(self, place: Cursor) -> ColumnElement[bool]:
        """Whether a case comes after ``place``."""
        key = place.key if self.column is Case.rank else instant_of(place.key)
        here = tuple_(self.column, Case.id)
        there = tuple_(literal(key, self.column.type), literal(place.id))
        return here < there if self.descending else here > there


_BY_RANK = _Order(Case.rank)
_ORDERS = {
    Queue.URGENT: _BY_RANK,
    Queue.APPROVAL: _BY_RANK,
    Queue.MINE: _BY_RANK,
    Queue.UNASSIGNED: _BY_RANK,
    Queue.OPEN: _BY_RANK,
    Queue.SNOOZED: _Order(Case.snoozed_until),
    Queue.CLOSED: _Order(Case.closed_at, descending=True),
}

_URGENT_PRIORITY = 3


def _in_queue(queue: Queue, me: int) -> list[ColumnElement[bool]]:
    is_open = Case.state == CaseState.OPEN
    queues: dict[Queue, list[ColumnElement[bool]]] = {
        Queue.URGENT: [is_open, Case.priority == _URGENT_PRIORITY],
        Queue.APPROVAL: [Case.id.in_(approval.cases_with(me))],
        Queue.MINE: [is_open, Case.assignee_id == me],
        Queue.UNASSIGNED: [is_open, Case.assignee_id.is_(None)],
        Queue.OPEN: [is_open],
        Queue.SNOOZED: [Case.state == CaseState.SNOOZED, Case.snoozed_until.is_not(None)],
        Queue.CLOSED: [Case.state == CaseState.CLOSED],
    }
    return queues[queue]


def _filters(session: Session, wanted: Wanted, me: int) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.platform is not None:
        found.append(
            Case.account_id.in_(select(Account.id).where(Account.platform == wanted.platform))
        )
    if wanted.account is not None:
        found.append(Case.account_id == wanted.account)
    if wanted.language is not None:
        found.append(Case.language == wanted.language)
    if wanted.sentiment is not None:
        found.append(Case.sentiment == wanted.sentiment)
    if wanted.complaint is not None:
        found.append(
            Case.complaint.is_(
                {Answer.YES: True, Answer.NO: False, Answer.UNSURE: None}[wanted.complaint]
            )
        )
    if wanted.intent is not None:
        found.append(
            exists().where(CaseIntent.case_id == Case.id, CaseIntent.intent == wanted.intent)
        )
    if wanted.spike is not None:
        # Few cases among all: they are looked up, not searched for. Those of the spikes that are
        # told with it stand in the same list.
        numbers = [wanted.spike]
        if session.get(Spike, wanted.spike) is not None:
            numbers = spikes.alike(session, wanted.spike)
        found.append(Case.id.in_(select(SpikeCase.case_id).where(SpikeCase.spike_id.in_(numbers))))
    if wanted.holder is Holder.NOBODY:
        found.append(Case.assignee_id.is_(None))
    elif wanted.holder is not None:
        found.append(Case.assignee_id == (me if wanted.holder is Holder.ME else wanted.holder))
    return found


# Search.


def _search_page(
    session: Session, wanted: Wanted, me: int, after: Cursor | None, size: int
) -> Page:
    """Cases by their newest message that is found, newest first.

    The index is read backwards in steps. Within one page the newest message of a case is the
    first that is met; for a later page, cases that an earlier one showed are told apart by
    looking whether they have a found message that is newer.
    """
    found = matching_messages(session, wanted.words)
    if found is None:
        return Page((), None)
    number = found.selected_columns[0]
    hits: dict[int, int] = {}
    place = after.id if after is not None else None
    looked_at = 0
    while True:
        step = found if place is None else found.where(number < place)
        ids = session.scalars(step.order_by(number.desc()).limit(_STEP)).all()
        shown = _shown_before(session, wanted.words, ids, after)
        for row in _of_cases(session, wanted, me, ids):
            if row.case_id in shown or row.case_id in hits:
                continue
            if len(hits) == size:
                last = min(hits.values())
                return _found(hits, Cursor(0, last))
            hits[row.case_id] = row.id
        if len(ids) < _STEP:
            return _found(hits, None)
        place = ids[-1]
        looked_at += len(ids)
        if looked_at >= LOOKED_AT:
            return _found(hits, Cursor(0, place))


def _found(hits: dict[int, int], goes_on: Cursor | None) -> Page:
    return Page(tuple(Hit(*item) for item in hits.items()), goes_on)


def _of_cases(session: Session, wanted: Wanted, me: int, ids: Sequence[int]) -> Sequence[Any]:
    """The messages whose case the filters let through, newest first, as (id, case_id)."""
    asked = select(Message.id, Message.case_id).where(Message.id.in_(ids))
    filters = _filters(session, wanted, me)
    if filters:
        asked = asked.join(Case, Case.id == Message.case_id).where(*filters)
    return session.execute(asked.order_by(Message.id.desc())).all()


def _shown_before(
    session: Session, query: str, ids: Sequence[int], after: Cursor | None
) -> set[int]:
    """The cases of ``ids`` that have a found message from ``after`` on: an earlier page's."""
    if after is None or not ids:
        return set()
    of_step = select(Message.case_id).where(Message.id.in_(ids))
    return set(
        session.scalars(
            select(Message.case_id)
            .where(Message.case_id.in_(of_step), Message.id >= after.id, _has_words(query))
            .distinct()
        )
    )


def _has_words(query: str) -> ColumnElement[bool]:
    """What the index means, said of one row: each word, the last as a beginning.

    The words are letters and digits only (``search_tokens``), so nothing needs escaping.
    """
    text = literal(" ").concat(Message.search_text).concat(" ")
    words = search_tokens(query)
    whole = [text.like(f"% {word} %") for word in words[:-1]]
    return and_(*whole, text.like(f"% {words[-1]}%"))


# Numbers.


def _count(found: int) -> Count:
    return Count(min(found, COUNT_LIMIT), more=found > COUNT_LIMIT)


def number_of(key: int | datetime) -> int:
    """A sort key as a whole number; an instant in microseconds, all that the database keeps."""
    return key if isinstance(key, int) else (key - _EPOCH) // timedelta(microseconds=1)


def instant_of(number: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=number)
    except OverflowError:
        return _EPOCH
