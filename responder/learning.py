"""What the shop has taught: what is learned from, the versions made, which of them is in use.

Learned from are corrections of messages that are still there, labelled texts of files, and what
people let stand: messages answered or closed since the first of those corrections, whose verdict
nobody changed. How it is learned is :mod:`sentiment.lessons`; who does it, ``service.learning``.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from responder.effective import Held, held_verdicts
from responder.record import Deed, audit
from sentiment.lessons import MOST, Lesson, Taught
from shenava.messages import Intent
from shenava.store import (
    Case,
    CaseState,
    Correction,
    LabelledText,
    LearnedVersion,
    Learning,
    Message,
    User,
    VersionState,
)
from shenava.store.bulk import insert_into
from shenava.store.learning import let_go, text_key

LEASE = timedelta(minutes=10)
"""How long somebody may take to learn; it takes seconds."""

MOST_STOOD = 800
"""Messages that people let stand: the newest."""
MOST_SAID = MOST - MOST_STOOD
"""Corrections and labelled texts, the newest of each; together no more than this."""

KEEP_WEIGHTS = 10
"""Versions, the newest, that can be gone back to."""


class LearningRefusal(StrEnum):
    """Why a version cannot be used. The value is the sentence in English."""

    NO_SUCH_VERSION = "There is no such version."
    NOTHING_ON = "Nothing that was learned is in use: there is nothing to undo."
    NO_WEIGHTS = "This version cannot be used any more. Nothing was changed."


class LearningError(Exception):
    """Nothing was changed; ``str()`` is a sentence for a person."""

    def __init__(self, refusal: LearningRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to learn, until its lease ends. ``upto``: the newest correction by then."""

    attempt: str
    upto: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """What to learn from, and how many of each kind."""

    lessons: tuple[Lesson, ...]
    messages: tuple[int, ...]
    corrected: int
    labelled: int
    let_stand: int


def claim(
    session: Session, now: datetime, *, base: str, every: int, asked: bool = False
) -> Claim | None:
    """Claim the learning that is due; ``None`` when none is, or somebody is at it.

    Due is: when asked for, when something that was learned from is gone, when the version in use
    belongs to another model than ``base``, and at ``every`` new corrections (0: never).
    """
    newest = session.scalar(select(func.max(Correction.id))) or 0
    due: ColumnElement[bool] = Learning.wanted_at.is_not(None)
    if every:
        counted = select(func.count(Correction.id)).where(Correction.id > Learning.upto)
        due = or_(due, counted.scalar_subquery() >= every)
    other = select(LearnedVersion.id).where(
        LearnedVersion.state == VersionState.ON, LearnedVersion.base != base
    )
    due = or_(due, other.exists())
    attempt = uuid.uuid4().hex
    free = or_(Learning.claimed_until.is_(None), Learning.claimed_until <= now)
    won = session.execute(
        update(Learning)
        .where(free if asked else and_(free, due))
        .values(claimed_until=now + LEASE, attempt=attempt)
        .returning(Learning.id)
    ).all()
    return Claim(attempt, newest) if won else None


def gather(session: Session) -> Lessons:
    """What there is to learn from."""
    corrections = _corrections(session)
    labelled = session.scalars(
        select(LabelledText).order_by(LabelledText.id.desc()).limit(MOST_SAID - len(corrections))
    ).all()
    lessons: list[Lesson] = []
    verdicts = held_verdicts(session, [row.message_id for row, _ in corrections])
    for row, text in corrections:
        lessons += _of_correction(row, text, verdicts.get(row.message_id))
    for labels in labelled:
        lessons.append(_of_labels(labels))
    stood = _stood(session, [row for row, _ in corrections])
    found = held_verdicts(session, [key for key, _ in stood])
    kept = [(key, text) for key, text in stood if key in found and not found[key].corrected]
    lessons += [_let_stand(text, found[key]) for key, text in kept]
    messages = {row.message_id for row, _ in corrections} | {key for key, _ in kept}
    return Lessons(
        tuple(lessons), tuple(sorted(messages)), len(corrections), len(labelled), len(kept)
    )


def _corrections(session: Session) -> list[tuple[Correction, str]]:
    """The corrections in force, the newest first, with the words they are about."""
    latest = (
        select(func.max(Correction.id))
        .where(Correction.superseded_at.is_(None))
        .group_by(Correction.message_id)
    )
    told = or_(
        Correction.sentiment.is_not(None),
        Correction.complaint.is_not(None),
        Correction.urgent.is_not(None),
        Correction.intents.is_not(None),
    )
    rows = session.execute(
        select(Correction, Message.text)
        .join(Message, Message.id == Correction.message_id)
        .where(Correction.id.in_(latest), told, Message.removed_at.is_(None))
        .order_by(Correction.id.desc())
        .limit(MOST_SAID)
    )
    return [(row, text) for row, text in rows]


