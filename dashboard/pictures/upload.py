"""Taking a picture that a colleague attaches. It is made anew at once, and kept, so that a form
that is shown again has it still; what is never sent goes after two days."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request
from sqlalchemy.orm import Session

from dashboard.context import desk
from dashboard.i18n import Lazy, lazy
from dashboard.inbox.wanted import row_number
from dashboard.pictures.shown import small_size
from dashboard.reader import me
from responder import pictures
from responder.circumstances import PlatformRules
from shenava.messages import Deed
from shenava.pictures import LONGEST, Made, NotAPicture, TooManyPixels, remade
from shenava.store import Picture
from shenava.text import clean

MOST_BYTES = 20 * 1024 * 1024
"""Of one upload: a photograph as a phone makes it. It is sent far smaller."""

ALT_LIMIT = 1_000
"""Letters of a description (X: "Media metadata", docs.x.com, read 2026-08-28)."""

SENT_BYTES = 5 * 1024 * 1024
"""What every platform takes that we send pictures to (X: "Media best practices")."""

_SMALLER = (LONGEST, 1_400, 900)

_WITH_PICTURES = frozenset({"answering.answer", "posts.new"})


class NoPicture(ValueError):
    """What was given cannot be attached; ``sentence`` says why."""

    def __init__(self, sentence: Lazy) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Attached:
    """A picture that is attached to what is being written. ``fresh``: it just came, so nobody has
    seen yet how it will be sent."""

    id: int
    width: int
    height: int
    alt: str = ""
    fresh: bool = False


def install(app: Flask) -> None:
    """Let the forms that take a picture be as large as one; all others stay small."""

    def make_room() -> None:
        if request.endpoint in _WITH_PICTURES:
            request.max_content_length = MOST_BYTES

    app.before_request(make_room)


def takes_pictures(known: PlatformRules | None, deed: Deed) -> bool:
    """Whether a picture's bytes can be sent with ``deed`` on a platform."""
    asked = getattr(known, "takes_picture", None)
    return bool(asked and asked(deed))


def attached() -> Attached | None:
    """The picture of the form: one that just came, or one that was attached before.

    Raises :class:`NoPicture` when what came is none. With ``do=detach`` there is none.
    """
    form = request.form
    alt = clean(form.get("picture_alt", ""))[0].strip()[:ALT_LIMIT]
    if form.get("do") == "detach":
        return None
    given = request.files.get("picture")
    if given is not None and given.filename:
        made = _made(given.stream.read(MOST_BYTES + 1))
        with desk().store.write() as session:
            row = pictures.keep(session, made, desk().store.clock.now(), me().id)
            return _attached(row, alt, fresh=True)
    number = row_number(form.get("picture_id"))
    if number is None:
        return None
    with desk().store.read() as session:
        return known(session, number, alt)


def known(session: Session, picture_id: int, alt: str) -> Attached | None:
    """A picture that a colleague attached before; no other can be sent."""
    row = session.get(Picture, picture_id)
    return _attached(row, alt) if row is not None and row.uploaded_by is not None else None


def _attached(row: Picture, alt: str, *, fresh: bool = False) -> Attached:
    return Attached(row.id, *small_size(row.width, row.height), alt, fresh)


def _made(content: bytes) -> Made:
    try:
        for longest in _SMALLER:
            made = remade(content, longest)
            if len(made.content) <= SENT_BYTES:
                return made
    except NotAPicture:
        raise NoPicture(
            lazy(
                "This is no picture that can be sent. Choose a JPEG, PNG or WebP. Nothing was sent."
            )
        ) from None
    except TooManyPixels:
        pass
    raise NoPicture(lazy("The picture is too large. Make it smaller. Nothing was sent."))
