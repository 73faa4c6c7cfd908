"""The plan of a broadcast: a pure function of what is said and of what the store knew.

It goes through everyone who could be told, asks the platforms' rules about each, and lays the
whole beside money and pace. What comes out is the ledger to be: one line for each person and each
public place, with the deed by which they are told, or the reason why not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from responder.broadcasts.content import Content
from responder.circumstances import PlatformRules, Rules
from shenava.channels import Outgoing
from shenava.channels.rules import Facts, Length, Limit, NotAllowed, Per
from shenava.messages import Deed, Language, Platform
from shenava.store import RecipientKind, RecipientState


class LeftOut(StrEnum):
    """Why someone is not told, beside the reasons of the platforms' rules (``rules.Reason``)."""

    BLOCKED = "blocked"
    OPTED_OUT = "opted_out"
    NO_CHANNEL = "no_channel"
    """The account is not connected, or nothing can be sent there."""
    TOLD_ELSEWHERE = "told_elsewhere"
    """The same customer is told by another of their accounts."""
    NO_TEXT = "no_text"
    TOO_LONG = "too_long"
    SAME_TEXT = "same_text"
    """Another account of that platform posts the very same words, which platforms forbid."""
    MONEY = "money"
    """The app's budget of the month does not reach so far."""
    RATE = "rate"
    """The platform's pace does not reach so far before the broadcast expires."""
    NO_PICTURE = "no_picture"
    """The platform wants a picture, and none can be drawn: no font was found."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One of the shop's own accounts. ``usable``: it is connected. ``money_left``: micros of its
    app's budget, ``None``: no limit. ``used``: of its paces, by (endpoint, per), the uses in each
    window that ends now. ``thread_key``: our own post that a public follow-up goes on under."""

    account_id: int
    platform: Platform
    handle: str
    app_id: int | None
    usable: bool
    money_left: int | None = None
    used: Mapping[tuple[str, Per, timedelta], int] = field(default_factory=dict)
    thread_key: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Someone who could be told. ``ways``: how, the best first, with what the platform's rules
    ask about each. ``language``: what they write."""

    identity_id: int
    kind: RecipientKind
    account_id: int
    customer_id: int | None = None
    case_id: int | None = None
    message_id: int | None = None
    to_key: str | None = None
    language: Language | None = None
    blocked: bool = False
    opted_out: bool = False
    ways: tuple[Facts, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store knew. ``people``: those who matter most first. ``seen_upto``: the newest
    message there was. ``until``: when the broadcast expires. ``can_draw``: there is a font to make
    a picture with; ``can_host``: platforms can fetch a picture from us; where one must and cannot,
    a person posts it."""

    now: datetime
    start: datetime
    until: datetime
    can_draw: bool
    can_host: bool
    spots: Mapping[int, Spot]
    places: Sequence[tuple[int, Language]]
    people: Iterable[Candidate]
    seen_upto: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger to be."""

    key: str
    kind: RecipientKind
    state: RecipientState
    account_id: int
    language: Language
    reason: str | None = None
    identity_id: int | None = None
    case_id: int | None = None
    message_id: int | None = None
    to_key: str | None = None
    deed: Deed | None = None


@dataclass(frozen=True, slots=True)
class PlaceView:
    """How a public post will look. ``picture``: the notice goes along as one."""

    account_id: int
    platform: Platform
    handle: str
    language: Language
    text: str
    length: Length
    price_micros: int
    state: RecipientState
    reason: str | None
    picture: bool
    continues: bool


@dataclass(frozen=True, slots=True)
class Group:
    """People who are told in one manner through one account. ``seconds``: at the platform's
    pace."""

    account_id: int
    deed: Deed
    kind: RecipientKind
    language: Language
    count: int
    price_micros: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long all that leaves by one account in one manner takes."""

    account_id: int
    deed: Deed
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen."""

    lines: tuple[Line, ...]
    places: tuple[PlaceView, ...]
    groups: tuple[Group, ...]
    paces: tuple[Pace, ...]
    left_out: Mapping[tuple[int, str], int]
    """By (account, reason), how many people and places are not told."""
    price_micros: int
    seconds: int
    seen_upto: int
    hash: str

    @property
    def told(self) -> int:
        return sum(line.state is not RecipientState.LEFT_OUT for line in self.lines)

    @property
    def people(self) -> int:
        return sum(group.count for group in self.groups)


def make_plan(content: Content, snapshot: Snapshot, rules: Rules) -> Plan:
    """Plan ``content`` over ``snapshot``. The same in, the same out."""
    planner = _Planner(content, snapshot, rules)
    for account_id, language in snapshot.places:
        planner.add_place(account_id, language)
    for one in snapshot.people:
        planner.add_person(one)
    return planner.done()


@dataclass(slots=True)
class _Planner:
    content: Content
    snapshot: Snapshot
    rules: Rules
    lines: list[Line] = field(default_factory=list)
    views: list[PlaceView] = field(default_factory=list)
    groups: Counter[tuple[int, Deed, RecipientKind, Language]] = field(default_factory=Counter)
    prices: Counter[tuple[int, Deed, RecipientKind, Language]] = field(default_factory=Counter)
    spent: Counter[int] = field(default_factory=Counter)
    leaving: Counter[tuple[int, Deed]] = field(default_factory=Counter)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: set[int] = field(default_factory=set)
    posted: set[tuple[Platform, str]] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    _rulings: dict[tuple[Platform, Facts], str | None] = field(default_factory=dict)
    _written: dict[tuple[Platform, Language, Deed, bool], str] = field(default_factory=dict)
    _fits: dict[tuple[Platform, Deed, str], bool] = field(default_factory=dict)
    _costs: dict[tuple[Platform, Deed, str, bool], int] = field(default_factory=dict)
    _nearest: dict[Language | None, Language | None] = field(default_factory=dict)
    _paces: dict[tuple[Platform, Deed], tuple[Limit, ...]] = field(default_factory=dict)

    def add_place(self, account_id: int, language: Language) -> None:
        spot = self.snapshot.spots[account_id]
        known = self.rules.get(spot.platform)
        deed = Deed.ANSWER if spot.thread_key is not None else Deed.POST
        text = self._text(spot.platform, language, deed, place=True)
        reason: str | None = None
        picture = known is not None and goes_with_picture(self.content, known, deed)
        facts = Facts(deed=deed, own_message=True, has_picture=picture)
        if known is None or not spot.usable:
            reason = LeftOut.NO_CHANNEL
        elif not text:
            reason = LeftOut.NO_TEXT
        elif not known.length_of(text, deed).fits:
            reason = LeftOut.TOO_LONG
        elif (spot.platform, text) in self.posted:
            reason = LeftOut.SAME_TEXT
        elif picture and not self.snapshot.can_draw:
            reason = LeftOut.NO_PICTURE
        else:
            reason = self._refusal(spot.platform, known, facts)
        by_hand = known is not None and needs_picture(known, deed) and not self.snapshot.can_host
        price = 0 if by_hand else self._place_price(spot, known, deed, text)
        reason = reason or self._no_room(spot, deed, price)
        length = known.length_of(text, deed) if known is not None else Length(len(text), 0)
        state = RecipientState.BY_HAND if by_hand else RecipientState.WAITING
        if reason is None:
            self.posted.add((spot.platform, text))
            if not by_hand:
                self._count(spot, deed, price)
        else:
            state = RecipientState.LEFT_OUT
        self.lines.append(
            Line(
                key=f"post:{account_id}",
                kind=RecipientKind.PLACE,
                state=state,
                account_id=account_id,
                language=language,
                reason=reason,
                to_key=spot.thread_key,
                deed=deed,
            )
        )
        self.views.append(
            PlaceView(
                account_id=account_id,
                platform=spot.platform,
                handle=spot.handle,
                language=language,
                text=text,
                length=length,
                price_micros=price,
                state=state,
                reason=reason,
                picture=picture,
                continues=spot.thread_key is not None,
            )
        )

    def _place_price(self, spot: Spot, known: PlatformRules | None, deed: Deed, text: str) -> int:
        if known is None:
            return 0
        picture = b"\x89PNG" if goes_with_picture(self.content, known, deed) else None
        # Its description is paid for where there is one, and there always is.
        alt = "notice" if picture else ""
        return known.price_of(Outgoing(deed, text, picture=picture, picture_alt=alt), False)

    def add_person(self, one: Candidate) -> None:
        key = f"identity:{one.identity_id}"
        if key in self.seen:
            return
        self.seen.add(key)
        spot = self.snapshot.spots[one.account_id]
        known = self.rules.get(spot.platform)
        language = self._language(one.language)
        reason: str | None = None
        deed: Deed | None = None
        price = 0
        if one.blocked:
            reason = LeftOut.BLOCKED
        elif one.opted_out:
            reason = LeftOut.OPTED_OUT
        elif one.customer_id is not None and one.customer_id in self.told:
            reason = LeftOut.TOLD_ELSEWHERE
        elif known is None or not spot.usable:
            reason = LeftOut.NO_CHANNEL
        elif language is None:
            reason = LeftOut.NO_TEXT
        else:
            deed, reason = self._way(spot.platform, known, one.ways)
            if deed is not None:
                text = self._text(spot.platform, language, deed, place=False)
                summoned = bool(one.ways[0].summoned)
                price = self._price(spot.platform, known, deed, text, summoned=summoned)
                if not self._does_fit(spot.platform, known, deed, text):
                    reason = LeftOut.TOO_LONG
                else:
                    reason = self._no_room(spot, deed, price)
        state = RecipientState.LEFT_OUT if reason else RecipientState.WAITING
        if reason is None:
            assert deed is not None and language is not None
            if one.customer_id is not None:
                self.told.add(one.customer_id)
            self._count(spot, deed, price)
            self.groups[one.account_id, deed, one.kind, language] += 1
            self.prices[one.account_id, deed, one.kind, language] += price
        self.lines.append(
            Line(
                key,
                one.kind,
                state,
                one.account_id,
                language or Language.OTHER,
                reason,
                one.identity_id,
                one.case_id,
                one.message_id,
                one.to_key if deed in (Deed.ANSWER, Deed.PRIVATE_REPLY) else None,
                deed,
            )
        )

    # What is asked again and again is asked once.

    def _language(self, spoken: Language | None) -> Language | None:
        if spoken not in self._nearest:
            self._nearest[spoken] = self.content.nearest(spoken)
        return self._nearest[spoken]

    def _text(self, platform: Platform, language: Language, deed: Deed, *, place: bool) -> str:
        key = (platform, language, deed, place)
        if key not in self._written:
            self._written[key] = self.content.text_for(platform, language, deed, place=place)
        return self._written[key]

    def _way(
        self, platform: Platform, known: PlatformRules, ways: Sequence[Facts]
    ) -> tuple[Deed | None, str | None]:
        """The first deed that the platform lets pass, or why it lets none."""
        first: str | None = None
        for facts in ways:
            refusal = self._refusal(platform, known, facts)
            if refusal is None:
                return facts.deed, None
            first = first or refusal
        return None, first or LeftOut.NO_CHANNEL

    def _refusal(self, platform: Platform, known: PlatformRules, facts: Facts) -> str | None:
        key = (platform, facts)
        if key not in self._rulings:
            ruling = known.may_answer(facts)
            if isinstance(ruling, NotAllowed) and facts.automatic:
                # What stands in a person's way too says more than that no person wrote it.
                other = known.may_answer(replace(facts, automatic=False))
                ruling = other if isinstance(other, NotAllowed) else ruling
            refused = isinstance(ruling, NotAllowed)
            self._rulings[key] = ruling.reason.value if refused else None  # type: ignore[union-attr]
        return self._rulings[key]

    def _does_fit(self, platform: Platform, known: PlatformRules, deed: Deed, text: str) -> bool:
        key = (platform, deed, text)
        if key not in self._fits:
            self._fits[key] = known.length_of(text, deed).fits
        return self._fits[key]

    def _price(
        self, platform: Platform, known: PlatformRules, deed: Deed, text: str, *, summoned: bool
    ) -> int:
        key = (platform, deed, text, summoned)
        if key not in self._costs:
            self._costs[key] = known.price_of(Outgoing(deed, text), summoned)
        return self._costs[key]

    # Money and pace.

    def _no_room(self, spot: Spot, deed: Deed, price: int) -> str | None:
        owner = spot.app_id if spot.app_id is not None else -spot.account_id
        if spot.money_left is not None and self.spent[owner] + price > spot.money_left:
            return LeftOut.MONEY
        for limit in self._limits(spot, deed):
            if self.taken[_counter(spot, limit)] >= self._reach(spot, limit):
                return LeftOut.RATE
        return None

    def _count(self, spot: Spot, deed: Deed, price: int) -> None:
        owner = spot.app_id if spot.app_id is not None else -spot.account_id
        self.spent[owner] += price
        self.leaving[spot.account_id, deed] += 1
        for limit in self._limits(spot, deed):
            self.taken[_counter(spot, limit)] += 1

    def _limits(self, spot: Spot, deed: Deed) -> tuple[Limit, ...]:
        key = (spot.platform, deed)
        if key not in self._paces:
            known = self.rules.get(spot.platform)
            self._paces[key] = limits_of(known, deed) if known is not None else ()
        return self._paces[key]

    def _reach(self, spot: Spot, limit: Limit) -> int:
        """How many requests the pace lets leave from the start until the broadcast expires."""
        window = limit.window
        open_for = self.snapshot.until - self.snapshot.start
        whole = max(1, math.ceil(open_for / window))
        used = spot.used.get((limit.endpoint, limit.per, window), 0)
        return max(0, limit.count - used) + (whole - 1) * limit.count

    def _seconds(self, spot: Spot, deed: Deed) -> int:
        """How long what leaves by this account in this manner takes at the platform's pace."""
        longest = 0.0
        for limit in self._limits(spot, deed):
            count = self.taken[_counter(spot, limit)]
            used = spot.used.get((limit.endpoint, limit.per, limit.window), 0)
            over = count - max(0, limit.count - used)
            if over > 0:
                longest = max(longest, math.ceil(over / limit.count) * limit.window.total_seconds())
        return math.ceil(longest)

    # The whole.

    def done(self) -> Plan:
        paces = tuple(
            Pace(account_id, deed, count, self._seconds(self.snapshot.spots[account_id], deed))
            for (account_id, deed), count in sorted(self.leaving.items())
        )
        groups = tuple(
            Group(*key, count, self.prices[key]) for key, count in sorted(self.groups.items())
        )
        left_out = Counter(
            (line.account_id, line.reason) for line in self.lines if line.reason is not None
        )
        return Plan(
            lines=tuple(self.lines),
            places=tuple(self.views),
            groups=groups,
            paces=paces,
            left_out=dict(left_out),
            price_micros=sum(self.spent.values()),
            seconds=max((pace.seconds for pace in paces), default=0),
            seen_upto=self.snapshot.seen_upto,
            hash=plan_hash(self.content, self.lines),
        )


