"""Backup and restore of everything but the secret key, as one file.

A backup is a ``.tar.gz`` of ``manifest.json``, ``shenava.db`` and, where there is one,
``shenava.toml``. The database is copied by SQLite's online backup, in one step under one read
transaction: it is the state of one instant, and nobody who writes meanwhile has to wait.
The secret key stays out on purpose: who finds a backup must not get the key with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config import Settings
from config.settings import FILE_NAME as SETTINGS_NAME
from dashboard.secret import NAME as KEY_NAME
from service.errors import Halt
from service.lock import running_lock
from service.opening import make_home, open_store
from shenava import __version__

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FORMAT = 1
DATABASE_NAME = "shenava.db"
MANIFEST_NAME = "manifest.json"
_CHUNK = 1024 * 1024
_MANIFEST_LIMIT = 64 * 1024
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a backup: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. ``schema``: the step its database is at; ``made_at``: ISO."""

    format: int
    version: str
    schema: str
    made_at: str
    files: dict[str, Entry]

    @classmethod
    def read(cls, data: bytes) -> Manifest:
        """Raises :class:`Halt` when ``data`` is no manifest that this version knows."""
        try:
            plain: dict[str, Any] = json.loads(data)
            if plain["format"] != FORMAT:
                raise Halt(
                    f"The backup was made by Shenava {plain.get('version')}, in a form that "
                    f"{__version__} does not know; install the newer version."
                )
            files = {str(name): Entry(**entry) for name, entry in plain.pop("files").items()}
            found = cls(**plain, files=files)
            if found.made.tzinfo is None:
                raise ValueError("an instant without its zone")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Halt("The file is no backup of Shenava: its manifest cannot be read.") from None
        if DATABASE_NAME not in found.files or not found.files.keys() <= {
            DATABASE_NAME,
            SETTINGS_NAME,
        }:
            raise Halt("The file is no backup of Shenava: it does not hold what one holds.")
        return found

    @property
    def made(self) -> datetime:
        """When it was made: no later than the state that its database shows."""
        return datetime.fromisoformat(self.made_at)


def only_sqlite(settings: Settings, instead: str) -> Path:
    """The database file. Raises :class:`Halt` for PostgreSQL, naming the command ``instead``."""
    if settings.database_url:
        from sqlalchemy import make_url

        url = make_url(settings.database_url)
        if url.get_backend_name() != "sqlite":
            raise Halt(
                f"The database is PostgreSQL, which has tools of its own: use {instead}. "
                f"Keep {SETTINGS_NAME} with the result, and {KEY_NAME} apart from it."
            )
        return Path(url.database or "")
    return settings.home / DATABASE_NAME


def back_up(settings: Settings, target: Path) -> Manifest:
    """Write a backup to ``target``, readable by its owner only. The service may go on working.

    It appears under its name only when it is whole. Raises :class:`Halt` when there is nothing
    to back up, when ``target`` exists, or cannot be written.
    """
    database = only_sqlite(settings, "pg_dump --format=custom")
    if not database.exists():
        raise Halt(f"There is no database at {database} yet; nothing to back up.")
    if target.exists():
        raise Halt(f"{target} is there already; choose another name, it is not written over.")
    try:
        with tempfile.TemporaryDirectory(prefix=".shenava-backup-", dir=target.parent) as folder:
            return _back_up(settings, database, target, Path(folder))
    except (OSError, sqlite3.Error) as error:
        raise Halt(f"The backup {target} could not be written: {error}.") from None


def _back_up(settings: Settings, database: Path, target: Path, folder: Path) -> Manifest:
    files = {DATABASE_NAME: folder / DATABASE_NAME}
    made_at = datetime.now(UTC)
    schema = _copy_database(database, files[DATABASE_NAME])
    toml = settings.home / SETTINGS_NAME
    if toml.exists():
        files[SETTINGS_NAME] = folder / SETTINGS_NAME
        shutil.copyfile(toml, files[SETTINGS_NAME])
    manifest = Manifest(
        format=FORMAT,
        version=__version__,
        schema=schema,
        made_at=made_at.isoformat(timespec="seconds"),
        files={name: _entry(path) for name, path in files.items()},
    )
    whole = folder / "whole"
    handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as archive:
            _add_bytes(archive, MANIFEST_NAME, json.dumps(asdict(manifest), indent=2).encode())
            for name, path in files.items():
                archive.add(path, name, filter=_plain)
        out.flush()
        os.fsync(out.fileno())
    whole.rename(target)
    return manifest


