"""Signing in and out, sessions, limits."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select
from support.browser import PASSWORD, sign_in

from dashboard.app import create_app
from dashboard.audit import Deed
from dashboard.auth.addresses import safe_next
from dashboard.auth.limits import Attempt, Refused, attempt_was_right, begin_attempt
from dashboard.context import Desk
from shenava.clock import SetClock
from shenava.store import Audit, SignInFailure, Store, User, UserState

EMAIL = "sara@shop.example"

OPEN_TO_PROGRAMS = {"api.read_document", "api.list_problems"}


def deeds(desk: Desk) -> list[str]:
    with desk.store.read() as session:
        return list(session.scalars(select(Audit.action).order_by(Audit.id)))


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_then_on(client, make_user) -> None:
    make_user(EMAIL)
    asked = client.get("/settings/?x=1")
    assert asked.status_code == 302
    assert asked.location == "/sign-in?next=/settings/?x%3D1"
    answer = client.send("/sign-in", email=EMAIL, password=PASSWORD, next="/settings/?x=1")
    assert answer.location == "/settings/?x=1"
    assert client.get("/settings/").status_code == 200


def test_every_address_but_the_public_ones_asks_for_a_sign_in(app: Flask, client) -> None:
    open_to_all = {"static", "healthz", "auth.sign_in", "auth.language", "auth.link"}
    # Platforms have no sign-in: what they bring is signed, what they fetch has a token as its name.
    for_platforms = {"knocking.door", "knocking.picture"}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in open_to_all:
            continue
        values = dict.fromkeys(rule.arguments, 1)
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **values)
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        answer = client.open(address, method=method)
        if rule.endpoint in for_platforms:
            assert answer.status_code == 404, rule
            continue
        if rule.endpoint.startswith("api."):
            # Programs are told so; what is open to them is held by the tests of the API.
            assert answer.status_code == 401 or rule.endpoint in OPEN_TO_PROGRAMS, rule
            continue
        assert answer.status_code == 302, rule
        assert answer.location.startswith("/sign-in"), rule


def test_mail_addresses_are_folded(client, make_user) -> None:
    make_user(EMAIL)
    assert sign_in(client, f"  {EMAIL.upper()} ").status_code == 302


@pytest.mark.parametrize("state", [UserState.INVITED, UserState.DISABLED])
def test_only_the_active_may_sign_in(client, make_user, state: UserState) -> None:
    make_user(EMAIL, state=state)
    assert sign_in(client, EMAIL).status_code == 401
    assert client.get("/settings/").status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, make_user) -> None:
    make_user(EMAIL)
    wrong = sign_in(client, EMAIL, "not the password")
    unknown = sign_in(client, "nobody@shop.example", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.count("do not fit together") == unknown.text.count("do not fit together") == 1


def test_an_unknown_address_costs_as_much_work(client, desk, monkeypatch, make_user) -> None:
    make_user(EMAIL)
    asked = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, *args: asked.append(1) or verify(self, *args)
    )
    for email in (EMAIL, "nobody@shop.example"):
        sign_in(client, email, "not the password")
    assert len(asked) == 2
    # And as many commits: both are written down.
    assert deeds(desk) == [Deed.SIGN_IN_FAILED] * 2


def test_sign_ins_are_written_down_without_any_text(client, desk: Desk, make_user) -> None:
    make_user(EMAIL)
    sign_in(client, EMAIL, "not the password")
    sign_in(client, EMAIL)
    client.send("/sign-out")
    assert deeds(desk) == [Deed.SIGN_IN_FAILED, Deed.SIGNED_IN, Deed.SIGNED_OUT]
    with desk.store.read() as session:
        for row in session.scalars(select(Audit)):
            assert "@" not in str(row.details)
            assert PASSWORD not in str(row.details)


def test_a_form_without_its_token_is_refused(client, agent) -> None:
    answer = client.post("/sign-out")
    assert answer.status_code == 400
    assert "Your last action was not carried out" in answer.text
    assert client.get("/settings/").status_code == 200


def test_a_script_sends_the_token_in_a_header(client, agent) -> None:
    headers = {"X-CSRFToken": client.token(), "Accept": "application/json"}
    assert client.post("/settings/theme", data={"theme": "dark"}).status_code == 400
    assert (
        client.post("/settings/theme", data={"theme": "dark"}, headers=headers).status_code == 204
    )
    assert 'data-theme="dark"' in client.get("/settings/").text


def test_signing_out_ends_the_session(client, agent) -> None:
    assert client.send("/sign-out").location == "/sign-in"
    assert client.get("/settings/").status_code == 302


def test_idle_people_are_signed_out_and_busy_ones_are_not(
    client, agent, clock: SetClock, settings
) -> None:
    almost = timedelta(hours=settings.session_hours) - timedelta(minutes=1)
    for _ in range(3):
        clock.advance(almost)
        assert client.get("/settings/").status_code == 200
    clock.advance(almost + timedelta(minutes=2))
    assert client.get("/settings/").status_code == 302


def test_a_page_that_polls_keeps_nobody_signed_in(client, agent, clock, settings) -> None:
    for _ in range(settings.session_hours + 1):
        client.background("/changes?since=0")
        clock.advance(timedelta(hours=1))
    answer = client.background("/changes?since=0")
    assert answer.status_code == 401
    assert answer.json == {"error": "signed_out"}


def test_a_new_session_key_ends_every_session(client, agent, desk: Desk) -> None:
    with desk.store.write() as session:
        session.get_one(User, agent.id).session_key = "another"
    assert client.get("/settings/").status_code == 302


def test_a_disabled_person_is_out_at_once(client, agent, desk: Desk) -> None:
    with desk.store.write() as session:
        session.get_one(User, agent.id).state = UserState.DISABLED
    assert client.get("/settings/").status_code == 302


def test_a_password_kept_in_an_old_way_is_kept_in_todays(client, desk: Desk, make_user) -> None:
    user = make_user(EMAIL)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with desk.store.write() as session:
        session.get_one(User, user.id).password_hash = weak
    assert sign_in(client, EMAIL).status_code == 302
    with desk.store.read() as session:
        kept = session.get_one(User, user.id).password_hash
    assert kept != weak
    client.send("/sign-out")
    assert sign_in(client, EMAIL).status_code == 302


def test_too_many_failures_lock_the_address_for_a_while(
    client, make_user, clock: SetClock, settings
) -> None:
    make_user(EMAIL)
    for _ in range(settings.sign_in_attempts):
        assert sign_in(client, EMAIL, "not the password").status_code == 401
    clock.advance(timedelta(minutes=5))
    refused = sign_in(client, EMAIL)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == str(10 * 60 + 1)
    assert "10:15" in refused.text  # a quarter of an hour after the clock's 10:00 in Tehran
    clock.advance(timedelta(minutes=10))
    assert sign_in(client, EMAIL).status_code == 302


def test_a_network_address_is_limited_too(client, make_user, settings) -> None:
    make_user(EMAIL)
    for number in range(settings.sign_in_attempts):
        sign_in(client, f"guess{number}@shop.example", "not the password")
    assert sign_in(client, EMAIL).status_code == 429


def test_failures_count_to_the_limit_and_a_right_one_clears_them(store: Store) -> None:
    begun = [begin_attempt(store, EMAIL, "192.0.2.1", 3) for _ in range(4)]
    assert [type(attempt) for attempt in begun] == [Attempt, Attempt, Attempt, Refused]
    assert isinstance(begun[2], Attempt)
    attempt_was_right(store, begun[2])
    assert isinstance(begin_attempt(store, EMAIL, "198.51.100.7", 3), Attempt)


def test_no_more_than_the_limit_get_through_however_many_race(store: Store) -> None:
    together = Barrier(6)
    begun = []

    def race() -> None:
        together.wait()
        begun.append(begin_attempt(store, EMAIL, None, 3))

    racers = [Thread(target=race) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum(isinstance(attempt, Attempt) for attempt in begun) <= 3
    with store.read() as session:
        kept = session.scalar(select(func.count()).select_from(SignInFailure))
    assert kept == sum(isinstance(attempt, Attempt) for attempt in begun)


def test_one_person_with_a_whole_ipv6_network_is_one_person(store: Store) -> None:
    for number in range(3):
        begin_attempt(store, f"guess{number}@shop.example", f"2001:db8::{number}", 3)
    assert isinstance(begin_attempt(store, EMAIL, "2001:db8::ffff:1", 3), Refused)
    assert isinstance(begin_attempt(store, EMAIL, "2001:db8:0:1::1", 3), Attempt)


def test_old_failures_do_not_count_and_stay_for_a_look_back(store: Store, clock: SetClock) -> None:
    for _ in range(3):
        begin_attempt(store, EMAIL, None, 3)
    assert isinstance(begin_attempt(store, EMAIL, None, 3), Refused)
    clock.advance(timedelta(minutes=15))
    assert isinstance(begin_attempt(store, EMAIL, None, 3), Attempt)
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(SignInFailure)) == 4


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/settings/?a=b", "/settings/?a=b"),
        ("//evil.example/x", "/"),
        ("//[", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("settings", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_next_leads_to_this_site_only(app: Flask, wanted: str | None, leads_to: str) -> None:
    with app.test_request_context():
        assert safe_next(wanted) == leads_to


def test_next_is_held_to_this_site_at_the_sign_in(client, make_user) -> None:
    make_user(EMAIL)
    answer = client.send("/sign-in", email=EMAIL, password=PASSWORD, next="https://evil.example/")
    assert answer.location == "/"


def test_cookies_are_kept_from_scripts_and_other_sites(client) -> None:
    cookie = client.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_https_cookies_are_sent_over_https_only(desk: Desk, settings) -> None:
    public = settings.model_copy(update={"public_url": "https://listen.example"})
    app = create_app(Desk(desk.store, public, desk.policy))
    answer = app.test_client().get("/sign-in", base_url="https://listen.example")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_two_browsers_are_two_sessions(new_browser, client, agent, make_user) -> None:
    other = new_browser()
    assert other.get("/settings/").status_code == 302
    assert client.get("/settings/").status_code == 200
