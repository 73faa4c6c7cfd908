"""Alarms: an urgent case calls those on duty, and the next in order when nobody does anything.

A case rings while it is open, urgent, waits for an answer and was written to within
:data:`RECENT`. One tick, in one transaction, one at a time:

1. **end** what no longer has to ring: somebody answered, took, closed or snoozed the case, or it
   is urgent no more;
2. **ring**: call everyone on duty (nobody on duty: the admins) about a case that rings anew;
3. **join**: call who came on duty while a case rings;
4. **escalate**: where ``escalate_at`` has come, call the next in the order of escalation who was
   not called yet. Whoever opens the case puts that off once; it does not end it.

A spike of complaints rings the same way, once, from when it is seen until it is announced, closed
or over (:mod:`responder.spike_alarms`).

A person is called at most once by one alarm. A case rings **again** only after the quiet time
since its last call, and only for news: the customer wrote since, or who took it gave it back.

A call is a row (:class:`shenava.store.Alert`); open pages ask for theirs, and
:mod:`responder.alert_mail` sends the e-mail it joined.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import Session

from config import Settings
from responder import duty, spike_alarms, spikes
from responder.triage import Priority
from shenava.hours import BusinessHours
from shenava.store import (
    Alarm,
    Alert,
    AlertMail,
    Alone,
    CalledBecause,
    Case,
    CaseState,
    EndedBecause,
    MailState,
    Spike,
    Store,
    changes,
)
from shenava.store.bulk import insert_numbered, insert_rows

RECENT = timedelta(hours=24)
"""A case whose newest message is older does not begin to ring: it came with an import, or after
an outage, and stands on top of the inbox anyway."""

BATCH = 200
"""Cases that begin to ring in one tick at most."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the shop wants to be called. ``mail_domain``: for Message-IDs; ``None``: no mail."""

    escalate_after: timedelta
    quiet: timedelta
    mail_every: timedelta
    mail_domain: str | None


