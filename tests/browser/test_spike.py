"""An outage from its first sign: the strip says it, leads to its cases, and to their notice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from support.browsing import Shop, make_admin, sign_in
from support.processes import free_port, wait_until
from support.rehearsing import Stage

from responder import spikes
from shenava.store import Broadcast, Spike

SLOW_S = 120

FEWEST = 18
"""Of the forty who write, so many at least complain: others ask whether the shop is down."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "home", free_port())
    yield stage
    stage.clear()


def shoot(page: Page, name: str) -> None:
    """A picture to look at, where ``SPIKE_PICTURES`` names a folder for them."""
    folder = os.environ.get("SPIKE_PICTURES")
    if folder:
        for width, height in ((1440, 900), (390, 844)):
            for theme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                file = f"{folder}/{name}-{width}-{theme}.png"
                page.screenshot(path=file, animations="disabled")
        page.set_viewport_size({"width": 1440, "height": 900})


def _number(text: str) -> int:
    return int("".join(str(int(sign)) for sign in text if sign.isdigit()))


@pytest.mark.parametrize("language", ["fa", "en"])
def test_an_outage_is_seen_and_leads_to_a_notice_for_those_who_complained(
    stage: Stage,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
    language: str,
) -> None:
    with stage.service() as service:
        shop = Shop(stage.home, service)
        page = open_page(language, 1440)
        make_admin(page, shop)
        sign_in(page, shop)
        page.goto(f"{shop.address}/customers/")
        expect(page.locator(".spike")).to_have_count(0)

        stage.rehearse("outage", "--complaints", 40, "--minutes", 0.1)
        # A page that was open tells it by itself.
        expect(page.locator(".spike").first).to_be_visible(timeout=SLOW_S * 1000)
        # Nobody is on duty, so the admin is called, on a page that has nothing to do with it.
        called = page.locator("#alert-bar a[href*='/spikes/']")
        expect(called).to_be_visible(timeout=SLOW_S * 1000)
        shoot(page, f"called-{language}")
        called.click()
        page.wait_for_url("**/spikes/*")
        expect(page.locator("#alert-bar")).to_be_hidden()
        with stage.store() as store, store.read() as session:
            spike = session.scalars(select(Spike).order_by(Spike.id)).first()
            assert spike is not None

        def all_there() -> bool:
            with stage.store() as store, store.read() as session:
                return len(spikes.open_cases(session, [spike.id])) >= FEWEST

        wait_until(all_there, what="the cases of the outage", seconds=SLOW_S)
        page.goto(f"{shop.address}/inbox/")
        # Of those that have mostly the same cases the strip shows one.
        shown = page.locator(".spike").first.get_attribute("id") or ""
        with stage.store() as store, store.read() as session:
            spike = session.get_one(Spike, int(shown.removeprefix("spike-")))
        axe(page)
        shoot(page, f"inbox-{language}")

        # "See them": as many rows as the button says, or pages of them.
        see = page.locator(f"#spike-{spike.id} a[href*='/inbox/']")
        told = _number(see.inner_text())
        see.click()
        page.wait_for_url("**spike=*")
        rows = page.locator("#rows > .row").count()
        while page.locator("a[rel=next]").count():
            page.goto(str(page.locator("a[rel=next]").evaluate("one => one.href")))
            rows += page.locator("#rows > .row").count()
        assert rows >= told >= FEWEST

        page.goto(f"{shop.address}/spikes/{spike.id}")
        expect(page.locator("main .spike-said li")).to_have_count(3)
        axe(page)
        shoot(page, f"spike-{language}")

        # "Announce": the notice is for exactly these.
        page.click("main a[href*='/broadcasts/new']")
        chosen = page.locator("input[name=cases]").get_attribute("value") or ""
        with stage.store() as store, store.read() as session:
            told_as_one = spikes.alike(session, spike.id)
            assert {int(one) for one in chosen.split()} <= set(
                spikes.open_cases(session, told_as_one)
            )
        assert len(chosen.split()) >= told
        expect(page.locator("input[name=intent]:checked")).to_have_count(0)
        shoot(page, f"announce-{language}")
        page.click("#plan-it")
        page.wait_for_selector("#release")
        with stage.store() as store, store.read() as session:
            row = session.scalars(select(Broadcast)).one()
            linked = session.get_one(Spike, spike.id)
            assert linked.broadcast_id == row.id
            assert sorted(row.aim["cases"]) == sorted(int(one) for one in chosen.split())
        page.goto(f"{shop.address}/inbox/")
        expect(page.locator(f"#spike-{spike.id} a[href$='/broadcasts/{row.id}']")).to_be_visible()
        # It asks for news, and would find nobody.
        page.close()


def test_ticked_cases_lead_to_a_notice(shop: Shop, open_page: Callable[[str, int], Page]) -> None:
    page = open_page("en", 1440)
    make_admin(page, shop)
    sign_in(page, shop)
    for number in range(3):
        shop.receive(f"m{number}", f"user{number}", "my parcel never came, where is it?")
    page.goto(f"{shop.address}/inbox/?queue=open")
    expect(page.locator("#rows > .row")).to_have_count(3)
    ticks = page.locator("#rows > .row .tick input")
    wanted = {ticks.nth(number).get_attribute("value") for number in range(2)}
    for number in range(2):
        ticks.nth(number).check(force=True)
    page.click("button[value=announce]")
    page.wait_for_selector("#write")
    chosen = page.locator("input[name=cases]").get_attribute("value") or ""
    assert set(chosen.split()) == wanted
    expect(page.locator("input[name=intent]:checked")).to_have_count(0)
    page.close()
