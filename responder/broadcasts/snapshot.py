"""What the store knows of everyone a broadcast could go to, at one instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from responder.broadcasts.content import Aim
from responder.broadcasts.plan import Candidate, Snapshot, Spot, limits_of
from responder.circumstances import Rules, platform_facts, standing_of, surroundings
from responder.rates import used_of, uses_of
from shenava.channels.rules import Per
from shenava.messages import Deed, Language, MessageKind
from shenava.store import (
    Account,
    AccountState,
    Case,
    CaseIntent,
    CaseState,
    Conversation,
    Customer,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    Recipient,
    RecipientKind,
    RecipientState,
)
from shenava.store.spending import spent

_AT_ONCE = 2_000
"""People who are asked about together: PostgreSQL takes no more than 65,535 values a question."""

_DEEDS = (Deed.POST, Deed.ANSWER, Deed.DM, Deed.PRIVATE_REPLY)

_WRITTEN = (Language.FA, Language.AR, Language.EN)


@dataclass(frozen=True, slots=True)
class Means:
    """What the shop can do beside writing: see :class:`responder.broadcasts.plan.Snapshot`."""

    can_draw: bool = True
    can_host: bool = False


# Named tuples, for a hundred thousand of each are made.


class _Way(NamedTuple):
    """One manner of telling someone; see ``circumstances.Addressed``."""

    deed: Deed
    account_id: int
    identity_id: int
    message_id: int | None = None
    to_key: str | None = None
    automatic: bool = True


class _Met(NamedTuple):
    """Someone who could be told, as far as the first question tells; ``ways``: the best first."""

    identity_id: int
    kind: RecipientKind
    account_id: int
    customer_id: int | None
    case_id: int | None
    message_id: int | None
    to_key: str | None
    language: Language | None
    ways: Sequence[_Way]


def take_snapshot(
    session: Session,
    aim: Aim,
    rules: Rules,
    now: datetime,
    *,
    start: datetime,
    until: datetime,
    parent_id: int | None = None,
    means: Means = Means(),
) -> Snapshot:
    """Read everyone that ``aim`` names; of a follow-up, those that its parent told.

    ``start`` and ``until``: when the broadcast may leave, and when it expires. Call it on a
    session of ``Store.read``: one view of the data. People are read as they are asked for, so that
    a hundred thousand of them are never held at once: go through them once, and before the session
    ends.
    """
    threads = _threads(session, parent_id) if parent_id is not None else {}
    found = _told_before(session, parent_id) if parent_id is not None else _of_aim(session, aim)
    spots = {spot.account_id: spot for spot in _spots(session, rules, now, threads)}
    return Snapshot(
        now=now,
        start=start,
        until=until,
        can_draw=means.can_draw,
        can_host=means.can_host,
        spots=spots,
        places=[(one.account_id, one.language) for one in aim.places if one.account_id in spots],
        people=_with_facts(session, found, start),
        seen_upto=session.scalar(select(func.max(Message.id))) or 0,
    )


# Accounts.


def _spots(
    session: Session, rules: Rules, now: datetime, threads: Mapping[int, str]
) -> Iterator[Spot]:
    for row in session.scalars(select(Account).order_by(Account.id)).all():
        left: int | None = None
        if row.app_id is not None:
            used = spent(session, row.app_id, now)
            if used.money_limit_micros is not None:
                left = max(0, used.money_limit_micros - used.micros - used.held_micros)
        known = rules.get(row.platform)
        paces: dict[Any, int] = {}
        for deed in _DEEDS if known is not None else ():
            assert known is not None
            for use in uses_of(limits_of(known, deed), row.id, row.app_id):
                per = Per.APP if use.subject.startswith("app:") else Per.USER
                for limit in use.limits:
                    key = (limit.endpoint, per, limit.window)
                    if key not in paces:
                        paces[key] = used_of(session, use, limit, now)
        yield Spot(
            account_id=row.id,
            platform=row.platform,
            handle=row.handle,
            app_id=row.app_id,
            usable=row.state is AccountState.CONNECTED,
            money_left=left,
            used=paces,
            thread_key=threads.get(row.id),
        )


def _threads(session: Session, parent_id: int) -> dict[int, str]:
    """By account, our own post that a follow-up goes on under."""
    rows = session.execute(
        select(Recipient.account_id, OutboxRow.native_key)
        .join(OutboxRow, OutboxRow.id == Recipient.outbox_id)
        .where(
            Recipient.broadcast_id == parent_id,
            Recipient.kind == RecipientKind.PLACE,
            OutboxRow.state == OutboxState.SENT,
            OutboxRow.native_key.is_not(None),
        )
    )
    return {row.account_id: row.native_key for row in rows}


# People.


def _of_aim(session: Session, aim: Aim) -> Iterator[_Met]:
    """Those with an open case first, then loyal customers, then everyone else."""
    if aim.intents or aim.cases:
        yield from _with_cases(session, aim)
    if aim.vips:
        yield from _with_windows(session, vips=True)
    if aim.open_windows:
        yield from _with_windows(session, vips=False)


def _with_cases(session: Session, aim: Aim) -> Iterator[_Met]:
    about: Any = Case.id.in_(aim.cases) if aim.cases else None
    if aim.intents:
        has_intent = (
            select(CaseIntent.case_id)
            .where(CaseIntent.case_id == Case.id, CaseIntent.intent.in_(aim.intents))
            .exists()
        )
        complains = (Case.complaint.is_(True) | Case.urgent.is_(True)) & has_intent
        if aim.since is not None:
            complains &= Case.last_message_at >= aim.since
        about = complains if about is None else or_(about, complains)
    rows = session.execute(
        _cases_with_newest()
        .where(about, Case.state != CaseState.CLOSED)
        .order_by(Case.rank, Case.id)
    )
    for row in rows:
        yield _of_case(row, RecipientKind.CASE)


def _cases_with_newest() -> Any:
    """Cases, each with its newest message; a reopened one may be about those of the case before."""
    newest = _newest_of(Case.id)
    before = _newest_of(Case.reopened_from_id)
    return (
        select(
            Case.id,
            Case.account_id,
            Case.identity_id,
            Case.language,
            Identity.customer_id,
            Identity.key,
            Message.id.label("message_id"),
            Message.kind,
            Message.native_key,
        )
        .join(Identity, Identity.id == Case.identity_id)
        .join(Message, Message.id == func.coalesce(newest, before))
    )


def _newest_of(case_id: Any) -> Any:
    written = aliased(Message)
    return (
        select(written.id)
        .where(written.case_id == case_id)
        .order_by(written.written_at.desc(), written.id.desc())
        .limit(1)
        .correlate(Case)
        .scalar_subquery()
    )


def _of_case(row: Any, kind: RecipientKind) -> _Met:
    has_id = row.key.startswith("id:")
    deeds = [Deed.DM] if has_id else []
    if MessageKind(row.kind).is_public:
        deeds = [Deed.ANSWER, *deeds, *([Deed.PRIVATE_REPLY] if has_id else [])]
    ways = [
        _Way(deed, row.account_id, row.identity_id, row.message_id, row.native_key)
        for deed in deeds
    ]
    return _Met(
        identity_id=row.identity_id,
        kind=kind,
        account_id=row.account_id,
        customer_id=row.customer_id,
        case_id=row.id,
        message_id=row.message_id,
        to_key=row.native_key,
        language=row.language,
        ways=ways,
    )


def _with_windows(session: Session, *, vips: bool) -> Iterator[_Met]:
    """People who have written in private; of loyal customers, all. Who was met in public only
    cannot be written to, which the plan then says."""
    private = (
        select(
            Conversation.identity_id,
            func.max(Conversation.account_id).label("account_id"),
        )
        .where(Conversation.thread == "dm")
        .group_by(Conversation.identity_id)
        .subquery()
    )
    met = (
        select(Conversation.identity_id, func.max(Conversation.account_id).label("account_id"))
        .group_by(Conversation.identity_id)
        .subquery()
    )
    seen = private if not vips else met
    spoken = (
        select(Case.language)
        .where(Case.identity_id == Identity.id, Case.language.in_(_WRITTEN))
        .order_by(Case.id.desc())
        .limit(1)
        .correlate(Identity)
        .scalar_subquery()
    )
    statement = select(
        Identity.id,
        Identity.key,
        Identity.customer_id,
        spoken.label("language"),
        seen.c.account_id,
        *([private.c.account_id.label("private_account")] if vips else []),
    ).join(seen, seen.c.identity_id == Identity.id)
    if vips:
        statement = (
            statement.outerjoin(private, private.c.identity_id == Identity.id)
            .join(Customer, Customer.id == Identity.customer_id)
            .where(Customer.vip)
        )
        # Of several accounts of one customer, those that can be written to come first.
        statement = statement.order_by(private.c.account_id.is_(None), Identity.id)
    else:
        statement = statement.order_by(Identity.id)
    kind = RecipientKind.VIP if vips else RecipientKind.OPEN_WINDOW
    for row in session.execute(statement.execution_options(yield_per=5_000)):
        account_id = (row.private_account or row.account_id) if vips else row.account_id
        ways = [_Way(Deed.DM, account_id, row.id)] if row.key.startswith("id:") else []
        yield _Met(row.id, kind, account_id, row.customer_id, None, None, None, row.language, ways)


def _told_before(session: Session, parent_id: int) -> Iterator[_Met]:
    """Everyone the notice before reached, or may have reached, in the manner it did."""
    reached = (OutboxState.SENT, OutboxState.UNKNOWN)
    rows = session.execute(
        select(
            Recipient.identity_id,
            Recipient.account_id,
            Recipient.case_id,
            Recipient.language,
            Identity.customer_id,
            Identity.key,
            OutboxRow.deed,
            OutboxRow.message_id,
            OutboxRow.to_key,
        )
        .join(OutboxRow, OutboxRow.id == Recipient.outbox_id)
        .join(Identity, Identity.id == Recipient.identity_id)
        .where(
            Recipient.broadcast_id == parent_id,
            Recipient.state == RecipientState.HANDED,
            OutboxRow.state.in_(reached),
        )
        .order_by(Recipient.id)
        .execution_options(yield_per=5_000)
    )
    for row in rows:
        others = [Deed.DM] if row.deed is not Deed.DM and row.key.startswith("id:") else []
        yield _Met(
            identity_id=row.identity_id,
            kind=RecipientKind.TOLD_BEFORE,
            account_id=row.account_id,
            customer_id=row.customer_id,
            case_id=row.case_id,
            message_id=row.message_id,
            to_key=row.to_key,
            language=row.language,
            ways=[
                _Way(deed, row.account_id, row.identity_id, row.message_id, row.to_key)
                for deed in (row.deed, *others)
            ],
        )


def _with_facts(session: Session, found: Iterable[_Met], at: datetime) -> Iterator[Candidate]:
    """What the gate would be told of each at ``at``; each person once, by the first reason that
    names them."""
    seen: set[int] = set()
    fresh = (
        one
        for one in found
        if one.identity_id not in seen and not seen.add(one.identity_id)  # type: ignore[func-returns-value]
    )
    while batch := list(islice(fresh, _AT_ONCE)):
        # Whoever cannot be told in any way is asked about all the same: they may be blocked.
        asked = [one.ways[0] if one.ways else _way_of(one) for one in batch]
        around = surroundings(session, asked)
        for one, first in zip(batch, asked, strict=True):
            standing = standing_of(first, around)
            yield Candidate(
                one.identity_id,
                one.kind,
                one.account_id,
                one.customer_id,
                one.case_id,
                one.message_id,
                one.to_key,
                one.language,
                standing.blocked,
                standing.opted_out,
                tuple([platform_facts(way, around, at) for way in one.ways]),
            )


def _way_of(one: _Met) -> _Way:
    return _Way(Deed.DM, one.account_id, one.identity_id)
