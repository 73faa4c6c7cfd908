"""Convoy: the rows of broadcasts leave, many in one commit.

The same steps as :mod:`responder.dispatch`, the same gate, and the same word for each row; but
claim and departure are one transaction for all that the pace lets leave now, and what came back
is written down together. Someone's own answer never waits behind a convoy: it leaves by dispatch.

Each row still has its own fate. What fails for one stops no other; what fails for a whole account
(its token died, its money is used up) holds that account's rows in the queue, and nobody else's.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, selectinload

from responder import rates
from responder.circumstances import (
    Rules,
    Surroundings,
    awaited_of,
    facts_of,
    outgoing_of,
    price_in,
    surroundings,
    window_in,
)
from responder.dispatch import (
    SENDING_LEASE,
    Claim,
    Means,
    hold_back,
    is_ours,
    mark_all_sent,
    mark_failed,
    set_account,
)
from responder.gate import Refused, gate
from responder.outcome import pay_for, take_back
from responder.rates import Use, uses_of
from responder.record import locked
from shenava.channels import Outgoing, PaymentRequired, RateLimited, Sent, Unauthorised, Unreachable
from shenava.messages import Deed, Platform
from shenava.store import (
    Account,
    AccountState,
    Alone,
    App,
    Broadcast,
    BroadcastState,
    OutboxRow,
    OutboxState,
    PausedBecause,
    Picture,
    Store,
    changes,
)
from shenava.store import spending as meter

log = logging.getLogger(__name__)

FENCE = timedelta(seconds=10)
"""A row whose request has not begun so long after the departure was committed goes back."""

COUNTED_WITHIN = FENCE + timedelta(seconds=5)
"""So long after the departure the platform has counted a request, should no answer come."""


AHEAD = timedelta(milliseconds=150)
"""So long before the pace allows it a row departs, for its carrier to hold it until then: what a
commit takes would else be lost to the pace each time. For paces of short windows only."""

_SHORT = timedelta(minutes=1)


class NotBegun(Unreachable):
    """No request was made: the row goes back into the queue as if it had never left it."""


@dataclass(frozen=True, slots=True)
class Departed:
    """A row that may leave, at ``leave_at`` and not before: committed as ``sending`` at ``at``.
    ``uses``: of the platform's pace."""

    claim: Claim
    outgoing: Outgoing
    at: datetime
    leave_at: datetime
    uses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came back, and when."""

    departed: Departed
    outcome: Sent | Exception
    at: datetime


@dataclass(frozen=True, slots=True)
class Convoy:
    """What leaves together. ``again_at``: when more could; ``None``: nothing waits for a time."""

    rows: tuple[Departed, ...] = ()
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """The rows that leave by one account in one manner: they share a pace."""

    account_id: int
    app_id: int | None
    platform: Platform
    deed: Deed
    uses: tuple[Use, ...]

    @property
    def ahead(self) -> timedelta:
        """How long before its time a row of it departs."""
        windows = [limit.window for use in self.uses for limit in use.limits]
        return AHEAD if windows and min(windows) <= _SHORT else timedelta(0)


def has_work(store: Store) -> bool:
    """Whether any row of a running broadcast is queued. Writes nothing."""
    with store.read() as session:
        return session.scalar(_queued(select(OutboxRow.id)).limit(1)) is not None


def depart(store: Store, means: Means, worker: str, most: int) -> Convoy:
    """Claim what may leave now, at most ``most`` rows, ask the gate about each, reserve pace and
    money, and commit them as ``sending``."""
    with store.write_alone(Alone.BROADCAST) as session:
        now = store.clock.now()
        lines = _lines(session, means.rules, now)
        rates.hold(session, (use for line in lines for use in line.uses))
        chosen, again = _choose(session, lines, most, now)
        if not chosen:
            return Convoy(again_at=_next(session, again, now))
        rows = _lock(session, [row_id for ids in chosen.values() for row_id in ids])
        around = surroundings(session, rows, awaited_of(rows))
        left = _ask_gate(session, rows, around, means.rules, now)
        by_line: dict[tuple[int, Deed], list[_Leaving]] = {}
        for one in left:
            by_line.setdefault((one.row.account_id, one.row.deed), []).append(one)
        attempt = secrets.token_hex(16)
        departed = []
        # Money and pace are written by statements of their own: each row by one, at the end.
        with session.no_autoflush:
            for line in lines:
                going = by_line.get((line.account_id, line.deed), [])
                if line.app_id is not None:
                    pay_for(session, [one.row for one in going], line.app_id, now)
                uses = rates.take(session, line.uses, len(going), now + COUNTED_WITHIN)
                for one, used in zip(going, uses, strict=True):
                    row = one.row
                    row.state, row.reason = OutboxState.SENDING, None
                    row.claimed_by, row.attempt = worker, attempt
                    row.sending_at, row.claimed_until = now, now + SENDING_LEASE
                    row.attempts += 1
                    claim = Claim(row.id, row.account_id, attempt)
                    outgoing = outgoing_of(row, window=one.window, host=means.host)
                    departed.append(Departed(claim, outgoing, now, now + line.ahead, used))
        session.flush()
        _note(session, rows)
        return Convoy(tuple(departed))


def arrive(store: Store, means: Means, came: Sequence[Arrived]) -> None:
    """Write down what came back, all in one transaction."""
    with store.write() as session:
        now = store.clock.now()
        rows = {row.id: row for row in _lock(session, [one.departed.claim.row_id for one in came])}
        freed = [
            use for one in came if isinstance(one.outcome, NotBegun) for use in one.departed.uses
        ]
        rates.give_back(session, freed)
        rates.date_back(
            session,
            {
                use: one.at
                for one in came
                if not isinstance(one.outcome, NotBegun)
                for use in one.departed.uses
            },
        )
        sent: list[tuple[OutboxRow, Sent]] = []
        failed: list[tuple[OutboxRow, Exception]] = []
        for one in came:
            claim = one.departed.claim
            row = rows.get(claim.row_id)
            if row is None or not is_ours(row, claim, OutboxState.SENDING, OutboxState.UNKNOWN):
                log.warning("outbox row %d was decided by others meanwhile", claim.row_id)
            elif isinstance(one.outcome, Sent):
                sent.append((row, one.outcome))
            else:
                failed.append((row, one.outcome))
        mark_all_sent(session, sent, now, means.policy)
        if failed:
            # As at the departure: money after rows, and of several apps in one order.
            _lock_money(session, {row.account_id for row, _ in failed})
        for row, error in failed:
            _put_down(session, row, error, now, means)
        _note(session, rows.values())


# Departure.


def _queued(statement: Any) -> Any:
    """Rows in the queue that belong to a running broadcast, of accounts that work."""
    return (
        statement.join(Broadcast, Broadcast.id == OutboxRow.broadcast_id)
        .join(Account, Account.id == OutboxRow.account_id)
        .where(
            Broadcast.state == BroadcastState.SENDING,
            OutboxRow.state == OutboxState.QUEUED,
            Account.state == AccountState.CONNECTED,
        )
    )


def _lines(session: Session, rules: Rules, now: datetime) -> list[_Line]:
    found = session.execute(
        _queued(select(OutboxRow.account_id, OutboxRow.deed, Account.app_id, Account.platform))
        .where(OutboxRow.not_before <= now)
        .group_by(OutboxRow.account_id, OutboxRow.deed, Account.app_id, Account.platform)
        .order_by(OutboxRow.account_id, OutboxRow.deed)
    ).all()
    lines = []
    for one in found:
        known = rules.get(one.platform)
        uses = uses_of(known.limits_of(one.deed), one.account_id, one.app_id) if known else []
        lines.append(_Line(one.account_id, one.app_id, one.platform, one.deed, tuple(uses)))
    return lines


def _choose(
    session: Session, lines: Sequence[_Line], most: int, now: datetime
) -> tuple[dict[_Line, list[int]], list[datetime]]:
    """Which rows may leave, as far as the pace goes; and when lines without room have some."""
    chosen: dict[_Line, list[int]] = {}
    again = []
    for place, line in enumerate(lines):
        share = max(1, most // (len(lines) - place))
        room = rates.room_for(session, line.uses, share, now + line.ahead)
        if room.count < 1:
            again.append(room.free_at - line.ahead)
            continue
        ids = session.scalars(
            _queued(select(OutboxRow.id))
            .where(
                OutboxRow.not_before <= now,
                OutboxRow.account_id == line.account_id,
                OutboxRow.deed == line.deed,
            )
            .order_by(OutboxRow.not_before, OutboxRow.id)
            .limit(room.count)
        ).all()
        chosen[line] = list(ids)
        most -= len(ids)
        if most <= 0:
            break
    return chosen, again


def _next(session: Session, again: list[datetime], now: datetime) -> datetime | None:
    waits = session.scalar(
        _queued(select(func.min(OutboxRow.not_before))).where(OutboxRow.not_before > now)
    )
    return min([*again, *([waits] if waits is not None else [])], default=None)


def _lock(session: Session, row_ids: Collection[int]) -> list[OutboxRow]:
    """These rows, and before them their cases, in the order in which everyone locks them."""
    wanted = sorted(row_ids)
    cases = session.scalars(
        select(OutboxRow.case_id).where(OutboxRow.id.in_(wanted), OutboxRow.case_id.is_not(None))
    ).all()
    if cases:
        locked(session, [case_id for case_id in cases if case_id is not None])
    rows = session.scalars(
        select(OutboxRow)
        .where(OutboxRow.id.in_(wanted))
        # Few have one, and only those are asked about it.
        .options(selectinload(OutboxRow.picture).undefer(Picture.content))
        .order_by(OutboxRow.id)
        .with_for_update(of=OutboxRow)
        .execution_options(populate_existing=True)
    )
    return list(rows)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A row that may leave, and the code of the window it leaves through."""

    row: OutboxRow
    window: str | None


