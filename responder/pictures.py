"""Pictures that colleagues attach: made anew, kept, and let go of when nothing holds them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shenava.pictures import Made, NotAPicture, TooManyPixels, remade
from shenava.store import Attachment, OutboxRow, Picture

KEEP_UNSENT = timedelta(days=2)
"""How long a picture stays that was attached and never sent: a draft may wait overnight."""


def keep(session: Session, made: Made, now: datetime, uploaded_by: int | None = None) -> Picture:
    """A row for a picture."""
    picture = Picture(
        sha256=made.sha256,
        mime=made.mime,
        width=made.width,
        height=made.height,
        size=len(made.content),
        content=made.content,
        thumb=made.thumb,
        created_at=now,
        uploaded_by=uploaded_by,
    )
    session.add(picture)
    session.flush()
    return picture


def as_drawn(content: bytes, now: datetime) -> Picture:
    """A row, not written yet, for a picture that Shenava drew itself: sent as it was drawn."""
    try:
        made = remade(content)
    except (NotAPicture, TooManyPixels):
        made = Made(content, content, "image/png", 1, 1)
    mime = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    return Picture(
        sha256=hashlib.sha256(content).hexdigest(),
        mime=mime,
        width=made.width,
        height=made.height,
        size=len(content),
        content=content,
        thumb=made.thumb if made.mime == mime else content,
        created_at=now,
    )


def let_go(session: Session, before: datetime) -> int:
    """Remove pictures made before ``before`` that no message and no row of the outbox has; returns
    how many."""
    held = (
        select(Attachment.id).where(Attachment.picture_id == Picture.id).exists(),
        select(OutboxRow.id).where(OutboxRow.picture_id == Picture.id).exists(),
    )
    gone = session.scalars(
        delete(Picture)
        .where(Picture.created_at < before, ~held[0], ~held[1])
        .returning(Picture.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(gone)
