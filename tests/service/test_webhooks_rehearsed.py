"""The simulated Instagram tells the real door, and the real channel reads beside it: one shop, one
truth."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from support.processes import free_port
from support.simulated_instagram import Place, simulated_instagram
from support.webhooks import instagram_shop

from collectors import inbound
from collectors.intake import take_in
from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.webhooks.doors import Doors
from responder.policy import Policy, policy_of
from service import webhooks
from service.web import WebServer, listen
from shenava.channels.instagram import InstagramChannel, Login, Token
from shenava.messages import Platform, Source
from shenava.store import Account, InboundEvent, InboundState, Message, OwnMessageRow, Store
from shenava.vault import Vault


@dataclass
class Stage:
    """``facebook``: the account's token is that of its page."""

    place: Place
    store: Store
    policy: Policy
    facebook: bool = False

    def connect(self, account_id: int, query: str = "") -> InstagramChannel:
        keys = self.place.served.credentials
        token = (
            Token(keys.facebook_token, Login.FACEBOOK, keys.app_id, keys.app_secret)
            if self.facebook
            else Token(
                keys.access_token,
                Login.INSTAGRAM,
                keys.app_id,
                keys.app_secret,
                datetime.fromisoformat(keys.expires_at),
            )
        )
        return InstagramChannel(token, self.place.clock, base_url=self.place.served.base_url)

    def tell(self) -> None:
        """What was heard of is sent to the door, and worked through."""
        hooks = self.place.served.sim.webhooks
        for _ in range(20):
            hooks.step(self.place.clock.now())
            self.place.clock.advance(timedelta(minutes=1))
        assert hooks.state()["waiting"] == 0, hooks.state()
        while webhooks.run_one(self.store, self, self.policy):
            pass

    def read(self, source: Source) -> int:
        """Everything is read; returns how many messages that were not there."""
        channel, cursor, new = self.connect(0), {}, 0
        while True:
            page = channel.read(source, cursor)
            new += take_in(self.store, page.incoming).new
            cursor = dict(page.cursor)
            if page.complete:
                return new

    def messages(self) -> dict[str, Message]:
        with self.store.read() as session:
            return {row.native_key: row for row in session.scalars(select(Message))}

    def failed(self) -> list[InboundEvent]:
        with self.store.read() as session:
            which = InboundEvent.state != InboundState.DONE
            return list(session.scalars(select(InboundEvent).where(which)))


@pytest.fixture
def stage(sqlite_store: Store, tmp_path: Path, policy: Policy) -> Iterator[Stage]:
    with simulated_instagram() as place:
        keys = place.served.credentials
        shop = instagram_shop(sqlite_store, tmp_path, secret=keys.app_secret)
        with sqlite_store.write() as session:
            account = session.get_one(Account, shop.account_id)
            account.native_id, account.handle = place.shop.id, place.shop.username
        settings = Settings(home=tmp_path / "home")
        doors = Doors(webhooks.Doors(sqlite_store, Vault(tmp_path / "vault.key")), b"k" * 32)
        app = create_app(Desk(sqlite_store, settings, policy_of(settings)), doors=doors)
        port, stop = free_port(), threading.Event()
        server = WebServer(app, listen("127.0.0.1", port), 2)
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        found = Stage(place, sqlite_store, policy)
        found.connect(0).subscribe()
        place.served.sim.webhooks.point_to(
            f"http://127.0.0.1:{port}{shop.path}",
            doors.verify_token(Platform.INSTAGRAM, shop.app_id),
        )
        yield found
        stop.set()
        thread.join()


@pytest.mark.parametrize("in_changes", [False, True])
def test_what_customers_write_arrives_and_reading_finds_nothing_new(
    stage: Stage, in_changes: bool
) -> None:
    place = stage.place
    hooks = place.served.sim.webhooks
    hooks.set_ways(batch=3, double=0.5, shuffle=True, seed=7, in_changes=in_changes)
    post = place.own_post()
    first = place.comment(post, "سفارش من کو؟")
    place.comment(post, "me too", handle="ali")
    place.world.comment(place.customer("mona").id, post.id, "نعم", reply_to=first.id)
    place.world.comment(place.shop.id, post.id, "@sara پیگیری می‌کنیم", reply_to=first.id)
    private = place.dm("کسی هست؟", handle="mona")
    place.world.message(place.shop.id, private.sender_id, "بله، بفرمایید")
    taken_back = place.dm("شماره کارت من…", handle="ali")
    place.world.unsend(taken_back.id)
    place.world.react(private.id, private.sender_id, "❤️")
    stage.tell()
    assert stage.failed() == []
    told = stage.messages()
    assert len(told) == 5
    assert (told[taken_back.id].text, told[private.id].text) == ("", "کسی هست؟")
    with stage.store.read() as session:
        assert len(session.scalars(select(OwnMessageRow.id)).all()) == 2

    assert stage.read(Source.COMMENT) == 0
    assert stage.read(Source.INBOX) == 0
    read = stage.messages()
    assert read[first.id].written_at == first.created_at
    with stage.store.read() as session:
        names = {row.identity.handle for row in session.scalars(select(Message))}
    assert names == {"sara", "ali", "mona"}


def test_what_was_lost_on_the_way_is_read_and_counted(stage: Stage) -> None:
    place = stage.place
    post = place.own_post()
    place.comment(post, "one")
    stage.tell()
    place.served.sim.webhooks.set_ways(lose=1.0)
    place.comment(post, "two")
    place.comment(post, "three")
    stage.tell()
    assert stage.read(Source.COMMENT) == 2
    assert len(stage.messages()) == 3


def test_a_mention_under_a_stranger_s_post_is_fetched(stage: Stage) -> None:
    stage.facebook = True
    place = stage.place
    stranger = place.customer("blogger")
    post = place.world.post(stranger.id, "look what came")
    shop = place.shop.username
    said = place.world.comment(place.customer("sara").id, post.id, f"@{shop} سفارش من نرسید")
    place.world.post(stranger.id, f"bought at @{shop}, never came")
    # Mentions are ordered once for the app, in its dashboard.
    place.world.note("subscription", {"fields": ["mentions"]})
    named = place.world.comment(place.customer("ali").id, post.id, f"@{shop} me too")
    stage.tell()
    assert [row.outcome for row in stage.failed()] == []
    assert named.id in stage.messages()
    assert said.id not in stage.messages(), "it was written before that was ordered"


def test_whether_webhooks_are_ordered_is_asked(stage: Stage) -> None:
    assert "comments" in stage.connect(0).subscribed()
    stage.place.world.note("subscription", {"fields": []})
    assert stage.connect(0).subscribed() == frozenset()


def test_a_wrong_secret_is_noticed(stage: Stage) -> None:
    place = stage.place
    place.served.sim.tokens.app["app_secret"] = "changed in Meta's dashboard"
    place.comment(place.own_post(), "x")
    hooks = place.served.sim.webhooks
    for _ in range(5):
        hooks.step(place.clock.now())
        place.clock.advance(timedelta(minutes=10))
    assert hooks.state()["failed"] >= inbound.BAD_IN_A_ROW
    with stage.store.read() as session:
        assert inbound.webhooks(session, stage.store.clock.now()).refused
