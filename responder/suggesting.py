"""Who else may be the same person, with the evidence. Nothing here merges anything.

The values that people are recognised by are rows with an index (:mod:`responder.clues`). A
question asks that index for each value of one person, and stops at the few that share it: what
more than :data:`COMMON` people share (a common name, the shop's own number) says nothing. So its
cost depends on how much is known of one person, not on how many people or messages there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal, or_, select, union_all
from sqlalchemy.orm import Session

from responder.likeness import Evidence, EvidenceKind, Strength, likeness, strength
from shenava.messages import Platform
from shenava.store import Clue, ClueKind, Identity, NotSame

COMMON = 8
"""People who share a value from which it says nothing."""

_VALUES = 60
"""Values of one person that are asked for; the rarest kinds first."""

_SHOWN = 5

_KINDS = {
    ClueKind.EMAIL: EvidenceKind.EMAIL,
    ClueKind.PHONE: EvidenceKind.PHONE,
    ClueKind.LINK: EvidenceKind.LINK,
    ClueKind.ORDER: EvidenceKind.ORDER,
    ClueKind.HANDLE: EvidenceKind.HANDLE,
    ClueKind.NAME: EvidenceKind.NAME,
    ClueKind.SOUND: EvidenceKind.SOUND,
}
_ORDER = {kind: place for place, kind in enumerate(_KINDS)}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``identity_ids``: all of the person who may be the same, ascending."""

    identity_ids: tuple[int, ...]
    evidence: tuple[Evidence, ...]
    likeness: float
    strength: Strength


def person_of(session: Session, identity_id: int) -> tuple[int, ...]:
    """All identities of the person that this one belongs to, ascending; empty without one."""
    mine = select(Identity.customer_id).where(Identity.id == identity_id).scalar_subquery()
    return tuple(
        session.scalars(
            select(Identity.id)
            .where(or_(Identity.id == identity_id, Identity.customer_id == mine))
            .order_by(Identity.id)
        )
    )


def suggestions(session: Session, person: Sequence[int]) -> list[Suggestion]:
    """Who may be the same as ``person`` (all identities of one), the likeliest first."""
    found = _evidence(session, person)
    if not found:
        return []
    people = _people(session, found)
    apart = _said_apart(session, person, people)
    gathered: dict[tuple[int, ...], list[Evidence]] = defaultdict(list)
    for identity_id, pieces in found.items():
        their = people[identity_id]
        if not apart.intersection(their):
            gathered[their] += pieces
    worth = []
    for their, pieces in gathered.items():
        value = likeness(pieces)
        called = strength(value)
        if called is not None:
            worth.append(Suggestion(their, _told(pieces), value, called))
    worth.sort(key=lambda one: (-one.likeness, one.identity_ids))
    return worth[:_SHOWN]


def between(session: Session, mine: Sequence[int], theirs: Collection[int]) -> tuple[Evidence, ...]:
    """What speaks for these two being one person, whatever its worth."""
    found = _evidence(session, mine)
    return _told([piece for one in theirs for piece in found.get(one, ())])


