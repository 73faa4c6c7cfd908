"""Promises of migrations: a new database is what the code says, an old one becomes it, whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, func, inspect, select
from sqlalchemy.exc import IntegrityError
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import START, incoming, many

from collectors.intake import take_in
from shenava.store import Base, Message, Store, migrations
from shenava.store.search import matching_messages

REVISIONS = [
    step.revision
    for step in reversed(
        list(ScriptDirectory(migrations.__path__[0]).walk_revisions())  # the newest comes first
    )
]

# Made for search by hand, and no part of the rows.
_OF_SEARCH = ("message_search", "ix_messages_search")


@pytest.fixture
def new_store(
    make_database: Callable[..., AbstractContextManager[str]], open_store: Callable[[str], Store]
) -> Iterator[Store]:
    """A store with nothing in it, not even tables."""
    with make_database(migrated=False) as url:
        store = open_store(url)
        yield store
        store.close()


def _shape(store: Store) -> dict[str, Any]:
    """Everything the database says of its tables, in one order."""
    told = inspect(store.engine)
    # SQLite keeps the name of a reference that a column was added with, and does not tell it.
    reference = () if store.is_sqlite else ("name",)

    def items(found: list[Any], *keys: str) -> list[str]:
        kept = [{key: _said(item.get(key)) for key in keys} for item in found]
        return sorted(
            json.dumps(item) for item in kept if not item.get("name", "").startswith(_OF_SEARCH)
        )

    return {
        table: {
            "columns": items(told.get_columns(table), "name", "type", "nullable", "default"),
            "key": told.get_pk_constraint(table),
            "foreign": items(
                told.get_foreign_keys(table),
                *reference,
                "constrained_columns",
                "referred_table",
                "referred_columns",
                "options",
            ),
            "unique": items(told.get_unique_constraints(table), "name", "column_names"),
            "checks": items(told.get_check_constraints(table), "name", "sqltext"),
            "indexes": items(
                told.get_indexes(table), "name", "column_names", "unique", "dialect_options"
            ),
        }
        for table in told.get_table_names()
        if table != "alembic_version" and not table.startswith(_OF_SEARCH)
    }


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return str({key: str(item) for key, item in value.items()})
    return str(value)


def test_a_new_database_is_what_the_rows_say(
    new_store: Store,
    make_database: Callable[..., AbstractContextManager[str]],
    open_store: Callable[[str], Store],
) -> None:
    migrations.upgrade(new_store)
    with make_database(migrated=False) as url:
        made = open_store(url)
        with made.write() as session:
            Base.metadata.create_all(session.connection())
        expected, found = _shape(made), _shape(new_store)
        made.close()
    assert found.keys() == expected.keys()
    for table in expected:
        assert found[table] == expected[table], table


def test_upgrading_twice_is_harmless(store: Store) -> None:
    take_in(store, many(3))
    migrations.upgrade(store)
    assert migrations.current(store) == migrations.head() == REVISIONS[-1]
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 3


def test_a_database_that_has_no_step_yet_says_so(new_store: Store) -> None:
    assert migrations.current(new_store) is None


FIRST_ROWS: list[tuple[str, dict[str, Any]]] = [
    ("accounts", {"platform": "x", "handle": "shop", "created_at": START}),
    ("customers", {"vip": True, "created_at": START}),
    ("posts", {"platform": "x", "native_key": "p1"}),
    (
        "users",
        {
            "email": "sara@example.com",
            "name": "Sara",
            "role": "admin",
            "state": "active",
            "password_hash": "x",
            "session_key": "k",
            "created_at": START,
        },
    ),
    (
        "identities",
        {"platform": "x", "key": "id:7", "handle": "ali", "profile_at": START, "customer_id": 1},
    ),
    (
        "identity_handles",
        {"identity_id": 1, "handle": "a", "first_seen": START, "last_seen": START},
    ),
    ("conversations", {"account_id": 1, "identity_id": 1, "thread": "post:p1", "post_id": 1}),
    (
        "cases",
        {
            "conversation_id": 1,
            "account_id": 1,
            "identity_id": 1,
            "state": "open",
            "historic": False,
            "priority": 3,
            "rank": 1,
            "reasons": [{"code": "threat", "params": {}}],
            "needs_answer": True,
            "assignee_id": 1,
            "opened_at": START,
            "last_message_at": START,
            "waiting_since": START,
            "message_count": 1,
            "judged": True,
        },
    ),
    ("case_intents", {"case_id": 1, "intent": "refund"}),
    ("case_reads", {"case_id": 1, "user_id": 1, "message_count": 1}),
    ("notes", {"case_id": 1, "user_id": 1, "text": "Call him.", "written_at": START}),
    (
        "messages",
        {
            "platform": "x",
            "scope": "",
            "native_key": "old",
            "kind": "comment",
            "identity_id": 1,
            "conversation_id": 1,
            "case_id": 1,
            "text": "اينترنت قطع است",
            "search_text": "اینترنت قطع است",
            "normaliser": 1,
            "historic": False,
            "written_at": START,
            "received_at": START,
        },
    ),
    ("sightings", {"message_id": 1, "account_id": 1, "source": "mention", "seen_at": START}),
    (
        "verdicts",
        {
            "message_id": 1,
            "model": "m",
            "language": "fa",
            "script": "native",
            "sentiment": "negative",
            "sentiment_p": 0.9,
            "complaint": True,
            "complaint_p": 0.9,
            "urgent": None,
            "urgent_p": 0.5,
            "intents": [],
            "why": [],
            "judged_at": START,
        },
    ),
    (
        "corrections",
        {"message_id": 1, "user_id": 1, "complaint": True, "corrected_at": START},
    ),
    (
        "facts",
        {
            "kind": "case_opened",
            "happened_at": START,
            "recorded_at": START,
            "case_id": 1,
            "details": {},
        },
    ),
    ("audit", {"at": START, "user_id": 1, "action": "x", "case_id": 1, "details": {}}),
    ("changes", {"at": START, "case_id": 1}),
    ("one_time_links", {"token_hash": "h", "purpose": "reset", "user_id": 1, "expires_at": START}),
    ("sign_in_failures", {"subject": "s", "failed_at": START}),
]


def _tables(store: Store) -> dict[str, Table]:
    """The tables as this database has them, whatever the code of today thinks."""
    known = MetaData()
    known.reflect(store.engine)
    return dict(known.tables)


def _rows(store: Store, tables: dict[str, Table]) -> dict[str, list[dict[str, Any]]]:
    with store.read() as session:
        return {
            name: [dict(row) for row in session.execute(select(tables[name])).mappings()]
            for name, _ in FIRST_ROWS
        }


def test_a_database_of_the_first_day_becomes_todays_step_by_step_and_loses_nothing(
    new_store: Store,
) -> None:
    store = new_store
    migrations.upgrade(store, REVISIONS[0])
    first = _tables(store)
    assert {name for name, _ in FIRST_ROWS} == set(first) - {"alembic_version"}
    with store.write() as session:
        for name, values in FIRST_ROWS:
            session.execute(first[name].insert().values(values))
    before = _rows(store, first)

    for revision in REVISIONS[1:]:
        migrations.upgrade(store, revision)
        assert migrations.current(store) == revision
        after = _rows(store, _tables(store))
        for name, rows in before.items():
            kept = [{key: row[key] for key in rows[0]} for row in after[name]]
            assert kept == rows, (revision, name)

    # What was there is found, and what comes today goes in beside it.
    take_in(store, [incoming("new", "اینترنت")])
    with store.read() as session:
        ids = matching_messages(session, "اینترنت")
        assert ids is not None
        found = session.scalars(select(Message.native_key).where(Message.id.in_(ids)))
        assert set(found) == {"old", "new"}


def test_a_table_that_others_point_to_is_widened_and_they_still_point_to_its_rows(
    new_store: Store,
) -> None:
    store = new_store
    migrations.upgrade(store, "0006")
    then = _tables(store)
    row = {
        "principal": "user:1",
        "body_hash": "h",
        "deed": "answer",
        "account_id": 1,
        "to_key": "1",
        "text": "سلام (؟)",
        "picture_alt": "",
        "state": "queued",
        "automatic": False,
        "by_hand": False,
        "created_at": START,
        "not_before": START,
        "attempts": 0,
        "looks": 0,
        "evidence": {},
        "price_micros": 0,
    }
    own = {
        "platform": "x",
        "scope": "",
        "native_key": "1",
        "account_id": 1,
        "kind": "answer",
        "text": "x",
        "written_at": START,
        "received_at": START,
        "outbox_id": 2,
    }
    with store.write() as session:
        session.execute(then["accounts"].insert().values(dict(FIRST_ROWS)["accounts"]))
        session.execute(then["outbox"].insert().values(row | {"key": "a"}))
        session.execute(then["outbox"].insert().values(row | {"key": "b", "retry_of_id": 1}))
        session.execute(then["own_messages"].insert().values(own))
    migrations.upgrade(store)
    now = _tables(store)
    with store.read() as session:
        kept = session.execute(
            select(now["outbox"].c.id, now["outbox"].c.retry_of_id, now["outbox"].c.text)
        ).all()
        assert kept == [(1, None, "سلام (؟)"), (2, 1, "سلام (؟)")]
        assert session.scalar(select(now["own_messages"].c.outbox_id)) == 2
    with store.write() as session:
        session.execute(now["outbox"].insert().values(row | {"key": "c", "deed": "private_reply"}))
    for wrong in ({"deed": "whisper"}, {"deed": "delete", "to_key": None}, {"retry_of_id": 99}):
        with pytest.raises(IntegrityError), store.write() as session:
            session.execute(now["outbox"].insert().values(row | {"key": "d"} | wrong))
    with pytest.raises(IntegrityError), store.write() as session:
        session.execute(now["outbox"].delete())  # the echo points to one of them


def test_alarms_of_cases_keep_their_calls_and_then_spikes_may_ring(new_store: Store) -> None:
    store = new_store
    migrations.upgrade(store, "0018")
    take_in(store, many(1))
    then = _tables(store)
    alarm = {"step": 0, "rung_at": START, "last_rung_at": START, "message_count": 1}
    call = {"alarm_id": 1, "user_id": 1, "step": 0, "because": "on_duty", "made_at": START}
    with store.write() as session:
        session.execute(then["users"].insert().values(dict(FIRST_ROWS)["users"]))
        session.execute(then["alarms"].insert().values(alarm | {"case_id": 1}))
        session.execute(then["alerts"].insert().values(call))
    migrations.upgrade(store)
    now = _tables(store)
    spike = {
        "cause": "payment", "also": [], "began_at": START, "seen_at": START, "loud_at": START,
        "usual": 0.5, "words": [], "examples": [],
    }  # fmt: skip
    with store.write() as session:
        kept = session.execute(
            select(now["alarms"].c.id, now["alarms"].c.case_id, now["alarms"].c.spike_id)
        ).all()
        assert kept == [(1, 1, None)]
        session.execute(now["spikes"].insert().values(spike))
        session.execute(now["alarms"].insert().values(alarm | {"spike_id": 1, "message_count": 0}))
    for wrong in ({}, {"case_id": 1, "spike_id": 1}, {"case_id": 1}, {"spike_id": 1}):
        with pytest.raises(IntegrityError), store.write() as session:
            session.execute(now["alarms"].insert().values(alarm | wrong))
    with pytest.raises(IntegrityError), store.write() as session:
        session.execute(now["alarms"].delete())  # a call points to one of them


_UPGRADE = """
import sys
from shenava.store import Store, migrations
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrations.upgrade(store)
store.close()
"""


@pytest.mark.parametrize("kind", ["sqlite_files", "postgresql"])
def test_of_processes_that_start_at_once_one_upgrades_and_all_go_on(
    kind: str, request: pytest.FixtureRequest, open_store: Callable[[str], Store]
) -> None:
    databases: SqliteFiles | PostgresqlServer = request.getfixturevalue(kind)
    with databases.database(migrated=False) as url:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _UPGRADE, url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={"PYTHONPATH": ":".join(sys.path)},
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * 3, errors
        store = open_store(url)
        assert migrations.current(store) == migrations.head()
        store.close()