def rules_of(settings: Settings) -> Rules:
    """The rules that ``settings`` describe."""
    domain = settings.mail_from.rpartition("@")[2] if settings.smtp_host else None
    return Rules(
        escalate_after=timedelta(minutes=settings.alert_escalate_minutes),
        quiet=timedelta(minutes=settings.alert_quiet_minutes),
        mail_every=timedelta(minutes=settings.alert_mail_minutes),
        mail_domain=domain,
    )


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did, in alarms; ``called`` counts people called."""

    ended: int = 0
    rung: int = 0
    escalated: int = 0
    called: int = 0


@dataclass(frozen=True, slots=True)
class CaseNow:
    """What alarms ask of a case. Of the columns of its row, by their names."""

    id: int
    state: CaseState
    priority: int
    needs_answer: bool
    assignee_id: int | None
    waiting_since: datetime | None
    answered_at: datetime | None
    message_count: int


@dataclass(frozen=True, slots=True)
class Before:
    """The last alarm of a case, which has ended."""

    last_rung_at: datetime
    message_count: int
    ended_because: EndedBecause


def why_over(now: CaseNow, rung_at: datetime, assignee_id: int | None) -> EndedBecause | None:
    """Why a case that first rang at ``rung_at``, and was ``assignee_id``'s then, need not ring
    any more; ``None`` while it must."""
    if now.state is CaseState.CLOSED:
        return EndedBecause.CLOSED
    if now.answered_at is not None and (now.waiting_since is None or now.answered_at >= rung_at):
        return EndedBecause.ANSWERED
    if now.assignee_id is not None and now.assignee_id != assignee_id:
        return EndedBecause.TAKEN
    if now.state is CaseState.SNOOZED:
        return EndedBecause.SNOOZED
    if now.priority < Priority.URGENT or not now.needs_answer:
        return EndedBecause.CALMED
    return None


def may_ring(now: CaseNow, before: Before | None, quiet: timedelta, at: datetime) -> bool:
    """Whether an urgent case that does not ring should begin to. See the top of this file."""
    if now.message_count == 0:
        # A colleague opened it again; they know of it. The customer has not written yet.
        return False
    if before is None:
        return True
    if at < before.last_rung_at + quiet:
        return False
    given_back = before.ended_because is EndedBecause.TAKEN and now.assignee_id is None
    return now.message_count > before.message_count or given_back


def tick(store: Store, rules: Rules, hours: BusinessHours) -> Tick:
    """One tick; nothing is written when nothing rings or should. Any number of workers may call
    it at once, as often as they like."""
    with store.read() as session:
        at = store.clock.now()
        quiet = not _anything_rings(session) and not _due_to_ring(session, rules, at)
        if quiet and not spike_alarms.due(session, at):
            return Tick()
    with store.write_alone(Alone.ALERTS) as session:
        return _Round(session, rules, hours, store.clock.now()).run()


def opened(session: Session, case_id: int, user_id: int, rules: Rules, now: datetime) -> bool:
    """Someone looks at a case that rings: the next person is called that much later.

    Once for each person between two calls, so that a page left open does not hold the alarm up
    for ever. Returns whether that was news.
    """
    return _opened(session, Alarm.case_id == case_id, user_id, rules, now)


def opened_spike(
    session: Session, spike_id: int, user_id: int, rules: Rules, now: datetime
) -> bool:
    """Someone looks at the page of a spike that rings, or of one that is told with it. As
    :func:`opened`."""
    return _opened(session, _of_spike(session, spike_id), user_id, rules, now)


def _opened(
    session: Session, which: ColumnElement[bool], user_id: int, rules: Rules, now: datetime
) -> bool:
    later = now + rules.escalate_after
    done = session.scalars(
        update(Alarm)
        .where(
            which,
            Alarm.ended_at.is_(None),
            or_(
                Alarm.opened_at.is_(None),
                Alarm.opened_at < Alarm.last_rung_at,
                Alarm.opened_by != user_id,
            ),
        )
        .values(
            opened_at=now,
            opened_by=user_id,
            escalate_at=case((Alarm.escalate_at.is_not(None), later), else_=None),
        )
        .returning(Alarm.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(done)


def rings(session: Session, case_id: int) -> bool:
    """Whether a case rings now."""
    return _anything_rings(session, Alarm.case_id == case_id)


def spike_rings(session: Session, spike_id: int) -> bool:
    """Whether a spike, or one that is told with it, rings now."""
    return _anything_rings(session, _of_spike(session, spike_id))


def _of_spike(session: Session, spike_id: int) -> ColumnElement[bool]:
    return Alarm.spike_id.in_(spikes.alike(session, spike_id))


@dataclass(slots=True)
class _Call:
    """People to call about one alarm."""

    alarm_id: int
    case_id: int | None
    step: int
    because: CalledBecause
    user_ids: Sequence[int]


@dataclass(slots=True)
class _Round:
    """One tick at work in its transaction."""

    session: Session
    rules: Rules
    hours: BusinessHours
    now: datetime
    calls: list[_Call] = field(default_factory=list)

    def run(self) -> Tick:
        ended = self._end()
        people = duty.colleagues(self.session)
        present = duty.on_duty(people, self.hours, self.now)
        admins = [person.user_id for person in people if person.is_admin]
        # What rings already comes before what begins to, which has called everyone there is.
        ringing = self._ringing()
        called = _called(self.session, [alarm.id for alarm in ringing])
        self._join(ringing, called, present)
        escalated = self._escalate(ringing, called, duty.order(people))
        rung = 0
        if present:
            rung = self._ring(present, CalledBecause.ON_DUTY)
        elif admins:
            rung = self._ring(admins, CalledBecause.NOBODY_ON_DUTY)
        return Tick(ended, rung, escalated, self._write_calls())

    def _end(self) -> int:
        """Step 1."""
        ended = 0
        found = self.session.execute(
            select(Alarm, *_CASE_NOW)
            .join(Case, Case.id == Alarm.case_id)
            .where(Alarm.ended_at.is_(None))
            .order_by(Alarm.id)
            .with_for_update(of=Alarm)
        )
        for row in found:
            alarm = row.Alarm
            case_now = _case_now(row)
            because = why_over(case_now, alarm.rung_at, alarm.assignee_id)
            if because is not None:
                alarm.ended_at, alarm.ended_because = self.now, because
                alarm.escalate_at = None
                alarm.message_count = case_now.message_count
                ended += 1
        for alarm, spike in self.session.execute(
            select(Alarm, Spike)
            .join(Spike, Spike.id == Alarm.spike_id)
            .where(Alarm.ended_at.is_(None))
            .order_by(Alarm.id)
            .with_for_update(of=Alarm)
        ):
            because = spike_alarms.why_over(spike)
            if because is not None:
                alarm.ended_at, alarm.ended_because = self.now, because
                alarm.escalate_at = None
                ended += 1
        self.session.flush()
        return ended

    def _ringing(self) -> Sequence[Alarm]:
        return self.session.scalars(
            select(Alarm).where(Alarm.ended_at.is_(None)).order_by(Alarm.id)
        ).all()

    def _join(
        self,
        ringing: Iterable[Alarm],
        called: Mapping[int, set[int]],
        present: Sequence[int],
    ) -> None:
        """Step 3."""
        for alarm in ringing:
            fresh = [user_id for user_id in present if user_id not in called[alarm.id]]
            if fresh:
                self._call(alarm, CalledBecause.ON_DUTY, fresh)
                called[alarm.id].update(fresh)

    def _escalate(
        self,
        ringing: Iterable[Alarm],
        called: Mapping[int, set[int]],
        order: Sequence[int],
    ) -> int:
        """Step 4."""
        escalated = 0
        for alarm in ringing:
            if alarm.escalate_at is None or alarm.escalate_at > self.now:
                continue
            following = next((one for one in order if one not in called[alarm.id]), None)
            if following is None:
                alarm.escalate_at = None
                continue
            alarm.step += 1
            alarm.escalate_at = self.now + self.rules.escalate_after
            self._call(alarm, CalledBecause.NEXT_IN_ORDER, [following])
            escalated += 1
        self.session.flush()
        return escalated

    def _ring(self, people: Sequence[int], because: CalledBecause) -> int:
        """Step 2."""
        due = _due_to_ring(self.session, self.rules, self.now)[:BATCH]
        of: list[dict[str, Any]] = [
            {
                "case_id": found.id,
                "spike_id": None,
                "assignee_id": found.assignee_id,
                "message_count": found.message_count,
            }
            for found in due
        ]
        of += [
            {"case_id": None, "spike_id": one, "assignee_id": None, "message_count": 0}
            for one in spike_alarms.due(self.session, self.now)
        ]
        begun = {
            "step": 0,
            "rung_at": self.now,
            "last_rung_at": self.now,
            "escalate_at": self.now + self.rules.escalate_after,
        }
        numbers = insert_numbered(self.session, Alarm, [one | begun for one in of])
        for number, one in zip(numbers, of, strict=True):
            self.calls.append(_Call(number, one["case_id"], 0, because, people))
        return len(of)

    def _call(self, alarm: Alarm, because: CalledBecause, user_ids: Sequence[int]) -> None:
        alarm.last_rung_at = self.now
        self.calls.append(_Call(alarm.id, alarm.case_id, alarm.step, because, user_ids))

    def _write_calls(self) -> int:
        """Every call as a row; each person's e-mail takes up all of theirs."""
        mails = {
            user_id: _mail_for(self.session, user_id, self.rules, self.now)
            for user_id in sorted({one for call in self.calls for one in call.user_ids})
        }
        values: list[dict[str, Any]] = [
            {
                "alarm_id": call.alarm_id,
                "user_id": user_id,
                "step": call.step,
                "because": call.because,
                "made_at": self.now,
                "mail_id": mails[user_id],
            }
            for call in self.calls
            for user_id in call.user_ids
        ]
        insert_rows(self.session, Alert, values)
        cases = {call.case_id for call in self.calls}
        changes.note(self.session, (one for one in cases if one is not None))
        return len(values)


