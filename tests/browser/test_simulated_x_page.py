"""The page of the simulated X in a real browser: a person sees the answer arrive."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.simulated_x import PIXEL, simulated_x

OpenPage = Callable[[str, int], Page]


def test_an_answer_arrives_without_reloading(open_page: OpenPage) -> None:
    page = open_page("fa", 1440)
    with simulated_x() as x:
        picture = x.served.world.add_picture(x.customer().id, PIXEL, "image/png")
        post = x.mention("<b>سفارشم</b> کو؟", media=(picture.key,))
        page.goto(f"{x.served.base_url}/?lang=fa")
        asked = page.locator(f'[data-id="{post.id}"]')
        expect(asked.locator(".text")).to_have_text("@noora_shop <b>سفارشم</b> کو؟")
        expect(asked.locator("img")).to_be_visible()
        made = x.client().create_tweet(text="می‌فرستیم", in_reply_to_tweet_id=post.id)
        answer = page.locator(f'[data-id="{made.data["id"]}"]')
        expect(answer.locator(".text")).to_have_text("@sara می‌فرستیم")
        expect(answer.locator(".text")).to_have_attribute("dir", "rtl")
        expect(answer.locator(".tag")).to_have_text("فروشگاه")
        x.served.world.dm(post.author_id, x.shop.id, "thanks")
        expect(page.locator("#chats .text")).to_have_attribute("dir", "ltr")
        page.goto(f"{x.served.base_url}/sara/status/{post.id}?lang=fa")
        page.fill("textarea", "دستی")
        page.click("#byhand button")
        expect(page.locator("#outcome")).to_have_text("جواب داده شد. در رشته هست.")
        expect(page.locator(".one.shop .text").last).to_have_text("@sara دستی")
        page.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_the_page_can_be_used_by_all(
    open_page: OpenPage, axe: Callable[[Page], None], language: str, width: int
) -> None:
    page = open_page(language, width)
    with simulated_x() as x:
        post = x.mention()
        x.served.world.post(x.shop.id, "Yes", reply_to=post.id)
        for path in ("/", f"/sara/status/{post.id}"):
            page.goto(f"{x.served.base_url}{path}?lang={language}")
            expect(page.locator(".one")).to_have_count(2)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            axe(page)
        page.close()
