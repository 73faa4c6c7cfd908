"""The e-mail of alerts: what still rings is read in the moment that it leaves.

How a mail is claimed, leaves and arrives: :mod:`responder.mailing`. One that may have left is not
sent again: the browser has told the same, and whoever is next is called in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from responder import spikes
from responder.mailing import MailClaim, leaves, ours
from shenava.messages import Platform
from shenava.store import (
    Account,
    Alarm,
    Alert,
    AlertMail,
    CalledBecause,
    Case,
    Identity,
    MailState,
    Spike,
    Store,
    User,
    UserState,
)


@dataclass(frozen=True, slots=True)
class Item:
    """One case that rings, for the words of the mail. ``reasons`` as ``Case.reasons`` has them."""

    case_id: int
    because: CalledBecause
    reasons: Sequence[Any]
    name: str | None
    handle: str | None
    platform: Platform
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class SpikeItem:
    """One spike that rings. ``causes``: its own, and those of what is told with it."""

    spike_id: int
    because: CalledBecause
    causes: tuple[str, ...]
    people: int
    usual: float
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """A mail about to leave, to ``email``. ``at``: the instant of which it tells. It has at least
    one of ``items`` and ``spikes``."""

    mail_id: int
    message_id: str
    at: datetime
    email: str
    name: str
    language: str | None
    calendar: str | None
    items: tuple[Item, ...]
    spikes: tuple[SpikeItem, ...] = ()


def depart(store: Store, claim: MailClaim) -> Departure | None:
    """Commit that the mail leaves now. ``None``: nothing is to leave, as nothing in it rings any
    more, the person has left, or the row is no longer ours."""
    with store.write() as session:
        now = store.clock.now()
        row = ours(session, AlertMail, claim, MailState.CLAIMED)
        if row is None:
            return None
        person = session.get_one(User, row.user_id)
        active = person.state is UserState.ACTIVE
        items = _items(session, row.id) if active else ()
        outages = _spikes(session, row.id) if active else ()
        if not items and not outages:
            row.state, row.claimed_until = MailState.CANCELLED, None
            return None
        leaves(row, now)
        return Departure(
            mail_id=row.id,
            message_id=row.message_id,
            at=now,
            email=person.email,
            name=person.name,
            language=person.language,
            calendar=person.calendar,
            items=items,
            spikes=outages,
        )


def _items(session: Session, mail_id: int) -> tuple[Item, ...]:
    """What the mail has to tell: of its alerts those that still ring, the longest wait first."""
    found = session.execute(
        select(
            Case.id,
            Alert.because,
            Case.reasons,
            Identity.name,
            Identity.handle,
            Account.platform,
            Case.waiting_since,
        )
        .join(Alarm, Alarm.id == Alert.alarm_id)
        .join(Case, Case.id == Alarm.case_id)
        .join(Identity, Identity.id == Case.identity_id)
        .join(Account, Account.id == Case.account_id)
        .where(Alert.mail_id == mail_id, Alarm.ended_at.is_(None))
        .order_by(Case.rank, Case.id)
    )
    return tuple(Item(*row) for row in found)


def _spikes(session: Session, mail_id: int) -> tuple[SpikeItem, ...]:
    """The spikes that the mail tells of, the one of most people first."""
    found = session.execute(
        select(Spike, Alert.because)
        .join(Alarm, Alarm.spike_id == Spike.id)
        .join(Alert, Alert.alarm_id == Alarm.id)
        .where(Alert.mail_id == mail_id, Alarm.ended_at.is_(None))
        .order_by(Spike.id)
    )
    told = [(spikes.shown_with(session, spike), because) for spike, because in found]
    items = (
        SpikeItem(
            spike_id=one.spike.id,
            because=because,
            causes=tuple(each.cause for each in (one.spike, *one.with_it)),
            people=one.people,
            usual=one.spike.usual,
            began_at=one.spike.began_at,
        )
        for one, because in told
    )
    return tuple(sorted(items, key=lambda one: (-one.people, one.spike_id)))
