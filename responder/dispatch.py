"""Dispatch: what is queued leaves, once.

    claim      queued → claimed, by one conditional UPDATE, with a lease
    depart     the gate is asked again, rate and money are reserved, claimed → sending: committed
               just before the request leaves
    send       the channel, outside of any transaction
    arrive     sending → sent, refused, failed, unknown, or queued again when nothing was done

A worker may die anywhere. Before ``depart`` commits nothing has left, and the row is queued
again when its lease ends. After it, something may have left: the row becomes ``unknown``, and
:mod:`responder.unknowns` looks it up. The row is never sent again on a guess.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from responder import rates
from responder.answered import ANSWERS, Answer, answered_all, echo_of, link_echoes
from responder.circumstances import (
    Host,
    Rules,
    gather,
    locked_row,
    outgoing_of,
    price_of,
    window_in,
)
from responder.gate import Refused, SendFacts, Way, Why, gate
from responder.outcome import as_refusal, fact, facts_of, pay_for, take_back
from responder.policy import Policy
from responder.rates import Use, reserve_all, uses_of
from responder.record import locked
from shenava.channels import (
    Channel,
    OutcomeUnknown,
    Outgoing,
    PaymentRequired,
    RateLimited,
    Rejected,
    RejectedBecause,
    Sent,
    Unauthorised,
    Unreachable,
)
from shenava.messages import Deed
from shenava.store import (
    Account,
    AccountState,
    FactKind,
    OutboxRow,
    OutboxState,
    PausedBecause,
    Store,
    changes,
)
from shenava.store import spending as meter
from shenava.store.session import may_be_repeated

log = logging.getLogger(__name__)

CLAIM_LEASE = timedelta(seconds=60)
"""From the claim to the departure: a few statements, and the making of a channel."""

SENDING_LEASE = timedelta(minutes=3)
"""From the departure to the answer: more than all time-outs of a channel together."""

FENCE = timedelta(seconds=30)
"""A worker that finds itself this late after its departure was committed (its machine slept)
sends nothing: the row is queued again. Far below the lease, after which others decide."""

MAX_ATTEMPTS = 8
"""Tries of a row whose requests never left, over some quarter of an hour."""

_UNWRITTEN = (Deed.HIDE, Deed.DELETE)
"""Deeds that leave nothing of ours on the platform."""

_FIRST_BACK_OFF = timedelta(seconds=5)
_LONGEST_BACK_OFF = timedelta(minutes=5)

Connect = Callable[[int], Channel]
"""Makes the channel of an account, by its number. May raise ``ChannelError``."""


@dataclass(frozen=True, slots=True)
class Means:
    """What dispatch needs beside the store."""

    connect: Connect
    rules: Rules
    policy: Policy
    chance: Random
    host: Host | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours. ``attempt`` is in the row for as long as it is."""

    row_id: int
    account_id: int
    attempt: str


@dataclass(frozen=True, slots=True)
class _Departed:
    """What left, or is about to: committed as ``sending``."""

    claim: Claim
    outgoing: Outgoing
    at: datetime


