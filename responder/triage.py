"""Triage: what a case is worth now, by when it wants an answer, and why.

Pure: facts in, decision out. Only customer messages that still wait for an answer count, in any
order. Words are not made here: a :class:`Reason` is a code with numbers, which the dashboard
puts into the reader's language. "Waiting 42 min" is told live from ``waiting_since``.

**No clock runs** for a case that is historic, that is blocked, or in which nothing waits: low,
nothing due, no answer needed; the reason is ``historic``, ``blocked``, or none.

**Each waiting message by itself**, the first line that fits; the case takes the highest:

==============================================================  ========  =======================
the message                                                     priority  reason
==============================================================  ========  =======================
is urgent                                                       urgent    see below
is a complaint                                                  high      ``complaint``
may be urgent or a complaint (``None``), or has no verdict yet  normal    ``unsure``
is spam                                                         low       ``spam``
asks something, or names a matter: an order, money, a price …   normal    ``question``
has a negative tone                                             normal    ``negative``
praises, or has a positive tone                                 low       ``praise``
was written in private                                          normal    ``private``
anything else: a public emoji, a tag of a friend                low       none
==============================================================  ========  =======================

A doubt is named beside what is certain: a complaint that may be urgent is high, ``complaint`` and
``unsure``; a refund that may be a complaint is normal, ``unsure`` and ``question``. An urgent
message leaves nothing in doubt. Praise, spam and "in private" are named only where no message
says more. At most four reasons stand, in the order of :class:`ReasonCode`.

**Why it is urgent**, the first line that fits: a threat (``threat``); payment and no order
(``payment_no_order``); the account (``account``); an outage (``outage``); a change or cancellation
(``change_before_sent``); a public complaint that names no other matter (``public_anger``); else
``urgent`` with the matter.

**Then the case as a whole**, never above urgent; nothing raises a case that is all spam:

* a VIP raises it one step (``vip``) and has less time: ``Targets.vip_factor``;
* a public complaint by someone with at least ``Targets.reach_followers`` raises it one step;
  such reach is named with any message (``reach``);
* three or more messages waiting are named (``repeated``).

**Due** is the target of the priority, counted in business time from the first message that waits
(or from now, when the platform's clock runs ahead of ours). A case needs an answer when it is not
all spam and is above low, or the shop has set a target for low.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType

from shenava.hours import BusinessHours, add_business_time
from shenava.messages import Intent, Sentiment

MAX_REASONS = 4
REPEATED_FROM = 3
"""Waiting messages from which a case is ``repeated``; many people split one thought in two."""


class Priority(IntEnum):
    """How soon a case wants an answer, as ``Case.priority`` keeps it."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


class ReasonCode(StrEnum):
    """Why a case stands where it stands; the strongest first. Parameters in brackets."""

    THREAT = "threat"
    PAYMENT_NO_ORDER = "payment_no_order"
    ACCOUNT = "account"
    OUTAGE = "outage"
    CHANGE_BEFORE_SENT = "change_before_sent"
    """An order is about to go out that should be changed or cancelled."""
    PUBLIC_ANGER = "public_anger"
    URGENT = "urgent"
    """[``intent``, where one is known]"""
    COMPLAINT = "complaint"
    """[``intent``, where one is known]"""
    UNSURE = "unsure"
    """A person should look: it may be urgent or a complaint, or has no verdict."""
    VIP = "vip"
    REACH = "reach"
    """[``followers``: how many]"""
    REPEATED = "repeated"
    """[``messages``: how many wait]"""
    QUESTION = "question"
    """[``intent``, where one is known]"""
    NEGATIVE = "negative"
    PRIVATE = "private"
    PRAISE = "praise"
    SPAM = "spam"
    BLOCKED = "blocked"
    HISTORIC = "historic"


