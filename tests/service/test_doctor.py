"""Promises of the doctor: what is broken is named, by itself, and nothing is changed."""

from __future__ import annotations

import fcntl
import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.processes import free_port, running_service, shenava

from config import Settings
from service import doctor
from service.doctor import Check, examine
from service.lock import FILE_NAME as LOCK_NAME
from service.lock import is_running, running_lock
from service.opening import open_store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder that is not there yet, which the settings name."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SHENAVA_HOME", str(folder))
    monkeypatch.setenv("SHENAVA_PORT", str(free_port()))
    yield folder


def failed() -> list[Check]:
    return [check for check in examine() if not check.ok]


def only_failure() -> Check:
    (check,) = failed()
    return check


def test_on_a_fresh_machine_all_is_well_and_nothing_is_made(home: Path) -> None:
    checks = list(examine())
    assert [check.name for check in checks if not check.ok] == []
    assert [check.name for check in checks] == [
        "Python",
        "SQLite",
        "Settings",
        "Shop's rules",
        "Data folder",
        "Disk space",
        "Database",
        "Verdict model",
        "Port",
        "Public address",
        "Time zone data",
    ]
    assert not home.exists()


def test_with_a_database_all_is_well(home: Path) -> None:
    open_store(Settings(home=home)).close()
    (database,) = [check for check in examine() if check.name == "Database"]
    assert database.ok
    assert "at step" in database.words


def test_settings_are_told_with_where_they_come_from(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "shenava.toml").write_text('language = "ar"\n')
    monkeypatch.setenv("SHENAVA_DATABASE_URL", "postgresql+psycopg://me:hidden@127.0.0.1:1/x")
    (settings,) = [check for check in examine() if check.name == "Settings"]
    assert f"language = ar ({home / 'shenava.toml'})" in settings.words
    assert f"home = {home} (environment, SHENAVA_HOME)" in settings.words
    assert "hidden" not in settings.words


def test_a_wrong_setting_is_named_and_what_hangs_on_it_is_left_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHENAVA_WEB_THREADS", "none")
    assert only_failure().name == "Settings"
    assert "SHENAVA_WEB_THREADS" in only_failure().words
    assert [check.name for check in examine()] == ["Python", "SQLite", "Settings"]


def test_a_shop_that_never_opens_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHENAVA_BUSINESS_HOURS", "never")
    assert only_failure().name == "Shop's rules"
    monkeypatch.setenv("SHENAVA_BUSINESS_HOURS", "someday")
    assert "business_hours" in only_failure().words


def test_a_data_folder_that_is_a_file_is_told(home: Path) -> None:
    home.write_text("a file")
    names = [check.name for check in failed()]
    assert "Data folder" in names
    assert "Database" not in names or len(names) == 2


def test_a_full_disk_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_MB", 10**12)
    assert only_failure().name == "Disk space"
    assert "MB free; make room" in only_failure().words


def test_a_file_that_is_no_database_is_told(home: Path) -> None:
    home.mkdir()
    (home / "shenava.db").write_bytes(b"this is not a database" * 500)
    assert only_failure().name == "Database"


def test_a_damaged_database_is_told(home: Path) -> None:
    open_store(Settings(home=home)).close()
    data = bytearray((home / "shenava.db").read_bytes())
    data[8192:40960] = b"\xff" * 32768
    (home / "shenava.db").write_bytes(bytes(data))
    assert only_failure().name == "Database"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_is_left_to_the_byte_as_it_was(home: Path, mode: str) -> None:
    open_store(Settings(home=home)).close()
    with closing(sqlite3.connect(home / "shenava.db")) as database:
        assert database.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode.lower(),)
    before = contents(home)
    assert failed() == []
    done = shenava(home, "doctor")
    assert done.returncode == 0, done.stdout
    assert contents(home) == before


