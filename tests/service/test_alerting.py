"""Promises of alerts by mail: told once, in one's own language, whatever breaks on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select
from support.mailbox import Mailbox, mail_server
from support.processes import ROOT, free_port
from support.ringing import add_colleague, add_spike, write
from support.stops import Stopped, stop_at

from config import Settings
from responder import casework, spikes
from responder.mailing import CLAIM_LEASE, MAX_ATTEMPTS, SENDING_LEASE, back_off, claim_due
from responder.policy import Policy
from service.alerting import Alerting
from shenava.clock import SetClock
from shenava.store import AlertMail, MailState, Store, User

MINUTE = timedelta(minutes=1)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def alerting_for(store: Store, policy: Policy, port: int, **more: Any) -> Alerting:
    settings = Settings(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security="none",
        mail_from="alerts@shop.test",
        public_url="https://listen.shop.test",
        **more,
    )
    return Alerting(store, settings, policy)


@pytest.fixture
def alerting(store: Store, policy: Policy, box: Mailbox) -> Alerting:
    return alerting_for(store, policy, box.port)


def mails(store: Store) -> list[AlertMail]:
    with store.read() as session:
        return list(session.scalars(select(AlertMail).order_by(AlertMail.id)))


def states(store: Store) -> list[MailState]:
    return [row.state for row in mails(store)]


def text_of(box: Mailbox, place: int = 0) -> str:
    plain, _ = box.mails[place].iter_parts()
    return str(plain.get_content())


def test_who_is_on_duty_gets_one_mail_with_a_link(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting
) -> None:
    add_colleague(store, "sara", on=True, language="en")
    case = write(store, policy)
    alerting.ring()
    assert alerting.send() == 1
    assert alerting.send() == 0
    (mail,) = box.mails
    assert box.recipients == ["sara@shop.test"]
    assert mail["Subject"] == "An urgent case is waiting"
    assert mail["Message-ID"] == mails(store)[0].message_id
    assert f"https://listen.shop.test/inbox/case/{case}" in text_of(box)
    assert "because you are on duty" in text_of(box)
    assert "within 10 min" in text_of(box)
    assert states(store) == [MailState.SENT]


@pytest.mark.parametrize(
    ("language", "subject", "direction"),
    [
        ("fa", "یک پروندهٔ فوری منتظر است", "rtl"),
        ("ar", "حالة عاجلة تنتظر", "rtl"),
        ("en", "An urgent case is waiting", "ltr"),
        (None, "یک پروندهٔ فوری منتظر است", "rtl"),
    ],
)
def test_it_speaks_the_persons_language(
    store: Store,
    policy: Policy,
    box: Mailbox,
    alerting: Alerting,
    language: str | None,
    subject: str,
    direction: str,
) -> None:
    add_colleague(store, "sara", on=True, language=language)
    write(store, policy)
    alerting.ring()
    alerting.send()
    (mail,) = box.mails
    _, html = mail.iter_parts()
    lang = language or "fa"
    assert (mail["Subject"], mail["Content-Language"]) == (subject, lang)
    assert f'<html lang="{lang}" dir="{direction}">' in html.get_content()


def test_what_customers_write_is_in_no_mail_and_names_in_no_subject_unless_wanted(
    store: Store, policy: Policy, box: Mailbox
) -> None:
    add_colleague(store, "sara", on=True, language="en")
    write(store, policy, author="mallory", text="urgent, my card number is 1234")
    plain = alerting_for(store, policy, box.port)
    plain.ring()
    plain.send()
    assert "mallory" in text_of(box)
    assert "mallory" not in box.mails[0]["Subject"]
    store.clock.advance(timedelta(hours=2))  # type: ignore[attr-defined]
    write(store, policy, "2", author="mallory2", text="urgent, my card number is 1234")
    named = alerting_for(store, policy, box.port, alert_subject_names=True)
    named.ring()
    named.send()
    assert box.mails[1]["Subject"] == "Urgent: urgent, mallory2"
    assert all("1234" not in str(mail) + text_of(box, n) for n, mail in enumerate(box.mails))


def test_a_name_that_is_markup_stays_words(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting
) -> None:
    add_colleague(store, "sara", on=True, language="en")
    write(store, policy, author="<script>alert(1)</script>\u202e")
    alerting.ring()
    alerting.send()
    _, html = box.mails[0].iter_parts()
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()
    assert "\u202e" not in html.get_content() + text_of(box)


def test_the_reason_of_an_escalation_and_of_nobody_on_duty_is_said(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    add_colleague(store, "omid", admin=True, language="en")
    write(store, policy)
    alerting.ring()
    alerting.send()
    assert "because nobody is on duty and you are an admin" in text_of(box)
    add_colleague(store, "mina", admin=True, language="en")
    clock.advance(10 * MINUTE)
    assert alerting.ring().escalated == 1
    alerting.send()
    assert box.recipients == ["omid@shop.test", "mina@shop.test"]
    assert "nobody has acted yet and you are next" in text_of(box, 1)


def test_many_at_once_are_one_mail_and_later_ones_wait_their_turn(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    add_colleague(store, "sara", on=True, language="en")
    for n in range(25):
        write(store, policy, str(n), author=f"a{n}")
    alerting.ring()
    alerting.send()
    assert box.mails[0]["Subject"] == "25 urgent cases are waiting"
    assert text_of(box).count("/inbox/case/") == 20
    assert "and 5 more" in text_of(box)
    for n in range(2):
        clock.advance(MINUTE)
        write(store, policy, f"late{n}", author=f"late{n}")
        alerting.ring()
        assert alerting.send() == 0
    clock.advance(3 * MINUTE)
    assert alerting.send() == 1
    assert box.mails[1]["Subject"] == "2 urgent cases are waiting"


@pytest.mark.parametrize(
    ("language", "subject", "direction"),
    [
        ("fa", "۷ نفر شکایت دارند از: پرداخت · یک پروندهٔ فوری منتظر است", "rtl"),
        ("ar", "٧ أشخاص يشتكون من: الدفع · حالة عاجلة تنتظر", "rtl"),
        ("en", "7 people complain of: payment · An urgent case is waiting", "ltr"),
    ],
)
def test_a_spike_stands_above_the_cases_in_the_persons_language(
    store: Store,
    policy: Policy,
    box: Mailbox,
    alerting: Alerting,
    language: str,
    subject: str,
    direction: str,
) -> None:
    add_colleague(store, "sara", on=True, language=language)
    case = write(store, policy)
    spike = add_spike(store, policy=policy, people=7)
    assert alerting.ring().rung == 2
    assert alerting.send() == 1
    (mail,) = box.mails
    _, html = mail.iter_parts()
    page = html.get_content()
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert mail["Subject"].casefold() == subject.casefold()
    for said in (page, text_of(box)):
        link = f"https://listen.shop.test/spikes/{spike}"
        assert said.count(link) == 1
        assert said.index(link) < said.index(f"/inbox/case/{case}")


def test_a_word_of_customers_that_names_a_spike_is_in_no_mail(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting
) -> None:
    add_colleague(store, "sara", on=True, language="en")
    add_spike(store, policy=policy, people=6, cause="word:tehran")
    alerting.ring()
    alerting.send()
    (mail,) = box.mails
    assert mail["Subject"] == "6 people complain of: one and the same thing"
    assert "If nobody looks into these complaints" in text_of(box)
    assert all("tehran" not in part.get_content() for part in mail.iter_parts())


def test_a_spike_that_was_dealt_with_is_not_mailed(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    spike = add_spike(store)
    alerting.ring()
    with store.write() as session:
        spikes.dismiss(session, sara, spike, clock.now())
    alerting.ring()
    alerting.send()
    assert (box.mails, states(store)) == ([], [MailState.CANCELLED])


def test_what_no_longer_rings_is_not_mailed(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    case = write(store, policy)
    alerting.ring()
    with store.write() as session:
        casework.assign(session, sara, [case], clock.now(), sara)
    alerting.ring()
    alerting.send()
    assert box.mails == []
    assert states(store) == [MailState.CANCELLED]


def test_without_a_mail_server_alerts_are_made_and_no_mail(store: Store, policy: Policy) -> None:
    add_colleague(store, "sara", on=True)
    write(store, policy)
    alerting = Alerting(store, Settings(), policy)
    assert alerting.ring().called == 1
    assert alerting.send() == 0
    assert mails(store) == []


def test_a_server_that_is_down_is_tried_again_with_the_same_message_id_until_it_is_old_news(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    add_colleague(store, "sara", on=True)
    write(store, policy)
    alerting.ring()
    (before,) = mails(store)
    down = alerting_for(store, policy, free_port())
    for attempt in range(1, MAX_ATTEMPTS):
        assert down.send() == 1
        (row,) = mails(store)
        assert (row.state, row.reason, row.attempts) == (MailState.QUEUED, "unreachable", attempt)
        assert down.send() == 0
        clock.advance(back_off(attempt))
    assert alerting.send() == 1
    (after,) = mails(store)
    assert (after.state, after.message_id) == (MailState.SENT, before.message_id)
    assert box.mails[0]["Message-ID"] == before.message_id

    clock.advance(timedelta(hours=2))
    write(store, policy, "2", author="other")
    alerting.ring()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        down.send()
        clock.advance(back_off(attempt))
    assert states(store)[1] is MailState.FAILED


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ({"refuse_address": "550 unknown"}, MailState.FAILED),
        ({"refuse_mail": "451 try later"}, MailState.QUEUED),
        ({"hang_up": True}, MailState.UNKNOWN),
    ],
)
def test_each_end_is_written_down(
    store: Store,
    policy: Policy,
    box: Mailbox,
    alerting: Alerting,
    clock: SetClock,
    how: dict[str, Any],
    state: MailState,
) -> None:
    add_colleague(store, "sara", on=True)
    write(store, policy)
    alerting.ring()
    for name, value in how.items():
        setattr(box, name, value)
    alerting.send()
    assert states(store) == [state]
    assert mails(store)[0].reason
    if state is MailState.UNKNOWN:
        clock.advance(timedelta(minutes=9))
        alerting.send()
        assert len(box.mails) == 1


def test_two_workers_send_it_once(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting
) -> None:
    for name in ("a", "b", "c"):
        add_colleague(store, name, on=True)
    write(store, policy)
    alerting.ring()
    barrier = Barrier(2)

    def work() -> None:
        barrier.wait()
        alerting.send()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(box.recipients) == ["a@shop.test", "b@shop.test", "c@shop.test"]
    assert states(store) == [MailState.SENT] * 3


def test_cut_off_at_any_statement_it_is_sent_once_or_said_to_be_unknown(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    add_colleague(store, "sara", on=True)
    ends = set()
    for statement in range(60):
        write(store, policy, str(statement), author=f"a{statement}")
        alerting.ring()
        before = len(box.mails)
        cut = True
        with stop_at(store, statement), suppress(Stopped):
            alerting.send()
            cut = False
        clock.advance(max(CLAIM_LEASE, SENDING_LEASE))
        alerting.send()
        newest = mails(store)[-1]
        arrived = len(box.mails) - before
        assert arrived <= 1
        assert newest.state in (MailState.SENT, MailState.UNKNOWN)
        assert arrived == 1 or newest.state is MailState.UNKNOWN
        ends.add(newest.state)
        with store.write() as session:
            casework.close(session, newest.user_id, open_cases(store), clock.now())
        alerting.ring()
        if not cut:
            break
    else:
        raise AssertionError("it was never let through")
    assert ends == {MailState.SENT, MailState.UNKNOWN}


def open_cases(store: Store) -> list[int]:
    from shenava.store import Case, CaseState

    with store.read() as session:
        return list(session.scalars(select(Case.id).where(Case.state == CaseState.OPEN)))


@pytest.mark.parametrize(
    ("moment", "state", "arrived"),
    [("at_connect", MailState.SENT, 1), ("at_data", MailState.UNKNOWN, 1)],
)
def test_a_killed_worker_leaves_a_mail_that_is_sent_once(
    store: Store,
    policy: Policy,
    box: Mailbox,
    alerting: Alerting,
    clock: SetClock,
    moment: str,
    state: MailState,
    arrived: int,
) -> None:
    add_colleague(store, "sara", on=True)
    write(store, policy)
    alerting.ring()
    worker: list[subprocess.Popen[bytes]] = []
    ready = Barrier(2)

    def kill() -> None:
        ready.wait()
        os.kill(worker[0].pid, signal.SIGKILL)

    setattr(box, moment, kill)
    worker.append(
        subprocess.Popen(
            [sys.executable, "-m", "support.mail_worker", store.url, str(box.port)],
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        )
    )
    ready.wait()
    assert worker[0].wait() == -signal.SIGKILL
    setattr(box, moment, lambda: None)
    # While the lease lasts, nobody else touches it.
    assert alerting.send() == 0
    clock.advance(max(CLAIM_LEASE, SENDING_LEASE))
    alerting.send()
    assert (len(box.mails), states(store)) == (arrived, [state])


def test_a_claim_that_was_lost_can_decide_nothing(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting, clock: SetClock
) -> None:
    from responder.alert_mail import depart
    from responder.mailing import Outcome, arrive, recover

    add_colleague(store, "sara", on=True)
    write(store, policy)
    alerting.ring()
    lost = claim_due(store, AlertMail)
    assert lost is not None
    clock.advance(CLAIM_LEASE)
    assert recover(store, AlertMail) == 1
    ours = claim_due(store, AlertMail)
    assert ours is not None
    assert depart(store, lost) is None
    assert arrive(store, AlertMail, lost, Outcome.SENT) is None
    assert depart(store, ours) is not None
    # Word from the server that comes late still counts.
    clock.advance(SENDING_LEASE)
    recover(store, AlertMail)
    assert states(store) == [MailState.UNKNOWN]
    assert arrive(store, AlertMail, ours, Outcome.AGAIN, "unreachable") is MailState.UNKNOWN
    assert arrive(store, AlertMail, ours, Outcome.SENT) is MailState.SENT


def test_who_has_left_gets_no_mail(
    store: Store, policy: Policy, box: Mailbox, alerting: Alerting
) -> None:
    from shenava.store import UserState

    sara = add_colleague(store, "sara", on=True)
    write(store, policy)
    alerting.ring()
    with store.write() as session:
        session.get_one(User, sara).state = UserState.DISABLED
    alerting.send()
    assert (box.mails, states(store)) == ([], [MailState.CANCELLED])
