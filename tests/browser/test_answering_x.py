"""A complaint on X, from its arrival to the answer on X, as people at two desks see it: in a
rehearsal, with real processes and the real adapter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.browsing import make_admin, sign_in
from support.rehearsed_desk import COLLEAGUE, Desk

COMPLAINT = {
    "fa": "@noora_shop پول از حسابم کم شد ولی سفارشم ثبت نشد! لطفا فوری جواب بدید",
    "en": "@noora_shop you charged my card twice and my order is not registered, where is my money",
}
UNSUMMONED = {
    "fa": "از نورا یک گلدان خریدم و شکسته رسید، هیچ‌کس جواب نمی‌دهد",
    "en": "My Noora vase arrived broken and nobody there answers anyone",
}
ANSWER = {
    "fa": "سلام، پیگیری کردیم: پولتان تا فردا برمی‌گردد.",
    "en": "Hello, we looked into it: your money is back by tomorrow.",
}


def write_answer(page: Page, text: str) -> None:
    page.fill("#answer-text", text)
    page.click("#send")


@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_complaint_is_answered_once_undone_stopped_and_settled(
    language: str, desk: Desk, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    page = open_page(language, 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("nadia_k", COMPLAINT[language])
    # Other customers write too; what is new waits on top until it is asked for.
    arrived = page.locator("#fresh:visible, #rows .row").first
    expect(arrived).to_be_visible()
    desk.case_of(key)
    page.reload()
    expect(page.locator("#rows")).to_contain_text(COMPLAINT[language][12:50])
    desk.open_case(page, key)
    axe(page)

    # Answered, and taken back in time: X never hears of it.
    write_answer(page, "too quick")
    undo = page.locator(".bubble.own button.undo")
    expect(undo).to_be_visible()
    page.reload()
    undo.click()
    expect(page.locator(".bubble.own.cancelled")).to_have_count(1)

    # A colleague who was writing meanwhile is stopped, and shown the first answer.
    desk.add_colleague()
    other = open_page(language, 1440)
    sign_in(other, desk.shop, COLLEAGUE)
    desk.open_case(other, key)
    other.fill("#answer-text", "Me too")

    write_answer(page, ANSWER[language])
    page.locator(".bubble.own.undo form[action$='/send-now'] button").click()
    expect(page.locator(".bubble.own.sent")).to_have_count(1)
    other.click("#send")
    stopped = other.locator(".stopped")
    expect(stopped).to_contain_text(ANSWER[language])
    expect(other.locator("#answer-text")).to_have_value("Me too")
    axe(other)
    assert [line["text"] for line in desk.answers()] == [ANSWER[language]]

    # The simulated X shows the answer under the complaint, once.
    x = open_page(language, 1440)
    x.goto(f"{desk.stage.simulated().x.base_url}/nadia_k/status/{key}?lang={language}")
    expect(x.locator(".one.shop .text", has_text=ANSWER[language])).to_have_count(1)
    x.close()


@pytest.mark.parametrize("language", ["fa", "en"])
def test_who_did_not_summon_the_shop_is_answered_on_x_itself(
    language: str, desk: Desk, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    page = open_page(language, 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("omid_r", UNSUMMONED[language])
    desk.open_case(page, key)
    axe(page)
    link = page.locator(".refused-way .fate-deeds a.button")
    where = f"{desk.stage.simulated().x.base_url}/omid_r/status/{key}"
    expect(link).to_have_attribute("href", where)
    expect(page.locator("#send")).to_have_count(0)

    # There it is answered as in X's own app, and comes back as the shop's own.
    with page.context.expect_page() as opened:
        link.click()
    there = opened.value
    there.fill("textarea", ANSWER[language])
    there.click("#byhand button")
    expect(there.locator(".one.shop .text", has_text=ANSWER[language])).to_have_count(1)
    there.close()
    own = page.locator(".bubble.own.elsewhere", has_text=ANSWER[language])
    # The shop's own posts are read every ten seconds; the open page is told.
    expect(own).to_have_count(1, timeout=60_000)
    assert desk.answers() == []


@pytest.mark.parametrize("language", ["fa", "en"])
def test_an_outcome_that_nobody_knows_is_shown_and_settled_by_a_person(
    language: str, desk: Desk, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    page = open_page(language, 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("lena_m", COMPLAINT[language])
    desk.open_case(page, key)
    # X takes it in and breaks off; and what the shop itself wrote cannot be read.
    x = desk.stage.simulated().x
    x.call("POST", "/faults", kind="reset_after", endpoint="POST /2/tweets")
    x.call("POST", "/faults", kind="error_503", endpoint="GET /2/users/:id/tweets", times=None)
    write_answer(page, ANSWER[language])
    page.locator(".bubble.own.undo form[action$='/send-now'] button").click()
    doubt = page.locator(".bubble.own.unknown .doubt")
    expect(doubt).to_be_visible()
    axe(page)
    (taken,) = desk.answers()
    post = taken["result_id"]
    doubt.locator("input[name=permalink]").fill(f"{x.base_url}/noora_shop/status/{post}")
    doubt.locator("button[value=yes]").click()
    expect(page.locator(".bubble.own.sent")).to_have_count(1)
    x.call("DELETE", "/faults")
    assert [line["text"] for line in desk.answers()] == [ANSWER[language]]
