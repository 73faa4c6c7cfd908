"""What Shenava learns while it runs is seen in a browser, switched off, and on again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect
from support.browsing import Shop, make_admin, sign_in
from support.processes import shenava, wait_until

WORD = "زرگولیدم"
WORDS = {
    "fa": ("هنوز چیزی یاد نگرفته", "در حال استفاده", "فقط مدل به‌تنهایی"),
    "en": ("Nothing learned yet", "is in use", "The model alone is in use."),
}


def verdict(shop: Shop, text: str) -> tuple[str, int] | None:
    """The model and whether it is a complaint, of the newest verdict on a text."""
    with closing(sqlite3.connect(shop.home / "shenava.db")) as database:
        row = database.execute(
            "SELECT v.model, v.complaint FROM verdicts v JOIN messages m ON m.id = v.message_id "
            "WHERE m.text = ? ORDER BY v.id DESC",
            (text,),
        ).fetchone()
        return row and (row[0], row[1])


@pytest.mark.parametrize(("language", "width"), [("fa", 390), ("en", 1440)])
def test_what_was_learned_is_seen_switched_off_and_on(
    shop: Shop,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
    language: str,
    width: int,
) -> None:
    nothing, in_use, alone = WORDS[language]
    page = open_page(language, width)
    make_admin(page, shop)
    sign_in(page, shop)
    address = f"{shop.address}/settings/learned"
    page.goto(address)
    expect(page.locator("main")).to_contain_text(nothing)
    axe(page)

    # A file of labelled messages is learned from while the service runs, and holds at once.
    rows = [f"{WORD} سفارش {n},yes" for n in range(40)] + [f"چطورید {n},no" for n in range(40)]
    file = shop.home.parent / "labels.csv"
    file.write_text("text,complaint\n" + "\n".join(rows), encoding="utf-8")
    assert shenava(shop.home, "learn", file).returncode == 0
    shop.receive("one", "neda", f"باز هم {WORD}")
    wait_until(lambda: verdict(shop, f"باز هم {WORD}"), what="a verdict")
    found = verdict(shop, f"باز هم {WORD}")
    assert found is not None
    assert found[0].endswith("+shop1")
    assert found[1] == 1

    page.goto(address)
    expect(page.locator(".learned-now")).to_contain_text(in_use)
    axe(page)
    page.click("form[action$='/learned/off'] button")
    expect(page.locator(".learned-now")).to_contain_text(alone)
    page.click(".learned-versions details summary")
    axe(page)
    page.click("form[action$='/learned/1/on'] button")
    expect(page.locator(".learned-now")).to_contain_text(in_use)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
