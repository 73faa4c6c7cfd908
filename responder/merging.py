"""One person in several places: merging, splitting, and saying that two are not the same.

A merge is a row; ``Identity.customer_id`` is what follows from the rows that are in force
(:class:`shenava.store.Merge`), so that splitting is to take one row out of force, in any order,
and loses nothing. The mark, the notes and the blocks of both stay where they were:

* **VIP**: the marked customer is the one that is kept (else the one that was looked at), so the
  mark holds for both while they are one. A split gives each its own mark back.
* **Notes** stay with the customer they were written about, and show with whom it belongs to.
* **Blocks and opt-outs** belong to an identity. A person who is blocked on one platform is blocked
  there and nowhere else, before a merge and after it.

People are locked first, by ascending number, then cases, as everywhere. Who merges says whom they
saw on each side; where that is not so any more, nothing is done and they are told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from responder.policy import Policy
from responder.record import CaseworkError, Deed, Refusal, audit
from responder.retriage import retriage
from responder.suggesting import between, person_of
from shenava.store import Case, CaseState, Customer, Identity, Merge, NotSame
from shenava.store.bulk import insert_into


@dataclass(frozen=True, slots=True)
class Merged:
    """``cases``: those that were triaged anew."""

    merge_id: int
    cases: tuple[int, ...]


def merge(
    session: Session,
    actor: int,
    mine: Collection[int],
    theirs: Collection[int],
    now: datetime,
    policy: Policy,
) -> Merged:
    """Make two people one: all identities of each, as the actor saw them.

    Raises ``CaseworkError`` with ``SAME_ALREADY`` or ``PEOPLE_CHANGED``.
    """
    people = lock_people(session, {*mine, *theirs})
    if len(people) != len({*mine, *theirs}) or not mine or not theirs:
        raise CaseworkError(Refusal.PEOPLE_CHANGED)
    first, second = min(mine), min(theirs)
    now_mine, now_theirs = person_of(session, first), person_of(session, second)
    if second in now_mine:
        raise CaseworkError(Refusal.SAME_ALREADY)
    if set(now_mine) != set(mine) or set(now_theirs) != set(theirs):
        raise CaseworkError(Refusal.PEOPLE_CHANGED)
    evidence = [
        {"kind": piece.kind.value, "messages": list(piece.messages)}
        for piece in between(session, now_mine, now_theirs)
    ]
    roots = [customer_of(session, first, now), customer_of(session, second, now)]
    vip = {
        row.id: row.vip
        for row in session.execute(select(Customer.id, Customer.vip).where(Customer.id.in_(roots)))
    }
    kept, merged = sorted(roots, key=lambda root: (not vip[root], root != roots[0]))
    _settle_homes(session, [*now_mine, *now_theirs])
    row = Merge(kept_id=kept, merged_id=merged, evidence=evidence, merged_at=now, merged_by=actor)
    session.add(row)
    session.flush()
    session.execute(
        update(Identity)
        .where(Identity.customer_id == merged)
        .values(customer_id=kept)
        .execution_options(synchronize_session=False)
    )
    told = {"merge": row.id, "kept": kept, "merged": merged}
    audit(session, actor, Deed.MERGED, now, {None: told})
    return Merged(row.id, weigh_anew(session, [*now_mine, *now_theirs], policy, now))


def split(
    session: Session, actor: int, merge_id: int, now: datetime, policy: Policy
) -> tuple[int, ...]:
    """Take a merge back: whoever came with it goes with it, also what they brought along.

    Returns the cases that were triaged anew. Raises ``CaseworkError`` with ``SPLIT_ALREADY``,
    ``PEOPLE_CHANGED`` or ``NO_SUCH_CUSTOMER``.
    """
    row = session.execute(
        select(Merge.kept_id, Merge.merged_id).where(Merge.id == merge_id)
    ).one_or_none()
    if row is None:
        raise CaseworkError(Refusal.NO_SUCH_CUSTOMER)
    root = _root(session, row.kept_id)
    people = lock_people(
        session, session.scalars(select(Identity.id).where(Identity.customer_id == root)).all()
    )
    held = session.scalars(
        update(Merge)
        .where(Merge.id == merge_id, Merge.split_at.is_(None))
        .values(split_at=now, split_by=actor)
        .returning(Merge.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not held:
        raise CaseworkError(Refusal.SPLIT_ALREADY)
    if _root(session, row.kept_id) != root:
        raise CaseworkError(Refusal.PEOPLE_CHANGED)
    leaving = tree_of(session, row.merged_id)
    session.execute(
        update(Identity)
        .where(
            Identity.customer_id == root,
            func.coalesce(Identity.home_id, Identity.customer_id).in_(leaving),
        )
        .values(customer_id=row.merged_id)
        .execution_options(synchronize_session=False)
    )
    told = {"merge": merge_id, "kept": row.kept_id, "merged": row.merged_id}
    audit(session, actor, Deed.SPLIT, now, {None: told})
    return weigh_anew(session, people, policy, now)


def say_apart(
    session: Session, actor: int, mine: Iterable[int], theirs: Iterable[int], now: datetime
) -> bool:
    """Remember that these are two people: none of the one is suggested for the other again.

    Returns whether that was new.
    """
    others = sorted(set(theirs))
    pairs = sorted((min(a, b), max(a, b)) for a in set(mine) for b in others if a != b)
    if not pairs:
        return False
    new = session.execute(
        insert_into(session, NotSame).on_conflict_do_nothing().returning(NotSame.low_id),
        [{"low_id": low, "high_id": high, "said_at": now, "said_by": actor} for low, high in pairs],
    ).all()
    if new:
        told = {"identities": sorted({key for pair in pairs for key in pair})}
        audit(session, actor, Deed.NOT_SAME, now, {None: told})
    return bool(new)


def lock_people(session: Session, identities: Collection[int]) -> list[int]:
    """Lock these identities, nobody else's to change until the commit; those that there are."""
    return list(
        session.scalars(
            select(Identity.id)
            .where(Identity.id.in_(sorted(set(identities))))
            .order_by(Identity.id)
            .with_for_update(key_share=True)
        )
    )


