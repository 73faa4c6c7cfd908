"""Approval at the pages: a junior asks, a colleague reads, approves or sends back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.answering import AnsweringShop, ScriptedX, bubble, page_of, send, submit, words_of
from support.browser import Browser, sign_in
from support.shop import connect_shop

from dashboard.context import Desk
from shenava.clock import SetClock
from shenava.store import OutboxState, Role, User


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
def junior(
    new_browser: Callable[[], Browser], desk: Desk, make_user: Callable[..., User]
) -> Browser:
    """Someone whose answers need approval, signed in."""
    user = make_user("junior@shop.example", name="<Kian>", approval_since=desk.store.clock.now())
    browser = new_browser()
    sign_in(browser, user.email)
    return browser


def test_a_juniors_button_asks_and_the_colleague_approves_what_stands_there(
    client: Browser, agent: User, junior: Browser, shop: AnsweringShop, platform: ScriptedX
) -> None:
    number = shop.bring()
    assert "Ask for approval" in page_of(junior, number)
    asked = send(junior, number, "we look into it").text
    told = words_of(bubble(asked, "o1"))
    assert "Waits for a colleague's approval. Nothing was sent yet." in told
    assert "Approve, and send" not in told
    shop.work()
    assert platform.accepted == []

    page = page_of(client, number)
    assert "Ask for approval" not in page
    done = submit(client, page, "/inbox/outbox/1/approve")
    assert "Approved. It is on its way." in done.text
    shop.work()
    assert platform.times_accepted("we look into it") == 1
    again = submit(client, page, "/inbox/outbox/1/approve")
    assert "It waited no longer" in again.text


def test_what_is_sent_back_stands_there_with_the_word_and_can_be_taken_up(
    client: Browser, agent: User, junior: Browser, shop: AnsweringShop
) -> None:
    number = shop.bring()
    send(junior, number, "wait your turn")
    back = submit(
        client, page_of(client, number), "/inbox/outbox/1/send-back", word="<kinder> please"
    )
    assert "Sent back. Nothing was sent to the customer." in back.text
    page = page_of(junior, number)
    told = bubble(page, "o1")
    assert "Omid sent it back." in words_of(told)
    assert "&lt;kinder&gt; please" in told
    edit = page_of(junior, number, "?draft=1")
    assert "wait your turn" in edit.split('id="answer-text"')[1]


def test_the_list_for_approval_is_there_while_something_waits(
    client: Browser, agent: User, junior: Browser, shop: AnsweringShop
) -> None:
    def tab(browser: Browser) -> str:
        page = browser.get("/inbox/").text
        return page.split('data-queue="approval"')[0].rsplit("<a", 1)[1] + words_of(
            page.split('data-count="approval">')[1].split("</a>")[0]
        )

    number = shop.bring()
    assert tab(client).startswith(" hidden")
    assert "approval in" not in client.get("/inbox/").text
    send(junior, number, "we look into it")
    for browser in (client, junior):
        assert "hidden" not in tab(browser)
        assert tab(browser).endswith("1")
        assert "An answer waits for approval in 1 case" in browser.get("/inbox/").text
        assert f'id="case-{number}"' in browser.get("/inbox/?queue=approval").text
    submit(client, page_of(client, number), "/inbox/outbox/1/approve")
    assert tab(client).startswith(" hidden")
    assert client.get("/inbox/?queue=approval").status_code == 200


def test_who_wrote_it_finds_no_button_and_presses_it_in_vain(
    client: Browser, agent: User, junior: Browser, shop: AnsweringShop
) -> None:
    number = shop.bring()
    send(junior, number, "we look into it")
    row = shop.rows()[0]
    refused = junior.send(f"/inbox/outbox/{row.id}/approve", body_hash=row.body_hash)
    assert "Somebody else has to approve what you wrote." in page_of(junior, number)
    assert refused.status_code == 302
    assert shop.rows()[0].state is OutboxState.AWAITING_APPROVAL


def test_admins_say_whose_answers_need_approval(
    client: Browser, admin: User, shop: AnsweringShop, make_user: Callable[..., User]
) -> None:
    kian = make_user("kian@shop.example", name="Kian")
    told = client.send(f"/settings/staff/{kian.id}/approval", asked="yes")
    page = client.get(told.headers["Location"]).text
    assert "What Kian answers waits for approval from now on." in page
    assert "answers need approval" in page
    refused = client.send(f"/settings/staff/{admin.id}/approval", asked="yes")
    assert "Make this person an agent first." in client.get(refused.headers["Location"]).text
    # An admin is somebody who may approve.
    client.send(f"/settings/staff/{kian.id}/role", role=Role.ADMIN.value)
    with shop.desk.store.read() as session:
        assert session.get_one(User, kian.id).approval_since is None
    for words in ("lets answers of", "wait for approval"):
        assert words in client.get("/settings/audit").text
