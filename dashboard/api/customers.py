"""Customers: lists, one of them, and who is who. The docstrings stand in the API's document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.api import asked, shapes
from dashboard.api.paging import onward, place
from dashboard.api.problems import Kind, Problem, invalid, not_found
from dashboard.api.serving import writing
from dashboard.api.tokens import Caller
from dashboard.context import desk
from dashboard.customers.people import Face, Listed, listed
from dashboard.customers.person import Maybe, NoteView, Person, names_of_staff, person
from dashboard.customers.queries import page
from dashboard.customers.wanted import Show, Wanted
from responder import customer_notes, merging, people
from responder.record import CaseworkError, Refusal
from responder.suggesting import person_of
from shenava.store import CustomerNote, User

_NOBODY = 0
"""Tokens read nothing: no row has this number."""


def list_customers(caller: Caller, query: asked.CustomerQuery) -> shapes.CustomerPage:
    """List customers. Last heard of first, narrowed by a list and a search of names."""
    wanted = Wanted(show=Show(query.show.value), words=" ".join((query.q or "").split()))
    with desk().store.read() as session:
        found = page(session, wanted, place(query, query.cursor), query.limit)
        items = [_summary(who) for who in listed(session, found.ids)]
    return shapes.CustomerPage(items=items, next=onward(query, found.next))


def get_customer(caller: Caller, customer_id: int) -> shapes.CustomerWhole:
    """Read one customer. Any of their identities names them, also after a merge or a split."""
    with desk().store.read() as session:
        return _whole(session, customer_id)


def mark_customer(
    caller: Caller, customer_id: int, body: asked.MarkCustomer
) -> shapes.CustomerWhole:
    """Mark a customer as VIP, or no longer. Their open cases are triaged anew at once."""
    with _doing(caller, customer_id) as session:
        now = desk().store.clock.now()
        people.set_vip(session, caller.maker, customer_id, now, desk().policy, on=body.vip)
        return _whole(session, customer_id)


def write_customer_note(
    caller: Caller, customer_id: int, body: asked.WriteNote, key: str
) -> shapes.Note:
    """Write a note about a customer. For colleagues; asked again with the same key, the note that
    was written then is answered."""
    with _doing(caller, customer_id) as session:
        number = customer_notes.write_note(
            session,
            caller.maker,
            customer_id,
            desk().store.clock.now(),
            body.text,
            principal=caller.principal,
            key=key,
        )
        row = session.execute(
            select(CustomerNote, User.name)
            .join(User, User.id == CustomerNote.user_id)
            .where(CustomerNote.id == number)
        ).one()
        return shapes.Note(
            id=str(number),
            text=row.CustomerNote.text,
            by=shapes.Staff(id=str(row.CustomerNote.user_id), name=row.name),
            written_at=row.CustomerNote.written_at,
        )


def merge_customers(
    caller: Caller, customer_id: int, body: asked.MergeCustomers
) -> shapes.CustomerMerged:
    """Make two customers one. With `identities`, only if each is still who you saw; what they were
    can be had back by a split."""
    with _doing(caller, customer_id) as session:
        mine = person_of(session, customer_id)
        theirs = person_of(session, int(body.other))
        if not theirs:
            raise invalid("There is no such customer.", pointer="#/other")
        if body.identities is not None and {int(one) for one in body.identities} != {
            *mine,
            *theirs,
        }:
            raise Problem(Kind.PEOPLE_CHANGED, Refusal.PEOPLE_CHANGED.value)
        now = desk().store.clock.now()
        done = merging.merge(session, caller.maker, mine, theirs, now, desk().policy)
        return shapes.CustomerMerged(
            merge_id=str(done.merge_id), customer=_whole(session, customer_id)
        )


def split_customer(
    caller: Caller, customer_id: int, body: asked.SplitCustomer
) -> shapes.CustomerWhole:
    """Take a merge back. Both are as they were before it."""
    with _doing(caller, customer_id) as session:
        found = person(session, customer_id, _NOBODY, {})
        number = int(body.merge)
        if found is not None and number not in {joint.id for joint in found.joints}:
            raise Problem(Kind.SPLIT_ALREADY, "This customer has no such merge, or no longer.")
        merging.split(session, caller.maker, number, desk().store.clock.now(), desk().policy)
        return _whole(session, customer_id)


@contextmanager
def _doing(caller: Caller, customer_id: int) -> Iterator[Session]:
    """A transaction for one customer; what cannot be done is a problem."""
    try:
        with writing(caller) as session:
            if not person_of(session, customer_id):
                raise not_found("customer")
            yield session
    except CaseworkError as error:
        raise _problem(error) from None


_KINDS = {
    Refusal.PEOPLE_CHANGED: Kind.PEOPLE_CHANGED,
    Refusal.SAME_ALREADY: Kind.SAME_ALREADY,
    Refusal.SPLIT_ALREADY: Kind.SPLIT_ALREADY,
    Refusal.KEY_REUSED: Kind.KEY_REUSED,
}


def _problem(error: CaseworkError) -> Problem:
    if error.refusal is Refusal.NO_SUCH_CUSTOMER:
        return not_found("customer")
    kind = _KINDS.get(error.refusal)
    return invalid(str(error), pointer="#/text") if kind is None else Problem(kind, str(error))


def _whole(session: Session, customer_id: int) -> shapes.CustomerWhole:
    # What was written in this transaction is read anew.
    session.flush()
    session.expire_all()
    found = person(session, customer_id, _NOBODY, names_of_staff(session))
    if found is None:
        raise not_found("customer")
    return shapes.CustomerWhole(
        **_summary(found.who).model_dump(),
        messages=found.counts.messages,
        cases=found.counts.cases,
        complaints=found.counts.complaints,
        first_answer_seconds=_seconds(found),
        open_case_ids=[str(row.id) for row in found.live],
        notes=[_note(note) for note in found.notes],
        merges=[
            shapes.CustomerMerge(
                id=str(joint.id),
                identities=[_identity(face) for face in joint.faces],
                by=joint.by,
                merged_at=joint.at,
                evidence=list(joint.evidence),
            )
            for joint in found.joints
        ],
        maybe=[_maybe(one) for one in found.maybe],
    )


def _seconds(found: Person) -> int | None:
    mean = found.counts.first_answer
    return None if mean is None else round(mean.total_seconds())


def _summary(who: Listed) -> shapes.CustomerSummary:
    return shapes.CustomerSummary(
        id=str(who.id),
        name=who.name,
        vip=who.vip,
        identities=[_identity(face) for face in who.faces],
        open_cases=who.open_cases,
        last_message_at=who.last_at,
    )


def _identity(face: Face) -> shapes.Identity:
    return shapes.Identity(
        id=str(face.identity_id),
        platform=face.platform,
        name=face.name,
        handle=face.handle,
        followers=face.followers,
        blocked_at=face.blocked_at,
        opted_out_at=face.opted_out_at,
    )


def _note(note: NoteView) -> shapes.Note:
    return shapes.Note(
        id=str(note.id),
        text=note.text,
        by=shapes.Staff(id=str(note.by.id), name=note.by.name),
        written_at=note.written_at,
    )


def _maybe(one: Maybe) -> shapes.MaybeSame:
    return shapes.MaybeSame(
        identities=[_identity(face) for face in one.who.faces],
        strength=one.strength.value,
        evidence=[piece.kind.value for piece in one.evidence],
    )
