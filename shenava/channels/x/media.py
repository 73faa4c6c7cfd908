"""Fetching the pictures that hang on posts, from X's picture hosts and nowhere else.

The addresses come from X, but what stands at them was put there by strangers: so the host is
held to a list, redirects are followed on it only, size and time are bounded, and what comes must
look like a picture inside, whatever it calls itself.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urljoin, urlsplit

from requests.auth import AuthBase

from shenava.channels.errors import Rejected, RejectedBecause, Unreachable
from shenava.channels.x.failures import Purpose, of_answer, of_broken
from shenava.channels.x.wire import Answer, Broken, NoAuth, Wire
from shenava.messages import MediaRef

_PUBLIC = ".twimg.com"
_PRIVATE = ("ton.twitter.com", "ton.x.com")
"""Where pictures of private messages lie: given out against an OAuth 1.0a signature only."""
_HOPS = 3


def kind_of_picture(content: bytes) -> str | None:
    """The MIME type that the first bytes show; ``None`` for anything but JPEG, PNG, GIF, WebP.

    SVG is left out on purpose: it can carry scripts.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def fetch(
    wire: Wire, ref: MediaRef, max_bytes: int, now: datetime, signer: AuthBase | None, real: bool
) -> bytes:
    """The bytes of a picture, at most ``max_bytes``.

    ``signer`` signs requests for pictures of private messages, where we have one that can.
    ``real``: this is X itself; else pictures may lie on the host of ``wire`` too.

    Raises ``Rejected`` (``NOT_FOUND``, ``NOT_ALLOWED`` for another host, ``TOO_LARGE``,
    ``NOT_A_PICTURE``), ``RateLimited``, ``Unauthorised`` or ``Unreachable``.
    """
    if ref.url is None:
        raise Rejected(RejectedBecause.NOT_FOUND, "X names no picture")
    url = ref.url
    for _ in range(_HOPS):
        auth = _auth_for(url, wire, signer, real)
        answer = _get(wire, url, auth, max_bytes, now)
        if answer.status == 200:
            break
        if answer.status not in (301, 302, 303, 307, 308):
            raise of_answer(answer, Purpose.READ, now)
        url = urljoin(url, answer.headers.get("location", ""))
    else:
        raise Unreachable("the picture's address leads in circles")
    if kind_of_picture(answer.content) is None:
        raise Rejected(RejectedBecause.NOT_A_PICTURE)
    return answer.content


def _get(wire: Wire, url: str, auth: AuthBase, max_bytes: int, now: datetime) -> Answer:
    try:
        return wire.ask("GET", url, auth=auth, limit=max_bytes)
    except Broken as broken:
        if broken.too_large:
            raise Rejected(RejectedBecause.TOO_LARGE) from None
        raise of_broken(broken, Purpose.READ, now) from None


def _auth_for(url: str, wire: Wire, signer: AuthBase | None, real: bool) -> AuthBase:
    """What to sign a request for ``url`` with. Raises ``Rejected`` for hosts not on the list."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Rejected(RejectedBecause.NOT_ALLOWED, "no address") from None
    if parts.username is not None:
        raise Rejected(RejectedBecause.NOT_ALLOWED, "a name in the address")
    if not real and url.startswith(wire.base_url + "/"):
        return NoAuth()
    if parts.scheme == "https" and port in (None, 443):
        if host.endswith(_PUBLIC):
            return NoAuth()
        if host in _PRIVATE and signer is not None:
            return signer
    raise Rejected(RejectedBecause.NOT_ALLOWED, "another host than X's own")
