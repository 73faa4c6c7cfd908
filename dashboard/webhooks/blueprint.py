"""The addresses that platforms knock at. No session, no form token: a signature opens them."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, abort, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from collectors import inbound
from dashboard.auth.roles import public
from dashboard.context import desk
from dashboard.webhooks.doors import Doors, doors
from shenava.channels.webhooks import Receiver
from shenava.messages import Platform
from shenava.public_media import BadToken, picture_of

log = logging.getLogger(__name__)

LARGEST = 4 * 1024 * 1024
"""Bytes of one body. Meta sends at most a thousand updates at once ("Webhooks: Getting Started",
read 2026-11-22); a private message with addresses of pictures has some two thousand letters."""

TRY_AGAIN_S = 30

knocking = Blueprint("knocking", __name__)


@public
def door(platform: str, app_id: int) -> Response:
    """``POST``: a body. Stored, then 200; not stored, then 503, so that it is sent again.
    ``GET``: the platform tries the address (the handshake)."""
    found = doors()
    known = Platform(platform) if platform in list(Platform) else None
    receiver = found.secrets.receiver(known) if found and known else None
    if found is None or known is None or receiver is None:
        abort(404)
    if request.method != "POST":
        return _handshake(found, known, app_id, receiver)
    # More than a form may have, for this address alone.
    request.max_content_length = LARGEST
    if request.mimetype != "application/json":
        return _say(415, "only JSON is taken here")
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _say(413, "this is too large")
    try:
        return _take(found, known, app_id, receiver, body)
    except SQLAlchemyError:
        log.exception("a webhook of %s could not be stored; the platform will send it again", known)
        return _say(503, "not stored, send it again", again=TRY_AGAIN_S)


def _take(
    found: Doors, platform: Platform, app_id: int, receiver: Receiver, body: bytes
) -> Response:
    secret = found.secrets.secret(platform, app_id)
    if secret is None:
        abort(404)
    headers = {name.lower(): value for name, value in request.headers.items()}
    store, now = desk().store, desk().store.clock.now()
    if not receiver.is_signed(headers, body, secret):
        if not found.pace.takes(app_id, now):
            return _say(429, "too many bodies without a good signature", again=60)
        with store.write() as session:
            inbound.note_bad(session, app_id, now)
        log.warning("a webhook for app %d of %s had no good signature", app_id, platform)
        return _say(403, "the signature is wrong")
    kept = {name: headers[name][:300] for name in receiver.kept_headers if name in headers}
    with store.write() as session:
        inbound.keep(session, platform, app_id, body, kept, now)
    return _say(200, "")


def _handshake(found: Doors, platform: Platform, app_id: int, receiver: Receiver) -> Response:
    answer = receiver.challenge(request.args, found.verify_token(platform, app_id))
    if answer is None:
        return _say(403, "this is not the word that was agreed")
    try:
        with desk().store.write() as session:
            inbound.note_tried(session, app_id, desk().store.clock.now())
    except SQLAlchemyError:
        log.exception("the trial of a webhook's address could not be noted")
        return _say(503, "not now, try again", again=TRY_AGAIN_S)
    return _say(200, answer[:200])


def _say(status: int, text: str, again: int | None = None) -> Response:
    """For programs, not for people: one line, never a page."""
    answer = Response(text, status, content_type="text/plain; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    if again is not None:
        answer.headers["Retry-After"] = str(again)
    return answer


@public
def picture(token: str) -> Response:
    """One picture, for as long as its address is good; for all else there is nothing here."""
    found = doors()
    if found is None:
        abort(404)
    try:
        number = picture_of(found.key, token, desk().store.clock.now())
    except BadToken:
        return _say(404, "there is nothing at this address")
    content = found.pictures(number)
    if content is None:
        return _say(404, "there is nothing at this address")
    answer = Response(content, content_type="image/jpeg")
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


knocking.add_url_rule("/webhooks/<platform>/<int:app_id>", "door", door, methods=["GET", "POST"])
knocking.add_url_rule("/media/public/<token>", "picture", picture)
