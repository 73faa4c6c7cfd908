"""Connections that are under way, between one page and the next.

They hold keys that are not stored yet, so they live in this process's memory alone: not in a
cookie, not in the database. Each belongs to one browser session and one person, is used once, and
is forgotten after some minutes; whoever comes later begins again, which costs them nothing.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import TypeVar

from flask import session

from dashboard.accounts.connections import Connection

LASTS = timedelta(minutes=15)

_COOKIE = "connecting"


@dataclass(frozen=True, slots=True)
class Asked:
    """A person was sent to X to allow us in. Everything here is secret."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    client_id: str = field(repr=False)
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    app_name: str
    owns_app: bool
    long_posts: bool


@dataclass(frozen=True, slots=True)
class AskedInstagram:
    """The same of Instagram, whose codes need the app's secret."""

    state: str = field(repr=False)
    app_id: str
    app_secret: str = field(repr=False)
    redirect_uri: str
    app_name: str


Stage = Asked | AskedInstagram | Connection
_A = TypeVar("_A", Asked, AskedInstagram)


@dataclass(frozen=True, slots=True)
class _Kept:
    user_id: int
    until: datetime
    stage: Stage = field(repr=False)


class Pending:
    """What is under way, by browser session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def keep(self, user_id: int, stage: Stage, now: datetime) -> None:
        """Keep ``stage`` for this browser, in place of what it had."""
        mark = secrets.token_urlsafe(24)
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if kept.until > now}
            self._kept.pop(session.get(_COOKIE, ""), None)
            self._kept[mark] = _Kept(user_id, now + LASTS, stage)
        session[_COOKIE] = mark

    def asked(self, kind: type[_A], user_id: int, state: str, now: datetime) -> _A | None:
        """The question that ``state`` answers, once: it is forgotten by this. ``None`` when
        this browser has asked nothing, or something else, or another person has."""
        with self._lock:
            kept = self._ours(user_id, now)
            if kept is None or not isinstance(kept.stage, kind):
                return None
            if not compare_digest(kept.stage.state.encode(), state.encode()):
                return None
            del self._kept[session[_COOKIE]]
            return kept.stage

    def tested(self, user_id: int, now: datetime) -> Connection | None:
        """The account that waits for a word of this person; it goes on waiting."""
        with self._lock:
            kept = self._ours(user_id, now)
            return kept.stage if kept and isinstance(kept.stage, Connection) else None

    def take(self, user_id: int, now: datetime) -> Connection | None:
        """The same, once."""
        with self._lock:
            kept = self._ours(user_id, now)
            if kept is None or not isinstance(kept.stage, Connection):
                return None
            del self._kept[session[_COOKIE]]
            return kept.stage

    def _ours(self, user_id: int, now: datetime) -> _Kept | None:
        kept = self._kept.get(session.get(_COOKIE, ""))
        return kept if kept and kept.user_id == user_id and kept.until > now else None
