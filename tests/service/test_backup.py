"""Promises of backup and restore: what was written comes back, whole, or not at all."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from support.content import content, differences
from support.factories import START, incoming, many
from support.judges import WordJudge
from support.platform import ScriptedPlatform
from support.processes import COMMAND, environment, shenava, wait_until
from support.shop import add_person, connect_shop

from collectors.intake import take_in
from config import Settings
from dashboard.secret import secret_key
from responder import outbox
from responder.answered import take_own
from responder.outbox import Asker, Draft, Plan
from responder.policy import Policy
from service.backup import Manifest, back_up, make_safe, restore
from service.errors import Halt
from service.lock import running_lock
from service.opening import open_store
from service.pipeline import Pipeline
from service.sending import run_due
from shenava.channels import OwnMessage
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.store import (
    Audit,
    Fact,
    FactKind,
    LinkPurpose,
    Message,
    OneTimeLink,
    OutboxRow,
    OutboxState,
    Store,
    User,
    migrations,
)

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


def grow(members: dict[str, bytes]) -> None:
    members["shenava.db"] += b"\0" * 4096


def corrupt(members: dict[str, bytes]) -> None:
    """Damage that the manifest vouches for."""
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
        (grow, "shenava.db is not as it was made"),
        (corrupt, "damaged"),
        (drop("manifest.json"), "it has no manifest.json"),
        (drop("shenava.db"), "it has no shenava.db"),
        (with_manifest(format=2, version="9.0"), "made by Shenava 9.0"),
        (with_manifest(files={"../shenava.db": {"size": 1, "sha256": ""}}), "no backup of Shenava"),
        (with_manifest(files="all"), "manifest cannot be read"),
        (with_manifest(more=1), "manifest cannot be read"),
        (with_manifest(made_at="yesterday"), "manifest cannot be read"),
        (with_manifest(made_at="2026-01-03T06:30:00"), "manifest cannot be read"),
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
    assert f"The keys in {filled.home} (secret.key, vault.key and" in made.stdout
    assert "keep a copy of them in another safe place" in made.stdout
    new = tmp_path / "new"
    back = shenava(new, "restore", file)
    assert back.returncode == 0, back.stderr
    assert "Restored shenava.db, shenava.toml" in back.stdout
    again = shenava(new, "restore", file)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert "may have left since the backup: 0." in back.stdout
    assert "Everybody has to sign in again" in back.stdout
    assert "people disabled, passwords changed and tokens revoked since" in back.stdout


def test_a_member_larger_than_the_manifest_says_takes_no_room(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    bad = rewritten(file, tmp_path / "bad.tar.gz", grow)
    copied: list[object] = []
    monkeypatch.setattr("service.backup.shutil.copyfileobj", lambda *given: copied.append(given))
    with pytest.raises(Halt, match="not as it was made"):
        restore(shop(tmp_path / "new"), bad)
    assert copied == []


def test_a_restore_under_a_running_import_is_refused_and_costs_it_nothing(
    filled: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    rows = [
        json.dumps(
            {
                "id": f"late-{number}",
                "text": "سلام",
                "author": "sara",
                "account": "shop",
                "created_at": "2026-01-03T06:00:00Z",
            }
        )
        for number in range(2 * 500)
    ]
    words = ["import", "-", "--platform", "x", "--kind", "mention", "--no-judge"]
    with subprocess.Popen(
        [*COMMAND, *words],
        env=environment(filled.home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as importing:
        assert importing.stdin is not None
        importing.stdin.write("\n".join(rows[:-1]) + "\n")
        importing.stdin.flush()
        wait_until(
            lambda: importing.poll() is not None or count_of(filled, "late-%") > 0,
            what="the first batch of the import",
        )
        refused = shenava(filled.home, "restore", "--force", file)
        assert refused.returncode == 2, refused.stdout
        assert "Another shenava command works on this database; let it end" in refused.stderr
        out, err = importing.communicate(rows[-1] + "\n")
    assert importing.returncode == 0, out + err
    assert count_of(filled, "late-%") == len(rows)
    assert list(filled.home.glob("*before-restore*")) == []

    done = shenava(filled.home, "restore", "--force", file)
    assert done.returncode == 0, done.stderr
    assert count_of(filled, "late-%") == 0
    (kept,) = filled.home.glob("shenava.db.before-restore*")
    assert sum("late-" in row for row in rows_of(kept)) >= len(rows)


def count_of(settings: Settings, like: str) -> int:
    """How many messages have a native key ``like`` this."""
    with closing(sqlite3.connect(settings.home / "shenava.db")) as database:
        found = database.execute("SELECT count(*) FROM messages WHERE native_key LIKE ?", (like,))
        return int(found.fetchone()[0])


def test_a_reader_too_keeps_a_database_in_place(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    store = opened(filled)
    with store.read() as session:
        session.scalar(select(func.count()).select_from(Message))
        with pytest.raises(Halt, match="Another shenava command"):
            restore(filled, file, force=True)
    store.close()
    assert len(restore(filled, file, force=True).kept) == 1


@pytest.mark.parametrize("what", ["garbage", "a torn page", "nothing"])
def test_a_damaged_database_is_no_obstacle(filled: Settings, tmp_path: Path, what: str) -> None:
    file = tmp_path / "backup.tar.gz"
    back_up(filled, file)
    wanted = rows_of(filled.home / "shenava.db")
    database = filled.home / "shenava.db"
    whole = database.read_bytes()
    damaged = {
        "garbage": b"this is not a database" * 500,
        "a torn page": whole[:100] + b"\xff" * 8092 + whole[8192:],
        "nothing": b"",
    }[what]
    database.write_bytes(damaged)
    done = restore(filled, file, force=True)
    assert rows_of(database) == wanted
    (kept,) = done.kept
    assert len(kept.read_bytes()) == len(damaged)


def outbox_in_every_state(store: Store) -> dict[str, int]:
    """A row of the outbox for each state, and one that people planned for later; its text is its
    name."""
    now = store.clock.now()
    account = connect_shop(store)
    person = add_person(store)
    take_in(store, [incoming("asked")])
    rows: dict[str, int] = {}
    with store.write() as session:
        message = session.scalars(select(Message.id)).one()
        for name in [*OutboxState, "later", "given up"]:
            plan = Plan(not_before=now + timedelta(days=7)) if name == "later" else outbox.SOON
            draft = Draft(Deed.ANSWER, account, str(name), message_id=message)
            asker = Asker(f"user:{person}", str(name), person)
            row = outbox.enqueue(
                session, asker, draft, now, ScriptedPlatform(SetClock(now)).rules, plan=plan
            )
            rows[str(name)] = row.id
    far = now + timedelta(minutes=3)
    left = {"sending_at": now, "attempts": 1}
    changes: dict[str, dict[str, Any]] = {
        "claimed": {"claimed_until": far, "attempt": "a"},
        "sending": left | {"claimed_until": far, "attempt": "b"},
        "sent": left | {"sent_at": now, "native_key": "sent-1"},
        "refused": {"reason": "rate"},
        "failed": {"reason": "unreachable"},
        "unknown": left
        | {"reason": "no_answer", "look_at": now, "looks": 1, "evidence": {"absent": 1}},
        "given up": left | {"reason": "no_answer", "looks": 6},
    }
    with store.write() as session:
        for name, row_id in rows.items():
            row = session.get_one(OutboxRow, row_id)
            for column, value in changes.get(name, {}).items():
                setattr(row, column, value)
            row.state = {
                "later": OutboxState.QUEUED,
                "given up": OutboxState.UNKNOWN,
            }.get(name) or OutboxState(name)
    return rows


ON_ITS_WAY = ("queued", "claimed", "sending", "later")


@pytest.fixture
def sending(settings: Settings, tmp_path: Path) -> tuple[Path, dict[str, int]]:
    """A backup of a shop with an outbox, and its rows by name."""
    store = open_store(settings, SetClock(datetime.now(UTC) - timedelta(minutes=1)))
    rows = outbox_in_every_state(store)
    store.close()
    file = tmp_path / "backup.tar.gz"
    back_up(settings, file)
    return file, rows


def states(store: Store) -> dict[str, OutboxState]:
    with store.read() as session:
        return {row.text: row.state for row in session.scalars(select(OutboxRow))}


def test_nothing_that_may_have_left_since_leaves_again(
    sending: tuple[Path, dict[str, int]], tmp_path: Path, policy: Policy
) -> None:
    file, rows = sending
    new = shop(tmp_path / "new")
    done = shenava(new.home, "restore", file)
    assert done.returncode == 0, done.stderr
    assert "may have left since the backup: 5." in done.stdout
    clock = SetClock(datetime.now(UTC))
    store = open_store(new, clock)
    expected = dict.fromkeys([*ON_ITS_WAY, "given up"], OutboxState.UNKNOWN)
    expected |= {state.value: state for state in OutboxState if state.value not in ON_ITS_WAY}
    assert states(store) == expected
    platform = ScriptedPlatform(clock)
    for _ in range(30):
        # Reading back finds nothing, which a look would take for "surely not there".
        assert run_due(store, platform, policy) == 0
        clock.advance(timedelta(days=1))
    assert platform.accepted == []
    assert states(store) == expected
    with store.read() as session:
        for name in ON_ITS_WAY:
            row = session.get_one(OutboxRow, rows[name])
            was = "queued" if name == "later" else name
            assert (row.reason, row.evidence["state_then"]) == ("restored", was)
        looked = session.get_one(OutboxRow, rows["unknown"])
        assert (looked.reason, looked.look_at) == ("no_answer", None)
        assert "absent" not in looked.evidence
        told = session.scalar(select(func.count()).where(Fact.kind == FactKind.ANSWER_UNKNOWN))
        assert told == len(ON_ITS_WAY)
    store.close()


def test_a_person_settles_what_was_set_aside_and_may_send_it_again(
    sending: tuple[Path, dict[str, int]], tmp_path: Path, policy: Policy
) -> None:
    file, rows = sending
    new = shop(tmp_path / "new")
    assert restore(new, file).set_aside == 5
    clock = SetClock(datetime.now(UTC))
    store = open_store(new, clock)
    platform = ScriptedPlatform(clock)
    with store.write() as session:
        now = clock.now()
        for name, sent in (("later", False), ("queued", True)):
            assert outbox.settle(session, 1, rows[name], now, policy, sent=sent)
        outbox.retry(session, Asker("user:1", "again", 1), rows["later"], now, platform.rules)
    clock.advance(outbox.UNDO)
    run_due(store, platform, policy)
    assert [sent.text for _, _, sent in platform.accepted] == ["later"]
    store.close()


def test_the_echo_of_what_left_after_the_backup_settles_it(
    sending: tuple[Path, dict[str, int]], tmp_path: Path, policy: Policy
) -> None:
    file, rows = sending
    new = shop(tmp_path / "new")
    restore(new, file)
    store = opened(new)
    now = store.clock.now()
    echo = OwnMessage("late-1", Deed.ANSWER, "@sara queued", now, reply_to_key="asked")
    with store.write() as session:
        account = session.get_one(OutboxRow, rows["queued"]).account_id
        take_own(session, account, [echo], now, policy)
    with store.read() as session:
        row = session.get_one(OutboxRow, rows["queued"])
        assert (row.state, row.native_key) == (OutboxState.SENT, "late-1")
    store.close()


def test_a_restore_ends_every_session_and_every_unused_link(
    settings: Settings, tmp_path: Path
) -> None:
    store = opened(settings)
    people = {add_person(store, name): name for name in ("sara", "omid")}
    with store.write() as session:
        for number, used_at in enumerate((None, START)):
            for purpose in LinkPurpose:
                session.add(
                    OneTimeLink(
                        token_hash=sha256(f"{purpose}{number}".encode()).hexdigest(),
                        purpose=purpose,
                        user_id=None if purpose is LinkPurpose.FIRST_ADMIN else min(people),
                        expires_at=datetime.now(UTC) + timedelta(days=1),
                        used_at=used_at,
                    )
                )
    store.close()
    file = tmp_path / "backup.tar.gz"
    back_up(settings, file)
    new = shop(tmp_path / "new")
    restore(new, file)
    store = opened(new)
    with store.read() as session:
        keys = {user.id: user.session_key for user in session.scalars(select(User))}
        assert keys.keys() == people.keys()
        assert len({*keys.values(), *people.values()}) == 4
        links = session.scalars(select(OneTimeLink)).all()
        assert [link.used_at for link in links] == [START] * len(LinkPurpose)
    store.close()
    # What was backed up is as it was.
    with closing(sqlite3.connect(settings.home / "shenava.db")) as database:
        kept = database.execute("SELECT id, session_key FROM users").fetchall()
    assert dict(kept) == people


def test_after_a_restore_by_other_means_nothing_leaves_by_itself(
    store: Store, policy: Policy, tmp_path: Path
) -> None:
    """``pg_restore`` puts a database back past us, and so does a copied file."""
    clock = SetClock(datetime.now(UTC) - timedelta(hours=3))
    before = Store(store.engine.url.render_as_string(hide_password=False), clock)
    platform = ScriptedPlatform(clock)
    account = connect_shop(before)
    sara = add_person(before, "sara")
    take_in(before, [incoming("asked", written_at=clock.now())])
    with before.write() as session:
        message = session.scalars(select(Message.id)).one()
        draft = Draft(Deed.ANSWER, account, "waits", message_id=message)
        now = clock.now()
        row = outbox.enqueue(session, Asker("user:1", "k", sara), draft, now, platform.rules).id
    # It left after the dump was made, and the dump does not know.
    url = store.engine.url.render_as_string(hide_password=False)
    settings = Settings(home=tmp_path / "home", database_url=url)
    made = clock.now()
    assert make_safe(settings, None) == 1
    clock.advance(timedelta(hours=3))
    run_due(before, platform, policy)
    assert platform.accepted == []
    with before.read() as session:
        kept = session.get_one(OutboxRow, row)
        assert (kept.state, kept.reason, kept.look_at) == (OutboxState.UNKNOWN, "restored", None)
        assert kept.sending_at is not None
        # Not later than the dump can have been made, so that the echo of it is believed.
        assert kept.sending_at <= made
        assert session.get_one(User, sara).session_key != "sara"
        through = session.scalars(
            select(Audit.details).where(Audit.action == "outbox_set_aside")
        ).one()["through"]
        assert through == "command_line"
    assert make_safe(settings, made) == 0, "once more changes nothing"
    before.close()
