"""What became of everyone: the ledger counted, and its rows by what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from shenava.store import (
    Account,
    Broadcast,
    BroadcastState,
    OutboxRow,
    OutboxState,
    Recipient,
    RecipientKind,
    RecipientState,
)


class Outcome(StrEnum):
    """What became of one line of the ledger, as people see it."""

    WAITING = "waiting"
    """Its turn comes."""
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BY_HAND = "by_hand"
    """A person has to post it."""
    LEFT_OUT = "left_out"
    STOPPED = "stopped"


_OF_OUTBOX = {
    OutboxState.DRAFT: Outcome.WAITING,
    OutboxState.AWAITING_APPROVAL: Outcome.WAITING,
    OutboxState.QUEUED: Outcome.WAITING,
    OutboxState.CLAIMED: Outcome.SENDING,
    OutboxState.SENDING: Outcome.SENDING,
    OutboxState.SENT: Outcome.SENT,
    OutboxState.REFUSED: Outcome.REFUSED,
    OutboxState.FAILED: Outcome.FAILED,
    OutboxState.UNKNOWN: Outcome.UNKNOWN,
    OutboxState.CANCELLED: Outcome.STOPPED,
}
_UNDER_WAY = (
    BroadcastState.AWAITING_APPROVAL,
    BroadcastState.SCHEDULED,
    BroadcastState.SENDING,
    BroadcastState.PAUSED,
)
_OF_LEDGER = {
    RecipientState.WAITING: Outcome.WAITING,
    RecipientState.BY_HAND: Outcome.BY_HAND,
    RecipientState.LEFT_OUT: Outcome.LEFT_OUT,
    RecipientState.STOPPED: Outcome.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """So many lines of one account that ended alike. ``reason``: of what did not simply succeed;
    of what waits, why it was put off."""

    account_id: int
    is_place: bool
    outcome: Outcome
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The ledger, counted. ``looking``: unknown ones that are still looked up by themselves."""

    tallies: tuple[Tally, ...]
    looking: int

    def of(self, outcome: Outcome, account_id: int | None = None) -> int:
        return sum(
            one.count
            for one in self.tallies
            if one.outcome is outcome and account_id in (None, one.account_id)
        )

    @property
    def total(self) -> int:
        """Everyone who is to be told."""
        return sum(one.count for one in self.tallies if one.outcome is not Outcome.LEFT_OUT)

    @property
    def moves(self) -> bool:
        """Whether anything of it still happens by itself."""
        return bool(self.of(Outcome.WAITING) or self.of(Outcome.SENDING) or self.looking)

    def counts(self) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for one in self.tallies:
            found[one.outcome.value] += one.count
        return dict(found)


def progress(session: Session, broadcast_id: int) -> Progress:
    """Count the ledger of a broadcast."""
    is_place = Recipient.kind == RecipientKind.PLACE
    looked = and_(OutboxRow.state == OutboxState.UNKNOWN, OutboxRow.look_at.is_not(None))
    reason = func.coalesce(Recipient.reason, OutboxRow.reason)
    rows = session.execute(
        select(
            Recipient.account_id,
            is_place.label("is_place"),
            Recipient.state,
            OutboxRow.state.label("outbox"),
            reason.label("reason"),
            func.count().label("lines"),
            func.sum(case((looked, 1), else_=0)).label("looking"),
        )
        .outerjoin(OutboxRow, OutboxRow.id == Recipient.outbox_id)
        .where(Recipient.broadcast_id == broadcast_id)
        .group_by(Recipient.account_id, is_place, Recipient.state, OutboxRow.state, reason)
    )
    counted: Counter[tuple[int, bool, Outcome, str | None]] = Counter()
    looking = 0
    for row in rows:
        outcome = outcome_of(row.state, row.outbox)
        counted[row.account_id, bool(row.is_place), outcome, row.reason] += row.lines
        looking += int(row.looking or 0)
    return Progress(
        tuple(Tally(*key, count) for key, count in sorted(counted.items(), key=_order)), looking
    )


def marks(session: Session, only: int | None = None) -> dict[int, str]:
    """The broadcasts under way, each with a word for how it stands: it is another as soon as a
    line of it moves, somebody pauses it, or an account it leaves by is held up."""
    asked = select(Broadcast.id, Broadcast.state, Broadcast.version).where(
        Broadcast.state.in_(_UNDER_WAY)
    )
    if only is not None:
        asked = asked.where(Broadcast.id == only)
    found = {}
    for row in session.execute(asked.order_by(Broadcast.id)).all():
        seen = progress(session, row.id)
        through = {one.account_id for one in seen.tallies}
        accounts = session.execute(
            select(Account.id, Account.state, Account.paused_because)
            .where(Account.id.in_(through))
            .order_by(Account.id)
        ).all()
        said = repr((row.state, row.version, seen, [tuple(one) for one in accounts]))
        found[row.id] = f"{crc32(said.encode()):08x}"
    return found


def outcome_of(state: RecipientState, outbox: OutboxState | None) -> Outcome:
    """What became of a line of the ledger. ``outbox``: the state of its row there, if any."""
    return _OF_OUTBOX[outbox] if outbox is not None else _OF_LEDGER[state]


def outbox_states(outcome: Outcome) -> list[OutboxState]:
    """The states there that mean it."""
    return [state for state, meant in _OF_OUTBOX.items() if meant is outcome]


def recipient_states(outcome: Outcome) -> list[RecipientState]:
    """The states of a line without a row in the outbox that mean it."""
    return [state for state, meant in _OF_LEDGER.items() if meant is outcome]


def _order(item: tuple[tuple[int, bool, Outcome, str | None], int]) -> tuple[int, bool, int, str]:
    (account_id, is_place, outcome, reason), _ = item
    return account_id, not is_place, list(Outcome).index(outcome), reason or ""
