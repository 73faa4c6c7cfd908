"""Who types faster than the page comes loses nothing, and writes to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, expect
from support.browsing import make_admin, sign_in
from support.processes import wait_until
from support.rehearsed_desk import Desk

COMPLAINT = "@noora_shop my order is late again, where is it"


@contextmanager
def held(page: Page, address: str, method: str = "GET") -> Iterator[list[Route]]:
    """What the page asks of ``address`` waits until the end; the list has what waits."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == method:
            waiting.append(route)
        else:
            route.continue_()

    page.route(address, hold)
    yield waiting
    for route in waiting:
        route.continue_()
    page.unroute(address)


def test_keys_that_come_before_the_page_is_ready_are_pressed_when_it_is(
    desk: Desk, open_page: Callable[[str, int], Page]
) -> None:
    page = open_page("en", 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    one, two = (desk.write(name, COMPLAINT) for name in ("nadia_k", "omid_r"))
    first, second = desk.case_of(one), desk.case_of(two)

    # The page is there, its scripts are not.
    with held(page, "**/js/inbox-keys.js") as waiting:
        page.goto(f"{desk.shop.address}/inbox/case/{first}", wait_until="commit")
        expect(page.locator("#answer-text")).to_be_visible()
        wait_until(lambda: pumped(page, waiting), what="the question for the script")
        page.keyboard.type("rwe look into it")
    answer = page.locator("#answer-text")
    expect(answer).to_have_value("we look into it")
    expect(answer).to_be_focused()
    # It is a draft like any other.
    page.reload()
    expect(answer).to_have_value("we look into it")

    # Another case is asked for, and comes late: what is typed is meant for that one.
    page.locator(f"#case-{second} .row-open").focus()
    with held(page, f"**/inbox/case/{second}*") as waiting:
        page.keyboard.press("Enter")
        wait_until(lambda: pumped(page, waiting), what="the question for the case")
        page.keyboard.type("rsorry, Omid")
        expect(page.locator("#opened")).to_have_attribute("data-case", str(first))
        expect(answer).to_have_value("we look into it")
    expect(page.locator("#opened")).to_have_attribute("data-case", str(second))
    expect(answer).to_have_value("sorry, Omid")
    page.locator(f"#case-{first} .row-open").click()
    expect(page.locator("#opened")).to_have_attribute("data-case", str(first))
    expect(answer).to_have_value("we look into it")


def test_who_writes_while_the_case_is_renewed_goes_on_writing(
    desk: Desk, open_page: Callable[[str, int], Page]
) -> None:
    page = open_page("en", 1440)
    make_admin(page, desk.shop)
    sign_in(page, desk.shop)
    key = desk.write("nadia_k", COMPLAINT)
    desk.open_case(page, key)
    answer = page.locator("#answer-text")

    # A deed is on its way; its answer must not take the field from under the fingers.
    with held(page, "**/assign", "POST") as waiting:
        page.keyboard.press("a")
        wait_until(lambda: pumped(page, waiting), what="the deed")
        page.keyboard.type("rwe are lo")
    expect(page.locator("[data-key=KeyA]")).to_have_count(0)
    page.keyboard.type("oking, see")
    expect(answer).to_have_value("we are looking, see")
    expect(answer).to_be_focused()

    # The customer writes again: it is put in place, and nothing is lost.
    again = {"author": "nadia_k", "text": "@noora_shop hello? still nothing", "reply_to": key}
    x = desk.stage.simulated().x
    assert desk.case_of(str(x.call("POST", "/posts", **again)["id"])) == desk.case_of(key)
    expect(page.locator("#thread-live")).to_contain_text("still nothing", timeout=30_000)
    page.keyboard.type(" you soon")
    expect(answer).to_have_value("we are looking, see you soon")

    # An answer that leaves while the next is begun takes only its own words along.
    with held(page, "**/answer", "POST") as waiting:
        page.click("#send")
        wait_until(lambda: pumped(page, waiting), what="the answer")
        answer.press("End")
        page.keyboard.type(" or later")
    expect(page.locator(".stopped")).to_be_visible()
    page.keyboard.type("!")
    expect(answer).to_have_value("we are looking, see you soon or later!")


def pumped(page: Page, waiting: list[Route]) -> bool:
    """Whether something waits by now; the browser is let say so."""
    page.evaluate("0")
    return bool(waiting)
