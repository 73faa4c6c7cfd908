"""Tokens of the API: making, listing, revoking; and who a token is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dashboard.audit import Deed, record
from shenava.store import ApiToken, Scope, Store, User, UserState

PREFIX = "shv_"
"""What every token begins with, so that scanners of repositories find one that leaked."""

_USED_EVERY = timedelta(minutes=1)


class Dead(StrEnum):
    """Why a token does not work. The value is the sentence in English."""

    UNKNOWN = "There is no such token."
    REVOKED = "The token was revoked."
    EXPIRED = "The token has expired."
    MAKER_GONE = "The person who made the token does not work here any more."


@dataclass(frozen=True, slots=True)
class Caller:
    """A token that works: what it may do, and in whose name (``maker``, a user's number)."""

    token_id: int
    maker: int
    scopes: frozenset[Scope]

    @property
    def principal(self) -> str:
        """How the outbox and the audit trail name it."""
        return f"token:{self.token_id}"


def make_token(
    session: Session,
    by: int,
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    days: int | None = None,
) -> tuple[ApiToken, str]:
    """Make a token, good for ``days`` (``None``: until it is revoked).

    Gives its row and the token itself: the only time that it is known.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    wanted = set(scopes)
    row = ApiToken(
        name=name,
        token_hash=_hash(token),
        scopes=[scope.value for scope in Scope if scope in wanted],
        created_by=by,
        created_at=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    session.add(row)
    session.flush()
    record(session, Deed.API_TOKEN_MADE, now, by=by, token=str(row.id))
    return row, token


def revoke_token(session: Session, by: int, token_id: int, now: datetime) -> bool:
    """Let a token work no more, from this commit on. False when it does not work already."""
    revoked = session.scalar(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiToken.id)
        .execution_options(synchronize_session=False)
    )
    if revoked is None:
        return False
    record(session, Deed.API_TOKEN_REVOKED, now, by=by, token=str(token_id))
    return True


def look_up(store: Store, token: str) -> Caller | Dead:
    """Who asks with ``token``; read from the database each time, so that a token that was revoked
    is refused at once. Notes that it was used, at most once a minute."""
    now = store.clock.now()
    with store.read() as session:
        found = session.execute(
            select(ApiToken, User.state)
            .join(User, User.id == ApiToken.created_by)
            .where(ApiToken.token_hash == _hash(token))
        ).one_or_none()
    if found is None:
        return Dead.UNKNOWN
    row = found.ApiToken
    if row.revoked_at is not None:
        return Dead.REVOKED
    if row.expires_at is not None and row.expires_at <= now:
        return Dead.EXPIRED
    if found.state is not UserState.ACTIVE:
        return Dead.MAKER_GONE
    if row.last_used_at is None or row.last_used_at <= now - _USED_EVERY:
        _note_use(store, row.id, now)
    # A scope of a newer version, after going back to this one, is none here.
    known = {scope.value for scope in Scope}
    scopes = frozenset(Scope(scope) for scope in row.scopes if scope in known)
    return Caller(row.id, row.created_by, scopes)


def _note_use(store: Store, token_id: int, now: datetime) -> None:
    with store.write() as session:
        session.execute(
            update(ApiToken)
            .where(ApiToken.id == token_id)
            .values(last_used_at=now)
            .execution_options(synchronize_session=False)
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
