"""What the gate asks about one row of the outbox, gathered from the store and the rules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from responder.gate import SendFacts
from responder.opting import asked_for, wrote_again
from shenava.channels import Outgoing, Reads
from shenava.channels.rules import (
    Allowed,
    Basis,
    Facts,
    Length,
    Limit,
    NotAllowed,
    Reason,
    Rule,
    Ruling,
    WayOut,
    Window,
)
from shenava.messages import Deed, MessageKind, Platform
from shenava.store import (
    Account,
    AccountState,
    Conversation,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    Picture,
    Post,
)
from shenava.store.spending import Spent


class PlatformRules(Protocol):
    """What a platform's rules can be asked; a module of ``shenava.channels`` will do."""

    def may_answer(self, facts: Facts) -> Ruling: ...

    def length_of(self, text: str, deed: Deed = ...) -> Length: ...

    def price_of(self, outgoing: Outgoing, summoned: bool = ...) -> int: ...

    def limits_of(self, what: Deed) -> tuple[Limit, ...]: ...

    def read_price(self, reads: Reads) -> int: ...

    def window_of(self, deed: Deed, opened_at: datetime, now: datetime) -> Window | None: ...

    def may_repeat(self, deed: Deed) -> bool:
        """Whether the same, sent once more, can never show twice: the platform refuses a repeat,
        or twice is the same as once."""


Rules = Mapping[Platform, PlatformRules]

_NO_RULES = Rule(
    "shenava.no_channel",
    "Shenava cannot send on this platform yet.",
    Basis("docs/architecture.md", date(2026, 11, 22)),
)


def body_hash(row: OutboxRow) -> str:
    """SHA-256 of all that is sent, through which account and to whom."""
    return hash_of(
        row.deed,
        row.account_id,
        row.case_id,
        row.message_id,
        row.to_key,
        row.to_native_id,
        row.text,
        row.picture.sha256 if row.picture is not None else None,
        row.picture_alt,
    )


def hash_of(
    deed: Deed,
    account_id: int,
    case_id: int | None,
    message_id: int | None,
    to_key: str | None,
    to_native_id: str | None,
    text: str,
    picture: str | None,
    picture_alt: str,
) -> str:
    """The :func:`body_hash` of a row to be. ``picture``: the SHA-256 of it."""
    body = [
        deed.value,
        account_id,
        case_id,
        message_id,
        to_key,
        to_native_id,
        text,
        picture,
        picture_alt,
    ]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


Host = Callable[[int], str]
"""Gives the picture of a number an address at which a platform can fetch it for some minutes."""


def outgoing_of(row: OutboxRow, *, window: str | None = None, host: Host | None = None) -> Outgoing:
    """What a channel is handed. ``window``: the code of the one it passes through. ``host``: for
    platforms that fetch pictures instead of being handed them."""
    return Outgoing(
        deed=row.deed,
        text=row.text,
        to_key=row.to_key,
        to_native_id=row.to_native_id,
        picture=row.picture.content if row.picture is not None else None,
        picture_alt=row.picture_alt,
        picture_url=host(row.picture_id) if host and row.picture_id is not None else None,
        window=window,
        own_thread=row.deed is Deed.ANSWER and row.message_id is None,
    )


def window_in(facts: SendFacts) -> str | None:
    """The code of the window through which the platform lets it pass, where it has such."""
    ruling = facts.ruling
    return ruling.window.code if isinstance(ruling, Allowed) and ruling.window else None


def locked_row(session: Session, row_id: int) -> OutboxRow | None:
    """A row of the outbox with its picture, nobody else's to change until the commit."""
    return session.scalars(
        select(OutboxRow)
        .where(OutboxRow.id == row_id)
        .options(joinedload(OutboxRow.picture).undefer(Picture.content))
        .with_for_update(of=OutboxRow)
        .execution_options(populate_existing=True)
    ).one_or_none()


def price_of(session: Session, row: OutboxRow, rules: Rules) -> int:
    """What sending ``row`` costs, in millionths of a US dollar; 0 where nothing can be sent."""
    return price_in(row, surroundings(session, [row]), rules)


def awaited_of(rows: Iterable[OutboxRow]) -> set[int]:
    """The cases in which the customer must not have written since."""
    return {row.case_id for row in rows if row.case_id and row.expected_last_message_id}


def gather(
    session: Session,
    row: OutboxRow,
    rules: Rules,
    now: datetime,
    spent: Spent | None,
    rate_free_at: datetime | None = None,
) -> SendFacts:
    """The facts about ``row`` at ``now``. ``spent``: what its app has used, ``None`` without an
    app; ``row.price_micros`` is its price."""
    around = surroundings(session, [row], awaited_of([row]))
    money_fits = spent is None or spent.fits(row.price_micros)
    return facts_of(row, around, rules, now, money_fits=money_fits, rate_free_at=rate_free_at)