def _mail_for(session: Session, user_id: int, rules: Rules, now: datetime) -> int | None:
    """The e-mail that further alerts of this person join, made if none waits.

    It is locked: a worker that claims it takes what joined, or it is claimed and we make another.
    """
    if rules.mail_domain is None:
        return None
    mine = select(AlertMail.id).where(AlertMail.user_id == user_id)
    waiting = session.scalar(
        mine.where(AlertMail.state == MailState.QUEUED)
        .order_by(AlertMail.not_before, AlertMail.id)
        .limit(1)
        .with_for_update()
    )
    if waiting is not None:
        return waiting
    last = session.scalar(
        select(func.max(AlertMail.not_before)).where(
            AlertMail.user_id == user_id, AlertMail.state != MailState.CANCELLED
        )
    )
    made = AlertMail(
        user_id=user_id,
        state=MailState.QUEUED,
        message_id=f"<alert.{secrets.token_hex(16)}@{rules.mail_domain}>",
        made_at=now,
        not_before=max(now, last + rules.mail_every) if last else now,
        attempts=0,
    )
    session.add(made)
    session.flush()
    return made.id


# Reading.

_CASE_NOW = (
    Case.id,
    Case.state,
    Case.priority,
    Case.needs_answer,
    Case.assignee_id,
    Case.waiting_since,
    Case.answered_at,
    Case.message_count,
)


