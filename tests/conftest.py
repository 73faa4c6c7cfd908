"""Fixtures that every room's tests share.

A test that takes ``store`` runs twice, on SQLite and on PostgreSQL, each time on an empty
database of its own. ``sqlite_store`` and ``postgresql_store`` are for what is said of one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest
from hypothesis import settings
from support.databases import PostgresqlServer, SqliteFiles, postgresql_server
from support.factories import START
from support.judges import WordJudge

from config import Settings
from responder.policy import Policy, policy_of
from shenava.clock import SetClock
from shenava.store import Store

# A machine that is busy with other things is no reason for a test to fail. CI tries the same
# examples each time; at home they differ, and what fails is remembered.
settings.register_profile("home", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "home")


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server


OPENAPI = "SHENAVA_X_OPENAPI"
"""Names X's own OpenAPI document; the tests marked ``conformance`` run where it is set."""


REPLAY = "SHENAVA_REPLAY"
"""Names the folder of real posts; the tests marked ``replay`` run where it is set."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance: checked against X's own OpenAPI document")
    config.addinivalue_line("markers", "replay: counts real posts that are not in the project")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the document, or the posts, there is nothing to check against: those tests are left
    out."""
    missing = [
        marker
        for marker, variable in (("conformance", OPENAPI), ("replay", REPLAY))
        if not os.environ.get(variable)
    ]
    left_out = [item for item in items if any(map(item.get_closest_marker, missing))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


MakeDatabase = Callable[..., AbstractContextManager[str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest) -> MakeDatabase:
    """Makes databases of one kind: ``with make_database(migrated=False) as url``."""
    name = {"sqlite": "sqlite_files", "postgresql": "postgresql"}[request.param]
    return request.getfixturevalue(name).database


@pytest.fixture
def database_url(make_database: MakeDatabase) -> Iterator[str]:
    """The address of an empty, migrated database."""
    with make_database() as url:
        yield url


@pytest.fixture
def clock() -> SetClock:
    """Stands at :data:`support.factories.START` until a test moves it."""
    return SetClock(START)


@pytest.fixture
def open_store(clock: SetClock) -> Iterator[Callable[[str], Store]]:
    """Opens stores that are closed at the end of the test."""
    with ExitStack() as stack:

        def open_(url: str) -> Store:
            store = Store(url, clock)
            stack.callback(store.close)
            return store

        yield open_


@pytest.fixture
def store(database_url: str, clock: SetClock) -> Iterator[Store]:
    """An empty, migrated store: once on SQLite, once on PostgreSQL."""
    store = Store(database_url, clock)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(sqlite_files: SqliteFiles, clock: SetClock) -> Iterator[Store]:
    with sqlite_files.database() as url:
        store = Store(url, clock)
        yield store
        store.close()


@pytest.fixture
def postgresql_store(postgresql: PostgresqlServer, clock: SetClock) -> Iterator[Store]:
    with postgresql.database() as url:
        store = Store(url, clock)
        yield store
        store.close()


@pytest.fixture
def judge() -> WordJudge:
    """Gives verdicts by a few words, the same for the same text."""
    return WordJudge()


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The shop's rules as they are when nobody has set anything."""
    return policy_of(Settings())
