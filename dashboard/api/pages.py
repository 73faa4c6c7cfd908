"""Settings: the tokens of the API, for admins."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from dashboard.api import tokens as deeds
from dashboard.api.forms import DAYS, TokenForm
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy
from dashboard.reader import me
from shenava.store import ApiToken, Role, Scope, User, UserState

SCOPES = {
    Scope.CASES_READ: lazy("Read cases, notes and what moved"),
    Scope.CASES_WRITE: lazy("Work on cases: give, close, snooze, note, correct"),
    Scope.MESSAGES_READ: lazy("Read what customers wrote"),
    Scope.ANSWERS_READ: lazy("Read answers and what became of them"),
    Scope.ANSWERS_WRITE: lazy("Answer customers"),
    Scope.ACCOUNTS_READ: lazy("Read the list of your accounts"),
    Scope.CUSTOMERS_READ: lazy("Read customers: who is who, marks, notes and cases"),
    Scope.CUSTOMERS_WRITE: lazy("Work on customers: mark, note, merge and split"),
    Scope.BROADCASTS_READ: lazy("Read broadcasts and what became of them"),
    Scope.BROADCASTS_WRITE: lazy("Write broadcasts and send them to everyone"),
    Scope.REPORTS_READ: lazy("Read weekly reports"),
}


@needs(Role.ADMIN)
def listed() -> ResponseReturnValue:
    """All tokens, those that work first, each kind with the newest on top."""
    with desk().store.read() as session:
        found = session.execute(
            select(ApiToken, User).join(User, User.id == ApiToken.created_by)
        ).all()
    now = desk().store.clock.now()
    rows = [
        {"token": row.ApiToken, "maker": row.User, "state": _state(row.ApiToken, row.User, now)}
        for row in sorted(found, key=lambda row: -row.ApiToken.id)
    ]
    rows.sort(key=lambda row: row["state"] != "works")
    return render_template("api/tokens.html", rows=rows)


def _state(token: ApiToken, maker: User, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return "expired"
    return "works" if maker.state is UserState.ACTIVE else "stopped"


@needs(Role.ADMIN)
def new() -> ResponseReturnValue:
    """The form of a token, then the token itself: the only time that it is shown."""
    form = TokenForm()
    if not form.validate_on_submit():
        return render_template("api/new.html", form=form, scopes=SCOPES, days=DAYS)
    now = desk().store.clock.now()
    with desk().store.write() as session:
        row, token = deeds.make_token(
            session,
            me().id,
            form.name.data,
            [Scope(scope) for scope in form.scopes.data],
            now,
            int(form.days.data) if form.days.data else None,
        )
    response = make_response(render_template("api/made.html", row=row, token=token))
    # It stands nowhere else, not in a browser's cache either.
    response.headers["Cache-Control"] = "no-store"
    return response


@needs(Role.ADMIN)
def revoke(token_id: int) -> ResponseReturnValue:
    """Let a token work no more."""
    with desk().store.write() as session:
        deeds.revoke_token(session, me().id, token_id, desk().store.clock.now())
    flash(_("The token is revoked. It is refused from now on."), "good")
    return redirect(url_for("tokens.listed"))


tokens = Blueprint("tokens", __name__, url_prefix="/settings/tokens")

tokens.add_url_rule("", "listed", listed)
tokens.add_url_rule("/new", "new", new, methods=["GET", "POST"])
tokens.add_url_rule("/<int:token_id>/revoke", "revoke", revoke, methods=["POST"])
