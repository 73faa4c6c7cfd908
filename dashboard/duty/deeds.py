"""What people do about duty: press the switch, plan hours, set the order of escalation.

Everyone decides about themselves; about others, and about the order, an admin does.
"""

from __future__ import annotations

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from dashboard.audit import Deed, record
from dashboard.auth.addresses import page_before
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.duty.page import duty_page
from dashboard.i18n import gettext as _
from dashboard.reader import me
from responder import duty
from shenava.store import Alone, Role, Switch, User, UserState


def switch_me() -> ResponseReturnValue:
    """``on``: 1 to go on duty, else off. Leads back to where the switch was pressed."""
    _switch(me().id)
    return redirect(page_before(request))


@needs(Role.ADMIN)
def put(user_id: int) -> ResponseReturnValue:
    """The same for a colleague."""
    _switch(user_id)
    return redirect(_page())


def hours(user_id: int) -> ResponseReturnValue:
    """``hours``: someone's planned week, as business hours are written; empty for none."""
    person = me()
    if person.id != user_id and not person.is_admin:
        abort(403)
    typed = request.form.get("hours", "")
    store = desk().store
    try:
        with store.write() as session:
            _active(session, user_id)
            duty.plan(session, user_id, typed)
            record(session, Deed.DUTY_PLANNED, store.clock.now(), by=person.id, to=user_id)
    except ValueError:
        return duty_page(wrong=user_id, typed=typed)
    flash(_("Saved."), "good")
    return redirect(_page())


@needs(Role.ADMIN)
def place(user_id: int) -> ResponseReturnValue:
    """``move``: up, down, out or in (at the end) of the order of escalation."""
    store = desk().store
    # One at a time, so that two admins do not undo each other half.
    with store.write_alone(Alone.ALERTS) as session:
        _active(session, user_id)
        people = duty.colleagues(session)
        now_placed = [one for one in people if one.place is not None]
        wanted = moved(duty.order(now_placed), user_id, request.form.get("move", ""))
        duty.put_in_order(session, wanted)
        record(session, Deed.ESCALATION_CHANGED, store.clock.now(), by=me().id)
    return redirect(_page())


def moved(order: tuple[int, ...], user_id: int, move: str) -> list[int]:
    """``order`` after one step; what makes no sense changes nothing."""
    wanted = [one for one in order if one != user_id]
    was_in = user_id in order
    at = order.index(user_id) if was_in else len(wanted)
    match move:
        case "out":
            return wanted
        case "up" if was_in:
            at = max(0, at - 1)
        case "down" if was_in:
            at = min(len(wanted), at + 1)
        case "in":
            pass
        case _:
            return list(order)
    wanted.insert(at, user_id)
    return wanted


def _switch(user_id: int) -> None:
    on = request.form.get("on") == "1"
    store = desk().store
    by = me().id
    with store.write() as session:
        _active(session, user_id)
        now = store.clock.now()
        duty.switch(session, user_id, Switch.ON if on else Switch.OFF, now)
        if by == user_id:
            record(session, Deed.WENT_ON_DUTY if on else Deed.WENT_OFF_DUTY, now, by=by)
        else:
            deed = Deed.PUT_ON_DUTY if on else Deed.PUT_OFF_DUTY
            record(session, deed, now, by=by, to=user_id)
    if by == user_id:
        flash(_("You are on duty.") if on else _("You are off duty."), "good")


def _active(session: Session, user_id: int) -> None:
    user = session.get(User, user_id)
    if user is None or user.state is not UserState.ACTIVE:
        abort(404)


def _page() -> str:
    return url_for("duty.duty")
