"""The README's way, walked: ``python tools/walkthrough.py OUT [--language fa] [--printed FILE]``.

From what ``make run`` prints to an answered complaint, in the machine's Chromium, as someone who
sees Shenava for the first time would go: make an account, see complaints arrive, open the first,
answer it, see the answer stand on the simulated platform it was written on. Each step is a picture
in OUT; the last line tells how many seconds it took, as JSON.

Starts a rehearsal of its own, in a folder that is deleted in the end; or, with ``--printed``, goes
where the words that a running ``make run`` printed into a file lead.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

COMMAND = "from service.cli import main; main()"
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "a long enough sentence"
VIEW = {"width": 1280, "height": 800}
PATIENCE_S = 120

ANSWERS = {
    "fa": "سلام، از دیدن این مشکل متأسفیم. درگاه را بررسی می‌کنیم و تا یک ساعت دیگر "
    "همین‌جا خبر می‌دهیم.",
    "ar": "مرحبًا، نعتذر عن هذا. نفحص بوابة الدفع الآن ونخبرك هنا خلال ساعة.",
    "en": "Hello, we are sorry about this. We are checking the gateway and will tell you here "
    "within the hour.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--language", default="fa", choices=sorted(ANSWERS))
    parser.add_argument("--printed", type=Path, help="what a running 'make run' prints goes here")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with words_of(asked.printed) as printed, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            context = browser.new_context(
                viewport=VIEW, locale=asked.language, reduced_motion="reduce"
            )
            walk(context.new_page(), printed, asked.out, asked.language)
        finally:
            browser.close()
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"language": asked.language, "seconds": seconds}))


def walk(page: Page, printed: str, out: Path, language: str) -> None:
    """The steps of the README, one picture each."""

    def picture(step: str) -> None:
        file = out / f"{step}-{language}.png"
        page.screenshot(path=file)
        # A page has few colours; a palette of them makes a third of the bytes.
        Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
            file, optimize=True
        )
        sys.stderr.write(f"{step}\n")

    page.goto(found(r"http\S+/link/\S+", printed))
    page.fill("input[name=name]", {"fa": "سارا احمدی", "ar": "ليلى حسن"}.get(language, "Sara"))
    page.fill("input[name=email]", "sara@shop.example")
    page.fill("input[name=password]", PASSWORD)
    picture("1-account")
    page.click("main form button:not([type]), main form button[type=submit]")
    page.wait_for_url("**/inbox/**")

    # Half a minute in, the gateway fails, and urgent complaints stand on top.
    urgent = page.locator("#rows .row.urgent, #rows [class*=priority-3]").first
    until = time.monotonic() + PATIENCE_S
    while not urgent.count() and time.monotonic() < until:
        page.wait_for_timeout(2000)
        page.reload()
    page.wait_for_timeout(5000)
    picture("2-arriving")

    page.reload()
    page.locator("#rows .row a").first.click()
    page.wait_for_url("**/inbox/case/**")
    platform = written_on(page)
    picture("3-complaint")

    page.fill("#answer-text", ANSWERS[language])
    picture("4-answer")
    page.click("#send")
    expect(page.locator(".bubble.own button.undo")).to_be_visible()
    picture("5-undo")
    expect(page.locator(".bubble.own.sent")).to_be_visible(timeout=PATIENCE_S * 1000)

    page.goto(found(rf"simulated {platform}, to look at: (http\S+)", printed))
    answer = page.get_by_text(ANSWERS[language][:40]).first
    expect(answer).to_be_visible(timeout=PATIENCE_S * 1000)
    answer.scroll_into_view_if_needed()
    picture("6-arrived")


def written_on(page: Page) -> str:
    """On which platform the opened case was written: there the answer will stand."""
    classes = page.locator("#case-head .face .channel").first.get_attribute("class")
    return "Instagram" if "instagram" in (classes or "") else "X"


def found(pattern: str, printed: str) -> str:
    match = re.search(pattern, printed)
    if match is None:
        raise SystemExit(f"'make run' printed no address like {pattern}:\n{printed}")
    return match[match.lastindex or 0]


@contextmanager
def words_of(file: Path | None) -> Iterator[str]:
    """What a rehearsal prints when it is up: the one that writes to ``file``, or one of our own."""
    if file is not None:
        yield awaited(file)
        return
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder, "printed")
        environment = {
            **os.environ,
            "SHENAVA_HOME": str(Path(folder, "home")),
            "SHENAVA_PORT": str(free_port()),
        }
        with printed.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "run", "--rehearsal"],
                stdout=out,
                env=environment,
                cwd=Path(__file__).parent.parent,
            )
        try:
            yield awaited(printed)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def awaited(file: Path) -> str:
    until = time.monotonic() + PATIENCE_S * 5
    while time.monotonic() < until:
        words = file.read_text(encoding="utf-8") if file.exists() else ""
        if "Ctrl-C" in words:
            return words
        time.sleep(0.2)
    raise SystemExit(f"No rehearsal came up within {PATIENCE_S * 5} s; see {file}.")


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


if __name__ == "__main__":
    main()
