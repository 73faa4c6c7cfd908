"""A simulated Instagram with its clock, and a bare client of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from rehearsal.instagram import Manners, Served, World, serve
from rehearsal.instagram.model import Comment, Media, Message, User
from rehearsal.remote import Remote
from shenava.clock import SetClock
from support.factories import START

VERSION = "v25.0"


@dataclass
class Place:
    """A simulated Instagram for one test: the server, the clock it lives by, and clients of it."""

    served: Served
    clock: SetClock
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def shop(self) -> User:
        return self.served.sim.shop

    @property
    def world(self) -> World:
        return self.served.world

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        facebook: bool = False,
        token: str | None = None,
        json: Any = None,
        timeout: float = 10,
        **given: Any,
    ) -> requests.Response:
        """One request to ``/v25.0/PATH`` with the shop's token."""
        keys = self.served.credentials
        chosen = keys.facebook_token if facebook else keys.access_token
        self.session.trust_env = False
        return self.session.request(
            method,
            f"{self.served.base_url}/{VERSION}/{path}",
            params={**given, "access_token": chosen if token is None else token},
            json=json,
            timeout=timeout,
        )

    def get(self, path: str, **given: Any) -> Any:
        """What a good request brings."""
        answer = self.ask(path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **given: Any) -> Any:
        answer = self.ask(path, "POST", **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, method: str = "GET", **given: Any) -> tuple[int, int, int | None]:
        """Status, code and subcode of a refusal."""
        answer = self.ask(path, method, **given)
        error = answer.json()["error"]
        assert set(error) >= {"message", "type", "code", "fbtrace_id"}
        return answer.status_code, error["code"], error.get("error_subcode")

    def send(self, recipient: dict[str, str], text: str = "سلام", **more: str) -> dict[str, Any]:
        """What to give to ``post("me/messages", json=…)``."""
        return {"recipient": recipient, "message": {"text": text}, **more}

    def remote(self) -> Remote:
        return Remote(self.served.base_url, self.served.control_token)

    def customer(self, handle: str = "sara", name: str = "سارا", **more: Any) -> User:
        return self.world.add_user(handle, name, **more)

    def own_post(self, caption: str = "گلدان تازه رسید") -> Media:
        return self.world.post(self.shop.id, caption)

    def comment(self, media: Media, words: str = "سفارش من کو؟", handle: str = "sara") -> Comment:
        return self.world.comment(self.customer(handle).id, media.id, words)

    def dm(self, words: str = "سلام", handle: str = "sara", **more: Any) -> Message:
        return self.world.message(self.customer(handle).id, self.shop.id, words, **more)

    def close(self) -> None:
        self.session.close()


@contextmanager
def simulated_instagram(*, fetch_local: bool = False) -> Iterator[Place]:
    """A simulated Instagram with a shop and no customers, whose clock stands until moved."""
    clock = SetClock(START)
    world = World(clock)
    with serve(world, manners=Manners(fetch_local=fetch_local)) as served:
        place = Place(served, clock)
        try:
            yield place
        finally:
            place.close()
    world.close()