def _stood(session: Session, corrections: Sequence[Correction]) -> list[tuple[int, str]]:
    """Messages that people dealt with while they corrected others: before that, nobody may have
    looked at verdicts."""
    if not corrections:
        return []
    since = min(row.corrected_at for row in corrections)
    rows = session.execute(
        select(Message.id, Message.text)
        .join(Case, Case.id == Message.case_id)
        .where(
            Message.removed_at.is_(None),
            Message.historic.is_(False),
            or_(
                and_(Case.state == CaseState.CLOSED, Case.closed_at >= since),
                and_(Case.answered_at >= since, Message.written_at <= Case.answered_at),
            ),
        )
        .order_by(Message.id.desc())
        .limit(MOST_STOOD)
    )
    return [(row.id, row.text) for row in rows]


def _of_correction(row: Correction, text: str, held: Held | None) -> list[Lesson]:
    """The person's word, and what they let stand beside it."""
    said = None if row.intents is None else frozenset(Intent(label) for label in row.intents)
    lessons = [Lesson(text, row.sentiment, row.complaint, row.urgent, said)]
    if held is not None:
        rest = _let_stand(text, held)
        lessons.append(
            Lesson(
                text,
                rest.sentiment if row.sentiment is None else None,
                rest.complaint if row.complaint is None else None,
                rest.urgent if row.urgent is None else None,
                rest.intents if said is None else None,
                said=False,
            )
        )
    return lessons


def _let_stand(text: str, held: Held) -> Lesson:
    return Lesson(
        text, held.sentiment, held.complaint, held.urgent, frozenset(held.intents), said=False
    )


def _of_labels(row: LabelledText) -> Lesson:
    said = None if row.intents is None else frozenset(Intent(label) for label in row.intents)
    return Lesson(row.text, row.sentiment, row.complaint, row.urgent, said)


def add_labelled(session: Session, lessons: Sequence[Lesson], now: datetime) -> int:
    """Keep labelled texts, each once, as it is labelled now; returns how many. Part of the caller's
    transaction: all of a file or nothing."""
    statement = insert_into(session, LabelledText)
    for one in lessons:
        values: dict[str, Any] = {
            "text": one.text,
            "sentiment": one.sentiment,
            "complaint": one.complaint,
            "urgent": one.urgent,
            "intents": None if one.intents is None else sorted(i.value for i in one.intents),
            "added_at": now,
        }
        session.execute(
            statement.values(key=text_key(one.text), **values).on_conflict_do_update(
                index_elements=["key"], set_=values
            )
        )
    return len({text_key(one.text) for one in lessons})


