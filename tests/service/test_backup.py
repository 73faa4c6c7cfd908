"""Promises of backup and restore: what was written comes back, whole, or not at all."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from support.content import content, differences
from support.factories import many
from support.judges import WordJudge
from support.processes import shenava

from collectors.intake import take_in
from config import Settings
from dashboard.secret import secret_key
from responder.policy import Policy
from service.backup import Manifest, back_up, restore
from service.errors import Halt
from service.lock import running_lock
from service.opening import open_store
from service.pipeline import Pipeline
from shenava.store import Message, Store, migrations

BATCH = 50


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a shop with some messages, judged, and a settings file."""
    return shop(tmp_path / "home")


def shop(home: Path) -> Settings:
    return Settings(home=home)


def opened(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def filled(settings: Settings, judge: WordJudge, policy: Policy) -> Settings:
    store = opened(settings)
    take_in(store, many(BATCH))
    Pipeline(store, judge, policy).run_until_idle()
    store.close()
    (settings.home / "shenava.toml").write_text('language = "ar"\n')
    secret_key(settings.home)
    return settings


def rows_of(database: Path) -> list[str]:
    """Every table and row, in SQL."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of a backup, its members changed by ``change``."""
    with tarfile.open(source) as archive:
        members = {}
        for name in archive.getnames():
            member = archive.extractfile(name)
            assert member is not None
            members[name] = member.read()
    change(members)
    with tarfile.open(target, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


def with_manifest(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["manifest.json"])
        members["manifest.json"] = json.dumps({**manifest, **changes}).encode()

    return change


def test_what_is_restored_is_what_was_there(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    manifest = back_up(filled, file)
    assert manifest.schema == migrations.head()
    new = shop(tmp_path / "new")
    done = restore(new, file)
    assert (done.kept, done.beside) == ((), None)
    assert rows_of(new.home / "shenava.db") == rows_of(filled.home / "shenava.db")
    assert (new.home / "shenava.toml").read_text() == 'language = "ar"\n'
    assert not (new.home / "secret.key").exists()
    one, other = opened(filled), opened(new)
    assert differences(content(one), content(other)) == []
    one.close()
    other.close()


def test_a_backup_is_for_its_owner_only_and_holds_no_key(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["manifest.json", "shenava.db", "shenava.toml"]
        assert {member.mode for member in archive.getmembers()} == {0o600}
    key = (filled.home / "secret.key").read_bytes()
    assert key not in file.read_bytes()
    assert list(tmp_path.glob(".*")) == []


def test_a_backup_taken_while_others_write_is_one_instant(
    settings: Settings, tmp_path: Path
) -> None:
    opened(settings).close()
    stop, wrote = threading.Event(), threading.Event()

    def write() -> None:
        store = opened(settings)
        batches = 0
        while not stop.is_set():
            take_in(store, many(BATCH, first=batches * BATCH))
            batches += 1
            wrote.set()
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            wrote.clear()
            assert wrote.wait(30)
            file = tmp_path / f"{number}.tar.gz"
            back_up(settings, file)
            new = shop(tmp_path / f"new{number}")
            restore(new, file)
            store = opened(new)
            with store.read() as session:
                messages = session.scalar(select(func.count()).select_from(Message)) or 0
            store.close()
            # Never half a batch.
            assert messages > 0
            assert messages % BATCH == 0
    finally:
        stop.set()
        writer.join()


def test_a_backup_never_writes_over_a_file(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    file.write_text("mine")
    with pytest.raises(Halt, match="there already"):
        back_up(filled, file)
    assert file.read_text() == "mine"


def test_without_a_database_there_is_nothing_to_back_up(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Halt, match="no database"):
        back_up(settings, tmp_path / "backup.tar.gz")
    assert not (tmp_path / "backup.tar.gz").exists()


def test_a_backup_into_nowhere_is_a_sentence(filled: Settings, tmp_path: Path) -> None:
    with pytest.raises(Halt, match="could not be written"):
        back_up(filled, tmp_path / "no/such/backup.tar.gz")


def test_a_restore_leaves_a_database_alone_unless_forced(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    store = opened(filled)
    take_in(store, many(BATCH, first=BATCH))
    store.close()
    (filled.home / "shenava.toml").write_text('language = "en"\n')
    before = rows_of(filled.home / "shenava.db")
    with pytest.raises(Halt, match="--force"):
        restore(filled, file)
    assert rows_of(filled.home / "shenava.db") == before

    done = restore(filled, file, force=True)
    assert rows_of(filled.home / "shenava.db") != before
    kept = {path.name.partition(".before-restore")[0]: path for path in done.kept}
    assert rows_of(kept["shenava.db"]) == before
    assert kept["shenava.toml"].read_text() == 'language = "en"\n'
    assert (filled.home / "shenava.toml").read_text() == 'language = "ar"\n'


def test_settings_that_are_there_stay_and_those_of_the_backup_go_beside(
    filled: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    new = shop(tmp_path / "new")
    new.home.mkdir()
    (new.home / "shenava.toml").write_text('language = "en"\n')
    done = restore(new, file)
    assert (new.home / "shenava.toml").read_text() == 'language = "en"\n'
    assert done.beside is not None
    assert done.beside.read_text() == 'language = "ar"\n'


def test_a_restore_under_a_running_service_is_refused(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    with running_lock(filled.home), pytest.raises(Halt, match="already running"):
        restore(filled, file, force=True)


def test_an_older_database_is_brought_to_this_version(settings: Settings, tmp_path: Path) -> None:
    settings.home.mkdir()
    store = Store(settings.database)
    migrations.upgrade(store, "0001")
    store.close()
    file = tmp_path / "backup.tar.gz"
    assert back_up(settings, file).schema == "0001"
    new = shop(tmp_path / "new")
    restore(new, file)
    store = Store(new.database)
    assert migrations.current(store) == migrations.head()
    store.close()


def flip_last(members: dict[str, bytes]) -> None:
    members["shenava.db"] = members["shenava.db"][:-1] + b"!"


def corrupt(members: dict[str, bytes]) -> None:
    """Damage that the manifest vouches for."""
    from hashlib import sha256

    data = bytearray(members["shenava.db"])
    data[4096:12288] = b"\xff" * 8192
    members["shenava.db"] = bytes(data)
    manifest = json.loads(members["manifest.json"])
    manifest["files"]["shenava.db"] = {
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
    }
    members["manifest.json"] = json.dumps(manifest).encode()


def drop(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.pop(name) and None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flip_last, "shenava.db is not as it was made"),
        (corrupt, "damaged"),
        (drop("manifest.json"), "it has no manifest.json"),
        (drop("shenava.db"), "it has no shenava.db"),
        (with_manifest(format=2, version="9.0"), "made by Shenava 9.0"),
        (with_manifest(files={"../shenava.db": {"size": 1, "sha256": ""}}), "no backup of Shenava"),
        (with_manifest(files="all"), "manifest cannot be read"),
        (with_manifest(more=1), "manifest cannot be read"),
    ],
)
def test_a_damaged_or_strange_backup_changes_nothing(
    filled: Settings, tmp_path: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    bad = rewritten(file, tmp_path / "bad.tar.gz", change)
    before = rows_of(filled.home / "shenava.db")
    names = sorted(path.name for path in filled.home.iterdir())
    with pytest.raises(Halt, match=said):
        restore(filled, bad, force=True)
    assert rows_of(filled.home / "shenava.db") == before
    assert {path.name for path in filled.home.iterdir()} - set(names) <= {"running.lock"}


@pytest.mark.parametrize("share", [0, 10, 500, 5_000])
def test_a_file_cut_short_is_no_backup(filled: Settings, tmp_path: Path, share: int) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(file.read_bytes()[:share])
    with pytest.raises(Halt, match=r"damaged|no backup"):
        restore(shop(tmp_path / "new"), cut)
    assert not (tmp_path / "new/shenava.db").exists()


def test_a_backup_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Halt, match="There is no file"):
        restore(settings, tmp_path / "nothing.tar.gz")


def test_the_database_of_a_newer_version_is_refused(filled: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(filled.home / "shenava.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    with pytest.raises(Halt, match="newer version"):
        restore(shop(tmp_path / "new"), file)
    assert not (tmp_path / "new/shenava.db").exists()


def test_a_manifest_survives_being_written_down() -> None:
    plain = {
        "format": 1,
        "version": "0.1.0",
        "schema": "0002",
        "made_at": "2026-01-03T06:30:00+00:00",
        "files": {"shenava.db": {"size": 3, "sha256": "ab"}},
    }
    assert asdict(Manifest.read(json.dumps(plain).encode())) == plain


def test_for_postgresql_the_commands_name_its_own_tools(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    url = "postgresql+psycopg://shop:hidden@localhost/shop"
    backup = shenava(home, "backup", tmp_path / "b.tar.gz", database_url=url)
    assert (backup.returncode, "pg_dump" in backup.stderr) == (2, True)
    back = shenava(home, "restore", tmp_path / "b.tar.gz", database_url=url)
    assert (back.returncode, "pg_restore" in back.stderr) == (2, True)
    assert "hidden" not in backup.stderr + back.stderr


def test_the_commands_say_where_the_key_is_and_what_came_back(
    filled: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar.gz"
    made = shenava(filled.home, "backup", file)
    assert made.returncode == 0, made.stderr
    assert f"secret key is not in it, on purpose: keep a copy of {filled.home}" in made.stdout
    new = tmp_path / "new"
    back = shenava(new, "restore", file)
    assert back.returncode == 0, back.stderr
    assert "Restored shenava.db, shenava.toml" in back.stdout
    again = shenava(new, "restore", file)
    assert again.returncode == 2
    assert "--force" in again.stderr
