"""What someone does in a browser before a real ``shenava run``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from support.processes import Service, shenava

PASSWORD = "a long enough sentence"


@dataclass(frozen=True, slots=True)
class Shop:
    """A running service with its data folder."""

    home: Path
    service: Service

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def receive(self, key: str, author: str, text: str, platform: str = "x") -> None:
        """A customer writes: one message arrives by ``shenava import``, in a process of its own."""
        row = {"id": key, "author": author, "text": text, "created_at": "2026-11-22T09:00:00Z"}
        file = self.home.parent / f"{key}.jsonl"
        file.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
        done = shenava(
            self.home,
            "import",
            file,
            f"--platform={platform}",
            "--kind=mention",
            "--account=shop",
            "--json",
            business_hours="always",
        )
        assert json.loads(done.stdout.splitlines()[-1])["new"] == 1, done.stderr


def make_admin(page: Page, shop: Shop) -> None:
    """The first admin: by the link that the service printed, then out and in again."""
    page.goto(shop.service.link)
    page.fill("input[name=name]", "سارا احمدی")
    page.fill("input[name=email]", "sara@shop.example")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit], main form button:not([type])")
    page.wait_for_url("**/inbox/**")
    page.click(".rail-me summary")
    page.click("form[action$='/sign-out'] button")
    page.wait_for_url("**/sign-in**")


def sign_in(page: Page, shop: Shop, email: str = "sara@shop.example") -> None:
    page.goto(shop.address)
    page.wait_for_url("**/sign-in**")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/**")


def told_to_the_end(page: Page, seconds: float) -> None:
    """A broadcast's page follows it by itself; wait until the page says that it has ended.

    What asks the store instead may look while the page loads itself anew.
    """
    page.wait_for_selector("#progress:not([data-live])", state="attached", timeout=seconds * 1000)
