"""The gate as a table: what stands in the way, in which order, and what is possible instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from support.factories import START

from responder.gate import ALLOWED, Refused, SendFacts, Way, Why, gate
from shenava.channels.rules import (
    Allowed,
    Basis,
    Length,
    NotAllowed,
    Reason,
    Rule,
    WayOut,
)
from shenava.messages import Deed

RULE = Rule("test", "A rule.", Basis("the tests", date(2026, 1, 1)))
FINE = SendFacts(Deed.ANSWER, START, Allowed(RULE), Length(10, 280))
NOT_SUMMONED = NotAllowed(Reason.NOT_SUMMONED, WayOut.OPEN_ON_PLATFORM, RULE)
LATER = START + timedelta(minutes=5)

# The gravest first: each stands in the way also when all that follow do too.
TABLE: list[tuple[dict[str, Any], Refused]] = [
    ({"intact": False}, Refused(Why.CHANGED, Way.SEND_AGAIN)),
    ({"expires_at": START}, Refused(Why.EXPIRED, Way.SEND_AGAIN)),
    ({"blocked": True}, Refused(Why.BLOCKED, Way.UNBLOCK)),
    ({"automatic": True, "to_machine": True}, Refused(Why.AUTOMATIC_SENDER, Way.NONE)),
    ({"opted_out": True}, Refused(Reason.OPTED_OUT, WayOut.WAIT_FOR_CUSTOMER)),
    ({"ruling": NOT_SUMMONED}, Refused(Reason.NOT_SUMMONED, WayOut.OPEN_ON_PLATFORM)),
    ({"customer_wrote": True}, Refused(Why.CUSTOMER_WROTE, Way.SEND_AGAIN)),
    ({"has_content": False}, Refused(Why.EMPTY, Way.SEND_AGAIN)),
    ({"length": Length(281, 280)}, Refused(Why.TOO_LONG, Way.SHORTEN)),
    ({"connected": False}, Refused(Why.NOT_CONNECTED, Way.CONNECT)),
    ({"money_fits": False}, Refused(Why.MONEY, Way.RAISE_LIMIT)),
    ({"rate_free_at": LATER}, Refused(Why.RATE, Way.WAIT, LATER)),
]


def test_nothing_in_the_way() -> None:
    assert gate(FINE) is ALLOWED


@pytest.mark.parametrize(
    ("place", "facts", "refused"), [(n, *line) for n, line in enumerate(TABLE)]
)
def test_the_gravest_obstacle_is_named(place: int, facts: dict[str, Any], refused: Refused) -> None:
    assert gate(replace(FINE, **facts)) == refused
    # The more time an expiry leaves, the less it stands in the way of others.
    rest = {name: value for other, _ in TABLE[place:] for name, value in other.items()}
    rest.pop("expires_at", None) if "expires_at" not in facts else None
    assert gate(replace(FINE, **rest)) == refused


def test_a_pace_that_frees_too_late_is_a_refusal() -> None:
    facts = replace(FINE, rate_free_at=LATER, expires_at=LATER)
    assert gate(facts) == Refused(Why.RATE, Way.SEND_AGAIN)


@pytest.mark.parametrize("deed", [Deed.POST, Deed.HIDE])
def test_a_block_stops_what_goes_to_the_person_only(deed: Deed) -> None:
    assert gate(replace(FINE, deed=deed, blocked=True, opted_out=True)) is ALLOWED
