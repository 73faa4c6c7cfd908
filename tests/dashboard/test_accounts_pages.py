"""What stands on the pages of the accounts and on the strip of every page, and for whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from support.browser import Browser, sign_in
from support.connecting import app_of, at_simulated_x, keys_of
from support.simulated_x import Place

from config import Settings
from dashboard.accounts.connections import Connection, Limits
from dashboard.context import Desk
from service.connecting import Connecting
from shenava.channels.x import OAuth1
from shenava.clock import SetClock
from shenava.messages import Deed, Source
from shenava.store import (
    Account,
    AccountState,
    App,
    Coverage,
    CoverageKind,
    Feed,
    FeedError,
    OutboxRow,
    OutboxState,
    PausedBecause,
    Role,
    Store,
    User,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def _world(sqlite_store: Store, settings: Settings) -> Iterator[tuple[Place, Desk, Connecting]]:
    with ExitStack() as stack:
        yield stack.enter_context(at_simulated_x(settings, sqlite_store))


@pytest.fixture
def desk(_world: tuple[Place, Desk, Connecting]) -> Desk:
    return _world[1]


@pytest.fixture
def app(_world: tuple[Place, Desk, Connecting]) -> Flask:
    return app_of(_world[1], _world[2])


@pytest.fixture
def account(_world: tuple[Place, Desk, Connecting]) -> int:
    """The shop's account, connected; nothing is collected from it yet."""
    place, _desk, connecting = _world
    credentials = OAuth1(**keys_of(place))
    profile = connecting.try_keys("Noora", credentials)
    return connecting.save(
        Connection("Noora", credentials, profile), Limits(money_micros=5_000_000), None
    )


@pytest.fixture
def feed(desk: Desk, account: int) -> int:
    """Its mentions: read just now, covered for an hour."""
    now = desk.store.clock.now()
    with desk.store.write() as session:
        row = Feed(account_id=account, source=Source.MENTION, next_at=now, last_ok_at=now)
        session.add(row)
        session.flush()
        number = row.id
    cover(desk.store, number, 1, 0)
    return number


def cover(store: Store, feed: int, start: float, end: float, **more: Any) -> None:
    now = store.clock.now()
    with store.write() as session:
        session.add(
            Coverage(
                feed_id=feed,
                kind=CoverageKind.RUN,
                covered_from=now - start * HOUR,
                covered_to=now - end * HOUR,
                started_at=now - end * HOUR,
                finished_at=now - end * HOUR,
                complete=True,
                **more,
            )
        )


def change(store: Store, of: type[Any], number: int, **values: Any) -> None:
    with store.write() as session:
        row = session.get_one(of, number)
        for name, value in values.items():
            setattr(row, name, value)


def outbox(store: Store, account: int, state: OutboxState, minutes_ago: float = 0) -> None:
    at = store.clock.now() - timedelta(minutes=minutes_ago)
    with store.write() as session:
        session.add(
            OutboxRow(
                principal="user:1",
                key=f"{state} {minutes_ago}",
                body_hash="0",
                deed=Deed.POST,
                account_id=account,
                text="never on the strip",
                state=state,
                created_at=at,
                not_before=at,
                sending_at=at if state is OutboxState.UNKNOWN else None,
                reason="no_answer" if state is OutboxState.UNKNOWN else None,
            )
        )


def strip(page: str) -> list[tuple[str, str]]:
    """The items of the strip: level and words."""
    whole = re.search(r'<section class="strip".*?</section>', page, re.S)
    assert whole, "no strip"
    return [
        (level, " ".join(re.sub(r"<[^>]+>", " ", text).split()))
        for level, text in re.findall(
            r'class="strip-item (\w+)"[^>]*>(.*?)</(?:a|span)>\s*'
            r'(?=<a|<span class="strip|</section)',
            whole[0],
            re.S,
        )
    ]


def levels(page: str) -> set[str]:
    return {level for level, _words in strip(page)} - {"note"}


def test_an_app_is_told_with_its_platform(client: Browser, admin: User, account: int) -> None:
    heading = re.search(r'<h2 class="app-name">(.*?)</h2>', client.get("/accounts/").text, re.S)
    assert heading
    assert "channel x" in heading[1]
    words = " ".join(re.sub(r"<[^>]+>", "", heading[1]).split())
    assert words.startswith("App Noora") and words.endswith("· X")


