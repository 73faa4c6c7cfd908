"""How often one may try to sign in: failures are rows, counted over 15 minutes.

An attempt is written down as failed before the password is looked at, and struck out when it
was right. So the limit holds however many try at the same instant, on both databases.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from shenava.store import SignInFailure, Store

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that may go on: its rows, the subjects it counts for."""

    row_ids: tuple[int, ...]
    email_subject: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Too many failures; the next attempt may come ``until`` then."""

    until: datetime


def begin_attempt(store: Store, email: str, address: str | None, limit: int) -> Attempt | Refused:
    """Count an attempt for ``email`` from network ``address``; ``limit`` failures are let through.

    A refused attempt is not counted: who keeps trying is not locked out for longer.
    """
    now = store.clock.now()
    since = now - WINDOW
    subjects = [_subject("mail", email)]
    if address:
        subjects.append(_subject("net", _network(address)))
    rows = [SignInFailure(subject=subject, failed_at=now) for subject in subjects]
    with store.write() as session:
        session.add_all(rows)
    ids = tuple(row.id for row in rows)
    # In a transaction of its own: it sees those that began at the same time.
    with store.write() as session:
        until: datetime | None = None
        for subject in subjects:
            earlier = session.scalars(
                select(SignInFailure.failed_at)
                .where(
                    SignInFailure.subject == subject,
                    SignInFailure.failed_at > since,
                    SignInFailure.id.not_in(ids),
                )
                .order_by(SignInFailure.failed_at)
            ).all()
            if len(earlier) >= limit:
                opens = earlier[-limit] + WINDOW
                until = max(until, opens) if until else opens
        if until:
            session.execute(delete(SignInFailure).where(SignInFailure.id.in_(ids)))
            return Refused(until)
    return Attempt(ids, subjects[0])


def attempt_was_right(store: Store, attempt: Attempt) -> None:
    """Strike ``attempt`` out, and with it what failed for the same mail address."""
    with store.write() as session:
        session.execute(
            delete(SignInFailure).where(
                SignInFailure.id.in_(attempt.row_ids)
                | (SignInFailure.subject == attempt.email_subject)
            )
        )


def _subject(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def _network(address: str) -> str:
    """Whose address it is: with IPv6 one person has a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False))
