"""A real tweepy client of a simulated X, and the simulated X itself with its clock."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import tweepy
from requests.adapters import HTTPAdapter

from rehearsal.remote import Remote
from rehearsal.x import Served, World, serve
from rehearsal.x.model import Post, User
from shenava.clock import SetClock
from support.factories import START

ORIGINS = ("https://api.twitter.com", "https://upload.twitter.com", "https://pbs.twimg.com")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c626001000000050001a5f645400000000049454e44ae426082"
)
"""A PNG of one pixel."""


class ToSimulator(HTTPAdapter):
    """Takes requests for X to the simulator, after they were signed for X."""

    def __init__(self, base_url: str, timeout: float) -> None:
        super().__init__()
        self._base, self._timeout = base_url, timeout

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        split = urlsplit(request.url or "")
        query = f"?{split.query}" if split.query else ""
        request.url = f"{self._base}{split.path}{query}"
        options["timeout"] = options.get("timeout") or self._timeout
        return super().send(request, **options)


def mounted(session: requests.Session, base_url: str, timeout: float = 10) -> requests.Session:
    """The session, with all of X's hosts led to the simulator."""
    session.trust_env = False  # no proxy between us and loopback
    for origin in ORIGINS:
        session.mount(origin, ToSimulator(base_url, timeout))
    return session


@dataclass
class Place:
    """A simulated X for one test: the server, the clock it lives by, and clients of it."""

    served: Served
    clock: SetClock
    sessions: list[requests.Session]

    @property
    def shop(self) -> User:
        return self.served.sim.shop

    def client(self, *, timeout: float = 10, bearer: str | None = None, **more: Any) -> Any:
        """A tweepy client with the shop's OAuth 1.0a keys; ``bearer`` for a token of OAuth 2.0."""
        keys = self.served.credentials
        client = (
            tweepy.Client(bearer, **more)
            if bearer is not None
            else tweepy.Client(
                None,
                keys.consumer_key,
                keys.consumer_secret,
                keys.access_token,
                keys.access_token_secret,
                **more,
            )
        )
        self.sessions.append(mounted(client.session, self.served.base_url, timeout))
        return client

    def session(self) -> requests.Session:
        """A session without keys, to the same place."""
        session = mounted(requests.Session(), self.served.base_url)
        self.sessions.append(session)
        return session

    def signed_session(self) -> requests.Session:
        """A session that signs with the shop's OAuth 1.0a keys."""
        keys = self.served.credentials
        session = self.session()
        session.auth = tweepy.OAuth1UserHandler(
            keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret
        ).apply_auth()
        return session

    def remote(self) -> Remote:
        return Remote(self.served.base_url, self.served.control_token)

    def customer(self, handle: str = "sara", name: str = "سارا", **more: Any) -> User:
        return self.served.world.add_user(handle, name, **more)

    def mention(self, words: str = "سفارش من کو؟", handle: str = "sara", **more: Any) -> Post:
        """A customer writes to the shop in public."""
        author = self.customer(handle)
        return self.served.world.post(author.id, f"@{self.shop.username} {words}", **more)

    def close(self) -> None:
        for session in self.sessions:
            session.close()


@contextmanager
def simulated_x() -> Iterator[Place]:
    """A simulated X with a shop and no customers, whose clock stands at ``START`` until moved."""
    clock = SetClock(START)
    world = World(clock)
    with serve(world) as served:
        place = Place(served, clock, [])
        try:
            yield place
        finally:
            place.close()
    world.close()


def raw_exchange(base_url: str, request: bytes, *, timeout: float = 10) -> bytes:
    """Send bytes, and read until the other side closes. Raises ``OSError`` as the socket does."""
    split = urlsplit(base_url)
    with socket.create_connection((split.hostname or "", split.port or 0), timeout) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer
