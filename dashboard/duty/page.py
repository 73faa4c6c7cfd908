"""The page of duty: who is on duty, planned hours, order of escalation, what rang lately."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from dashboard.context import desk
from dashboard.duty import queries, words
from dashboard.filters import present_dates
from responder.duty import HOURS_LIMIT, Standing, order


def duty_page(wrong: int | None = None, typed: str = "") -> ResponseReturnValue:
    """``wrong``: whose hours could not be read, and ``typed`` what was given instead."""
    now = desk().store.clock.now()
    with desk().store.read() as session:
        members = queries.members(session, now)
        rung = queries.alarms(session)
    by_id = {member.id: member for member in members}
    placed = [member for member in members if member.colleague.place is not None]
    dates = present_dates()
    settings = desk().settings

    def until(standing: Standing) -> str:
        return words.until_in_words(standing, dates, now)

    page = render_template(
        "duty/duty.html",
        members=members,
        on_duty=[member for member in members if member.standing.on],
        placed=[by_id[one] for one in order(one.colleague for one in placed)],
        unplaced=[member for member in members if member.colleague.place is None],
        alarms=rung,
        until=until,
        plan={
            member.id: words.plan_in_words(
                member.colleague.week or {}, dates, settings.first_weekday.number
            )
            for member in members
        },
        wrong=wrong,
        typed=typed,
        hours_limit=HOURS_LIMIT,
        settings=settings,
        words=words,
        span=dates.span,
    )
    return page, 200 if wrong is None else 422
