"""What a page shows of a message's pictures: the picture, or in words why it is not here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shenava.messages import MediaKind
from shenava.store import Attachment, AttachmentState, Picture

_THUMB_SIDE = 180
"""Pixels on the page of the longer side of a small picture, which has twice as many."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture or film of a message. ``picture_id``: of the picture of it, where it is here;
    ``width`` and ``height`` are then of the small one on the page."""

    id: int
    kind: MediaKind
    alt: str
    state: AttachmentState
    picture_id: int | None
    width: int
    height: int

    @property
    def is_film(self) -> bool:
        return self.kind in (MediaKind.VIDEO, MediaKind.ANIMATION)


def pictures_of(session: Session, message_ids: Iterable[int]) -> dict[int, tuple[Shown, ...]]:
    """What hangs on these messages, in order; a message with nothing is left out."""
    found: dict[int, list[Shown]] = defaultdict(list)
    asked = (
        select(
            Attachment.id,
            Attachment.message_id,
            Attachment.kind,
            Attachment.alt,
            Attachment.state,
            Attachment.picture_id,
            Picture.width,
            Picture.height,
        )
        .outerjoin(Picture, Picture.id == Attachment.picture_id)
        .where(Attachment.message_id.in_(list(message_ids)))
        .order_by(Attachment.message_id, Attachment.place, Attachment.id)
    )
    for row in session.execute(asked):
        width, height = small_size(row.width or 0, row.height or 0)
        found[row.message_id].append(
            Shown(row.id, row.kind, row.alt, row.state, row.picture_id, width, height)
        )
    return {key: tuple(group) for key, group in found.items()}


def small_size(width: int, height: int) -> tuple[int, int]:
    """How large a picture of this size is shown when it is shown small, in pixels of the page."""
    longest = max(width, height, 1)
    if longest <= _THUMB_SIDE:
        return width, height
    return max(1, width * _THUMB_SIDE // longest), max(1, height * _THUMB_SIDE // longest)