def _counter(spot: Spot, limit: Limit) -> tuple[str, str]:
    """What a pace is counted by: an app's accounts together, or the account alone."""
    by_app = limit.per is Per.APP and spot.app_id is not None
    subject = f"app:{spot.app_id}" if by_app else f"account:{spot.account_id}"
    return subject, f"{limit.endpoint}:{limit.window}"


def limits_of(known: PlatformRules, deed: Deed) -> tuple[Limit, ...]:
    """The paces of a deed; none where the platform has no such deed."""
    try:
        return known.limits_of(deed)
    except KeyError:
        return ()


def needs_picture(known: PlatformRules, deed: Deed) -> bool:
    """Whether the platform takes no such thing without a picture."""
    asked = getattr(known, "needs_picture", None)
    return bool(asked is not None and asked(deed))


def goes_with_picture(content: Content, known: PlatformRules, deed: Deed) -> bool:
    """Whether the notice goes along as a picture: where it is wanted and the platform takes one
    with such a thing, and where it takes none without."""
    asked = getattr(known, "takes_picture", None)
    wanted = content.picture and asked is not None and asked(deed)
    return bool(wanted) or needs_picture(known, deed)


def plan_hash(content: Content, lines: Iterable[Line]) -> str:
    """SHA-256 of all that is said and of everyone it goes to, or does not."""
    taken = hashlib.sha256(
        json.dumps(content.as_json(), sort_keys=True, ensure_ascii=False).encode()
    )
    for line in lines:
        told = (line.key, line.state, line.reason, line.deed, line.language, line.to_key)
        taken.update(repr([str(one) for one in (*told, line.case_id, line.message_id)]).encode())
    return taken.hexdigest()
