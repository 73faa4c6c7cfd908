"""A platform in memory that keeps its own truth: what was written there, and what it accepted.

Its channels speak the real protocol (``shenava.channels.Channel``), and fail in every way a
platform can, as the script says.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from shenava.channels import (
    Cursor,
    LookedUp,
    OutcomeUnknown,
    Outgoing,
    OwnMessage,
    Page,
    PaymentRequired,
    Profile,
    RateLimited,
    Reads,
    Rejected,
    RejectedBecause,
    Sent,
    Unauthorised,
    Unreachable,
)
from shenava.channels.rules import (
    Allowed,
    Basis,
    Facts,
    Length,
    Limit,
    Per,
    Rule,
    Ruling,
    Window,
)
from shenava.clock import SetClock
from shenava.messages import Deed, Incoming, MediaRef, Platform, Source

PRICE = 10_000
"""What sending one thing costs here, in micros."""
READ_PRICE = 1_000
BASIS = Basis("the tests", date(2026, 1, 1))


class Killed(BaseException):
    """The process is killed here: nothing that it would have done after this happens."""


def kill() -> None:
    raise Killed


class Fate(StrEnum):
    """What becomes of one request to send."""

    FINE = "fine"
    LOST_ANSWER = "lost_answer"
    """Done, but the answer never comes."""
    SAID_FAILED = "said_failed"
    """Not done, and the platform says that it failed: it also says so of what it did."""
    LOST_REQUEST = "lost_request"
    """Not done, and no answer comes either: to the sender the two look the same."""
    ODD_ANSWER = "odd_answer"
    """Done, and the answer breaks our code."""
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    """Refused as said before: the platform has it, whether it shows it or not."""
    PAYMENT = "payment"
    UNAUTHORISED = "unauthorised"
    KILLED_BEFORE = "killed_before"
    KILLED_AFTER = "killed_after"
    SLOW = "slow"
    """Done, but ``meanwhile`` happens before the answer comes."""


HIDING = frozenset({Fate.LOST_ANSWER, Fate.LOST_REQUEST, Fate.SAID_FAILED, Fate.ODD_ANSWER})
_ERRORS: Mapping[Fate, Callable[[datetime], Exception]] = {
    Fate.UNREACHABLE: lambda now: Unreachable("no route"),
    Fate.RATE_LIMITED: lambda now: RateLimited(now + timedelta(minutes=1), named=True),
    Fate.REJECTED: lambda now: Rejected(RejectedBecause.NOT_ALLOWED),
    Fate.DUPLICATE: lambda now: Rejected(RejectedBecause.DUPLICATE),
    Fate.PAYMENT: lambda now: PaymentRequired("no money"),
    Fate.UNAUTHORISED: lambda now: Unauthorised("the token died"),
}


@dataclass
class ScriptedPlatform:
    """``timeline`` is what customers wrote; ``accepted`` what the shop sent, with its time.

    ``visible``: whether reading back shows what was accepted; false: it cannot tell.
    ``limits``: the paces it enforces as its rules say. Thread-safe.
    """

    clock: SetClock
    fates: deque[Fate] = field(default_factory=deque)
    timeline: list[Incoming] = field(default_factory=list)
    own: list[OwnMessage] = field(default_factory=list)
    """What staff wrote in its own app; it comes with the last page of a reading."""
    hidden: set[str] = field(default_factory=set)
    """Keys of what was written and does not show yet."""
    accepted: list[tuple[datetime, str, Outgoing]] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)
    """Texts of which the sender cannot know what became."""
    visible: bool = True
    refuses_repeats: bool = True
    media: dict[str, bytes | Exception] = field(default_factory=dict)
    """What can be fetched, by its address."""
    fetched: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    """Keys of what its authors deleted."""
    locked_away: set[str] = field(default_factory=set)
    """Keys of what was made private."""
    looked_up: list[list[str]] = field(default_factory=list)
    look_errors: deque[Exception] = field(default_factory=deque)
    read_errors: deque[Exception | None] = field(default_factory=deque)
    connect_error: Exception | None = None
    meanwhile: Callable[[], None] = lambda: None
    page_size: int = 3
    limits: tuple[Limit, ...] = ()
    reach: int | None = None
    """How many messages it shows at most, counted from the newest."""
    pace: timedelta | None = None
    """What it wants between two pages."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # What the service joins.

    @property
    def rules(self) -> dict[Platform, ScriptedPlatform]:
        return {Platform.X: self}

    def connect(self, account_id: int, query: str = "") -> ScriptedChannel:
        if self.connect_error is not None:
            raise self.connect_error
        return ScriptedChannel(self)

    def tariff(self, account_id: int) -> ScriptedPlatform:
        return self

    # Its rules.

    def window_of(self, deed: Deed, opened_at: datetime, now: datetime) -> Window | None:
        return None

    def may_repeat(self, deed: Deed) -> bool:
        return self.refuses_repeats

    def may_answer(self, facts: Facts) -> Ruling:
        return Allowed(Rule("test.all", "Everything may be answered.", BASIS))

    def length_of(self, text: str, deed: Deed = Deed.ANSWER) -> Length:
        return Length(len(text), 280)

    def price_of(self, outgoing: Outgoing, summoned: bool = False) -> int:
        return PRICE

    def limits_of(self, what: Deed) -> tuple[Limit, ...]:
        return self.limits

    def read_price(self, reads: Reads) -> int:
        return sum(reads.resources.values()) * READ_PRICE

    def page_price(self, source: Source) -> int:
        return self.page_size * READ_PRICE

    # What happens there.

    def write(self, item: Incoming) -> None:
        self.timeline.append(item)

    def echoes(self) -> list[OwnMessage]:
        """Everything the shop sent, as it is read back from its own timeline."""
        return [
            OwnMessage(
                key,
                sent.deed,
                f"@someone {sent.text}",
                at,
                reply_to_key=sent.to_key if sent.deed is Deed.ANSWER else None,
                to_native_id=sent.to_native_id,
            )
            for at, key, sent in self.accepted
        ]

    def times_accepted(self, text: str) -> int:
        return sum(sent.text == text for _, _, sent in self.accepted)

    def shown(self) -> list[Incoming]:
        """What it shows, newest first."""
        found = [item for item in self.timeline if item.native_key not in self.hidden]
        return found[::-1][: self.reach]