def _copy_database(source: Path, target: Path) -> str:
    """Copy the database as it is at one instant; returns the step it is at."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        # One file, whole in itself: without the log that WAL keeps beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        return _schema(copy)


def _schema(database: sqlite3.Connection) -> str:
    try:
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        row = None
    if row is None:
        raise Halt("The database is not one of Shenava's: it does not say which step it is at.")
    return str(row[0])


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = _plain(tarfile.TarInfo(name))
    info.size = len(data)
    archive.addfile(info, BytesIO(data))


def _entry(path: Path) -> Entry:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    return Entry(path.stat().st_size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. ``kept``: the files that stood there before, under their new names.

    ``beside``: the backup's settings file, where another one was left in force. ``set_aside``:
    how many messages of the outbox a person must settle now.
    """

    manifest: Manifest
    kept: tuple[Path, ...]
    beside: Path | None
    set_aside: int


def restore(settings: Settings, source: Path, *, force: bool = False) -> Restored:
    """Put the database and the settings file of the backup ``source`` in place.

    1. Unpack into a folder aside and check every file against the manifest. 2. Check the
    database itself and bring it to the rows of this version. 3. See to it that it sends nothing
    again by itself and lets nobody in unasked. 4. Put it in place. Until then nothing that was
    there is touched; with ``force`` it is kept under another name.

    Raises :class:`Halt` when the service or another command uses the database, the backup is
    damaged or of a newer version, or there is a database and ``force`` is not given.
    """
    database = only_sqlite(settings, "pg_restore")
    make_home(settings)
    with running_lock(settings.home):
        if database.exists() and not force:
            raise Halt(
                f"There is a database at {database} already. With --force it is kept under "
                "another name and the backup takes its place."
            )
        try:
            with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.home) as folder:
                manifest = _unpack(source, Path(folder))
                set_aside = _make_ready(settings, Path(folder) / DATABASE_NAME, manifest)
                kept, beside = _put_in_place(settings, database, Path(folder), manifest, force)
                return Restored(manifest, kept, beside, set_aside)
        except OSError as error:
            raise Halt(f"The backup {source} could not be restored: {error}.") from None


