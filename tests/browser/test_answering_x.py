"""A complaint on X, from its arrival to the answer on X, as people at two desks see it: in a
rehearsal, with real processes and the real adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from support.browsing import PASSWORD, Shop, make_admin, sign_in
from support.processes import Service, free_port, wait_until
from support.rehearsing import Stage

from dashboard.auth.passwords import hashed
from shenava.store import Message, Role, User, UserState

COMPLAINT = {
    "fa": "@noora_shop پول از حسابم کم شد ولی سفارشم ثبت نشد! لطفا فوری جواب بدید",
    "en": "@noora_shop you charged my card twice and my order is not registered, where is my money",
}
UNSUMMONED = {
    "fa": "از نورا یک گلدان خریدم و شکسته رسید، هیچ‌کس جواب نمی‌دهد",
    "en": "My Noora vase arrived broken and nobody there answers anyone",
}
ANSWER = {
    "fa": "سلام، پیگیری کردیم: پولتان تا فردا برمی‌گردد.",
    "en": "Hello, we looked into it: your money is back by tomorrow.",
}


class Desk:
    """A rehearsal with two people at their browsers."""

    def __init__(self, stage: Stage, service: Service) -> None:
        self.stage, self.shop = stage, Shop(stage.home, service)

    def write(self, author: str, text: str) -> str:
        """A customer writes on the simulated X; the id of the post."""
        return str(self.stage.simulated().x.call("POST", "/posts", author=author, text=text)["id"])

    def case_of(self, key: str) -> int:
        """The number of the case that a post came to, once it has come."""
        wait_until(lambda: key in self.stage.held(), what="the message")
        with self.stage.store() as store, store.read() as session:
            return session.scalars(select(Message.case_id).where(Message.native_key == key)).one()

    def open_case(self, page: Page, key: str) -> None:
        page.goto(f"{self.shop.address}/inbox/case/{self.case_of(key)}")

    def answers(self) -> list[dict[str, Any]]:
        """What the simulated X took in from Shenava."""
        return self.stage.ledger()

    def add_colleague(self) -> None:
        with self.stage.store() as store, store.write() as session:
            session.add(
                User(
                    email="omid@shop.example",
                    name="Omid",
                    role=Role.AGENT,
                    state=UserState.ACTIVE,
                    password_hash=hashed(PASSWORD),
                    session_key="omid",
                    created_at=store.clock.now(),
                )
            )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    stage = Stage(tmp_path / "home", free_port())
    with stage.service() as service:
        yield Desk(stage, service)
        assert service.stop() == 0


def write_answer(page: Page, text: str) -> None:
    page.fill("#answer-text", text)
    page.click("#send")


@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_complaint_is_answered_once_undone_stopped_and_settled(
    language: str, desk: Desk, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    page = open_page(language, 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("nadia_k", COMPLAINT[language])
    # Other customers write too; what is new waits on top until it is asked for.
    arrived = page.locator("#fresh:visible, #rows .row").first
    expect(arrived).to_be_visible()
    desk.case_of(key)
    page.reload()
    expect(page.locator("#rows")).to_contain_text(COMPLAINT[language][12:50])
    desk.open_case(page, key)
    axe(page)

    # Answered, and taken back in time: X never hears of it.
    write_answer(page, "too quick")
    undo = page.locator(".bubble.own button.undo")
    expect(undo).to_be_visible()
    page.reload()
    undo.click()
    expect(page.locator(".bubble.own.cancelled")).to_have_count(1)

    # A colleague who was writing meanwhile is stopped, and shown the first answer.
    desk.add_colleague()
    other = open_page(language, 1440)
    other.goto(desk.shop.address)
    other.fill("input[name=email]", "omid@shop.example")
    other.fill("input[name=password]", PASSWORD)
    other.keyboard.press("Enter")
    other.wait_for_url("**/inbox/**")
    desk.open_case(other, key)
    other.fill("#answer-text", "Me too")

    write_answer(page, ANSWER[language])
    page.locator(".bubble.own.undo form[action$='/send-now'] button").click()
    expect(page.locator(".bubble.own.sent")).to_have_count(1)
    other.click("#send")
    stopped = other.locator(".stopped")
    expect(stopped).to_contain_text(ANSWER[language])
    expect(other.locator("#answer-text")).to_have_value("Me too")
    axe(other)
    assert [line["text"] for line in desk.answers()] == [ANSWER[language]]

    # The simulated X shows the answer under the complaint, once.
    x = open_page(language, 1440)
    x.goto(f"{desk.stage.simulated().x.base_url}/nadia_k/status/{key}?lang={language}")
    expect(x.locator(".one.shop .text", has_text=ANSWER[language])).to_have_count(1)
    x.close()


@pytest.mark.parametrize("language", ["fa", "en"])
def test_who_did_not_summon_the_shop_is_answered_on_x_itself(
    language: str, desk: Desk, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    page = open_page(language, 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("omid_r", UNSUMMONED[language])
    desk.open_case(page, key)
    axe(page)
    link = page.locator(".refused-way .fate-deeds a.button")
    where = f"{desk.stage.simulated().x.base_url}/omid_r/status/{key}"
    expect(link).to_have_attribute("href", where)
    expect(page.locator("#send")).to_have_count(0)

    # There it is answered as in X's own app, and comes back as the shop's own.
    with page.context.expect_page() as opened:
        link.click()
    there = opened.value
    there.fill("textarea", ANSWER[language])
    there.click("#byhand button")
    expect(there.locator(".one.shop .text", has_text=ANSWER[language])).to_have_count(1)
    there.close()
    own = page.locator(".bubble.own.elsewhere", has_text=ANSWER[language])
    # The shop's own posts are read every ten seconds; the open page is told.
    expect(own).to_have_count(1, timeout=60_000)
    assert desk.answers() == []


@pytest.mark.parametrize("language", ["fa", "en"])
def test_an_outcome_that_nobody_knows_is_shown_and_settled_by_a_person(
    language: str, desk: Desk, open_page: Callable[[str, int], Page], axe: Callable[[Page], None]
) -> None:
    page = open_page(language, 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("lena_m", COMPLAINT[language])
    desk.open_case(page, key)
    # X takes it in and breaks off; and what the shop itself wrote cannot be read.
    x = desk.stage.simulated().x
    x.call("POST", "/faults", kind="reset_after", endpoint="POST /2/tweets")
    x.call("POST", "/faults", kind="error_503", endpoint="GET /2/users/:id/tweets", times=None)
    write_answer(page, ANSWER[language])
    page.locator(".bubble.own.undo form[action$='/send-now'] button").click()
    doubt = page.locator(".bubble.own.unknown .doubt")
    expect(doubt).to_be_visible()
    axe(page)
    (taken,) = desk.answers()
    post = taken["result_id"]
    doubt.locator("input[name=permalink]").fill(f"{x.base_url}/noora_shop/status/{post}")
    doubt.locator("button[value=yes]").click()
    expect(page.locator(".bubble.own.sent")).to_have_count(1)
    x.call("DELETE", "/faults")
    assert [line["text"] for line in desk.answers()] == [ANSWER[language]]
