"""Opening the database and the two ways to use it: to read, and to write.

SQLite takes one writer at a time. A transaction that will write says so at its start (``BEGIN
IMMEDIATE``) and so waits its turn there, where waiting is safe, instead of failing half way when
it first writes. ``synchronous=FULL`` makes a commit survive a power failure: what was told to a
platform or a customer after a commit stays true.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import IntEnum
from pathlib import Path
from threading import Lock, local
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shenava.clock import Clock, SystemClock
from shenava.store import changes, erased

_BUSY_TIMEOUT_MS = 30_000
# Any range of numbers that nothing else in the database locks on.
_LOCKS = 7_301_100


class Alone(IntEnum):
    """Kinds of work of which one transaction runs at a time."""

    INTAKE = 1
    UPGRADE = 2
    ALERTS = 11
    BROADCAST = 12
    REPORTS = 13
    SPIKES = 14


class Store:
    """The database, opened.

    ``url`` is an SQLAlchemy address: ``sqlite:///path`` or ``postgresql+psycopg://…``.
    ``clock`` is the one clock that rows are stamped by. ``seal`` is the secret that erased people
    are known again by (:mod:`shenava.store.erased`).
    """

    def __init__(self, url: str, clock: Clock | None = None, *, seal: bytes = b"") -> None:
        self.url = url
        self.seal = seal
        self.clock: Clock = clock or SystemClock()
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = self.engine.execution_options(shenava_write=True)
        # Threads of one process wait for each other here, and go on at once; SQLite itself would
        # have them look again after pauses of up to a tenth of a second.
        self._turn = Lock() if self.is_sqlite else None
        self._here = local()
        # SQLite reads from one view of the data anyway; PostgreSQL takes a new one for each
        # statement unless told. There a reader may not lock rows either: on one view of the data,
        # a row that somebody else has changed meanwhile would be an error and not a wait.
        self._reader = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent view of the data. Nothing can be changed by it: PostgreSQL
        refuses, and what SQLite takes is thrown away."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One short transaction: committed at the end, rolled back on any error.

        Never hold it over a network call. One within another (in one thread) is a ``RuntimeError``:
        it would wait for itself, or leave half of what belongs together.
        """
        with (
            self._in_turn(),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            session.info[erased.INFO] = self.seal
            yield session
            changes.write_pending(session, self.clock.now())

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """For the length of a block the only writer of this thread, and of this process where that
        matters. Whose turn does not come is left to SQLite, which says so in its own words."""
        if getattr(self._here, "writing", False):
            raise RuntimeError("a transaction that writes was begun within another one")
        mine = self._turn is not None and self._turn.acquire(timeout=_BUSY_TIMEOUT_MS / 1000)
        self._here.writing = True
        try:
            yield
        finally:
            self._here.writing = False
            if self._turn is not None and mine:
                self._turn.release()

    @contextmanager
    def write_alone(self, work: Alone) -> Iterator[Session]:
        """A transaction like that of :meth:`write`, one at a time for each kind of ``work``.

        SQLite has one writer anyway. On PostgreSQL a lock that ends with the transaction gives
        work that reads, decides and writes many rows the same certainty.
        """
        with self.write() as session:
            if not self.is_sqlite:
                session.execute(select(func.pg_advisory_xact_lock(_LOCKS + work)))
            yield session

    def settle_files(self) -> None:
        """Write what was overwritten through to the file, as far as nobody reads it right now: so
        that erased words stay in no log of SQLite's."""
        if self.is_sqlite:
            with closing(self.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.engine.dispose()


def may_be_repeated(error: DBAPIError) -> bool:
    """Whether PostgreSQL gave this transaction up so that another could go on (a deadlock):
    nothing of it was kept, and the same again will do."""
    return getattr(error.orig, "sqlstate", None) in ("40P01", "40001")


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transaction handling is switched off; _sqlite_begin says BEGIN.
    connection.isolation_level = None
    _use_wal(connection)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        # What is erased is overwritten, not only unlinked.
        "secure_delete = ON",
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
        "cache_size = -32000",
        "mmap_size = 268435456",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new database to WAL. SQLite does not wait for others with this one statement, so
    that processes which start at once must."""
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("shenava_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
