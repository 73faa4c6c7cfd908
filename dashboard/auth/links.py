"""One-time links. Only the hash of a token is kept; using one is a conditional update."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dashboard.audit import Deed, record
from dashboard.context import Desk
from shenava.store import LinkPurpose, OneTimeLink, Role, User, UserState

PATH = "/link/"


def create_link(
    session: Session, purpose: LinkPurpose, user_id: int | None, now: datetime, hours: int
) -> str:
    """Make a link, good for ``hours``, and give its token: the only time it is known.

    Earlier unused links of the same purpose and person stop working.
    """
    withdraw_links(session, user_id, purpose)
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            token_hash=_hash(token),
            purpose=purpose,
            user_id=user_id,
            expires_at=now + timedelta(hours=hours),
        )
    )
    return token


def withdraw_links(
    session: Session, user_id: int | None, purpose: LinkPurpose | None = None
) -> None:
    """Remove the unused links of ``user_id``, of one ``purpose`` or of all."""
    unused = delete(OneTimeLink).where(
        OneTimeLink.user_id == user_id if user_id is not None else OneTimeLink.user_id.is_(None),
        OneTimeLink.used_at.is_(None),
    )
    if purpose is not None:
        unused = unused.where(OneTimeLink.purpose == purpose)
    session.execute(unused)


def find_link(session: Session, token: str, now: datetime) -> OneTimeLink | None:
    """The link of ``token`` while it is good, to show its page. Nothing is used up."""
    return session.scalar(
        select(OneTimeLink).where(
            OneTimeLink.token_hash == _hash(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now,
        )
    )


def claim_link(session: Session, token: str, now: datetime) -> OneTimeLink | None:
    """Use the link of ``token`` up. Exactly one of any number of racing calls gets it."""
    claimed = session.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.token_hash == _hash(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now,
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return None
    return session.get(OneTimeLink, _hash(token))


def has_active_admin(session: Session) -> bool:
    """Whether anyone can run this shop's Shenava."""
    active = select(User.id).where(User.role == Role.ADMIN, User.state == UserState.ACTIVE)
    return session.scalar(active.limit(1)) is not None


def first_admin_link(desk: Desk) -> str | None:
    """The address at which the first admin is made; ``None`` when there is an active admin.

    Each call makes a new link and withdraws the one before. The service prints it at its start:
    who reads that output runs the machine.
    """
    now = desk.store.clock.now()
    with desk.store.write() as session:
        if has_active_admin(session):
            return None
        token = create_link(session, LinkPurpose.FIRST_ADMIN, None, now, desk.settings.invite_hours)
        record(session, Deed.FIRST_ADMIN_LINK_MADE, now, by=None)
    return address_of(desk, token)


def address_of(desk: Desk, token: str) -> str:
    """The whole address of a link."""
    return f"{desk.settings.address}{PATH}{token}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
