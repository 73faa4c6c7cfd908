"""How the fate of an outbox row is written down: reason, evidence, facts, money, the trail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from responder.gate import Refused
from responder.record import through
from shenava.store import Account, Audit, Fact, FactKind, OutboxRow
from shenava.store import spending as meter


def as_refusal(refused: Refused) -> tuple[str, dict[str, Any]]:
    """The reason and the evidence that a refused row keeps."""
    return refused.reason.value, {"way_out": refused.way_out.value}


def fact(session: Session, row: OutboxRow, kind: FactKind, now: datetime) -> None:
    """One line for reports: see :func:`facts_of`."""
    facts_of(session, [row], kind, now)


def facts_of(session: Session, rows: Iterable[OutboxRow], kind: FactKind, now: datetime) -> None:
    """One line for reports for each row that belongs to a case, and for each public post of a
    broadcast that was sent."""
    lines = []
    for row in rows:
        told = kind
        if row.case_id is None:
            if row.broadcast_id is None or row.identity_id or kind is not FactKind.ANSWER_SENT:
                continue
            told = FactKind.BROADCAST_POSTED
        lines.append(
            {
                "kind": told,
                "happened_at": row.sent_at or now,
                "recorded_at": now,
                "case_id": row.case_id,
                "message_id": row.message_id,
                "details": _details(row),
            }
        )
    if lines:
        session.execute(insert(Fact), lines)


def _details(row: OutboxRow) -> dict[str, Any]:
    details: dict[str, Any] = {
        "outbox": row.id,
        "account": row.account_id,
        "deed": row.deed.value,
        "by": row.created_by,
        "automatic": row.automatic,
        "by_hand": row.by_hand,
    }
    if row.broadcast_id is not None:
        details["broadcast"] = row.broadcast_id
    if row.reason is not None:
        details["reason"] = row.reason
    return details


def audit_row(
    session: Session,
    row: OutboxRow,
    deed: str,
    actor: int | None,
    now: datetime,
    principal: str | None = None,
) -> None:
    """One line of the trail: who did what to which row, and through what; never its text.
    ``principal``: who asked, where a row was made."""
    session.execute(
        insert(Audit).values(
            at=now,
            user_id=actor,
            action=deed,
            case_id=row.case_id,
            details={
                "outbox": row.id,
                "state": row.state.value,
                "through": through(session, principal or f"user:{actor}"),
            },
        )
    )


def pay_for(session: Session, rows: Iterable[OutboxRow], app_id: int, now: datetime) -> None:
    """Count the prices of rows that are about to leave."""
    used: dict[str, tuple[int, int]] = {}
    for row in rows:
        what = meter.SENDING + row.deed.value
        count, micros = used.get(what, (0, 0))
        used[what] = (count + 1, micros + row.price_micros)
        row.evidence = row.evidence | {"paid_at": now.isoformat()}
    meter.add(session, app_id, now, used)


def take_back(session: Session, row: OutboxRow) -> None:
    """Nothing was done, so nothing was charged: take back what :func:`pay_for` counted, once. The
    use of the platform's pace stays counted."""
    paid_at = row.evidence.get("paid_at")
    if paid_at is None:
        return
    row.evidence = {name: told for name, told in row.evidence.items() if name != "paid_at"}
    app_id = session.scalar(select(Account.app_id).where(Account.id == row.account_id))
    if app_id is not None:
        at = datetime.fromisoformat(paid_at)
        meter.add(session, app_id, at, {meter.SENDING + row.deed.value: (-1, -row.price_micros)})
