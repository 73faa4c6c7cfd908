"""The audit trail, newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox.wanted import row_number
from dashboard.staff.deeds import deed_in_words
from responder.record import COMMAND_LINE, DASHBOARD
from shenava.store import Audit, Role, User

PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One deed as the page shows it: names instead of ids, where the ids still have one.
    ``through``: what they did it with, if not with the pages (``token:3``)."""

    at: datetime
    who: str | None
    who_id: int | None
    deed: str
    case_id: int | None
    through: str | None


@needs(Role.ADMIN)
def trail() -> ResponseReturnValue:
    """``?before=ID`` goes on where the page before ended, so that new deeds shift nothing."""
    before = row_number(request.args.get("before"))
    with desk().store.read() as session:
        query = select(Audit).order_by(Audit.id.desc()).limit(PAGE + 1)
        if before is not None:
            query = query.where(Audit.id < before)
        rows = session.scalars(query).all()
        shown = list(rows[:PAGE])
        lines = _lines(session, shown)
    return render_template(
        "staff/audit.html",
        lines=lines,
        older=shown[-1].id if len(rows) > PAGE else None,
        first=before is None,
    )


def _lines(session: Session, rows: list[Audit]) -> list[Line]:
    ids = {row.user_id for row in rows} | {_id(row, "user_id") for row in rows}
    # The inbox names who a case went to in its own way.
    ids |= {_id(row, "to") for row in rows}
    named = select(User.id, User.name).where(User.id.in_(ids - {None}))
    names = {row.id: row.name for row in session.execute(named)}
    return [
        Line(
            at=row.at,
            who=names.get(row.user_id) if row.user_id is not None else None,
            who_id=row.user_id,
            deed=deed_in_words(row.action, row.details, names),
            case_id=row.case_id,
            through=_through(row.details.get("through")),
        )
        for row in rows
    ]


def _through(name: object) -> str | None:
    if name == COMMAND_LINE:
        return _("command line")
    return name if isinstance(name, str) and name != DASHBOARD else None


def _id(row: Audit, name: str) -> int | None:
    value = row.details.get(name)
    return value if isinstance(value, int) else None
