"""The simulated Instagram of ``bench_kill``: it is read, and tells unasked, by signed webhooks that
come twice, in no order, and sometimes never."""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.kill_parts import HIDDEN_SHARE, TIMEOUTS, FastClock, Hider, Opened, Truth
from rehearsal.__main__ import write_connection
from rehearsal.faults import Faults
from rehearsal.instagram import World, serve
from rehearsal.instagram.limits import Limits
from rehearsal.instagram.simulator import Simulator
from service.channels import Keys, Kind
from service.instagram_accounts import InstagramWays
from service.stored_keys import unpacked_token
from shenava.channels import Profile
from shenava.channels.instagram import InstagramChannel, Login
from shenava.channels.rules import Limit
from shenava.messages import Deed, MessageKind, Platform, Source

PEOPLE = 300
"""So many that nobody writes the twenty messages beyond which Instagram shows none."""

POSTS = 6
LOST_BODIES, DOUBLED_BODIES = 0.15, 0.3
"""Shares of webhooks that never come, and that come twice."""

_ENDLESS = 10**9


class HidingWorld(Hider, World):
    """An Instagram that loses some of what it took in without an answer. Of what was taken away
    again nobody is told, as where a filter did it."""

    def answered(self, number: int, how: str) -> None:
        super().answered(number, how)
        line = self.ledger[number - 1]
        if not self.hides(how):
            return
        with self.lock:
            told, self.listeners = self.listeners, []
            if line.deed == "comment":
                self.delete_comment(line.result_id)
            elif line.deed in ("message", "private_reply"):
                self.unsend(line.result_id)
            self.listeners = told


@dataclass(slots=True)
class InstagramStage:
    """See :class:`benchmarks.kill_parts.Stage`."""

    sim: Simulator
    world: HidingWorld
    people: list[str]
    posts: list[str]
    draw: random.Random
    folder: Path
    count: int = 0

    @property
    def faults(self) -> Faults:
        return self.sim.faults

    def write(self, count: int) -> None:
        """Three comments, of which one answers another, for each two private messages."""
        for _ in range(count):
            self.count += 1
            author, kind = self.draw.choice(self.people), self.draw.randrange(5)
            if kind < 2:
                self.world.message(author, self.sim.shop.id, f"my payment {self.count} is lost")
                continue
            post = self.draw.choice(self.posts)
            under = self.world.comments_of(post)
            first = self.draw.choice(under[:20]).id if kind == 2 and under else None
            text = f"where is order {self.count}?"
            self.world.comment(author, post, text, reply_to=first)

    def hide_lost(self) -> None:
        self.world.hiding = HIDDEN_SHARE

    def orders(self) -> Mapping[str, Callable[..., object]]:
        return {
            "point": self.point,
            "hurry": self.hurry,
            "waiting": self.waiting,
            "told": self.told,
        }

    def point(self, url: str, token: str, seed: str) -> str:
        """Webhooks are delivered there from now on, with all that goes wrong with them."""
        hooks = self.sim.webhooks
        hooks.sent = deque()
        hooks.set_ways(
            batch=4, lose=LOST_BODIES, double=DOUBLED_BODIES, shuffle=True, seed=int(seed)
        )
        try:
            hooks.point_to(url, token)
        except ValueError as error:
            return f"{error}"
        return "done"

    def hurry(self) -> None:
        """Nobody learns anything from waiting for the hours between later tries."""
        self.sim.webhooks.hurry(self.world.clock.now())

    def waiting(self) -> int:
        """How many bodies are still to be told."""
        return int(self.sim.webhooks.state()["waiting"])

    def told(self) -> str:
        """Writes down what was answered with 200; in figures, how webhooks went."""
        hooks = self.sim.webhooks
        hashes = {hashlib.sha256(body).hexdigest() for body in hooks.sent}
        (self.folder / "told").write_text("\n".join(sorted(hashes)), encoding="ascii")
        state = hooks.state()
        return f"{state['told']} {state['failed']} {state['lost']} {state['given_up']}"


class FastWays(InstagramWays):
    """The rules of Instagram without its paces."""

    def limits_of(self, what: Deed) -> tuple[Limit, ...]:
        return ()


class InstagramSide:
    """See :class:`benchmarks.kill_parts.Side`."""

    platform = Platform.INSTAGRAM
    page = 50

    @contextmanager
    def serve(self, folder: Path, clock: FastClock, seed: int) -> Iterator[InstagramStage]:
        world = HidingWorld(clock, folder / "instagram.journal")
        world.draw = random.Random(seed + 2)
        with serve(world, tick=0.05) as served:
            sim = served.sim
            sim.rates.limits = Limits(
                conversations_a_second=_ENDLESS,
                sends_a_second=_ENDLESS,
                private_replies_an_hour=_ENDLESS,
                calls_for_each_engaged=_ENDLESS,
                calls_for_each_impression=_ENDLESS,
            )
            write_connection(served, folder, "instagram")
            people = [world.add_user(f"customer{n}", f"Customer {n}").id for n in range(PEOPLE)]
            posts = [world.post(sim.shop.id, f"new arrivals, {n}").id for n in range(POSTS)]
            yield InstagramStage(sim, world, people, posts, random.Random(seed), folder)
        world.close()

    def account(self, told: Mapping[str, Any]) -> Opened:
        keys = told["credentials"]
        return Opened(
            handle=keys["username"],
            native_id=keys["user_id"],
            secrets={"app_id": keys["app_id"], "app_secret": keys["app_secret"]},
            credentials={
                "access_token": keys["access_token"],
                "login": Login.INSTAGRAM.value,
                "expires_at": keys["expires_at"],
            },
            feeds={Source.COMMENT: "", Source.INBOX: ""},
        )

    def kind(self, clock: FastClock, base_url: str) -> Kind:
        def make(keys: Keys) -> InstagramChannel:
            assert keys.native_id is not None
            return InstagramChannel(
                unpacked_token(keys.secrets, keys.credentials),
                clock,
                base_url=base_url,
                timeout=TIMEOUTS,
                profile=Profile(keys.native_id, keys.handle, keys.handle, None),
            )

        return Kind(make, FastWays())

    def deed(self, kind: MessageKind, number: int) -> Deed:
        if kind is MessageKind.DM:
            return Deed.DM
        return Deed.PRIVATE_REPLY if number % 2 else Deed.ANSWER

    def truth(self, folder: Path, clock: FastClock) -> Truth:
        world = World(clock, folder / "instagram.journal")
        shop = world.named("noora_shop")
        assert shop is not None
        written = {one.id for one in world.comments.values() if one.author_id != shop.id}
        written |= {one.id for one in world.messages.values() if one.sender_id != shop.id}
        deeds = ("comment", "message", "private_reply")
        taken_in = [one for one in world.ledger if one.deed in deeds]
        gone = {one.id for one in world.comments.values() if one.deleted_at is not None}
        gone |= {one.id for one in world.messages.values() if one.unsent_at is not None}
        hidden = {one.text for one in taken_in if one.result_id in gone}
        world.close()
        return Truth(frozenset(written), taken_in, frozenset(hidden))
