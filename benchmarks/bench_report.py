"""``python -m benchmarks.bench_report``: the report of a week with a million messages.

A made-up shop: a million messages in the week and a million in the week before, two thousand of
them corrected, a quarter of the cases answered. Measured is what a person waits for who opens the
page: both weeks counted anew from the book, every figure, and the most telling complaints, on
SQLite and on PostgreSQL (a server of the test extra). Beside it: one page of the longest list, the
heaviest one, and how fast facts are written up in the book.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import event, insert, text

from benchmarks.result import Result, Target
from benchmarks.seeding import seeded_facts
from config import Settings
from reports import shape
from reports.book import settled, write_up
from reports.figures import By, Figure, Key
from reports.lists import listed
from reports.making import make_report
from reports.weeks import SLOT_S, Week, micros, week_at, week_before
from responder.policy import policy_of
from shenava.clock import SetClock
from shenava.store import EntryKind, ReportEntry, Store, migrations

NOW = datetime(2026, 1, 12, 6, 30, tzinfo=UTC)
CASES = 300_000
ROUNDS = 5
BATCH = 20_000


def measure_report(messages: int = 1_000_000, facts: int = 20_000) -> Iterator[Result]:
    """One result a database."""
    for name, opened in (("report (SQLite)", _sqlite), ("report (PostgreSQL)", _postgresql)):
        with opened() as store:
            yield _measure(name, store, messages, facts)


def _measure(name: str, store: Store, messages: int, facts: int) -> Result:
    hours = policy_of(Settings()).hours
    week = week_before(hours, week_at(hours, NOW))
    before = week_before(hours, week)
    written = _write_speed(store, facts)
    _fill(store, [before, week], messages)
    as_of = settled(store, hours)

    def report() -> None:
        made = make_report(store, hours, week, as_of)
        assert made.now.of(Figure.MESSAGES) >= messages
        assert made.before.of(Figure.MESSAGES) >= messages
        assert made.telling

    def page(figure: Figure, by: By | None = None, value: str = "") -> Callable[[], None]:
        def read() -> None:
            with store.read() as session:
                found = listed(session, Key(figure, by, value), week, week.span, as_of)
            assert len(found.items) == 50

        return read

    return Result(
        name,
        {
            "report_p50_ms": _median_ms(report),
            "list_p50_ms": _median_ms(page(Figure.MESSAGES)),
            "list_of_intent_p50_ms": _median_ms(page(Figure.COMPLAINTS_ABOUT, By.INTENT, "refund")),
            "facts_written_up_per_s": written,
        },
        {"report_p50_ms": Target(2_000)},
        {"messages": messages},
    )


def _median_ms(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def _write_speed(store: Store, facts: int) -> float:
    """Facts of messages and their verdicts, written up a second."""
    hours = policy_of(Settings()).hours
    seeded_facts(store, facts // 2, NOW - timedelta(days=30))
    begin = time.perf_counter()
    write_up(store, hours)
    return facts / (time.perf_counter() - begin)


def _fill(store: Store, weeks: list[Week], messages: int) -> None:
    with store.write() as session:
        for statement in _PEOPLE:
            session.execute(text(statement), {"at": _at(store, NOW), "cases": CASES})
    number = 10_000_000
    for week in weeks:
        with store.write() as session:
            session.execute(
                text(_MESSAGES),
                {
                    "first": number,
                    "last": number + messages,
                    "at": _at(store, week.starts_at),
                    "cases": CASES,
                },
            )
        for begin in range(0, messages, BATCH):
            rows = list(_entries(week, number + begin, BATCH, messages))
            with store.write() as session:
                session.connection().execute(insert(ReportEntry.__table__), rows)
        number += messages
    _tidy(store)


def _entries(week: Week, first: int, some: int, messages: int) -> Iterator[dict[str, Any]]:
    """Of some messages: received, judged, what the complaints are about; a few corrected; of a
    quarter of the cases the first answer."""
    dice = Random(first)
    spread = (week.span.slots * SLOT_S * 1_000_000) // messages
    for n in range(first, first + some):
        happened = micros(week.starts_at) + (n % messages) * spread
        channel = dice.choice((1, 1, 1, 2, 2, 3))
        received = {shape.CHANNEL: channel}
        mood = dice.choices((1, 2, 3), (6, 3, 2))[0]
        complaint = shape.YES if mood == 1 and dice.random() < 0.6 else shape.NO
        if dice.random() < 0.08:
            complaint = shape.UNSURE
        urgent = shape.YES if complaint == shape.YES and dice.random() < 0.15 else shape.NO
        judged = received | {
            shape.LANGUAGE: dice.choices((1, 2, 3, 4, 5), (4, 2, 3, 1, 1))[0],
            shape.MOOD: mood,
            shape.COMPLAINT: complaint,
        }
        row = _row(EntryKind.MESSAGE, n, happened, shape.pack(received))
        yield row
        yield row | {"kind": EntryKind.JUDGED, "shape": shape.pack(judged)}
        if dice.random() < 0.001:
            was = judged | {shape.COMPLAINT: shape.NO}
            for count_of in (1, -1):
                yield row | {
                    "kind": EntryKind.JUDGED,
                    "shape": shape.pack(was),
                    "count": count_of,
                }
        if complaint == shape.YES:
            about = {shape.INTENT: dice.randint(1, 14)}
            measure = dice.randint(5_000, 10_000)
            yield row | {
                "kind": EntryKind.COMPLAINT,
                "shape": shape.pack(about),
                "measure": measure,
            }
        if urgent == shape.YES:
            yield row | {"kind": EntryKind.URGENT}
            if n % 7 == 0:
                yield row | {"kind": EntryKind.URGENT_WAITING}
        if n % 13 == 0:
            seconds = int(dice.expovariate(1 / 3_000))
            yield _row(
                EntryKind.FIRST_ANSWER,
                n % CASES + 1_000_001,
                happened,
                shape.pack({shape.URGENT: urgent}),
            ) | {"measure": seconds, "elapsed": 2 * seconds}


def _row(kind: EntryKind, subject: int, happened: int, told: int) -> dict[str, Any]:
    return {
        "kind": int(kind),
        "slot": happened // (SLOT_S * 1_000_000),
        "shape": told,
        "count": 1,
        "recorded_us": happened + 5_000_000,
        "happened_us": happened,
        "measure": 0,
        "elapsed": 0,
        "subject_id": subject,
    }


_SERIES = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"

_PEOPLE = (
    "INSERT INTO accounts (id, platform, handle, created_at, state)"
    " VALUES (900, 'x', 'busy', :at, 'imported')",
    "INSERT INTO identities (id, platform, key, profile_at) VALUES (900000, 'x', 'id:1', :at)",
    "INSERT INTO conversations (id, account_id, identity_id, thread)"
    " VALUES (900000, 900, 900000, 'public')",
    _SERIES.format(first="1000001", last="1000000 + :cases")
    + " INSERT INTO cases (id, conversation_id, account_id, identity_id, state, historic, priority,"
    " rank, reasons, needs_answer, opened_at, last_message_at, closed_at, message_count, judged)"
    " SELECT i, 900000, 900, 900000, 'closed', false, 1, 1, '[]', false, :at, :at,"
    " :at, 1, true FROM n",
)
_MESSAGES = (
    _SERIES.format(first=":first", last=":last - 1")
    + " INSERT INTO messages (id, platform, scope, native_key, kind, identity_id, conversation_id,"
    " case_id, text, search_text, normaliser, historic, written_at, received_at)"
    " SELECT i, 'x', '', CAST(i AS VARCHAR(20)), 'mention', 900000, 900000, i % :cases + 1000001,"
    " 'text', '', 1, false, :at, :at FROM n"
)


def _at(store: Store, at: datetime) -> Any:
    return at.replace(tzinfo=None).isoformat(" ") + ".000000" if store.is_sqlite else at


def _tidy(store: Store) -> None:
    """As the databases do by themselves in time."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if store.is_sqlite else "VACUUM ANALYZE")


@contextmanager
def _sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="shenava-bench-") as folder:
        store = Store(f"sqlite:///{Path(folder) / 'report.db'}", SetClock(NOW))
        event.listen(store.engine, "connect", lambda db, _: db.execute("PRAGMA synchronous = OFF"))
        migrations.upgrade(store)
        yield store
        store.close()


@contextmanager
def _postgresql() -> Iterator[Store]:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from support.databases import postgresql_server

    with postgresql_server() as server, server.database() as url:
        store = Store(url, SetClock(NOW))
        yield store
        store.close()


def main() -> int:
    """Measure; 1 when a target was missed."""
    missed = False
    for result in measure_report():
        print(json.dumps(result.as_json(), ensure_ascii=False), flush=True)
        missed |= result.met is False
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
