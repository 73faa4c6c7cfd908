"""Connecting an account in a real browser, and the strip that tells how it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browsing import Shop, make_admin, sign_in
from support.connecting import keys_of
from support.processes import running_service, shenava
from support.simulated_x import Place, simulated_x

STRIP = "#strip"
SIZES = {"fa": 390, "en": 1440}


@pytest.fixture
def place() -> Iterator[Place]:
    with simulated_x() as place:
        place.mention("سفارش من کو؟")
        yield place


@pytest.fixture
def shop(tmp_path: Path, place: Place) -> Iterator[Shop]:
    home = tmp_path / "home"
    with running_service(
        home, business_hours="always", x_base_url=place.served.base_url
    ) as service:
        yield Shop(home, service)


@pytest.mark.parametrize("language", SIZES)
def test_from_keys_to_a_strip_that_lives(
    shop: Shop,
    place: Place,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
    language: str,
) -> None:
    page = open_page(language, SIZES[language])
    make_admin(page, shop)
    sign_in(page, shop)
    page.goto(f"{shop.address}/accounts/")
    axe(page)
    page.goto(f"{shop.address}/accounts/connect/x")
    axe(page)
    for name, key in keys_of(place).items():
        page.fill(f"#{name}", key)
    page.click("form.card button.main")
    page.wait_for_url("**/confirm")
    axe(page)
    page.click("form.card button.main")
    page.wait_for_url("**/collect")
    axe(page)
    page.fill("#days", "2")
    page.click("form.card button.main")
    expect(page.locator("input[name=agreed]")).to_have_count(1)
    axe(page)
    page.click("form.card button.main")
    page.wait_for_url("**/accounts/1")
    axe(page)
    page.goto(f"{shop.address}/accounts/")
    axe(page)
    # Read by the schedule of the same service; the inbox is told without a reload.
    page.goto(f"{shop.address}/inbox/")
    expect(page.locator(f"{STRIP} .strip-item.note")).to_have_count(1)
    expect(page.locator(f"{STRIP} .strip-item.soon")).to_have_count(0)
    done = shenava(
        shop.home, "account", "pause", place.shop.username, x_base_url=place.served.base_url
    )
    assert done.returncode == 0, done.stderr
    expect(page.locator(f"{STRIP} .strip-item.soon")).to_have_count(1)
    page.locator(f"{STRIP} .strip-item.soon").click()
    page.wait_for_url("**/accounts/1")


@pytest.mark.parametrize("language", ["en"])
def test_over_xs_own_page_without_leaving_the_rules_of_the_browser(
    shop: Shop, place: Place, open_page: Callable[[str, int], Page], language: str
) -> None:
    """The browser's own guard (form-action) lets nobody be sent away by a form: a link leads."""
    page = open_page(language, 1440)
    make_admin(page, shop)
    sign_in(page, shop)
    page.goto(f"{shop.address}/accounts/connect/x?way=oauth2")
    page.fill("#client_id", place.served.credentials.client_id)
    page.fill("#client_secret", place.served.credentials.client_secret)
    page.click("form.card button.main")
    # Agreed at once: the page of the simulated X, which has no icon, need not be shown.
    page.eval_on_selector("main a.button.main", "link => { link.href += '&agree=yes' }")
    page.click("main a.button.main")
    page.wait_for_url("**/confirm")
    expect(page.locator("main")).to_contain_text(place.shop.username)
