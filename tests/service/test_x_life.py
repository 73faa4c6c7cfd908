"""A message's whole life, through the real channel and the simulated X: with its picture, edited,
deleted, and never taken in again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest
from channels.conftest import CALM
from sqlalchemy import select, update
from support.factories import START
from support.judges import WordJudge
from support.painting import painted
from support.shop import connect_shop

from collectors.intake import take_in
from rehearsal.x import Served, World, serve
from responder.policy import Policy
from service.connecting import XWays
from service.fetching import run_one as fetch_one
from service.looking import run_one as look_one
from service.pipeline import Pipeline
from shenava.channels.x import OAuth1, XChannel
from shenava.clock import SetClock
from shenava.messages import Platform, Source
from shenava.store import (
    Account,
    Attachment,
    AttachmentState,
    Message,
    MessageVersion,
    Picture,
    RemovedBecause,
    Spend,
    Store,
)


@dataclass
class Life:
    """What the service joins, with the simulated X in the platform's place."""

    store: Store
    served: Served
    channel: XChannel
    policy: Policy

    @property
    def rules(self) -> dict[Platform, XWays]:
        return {Platform.X: XWays()}

    def connect(self, account_id: int, query: str = "") -> XChannel:
        return self.channel

    def tariff(self, account_id: int) -> XWays:
        return XWays()

    def read(self) -> None:
        """All that mentions bring, from the beginning: as a sweep does."""
        cursor: dict[str, str] = {}
        while True:
            page = self.channel.read(Source.MENTION, cursor)
            take_in(self.store, page.incoming)
            cursor = dict(page.cursor)
            if page.complete:
                break
        while fetch_one(self.store, self, 5_000_000, Random(1)):
            pass
        Pipeline(self.store, WordJudge(), self.policy).run_until_idle()

    def only(self) -> Message:
        with self.store.read() as session:
            return session.scalars(select(Message)).one()


@pytest.fixture
def life(store: Store, clock: SetClock, policy: Policy) -> Iterator[Life]:
    connect_shop(store)
    world = World(clock)
    with serve(world) as served:
        with store.write() as session:
            session.execute(update(Account).values(handle=served.sim.shop.username))
        keys = served.credentials
        credentials = OAuth1(
            keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret
        )
        channel = XChannel(credentials, clock, base_url=served.base_url, timeout=CALM)
        yield Life(store, served, channel, policy)


def test_a_message_lives_is_edited_and_goes(life: Life, clock: SetClock) -> None:
    world, shop = life.served.world, life.served.sim.shop
    sara = world.add_user("sara", "Sara")
    picture = world.add_picture(sara.id, painted(640, 480), "image/jpeg", size=(640, 480))
    world.describe_picture(picture.id, "a torn box")
    post = world.post(sara.id, f"@{shop.username} it came broken", media=(picture.key,))
    clock.advance(timedelta(seconds=5))

    life.read()
    assert life.only().text == f"@{shop.username} it came broken"
    with life.store.read() as session:
        kept = session.scalars(select(Attachment)).one()
        assert (kept.state, kept.alt) == (AttachmentState.KEPT, "a torn box")

    clock.advance(timedelta(minutes=3))
    edited = world.edit(post.id, f"@{shop.username} it came broken, urgent complaint")
    clock.advance(timedelta(seconds=5))
    life.read()
    assert life.only().native_key == edited.id
    assert life.only().written_at < START + timedelta(minutes=1)
    with life.store.read() as session:
        assert session.scalars(select(MessageVersion.text)).all() == [
            f"@{shop.username} it came broken"
        ]
        assert len(session.scalars(select(Picture.id)).all()) == 1

    world.delete(edited.id)
    clock.advance(timedelta(hours=23))
    looked = look_one(life.store, life, life.policy, per_day=100)
    assert looked is not None
    assert life.only().removed_because is RemovedBecause.DELETED
    with life.store.read() as session:
        assert session.scalars(select(Picture.id)).all() == []
        assert session.scalars(select(Attachment.id)).all() == []
    life.read()
    assert life.only().text == ""


def test_what_is_still_there_costs_what_x_asks_for_it(life: Life, clock: SetClock) -> None:
    world, shop = life.served.world, life.served.sim.shop
    for number in range(3):
        author = world.add_user(f"user{number}", "User")
        world.post(author.id, f"@{shop.username} hello {number}")
    clock.advance(timedelta(seconds=5))
    life.read()
    clock.advance(timedelta(hours=21))
    world.suspend(world.add_user("user0", "User").id)
    assert look_one(life.store, life, life.policy, per_day=100) is not None
    with life.store.read() as session:
        removed = session.scalars(select(Message.removed_because)).all()
        asked = select(Spend.what, Spend.count, Spend.micros).where(Spend.what != "requests")
        spent = {row.what: (row.count, row.micros) for row in session.execute(asked)}
    assert sorted(str(one) for one in removed) == ["None", "None", "hidden"]
    assert spent == {"post": (2, 10_000), "looked_up": (3, 0)}
