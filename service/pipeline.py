"""The pipeline: messages that wait for a verdict get one, and their cases are triaged.

The rows are the queue. A worker claims messages by moving their ``judge_after`` ahead, which is
its lease; should it die, the lease runs out and another takes them. Any number of workers may
run: a verdict is unique by (message, model), so the work done twice leaves no trace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from responder.clues import note_clues
from responder.effective import held_verdicts
from responder.opting import heed, note_heeded, opt_words
from responder.policy import Policy
from responder.retriage import retriage
from shenava.messages import Verdict
from shenava.store import Case, CaseState, Fact, FactKind, Message, Store, VerdictRow
from shenava.store.bulk import insert_rows
from shenava.store.session import may_be_repeated

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""How long a worker may take over what it claimed; far more than a batch ever needs."""

SET_ASIDE = timedelta(hours=1)
"""A message whose text the model failed on is tried again after this, not at once."""


_REPEATS = 3
"""Of the transaction that writes verdicts, where another stood in its way."""


class Judge(Protocol):
    """What gives verdicts: ``sentiment.Classifier``, or anything else with these two."""

    @property
    def name(self) -> str: ...

    def classify(self, texts: Sequence[str]) -> list[Verdict]: ...


@dataclass(frozen=True, slots=True)
class _Claimed:
    message_id: int
    case_id: int
    identity_id: int
    text: str
    historic: bool
    written_at: datetime
    edition: str


