"""``shenava admin-link``: the way back in for whoever runs the machine."""

from __future__ import annotations

from sqlalchemy import select

from dashboard.audit import Deed, record
from dashboard.auth.links import address_of, create_link, first_admin_link
from dashboard.context import Desk
from service.errors import Halt
from shenava.store import LinkPurpose, User, UserState


def admin_link(desk: Desk, email: str | None) -> str:
    """A new one-time link: for the first admin, or for ``email`` to choose a new password.

    The link before it stops working. Raises :class:`Halt` when there is an admin and ``email``
    is not given, or nobody of that address may sign in.
    """
    if email is None:
        link = first_admin_link(desk)
        if link is None:
            raise Halt(
                "There is an admin already. To let someone choose a new password, name their "
                "mail address: shenava admin-link NAME@SHOP."
            )
        return link
    folded = email.strip().lower()
    now = desk.store.clock.now()
    with desk.store.write() as session:
        user = session.scalar(select(User).where(User.email == folded))
        if user is None:
            raise Halt(f"Nobody here has the mail address {folded}.")
        if user.state is UserState.DISABLED:
            raise Halt(f"{folded} is disabled; an admin has to enable them first.")
        invited = user.state is UserState.INVITED
        purpose = LinkPurpose.INVITE if invited else LinkPurpose.RESET
        deed = Deed.INVITE_LINK_MADE if invited else Deed.RESET_LINK_MADE
        token = create_link(session, purpose, user.id, now, desk.settings.invite_hours)
        record(session, deed, now, by=None, to=user.id)
    return address_of(desk, token)
