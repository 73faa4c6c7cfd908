"""Promises of the store: what must never be so, the database itself refuses; all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from support.factories import START, incoming, many
from support.rows import Ids, add_case, one_of_each

from collectors.intake import take_in
from shenava.store import (
    Account,
    Audit,
    Case,
    CaseIntent,
    Change,
    Conversation,
    Correction,
    Customer,
    Fact,
    Identity,
    IdentityHandle,
    Message,
    Post,
    Sighting,
    Store,
    User,
    VerdictRow,
    case_rank,
    changes,
)


@pytest.fixture
def ids(store: Store) -> Ids:
    return one_of_each(store)


VERDICT = {
    "model": "m",
    "language": "fa",
    "script": "native",
    "sentiment": "negative",
    "sentiment_p": 0.9,
    "complaint": None,
    "complaint_p": 0.5,
    "urgent": True,
    "urgent_p": 1.0,
    "intents": [],
    "why": [],
    "judged_at": START,
}

Spoil = Callable[[Any, Ids], object]

REFUSED: dict[str, Spoil] = {
    "a second live case": lambda s, i: add_case(s, i, state="open", closed_at=None),
    "a second historic case": lambda s, i: [add_case(s, i, historic=True) for _ in range(2)],
    "a historic case that is open": lambda s, i: s.execute(update(Case).values(historic=True)),
    "a closed case without a time": lambda s, i: s.execute(update(Case).values(state="closed")),
    "an open case with a closing time": lambda s, i: s.execute(
        update(Case).values(closed_at=START)
    ),
    "a snoozed case without an end": lambda s, i: s.execute(update(Case).values(state="snoozed")),
    "an open case with an end of snoozing": lambda s, i: s.execute(
        update(Case).values(snoozed_until=START)
    ),
    "a priority of 4": lambda s, i: s.execute(update(Case).values(priority=4)),
    "a priority of -1": lambda s, i: s.execute(update(Case).values(priority=-1)),
    "a case without a message": lambda s, i: s.execute(update(Case).values(message_count=0)),
    "a case without a conversation": lambda s, i: s.execute(
        update(Case).values(conversation_id=99)
    ),
    "a case for nobody": lambda s, i: s.execute(update(Case).values(assignee_id=99)),
    "a message twice": lambda s, i: s.execute(_copied(Message)),
    "a message without a case": lambda s, i: s.execute(update(Message).values(case_id=99)),
    "an identity twice": lambda s, i: s.execute(_copied(Identity)),
    "an account twice": lambda s, i: s.execute(_copied(Account)),
    "a conversation twice": lambda s, i: s.execute(_copied(Conversation)),
    "a post twice": lambda s, i: s.execute(
        insert(Post), [{"platform": "x", "native_key": "1"}] * 2
    ),
    "a sighting twice": lambda s, i: s.execute(_copied(Sighting)),
    "a sighting of nothing": lambda s, i: s.execute(update(Sighting).values(message_id=99)),
    "a handle seen last before first": lambda s, i: s.execute(
        update(IdentityHandle).values(last_seen=START - timedelta(days=9))
    ),
    "a verdict twice by one model": lambda s, i: s.execute(
        insert(VerdictRow), [VERDICT | {"message_id": i.message}] * 2
    ),
    "a probability above 1": lambda s, i: s.execute(
        insert(VerdictRow).values(VERDICT | {"message_id": i.message, "urgent_p": 1.01})
    ),
    "a probability below 0": lambda s, i: s.execute(
        insert(VerdictRow).values(VERDICT | {"message_id": i.message, "complaint_p": -0.01})
    ),
    "an intent twice in a case": lambda s, i: s.execute(
        insert(CaseIntent), [{"case_id": i.case, "intent": "refund"}] * 2
    ),
    "a mail address twice": lambda s, i: s.execute(_copied(User)),
    "someone active without a password": lambda s, i: s.execute(
        update(User).values(password_hash=None)
    ),
    "a correction by nobody": lambda s, i: s.execute(
        insert(Correction).values(message_id=i.message, user_id=99, corrected_at=START)
    ),
    "a change of no case": lambda s, i: s.execute(insert(Change).values(at=START, case_id=99)),
    "a fact about no case": lambda s, i: s.execute(update(Fact).values(case_id=99)),
    "an audit line about nobody": lambda s, i: s.execute(
        insert(Audit).values(at=START, user_id=99, action="x", details={})
    ),
    "taking away a case that has messages": lambda s, i: s.execute(delete(Case)),
    "a customer who is not there": lambda s, i: s.execute(update(Identity).values(customer_id=9)),
    "an unknown state": lambda s, i: s.execute(text("UPDATE cases SET state = 'lost'")),
    "an unknown platform": lambda s, i: s.execute(text("UPDATE accounts SET platform = 'orkut'")),
    "an unknown kind": lambda s, i: s.execute(text("UPDATE messages SET kind = 'fax'")),
    "an unknown role": lambda s, i: s.execute(text("UPDATE users SET role = 'god'")),
    "an unknown kind of fact": lambda s, i: s.execute(text("UPDATE facts SET kind = 'rumour'")),
}


def _copied(row: Any) -> Any:
    """The same rows once more, under new numbers where they have one."""
    columns = [column for column in row.__table__.columns if column.name != "id"]
    return insert(row).from_select([column.name for column in columns], select(*columns))


@pytest.mark.parametrize("what", REFUSED)
def test_the_database_itself_refuses(store: Store, ids: Ids, what: str) -> None:
    with pytest.raises(IntegrityError), store.write() as session:
        REFUSED[what](session, ids)


def test_an_unknown_word_is_refused_before_it_is_sent(store: Store, ids: Ids) -> None:
    with pytest.raises(StatementError, match="lost"), store.write() as session:
        session.execute(update(Case).values(state="lost"))


def test_a_conversation_may_have_any_number_of_closed_cases_beside_its_live_one(
    store: Store, ids: Ids
) -> None:
    with store.write() as session:
        for _ in range(3):
            add_case(session, ids)
        add_case(session, ids, historic=True)


def test_an_instant_without_a_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"), store.write() as session:
        session.add(Customer(created_at=datetime(2026, 1, 3, 12)))  # noqa: DTZ001
        session.flush()


def test_an_instant_is_the_same_instant_when_read_whatever_zone_it_was_told_in(
    store: Store,
) -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    at = datetime(2026, 1, 3, 12, 0, 0, 123456, tzinfo=tehran)
    with store.write() as session:
        session.add(Customer(created_at=at))
    with store.read() as session:
        read = session.scalars(select(Customer.created_at)).one()
        before = select(func.count()).where(Customer.created_at < at + timedelta(microseconds=1))
        assert session.scalar(before) == 1
    assert (read, read.tzinfo) == (at, UTC)


def test_what_a_write_did_is_gone_when_it_fails(store: Store, ids: Ids) -> None:
    with store.read() as session:
        before = changes.latest(session)
    with pytest.raises(RuntimeError, match="power cut"), store.write() as session:
        session.execute(update(Case).values(priority=3))
        changes.note(session, [ids.case])
        raise RuntimeError("power cut")
    with store.read() as session:
        assert session.scalars(select(Case.priority)).one() == 1
        assert changes.since(session, before).case_ids == ()
    with store.write() as session:  # and the next one is not stuck
        session.execute(update(Case).values(priority=2))


def test_what_a_reader_changes_is_thrown_away(store: Store, ids: Ids) -> None:
    with store.read() as session:
        session.scalars(select(Case)).one().priority = 3
    with store.read() as session:
        assert session.scalars(select(Case.priority)).one() == 1


def test_a_reader_of_postgresql_can_neither_lock_nor_change(
    postgresql_store: Store,
) -> None:
    """On one view of the data, locking a row that somebody changed meanwhile would be an error; so
    it is one always, and not only when many do it at once."""
    one_of_each(postgresql_store)
    for statement in (select(Case.id).with_for_update(), update(Case).values(priority=3)):
        with pytest.raises(DBAPIError, match="read-only"), postgresql_store.read() as session:
            session.execute(statement)


def test_a_reader_has_one_view_of_the_data_from_first_to_last(store: Store) -> None:
    take_in(store, many(3))
    count = select(func.count()).select_from(Message)
    with store.read() as session:
        assert session.scalar(count) == 3
        take_in(store, many(5))
        assert session.scalar(count) == 3
    with store.read() as session:
        assert session.scalar(count) == 5


def test_a_reader_does_not_wait_for_a_writer(store: Store, ids: Ids) -> None:
    with store.write() as writing:
        writing.execute(update(Case).values(priority=3))
        with store.read() as reading:
            assert reading.scalars(select(Case.priority)).one() == 1


def test_writers_wait_their_turn_and_lose_nothing(store: Store, ids: Ids) -> None:
    def add_one_fifty_times() -> None:
        for _ in range(50):
            with store.write() as session:
                case = session.scalars(select(Case).with_for_update()).one()
                case.message_count += 1

    threads = [threading.Thread(target=add_one_fifty_times) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert session.scalars(select(Case.message_count)).one() == 201


def test_a_writer_within_a_writer_is_an_error_and_no_wait(store: Store, ids: Ids) -> None:
    with pytest.raises(RuntimeError, match="within another"), store.write() as session:
        session.execute(update(Case).values(priority=3))
        with store.write():
            pass
    with store.write() as session:
        assert session.scalars(select(Case.priority)).one() == 1


def test_a_committed_row_of_sqlite_survives_a_power_failure(sqlite_store: Store) -> None:
    with sqlite_store.engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_word_longer_than_its_column_is_an_error_and_no_loss(postgresql_store: Store) -> None:
    with pytest.raises(DBAPIError), postgresql_store.write() as session:
        session.add(Account(platform="x", handle="a" * 201, created_at=START))
        session.flush()


def test_a_queue_is_sorted_by_priority_then_due_then_waiting() -> None:
    hour = timedelta(hours=1)
    ranks = [
        case_rank(3, START, START),
        case_rank(3, START + hour, START - hour),
        case_rank(3, None, START),
        case_rank(2, START - hour, START),
        case_rank(2, None, START),
        case_rank(2, None, START + hour),
        case_rank(0, None, START),
        case_rank(0, None, None),
    ]
    assert ranks == sorted(set(ranks))


def test_a_message_that_waits_is_found_without_reading_those_that_do_not(
    sqlite_store: Store,
) -> None:
    take_in(sqlite_store, [incoming("1")])
    with sqlite_store.engine.connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM messages WHERE judge_after IS NOT NULL"
            " AND judge_after <= '2026-01-03' ORDER BY historic, judge_after, id LIMIT 5"
        ).all()
    assert "ix_messages_unjudged" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
