"""Connecting an account of X on the dashboard: tested first, secret afterwards.

X is the simulated one, over HTTP; the vault and the store are the real ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from support.browser import Browser, sign_in
from support.connecting import app_of, at_simulated_x, keys_of, stored_keys
from support.simulated_x import Place

from config import Settings
from dashboard.context import Desk
from service.connecting import Connecting
from shenava.clock import SetClock
from shenava.messages import Source
from shenava.store import Account, AccountState, App, Audit, Feed, Role, Spend, Store, User

CALLBACK = "/accounts/connect/x/callback"


@pytest.fixture
def _world(sqlite_store: Store, settings: Settings) -> Iterator[tuple[Place, Desk, Connecting]]:
    with ExitStack() as stack:
        yield stack.enter_context(at_simulated_x(settings, sqlite_store))


@pytest.fixture
def place(_world: tuple[Place, Desk, Connecting]) -> Place:
    return _world[0]


@pytest.fixture
def desk(_world: tuple[Place, Desk, Connecting]) -> Desk:
    return _world[1]


@pytest.fixture
def connecting(_world: tuple[Place, Desk, Connecting]) -> Connecting:
    return _world[2]


@pytest.fixture
def app(desk: Desk, connecting: Connecting) -> Flask:
    return app_of(desk, connecting)


def accounts(store: Store) -> list[Account]:
    with store.read() as session:
        return list(session.scalars(select(Account)))


def with_keys(client: Browser, place: Place, **more: str) -> str:
    """Send the form of the four keys; where it leads."""
    answer = client.send(
        "/accounts/connect/x/keys", app_name="Noora", owns_app="y", **keys_of(place) | more
    )
    return answer.location or f"{answer.status_code}: {answer.text}"


def connect(client: Browser, place: Place) -> None:
    assert with_keys(client, place) == "/accounts/connect/confirm"
    done = client.send("/accounts/connect/confirm", money="25", reads="")
    assert done.status_code == 302, done.text


def test_keys_are_tested_shown_to_be_whose_and_only_then_stored(
    client: Browser, admin: User, place: Place, desk: Desk, connecting: Connecting
) -> None:
    page = client.get("/accounts/connect/x").text
    assert "Read and write" in page
    assert "What X charges, allows and forbids" in page
    assert with_keys(client, place) == "/accounts/connect/confirm"
    assert accounts(desk.store) == []
    page = client.get("/accounts/connect/confirm")
    assert f"@{place.shop.username}" in page.text
    assert "follower" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    done = client.send("/accounts/connect/confirm", money="25", reads="1000")
    (account,) = accounts(desk.store)
    assert done.location == f"/accounts/{account.id}/collect"
    assert (account.handle, account.native_id) == (place.shop.username, place.shop.id)
    assert account.state is AccountState.CONNECTED
    assert account.token_expires_at is None
    assert stored_keys(desk.store, connecting._vault, account.id)["simulated"] == "yes"
    with desk.store.read() as session:
        app = session.scalars(select(App)).one()
        assert (app.money_limit_micros, app.reads_limit) == (25_000_000, 1_000)
        # The test asked X for a user, and that is on the meter.
        assert session.scalars(select(Spend.micros).where(Spend.what == "user")).one() == 10_000
        last = session.scalars(select(Audit).order_by(Audit.id.desc())).first()
        assert last is not None
        assert last.action == "account_connected"


def test_no_key_is_ever_seen_again(
    client: Browser,
    admin: User,
    place: Place,
    desk: Desk,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []
    bad = keys_of(place) | {"token": "has blanks in it"}
    wrong = client.send("/accounts/connect/x/keys", app_name="Noora", **bad)
    assert wrong.status_code == 422
    seen.append(wrong.text)
    connect(client, place)
    (account,) = accounts(desk.store)
    for page in (
        "/accounts/",
        "/accounts/connect/x",
        f"/accounts/{account.id}",
        f"/accounts/{account.id}/collect",
        "/settings/audit",
        "/inbox/",
    ):
        seen.append(client.get(page).text)
    cookies = str(client.get_cookie("shenava_session"))
    rows = repr([[vars(row) for row in desk.store.read().__enter__().scalars(select(of))]
                 for of in (Account, App, Audit)])  # fmt: skip
    everything = "\n".join([*seen, cookies, rows, caplog.text])
    for name, key in keys_of(place).items():
        assert key not in everything, name
    assert bad["token"] not in everything


def test_wrong_keys_are_refused_in_words_and_nothing_is_stored(
    client: Browser, admin: User, place: Place, desk: Desk
) -> None:
    answer = client.send(
        "/accounts/connect/x/keys",
        app_name="Noora",
        **keys_of(place) | {"token_secret": "not-the-right-one"},
    )
    assert answer.location == "/accounts/connect/x"
    assert "X does not take these keys. Nothing was saved." in client.get(answer.location).text
    assert accounts(desk.store) == []
    assert client.get("/accounts/connect/confirm").location == "/accounts/connect"


def test_an_app_without_budget_is_not_even_asked(
    client: Browser, admin: User, place: Place, desk: Desk
) -> None:
    connect(client, place)
    with desk.store.write() as session:
        session.scalars(select(App)).one().money_limit_micros = 10_000
    before = len(place.served.sim.requests) if hasattr(place.served.sim, "requests") else None
    answer = client.send("/accounts/connect/x/keys", app_name="Noora", **keys_of(place))
    assert "limit of this month" in client.get(answer.location or "").text
    if before is not None:
        assert len(place.served.sim.requests) == before


def test_connecting_again_goes_on_where_it_stopped(
    client: Browser, admin: User, place: Place, desk: Desk, clock: SetClock
) -> None:
    connect(client, place)
    (account,) = accounts(desk.store)
    with desk.store.write() as session:
        row = session.get_one(Account, account.id)
        row.state = AccountState.UNAUTHORISED
        session.add(
            Feed(
                account_id=account.id,
                source=Source.MENTION,
                cursor={"floor": "7"},
                next_at=clock.now() + timedelta(hours=1),
                failures=3,
            )
        )
    clock.advance(timedelta(minutes=1))
    connect(client, place)
    (account,) = accounts(desk.store)
    assert account.state is AccountState.CONNECTED
    assert account.connected_at == clock.now()
    with desk.store.read() as session:
        feed = session.scalars(select(Feed)).one()
        assert (feed.next_at, feed.failures, feed.cursor) == (clock.now(), 0, {"floor": "7"})


def test_an_account_known_from_files_is_the_same_account(
    client: Browser, admin: User, place: Place, desk: Desk, clock: SetClock
) -> None:
    with desk.store.write() as session:
        name = place.shop.username.upper()
        session.add(Account(platform="x", handle=name, created_at=clock.now()))
    connect(client, place)
    (account,) = accounts(desk.store)
    assert (account.handle, account.native_id) == (name, place.shop.id)


# OAuth 2.0 with PKCE.


def ask(client: Browser, place: Place, **more: str) -> str:
    """Begin; the address of X's page."""
    keys = place.served.credentials
    page = client.send(
        "/accounts/connect/x/ask",
        **{"app_name": "Noora", "client_id": keys.client_id, "client_secret": keys.client_secret}
        | more,
    )
    assert page.status_code == 200, page.text
    assert keys.client_secret not in page.text
    return page.text.split('class="button main" href="')[1].split('"')[0].replace("&amp;", "&")


