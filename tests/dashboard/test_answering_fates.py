"""What became of an answer: each state on the screen, and what a person can do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.answering import (
    AnsweringShop,
    ScriptedX,
    bubble,
    form_fields,
    page_of,
    send,
    submit,
    words_of,
)
from support.browser import Browser, sign_in
from support.platform import Fate
from support.shop import connect_shop

from dashboard.context import Desk
from responder.answered import take_own
from responder.dispatch import claim_due
from responder.outbox import UNDO
from shenava.channels import OwnMessage
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.store import Account, AccountState, OutboxState, PausedBecause, User


@pytest.fixture
def platform(clock: SetClock) -> ScriptedX:
    return ScriptedX(clock)


@pytest.fixture
def desk(desk: Desk, platform: ScriptedX) -> Desk:
    return replace(desk, rules=platform.rules)


@pytest.fixture
def shop(desk: Desk, platform: ScriptedX, clock: SetClock) -> AnsweringShop:
    return AnsweringShop(desk, platform, clock, connect_shop(desk.store))


@pytest.fixture
def number(shop: AnsweringShop) -> int:
    return shop.bring()


def shown(client: Browser, number: int, row: int = 1) -> str:
    return words_of(bubble(page_of(client, number), f"o{row}"))


def test_an_answer_can_be_taken_back_for_ten_seconds(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    page = send(client, number, "too hasty").text
    assert "Leaves in 10 seconds" in words_of(bubble(page, "o1"))
    shop.clock.advance(timedelta(seconds=4))
    # A reload forgets nothing.
    page = page_of(client, number)
    assert "Leaves in 6 seconds" in words_of(bubble(page, "o1"))
    back = submit(client, page, "/inbox/outbox/1/cancel")
    assert "Taken back before it left" in words_of(bubble(back.text, "o1"))
    assert form_fields(back.text, f"/inbox/case/{number}/answer")["text"] == "too hasty"
    shop.work()
    assert platform.accepted == []


def test_after_ten_seconds_it_is_too_late(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    page = send(client, number, "hello").text
    shop.work()
    late = submit(client, page, "/inbox/outbox/1/cancel")
    assert "Too late to take it back" in late.text
    assert shop.rows()[0].state is OutboxState.SENT


def test_a_patient_one_can_be_sent_at_once(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    page = send(client, number, "hello").text
    submit(client, page, "/inbox/outbox/1/send-now")
    shop.work(after=timedelta(0))
    assert platform.times_accepted("hello") == 1


def test_while_it_is_being_sent_it_says_so(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    send(client, number, "hello")
    shop.clock.advance(UNDO)
    claim_due(shop.desk.store, "worker")
    assert "Being sent to X" in shown(client, number)


def test_what_was_sent_shows_where_it_stands(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    send(client, number, "hello")
    shop.work()
    page = page_of(client, number)
    assert "Sent 10:00" in shown(client, number)
    assert 'href="https://x.test/sent-0"' in bubble(page, "o1")
    # It stands after the message that it answers.
    assert page.index('id="m1"') < page.index('id="o1"')


def test_an_answer_written_in_the_platforms_app_stands_in_the_thread(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    own = OwnMessage("77", Deed.ANSWER, "<i>by phone</i>", shop.clock.now(), reply_to_key="1")
    with shop.desk.store.write() as session:
        take_own(session, shop.account, [own], shop.clock.now(), shop.desk.policy)
    page = page_of(client, number)
    assert "<i>by" not in page
    assert "@digikala" in words_of(bubble(page, "w1"))
    assert "Written on X itself" in words_of(bubble(page, "w1"))


def test_an_echo_and_its_row_are_one(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    send(client, number, "hello")
    shop.work()
    with shop.desk.store.write() as session:
        take_own(session, shop.account, platform.echoes(), shop.clock.now(), shop.desk.policy)
    assert len(re.findall(r'class="bubble own', page_of(client, number))) == 1


@pytest.mark.parametrize(
    ("fate", "state", "told"),
    [
        (Fate.REJECTED, OutboxState.REFUSED, "X does not allow it"),
        (Fate.PAYMENT, OutboxState.FAILED, "X wants money"),
        (Fate.UNAUTHORISED, OutboxState.FAILED, "did not accept the account's key"),
    ],
)
def test_what_was_not_sent_says_why_and_can_be_edited(
    client: Browser,
    agent: User,
    shop: AnsweringShop,
    number: int,
    fate: Fate,
    state: OutboxState,
    told: str,
) -> None:
    send(client, number, "hello")
    shop.work(fate)
    assert shop.rows()[0].state is state
    assert "Not sent." in shown(client, number)
    assert told in shown(client, number)
    assert "Edit, then send anew" in shown(client, number)


def test_what_failed_is_tried_again_once(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    send(client, number, "hello")
    shop.work(Fate.PAYMENT)
    with shop.desk.store.write() as session:
        account = session.get_one(Account, shop.account)
        assert account.paused_because is PausedBecause.PAYMENT
        account.state, account.paused_because = AccountState.CONNECTED, None
    page = page_of(client, number)
    for _ in range(2):
        submit(client, page, "/inbox/outbox/1/retry")
    assert [row.retry_of_id for row in shop.rows()] == [None, 1]
    assert "It was tried again; see below." in shown(client, number)
    assert "Try again" not in shown(client, number)
    shop.work()
    assert platform.times_accepted("hello") == 1
    told = client.post(
        "/inbox/outbox/2/retry",
        data={"csrf_token": client.token()},
        follow_redirects=True,
    )
    assert "Only what failed or was refused can be tried again" in told.text


def test_what_could_not_be_reached_says_when_it_tries_again(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    send(client, number, "hello")
    shop.work(Fate.UNREACHABLE)
    said = shown(client, number)
    assert "X could not be reached. Nothing was sent. It tries again by itself at 10:00." in said
    assert "Take it back" in said


def in_doubt(client: Browser, shop: AnsweringShop, number: int, platform: ScriptedX) -> str:
    platform.visible = False
    send(client, number, "hello")
    shop.work(Fate.LOST_ANSWER)
    return page_of(client, number)


def test_an_unknown_outcome_shows_what_is_known(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    said = words_of(bubble(in_doubt(client, shop, number, platform), "o1"))
    assert "Nobody knows yet whether it was sent." in said
    assert "It left, and X never said whether it took it." in said
    assert "It left at 10:00." in said
    assert "Shenava looked on X 1 time and could not tell." in said
    assert "It looks again at 10:00" in said
    assert "/neda/status/1" in bubble(page_of(client, number), "o1")
    for _ in range(8):
        shop.work(after=timedelta(hours=1))
    assert "It looks no more: please look yourself" in shown(client, number)


def test_a_person_settles_that_it_was_sent(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    page = in_doubt(client, shop, number, platform)
    wrong = submit(client, page, "/inbox/outbox/1/settle", sent="yes", permalink="somewhere")
    assert "That is no web address" in wrong.text
    link = "https://x.com/digikala/status/123"
    done = submit(client, page, "/inbox/outbox/1/settle", sent="yes", permalink=link)
    assert "Settled: it was sent." in done.text
    row = shop.rows()[0]
    assert (row.state, row.native_key, row.permalink) == (OutboxState.SENT, "123", link)
    again = submit(client, page, "/inbox/outbox/1/settle", sent="no")
    assert "It was settled already" in again.text
    assert shop.rows()[0].state is OutboxState.SENT


def test_a_person_settles_that_it_was_not_sent_and_tries_again(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    page = in_doubt(client, shop, number, platform)
    done = submit(client, page, "/inbox/outbox/1/settle", sent="no")
    assert "A colleague looked on X and did not find it." in words_of(bubble(done.text, "o1"))
    submit(client, done.text, "/inbox/outbox/1/retry")
    assert len(shop.rows()) == 2


@pytest.mark.parametrize(
    ("when", "hours"), [("1h", timedelta(hours=1)), ("tomorrow", timedelta(hours=23))]
)
def test_an_answer_can_leave_later_and_be_taken_back_until_then(
    client: Browser,
    agent: User,
    shop: AnsweringShop,
    number: int,
    platform: ScriptedX,
    when: str,
    hours: timedelta,
) -> None:
    now = shop.clock.now()
    send(client, number, "hello", when=when)
    assert shop.rows()[0].not_before == now + hours
    assert "Leaves " in shown(client, number)
    shop.work(after=hours - timedelta(seconds=1))
    assert platform.accepted == []
    sign_in(client, agent.email)
    submit(client, page_of(client, number), "/inbox/outbox/1/cancel")
    shop.work(after=hours)
    assert platform.accepted == []


def test_any_other_time_can_be_chosen_in_the_shops_own_clock(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    later = {"when": "custom", "at_day": "2026-01-03", "at_time": "۱۸:۳۰"}
    send(client, number, "hello", **later)
    # 18:30 in Tehran.
    assert shop.rows()[0].not_before.strftime("%d %H:%M") == "03 15:00"
    for wrong in ({"at_time": "09:00"}, {"at_time": "soon"}, {"at_day": "2027-01-01"}):
        answer = send(client, number, "not lost", **{**later, **wrong})
        assert answer.status_code == 422
        assert "Choose a time that is still to come" in answer.text
        assert form_fields(answer.text, f"/inbox/case/{number}/answer")["text"] == "not lost"
    assert len(shop.rows()) == 1


def test_a_customer_who_writes_before_it_leaves_holds_it_back(
    client: Browser, agent: User, shop: AnsweringShop, number: int, platform: ScriptedX
) -> None:
    send(client, number, "hello", when="1h")
    shop.bring("2", "I found it", minutes_ago=0)
    shop.work(after=timedelta(hours=1))
    assert platform.accepted == []
    assert "The customer wrote again before it left." in shown(client, number)


def test_each_step_is_told_to_open_screens(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    def upto() -> int:
        return int(client.background("/changes").get_json()["upto"])

    def moved(since: int) -> bool:
        return number in client.background(f"/changes?since={since}").get_json()["case_ids"]

    before = upto()
    send(client, number, "hello")
    assert moved(before)
    before = upto()
    shop.work()
    assert moved(before)


def test_the_trail_names_every_deed(
    client: Browser, agent: User, shop: AnsweringShop, number: int
) -> None:
    page = send(client, number, "hello").text
    page = submit(client, page, "/inbox/outbox/1/cancel").text
    history = words_of(page[page.index('id="history"') :])
    assert "Omid took an answer back" in history
    assert "Omid answered" in history
    assert "outbox_" not in history


def test_a_draft_is_taken_up_only_where_it_belongs(
    client: Browser, agent: User, shop: AnsweringShop, number: int, make_user: Callable[..., User]
) -> None:
    other = shop.bring("9", author="ali", name="Ali")
    page = send(client, number, "for Neda").text
    address = f"/inbox/case/{number}/answer"
    assert form_fields(page_of(client, number, "?draft=1"), address)["text"] == ""
    submit(client, page, "/inbox/outbox/1/cancel")
    assert form_fields(page_of(client, number, "?draft=1"), address)["text"] == "for Neda"
    elsewhere = form_fields(page_of(client, other, "?draft=1"), f"/inbox/case/{other}/answer")
    assert elsewhere["text"] == ""
    assert form_fields(page_of(client, number, "?draft=x"), address)["text"] == ""
