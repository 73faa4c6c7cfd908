"""What each failure of the Graph API means, in the kinds that :mod:`shenava.channels.errors` knows.

A failure is ``{"error": {"message", "type", "code", "error_subcode", "fbtrace_id"}}``. Its words
may quote what was sent, so only its numbers are repeated.

Sources: developers.facebook.com, "Handle Errors" (Graph API), "Error Codes" (Instagram Platform,
updated 2026-06-02), "Common Error Codes" (Messenger Platform, updated 2026-03-18), all read
2026-11-22. Subcodes 2534014 and 2534025 are told by developers only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shenava.channels.errors import (
    ChannelError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.talk import Purpose, Talk, retry_after
from shenava.channels.wire import Answer

_HOUR = timedelta(hours=1)
"""Meta counts by rolling hours and days: how long to wait when nothing says when."""
_MINUTE = timedelta(minutes=1)
_AT_LEAST = timedelta(seconds=5)
_NOT_READY = timedelta(seconds=30)

_TOKEN = frozenset({102, 104, 190})
_TOKEN_BECAUSE = {
    458: "its owner has removed the app",
    459: "its owner must sign in on Instagram first",
    460: "its owner has changed the password",
    463: "it has ended",
    464: "its owner must confirm the account on Instagram first",
    467: "it was made invalid",
}
_RATES = frozenset({4, 17, 32, 613, 80001, 80002, 80004, 80006})
_PASSING = frozenset({-2, -1, 1, 2})
_BLOCKED = 368
_NOT_READY_CODE = 9007

_BY_SUBCODE: Mapping[int, RejectedBecause] = {
    33: RejectedBecause.NOT_FOUND,
    2534022: RejectedBecause.NOT_ALLOWED,  # outside of the window
    2018278: RejectedBecause.NOT_ALLOWED,  # the same, in older words
    2018108: RejectedBecause.NOT_ALLOWED,  # this person cannot receive
    1545041: RejectedBecause.NOT_ALLOWED,  # this person is not available
    2534001: RejectedBecause.NOT_ALLOWED,  # the conversation was put away
    2534014: RejectedBecause.NOT_ALLOWED,  # not there, or has blocked us
    2534041: RejectedBecause.NOT_ALLOWED,  # the account's owner switched messages off for apps
    2534025: RejectedBecause.DUPLICATE,  # the comment has had its one private reply
    2207004: RejectedBecause.TOO_LARGE,
    2207005: RejectedBecause.NOT_A_PICTURE,
    2207009: RejectedBecause.NOT_A_PICTURE,  # its sides are of no shape that Instagram takes
    2207010: RejectedBecause.TOO_LONG,
    2018109: RejectedBecause.TOO_LARGE,
}
_BY_CODE: Mapping[int, RejectedBecause] = {
    3: RejectedBecause.NOT_ALLOWED,
    10: RejectedBecause.NOT_ALLOWED,
    24: RejectedBecause.NOT_FOUND,
    551: RejectedBecause.NOT_ALLOWED,
    803: RejectedBecause.NOT_FOUND,
    36000: RejectedBecause.TOO_LARGE,
    36001: RejectedBecause.NOT_A_PICTURE,
    36003: RejectedBecause.NOT_A_PICTURE,
    36004: RejectedBecause.TOO_LONG,
}
_PUBLISHING_USED_UP = 2207042
_WINDOW = frozenset({2534022, 2018278})
WINDOW_CLOSED = "window"
"""In ``Rejected.detail``: Instagram says that the window of this customer is closed."""


@dataclass(frozen=True, slots=True)
class Error:
    """The numbers of a failure; 0 where none is told."""

    code: int = 0
    subcode: int = 0
    transient: bool = False
    long: bool = False

    def __str__(self) -> str:
        return f"code {self.code}.{self.subcode}" if self.subcode else f"code {self.code}"


def error_in(body: Mapping[str, Any]) -> Error | None:
    """The failure that a body tells of, if it does."""
    told = body.get("error")
    if isinstance(told, str) or "error_message" in body:
        # The token endpoint's own way: {"error_type", "code", "error_message"}.
        return Error(_number(body.get("code")))
    if not isinstance(told, Mapping):
        return None
    words = str(told.get("message", "")).casefold()
    return Error(
        _number(told.get("code")),
        _number(told.get("error_subcode")),
        told.get("is_transient") is True,
        "length of param" in words or "too long" in words,
    )


def of_answer(answer: Answer, purpose: Purpose, now: datetime) -> ChannelError:
    """What an answer means whose status is not a success."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    error = error_in(body) or Error()
    return of_error(error, answer.status, answer.headers, purpose, now)


