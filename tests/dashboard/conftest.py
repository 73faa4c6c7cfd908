"""A dashboard over a real, migrated SQLite store, a browser without a screen, and people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from support.browser import PASSWORD, Browser, sign_in

from config import Settings
from dashboard.app import create_app
from dashboard.auth.passwords import hashed
from dashboard.context import Desk
from responder.policy import policy_of
from shenava.store import Role, Store, User, UserState

MakeUser = Callable[..., User]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, but in English: tests name what stands on the pages."""
    return Settings(home=tmp_path / "home", language="en")  # type: ignore[arg-type]


@pytest.fixture
def desk(sqlite_store: Store, settings: Settings) -> Desk:
    return Desk(sqlite_store, settings, policy_of(settings))


@pytest.fixture
def app(desk: Desk) -> Flask:
    app = create_app(desk)
    app.test_client_class = Browser
    return app


@pytest.fixture
def new_browser(app: Flask) -> Callable[[], Browser]:
    """Opens browsers that know nothing of each other."""

    def open_() -> Browser:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        return browser

    return open_


@pytest.fixture
def client(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """That of :data:`support.browser.PASSWORD`; made once, it is meant to be slow."""
    return hashed(PASSWORD)


@pytest.fixture
def make_user(desk: Desk, password_hash: str) -> MakeUser:
    """Makes users: ``make_user("sara@shop.example", role=Role.ADMIN)``; active unless said."""

    def make(
        email: str = "sara@shop.example",
        *,
        name: str = "Sara",
        role: Role = Role.AGENT,
        state: UserState = UserState.ACTIVE,
        **more: str,
    ) -> User:
        user = User(
            email=email,
            name=name,
            role=role,
            state=state,
            password_hash=None if state is UserState.INVITED else password_hash,
            session_key=f"key of {email}",
            created_at=desk.store.clock.now(),
            **more,
        )
        with desk.store.write() as session:
            session.add(user)
        return user

    return make


@pytest.fixture
def admin(client: Browser, make_user: MakeUser) -> User:
    """An admin, signed in at ``client``."""
    user = make_user("admin@shop.example", name="Mina", role=Role.ADMIN)
    assert sign_in(client, user.email).status_code == 302
    return user


@pytest.fixture
def agent(client: Browser, make_user: MakeUser) -> User:
    """An agent, signed in at ``client``."""
    user = make_user("agent@shop.example", name="Omid")
    assert sign_in(client, user.email).status_code == 302
    return user
