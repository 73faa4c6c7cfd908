"""The one gate before every send: may this leave now, and if not, what is possible instead.

Pure. What a platform allows comes as the ruling of its own rules (``shenava.channels.rules``);
what the shop allows, and what is left of money and rates, as facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shenava.channels import rules
from shenava.channels.rules import Length, NotAllowed, Ruling
from shenava.messages import Deed


class Why(StrEnum):
    """Why something may not leave, beside the reasons that platforms give (``rules.Reason``)."""

    CHANGED = "changed"
    """What would be sent is not what was approved."""
    EXPIRED = "expired"
    BLOCKED = "blocked"
    AUTOMATIC_SENDER = "automatic_sender"
    """The other side is a machine; two machines would talk for ever."""
    CUSTOMER_WROTE = "customer_wrote"
    """The customer wrote after the answer was written: it should be looked at again."""
    NOT_CONNECTED = "not_connected"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    MONEY = "money"
    """The app's budget of the month is used up."""
    RATE = "rate"
    """The platform's pace is used up for now."""


class Way(StrEnum):
    """What is possible instead, beside the ways out that platforms know (``rules.WayOut``)."""

    SEND_AGAIN = "send_again"
    """Look at it, and send it anew."""
    UNBLOCK = "unblock"
    CONNECT = "connect"
    SHORTEN = "shorten"
    RAISE_LIMIT = "raise_limit"
    """Raise the app's limit, or wait for the next month."""
    WAIT = "wait"
    """It leaves by itself at ``until``."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SendFacts:
    """All that the gate asks.

    ``ruling``: the platform's. ``blocked``: the shop blocked the person. ``opted_out``: they want
    to hear nothing more, and this is no person's answer to what they wrote after saying so
    (:func:`responder.opting.asked_for`). ``automatic``: no person pressed "send"; ``to_machine``:
    the other side writes automatically. ``intact``: text and recipient are those that were
    approved. ``customer_wrote``: after what the sender had seen. ``money_fits``: the price stays
    within the app's limit. ``rate_free_at``: when the pace allows
    it, ``None`` when it does now. Instants are aware.
    """

    deed: Deed
    now: datetime
    ruling: Ruling
    length: Length
    has_content: bool = True
    connected: bool = True
    blocked: bool = False
    opted_out: bool = False
    automatic: bool = False
    to_machine: bool = False
    intact: bool = True
    customer_wrote: bool = False
    money_fits: bool = True
    expires_at: datetime | None = None
    rate_free_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may leave."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not. ``until``: it may be asked again then, and nobody need do anything."""

    reason: Why | rules.Reason
    way_out: Way | rules.WayOut
    until: datetime | None = None


ALLOWED = Allowed()

_TO_A_PERSON = (Deed.ANSWER, Deed.DM, Deed.PRIVATE_REPLY)


def gate(facts: SendFacts) -> Allowed | Refused:
    """Decide. The first thing in the way is named, the gravest first: what nobody can change,
    then what a person can, then what time alone will."""
    to_person = facts.deed in _TO_A_PERSON
    checks: tuple[tuple[bool, Why, Way], ...] = (
        (not facts.intact, Why.CHANGED, Way.SEND_AGAIN),
        (_is_over(facts, facts.now), Why.EXPIRED, Way.SEND_AGAIN),
        (to_person and facts.blocked, Why.BLOCKED, Way.UNBLOCK),
        (
            to_person and facts.automatic and facts.to_machine,
            Why.AUTOMATIC_SENDER,
            Way.NONE,
        ),
    )
    for stands_in_the_way, why, way in checks:
        if stands_in_the_way:
            return Refused(why, way)
    if to_person and facts.opted_out:
        return Refused(rules.Reason.OPTED_OUT, rules.WayOut.WAIT_FOR_CUSTOMER)
    if isinstance(facts.ruling, NotAllowed):
        return Refused(facts.ruling.reason, facts.ruling.way_out)
    checks = (
        (facts.customer_wrote, Why.CUSTOMER_WROTE, Way.SEND_AGAIN),
        (not facts.has_content, Why.EMPTY, Way.SEND_AGAIN),
        (not facts.length.fits, Why.TOO_LONG, Way.SHORTEN),
        (not facts.connected, Why.NOT_CONNECTED, Way.CONNECT),
        (not facts.money_fits, Why.MONEY, Way.RAISE_LIMIT),
    )
    for stands_in_the_way, why, way in checks:
        if stands_in_the_way:
            return Refused(why, way)
    if facts.rate_free_at is not None:
        if _is_over(facts, facts.rate_free_at):
            return Refused(Why.RATE, Way.SEND_AGAIN)
        return Refused(Why.RATE, Way.WAIT, facts.rate_free_at)
    return ALLOWED


def _is_over(facts: SendFacts, at: datetime) -> bool:
    return facts.expires_at is not None and facts.expires_at <= at