def claim_due(store: Store, worker: str) -> Claim | None:
    """Claim the row that is due longest; ``None`` when none is. ``worker`` names who for people."""
    now = store.clock.now()
    attempt = secrets.token_hex(16)
    due = (
        select(OutboxRow.id)
        .where(
            OutboxRow.state == OutboxState.QUEUED,
            OutboxRow.not_before <= now,
            # Those of broadcasts leave many at a time (responder.convoy), behind nobody's answer.
            OutboxRow.broadcast_id.is_(None),
        )
        .order_by(OutboxRow.not_before, OutboxRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    with store.write() as session:
        row = session.execute(
            update(OutboxRow)
            .where(OutboxRow.id.in_(select(due.c.id)), OutboxRow.state == OutboxState.QUEUED)
            .values(
                state=OutboxState.CLAIMED,
                claimed_until=now + CLAIM_LEASE,
                claimed_by=worker,
                attempt=attempt,
            )
            .returning(OutboxRow.id, OutboxRow.account_id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return None if row is None else Claim(row.id, row.account_id, attempt)


def dispatch(store: Store, claim: Claim, means: Means) -> OutboxState | None:
    """Send a claimed row; returns the state it is in now, ``None`` when it is no longer ours."""
    try:
        channel = means.connect(claim.account_id)
    except Exception as error:
        return _arrive(store, claim, means, before_leaving(error))
    departed = _depart(store, claim, means)
    if not isinstance(departed, _Departed):
        return departed
    if store.clock.now() - departed.at >= FENCE:
        return _arrive(store, claim, means, Unreachable("the worker was late; nothing was sent"))
    try:
        outcome: Sent | Exception = channel.send(departed.outgoing)
    except Exception as error:
        outcome = error
    return _arrive(store, claim, means, outcome)


def before_leaving(error: Exception) -> Exception:
    """Whatever fails before a request is made has sent nothing."""
    if isinstance(error, RateLimited | PaymentRequired | Unauthorised | Unreachable):
        return error
    log.error("the channel could not be made", exc_info=error)
    return Unreachable(f"the channel could not be made: {type(error).__name__}")


def back_off(attempts: int, chance: Random) -> timedelta:
    """How long to wait after ``attempts`` (1 or more) tries that never left: doubling, and of
    that between a half and the whole."""
    doubled = _FIRST_BACK_OFF * (1 << min(max(attempts, 1) - 1, 16))
    return min(doubled, _LONGEST_BACK_OFF) * chance.uniform(0.5, 1)


# Departure.


def _depart(store: Store, claim: Claim, means: Means) -> _Departed | OutboxState | None:
    """Ask the gate, reserve, and commit ``sending``: in one transaction."""
    with store.write() as session:
        now = store.clock.now()
        app_id, uses = _uses(session, claim, means.rules)
        rates.hold(session, uses)
        row = lock_with_case(session, claim.row_id)
        if row is None or not is_ours(row, claim, OutboxState.CLAIMED):
            return None
        spent = meter.lock_spent(session, app_id, now) if app_id is not None else None
        row.price_micros = price_of(session, row, means.rules)
        facts = gather(session, row, means.rules, now, spent)
        refused = _ask(session, row, facts, uses, now)
        if refused is not None:
            return hold_back(session, row, refused, now)
        if app_id is not None:
            pay_for(session, [row], app_id, now)
        row.state = OutboxState.SENDING
        row.sending_at, row.claimed_until = now, now + SENDING_LEASE
        row.attempts += 1
        row.reason = None
        session.flush()
        _tell(session, row)
        return _Departed(claim, outgoing_of(row, window=window_in(facts), host=means.host), now)


def _ask(
    session: Session, row: OutboxRow, facts: SendFacts, uses: list[Use], now: datetime
) -> Refused | None:
    """The gate's word; its last question, the rate, is asked by reserving."""
    answer = gate(facts)
    if isinstance(answer, Refused):
        return answer
    later = reserve_all(session, uses, now)
    if later is None:
        return None
    if row.expires_at is not None and row.expires_at <= later:
        return Refused(Why.RATE, Way.SEND_AGAIN)
    return Refused(Why.RATE, Way.WAIT, later)


def hold_back(session: Session, row: OutboxRow, refused: Refused, now: datetime) -> OutboxState:
    """Refused for good, or queued until it may be asked again."""
    row.claimed_until = row.attempt = None
    row.reason, told = as_refusal(refused)
    row.evidence = row.evidence | told
    if refused.until is not None:
        row.state, row.not_before = OutboxState.QUEUED, refused.until
    else:
        row.state = OutboxState.REFUSED
        fact(session, row, FactKind.ANSWER_REFUSED, now)
    session.flush()
    _tell(session, row)
    return row.state


def _uses(session: Session, claim: Claim, rules: Rules) -> tuple[int | None, list[Use]]:
    """The app, and what the request of a claimed row counts as; neither changes any more."""
    one = session.execute(
        select(Account.app_id, Account.platform, OutboxRow.deed)
        .join(Account, Account.id == OutboxRow.account_id)
        .where(OutboxRow.id == claim.row_id)
    ).one_or_none()
    if one is None:
        return None, []
    known = rules.get(one.platform)
    uses = uses_of(known.limits_of(one.deed), claim.account_id, one.app_id) if known else []
    return one.app_id, uses


# Arrival.


def _arrive(
    store: Store, claim: Claim, means: Means, outcome: Sent | Exception
) -> OutboxState | None:
    """Write down what came back. A definite answer that comes after the lease ended, when the
    row is ``unknown`` already, still counts."""
    while True:
        try:
            return _write_down(store, claim, means, outcome)
        except DBAPIError as error:
            # What came of a request is known only here.
            if not may_be_repeated(error):
                raise


def _write_down(
    store: Store, claim: Claim, means: Means, outcome: Sent | Exception
) -> OutboxState | None:
    with store.write() as session:
        now = store.clock.now()
        row = lock_with_case(session, claim.row_id)
        if row is None or not is_ours(
            row, claim, OutboxState.CLAIMED, OutboxState.SENDING, OutboxState.UNKNOWN
        ):
            log.warning("outbox row %d was decided by others meanwhile", claim.row_id)
            return None
        if isinstance(outcome, Sent):
            mark_sent(session, row, outcome, now, means.policy)
        else:
            mark_failed(session, row, outcome, now, means)
        _tell(session, row)
        return row.state


def mark_sent(
    session: Session,
    row: OutboxRow,
    sent: Sent,
    now: datetime,
    policy: Policy,
    **evidence: Any,
) -> None:
    """The platform has it. ``row`` is locked, and its case before it. The clock stops."""
    row.evidence = row.evidence | evidence
    mark_all_sent(session, [(row, sent)], now, policy)


def mark_all_sent(
    session: Session, arrived: Sequence[tuple[OutboxRow, Sent]], now: datetime, policy: Policy
) -> None:
    """The platform has these. The rows are locked, and their cases before them."""
    rows = [row for row, _ in arrived]
    for row, sent in arrived:
        row.state, row.reason = OutboxState.SENT, None
        row.claimed_until = row.look_at = None
        row.sent_at = sent.sent_at or now
        row.native_key, row.permalink = sent.native_key, sent.permalink
    session.flush()
    link_echoes(session, (row for row in rows if row.deed not in _UNWRITTEN), now)
    facts_of(session, rows, FactKind.ANSWER_SENT, now)
    answers = [
        Answer(row.case_id, row.sent_at, row.created_by)
        for row in rows
        if row.case_id is not None and row.sent_at and row.deed in ANSWERS
    ]
    answered_all(session, answers, now, policy)


def mark_unknown(
    session: Session, row: OutboxRow, reason: str, now: datetime, policy: Policy, **evidence: Any
) -> None:
    """Nobody can tell yet. An echo that has come already does tell."""
    echo = echo_of(session, row)
    if echo is not None:
        sent = Sent(echo.native_key, echo.permalink, echo.written_at)
        mark_sent(session, row, sent, now, policy, found="echo")
        return
    row.state, row.reason = OutboxState.UNKNOWN, reason
    row.claimed_until, row.look_at = None, now
    row.evidence = row.evidence | evidence
    session.flush()
    fact(session, row, FactKind.ANSWER_UNKNOWN, now)


def mark_failed(
    session: Session, row: OutboxRow, error: Exception, now: datetime, means: Means
) -> None:
    """Every kind of failure has its own consequence; what is none of them tells nothing."""
    late = row.state is OutboxState.UNKNOWN
    match error:
        case Unreachable() | RateLimited():
            take_back(session, row)
            _again(session, row, error, now, means.chance)
        case Rejected(because=RejectedBecause.DUPLICATE) if row.attempts > 1:
            # An earlier try, thought never to have left, may have arrived after all.
            mark_unknown(session, row, "duplicate", now, means.policy)
        case Rejected():
            take_back(session, row)
            _end(session, row, OutboxState.REFUSED, f"platform_{error.because.value}", now)
            row.evidence = row.evidence | {"detail": error.detail[:200]}
        case Unauthorised():
            take_back(session, row)
            _end(session, row, OutboxState.FAILED, "unauthorised", now)
            set_account(session, row, AccountState.UNAUTHORISED)
        case PaymentRequired():
            take_back(session, row)
            _end(session, row, OutboxState.FAILED, "payment", now)
            set_account(session, row, AccountState.PAUSED, PausedBecause.PAYMENT)
        case OutcomeUnknown(said_failed=said_failed):
            if not late:
                told = {"said_failed": row.attempts} if said_failed else {}
                mark_unknown(session, row, "no_answer", now, means.policy, **told)
        case _:
            log.error("sending outbox row %d failed oddly", row.id, exc_info=error)
            if not late:
                kind = type(error).__name__
                mark_unknown(session, row, "fault", now, means.policy, error=kind)


def _again(
    session: Session, row: OutboxRow, error: Exception, now: datetime, chance: Random
) -> None:
    """Nothing left: back into the queue, for a later try."""
    if isinstance(error, RateLimited):
        reason = "rate_limited"
        at = max(error.retry_at, now) + timedelta(seconds=chance.uniform(1, 5))
    else:
        reason = "unreachable"
        at = now + back_off(row.attempts, chance)
    if row.state is OutboxState.CLAIMED:
        # It did not even come to a departure, where tries are counted.
        row.attempts += 1
    if row.attempts >= MAX_ATTEMPTS:
        _end(session, row, OutboxState.FAILED, reason, now)
        return
    row.state, row.reason = OutboxState.QUEUED, reason
    row.not_before = at
    row.claimed_until = row.look_at = row.attempt = None
    session.flush()


def _end(session: Session, row: OutboxRow, state: OutboxState, reason: str, now: datetime) -> None:
    row.state, row.reason = state, reason
    row.claimed_until = row.look_at = None
    session.flush()
    refused = state is OutboxState.REFUSED
    fact(session, row, FactKind.ANSWER_REFUSED if refused else FactKind.ANSWER_FAILED, now)


# Smaller steps.


def lock_with_case(session: Session, row_id: int) -> OutboxRow | None:
    """A row, and before it its case, so that no two transactions wait for each other."""
    case_id = session.scalar(select(OutboxRow.case_id).where(OutboxRow.id == row_id))
    if case_id is not None:
        locked(session, [case_id])
    return locked_row(session, row_id)


def is_ours(row: OutboxRow, claim: Claim, *states: OutboxState) -> bool:
    return row.attempt == claim.attempt and row.state in states


def set_account(
    session: Session,
    row: OutboxRow,
    state: AccountState,
    because: PausedBecause | None = None,
) -> None:
    session.execute(
        update(Account)
        .where(Account.id == row.account_id, Account.state == AccountState.CONNECTED)
        .values(state=state, paused_because=because)
        .execution_options(synchronize_session=False)
    )


def _tell(session: Session, row: OutboxRow) -> None:
    if row.case_id is not None:
        changes.note(session, [row.case_id])