_START = "start"
"""Read down to this: to the first message of all. There was none when it was last read."""


def per_account(count: int, window: timedelta) -> Limit:
    return Limit("post", Per.USER, count, window, BASIS)


@dataclass
class ScriptedChannel:
    """A channel of a :class:`ScriptedPlatform`. It reads newest first, page by page, down to the
    newest that a complete reading had seen: the way of X."""

    platform: ScriptedPlatform

    def check(self) -> Profile:
        return Profile("1", "digikala", "Digikala", None)

    def sources(self) -> Sequence[Source]:
        return (Source.MENTION,)

    def read(self, source: Source, cursor: Cursor) -> Page:
        platform = self.platform
        if platform.read_errors:
            error = platform.read_errors.popleft()
            if error is not None:
                raise error
        shown = platform.shown()
        places = {item.native_key: place for place, item in enumerate(shown)}
        start = places[cursor["after"]] + 1 if "after" in cursor else 0
        top = cursor.get("top") or (shown[0].native_key if shown else cursor.get("until", ""))
        rest = shown[start:]
        until = cursor.get("until")
        since = cursor.get("since")
        wanted: list[Incoming] = []
        reached = until is None and since is None
        for item in rest:
            if item.native_key == until or (
                since is not None and item.written_at < datetime.fromisoformat(since)
            ):
                reached = True
                break
            wanted.append(item)
        page = wanted[: platform.page_size]
        complete = len(wanted) <= platform.page_size
        to = cursor.get("to") or platform.clock.now().isoformat()
        keep = {name: cursor[name] for name in ("until", "since") if name in cursor}
        if complete:
            oldest = (page or shown or [None])[-1]
            gap = not reached and until is not None and until not in places and until != _START
            after = {"until": top or _START}
            return Page(
                tuple(replace(item, source=source) for item in page),
                tuple(platform.own),
                after,
                True,
                Reads({"owned_post": len(page)}),
                gap=gap,
                covered_from=(
                    datetime.fromisoformat(since)
                    if since is not None
                    else oldest.written_at
                    if oldest is not None and (until is None or gap)
                    else None
                ),
                covered_to=datetime.fromisoformat(to),
            )
        return Page(
            tuple(replace(item, source=source) for item in page),
            (),
            keep | {"after": page[-1].native_key, "top": top, "to": to},
            False,
            Reads({"owned_post": len(page)}),
            again_at=platform.pace and platform.clock.now() + platform.pace,
        )

    def cursor_from(self, source: Source, since: datetime) -> Cursor:
        return {"since": since.isoformat()}

    def send(self, outgoing: Outgoing) -> Sent:
        platform = self.platform
        with platform._lock:
            fate = platform.fates.popleft() if platform.fates else Fate.FINE
            now = platform.clock.now()
            if fate in _ERRORS:
                raise _ERRORS[fate](now)
            if fate not in (Fate.FINE,):
                platform.doubtful.add(outgoing.text)
            if fate is Fate.KILLED_BEFORE:
                raise Killed
            if fate is Fate.SAID_FAILED:
                raise OutcomeUnknown("answered 500", said_failed=True)
            if fate is Fate.LOST_REQUEST:
                raise OutcomeUnknown("no answer")
            key = f"sent-{len(platform.accepted)}"
            platform.accepted.append((now, key, outgoing))
        if fate is Fate.KILLED_AFTER:
            raise Killed
        if fate is Fate.LOST_ANSWER:
            raise OutcomeUnknown("no answer")
        if fate is Fate.ODD_ANSWER:
            raise ZeroDivisionError
        if fate is Fate.SLOW:
            platform.meanwhile()
        return Sent(key, f"https://x.test/{key}", now)

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        if not self.platform.visible:
            raise OutcomeUnknown("reading back is not possible")
        for at, key, sent in self.platform.accepted:
            if (sent.text, sent.to_key) == (outgoing.text, outgoing.to_key) and (
                at >= after and key not in known
            ):
                return Sent(key, f"https://x.test/{key}", at)
        return None

    def take_reads(self) -> Reads:
        return Reads({"owned_post": 1})

    def fetch_media(self, ref: MediaRef, max_bytes: int) -> bytes:
        assert ref.url is not None
        self.platform.fetched.append(ref.url)
        found = self.platform.media.get(ref.url, Rejected(RejectedBecause.NOT_FOUND))
        if isinstance(found, Exception):
            raise found
        if len(found) > max_bytes:
            raise Rejected(RejectedBecause.TOO_LARGE)
        return found

    def look_up(self, keys: Sequence[str]) -> LookedUp:
        platform = self.platform
        platform.looked_up.append(list(keys))
        if platform.look_errors:
            raise platform.look_errors.popleft()
        there = {item.native_key for item in platform.timeline}
        gone = frozenset(key for key in keys if key in platform.deleted)
        hidden = frozenset(key for key in keys if key in platform.locked_away) - gone
        present = frozenset(key for key in keys if key in there) - gone - hidden
        return LookedUp(present, gone, hidden, {}, Reads({"post": len(present)}))
