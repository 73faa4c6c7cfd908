"""Rows of being told: who is on duty, what rings, whom it calls, the mail that says so."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.store.base import Base, BigId, text_enum
from shenava.store.cases import Case
from shenava.store.mails import MailRow, mail_checks
from shenava.store.spikes import Spike
from shenava.store.staff import User


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


class Duty(Base):
    """When someone is on duty, and where they stand in the order of escalation.

    ``hours`` are the planned ones of a week, as :func:`shenava.hours.parse_week` reads them.
    ``switched`` is what the person last pressed; it holds until the plan next changes
    (:mod:`responder.duty`). ``place`` is theirs in the order, from 1; null: not in it. Someone
    without a row has no plan, has pressed nothing and is not in the order.
    """

    __tablename__ = "duty"
    __table_args__ = (
        CheckConstraint("(switched IS NULL) = (switched_at IS NULL)", name="pressed"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    hours: Mapped[str] = mapped_column(String(400), default="")
    switched: Mapped[Switch | None] = mapped_column(text_enum(Switch, "switched"))
    switched_at: Mapped[datetime | None]
    place: Mapped[int | None]

    user: Mapped[User] = relationship()


class EndedBecause(StrEnum):
    """What stopped an alarm."""

    ANSWERED = "answered"
    TAKEN = "taken"
    CLOSED = "closed"
    SNOOZED = "snoozed"
    CALMED = "calmed"
    """The case is urgent no longer: a correction, or the writer was blocked. The spike is over."""


class Alarm(Base):
    """A case or a spike that rings, from the first call to its end. A case has at most one that
    has not ended, a spike at most one ever.

    ``step`` counts escalations from 0, ``rung_at`` is the first call and ``last_rung_at`` the
    newest, ``escalate_at`` when the next person is called if nobody does anything (null: nobody
    is left to call). ``opened_at`` and ``opened_by``: who last looked at it since.
    ``assignee_id`` had the case when it first rang. ``message_count``: messages of the case when
    it first rang, and once it has ended, those it had then; 0 for a spike.
    """

    __tablename__ = "alarms"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name="ended"),
        CheckConstraint("ended_at IS NULL OR escalate_at IS NULL", name="escalate_at"),
        CheckConstraint("(opened_at IS NULL) = (opened_by IS NULL)", name="opened"),
        CheckConstraint("step >= 0", name="step"),
        CheckConstraint("(case_id IS NULL) <> (spike_id IS NULL)", name="of_one"),
        Index("uq_alarms_spike", "spike_id", unique=True),
        Index(
            "uq_alarms_ringing",
            "case_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "case_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    spike_id: Mapped[int | None] = mapped_column(ForeignKey("spikes.id"))
    step: Mapped[int] = mapped_column(default=0)
    rung_at: Mapped[datetime]
    last_rung_at: Mapped[datetime]
    escalate_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    message_count: Mapped[int]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[EndedBecause | None] = mapped_column(
        text_enum(EndedBecause, "ended_because")
    )

    case: Mapped[Case | None] = relationship()
    spike: Mapped[Spike | None] = relationship()


class CalledBecause(StrEnum):
    """Why an alarm calls this very person."""

    ON_DUTY = "on_duty"
    NOBODY_ON_DUTY = "nobody_on_duty"
    """An admin, because nobody is on duty."""
    NEXT_IN_ORDER = "next_in_order"
    """Nobody did anything, and this person comes next."""


class AlertMail(MailRow, Base):
    """One e-mail to one person about all their alerts that wait for it."""

    __tablename__ = "alert_mails"
    __table_args__ = (
        *mail_checks(),
        Index(None, "state", "not_before", "id"),
        Index(None, "user_id", "not_before"),
    )


class Alert(Base):
    """One person called about one alarm, once. The browser asks for rows above a number, so they
    are written by one transaction at a time (``Alone.ALERTS``): their numbers follow commits.

    ``mail_id`` is the e-mail that tells it too; null while mail is off.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("alarm_id", "user_id"),
        Index(None, "user_id", "id"),
        # A number that was handed out must never come again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarms.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    step: Mapped[int]
    because: Mapped[CalledBecause] = mapped_column(text_enum(CalledBecause, "because"))
    made_at: Mapped[datetime]
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("alert_mails.id"), index=True)

    alarm: Mapped[Alarm] = relationship()
    user: Mapped[User] = relationship()
    mail: Mapped[AlertMail | None] = relationship()
