"""Writing an answer: what is said before, what stops it, and that nothing typed is ever lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from support.answering import (
    AnsweringShop,
    ScriptedX,
    form_fields,
    page_of,
    send,
    submit,
    words_of,
)
from support.browser import Browser, sign_in
from support.platform import per_account
from support.shop import connect_shop

from dashboard.app import create_app
from dashboard.context import Desk
from responder import people
from responder.answered import take_own
from responder.collision import seen
from shenava.channels import OwnMessage
from shenava.clock import SetClock
from shenava.messages import Deed, MessageKind
from shenava.store import (
    Account,
    AccountState,
    App,
    Case,
    Identity,
    OutboxState,
    PausedBecause,
    User,
    changes,
)

HOSTILE = "</textarea><script>alert(1)</script> \u202e{order}"


@pytest.fixture
def platform(clock: SetClock) -> ScriptedX:
    return ScriptedX(clock)


@pytest.fixture
def desk(desk: Desk, platform: ScriptedX) -> Desk:
    return replace(desk, rules=platform.rules)


@pytest.fixture
def shop(desk: Desk, platform: ScriptedX, clock: SetClock) -> AnsweringShop:
    return AnsweringShop(desk, platform, clock, connect_shop(desk.store))


def composer_of(page: str) -> str:
    found = re.search(r'<section class="composer.*?</section>', page, re.S)
    assert found, "there is no composer"
    return found[0]


def test_it_says_as_whom_to_whom_and_before_whom(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    public = words_of(composer_of(page_of(client, shop.bring())))
    assert "You answer Neda in public on X as @digikala" in public
    assert "280 characters left" in public
    assert "costs 1 US cent" in public
    assert "Answer in public" in public
    private = shop.bring("2", author="ali", name="Ali", kind=MessageKind.DM)
    said = words_of(composer_of(page_of(client, private)))
    assert "You write to Ali in private on X as @digikala" in said
    assert "10,000 characters left" in said
    assert "costs 1.5 US cents" in said
    assert "in public" not in said


def test_whoever_wrote_in_private_before_can_be_answered_either_way(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    shop.bring("1", kind=MessageKind.DM, minutes_ago=60)
    number = shop.bring("2")
    page = page_of(client, number)
    assert form_fields(page, f"/inbox/case/{number}/answer")["deed"] == "answer"
    submit(client, page, f"/inbox/case/{number}/answer", text="psst", deed="dm")
    assert shop.rows()[0].deed is Deed.DM
    assert shop.rows()[0].to_native_id == "id-neda"


def weigh(client: Browser, number: int, text: str) -> dict[str, dict[str, str]]:
    token = client.token(f"/inbox/case/{number}")
    answer = client.post(f"/inbox/case/{number}/weigh", data={"text": text, "csrf_token": token})
    return answer.get_json()  # type: ignore[no-any-return]


def test_a_link_is_said_to_be_dear_at_once(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    plain = words_of(weigh(client, number, "hello")["facts"]["answer"])
    assert plain == "275 characters left costs 1 US cent"
    linked = words_of(weigh(client, number, "see shop.ir")["facts"]["answer"])
    assert linked == "253 characters left The link makes it 20 times dearer: 20 US cents"
    long = words_of(weigh(client, number, "x" * 281)["facts"]["answer"])
    assert "1 character too long" in long


def test_a_pace_that_is_nearly_used_up_is_told(
    client: Browser, agent: User, shop: AnsweringShop, platform: ScriptedX
) -> None:
    platform.limits = (per_account(2, timedelta(minutes=15)),)
    number = shop.bring()
    assert "takes" not in words_of(composer_of(page_of(client, number)))
    for key in ("a", "b"):
        shop.answer_of(agent.id, number, key, key=key)
        shop.work()
    assert "X takes no more for now: it leaves by itself at" in words_of(
        composer_of(page_of(client, number))
    )


def test_an_answer_leaves_once_however_often_it_is_sent(
    client: Browser, agent: User, shop: AnsweringShop, platform: ScriptedX
) -> None:
    number = shop.bring()
    page = page_of(client, number)
    for _ in range(3):
        answer = submit(client, page, f"/inbox/case/{number}/answer", text="On its way", when="now")
        assert answer.status_code == 200
    assert len(shop.rows()) == 1
    shop.work()
    assert platform.times_accepted("On its way") == 1
    fresh = form_fields(page_of(client, number), f"/inbox/case/{number}/answer")
    assert fresh["key"] != form_fields(page, f"/inbox/case/{number}/answer")["key"]
    assert fresh["text"] == ""


def test_the_same_press_with_other_words_is_shown_what_was_sent(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    page = page_of(client, number)
    address = f"/inbox/case/{number}/answer"
    submit(client, page, address, text="first words")
    answer = submit(client, page, address, text="second words")
    assert answer.status_code == 409
    told = words_of(composer_of(answer.text))
    assert "This was sent once already, with these words: first words" in told
    assert form_fields(answer.text, address)["text"] == "second words"
    assert len(shop.rows()) == 1
    # Pressed again, knowingly, it is another answer.
    submit(client, answer.text, address)
    assert [row.text for row in shop.rows()] == ["first words", "second words"]


def test_the_second_of_two_is_stopped_and_shown_the_first_answer(
    client: Browser, agent: User, shop: AnsweringShop, make_user: Callable[..., User]
) -> None:
    sara = make_user(name="Sara")
    number = shop.bring()
    page = page_of(client, number)
    shop.answer_of(sara.id, number, "<b>Sara was here</b>")
    address = f"/inbox/case/{number}/answer"
    stopped = submit(client, page, address, text="mine")
    assert stopped.status_code == 409
    assert "<b>Sara" not in stopped.text
    told = words_of(composer_of(stopped.text))
    assert "Sara answered first. Yours was not sent. <b>Sara was here</b>" in told
    assert "Send mine in public too" in told
    assert form_fields(stopped.text, address)["text"] == "mine"
    assert len(shop.rows()) == 1
    submit(client, stopped.text, address)
    assert [row.text for row in shop.rows()] == ["<b>Sara was here</b>", "mine"]


def test_a_customer_who_wrote_meanwhile_is_read_first(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    page = page_of(client, number)
    shop.bring("2", "never mind, it arrived", minutes_ago=0)
    stopped = submit(client, page, f"/inbox/case/{number}/answer", text="mine")
    told = words_of(composer_of(stopped.text))
    assert "The customer wrote again." in told
    assert "never mind, it arrived" in told
    assert shop.rows() == []


def test_an_answer_in_the_platforms_own_app_stops_it_too(
    client: Browser, agent: User, shop: AnsweringShop, clock: SetClock
) -> None:
    number = shop.bring()
    page = page_of(client, number)
    own = OwnMessage("77", Deed.ANSWER, "by phone", clock.now(), reply_to_key="1")
    with shop.desk.store.write() as session:
        take_own(session, shop.account, [own], clock.now(), shop.desk.policy)
    stopped = submit(client, page, f"/inbox/case/{number}/answer", text="mine")
    assert "Somebody answered on X itself" in words_of(composer_of(stopped.text))
    assert "by phone" in composer_of(stopped.text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  ", "Write something first."),
        ("x" * 281, "It is too long for X."),
        ("order {order} is on its way", "Fill in what is still open first."),
    ],
)
def test_what_cannot_leave_is_shown_again_as_it_was_typed(
    client: Browser, agent: User, shop: AnsweringShop, text: str, told: str
) -> None:
    number = shop.bring()
    answer = send(client, number, text)
    assert answer.status_code == 422
    assert told in words_of(composer_of(answer.text))
    assert form_fields(answer.text, f"/inbox/case/{number}/answer")["text"] == text
    assert shop.rows() == []


def test_what_was_typed_never_becomes_markup(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring(name="<script>alert(2)</script>")
    answer = send(client, number, HOSTILE)
    assert "<script>alert" not in answer.text
    assert form_fields(answer.text, f"/inbox/case/{number}/answer")["text"] == HOSTILE
    sent = send(client, number, HOSTILE.replace("{order}", ""))
    assert "<script>alert" not in sent.text
    assert "alert(1)" in sent.text


def test_a_page_that_was_answered_with_can_be_loaded_again(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    for name in ("answer", "by-hand"):
        answer = client.get(f"/inbox/case/{number}/{name}")
        assert answer.headers["Location"] == f"/inbox/case/{number}"


def test_someone_whom_x_does_not_let_us_answer_leads_to_x(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring("55", author="joe", name="Joe", summoned=False)
    page = page_of(client, number)
    told = words_of(composer_of(page))
    assert "X lets programs answer only those who named or quoted you" in told
    assert 'href="https://x.com/joe/status/55"' in composer_of(page)
    assert f'action="/inbox/case/{number}/answer"' not in page
    address = f"/inbox/case/{number}/by-hand"
    wrong = submit(client, page, address, text="told him", permalink="javascript:alert(1)")
    assert wrong.status_code == 422
    assert form_fields(wrong.text, address)["text"] == "told him"
    link = "https://x.com/digikala/status/990"
    done = submit(client, wrong.text, address, permalink=link)
    assert "Recorded." in done.text
    assert "Given by hand on X" in words_of(done.text)
    row = shop.rows()[0]
    assert (row.by_hand, row.native_key, row.permalink, row.state) == (
        True,
        "990",
        link,
        OutboxState.SENT,
    )
    with shop.desk.store.read() as session:
        assert session.get_one(Case, number).answered_at is not None
    # Pressed twice, it is recorded once.
    submit(client, wrong.text, address, permalink=link)
    assert len(shop.rows()) == 1


def test_a_blocked_customer_can_be_unblocked_on_the_spot(
    client: Browser, agent: User, shop: AnsweringShop, clock: SetClock
) -> None:
    number = shop.bring()
    with shop.desk.store.write() as session:
        people.block(session, agent.id, number, clock.now(), shop.desk.policy)
    page = page_of(client, number)
    assert "You have blocked this customer." in words_of(composer_of(page))
    submit(client, page, f"/inbox/case/{number}/block", on="0")
    assert "You answer Neda in public" in words_of(composer_of(page_of(client, number)))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("token", "The account is not connected to X now."),
        ("paused", "The account is not connected to X now."),
        ("money", "The budget of this month for X is used up."),
        ("opted_out", "asked to hear nothing more from you"),
    ],
)
def test_what_stands_in_the_way_is_said_in_words(
    client: Browser, agent: User, shop: AnsweringShop, clock: SetClock, spoil: str, told: str
) -> None:
    number = shop.bring()
    with shop.desk.store.write() as session:
        account = session.get_one(Account, shop.account)
        if spoil == "token":
            account.state = AccountState.UNAUTHORISED
        elif spoil == "paused":
            account.state, account.paused_because = AccountState.PAUSED, PausedBecause.PERSON
        elif spoil == "money":
            session.get_one(App, account.app_id).money_limit_micros = 0
        else:
            case = session.get_one(Case, number)
            session.get_one(Identity, case.identity_id).opted_out_at = clock.now()
    assert told in words_of(composer_of(page_of(client, number)))


def test_a_link_that_the_budget_does_not_allow_leaves_the_words_where_they_are(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    with shop.desk.store.write() as session:
        account = session.get_one(Account, shop.account)
        session.get_one(App, account.app_id).money_limit_micros = 50_000
    assert "budget" not in words_of(composer_of(page_of(client, number)))
    assert "budget" in words_of(weigh(client, number, "see shop.ir")["facts"]["answer"])
    answer = send(client, number, "see shop.ir")
    assert "Not sent. The budget of this month for X is used up." in words_of(answer.text)
    again = re.search(r'href="([^"]+\?draft=\d+)#composer"', answer.text)
    assert again
    page = client.get(again[1]).text
    assert form_fields(page, f"/inbox/case/{number}/answer")["text"] == "see shop.ir"


def test_an_account_known_from_files_only_has_no_composer(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    with shop.desk.store.write() as session:
        session.get_one(Account, shop.account).state = AccountState.IMPORTED
    page = page_of(client, number)
    assert 'id="composer"' not in page
    assert 'id="answer-hint"' in page


def test_colleagues_are_seen_and_vanish_by_themselves(
    client: Browser,
    agent: User,
    shop: AnsweringShop,
    new_browser: Callable[[], Browser],
    make_user: Callable[..., User],
    clock: SetClock,
) -> None:
    number = shop.bring()
    other = new_browser()
    sign_in(other, make_user(name="<Sara>").email)

    def here(browser: Browser, **fields: str) -> dict[str, str]:
        token = browser.token(f"/inbox/case/{number}")
        data = {"csrf_token": token, **fields}
        return browser.post(f"/inbox/case/{number}/here", data=data).get_json()  # type: ignore[no-any-return]

    here(other, kind="viewing")
    assert words_of(here(client)["others"]) == "<Sara> is looking at this too"
    here(other, kind="writing")
    assert words_of(here(client)["others"]) == "<Sara> is writing an answer"
    assert "is writing an answer" in words_of(composer_of(page_of(client, number)))
    clock.advance(timedelta(seconds=26))
    assert here(client)["others"].strip() == ""
    here(other, kind="viewing")
    other.send(f"/inbox/case/{number}/gone")
    assert here(client)["others"].strip() == ""


def test_a_tab_that_stands_open_moves_nothing_and_is_seen_all_the_same(
    client: Browser,
    agent: User,
    shop: AnsweringShop,
    new_browser: Callable[[], Browser],
    make_user: Callable[..., User],
    clock: SetClock,
) -> None:
    number = shop.bring()
    sara = make_user(name="Sara")
    other = new_browser()
    sign_in(other, sara.email)
    start = client.background("/changes").get_json()["upto"]

    def told() -> tuple[int, dict[str, str]]:
        news = client.background(f"/changes?since={start}").get_json()
        return len(news["case_ids"]), news["together"]

    def here(browser: Browser, address: str = "here", **fields: str) -> None:
        token = browser.token(f"/inbox/case/{number}")
        data = {"csrf_token": token, **fields}
        browser.post(f"/inbox/case/{number}/{address}", data=data)

    with shop.desk.store.read() as session:
        before = changes.latest(session)
    here(client, kind="viewing")
    assert told() == (0, {}), "alone"
    words = []
    for kind in ("viewing", "writing", "viewing"):
        # Two tabs of one person, one of them writing, and each beats for hours.
        here(other, kind=kind)
        words.append(told()[1][str(number)])
    assert words[0] == words[2] != words[1]
    here(other, "gone")
    assert told() == (0, {})
    here(other, kind="viewing")
    clock.advance(timedelta(seconds=26))
    assert told() == (0, {})
    with shop.desk.store.read() as session:
        assert changes.latest(session) == before


def test_while_one_writes_the_others_answer_is_told(
    client: Browser, agent: User, shop: AnsweringShop, make_user: Callable[..., User]
) -> None:
    sara = make_user(name="Sara")
    number = shop.bring()
    with shop.desk.store.read() as session:
        saw = seen(session, number)
    row = shop.answer_of(sara.id, number, "done")
    token = client.token(f"/inbox/case/{number}")
    fields = {
        "csrf_token": token,
        "kind": "writing",
        "seen": f"{saw.message_id}.{saw.outbox_id}.{saw.own_id}",
        "watch": str(row),
    }
    told = client.post(f"/inbox/case/{number}/here", data=fields).get_json()
    assert "Sara has just answered." in words_of(told["news"])
    assert "Leaves in 10 seconds" in words_of(told["own"][f"o{row}"])


def test_nothing_is_done_without_a_sign_in_or_a_token(
    client: Browser, agent: User, shop: AnsweringShop, new_browser: Callable[[], Browser]
) -> None:
    number = shop.bring()
    row = shop.answer_of(agent.id, number, "x")
    posts = [f"/inbox/case/{number}/{name}" for name in ("answer", "by-hand", "here", "weigh")]
    posts += [f"/inbox/outbox/{row}/{name}" for name in ("cancel", "send-now", "retry", "settle")]
    stranger = new_browser()
    for address in posts:
        assert client.post(address).status_code == 400, address
        assert "/sign-in" in stranger.post(address).headers["Location"]
    assert [one.state for one in shop.rows()] == [OutboxState.QUEUED]


def test_what_is_no_answer_of_this_page_is_refused(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    number = shop.bring()
    address = f"/inbox/case/{number}/answer"
    page = page_of(client, number)
    for fields in ({"deed": "hide"}, {"deed": "post"}, {"seen": "now"}, {"key": ""}):
        assert submit(client, page, address, text="x", **fields).status_code == 400
    assert client.send("/inbox/case/999/answer", text="x").status_code == 404
    assert shop.rows() == []


def test_without_rules_nothing_can_be_sent_and_the_page_says_so(
    desk: Desk, shop: AnsweringShop, make_user: Callable[..., User]
) -> None:
    number = shop.bring()
    app: Flask = create_app(replace(desk, rules={}))
    app.test_client_class = Browser
    client = app.test_client()
    assert isinstance(client, Browser)
    sign_in(client, make_user().email)
    assert "X does not let programs do this" in words_of(composer_of(page_of(client, number)))
