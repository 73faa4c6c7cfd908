"""Spikes of complaints in the database: what is usual, what is on, and which cases are part of it.

:class:`Watch` is what the schedule calls. A look reads the judged messages of the last hours (by
the facts' index), asks :mod:`sentiment.spikes`, and writes only where something changed. What a
person corrected counts as corrected; what was taken back or erased counts no more, from the next
look on. What is usual is kept folded by hour of the week (:class:`shenava.store.UsualHour`), so
that no look reads history again; how common words are is counted from the newest complaints, in
memory and once an hour, for no word of one person is kept anywhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from responder.effective import held_verdicts
from responder.record import Deed, audit
from sentiment.spikes import (
    HOUR,
    NAMES,
    Found,
    Hours,
    Rules,
    Running,
    Step,
    Usual,
    hour_of_week,
    look,
)
from sentiment.topics import Complaint, Words, examples, has_cause, leading_words, words_of
from shenava.messages import Intent
from shenava.store import (
    Alarm,
    Alone,
    Broadcast,
    Case,
    CaseState,
    Fact,
    FactKind,
    Identity,
    Message,
    Spike,
    SpikeCase,
    SpikeClosed,
    Stage,
    Store,
    UsualHour,
)
from shenava.store.bulk import insert_rows

REACH = timedelta(hours=24)
"""How far back a look gathers the cases of a spike; those from before stay part of it. An hour
with a spike in it counts for nothing usual, until the spike is this old: then it is the usual."""

HISTORY = timedelta(weeks=8)
"""So far back goes what is usual when it is first counted."""

FOLD_AT_ONCE = 48
"""Hours that one turn folds."""

WORDS_FROM = 3_000
"""Complaints that tell how common words are."""

KEEP = timedelta(days=90)
"""How long a spike that ended is told of."""

MOSTLY = 0.75
"""A spike with this part of its cases in another's is shown with that one."""


@dataclass(frozen=True, slots=True)
class CaseComplaint:
    """A complaint with the case it stands in."""

    complaint: Complaint
    case_id: int


def complaints_between(
    session: Session, begin: datetime, end: datetime, *, historic: bool = False
) -> list[CaseComplaint]:
    """What is held to be a complaint, or urgent, and was written after ``begin``, up to ``end``, by
    time. ``historic``: what came from before the shop listened, too."""
    judged = select(Fact.message_id).where(
        Fact.kind == FactKind.MESSAGE_JUDGED, Fact.happened_at > begin, Fact.happened_at <= end
    )
    wanted: list[ColumnElement[bool]] = [
        Message.id.in_(judged),
        Message.removed_at.is_(None),
        Message.written_at > begin,
        Message.written_at <= end,
    ]
    if not historic:
        wanted.append(Message.historic.is_(False))
    rows = session.execute(
        select(
            Message.id,
            Message.case_id,
            Message.identity_id,
            Identity.customer_id,
            Message.written_at,
            Message.text,
        )
        .join(Identity, Identity.id == Message.identity_id)
        .where(*wanted)
        .order_by(Message.written_at, Message.id)
    ).all()
    held = held_verdicts(session, [row.id for row in rows])
    return [
        CaseComplaint(_complaint(row, held[row.id].intents), row.case_id)
        for row in rows
        if row.id in held and (held[row.id].complaint or held[row.id].urgent)
    ]


def _complaint(row: Any, intents: Iterable[Intent]) -> Complaint:
    # One customer is one person, however many identities they have.
    person = -row.customer_id if row.customer_id is not None else row.identity_id
    return Complaint(row.id, person, row.written_at, frozenset(intents), words_of(row.text))


