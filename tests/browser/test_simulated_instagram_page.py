"""The page of the simulated Instagram in a real browser: a person sees the answer arrive."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.simulated_instagram import simulated_instagram
from support.simulated_x import PIXEL

from rehearsal.instagram import ids

OpenPage = Callable[[str, int], Page]


def test_answers_arrive_without_reloading(open_page: OpenPage) -> None:
    page = open_page("fa", 1440)
    with simulated_instagram() as place:
        picture = place.world.add_picture(PIXEL, "image/png", (1, 1))
        post = place.world.post(place.shop.id, "حراج", picture.id)
        comment = place.comment(post, "<b>چند؟</b>")
        said = place.dm("سلام")
        page.goto(f"{place.served.base_url}/?lang=fa")
        expect(page.locator(f'[data-id="{post.id}"] img')).to_be_visible()
        expect(page.locator(f'[data-id="{comment.id}"] .text')).to_have_text("<b>چند؟</b>")
        reply = place.post(f"{comment.id}/replies", message="۲۰۰ تومان")
        answer = page.locator(f'[data-id="{reply["id"]}"]')
        expect(answer.locator(".text")).to_have_text("۲۰۰ تومان")
        expect(answer.locator(".text")).to_have_attribute("dir", "rtl")
        expect(answer.locator(".tag")).to_have_text("فروشگاه")
        sent = place.post("me/messages", json=place.send({"id": said.sender_id}, "بفرمایید"))
        place.world.react(sent["message_id"], said.sender_id, "❤️")
        expect(page.locator("#chats .hearts")).to_have_text("❤️")
        place.world.unsend(said.id)
        expect(page.locator(f'[data-id="{said.id}"]')).to_contain_text("پس گرفت")
        page.goto(f"{place.served.base_url}/p/{ids.shortcode(post.id)}/?lang=fa")
        page.fill("textarea", "دستی")
        page.click("#byhand button")
        expect(page.locator("#outcome")).to_have_text("جواب داده شد. در رشته هست.")
        page.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_the_page_can_be_used_by_all(
    open_page: OpenPage, axe: Callable[[Page], None], language: str, width: int
) -> None:
    page = open_page(language, width)
    with simulated_instagram() as place:
        place.served.sim.beside["x"] = place.served.base_url
        post = place.own_post("New vases")
        comment = place.comment(post, "چند؟")
        place.world.comment(place.shop.id, post.id, "200", reply_to=comment.id)
        said = place.dm("سلام")
        place.world.react(said.id, place.shop.id, "❤️")
        for path in ("/", f"/p/{ids.shortcode(post.id)}/"):
            page.goto(f"{place.served.base_url}{path}?lang={language}")
            expect(page.locator(".one")).to_have_count(4)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            axe(page)
        page.close()
