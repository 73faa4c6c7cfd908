"""The pages of customers: the list, one customer, and two that may be one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.answering import words as says
from dashboard.context import desk
from dashboard.customers import words
from dashboard.customers.people import Face, Listed, listed
from dashboard.customers.person import Person, evidence_between, names_of_staff, person
from dashboard.customers.queries import page
from dashboard.customers.timeline import timeline
from dashboard.customers.wanted import Show, Wanted, read
from dashboard.inbox import words as inbox_words
from dashboard.inbox.queries import Hit, cursor
from dashboard.inbox.rows import Row, rows
from dashboard.inbox.thread import anything
from dashboard.inbox.wanted import row_number
from dashboard.reader import me
from responder.casework import NOTE_LIMIT
from responder.likeness import EvidenceKind, likeness, strength
from responder.suggesting import person_of
from shenava.store import Case


def index() -> ResponseReturnValue:
    """Customers, last heard of first."""
    wanted = read(request.args)
    after = cursor(request.args.get("after"))
    with desk().store.read() as session:
        found = page(session, wanted, after)
        shown = listed(session, found.ids)
        some = bool(shown) or anything(session)
    return render_template(
        "customers/list.html",
        customers=shown,
        page=found,
        after=after,
        anything=some,
        **around(wanted),
    )


def one(identity_id: int) -> ResponseReturnValue:
    """The customer that this identity belongs to. ``before``: where the timeline goes on;
    ``merged``: a merge that was just made, to be taken back."""
    before = cursor(request.args.get("before"))
    with desk().store.read() as session:
        people = names_of_staff(session)
        found = _found(session, identity_id, people)
        written = timeline(session, found.identity_ids, before, me().id, people)
        merged = _just_merged(session, found, row_number(request.args.get("merged")))
    return render_template(
        "customers/page.html",
        person=found,
        timeline=written,
        before=before,
        merged=merged,
        **around(Wanted()),
    )


def choose(identity_id: int) -> ResponseReturnValue:
    """Look for the other one, to merge this customer with."""
    wanted = read(request.args)
    after = cursor(request.args.get("after"))
    with desk().store.read() as session:
        found = _found(session, identity_id, {})
        listed_page = page(session, wanted, after) if wanted.words else None
        ids = listed_page.ids if listed_page else ()
        shown = [who for who in listed(session, ids) if who.id not in found.identity_ids]
    return render_template(
        "customers/choose.html",
        person=found,
        customers=shown,
        page=listed_page,
        **around(wanted),
    )


def compare(identity_id: int, other_id: int) -> ResponseReturnValue:
    """Two customers beside each other, what speaks for their being one, and what will hold."""
    with desk().store.read() as session:
        mine, theirs = _who(session, identity_id), _who(session, other_id)
        if other_id in {face.identity_id for face in mine.faces}:
            return redirect(url_for("customers.one", identity_id=identity_id))
        evidence = evidence_between(session, identity_id, other_id)
        sides = [
            {
                "who": who,
                "ids": ".".join(str(key) for key in person_of(session, who.id)),
                "newest": _newest_case(session, who),
            }
            for who in (mine, theirs)
        ]
    return render_template(
        "customers/compare.html",
        identity_id=identity_id,
        other_id=other_id,
        sides=sides,
        evidence=evidence,
        strength=strength(likeness(evidence)),
        **around(Wanted()),
    )


def around(wanted: Wanted) -> dict[str, Any]:
    """What every template of customers works with."""
    return {
        "wanted": wanted,
        "Show": Show,
        "told": words,
        "words": inbox_words,
        "says": says,
        "note_limit": NOTE_LIMIT,
        "list_url": list_url,
        "names_of": names_of,
        "kinds_of": kinds_of,
    }


def list_url(wanted: Wanted, after: object = "") -> str:
    """The address of a list of customers."""
    return url_for("customers.index", **wanted.args(), after=str(after) if after else None)


def names_of(faces: Sequence[Face]) -> Markup:
    """Who these are, each apart from the direction of the words around it."""
    return Markup(" · ").join(
        Markup("{} <bdi>{}</bdi>").format(
            inbox_words.PLATFORMS[face.platform], face.handle or face.name
        )
        for face in faces
    )


def kinds_of(kinds: Sequence[str]) -> str:
    """Kinds of evidence in words, each once."""
    told = dict.fromkeys(str(words.KINDS[EvidenceKind(kind)]) for kind in kinds)
    return "; ".join(told)


def _found(session: Session, identity_id: int, people: dict[int, str]) -> Person:
    found = person(session, identity_id, me().id, people)
    if found is None:
        abort(404)
    return found


def _who(session: Session, identity_id: int) -> Listed:
    found = listed(session, [identity_id])
    if not found:
        abort(404)
    return found[0]


def _newest_case(session: Session, who: Listed) -> Row | None:
    """What they wrote last: words help to tell people apart."""
    ids: Sequence[int] = [face.identity_id for face in who.faces]
    newest = session.scalar(
        select(Case.id)
        .where(Case.identity_id.in_(ids))
        .order_by(Case.last_message_at.desc(), Case.id.desc())
        .limit(1)
    )
    found = rows(session, [Hit(newest)], me().id) if newest is not None else []
    return found[0] if found else None


def _just_merged(session: Session, found: Person, merge_id: int | None) -> int | None:
    """The merge that the address names, if it is of this customer and still holds."""
    return merge_id if merge_id in {joint.id for joint in found.joints} else None
