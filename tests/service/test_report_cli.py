"""``shenava report``: the report of a week on standard output, in a file, or by mail."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.mailbox import Mailbox, mail_server
from support.processes import shenava
from support.reporting import CountedShop
from support.ringing import add_colleague

from config import Settings
from dashboard.reports.files import json_of
from reports import issuing
from reports.book import settled
from reports.making import make_report
from reports.weeks import Week, week_at, week_before
from responder.policy import policy_of
from service.opening import open_store
from shenava.clock import SetClock


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def shop(home: Path) -> Iterator[CountedShop]:
    """Three complaints on the fourth day of the last week that is over."""
    settings = Settings(home=home)
    store = open_store(settings)
    clock = SetClock(last_week(settings).starts_at)
    store.clock = clock
    shop = CountedShop(store, settings, clock)
    noon = last_week(settings).starts_at.astimezone(settings.zone) + timedelta(days=3, hours=12)
    for number in range(3):
        at = noon + timedelta(minutes=number)
        shop.writes(at.strftime("%Y-%m-%d %H:%M"), f"m{number}", "a complaint")
    clock.advance(datetime.now(UTC) - clock.now())
    yield shop
    store.close()


def last_week(settings: Settings) -> Week:
    hours = policy_of(settings).hours
    return week_before(hours, week_at(hours, datetime.now(UTC)))


def test_it_prints_the_last_week_that_is_over(home: Path, shop: CountedShop) -> None:
    done = shenava(home, "report")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    week = last_week(shop.settings)
    assert (told["week"], told["finished"]) == (week.name, True)
    numbers = {one["figure"]: one["value"] for one in told["figures"] if not one["segment"]}
    assert (numbers["messages"], numbers["complaints"]) == (3, 3)
    # The same instant, the same bytes as everybody else is given.
    at = datetime.fromisoformat(told["as_of"])
    assert done.stdout.encode() == json_of(make_report(shop.store, shop.policy.hours, week, at))


def test_what_was_reported_is_printed_as_it_was_reported(home: Path, shop: CountedShop) -> None:
    week = last_week(shop.settings)
    as_of = settled(shop.store, shop.policy.hours)
    with shop.store.write() as session:
        issuing.make_if_none(session, week, as_of, shop.clock.now())
    late = week.starts_at.astimezone(shop.settings.zone) + timedelta(days=1, hours=1)
    known = (shop.clock.now() + timedelta(minutes=1)).astimezone(shop.settings.zone)
    wall = "%Y-%m-%d %H:%M:%S.%f"
    shop.writes(late.strftime(wall), "late", "a complaint", known_at=known.strftime(wall))
    told = json.loads(shenava(home, "report", "--week", week.name).stdout)
    assert told["figures"][0] == {**told["figures"][0], "figure": "messages", "value": 3}


def test_it_writes_each_form_into_a_file(home: Path, shop: CountedShop, tmp_path: Path) -> None:
    def written(form: str, *words: str) -> bytes:
        file = tmp_path / f"report.{form}"
        done = shenava(home, "report", "--format", form, "--out", file, *words)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        return file.read_bytes()

    lines = list(csv.DictReader(io.StringIO(written("csv").decode("utf-8-sig"))))
    assert ("messages", "3") in {(one["figure"], one["value"]) for one in lines}
    page = written("html", "--language", "fa").decode()
    assert '<html lang="fa" dir="rtl"' in page
    assert "a complaint" not in page, "what customers wrote stays in the house"
    assert written("pdf", "--language", "en").startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--week", "yesterday"), "'yesterday' is no date; write it as 2026-01-03."),
        (("--week", "2100-01-02"), "The week of 2100-01-02 has not begun."),
        (("--send",), "No mail server is set (smtp_host): the report cannot be mailed."),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    home: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = shenava(home, "report", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_by_hand_it_is_mailed_once(home: Path, shop: CountedShop) -> None:
    add_colleague(shop.store, "mina", admin=True, language="en")
    with mail_server() as box:
        mail = {
            "smtp_host": "127.0.0.1",
            "smtp_port": box.port,
            "smtp_security": "none",
            "mail_from": "reports@shop.test",
            "public_url": "https://listen.shop.test",
        }
        first, second = (shenava(home, "report", "--send", **mail) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "Queued 1 mails; tried 1 now." in first.stdout
    assert "Queued 0 mails; tried 0 now." in second.stdout
    assert box.recipients == ["mina@shop.test"]


def test_a_week_that_runs_is_not_mailed(home: Path, shop: CountedShop, box: Mailbox) -> None:
    today = datetime.now(shop.settings.zone).date().isoformat()
    mail = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "mail_from": "r@shop.test"}
    done = shenava(home, "report", "--send", "--week", today, **mail)
    assert done.returncode == 2
    assert "is not over; its report can be mailed when it is." in done.stderr
    assert box.mails == []


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box
