"""One page out of many, as the Graph API cuts them: cursors before and after, and a link on.

A cursor here is the place in the list hidden in a word: it stands for the last thing of a page, so
that what is new on top does not shift what follows (Graph API, "Paginated Results": cursors are
opaque, not to be kept; ``next`` is missing on the last page).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from rehearsal.instagram import problems
from rehearsal.records import Json

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Want:
    """What part is wanted: so many, after or before a cursor."""

    limit: int
    after: str = ""
    before: str = ""


def read(given: Mapping[str, str], *, usual: int = 25, most: int = 100) -> Want:
    """Read ``limit``, ``after``, ``before``; too large a limit gives the largest."""
    limit = given.get("limit", str(usual))
    if not limit.isascii() or not limit.isdigit() or int(limit) < 1:
        raise problems.parameter(f"param limit must be an integer of 1 or more, was {limit}")
    return Want(min(int(limit), most), given.get("after", ""), given.get("before", ""))


def cut(
    found: Sequence[_T],
    want: Want,
    key: Callable[[_T], str],
    shape: Callable[[_T], Json],
    link: Callable[[Mapping[str, str]], str],
) -> Json:
    """``{"data": […], "paging": {…}}`` of a list. ``link`` gives the address of another page."""
    keys = [key(one) for one in found]
    begin, end = 0, len(found)
    if want.after:
        begin = _place(keys, want.after) + 1
        end = begin + want.limit
    elif want.before:
        end = _place(keys, want.before)
        begin = max(0, end - want.limit)
    else:
        end = want.limit
    page = found[begin:end]
    body: Json = {"data": [shape(one) for one in page]}
    if page:
        cursors = {"before": _cursor(key(page[0])), "after": _cursor(key(page[-1]))}
        body["paging"] = {"cursors": cursors}
        if end < len(found):
            body["paging"]["next"] = link({"limit": str(want.limit), "after": cursors["after"]})
        if begin > 0:
            before = {"limit": str(want.limit), "before": cursors["before"]}
            body["paging"]["previous"] = link(before)
    return body


def address(base: str, path: str, given: Mapping[str, str], more: Mapping[str, str]) -> str:
    """The address of another page: the same request with other cursors (the token is in it, as
    Meta puts it there)."""
    kept = {name: value for name, value in given.items() if name not in ("after", "before")}
    return f"{base}{path}?{urlencode({**kept, **more})}"


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(f"QVFI{key}".encode()).decode().rstrip("=")


def _place(keys: list[str], cursor: str) -> int:
    try:
        word = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return keys.index(word.removeprefix("QVFI"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise problems.parameter("Invalid parameter: the cursor is not valid (any more)") from None
