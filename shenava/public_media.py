"""Addresses at which a platform fetches one picture of ours, for some minutes, without a session.

Instagram takes no bytes: it is told where a picture is and fetches it. The address is signed, so
that it can neither be guessed nor be made to last; it opens one picture and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta

PATH = "/media/public/"
LASTS = timedelta(minutes=30)
"""Meta fetches within seconds; a slow one, or a second try, within minutes."""

_SEAL = 20
"""Bytes of the signature: far too many to guess within the time it is good for."""


class BadToken(Exception):
    """It was not made here, was changed, or is over."""


def public_media_url(base: str, key: bytes, picture_id: int, until: datetime) -> str:
    """Where ``picture_id`` can be fetched until ``until`` (aware). ``base``: the address at which
    platforms reach us (``Settings.outside``); ``key``: :func:`dashboard.secret.derived`."""
    return f"{base.rstrip('/')}{PATH}{media_token(key, picture_id, until)}"


def media_token(key: bytes, picture_id: int, until: datetime) -> str:
    """The last part of such an address."""
    said = picture_id.to_bytes(8, "big") + int(until.timestamp()).to_bytes(8, "big")
    return urlsafe_b64encode(said + _sealed(key, said)).decode().rstrip("=")


def picture_of(key: bytes, token: str, now: datetime) -> int:
    """Which picture a token opens. Raises :class:`BadToken`."""
    try:
        whole = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotBase64, ValueError):
        raise BadToken from None
    said, seal = whole[:16], whole[16:]
    # A second way to write the same bytes is another token, and none of ours.
    is_ours = hmac.compare_digest(seal, _sealed(key, said)) and len(whole) == 16 + _SEAL
    if not is_ours or urlsafe_b64encode(whole).decode().rstrip("=") != token:
        raise BadToken
    if now.astimezone(UTC).timestamp() >= int.from_bytes(said[8:], "big"):
        raise BadToken
    return int.from_bytes(said[:8], "big")


def _sealed(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, hashlib.sha256)[:_SEAL]
