"""Promises of the running process, kept by real processes on loopback."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support.processes import COMMAND, environment, free_port, running_service, shenava, wait_until

HEADER = "id,created_at,author,account,text\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "home"


def count(home: Path, condition: str = "1") -> int:
    """How many messages there are for which an SQL ``condition`` holds."""
    with closing(sqlite3.connect(home / "shenava.db")) as database:
        query = f"SELECT count(*) FROM messages WHERE {condition}"
        return int(database.execute(query).fetchone()[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_says_where_and_stops_cleanly_when_told(
    home: Path, number: signal.Signals
) -> None:
    with running_service(home) as service:
        assert f"listens on http://127.0.0.1:{service.port}" in service.out[0]
        assert service.get(service.link.removeprefix(f"http://127.0.0.1:{service.port}"))[0] == 200
        wait_until(
            lambda: service.health()["pipeline"]["last_run"], what="the pipeline's first run"
        )
        health = service.health()
        assert health["ok"]
        assert health["scheduler"]
        assert not health["pipeline"]["failing"]
        assert service.stop(number) == 0
        assert "Traceback" not in "".join(service.err)
        assert service.err[-1].rstrip().endswith("stopped")


def test_the_link_for_the_first_admin_is_not_in_the_log(home: Path) -> None:
    with running_service(home) as service:
        assert service.stop() == 0
        assert "/link/" not in "".join(service.err)


def test_what_it_keeps_is_for_its_owner_only(home: Path) -> None:
    with running_service(home) as service:
        assert home.stat().st_mode & 0o077 == 0
        assert service.stop() == 0


def test_a_second_run_on_the_same_folder_is_refused(home: Path) -> None:
    with running_service(home) as service:
        second = shenava(home, "run", port=free_port())
        assert second.returncode == 2
        assert "already running on the data folder" in second.stderr
        assert second.stderr.count("\n") == 1
        assert service.health()["ok"]


def test_a_port_in_use_is_said_in_a_sentence(home: Path, tmp_path: Path) -> None:
    with running_service(home) as service:
        other = shenava(tmp_path / "other", "run", port=service.port)
        assert other.returncode == 2
        assert f"Port {service.port} on 127.0.0.1 is in use" in other.stderr
        assert "SHENAVA_PORT" in other.stderr
        assert not (tmp_path / "other/shenava.db").exists()


def test_a_killed_service_can_be_started_again(home: Path) -> None:
    with running_service(home, "--sample") as service:
        service.process.kill()
        service.process.wait()
    with running_service(home, "--sample") as service:
        wait_until(lambda: service.health()["ok"], what="health")
        assert service.stop() == 0


def test_the_sample_fills_an_empty_database_once(home: Path) -> None:
    with running_service(home, "--sample") as service:
        sample = count(home)
        assert sample >= 80
        wait_until(lambda: count(home, "judge_after IS NOT NULL") == 0, what="verdicts")
        assert service.stop() == 0
    with running_service(home, "--sample") as service:
        assert count(home) == sample
        assert service.stop() == 0


def test_the_sample_stays_away_from_a_shop_with_messages(home: Path) -> None:
    file = HEADER + "1,2026-01-02T10:00:00Z,sara,shop,hello\n"
    assert shenava(home, "import", "-", "--platform", "x", given=file).returncode == 0
    with running_service(home, "--sample") as service:
        assert count(home) == 1
        assert service.stop() == 0


def test_what_another_process_takes_in_is_judged_while_it_runs(home: Path) -> None:
    file = HEADER + "1,2026-01-02T10:00:00Z,sara,shop,پول کم شد و سفارش ثبت نشد\n"
    with running_service(home) as service:
        done = shenava(home, "import", "-", "--platform", "x", "--no-judge", given=file)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: count(home, "judge_after IS NULL") == 1, what="a verdict")
        assert service.stop() == 0
    with closing(sqlite3.connect(home / "shenava.db")) as database:
        assert database.execute("SELECT judged FROM cases").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"port": "http"}, "The setting port (SHENAVA_PORT)"),
        ({"time_zone": "Mars/Olympus"}, "The setting time_zone (SHENAVA_TIME_ZONE)"),
        ({"business_hours": "someday"}, "The setting business_hours (SHENAVA_BUSINESS_HOURS)"),
        ({"prot": "8000"}, "There is no setting SHENAVA_PROT"),
        ({"host": "no.such.host.invalid"}, "The setting host (SHENAVA_HOST)"),
        ({"model": "/nowhere"}, "The verdict model /nowhere cannot be loaded"),
        ({"database_url": "mysql"}, "The setting database_url (SHENAVA_DATABASE_URL)"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(
    home: Path, settings: dict[str, str], said: str
) -> None:
    done = shenava(home, "run", **{"port": free_port(), **settings})
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_line_in_the_settings_file_is_named(home: Path) -> None:
    home.mkdir()
    (home / "shenava.toml").write_text('langauge = "fa"\n')
    done = shenava(home, "run", port=free_port())
    assert done.returncode == 2
    assert "no setting 'langauge'" in done.stderr
    (home / "shenava.toml").write_text("language = fa\n")
    done = shenava(home, "run", port=free_port())
    assert done.returncode == 2
    assert "shenava.toml cannot be read" in done.stderr


def test_a_database_of_a_newer_version_is_left_alone(home: Path) -> None:
    assert shenava(home, "import", "-", "--platform", "x", given="").returncode == 0
    with closing(sqlite3.connect(home / "shenava.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    done = shenava(home, "run", port=free_port())
    assert done.returncode == 2
    assert "newer version of Shenava" in done.stderr


def test_an_import_killed_half_way_and_run_again_ends_the_same(home: Path, tmp_path: Path) -> None:
    rows = 6_000
    file = tmp_path / "posts.csv"
    lines = [
        f'{n},2026-01-02T10:00:00Z,user{n % 50},shop,"line one\nof {n}"\n' for n in range(rows)
    ]
    file.write_text(HEADER + "".join(lines + lines[:100]), encoding="utf-8")
    words = ["import", str(file), "--platform", "x", "--historic", "--no-judge", "--json"]
    started = subprocess.Popen([*COMMAND, *words], env=environment(home), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: (home / "shenava.db").exists() and _taken_in(home) > 0, 60, "a batch")
    finally:
        started.kill()
        started.wait()
    before = count(home)
    assert before < rows
    again = shenava(home, *words)
    assert again.returncode == 0, again.stderr
    assert f'"read": {rows + 100}, "new": {rows - before}, ' in again.stdout
    assert count(home) == rows


def _taken_in(home: Path) -> int:
    try:
        return count(home)
    except sqlite3.OperationalError:  # no table yet
        return 0
