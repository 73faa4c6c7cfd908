"""The session: who is signed in, for how long, and the guard in front of every page."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hmac import compare_digest

from flask import Flask, current_app, jsonify, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user

from dashboard.auth.person import Person, person_of
from dashboard.context import desk
from dashboard.reader import forget_reader
from shenava.store import User, UserState

_ACTIVE_AT = "active_at"
# The cookie is written again at most this often, however much someone clicks.
_TOUCH = 60
# The cookie outlives the idle time a little; the instant within it decides.
_SLACK = timedelta(minutes=10)


def new_session_key() -> str:
    """A fresh ``users.session_key``: every session under the old one is over."""
    return secrets.token_hex(24)


def sign_in(person: Person) -> None:
    """Start a session for ``person``, in place of any other in this browser."""
    session.clear()
    session.permanent = True
    session[_ACTIVE_AT] = _now()
    login_user(person)
    forget_reader()


def refresh(person: Person) -> None:
    """Show the rest of this request to ``person`` as they are now, after a change of their row."""
    login_user(person)
    forget_reader()


def sign_out() -> None:
    """End the session of this browser."""
    logout_user()
    session.clear()
    forget_reader()


def wants_json() -> bool:
    """Whether a script asks, and so wants a plain answer instead of a page."""
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def install(app: Flask) -> None:
    """Put the session and its guard in front of every view of ``app``."""
    manager = LoginManager()
    # Flask-Login would tie the session to address and browser; people on the move change both.
    manager.session_protection = None
    manager.user_loader(_load)
    manager.init_app(app)
    app.permanent_session_lifetime = (
        timedelta(hours=app.extensions["shenava"].settings.session_hours) + _SLACK
    )
    # A page that only polls would otherwise renew its cookie for ever.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.before_request(_guard)


def _load(identity: str) -> Person | None:
    """The active person that a session cookie names, if its key is still theirs."""
    number, _, key = identity.partition(".")
    idle = _now() - int(session.get(_ACTIVE_AT, 0))
    if not number.isdecimal() or idle > desk().settings.session_hours * 3600:
        return None
    with desk().store.read() as rows:
        user = rows.get(User, int(number))
        if user is None or user.state is not UserState.ACTIVE:
            return None
        return person_of(user) if compare_digest(user.session_key, key) else None


def _guard() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    # No view: the address is wrong, and the 404 page answers.
    if view is None or getattr(view, "is_public", False):
        return None
    if not current_user.is_authenticated:
        if wants_json():
            return jsonify(error="signed_out"), 401
        here = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("auth.sign_in", next=None if here == "/" else here))
    if not getattr(view, "is_background", False) and _now() - session[_ACTIVE_AT] >= _TOUCH:
        session[_ACTIVE_AT] = _now()
    return None


def _now() -> int:
    return int(desk().store.clock.now().timestamp())
