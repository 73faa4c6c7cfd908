"""What the page of a broadcast shows, read from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.broadcasts.form import Draft
from dashboard.inbox.rows import name_of
from responder.broadcasts.plan import goes_with_picture
from responder.broadcasts.progress import (
    Outcome,
    Progress,
    outbox_states,
    outcome_of,
    progress,
    recipient_states,
)
from responder.circumstances import Rules
from shenava.channels import Outgoing
from shenava.channels.rules import Length
from shenava.messages import Deed, Language, Platform
from shenava.store import (
    Account,
    AccountState,
    Broadcast,
    BroadcastState,
    Case,
    CaseState,
    Identity,
    OutboxRow,
    Recipient,
    RecipientKind,
    RecipientState,
)

PEOPLE = 100
"""Lines of the ledger on one page."""

LIVE = (BroadcastState.SCHEDULED, BroadcastState.SENDING)


@dataclass(frozen=True, slots=True)
class Preview:
    """How a public post will look. ``link_price``: what it costs more for its link."""

    account: Account
    language: Language
    text: str
    length: Length
    price: int
    link_price: int
    picture: bool


def accounts_of(session: Session, rules: Rules) -> list[Account]:
    """The shop's own places that can be posted on, the working ones first."""
    rows = session.scalars(
        select(Account).where(Account.state != AccountState.IMPORTED).order_by(Account.id)
    )
    known = [row for row in rows if row.platform in rules]
    return sorted(known, key=lambda row: row.state is not AccountState.CONNECTED)


