"""The addresses of pictures. Signed-in people only; nothing but JPEG and PNG of our own making."""

from __future__ import annotations

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import undefer

from dashboard.answering.target import web_link
from dashboard.context import desk
from dashboard.pictures.shown import Shown, small_size
from shenava.store import Attachment, Message, OutboxRow, Picture

# Held here too, so that no row could make a browser take it for anything else.
_KINDS = {"image/jpeg": "jpg", "image/png": "png"}

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


def whole(picture_id: int) -> ResponseReturnValue:
    """A picture."""
    return _picture(picture_id, small=False)


def small(picture_id: int) -> ResponseReturnValue:
    """The small one, for lists and threads."""
    return _picture(picture_id, small=True)


def _picture(picture_id: int, *, small: bool) -> ResponseReturnValue:
    with desk().store.read() as session:
        found = session.get(Picture, picture_id)
        if found is None or found.mime not in _KINDS:
            abort(404)
        etag = f"{found.sha256}{'-small' if small else ''}"
        if request.if_none_match.contains(etag):
            content = b""
        else:
            column = Picture.thumb if small else Picture.content
            row = session.get_one(
                Picture, picture_id, options=[undefer(column)], populate_existing=True
            )
            content = row.thumb if small else row.content
    response = Response(content, mimetype=found.mime)
    response.set_etag(etag)
    # Asked for anew each time, which is answered "as before": what was removed is shown no more.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = _POLICY
    name = f"picture-{picture_id}.{_KINDS[found.mime]}"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response.make_conditional(request)


def of_message(attachment_id: int) -> ResponseReturnValue:
    """A customer's picture by itself, as large as the window, with its description."""
    with desk().store.read() as session:
        found = session.get(Attachment, attachment_id)
        if found is None or found.picture_id is None:
            abort(404)
        message = session.get_one(Message, found.message_id)
        picture = session.get_one(Picture, found.picture_id)
    shown = Shown(
        found.id,
        found.kind,
        found.alt,
        found.state,
        picture.id,
        *small_size(picture.width, picture.height),
    )
    return render_template(
        "pictures/picture.html",
        shown=shown,
        picture=picture,
        case_id=message.case_id,
        message_id=message.id,
        link=web_link(message.permalink),
        platform=message.platform,
        section="inbox",
    )


def sent(row_id: int) -> ResponseReturnValue:
    """A picture that the shop sends or sent."""
    with desk().store.read() as session:
        row = session.get(OutboxRow, row_id)
        if row is None or row.picture_id is None:
            abort(404)
        picture = session.get_one(Picture, row.picture_id)
    return render_template(
        "pictures/picture.html",
        shown=None,
        alt=row.picture_alt,
        picture=picture,
        case_id=row.case_id,
        row_id=row.id,
        link=web_link(row.permalink),
        platform=None,
        section="inbox" if row.case_id else "posts",
    )
