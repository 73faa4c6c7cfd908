"""What every answer has: headers, error pages, static files, health, language."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import NoReturn

import pytest
from flask import Flask, abort, request
from sqlalchemy import text

from dashboard.app import MAX_BODY, create_app
from dashboard.assets import release
from dashboard.auth.roles import public
from dashboard.context import Desk
from dashboard.i18n import script_words
from dashboard.secret import secret_key
from dashboard.security import HEADERS
from shenava.store import Store


@pytest.mark.parametrize(
    "address", ["/", "/sign-in", "/settings/", "/inbox/", "/healthz", "/nothing", "/link/x"]
)
def test_every_answer_has_the_headers(client, address: str) -> None:
    answer = client.get(address)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers


def test_pages_need_nothing_that_the_policy_forbids(client, admin) -> None:
    for address in ("/settings/", "/settings/staff", "/settings/audit", "/inbox/"):
        page = client.get(address).text
        assert not re.search(r"\sstyle=", page)
        assert not re.search(r"\son\w+=", page)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
        for tag in re.findall(r"<script[^>]*>", page):
            assert "src=" in tag or 'type="application/json"' in tag


def test_static_files_are_kept_for_long_under_an_address_of_their_own(client) -> None:
    page = client.get("/sign-in").text
    found = re.search(r'href="(/static/([0-9a-f]{12})/css/base\.css)"', page)
    assert found
    answer = client.get(found[1])
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    stale = client.get(found[1].replace(found[2], "0" * 12))
    assert stale.status_code == 200
    assert "no-store" in stale.headers["Cache-Control"]


def test_a_changed_static_file_changes_the_address(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    first = release(tmp_path)
    assert release(tmp_path) == first
    (tmp_path / "a.css").write_text("b {}")
    second = release(tmp_path)
    (tmp_path / "a.css").rename(tmp_path / "c.css")
    assert len({first, second, release(tmp_path)}) == 3


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/secret.py", "css/../../app.py", "css"]
)
def test_nothing_but_static_files_is_served(client, path: str) -> None:
    assert client.get(f"/static/{'0' * 12}/{path}").status_code in (302, 404)


def test_health_is_told_to_anyone(client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json["ok"] is True
    assert answer.json["database"] == "ok"
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_knows_what_the_service_adds(desk: Desk) -> None:
    app = create_app(desk, health=lambda: {"pipeline": "stopped", "ok": False})
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["pipeline"] == "stopped"
    assert answer.json["ok"] is False


def test_a_database_of_another_version_is_not_healthy(client, desk: Desk) -> None:
    with desk.store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'another'"))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json["database"]) == (503, "outdated")


def test_without_its_database_it_says_so(settings, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    lost = Store(f"sqlite:///{tmp_path / 'folder'}")  # a folder is no database
    app = create_app(Desk(lost, settings, desk.policy))
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "unreachable"


def test_an_error_is_told_without_the_database(settings, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    app = create_app(desk)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["active_at"] = "1.key", 2**40
    lost = Store(f"sqlite:///{tmp_path / 'folder'}")
    app.extensions["shenava"] = Desk(lost, settings, desk.policy)
    answer = client.get("/settings/")
    assert answer.status_code == 500
    assert "All messages are safe in the database" in answer.text


@pytest.fixture
def failing(app: Flask) -> Flask:
    """With a view that fails as its address says."""

    @public
    def fail(code: int) -> NoReturn:
        if code == 500:
            raise RuntimeError("made to fail")
        request.get_data()
        abort(code)

    app.add_url_rule("/fail/<int:code>", "fail", fail, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize("code", [400, 403, 404, 405, 413, 418, 429, 500, 503])
def test_errors_say_what_happened_what_is_safe_and_what_to_do(
    failing: Flask, client, code: int
) -> None:
    if code == 413:
        headers = {"X-CSRFToken": client.token()}
        answer = client.post("/fail/413", data=b"x" * (MAX_BODY + 1), headers=headers)
    else:
        answer = client.get(f"/fail/{code}")
    assert answer.status_code == code
    said = re.search(r"<h1>(.+?)</h1>\s*<p>(.+?)</p>\s*<p class=\"lead\">(.+?)</p>", answer.text)
    assert said
    assert "made to fail" not in answer.text


def test_a_script_is_told_in_json(failing: Flask, client) -> None:
    answer = client.background("/fail/429")
    assert answer.status_code == 429
    assert set(answer.json) == {"error", "todo"}


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    key = secret_key(home)
    assert len(key) == 64
    assert secret_key(home) == key
    assert stat.S_IMODE((home / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]


def test_an_empty_key_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret.key").touch()
    with pytest.raises(ValueError, match="holds no key"):
        secret_key(tmp_path)


@pytest.mark.parametrize(
    ("accepted", "language", "direction"),
    [
        ("fa-IR,fa;q=0.9,en;q=0.5", "fa", "rtl"),
        ("ar-EG", "ar", "rtl"),
        ("de,en;q=0.8", "en", "ltr"),
        ("de", "en", "ltr"),  # the shop's
        ("", "en", "ltr"),
    ],
)
def test_before_the_sign_in_the_browser_is_asked(
    client, accepted: str, language: str, direction: str
) -> None:
    page = client.get("/sign-in", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}" dir="{direction}"' in page


def test_the_choice_on_the_sign_in_page_is_kept(client) -> None:
    assert client.send("/language", language="ar", next="/sign-in").location == "/sign-in"
    page = client.get("/sign-in", headers={"Accept-Language": "fa"}).text
    assert '<html lang="ar" dir="rtl"' in page
    client.send("/language", language="xx")
    assert '<html lang="ar"' in client.get("/sign-in").text
    assert client.send("/language", language="fa", next="//evil.example").location == "/"


def test_words_for_scripts_cannot_end_their_block(app: Flask) -> None:
    with app.test_request_context():
        block = script_words({"bad": "</script><script>alert(1)"})
    assert block.count("<") == 2
    assert json.loads(block[block.index(">") + 1 : block.rindex("<")]) == {
        "bad": "</script><script>alert(1)"
    }


def test_addresses_behind_a_proxy_are_believed_as_far_as_told(desk: Desk, settings) -> None:
    sent = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1", "X-Forwarded-Proto": "https"}
    seen = []
    for hops in (0, 1):
        app = create_app(
            Desk(desk.store, settings.model_copy(update={"trusted_proxies": hops}), desk.policy)
        )
        app.before_request(lambda: seen.append((request.remote_addr, request.scheme)))
        app.test_client().get("/healthz", headers=sent)
    assert seen == [("127.0.0.1", "http"), ("192.0.2.1", "https")]