def allow(place: Place, address: str) -> str:
    """Agree on X's page; the path and query that X sends the person back to."""
    answer = place.session().get(f"{address}&agree=yes", allow_redirects=False)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def test_over_xs_own_page_and_back(
    client: Browser, admin: User, place: Place, desk: Desk, connecting: Connecting
) -> None:
    address = ask(client, place)
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [desk.settings.address + CALLBACK]
    back = allow(place, address)
    assert client.get(back).location == "/accounts/connect/confirm"
    assert accounts(desk.store) == []
    client.send("/accounts/connect/confirm", money="", reads="")
    (account,) = accounts(desk.store)
    kept = stored_keys(desk.store, connecting._vault, account.id)
    assert kept["refresh_token"]
    # It renews itself: nobody is warned two hours later.
    assert account.token_expires_at is None
    assert kept["access_token"] not in client.get("/accounts/").text


def test_an_answer_is_taken_once(client: Browser, admin: User, place: Place, desk: Desk) -> None:
    back = allow(place, ask(client, place))
    assert client.get(back).location == "/accounts/connect/confirm"
    again = client.get(back)
    assert again.location == "/accounts/connect/x"
    assert "no answer to a question of yours" in client.get("/accounts/connect/x").text


@pytest.mark.parametrize("state", ["", "guessed", "ÿ"])
def test_a_strangers_answer_is_refused_and_the_own_one_still_counts(
    client: Browser, admin: User, place: Place, state: str
) -> None:
    back = allow(place, ask(client, place))
    forged = client.get(CALLBACK, query_string={"state": state, "code": "theirs"})
    assert forged.location == "/accounts/connect/x"
    assert client.get(back).location == "/accounts/connect/confirm"


