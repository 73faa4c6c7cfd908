"""What an open page asks for: the feed, and the rows that moved."""

from __future__ import annotations

from support.browser import Browser
from support.factories import incoming

from collectors.intake import take_in
from dashboard.context import Desk
from responder import casework
from shenava.store import Case, User


def test_the_feed_tells_what_moved_and_how_full_the_queues_are(
    client: Browser, agent: User, desk: Desk
) -> None:
    start = client.background("/changes").get_json()
    assert (start["case_ids"], start["complete"]) == ([], True)
    take_in(desk.store, [incoming("1", author="a"), incoming("2", author="b")])
    moved = client.background(f"/changes?since={start['upto']}").get_json()
    assert len(moved["case_ids"]) == 2
    assert moved["counts"]["unassigned"] == {"number": 2, "more": False}
    again = client.background(f"/changes?since={moved['upto']}").get_json()
    assert (again["case_ids"], again["upto"]) == ([], moved["upto"])
    with desk.store.write() as session:
        casework.assign(session, agent.id, moved["case_ids"][:1], desk.store.clock.now(), agent.id)
    last = client.background(f"/changes?since={moved['upto']}").get_json()
    assert last["case_ids"] == moved["case_ids"][:1]
    assert last["counts"]["mine"]["number"] == 1


def test_rows_are_told_apart_as_shown_and_fresh(client: Browser, agent: User, desk: Desk) -> None:
    take_in(desk.store, [incoming(str(n), author=f"a{n}") for n in range(3)])
    with desk.store.read() as session:
        one, two, three = (case.id for case in session.query(Case).order_by(Case.id))
    with desk.store.write() as session:
        casework.close(session, agent.id, [three], desk.store.clock.now())
    told = client.background(
        f"/inbox/rows?queue=open&ids={one}.{two}.{three}&shown={one}"
    ).get_json()
    assert list(told["rows"]) == [str(one)]
    assert f'id="case-{one}"' in told["rows"][str(one)]
    assert told["fresh"] == [two]
    assert client.background("/inbox/rows?ids=x.y&shown=").get_json() == {"rows": {}, "fresh": []}


def test_what_belongs_on_a_later_page_is_not_new_on_the_first(
    client: Browser, agent: User, desk: Desk
) -> None:
    batch = [incoming(str(n), author=f"a{n}", minutes_ago=100 - n) for n in range(31)]
    take_in(desk.store, batch)
    page = client.get("/inbox/").text
    end = page.split('data-end="')[1].split('"')[0]
    assert end
    take_in(desk.store, [incoming("late", author="late", minutes_ago=1)])
    take_in(desk.store, [incoming("old", author="old", minutes_ago=500)])
    with desk.store.read() as session:
        ids = [case.id for case in session.query(Case).order_by(Case.id)]
    told = client.background(f"/inbox/rows?ids={ids[-2]}.{ids[-1]}&shown=&end={end}").get_json()
    assert told["fresh"] == [ids[-1]]
