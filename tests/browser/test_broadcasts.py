"""From "payment is down" to posted, in a browser, against the simulated X of a rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from support.browsing import Shop, make_admin, sign_in, told_to_the_end
from support.processes import free_port, wait_until
from support.rehearsing import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "home", free_port())
    yield stage
    stage.clear()


def _posts(stage: Stage) -> list[str]:
    world = stage.world()
    shop = world.named("noora_shop")
    assert shop is not None
    found = [post.text for post in world.posts.values() if post.author_id == shop.id]
    world.close()
    return found


def _goes_on(stage: Stage, words: str) -> bool:
    """Whether the shop has gone on under its post of these words."""
    world = stage.world()
    shop = world.named("noora_shop")
    assert shop is not None
    ours = [post for post in world.posts.values() if post.author_id == shop.id]
    world.close()
    firsts = {post.id for post in ours if post.text == words}
    return any(post.reply_to in firsts for post in ours)


@pytest.mark.parametrize(("language", "width"), [("fa", 1440), ("en", 390)])
def test_from_payment_is_down_to_posted_and_then_it_works_again(
    stage: Stage,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
    language: str,
    width: int,
) -> None:
    with stage.service() as service:
        shop = Shop(stage.home, service)
        page = open_page(language, width)
        make_admin(page, shop)
        sign_in(page, shop)
        page.goto(f"{shop.address}/broadcasts/")
        axe(page)
        page.click("a[href*='kind=payment']")
        page.wait_for_selector("#previews .post-preview")
        axe(page)
        typed = "پرداخت قطع است؛ آزمون" if language == "fa" else "Payment is down; a test"
        field = (
            "#text-fa"
            if page.locator("select[name^=language_]").first.input_value() == ("fa")
            else "#text-en"
        )
        page.fill(field, typed)
        page.wait_for_function(
            "words => document.querySelector('#previews').innerText.includes(words)", arg=typed
        )
        page.click("#plan-it")
        page.wait_for_selector("#release")
        axe(page)
        page.click("#release")
        wait_until(lambda: typed in _posts(stage), what="the public post", seconds=60)
        told_to_the_end(page, 60)
        page.wait_for_selector(".total.good")
        axe(page)
        page.click("a[href*='stage=resolved']")
        page.click("#plan-it")
        page.wait_for_selector("#release")
        page.click("#release")
        wait_until(lambda: _goes_on(stage, typed), what="the follow-up", seconds=60)