def customer_of(session: Session, identity_id: int, now: datetime) -> int:
    """The customer of an identity that is locked; made where there was none."""
    found = session.scalar(select(Identity.customer_id).where(Identity.id == identity_id))
    if found is not None:
        return found
    made = Customer(vip=False, created_at=now)
    session.add(made)
    session.flush()
    session.execute(
        update(Identity)
        .where(Identity.id == identity_id)
        .values(customer_id=made.id, home_id=made.id)
        .execution_options(synchronize_session=False)
    )
    return made.id


def tree_of(session: Session, customer_id: int) -> list[int]:
    """This customer and all that were merged into it, directly or through others."""
    found = [customer_id]
    layer = [customer_id]
    while layer:
        layer = list(
            session.scalars(
                select(Merge.merged_id).where(Merge.kept_id.in_(layer), Merge.split_at.is_(None))
            )
        )
        found += layer
    return found


def merges_of(session: Session, customer_id: int) -> Sequence[Merge]:
    """The merges that made this customer what it is, the newest first."""
    return session.scalars(
        select(Merge)
        .where(Merge.kept_id.in_(tree_of(session, customer_id)), Merge.split_at.is_(None))
        .order_by(Merge.id.desc())
    ).all()


def weigh_anew(
    session: Session, identities: Iterable[int], policy: Policy, now: datetime
) -> tuple[int, ...]:
    """Triage the live cases of these people, of whom something else is held now."""
    cases = session.scalars(
        select(Case.id)
        .where(Case.identity_id.in_(sorted(set(identities))), Case.state != CaseState.CLOSED)
        .order_by(Case.id)
    ).all()
    # ORM objects read earlier in this session would hide what was just written.
    session.flush()
    session.expire_all()
    retriage(session, cases, policy, now)
    return tuple(cases)


def _settle_homes(session: Session, identities: Collection[int]) -> None:
    """From now on it takes more than ``customer_id`` to tell where each of these came from."""
    session.execute(
        update(Identity)
        .where(Identity.id.in_(identities), Identity.home_id.is_(None))
        .values(home_id=Identity.customer_id)
        .execution_options(synchronize_session=False)
    )


def _root(session: Session, customer_id: int) -> int:
    found = customer_id
    while True:
        above: Any = session.scalar(
            select(Merge.kept_id).where(Merge.merged_id == found, Merge.split_at.is_(None))
        )
        if above is None:
            return found
        found = above
