"""Error pages: what happened, what was not lost, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from dashboard.api import problems
from dashboard.auth.session import wants_json
from dashboard.i18n import Lazy, lazy
from dashboard.reader import assume_nobody


@dataclass(frozen=True, slots=True)
class Trouble:
    """The three sentences of an error page."""

    happened: Lazy
    kept: Lazy
    todo: Lazy


_NOTHING_CHANGED = lazy("Nothing was changed.")

TROUBLES = {
    400: Trouble(
        lazy("The request could not be understood"),
        _NOTHING_CHANGED,
        lazy("Go back, load the page again and repeat what you did."),
    ),
    403: Trouble(
        lazy("This page is for admins"),
        _NOTHING_CHANGED,
        lazy("Ask an admin of your shop to do it, or to make you one."),
    ),
    404: Trouble(
        lazy("There is nothing at this address"),
        lazy("Messages are never deleted by a wrong address; all of them are in the inbox."),
        lazy("Check the address, or start from the inbox."),
    ),
    405: Trouble(
        lazy("This address does not take what was sent to it"),
        _NOTHING_CHANGED,
        lazy("Start again from the inbox."),
    ),
    413: Trouble(
        lazy("What you sent is too large"),
        _NOTHING_CHANGED,
        lazy("Send less at once, and try again."),
    ),
    429: Trouble(
        lazy("Too many attempts"),
        _NOTHING_CHANGED,
        lazy("Wait a few minutes, then try again."),
    ),
    500: Trouble(
        lazy("Something went wrong on our side"),
        lazy("All messages are safe in the database. Your last action was not carried out."),
        lazy("Try again. If it happens again, tell whoever runs Shenava; the log has the details."),
    ),
}

_CSRF = Trouble(
    lazy("This page was open for too long, or you signed in again meanwhile"),
    lazy("Your last action was not carried out; nothing else was changed."),
    lazy("Go back, load the page again and repeat it."),
)


def install(app: Flask) -> None:
    """Answer every error of ``app`` with a page, or with JSON when a script asks."""
    app.register_error_handler(CSRFError, _refused)
    app.register_error_handler(HTTPException, _answer)


def trouble_page(trouble: Trouble, status: int) -> ResponseReturnValue:
    """The page for ``trouble``, or its first sentence as JSON."""
    if wants_json():
        return jsonify(error=str(trouble.happened), todo=str(trouble.todo)), status
    return render_template("error.html", trouble=trouble, status=status), status


def _refused(error: CSRFError) -> ResponseReturnValue:
    return trouble_page(_CSRF, 400)


def _answer(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error
    if request.path.startswith(problems.PREFIX):
        return problems.http_problem(error).answer()
    if isinstance(error, InternalServerError):
        # It may be the database that failed; the page that says so must not need it.
        assume_nobody()
    fallback = TROUBLES[500 if error.code >= 500 else 400]
    return trouble_page(TROUBLES.get(error.code, fallback), error.code)
