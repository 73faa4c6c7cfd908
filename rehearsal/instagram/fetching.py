"""Fetches a picture from the address that a client gave, as Meta's servers would.

Meta's machines stand outside: an address on the shop's own machine or network means nothing to
them. So loopback and private addresses are refused, unless a rehearsal says that they may be used
(there is no other network in a rehearsal). Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

TIMEOUT_S = 10.0


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = build_opener(ProxyHandler({}), _NoRedirect)


def fetch(url: str, *, local: bool, most: int) -> bytes | None:
    """What lies there, at most ``most`` + 1 bytes of it (so that one can see that it is more);
    ``None`` where it cannot be had. ``local``: this machine may be asked, and nothing else."""
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        return None
    if not _may_ask(split.hostname, local=local):
        return None
    try:
        with _OPENER.open(Request(url), timeout=TIMEOUT_S) as answer:  # noqa: S310 - http only
            content: bytes = answer.read(most + 1)
    except (URLError, OSError, ValueError):
        return None
    return content


def _may_ask(host: str, *, local: bool) -> bool:
    """Outside of a rehearsal public addresses only, in a rehearsal loopback only: nothing that is
    rehearsed may leave the machine."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    addresses = [ipaddress.ip_address(str(one).partition("%")[0]) for one in found]
    if local:
        return all(one.is_loopback for one in addresses)
    return all(one.is_global for one in addresses)
