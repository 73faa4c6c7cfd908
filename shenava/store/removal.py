"""Tombstones: what goes when a message is removed, and what stays.

Text, bytes as received, search words, the words that decided, pictures, earlier versions and links
go. The row, its place, its verdict and its facts stay, so that nothing is taken in again and every
count equals its list. The pipeline comes by once more, to decide on the case without it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from shenava.messages import Platform
from shenava.store.customers import Clue
from shenava.store.inbound import InboundEvent, InboundState
from shenava.store.learning import forget_lessons
from shenava.store.media import Attachment, Picture
from shenava.store.messages import Message, MessageVersion, RemovedBecause, VerdictRow

PIECE = 5_000
"""Messages in one statement."""


class Stripped(NamedTuple):
    """A message of which only its place is left now."""

    message_id: int
    case_id: int


def strip(
    session: Session, message_ids: Collection[int], because: RemovedBecause, now: datetime
) -> list[Stripped]:
    """Make tombstones of messages; returns those that were none before. Locks them in the order of
    all, before any case."""
    wanted = sorted(set(message_ids))
    done: list[Stripped] = []
    for begin in range(0, len(wanted), PIECE):
        done += _strip(session, wanted[begin : begin + PIECE], because, now)
    return done


def _strip(
    session: Session, message_ids: Collection[int], because: RemovedBecause, now: datetime
) -> list[Stripped]:
    rows = session.execute(
        select(Message.id, Message.case_id, Message.text)
        .where(Message.id.in_(message_ids), Message.removed_at.is_(None))
        .order_by(Message.id)
        .with_for_update(key_share=True)
    ).all()
    found = [Stripped(row.id, row.case_id) for row in rows]
    ids = [row.message_id for row in found]
    if not ids:
        return []
    quiet = {"synchronize_session": False}
    before = session.scalars(
        select(MessageVersion.text).where(
            MessageVersion.message_id.in_(ids), MessageVersion.text.is_not(None)
        )
    )
    said = {row.text for row in rows} | {words for words in before if words}
    forget_lessons(session, ids, said - {""}, now)
    session.execute(
        update(Message)
        .where(Message.id.in_(ids))
        .values(
            text="",
            raw=None,
            search_text="",
            permalink=None,
            about_url=None,
            judge_after=now,
            look_at=None,
            removed_at=now,
            removed_because=because,
        )
        .execution_options(**quiet)
    )
    session.execute(
        update(MessageVersion)
        .where(MessageVersion.message_id.in_(ids))
        .values(text=None, raw=None)
        .execution_options(**quiet)
    )
    session.execute(
        update(VerdictRow)
        .where(VerdictRow.message_id.in_(ids))
        .values(why=[])
        .execution_options(**quiet)
    )
    # What they told of their author is not known from them any more.
    session.execute(delete(Clue).where(Clue.message_id.in_(ids)).execution_options(**quiet))
    pictures = session.scalars(
        delete(Attachment)
        .where(Attachment.message_id.in_(ids))
        .returning(Attachment.picture_id)
        .execution_options(**quiet)
    ).all()
    kept = [number for number in pictures if number is not None]
    if kept:
        session.execute(delete(Picture).where(Picture.id.in_(kept)).execution_options(**quiet))
    return found


def forget_words(session: Session) -> None:
    """Let go of the words of removed messages in the search index too. SQLite's keeps a word until
    its parts are merged; PostgreSQL's vacuum does it by itself."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO message_search(message_search) VALUES ('optimize')"))


def forget_bodies(session: Session, platform: Platform, native_ids: Collection[str]) -> int:
    """Remove the bodies that hold one of these ids, of people who are being erased or of messages
    that were taken back; returns how many. What still waits is taken in first (intake knows who was
    erased) and goes then."""
    found = 0
    # As JSON writes them; Meta escapes the slash.
    for written in sorted({f'"{one}"' for one in native_ids}):
        needle = written.replace("/", "\\/").encode()
        holds = (
            func.instr(InboundEvent.body, needle)
            if session.get_bind().dialect.name == "sqlite"
            else func.pg_catalog.position(InboundEvent.body, needle)
        )
        of_them = (InboundEvent.platform == platform, holds > 0)
        waiting = session.connection().execute(
            update(InboundEvent)
            .where(*of_them, InboundEvent.state == InboundState.WAITING)
            .values(forget=True)
        )
        gone = session.connection().execute(
            delete(InboundEvent).where(*of_them, InboundEvent.state != InboundState.WAITING)
        )
        found += int(waiting.rowcount) + int(gone.rowcount)
    return found