class Addressed(Protocol):
    """Something that goes to someone, or is to: a row of the outbox, or a line of a plan."""

    @property
    def deed(self) -> Deed: ...

    @property
    def account_id(self) -> int: ...

    @property
    def message_id(self) -> int | None: ...

    @property
    def identity_id(self) -> int | None: ...

    @property
    def to_key(self) -> str | None: ...

    @property
    def automatic(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How someone stands with the shop."""

    blocked: bool
    opted_out: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What the platform's rules ask about a customer's message."""

    kind: MessageKind
    written_at: datetime
    summoned: bool | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the store says of all that some rows have to do with, read at once.

    ``people``: those who are blocked or opted out. ``messages``: by number. ``under_own_post``:
    messages that stand under a post of the account that answers them. ``own``: (account, key) of
    what that account wrote itself. ``wrote_privately``: when each (identity, account) last did.
    ``answered_privately``: by message, the rows that answer it in private. ``newest``: of a case,
    its newest message. ``wrote_again``: (case, identity), of people who wrote after they had opted
    out.
    """

    accounts: Mapping[int, Account]
    people: Mapping[int, Standing]
    messages: Mapping[int, Written]
    under_own_post: Collection[tuple[int, int]]
    own: Collection[tuple[int, str]]
    wrote_privately: Mapping[tuple[int, int], datetime]
    answered_privately: Mapping[int, Collection[int]]
    newest: Mapping[int, int]
    wrote_again: Collection[tuple[int, int]]


def surroundings(
    session: Session, rows: Sequence[Addressed], awaited: Collection[int] = ()
) -> Surroundings:
    """Read what is asked about ``rows`` further down, as it is now. ``awaited``: cases in which
    the customer must not have written since."""
    accounts = {row.account_id for row in rows}
    messages = {row.message_id for row in rows if row.message_id is not None}
    people = {row.identity_id for row in rows if row.identity_id is not None}
    # An answer to no customer's message goes on under something of our own.
    threads = {row.to_key for row in rows if row.to_key is not None and row.message_id is None}
    return Surroundings(
        accounts=_accounts(session, accounts),
        people=_people(session, people),
        messages=_messages(session, messages),
        under_own_post=_under_own_posts(session, messages, accounts),
        own=_own(session, threads, accounts),
        wrote_privately=_wrote_privately(session, people, accounts),
        answered_privately=_answered_privately(
            session, {row.message_id for row in rows if row.deed is Deed.PRIVATE_REPLY}
        ),
        newest=_newest(session, awaited),
        wrote_again=wrote_again(session, [row for row in rows if isinstance(row, OutboxRow)]),
    )


def price_in(row: OutboxRow, around: Surroundings, rules: Rules) -> int:
    """:func:`price_of`, by what was read already."""
    known = rules.get(around.accounts[row.account_id].platform)
    if known is None:
        return 0
    answered = around.messages.get(row.message_id) if row.message_id is not None else None
    return known.price_of(outgoing_of(row), bool(answered and answered.summoned))


def facts_of(
    row: OutboxRow,
    around: Surroundings,
    rules: Rules,
    now: datetime,
    *,
    money_fits: bool = True,
    rate_free_at: datetime | None = None,
) -> SendFacts:
    """What the gate asks about ``row``, by what was read already."""
    account = around.accounts[row.account_id]
    standing = standing_of(row, around)
    known = rules.get(account.platform)
    if known is None:
        ruling: Ruling = NotAllowed(Reason.NOT_OFFERED, WayOut.OPEN_ON_PLATFORM, _NO_RULES)
        length = Length(0, 0)
    else:
        ruling = known.may_answer(platform_facts(row, around, now))
        length = known.length_of(row.text, row.deed)
    return SendFacts(
        deed=row.deed,
        now=now,
        ruling=ruling,
        length=length,
        has_content=bool(row.text.strip()) or row.picture is not None or row.deed in _WORDLESS,
        connected=account.state is AccountState.CONNECTED,
        blocked=standing.blocked,
        opted_out=standing.opted_out,
        automatic=row.automatic,
        intact=row.body_hash == body_hash(row),
        customer_wrote=_customer_wrote(row, around),
        money_fits=money_fits,
        expires_at=row.expires_at,
        rate_free_at=rate_free_at,
    )


_WORDLESS = (Deed.HIDE, Deed.DELETE)

_NOBODY = Standing(blocked=False, opted_out=False)


def standing_of(row: Addressed, around: Surroundings) -> Standing:
    """How the one it goes to stands with the shop, as far as this row is concerned."""
    if row.identity_id is None:
        return _NOBODY
    standing = around.people.get(row.identity_id, _NOBODY)
    if standing.opted_out and isinstance(row, OutboxRow) and asked_for(row, around.wrote_again):
        return replace(standing, opted_out=False)
    return standing


def platform_facts(row: Addressed, around: Surroundings, now: datetime | None = None) -> Facts:
    """What the platform's rules ask about it. Without ``now`` windows count as open."""
    answered = around.messages.get(row.message_id) if row.message_id is not None else None
    wrote_at = None
    if row.identity_id is not None:
        wrote_at = around.wrote_privately.get((row.identity_id, row.account_id))
    outbox = row if isinstance(row, OutboxRow) else None
    others = around.answered_privately.get(row.message_id or 0, ())
    return Facts(
        deed=row.deed,
        summoned=answered.summoned if answered else None,
        own_message=row.message_id is None and (row.account_id, row.to_key) in around.own,
        under_own_post=(row.message_id, row.account_id) in around.under_own_post,
        wrote_privately=wrote_at is not None,
        opted_out=standing_of(row, around).opted_out,
        automatic=row.automatic,
        now=now,
        kind=answered.kind if answered else None,
        written_at=answered.written_at if answered else None,
        wrote_privately_at=wrote_at,
        answered_privately=any(outbox is None or other != outbox.id for other in others),
        has_picture=outbox is not None and outbox.picture is not None,
        one_of_many=outbox is None or outbox.broadcast_id is not None,
    )


def _customer_wrote(row: OutboxRow, around: Surroundings) -> bool:
    if row.case_id is None or row.expected_last_message_id is None:
        return False
    return around.newest.get(row.case_id, 0) > row.expected_last_message_id


def _accounts(session: Session, ids: Collection[int]) -> dict[int, Account]:
    """As they are now, whatever the session read before."""
    found = session.scalars(
        select(Account).where(Account.id.in_(ids)).execution_options(populate_existing=True)
    )
    return {row.id: row for row in found}


def _people(session: Session, ids: Collection[int]) -> dict[int, Standing]:
    if not ids:
        return {}
    found = session.execute(
        select(Identity.id, Identity.blocked_at, Identity.opted_out_at).where(
            Identity.id.in_(ids),
            Identity.blocked_at.is_not(None) | Identity.opted_out_at.is_not(None),
        )
    )
    return {
        row.id: Standing(row.blocked_at is not None, row.opted_out_at is not None) for row in found
    }


def _messages(session: Session, messages: Collection[int]) -> dict[int, Written]:
    if not messages:
        return {}
    rows = session.execute(
        select(Message.id, Message.kind, Message.written_at, Message.summoned).where(
            Message.id.in_(messages)
        )
    )
    return {row.id: Written(row.kind, row.written_at, row.summoned) for row in rows}


_ON_ITS_WAY = (
    OutboxState.QUEUED,
    OutboxState.CLAIMED,
    OutboxState.SENDING,
    OutboxState.SENT,
    OutboxState.UNKNOWN,
)


def _answered_privately(
    session: Session, messages: Collection[int | None]
) -> dict[int, Collection[int]]:
    """By message, the row that answers it in private, or is to: the first, where there are two."""
    if not messages:
        return {}
    rows = session.execute(
        select(OutboxRow.message_id, func.min(OutboxRow.id).label("first"))
        .where(
            OutboxRow.message_id.in_(messages),
            OutboxRow.deed == Deed.PRIVATE_REPLY,
            OutboxRow.state.in_(_ON_ITS_WAY),
        )
        .group_by(OutboxRow.message_id)
    )
    return {row.message_id: (row.first,) for row in rows}


def _under_own_posts(
    session: Session, messages: Collection[int], accounts: Collection[int]
) -> set[tuple[int, int]]:
    if not messages:
        return set()
    rows = session.execute(
        select(Message.id, OwnMessageRow.account_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Post, Post.id == Conversation.post_id)
        .join(
            OwnMessageRow,
            (OwnMessageRow.platform == Post.platform)
            & (OwnMessageRow.native_key == Post.native_key),
        )
        .where(Message.id.in_(messages), OwnMessageRow.account_id.in_(accounts))
    )
    return {(row.id, row.account_id) for row in rows}


def _own(
    session: Session, keys: Collection[str], accounts: Collection[int]
) -> set[tuple[int, str]]:
    if not keys:
        return set()
    rows = session.execute(
        select(OwnMessageRow.account_id, OwnMessageRow.native_key)
        .join(Account, Account.id == OwnMessageRow.account_id)
        .where(
            OwnMessageRow.platform == Account.platform,
            OwnMessageRow.scope == "",
            OwnMessageRow.native_key.in_(keys),
            OwnMessageRow.account_id.in_(accounts),
        )
    )
    return {(row.account_id, row.native_key) for row in rows}


def _wrote_privately(
    session: Session, people: Collection[int], accounts: Collection[int]
) -> dict[tuple[int, int], datetime]:
    """When people last wrote privately to accounts."""
    if not people:
        return {}
    rows = session.execute(
        select(
            Conversation.identity_id,
            Conversation.account_id,
            func.max(Message.written_at).label("at"),
        )
        .join(Message, Message.conversation_id == Conversation.id)
        .where(
            Conversation.identity_id.in_(people),
            Conversation.account_id.in_(accounts),
            Message.identity_id == Conversation.identity_id,
            Message.kind == MessageKind.DM,
        )
        .group_by(Conversation.identity_id, Conversation.account_id)
    )
    return {(row.identity_id, row.account_id): row.at for row in rows}


def _newest(session: Session, cases: Collection[int]) -> dict[int, int]:
    if not cases:
        return {}
    rows = session.execute(
        select(Message.case_id, func.max(Message.id).label("newest"))
        .where(Message.case_id.in_(cases))
        .group_by(Message.case_id)
    )
    return {row.case_id: row.newest for row in rows}
