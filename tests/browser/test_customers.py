"""One person on two platforms, in a real browser: marked, merged with what speaks for it, split."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.browsing import Shop, make_admin, sign_in

QUESTION = {"fa": "سلام، ساعت کاری شما چنده؟", "en": "Hi, what are your opening hours?"}
SIZES = {"fa": 390, "en": 1440}


@pytest.mark.parametrize("language", SIZES)
def test_a_customer_is_marked_merged_and_split(
    language: str,
    shop: Shop,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
) -> None:
    page = open_page(language, SIZES[language])
    make_admin(page, shop)
    sign_in(page, shop)
    page.goto(f"{shop.address}/customers/")
    expect(page.locator(".empty")).to_be_visible()
    axe(page)

    # Three people ask the same; who came first stands on top.
    shop.receive("1", "omid_karimi", QUESTION[language])
    shop.receive("2", "neda_rezaei", QUESTION[language])
    shop.receive("3", "neda.rezaei", QUESTION[language], platform="instagram")
    page.goto(f"{shop.address}/inbox/")
    rows = page.locator("#rows .row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("omid_karimi")

    # One is found by her handle and marked: her case floats, and says why.
    page.click(".rail a[href$='/customers/']")
    page.fill("input[type=search][name=q]", "neda_rez")
    page.press("input[type=search][name=q]", "Enter")
    page.wait_for_url("**/customers/?*q=*")
    axe(page)
    page.locator(".customer-open", has_text="neda_rezaei").click()
    page.wait_for_url("**/customers/*")
    expect(page.locator("#maybe")).to_be_visible()
    axe(page)
    customer = page.url
    page.click("form[action$='/vip'] button")
    expect(page.locator(".customer-head .tag.soon")).to_be_visible()
    page.goto(f"{shop.address}/inbox/")
    expect(rows.first).to_contain_text("neda_rezaei")
    expect(rows.first.locator(".vip")).to_be_visible()
    expect(rows.last).to_contain_text("neda.rezaei")

    # She is merged with herself, after the evidence was seen.
    page.goto(customer)
    page.click("#maybe a.button")
    page.wait_for_url("**/merge/*")
    expect(page.locator(".evidence")).to_contain_text("nedarezaei")
    axe(page)
    page.click(".decide .button.main")
    expect(page.locator(".merged")).to_be_visible()
    axe(page)
    expect(page.locator("#timeline .bubble")).to_have_count(2)
    page.goto(f"{shop.address}/inbox/")
    expect(rows.last).to_contain_text("omid_karimi")
    rows.filter(has_text="neda.rezaei").locator(".row-open").click()
    expect(page.locator("#case-head .also-wrote")).to_be_visible()
    axe(page)

    # And split again, by the way back that stands on her page.
    page.goto(f"{customer.partition('?')[0]}")
    page.click(".joint button")
    expect(page.locator("#maybe")).to_be_visible()
    expect(page.locator("#timeline .bubble")).to_have_count(1)
    page.goto(f"{shop.address}/inbox/")
    expect(rows.last).to_contain_text("neda.rezaei")