def _ask_gate(
    session: Session, rows: Iterable[OutboxRow], around: Surroundings, rules: Rules, now: datetime
) -> list[_Leaving]:
    """The rows that may leave; what may not is written down."""
    spent: dict[int, meter.Spent] = {}
    for app_id in sorted({a.app_id for a in around.accounts.values() if a.app_id is not None}):
        spent[app_id] = meter.lock_spent(session, app_id, now)
    left = []
    for row in rows:
        if row.state is not OutboxState.QUEUED:
            continue  # cancelled in this very moment
        row.price_micros = price_in(row, around, rules)
        account = around.accounts[row.account_id]
        used = spent.get(account.app_id) if account.app_id is not None else None
        fits = used is None or used.fits(row.price_micros)
        facts = facts_of(row, around, rules, now, money_fits=fits)
        answer = gate(facts)
        if isinstance(answer, Refused):
            hold_back(session, row, answer, now)
            continue
        if used is not None and account.app_id is not None:
            spent[account.app_id] = replace(used, micros=used.micros + row.price_micros)
        left.append(_Leaving(row, window_in(facts)))
    return left


# Arrival.


def _put_down(
    session: Session, row: OutboxRow, error: Exception, now: datetime, means: Means
) -> None:
    """What did not simply succeed. An account that is out of order keeps its rows in the queue."""
    match error:
        case NotBegun():
            take_back(session, row)
            row.attempts -= 1
            _requeue(row, now, row.reason)
        case Unauthorised():
            take_back(session, row)
            _requeue(row, now, "unauthorised")
            set_account(session, row, AccountState.UNAUTHORISED)
        case PaymentRequired():
            take_back(session, row)
            _requeue(row, now, "payment")
            set_account(session, row, AccountState.PAUSED, PausedBecause.PAYMENT)
        case RateLimited():
            _slow_down(session, row, max(error.retry_at, now))
            mark_failed(session, row, error, now, means)
        case _:
            mark_failed(session, row, error, now, means)
    session.flush()


