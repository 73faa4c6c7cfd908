"""``shenava doctor``: what the service needs, checked one by one, each told in words.

A check changes nothing: it makes no folder, no database, no table. What cannot be checked
because something before it failed is left out rather than guessed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from config import Settings, SettingsError, load
from service.errors import Halt
from service.inventory import Setting, settings_in_force
from service.lock import is_running
from service.opening import load_classifier, shown_database

LEAST_PYTHON = (3, 11)
LEAST_FREE_MB = 500
LEAST_POSTGRESQL = 140_000
_TRIAL_TEXT = "پول از حسابم کم شد ولی سفارشم ثبت نشد"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: its name, whether it is well, and in words what was found."""

    name: str
    ok: bool
    words: str


class _Unwell(Exception):
    """Raised by a check; the text says what is wrong and what to do."""


def examine() -> Iterator[Check]:
    """Run every check, in order, yielding each as it is done."""
    yield _check("Python", _python)
    yield _check("SQLite", _sqlite)
    found: list[Settings] = []

    def settings() -> str:
        loaded = load()
        found.append(loaded)
        return _sources(settings_in_force(loaded))

    yield _check("Settings", settings)
    if not found:
        return
    (in_force,) = found
    for name, test in (
        ("Shop's rules", _rules),
        ("Data folder", _folder),
        ("Disk space", _disk),
        ("Database", _database),
        ("Verdict model", _model),
        ("Port", _port),
        ("Public address", _outside),
        ("Time zone data", _zone),
    ):
        yield _check(name, lambda test=test: test(in_force))  # type: ignore[misc]
    if in_force.smtp_host:
        yield _check("E-mail", lambda: _mail(in_force))


def _check(name: str, test: Callable[[], str]) -> Check:
    try:
        return Check(name, True, test())
    except (_Unwell, Halt, SettingsError) as error:
        return Check(name, False, str(error))
    except Exception as error:
        # A doctor that falls over tells nothing.
        return Check(name, False, f"{type(error).__name__}: {' '.join(str(error).split())}")


def _python() -> str:
    here = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < LEAST_PYTHON:
        raise _Unwell(f"{here}; Shenava needs 3.11 or newer.")
    return here


def _sqlite() -> str:
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
        except sqlite3.OperationalError:
            raise _Unwell(
                f"{sqlite3.sqlite_version}, without full-text search (FTS5); use a Python whose "
                "SQLite has it, such as your system's own."
            ) from None
    return f"{sqlite3.sqlite_version}, with full-text search (FTS5)"


def _sources(settings: list[Setting]) -> str:
    changed = [f"{item.name} = {item.shown} ({item.source})" for item in settings if item.is_set]
    count = len(settings) - len(changed)
    return "; ".join([*changed, f"{count} at their defaults"])


def _rules(settings: Settings) -> str:
    from responder.policy import policy_of
    from shenava.hours import format_week, next_opening

    hours = policy_of(settings).hours
    opening = next_opening(hours, datetime.now(UTC))
    if opening is None:
        raise _Unwell(
            "The shop never opens by its business_hours (SHENAVA_BUSINESS_HOURS), so nothing "
            "would ever be due; write when people are there, or “always”."
        )
    return f"open {format_week(hours.week, hours.first_weekday)} ({settings.time_zone})"


