"""From a message that arrives to a case that is closed, as someone at the dashboard sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.browsing import Shop, make_admin, sign_in

URGENT = {
    "fa": "پول از حسابم کم شد ولی سفارشم ثبت نشد! دو بار هم پرداخت کردم، لطفا فوری جواب بدید",
    "en": "You charged my card twice and my order is still not registered, where is my money?!",
}


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_an_urgent_message_shows_by_itself_and_is_worked_to_its_end(
    language: str,
    width: int,
    shop: Shop,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
) -> None:
    page = open_page(language, width)
    make_admin(page, shop)
    axe(page)
    sign_in(page, shop)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "fa" else "ltr")
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("#list-pane .empty")).to_be_visible()
    axe(page)

    # It arrives while the page is open, and shows without a reload.
    page.evaluate("window.stillTheSamePage = true")
    shop.receive("1001", "neda_r", URGENT[language])
    row = page.locator("#rows .row").first
    expect(row).to_contain_text(URGENT[language][:40])
    expect(row).to_contain_class("urgent")
    expect(page.locator("[data-count=urgent]")).to_have_text("۱" if language == "fa" else "1")
    assert page.evaluate("window.stillTheSamePage") is True

    # The next one waits on top: rows never move under a finger.
    shop.receive("1002", "omid_k", "سلام، ساعت کاری شما چنده؟")
    fresh = page.locator("#fresh")
    expect(fresh).to_be_visible()
    expect(page.locator("#rows .row")).to_have_count(1)
    fresh.click()
    expect(page.locator("#rows .row")).to_have_count(2)
    axe(page)

    # It is opened: the words that decided are underlined, the reason is told.
    page.locator("#rows .row", has_text=URGENT[language][:40]).locator(".row-open").click()
    opened = page.locator("#opened")
    expect(opened.locator(".case-why.urgent")).to_be_visible()
    expect(opened.locator(".bubble .text mark, .bubble .text u").first).to_be_visible()
    axe(page)

    # Corrected with one key (its button on a phone), and back again.
    tags = opened.locator(".verdict-words")
    for still_urgent in (0, 1):
        press(page, "KeyU", width)
        expect(tags.locator(".tag.urgent")).to_have_count(still_urgent)
    expect(tags.locator(".tag.good")).to_contain_text("سارا احمدی")

    press(page, "KeyA", width)
    expect(opened.locator("[data-key=KeyA]")).to_have_count(0)
    press(page, "KeyE", width)
    expect(page.locator("#told .told-bar")).to_be_visible()
    assert page.evaluate("window.stillTheSamePage") is True

    page.goto(f"{shop.address}/inbox/?queue=closed")
    expect(page.locator("#rows .row")).to_have_count(1)
    expect(page.locator("#rows .row")).to_contain_text(URGENT[language][:40])
    axe(page)


def press(page: Page, key: str, width: int) -> None:
    """A key by its place on the keyboard; on a phone, the button that the key stands for."""
    if width < 700:
        page.locator(f"#case-pane [data-key={key}]").click()
    else:
        page.keyboard.press(key)


def test_a_case_is_read_and_worked_without_javascript(
    shop: Shop, chromium_without_script: Callable[[], Page]
) -> None:
    page = chromium_without_script()
    make_admin(page, shop)
    sign_in(page, shop)
    shop.receive("1001", "neda_r", URGENT["fa"])
    page.reload()
    page.click("#rows .row-open")
    page.wait_for_url("**/inbox/case/*")
    expect(page.locator(".bubble .text")).to_contain_text(URGENT["fa"][:30])
    page.click("[data-key=KeyU]")
    expect(page.locator(".verdict-words .tag.good")).to_be_visible()
    page.click("[data-key=KeyA]")
    expect(page.locator("[data-key=KeyA]")).to_have_count(0)
    page.fill("#note-text", "به بخش مالی گفتم")
    page.click("form:has(#note-text) button")
    expect(page.locator(".note .text")).to_have_text("به بخش مالی گفتم")
    page.click("[data-key=KeyE]")
    page.goto(f"{shop.address}/inbox/?queue=closed")
    expect(page.locator("#rows .row")).to_have_count(1)


def test_signing_out_ends_what_the_page_asks_by_itself(
    shop: Shop, open_page: Callable[[str, int], Page]
) -> None:
    """One still on its way would be refused, and the page would say so on its last moment."""
    page = open_page("en", 1440)
    make_admin(page, shop)
    # Neither is answered: what ends the question can only be the page.
    page.route("**/changes?*", lambda route: None)
    page.route("**/sign-out", lambda route: None)
    with page.expect_request("**/changes?*") as asked:
        sign_in(page, shop)
    page.click(".rail-me summary")
    with page.expect_event("requestfailed", lambda request: request == asked.value):
        page.click("form[action$='/sign-out'] button", no_wait_after=True)