@dataclass(slots=True)
class Watch:
    """What looks for spikes. Any number of processes may: one writes at a time, and a cause has
    one spike that is on. ``zone`` is the shop's."""

    store: Store
    zone: ZoneInfo
    rules: Rules = field(default_factory=Rules)
    _words: Words = field(default_factory=Words)
    _words_at: datetime | None = None

    def tick(self) -> Step:
        """Fold the hours that are over, then look once."""
        self._fold()
        now = self.store.clock.now()
        with self.store.read() as session:
            self._learn_words(session, now)
            usual = self._usual(session)
            running = _running(session)
            begin = min([now - self.rules.longest, *(one.began_at for one in running)])
            found = complaints_between(
                session, max(begin, now - REACH) - timedelta(microseconds=1), now
            )
        step = look(
            [Running(one.cause, one.began_at, one.loud_at) for one in running],
            [one.complaint for one in found],
            usual,
            now.astimezone(self.zone),
            self.rules,
        )
        if running or step.begun:
            with self.store.write_alone(Alone.SPIKES) as session:
                self._write(session, step, found, now)
        return step

    def _write(
        self, session: Session, step: Step, found: Sequence[CaseComplaint], now: datetime
    ) -> None:
        running = _running(session)
        known = {one.cause for one in running}
        for one in step.begun:
            if one.cause not in known:
                running.append(_add(session, one, now))
        session.flush()
        for spike in running:
            if spike.cause in step.loud:
                spike.loud_at = now
            if spike.cause in step.ended:
                spike.ended_at = now
            also = sorted({*spike.also, *step.parts.get(spike.cause, ())})
            if also != spike.also:
                spike.also = also
            self._gather(session, spike, found, now)
            if spike.closed_at is None and _is_resolved(session, spike):
                spike.closed_at, spike.closed_because = now, SpikeClosed.RESOLVED

    def _gather(
        self, session: Session, spike: Spike, found: Sequence[CaseComplaint], now: datetime
    ) -> None:
        """Let the cases of a spike be those of its complaints now, as far back as we look."""
        mine = [
            one
            for one in found
            if one.complaint.at >= spike.began_at
            and any(has_cause(one.complaint, cause) for cause in (spike.cause, *spike.also))
        ]
        complaints = [one.complaint for one in mine]
        said = list(leading_words(complaints, self._words))
        shown = list(examples(complaints, self._words))
        if (said, shown) != (spike.words, spike.examples) and shown:
            spike.words, spike.examples = said, shown
        theirs = {one.case_id for one in mine}
        before = set(
            session.scalars(select(SpikeCase.case_id).where(SpikeCase.spike_id == spike.id))
        )
        gone = before - theirs
        if spike.began_at < now - REACH and gone:
            # What is older than this look goes back stays.
            gone &= set(
                session.scalars(
                    select(Case.id).where(Case.id.in_(gone), Case.opened_at >= now - REACH)
                )
            )
        if gone:
            session.execute(
                delete(SpikeCase).where(SpikeCase.spike_id == spike.id, SpikeCase.case_id.in_(gone))
            )
        insert_rows(
            session,
            SpikeCase,
            [{"spike_id": spike.id, "case_id": one} for one in sorted(theirs - before)],
        )

    # What is usual.

    def _usual(self, session: Session) -> Usual:
        usual = Usual(words=self._words)
        for row in session.scalars(select(UsualHour)):
            kept = usual.hours.setdefault(row.cause, Hours())
            kept.seen[row.hour], kept.people[row.hour] = row.seen, row.people
        return usual

    def _learn_words(self, session: Session, now: datetime) -> None:
        if self._words_at is not None and now - self._words_at < HOUR:
            return
        first = session.scalar(select(func.min(Spike.began_at)).where(Spike.ended_at.is_(None)))
        end = min(now - self.rules.longest, first or now)
        newest = session.scalars(
            select(Fact.happened_at)
            .where(Fact.kind == FactKind.MESSAGE_JUDGED, Fact.happened_at <= end)
            .order_by(Fact.happened_at.desc())
            .offset(2 * WORDS_FROM)
            .limit(1)
        ).first()
        words = Words()
        begin = max(now - HISTORY, newest or now - HISTORY)
        words.learn(one.complaint for one in complaints_between(session, begin, end, historic=True))
        self._words, self._words_at = words, now

    def _fold(self) -> None:
        """Count the hours that are over, each once, the oldest first."""
        now = self.store.clock.now()
        last = _whole_hour(now)
        with self.store.read() as session:
            begin = _folded_upto(session, now)
            if begin is None or begin >= last:
                return
            end = min(last, begin + FOLD_AT_ONCE * HOUR)
            found = complaints_between(
                session,
                begin - timedelta(microseconds=1),
                end - timedelta(microseconds=1),
                historic=True,
            )
            spikes = [
                (one.began_at, min(one.ended_at or now, one.began_at + REACH))
                for one in session.scalars(
                    select(Spike).where(or_(Spike.ended_at.is_(None), Spike.ended_at > begin))
                )
            ]
        complaints = [one.complaint for one in found]
        with self.store.write_alone(Alone.SPIKES) as session:
            if _folded_upto(session, now) != begin:
                return  # Another did.
            rows = {(row.cause, row.hour): row for row in session.scalars(select(UsualHour))}
            at = begin
            while at < end:
                there = [one for one in complaints if at <= one.at < at + HOUR]
                unusual = any(one < at + HOUR and at < other for one, other in spikes)
                self._fold_hour(session, rows, there, at, unusual=unusual)
                at += HOUR

    def _fold_hour(
        self,
        session: Session,
        rows: dict[tuple[str, int], UsualHour],
        complaints: Sequence[Complaint],
        at: datetime,
        *,
        unusual: bool,
    ) -> None:
        hour = hour_of_week(at.astimezone(self.zone))
        for name in NAMES:
            row = rows.get((name, hour))
            if row is None:
                row = UsualHour(cause=name, hour=hour, seen=0.0, people=0.0, upto=at)
                rows[name, hour] = row
                session.add(row)
            row.upto = at + HOUR
            if not unusual:
                one = Hours()
                one.seen[hour], one.people[hour] = row.seen, row.people
                one.fold(hour, len({c.person for c in complaints if has_cause(c, name)}))
                row.seen, row.people = one.seen[hour], one.people[hour]


