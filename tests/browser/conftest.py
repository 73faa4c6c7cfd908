"""A real browser (Debian's Chromium) before a real ``shenava run``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from support.browsing import Shop
from support.processes import free_port, running_service
from support.rehearsed_desk import Desk
from support.rehearsing import Stage

LOCALES = {"fa": "fa-IR", "en": "en-GB"}


def chromium_path() -> str:
    found = shutil.which("chromium")
    assert found, "Debian's chromium is missing: apt-get install chromium"
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        yield browser
        browser.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    home = tmp_path / "home"
    with running_service(home, business_hours="always") as service:
        yield Shop(home, service)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A rehearsal; nothing that the service did may have kept it from ending well."""
    stage = Stage(tmp_path / "home", free_port())
    with stage.service() as service:
        yield Desk(stage, service)
        assert service.stop() == 0


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[[str, int], Page]]:
    """Opens a page for someone who reads ``language`` on a screen ``width`` pixels wide.

    Any error in the console, a blocked script among them, fails the test at its end.
    """
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # A colleague's collision is answered with 409, which Chromium calls an error by itself.
        stopped = "status of 409 (CONFLICT)" in message.text
        if message.type in ("error", "warning") and not stopped:
            complaints.append(message.text)

    with ExitStack() as stack:

        def open_(language: str, width: int) -> Page:
            context = chromium.new_context(
                locale=LOCALES[language],
                viewport={"width": width, "height": 844 if width < 700 else 900},
                has_touch=width < 700,
            )
            stack.callback(context.close)
            context.set_default_timeout(20_000)
            page = context.new_page()
            page.on("console", listen)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield open_
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """Fails with what axe-core finds wrong on the page as it stands."""
    checker = Axe()

    def check(page: Page) -> None:
        found = checker.run(page)
        assert found.violations_count == 0, found.generate_report()

    return check


@pytest.fixture
def chromium_without_script(chromium: Browser) -> Iterator[Callable[[], Page]]:
    with ExitStack() as stack:

        def open_() -> Page:
            context = chromium.new_context(
                locale="fa-IR", java_script_enabled=False, viewport={"width": 1440, "height": 900}
            )
            stack.callback(context.close)
            context.set_default_timeout(20_000)
            return context.new_page()

        yield open_