def _case_now(row: Any) -> CaseNow:
    return CaseNow(*(getattr(row, column.key) for column in _CASE_NOW))


def _anything_rings(session: Session, *which: ColumnElement[bool]) -> bool:
    ringing = select(Alarm.id).where(Alarm.ended_at.is_(None), *which).limit(1)
    return session.scalar(ringing) is not None


def _due_to_ring(session: Session, rules: Rules, now: datetime) -> list[CaseNow]:
    """The cases that should begin to ring, by number."""
    newest = (
        select(func.max(Alarm.id)).where(Alarm.case_id == Case.id).correlate(Case).scalar_subquery()
    )
    found = session.execute(
        select(
            *_CASE_NOW,
            Alarm.id.label("alarm_id"),
            Alarm.ended_because,
            Alarm.last_rung_at,
            Alarm.message_count.label("counted"),
        )
        .outerjoin(Alarm, Alarm.id == newest)
        .where(
            Case.state == CaseState.OPEN,
            Case.priority == int(Priority.URGENT),
            Case.needs_answer,
            ~Case.historic,
            Case.last_message_at > now - RECENT,
            or_(Alarm.id.is_(None), Alarm.ended_at.is_not(None)),
        )
        .order_by(Case.id)
    )
    return [
        case_now
        for row in found
        if may_ring(case_now := _case_now(row), _before(row), rules.quiet, now)
    ]


def _before(row: Any) -> Before | None:
    if row.alarm_id is None:
        return None
    return Before(row.last_rung_at, row.counted, row.ended_because)


def _called(session: Session, alarm_ids: Sequence[int]) -> dict[int, set[int]]:
    """Whom each alarm has called."""
    called: dict[int, set[int]] = defaultdict(set)
    if alarm_ids:
        # Those that ring now; a list of their numbers could be longer than a statement takes.
        found = session.execute(
            select(Alert.alarm_id, Alert.user_id)
            .join(Alarm, Alarm.id == Alert.alarm_id)
            .where(Alarm.ended_at.is_(None))
        )
        for row in found:
            called[row.alarm_id].add(row.user_id)
    return called
