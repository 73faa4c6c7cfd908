"""Alarms of spikes: which begin to ring, and what ends them. Calling is :mod:`responder.alerts`.

A spike rings once, when it begins. Those that are told as one ring as one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from responder import spikes
from shenava.store import Alarm, EndedBecause, Spike

RECENT = timedelta(hours=24)
"""A spike that was first seen longer ago does not begin to ring: it has stood on every page."""


def why_over(spike: Spike) -> EndedBecause | None:
    """Why a spike need not ring any more; ``None`` while it must."""
    if spike.closed_at is not None:
        return EndedBecause.CLOSED
    if spike.broadcast_id is not None:
        return EndedBecause.ANSWERED
    if spike.ended_at is not None:
        return EndedBecause.CALMED
    return None


def due(session: Session, now: datetime) -> list[int]:
    """The spikes that should begin to ring, by number."""
    shown = spikes.shown(session)
    if not shown:
        return []
    members = {
        one.spike.id: [one.spike, *one.with_it] for one in shown if one.spike.broadcast_id is None
    }
    rang = set(
        session.scalars(
            select(Alarm.spike_id).where(
                Alarm.spike_id.in_([one.id for group in members.values() for one in group])
            )
        )
    )
    return sorted(
        number
        for number, group in members.items()
        if group[0].seen_at > now - RECENT and rang.isdisjoint(one.id for one in group)
    )
