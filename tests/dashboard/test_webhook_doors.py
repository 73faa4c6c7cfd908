"""The doors of webhooks over real HTTP: what opens them, what does not, and what is left behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from support.factories import START
from support.processes import free_port, wait_until
from support.webhooks import InstagramShop, body, comment, headers, instagram_shop

from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.webhooks.doors import BAD_A_MINUTE, Doors
from responder.policy import policy_of
from service import web
from service.web import WebServer, listen
from service.webhooks import Doors as Secrets
from shenava.clock import SetClock
from shenava.messages import Platform
from shenava.public_media import public_media_url
from shenava.store import InboundDoor, InboundEvent, Store
from shenava.vault import Vault

KEY = b"k" * 32
SAID = body(comment())


@pytest.fixture
def shop(sqlite_store: Store, tmp_path: Path) -> InstagramShop:
    return instagram_shop(sqlite_store, tmp_path)


PICTURES = {7: b"\xff\xd8\xff jpeg"}


@pytest.fixture
def served(sqlite_store: Store, tmp_path: Path, shop: InstagramShop) -> Iterator[str]:
    """The dashboard behind the real server; its address."""
    settings = Settings(home=tmp_path / "home")
    doors = Doors(Secrets(sqlite_store, Vault(tmp_path / "vault.key")), KEY, pictures=PICTURES.get)
    app = create_app(Desk(sqlite_store, settings, policy_of(settings)), doors=doors)
    port, stop = free_port(), threading.Event()
    server = WebServer(app, listen("127.0.0.1", port), 2)
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    yield f"http://127.0.0.1:{port}"
    stop.set()
    thread.join()


@pytest.fixture
def address(served: str, shop: InstagramShop) -> str:
    return served + shop.path


def post(address: str, said: bytes = SAID, **more: str) -> requests.Response:
    return requests.post(address, data=said, headers={**headers(said), **more}, timeout=10)


def bodies(store: Store) -> list[bytes]:
    with store.read() as session:
        return list(session.scalars(select(InboundEvent.body)))


def door(store: Store) -> InboundDoor | None:
    with store.read() as session:
        return session.scalars(select(InboundDoor)).one_or_none()


def test_a_signed_body_is_stored_as_it_came_and_answered(address: str, sqlite_store: Store) -> None:
    answer = post(address, Cookie="shenava_session=x")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "Set-Cookie" not in answer.headers
    with sqlite_store.read() as session:
        (row,) = session.scalars(select(InboundEvent))
    assert row.body == SAID
    assert set(row.headers) == {"x-hub-signature-256", "content-type", "user-agent"}


@pytest.mark.parametrize(
    "spoilt",
    [
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": headers(SAID, "another secret")["X-Hub-Signature-256"]},
        {"X-Hub-Signature-256": headers(SAID + b" ")["X-Hub-Signature-256"]},
    ],
)
def test_a_wrong_signature_leaves_nothing_but_a_count(
    address: str, sqlite_store: Store, spoilt: dict[str, str]
) -> None:
    assert post(address, **spoilt).status_code == 403
    assert bodies(sqlite_store) == []
    found = door(sqlite_store)
    assert found is not None
    assert (found.bad, found.bad_in_a_row) == (1, 1)
    assert post(address).status_code == 200
    found = door(sqlite_store)
    assert found is not None
    assert (found.bad, found.bad_in_a_row) == (1, 0)


def test_a_flood_of_bad_bodies_is_not_written_down_and_keeps_no_good_one_out(
    address: str, sqlite_store: Store
) -> None:
    codes = [
        post(address, **{"X-Hub-Signature-256": "x"}).status_code for _ in range(BAD_A_MINUTE + 5)
    ]
    assert codes == [403] * BAD_A_MINUTE + [429] * 5
    found = door(sqlite_store)
    assert found is not None
    assert found.bad == BAD_A_MINUTE
    assert post(address).status_code == 200


def test_a_body_that_cannot_be_stored_is_to_be_sent_again(
    address: str, sqlite_store: Store
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("disk full", None, Exception())

    event.listen(sqlite_store.engine, "commit", fail)
    try:
        answer = post(address)
    finally:
        event.remove(sqlite_store.engine, "commit", fail)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert post(address).status_code == 200
    assert len(bodies(sqlite_store)) == 1


def test_only_json_of_a_bearable_size_at_a_known_door(address: str, served: str,
                                                      sqlite_store: Store) -> None:  # fmt: skip
    assert post(address, **{"Content-Type": "text/plain"}).status_code == 415
    large = b'{"object":"instagram","x":"' + b"x" * (4 * 1024 * 1024) + b'"}'
    assert post(address, large).status_code == 413
    for path in ("/webhooks/instagram/999", "/webhooks/x/1", "/webhooks/nowhere/1"):
        assert post(served + path).status_code == 404
    assert requests.put(address, timeout=10).status_code == 405
    assert bodies(sqlite_store) == []


def test_a_body_larger_than_any_form_is_taken(address: str, sqlite_store: Store) -> None:
    large = body(*(comment(f"c{n}", "م" * 500) for n in range(600)))
    assert len(large) > 1024 * 1024
    assert post(address, large).status_code == 200


def test_the_handshake(address: str, shop: InstagramShop, sqlite_store: Store,
                       tmp_path: Path) -> None:  # fmt: skip
    word = Doors(Secrets(sqlite_store, Vault(tmp_path / "vault.key")), KEY).verify_token(
        Platform.INSTAGRAM, shop.app_id
    )
    asked = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": "1158201444"}
    answer = requests.get(address, params=asked, timeout=10)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = door(sqlite_store)
    assert found is not None
    assert found.tried_at == START
    assert requests.head(address, params=asked, timeout=10).status_code == 200
    for wrong in ({}, {**asked, "hub.verify_token": word[::-1]}, {**asked, "hub.mode": "x"}):
        assert requests.get(address, params=wrong, timeout=10).status_code == 403


def test_who_sends_a_body_too_slowly_is_shown_out(
    served: str, shop: InstagramShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "SLOWEST_S", 0.3)
    port = int(served.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(
            f"POST {shop.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
        )

        def is_shown_out() -> bool:
            # It goes on dripping, so that it never looks idle.
            try:
                slow.sendall(b"x")
                slow.settimeout(0.05)
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(is_shown_out, what="shown out")
    assert post(served + shop.path).status_code == 200


# --- pictures that a platform fetches ---------------------------------------------------------


def picture(served: str, *, number: int = 7, key: bytes = KEY, minutes: float = 10) -> str:
    return public_media_url(served, key, number, START + timedelta(minutes=minutes))


def test_a_picture_is_fetched_without_a_session(served: str) -> None:
    answer = requests.get(picture(served), timeout=10)
    assert (answer.status_code, answer.content) == (200, PICTURES[7])
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    assert requests.head(picture(served), timeout=10).status_code == 200


def test_not_after_its_time_nor_with_another_key_nor_changed_nor_gone(
    served: str, clock: SetClock
) -> None:
    good = picture(served)
    for wrong in (
        picture(served, key=b"x" * 32),
        picture(served, number=8),
        picture(served, minutes=-1),
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "=",
        served + "/media/public/x",
    ):
        assert requests.get(wrong, timeout=10).status_code == 404
    clock.advance(timedelta(minutes=10))
    assert requests.get(good, timeout=10).status_code == 404
