"""The list of staff, and what admins do with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from dashboard.auth.links import address_of
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.reader import me
from dashboard.staff import members
from dashboard.staff.forms import InviteForm, RoleForm
from dashboard.staff.members import HandOver, Refusal
from shenava.store import Role, User, UserState

_ORDER = {UserState.ACTIVE: 0, UserState.INVITED: 1, UserState.DISABLED: 2}


@needs(Role.ADMIN)
def people() -> ResponseReturnValue:
    """Everyone on the list: active first, then invited, then disabled; each by name."""
    with desk().store.read() as session:
        users = session.scalars(
            select(User).order_by(case(_ORDER, value=User.state), func.lower(User.name), User.id)
        ).all()
    return render_template("staff/people.html", users=users)


@needs(Role.ADMIN)
def invite() -> ResponseReturnValue:
    """The form of an invitation, then the link to hand over."""
    form = InviteForm()
    if not form.validate_on_submit():
        return render_template("staff/invite.html", form=form)
    try:
        with desk().store.write() as session:
            made = members.invite(
                session,
                me().id,
                name=form.name.data,
                email=form.email.data,
                role=Role(form.role.data),
                now=desk().store.clock.now(),
                hours=desk().settings.invite_hours,
            )
    except Refusal as refusal:
        form.email.errors = [str(refusal.reason)]
        return render_template("staff/invite.html", form=form), 422
    return _hand_over(made)


@needs(Role.ADMIN)
def link(user_id: int) -> ResponseReturnValue:
    """A fresh link for someone, to hand over."""
    store = desk().store
    try:
        with store.write() as session:
            made = members.new_link(
                session, me().id, user_id, store.clock.now(), desk().settings.invite_hours
            )
    except Refusal as refusal:
        flash(str(refusal.reason), "urgent")
        return redirect(url_for("staff.people"))
    return _hand_over(made)


@needs(Role.ADMIN)
def disable(user_id: int) -> ResponseReturnValue:
    return _changed(
        lambda session: members.disable(session, me().id, user_id, _now()),
        lambda user: _("%(name)s is disabled and signed out everywhere.", name=user.name),
    )


@needs(Role.ADMIN)
def enable(user_id: int) -> ResponseReturnValue:
    return _changed(
        lambda session: members.enable(session, me().id, user_id, _now()),
        lambda user: (
            _("%(name)s can work again.", name=user.name)
            if user.state is UserState.ACTIVE
            else _("%(name)s is invited again. Make them a new link.", name=user.name)
        ),
    )


@needs(Role.ADMIN)
def role(user_id: int) -> ResponseReturnValue:
    form = RoleForm()
    if not form.validate_on_submit():
        return redirect(url_for("staff.people"))
    wanted = Role(form.role.data)
    return _changed(
        lambda session: members.change_role(session, me().id, user_id, wanted, _now()),
        lambda user: (
            _("%(name)s is an admin now.", name=user.name)
            if wanted is Role.ADMIN
            else _("%(name)s is an agent now.", name=user.name)
        ),
    )


@needs(Role.ADMIN)
def approval(user_id: int) -> ResponseReturnValue:
    """``asked``: yes or no."""
    asked = request.form.get("asked") == "yes"
    return _changed(
        lambda session: members.ask_approval(session, me().id, user_id, asked, _now()),
        lambda user: (
            _("What %(name)s answers waits for approval from now on.", name=user.name)
            if asked
            else _("What %(name)s answers leaves at once from now on.", name=user.name)
        ),
    )


def _changed(change: Callable[[Session], User], said: Callable[[User], str]) -> ResponseReturnValue:
    """Do ``change``, say what came of it, and go back to the list."""
    try:
        with desk().store.write() as session:
            user = change(session)
    except Refusal as refusal:
        flash(str(refusal.reason), "urgent")
    else:
        flash(said(user), "good")
    return redirect(url_for("staff.people"))


def _hand_over(made: HandOver) -> ResponseReturnValue:
    response = make_response(
        render_template(
            "staff/hand_over.html",
            user=made.user,
            purpose=made.purpose.value,
            address=address_of(desk(), made.token),
            hours=desk().settings.invite_hours,
        )
    )
    # Shown once: the link stands nowhere else, not in a browser's cache either.
    response.headers["Cache-Control"] = "no-store"
    return response


def _now() -> datetime:
    return desk().store.clock.now()
