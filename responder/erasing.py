"""Erasing a person: all they wrote, and all that names them, on every platform they are known on.

What stays: that somebody wrote, when and where, what was counted of it, and a seal
(:mod:`shenava.store.erased`) by which old messages are not taken in again, and the wish to be left
alone holds. What they are told in answer is about them, so the words of answers go here as well;
on the platforms they stand where they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from responder.casework import close
from responder.circumstances import body_hash
from responder.policy import Policy
from responder.record import Deed, audit, locked
from responder.retriage import retriage
from shenava.store import (
    Attachment,
    Case,
    CaseState,
    Clue,
    Conversation,
    CustomerNote,
    ErasedKey,
    Identity,
    IdentityHandle,
    Merge,
    Message,
    MessageVersion,
    Note,
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    Picture,
    Post,
    RemovedBecause,
    changes,
)
from shenava.store.bulk import insert_into
from shenava.store.erased import sealed
from shenava.store.removal import forget_bodies, forget_words, strip

_QUIET = {"synchronize_session": False}

_GONE = "erased"
"""Stands where a row must name somebody."""


class ErasingError(Exception):
    """Nothing was erased; ``str()`` is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasing came to. ``identities``: the rows of the person, on all platforms."""

    identities: tuple[int, ...]
    messages: int
    cases: tuple[int, ...]


def erase_person(
    session: Session,
    identity_id: int,
    now: datetime,
    policy: Policy,
    *,
    actor: int | None = None,
) -> Erased:
    """Erase the person that an identity belongs to, on all identities of the same customer.

    1. Find and lock the identities. 2. Seal their keys. 3. Make tombstones of their messages, and
    let go of the raw bodies of webhooks. 4. Forget names, handles, clues, notes, and the words of
    what was sent to them. 5. Close their
    cases. 6. One line in the trail, without a name.

    Part of the caller's transaction, which must be one of ``Store.write_alone(Alone.INTAKE)``: so
    nothing of theirs comes in meanwhile. Erased twice, it changes nothing. Raises
    :class:`ErasingError` when there is nobody, or an answer to them is leaving just now.
    """
    people = _person(session, identity_id)
    ids = [row.id for row in people]
    cases = session.scalars(select(Case.id).where(Case.identity_id.in_(ids))).all()
    _refuse_while_sending(session, ids, cases)
    _seal(session, people, now)
    messages = session.scalars(select(Message.id).where(Message.identity_id.in_(ids))).all()
    _forget_posts(session, ids)
    stripped = strip(session, messages, RemovedBecause.ERASED, now)
    _forget_bodies(session, people)
    rows = locked(session, cases)
    for case in rows:
        case.waiting_since = None
    session.flush()
    _forget_outbox(session, ids, cases)
    _forget_notes(session, people, cases)
    _forget_names(session, people, now)
    live = [row.id for row in rows if row.state is not CaseState.CLOSED]
    close(session, actor, live, now)
    retriage(session, cases, policy, now)
    forget_words(session)
    first = min(cases, default=None)
    told = {"identities": ids, "messages": len(stripped)}
    audit(session, actor, Deed.ERASED, now, {first: told})
    changes.note(session, cases)
    return Erased(tuple(ids), len(stripped), tuple(sorted(cases)))


def _person(session: Session, identity_id: int) -> Sequence[Identity]:
    customer = select(Identity.customer_id).where(Identity.id == identity_id).scalar_subquery()
    found = session.scalars(
        select(Identity)
        .where(or_(Identity.id == identity_id, Identity.customer_id == customer))
        .order_by(Identity.id)
        .with_for_update(of=Identity, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if not any(row.id == identity_id for row in found):
        raise ErasingError("There is no such person. Nothing was changed.")
    return found


def _of_them(ids: Collection[int], cases: Collection[int]) -> ColumnElement[bool]:
    return or_(OutboxRow.identity_id.in_(ids), OutboxRow.case_id.in_(cases))


def _refuse_while_sending(session: Session, ids: Collection[int], cases: Collection[int]) -> None:
    leaving = session.scalar(
        select(OutboxRow.id)
        .where(
            _of_them(ids, cases),
            OutboxRow.state.in_((OutboxState.CLAIMED, OutboxState.SENDING)),
        )
        .limit(1)
    )
    if leaving is not None:
        raise ErasingError(
            "An answer to this person is being sent right now. Nothing was changed; try again in "
            "a minute."
        )


def _seal(session: Session, people: Sequence[Identity], now: datetime) -> None:
    for row in people:
        if row.erased_at is not None:
            continue
        handles = session.scalars(
            select(IdentityHandle.handle).where(IdentityHandle.identity_id == row.id)
        ).all()
        by_handle = {f"handle:{handle.casefold()}" for handle in (*handles, row.handle) if handle}
        statement = insert_into(session, ErasedKey)
        for key in sorted({row.key, *by_handle}):
            session.execute(
                statement.values(
                    platform=row.platform,
                    seal=sealed(session, row.platform, key),
                    erased_at=now,
                    opted_out=row.opted_out_at is not None,
                    blocked=row.blocked_at is not None,
                ).on_conflict_do_update(
                    index_elements=["platform", "seal"],
                    set_={
                        "erased_at": now,
                        "opted_out": row.opted_out_at is not None,
                        "blocked": row.blocked_at is not None,
                    },
                )
            )


def _forget_bodies(session: Session, people: Sequence[Identity]) -> None:
    """What platforms told of them stands in the raw bodies of webhooks too."""
    for row in people:
        handles = session.scalars(
            select(IdentityHandle.handle).where(IdentityHandle.identity_id == row.id)
        ).all()
        kind, _, native_id = row.key.partition(":")
        named = {one for one in (*handles, row.handle) if one}
        forget_bodies(session, row.platform, named | ({native_id} if kind == "id" else set()))


def _forget_posts(session: Session, ids: Collection[int]) -> None:
    """The addresses of posts that they wrote have their handle in them."""
    posts = select(Conversation.post_id).where(
        Conversation.identity_id.in_(ids), Conversation.post_id.is_not(None)
    )
    shown = select(Message.native_key).where(Message.identity_id.in_(ids))
    before = (
        select(MessageVersion.native_key)
        .join(Message, Message.id == MessageVersion.message_id)
        .where(Message.identity_id.in_(ids))
    )
    session.execute(
        update(Post)
        .where(Post.id.in_(posts), or_(Post.native_key.in_(shown), Post.native_key.in_(before)))
        .values(permalink=None)
        .execution_options(**_QUIET)
    )


def _forget_outbox(session: Session, ids: Collection[int], cases: Collection[int]) -> None:
    """The words of what was or would be sent to them. What has not left does not leave."""
    pictures = set()
    for row in session.scalars(
        select(OutboxRow)
        .where(_of_them(ids, cases))
        .order_by(OutboxRow.id)
        .with_for_update(of=OutboxRow)
        .execution_options(populate_existing=True)
    ):
        if not row.state.is_final and row.state is not OutboxState.UNKNOWN:
            row.state = OutboxState.CANCELLED
        if row.picture_id is not None:
            pictures.add(row.picture_id)
        row.text, row.picture_alt, row.picture_id, row.picture = "", "", None, None
        row.to_native_id = _GONE if row.to_native_id is not None else None
        row.look_at = None
        row.evidence = {}
        row.body_hash = body_hash(row)
    session.flush()
    session.execute(
        update(OwnMessageRow)
        .where(or_(OwnMessageRow.identity_id.in_(ids), OwnMessageRow.case_id.in_(cases)))
        .values(text="")
        .execution_options(**_QUIET)
    )
    held = (
        select(OutboxRow.id).where(OutboxRow.picture_id == Picture.id).exists(),
        select(Attachment.id).where(Attachment.picture_id == Picture.id).exists(),
    )
    if pictures:
        session.execute(
            delete(Picture)
            .where(Picture.id.in_(pictures), ~held[0], ~held[1])
            .execution_options(**_QUIET)
        )


def _forget_notes(session: Session, people: Sequence[Identity], cases: Collection[int]) -> None:
    session.execute(
        update(Note).where(Note.case_id.in_(cases)).values(text="").execution_options(**_QUIET)
    )
    customers = {row.customer_id for row in people} | {row.home_id for row in people}
    wanted = {number for number in customers if number is not None}
    # Those that were merged into them keep notes of their own.
    while more := set(
        session.scalars(
            select(Merge.merged_id).where(
                Merge.kept_id.in_(wanted),
                Merge.merged_id.not_in(wanted),
                Merge.split_at.is_(None),
            )
        )
    ):
        wanted |= more
    session.execute(
        update(CustomerNote)
        .where(CustomerNote.customer_id.in_(wanted))
        .values(text="")
        .execution_options(**_QUIET)
    )


def _forget_names(session: Session, people: Sequence[Identity], now: datetime) -> None:
    ids = [row.id for row in people]
    for row_type in (IdentityHandle, Clue):
        session.execute(
            delete(row_type).where(row_type.identity_id.in_(ids)).execution_options(**_QUIET)
        )
    for row in people:
        row.key = f"{_GONE}:{row.id}"
        row.handle = row.name = row.followers = None
        row.erased_at = row.erased_at or now
    session.flush()
