"""A person opens the report in a browser, and clicks a number: its list shows that many."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page
from support.browsing import Shop, make_admin, sign_in

_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")


def _write(shop: Shop, at: datetime) -> None:
    import json

    from support.processes import shenava

    rows = [
        {
            "id": f"r{number}",
            "author": f"author{number}",
            "text": "پول کم شد ولی سفارش ثبت نشد، شکایت دارم" if number % 2 else "thanks a lot!",
            "created_at": (at + timedelta(minutes=number)).isoformat(),
        }
        for number in range(9)
    ]
    file = shop.home.parent / "report.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    words = ["--platform=x", "--kind=mention", "--account=shop", "--json"]
    done = shenava(shop.home, "import", file, *words, business_hours="always")
    assert '"new": 9' in done.stdout, done.stderr


@pytest.mark.parametrize(("language", "width"), [("fa", 1440), ("en", 1440), ("fa", 390)])
def test_a_number_opens_the_list_that_it_counts(
    shop: Shop,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
    language: str,
    width: int,
) -> None:
    last_week = datetime.now(UTC) - timedelta(days=7)
    _write(shop, last_week.replace(hour=9, minute=0))
    page = open_page(language, width)
    make_admin(page, shop)
    sign_in(page, shop)
    page.click(".rail a[href='/reports/']")
    page.wait_for_url("**/reports/")
    page.click(".weeks li:nth-child(2) a")
    page.wait_for_selector(".headlines")
    axe(page)
    places = page.locator(".headline .great a, .figures-table td a")
    counted = 0
    for number in range(min(places.count(), 30)):
        text = places.nth(number).inner_text().translate(_DIGITS)
        if not re.fullmatch(r"\d+", text) or not places.nth(number).is_visible():
            continue
        places.nth(number).click()
        page.wait_for_selector(".page-head")
        page.wait_for_load_state()
        assert page.locator(".rows-behind > li").count() == int(text)
        counted += 1
        page.go_back()
        page.wait_for_selector(".headlines")
    assert counted >= 10
