"""What each failure of X means, in the kinds that :mod:`shenava.channels.errors` knows.

Nothing that a customer wrote, and no key, gets into an error: of X's own words only those that
come from fixed lists (types of problems, names of parameters) are repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shenava.channels.errors import (
    ChannelError,
    OutcomeUnknown,
    PaymentRequired,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.talk import Purpose, Talk, retry_after
from shenava.channels.wire import Answer

_WINDOW = timedelta(minutes=15)
"""X's usual window: how long to wait when a 429 names no time."""
_AT_LEAST = timedelta(seconds=5)
"""A named time that has passed by our clock: the clocks differ a little."""
_AT_MOST = timedelta(days=31)


def of_answer(answer: Answer, purpose: Purpose, now: datetime) -> ChannelError:
    """What an answer means whose status is not a success."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    status = answer.status
    kind = _kind_of_problem(body)
    if status == 401:
        return Unauthorised("X does not take the keys (or this machine's clock is wrong)")
    if status == 402 or kind in ("usage-capped", "credits-depleted"):
        return PaymentRequired(f"X wants money: {kind or 'payment required'}")
    if status == 429:
        return _rate_limited(answer.headers, now)
    if status == 400:
        return _bad_request(body)
    if status == 403:
        return Rejected(_why_forbidden(body), kind)
    if status in (404, 410):
        return Rejected(RejectedBecause.NOT_FOUND, kind)
    if status == 413:
        return Rejected(RejectedBecause.TOO_LARGE)
    if status >= 500 or status == 408:
        if purpose is Purpose.SEND:
            return OutcomeUnknown(f"X answered {status}: it may have been done", said_failed=True)
        return Unreachable(f"X answered {status}")
    if 400 <= status < 500:
        return Rejected(RejectedBecause.BAD_REQUEST, f"status {status}")
    return Unreachable(f"X answered {status}, which is not its way: something stands between")


def _kind_of_problem(body: Mapping[str, Any]) -> str:
    """The last word of the problem's type (``usage-capped``), or ``""``. X moves the address
    before it from time to time."""
    match = re.search(r"/problems/([a-z-]{1,60})/?$", str(body.get("type", "")))
    return match[1] if match else ""


def _words(body: Mapping[str, Any]) -> str:
    """Everything X says in words, to look for known phrases in; never to be repeated."""
    said = [body.get("detail"), body.get("title"), body.get("error_description")]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            said += [error.get("message"), error.get("detail")]
            if error.get("code") == 187:  # the old interface's number for it
                said.append("duplicate content")
        else:
            said.append(error)
    return " ".join(str(words) for words in said if words).casefold()


def _why_forbidden(body: Mapping[str, Any]) -> RejectedBecause:
    words = _words(body)
    if "duplicate" in words:
        return RejectedBecause.DUPLICATE
    if "deleted or not visible" in words:
        return RejectedBecause.NOT_FOUND
    if "too long" in words:
        return RejectedBecause.TOO_LONG
    return RejectedBecause.NOT_ALLOWED


def _bad_request(body: Mapping[str, Any]) -> Rejected:
    """A 400; ``detail`` names the parameters at fault: ``parameters: since_id``."""
    names: set[str] = set()
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        parameters = error.get("parameters") if isinstance(error, dict) else None
        if isinstance(parameters, dict):
            names.update(n for n in map(str, parameters) if re.fullmatch(r"[a-z_.]{1,40}", n))
    words = _words(body)
    if "too long" in words:
        return Rejected(RejectedBecause.TOO_LONG)
    if "deleted or not visible" in words:
        return Rejected(RejectedBecause.NOT_FOUND)
    detail = f"parameters: {', '.join(sorted(names))}" if names else _kind_of_problem(body)
    return Rejected(RejectedBecause.BAD_REQUEST, detail)


def _rate_limited(headers: Mapping[str, str], now: datetime) -> RateLimited:
    """When to come back. X counts by the quarter of an hour and by the day, and tells the first
    in ``x-rate-limit-reset`` also when it is the second that is used up; then two more headers
    tell of the day. X does not send ``Retry-After``; what stands before it may."""
    times = []
    for whom in ("app", "user"):
        if headers.get(f"x-{whom}-limit-24hour-remaining") == "0":
            times.append(_instant(headers.get(f"x-{whom}-limit-24hour-reset")))
    times.append(_instant(headers.get("x-rate-limit-reset")))
    times.append(retry_after(headers.get("retry-after"), now))
    named = [at for at in times if at is not None and at - now < _AT_MOST]
    if not named:
        return RateLimited(now + _WINDOW, named=False)
    return RateLimited(max(*named, now + _AT_LEAST), named=True)


def _instant(seconds: str | None) -> datetime | None:
    """An aware instant from seconds of Unix time in a header."""
    if seconds is None or not re.fullmatch(r"[0-9]{1,11}", seconds.strip()):
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


TALK = Talk("X", of_answer)