def _whole_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _folded_upto(session: Session, now: datetime) -> datetime | None:
    """Where folding goes on; ``None`` while nothing was ever judged."""
    upto: datetime | None = session.scalar(select(func.max(UsualHour.upto)))
    if upto is not None:
        return upto
    first = session.scalar(
        select(func.min(Fact.happened_at)).where(
            Fact.kind == FactKind.MESSAGE_JUDGED, Fact.happened_at > now - HISTORY
        )
    )
    return None if first is None else _whole_hour(first)


def _running(session: Session) -> list[Spike]:
    return list(session.scalars(select(Spike).where(Spike.ended_at.is_(None)).order_by(Spike.id)))


def _add(session: Session, found: Found, now: datetime) -> Spike:
    spike = Spike(
        cause=found.cause,
        also=[],
        began_at=found.began_at,
        seen_at=now,
        loud_at=now,
        usual=round(found.usual, 3),
        words=[],
        examples=[],
    )
    session.add(spike)
    return spike


def _is_resolved(session: Session, spike: Spike) -> bool:
    """Whether "it works again" has begun to go out, after the notice that was begun from it."""
    if spike.broadcast_id is None:
        return False
    told = {spike.broadcast_id}
    later = session.execute(
        select(Broadcast.id, Broadcast.parent_id, Broadcast.stage)
        .where(
            Broadcast.parent_id.is_not(None),
            Broadcast.id > spike.broadcast_id,
            Broadcast.started_at.is_not(None),
        )
        .order_by(Broadcast.id)
    )
    for row in later:
        if row.parent_id in told:
            told.add(row.id)
            if row.stage is Stage.RESOLVED:
                return True
    return False


# What people see and do.


@dataclass(frozen=True, slots=True)
class Shown:
    """A spike as it is told: ``people`` who complain, ``open_cases`` of theirs. ``with_it``: those
    that are on and have mostly the same cases; theirs are counted too, each once."""

    spike: Spike
    people: int
    open_cases: int
    with_it: tuple[Spike, ...] = ()


