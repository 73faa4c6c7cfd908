"""The page of webhooks and what the strip says of them: what to do, for whoever has to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from support.browser import Browser, sign_in
from support.webhooks import Follower, InstagramShop, body, comment, instagram_shop

from collectors import inbound
from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.webhooks.doors import Doors
from responder.policy import Policy
from service import webhooks
from shenava.clock import SetClock
from shenava.messages import Platform
from shenava.store import App, Audit, InboundEvent, InboundState, Store, User, WebhookAccount
from shenava.vault import Vault

PAGE = "/accounts/webhooks"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", language="en", public_url="https://desk.shop.example")  # type: ignore[call-arg]


@pytest.fixture
def shop(sqlite_store: Store, tmp_path: Path) -> InstagramShop:
    return instagram_shop(sqlite_store, tmp_path)


@pytest.fixture
def channel() -> Follower:
    return Follower(ordered=frozenset())


@pytest.fixture
def app(desk: Desk, shop: InstagramShop, tmp_path: Path, channel: Follower) -> Flask:
    secrets = webhooks.Doors(desk.store, Vault(tmp_path / "vault.key"), channel)
    app = create_app(desk, doors=Doors(secrets, b"k" * 32))
    app.test_client_class = Browser
    return app


def deliver(store: Store, shop: InstagramShop, said: bytes) -> None:
    with store.write() as session:
        inbound.keep(session, Platform.INSTAGRAM, shop.app_id, said, {}, store.clock.now())


def test_an_admin_is_told_what_to_give_to_the_platform(
    client: Browser, admin: User, shop: InstagramShop
) -> None:
    page = client.get(PAGE).text
    assert f"https://desk.shop.example{shop.path}" in page
    assert Doors(None, b"k" * 32).verify_token(Platform.INSTAGRAM, shop.app_id) in page  # type: ignore[arg-type]


def test_an_app_without_its_secret_is_told_of(
    client: Browser, admin: User, sqlite_store: Store, shop: InstagramShop
) -> None:
    assert "The secret of this app is not known" not in client.get(PAGE).text
    with sqlite_store.write() as session:
        session.get_one(App, shop.app_id).secrets = None
    assert "The secret of this app is not known" in client.get(PAGE).text


def test_it_is_for_admins(client: Browser, agent: User) -> None:
    assert client.get(PAGE).status_code == 403
    assert client.send(f"{PAGE}/retry").status_code == 403


def test_what_was_not_understood_is_shown_and_tried_again(
    client: Browser, admin: User, sqlite_store: Store, shop: InstagramShop, policy: Policy
) -> None:
    deliver(sqlite_store, shop, b"<script>alert(1)</script>")
    webhooks.run_one(sqlite_store, Follower(), policy)
    page = client.get(PAGE).text
    assert "nothing we can read" in page
    assert "1 webhook was not understood" in page, "the strip says so too"
    assert "alert(1)" not in page, "what stands in a body is on no page"
    with sqlite_store.read() as session:
        number = session.scalars(select(InboundEvent.id)).one()
    assert client.send(f"{PAGE}/retry", event=str(number)).status_code == 302
    assert "1 webhook is tried again now." in client.get(PAGE).text
    with sqlite_store.read() as session:
        assert session.scalars(select(InboundEvent.state)).one() is InboundState.WAITING
        assert session.scalars(select(Audit.action)).all()[-1] == "webhooks_retried"


def test_names_of_new_fields_are_shown_and_never_as_markup(
    client: Browser, admin: User, sqlite_store: Store, shop: InstagramShop, policy: Policy
) -> None:
    deliver(sqlite_store, shop, body(comment(**{"<b>mood</b>": 1})))
    webhooks.run_one(sqlite_store, Follower(), policy)
    page = client.get(PAGE).text
    assert "comment &lt;b&gt;mood&lt;/b&gt;" in page


def test_webhooks_are_ordered_by_a_button(
    client: Browser, admin: User, sqlite_store: Store, shop: InstagramShop, channel: Follower
) -> None:
    client.send(f"/accounts/{shop.account_id}/webhooks")
    assert "Webhooks are ordered for @shop." in client.get(PAGE).text
    assert channel.ordered
    with sqlite_store.read() as session:
        assert session.scalars(select(WebhookAccount.subscribed)).one() is True
    channel.connected = False
    client.send(f"/accounts/{shop.account_id}/webhooks")
    assert "did not take the order" in client.get(PAGE).text


def test_the_strip_says_what_is_wrong(
    client: Browser, admin: User, sqlite_store: Store, shop: InstagramShop, clock: SetClock
) -> None:
    with sqlite_store.write() as session:
        for _ in range(inbound.BAD_IN_A_ROW):
            inbound.note_bad(session, shop.app_id, clock.now())
        session.add(WebhookAccount(account_id=shop.account_id, subscribed=False))
    deliver(sqlite_store, shop, body(comment()))
    with sqlite_store.write() as session:
        for _ in range(inbound.BAD_IN_A_ROW):
            inbound.note_bad(session, shop.app_id, clock.now())
    clock.advance(inbound.WAITS_TOO_LONG + timedelta(seconds=1))
    page = client.get("/accounts/").text
    assert "Webhooks are refused: the app secret is wrong" in page
    assert "A webhook waits since" in page
    assert "Instagram sends no more webhooks for" in page


def test_without_an_address_the_page_says_how_to_get_one(
    desk: Desk, shop: InstagramShop, tmp_path: Path, admin: User
) -> None:
    plain = Settings(home=tmp_path / "home", host="0.0.0.0", language="en")  # type: ignore[call-arg]
    secrets = webhooks.Doors(desk.store, Vault(tmp_path / "vault.key"), Follower())
    app = create_app(Desk(desk.store, plain, desk.policy), doors=Doors(secrets, b"k" * 32))
    app.test_client_class = Browser
    client = app.test_client()
    assert isinstance(client, Browser)
    sign_in(client, admin.email)
    page = client.get(PAGE).text
    assert "Platforms cannot reach us yet." in page
    assert "SHENAVA_PUBLIC_URL" in page
