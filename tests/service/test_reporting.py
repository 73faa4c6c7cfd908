"""Promises of the weekly report as it is made and mailed: once, whoever runs, whatever breaks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import func, select
from support.mailbox import Mailbox, mail_server
from support.processes import ROOT
from support.reporting import CountedShop
from support.ringing import add_colleague

from config import Settings
from reports import issuing
from responder.mailing import SENDING_LEASE, claim_due
from responder.policy import policy_of
from service.reporting import Reporting
from shenava.clock import SetClock
from shenava.store import MailState, ReportMail, Store, WeeklyReport

MINUTE = timedelta(minutes=1)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def settings_for(port: int, **more: Any) -> Settings:
    return Settings(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security="none",
        mail_from="reports@shop.test",
        public_url="https://listen.shop.test",
        language="en",
        calendar="gregorian",
        **more,
    )


def reporting_for(store: Store, settings: Settings) -> Reporting:
    return Reporting(store, settings, policy_of(settings))


@pytest.fixture
def shop(store: Store, clock: SetClock, box: Mailbox) -> CountedShop:
    """Sara is its admin, Omid an agent; something was written in the week of 3 January."""
    shop = CountedShop(store, settings_for(box.port), clock)
    add_colleague(store, "mina", admin=True, language="fa")
    add_colleague(store, "omid", language="en")
    shop.writes("2026-01-05 10:00", "1", "a complaint, urgent")
    return shop


def states(store: Store) -> list[MailState]:
    with store.read() as session:
        return list(session.scalars(select(ReportMail.state).order_by(ReportMail.id)))


def reports(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(WeeklyReport)) or 0


def test_it_is_made_at_the_hour_the_shop_chose_and_mailed_to_its_admins(
    shop: CountedShop, box: Mailbox
) -> None:
    reporting = reporting_for(shop.store, shop.settings)
    shop.now_is("2026-01-10 07:59")
    assert reporting.tick() is None
    shop.now_is("2026-01-10 08:00")
    assert reporting.tick() is not None
    assert reporting.tick() is None
    assert reporting.send() == 1
    assert reporting.send() == 0
    assert box.recipients == ["mina@shop.test"]
    (mail,) = box.mails
    assert mail["Subject"] == "گزارش هفتگی: ۳ ژانویه ۲۰۲۶ تا ۹ ژانویه ۲۰۲۶"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    assert 'dir="rtl"' in html.get_content()
    assert "https://listen.shop.test/reports/2026-01-03" in text.get_content()
    (pdf,) = list(mail.iter_attachments())
    assert pdf.get_content_type() == "application/pdf"
    assert pdf.get_content().startswith(b"%PDF-")
    assert "complaint, urgent" not in text.get_content() + html.get_content()


def test_the_week_of_a_shop_that_begins_on_monday_is_due_on_monday(
    store: Store, clock: SetClock, box: Mailbox
) -> None:
    settings = settings_for(box.port, time_zone="America/Los_Angeles", first_weekday="monday")
    shop = CountedShop(store, settings, clock)
    shop.writes("2026-03-03 10:00", "1", "complaint")
    reporting = reporting_for(store, settings)
    shop.now_is("2026-03-08 23:59")
    assert reporting.tick() is None
    shop.now_is("2026-03-09 08:00")
    assert reporting.tick() is not None
    with store.read() as session:
        made = session.scalars(select(WeeklyReport)).one()
    # The night before, clocks went forward: the week had an hour less.
    assert made.ends_at - made.starts_at == timedelta(days=7, hours=-1)
    assert issuing.week_of(made) == shop.week("2026-03-02")


def test_a_shop_that_has_just_begun_gets_no_report_of_the_time_before(shop: CountedShop) -> None:
    shop.now_is("2026-01-05 11:00")
    assert reporting_for(shop.store, shop.settings).tick() is None
    assert reports(shop.store) == 0


def test_without_a_mail_server_it_is_made_all_the_same(shop: CountedShop) -> None:
    shop.now_is("2026-01-10 09:00")
    assert reporting_for(shop.store, Settings()).tick() is not None
    assert states(shop.store) == []


def test_many_processes_make_and_mail_it_once(shop: CountedShop, box: Mailbox) -> None:
    shop.now_is("2026-01-10 09:00")
    together = Barrier(4)

    def work() -> None:
        mine = reporting_for(shop.store, shop.settings)
        together.wait(10)
        mine.tick()
        mine.send()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    reporting_for(shop.store, shop.settings).send()
    assert reports(shop.store) == 1
    assert len(box.mails) == 1
    assert states(shop.store) == [MailState.SENT]


def _killed(shop: CountedShop, box: Mailbox, when: str) -> None:
    """A worker in a process of its own is killed as the mail server sees ``when``."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "support.report_worker",
            shop.store.url,
            str(box.port),
            shop.clock.now().isoformat(),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
    )
    setattr(box, when, lambda: os.kill(process.pid, signal.SIGKILL))
    assert process.wait(60) == -signal.SIGKILL
    setattr(box, when, lambda: None)


