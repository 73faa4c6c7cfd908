"""What would happen if something were sent now: asked of the gate before any row is written.

The gate is asked the very questions that it is asked when the row is written and when it leaves,
so that a screen shows nothing that was worked out elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from responder.circumstances import Rules, gather, price_of
from responder.gate import Refused, Why, gate
from responder.outbox import Draft, would_be
from responder.rates import uses_of, when_free
from shenava.channels.rules import Allowed, Length, Window
from shenava.store import Account, OutboxRow, RateUse
from shenava.store.spending import spent

_NEAR = 0.1
"""The pace is told when no more than this share of it is left."""

_PLAIN = "…"
"""A text that nothing is wrong with."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``left`` more may leave now; the next beyond them at ``free_at``."""

    left: int
    free_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What sending a draft would come to.

    ``refused``: what stands in the way, whatever is written; what the text alone can mend (empty,
    too long) is told by ``empty`` and ``length``. ``price_micros``: millionths of a US dollar;
    ``plain_micros``: of the same without a link. ``pace``: where it is nearly used up. ``until``:
    how long the platform lets it pass, and through which of its ``window``s.
    """

    refused: Refused | None
    length: Length
    empty: bool
    price_micros: int
    plain_micros: int
    pace: Pace | None
    until: datetime | None
    window: Window | None


def preview(session: Session, draft: Draft, rules: Rules, now: datetime) -> Preview:
    """What sending ``draft`` now would come to. Writes nothing. Raises ``OutboxError`` as
    ``outbox.enqueue`` does."""
    row = would_be(session, draft, now)
    plain = would_be(session, replace(draft, text=_PLAIN), now)
    row.price_micros = plain.price_micros = price_of(session, row, rules)
    account = session.get_one(Account, draft.account_id)
    used = spent(session, account.app_id, now) if account.app_id is not None else None
    facts = gather(session, row, rules, now, used)
    answer = gate(facts)
    if isinstance(answer, Refused) and answer.reason in (Why.EMPTY, Why.TOO_LONG):
        # What the text can mend is told apart; what stands behind it is asked with a plain one.
        answer = gate(gather(session, plain, rules, now, used))
    ruling = facts.ruling
    return Preview(
        refused=answer if isinstance(answer, Refused) else None,
        length=facts.length,
        empty=not facts.has_content,
        price_micros=row.price_micros,
        plain_micros=price_of(session, plain, rules),
        pace=_pace(session, account, row, rules, now),
        until=ruling.until if isinstance(ruling, Allowed) else None,
        window=ruling.window if isinstance(ruling, Allowed) else None,
    )


def _pace(
    session: Session, account: Account, row: OutboxRow, rules: Rules, now: datetime
) -> Pace | None:
    """How many more may leave at the platform's pace, where few may."""
    known = rules.get(account.platform)
    if known is None:
        return None
    scarcest: Pace | None = None
    for use in uses_of(known.limits_of(row.deed), account.id, account.app_id):
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