# The strip.


def test_all_well_is_one_muted_line(client: Browser, agent: User, feed: int) -> None:
    page = client.get("/settings/").text
    assert levels(page) == {"calm"}
    assert any("read just now" in words for _level, words in strip(page))
    assert any("Nothing waits to be sent" in words for _level, words in strip(page))


def test_without_accounts_it_says_that_nothing_arrives(client: Browser, agent: User) -> None:
    assert strip(client.get("/inbox/").text) == [
        ("calm", "No account is connected: nothing new arrives by itself")
    ]


@pytest.mark.parametrize(
    ("of", "values", "level", "words"),
    [
        (Account, {"state": AccountState.UNAUTHORISED}, "urgent", "must be connected again"),
        (
            Account,
            {"state": AccountState.PAUSED, "paused_because": PausedBecause.PERSON},
            "soon",
            "is paused",
        ),
        (
            Account,
            {"state": AccountState.PAUSED, "paused_because": PausedBecause.PAYMENT},
            "urgent",
            "X wants money",
        ),
        (Feed, {"last_error": FeedError.BUDGET}, "urgent", "this month's limit is reached"),
        (Feed, {"last_error": FeedError.REJECTED}, "urgent", "a reading is refused"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_leads_to_the_ledger(
    client: Browser,
    agent: User,
    desk: Desk,
    account: int,
    feed: int,
    of: type[Any],
    values: dict[str, Any],
    level: str,
    words: str,
) -> None:
    change(desk.store, of, account if of is Account else feed, **values)
    page = client.get("/inbox/").text
    assert any(at == level and words in told for at, told in strip(page))
    assert f'class="strip-item {level}" href="/accounts/{account}"' in page
    # The page of the accounts says what to do about it.
    assert 'class="trouble' in client.get("/accounts/").text


def test_gaps_lateness_and_expiry_are_said(
    client: Browser, agent: User, desk: Desk, account: int, feed: int, clock: SetClock
) -> None:
    cover(desk.store, feed, 10, 5)
    assert any("1 gap at" in told for _l, told in strip(client.get("/inbox/").text))
    change(desk.store, Account, account, token_expires_at=clock.now() + timedelta(days=6))
    assert ("soon", "The keys of @noora_shop end within 7 days") in [
        (level, words.replace(f"@{_handle(desk)}", "@noora_shop"))
        for level, words in strip(client.get("/inbox/").text)
    ]
    clock.advance(HOUR)
    assert any("not read since" in told for _l, told in strip(client.get("/inbox/").text))


def _handle(desk: Desk) -> str:
    with desk.store.read() as session:
        return session.scalars(select(Account.handle)).one()


def test_the_queue_and_unknown_outcomes_are_counted_and_lead_to_their_list(
    client: Browser, agent: User, desk: Desk, account: int, feed: int
) -> None:
    outbox(desk.store, account, OutboxState.QUEUED)
    outbox(desk.store, account, OutboxState.QUEUED, minutes_ago=-10)  # sent later: waits for nobody
    page = client.get("/inbox/").text
    assert ("calm", "1 answer waits to be sent") in strip(page)
    outbox(desk.store, account, OutboxState.QUEUED, minutes_ago=5)
    outbox(desk.store, account, OutboxState.UNKNOWN)
    page = client.get("/inbox/").text
    assert ("urgent", "1 answer of unknown outcome: look at it") in strip(page)
    assert any(level == "soon" and "2 answers wait" in told for level, told in strip(page))
    listed = client.get("/accounts/sending").text
    assert "outcome unknown" in listed
    assert listed.count("waits to be sent") >= 2
    assert "never on the strip" not in page + listed


def test_the_feed_of_changes_brings_the_strip(
    client: Browser, agent: User, desk: Desk, account: int, feed: int
) -> None:
    told = client.background("/changes").get_json()["strip"]
    assert levels(told) == {"calm"}
    change(desk.store, Account, account, state=AccountState.UNAUTHORISED)
    assert "urgent" in levels(client.background("/changes").get_json()["strip"])


def test_a_rehearsal_says_so_on_every_page(client: Browser, admin: User, account: int) -> None:
    for path in ("/inbox/", "/accounts/", f"/accounts/{account}", "/settings/", "/settings/staff"):
        (first, *_rest) = strip(client.get(path).text)
        assert first[0] == "note"
        assert "simulated platforms" in first[1]


def test_a_name_cannot_break_out_of_the_strip(
    client: Browser, agent: User, desk: Desk, account: int
) -> None:
    change(desk.store, Account, account, handle="<b>x", state=AccountState.UNAUTHORISED)
    page = client.get("/accounts/").text
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


# The list.


def test_agents_see_how_accounts_are_but_neither_money_nor_deeds(
    client: Browser, agent: User, account: int, feed: int
) -> None:
    page = client.get("/accounts/").text
    assert "Connected" in page
    assert "Last read" in page
    for hidden in ("this month", "Change the limits", "Pause", "Connect again", "$"):
        assert hidden not in page
    assert client.get(f"/accounts/{account}").status_code == 200


def test_admins_see_the_month_and_set_its_limits(
    client: Browser, admin: User, desk: Desk, account: int, feed: int
) -> None:
    page = client.get("/accounts/").text
    assert "$0.01" in page
    assert "of $5.00 this month" in page
    with desk.store.read() as session:
        app = session.scalars(select(App.id)).one()
    wrong = client.send(f"/accounts/app/{app}/limits", money="a lot", reads="-1")
    assert wrong.status_code == 422
    assert "Write an amount in US dollars" in wrong.text
    for written, micros in (("۱۲٫۵۰", 12_500_000), ("$1٬000", 1_000_000_000), ("", None)):
        done = client.send(f"/accounts/app/{app}/limits", money=written, reads="٢٠٠٠")
        assert done.status_code == 302, done.text
        with desk.store.read() as session:
            row = session.get_one(App, app)
            assert (row.money_limit_micros, row.reads_limit) == (micros, 2_000)


def test_pause_resume_and_test(
    client: Browser, admin: User, desk: Desk, account: int, feed: int
) -> None:
    client.send(f"/accounts/{account}/pause")
    page = client.get("/accounts/").text
    assert "Paused" in page
    assert "Someone here paused it" in page
    client.send(f"/accounts/{account}/resume")
    assert "goes on" in client.get("/accounts/").text
    client.send(f"/accounts/{account}/test")
    assert "The connection works" in client.get("/accounts/").text
    assert client.send("/accounts/999/test").status_code == 404


# Choosing and the price.


def feeds(desk: Desk) -> dict[tuple[Source, str], Feed]:
    with desk.store.read() as session:
        return {(row.source, row.query): row for row in session.scalars(select(Feed))}


def collect(client: Browser, account: int, **more: Any) -> Any:
    fields = {"source": ["mention", "inbox"], "searches": "", "days": "3"} | more
    token = client.token()
    return client.post(f"/accounts/{account}/collect", data={**fields, "csrf_token": token})


def test_the_price_is_shown_and_nothing_happens_before_it_is_agreed_to(
    client: Browser, admin: User, desk: Desk, account: int
) -> None:
    page = collect(client, account, searches="کفش نورا, #نورا")
    assert page.status_code == 200
    assert "at most for what X bounds" in page.text
    assert "$0.80" in page.text
    assert "$4.99 of $5.00 are left this month" in page.text
    assert feeds(desk) == {}
    mark = re.search(r'name="agreed" value="(\w+)"', page.text)
    assert mark
    # A word that was given to another price is worth nothing.
    other = collect(client, account, searches="کفش نورا, #نورا", days="7", agreed=mark[1])
    assert other.status_code == 200
    assert feeds(desk) == {}
    done = collect(client, account, searches="کفش نورا, #نورا", agreed=mark[1])
    assert done.location == f"/accounts/{account}"
    made = feeds(desk)
    assert {source for source, _query in made} == {Source.MENTION, Source.INBOX, Source.SEARCH}
    since = desk.store.clock.now() - timedelta(days=3)
    assert all(feed.cursor["down_to"] == since.isoformat() for feed in made.values())
    again = client.get(f"/accounts/{account}/collect").text
    assert "کفش نورا, #نورا" in again


def test_taking_something_away_needs_no_price(
    client: Browser, admin: User, desk: Desk, account: int, feed: int
) -> None:
    assert collect(client, account, source=["mention"]).status_code == 302
    assert collect(client, account, source=[]).status_code == 422
    assert feeds(desk)[Source.MENTION, ""].enabled


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"searches": "a"}, "two letters at least"),
        ({"searches": "shoes (is:retweet)"}, "words, phrases and #hashtags only"),
        ({"searches": "from:someone"}, "words, phrases and #hashtags only"),
        ({"searches": '" OR from:x'}, "words, phrases and #hashtags only"),
        ({"searches": "x" * 101}, "100 characters at most"),
        ({"searches": ",".join(f"word{n:03}" for n in range(80))}, "longer than X allows"),
        ({"searches": "\n".join(f"word {n}" for n in range(11))}, "At most 10 searches"),
        ({"days": "0"}, "from 1 to 365"),
        ({"days": "soon"}, "from 1 to 365"),
        ({"days": "366"}, "from 1 to 365"),
    ],
)
def test_what_cannot_be_collected_is_refused_in_words(
    client: Browser, admin: User, desk: Desk, account: int, fields: dict[str, str], said: str
) -> None:
    page = collect(client, account, **fields)
    assert page.status_code == 422
    assert said in page.text
    assert feeds(desk) == {}


