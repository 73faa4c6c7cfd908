"""Promises of the page of broadcasts: from "payment is down" to told, without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from support.answering import ScriptedX, words_of
from support.api import Api, new_token
from support.broadcasting import AnnouncingShop, names
from support.browser import Browser, sign_in
from support.shop import connect_shop

from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from responder.broadcasts.progress import Outcome
from responder.outbox import UNDO
from shenava.clock import SetClock
from shenava.store import Broadcast, BroadcastState, Scope, User

MakeUser = Callable[..., User]


@pytest.fixture
def shop(desk: Desk, clock: SetClock) -> AnnouncingShop:
    platform = ScriptedX(clock)
    account = connect_shop(desk.store)
    return AnnouncingShop(desk.store, platform, desk.policy, account=account).open()


@pytest.fixture
def desk_(desk: Desk, shop: AnnouncingShop) -> Desk:
    return replace(desk, rules=shop.platform.rules)


@pytest.fixture
def app(desk_: Desk) -> Flask:
    app = create_app(desk_)
    app.test_client_class = Browser
    return app


def _form(page: str, action: str) -> dict[str, str | list[str]]:
    """What a browser sends of the form that goes to ``action`` when nothing is touched."""
    body = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.S)
    assert body, f"there is no form to {action}"
    found: dict[str, str | list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", body[1]):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="(\w+)"', tag)
        if name is None or (kind and kind[1] in ("checkbox", "radio") and " checked" not in tag):
            continue
        if name[1] in found and kind and kind[1] == "checkbox":
            before = found[name[1]]
            found[name[1]] = [*([before] if isinstance(before, str) else before), value[1]]  # type: ignore[index]
        else:
            found[name[1]] = value[1] if value else ""
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', body[1], re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else re.findall(r'value="([^"]*)"', options)[0]
    for name, text in re.findall(
        r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', body[1], re.S
    ):
        found[name] = text
    return found


def _write(client: Browser, **changes: object) -> str:
    """Press the first kind of outage, then "see the plan"; returns the address of the plan."""
    page = client.get("/broadcasts/new?kind=payment").text
    fields = {**_form(page, "/broadcasts/new"), "do": "plan", **changes}
    answer = client.post("/broadcasts/new", data=fields)
    assert answer.status_code == 302, words_of(answer.text)
    return answer.headers["Location"].partition("#")[0]


def test_from_payment_is_down_to_told_in_three_presses(
    agent: User, client: Browser, shop: AnnouncingShop
) -> None:
    shop.complain(names(3), text="پول late")
    assert "kind=payment" in client.get("/broadcasts/").text
    address = _write(client)
    page = client.get(address).text
    assert "به 4 گیرنده" in words_of(page) or "۴" in words_of(page) or "4" in words_of(page)
    number = int(address.rsplit("/", 1)[1])
    client.post(f"{address}/release", data=_form(page, f"{address}/release"))
    assert shop.row(number).state is BroadcastState.SCHEDULED
    shop.work()
    assert shop.row(number).state is BroadcastState.DONE
    assert shop.progress(number).of(Outcome.SENT) == 4
    assert client.get(address).status_code == 200
    ledger = client.get(f"{address}/ledger?outcome=sent").text
    assert ledger.count("<li>") >= 4


def test_the_feed_tells_that_a_broadcast_moved(
    agent: User, client: Browser, shop: AnnouncingShop, clock: SetClock
) -> None:
    def told() -> dict[str, str]:
        found: dict[str, str] = client.background("/changes").get_json()["broadcasts"]
        return found

    shop.complain(names(3), text="پول late")
    address = _write(client)
    number = address.rsplit("/", 1)[1]
    # A plan that waits for who reads it moves by nobody else's hand.
    assert told() == {}
    assert "data-live" not in client.get(address).text
    client.post(f"{address}/release", data=_form(client.get(address).text, f"{address}/release"))
    before = told()
    assert set(before) == {number}
    assert told() == before
    assert f'data-mark="{before[number]}"' in client.get(address).text
    clock.advance(UNDO)
    shop.tick()
    moved = told()
    assert moved[number] != before[number]
    page = client.get(address).text
    client.post(f"{address}/pause", data=_form(page, f"{address}/pause"))
    assert told()[number] != moved[number]
    client.post(f"{address}/go-on", data=_form(client.get(address).text, f"{address}/go-on"))
    shop.work()
    assert told() == {}
    assert "data-live" not in client.get(address).text


def test_what_was_released_can_be_taken_back(
    agent: User, client: Browser, shop: AnnouncingShop
) -> None:
    address = _write(client)
    page = client.get(address).text
    client.post(f"{address}/release", data=_form(page, f"{address}/release"))
    client.send(f"{address}/withdraw")
    shop.work(after=timedelta(hours=1))
    assert shop.accepted() == []


def test_a_plan_that_was_made_anew_is_not_sent_by_the_page_before(
    agent: User, client: Browser, shop: AnnouncingShop
) -> None:
    address = _write(client)
    old = _form(client.get(address).text, f"{address}/release")
    shop.complain(["another"], text="پول late")
    client.send(f"{address}/plan-anew")
    client.post(f"{address}/release", data=old)
    assert shop.row(int(address.rsplit("/", 1)[1])).state is BroadcastState.PLANNED


def test_words_that_are_still_to_be_filled_in_are_not_planned(
    agent: User, client: Browser, shop: AnnouncingShop
) -> None:
    page = client.get("/broadcasts/new?kind=other").text
    fields = {**_form(page, "/broadcasts/new"), "do": "plan"}
    answer = client.post("/broadcasts/new", data=fields)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_what_people_write_is_never_markup(
    agent: User, client: Browser, shop: AnnouncingShop
) -> None:
    shop.complain(["<b>x</b>"], text="پول <script>late</script>")
    address = _write(client, text_fa="<script>alert(1)</script> سلام", link="")
    for page in (address, f"{address}/edit", f"{address}/ledger", "/broadcasts/"):
        text = client.get(page).text
        assert "<script>alert(1)" not in text
        assert "<b>x</b>" not in text


def test_a_second_person_approves_where_the_shop_wants_it(
    desk_: Desk,
    make_user: MakeUser,
    shop: AnnouncingShop,
    tmp_path: object,
) -> None:
    settings = Settings(home=desk_.settings.home, broadcast_second_person=True)
    app = create_app(replace(desk_, settings=settings))
    app.test_client_class = Browser
    writer, second = app.test_client(), app.test_client()
    make_user("writer@shop.test")
    make_user("second@shop.test")
    sign_in(writer, "writer@shop.test")  # type: ignore[arg-type]
    sign_in(second, "second@shop.test")  # type: ignore[arg-type]
    address = _write(writer)  # type: ignore[arg-type]
    page = writer.get(address).text
    writer.post(f"{address}/release", data=_form(page, f"{address}/release"))
    number = int(address.rsplit("/", 1)[1])
    assert shop.row(number).state is BroadcastState.AWAITING_APPROVAL
    assert f"{address}/approve" not in writer.get(address).text
    page = second.get(address).text
    second.post(f"{address}/approve", data=_form(page, f"{address}/approve"))
    assert shop.row(number).state is BroadcastState.SCHEDULED


def test_a_program_announces_once_however_often_it_asks(
    app: Flask, desk_: Desk, admin: User, shop: AnnouncingShop
) -> None:
    shop.complain(names(2), text="پول late")
    api = Api(app, new_token(desk_.store, admin.id))
    body = {
        "text": {"en": "Payment is down."},
        "complaints_about": ["payment", "delivery_late"],
        "send": True,
    }
    first = api.post("/broadcasts", body, key="outage-1")
    assert first.status_code == 202, first.text
    assert first.json["state"] == "scheduled"
    assert (first.json["recipients"], first.json["people"]) == (3, 2)
    again = api.post("/broadcasts", body, key="outage-1")
    assert again.json["id"] == first.json["id"]
    assert (
        api.post("/broadcasts", {**body, "text": {"en": "No."}}, key="outage-1").status_code == 409
    )
    shop.work()
    told = api.get(f"/broadcasts/{first.json['id']}")
    assert (told["state"], told["progress"]["sent"]) == ("done", 3)
    assert [one["id"] for one in api.pages("/broadcasts")] == [first.json["id"]]
    with desk_.store.read() as session:
        assert session.query(Broadcast).count() == 1


def test_a_token_without_the_scope_announces_nothing(
    app: Flask, desk_: Desk, admin: User, shop: AnnouncingShop
) -> None:
    api = Api(app, new_token(desk_.store, admin.id, Scope.BROADCASTS_READ))
    answer = api.post("/broadcasts", {"text": {"en": "x"}}, key="k")
    assert answer.status_code == 403
