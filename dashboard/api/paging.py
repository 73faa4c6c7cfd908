"""Keyset paging: a cursor says where a page ended, and of which list."""

from __future__ import annotations

import hashlib

from dashboard.api.problems import invalid
from dashboard.api.words import Parameters
from dashboard.inbox.queries import Cursor
from dashboard.inbox.queries import cursor as read_cursor

_NOT_OF_THE_LIST = {"cursor", "limit"}


def place(query: Parameters, cursor: str | None) -> Cursor | None:
    """Where the page begins; ``None`` for the first. Refuses a cursor of another list: it would
    leave items out without a word."""
    if cursor is None:
        return None
    of_list, _, rest = cursor.partition(".")
    found = read_cursor(rest) if of_list == _list_of(query) else None
    if found is None:
        raise invalid("This is not a cursor of this list.", parameter="cursor")
    return found


def onward(query: Parameters, end: Cursor | None) -> str | None:
    """The ``next`` of a page that ended at ``end``."""
    return None if end is None else f"{_list_of(query)}.{end}"


def _list_of(query: Parameters) -> str:
    """What tells one list from another: its parameters, all but where and how much to read."""
    told = query.model_dump_json(exclude=_NOT_OF_THE_LIST)
    return hashlib.sha256(f"{type(query).__name__}{told}".encode()).hexdigest()[:12]