def test_killed_before_it_left_it_is_sent_later(shop: CountedShop, box: Mailbox) -> None:
    shop.now_is("2026-01-10 09:00")
    reporting_for(shop.store, shop.settings).tick()
    _killed(shop, box, "at_connect")
    assert states(shop.store) == [MailState.CLAIMED]
    shop.clock.advance(6 * MINUTE)
    reporting_for(shop.store, shop.settings).send()
    assert states(shop.store) == [MailState.SENT]
    assert len(box.mails) == 1


def test_killed_as_it_left_it_is_not_sent_again(shop: CountedShop, box: Mailbox) -> None:
    shop.now_is("2026-01-10 09:00")
    reporting_for(shop.store, shop.settings).tick()
    _killed(shop, box, "at_data")
    assert states(shop.store) == [MailState.SENDING]
    shop.clock.advance(SENDING_LEASE + MINUTE)
    reporting_for(shop.store, shop.settings).send()
    assert states(shop.store) == [MailState.UNKNOWN]
    assert len(box.mails) == 1


def test_a_mail_server_that_is_away_is_tried_again(shop: CountedShop, box: Mailbox) -> None:
    shop.now_is("2026-01-10 09:00")
    reporting = reporting_for(shop.store, shop.settings)
    reporting.tick()
    box.refuse_mail = "451 later"
    reporting.send()
    assert states(shop.store) == [MailState.QUEUED]
    box.refuse_mail = ""
    shop.clock.advance(MINUTE)
    reporting.send()
    assert states(shop.store) == [MailState.SENT]


def test_who_left_meanwhile_gets_nothing(shop: CountedShop, box: Mailbox) -> None:
    from shenava.store import User, UserState

    shop.now_is("2026-01-10 09:00")
    reporting = reporting_for(shop.store, shop.settings)
    reporting.tick()
    with shop.store.write() as session:
        for user in session.scalars(select(User)):
            user.state = UserState.DISABLED
    reporting.send()
    assert states(shop.store) == [MailState.CANCELLED]
    assert box.mails == []


def test_by_hand_nobody_is_mailed_it_twice(shop: CountedShop, box: Mailbox) -> None:
    shop.now_is("2026-01-10 09:00")
    reporting = reporting_for(shop.store, shop.settings)
    reporting.tick()
    reporting.send()
    assert reporting.queue(shop.week("2026-01-03")) == 0
    everyone = reporting_for(shop.store, settings_for(box.port, report_to="everyone"))
    assert everyone.queue(shop.week("2026-01-03")) == 1
    everyone.send()
    assert box.recipients == ["mina@shop.test", "omid@shop.test"]


def test_after_a_restore_nothing_is_mailed_by_itself(shop: CountedShop, box: Mailbox) -> None:
    shop.now_is("2026-01-10 09:00")
    reporting = reporting_for(shop.store, shop.settings)
    reporting.tick()
    rules = issuing.rules_of(shop.settings)
    shop.now_is("2026-01-17 09:00")
    with shop.store.write() as session:
        assert issuing.set_aside(session, shop.policy.hours, rules, shop.clock.now()) == 1
    assert reporting.tick() is None
    reporting.send()
    assert states(shop.store) == [MailState.UNKNOWN]
    assert box.mails == []
    assert claim_due(shop.store, ReportMail) is None
