"""The page of duty, the switch, and what open pages are told of urgent cases."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from support.browser import Browser, sign_in
from support.ringing import add_spike, newest_alarm, set_duty, write

from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.duty.deeds import moved
from responder import alerts
from responder.policy import policy_of
from shenava.clock import SetClock
from shenava.store import Audit, Duty, MailState, Store, Switch, User
from shenava.store.duty import Alarm, Alert, AlertMail

PAGE = "/settings/duty"


def ring(desk: Desk) -> alerts.Tick:
    return alerts.tick(desk.store, alerts.rules_of(desk.settings), desk.policy.hours)


def duty_of(desk: Desk, user: User) -> Duty | None:
    with desk.store.read() as session:
        return session.get(Duty, user.id)


def deeds(desk: Desk) -> list[tuple[str, int | None, Any]]:
    with desk.store.read() as session:
        rows = session.scalars(select(Audit).order_by(Audit.id))
        return [(row.action, row.user_id, row.details.get("user_id")) for row in rows]


def test_the_switch_of_the_menu_puts_one_on_and_off_duty(client, agent, desk: Desk) -> None:
    assert "Go on duty" in client.get("/inbox/").text
    token = client.token("/inbox/")
    answer = client.post(
        "/settings/duty/switch",
        data={"on": "1", "csrf_token": token},
        headers={"Referer": "http://localhost/inbox/?queue=mine"},
    )
    assert answer.headers["Location"] == "/inbox/?queue=mine"
    assert "Go off duty" in client.get("/inbox/").text
    row = duty_of(desk, agent)
    assert row is not None and row.switched is Switch.ON
    client.send("/settings/duty/switch", on="0")
    row = duty_of(desk, agent)
    assert row is not None and row.switched is Switch.OFF
    assert deeds(desk)[-2:] == [
        ("went_on_duty", agent.id, None),
        ("went_off_duty", agent.id, None),
    ]


def test_the_page_says_who_is_on_duty_until_when_and_that_mail_is_off(
    client, agent, make_user, desk: Desk
) -> None:
    make_user("sara@shop.example", name="Sara")
    page = client.get(PAGE).text
    assert "Nobody is on duty now. Urgent cases call the admins." in page
    assert "No mail server is set up" in page
    client.send(f"/settings/duty/{agent.id}/hours", hours="sat-wed 09:00-17:00")
    page = client.get(PAGE).text
    assert "This stays so until 17:00." in page
    assert "Saturday to Wednesday, 9:00 to 17:00" in page
    assert "Nobody is on duty now" not in page


def test_with_a_mail_server_the_page_names_the_address(
    sqlite_store: Store, tmp_path, make_user
) -> None:
    settings = Settings(
        home=tmp_path / "home2", language="en", smtp_host="mail.shop.test", mail_from="a@shop.test"
    )
    app: Flask = create_app(Desk(sqlite_store, settings, policy_of(settings)))
    app.test_client_class = Browser
    user = make_user("omid@shop.example")
    browser = app.test_client()
    assert isinstance(browser, Browser)
    sign_in(browser, user.email)
    page = browser.get(PAGE).text
    assert "No mail server" not in page
    assert "omid@shop.example" in page.split("By e-mail")[1]


@pytest.mark.parametrize("wrong", ["someday", "sat 25:00-26:00", "<b>"])
def test_hours_that_cannot_be_read_are_said_and_kept_in_the_form(
    client, agent, desk: Desk, wrong: str
) -> None:
    answer = client.send(f"/settings/duty/{agent.id}/hours", hours=wrong)
    assert answer.status_code == 422
    assert "These hours cannot be read; nothing was changed" in answer.text
    assert "<b>" not in answer.text
    assert duty_of(desk, agent) is None


def test_agents_decide_about_themselves_alone(client, agent, make_user, desk: Desk) -> None:
    sara = make_user("sara@shop.example", name="Sara")
    page = client.get(PAGE).text
    assert f"/settings/duty/{sara.id}/hours" not in page
    assert "Take out" not in page
    for deed, fields in (
        ("hours", {"hours": "always"}),
        ("switch", {"on": "1"}),
        ("place", {"move": "in"}),
    ):
        assert client.send(f"/settings/duty/{sara.id}/{deed}", **fields).status_code == 403
    assert client.send(f"/settings/duty/{agent.id}/place", move="in").status_code == 403
    assert duty_of(desk, sara) is None


def test_admins_plan_for_others_and_set_the_order(client, admin, make_user, desk: Desk) -> None:
    sara = make_user("sara@shop.example", name="Sara")
    client.send(f"/settings/duty/{sara.id}/hours", hours="always")
    client.send(f"/settings/duty/{sara.id}/switch", on="0")
    for user in (sara, admin):
        client.send(f"/settings/duty/{user.id}/place", move="in")
    client.send(f"/settings/duty/{admin.id}/place", move="up")
    page = client.get(PAGE).text
    listed = page.split('class="duty-order"')[1].split("</ol>")[0]
    assert re.findall(r"<bdi>(\w+)</bdi>", listed) == ["Mina", "Sara"]
    assert ("duty_planned", admin.id, sara.id) in deeds(desk)
    assert ("put_off_duty", admin.id, sara.id) in deeds(desk)
    assert deeds(desk)[-1][0] == "escalation_changed"
    trail = client.get("/settings/audit").text
    assert "planned the duty hours of" in trail
    assert client.send("/settings/duty/999/place", move="in").status_code == 404


@pytest.mark.parametrize(
    ("user", "move", "after"),
    [
        (3, "up", [1, 3, 2]),
        (1, "up", [1, 2, 3]),
        (1, "down", [2, 1, 3]),
        (3, "down", [1, 2, 3]),
        (2, "out", [1, 3]),
        (4, "in", [1, 2, 3, 4]),
        (4, "up", [1, 2, 3]),
        (2, "nonsense", [1, 2, 3]),
    ],
)
def test_the_order_moves_one_step_at_a_time(user: int, move: str, after: list[int]) -> None:
    assert moved((1, 2, 3), user, move) == after


@pytest.mark.parametrize(
    ("language", "said"), [("fa", "سر کشیک نیستید"), ("ar", "لست في المناوبة")]
)
def test_the_page_is_in_the_readers_language(client, make_user, language: str, said: str) -> None:
    user = make_user("a@shop.example", language=language)
    sign_in(client, user.email)
    page = client.get(PAGE).text
    assert said in page
    assert 'dir="rtl"' in page


# What open pages are told.


def test_an_open_page_is_told_of_an_alert_once(client, agent, desk: Desk) -> None:
    set_duty(desk.store, agent.id, on=True)
    start = client.background("/alerts").get_json()
    assert start == {"upto": 0, "count": 0, "alerts": []}
    case = write(desk.store, desk.policy, author="ali")
    ring(desk)
    told = client.background("/alerts?since=0").get_json()
    (alert,) = told["alerts"]
    assert alert == {
        "id": told["upto"],
        "case_id": case,
        "title": "Urgent: urgent",
        "body": "ali",
        "url": f"/inbox/case/{case}",
    }
    again = client.background(f"/alerts?since={told['upto']}").get_json()
    assert (again["upto"], again["alerts"]) == (told["upto"], [])


def test_an_open_page_is_told_of_a_spike_until_this_person_opens_it(
    client, agent, desk: Desk, clock: SetClock
) -> None:
    set_duty(desk.store, agent.id, on=True)
    spike = add_spike(desk.store, policy=desk.policy, people=7)
    ring(desk)
    told = client.background("/alerts?since=0").get_json()
    assert told["alerts"] == [
        {
            "id": told["upto"],
            "spike_id": spike,
            "people": 7,
            "title": "7 people complain of: payment",
            "body": "",
            "url": f"/spikes/{spike}",
        }
    ]
    page = client.get(PAGE).text
    assert f'href="/spikes/{spike}"' in page and "still rings" in page
    clock.advance(timedelta(minutes=5))
    assert client.get(f"/spikes/{spike}").status_code == 200
    with desk.store.read() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert alarm.opened_by == agent.id
    assert alarm.escalate_at == clock.now() + timedelta(
        minutes=desk.settings.alert_escalate_minutes
    )
    assert client.background("/alerts?since=0").get_json()["count"] == 0
    client.send(f"/spikes/{spike}/dismiss")
    ring(desk)
    page = client.get(PAGE).text
    assert "still rings" not in page and "closed" in page


def test_the_reason_is_said_where_it_is_not_duty(client, admin, desk: Desk) -> None:
    write(desk.store, desk.policy, author="ali")
    ring(desk)
    (alert,) = client.background("/alerts").get_json()["alerts"]
    assert alert["body"] == "ali · Nobody is on duty, and you are an admin."


def test_others_are_told_nothing(client, agent, make_user, new_browser, desk: Desk) -> None:
    set_duty(desk.store, agent.id, on=True)
    sara = make_user("sara@shop.example")
    other = new_browser()
    sign_in(other, sara.email)
    write(desk.store, desk.policy)
    ring(desk)
    assert other.background("/alerts").get_json()["count"] == 0
    assert client.background("/alerts").get_json()["count"] == 1
    assert new_browser().background("/alerts").status_code == 401


def test_what_ended_or_was_opened_or_is_old_is_not_told(
    client, agent, desk: Desk, clock: SetClock
) -> None:
    set_duty(desk.store, agent.id, on=True)
    case = write(desk.store, desk.policy)
    ring(desk)
    assert client.background("/alerts").get_json()["count"] == 1
    assert client.get(f"/inbox/case/{case}").status_code == 200
    assert client.background("/alerts").get_json()["count"] == 0
    other = write(desk.store, desk.policy, "2", author="other")
    ring(desk)
    assert client.background("/alerts").get_json()["count"] == 1
    client.send(f"/inbox/case/{other}/close")
    ring(desk)
    assert client.background("/alerts").get_json()["count"] == 0
    write(desk.store, desk.policy, "3", author="third")
    ring(desk)
    clock.advance(timedelta(hours=25))
    sign_in(client, agent.email)
    assert client.background("/alerts").get_json()["count"] == 0


def test_opening_a_case_puts_the_next_call_off(
    client, agent, make_user, desk: Desk, clock: SetClock
) -> None:
    set_duty(desk.store, agent.id, on=True)
    case = write(desk.store, desk.policy)
    ring(desk)
    clock.advance(timedelta(minutes=4))
    client.get(f"/inbox/case/{case}")
    alarm = newest_alarm(desk.store, case)
    assert (alarm.opened_by, alarm.opened_at) == (agent.id, clock.now())
    assert alarm.escalate_at == clock.now() + timedelta(minutes=10)
    assert client.get("/inbox/case/999").status_code == 404


def test_many_alerts_are_counted_and_the_newest_told(client, agent, desk: Desk) -> None:
    set_duty(desk.store, agent.id, on=True)
    for n in range(55):
        write(desk.store, desk.policy, str(n), author=f"a{n}")
    ring(desk)
    told = client.background("/alerts").get_json()
    assert (told["count"], len(told["alerts"])) == (55, 50)
    assert told["alerts"][-1]["id"] == told["upto"]


def test_the_page_lists_what_rang_whom_it_called_and_what_came_of_the_mail(
    client, agent, make_user, desk: Desk, clock: SetClock
) -> None:
    set_duty(desk.store, agent.id, on=True)
    case = write(desk.store, desk.policy, author="<i>ali</i>")
    ring(desk)
    now = clock.now()
    with desk.store.write() as session:
        mail = AlertMail(
            user_id=agent.id, state=MailState.UNKNOWN, message_id="<1@x>", made_at=now,
            not_before=now, sending_at=now, reason="no_answer",
        )  # fmt: skip
        session.add(mail)
        session.flush()
        session.scalars(select(Alert)).one().mail_id = mail.id
    page = client.get(PAGE).text
    assert f'href="/inbox/case/{case}"' in page
    assert "still rings" in page
    assert "e-mail: not known whether it arrived" in page
    assert "the mail server did not say whether it took it" in page
    assert "<i>ali" not in page
    client.send(f"/inbox/case/{case}/assign", to="me")
    ring(desk)
    assert "still rings" not in client.get(PAGE).text


def test_every_page_of_who_is_signed_in_listens(
    client, agent, new_browser: Callable[[], Browser]
) -> None:
    for address in ("/inbox/", PAGE, "/settings/", "/nothing"):
        page = client.get(address).text
        assert 'data-alerts="/alerts"' in page
        assert not re.search(r"\sstyle=", page)
    assert "data-alerts" not in new_browser().get("/sign-in").text
