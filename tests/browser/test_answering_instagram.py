"""Instagram as the person at the desk meets it, in Persian and in a real browser: comments and
private messages, the windows in which Meta lets them be answered, and what is left when those are
over. In a rehearsal, with real processes and the real adapter."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browsing import make_admin, sign_in
from support.processes import free_port, wait_until
from support.rehearsed_desk import Desk
from support.rehearsing import Stage

from rehearsal.pictures import draw_picture

COMMENT = "سلام، سفارشم دو هفته است نرسیده، چرا کسی جواب نمی‌دهد؟"
ON_X = "@noora_shop دو هفته گذشت و سفارشم هنوز نرسیده، اینجا هم می‌نویسم"
PUBLIC = "سلام نادیا جان، همین حالا پیگیری می‌کنیم و خصوصی برایتان می‌نویسیم."
PRIVATE = "سفارشتان امروز از انبار بیرون آمد و فردا می‌رسد."
QUESTION = "سلام، گلدانم شکسته رسید، چه کار کنم؟"
ANSWER = "سلام، عکسش را بفرستید؛ همین امروز یکی دیگر می‌فرستیم."
LATE = "سلام، پولم برنگشت و یک هفته گذشت، لطفا رسیدگی کنید"
LATE_COMMENT = "در خصوصی هم نوشتم، هنوز پولم برنگشته"
BY_HAND = "در برنامهٔ اینستاگرام نوشتیم: پولتان امروز برگشت."

WITHIN_A_WEEK = "پولتان همین حالا برگشت؛ ببخشید که دیر شد."
EDITED = "سلام، گلدان را پیدا کردم، سالم است"
STILL_TYPED = "سلام، عکس گلدان را می‌فرستید؟"

SPENT = "پاسخ خصوصی"
WIDTHS = (390, 1440)


class Instagram:
    """The desk, and what customers do on the simulated Instagram."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def call(self, method: str, path: str, **given: Any) -> Any:
        return self.desk.stage.simulated().instagram.call(method, path, **given)

    def comment(self, author: str, text: str) -> str:
        return str(self.call("POST", "/comments", author=author, text=text)["id"])

    def message(self, sender: str, **given: Any) -> str:
        return str(self.call("POST", "/messages", sender=sender, **given)["id"])

    def answers(self) -> list[str]:
        """What it took in from Shenava; nothing twice."""
        told = self.call("GET", "/ledger")
        assert told["doubles"] == []
        return [line["text"] for line in told["lines"]]

    def tag_of(self, text: str) -> str:
        """The tag under which a private message of ours arrived, once; the customer reads it."""
        lines = self.call("GET", "/ledger")["lines"]
        (line,) = [line for line in lines if line["text"] == text]
        arrived = self.call("PUT", f"/messages/{line['result_id']}", seen=True)
        assert arrived["text"] == text
        return str(arrived["tag"])

    def let_pass(self, span: timedelta) -> None:
        """Move the clock of the whole rehearsal; it is moved when the service lives by it."""
        before = self.desk.stage.simulated().x.call("GET", "/state")["ahead_s"]
        self.call("POST", "/clock", seconds=span.total_seconds())
        after = self.desk.stage.simulated().x.call("GET", "/state")["ahead_s"]
        assert after - before == span.total_seconds()


@pytest.fixture
def instagram(tmp_path: Path) -> Iterator[Instagram]:
    stage = Stage(tmp_path / "home", free_port())
    # Nobody is signed out by the days that pass here.
    with stage.service(session_hours=720) as service:
        yield Instagram(Desk(stage, service))
        assert service.stop() == 0


def send(page: Page, text: str) -> None:
    """Write, press, and do not wait for the ten seconds."""
    page.fill("#answer-text", text)
    page.click("#send")
    page.locator(".bubble.own.undo form[action$='/send-now'] button").click()
    expect(page.locator(".bubble.own.sent", has_text=text)).to_have_count(1)


def shoot(page: Page, name: str) -> None:
    """Pictures to look at, where ``ANSWERING_PICTURES`` names a folder for them."""
    folder = os.environ.get("ANSWERING_PICTURES")
    if not folder:
        return
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        width = page.evaluate("innerWidth")
        page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)


