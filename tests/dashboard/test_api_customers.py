"""Customers in the JSON API: read, marked, noted, merged and split, each by its scope."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from support.api import Api, new_token
from support.factories import SHOP_TELEGRAM, incoming
from support.judges import WordJudge

from collectors.intake import take_in
from config import Settings
from dashboard.context import Desk
from responder.policy import policy_of
from service.pipeline import Pipeline
from shenava.messages import Author
from shenava.store import (
    Audit,
    Case,
    CustomerNote,
    Identity,
    Role,
    Scope,
    Store,
    User,
)


@pytest.fixture
def desk(store: Store, settings: Settings) -> Desk:
    desk = Desk(store, settings, policy_of(settings))
    neda_too = Author("t1", "nedar", "Neda")
    take_in(
        store,
        [
            incoming("1", "order 55512, complaint", author=Author("x1", "neda_r", "ندا رضایی")),
            incoming("2", "order 55512", author=neda_too, account=SHOP_TELEGRAM),
            incoming("3", "hello", author=Author("x2", "omid", "Omid")),
        ],
    )
    Pipeline(store, WordJudge(), desk.policy).run_until_idle()
    return desk


@pytest.fixture
def mina(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("mina@shop.example", name="Mina", role=Role.ADMIN)


@pytest.fixture
def api(app: Flask, desk: Desk, mina: User) -> Api:
    return Api(app, new_token(desk.store, mina.id))


@pytest.fixture
def ids(desk: Desk) -> dict[str, str]:
    with desk.store.read() as session:
        return {row.key: str(row.id) for row in session.scalars(select(Identity))}


def test_customers_are_listed_page_by_page(api: Api, ids: dict[str, str]) -> None:
    assert {one["id"] for one in api.pages("/customers", limit=1)} == set(ids.values())
    (found,) = api.pages("/customers", q="رضایی")
    assert (found["name"], found["open_cases"]) == ("ندا رضایی", 1)
    assert api.pages("/customers", show="vip") == []


def test_a_customer_is_marked_and_noted_once(
    api: Api, ids: dict[str, str], desk: Desk, mina: User
) -> None:
    one = f"/customers/{ids['id:x1']}"
    marked = api.post(f"{one}/mark", {"vip": True})
    assert marked.json is not None and marked.json["vip"] is True
    with desk.store.read() as session:
        case = session.scalars(select(Case).where(Case.identity_id == int(ids["id:x1"]))).one()
        assert "vip" in [reason["code"] for reason in case.reasons]
    first = api.post(f"{one}/notes", {"text": "likes blue"}, key="k1")
    again = api.post(f"{one}/notes", {"text": "likes blue"}, key="k1")
    assert first.status_code == again.status_code == 201 and first.json == again.json
    other = api.post(f"{one}/notes", {"text": "likes red"}, key="k1")
    assert other.status_code == 409 and "key-reused" in other.json["type"]  # type: ignore[index]
    with desk.store.read() as session:
        assert session.scalar(select(func.count()).select_from(CustomerNote)) == 1
        line = session.scalars(select(Audit).where(Audit.action == "customer_noted")).one()
        assert line.user_id == mina.id and line.details["through"].startswith("token:")
    assert [note["text"] for note in api.get(one)["notes"]] == ["likes blue"]


def test_two_are_merged_and_split(api: Api, ids: dict[str, str]) -> None:
    mine, theirs = ids["id:x1"], ids["id:t1"]
    (maybe,) = api.get(f"/customers/{mine}")["maybe"]
    assert maybe["identities"][0]["id"] == theirs and "order" in maybe["evidence"]
    stale = api.post(
        f"/customers/{mine}/merge", {"other": theirs, "identities": [mine, theirs, ids["id:x2"]]}
    )
    assert stale.status_code == 409 and "people-changed" in stale.json["type"]  # type: ignore[index]
    done = api.post(f"/customers/{mine}/merge", {"other": theirs, "identities": [theirs, mine]})
    assert done.status_code == 200 and done.json is not None
    assert {one["id"] for one in done.json["customer"]["identities"]} == {mine, theirs}
    assert "order" in done.json["customer"]["merges"][0]["evidence"]
    assert api.get(f"/customers/{theirs}")["messages"] == 2
    again = api.post(f"/customers/{theirs}/merge", {"other": mine})
    assert again.status_code == 409 and "same-already" in again.json["type"]  # type: ignore[index]
    number = done.json["merge_id"]
    wrong = api.post(f"/customers/{ids['id:x2']}/split", {"merge": number})
    assert wrong.status_code == 409
    split = api.post(f"/customers/{theirs}/split", {"merge": number})
    assert split.json is not None and [one["id"] for one in split.json["identities"]] == [theirs]
    twice = api.post(f"/customers/{theirs}/split", {"merge": number})
    assert twice.status_code == 409 and "split-already" in twice.json["type"]  # type: ignore[index]


def test_each_deed_asks_for_its_scope(
    app: Flask, desk: Desk, mina: User, ids: dict[str, str]
) -> None:
    one = f"/customers/{ids['id:x1']}"
    reader = Api(app, new_token(desk.store, mina.id, Scope.CUSTOMERS_READ))
    assert reader.get(one)["id"] == ids["id:x1"]
    assert reader.post(f"{one}/mark", {"vip": True}).status_code == 403
    assert reader.post(f"{one}/notes", {"text": "x"}, key="k").status_code == 403
    stranger = Api(app, new_token(desk.store, mina.id, Scope.CASES_READ))
    assert stranger.ask("GET", one).status_code == 403
    assert stranger.ask("GET", "/customers").status_code == 403


def test_who_is_not_there_is_not_found(api: Api, ids: dict[str, str]) -> None:
    assert api.ask("GET", "/customers/999").status_code == 404
    assert api.post("/customers/999/mark", {"vip": True}).status_code == 404
    answer = api.post(f"/customers/{ids['id:x1']}/merge", {"other": "999"})
    assert answer.status_code == 422