def test_reading_back_is_priced_and_agreed_to(
    client: Browser, admin: User, desk: Desk, account: int, feed: int
) -> None:
    path = f"/accounts/{account}/back-fill"
    assert "Show the price" in client.get(path).text
    page = client.send(path, days="30")
    mark = re.search(r'name="agreed" value="(\w+)"', page.text)
    assert mark
    assert feeds(desk)[Source.MENTION, ""].cursor == {}
    done = client.send(path, days="30", agreed=mark[1])
    assert done.location == f"/accounts/{account}"
    assert "down_to" in feeds(desk)[Source.MENTION, ""].cursor


# The ledger.


def test_the_ledger_says_what_is_covered_in_words_and_in_a_bar(
    client: Browser, agent: User, desk: Desk, account: int, feed: int
) -> None:
    page = client.get(f"/accounts/{account}").text
    assert "Nothing was missed since" in page
    assert "No gap." in page
    cover(desk.store, feed, 20, 10, pages=4, messages=390, new=12, repaired=3, gap=True)
    page = client.get(f"/accounts/{account}").text
    bar = re.search(r'<svg class="bar".*?</svg>', page, re.S)
    assert bar
    assert 'role="img"' in bar[0]
    assert "1 gap:" in bar[0]
    assert 'class="gap"' in bar[0]
    assert "3 repairs this week" in page
    assert "complete, with a gap" in page
    assert client.get("/accounts/999").status_code == 404


