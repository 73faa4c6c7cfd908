"""What an open page asks for: the alerts of the person who is signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, or_, select

from dashboard.auth.roles import background
from dashboard.context import desk
from dashboard.duty.words import because_on_screen
from dashboard.i18n import gettext as _
from dashboard.inbox import words
from dashboard.inbox.rows import name_of
from dashboard.inbox.wanted import row_number
from dashboard.reader import me
from shenava.store import Alarm, Alert, CalledBecause, Case, Identity

LIMIT = 50
"""Alerts of one answer. A browser that is told more of them at once shows one notice anyway."""

FRESH = timedelta(hours=24)
"""A browser that was closed for longer is not told of what rang before."""


@background
def alerts_since() -> ResponseReturnValue:
    """``since``: a number. Answers ``upto`` (the number to ask with next), ``count``, and of the
    newest ``alerts`` above ``since`` that still ring and that this person has not opened:
    ``id``, ``case_id``, ``title``, ``body``, ``url``."""
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
    return jsonify(upto=upto, count=count, alerts=[_told(row) for row in reversed(rows)])


def _told(row: Any) -> dict[str, object]:
    reason = next(iter(words.reasons(row.reasons)), "") or _("urgent")
    name = name_of(row.platform, row.key, row.name, row.handle)
    because = "" if row.because is CalledBecause.ON_DUTY else because_on_screen(row.because)
    return {
        "id": row.id,
        "case_id": row.case_id,
        "title": _("Urgent: %(reason)s", reason=reason),
        "body": " · ".join(filter(None, (name, because))),
        "url": url_for("inbox.case", case_id=row.case_id),
    }
