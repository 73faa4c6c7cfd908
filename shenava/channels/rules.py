"""The rules of platforms as data: what they allow, how fast, how long, at what price.

A rule is a value with its source and the day it was read, so that a person can check it and a
test can count its age. Every platform fills these types in its own ``rules`` module; the gate
before a send, the composer and the meter read them there and nowhere else.

Money is in micros: millionths of a US dollar, whole numbers, never floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from shenava.messages import Deed


@dataclass(frozen=True, slots=True)
class Basis:
    """Where a rule is written, and when it was last read there. ``sure`` is false when the
    platform does not say it outright, so that it is our reading of it."""

    source: str
    read_on: date
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in our own words. ``code`` names it in translations, facts and tests."""

    code: str
    says: str
    basis: Basis


class Per(StrEnum):
    """Whom a platform counts a pace by."""

    USER = "user"
    """Each account that has authorised the app."""
    APP = "app"
    """The developer's app, all its accounts together."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` requests to ``endpoint`` in any ``window``, counted ``per`` whom."""

    endpoint: str
    per: Per
    count: int
    window: timedelta
    basis: Basis


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of ``code`` costs, in micros."""

    code: str
    micros: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back a source can be read: so many messages, so long ago; ``None``: no limit."""

    messages: int | None
    age: timedelta | None
    basis: Basis


class Reason(StrEnum):
    """Why something may not be sent."""

    NOT_SUMMONED = "not_summoned"
    """Its author neither named nor quoted us."""
    SUMMONS_UNKNOWN = "summons_unknown"
    """We do not know whether they did."""
    NO_CONSENT = "no_consent"
    """They have not written to us privately, nor asked us to."""
    OPTED_OUT = "opted_out"
    WINDOW_CLOSED = "window_closed"
    """The time in which the platform lets one answer is over."""
    NOT_OWN_POST = "not_own_post"
    """It does not stand under a post of ours."""
    NOT_OFFERED = "not_offered"
    """The platform's interface has no such deed."""


class WayOut(StrEnum):
    """What is possible instead."""

    OPEN_ON_PLATFORM = "open_on_platform"
    """Open it on the platform, answer by hand, and record the answer here."""
    ANSWER_PUBLICLY = "answer_publicly"
    """Answer in public and invite them to write privately."""
    WAIT_FOR_CUSTOMER = "wait_for_customer"
    """It becomes possible when they write again."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The platform lets it pass, by ``rule``."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The platform does not let it pass: why, what is possible instead, by which ``rule``."""

    reason: Reason
    way_out: WayOut
    rule: Rule


Ruling = Allowed | NotAllowed


@dataclass(frozen=True, slots=True)
class Facts:
    """What a platform's rules ask about a message and its author before something is sent.

    ``summoned``: the author of the message named or quoted us in it; ``None``: not known.
    ``own_message``: we wrote it ourselves. ``under_own_post``: it stands under a post of ours.
    ``wrote_privately``: the person has written to us in private. ``asked_privately``: they asked
    in public that we write to them. ``opted_out``: they asked not to be written to,
    and have not written again since.
    ``automatic``: no person pressed the button. ``unrestricted``: our contract with the platform
    lifts its limits on answering (X: Enterprise).
    """

    deed: Deed
    summoned: bool | None = None
    own_message: bool = False
    under_own_post: bool = False
    wrote_privately: bool = False
    asked_privately: bool = False
    opted_out: bool = False
    automatic: bool = False
    unrestricted: bool = False


class Length(NamedTuple):
    """How long a text is, as its platform counts, and how long it may be."""

    used: int
    limit: int

    @property
    def left(self) -> int:
        """What is left; negative when the text is too long."""
        return self.limit - self.used

    @property
    def fits(self) -> bool:
        return self.used <= self.limit
