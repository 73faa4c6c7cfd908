"""An answer that waits for approval, as the one who wrote it and the one who reads it see it: with
scripts and without, in a rehearsal with real processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.browsing import make_admin, sign_in
from support.processes import wait_until
from support.rehearsed_desk import COLLEAGUE, Desk

COMPLAINT = "@noora_shop you charged my card twice and my order is not registered"
HASTY, BETTER = "Not our fault.", "We are sorry: your money is back by tomorrow."


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_an_answer_is_sent_back_written_anew_approved_and_sent_once(
    script: bool,
    desk: Desk,
    open_page: Callable[[str, int], Page],
    chromium_without_script: Callable[[], Page],
    axe: Callable[[Page], None],
) -> None:
    def open_one() -> Page:
        return open_page("fa", 1440) if script else chromium_without_script()

    def look(page: Page) -> Page:
        """At the case as it stands now."""
        desk.open_case(page, key)
        if script:
            axe(page)
        return page

    sara, omid = open_one(), open_one()
    make_admin(sara, desk.shop)
    sign_in(sara, desk.shop)
    desk.add_colleague(approval=True)
    sign_in(omid, desk.shop, COLLEAGUE)
    key = desk.write("nadia_k", COMPLAINT)

    # Omid asks. Nothing leaves, and he himself cannot let it.
    look(omid).fill("#answer-text", HASTY)
    omid.click("#send")
    waits = omid.locator(".bubble.own.approval", has_text=HASTY)
    expect(waits).to_be_visible()
    expect(waits.locator("form[action$='/approve']")).to_have_count(0)

    # Sara finds it among what waits for approval, and sends it back with a word.
    sara.goto(f"{desk.shop.address}/inbox/?queue=approval")
    row = sara.locator(f"#case-{desk.case_of(key)}")
    expect(row).to_be_visible()
    back = look(sara).locator(".bubble.own.approval", has_text=HASTY)
    back.locator("summary").click()
    back.locator("textarea").fill("kinder, please")
    back.locator("form[action$='/send-back'] button").click()
    expect(sara.locator(".bubble.own.approval")).to_have_count(0)

    # He reads it, takes up his words, and asks anew.
    returned = look(omid).locator(".bubble.own.returned", has_text="kinder, please")
    returned.locator("a[href*='draft=']").click()
    expect(omid.locator("#answer-text")).to_have_value(HASTY)
    omid.fill("#answer-text", BETTER)
    omid.click("#send")
    expect(omid.locator(".bubble.own.approval", has_text=BETTER)).to_be_visible()
    assert desk.answers() == []

    # What she reads is what leaves, once.
    look(sara).locator(".bubble.own.approval form[action$='/approve'] button").click()
    expect(sara.locator(".bubble.own.approval")).to_have_count(0)
    wait_until(lambda: bool(desk.answers()), what="the answer on X")
    assert [line["text"] for line in desk.answers()] == [BETTER]
    sara.goto(f"{desk.shop.address}/inbox/?queue=approval")
    expect(row).to_have_count(0)
