"""Urgent cases reach someone who has Shenava open, once, in whatever tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Page, expect
from support.browsing import Shop, make_admin, sign_in
from support.processes import shenava

# What the machine would show is counted instead: a screen without a desk shows nothing.
_NOTIFICATIONS = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "granted";
  static requestPermission() { return Promise.resolve("granted"); }
  constructor(title, options) {
    super();
    window.told.push({ title, ...options });
    window.newest = this;
  }
  close() {}
};
"""


def receive(shop: Shop, key: str, author: str, text: str) -> None:
    """A customer writes just now; an alarm does not ring for what is a day old."""
    row = {"id": key, "author": author, "text": text, "created_at": datetime.now(UTC).isoformat()}
    file = shop.home.parent / f"{key}.jsonl"
    file.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    words = ("import", file, "--platform=x", "--kind=mention", "--account=shop", "--json")
    done = shenava(shop.home, *words, business_hours="always")
    assert json.loads(done.stdout.splitlines()[-1])["new"] == 1, done.stderr


def told(*pages: Page) -> list[dict[str, str]]:
    return [one for page in pages for one in page.evaluate("window.told")]


def test_an_urgent_case_is_told_once_in_all_tabs_and_opens_with_a_click(
    shop: Shop, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    inbox = open_page("en", 1440)
    inbox.context.add_init_script(_NOTIFICATIONS)
    make_admin(inbox, shop)
    sign_in(inbox, shop)
    duty = inbox.context.new_page()
    duty.goto(f"{shop.address}/settings/duty")
    expect(duty.locator("#notify")).to_contain_text("Allowed.")
    axe(duty)
    sound = duty.get_by_label("With a sound")
    expect(sound).not_to_be_checked()

    receive(shop, "1", "neda_r", "You charged my card twice and my order is not registered!!")
    for page in (inbox, duty):
        expect(page.locator("#alert-bar")).to_contain_text("neda_r")
    (one,) = told(inbox, duty)
    assert "neda_r" in one["body"] and "you are an admin" in one["body"]
    assert one["title"].startswith("Urgent: ")
    axe(duty)

    teller = inbox if inbox.evaluate("window.told.length") else duty
    teller.evaluate("window.newest.dispatchEvent(new Event('click'))")
    teller.wait_for_url("**/inbox/case/1")
    expect(teller.locator("#alert-bar")).to_be_hidden()

    # A reload, or a new tab, does not tell it again.
    later = inbox.context.new_page()
    inbox.close()
    duty.close()
    with later.expect_response("**/alerts?since=*") as answered:
        later.goto(f"{shop.address}/settings/duty")
    assert answered.value.json()["count"] == 0
    assert told(later) == []


def test_permission_is_asked_for_by_the_button_alone(
    shop: Shop, open_page: Callable[[str, int], Page]
) -> None:
    page = open_page("en", 390)
    page.context.add_init_script(
        _NOTIFICATIONS.replace('permission = "granted"', 'permission = "default"').replace(
            "requestPermission() {",
            "requestPermission() { window.asked = true; Notification.permission = 'granted';",
        )
    )
    make_admin(page, shop)
    sign_in(page, shop)
    page.goto(f"{shop.address}/settings/duty")
    expect(page.locator("#notify")).to_contain_text("Not allowed yet.")
    assert page.evaluate("window.asked") is None
    page.get_by_role("button", name="Allow notifications").click()
    expect(page.locator("#notify")).to_contain_text("Allowed.")
    assert page.evaluate("window.asked") is True