def judged(page: Page, axe: Callable[[Page], None], name: str) -> None:
    """Usable by all, on a phone and on a desk: nothing is wider than the window."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        axe(page)
        shoot(page, name)


def window_told(page: Page, instagram: Instagram, key: str, what: str) -> Locator:
    """Open the case, as often as it takes for the service to have heard of the new time."""
    found = page.locator("#composer", has_text=what)

    def tells() -> bool:
        instagram.desk.open_case(page, key)
        return found.count() == 1

    wait_until(tells, what=what)
    return found


def test_instagram_from_a_comment_to_the_end_of_every_window(
    instagram: Instagram, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    desk = instagram.desk
    page = open_page("fa", 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    wait_until(lambda: instagram.call("GET", "/webhooks")["fields"], what="webhooks ordered")

    picture = base64.b64encode(draw_picture(Random("story"))[0]).decode()
    on_x = desk.write("nadia_karimi", ON_X)
    comment = instagram.comment("nadia.karimi", COMMENT)
    question = instagram.message("omid_r", text=QUESTION)
    late = instagram.message("lena_m", text=LATE)
    instagram.comment("lena_m", LATE_COMMENT)
    story = instagram.message("reza_s", kind="story_mention", picture=picture)

    # A comment is answered in public, then in private; that is possible once, and said.
    desk.open_case(page, comment)
    expect(page.locator("#deed-answer")).to_be_checked()
    judged(page, axe, "comment")
    send(page, PUBLIC)
    page.locator("label:has(#deed-private_reply)").click()
    send(page, PRIVATE)
    page.reload()
    expect(page.locator("#composer .spent")).to_contain_text(SPENT)
    expect(page.locator("#deed-private_reply")).to_have_count(0)
    expect(page.locator("#send")).to_be_visible()
    judged(page, axe, "spent")

    # A private message is answered while its window is open; how long that is, is told.
    desk.open_case(page, question)
    expect(page.locator(".facts-line")).to_contain_text("۲۳")
    judged(page, axe, "message")
    send(page, ANSWER)

    # A story that names the shop is shown as what it is, though it says nothing.
    desk.open_case(page, story)
    named = page.locator(".bubble .about")
    expect(named).to_contain_text("در استوری")
    expect(page.locator("#send")).to_be_visible()
    judged(page, axe, "story")

    # The same person on X is the same customer, and another one again, with nothing lost.
    desk.open_case(page, on_x)
    desk.case_of(comment)
    page.locator("a[href*='/customers/']:not(.rail a):visible").first.click()
    page.wait_for_url("**/customers/*")
    bubbles = page.locator("#timeline .bubble")
    before = bubbles.all_inner_texts()
    customer = page.url.partition("?")[0]
    page.click("#maybe a.button")
    page.wait_for_url("**/merge/*")
    page.click(".decide .button.main")
    expect(page.locator(".merged")).to_be_visible()
    for text in (ON_X[12:], COMMENT, PUBLIC, PRIVATE):
        expect(page.locator("#timeline")).to_contain_text(text)
    page.goto(customer)
    page.click(".joint button")
    expect(page.locator("#maybe")).to_be_visible()
    assert bubbles.all_inner_texts() == before

    # A day later only people may answer, and still can.
    instagram.let_pass(timedelta(hours=25))
    window_told(page, instagram, late, "فقط آدم‌ها")
    expect(page.locator("#send")).to_be_visible()
    judged(page, axe, "people")
    send(page, WITHIN_A_WEEK)
    assert instagram.tag_of(WITHIN_A_WEEK) == "HUMAN_AGENT"
    assert instagram.tag_of(ANSWER) == ""

    # A week later nobody can: what is left is told, and what was written by hand stops the clock.
    instagram.let_pass(timedelta(days=6))
    window_told(page, instagram, late, "صبر کنید")
    ways = page.locator(".ways-out li")
    expect(ways).to_have_count(3)
    expect(page.locator("#send")).to_have_count(0)
    judged(page, axe, "over")
    ways.locator("a").click()
    expect(page.locator("#thread, .thread")).to_contain_text(LATE_COMMENT)
    expect(page.locator("#send")).to_be_visible()
    desk.open_case(page, late)
    page.click(".by-hand summary")
    page.fill("#answer-text", BY_HAND)
    judged(page, axe, "by-hand")
    page.click(".by-hand form .actions button")
    expect(page.locator(".bubble.own", has_text=BY_HAND)).to_have_count(1)
    expect(page.locator("body")).to_contain_text("زمان‌سنج ایستاد")

    # Instagram has each answer once, and nothing else of ours.
    assert sorted(instagram.answers()) == sorted([PUBLIC, PRIVATE, ANSWER, WITHIN_A_WEEK])
    page.goto(f"{desk.stage.simulated().instagram.base_url}/?lang=fa")
    for text in (PUBLIC, PRIVATE, ANSWER, WITHIN_A_WEEK):
        expect(page.locator(".one.shop .text", has_text=text)).to_have_count(1)


def test_who_is_answering_is_told_that_the_message_was_edited_or_deleted(
    instagram: Instagram, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    desk = instagram.desk
    page = open_page("fa", 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    wait_until(lambda: instagram.call("GET", "/webhooks")["fields"], what="webhooks ordered")
    question = instagram.message("omid_r", text=QUESTION)
    desk.open_case(page, question)
    typed, news = page.locator("#answer-text"), page.locator("#composer-news")
    typed.fill(STILL_TYPED)

    # It is told while one still writes, with the new words; what was typed stays.
    instagram.call("PUT", f"/messages/{question}", text=EDITED)
    expect(news).to_contain_text(EDITED, timeout=60_000)
    expect(typed).to_have_value(STILL_TYPED)
    judged(page, axe, "edited")

    # Sending asks once.
    page.click("#send")
    expect(page.locator(".stopped")).to_contain_text(EDITED)
    expect(typed).to_have_value(STILL_TYPED)
    judged(page, axe, "edited-stopped")
    assert instagram.answers() == []

    instagram.call("PUT", f"/messages/{question}", unsent=True)
    expect(news).to_contain_text("حذف", timeout=60_000)
    judged(page, axe, "deleted")
    page.click("#send")
    expect(page.locator(".stopped")).to_contain_text("حذف")
    expect(typed).to_have_value(STILL_TYPED)
    judged(page, axe, "deleted-stopped")
    assert instagram.answers() == []

    # Whoever presses again has read it: now it leaves, once.
    send(page, STILL_TYPED)
    assert instagram.answers() == [STILL_TYPED]