def test_a_database_that_is_written_to_is_seen_as_it_is_now(home: Path) -> None:
    open_store(Settings(home=home)).close()
    with closing(sqlite3.connect(home / "shenava.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
        database.commit()
        # Only the log has it so far.
        before = contents(home)
        assert b"".join(before.values()).count(b"0001") > 0
        assert "is at step 0001" in only_failure().words
        assert contents(home).keys() == before.keys()
        assert contents(home)["shenava.db"] == before["shenava.db"]


def test_looking_never_keeps_a_service_from_starting(home: Path) -> None:
    home.mkdir()
    with running_lock(home):
        assert is_running(home)
    stop = threading.Event()
    seen: list[bool] = []

    def probe() -> None:
        while not stop.is_set():
            seen.append(is_running(home))

    probes = [threading.Thread(target=probe) for _ in range(3)]
    for thread in probes:
        thread.start()
    try:
        for _ in range(300):
            with running_lock(home):
                pass
    finally:
        stop.set()
        for thread in probes:
            thread.join()
    assert seen
    assert not is_running(home)


def test_one_who_looks_is_not_taken_for_a_service(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    with running_lock(home):
        pass
    with (home / LOCK_NAME).open("rb") as looking:
        # As another doctor holds it, in the midst of looking.
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not is_running(home)
        assert failed() == []
        waited: list[float] = []

        def pause(seconds: float) -> None:
            waited.append(seconds)
            fcntl.flock(looking, fcntl.LOCK_UN)

        monkeypatch.setattr("service.lock.time.sleep", pause)
        with running_lock(home):
            assert is_running(home)
        assert len(waited) == 1


def test_a_database_of_another_version_is_told(home: Path) -> None:
    open_store(Settings(home=home)).close()
    with closing(sqlite3.connect(home / "shenava.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    check = only_failure()
    assert check.name == "Database"
    assert "is at step 0001" in check.words


def test_a_postgresql_that_does_not_answer_is_told_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHENAVA_DATABASE_URL", "postgresql+psycopg://me:hidden@127.0.0.1:1/x")
    check = only_failure()
    assert check.name == "Database"
    assert "hidden" not in check.words


def test_a_postgresql_that_answers_is_well(
    home: Path, monkeypatch: pytest.MonkeyPatch, postgresql: object
) -> None:
    with postgresql.database() as url:  # type: ignore[attr-defined]
        monkeypatch.setenv("SHENAVA_DATABASE_URL", url)
        assert failed() == []


def test_a_folder_without_a_model_is_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHENAVA_MODEL", str(tmp_path))
    assert only_failure().name == "Verdict model"
    assert "SHENAVA_MODEL" in only_failure().words


def test_a_port_in_use_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("SHENAVA_PORT", str(other.getsockname()[1]))
        assert only_failure().name == "Port"


def test_the_port_of_the_running_service_is_no_failure(home: Path) -> None:
    with running_service(home) as service:
        done = shenava(home, "doctor", port=service.port)
        assert done.returncode == 0, done.stdout
        assert "in use by the Shenava that runs on this data folder" in done.stdout
        assert service.stop() == 0


def test_the_command_ends_with_1_when_something_is_broken(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    done = shenava(home, "doctor", time_zone="Mars/Olympus")
    assert done.returncode == 1
    assert "✗ Settings: The setting time_zone (SHENAVA_TIME_ZONE)" in done.stdout
    assert done.stdout.endswith("1 of 3 checks failed.\n")
    as_json = shenava(home, "doctor", "--json", time_zone="Mars/Olympus")
    assert as_json.returncode == 1
    found = json.loads(as_json.stdout)
    assert found["ok"] is False
    assert [check["ok"] for check in found["checks"]] == [True, True, False]


def test_without_https_it_says_what_that_costs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHENAVA_HOST", "0.0.0.0")
    (check,) = [check for check in examine() if check.name == "Public address"]
    assert not check.ok
    assert "webhooks" in check.words
    monkeypatch.setenv("SHENAVA_PUBLIC_URL", "https://desk.shop.example")
    (check,) = [check for check in examine() if check.name == "Public address"]
    assert check.ok
