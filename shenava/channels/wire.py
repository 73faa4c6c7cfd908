"""HTTP to a platform: one request, one whole answer, or the truth about why there is none.

What the libraries below leave open is settled here:

* every request has time-outs, and an end to the whole of it however slowly the answer drips;
* every request has a connection of its own: a kept one may have died since it was last used,
  and then nobody could tell whether the request arrived;
* whether any of a request *left* the machine is known, not guessed: a send whose first byte
  was handed over has an unknown outcome when no answer comes, one whose was not has none;
* a cut body is told from a short one;
* keys go nowhere but into the request: not into logs, errors or other hosts.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_BODY_LIMIT = 16 * 1024 * 1024
"""Bytes. A page of a hundred long posts with all that hangs on them stays far below."""

# It writes whole addresses at DEBUG, and on some platforms a key stands in them.
logging.getLogger("urllib3").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``connect``: to reach the host; ``read``: between two pieces of an answer;
    ``total``: for the whole of a request."""

    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: whatever its status, all of its body came."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ``ValueError`` when it is none."""
        value = json.loads(self.content)
        if not isinstance(value, dict):
            raise ValueError("the body is no JSON object")
        return value


class Broken(Exception):
    """No whole answer. ``left``: at least a part of the request may have reached the other side.
    ``status`` is that of an answer whose body was cut; ``None`` when there was no answer.
    ``too_large``: it was we who cut it."""

    def __init__(
        self,
        why: str,
        *,
        left: bool,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        too_large: bool = False,
    ) -> None:
        super().__init__(why)
        self.left = left
        self.status = status
        self.headers = headers or {}
        self.too_large = too_large


@dataclass(slots=True)
class _Watch:
    left: bool = False


_watch: ContextVar[_Watch | None] = ContextVar("_watch", default=None)


class _Marks:
    """Mixed into a connection: marks the watch when the first byte of a request is handed over.

    What is said while connecting (TLS, the CONNECT to a proxy) is not yet the request.
    """

    _connecting = False

    def connect(self) -> None:
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        if not self._connecting:
            if getattr(self, "sock", None) is None:
                self.connect()
            watch = _watch.get()
            if watch is not None:
                watch.left = True
        super().send(data)  # type: ignore[misc]


class _Connection(_Marks, HTTPConnection):
    pass


class _TlsConnection(_Marks, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    """Connections that know whether a request left. Tries once: retrying is not ours to do."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class NoAuth(AuthBase):
    """For requests that carry no key. Without it `requests` would look for one in ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Bearer(AuthBase):
    """OAuth 2.0."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Wire:
    """Requests to one host. ``base_url`` without a trailing slash.

    Raises ``ValueError`` for an address that is not https, unless it is on this machine: keys
    do not travel in the clear.
    """

    def __init__(self, base_url: str, timeouts: Timeouts | None = None) -> None:
        parts = urlsplit(base_url)
        local = _is_local(parts.hostname)
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ValueError("the base address must be http(s)://host[:port]")
        if parts.scheme == "http" and not local:
            raise ValueError("plain http is only for this machine")
        self.base_url = base_url.rstrip("/")
        self.host = parts.hostname
        self.timeouts = timeouts or Timeouts()
        self._trust_env = not local

    def ask(
        self,
        method: str,
        url: str,
        *,
        auth: AuthBase,
        limit: int = _BODY_LIMIT,
        **content: Any,
    ) -> Answer:
        """Make one request. ``url`` is a path, or a whole address.

        ``content`` is what `requests` takes: ``params``, ``json``, ``data``, ``files``.
        ``limit``: bytes of body; more count as broken.

        Raises :class:`Broken`.
        """
        if url.startswith("/"):
            url = self.base_url + url
        with self._session() as session, _watching() as watch:
            end = time.monotonic() + self.timeouts.total
            try:
                response = session.request(
                    method,
                    url,
                    auth=auth,
                    stream=True,
                    allow_redirects=False,
                    timeout=(self.timeouts.connect, self.timeouts.read),
                    **content,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise Broken(type(error).__name__, left=watch.left) from None
            with response:
                body = _body(response, end, limit)
                return Answer(response.status_code, response.headers, body)

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = self._trust_env
        session.headers["User-Agent"] = "shenava"
        session.mount("https://", _Adapter())
        session.mount("http://", _Adapter())
        return session


def _is_local(host: str | None) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host or "").is_loopback
    return False


@contextmanager
def _watching() -> Iterator[_Watch]:
    watch = _Watch()
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def _body(response: requests.Response, end: float, limit: int) -> bytes:
    """The whole body, or ``Broken``. ``end`` is on the monotonic clock."""
    pieces = []
    size = 0
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _broken_body("body too large", response, too_large=True)
    try:
        # read1 hands out what has come; read would wait for a full block however slowly it drips
        while piece := response.raw.read1(65_536, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise _broken_body("body too large", response, too_large=True)
            if time.monotonic() > end:
                raise _broken_body("body too slow", response)
        _hold_length(response)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _broken_body(type(error).__name__, response) from None
    return b"".join(pieces)


def _hold_length(response: requests.Response) -> None:
    """Raise ``ValueError`` when fewer bytes came than were announced."""
    if response.raw.length_remaining:
        raise ValueError("fewer bytes than announced")


def _broken_body(why: str, response: requests.Response, *, too_large: bool = False) -> Broken:
    return Broken(
        why,
        left=True,
        status=response.status_code,
        headers=response.headers,
        too_large=too_large,
    )
