"""Cases through the API: lists that lose nothing, deeds that are done once, notes, changes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from support.api import Api, new_token
from support.factories import SHOP_TELEGRAM, START, incoming, many
from support.judges import WordJudge

from collectors.intake import take_in
from config import Settings
from dashboard.api.cases import KEYS_KEPT
from dashboard.context import Desk
from dashboard.inbox import queries
from dashboard.inbox.wanted import read
from responder import casework
from responder.policy import policy_of
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import MessageKind
from shenava.store import ApiNoteKey, Audit, Case, Note, Role, Scope, Store, User, UserState


@pytest.fixture
def desk(store: Store, settings: Settings, judge: WordJudge) -> Desk:
    """Twenty customers with an open case each, on both databases; one wrote in private."""
    desk = Desk(store, settings, policy_of(settings))
    take_in(store, many(30, authors=20))
    private = incoming("t1", author="tg", account=SHOP_TELEGRAM, kind=MessageKind.DM)
    take_in(store, [private, *many(3, authors=3, first=100, historic=True)])
    Pipeline(store, judge, desk.policy).run_until_idle()
    return desk


@pytest.fixture
def mina(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("mina@shop.example", name="Mina", role=Role.ADMIN)


@pytest.fixture
def api(app: Flask, desk: Desk, mina: User) -> Api:
    return Api(app, new_token(desk.store, mina.id))


def write(desk: Desk, case_id: str, key: str = "more") -> None:
    """The customer of a case writes again."""
    with desk.store.read() as session:
        handle = session.get_one(Case, int(case_id)).identity.handle
    take_in(desk.store, [incoming(key, author=handle or "", minutes_ago=0)])


def ids(items: list[dict[str, object]]) -> list[str]:
    return [str(item["id"]) for item in items]


# Lists.

FILTERS = [
    {},
    {"queue": "urgent"},
    {"queue": "unassigned"},
    {"queue": "closed"},
    {"language": "fa"},
    {"complaint": "yes"},
    {"complaint": "unsure", "platform": "x"},
    {"intent": "payment"},
    {"platform": "telegram"},
    {"account": "2"},
    {"q": "سفارش"},
    {"q": "order", "language": "en"},
]


@pytest.mark.parametrize("order", ["number", "rank"])
def test_lists_hold_what_the_inbox_holds_each_once(api: Api, desk: Desk, order: str) -> None:
    for filters in FILTERS:
        with desk.store.read() as session:
            page = queries.page(session, read(filters), 0, None, 1_000)
        found = ids(api.pages("/cases", **filters, order=order, limit=3))
        expected = [str(hit.case_id) for hit in page.hits]
        assert len(found) == len(set(found))
        assert sorted(found) == sorted(expected), filters
        if order == "rank":
            assert found == expected, filters


def test_a_list_by_number_is_complete_while_its_rows_move(api: Api, desk: Desk, mina: User) -> None:
    before = ids(api.pages("/cases", limit=200))
    moves = count()
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/cases", limit=4, **cursor)
        found += ids(page["items"])
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        # What was read goes to the end of the queue, what was not jumps to its top.
        with desk.store.write() as session:
            for case_id in before:
                rank = next(moves) * (1 if case_id in found else -1)
                session.execute(update(Case).where(Case.id == int(case_id)).values(rank=rank))
        take_in(desk.store, [incoming(f"late{next(moves)}", author=f"late{len(found)}")])
    assert len(found) == len(set(found))
    assert set(before) <= set(found)


def test_a_case_tells_what_the_inbox_shows(api: Api, mina: User) -> None:
    case = api.get("/cases", platform="telegram")["items"][0]
    assert case["account"] == {"id": "2", "platform": "telegram", "handle": SHOP_TELEGRAM.handle}
    assert case["customer"]["handle"] == "tg"
    assert (case["state"], case["assignee"], case["judged"]) == ("open", None, True)
    assert case["opened_at"] == "2026-01-03T06:20:00Z"
    whole = api.get(f"/cases/{case['id']}")
    [message] = whole["messages"]
    assert message["kind"] == "dm"
    assert message["verdict"]["corrected"] is False
    assert message["verdict"]["model"]["name"]
    assert (whole["messages_left_out"], whole["notes"], whole["notes_left_out"]) == (0, [], 0)


def test_a_long_case_comes_with_its_newest_messages(api: Api, desk: Desk) -> None:
    take_in(desk.store, [incoming(f"l{n}", author="long", minutes_ago=300 - n) for n in range(203)])
    case = api.get("/cases", q="سفارش")["items"][0]
    whole = api.get(f"/cases/{case['id']}")
    assert (len(whole["messages"]), whole["messages_left_out"]) == (200, 3)
    rest = api.pages("/messages", case=case["id"], limit=100)
    assert len(rest) == 203
    assert [message["id"] for message in whole["messages"]] == ids(rest)[:200][::-1]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"queue": "mine"}, "queue"),
        ({"assignee": "me"}, "assignee"),
        ({"cursor": "x"}, "cursor"),
        ({"colour": "red"}, "colour"),
        ({"account": "0"}, "account"),
        ({"q": "x" * 201}, "q"),
    ],
)
def test_a_wrong_parameter_is_named(api: Api, query: dict[str, str], parameter: str) -> None:
    answer = api.ask("GET", "/cases", query_string=query)
    assert answer.status_code == 422
    assert answer.json is not None
    assert {fault["parameter"] for fault in answer.json["errors"]} == {parameter}


def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    cursor = api.get("/cases", limit=2)["next"]
    for other in ({"order": "rank"}, {"language": "fa"}):
        answer = api.ask("GET", "/cases", query_string={"cursor": cursor, **other})
        assert answer.status_code == 422
    assert api.ask("GET", "/cases?limit=1&limit=2").status_code == 422


# Deeds.


def test_a_case_is_given_and_taken_with_care(
    api: Api, mina: User, make_user: Callable[..., User]
) -> None:
    omid = make_user("omid@shop.example", name="Omid")
    first = api.post("/cases/1/assign", {"to": str(omid.id), "expected": None})
    assert first.json is not None
    assert first.json["changed"] is True
    assert first.json["case"]["assignee"] == {"id": str(omid.id), "name": "Omid"}
    again = api.post("/cases/1/assign", {"to": str(omid.id)})
    assert again.json is not None
    assert again.json["changed"] is False
    taken = api.post("/cases/1/assign", {"to": str(mina.id), "expected": None})
    assert taken.status_code == 409
    assert taken.json is not None
    assert taken.json["type"].endswith("#taken")
    assert api.get("/cases/1")["assignee"]["name"] == "Omid"
    nobody = api.post("/cases/1/assign", {"to": None})
    assert nobody.json is not None
    assert nobody.json["case"]["assignee"] is None
    stranger = api.post("/cases/1/assign", {"to": "999"})
    assert stranger.status_code == 422
    assert stranger.json is not None
    assert stranger.json["errors"][0]["pointer"] == "#/to"


def test_a_case_is_closed_unless_the_customer_wrote_meanwhile(api: Api, desk: Desk) -> None:
    seen = api.get("/cases/1")["seen"]
    write(desk, "1")
    late = api.post("/cases/1/close", {"seen": seen})
    assert late.status_code == 409
    assert late.json is not None
    assert late.json["type"].endswith("#customer-wrote")
    done = api.post("/cases/1/close", {"seen": api.get("/cases/1")["seen"]})
    assert done.json is not None
    assert (done.json["changed"], done.json["case"]["state"]) == (True, "closed")
    again = api.post("/cases/1/close")
    assert again.json is not None
    assert again.json["changed"] is False


def test_a_case_is_snoozed_until_an_instant_of_any_zone(api: Api, desk: Desk) -> None:
    done = api.post("/cases/1/snooze", {"until": "2026-01-04T10:00:00+03:30"})
    assert done.json is not None
    assert done.json["case"]["snoozed_until"] == "2026-01-04T06:30:00Z"
    assert done.json["case"]["state"] == "snoozed"
    for wrong in ("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2026-01-04", 5,
                  "2026-01-04T10:00:00", "0001-01-01T00:00:00+12:00"):  # fmt: skip
        answer = api.post("/cases/2/snooze", {"until": wrong})
        assert answer.status_code == 422, wrong
        assert answer.json is not None
        assert answer.json["errors"][0]["pointer"] == "#/until"


def test_a_closed_case_is_opened_again_once(api: Api, desk: Desk) -> None:
    api.post("/cases/1/close")
    first = api.post("/cases/1/reopen").json
    assert first is not None
    assert first["changed"] is True
    assert first["case"]["reopened_from_id"] == "1"
    again = api.post("/cases/1/reopen").json
    assert again == {"changed": False, "case": first["case"]}
    whole = api.get(f"/cases/{first['case']['id']}")
    assert {message["case_id"] for message in whole["messages"]} == {"1"}
    still = api.post(f"/cases/{first['case']['id']}/reopen").json
    assert still is not None
    assert still["changed"] is False


@pytest.mark.parametrize("deed", ["assign", "close", "snooze", "reopen", "notes"])
def test_there_is_nothing_to_do_to_a_case_that_is_not_there(api: Api, deed: str) -> None:
    bodies = {"assign": {"to": None}, "snooze": {"until": "2026-01-04T00:00:00Z"}}
    body = bodies.get(deed, {"text": "x"} if deed == "notes" else {})
    for case_id in ("999", "9" * 18, "9" * 30, "0", "-1", "x", "%00", "1.0"):
        answer = api.post(f"/cases/{case_id}/{deed}", body, key="k")
        assert answer.status_code == 404, case_id


# Notes.


def notes(desk: Desk) -> list[Note]:
    with desk.store.read() as session:
        return list(session.scalars(select(Note).order_by(Note.id)))


def test_a_note_is_written_once_for_a_key(api: Api, desk: Desk, mina: User) -> None:
    first = api.post("/cases/1/notes", {"text": " زنگ بزنید \n"}, key="k1")
    again = api.post("/cases/1/notes", {"text": " زنگ بزنید \n"}, key="k1")
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert [note.text for note in notes(desk)] == ["زنگ بزنید"]
    assert api.get("/cases/1")["notes"] == [first.json]
    for address, text in (("/cases/1/notes", "another"), ("/cases/2/notes", " زنگ بزنید \n")):
        answer = api.post(address, {"text": text}, key="k1")
        assert answer.status_code == 409
    assert len(notes(desk)) == 1


def test_keys_of_two_tokens_are_two(api: Api, app: Flask, desk: Desk, mina: User) -> None:
    other = Api(app, new_token(desk.store, mina.id))
    for one in (api, other):
        assert one.post("/cases/1/notes", {"text": "x"}, key="k").status_code == 201
    assert len(notes(desk)) == 2


def test_asked_at_once_with_one_key_one_note_is_written(app: Flask, desk: Desk, mina: User) -> None:
    token = new_token(desk.store, mina.id)

    def ask(number: int) -> tuple[int, str]:
        answer = Api(app, token).post("/cases/1/notes", {"text": "once"}, key="k")
        return answer.status_code, answer.text

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(ask, range(12)))
    assert len(answers) == 1
    assert len(notes(desk)) == 1


def test_one_key_for_two_cases_at_once_writes_one_note(app: Flask, desk: Desk, mina: User) -> None:
    token = new_token(desk.store, mina.id)

    def ask(case_id: int) -> int:
        return Api(app, token).post(f"/cases/{case_id}/notes", {"text": "x"}, key="k").status_code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(1, 7)))
    assert sorted(answers) == [201, *[409] * 5]
    with desk.store.read() as session:
        lines = session.scalar(select(func.count()).where(Audit.action == "case_noted"))
    assert (len(notes(desk)), lines) == (1, 1)


@pytest.mark.parametrize("key", [None, "", "x" * 101, "a b", "é"])
def test_a_note_needs_a_key_that_can_be_kept(api: Api, desk: Desk, key: str | None) -> None:
    answer = api.post("/cases/1/notes", {"text": "x"}, key=key)
    assert answer.status_code == (400 if key is None else 422)
    assert notes(desk) == []


@pytest.mark.parametrize("text", ["", "  \n", "x" * 5_001, "a\x00b", 7, None])
def test_a_note_that_cannot_be_is_not_written(api: Api, desk: Desk, text: object) -> None:
    answer = api.post("/cases/1/notes", {"text": text}, key="k")
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["errors"][0]["pointer"] == "#/text"
    assert notes(desk) == []


def test_keys_are_forgotten_after_a_week(api: Api, desk: Desk, clock: SetClock) -> None:
    api.post("/cases/1/notes", {"text": "x"}, key="old")
    clock.advance(KEYS_KEPT + timedelta(seconds=1))
    api.post("/cases/1/notes", {"text": "x"}, key="new")
    with desk.store.read() as session:
        assert session.scalars(select(ApiNoteKey.key)).all() == ["new"]


# Changes.


def test_the_feed_tells_every_case_that_moved(api: Api, desk: Desk, mina: User) -> None:
    start = api.get("/changes")
    assert (start["case_ids"], start["complete"]) == ([], True)
    api.post("/cases/3/close")
    with desk.store.write() as session:
        casework.assign(session, mina.id, [4], START, mina.id)
    moved = api.get("/changes", since=start["upto"])
    assert (moved["case_ids"], moved["complete"]) == (["3", "4"], True)
    assert api.get("/changes", since=moved["upto"])["case_ids"] == []
    assert api.get("/changes", since="9" * 18)["complete"] is False


def test_a_token_that_may_only_write_shows_no_lists(app: Flask, desk: Desk, mina: User) -> None:
    writer = Api(app, new_token(desk.store, mina.id, Scope.CASES_WRITE))
    assert writer.post("/cases/1/close").status_code == 200
    assert writer.ask("GET", "/cases").status_code == 403


def test_a_case_of_a_disabled_colleague_still_says_whose_it_was(
    api: Api, desk: Desk, make_user: Callable[..., User]
) -> None:
    omid = make_user("omid@shop.example", name="Omid")
    api.post("/cases/1/assign", {"to": str(omid.id)})
    with desk.store.write() as session:
        session.execute(update(User).where(User.id == omid.id).values(state=UserState.DISABLED))
    assert api.get("/cases/1")["assignee"]["name"] == "Omid"
    assert api.post("/cases/2/assign", {"to": str(omid.id)}).status_code == 422
