"""Public reading: off until somebody switches it on, behind a breaker, one truth with the official
interface, and never a danger to it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from support.factories import START, incoming
from support.processes import shenava
from support.public_pages import Answer, led_to, says, website
from support.simulated_instagram import Place, simulated_instagram
from support.webhooks import SHOP, InstagramShop, instagram_shop

from collectors.breaker import FIRST, LONGEST, Breaker
from collectors.intake import take_in
from config import Settings
from dashboard.accounts import deeds, words
from dashboard.accounts.overview import overview
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.reader import assume_nobody
from rehearsal.instagram import ids
from responder.policy import Policy, policy_of
from service import collecting
from service.channels import Channels
from service.public_reading import switch_off, switch_on
from shenava.channels.instagram import InstagramChannel, Login, Token
from shenava.channels.instagram.public import Wanted, WebSession
from shenava.clock import SetClock
from shenava.messages import Author, Incoming, MessageKind, PostRef, Source
from shenava.store import (
    Account,
    AccountState,
    Feed,
    FeedError,
    Message,
    PublicReader,
    PublicTrouble,
    Sighting,
    Store,
    migrations,
)
from shenava.vault import Vault

COOKIES = {"sessionid": "s", "ds_user_id": "1", "csrftoken": "t"}
CODE = "CkLmNoPqRsT"


@dataclass
class Stage:
    store: Store
    vault: Vault
    shop: InstagramShop
    policy: Policy
    clock: SetClock

    def on(self, *wanted: Wanted, cookies: dict[str, str] = COOKIES) -> None:
        with self.store.write() as session:
            switch_on(
                session,
                self.vault,
                self.shop.account_id,
                WebSession("spare", cookies),
                wanted or (Wanted(shortcode=CODE),),
                self.clock.now(),
            )

    def collect(self) -> int:
        channels = Channels(self.store, self.vault, {})
        channels.tariff = lambda _account: collecting.fetch.Free()  # type: ignore[method-assign,assignment]
        return collecting.run_due(self.store, channels, self.policy, chance=Random(1), limit=5)

    @property
    def feed(self) -> Feed:
        with self.store.read() as session:
            return session.scalars(select(Feed).order_by(Feed.id)).one()

    @property
    def reader(self) -> PublicReader:
        with self.store.read() as session:
            return session.scalars(select(PublicReader)).one()

    def messages(self) -> list[Message]:
        with self.store.read() as session:
            return list(session.scalars(select(Message).order_by(Message.id)))


@pytest.fixture
def stage(store: Store, tmp_path: Path, policy: Policy, clock: SetClock) -> Stage:
    shop = instagram_shop(store, tmp_path)
    return Stage(store, Vault(tmp_path / "vault.key"), shop, policy, clock)


@pytest.fixture
def place(clock: SetClock) -> Iterator[Place]:
    with simulated_instagram() as found, led_to(found.served.base_url):
        found.clock.advance(timedelta(hours=-1))
        yield found


# --- on and off -------------------------------------------------------------------------------


def test_it_is_off_until_it_is_switched_on_and_off_again_after(stage: Stage) -> None:
    assert stage.collect() == 0
    with website(says(500, b"")) as base, led_to(base):
        stage.on()
        assert stage.collect() == 1
        assert b"sessionid" not in stage.reader.session, "the session is encrypted"
        with stage.store.write() as session:
            assert switch_off(session, stage.shop.account_id)
            assert not switch_off(session, stage.shop.account_id)
        stage.clock.advance(timedelta(days=1))
        assert stage.collect() == 0
    with stage.store.read() as session:
        assert session.scalars(select(PublicReader)).all() == []


def test_only_for_an_account_of_instagram(stage: Stage) -> None:
    with stage.store.write() as session:
        session.add(Account(platform="x", handle="shop", created_at=START))
    with pytest.raises(ValueError), stage.store.write() as session:
        switch_on(session, stage.vault, 2, WebSession("a", COOKIES), (), START)


# --- the breaker ------------------------------------------------------------------------------


def test_a_breaker_opens_after_some_failures_and_for_longer_each_time() -> None:
    breaker, now = Breaker(), START
    for _ in range(2):
        breaker = breaker.failed(now)
        assert not breaker.is_open(now)
    pauses = []
    for _ in range(8):
        breaker = breaker.failed(now)
        assert breaker.open_until is not None
        assert breaker.is_open(now)
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        assert breaker.is_half_open(now)
        assert not breaker.is_open(now)
    assert pauses[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert pauses[-1] == LONGEST
    assert breaker.succeeded() == Breaker()


CHECKPOINT = says(400, {"message": "checkpoint_required", "status": "fail"})
TOO_MANY = says(429, {"status": "fail"})
CHANGED = says(200, {"status": "ok", "data": {}})


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [(CHECKPOINT, PublicTrouble.NEEDS_PERSON), (TOO_MANY, PublicTrouble.ASKED_TO_WAIT)],
)
def test_a_checkpoint_opens_it_at_once_and_never_touches_the_account(
    stage: Stage, answer: Any, trouble: PublicTrouble
) -> None:
    stage.on()
    with website(answer) as base, led_to(base):
        stage.collect()
    reader = stage.reader
    assert (reader.trouble, reader.opened) == (trouble, 1)
    assert reader.open_until is not None
    assert stage.feed.last_error is FeedError.RATE_LIMITED
    assert stage.feed.next_at >= reader.open_until
    with stage.store.read() as session:
        account = session.get_one(Account, stage.shop.account_id)
        assert account.state is AccountState.CONNECTED, "the official connection goes on"


def test_a_changed_page_opens_it_after_three_and_one_try_closes_it(
    stage: Stage, place: Place
) -> None:
    post = place.world.post(place.customer("blogger").id, "x")
    place.comment(post, "کجاست؟")
    stage.on(Wanted(shortcode=ids.shortcode(post.id)),
             cookies={**COOKIES, "sessionid": place.served.credentials.web_session})  # fmt: skip
    seen = {"seen": "2026-01-01T00:00:00+00:00"}
    with stage.store.write() as session:
        session.scalars(select(Feed)).one().cursor = dict(seen)
    asked = []

    def changed(method: str, path: str) -> Answer:
        asked.append(path)
        return CHANGED(method, path)

    with website(changed) as base, led_to(base):
        for number in (1, 2, 3):
            stage.collect()
            assert stage.reader.failures == number
            assert stage.feed.cursor == seen, "a failure loses no place"
            stage.clock.advance(timedelta(minutes=5))
        assert stage.reader.trouble is PublicTrouble.PAGE_CHANGED
        until = stage.reader.open_until
        assert until is not None
        count = len(asked)
        with stage.store.write() as session:
            session.scalars(select(Feed)).one().next_at = stage.clock.now()
        stage.collect()
        assert len(asked) == count, "while it is open nobody is asked"
    stage.clock.advance(until - stage.clock.now() + timedelta(hours=1))
    stage.collect()
    reader = stage.reader
    assert (reader.failures, reader.opened, reader.open_until) == (0, 0, None)
    assert (reader.trouble, reader.trial_until) == (None, None)
    assert [row.text for row in stage.messages()] == ["کجاست؟"]


def test_what_is_not_there_does_not_count(stage: Stage, place: Place) -> None:
    cookies = {**COOKIES, "sessionid": place.served.credentials.web_session}
    stage.on(Wanted(tagged="nobody_here"), cookies=cookies)
    stage.collect()
    assert stage.feed.last_error is FeedError.REJECTED
    assert (stage.reader.failures, stage.reader.trouble) == (0, None)


# --- one truth --------------------------------------------------------------------------------


def official(key: str, **more: Any) -> Incoming:
    item = incoming(
        key,
        "سفارش من کو؟",
        account=SHOP,
        author=Author("501", "sara"),
        kind=MessageKind.COMMENT,
        written_at=START - timedelta(minutes=5),
        source=Source.COMMENT,
        post=PostRef("1790001", f"https://www.instagram.com/p/{CODE}/"),
        reply_to_key="1790001",
    )
    return replace(item, **more)


def public(key: str, **more: Any) -> Incoming:
    """The same comment as the website tells it."""
    return official(
        key,
        author=Author(None, "sara"),
        source=Source.SEARCH,
        post=PostRef("3691011991037807194", f"https://www.instagram.com/reel/{CODE}/"),
        reply_to_key="3691011991037807194",
        **more,
    )


@pytest.mark.parametrize("public_first", [True, False])
@pytest.mark.parametrize("same_key", [True, False])
def test_one_comment_told_by_both_is_one_message(
    stage: Stage, public_first: bool, same_key: bool
) -> None:
    stage.on()
    told = [official("178501"), public("178501" if same_key else "999")]
    for item in reversed(told) if public_first else told:
        take_in(stage.store, [item])
    (row,) = stage.messages()
    with stage.store.read() as session:
        assert set(session.scalars(select(Sighting.source))) == {Source.COMMENT, Source.SEARCH}
    for item in told:
        assert take_in(stage.store, [item]).new == 0
    assert len(stage.messages()) == 1
    assert row.text == "سفارش من کو؟"


@pytest.mark.parametrize("public_first", [True, False])
def test_one_post_told_by_both_is_one_message(stage: Stage, public_first: bool) -> None:
    stage.on()
    link = f"https://www.instagram.com/p/{CODE}/"
    tagged = official("1790001", kind=MessageKind.MENTION, source=Source.MENTION, reply_to_key=None,
                      author=Author(None, "blogger"), permalink=link)  # fmt: skip
    seen = replace(tagged, native_key="3691", source=Source.SEARCH, post=PostRef("3691", link))
    for item in (seen, tagged) if public_first else (tagged, seen):
        take_in(stage.store, [item])
    assert len(stage.messages()) == 1


def test_different_comments_stay_different(stage: Stage) -> None:
    stage.on()
    take_in(stage.store, [official("1"), official("2")])
    assert len(stage.messages()) == 2, "one interface told both: the same words twice"
    later = START - timedelta(minutes=4)
    for other in (
        replace(public("3"), text="other"),
        replace(public("4"), written_at=later),
        replace(public("5"), author=Author(None, "ali")),
    ):
        before = len(stage.messages())
        take_in(stage.store, [other])
        assert len(stage.messages()) == before + 1


def test_who_is_known_by_handle_is_the_one_whom_the_official_interface_knows(stage: Stage) -> None:
    stage.on()
    take_in(stage.store, [official("1")])
    take_in(stage.store, [replace(public("2"), text="something else")])
    assert len({row.identity_id for row in stage.messages()}) == 1


def test_without_public_reading_nothing_is_looked_for(stage: Stage) -> None:
    take_in(stage.store, [official("1")])
    take_in(stage.store, [public("2")])
    assert len(stage.messages()) == 2


def test_both_interfaces_of_one_simulated_instagram(stage: Stage, place: Place) -> None:
    post = place.own_post()
    place.comment(post, "با من هم")
    cookies = {**COOKIES, "sessionid": place.served.credentials.web_session}
    stage.on(Wanted(shortcode=ids.shortcode(post.id)), cookies=cookies)
    stage.collect()

    keys = place.served.credentials
    token = Token(keys.access_token, Login.INSTAGRAM, keys.app_id, keys.app_secret)
    channel = InstagramChannel(token, place.clock, base_url=place.served.base_url)
    page = channel.read(Source.COMMENT, {})
    while not page.incoming:
        page = channel.read(Source.COMMENT, page.cursor)
    (read,) = page.incoming
    assert take_in(stage.store, [replace(read, account=SHOP)]).new == 0
    (row,) = stage.messages()
    assert row.native_key == read.native_key


# --- on the command line, and on the page ------------------------------------------------------


def test_the_command_tells_the_risk_and_asks(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = Store(Settings(home=home).database, SetClock(START))  # type: ignore[call-arg]
    migrations.upgrade(store)
    instagram_shop(store, home)
    file = tmp_path / "session"
    file.write_bytes(pickle.dumps(COOKIES))
    said = ("account", "public", "@shop", "--session", file, "--as", "spare", "--tagged")
    refused = shenava(home, *said, given="n\n")
    assert refused.returncode != 0
    assert "may be limited" in refused.stdout
    assert "never the only way to see a complaint" in refused.stdout

    def readers() -> list[str]:
        with store.read() as session:
            return list(session.scalars(select(PublicReader.username)))

    assert readers() == []
    done = shenava(home, *said, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert readers() == ["spare"]
    own = shenava(home, *said[:5], "--as", "shop", "--tagged", "--yes")
    assert "own account" in own.stderr
    file.write_bytes(b"no session")
    assert "no session file" in shenava(home, *said, "--yes").stderr
    off = shenava(home, "account", "public-off", "shop")
    assert (off.returncode, readers()) == (0, [])
    store.close()


def test_choosing_what_is_collected_leaves_it_alone(stage: Stage) -> None:
    stage.on()
    with stage.store.write() as session:
        deeds.choose(
            session, None, stage.shop.account_id, [(Source.INBOX, "")], lambda _: {}, START
        )
    with stage.store.read() as session:
        feeds = {feed.query: feed.enabled for feed in session.scalars(select(Feed))}
    assert feeds == {f"public:/p/{CODE}": True, "": True}


def test_the_page_says_how_it_is(stage: Stage) -> None:
    stage.on()
    with website(CHECKPOINT) as base, led_to(base):
        stage.collect()
    (view,) = overview(stage.store).accounts
    assert view.public is not None
    assert words.PUBLIC[PublicTrouble.NEEDS_PERSON] in [told.trouble for told in view.troubles]


def test_a_feed_of_public_pages_is_told_in_words(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, language="en")  # type: ignore[call-arg, arg-type]
    store = Store(settings.database, SetClock(START))
    migrations.upgrade(store)
    app = create_app(Desk(store, settings, policy_of(settings)))
    with app.test_request_context():
        assume_nobody()
        said = words.source(Source.SEARCH, "public:@<b>")
    assert str(said) == "Public pages: <bdi>@&lt;b&gt;</bdi>"
    store.close()