class Pipeline:
    """Judges and triages what waits. Holds no state but its parts; safe to make many of."""

    def __init__(self, store: Store, judge: Judge, policy: Policy) -> None:
        self._store = store
        self._judge = judge
        self._policy = policy

    def run_once(self, limit: int = 500) -> int:
        """Judge up to ``limit`` messages and triage their cases.

        1. Claim, in one transaction. 2. Ask the model, in none. 3. Write verdicts, facts and
        decisions, in one. Returns how many messages were claimed, those that the model failed
        on among them; 0 when nothing waits.
        """
        claimed = self._claim(limit)
        if not claimed:
            return 0
        self._put(claimed, self._classify(claimed))
        return len(claimed)

    @contextmanager
    def ahead(self, limit: int) -> Iterator[Callable[[], None]]:
        """For a long row of batches: gives what does the same as :meth:`run_once` whenever it is
        called, but writes a batch only at the next call, or at the end, and asks the model
        meanwhile. The model computes outside Python's lock, what is written beside it does not.
        """
        begun: tuple[Sequence[_Claimed], Future[list[tuple[_Claimed, Verdict]]]] | None = None

        def end() -> None:
            if begun is not None:
                claimed, asked = begun
                self._put(claimed, asked.result())

        with ThreadPoolExecutor(1) as pool:

            def step() -> None:
                nonlocal begun
                claimed = self._claim(limit)
                following = (claimed, pool.submit(self._classify, claimed)) if claimed else None
                end()
                begun = following

            yield step
            end()

    def _put(self, claimed: Sequence[_Claimed], judged: Sequence[tuple[_Claimed, Verdict]]) -> None:
        """Write, a few times where others stand in the way."""
        for _ in range(_REPEATS):
            try:
                self._write(claimed, judged)
                return
            except DBAPIError as error:
                if not may_be_repeated(error):
                    raise
        self._write(claimed, judged)

    def run_until_idle(self, limit: int = 500) -> int:
        """Judge everything that waits; returns how many messages that were."""
        total = 0
        while done := self.run_once(limit):
            total += done
        return total

    def _claim(self, limit: int) -> list[_Claimed]:
        now = self._store.clock.now()
        # Old posts wait until nothing new does: a large import must not delay a complaint.
        # A CTE, for PostgreSQL may evaluate a subquery again, and then claims more than the limit.
        free = (
            select(Message.id)
            .where(Message.judge_after.is_not(None), Message.judge_after <= now)
            .order_by(Message.historic, Message.judge_after, Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("free")
        )
        with self._store.write() as session:
            rows = session.execute(
                update(Message)
                .where(Message.id.in_(select(free.c.id)))
                .values(judge_after=now + LEASE)
                .returning(
                    Message.id,
                    Message.case_id,
                    Message.identity_id,
                    Message.text,
                    Message.historic,
                    Message.written_at,
                    Message.edition,
                )
            ).all()
        return sorted((_Claimed(*row) for row in rows), key=lambda item: item.message_id)

    def _classify(self, claimed: Sequence[_Claimed]) -> list[tuple[_Claimed, Verdict]]:
        try:
            verdicts = self._judge.classify([item.text for item in claimed])
        except Exception:
            log.exception("the model failed on a batch of %d; trying one by one", len(claimed))
            return self._classify_singly(claimed)
        return list(zip(claimed, verdicts, strict=True))

    def _classify_singly(self, claimed: Sequence[_Claimed]) -> list[tuple[_Claimed, Verdict]]:
        judged = []
        for item in claimed:
            try:
                judged.append((item, self._judge.classify([item.text])[0]))
            except Exception:
                log.exception("the model failed on message %d; set aside", item.message_id)
        return judged

    def _write(
        self, claimed: Sequence[_Claimed], judged: Sequence[tuple[_Claimed, Verdict]]
    ) -> None:
        now = self._store.clock.now()
        done = {item.message_id for item, _ in judged}
        failed = [item.message_id for item in claimed if item.message_id not in done]
        with self._store.write() as session:
            # Identities come before messages and cases, for everyone.
            heeded = heed(session, opt_words(session, [item.message_id for item in claimed]))
            # A lease that ran out lets two workers judge one message. The rows are locked first,
            # and in their order, so that the second sees what the first wrote.
            stand, removed = _stand(session, claimed)
            judged = [
                (replace(item, written_at=stand[item.message_id]), said)
                for item, said in judged
                if item.message_id in stand
            ]
            fresh = _write_verdicts(session, judged, now)
            _wait_until(session, (done & stand.keys()) | removed, None)
            _wait_until(session, failed, now + SET_ASIDE)
            # The cases first, for that locks them in their order. A fact locks its case too.
            retriage(session, _cases_to_triage(session, claimed), self._policy, now)
            insert_rows(session, Fact, _facts(session, fresh, now))
            note_heeded(session, heeded, now)
            note_clues(session, [item.message_id for item in claimed])


def _stand(session: Session, claimed: Sequence[_Claimed]) -> tuple[dict[int, datetime], set[int]]:
    """Those whose words are still the ones that were judged, with when they were written as far as
    that is known now; and those that were removed. Their rows are locked, in order."""
    rows = session.execute(
        select(Message.id, Message.edition, Message.removed_at, Message.written_at)
        .where(Message.id.in_([item.message_id for item in claimed]))
        .order_by(Message.id)
        .with_for_update(key_share=True)
    ).all()
    judged = {item.message_id: item.edition for item in claimed}
    stand = {
        row.id: row.written_at
        for row in rows
        if row.removed_at is None and row.edition == judged[row.id]
    }
    return stand, {row.id for row in rows if row.removed_at is not None}


def _wait_until(session: Session, message_ids: Collection[int], at: datetime | None) -> None:
    """When to look at these again; what another worker has judged meanwhile stays judged."""
    if message_ids:
        session.execute(
            update(Message)
            .where(Message.id.in_(message_ids), Message.judge_after.is_not(None))
            .values(judge_after=at)
        )


def _cases_to_triage(session: Session, claimed: Sequence[_Claimed]) -> set[int]:
    """The messages' own cases, also where the model failed, for they want an answer too; and
    what else is open of the same people, of whom a message may tell that they have reach."""
    people = {item.identity_id for item in claimed}
    open_ = select(Case.id).where(Case.identity_id.in_(people), Case.state != CaseState.CLOSED)
    return {item.case_id for item in claimed}.union(session.scalars(open_))


def _write_verdicts(
    session: Session, judged: Sequence[tuple[_Claimed, Verdict]], now: datetime
) -> list[tuple[_Claimed, Verdict]]:
    """Write the verdicts that are not there yet; returns those."""
    if not judged:
        return []
    ids = [item.message_id for item, _ in judged]
    there = {
        (row.message_id, row.model)
        for row in session.execute(
            select(VerdictRow.message_id, VerdictRow.model).where(VerdictRow.message_id.in_(ids))
        )
    }
    fresh = [(item, said) for item, said in judged if (item.message_id, said.model) not in there]
    insert_rows(session, VerdictRow, [_row(item, said, now) for item, said in fresh])
    return fresh


def _row(item: _Claimed, said: Verdict, now: datetime) -> dict[str, Any]:
    return {
        "message_id": item.message_id,
        "model": said.model,
        "language": said.language,
        "script": said.script,
        "sentiment": said.sentiment.label,
        "sentiment_p": said.sentiment.probability,
        "complaint": said.complaint.value,
        "complaint_p": said.complaint.probability,
        "urgent": said.urgent.value,
        "urgent_p": said.urgent.probability,
        "intents": [
            {"label": found.label.value, "probability": found.probability} for found in said.intents
        ],
        "why": list(said.why),
        "judged_at": now,
    }


def _facts(
    session: Session, fresh: Sequence[tuple[_Claimed, Verdict]], now: datetime
) -> list[dict[str, Any]]:
    """One for each verdict. Where a person's word stands over the model's, the fact tells both."""
    held = held_verdicts(session, [item.message_id for item, _ in fresh])
    told = []
    for item, said in fresh:
        fact = _fact(item, said, now)
        if held[item.message_id].corrected:
            fact["details"]["held"] = held[item.message_id].as_json()
        told.append(fact)
    return told


def _fact(item: _Claimed, said: Verdict, now: datetime) -> dict[str, Any]:
    return {
        "kind": FactKind.MESSAGE_JUDGED,
        "happened_at": item.written_at,
        "recorded_at": now,
        "case_id": item.case_id,
        "message_id": item.message_id,
        "details": {
            "model": said.model,
            "language": said.language.value,
            "sentiment": said.sentiment.label.value,
            "complaint": said.complaint.value,
            "complaint_p": said.complaint.probability,
            "urgent": said.urgent.value,
            "intents": [found.label.value for found in said.intents],
            "historic": item.historic,
        }
        | ({"edition": item.edition} if item.edition else {}),
    }
