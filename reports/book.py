"""The book that reports are counted from: facts, written as entries that can be summed.

Facts are the truth; an entry only says the same in small. A message that is held to be something
else than before is written off (-1) as what it was and written in (+1) as what it is, so that
nothing written is ever changed and every instant of the past can be counted again.

**Nothing is missed.** Facts are read by their numbers. On PostgreSQL a number may be committed
after a greater one; before the end is chosen, the table is locked for a moment, which waits for
whoever is writing. **Nothing changes behind a report.** The book closes at an instant
(:attr:`ReportBook.closed_us`); what comes in later counts as recorded after it, also where its
own stamp is older.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from reports import shape
from reports.shape import INTENTS, NOTHING_NAMED, OUTCOMES, Outcome, Part, pack
from reports.weeks import SLOT_S, from_micros, micros
from shenava.hours import BusinessHours, business_time_between
from shenava.messages import Deed, Intent, Language, Platform, Sentiment
from shenava.store import (
    Alone,
    Case,
    EntryKind,
    Fact,
    FactKind,
    Message,
    ReportBook,
    ReportEntry,
    Store,
    VerdictRow,
)
from shenava.store.bulk import insert_rows

log = logging.getLogger(__name__)

BATCH = 5_000
"""Facts of one transaction."""

_PIECE = 5_000
"""Subjects asked about in one question."""

_OUTCOMES = {
    FactKind.ANSWER_SENT: Outcome.SENT,
    FactKind.ANSWER_REFUSED: Outcome.REFUSED,
    FactKind.ANSWER_FAILED: Outcome.FAILED,
    FactKind.ANSWER_UNKNOWN: Outcome.UNKNOWN,
}


def write_up(store: Store, hours: BusinessHours) -> datetime:
    """Write the book up to now, and close it; returns the instant it is closed at.

    Reports of that instant and of any before it are settled from then on. Any number of workers
    may do this at once. ``hours`` measure how long the shop was open between two instants.
    """
    bound = _bound(store)
    moment = micros(store.clock.now())
    while True:
        with store.write_alone(Alone.REPORTS) as session:
            book = _book(session)
            facts = _facts(session, book.upto, bound)
            if facts:
                writer = _Writer(session, hours, max(book.closed_us + 1, book.latest_us))
                insert_rows(session, ReportEntry, writer.write(facts))
                book.upto, book.latest_us = facts[-1].id, writer.recorded_us
            if len(facts) < BATCH:
                # A clock that stands still must not leave what was written now in the future.
                book.closed_us = max(moment, book.closed_us + (1 if facts else 0))
                return from_micros(book.closed_us)


def settled(store: Store, hours: BusinessHours, as_of: datetime | None = None) -> datetime:
    """The instant that a report may speak of: ``as_of``, or now; never after now."""
    if as_of is not None:
        with store.read() as session:
            if micros(as_of) <= _book(session).closed_us:
                return as_of
    closed = write_up(store, hours)
    return closed if as_of is None else min(as_of, closed)


def rebuild(store: Store, hours: BusinessHours) -> datetime:
    """Throw the book away and write it again from all facts."""
    with store.write_alone(Alone.REPORTS) as session:
        session.execute(delete(ReportEntry))
        book = _book(session)
        book.upto = book.closed_us = book.latest_us = 0
    return write_up(store, hours)


def _bound(store: Store) -> int:
    """The greatest number of a fact below which none is still to come."""
    newest = select(func.max(Fact.id))
    if store.is_sqlite:
        # One writer: numbers follow commits.
        with store.read() as session:
            return session.scalar(newest) or 0
    with store.write() as session:
        session.execute(text("LOCK TABLE facts IN SHARE MODE"))
        return session.scalar(newest) or 0


def _book(session: Session) -> ReportBook:
    return session.scalars(select(ReportBook).execution_options(populate_existing=True)).one()


def _facts(session: Session, above: int, upto: int) -> Sequence[Any]:
    return session.execute(
        select(
            Fact.id,
            Fact.kind,
            Fact.happened_at,
            Fact.recorded_at,
            Fact.case_id,
            Fact.message_id,
            Fact.details,
        )
        .where(Fact.id > above, Fact.id <= upto)
        .order_by(Fact.id)
        .limit(BATCH)
    ).all()


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry but for when it was recorded, and whether it counts or counts no more."""

    kind: EntryKind
    subject: int
    happened_us: int
    shape: int
    measure: int = 0
    elapsed: int = 0

    def row(self, count: int, recorded_us: int) -> dict[str, Any]:
        return {
            "kind": int(self.kind),
            "slot": self.happened_us // (SLOT_S * 1_000_000),
            "shape": self.shape,
            "count": count,
            "recorded_us": recorded_us,
            "happened_us": self.happened_us,
            "measure": self.measure,
            "elapsed": self.elapsed,
            "subject_id": self.subject,
        }