def _requeue(row: OutboxRow, now: datetime, reason: str | None) -> None:
    row.state, row.reason = OutboxState.QUEUED, reason
    row.not_before = now
    row.claimed_until = row.look_at = row.attempt = None


def _slow_down(session: Session, row: OutboxRow, until: datetime) -> None:
    """The platform says "later" to one: the others of its line need not be told so one by one.

    Those that somebody else has locked are about to leave, or being stopped: they are left alone,
    for waiting for them here, with other rows and money in hand, would be a deadlock.
    """
    others = (
        select(OutboxRow.id)
        .where(
            OutboxRow.broadcast_id.is_not(None),
            OutboxRow.account_id == row.account_id,
            OutboxRow.deed == row.deed,
            OutboxRow.state == OutboxState.QUEUED,
            OutboxRow.not_before < until,
        )
        .with_for_update(skip_locked=True)
        .cte("others")
    )
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.id.in_(select(others.c.id)))
        .values(not_before=until)
        .execution_options(synchronize_session=False)
    )


def _lock_money(session: Session, accounts: Collection[int]) -> None:
    """The money of the apps of these accounts: nobody else's to change until the commit."""
    apps = select(Account.app_id).where(Account.id.in_(accounts), Account.app_id.is_not(None))
    session.execute(
        select(App.id).where(App.id.in_(apps)).order_by(App.id).with_for_update(of=App)
    ).all()


def _note(session: Session, rows: Iterable[OutboxRow]) -> None:
    changes.note(session, (row.case_id for row in rows if row.case_id is not None))
