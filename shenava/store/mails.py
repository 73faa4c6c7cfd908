"""What every e-mail of ours is as a row, whatever it tells: its states, and one Message-ID."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Constraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from shenava.store.base import BigId, text_enum
from shenava.store.staff import User


class MailState(StrEnum):
    """``queued → claimed → sending``, and then one of the ends."""

    QUEUED = "queued"
    """Waits for ``not_before`` and a worker; where it says so, more of the person joins it."""
    CLAIMED = "claimed"
    """A worker makes the connection. Nothing has left."""
    SENDING = "sending"
    """The mail may have left."""
    SENT = "sent"
    """The mail server has taken it over."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """May or may not have arrived; not sent again."""
    CANCELLED = "cancelled"
    """Nothing it would have told was still so."""


class MailRow:
    """One e-mail to one person.

    ``message_id`` is the Message-ID, chosen when the row is made; every attempt carries the same.
    ``reason`` is a code of what last went wrong. ``attempt`` is made anew by each claim: who
    holds another one has lost the row.
    """

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[MailState] = mapped_column(text_enum(MailState, "state"))
    message_id: Mapped[str] = mapped_column(String(250))
    made_at: Mapped[datetime]
    not_before: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    attempt: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    sending_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(60))

    @declared_attr
    @classmethod
    def user(cls) -> Mapped[User]:
        return relationship(User)


def mail_checks() -> tuple[Constraint, ...]:
    """What holds for every such table; made anew for each."""
    return (
        UniqueConstraint("message_id"),
        CheckConstraint(
            "(state IN ('claimed', 'sending')) = (claimed_until IS NOT NULL)", name="claimed"
        ),
        CheckConstraint(
            "state NOT IN ('sending', 'sent', 'unknown') OR sending_at IS NOT NULL", name="left"
        ),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("state NOT IN ('failed', 'unknown') OR reason IS NOT NULL", name="reason"),
        CheckConstraint("attempts >= 0", name="attempts"),
    )
