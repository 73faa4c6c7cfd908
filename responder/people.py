"""What a person says of customers: blocked, or loyal (VIP). Both weigh on their cases at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from responder.policy import Policy
from responder.record import Deed, Done, audit, one
from responder.retriage import retriage
from shenava.store import Case, CaseState, Customer, Identity, changes


def block(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    """Block the writer of a case: what they write is kept and shown, and triggers nothing."""
    return _set_blocked(session, actor, case_id, now, policy, blocked=True)


def unblock(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    return _set_blocked(session, actor, case_id, now, policy, blocked=False)


def _set_blocked(
    session: Session, actor: int, case_id: int, now: datetime, policy: Policy, *, blocked: bool
) -> Done:
    identity_id = one(session, case_id).identity_id
    moved = session.scalars(
        update(Identity)
        .where(
            Identity.id == identity_id,
            Identity.blocked_at.is_(None) if blocked else Identity.blocked_at.is_not(None),
        )
        .values(blocked_at=now if blocked else None)
        .returning(Identity.id)
    ).all()
    if not moved:
        return Done()
    deed = Deed.BLOCKED if blocked else Deed.UNBLOCKED
    audit(session, actor, deed, now, {case_id: {"identity": identity_id}})
    return _people_changed(session, [identity_id], case_id, now, policy)


def mark_vip(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    """Mark the writer of a case as a loyal customer, who waits less. Makes their customer row."""
    return _set_vip(session, actor, case_id, now, policy, vip=True)


def unmark_vip(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    return _set_vip(session, actor, case_id, now, policy, vip=False)


def _set_vip(
    session: Session, actor: int, case_id: int, now: datetime, policy: Policy, *, vip: bool
) -> Done:
    identity_id = one(session, case_id).identity_id
    # Locked, so that two people at once do not make two customers of one person.
    customer_id = session.scalar(
        select(Identity.customer_id).where(Identity.id == identity_id).with_for_update()
    )
    if customer_id is None:
        if not vip:
            return Done()
        customer = Customer(vip=False, created_at=now)
        session.add(customer)
        session.flush()
        customer_id = customer.id
        session.execute(
            update(Identity).where(Identity.id == identity_id).values(customer_id=customer_id)
        )
    moved = session.scalars(
        update(Customer)
        .where(Customer.id == customer_id, Customer.vip != vip)
        .values(vip=vip)
        .returning(Customer.id)
    ).all()
    if not moved:
        return Done()
    deed = Deed.VIP if vip else Deed.NOT_VIP
    audit(session, actor, deed, now, {case_id: {"customer": customer_id}})
    identities = session.scalars(select(Identity.id).where(Identity.customer_id == customer_id))
    return _people_changed(session, identities.all(), case_id, now, policy)


def _people_changed(
    session: Session, identities: Sequence[int], case_id: int, now: datetime, policy: Policy
) -> Done:
    """What is thought of people weighs on their live cases. ``case_id``: where it was said."""
    live = session.scalars(
        select(Case.id).where(Case.identity_id.in_(identities), Case.state != CaseState.CLOSED)
    ).all()
    # ORM objects read earlier in this session would hide what was just written.
    session.expire_all()
    retriage(session, live, policy, now)
    changes.note(session, [case_id])
    return Done(tuple(sorted({*live, case_id})))
