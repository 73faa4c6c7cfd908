"""What admins do to the accounts of staff. Each function works within a writing session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dashboard.audit import Deed, record
from dashboard.auth.links import create_link, withdraw_links
from dashboard.auth.session import new_session_key
from dashboard.i18n import Lazy, lazy
from shenava.store import LinkPurpose, Role, User, UserState


class Refusal(Exception):
    """It cannot be done; ``reason`` says why and what to do, in words."""

    def __init__(self, reason: Lazy) -> None:
        super().__init__(reason.message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class HandOver:
    """A link to hand over to someone: its token is known only now."""

    user: User
    purpose: LinkPurpose
    token: str


def invite(
    session: Session, by: int, *, name: str, email: str, role: Role, now: datetime, hours: int
) -> HandOver:
    """Make an invited user and their link. Raises ``Refusal`` when the address is taken."""
    user = User(
        email=email,
        name=name,
        role=role,
        state=UserState.INVITED,
        session_key=new_session_key(),
        created_at=now,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError:
        # The column is unique; asking before would miss an invitation made at this instant.
        raise Refusal(
            lazy("Someone with this e-mail is on the list already. Make them a new link there.")
        ) from None
    token = create_link(session, LinkPurpose.INVITE, user.id, now, hours)
    record(session, Deed.INVITED, now, by=by, to=user.id, role=role.value)
    return HandOver(user, LinkPurpose.INVITE, token)


def new_link(session: Session, by: int, user_id: int, now: datetime, hours: int) -> HandOver:
    """A fresh link: to join for who is invited, to choose a new password for who is active.

    Raises ``Refusal`` for a disabled person.
    """
    user = _user(session, user_id)
    if user.state is UserState.DISABLED:
        raise Refusal(lazy("This person is disabled. Enable them first."))
    invited = user.state is UserState.INVITED
    purpose = LinkPurpose.INVITE if invited else LinkPurpose.RESET
    token = create_link(session, purpose, user.id, now, hours)
    deed = Deed.INVITE_LINK_MADE if invited else Deed.RESET_LINK_MADE
    record(session, deed, now, by=by, to=user.id)
    return HandOver(user, purpose, token)


def disable(session: Session, by: int, user_id: int, now: datetime) -> User:
    """Lock someone out, at once and everywhere. Raises ``Refusal`` for the last active admin."""
    user = _user(session, user_id)
    _keep_an_admin(session, user)
    if user.state is not UserState.DISABLED:
        user.state = UserState.DISABLED
        user.session_key = new_session_key()
        withdraw_links(session, user.id)
        record(session, Deed.DISABLED, now, by=by, to=user.id)
    return user


def enable(session: Session, by: int, user_id: int, now: datetime) -> User:
    """Let someone in again, with the password they had; without one they are invited again."""
    user = _user(session, user_id)
    if user.state is UserState.DISABLED:
        user.state = UserState.ACTIVE if user.password_hash else UserState.INVITED
        record(session, Deed.ENABLED, now, by=by, to=user.id)
    return user


def change_role(session: Session, by: int, user_id: int, role: Role, now: datetime) -> User:
    """Make someone an admin or an agent. Raises ``Refusal`` for the last active admin."""
    user = _user(session, user_id)
    if user.role is not role:
        if role is not Role.ADMIN:
            _keep_an_admin(session, user)
        else:
            # Somebody must be there who may approve.
            user.approval_since = None
        user.role = role
        record(session, Deed.ROLE_CHANGED, now, by=by, to=user.id, role=role.value)
    return user


def ask_approval(session: Session, by: int, user_id: int, asked: bool, now: datetime) -> User:
    """Let what an agent answers wait until somebody else approves it, or leave at once. Raises
    ``Refusal`` for an admin."""
    user = _user(session, user_id)
    if asked and user.role is Role.ADMIN:
        raise Refusal(lazy("What admins answer leaves at once. Make this person an agent first."))
    if asked is (user.approval_since is None):
        user.approval_since = now if asked else None
        deed = Deed.APPROVAL_ASKED if asked else Deed.APPROVAL_WAIVED
        record(session, deed, now, by=by, to=user.id)
    return user


def _user(session: Session, user_id: int) -> User:
    """The person to change, locked. Admins are locked before, all of them and in one order: two
    who demote each other at once do so one after the other, and never wait for one another.
    (On SQLite every writing session is alone anyway.)"""
    _active_admins(session)
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise Refusal(lazy("There is no such person on the list."))
    return user


def _keep_an_admin(session: Session, user: User) -> None:
    if _active_admins(session) == [user.id]:
        raise Refusal(lazy("This is the last active admin. Make someone else an admin first."))


def _active_admins(session: Session) -> list[int]:
    return list(
        session.scalars(
            select(User.id)
            .where(User.role == Role.ADMIN, User.state == UserState.ACTIVE)
            .order_by(User.id)
            .with_for_update()
        )
    )