def forget_files(session: Session, now: datetime) -> int:
    """Remove all labelled texts, and the versions' weights that were learned with some; returns how
    many texts."""
    session.scalars(select(Learning).with_for_update()).one()
    count = session.scalar(select(func.count(LabelledText.id))) or 0
    session.execute(delete(LabelledText).execution_options(synchronize_session=False))
    with_some = session.scalars(select(LearnedVersion.id).where(LearnedVersion.labelled > 0)).all()
    let_go(session, with_some)
    session.execute(
        update(Learning)
        .values(wanted_at=now, attempt=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )
    return count


def write_version(
    session: Session,
    claimed: Claim,
    found: Lessons,
    taught: Taught,
    now: datetime,
    *,
    base: str,
    actor: int | None = None,
) -> int | None:
    """Write what was learned as a version, switched on where it passed and that is wanted; returns
    its number. ``None``, and nothing is written, when the claim was lost: the lease ran out, or
    something was removed meanwhile (``shenava.store.learning.forget_lessons``)."""
    row = session.scalars(select(Learning).with_for_update()).one()
    if row.attempt != claimed.attempt:
        return None
    row.attempt = row.claimed_until = row.wanted_at = None
    row.upto = claimed.upto
    passed = bool(taught.parts)
    on = passed and row.by_itself
    before = _in_use(session)
    if before is not None and (on or before.base != base):
        before.state = VersionState.OFF
        session.flush()
    state = VersionState.ON if on else VersionState.OFF if passed else VersionState.REFUSED
    version = LearnedVersion(
        base=base,
        state=state,
        made_at=now,
        made_by=actor,
        corrected=found.corrected,
        labelled=found.labelled,
        let_stand=found.let_stand,
        figures=taught.check,
        weights=taught.layer.to_bytes() if passed else None,
        learned_from=list(found.messages) if passed else [],
    )
    session.add(version)
    session.flush()
    old = session.scalars(
        select(LearnedVersion.id)
        .where(LearnedVersion.weights.is_not(None), LearnedVersion.state == VersionState.OFF)
        .order_by(LearnedVersion.id.desc())
        .offset(KEEP_WEIGHTS)
    ).all()
    if old:
        let_go(session, old)
    told = {"version": version.id, "state": state.value}
    audit(session, actor, Deed.LEARNED, now, {None: told})
    return version.id


def give_up(session: Session, claimed: Claim, now: datetime) -> None:
    """Let go of a claim that came to nothing; it is tried again when the lease would have ended."""
    session.execute(
        update(Learning)
        .where(Learning.attempt == claimed.attempt)
        .values(attempt=None, claimed_until=now + LEASE)
    )


def switch_on(session: Session, actor: int | None, version_id: int, now: datetime) -> None:
    """Use a version from now on, in place of the one in use. Learning goes on by itself if it is
    the newest that can be used. Raises :class:`LearningError`."""
    learning = session.scalars(select(Learning).with_for_update()).one()
    version = session.get(LearnedVersion, version_id)
    if version is None:
        raise LearningError(LearningRefusal.NO_SUCH_VERSION)
    if version.state not in (VersionState.ON, VersionState.OFF):
        raise LearningError(LearningRefusal.NO_WEIGHTS)
    newest = session.scalar(
        select(func.max(LearnedVersion.id)).where(LearnedVersion.weights.is_not(None))
    )
    learning.by_itself = version.id == newest
    if version.state is VersionState.ON:
        return
    before = _in_use(session)
    if before is not None:
        before.state = VersionState.OFF
        session.flush()
    version.state = VersionState.ON
    audit(session, actor, Deed.LEARNED_ON, now, {None: {"version": version.id}})


def switch_off(session: Session, actor: int | None, now: datetime) -> None:
    """Use the model alone from now on; what is learned next waits for a person to switch it on.
    Nothing happens where nothing is in use."""
    learning = session.scalars(select(Learning).with_for_update()).one()
    before = _in_use(session)
    if before is None:
        return
    learning.by_itself = False
    before.state = VersionState.OFF
    audit(session, actor, Deed.LEARNED_OFF, now, {None: {"version": before.id}})


def undo(session: Session, actor: int | None, now: datetime) -> int | None:
    """Go back to the version before the one in use, else to the model alone; returns what is in
    use now. What is learned next waits for a person. Raises :class:`LearningError`."""
    session.scalars(select(Learning).with_for_update()).one()
    before = _in_use(session)
    if before is None:
        raise LearningError(LearningRefusal.NOTHING_ON)
    back = session.scalar(
        select(func.max(LearnedVersion.id)).where(
            LearnedVersion.id < before.id,
            LearnedVersion.state == VersionState.OFF,
            LearnedVersion.base == before.base,
        )
    )
    if back is None:
        switch_off(session, actor, now)
    else:
        switch_on(session, actor, back, now)
    return back


def learn_by_itself(session: Session, actor: int | None, now: datetime) -> None:
    """Let new versions that pass be switched on again, and learn as soon as may be."""
    learning = session.scalars(select(Learning).with_for_update()).one()
    if learning.by_itself:
        return
    learning.by_itself, learning.wanted_at = True, now
    audit(session, actor, Deed.LEARNS_BY_ITSELF, now, {None: {}})


def _in_use(session: Session) -> LearnedVersion | None:
    return session.scalars(
        select(LearnedVersion)
        .where(LearnedVersion.state == VersionState.ON)
        .execution_options(populate_existing=True)
    ).one_or_none()


def in_use(session: Session) -> tuple[int, str] | None:
    """The number of the version in use and the model it belongs to."""
    row = session.execute(
        select(LearnedVersion.id, LearnedVersion.base).where(
            LearnedVersion.state == VersionState.ON
        )
    ).one_or_none()
    return None if row is None else (row.id, row.base)


def weights_of(session: Session, version_id: int) -> bytes | None:
    """The layer of a version, as bytes."""
    return session.scalar(select(LearnedVersion.weights).where(LearnedVersion.id == version_id))


@dataclass(frozen=True, slots=True)
class Learned:
    """How learning stands: versions, the newest first, with who asked for them; ``waiting`` new
    corrections since the last."""

    versions: tuple[tuple[LearnedVersion, str | None], ...]
    by_itself: bool
    busy: bool
    waiting: int
    labelled: int


def learned(session: Session, now: datetime, limit: int = 50) -> Learned:
    """What Shenava has learned, for a page or a list."""
    rows = session.execute(
        select(LearnedVersion, User.name)
        .outerjoin(User, User.id == LearnedVersion.made_by)
        .order_by(LearnedVersion.id.desc())
        .limit(limit)
    ).all()
    state = session.scalars(select(Learning)).one()
    waiting = session.scalar(select(func.count(Correction.id)).where(Correction.id > state.upto))
    return Learned(
        tuple((row, name) for row, name in rows),
        state.by_itself,
        state.claimed_until is not None and state.attempt is not None and state.claimed_until > now,
        waiting or 0,
        session.scalar(select(func.count(LabelledText.id))) or 0,
    )
