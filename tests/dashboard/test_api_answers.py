"""Answers through the API: into the outbox once, however often asked; what became of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from support.api import Api, new_token
from support.factories import incoming
from support.platform import ScriptedPlatform
from support.shop import connect_shop

from collectors.intake import take_in
from config import Settings
from dashboard.context import Desk
from responder.outbox import UNDO
from responder.policy import policy_of
from service.sending import run_due
from shenava.clock import SetClock
from shenava.messages import MessageKind
from shenava.store import OutboxRow, Role, Store, User


@pytest.fixture
def platform(clock: SetClock) -> ScriptedPlatform:
    return ScriptedPlatform(clock)


@pytest.fixture
def desk(store: Store, settings: Settings, platform: ScriptedPlatform) -> Desk:
    """A connected shop with two cases, one of them private, on both databases."""
    connect_shop(store)
    take_in(store, [incoming("1"), incoming("2", author="ali", kind=MessageKind.DM)])
    return Desk(store, settings, policy_of(settings), platform.rules)


@pytest.fixture
def mina(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("mina@shop.example", name="Mina", role=Role.ADMIN)


@pytest.fixture
def token(desk: Desk, mina: User) -> str:
    return new_token(desk.store, mina.id)


@pytest.fixture
def api(app: Flask, token: str) -> Api:
    return Api(app, token)


def body(text: str = "سلام", **more: object) -> dict[str, Any]:
    return {"text": text, "message_id": "1", **more}


def rows(desk: Desk) -> int:
    with desk.store.read() as session:
        return session.scalar(select(func.count()).select_from(OutboxRow)) or 0


def test_an_answer_is_queued_sent_and_told(
    api: Api, desk: Desk, platform: ScriptedPlatform, clock: SetClock
) -> None:
    queued = api.post("/cases/1/answers", body(), key="k")
    assert queued.status_code == 202
    assert queued.json is not None
    assert (queued.json["state"], queued.json["by"], queued.json["key"]) == (
        "queued",
        "token:1",
        "k",
    )
    place = queued.headers["Location"].removeprefix("/api/v1")
    assert api.get(place) == queued.json
    clock.advance(UNDO)
    run_due(desk.store, platform, desk.policy, chance=Random(1))
    sent = api.get(place)
    assert (sent["state"], sent["sent_at"]) == ("sent", "2026-01-03T06:30:10Z")
    assert platform.times_accepted("سلام") == 1
    # Asked again after it was sent, the same row answers.
    assert api.post("/cases/1/answers", body(), key="k").json == sent
    assert rows(desk) == 1
    assert api.get("/cases/1")["first_response_at"] == sent["sent_at"]


def test_the_same_key_with_another_body_is_refused(api: Api, desk: Desk) -> None:
    first = api.post("/cases/1/answers", body(), key="k").json
    assert first is not None
    refused = api.post("/cases/1/answers", body("دیگر"), key="k")
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["type"].endswith("#key-reused")
    assert refused.json["answer_id"] == first["id"]
    assert rows(desk) == 1


def test_asked_at_once_with_one_key_one_row_is_made(app: Flask, desk: Desk, token: str) -> None:
    def ask(_: int) -> tuple[int, str]:
        answer = Api(app, token).post("/cases/1/answers", body(), key="k")
        return answer.status_code, answer.json["id"] if answer.json else ""

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(ask, range(12)))
    assert len(answers) == 1
    assert {status for status, _ in answers} == {202}
    assert rows(desk) == 1


def test_without_a_key_nothing_is_sent(api: Api, desk: Desk) -> None:
    answer = api.post("/cases/1/answers", body())
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["type"].endswith("#key-missing")
    assert rows(desk) == 0


def test_an_answer_to_what_has_changed_is_stopped(
    api: Api, app: Flask, desk: Desk, mina: User
) -> None:
    seen = api.get("/cases/1")["seen"]
    take_in(desk.store, [incoming("3", minutes_ago=0)])
    wrote = api.post("/cases/1/answers", body(seen=seen), key="a")
    assert wrote.status_code == 409
    assert wrote.json is not None
    assert wrote.json["collision"] == "customer_wrote"
    seen = api.get("/cases/1")["seen"]
    other = Api(app, new_token(desk.store, mina.id))
    assert other.post("/cases/1/answers", body("من", seen=seen), key="b").status_code == 202
    colleague = api.post("/cases/1/answers", body(seen=seen), key="c")
    assert colleague.json is not None
    assert colleague.json["collision"] == "colleague"
    assert rows(desk) == 1


def test_what_is_not_allowed_is_a_row_with_its_reason_and_the_way_out(api: Api) -> None:
    refused = api.post("/cases/1/answers", body("x" * 281), key="k")
    assert refused.status_code == 202
    assert refused.json is not None
    assert (refused.json["state"], refused.json["reason"], refused.json["way_out"]) == (
        "refused",
        "too_long",
        "shorten",
    )


def test_an_answer_can_be_private_wait_and_need_approval(api: Api) -> None:
    told = api.post(
        "/cases/2/answers",
        {
            "text": "سلام",
            "message_id": "2",
            "private": True,
            "approval": True,
            "not_before": "2026-01-04T00:00:00Z",
            "expires_at": "2026-01-05T00:00:00Z",
        },
        key="k",
    ).json
    assert told is not None
    assert (told["deed"], told["state"]) == ("dm", "awaiting_approval")
    assert told["not_before"] == "2026-01-04T00:00:00Z"
    assert told["expires_at"] == "2026-01-05T00:00:00Z"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"message_id": "2"}, "#/message_id"),
        ({"message_id": "99"}, "#/message_id"),
        ({"message_id": 1}, "#/message_id"),
        ({"text": ""}, "#/text"),
        ({"text": "a\x00"}, "#/text"),
        ({"seen": "1"}, "#/seen"),
        ({"not_before": "soon"}, "#/not_before"),
        ({"picture": "x"}, "#/picture"),
    ],
)
def test_an_answer_that_cannot_be_is_not_written(
    api: Api, desk: Desk, wrong: dict[str, object], pointer: str
) -> None:
    answer = api.post("/cases/1/answers", {**body(), **wrong}, key="k")
    assert answer.status_code == 422
    assert answer.json is not None
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    assert rows(desk) == 0
    assert api.post("/cases/99/answers", body(), key="k").status_code == 404


def test_answers_are_listed_by_state_each_once(api: Api, desk: Desk) -> None:
    for number in range(7):
        api.post("/cases/1/answers", body(f"answer {number}"), key=f"k{number}")
    for number in range(3):
        api.post("/cases/1/answers", body("x" * 300), key=f"long{number}")
    queued = api.pages("/answers", state="queued", limit=2)
    assert [answer["text"] for answer in queued] == [f"answer {n}" for n in reversed(range(7))]
    assert len(api.pages("/answers", state="refused", limit=2)) == 3
    assert len(api.pages("/answers", case="1", limit=200)) == 10
    assert api.pages("/answers", state="sent") == []
    assert api.ask("GET", "/answers/99").status_code == 404


def test_what_waits_for_approval_is_approved_or_given_back_by_who_may(
    api: Api, app: Flask, desk: Desk, make_user: Callable[..., User], platform: ScriptedPlatform
) -> None:
    junior = make_user("kian@shop.example", name="Kian", approval_since=desk.store.clock.now())
    theirs = Api(app, new_token(desk.store, junior.id))
    one = theirs.post("/cases/1/answers", body("we look into it"), key="1").json
    assert one is not None and one["state"] == "awaiting_approval"
    refused = theirs.post(f"/answers/{one['id']}/approve", {"body_hash": one["body_hash"]})
    assert refused.status_code == 403
    assert refused.json is not None and refused.json["code"] == "may_not_approve"
    assert theirs.get("/cases", queue="approval")["items"] != []

    other = api.post(f"/answers/{one['id']}/approve", {"body_hash": "0" * 64}).json
    assert other is not None and other["changed"] is False
    done = api.post(f"/answers/{one['id']}/approve", {"body_hash": one["body_hash"]}).json
    assert done is not None and done["changed"] is True
    assert (done["answer"]["state"], done["answer"]["approved_by"]) == ("queued", "1")

    two = theirs.post("/cases/1/answers", body("bis"), key="2").json
    assert two is not None
    back = api.post(f"/answers/{two['id']}/return", {"word": "no"}).json
    assert back is not None
    told = back["answer"]
    assert (told["state"], told["reason"]) == ("cancelled", "returned")
    assert (told["returned_by"], told["returned_word"]) == ("1", "no")
    assert api.post("/answers/99/return", {"word": "no"}).status_code == 404