_Key = tuple[EntryKind, int]


@dataclass(slots=True)
class _Writer:
    """Turns one batch of facts into rows of the book. ``recorded_us``: at the earliest when the
    next counts as recorded."""

    session: Session
    hours: BusinessHours
    recorded_us: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    stands: dict[_Key, list[_Entry]] = field(default_factory=dict)
    waiting: dict[int, set[int]] = field(default_factory=dict)
    """By case, the urgent messages that wait for its first answer."""

    def write(self, facts: Sequence[Any]) -> list[dict[str, Any]]:
        self._read_standing(facts)
        legacy = self._legacy(facts)
        for fact in facts:
            # What comes late counts as recorded after the book was closed; and no clock that is
            # put back lets something be written off before it was written in.
            self.recorded_us = max(micros(fact.recorded_at), self.recorded_us)
            self._one(fact, self.recorded_us, legacy)
        return self.rows

    def _one(self, fact: Any, recorded: int, legacy: Mapping[int, Any]) -> None:
        match fact.kind:
            case FactKind.MESSAGE_RECEIVED:
                self._received(fact, recorded)
            case FactKind.MESSAGE_JUDGED | FactKind.VERDICT_CORRECTED:
                held = fact.details.get("held") or legacy.get(fact.id)
                if held is None and fact.kind is FactKind.MESSAGE_JUDGED:
                    held = fact.details
                if held is not None:
                    self._judged(fact, held, recorded)
            case FactKind.CASE_OPENED if not fact.details.get("historic"):
                again = "reopened_from" in fact.details
                self._set(
                    EntryKind.CASE,
                    fact.case_id,
                    [_Entry(*_what(EntryKind.CASE, fact), pack({shape.REOPENED: int(again)}))],
                    recorded,
                )
            case FactKind.FIRST_RESPONSE:
                at = datetime.fromisoformat(fact.details["at"])
                opened = datetime.fromisoformat(fact.details["opened_at"])
                urgent = shape.answer(bool(fact.details.get("urgent")))
                self._set(
                    EntryKind.FIRST_ANSWER,
                    fact.case_id,
                    [self._time(EntryKind.FIRST_ANSWER, fact.case_id, opened, at, urgent)],
                    recorded,
                )
                for message_id in sorted(self.waiting.pop(fact.case_id, ())):
                    self._set(EntryKind.URGENT_WAITING, message_id, [], recorded)
            case FactKind.CASE_CLOSED:
                told = fact.details.get("opened_at")
                opened = (
                    datetime.fromisoformat(told) if told else legacy.get(fact.id, fact.happened_at)
                )
                entry = self._time(EntryKind.CLOSED, fact.case_id, opened, fact.happened_at)
                self._set(EntryKind.CLOSED, fact.case_id, [entry], recorded)
            case kind if kind in _OUTCOMES:
                self._sent(fact, _OUTCOMES[kind], recorded)
            case FactKind.MESSAGE_REPAIRED:
                self._add(EntryKind.REPAIRED, fact.message_id, fact, recorded)
            case FactKind.FEED_GAP:
                self._add(EntryKind.GAP, fact.id, fact, recorded)
            case FactKind.BROADCAST_STARTED:
                self._add(EntryKind.BROADCAST, fact.id, fact, recorded)
            case _:
                pass

    # Each kind of fact.

    def _received(self, fact: Any, recorded: int) -> None:
        told = fact.details
        historic = bool(told.get("historic"))
        what = {
            shape.CHANNEL: shape.CHANNELS[Platform(told["platform"])],
            shape.HISTORIC: int(historic),
        }
        entry = _Entry(*_what(EntryKind.MESSAGE, fact), pack(what))
        self._set(EntryKind.MESSAGE, fact.message_id, [entry], recorded)
        if not historic:
            self._began_earlier(fact.case_id, fact.happened_at, recorded)

    def _began_earlier(self, case_id: int, at: datetime, recorded: int) -> None:
        """A message that comes late may be older than the case was thought to be: its customer
        waited longer for the first answer."""
        for entry in self.stands.get((EntryKind.FIRST_ANSWER, case_id), ()):
            answered = from_micros(entry.happened_us)
            if micros(at) < entry.happened_us - entry.elapsed * 1_000_000:
                urgent = shape.value_of(entry.shape, shape.URGENT)
                longer = self._time(EntryKind.FIRST_ANSWER, case_id, at, answered, urgent)
                self._set(EntryKind.FIRST_ANSWER, case_id, [longer], recorded)
                return

    def _judged(self, fact: Any, held: Mapping[str, Any], recorded: int) -> None:
        message_id: int = fact.message_id
        received = self.stands.get((EntryKind.MESSAGE, message_id))
        if not received:
            log.warning("message %d was judged and never taken in; not counted", message_id)
            return
        known = received[0]
        what: dict[Part, int] = {
            shape.LANGUAGE: shape.LANGUAGES[Language(held["language"])],
            shape.MOOD: shape.MOODS[Sentiment(held["sentiment"])],
            shape.COMPLAINT: shape.answer(held["complaint"]),
            shape.CORRECTED: int(bool(held.get("corrected"))),
        }
        plain = known.shape | pack(what)
        sure = round(10_000 * float(held.get("complaint_p") or 0)) if held["complaint"] else 0
        judged = replace(known, kind=EntryKind.JUDGED, shape=plain)
        self._set(EntryKind.JUDGED, message_id, [judged], recorded)
        urgent = [replace(known, kind=EntryKind.URGENT)] if held["urgent"] else []
        self._set(EntryKind.URGENT, message_id, urgent, recorded)
        waits = not shape.value_of(known.shape, shape.HISTORIC) and not self.stands.get(
            (EntryKind.FIRST_ANSWER, fact.case_id)
        )
        waiting = [replace(known, kind=EntryKind.URGENT_WAITING)] if urgent and waits else []
        self._set(EntryKind.URGENT_WAITING, message_id, waiting, recorded)
        if waiting:
            self.waiting.setdefault(fact.case_id, set()).add(message_id)
        about: list[_Entry] = []
        if held["complaint"]:
            named = [INTENTS[Intent(name)] for name in held["intents"]] or [NOTHING_NAMED]
            about = [
                replace(
                    known,
                    kind=EntryKind.COMPLAINT,
                    shape=pack({shape.INTENT: one}),
                    measure=sure,
                )
                for one in dict.fromkeys(named)
            ]
        self._set(EntryKind.COMPLAINT, message_id, about, recorded)

    def _sent(self, fact: Any, outcome: Outcome, recorded: int) -> None:
        if fact.details.get("deed") not in (Deed.ANSWER, Deed.DM):
            return
        number = int(fact.details["outbox"])
        entry = _Entry(
            EntryKind.ANSWER,
            number,
            micros(fact.happened_at),
            pack({shape.OUTCOME: OUTCOMES[outcome]}),
        )
        self._set(EntryKind.ANSWER, number, [entry], recorded)

    def _time(
        self, kind: EntryKind, case_id: int, begin: datetime, end: datetime, urgent: int = 0
    ) -> _Entry:
        """How long something took: in opening hours, and by the clock on the wall."""
        return _Entry(
            kind,
            case_id,
            micros(end),
            pack({shape.URGENT: urgent}),
            measure=int(business_time_between(self.hours, begin, end).total_seconds()),
            elapsed=max(0, int((end - begin).total_seconds())),
        )

    def _add(self, kind: EntryKind, subject: int, fact: Any, recorded: int) -> None:
        self._set(kind, subject, [_Entry(kind, subject, micros(fact.happened_at), 0)], recorded)

    # Writing off and in.

    def _set(self, kind: EntryKind, subject: int, entries: list[_Entry], recorded: int) -> None:
        """From now on ``entries`` stand for ``subject``, and nothing else of this kind."""
        before = self.stands.get((kind, subject), [])
        self.rows += [one.row(-1, recorded) for one in before if one not in entries]
        self.rows += [one.row(1, recorded) for one in entries if one not in before]
        self.stands[(kind, subject)] = entries

    def _read_standing(self, facts: Sequence[Any]) -> None:
        """What stands so far for all that the facts speak of."""
        messages = {fact.message_id for fact in facts if fact.message_id is not None}
        judged = {
            fact.message_id
            for fact in facts
            if fact.kind in (FactKind.MESSAGE_JUDGED, FactKind.VERDICT_CORRECTED)
        }
        cases = {fact.case_id for fact in facts if fact.case_id is not None}
        sent = {int(fact.details["outbox"]) for fact in facts if fact.kind in _OUTCOMES}
        wanted = {
            EntryKind.MESSAGE: messages,
            EntryKind.JUDGED: judged,
            EntryKind.COMPLAINT: judged,
            EntryKind.URGENT: judged,
            EntryKind.URGENT_WAITING: judged,
            EntryKind.REPAIRED: messages,
            EntryKind.FIRST_ANSWER: cases,
            EntryKind.CLOSED: cases,
            EntryKind.ANSWER: sent,
        }
        answered = {fact.case_id for fact in facts if fact.kind is FactKind.FIRST_RESPONSE}
        for message_id, case_id in self._of_cases(sorted(answered)):
            judged.add(message_id)
            self.waiting.setdefault(case_id, set()).add(message_id)
        for kind, subjects in wanted.items():
            self._read(kind, sorted(subjects))
        for case_id, found in self.waiting.items():
            urgent = {one for one in found if self.stands.get((EntryKind.URGENT_WAITING, one))}
            self.waiting[case_id] = urgent

    def _of_cases(self, case_ids: Sequence[int]) -> Iterable[Any]:
        for begin in range(0, len(case_ids), _PIECE):
            yield from self.session.execute(
                select(Message.id, Message.case_id).where(
                    Message.case_id.in_(case_ids[begin : begin + _PIECE])
                )
            )

    def _read(self, kind: EntryKind, subjects: Sequence[int]) -> None:
        for begin in range(0, len(subjects), _PIECE):
            found = self.session.execute(
                select(ReportEntry.__table__)
                .where(
                    ReportEntry.kind == int(kind),
                    ReportEntry.subject_id.in_(subjects[begin : begin + _PIECE]),
                )
                .order_by(ReportEntry.id)
            )
            for row in found:
                entry = _Entry(
                    kind, row.subject_id, row.happened_us, row.shape, row.measure, row.elapsed
                )
                standing = self.stands.setdefault((kind, row.subject_id), [])
                if row._mapping["count"] > 0:
                    standing.append(entry)
                else:
                    standing.remove(entry)

    def _legacy(self, facts: Iterable[Any]) -> dict[int, Any]:
        """What facts of earlier versions did not tell: what a corrected message was held to be,
        when a closed case had begun. By the number of the fact; from the rows as they are."""
        corrected = {
            fact.id: fact
            for fact in facts
            if fact.kind is FactKind.VERDICT_CORRECTED and "held" not in fact.details
        }
        closed = {
            fact.id: fact.case_id
            for fact in facts
            if fact.kind is FactKind.CASE_CLOSED and "opened_at" not in fact.details
        }
        found: dict[int, Any] = {}
        if corrected:
            ids = {fact.message_id for fact in corrected.values()}
            verdicts = {
                row.message_id: row
                for row in self.session.scalars(
                    select(VerdictRow).where(VerdictRow.message_id.in_(ids)).order_by(VerdictRow.id)
                )
            }
            for number, fact in corrected.items():
                if fact.message_id in verdicts:
                    found[number] = _overlaid(verdicts[fact.message_id], fact.details)
        if closed:
            began = {
                row.id: row.opened_at
                for row in self.session.execute(
                    select(Case.id, Case.opened_at).where(Case.id.in_(set(closed.values())))
                )
            }
            found |= {number: began[case_id] for number, case_id in closed.items()}
        return found


def _what(kind: EntryKind, fact: Any) -> tuple[EntryKind, int, int]:
    subject = fact.case_id if kind is EntryKind.CASE else fact.message_id
    return kind, subject, micros(fact.happened_at)


def _overlaid(verdict: VerdictRow, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a message was held to be after a correction."""
    model = {
        "sentiment": verdict.sentiment.value,
        "complaint": verdict.complaint,
        "urgent": verdict.urgent,
        "intents": [item["label"] for item in verdict.intents],
    }
    words = {name: told[name] for name in model if told.get(name) is not None}
    return {
        **model,
        **words,
        "language": verdict.language.value,
        "complaint_p": 1.0 if "complaint" in words else verdict.complaint_p,
        "corrected": bool(words),
    }
