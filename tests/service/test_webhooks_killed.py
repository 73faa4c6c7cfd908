"""Killed −9 between storing a webhook and saying so, or between saying so and intake: nothing is
lost, nothing is there twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import select
from support.factories import START
from support.processes import free_port, running_service, wait_until
from support.webhooks import InstagramShop, body, comment, dm, headers, instagram_shop

from config import Settings
from shenava.clock import SetClock, SystemClock
from shenava.store import InboundEvent, Message, OwnMessageRow, Store, migrations

SAID = body(comment("c1"), dm("d1"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def shop(home: Path) -> InstagramShop:
    home.mkdir()
    store = Store(Settings(home=home).database, SetClock(START))
    migrations.upgrade(store)
    found = instagram_shop(store, home)
    store.close()
    return found


@contextmanager
def _started(*words: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "support.crash_webhooks", *map(str, words)],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _door(home: Path, port: int, statement: int = 0) -> Iterator[subprocess.Popen[str]]:
    with _started("door", home, port, statement) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def _send(port: int, path: str) -> bool:
    """Whether the platform was told 200; what it was told is all it knows."""
    try:
        answer = requests.post(
            f"http://127.0.0.1:{port}{path}", data=SAID, headers=headers(SAID), timeout=20
        )
    except requests.ConnectionError:
        return False
    return answer.status_code == 200


def _events(home: Path) -> int:
    store = Store(Settings(home=home).database, SetClock(START))
    with store.read() as session:
        found = len(session.scalars(select(InboundEvent.id)).all())
    store.close()
    return found


def _taken_in(home: Path) -> list[str]:
    store = Store(Settings(home=home).database, SystemClock())
    with store.read() as session:
        found = sorted(session.scalars(select(Message.native_key)))
        assert session.scalars(select(OwnMessageRow.id)).all() == []
    store.close()
    return found


def test_killed_at_the_door(home: Path, shop: InstagramShop) -> None:
    """At each statement that the door makes: before it stored, in the middle, just before the
    commit, and after it. What was told 200 is there; what was not comes again."""
    port = free_port()
    told, statement = False, 1
    while not told:
        with _door(home, port, statement) as process:
            told = _send(port, shop.path)
            if told:
                process.kill()
            assert process.wait(30) == -signal.SIGKILL
        assert _events(home) <= 1
        assert not told or _events(home) == 1
        statement += 1
    assert statement > 4, "it was killed at every statement before it lived"
    _work(home, 60)
    assert _taken_in(home) == ["c1", "d1"]


def _work(home: Path, minutes: int, statement: int = 0) -> int:
    with _started("work", home, minutes, statement) as process:
        return process.wait(60)


def test_killed_between_200_and_intake(home: Path, shop: InstagramShop) -> None:
    """In the claim, in the middle of intake, just before its commit; each takes up what the one
    before has left when its lease has run out."""
    port = free_port()
    with _door(home, port):
        assert _send(port, shop.path)
    for number, statement in enumerate((2, 6, 12, 18, 24, 30)):
        code = _work(home, number * 10, statement)
        assert code in (-signal.SIGKILL, 0)
        if number < 3:
            assert code == -signal.SIGKILL
            assert _taken_in(home) == [], "a transaction is all or nothing"
    assert _work(home, 600) == 0
    assert _taken_in(home) == ["c1", "d1"]


def test_the_real_service_takes_in_what_it_had_stored_when_it_was_killed(
    home: Path, shop: InstagramShop
) -> None:
    with running_service(home) as service:
        assert _send(service.port, shop.path)
        service.process.kill()
        service.process.wait(20)
    with running_service(home):
        wait_until(lambda: _taken_in(home) == ["c1", "d1"], what="taken in after the restart")