def _unpack(source: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(source, "r:gz") as archive:
            # By name, one by one: whatever else a file contains never touches the disk.
            manifest = Manifest.read(_member(archive, MANIFEST_NAME).read(_MANIFEST_LIMIT))
            for name, entry in manifest.files.items():
                member = _member(archive, name)
                # Before it takes room: no more is ever read than a member says it has.
                if archive.getmember(name).size != entry.size:
                    raise Halt(f"The backup {source} is damaged: {name} is not as it was made.")
                with (folder / name).open("wb") as out:
                    os.fchmod(out.fileno(), 0o600)
                    shutil.copyfileobj(member, out, _CHUNK)
                    out.flush()
                    os.fsync(out.fileno())
                if _entry(folder / name) != entry:
                    raise Halt(f"The backup {source} is damaged: {name} is not as it was made.")
    except FileNotFoundError:
        raise Halt(f"There is no file {source}.") from None
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Halt(f"{source} is damaged, or no backup of Shenava.") from None
    return manifest


def _member(archive: tarfile.TarFile, name: str) -> Any:
    try:
        found = archive.extractfile(name)
    except KeyError:
        found = None
    if found is None:
        raise Halt(f"The file is no backup of Shenava: it has no {name}.")
    return found


def _make_ready(settings: Settings, copy: Path, manifest: Manifest) -> int:
    """Check the unpacked database, upgrade it and make it harmless, still aside.

    Returns how many messages of its outbox were set aside.
    """
    from responder.record import COMMAND_LINE, act_through
    from responder.restored import set_aside

    with closing(sqlite3.connect(copy)) as database:
        try:
            said = database.execute("PRAGMA integrity_check").fetchone()[0]
            strays = database.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.DatabaseError as error:
            said, strays = str(error), None
    if said != "ok" or strays is not None:
        raise Halt("The database in the backup is damaged; nothing was changed.")
    changed = settings.model_copy(update={"database_url": f"sqlite:///{copy}"})
    store = open_store(changed)
    try:
        with store.write() as session:
            act_through(session, COMMAND_LINE)
            count = set_aside(session, manifest.made, store.clock.now())
            _keep_reports(session, settings, store.clock.now())
            _end_access(session)
    finally:
        store.close()
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return count


def make_safe(settings: Settings, made: datetime | None) -> int:
    """See to it that a database which was restored by other means (``pg_restore``) sends nothing
    again by itself, and lets nobody in unasked; returns how many messages were set aside.

    ``made``: when the dump was made; ``None``: at the last change that is in it. Raises
    :class:`Halt` when the service runs on it, as far as that can be known: of SQLite.
    """
    from sqlalchemy import func, select

    from responder.record import COMMAND_LINE, act_through
    from responder.restored import set_aside
    from shenava.store import Change

    make_home(settings)
    with ExitStack() as stack:
        if settings.database.startswith("sqlite"):
            stack.enter_context(running_lock(settings.home))
        store = open_store(settings)
        stack.callback(store.close)
        with store.write() as session:
            now = store.clock.now()
            act_through(session, COMMAND_LINE)
            last = session.scalar(select(func.max(Change.at)))
            count = set_aside(session, made or last or now, now)
            _keep_reports(session, settings, now)
            _end_access(session)
    return count


def _keep_reports(session: Session, settings: Settings, now: datetime) -> None:
    """What may have been mailed since the backup is not mailed again."""
    from reports import issuing
    from responder.policy import policy_of

    issuing.set_aside(session, policy_of(settings).hours, issuing.rules_of(settings), now)


def _end_access(session: Session) -> None:
    """End every session, and every link that was not used yet: since the backup it may have been
    ended on purpose, or used."""
    from sqlalchemy import delete, select

    from dashboard.auth.session import new_session_key
    from shenava.store import OneTimeLink, User

    for user in session.scalars(select(User)):
        user.session_key = new_session_key()
    session.execute(delete(OneTimeLink).where(OneTimeLink.used_at.is_(None)))


def _close_off(database: Path) -> None:
    """Fold the log of the database that was there into it. Raises :class:`Halt` while anybody has
    it open: who goes on writing into a file that was moved away writes for nobody.

    A damaged file is no obstacle: it may be why there is a restore at all.
    """
    busy = Halt("Another shenava command works on this database; let it end first.")
    try:
        with closing(sqlite3.connect(database, timeout=0)) as old:
            # Leaving WAL mode is what SQLite does only for one who is alone.
            (mode,) = old.execute("PRAGMA journal_mode = DELETE").fetchone()
            old.execute("BEGIN EXCLUSIVE")
            old.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _BUSY:
            raise busy from None
    else:
        if mode != "delete":
            raise busy


def _put_in_place(
    settings: Settings, database: Path, folder: Path, manifest: Manifest, force: bool
) -> tuple[tuple[Path, ...], Path | None]:
    if database.exists():
        _close_off(database)
    suffix = datetime.now(UTC).strftime(".before-restore-%Y%m%dT%H%M%SZ")
    kept = []
    database.parent.mkdir(parents=True, exist_ok=True)
    for side in _SIDE_FILES:
        old = database.with_name(database.name + side)
        if old.exists():
            # The log goes with its database: together they are the old state, whole.
            kept.append(old.rename(database.with_name(database.name + suffix + side)))
    shutil.move(folder / DATABASE_NAME, database)
    toml, beside = settings.home / SETTINGS_NAME, None
    if SETTINGS_NAME in manifest.files:
        theirs = folder / SETTINGS_NAME
        if toml.exists() and toml.read_bytes() != theirs.read_bytes():
            if force:
                kept.append(toml.rename(toml.with_name(toml.name + suffix)))
            else:
                beside = toml = toml.with_name(toml.name + ".from-backup")
        shutil.move(theirs, toml)
    return tuple(kept), beside
