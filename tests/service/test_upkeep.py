"""Promises of house-keeping: nothing grows without end, and nothing goes that is still needed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from support.factories import incoming
from support.ringing import RULES, add_colleague, write
from support.shop import add_person, connect_shop

from collectors.intake import take_in
from config import Settings
from responder import alerts
from responder.policy import Policy
from responder.rates import KEEP
from service.upkeep import KEEP_ALARMS, KEEP_LINKS, jobs, prune_alarms, prune_links
from shenava.clock import SetClock
from shenava.store import (
    Alarm,
    Alert,
    AlertMail,
    Base,
    Billed,
    Case,
    CaseState,
    LinkPurpose,
    MailState,
    OneTimeLink,
    Presence,
    PresenceKind,
    RateUse,
    Store,
)


def count(store: Store, *rows: type[Base]) -> list[int]:
    with store.read() as session:
        return [session.scalar(select(func.count()).select_from(row)) or 0 for row in rows]


def keep_house(store: Store) -> None:
    for job in jobs(Settings()).values():
        job(store)


def test_what_has_served_its_time_goes_in_one_round(store: Store, clock: SetClock) -> None:
    connect_shop(store)
    person = add_person(store)
    case = write_case(store)
    now = clock.now()
    with store.write() as session:
        session.add_all(
            [
                Presence(
                    case_id=case, user_id=person, kind=PresenceKind.VIEWING, seen_at=clock.now()
                ),
                RateUse(subject="app:1", endpoint="post", at=now),
                Billed(app_id=1, day=now.date(), digest=7),
            ]
        )
    keep_house(store)
    assert count(store, Presence, RateUse, Billed) == [1, 1, 1], "all of it is still needed"
    clock.advance(KEEP + timedelta(seconds=1))
    keep_house(store)
    assert count(store, Presence, RateUse, Billed) == [0, 0, 0]


def write_case(store: Store) -> int:
    take_in(store, [incoming("1", written_at=store.clock.now())])
    with store.read() as session:
        return session.scalars(select(Case.id)).one()


def test_a_link_that_is_over_goes_after_a_month(store: Store, clock: SetClock) -> None:
    with store.write() as session:
        for name, days in (("over", -31), ("just over", -1), ("good", 2)):
            session.add(
                OneTimeLink(
                    token_hash=name,
                    purpose=LinkPurpose.FIRST_ADMIN,
                    expires_at=clock.now() + timedelta(days=days),
                )
            )
    assert timedelta(days=30) == KEEP_LINKS
    assert prune_links(store) == 1
    with store.read() as session:
        assert set(session.scalars(select(OneTimeLink.token_hash))) == {"just over", "good"}


def test_old_alarms_go_with_their_calls_and_mails_and_nothing_rings_for_it(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    add_colleague(store, "sara", on=True)
    old = write(store, policy)
    alerts.tick(store, RULES, policy.hours)
    with store.write() as session:
        mail = session.scalars(select(AlertMail)).one()
        mail.state, mail.sending_at, mail.sent_at = MailState.SENT, clock.now(), clock.now()
        session.get_one(Case, old).state = CaseState.SNOOZED
        session.get_one(Case, old).snoozed_until = clock.now() + KEEP_ALARMS * 2
    alerts.tick(store, RULES, policy.hours)
    assert count(store, Alarm, Alert, AlertMail) == [1, 1, 1]
    assert prune_alarms(store) == 0, "it has just ended"
    clock.advance(KEEP_ALARMS + timedelta(seconds=1))
    young = write(store, policy, "2", author="mina")
    alerts.tick(store, RULES, policy.hours)
    assert count(store, Alarm, Alert, AlertMail) == [2, 2, 2]
    # The old case is open again, as urgent as before, and nobody has written in it since.
    with store.write() as session:
        case = session.get_one(Case, old)
        case.state, case.snoozed_until = CaseState.OPEN, None
    assert prune_alarms(store) == 1
    assert count(store, Alarm, Alert, AlertMail) == [1, 1, 1]
    assert alerts.tick(store, RULES, policy.hours).rung == 0
    with store.read() as session:
        assert session.scalars(select(Alarm.case_id)).all() == [young]
