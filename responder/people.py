"""What a person says of customers: blocked, or loyal (VIP). Both weigh on their cases at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, aliased

from responder.policy import Policy
from responder.record import CaseworkError, Deed, Done, Refusal, audit, locked
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
    identity_id = _writer(session, case_id)
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
    told = {"identity": identity_id}
    return _people_changed(session, actor, deed, [identity_id], case_id, told, now, policy)


def mark_vip(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    """Mark the writer of a case as a loyal customer, who waits less. Makes their customer row."""
    return _set_vip(session, actor, case_id, now, policy, vip=True)


def unmark_vip(session: Session, actor: int, case_id: int, now: datetime, policy: Policy) -> Done:
    return _set_vip(session, actor, case_id, now, policy, vip=False)


def _set_vip(
    session: Session, actor: int, case_id: int, now: datetime, policy: Policy, *, vip: bool
) -> Done:
    identity_id = _writer(session, case_id)
    # All of the person at once, in their order. Locked, so that two people at once do not make
    # two customers of one person.
    own = aliased(Identity)
    customer = select(own.customer_id).where(own.id == identity_id).scalar_subquery()
    person = {
        row.id: row.customer_id
        for row in session.execute(
            select(Identity.id, Identity.customer_id)
            .where(or_(Identity.id == identity_id, Identity.customer_id == customer))
            .order_by(Identity.id)
            .with_for_update(key_share=True)
        )
    }
    customer_id = person[identity_id]
    if customer_id is None:
        if not vip:
            return Done()
        made = Customer(vip=False, created_at=now)
        session.add(made)
        session.flush()
        customer_id = made.id
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
    told = {"customer": customer_id}
    return _people_changed(session, actor, deed, list(person), case_id, told, now, policy)


def _writer(session: Session, case_id: int) -> int:
    """Who wrote a case. Not locked: a case stays its writer's, and people come before cases."""
    identity_id = session.scalar(select(Case.identity_id).where(Case.id == case_id))
    if identity_id is None:
        raise CaseworkError(Refusal.NO_SUCH_CASE)
    return identity_id


def _people_changed(
    session: Session,
    actor: int,
    deed: Deed,
    identities: Sequence[int],
    case_id: int,
    told: dict[str, int],
    now: datetime,
    policy: Policy,
) -> Done:
    """What is thought of people weighs on their live cases. ``case_id``: where it was said."""
    theirs = session.scalars(
        select(Case.id).where(Case.identity_id.in_(identities), Case.state != CaseState.CLOSED)
    ).all()
    # ORM objects read earlier in this session would hide what was just written.
    session.expire_all()
    cases = locked(session, [*theirs, case_id])
    live = [row.id for row in cases if row.state is not CaseState.CLOSED]
    audit(session, actor, deed, now, {case_id: told})
    retriage(session, live, policy, now)
    changes.note(session, [case_id])
    return Done(tuple(sorted({*live, case_id})))
