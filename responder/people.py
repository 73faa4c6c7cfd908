"""What a person says of customers: blocked, loyal (VIP), or that they want to hear no more. All
of it weighs on their cases at once.

Who did it from a case says so (``case_id``): the line of the trail then stands in that case's
history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from responder.merging import customer_of, lock_people
from responder.policy import Policy
from responder.record import CaseworkError, Deed, Done, Refusal, audit, locked
from responder.retriage import retriage
from responder.suggesting import person_of
from shenava.store import Case, CaseState, Customer, Identity, changes


def block(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    """Block the writer of a case."""
    writer = writer_of(session, case_id)
    return set_blocked(session, actor, writer, now, policy, on=True, case_id=case_id)


def unblock(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    writer = writer_of(session, case_id)
    return set_blocked(session, actor, writer, now, policy, on=False, case_id=case_id)


def mark_vip(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    """Mark the writer of a case as a loyal customer."""
    writer = writer_of(session, case_id)
    return set_vip(session, actor, writer, now, policy, on=True, case_id=case_id)


def unmark_vip(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    writer = writer_of(session, case_id)
    return set_vip(session, actor, writer, now, policy, on=False, case_id=case_id)


def writer_of(session: Session, case_id: int) -> int:
    """Who wrote a case. Not locked: a case stays its writer's, and people come before cases."""
    identity_id = session.scalar(select(Case.identity_id).where(Case.id == case_id))
    if identity_id is None:
        raise CaseworkError(Refusal.NO_SUCH_CASE)
    return identity_id


def set_blocked(
    session: Session,
    actor: int,
    identity_id: int,
    now: datetime,
    policy: Policy,
    *,
    on: bool,
    case_id: int | None = None,
) -> Done:
    """Block a person on one platform, or no longer: what they write is kept and shown, and
    triggers nothing."""
    _require(session, identity_id)
    moved = session.scalars(
        update(Identity)
        .where(
            Identity.id == identity_id,
            Identity.blocked_at.is_(None) if on else Identity.blocked_at.is_not(None),
        )
        .values(blocked_at=now if on else None)
        .returning(Identity.id)
    ).all()
    if not moved:
        return Done()
    deed = Deed.BLOCKED if on else Deed.UNBLOCKED
    told = {"identity": identity_id}
    return _people_changed(session, actor, deed, [identity_id], case_id, told, now, policy)


def set_opted_out(
    session: Session,
    actor: int,
    identity_id: int,
    now: datetime,
    policy: Policy,
    *,
    on: bool,
) -> Done:
    """Write down what someone told staff: they want to hear nothing more, or they do again."""
    _require(session, identity_id)
    moved = session.scalars(
        update(Identity)
        .where(
            Identity.id == identity_id,
            Identity.opted_out_at.is_(None) if on else Identity.opted_out_at.is_not(None),
        )
        .values(opted_out_at=now if on else None, opt_word_at=now)
        .returning(Identity.id)
    ).all()
    if not moved:
        return Done()
    deed = Deed.OPTED_OUT if on else Deed.OPTED_IN
    told = {"identity": identity_id}
    return _people_changed(session, actor, deed, [identity_id], None, told, now, policy)


def set_vip(
    session: Session,
    actor: int,
    identity_id: int,
    now: datetime,
    policy: Policy,
    *,
    on: bool,
    case_id: int | None = None,
) -> Done:
    """Mark a person, on all their platforms, as a loyal customer who waits less; or no longer.
    Makes their customer row."""
    # All of the person at once, in their order. Locked, so that two people at once do not make
    # two customers of one person.
    _require(session, identity_id)
    lock_people(session, person_of(session, identity_id))
    known = session.scalar(select(Identity.customer_id).where(Identity.id == identity_id))
    if known is None and not on:
        return Done()
    customer_id = customer_of(session, identity_id, now)
    moved = session.scalars(
        update(Customer)
        .where(Customer.id == customer_id, Customer.vip != on)
        .values(vip=on)
        .returning(Customer.id)
    ).all()
    if not moved:
        return Done()
    deed = Deed.VIP if on else Deed.NOT_VIP
    told = {"customer": customer_id}
    # Who was merged in while we waited for the lock is part of them now.
    person = person_of(session, identity_id)
    return _people_changed(session, actor, deed, person, case_id, told, now, policy)


def _require(session: Session, identity_id: int) -> None:
    if session.scalar(select(Identity.id).where(Identity.id == identity_id)) is None:
        raise CaseworkError(Refusal.NO_SUCH_CUSTOMER)


def _people_changed(
    session: Session,
    actor: int,
    deed: Deed,
    identities: Sequence[int],
    case_id: int | None,
    told: dict[str, int],
    now: datetime,
    policy: Policy,
) -> Done:
    """What is thought of people weighs on their live cases. ``case_id``: where it was said."""
    theirs = session.scalars(
        select(Case.id).where(Case.identity_id.in_(identities), Case.state != CaseState.CLOSED)
    ).all()
    here = [] if case_id is None else [case_id]
    # ORM objects read earlier in this session would hide what was just written.
    session.expire_all()
    cases = locked(session, [*theirs, *here])
    live = [row.id for row in cases if row.state is not CaseState.CLOSED]
    audit(session, actor, deed, now, {case_id: told})
    retriage(session, live, policy, now)
    changes.note(session, here)
    return Done(tuple(sorted({*live, *here})))