def _folder(settings: Settings) -> str:
    home = settings.home
    if not home.exists():
        above = next(part for part in home.parents if part.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            raise _Unwell(f"{home} is not there and cannot be made: {above} is not yours to write.")
        return f"{home} (not there yet; shenava run makes it)"
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise _Unwell(
            f"{home} cannot be written ({error.strerror}); give it to the user that runs Shenava, "
            "or choose another with SHENAVA_HOME."
        ) from None
    return f"{home}, can be written"


def _disk(settings: Settings) -> str:
    place = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(place).free // 1_000_000
    if free < LEAST_FREE_MB:
        raise _Unwell(f"{free:,} MB free; make room, Shenava wants {LEAST_FREE_MB} MB at least.")
    return f"{free:,} MB free"


def _database(settings: Settings) -> str:
    """Reachable, its rows at this version's step; says so if there is none yet."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from shenava.store import migrations

    shown = shown_database(settings)
    url = make_url(settings.database)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and not Path(url.database or "").exists():
        return f"{shown} (not there yet; shenava run makes it)"
    try:
        if is_sqlite:
            said, current = _look_into(Path(url.database or ""))
            if said != "ok":
                raise _Unwell(f"{shown} is damaged ({said}); restore a backup.")
        else:
            number, current = _ask(settings.database)
            if number < LEAST_POSTGRESQL:
                raise _Unwell(f"{shown} is PostgreSQL {number // 10_000}; 14 or newer is needed.")
    except (SQLAlchemyError, sqlite3.Error) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise _Unwell(
            f"{shown} cannot be used: {reason}. Is it running, and the address right?"
        ) from None
    head = migrations.head()
    if current is None:
        return f"{shown} (empty; shenava run makes its tables)"
    if current != head:
        raise _Unwell(
            f"{shown} is at step {current}, this version at {head}. An older database is upgraded "
            "when shenava run starts; a newer one needs the newer Shenava."
        )
    return f"{shown}, at step {current}"


def _look_into(file: Path) -> tuple[str, str | None]:
    """What SQLite says of ``file``, and the step it is at. Nothing is written, nor made beside it.

    Even to read, SQLite makes the log of a database in WAL mode, unless it is told that nobody
    writes. So it is, where there is no log; did somebody begin to write meanwhile, it looks again.
    """
    log = file.with_name(f"{file.name}-wal")
    while True:
        with file.open("rb") as opened:
            # The format's "read version": https://www.sqlite.org/fileformat.html
            in_wal_mode = opened.read(20)[19:] == b"\x02"
        changed_at = file.stat().st_mtime_ns
        if not in_wal_mode or log.exists():
            return _read(file, "mode=ro")
        found: tuple[str, str | None] | sqlite3.Error
        try:
            found = _read(file, "mode=ro&immutable=1")
        except sqlite3.Error as error:
            found = error
        if log.exists() or file.stat().st_mtime_ns != changed_at:
            continue
        if isinstance(found, sqlite3.Error):
            raise found
        return found


def _read(file: Path, how: str) -> tuple[str, str | None]:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True)) as database:
        said = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        if said != "ok":
            return said, None
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if ("alembic_version",) not in tables.fetchall():
            return said, None
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return said, None if row is None else str(row[0])


def _ask(url: str) -> tuple[int, str | None]:
    """The version of a PostgreSQL server, as a number, and the step its database is at."""
    from sqlalchemy import text

    from shenava.store import Store, migrations

    store = Store(url)
    try:
        with store.read() as session:
            number = int(str(session.scalar(text("SHOW server_version_num"))))
        return number, migrations.current(store)
    finally:
        store.close()


def _model(settings: Settings) -> str:
    classifier = load_classifier(settings)
    began = time.perf_counter()
    (verdict,) = classifier.classify([_TRIAL_TEXT])
    took_ms = (time.perf_counter() - began) * 1000
    return f"{verdict.model} answers ({took_ms:.0f} ms)"


def _port(settings: Settings) -> str:
    from service.web import listen

    if is_running(settings.home):
        return f"{settings.port}, in use by the Shenava that runs on this data folder"
    for opened in listen(settings.host, settings.port):
        opened.close()
    return f"{settings.port} on {settings.host} is free"


def _outside(settings: Settings) -> str:
    """Where platforms find us: for webhooks, and for pictures that they fetch."""
    what = "Instagram's webhooks, and pictures that it fetches from us"
    if settings.outside is None:
        raise _Unwell(
            f"{settings.address} is reached without HTTPS: sign-ins could be read on the way, and "
            f"{what} need HTTPS. Put a reverse proxy in front and set public_url "
            "(SHENAVA_PUBLIC_URL) to its https address; docs/running.md tells how."
        )
    if not settings.address.startswith("https://"):
        return (
            f"{settings.address}, on this machine only; {what} need public_url "
            "(SHENAVA_PUBLIC_URL) with https"
        )
    return f"{settings.outside}, for people and platforms"


def _zone(settings: Settings) -> str:
    now = datetime.now(UTC).astimezone(settings.zone)
    try:
        data = f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        data = "the system's own data"
    return f"{settings.time_zone}, now {now:%Y-%m-%d %H:%M} ({data})"


def _mail(settings: Settings) -> str:
    """Reachable, encrypted as asked, signed in; nothing is sent."""
    from service.mail import Mailer, NotTaken

    try:
        with Mailer(settings).connect():
            pass
    except NotTaken as error:
        raise _Unwell(
            f"{error}. Look at the settings smtp_… (docs/settings.md); until then nobody gets "
            "e-mails about urgent cases."
        ) from None
    how = "without encryption" if settings.smtp_security == "none" else settings.smtp_security
    who = f", signed in as {settings.smtp_user}" if settings.smtp_user else ""
    return f"{settings.smtp_host}:{settings.smtp_port} answers ({how}){who}"
