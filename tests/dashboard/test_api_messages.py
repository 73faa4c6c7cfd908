"""Messages and accounts through the API: found, read page by page, corrected."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from support.api import Api, new_token
from support.factories import incoming, many
from support.judges import WordJudge
from support.shop import connect_shop

from collectors.intake import take_in
from config import Settings
from dashboard.context import Desk
from responder.policy import policy_of
from service.pipeline import Pipeline
from shenava.store import Account, Correction, Message, Role, Store, User


@pytest.fixture
def desk(store: Store, settings: Settings, judge: WordJudge) -> Desk:
    """Thirty judged messages of a connected shop, on both databases."""
    desk = Desk(store, settings, policy_of(settings))
    connect_shop(store)
    take_in(store, many(30))
    Pipeline(store, judge, desk.policy).run_until_idle()
    return desk


@pytest.fixture
def mina(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("mina@shop.example", name="Mina", role=Role.ADMIN)


@pytest.fixture
def api(app: Flask, desk: Desk, mina: User) -> Api:
    return Api(app, new_token(desk.store, mina.id))


def ids(items: list[dict[str, object]]) -> list[int]:
    return [int(str(item["id"])) for item in items]


def all_ids(desk: Desk) -> list[int]:
    with desk.store.read() as session:
        return list(session.scalars(select(Message.id).order_by(Message.id)))


def test_messages_are_read_either_way_and_none_twice(api: Api, desk: Desk) -> None:
    assert ids(api.pages("/messages", limit=7)) == all_ids(desk)[::-1]
    assert ids(api.pages("/messages", limit=7, order="oldest")) == all_ids(desk)


def test_who_asks_since_the_last_one_misses_none(api: Api, desk: Desk) -> None:
    found: list[int] = []
    for round_ in range(4):
        since = {"since": str(found[-1])} if found else {}
        found += ids(api.pages("/messages", order="oldest", limit=4, **since))
        take_in(desk.store, many(5, first=100 * (round_ + 1)))
    assert found == all_ids(desk)[:-5]
    assert len(api.get("/messages", since=str(found[-1]))["items"]) == 5


def test_newest_first_is_complete_while_new_ones_come(api: Api, desk: Desk) -> None:
    before = all_ids(desk)
    page = api.get("/messages", limit=8)
    found = ids(page["items"])
    while page["next"] is not None:
        take_in(desk.store, many(2, first=1_000 + 10 * len(found)))
        page = api.get("/messages", limit=8, cursor=page["next"])
        found += ids(page["items"])
    assert found == before[::-1]


@pytest.mark.parametrize(
    ("words", "number"), [("پرداخ", 0), ("سفارش", 5), ("سفارش كم", 5), ("?!", 0), (" ", 30)]
)
def test_a_search_finds_words_as_people_type_them(api: Api, words: str, number: int) -> None:
    for order in ("newest", "oldest"):
        assert len(api.pages("/messages", q=words, limit=2, order=order)) == number


def test_a_search_stays_within_a_case(api: Api) -> None:
    case = api.get("/cases")["items"][0]["id"]
    found = api.pages("/messages", q="order", case=case)
    assert {message["case_id"] for message in found} <= {case}


def test_a_message_comes_with_its_verdict_and_the_models_word(api: Api) -> None:
    message = api.get("/messages/1")
    assert message == api.get("/messages", order="oldest", limit=1)["items"][0]
    verdict = message["verdict"]
    assert verdict["complaint"] == verdict["model"]["complaint"]["value"]
    assert message["received_at"].endswith("Z")
    assert api.ask("GET", "/messages/999").status_code == 404


def test_a_message_that_waits_for_its_verdict_has_none(api: Api, desk: Desk) -> None:
    take_in(desk.store, [incoming("new")])
    assert api.get("/messages", limit=1)["items"][0]["verdict"] is None


def test_a_correction_stands_over_the_model_and_is_taken_back(api: Api, desk: Desk) -> None:
    before = api.get("/messages/1")["verdict"]
    told = api.post(
        "/messages/1/correction",
        {"urgent": not before["urgent"], "intents": ["refund", "praise", "refund"]},
    ).json
    assert told is not None
    verdict = told["verdict"]
    assert verdict["corrected"] is True
    assert verdict["urgent"] is not before["urgent"]
    assert verdict["intents"] == ["refund", "praise"]
    assert verdict["sentiment"] == before["sentiment"]
    assert verdict["model"] == before["model"]
    partly = api.post("/messages/1/correction", {"urgent": None}).json
    assert partly is not None
    assert partly["verdict"]["urgent"] is before["urgent"]
    assert partly["verdict"]["intents"] == ["refund", "praise"]
    back = api.post("/messages/1/correction", {"intents": None}).json
    assert back is not None
    assert back["verdict"] == before


def test_a_correction_that_says_nothing_new_writes_nothing(api: Api, desk: Desk) -> None:
    for _ in range(2):
        api.post("/messages/1/correction", {"complaint": False})
    api.post("/messages/2/correction")
    with desk.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Correction)) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"sentiment": "glad"}, "#/sentiment"),
        ({"complaint": "yes"}, "#/complaint"),
        ({"intents": ["refund", "x"]}, "#/intents/1"),
        ({"mood": "negative"}, "#/mood"),
    ],
)
def test_a_wrong_field_is_pointed_at(api: Api, body: object, pointer: str) -> None:
    answer = api.post("/messages/1/correction", body)
    assert answer.status_code == 422
    assert answer.json is not None
    assert pointer in {fault["pointer"] for fault in answer.json["errors"]}


def test_a_link_that_is_no_web_address_is_not_passed_on(api: Api, desk: Desk) -> None:
    links = ["javascript:alert(1)", "https://x.com/s/1"]
    take_in(desk.store, [incoming(link, permalink=link, minutes_ago=0) for link in links])
    found = api.get("/messages", limit=2)["items"]
    assert [message["permalink"] for message in found] == ["https://x.com/s/1", None]


def test_accounts_are_told_without_their_secrets(api: Api, desk: Desk) -> None:
    with desk.store.write() as session:
        session.scalars(select(Account)).one().credentials = b"a secret"
    [account] = api.get("/accounts")["items"]
    assert (account["handle"], account["state"]) == ("digikala", "connected")
    assert "secret" not in str(account)
    assert "credentials" not in account
