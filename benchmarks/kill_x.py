"""The simulated X of ``bench_kill``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.kill_parts import HIDDEN_SHARE, TIMEOUTS, FastClock, Hider, Opened, Truth
from rehearsal.__main__ import write_connection
from rehearsal.faults import Faults
from rehearsal.x import World, serve
from rehearsal.x.limits import Limit as XLimit
from rehearsal.x.simulator import Simulator
from service.channels import Keys, Kind
from service.x_accounts import XWays
from shenava.channels import Profile
from shenava.channels.rules import Limit
from shenava.channels.x import OAuth1, XChannel, query_of
from shenava.messages import Deed, MessageKind, Platform, Source

SEARCHED = "noora"
"""What the search feed looks for; some public posts have it and do not name the shop."""

PEOPLE = 300


class HidingWorld(Hider, World):
    """An X that loses some of what it took in without an answer."""

    def answered(self, number: int, how: str) -> None:
        super().answered(number, how)
        line = self.ledger[number - 1]
        # X hides no private message; and refuses no repeat of one.
        if line.deed == "post" and self.hides(how):
            self.delete(line.result_id)


@dataclass(slots=True)
class XStage:
    """See :class:`benchmarks.kill_parts.Stage`."""

    sim: Simulator
    world: HidingWorld
    people: list[str]
    draw: random.Random
    count: int = 0

    @property
    def faults(self) -> Faults:
        return self.sim.faults

    def write(self, count: int) -> None:
        """Three mentions for each private message, and for each post to be found."""
        for _ in range(count):
            self.count += 1
            author, kind = self.draw.choice(self.people), self.draw.randrange(5)
            if kind == 0:
                self.world.dm(author, self.sim.shop.id, f"my payment {self.count} is lost")
            elif kind == 1:
                self.world.post(author, f"{SEARCHED} never answers, case {self.count}")
            else:
                text = f"@{self.sim.shop.username} where is order {self.count}?"
                self.world.post(author, text)

    def hide_lost(self) -> None:
        self.world.hiding = HIDDEN_SHARE

    def orders(self) -> Mapping[str, Callable[..., object]]:
        return {}


class FastWays(XWays):
    """The rules of X without its paces: five hundred answers would take an hour."""

    def limits_of(self, what: Deed) -> tuple[Limit, ...]:
        return ()


class XSide:
    """See :class:`benchmarks.kill_parts.Side`."""

    platform = Platform.X
    page = 100

    @contextmanager
    def serve(self, folder: Path, clock: FastClock, seed: int) -> Iterator[XStage]:
        world = HidingWorld(clock, folder / "x.journal")
        world.draw = random.Random(seed + 1)
        with serve(world) as served:
            sim = served.sim
            for name in list(sim.rates.limits):
                sim.rates.limits[name] = XLimit(1_000_000)
            write_connection(served, folder, "x")
            people = [world.add_user(f"customer{n}", f"Customer {n}").id for n in range(PEOPLE)]
            yield XStage(sim, world, people, random.Random(seed))
        world.close()

    def account(self, told: Mapping[str, Any]) -> Opened:
        keys = told["credentials"]
        query = query_of([SEARCHED], keys["username"])
        return Opened(
            handle=keys["username"],
            native_id=keys["user_id"],
            secrets={},
            credentials={
                "consumer_key": keys["consumer_key"],
                "consumer_secret": keys["consumer_secret"],
                "token": keys["access_token"],
                "token_secret": keys["access_token_secret"],
            },
            feeds={
                Source.MENTION: "",
                Source.INBOX: "",
                Source.OWN: "",
                Source.SEARCH: query,
            },
        )

    def kind(self, clock: FastClock, base_url: str) -> Kind:
        def make(keys: Keys) -> XChannel:
            assert keys.native_id is not None
            return XChannel(
                OAuth1(**keys.credentials),
                clock,
                base_url=base_url,
                timeout=TIMEOUTS,
                profile=Profile(keys.native_id, keys.handle, keys.handle, None),
                query=keys.query,
                settle=timedelta(minutes=3),
            )

        return Kind(make, FastWays())

    def deed(self, kind: MessageKind, number: int) -> Deed:
        return Deed.DM if kind is MessageKind.DM else Deed.ANSWER

    def truth(self, folder: Path, clock: FastClock) -> Truth:
        world = World(clock, folder / "x.journal")
        shop = world.named("noora_shop")
        assert shop is not None
        written = {one.id for one in world.posts.values() if one.author_id != shop.id}
        written |= {one.id for one in world.dms.values() if one.sender_id != shop.id}
        taken_in = [one for one in world.ledger if one.deed in ("post", "dm")]
        hidden = {
            one.text
            for one in taken_in
            if one.deed == "post" and world.posts[one.result_id].deleted_at is not None
        }
        world.close()
        return Truth(frozenset(written), taken_in, frozenset(hidden))
