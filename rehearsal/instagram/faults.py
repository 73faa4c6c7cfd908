"""How Instagram fails on demand; see ``rehearsal.faults``."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum

from rehearsal.faults import Fault, Wire
from rehearsal.instagram import problems
from rehearsal.records import Json
from rehearsal.wire import Headers


class Kind(StrEnum):
    """The ways to fail: Meta's refusals, which come before anything is carried out, and the ways
    of any network."""

    TOKEN = "token"  # noqa: S105 - not a secret
    """190: a token that cannot be read."""
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    """190, 463."""
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    """190, 460."""
    APP_REMOVED = "app_removed"
    """190, 458: the shop has taken the app's access away."""
    PERMISSION = "permission"
    """10: a permission is missing."""
    WINDOW = "window"
    """10, 2534022: the window of the customer is closed."""
    NOBODY = "nobody"
    """100, 2534014: not there, or has blocked the account."""
    GONE = "gone"
    """100, 33: not there, or not to be seen."""
    RATE_APP = "rate_app"
    """4."""
    RATE_USER = "rate_user"
    """17."""
    RATE_CALLS = "rate_calls"
    """613."""
    RATE_ACCOUNT = "rate_account"
    """80002; the header says that it is over in ``seconds``, rounded up to minutes."""
    BLOCKED = "blocked"
    """368: held back for what looked like abuse."""
    ERROR_1 = "error_1"
    """500 with code 1."""
    ERROR_2 = "error_2"
    """500 with code 2: to be tried again."""
    HTML_502 = "html_502"
    """A page for people in place of JSON, from a machine in front."""
    WEB_TOO_MANY = "web_too_many"
    """Of the public pages: 429."""
    WEB_WAIT = "web_wait"
    """Of the public pages: 401, "Please wait a few minutes before you try again."."""
    WEB_CHECKPOINT = "web_checkpoint"
    """Of the public pages: 400, the account has to show who it is."""
    WEB_LOGIN = "web_login"
    """Of the public pages: sent on to the login page."""
    WEB_CHANGED = "web_changed"
    """Of the public pages: all is well, and nothing is where it was."""
    RESET_BEFORE = Wire.RESET_BEFORE
    SILENCE_BEFORE = Wire.SILENCE_BEFORE
    RESET_AFTER = Wire.RESET_AFTER
    SILENCE_AFTER = Wire.SILENCE_AFTER
    CUT_BODY = Wire.CUT_BODY
    BAD_JSON = Wire.BAD_JSON
    LOST_500 = Wire.LOST_500
    SLOW = Wire.SLOW


_REFUSALS: dict[str, Callable[[], problems.Problem]] = {
    Kind.TOKEN: problems.bad_token,
    Kind.TOKEN_EXPIRED: lambda: problems.expired("some day", "now"),
    Kind.PASSWORD_CHANGED: problems.password_changed,
    Kind.APP_REMOVED: problems.app_removed,
    Kind.PERMISSION: lambda: problems.no_permission("instagram_business_manage_messages"),
    Kind.WINDOW: problems.window_closed,
    Kind.NOBODY: problems.nobody,
    Kind.GONE: lambda: problems.not_found("1"),
    Kind.RATE_APP: lambda: problems.too_many(4),
    Kind.RATE_USER: lambda: problems.too_many(17),
    Kind.RATE_CALLS: lambda: problems.too_many(613),
    Kind.RATE_ACCOUNT: lambda: problems.too_many(80002),
    Kind.BLOCKED: problems.blocked,
    Kind.ERROR_1: problems.unknown_trouble,
    Kind.ERROR_2: problems.trouble,
}

_WEB: dict[Kind, tuple[int, Headers, Json]] = {
    Kind.WEB_TOO_MANY: (429, [], {"message": "Too many requests", "status": "fail"}),
    Kind.WEB_WAIT: (
        401,
        [],
        {
            "message": "Please wait a few minutes before you try again.",
            "require_login": True,
            "igweb_rollout": True,
            "status": "fail",
        },
    ),
    Kind.WEB_CHECKPOINT: (
        400,
        [],
        {
            "message": "checkpoint_required",
            "checkpoint_url": "https://www.instagram.com/challenge/",
            "lock": False,
            "status": "fail",
        },
    ),
    Kind.WEB_LOGIN: (302, [("Location", "https://www.instagram.com/accounts/login/")], {}),
    Kind.WEB_CHANGED: (200, [], {"status": "ok", "data": {}}),
}
"""As instaloader 4.16 expects them (``_raise_for_status``, ``_raise_if_login_redirect``) and its
issue threads of 2025 and 2026 show them."""

_HTML = b"""<!DOCTYPE html><html lang="en" id="facebook"><head><title>Error</title></head>
<body><h1>Sorry, something went wrong.</h1></body></html>"""


def refusal(fault: Fault | None, account: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an ordered refusal; ``None``: of a 500. ``account``: the one
    whose use the headers tell."""
    if fault is not None and fault.kind == Kind.HTML_502:
        return 502, [("Content-Type", "text/html; charset=utf-8")], _HTML
    if fault is not None and fault.kind in _WEB:
        status, more, body = _WEB[Kind(fault.kind)]
        return status, [("Content-Type", "application/json"), *more], json.dumps(body).encode()
    problem = problems.unknown_trouble() if fault is None else _REFUSALS[fault.kind]()
    headers: Headers = [("Content-Type", "application/json; charset=UTF-8")]
    if fault is not None and fault.kind == Kind.RATE_APP:
        used = {"call_count": 100, "total_cputime": 25, "total_time": 25}
        headers.append(("X-App-Usage", json.dumps(used)))
    if fault is not None and fault.kind == Kind.RATE_ACCOUNT:
        minutes = -int(-fault.seconds // 60)
        shares = {"call_count": 100, "total_cputime": 25, "total_time": 25}
        case = {"type": "instagram", **shares, "estimated_time_to_regain_access": minutes}
        headers.append(("X-Business-Use-Case-Usage", json.dumps({account: [case]})))
    return problem.status, headers, json.dumps(problem.body("AOrdered")).encode()
