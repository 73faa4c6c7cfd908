"""A day of X in simulated time: bursts, rate limits, an outage, a token that is dead all night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select
from support.factories import START

from collectors.coverage import Stretch, gaps
from config import Settings
from dashboard.accounts.connections import Connection, Limits
from rehearsal.x import Kind, Served, World, serve
from rehearsal.x.limits import Limit
from responder.policy import Policy
from service import collecting
from service.channels import Channels
from service.connecting import Connecting, kinds
from shenava.channels import Profile
from shenava.channels.x import OAuth1
from shenava.clock import SetClock
from shenava.messages import Source
from shenava.store import (
    Account,
    AccountState,
    App,
    Coverage,
    CoverageKind,
    Feed,
    FeedError,
    Message,
    Store,
)
from shenava.store import spending as meter
from shenava.vault import Vault

TICK = timedelta(minutes=5)
MENTIONS = 10_000
BUDGET = 80_000_000
"""Millionths of a dollar: the mentions once, the sweeps, and what the night costs to catch up."""

OUTAGE = (10, 11)
NIGHT = (16, 23)
"""Hours of the day, from its start: the platform is down; the token is dead."""

AWAY = (2, 3)
"""X has taken one customer's account away, with all they wrote, and then gives it back."""


@dataclass
class Day:
    """The shop and its account, the world around it, and the clock that both live by."""

    store: Store
    clock: SetClock
    served: Served
    channels: Channels
    connecting: Connecting
    policy: Policy
    chance: Random = field(default_factory=lambda: Random(5))
    written: int = 0
    windows: set[datetime] = field(default_factory=set)

    def connect(self) -> int:
        """A person connects the account, or connects it again."""
        keys = self.served.credentials
        return self.connecting.save(
            Connection(
                "day",
                OAuth1(
                    keys.consumer_key,
                    keys.consumer_secret,
                    keys.access_token,
                    keys.access_token_secret,
                ),
                Profile(keys.user_id, keys.username, "Noora", None),
            ),
            Limits(money_micros=BUDGET),
            None,
        )

    def write(self, count: int) -> None:
        """Customers write so much within the tick that begins now."""
        world, shop = self.served.world, self.served.sim.shop
        for _ in range(count):
            self.clock.advance(TICK / (count + 1))
            author = world.add_user(f"customer{self.written % 97}", "Customer")
            world.post(author.id, f"@{shop.username} where is my order {self.written}?")
            self.written += 1
        self.clock.advance(TICK / (count + 1))

    def work(self) -> None:
        """What the schedule does in a tick."""
        for sweep in (False, True):
            while run := collecting.run_one(
                self.store, self.channels, self.policy, sweep=sweep, chance=self.chance
            ):
                if run.error is FeedError.RATE_LIMITED:
                    quarter = self.clock.now().minute // 15 * 15
                    self.windows.add(
                        self.clock.now().replace(minute=quarter, second=0, microsecond=0)
                    )

    def spent(self) -> int:
        with self.store.read() as session:
            app_id = session.scalars(select(App.id)).one()
            return meter.spent(session, app_id, self.clock.now()).micros


@pytest.fixture
def day(sqlite_store: Store, clock: SetClock, policy: Policy, tmp_path: Path) -> Iterator[Day]:
    world = World(clock)
    with serve(world) as served:
        settings = Settings(home=tmp_path, x_base_url=served.base_url)
        vault = Vault(tmp_path / "vault.key")
        channels = Channels(sqlite_store, vault, kinds(sqlite_store, vault, settings))
        connecting = Connecting(sqlite_store, vault, settings)
        # So small that bursts run into it.
        served.sim.rates.limits["GET /2/users/:id/mentions"] = Limit(7)
        yield Day(sqlite_store, clock, served, channels, connecting, policy)
    world.close()


def test_a_day_of_bursts_limits_outage_and_a_dead_token_is_covered_whole(day: Day) -> None:
    account_id = day.connect()
    sim, world = day.served.sim, day.served.world
    with day.store.write() as session:
        now = day.clock.now()
        session.add(
            Feed(
                account_id=account_id,
                source=Source.MENTION,
                every_s=int(TICK.total_seconds()) - 40,
                next_at=now,
                sweep_at=now + timedelta(hours=3),
            )
        )
    amounts = _amounts()
    assert sum(amounts) == MENTIONS
    outage = None
    passed_by = 0
    away = world.add_user("customer7", "Customer")
    for tick, amount in enumerate(amounts):
        hour = tick * TICK / timedelta(hours=1)
        if hour == AWAY[0]:
            world.suspend(away.id)
        elif hour == AWAY[1]:
            passed_by = _unread(day, away.id)
            world.restore(away.id)
        elif hour == OUTAGE[0]:
            outage = sim.faults.add(Kind.ERROR_503, times=None)
        elif hour == OUTAGE[1]:
            assert outage is not None
            sim.faults.remove(outage.number)
        elif hour == NIGHT[0]:
            sim.tokens.revoke_all()
        elif hour == NIGHT[1]:
            assert _state(day) is AccountState.UNAUTHORISED
            sim.tokens.restore()
            day.connect()
        day.write(amount)
        day.work()
        assert day.spent() <= BUDGET
    _come_to_rest(day)

    with day.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == MENTIONS
        assert session.scalar(select(func.count(Message.native_key.distinct()))) == MENTIONS
        feed = session.scalars(select(Feed)).one()
        assert feed.last_ok_at is not None
        assert gaps(session, feed.id, Stretch(START, feed.last_ok_at - TICK)) == []
        lines = session.scalars(select(Coverage).where(Coverage.feed_id == feed.id)).all()
        repaired = dict.fromkeys(CoverageKind, 0)
        for line in lines:
            repaired[line.kind] += line.repaired
    # What X hid while it was read came with a sweep, and is told; nothing else had to be repaired.
    assert passed_by > 0
    assert repaired.pop(CoverageKind.SWEEP) == passed_by
    assert not any(repaired.values())
    assert len(day.windows) >= 3
    # The meter never says less than X asks for.
    assert sim.purse.spent <= day.spent() <= BUDGET


def _amounts() -> list[int]:
    """How many mentions are written in each tick of the day: a murmur, and bursts of hundreds."""
    ticks = int(timedelta(hours=24) / TICK)
    draw = Random(11)
    amounts = [draw.randrange(9) for _ in range(ticks)]
    bursts = [draw.randrange(6, ticks - 24) for _ in range(15)]
    rest = MENTIONS - sum(amounts)
    for number, tick in enumerate(bursts):
        amounts[tick] += rest // len(bursts) + (rest % len(bursts) if number == 0 else 0)
    # One in which more is written within minutes than X's mentions reach back.
    amounts[60] += 900 - min(900, amounts[60])
    surplus = sum(amounts) - MENTIONS
    for tick in bursts:
        taken = min(surplus, amounts[tick] // 4)
        amounts[tick] -= taken
        surplus -= taken
    return amounts


def _unread(day: Day, author_id: str) -> int:
    """How much of what a person wrote was written and not taken in."""
    with day.store.read() as session:
        held = set(session.scalars(select(Message.native_key)))
    return sum(
        one.id not in held for one in day.served.world.posts.values() if one.author_id == author_id
    )


def _state(day: Day) -> AccountState:
    with day.store.read() as session:
        return session.scalars(select(Account.state)).one()


def _come_to_rest(day: Day) -> None:
    """The day after: the feed is read, and swept, until nothing is left to do."""
    for _ in range(40):
        day.clock.advance(TICK)
        day.work()