def test_an_answer_counts_only_in_the_browser_that_asked(
    client: Browser,
    admin: User,
    place: Place,
    new_browser: Callable[[], Browser],
    make_user: Callable[..., User],
) -> None:
    back = allow(place, ask(client, place))
    make_user("other@shop.example", name="Other", role=Role.ADMIN)
    other, same_person = new_browser(), new_browser()
    sign_in(other, "other@shop.example")
    sign_in(same_person, admin.email)
    assert other.get(back).location == "/accounts/connect/x"
    assert same_person.get(back).location == "/accounts/connect/x"
    assert new_browser().get(back).location.startswith("/sign-in")
    assert client.get(back).location == "/accounts/connect/confirm"


def test_an_answer_that_comes_too_late_is_refused(
    client: Browser, admin: User, place: Place, clock: SetClock
) -> None:
    back = allow(place, ask(client, place))
    clock.advance(timedelta(minutes=16))
    assert client.get(back).location == "/accounts/connect/x"


def test_a_no_at_x_is_told_and_ends_the_question(
    client: Browser, admin: User, place: Place
) -> None:
    state = parse_qs(urlsplit(ask(client, place)).query)["state"][0]
    answer = client.get(CALLBACK, query_string={"state": state, "error": "access_denied"})
    assert "not allowed" in client.get(answer.location or "").text
    late = client.get(CALLBACK, query_string={"state": state, "code": "c"})
    assert late.location == "/accounts/connect/x"


def test_without_a_public_address_the_way_over_x_says_what_to_set(
    client: Browser, admin: User, desk: Desk, app: Flask, connecting: Connecting
) -> None:
    real = desk.settings.model_copy(update={"x_base_url": ""})
    connecting._settings = real
    page = client.get("/accounts/connect/x?way=oauth2").text
    assert "public_url" in page
    assert "disabled" in page
    refused = client.send("/accounts/connect/x/ask", app_name="Noora", client_id="c")
    assert refused.status_code == 422


# Who may.


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/connect/x",
        "/accounts/connect/confirm",
        f"{CALLBACK}?state=s&code=c",
        "/accounts/1/collect",
        "/accounts/1/back-fill",
    ],
)
def test_agents_connect_nothing(client: Browser, agent: User, path: str) -> None:
    assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/connect/x/keys",
        "/accounts/connect/x/ask",
        "/accounts/connect/confirm",
        "/accounts/1/pause",
        "/accounts/1/resume",
        "/accounts/1/test",
        "/accounts/1/collect",
        "/accounts/app/1/limits",
    ],
)
def test_every_deed_needs_the_token_of_the_page(client: Browser, admin: User, path: str) -> None:
    assert client.post(path, data={"app_name": "x"}).status_code == 400


@pytest.mark.parametrize("deed", ["pause", "resume", "test"])
def test_agents_change_nothing(client: Browser, agent: User, deed: str) -> None:
    assert client.send(f"/accounts/1/{deed}").status_code == 403
