"""Keys of X between the vault and the network: renewed once, stored before used, never astray."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from channels.scripted_x import Reply, ScriptedX, Seen
from sqlalchemy import select
from support.connecting import at_simulated_x, channels_of, keys_of, stored_keys

from config import Settings
from dashboard.accounts import deeds
from dashboard.accounts.connections import Connection, Limits, NoBudget
from responder.policy import Policy
from service import collecting
from service.channels import Channels
from service.connecting import Connecting, kinds, open_vault
from service.renewing import RENEWING_TAKES
from service.x_accounts import XWays
from shenava.channels import KnowsLinks, Profile, RateLimited, Unauthorised
from shenava.channels.x import OAuth1, OAuth2, rules
from shenava.channels.x.read import cursor_from
from shenava.channels.x.rules import LOOK_UP_LIMIT
from shenava.clock import SetClock
from shenava.messages import Platform, Source
from shenava.store import Account, App, Coverage, Feed, Message, Store

SHOP = Profile("1000", "digikala", "Digikala", 5_000)
ME = {"data": {"id": "1000", "username": "digikala", "name": "Digikala"}}
PAIR = {
    "token_type": "bearer",
    "expires_in": 7200,
    "access_token": "access-2",
    "refresh_token": "refresh-2",
    "scope": "tweet.read users.read offline.access",
}


@pytest.fixture
def x() -> Iterator[ScriptedX]:
    server = ScriptedX()
    yield server
    server.close()


@pytest.fixture
def settings(tmp_path: Path, x: ScriptedX) -> Settings:
    return Settings(home=tmp_path, x_base_url=x.url)


@pytest.fixture
def connecting(store: Store, settings: Settings) -> Connecting:
    return Connecting(store, open_vault(settings), settings)


@pytest.fixture
def channels(store: Store, settings: Settings) -> Channels:
    vault = open_vault(settings)
    return Channels(store, vault, kinds(store, vault, settings))


def pair(clock: SetClock, *, lasts: timedelta = timedelta(hours=2), number: int = 1) -> OAuth2:
    return OAuth2(
        f"access-{number}", clock.now() + lasts, "client", f"refresh-{number}", "client-secret"
    )


def connect(connecting: Connecting, credentials: OAuth1 | OAuth2) -> int:
    return connecting.save(Connection("the app", credentials, SHOP), Limits(), None)


def bearer(seen: Seen) -> str:
    return seen.headers["Authorization"].removeprefix("Bearer ")


def test_a_pair_is_stored_before_it_is_used(
    store: Store, connecting: Connecting, channels: Channels, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    vault = connecting._vault
    clock.advance(timedelta(hours=2))
    stored_when_used = []

    def answer(seen: Seen) -> Reply:
        if seen.path == "/2/oauth2/token":
            assert b"refresh_token=refresh-1" in seen.body
            return Reply(PAIR)
        stored_when_used.append((bearer(seen), stored_keys(store, vault, account)["access_token"]))
        return Reply(ME)

    x.answer = answer
    channels.connect(account).check()
    assert stored_when_used == [("access-2", "access-2")]
    kept = stored_keys(store, vault, account)
    assert kept["refresh_token"] == "refresh-2"
    assert "renewing_by" not in kept


def test_a_token_that_x_refuses_early_is_renewed_once_and_the_request_repeated(
    connecting: Connecting, channels: Channels, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    x.say(Reply({}, 401), PAIR, ME)
    assert channels.connect(account).check().handle == "digikala"
    x.say(Reply({}, 401), Reply({"error": "invalid_grant"}, 400))
    with pytest.raises(Unauthorised):
        channels.connect(account).check()


def test_one_worker_renews_and_the_others_come_back(
    store: Store, connecting: Connecting, channels: Channels, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    clock.advance(timedelta(hours=2))
    asked, go_on = threading.Event(), threading.Event()

    def answer(seen: Seen) -> Reply:
        if seen.path == "/2/oauth2/token":
            asked.set()
            assert go_on.wait(20)
            return Reply(PAIR)
        return Reply(ME)

    x.answer = answer
    found: list[Profile] = []
    first = threading.Thread(target=lambda: found.append(channels.connect(account).check()))
    first.start()
    try:
        assert asked.wait(20)
        with pytest.raises(RateLimited) as refused:
            channels.connect(account).check()
        assert refused.value.retry_at <= clock.now() + timedelta(seconds=10)
    finally:
        go_on.set()
        first.join()
    assert [profile.handle for profile in found] == ["digikala"]
    assert channels.connect(account).check().handle == "digikala"
    assert sum(seen.path == "/2/oauth2/token" for seen in x.seen) == 1


def test_a_worker_that_died_while_renewing_is_not_waited_for_forever(
    connecting: Connecting, channels: Channels, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    clock.advance(timedelta(hours=2))
    dead = channels.connect(account)
    assert dead._renewer._begin(dead._credentials, "of a dead worker") is None  # type: ignore[attr-defined]
    with pytest.raises(RateLimited):
        channels.connect(account).check()
    clock.advance(RENEWING_TAKES)
    x.say(PAIR, ME)
    assert channels.connect(account).check().handle == "digikala"


def test_who_connects_anew_meanwhile_wins(
    store: Store, connecting: Connecting, channels: Channels, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    clock.advance(timedelta(hours=2))

    def answer(seen: Seen) -> Reply:
        if seen.path == "/2/oauth2/token":
            connect(connecting, pair(clock, number=9))
            return Reply(PAIR)
        assert bearer(seen) == "access-9"
        return Reply(ME)

    x.answer = answer
    channels.connect(account).check()
    kept = stored_keys(store, connecting._vault, account)
    assert kept["refresh_token"] == "refresh-9"


def test_a_platform_that_is_away_while_renewing_costs_nothing(
    store: Store, connecting: Connecting, channels: Channels, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    clock.advance(timedelta(hours=2))
    x.say(Reply({}, 503))
    with pytest.raises(Exception, match="503"):
        channels.connect(account).check()
    assert stored_keys(store, connecting._vault, account)["refresh_token"] == "refresh-1"
    x.say(PAIR, ME)
    assert channels.connect(account).check().handle == "digikala"


def test_keys_that_cannot_be_renewed_warn_and_those_that_can_do_not(
    store: Store, connecting: Connecting, clock: SetClock
) -> None:
    single = OAuth2("access", clock.now() + timedelta(hours=2), "client")
    account = connect(connecting, single)
    with store.read() as session:
        assert session.get_one(Account, account).token_expires_at == single.expires_at
    connect(connecting, pair(clock))
    with store.read() as session:
        assert session.get_one(Account, account).token_expires_at is None


def test_keys_of_the_real_x_never_reach_a_rehearsal_nor_the_other_way_round(
    store: Store, settings: Settings, connecting: Connecting, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    real = settings.model_copy(update={"x_base_url": ""})
    with pytest.raises(Unauthorised, match="another X"):
        channels_of(store, real).connect(account)
    vault = open_vault(settings)
    Connecting(store, vault, real).save(Connection("app", pair(clock), SHOP), Limits(), None)
    with pytest.raises(Unauthorised, match="another X"):
        channels_of(store, settings).connect(account)
    assert x.seen == []


def test_plain_http_to_another_machine_is_refused_at_once(store: Store, settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"x_base_url": "http://x.example"})
    with pytest.raises(ValueError, match="plain http"):
        Connecting(store, open_vault(settings), elsewhere)


def test_an_app_out_of_budget_asks_nobody(
    store: Store, connecting: Connecting, x: ScriptedX, clock: SetClock
) -> None:
    account = connect(connecting, pair(clock))
    with store.write() as session:
        session.scalars(select(App)).one().reads_limit = 0
    with pytest.raises(NoBudget):
        connecting.test(account)
    assert x.seen == []


def test_a_page_is_never_set_aside_for_less_than_it_may_cost() -> None:
    for source in (Source.MENTION, Source.OWN, Source.SEARCH, Source.INBOX):
        for owns_app in (True, False):
            assert XWays().page_price(source) >= rules.page_price(source, owns_app=owns_app)
    # Mentions may have to be filled up by a search.
    assert XWays().page_price(Source.MENTION) >= rules.page_price(Source.SEARCH)


def test_from_keys_to_messages(store: Store, tmp_path: Path, policy: Policy) -> None:
    """The whole way: connected, chosen, read by the schedule's own function, covered."""
    settings = Settings(home=tmp_path)
    with ExitStack() as stack:
        place, desk, connecting = stack.enter_context(at_simulated_x(settings, store))
        for number in range(3):
            place.mention(f"سفارش {number}", handle=f"c{number}")
        credentials = OAuth1(**keys_of(place))
        profile = connecting.try_keys("Noora", credentials)
        account = connecting.save(Connection("Noora", credentials, profile), Limits(), None)
        now = store.clock.now()
        with store.write() as session:
            deeds.choose(
                session,
                None,
                account,
                {(Source.MENTION, ""), (Source.OWN, "")},
                lambda _source: cursor_from(deeds.days_back(now, 7)),
                now,
            )
        assert collecting.run_due(store, channels_of(store, desk.settings), policy) == 2
    with store.read() as session:
        assert session.query(Message).count() == 3
        assert {feed.last_error for feed in session.scalars(select(Feed))} == {None}
        lines = session.scalars(select(Coverage)).all()
        assert [line.complete for line in lines] == [True, True]
        assert all(line.covered_from == now - timedelta(days=7) for line in lines)
        assert session.query(Account).count() == 1


def test_an_address_on_x_names_its_post(store: Store, settings: Settings) -> None:
    ways = kinds(store, open_vault(settings), settings)[Platform.X].ways
    assert isinstance(ways, KnowsLinks)
    assert ways.key_of("https://x.com/shop/status/123") == "123"


def test_posts_are_looked_up_by_as_many_as_x_takes_at_once() -> None:
    """``collectors.lookups`` asks the ways of a platform how many."""
    assert XWays().LOOK_UP_LIMIT == LOOK_UP_LIMIT == 100