def _told(pieces: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Each thing once, the most telling first; of a name that is equal not also how it sounds."""
    named = any(piece.kind is EvidenceKind.NAME for piece in pieces)
    best: dict[tuple[EvidenceKind, str], Evidence] = {}
    for piece in sorted(pieces, key=lambda one: -one.weight):
        if piece.kind is EvidenceKind.SOUND and named:
            continue
        best.setdefault((piece.kind, piece.value), piece)
    return tuple(best.values())


def _evidence(session: Session, person: Sequence[int]) -> dict[int, list[Evidence]]:
    """By identity of somebody else: what they share with ``person``."""
    mine = session.execute(
        select(Clue.kind, Clue.value, Clue.message_id, Identity.platform)
        .join(Identity, Identity.id == Clue.identity_id)
        .where(Clue.identity_id.in_(person), Clue.kind != ClueKind.WORD)
    ).all()
    asked = _questions(mine)
    if not asked:
        return {}
    shared: dict[tuple[ClueKind, str], list[Any]] = defaultdict(list)
    for row in session.execute(asking(list(asked))):
        if row.identity_id not in person:
            shared[(ClueKind(row.kind), row.value)].append(row)
    others = {row.identity_id for rows in shared.values() for row in rows}
    platforms = {
        row.id: row.platform
        for row in session.execute(
            select(Identity.id, Identity.platform).where(Identity.id.in_(others))
        )
    }
    found: dict[int, list[Evidence]] = defaultdict(list)
    for (kind, value), rows in shared.items():
        # The limit counts ourselves as well.
        if len(rows) > COMMON:
            continue
        for told in asked[(kind, value)]:
            for row in rows:
                platform = platforms[row.identity_id]
                if told.on is not None and platform is not told.on:
                    continue
                found[row.identity_id].append(
                    Evidence(
                        told.kind,
                        told.value,
                        others=len(rows) - 1,
                        same_platform=platform in told.platforms,
                        messages=tuple(
                            sorted({key for key in (told.message_id, row.message_id) if key})
                        ),
                    )
                )
    return found


@dataclass(frozen=True, slots=True)
class _Question:
    """What it is evidence of when somebody else has a clue. ``on``: only on this platform."""

    kind: EvidenceKind
    value: str
    message_id: int | None
    platforms: frozenset[Platform]
    on: Platform | None = None


def _questions(mine: Sequence[Any]) -> dict[tuple[ClueKind, str], list[_Question]]:
    """Which clues to look for with others, and what each would mean."""
    asked: dict[tuple[ClueKind, str], list[_Question]] = defaultdict(list)
    platforms: dict[tuple[ClueKind, str], set[Platform]] = defaultdict(set)
    for row in mine:
        platforms[(row.kind, row.value)].add(row.platform)
    for row in sorted(mine, key=lambda row: (_ORDER[row.kind], row.value)):
        if len(asked) >= _VALUES:
            break
        on = frozenset(platforms[(row.kind, row.value)])
        if row.kind is ClueKind.LINK:
            platform, _, handle = row.value.partition(":")
            asked[(ClueKind.HANDLE, handle)].append(
                _Question(
                    EvidenceKind.LINK, row.value, row.message_id, frozenset(), Platform(platform)
                )
            )
        else:
            asked[(row.kind, row.value)].append(
                _Question(_KINDS[row.kind], row.value, row.message_id, on)
            )
        if row.kind is ClueKind.HANDLE:
            link = f"{row.platform.value}:{row.value}"
            asked[(ClueKind.LINK, link)].append(
                _Question(EvidenceKind.LINK, link, None, frozenset())
            )
    return asked


def asking(wanted: Sequence[tuple[ClueKind, str]]) -> Any:
    """One statement: the first few that have each clue, by the index of clues."""
    parts = []
    for kind, value in wanted:
        few = (
            select(Clue.identity_id, Clue.message_id)
            .where(Clue.kind == kind, Clue.value == value)
            .order_by(Clue.identity_id)
            .limit(COMMON + 2)
            .subquery()
        )
        parts.append(
            select(
                literal(kind.value).label("kind"),
                literal(value).label("value"),
                few.c.identity_id,
                few.c.message_id,
            )
        )
    return union_all(*parts)


def _people(session: Session, identities: Collection[int]) -> dict[int, tuple[int, ...]]:
    """To whom each of these belongs: all identities of that person."""
    rows = session.execute(
        select(Identity.id, Identity.customer_id).where(Identity.id.in_(list(identities)))
    ).all()
    members: dict[int, list[int]] = defaultdict(list)
    customers = {row.customer_id for row in rows if row.customer_id is not None}
    for row in session.execute(
        select(Identity.id, Identity.customer_id)
        .where(Identity.customer_id.in_(customers))
        .order_by(Identity.id)
    ):
        members[row.customer_id].append(row.id)
    return {
        row.id: (row.id,) if row.customer_id is None else tuple(members[row.customer_id])
        for row in rows
    }


def _said_apart(
    session: Session, person: Sequence[int], people: dict[int, tuple[int, ...]]
) -> set[int]:
    """Of the people in question: identities that someone said are not this person."""
    theirs = {identity_id for their in people.values() for identity_id in their}
    rows = session.execute(
        select(NotSame.low_id, NotSame.high_id).where(
            or_(NotSame.low_id.in_(person), NotSame.high_id.in_(person))
        )
    )
    return {key for row in rows for key in (row.low_id, row.high_id) if key in theirs}