def test_a_reading_that_goes_on_tells_what_holds_it_up(
    client: Browser, agent: User, desk: Desk, account: int, feed: int, clock: SetClock
) -> None:
    with desk.store.write() as session:
        session.add(Coverage(feed_id=feed, kind=CoverageKind.RUN, started_at=clock.now(), pages=2))
        session.get_one(Feed, feed).last_error = FeedError.UNREACHABLE
    page = client.get(f"/accounts/{account}").text
    assert "goes on" in page
    assert "could not be reached" in page
    assert "being read at this moment" in page


@pytest.mark.parametrize("language", ["fa", "ar"])
def test_the_pages_stand_in_every_language(
    client: Browser,
    make_user: Callable[..., User],
    desk: Desk,
    account: int,
    feed: int,
    language: str,
) -> None:
    user = make_user("fa@shop.example", role=Role.ADMIN, language=language)
    sign_in(client, user.email)
    cover(desk.store, feed, 20, 10)
    change(desk.store, Feed, feed, last_error=FeedError.INTERNAL)
    outbox(desk.store, account, OutboxState.UNKNOWN)
    for path in (
        "/accounts/",
        f"/accounts/{account}",
        f"/accounts/{account}/collect",
        f"/accounts/{account}/back-fill",
        "/accounts/sending",
        "/accounts/connect/x",
        "/accounts/connect/x?way=oauth2",
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert 'dir="rtl"' in page.text
    assert collect(client, account, source=["own"]).status_code == 200