_STRENGTH = {code: place for place, code in enumerate(ReasonCode)}
_WITH_MATTER = frozenset({ReasonCode.URGENT, ReasonCode.COMPLAINT, ReasonCode.QUESTION})
_SMALL_TALK = frozenset({ReasonCode.PRIVATE, ReasonCode.PRAISE, ReasonCode.SPAM})
_OF_THE_WRITER = frozenset({ReasonCode.VIP, ReasonCode.REACH, ReasonCode.REPEATED})

# What a message can be about, the gravest first. The other intents name no matter.
_MATTERS = (
    Intent.THREAT,
    Intent.ORDER_NOT_REGISTERED,
    Intent.PAYMENT,
    Intent.ACCOUNT_LOGIN,
    Intent.OUTAGE,
    Intent.CHANGE_OR_CANCEL,
    Intent.WRONG_OR_DAMAGED,
    Intent.DELIVERY_LATE,
    Intent.REFUND,
    Intent.PRICE,
)

# Price makes people angry, but is no matter that an hour makes worse.
_PRESSING = frozenset(_MATTERS) - {Intent.PRICE}


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """What is held to be true of one waiting message, a person's correction included.

    ``None`` for ``complaint`` or ``urgent`` is "not sure".
    """

    sentiment: Sentiment
    complaint: bool | None
    urgent: bool | None
    intents: tuple[Intent, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """All that triage asks of a case.

    ``verdicts``: of the customer's messages that wait for an answer; ``unanswered``: how many
    such messages there are, with or without a verdict; ``waiting_since``: the platform's time of
    the earliest (aware), ``None`` when nothing waits. ``followers``: ``None`` when unknown.
    ``is_public``: anyone may read the conversation. ``blocked``: the shop blocked the writer.
    """

    verdicts: tuple[VerdictFacts, ...]
    waiting_since: datetime | None
    unanswered: int
    vip: bool = False
    followers: int | None = None
    is_public: bool = False
    historic: bool = False
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """What the shop promises: minutes of business time to the first answer, by priority.

    ``None`` promises nothing. ``vip_factor``: the share of that time a VIP waits, above 0 and at
    most 1. ``reach_followers``: followers from which reach counts. ``urgent_around_the_clock``:
    count the urgent target in plain elapsed time, also while the shop is closed.
    Raises ``ValueError`` when a target is not positive or shorter than that of a higher priority.
    """

    urgent: int | None = 15
    high: int | None = 60
    normal: int | None = 240
    low: int | None = None
    vip_factor: float = 0.5
    reach_followers: int = 10_000
    urgent_around_the_clock: bool = False

    def __post_init__(self) -> None:
        longest = 0
        endless = None
        for priority in sorted(Priority, reverse=True):
            name, minutes = priority.name.lower(), self.minutes(priority)
            if minutes is None:
                endless = name
                continue
            if minutes <= 0:
                raise ValueError(f"The target for {name} must be at least 1 minute, not {minutes}.")
            if endless or minutes < longest:
                raise ValueError(
                    f"The target for {name} ({minutes} min) is shorter than that for a higher "
                    "priority."
                )
            longest = minutes
        if not 0 < self.vip_factor <= 1:
            raise ValueError(
                f"The VIP factor must be above 0 and at most 1, not {self.vip_factor}."
            )

    def minutes(self, priority: Priority) -> int | None:
        """Minutes to the first answer; ``None`` when none is promised."""
        return (self.low, self.normal, self.high, self.urgent)[priority]


@dataclass(frozen=True, slots=True)
class Reason:
    """A code, and what its sentence needs: intents by name, counts as numbers."""

    code: ReasonCode
    params: Mapping[str, str | int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def as_json(self) -> dict[str, object]:
        """``{"code": …, "params": {…}}``, as ``Case.reasons`` keeps it."""
        return {"code": self.code.value, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class Triage:
    """The decision. ``due_at``: the instant (UTC) by which a first answer is due, if any is.

    ``reasons``: the strongest first, at most :data:`MAX_REASONS`, no code twice.
    """

    priority: Priority
    due_at: datetime | None
    reasons: tuple[Reason, ...]
    needs_answer: bool


def triage(facts: CaseFacts, hours: BusinessHours, targets: Targets, now: datetime) -> Triage:
    """Decide on a case by the table above.

    ``now``: the present instant, aware. The order of ``facts.verdicts`` does not matter.
    """
    if facts.historic:
        return Triage(Priority.LOW, None, (Reason(ReasonCode.HISTORIC),), needs_answer=False)
    if facts.blocked:
        return Triage(Priority.LOW, None, (Reason(ReasonCode.BLOCKED),), needs_answer=False)
    if facts.waiting_since is None:
        return Triage(Priority.LOW, None, (), needs_answer=False)

    priority = _priority(facts, targets)
    due_at = None
    needs_answer = False
    if not _all_spam(facts):
        needs_answer = priority > Priority.LOW or targets.low is not None
        due_at = _due(priority, min(facts.waiting_since, now), facts.vip, hours, targets)
    return Triage(priority, due_at, _reasons(facts, targets), needs_answer)


# Priority.


def _priority(facts: CaseFacts, targets: Targets) -> Priority:
    """The highest of the waiting messages, raised by who writes."""
    found = [_message_priority(verdict, facts.is_public) for verdict in facts.verdicts]
    if _some_unjudged(facts):
        found.append(Priority.NORMAL)
    steps = 0 if _all_spam(facts) else facts.vip + _is_widely_read_complaint(facts, targets)
    return Priority(min(max(found) + steps, Priority.URGENT))


def _message_priority(verdict: VerdictFacts, is_public: bool) -> Priority:
    """The line of the table that fits one message."""
    if verdict.urgent:
        return Priority.URGENT
    if verdict.complaint:
        return Priority.HIGH
    if _is_unsure(verdict):
        return Priority.NORMAL
    code = _calm_code(verdict, is_public)
    low = code in (ReasonCode.SPAM, ReasonCode.PRAISE, None)
    return Priority.LOW if low else Priority.NORMAL


def _calm_code(verdict: VerdictFacts, is_public: bool) -> ReasonCode | None:
    """What to call a message that is neither urgent nor a complaint; ``None``: nothing."""
    if Intent.SPAM in verdict.intents:
        return ReasonCode.SPAM
    if Intent.QUESTION in verdict.intents or _matter(verdict):
        return ReasonCode.QUESTION
    if verdict.sentiment is Sentiment.NEGATIVE:
        return ReasonCode.NEGATIVE
    if Intent.PRAISE in verdict.intents or verdict.sentiment is Sentiment.POSITIVE:
        return ReasonCode.PRAISE
    return None if is_public else ReasonCode.PRIVATE


def _matter(verdict: VerdictFacts) -> Intent | None:
    """The gravest matter the message is about, if it names one."""
    return next((intent for intent in _MATTERS if intent in verdict.intents), None)


def _is_unsure(verdict: VerdictFacts) -> bool:
    """Whether what is in doubt could still raise the message."""
    return verdict.urgent is None or (verdict.complaint is None and not verdict.urgent)


def _some_unjudged(facts: CaseFacts) -> bool:
    """Whether a waiting message has no verdict yet."""
    return not facts.verdicts or len(facts.verdicts) < facts.unanswered


def _all_spam(facts: CaseFacts) -> bool:
    """Whether every waiting message is spam beyond doubt."""
    return not _some_unjudged(facts) and all(
        Intent.SPAM in verdict.intents and verdict.complaint is False and verdict.urgent is False
        for verdict in facts.verdicts
    )


def _has_reach(facts: CaseFacts, targets: Targets) -> bool:
    return facts.followers is not None and facts.followers >= targets.reach_followers


def _is_widely_read_complaint(facts: CaseFacts, targets: Targets) -> bool:
    complains = any(verdict.complaint for verdict in facts.verdicts)
    return complains and facts.is_public and _has_reach(facts, targets)


# Due time.


def _due(
    priority: Priority, since: datetime, vip: bool, hours: BusinessHours, targets: Targets
) -> datetime | None:
    """When the target of ``priority`` is over, counted from ``since``."""
    minutes = targets.minutes(priority)
    if minutes is None:
        return None
    allowed = timedelta(minutes=minutes * targets.vip_factor if vip else minutes)
    if priority is Priority.URGENT and targets.urgent_around_the_clock:
        return since.astimezone(UTC) + allowed
    return add_business_time(hours, since, allowed)


# Reasons.


def _reasons(facts: CaseFacts, targets: Targets) -> tuple[Reason, ...]:
    """Why, the strongest first; of several with one code, the one with the gravest matter."""
    found = [reason for verdict in facts.verdicts for reason in _message_reasons(verdict, facts)]
    if _some_unjudged(facts):
        found.append(Reason(ReasonCode.UNSURE))
    if not _all_spam(facts):
        found.extend(_case_reasons(facts, targets))
    by_code: dict[ReasonCode, Reason] = {}
    for reason in sorted(found, key=_reason_order):
        by_code.setdefault(reason.code, reason)
    return tuple(_without_small_talk(by_code.values()))[:MAX_REASONS]


def _message_reasons(verdict: VerdictFacts, facts: CaseFacts) -> Iterable[Reason]:
    """What one waiting message says for itself."""
    code: ReasonCode | None
    if verdict.urgent:
        code = _urgent_code(verdict, facts.is_public)
    elif verdict.complaint:
        code = ReasonCode.COMPLAINT
    else:
        code = _calm_code(verdict, facts.is_public)
    if code is not None:
        matter = _matter(verdict) if code in _WITH_MATTER else None
        yield Reason(code, {"intent": matter.value} if matter else {})
    if _is_unsure(verdict):
        yield Reason(ReasonCode.UNSURE)


def _urgent_code(verdict: VerdictFacts, is_public: bool) -> ReasonCode:
    """Why an urgent message is urgent, by what it is about."""
    intents = frozenset(verdict.intents)
    if Intent.THREAT in intents:
        return ReasonCode.THREAT
    if {Intent.PAYMENT, Intent.ORDER_NOT_REGISTERED} <= intents:
        return ReasonCode.PAYMENT_NO_ORDER
    if Intent.ACCOUNT_LOGIN in intents:
        return ReasonCode.ACCOUNT
    if Intent.OUTAGE in intents:
        return ReasonCode.OUTAGE
    if Intent.CHANGE_OR_CANCEL in intents:
        return ReasonCode.CHANGE_BEFORE_SENT
    if is_public and verdict.complaint and not intents & _PRESSING:
        return ReasonCode.PUBLIC_ANGER
    return ReasonCode.URGENT


def _case_reasons(facts: CaseFacts, targets: Targets) -> Iterable[Reason]:
    """What speaks for the case as a whole: who writes, and how often."""
    if facts.vip:
        yield Reason(ReasonCode.VIP)
    if facts.followers is not None and _has_reach(facts, targets):
        yield Reason(ReasonCode.REACH, {"followers": facts.followers})
    if facts.unanswered >= REPEATED_FROM:
        yield Reason(ReasonCode.REPEATED, {"messages": facts.unanswered})


def _reason_order(reason: Reason) -> tuple[int, int]:
    """Sorts by code, then by the gravity of the matter; no matter comes last."""
    intent = reason.params.get("intent")
    gravity = _MATTERS.index(Intent(intent)) if isinstance(intent, str) else len(_MATTERS)
    return _STRENGTH[reason.code], gravity


def _without_small_talk(reasons: Iterable[Reason]) -> list[Reason]:
    """The reasons without praise, spam and "wrote in private" where a message says more."""
    said = list(reasons)
    if all(reason.code in _SMALL_TALK | _OF_THE_WRITER for reason in said):
        return said
    return [reason for reason in said if reason.code not in _SMALL_TALK]
