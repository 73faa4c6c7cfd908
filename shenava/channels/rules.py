"""The rules of platforms as data: what they allow, how fast, how long, at what price.

A rule is a value with its source and the day it was read, so that a person can check it and a
test can count its age. Every platform fills these types in its own ``rules`` module; the gate
before a send, the composer and the meter read them there and nowhere else.

Money is in micros: millionths of a US dollar, whole numbers, never floats.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from shenava.messages import Deed, MessageKind


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
    ANSWERED_PRIVATELY = "answered_privately"
    """The one private answer that the platform lets pass has been given."""
    PEOPLE_ONLY = "people_only"
    """From here on only a person may answer, and no person pressed the button."""
    NO_PICTURE = "no_picture"
    """The platform takes no post without a picture."""


class WayOut(StrEnum):
    """What is possible instead."""

    OPEN_ON_PLATFORM = "open_on_platform"
    """Open it on the platform, answer by hand, and record the answer here."""
    ANSWER_PUBLICLY = "answer_publicly"
    """Answer in public and invite them to write privately."""
    ANSWER_PRIVATELY = "answer_privately"
    """Answer in private what they wrote in public, while the platform lets one."""
    WAIT_FOR_CUSTOMER = "wait_for_customer"
    """It becomes possible when they write again."""
    ADD_PICTURE = "add_picture"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which something may be sent, from when the customer wrote. ``people_only``: no
    machine may use it. ``once``: for one message."""

    code: str
    deed: Deed
    lasts: timedelta
    basis: Basis
    people_only: bool = False
    once: bool = False

    def ends(self, opened_at: datetime) -> datetime:
        return opened_at + self.lasts

    def is_open(self, opened_at: datetime, now: datetime) -> bool:
        return now < self.ends(opened_at)


def window_for(
    windows: Iterable[Window], deed: Deed, opened_at: datetime, now: datetime
) -> Window | None:
    """The window that closes next of those still open for ``deed``; ``None`` when all are over."""
    still = [one for one in windows if one.deed is deed and one.is_open(opened_at, now)]
    return min(still, key=lambda one: one.lasts, default=None)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The platform lets it pass, by ``rule``. ``until``: and no longer. ``window``: the one it
    passes through, where the platform has such."""

    rule: Rule
    until: datetime | None = None
    window: Window | None = None


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
    lifts its limits on answering (X: Enterprise). ``kind``: of the message; ``None``: there is
    none. ``written_at``: when it was written; ``wrote_privately_at``: when the person last wrote
    in private. ``answered_privately``: the message has had a private answer, or one is on its
    way. ``has_picture``: one goes along. ``one_of_many``: the same goes to others too. Instants
    are aware.
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
    now: datetime | None = None
    kind: MessageKind | None = None
    written_at: datetime | None = None
    wrote_privately_at: datetime | None = None
    answered_privately: bool = False
    has_picture: bool = False
    one_of_many: bool = False


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

    @property
    def in_bytes(self) -> bool:
        """Whether bytes of UTF-8 are counted, of which a Persian letter has two."""
        return False


class LengthInBytes(Length):
    """A length that is counted in bytes."""

    __slots__ = ()

    @property
    def in_bytes(self) -> bool:
        return True
