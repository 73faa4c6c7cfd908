"""How the fate of an outbox row is written down: reason, evidence, facts, money, the trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from responder.gate import Refused
from shenava.store import Account, Audit, Fact, FactKind, OutboxRow
from shenava.store import spending as meter


def as_refusal(refused: Refused) -> tuple[str, dict[str, Any]]:
    """The reason and the evidence that a refused row keeps."""
    return refused.reason.value, {"way_out": refused.way_out.value}


def fact(session: Session, row: OutboxRow, kind: FactKind, now: datetime) -> None:
    """One line for reports, if the row belongs to a case."""
    if row.case_id is None:
        return
    details: dict[str, Any] = {
        "outbox": row.id,
        "account": row.account_id,
        "deed": row.deed.value,
        "by": row.created_by,
        "automatic": row.automatic,
        "by_hand": row.by_hand,
    }
    if row.reason is not None:
        details["reason"] = row.reason
    session.execute(
        insert(Fact).values(
            kind=kind,
            happened_at=row.sent_at or now,
            recorded_at=now,
            case_id=row.case_id,
            message_id=row.message_id,
            details=details,
        )
    )


def audit_row(
    session: Session, row: OutboxRow, deed: str, actor: int | None, now: datetime
) -> None:
    """One line of the trail: who did what to which row; never its text."""
    session.execute(
        insert(Audit).values(
            at=now,
            user_id=actor,
            action=deed,
            case_id=row.case_id,
            details={"outbox": row.id, "state": row.state.value},
        )
    )


def pay(session: Session, row: OutboxRow, app_id: int, now: datetime) -> None:
    """Count the price of a row that is about to leave."""
    meter.add(session, app_id, now, {meter.SENDING + row.deed.value: (1, row.price_micros)})
    row.evidence = row.evidence | {"paid_at": now.isoformat()}


def take_back(session: Session, row: OutboxRow) -> None:
    """Nothing was done, so nothing was charged: take back what :func:`pay` counted, once. The
    use of the platform's pace stays counted."""
    paid_at = row.evidence.get("paid_at")
    if paid_at is None:
        return
    row.evidence = {name: told for name, told in row.evidence.items() if name != "paid_at"}
    app_id = session.scalar(select(Account.app_id).where(Account.id == row.account_id))
    if app_id is not None:
        at = datetime.fromisoformat(paid_at)
        meter.add(session, app_id, at, {meter.SENDING + row.deed.value: (-1, -row.price_micros)})