def of_error(
    error: Error, status: int, headers: Mapping[str, str], purpose: Purpose, now: datetime
) -> ChannelError:
    """What a failure with these numbers means."""
    if error.code in _TOKEN or (status == 401 and not error.code):
        why = _TOKEN_BECAUSE.get(error.subcode, "it is not taken any more")
        return Unauthorised(f"Instagram does not take the token: {why}")
    if error.code in _RATES or status == 429 or error.subcode == _PUBLISHING_USED_UP:
        return _rate_limited(error, headers, now)
    if error.code == _BLOCKED:
        if purpose is Purpose.READ:
            return RateLimited(now + _HOUR, named=False)
        return Rejected(RejectedBecause.NOT_ALLOWED, "held back as abuse (code 368)")
    if error.code == _NOT_READY_CODE:
        return RateLimited(now + _NOT_READY, named=False)
    because = _BY_SUBCODE.get(error.subcode) or _BY_CODE.get(error.code)
    if because is None and 200 <= error.code <= 299:
        because = RejectedBecause.NOT_ALLOWED
    if because is None and error.long:
        because = RejectedBecause.TOO_LONG
    if because is not None:
        detail = WINDOW_CLOSED if error.subcode in _WINDOW else str(error)
        return Rejected(because, detail)
    if status >= 500 or status == 408 or error.code in _PASSING or error.transient:
        if purpose is Purpose.SEND:
            # It also answers so after it has sent: "Common Error Codes", 1.1357046.
            told = f"Instagram answered {status} ({error}): it may have been done"
            return OutcomeUnknown(told, said_failed=True)
        return Unreachable(f"Instagram answered {status} ({error})")
    if status in (404, 410):
        return Rejected(RejectedBecause.NOT_FOUND, str(error))
    if status == 413:
        return Rejected(RejectedBecause.TOO_LARGE)
    if 400 <= status < 500 or error.code:
        return Rejected(RejectedBecause.BAD_REQUEST, f"status {status}, {error}")
    return Unreachable(f"Instagram answered {status}, which is not its way")


TALK = Talk("Instagram", of_answer, refusals=(401, 429))


def usage_of(headers: Mapping[str, str]) -> int:
    """How much of what Meta allows is used up, in percent; 0 where it does not say."""
    told = [
        _number(one.get(name))
        for one in _told(headers)
        for name in ("call_count", "total_cputime", "total_time")
    ]
    return max(told, default=0)


def _rate_limited(error: Error, headers: Mapping[str, str], now: datetime) -> RateLimited:
    """When to come back: by the header, whose unit is minutes, else an estimate."""
    minutes = max(
        (_number(o.get("estimated_time_to_regain_access")) for o in _told(headers)), default=0
    )
    at = retry_after(headers.get("retry-after"), now)
    if 0 < minutes <= 60 * 24:
        named = now + timedelta(minutes=minutes)
        return RateLimited(max(named, at or named), named=True)
    if at is not None and at < now + timedelta(days=2):
        return RateLimited(max(at, now + _AT_LEAST), named=True)
    # 613 counts by the second or the hour; the others by the hour and the day.
    return RateLimited(now + (_MINUTE if error.code == 613 else _HOUR), named=False)


def _told(headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """What the two headers of usage tell: ``{"ID": [{…}]}`` and ``{…}``."""
    found: list[Mapping[str, Any]] = []
    for name in ("x-business-use-case-usage", "x-app-usage"):
        try:
            told = json.loads(headers.get(name) or "{}")
        except ValueError:
            continue
        if not isinstance(told, Mapping):
            continue
        lists = [value for value in told.values() if isinstance(value, list)]
        found += [one for each in lists for one in each if isinstance(one, Mapping)]
        if not lists:
            found.append(told)
    return found


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