def shown(session: Session) -> list[Shown]:
    """The spikes that are on and nobody has closed, the one of most people first. Each is watched
    by itself, for one may end before another; but those that have mostly the same cases are one
    trouble to who reads, so they are told as one, by the largest. What fewer than
    :data:`MOSTLY` share stays apart: its other cases would stand in no list."""
    on = session.scalars(
        select(Spike)
        .where(Spike.ended_at.is_(None), Spike.closed_at.is_(None))
        .order_by(Spike.began_at, Spike.id)
    ).all()
    if not on:
        return []
    cases: dict[int, set[int]] = {one.id: set() for one in on}
    for row in session.execute(
        select(SpikeCase.spike_id, SpikeCase.case_id).where(SpikeCase.spike_id.in_(cases))
    ):
        cases[row.spike_id].add(row.case_id)
    found: list[Shown] = []
    # One that people have been told of leads: the strip does not ask to tell them again.
    largest = sorted(
        (told(session, one) for one in on),
        key=lambda one: (one.spike.broadcast_id is None, -one.people),
    )
    for one in largest:
        mine = cases[one.spike.id]
        for at, larger in enumerate(found):
            if mine and len(mine & cases[larger.spike.id]) >= MOSTLY * len(mine):
                found[at] = replace(larger, with_it=(*larger.with_it, one.spike))
                break
        else:
            found.append(one)
    found = [told(session, one.spike, one.with_it) if one.with_it else one for one in found]
    return sorted(found, key=lambda one: -one.people)


def shown_with(session: Session, spike: Spike) -> Shown:
    """A spike with those that are told with it now."""
    leads = next((one for one in shown(session) if one.spike.id == spike.id), None)
    return leads or told(session, spike)


def alike(session: Session, spike_id: int) -> list[int]:
    """A spike and those that are told with it now: what is done about it is done about them."""
    spike = session.get_one(Spike, spike_id)
    return [spike_id, *(one.id for one in shown_with(session, spike).with_it)]


def told(session: Session, spike: Spike, with_it: tuple[Spike, ...] = ()) -> Shown:
    numbers = [spike.id, *(one.id for one in with_it)]
    counted = session.execute(
        select(
            func.count(func.coalesce(-Identity.customer_id, Identity.id).distinct()),
        )
        .select_from(SpikeCase)
        .join(Case, Case.id == SpikeCase.case_id)
        .join(Identity, Identity.id == Case.identity_id)
        .where(SpikeCase.spike_id.in_(numbers))
    ).scalar_one()
    return Shown(spike, counted, len(open_cases(session, numbers)), with_it)


def open_cases(session: Session, numbers: Collection[int]) -> list[int]:
    """The open cases that are part of any of these spikes: those that the inbox lists."""
    return list(
        session.scalars(
            select(Case.id)
            .join(SpikeCase, SpikeCase.case_id == Case.id)
            .where(SpikeCase.spike_id.in_(numbers), Case.state == CaseState.OPEN)
            .distinct()
            .order_by(Case.id)
        )
    )


def dismiss(session: Session, actor: int, spike_id: int, now: datetime) -> bool:
    """A person says that it is no outage: it is shown no more. False when it was closed before."""
    done = session.execute(
        update(Spike)
        .where(Spike.id == spike_id, Spike.closed_at.is_(None))
        .values(closed_at=now, closed_because=SpikeClosed.NOT_OUTAGE, closed_by=actor)
        .returning(Spike.id)
    ).first()
    if done is None:
        return False
    audit(session, actor, Deed.SPIKE_DISMISSED, now, {None: {"spike": spike_id}})
    return True


def link(session: Session, spike_id: int, broadcast_id: int) -> None:
    """Remember the first notice that was begun from a spike: its end closes the spike."""
    session.execute(
        update(Spike)
        .where(Spike.id == spike_id, Spike.broadcast_id.is_(None))
        .values(broadcast_id=broadcast_id)
    )


def prune(session: Session, now: datetime) -> None:
    """Forget spikes that ended longer than :data:`KEEP` ago, once the alarm of each is gone."""
    rang = select(Alarm.id).where(Alarm.spike_id == Spike.id).exists()
    old = session.scalars(select(Spike.id).where(Spike.ended_at < now - KEEP, ~rang)).all()
    session.execute(delete(SpikeCase).where(SpikeCase.spike_id.in_(old)))
    session.execute(delete(Spike).where(Spike.id.in_(old)))
