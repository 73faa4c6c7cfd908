"""What an open page asks for: the alerts of the person who is signed in."""

from __future__ import annotations

from datetime import timedelta
from operator import itemgetter
from typing import Any

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dashboard.auth.roles import background
from dashboard.context import desk
from dashboard.duty.words import because_on_screen
from dashboard.i18n import gettext as _
from dashboard.inbox import words
from dashboard.inbox.rows import name_of
from dashboard.inbox.wanted import row_number
from dashboard.reader import me
from dashboard.spikes import words as spike_words
from responder import spikes
from shenava.store import Alarm, Alert, CalledBecause, Case, Identity, Spike

LIMIT = 50
"""Alerts of one answer. A browser that is told more of them at once shows one notice anyway."""

FRESH = timedelta(hours=24)
"""A browser that was closed for longer is not told of what rang before."""


@background
def alerts_since() -> ResponseReturnValue:
    """``since``: a number. Answers ``upto`` (the number to ask with next), ``count``, and of the
    ``alerts`` above ``since`` that still ring and that this person has not opened, the newest and
    every one of a spike: ``id``, ``case_id`` or ``spike_id`` and ``people``, ``title``,
    ``body``, ``url``."""
    since = row_number(request.args.get("since")) or 0
    mine = me().id
    now = desk().store.clock.now()
    still = (
        Alert.user_id == mine,
        Alert.id > since,
        Alert.made_at > now - FRESH,
        Alarm.ended_at.is_(None),
        or_(Alarm.opened_by.is_(None), Alarm.opened_by != mine, Alarm.opened_at < Alert.made_at),
    )
    with desk().store.read() as session:
        upto = session.scalar(select(func.max(Alert.id)).where(Alert.user_id == mine)) or 0
        of_mine = select(Alert).join(Alarm, Alarm.id == Alert.alarm_id).where(*still)
        count = session.scalar(select(func.count()).select_from(of_mine.subquery())) or 0
        rows = session.execute(
            select(
                Alert.id, Alert.because, Case.id.label("case_id"), Case.reasons,
                Identity.platform, Identity.key, Identity.name, Identity.handle,
            )
            .join(Alarm, Alarm.id == Alert.alarm_id)
            .join(Case, Case.id == Alarm.case_id)
            .join(Identity, Identity.id == Case.identity_id)
            .where(*still)
            .order_by(Alert.id.desc())
            .limit(LIMIT)
        ).all()  # fmt: skip
        outages = session.execute(
            select(Alert.id, Alert.because, Spike)
            .join(Alarm, Alarm.id == Alert.alarm_id)
            .join(Spike, Spike.id == Alarm.spike_id)
            .where(*still)
        )
        told = [_told(row) for row in rows] + [_spike_told(session, *row) for row in outages]
    return jsonify(upto=upto, count=count, alerts=sorted(told, key=itemgetter("id")))


def _spike_told(
    session: Session, number: int, because: CalledBecause, spike: Spike
) -> dict[str, Any]:
    shown = spikes.shown_with(session, spike)
    return {
        "id": number,
        "spike_id": spike.id,
        "people": shown.people,
        "title": spike_words.call(shown.people, spike_words.causes(shown).striptags()),
        "body": _because(because),
        "url": url_for("spikes.one", spike_id=spike.id),
    }


def _because(because: CalledBecause) -> str:
    return "" if because is CalledBecause.ON_DUTY else because_on_screen(because)


def _told(row: Any) -> dict[str, Any]:
    reason = next(iter(words.reasons(row.reasons)), "") or _("urgent")
    name = name_of(row.platform, row.key, row.name, row.handle)
    return {
        "id": row.id,
        "case_id": row.case_id,
        "title": _("Urgent: %(reason)s", reason=reason),
        "body": " · ".join(filter(None, (name, _because(row.because)))),
        "url": url_for("inbox.case", case_id=row.case_id),
    }
