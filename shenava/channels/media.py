"""Fetching the pictures that hang on messages, from the platform's picture hosts and nowhere else.

The addresses come from the platform, but what stands at them was put there by strangers: so the
host is held to a list, redirects are followed on it only, size and time are bounded, and what
comes must look like a picture inside, whatever it calls itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from requests.auth import AuthBase

from shenava.channels.errors import Rejected, RejectedBecause, Unreachable
from shenava.channels.talk import Purpose, Talk
from shenava.channels.wire import Answer, Broken, NoAuth, Wire
from shenava.messages import MediaRef

_HOPS = 3


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where a platform's pictures lie. ``open``: given to anyone; a name that begins with a dot
    stands for all hosts below it. ``signed``: given against ``signer`` only. ``rehearsal``: the
    base address of a simulated platform, where pictures may lie too."""

    open: tuple[str, ...]
    signed: tuple[str, ...] = ()
    signer: AuthBase | None = field(default=None, repr=False)
    rehearsal: str | None = None

    def auth_for(self, url: str) -> AuthBase:
        """What to sign a request for ``url`` with. Raises ``Rejected`` for other hosts."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Rejected(RejectedBecause.NOT_ALLOWED, "no address") from None
        if parts.username is not None:
            raise Rejected(RejectedBecause.NOT_ALLOWED, "a name in the address")
        if self.rehearsal is not None and url.startswith(self.rehearsal + "/"):
            return NoAuth()
        if parts.scheme == "https" and port in (None, 443):
            if any(_is_of(host, name) for name in self.open):
                return NoAuth()
            if host in self.signed and self.signer is not None:
                return self.signer
        raise Rejected(RejectedBecause.NOT_ALLOWED, "another host than the platform's own")


def _is_of(host: str, name: str) -> bool:
    return host.endswith(name) if name.startswith(".") else host == name


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
    wire: Wire, talk: Talk, ref: MediaRef, max_bytes: int, now: datetime, hosts: Hosts
) -> bytes:
    """The bytes of a picture, at most ``max_bytes``.

    Raises ``Rejected`` (``NOT_FOUND``, ``NOT_ALLOWED`` for another host, ``TOO_LARGE``,
    ``NOT_A_PICTURE``), ``RateLimited``, ``Unauthorised`` or ``Unreachable``.
    """
    if ref.url is None:
        raise Rejected(RejectedBecause.NOT_FOUND, f"{talk.name} names no picture")
    url = ref.url
    for _ in range(_HOPS):
        answer = _get(wire, talk, url, hosts.auth_for(url), max_bytes, now)
        if answer.status == 200:
            break
        if answer.status not in (301, 302, 303, 307, 308):
            raise talk.of_answer(answer, Purpose.READ, now)
        url = urljoin(url, answer.headers.get("location", ""))
    else:
        raise Unreachable("the picture's address leads in circles")
    if kind_of_picture(answer.content) is None:
        raise Rejected(RejectedBecause.NOT_A_PICTURE)
    return answer.content


def _get(wire: Wire, talk: Talk, url: str, auth: AuthBase, max_bytes: int, now: datetime) -> Answer:
    try:
        return wire.ask("GET", url, auth=auth, limit=max_bytes)
    except Broken as broken:
        if broken.too_large:
            raise Rejected(RejectedBecause.TOO_LARGE) from None
        raise talk.of_broken(broken, Purpose.READ, now) from None
