"""Reports through the API: the numbers of the page, and exactly the rows that each counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from support.api import Api, new_token
from support.factories import SHOP_TELEGRAM
from support.reporting import CountedShop, any_day

from config import Settings
from config.settings import ReportTo
from dashboard.context import Desk
from dashboard.reports.files import json_of
from reports.book import settled
from reports.issuing import Rules, issue_due
from reports.making import make_report
from responder.policy import policy_of
from shenava.clock import SetClock
from shenava.store import Fact, FactKind, Role, Scope, Store, User

WEEK = "2026-01-03"
RULES = Rules(hour=8, to=ReportTo.NOBODY, mail_domain=None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", language="en")  # type: ignore[arg-type]


@pytest.fixture
def desk(store: Store, settings: Settings) -> Desk:
    return Desk(store, settings, policy_of(settings))


@pytest.fixture
def shop(desk: Desk, clock: SetClock) -> CountedShop:
    """Two weeks of everything that can happen; it is the Tuesday after. In the second week a notice
    went out in the middle of an outage."""
    shop = CountedShop(desk.store, desk.settings, clock)
    any_day(shop, 1, "2025-12-27")
    any_day(shop, 2, WEEK)
    for number in range(9):
        shop.writes(f"2026-01-07 19:0{number}", f"out{number}", "complaint", account=SHOP_TELEGRAM)
    _tells_everyone(shop, "2026-01-07 19:05")
    shop.now_is("2026-01-13 10:00")
    return shop


@pytest.fixture
def mina(make_user: Callable[..., User]) -> User:
    return make_user("mina@shop.example", name="Mina", role=Role.ADMIN)


@pytest.fixture
def api(app: Flask, desk: Desk, mina: User) -> Api:
    return Api(app, new_token(desk.store, mina.id))


def _tells_everyone(shop: CountedShop, wall: str) -> None:
    """A broadcast began to leave, as its fact says it."""
    at = shop.instant(wall)
    with shop.store.write() as session:
        session.execute(
            insert(Fact).values(
                kind=FactKind.BROADCAST_STARTED,
                happened_at=at,
                recorded_at=shop.clock.now(),
                details={"broadcast": 7, "stage": "investigating"},
            )
        )


def said(api: Api, **asked: object) -> dict[str, Any]:
    answer: dict[str, Any] = api.get("/reports", week=WEEK, **asked)
    return answer


def test_the_report_says_what_its_file_says(api: Api, shop: CountedShop) -> None:
    report = make_report(shop.store, shop.policy.hours, shop.week(WEEK))
    told = said(api, as_of=report.as_of.isoformat())
    assert told == json.loads(json_of(report))
    assert api.get("/reports", week="2026-01-07")["week"] == WEEK, "any day of it will do"
    assert api.get("/reports")["week"] == WEEK, "the last that is over"


def test_every_number_has_exactly_the_rows_that_it_counts(api: Api, shop: CountedShop) -> None:
    told = said(api)
    numbers = [one for one in told["figures"] if one["value"]]
    assert len(numbers) > 40
    for one in numbers:
        asked = {"figure": one["figure"], "segment": one["segment"], "as_of": told["as_of"]}
        rows = api.pages("/reports/rows", week=WEEK, limit=40, **asked)
        assert len(rows) == one["value"], one
    answers = api.pages("/reports/rows", week=WEEK, figure="first_answers", as_of=told["as_of"])
    assert {one["kind"] for one in answers} == {"case"}
    (counted,) = (one for one in told["times"] if one["figure"] == "first_answers")
    times = sorted(one["open_s"] for one in answers)
    assert times[(len(times) - 1) // 2] == counted["median_open_s"]


def test_complaints_are_counted_up_to_the_second_in_which_a_notice_began(
    api: Api, shop: CountedShop
) -> None:
    """In an outage the quarter of an hour in which the notice left holds most of them, before it
    and after it."""
    at = shop.instant("2026-01-07 19:05")
    before, after = _since(at - timedelta(hours=3), at), _since(at, at + timedelta(hours=3))
    told = said(api)
    (notice,) = told["broadcasts"]
    assert datetime.fromisoformat(notice["began_at"]) == at
    counted = (notice["complaints_3h_before"], notice["complaints_3h_after"])
    asked: dict[str, Any] = {"week": WEEK, "figure": "complaints", "as_of": told["as_of"]}
    rows = [api.pages("/reports/rows", **asked, segment=one) for one in (before, after)]
    assert tuple(map(len, rows)) == counted
    assert all(datetime.fromisoformat(one["happened_at"]) < at for one in rows[0])
    assert all(datetime.fromisoformat(one["happened_at"]) >= at for one in rows[1])
    outage = at - timedelta(minutes=5)
    during = _since(outage, outage + timedelta(minutes=9))
    assert len(api.pages("/reports/rows", **asked, segment=during)) == 9
    assert (counted[0] >= 5, counted[1] >= 4) == (True, True)


def _since(begin: datetime, end: datetime) -> str:
    return f"since:{int(begin.timestamp())}-{int(end.timestamp())}"


def test_the_same_instant_is_answered_alike_whatever_comes_in_later(
    api: Api, shop: CountedShop
) -> None:
    at = settled(shop.store, shop.policy.hours).isoformat()
    before = said(api, as_of=at)
    shop.writes("2026-01-05 12:00", "late", "complaint", known_at="2026-01-13 11:00")
    assert said(api, as_of=at) == before
    assert said(api)["figures"][0]["value"] == before["figures"][0]["value"] + 1


def test_what_was_reported_is_told_as_it_was_reported(api: Api, shop: CountedShop) -> None:
    assert issue_due(shop.store, shop.policy.hours, RULES) is not None
    before = said(api)
    shop.writes("2026-01-09 12:00", "late", "complaint", known_at="2026-01-14 10:00")
    assert said(api) == before
    now = shop.clock.now().isoformat()
    assert said(api, as_of=now)["figures"][0]["value"] == before["figures"][0]["value"] + 1


def test_of_the_running_week_rows_are_told_up_to_where_it_was_counted(
    api: Api, shop: CountedShop
) -> None:
    shop.writes("2026-01-12 10:00", "now", "complaint")
    shop.now_is("2026-01-13 10:00")
    told = api.get("/reports", week="2026-01-10")
    assert not told["finished"]
    rows = api.pages(
        "/reports/rows",
        week="2026-01-03",
        figure="messages",
        until=_a_week_earlier(told["counted_until"]),
        as_of=told["as_of"],
    )
    assert len(rows) == told["figures"][0]["before"]


def _a_week_earlier(instant: str) -> str:
    return (datetime.fromisoformat(instant) - timedelta(days=7)).isoformat()


@pytest.mark.parametrize(
    ("path", "asked", "parameter"),
    [
        ("/reports", {"week": "soon"}, "week"),
        ("/reports", {"week": "2026-03-07"}, "week"),
        ("/reports/rows", {"figure": "fame"}, "figure"),
        ("/reports/rows", {"figure": "messages", "segment": "mood:glad"}, "figure"),
        ("/reports/rows", {"figure": "messages", "segment": "day:7"}, "segment"),
        ("/reports/rows", {"figure": "messages", "segment": "since:1-99999999999"}, "segment"),
        ("/reports/rows", {"figure": "messages", "cursor": "1; DROP"}, "cursor"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_where(
    api: Api, path: str, asked: dict[str, str], parameter: str
) -> None:
    answer = api.ask("GET", path, query_string=asked)
    assert answer.status_code == 422, answer.text
    assert answer.json is not None
    assert [one["parameter"] for one in answer.json["errors"]] == [parameter]


def test_a_token_for_something_else_reads_no_report(app: Flask, desk: Desk, mina: User) -> None:
    other = Api(app, new_token(desk.store, mina.id, Scope.CASES_READ, name="other"))
    for path in ("/reports", "/reports/rows?figure=messages"):
        assert other.ask("GET", path).status_code == 403
