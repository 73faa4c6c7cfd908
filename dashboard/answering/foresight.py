"""What will happen if this is sent now: asked of the gate and the platform's rules, before any
row is written. The screen shows nothing that was worked out elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.answering.target import Target
from responder.circumstances import Rules, body_hash, gather, price_of
from responder.gate import Refused, Why, gate
from responder.rates import uses_of, when_free
from shenava.channels.rules import Length
from shenava.messages import Deed
from shenava.store import OutboxRow, OutboxState, RateUse
from shenava.store.spending import spent

_NEAR = 0.1
"""The pace is told when no more than this share of it is left."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``left`` more may leave now; the next beyond them at ``free_at``."""

    left: int
    free_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What sending ``deed`` with this text would come to.

    ``refused``: what stands in the way, whatever is written; what the text alone can mend (empty,
    too long) is told by ``empty`` and ``length``. ``price_micros``: millionths of a US dollar;
    ``plain_micros``: of the same without a link. ``pace``: where it is nearly used up.
    """

    deed: Deed
    refused: Refused | None
    length: Length
    empty: bool
    price_micros: int
    plain_micros: int
    pace: Pace | None

    @property
    def allowed(self) -> bool:
        return self.refused is None

    @property
    def dearer(self) -> int:
        """How many times the price of a plain one this costs; 1 when it is not dearer."""
        return max(1, round(self.price_micros / self.plain_micros)) if self.plain_micros else 1


def deeds_for(target: Target) -> tuple[Deed, ...]:
    """Ways to answer that are thought of at all: the customer's own first."""
    can_write = target.identity.key.startswith("id:")
    if not target.is_public:
        return (Deed.DM,) if can_write else ()
    return (Deed.ANSWER, Deed.DM) if can_write else (Deed.ANSWER,)


def outlook(
    session: Session, target: Target, deed: Deed, text: str, rules: Rules, now: datetime
) -> Outlook:
    """What sending ``text`` now would come to."""
    row = _row(target, deed, text)
    row.price_micros = price_of(session, row, rules)
    app_id = target.account.app_id
    used = spent(session, app_id, now) if app_id is not None else None
    facts = gather(session, row, rules, now, used)
    answer = gate(facts)
    refused = answer if isinstance(answer, Refused) else None
    if refused is not None and refused.reason in (Why.EMPTY, Why.TOO_LONG):
        # What the text can mend is told apart; what stands behind it is asked with a short one.
        plain = _row(target, deed, "…")
        plain.price_micros = row.price_micros
        answer = gate(gather(session, plain, rules, now, used))
        refused = answer if isinstance(answer, Refused) else None
    return Outlook(
        deed=deed,
        refused=refused,
        length=facts.length,
        empty=not facts.has_content,
        price_micros=row.price_micros,
        plain_micros=price_of(session, _row(target, deed, "…"), rules),
        pace=_pace(session, target, deed, rules, now),
    )


def _row(target: Target, deed: Deed, text: str) -> OutboxRow:
    """A row as the outbox would make it; it belongs to no session and is never written."""
    native_id = target.identity.key.removeprefix("id:") if deed is Deed.DM else None
    row = OutboxRow(
        deed=deed,
        account_id=target.account.id,
        case_id=target.case.id,
        message_id=target.message.id,
        identity_id=target.identity.id,
        to_key=target.message.native_key,
        to_native_id=native_id,
        text=text,
        picture=None,
        picture_alt="",
        state=OutboxState.DRAFT,
        automatic=False,
        price_micros=0,
    )
    row.body_hash = body_hash(row)
    return row


def _pace(session: Session, target: Target, deed: Deed, rules: Rules, now: datetime) -> Pace | None:
    """How many more may leave at the platform's pace, where few may."""
    known = rules.get(target.platform)
    if known is None:
        return None
    scarcest: Pace | None = None
    for use in uses_of(known.limits_of(deed), target.account.id, target.account.app_id):
        for limit in use.limits:
            made = session.scalar(
                select(func.count()).where(
                    RateUse.subject == use.subject,
                    RateUse.endpoint == use.endpoint,
                    RateUse.at > now - limit.window,
                )
            )
            left = max(0, limit.count - (made or 0))
            if left > limit.count * _NEAR or (scarcest and scarcest.left <= left):
                continue
            free_at = when_free(session, use, now)
            scarcest = Pace(left, free_at if free_at > now else None)
    return scarcest
