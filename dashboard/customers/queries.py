"""Questions to the database about lists of customers.

A customer is shown once, as the identity that was heard of last. The list is read by key, in the
order of an index: last heard of on top. What a filter or a search lets through is asked in one of
two ways, whichever is cheap: where few people fit, those are fetched by an index and sorted; where
many do, the list is read in its order until a page is full, for then it soon is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from dashboard.customers.wanted import Show, Wanted
from dashboard.inbox.queries import Cursor, instant_of, number_of
from shenava.store import Case, CaseState, Clue, ClueKind, Customer, Identity
from shenava.text import search_tokens

PAGE = 30
"""Customers on a page."""

FEW = 2_000
"""Identities that are fetched and sorted; where more fit, the list is read in its order."""

_WORDS = 8
"""Words of a search that are looked for."""

_LIVE = (CaseState.OPEN, CaseState.SNOOZED)


@dataclass(frozen=True, slots=True)
class Page:
    """``ids``: of each customer, the identity that was heard of last. ``next``: where to go on."""

    ids: tuple[int, ...]
    next: Cursor | None


def page(session: Session, wanted: Wanted, after: Cursor | None, size: int = PAGE) -> Page:
    """The customers that follow ``after``, last heard of first."""
    words = search_tokens(wanted.words)[:_WORDS]
    if wanted.words and not words:
        return Page((), None)
    asked = select(Identity.id, Identity.profile_at).where(
        _heard_of_last(), Identity.erased_at.is_(None)
    )
    few = _few(session, wanted.show, words)
    if few is not None:
        asked = asked.where(_one_of(session, few))
    for condition in _conditions(wanted.show, words):
        asked = asked.where(condition)
    if after is not None:
        asked = asked.where(
            tuple_(Identity.profile_at, Identity.id)
            < tuple_(literal(instant_of(after.key), Identity.profile_at.type), literal(after.id))
        )
    order = (Identity.profile_at.desc(), Identity.id.desc())
    found = session.execute(asked.order_by(*order).limit(size + 1)).all()
    shown = found[:size]
    goes_on = Cursor(number_of(shown[-1].profile_at), shown[-1].id) if len(found) > size else None
    return Page(tuple(row.id for row in shown), goes_on)


def _heard_of_last() -> ColumnElement[bool]:
    """Of a customer's identities this is the one; an identity without a customer always is."""
    other = aliased(Identity)
    later = tuple_(other.profile_at, other.id) > tuple_(Identity.profile_at, Identity.id)
    return or_(
        Identity.customer_id.is_(None),
        ~exists().where(other.customer_id == Identity.customer_id, later),
    )


def _few(session: Session, show: Show, words: Sequence[str]) -> list[int] | None:
    """Identities of which one at least belongs to each customer that is wanted, if they are few;
    ``None`` where they are many, or everyone is wanted."""
    last = len(words) - 1
    ways: list[Select[int]] = [
        select(Clue.identity_id).where(_has_word(word, begins=place == last))
        for place, word in sorted(enumerate(words), key=lambda item: -len(item[1]))
    ]
    narrow = _identities_shown(show)
    if narrow is not None:
        ways.append(narrow)
    for way in ways:
        found = list(session.scalars(way.limit(FEW + 1)))
        if len(found) <= FEW:
            return found
    return None


def _identities_shown(show: Show) -> Select[int] | None:
    match show:
        case Show.VIP:
            return (
                select(Identity.id)
                .join(Customer, Customer.id == Identity.customer_id)
                .where(Customer.vip)
            )
        case Show.BLOCKED:
            return select(Identity.id).where(Identity.blocked_at.is_not(None))
        case Show.OPTED_OUT:
            return select(Identity.id).where(Identity.opted_out_at.is_not(None))
        case Show.OPEN:
            return select(Case.identity_id).where(Case.state.in_(_LIVE)).distinct()
        case Show.CHANNELS:
            return select(Identity.id).where(Identity.customer_id.in_(_on_several()))
    return None


def _on_several() -> Select[int | None]:
    """Customers on more than one platform."""
    return (
        select(Identity.customer_id)
        .where(Identity.customer_id.is_not(None))
        .group_by(Identity.customer_id)
        .having(func.count(Identity.platform.distinct()) > 1)
    )


def _one_of(session: Session, identities: Sequence[int]) -> ColumnElement[bool]:
    """The customer of ``Identity`` has one of these identities."""
    customers = list(
        session.scalars(
            select(Identity.customer_id)
            .where(Identity.id.in_(identities), Identity.customer_id.is_not(None))
            .distinct()
        )
    )
    return or_(Identity.id.in_(identities), Identity.customer_id.in_(customers))


def _conditions(show: Show, words: Sequence[str]) -> list[ColumnElement[bool]]:
    """What the customer of ``Identity`` must be, asked of one row at a time."""
    found: list[ColumnElement[bool]] = []
    last = len(words) - 1
    for place, word in enumerate(words):
        found.append(
            _someone(
                lambda one, word=word, place=place: exists().where(
                    Clue.identity_id == one.id, _has_word(word, begins=place == last)
                )
            )
        )
    match show:
        case Show.VIP:
            found.append(Identity.customer_id.in_(select(Customer.id).where(Customer.vip)))
        case Show.BLOCKED:
            found.append(_someone(lambda one: one.blocked_at.is_not(None)))
        case Show.OPTED_OUT:
            found.append(_someone(lambda one: one.opted_out_at.is_not(None)))
        case Show.OPEN:
            found.append(
                _someone(
                    lambda one: exists().where(Case.identity_id == one.id, Case.state.in_(_LIVE))
                )
            )
        case Show.CHANNELS:
            found.append(Identity.customer_id.in_(_on_several()))
    return found


def _someone(holds: Any) -> ColumnElement[bool]:
    """``holds`` of this identity, or of another of the same customer."""
    other = aliased(Identity)
    return or_(
        holds(Identity),
        and_(
            Identity.customer_id.is_not(None),
            exists().where(other.customer_id == Identity.customer_id, holds(other)),
        ),
    )


def _has_word(word: str, *, begins: bool) -> ColumnElement[bool]:
    """The clue is this word, or one that begins so. Words are letters and digits only, compared
    byte by byte: beginnings are a range."""
    kind = Clue.kind == ClueKind.WORD
    if not begins:
        return and_(kind, Clue.value == word)
    return and_(kind, Clue.value >= word, Clue.value < word + "\U0010ffff")