def previews(draft: Draft, accounts: Sequence[Account], rules: Rules) -> list[Preview]:
    """The public posts that a form describes."""
    found = []
    content = draft.content()
    deed = Deed.ANSWER if draft.parent_id is not None else Deed.POST
    for account in accounts:
        if account.id not in draft.places:
            continue
        language = draft.places[account.id]
        ways = rules[account.platform]
        text = content.text_for(account.platform, language, deed, place=True)
        picture = goes_with_picture(content, ways, deed)
        shown = b"\x89PNG" if picture else None
        price = ways.price_of(Outgoing(deed, text, picture=shown, picture_alt="x" * picture))
        bare = text.replace(content.link, "") if content.link else text
        without = ways.price_of(Outgoing(deed, bare, picture=shown, picture_alt="x" * picture))
        found.append(
            Preview(
                account,
                language,
                text,
                ways.length_of(text, deed),
                price,
                max(0, price - without),
                picture,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Watched:
    """One account's part of a broadcast. ``held``: why nothing leaves by it now."""

    account: Account
    places: Mapping[Outcome, int]
    people: Mapping[Outcome, int]
    reasons: Sequence[tuple[Outcome, str, int]]
    held: str

    @property
    def total(self) -> int:
        return sum(n for one, n in self._all() if one is not Outcome.LEFT_OUT)

    @property
    def through(self) -> int:
        """Those that have their end."""
        moving = (Outcome.WAITING, Outcome.SENDING, Outcome.BY_HAND, Outcome.LEFT_OUT)
        return sum(n for one, n in self._all() if one not in moving)

    def _all(self) -> list[tuple[Outcome, int]]:
        return [*self.places.items(), *self.people.items()]


@dataclass(frozen=True, slots=True)
class ByHand:
    """A public post that only a person can make."""

    recipient_id: int
    account: Account
    language: Language
    text: str


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A row whose outcome a person has to settle."""

    row_id: int
    account: Account
    reason: str
    text: str
    is_place: bool
    name: str
    case_id: int | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What became of a broadcast so far."""

    progress: Progress
    accounts: Sequence[Watched]
    by_hand: Sequence[ByHand]
    unsettled: Sequence[Unsettled]
    posts: Sequence[OutboxRow]
    """Public posts that were sent."""

    def platform_of(self, post: OutboxRow) -> Platform:
        """Where it stands."""
        return next(
            one.account.platform for one in self.accounts if one.account.id == post.account_id
        )

    @property
    def failed(self) -> int:
        return self.progress.of(Outcome.FAILED)


def watch(session: Session, row: Broadcast) -> Watch:
    """Read what became of it."""
    counted = progress(session, row.id)
    ids = {one.account_id for one in counted.tallies}
    accounts = {
        one.id: one
        for one in session.scalars(select(Account).where(Account.id.in_(ids)).order_by(Account.id))
    }
    return Watch(
        progress=counted,
        accounts=[_watched(one, counted) for one in accounts.values()],
        by_hand=_by_hand(session, row, accounts),
        unsettled=_unsettled(session, row, accounts),
        posts=_posts(session, row),
    )


def _watched(account: Account, counted: Progress) -> Watched:
    mine = [one for one in counted.tallies if one.account_id == account.id]
    places: dict[Outcome, int] = {}
    people: dict[Outcome, int] = {}
    reasons: dict[tuple[Outcome, str], int] = {}
    for one in mine:
        into = places if one.is_place else people
        into[one.outcome] = into.get(one.outcome, 0) + one.count
        if one.reason and one.outcome not in (Outcome.SENT, Outcome.SENDING, Outcome.WAITING):
            reasons[one.outcome, one.reason] = reasons.get((one.outcome, one.reason), 0) + one.count
    waits = any(one.outcome is Outcome.WAITING for one in mine)
    held = ""
    if waits and account.state is not AccountState.CONNECTED:
        held = account.paused_because.value if account.paused_because else account.state.value
    order = list(Outcome)
    told = [(outcome, reason, n) for (outcome, reason), n in reasons.items()]
    told.sort(key=lambda one: (order.index(one[0]), -one[2]))
    return Watched(account, places, people, told, held)


def _by_hand(session: Session, row: Broadcast, accounts: Mapping[int, Account]) -> list[ByHand]:
    lines = session.scalars(
        select(Recipient).where(
            Recipient.broadcast_id == row.id, Recipient.state == RecipientState.BY_HAND
        )
    )
    texts = {one["account"]: one["text"] for one in (row.plan or {}).get("places", ())}
    return [
        ByHand(one.id, accounts[one.account_id], one.language, texts.get(one.account_id, ""))
        for one in lines
    ]


def _unsettled(
    session: Session, row: Broadcast, accounts: Mapping[int, Account]
) -> list[Unsettled]:
    rows = session.execute(
        select(OutboxRow, Identity)
        .join(Recipient, Recipient.outbox_id == OutboxRow.id)
        .outerjoin(Identity, Identity.id == OutboxRow.identity_id)
        .where(
            Recipient.broadcast_id == row.id,
            OutboxRow.state == "unknown",
            OutboxRow.look_at.is_(None),
        )
        .order_by(OutboxRow.id)
        .limit(20)
    )
    return [
        Unsettled(
            one.id,
            accounts[one.account_id],
            one.reason or "",
            one.text,
            one.identity_id is None,
            _called(known) if known else "",
            one.case_id,
        )
        for one, known in rows
    ]


def _posts(session: Session, row: Broadcast) -> list[OutboxRow]:
    return list(
        session.scalars(
            select(OutboxRow)
            .join(Recipient, Recipient.outbox_id == OutboxRow.id)
            .where(
                Recipient.broadcast_id == row.id,
                Recipient.kind == RecipientKind.PLACE,
                OutboxRow.state == "sent",
            )
            .order_by(OutboxRow.id)
        )
    )


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One line of the ledger, named."""

    id: int
    name: str
    account: Account
    kind: RecipientKind
    outcome: Outcome
    reason: str | None
    case_id: int | None
    permalink: str | None


@dataclass(frozen=True, slots=True)
class People:
    lines: Sequence[PersonLine]
    next_after: int | None
    counts: Mapping[str, int] = field(default_factory=dict)


def people(session: Session, row: Broadcast, outcome: Outcome | None, after: int) -> People:
    """A page of the ledger, by name."""
    statement = (
        select(
            Recipient,
            OutboxRow.state,
            OutboxRow.reason,
            OutboxRow.permalink,
            Identity,
            Account,
        )
        .join(Account, Account.id == Recipient.account_id)
        .outerjoin(OutboxRow, OutboxRow.id == Recipient.outbox_id)
        .outerjoin(Identity, Identity.id == Recipient.identity_id)
        .where(Recipient.broadcast_id == row.id, Recipient.id > after)
        .order_by(Recipient.id)
    )
    if outcome is not None:
        statement = statement.where(_is(outcome))
    rows = session.execute(statement.limit(PEOPLE + 1)).all()
    lines = [
        PersonLine(
            line.id,
            _called(known) if known else f"@{account.handle}",
            account,
            line.kind,
            outcome_of(line.state, state),
            line.reason or reason,
            line.case_id,
            permalink,
        )
        for line, state, reason, permalink, known, account in rows[:PEOPLE]
    ]
    more = lines[-1].id if len(rows) > PEOPLE else None
    return People(lines, more, progress(session, row.id).counts())


def _called(known: Identity) -> str:
    handle = f"@{known.handle}" if known.handle else None
    return name_of(known.platform, known.key, known.name, handle)


def _is(outcome: Outcome) -> Any:
    """The condition that a line has this outcome."""
    return (
        Recipient.outbox_id.is_(None) & Recipient.state.in_(recipient_states(outcome))
    ) | OutboxRow.state.in_(outbox_states(outcome))


def place_lines(session: Session, broadcast_id: int) -> dict[int, int]:
    """By account, the number of its public post's line."""
    rows = session.execute(
        select(Recipient.account_id, Recipient.id).where(
            Recipient.broadcast_id == broadcast_id, Recipient.kind == RecipientKind.PLACE
        )
    )
    return {row.account_id: row.id for row in rows}


def open_complaints(session: Session) -> int:
    """How many complaints are open now."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Case)
            .where(Case.state != CaseState.CLOSED, Case.complaint.is_(True) | Case.urgent.is_(True))
        )
        or 0
    )
