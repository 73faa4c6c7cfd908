"""Tokens: who may ask, for what, how often, and how a token is made and ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from support.api import Api, new_token
from support.browser import Browser, sign_in
from support.factories import incoming

from collectors.intake import take_in
from config import Settings
from dashboard.api.document import ALL_ROUTES
from dashboard.api.pace import count_request
from dashboard.api.serving import Route
from dashboard.api.tokens import make_token, revoke_token
from dashboard.app import create_app
from dashboard.context import Desk
from shenava.clock import SetClock
from shenava.store import ApiToken, Audit, Role, Scope, Store, User, UserState

ROUTES = [route for route in ALL_ROUTES if not route.public]


@pytest.fixture
def mina(make_user: Callable[..., User]) -> User:
    """Who makes the tokens."""
    return make_user("mina@shop.example", name="Mina", role=Role.ADMIN)


def path_of(route: Route) -> str:
    return re.sub(r"\{\w+\}", "1", route.path)


def token_row(store: Store) -> ApiToken:
    with store.read() as session:
        return session.scalars(select(ApiToken)).one()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_address_asks_for_a_token_and_for_its_scopes(
    route: Route, app: Flask, desk: Desk, mina: User
) -> None:
    nobody = Api(app, None).ask(route.method, path_of(route), json={})
    assert nobody.status_code == 401
    assert nobody.headers["WWW-Authenticate"] == 'Bearer realm="shenava"'
    for missing in route.scopes:
        others = [scope for scope in Scope if scope is not missing]
        answer = Api(app, new_token(desk.store, mina.id, *others)).ask(
            route.method, path_of(route), json={}
        )
        assert answer.status_code == 403
        assert answer.json is not None
        assert answer.json["missing_scopes"] == [missing.value]
        assert f'scope="{missing.value}"' in answer.headers["WWW-Authenticate"]
    allowed = Api(app, new_token(desk.store, mina.id, *route.scopes))
    assert allowed.ask(route.method, path_of(route), json={}).status_code not in (401, 403)


def test_a_revoked_token_is_refused_at_once(app: Flask, desk: Desk, mina: User) -> None:
    token = new_token(desk.store, mina.id)
    api = Api(app, token)
    api.get("/cases")
    with desk.store.write() as session:
        assert revoke_token(session, mina.id, token_row(desk.store).id, desk.store.clock.now())
    answer = api.ask("GET", "/cases")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert "revoked" in answer.text
    with desk.store.write() as session:
        assert not revoke_token(session, mina.id, 1, desk.store.clock.now())


def test_an_expired_token_is_refused_from_that_very_instant(
    app: Flask, desk: Desk, mina: User, clock: SetClock
) -> None:
    api = Api(app, new_token(desk.store, mina.id, days=30))
    clock.advance(timedelta(days=30) - timedelta(microseconds=1))
    api.get("/cases")
    clock.advance(timedelta(microseconds=1))
    assert "expired" in api.ask("GET", "/cases").text


def test_the_tokens_of_a_disabled_person_stop_and_come_back_with_them(
    app: Flask, desk: Desk, mina: User
) -> None:
    api = Api(app, new_token(desk.store, mina.id))

    def set_state(state: UserState) -> None:
        with desk.store.write() as session:
            session.execute(update(User).where(User.id == mina.id).values(state=state))

    set_state(UserState.DISABLED)
    assert api.ask("GET", "/cases").status_code == 401
    set_state(UserState.ACTIVE)
    assert api.ask("GET", "/cases").status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic c2hvcDpzaG9w", "Bearer shv_wrong", "Bearer é", "shv_x"],
)
def test_nothing_but_a_token_that_exists_opens_it(app: Flask, header: str) -> None:
    answer = Api(app, None).ask("GET", "/cases", headers={"Authorization": header})
    assert answer.status_code == 401


def test_a_browser_that_is_signed_in_is_nobody_here(
    client: Browser, admin: User, app: Flask
) -> None:
    assert client.get("/api/v1/cases").status_code == 401
    assert client.post("/api/v1/cases/1/close", json={}).status_code == 401


def test_a_token_that_is_sent_leaves_no_cookie_and_no_cache(
    app: Flask, desk: Desk, mina: User
) -> None:
    answer = Api(app, new_token(desk.store, mina.id)).ask("GET", "/cases")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_the_token_is_kept_as_its_hash_only(desk: Desk, mina: User) -> None:
    token = new_token(desk.store, mina.id)
    assert token.startswith("shv_")
    assert len(token) > 40
    row = token_row(desk.store)
    assert token not in str(vars(row))
    assert len(row.token_hash) == 64


def test_the_last_use_is_written_at_most_once_a_minute(
    app: Flask, desk: Desk, mina: User, clock: SetClock
) -> None:
    api = Api(app, new_token(desk.store, mina.id))
    assert token_row(desk.store).last_used_at is None
    api.get("/cases")
    first = token_row(desk.store).last_used_at
    assert first == clock.now()
    clock.advance(timedelta(seconds=59))
    api.get("/cases")
    assert token_row(desk.store).last_used_at == first
    clock.advance(timedelta(seconds=1))
    api.get("/cases")
    assert token_row(desk.store).last_used_at == clock.now()


# How often.


def test_a_token_has_its_pace_and_is_told_of_it(
    desk: Desk, settings: Settings, mina: User, clock: SetClock
) -> None:
    slow = settings.model_copy(update={"api_requests_per_minute": 3})
    app = create_app(Desk(desk.store, slow, desk.policy))
    clock.advance(timedelta(seconds=20))
    api, other = (Api(app, new_token(desk.store, mina.id)) for _ in range(2))
    for left in (2, 1, 0):
        answer = api.ask("GET", "/cases")
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"minute";q=3;w=60'
        assert answer.headers["RateLimit"] == f'"minute";r={left};t=40'
    refused = api.ask("GET", "/cases")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "40"
    assert refused.headers["RateLimit"] == '"minute";r=0;t=40'
    assert other.ask("GET", "/cases").status_code == 200
    clock.advance(timedelta(seconds=40))
    assert api.ask("GET", "/cases").status_code == 200


def test_the_pace_holds_however_many_ask_at_once(store: Store) -> None:
    with store.write() as session:
        user = User(
            email="m@shop.example",
            name="Mina",
            role=Role.ADMIN,
            state=UserState.ACTIVE,
            password_hash="x",
            session_key="k",
            created_at=store.clock.now(),
        )
        session.add(user)
        session.flush()
        row, _ = make_token(session, user.id, "robot", Scope, store.clock.now())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: count_request(store, row.id, 25), range(40)))
    assert sum(pace.allowed for pace in found) == 25
    assert sorted(pace.left for pace in found if pace.allowed) == list(range(25))


# Pages.


def made_token(page: str) -> str:
    found = re.search(r'id="token" value="([^"]+)"', page)
    assert found
    return found[1]


def test_an_admin_makes_a_token_sees_it_once_and_revokes_it(
    client: Browser, admin: User, app: Flask, desk: Desk
) -> None:
    assert "No tokens yet" in client.get("/settings/tokens").text
    made = client.post(
        "/settings/tokens/new",
        data={
            "name": "Shop <b>",
            "scopes": ["cases:read", "accounts:read"],
            "days": "30",
            "csrf_token": client.token(),
        },
    )
    assert made.headers["Cache-Control"] == "no-store"
    token = made_token(made.text)
    row = token_row(desk.store)
    assert row.scopes == ["cases:read", "accounts:read"]
    assert row.expires_at == desk.store.clock.now() + timedelta(days=30)
    page = client.get("/settings/tokens").text
    assert token not in page
    assert "Shop &lt;b&gt;" in page
    api = Api(app, token)
    api.get("/accounts")
    assert api.ask("GET", "/messages").status_code == 403
    client.send(f"/settings/tokens/{row.id}/revoke")
    assert api.ask("GET", "/accounts").status_code == 401
    assert "Revoked" in client.get("/settings/tokens").text
    trail = client.get("/settings/audit").text
    assert "made an API token" in trail
    assert "revoked an API token" in trail


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"days": "7"}]
)
def test_a_token_without_name_scopes_or_a_known_term_is_not_made(
    client: Browser, admin: User, desk: Desk, wrong: dict[str, object]
) -> None:
    fields = {"name": "robot", "scopes": ["cases:read"], "days": "", **wrong}
    client.post("/settings/tokens/new", data={**fields, "csrf_token": client.token()})
    with desk.store.read() as session:
        assert session.scalars(select(ApiToken)).all() == []


def test_agents_see_no_tokens(client: Browser, agent: User) -> None:
    for page in ("/settings/tokens", "/settings/tokens/new"):
        assert client.get(page).status_code == 403
    assert client.send("/settings/tokens/1/revoke").status_code == 403
    assert "/settings/tokens" not in client.get("/settings/").text


def test_what_a_token_did_is_in_the_trail_as_done_through_it(
    client: Browser, app: Flask, desk: Desk, mina: User
) -> None:
    take_in(desk.store, [incoming("1")])
    Api(app, new_token(desk.store, mina.id)).post("/cases/1/close")
    sign_in(client, mina.email)
    assert '<bdi class="tag" dir="ltr">token:1</bdi>' in client.get("/settings/audit").text
    with desk.store.read() as session:
        line = session.scalars(select(Audit).where(Audit.action == "case_closed")).one()
    assert (line.user_id, line.details) == (mina.id, {"through": "token:1"})


def test_the_list_says_how_each_token_stands(
    client: Browser, admin: User, desk: Desk, make_user: Callable[..., User], clock: SetClock
) -> None:
    gone = make_user("gone@shop.example", name="Gone", role=Role.ADMIN, state=UserState.DISABLED)
    new_token(desk.store, gone.id, name="of one who left")
    new_token(desk.store, admin.id, name="short", days=1)
    new_token(desk.store, admin.id, name="good")
    clock.advance(timedelta(days=1))
    sign_in(client, admin.email)
    page = client.get("/settings/tokens").text
    table = page.partition("<tbody>")[2]
    rows = re.findall(r"<bdi>([^<]*)</bdi></strong>.*?<span class=\"tag[^>]*>([^<]*)", table, re.S)
    assert rows == [
        ("good", "Works"),
        ("short", "Expired"),
        ("of one who left", "Stopped: its maker is disabled"),
    ]
