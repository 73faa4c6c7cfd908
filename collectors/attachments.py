"""What hangs on messages, as it is delivered: named here, fetched by :mod:`collectors.pictures`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, delete, func, literal, or_, update
from sqlalchemy.orm import Session

from collectors.editions import Family, mark_of
from shenava.messages import Incoming, MediaKind, MediaRef
from shenava.store import Attachment, AttachmentState, Picture
from shenava.store.bulk import insert_into


def take_in(
    session: Session, families: Iterable[Family], replaced: set[int], now: datetime
) -> None:
    """Store the attachments of the versions that the messages show.

    Deliveries of one version may tell more or less of it (an import tells nothing): what any of
    them told is kept. ``replaced``: messages that show another version since this batch; what
    does not hang on that is taken away, picture and all.
    """
    for family in families:
        if family.known is not None and family.known.removed:
            continue
        shown = _deliveries(family, family.message_id in replaced)
        told: dict[str, tuple[int, MediaRef]] = {}
        for item in shown:
            for place, ref in enumerate(item.media):
                had = told.get(ref.key)
                if had is None or (not had[1].alt and ref.alt) or had[1].url is None:
                    told[ref.key] = (place, ref)
        if family.message_id in replaced:
            _take_away(session, family.message_id, set(told))
            for key, (place, ref) in told.items():
                _redescribe(session, family.message_id, key, place, ref)
        for key in sorted(told):
            _upsert(session, family.message_id, *told[key], now)


def _deliveries(family: Family, replaced: bool) -> list[Incoming]:
    """The deliveries of the version that the message shows now."""
    if family.known is not None and not replaced:
        return [item for item in family.items if family.known.shows(item)]
    newest = family.newest
    version = (newest.native_key, mark_of(newest.edition))
    return [item for item in family.items if (item.native_key, mark_of(item.edition)) == version]


def _upsert(session: Session, message_id: int, place: int, ref: MediaRef, now: datetime) -> None:
    state = AttachmentState.WAITING
    if ref.kind in (MediaKind.VOICE, MediaKind.FILE):
        # Nothing to be seen of it; it is heard or read on its platform.
        state, ref = AttachmentState.NOT_A_PICTURE, replace(ref, url=None)
    elif ref.url is None:
        state = AttachmentState.GONE
    statement = insert_into(session, Attachment).values(
        message_id=message_id,
        key=ref.key,
        kind=ref.kind,
        place=place,
        alt=ref.alt,
        width=ref.width,
        height=ref.height,
        url=ref.url,
        state=state,
        attempts=0,
        try_at=now if ref.url is not None else None,
    )
    told: Any = statement.excluded
    # Known before without an address: now there is one to fetch it from.
    found = and_(Attachment.url.is_(None), told.url.is_not(None))
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["message_id", "key"],
            set_={
                "url": func.coalesce(told.url, Attachment.url),
                "alt": case((Attachment.alt == "", told.alt), else_=Attachment.alt),
                "width": func.coalesce(Attachment.width, told.width),
                "height": func.coalesce(Attachment.height, told.height),
                "state": case(
                    (found, literal(AttachmentState.WAITING, Attachment.state.type)),
                    else_=Attachment.state,
                ),
                "try_at": case((found, told.try_at), else_=Attachment.try_at),
            },
        )
    )


def _redescribe(session: Session, message_id: int, key: str, place: int, ref: MediaRef) -> None:
    """A picture that is here and hangs on the newer version too, as that describes it."""
    session.execute(
        update(Attachment)
        .where(Attachment.message_id == message_id, Attachment.key == key)
        .values(kind=ref.kind, place=place, alt=ref.alt, url=ref.url)
        .execution_options(synchronize_session=False)
    )


def _take_away(session: Session, message_id: int, but: set[str]) -> None:
    """Take away what does not hang on the version that is shown now, and what is not here yet: the
    newer version tells of it anew."""
    gone = session.execute(
        delete(Attachment)
        .where(
            Attachment.message_id == message_id,
            or_(Attachment.key.not_in(but), Attachment.state != AttachmentState.KEPT),
        )
        .returning(Attachment.picture_id)
        .execution_options(synchronize_session=False)
    ).scalars()
    pictures = [number for number in gone if number is not None]
    if pictures:
        session.execute(delete(Picture).where(Picture.id.in_(pictures)))
