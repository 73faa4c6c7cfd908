"""When complaints of one cause are far more than usual, and since when.

**Usual.** For each cause and hour of the week: how many people complain. Early on there are few
such hours, so each is pulled to its hour of the day, and that to the rate over all hours
(a Gamma prior worth :data:`PULL` hours, at each level). What is to be expected of a window is
then negative binomial (a Poisson whose rate is Gamma distributed; Gelman et al., *Bayesian Data
Analysis*, 2.6). Its shape is at most ``Rules.shape``: people talk to each other, so counts
scatter more than a Poisson has it, however well the mean is known.

**Spike.** People, not messages, are counted in windows of minutes. A spike begins where the tail
probability of a count is below ``Rules.tail`` and at least ``Rules.people`` complain. It is
over when the last hour could be any other; in between it is one spike.

**Since when.** The step in the rate that explains the times best: the start that has the greatest
likelihood ratio of a higher Poisson rate from there to now (Kulldorff's scan statistic, 1997,
with the end fixed).

All is a pure function of what is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, lgamma, log

from sentiment.topics import (
    ANY,
    KNOWN,
    WORD,
    Complaint,
    Words,
    has_cause,
    people_by_word,
)

HOUR = timedelta(hours=1)
WEEK_HOURS = 168

PULL = 3.0
"""Hours that a prior counts for."""

FADE = 0.8
"""What a count is worth a week later: usual is what the last five weeks were."""

FIRST_RATE = 0.5
"""People an hour that a cause is held to have before anything is known."""

NAMES = (*(one.value for one in KNOWN), ANY)
"""The causes of which it is kept what is usual."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When to speak. ``settled_hours`` and ``settled_complaints``: what must be known before all
    complaints together, or a word, can be a spike."""

    windows: tuple[timedelta, ...] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=60),
        timedelta(minutes=180),
    )
    tail: float = 1e-6
    shape: float = 12.0
    people: int = 6
    settled_hours: float = 24
    settled_complaints: int = 200
    common: float = 0.08
    """A word in this part of the complaints, usually, names nothing."""
    lift: float = 3.0
    """A word names a cause only where so many times the usual part of the people use it."""
    shared: float = 0.5
    """Of two causes with this part of their people in common, one is told."""
    calm_tail: float = 0.1
    rest: timedelta = timedelta(minutes=30)
    """So long at least a spike goes on after it was last far above the usual."""

    @property
    def longest(self) -> timedelta:
        return max(self.windows)


def tail(count: int, mean: float, shape: float) -> float:
    """The chance of ``count`` or more where ``mean`` is expected: negative binomial."""
    if count <= 0:
        return 1.0
    part = mean / (shape + mean)
    term = exp(
        lgamma(count + shape)
        - lgamma(shape)
        - lgamma(count + 1)
        + shape * log(shape / (shape + mean))
        + count * log(part)
    )
    total, k = term, count
    while term > total * 1e-12:
        term *= part * (k + shape) / (k + 1)
        total += term
        k += 1
    return min(1.0, total)


@dataclass(slots=True)
class Hours:
    """How many people complained in each hour of the week: ``seen`` is how often that hour was
    watched, ``people`` how many there were, both fading."""

    seen: list[float] = field(default_factory=lambda: [0.0] * WEEK_HOURS)
    people: list[float] = field(default_factory=lambda: [0.0] * WEEK_HOURS)

    def fold(self, hour: int, people: int) -> None:
        """One more such hour has gone by."""
        self.seen[hour] = self.seen[hour] * FADE + 1
        self.people[hour] = self.people[hour] * FADE + people

    @property
    def watched(self) -> float:
        return sum(self.seen)

    def expected(self, hour: int) -> tuple[float, float]:
        """People in that hour, and how many were counted to say so."""
        overall = _pulled(sum(self.people), self.watched, FIRST_RATE)
        day = range(hour % 24, WEEK_HOURS, 24)
        daily = _pulled(
            sum(self.people[one] for one in day), sum(self.seen[one] for one in day), overall
        )
        return (
            _pulled(self.people[hour], self.seen[hour], daily),
            self.people[hour] + PULL * daily,
        )


def _pulled(count: float, hours: float, prior: float) -> float:
    return (count + PULL * prior) / (hours + PULL)


def hour_of_week(at: datetime) -> int:
    """0 is the hour after midnight on Monday, by the wall clock of ``at``."""
    return at.weekday() * 24 + at.hour


@dataclass(slots=True)
class Usual:
    """All that is known of what is usual. ``hours`` by cause; instants are handed in with the
    shop's zone."""

    hours: dict[str, Hours] = field(default_factory=lambda: {name: Hours() for name in NAMES})
    words: Words = field(default_factory=Words)

    def expected(self, cause: str, begin: datetime, end: datetime) -> tuple[float, float]:
        """People from ``begin`` to ``end``, and how many were counted to say so."""
        part = 1.0
        kept = self.hours.get(cause)
        if kept is None:
            kept, part = self.hours[ANY], self.words.share(cause.removeprefix(WORD))
        mean, weight = 0.0, 0.0
        at = begin
        while at < end:
            until = min(end, at.replace(minute=0, second=0, microsecond=0) + HOUR)
            rate, counted = kept.expected(hour_of_week(at))
            mean += rate * part * ((until - at) / HOUR)
            weight = max(weight, counted)
            at = until
        return mean, weight

    def is_settled(self, cause: str, rules: Rules) -> bool:
        """Whether enough is known to tell of this cause."""
        if cause in self.hours and cause != ANY:
            return True
        known = self.hours[ANY].watched >= rules.settled_hours
        return known and (cause == ANY or self.words.complaints >= rules.settled_complaints)


@dataclass(frozen=True, slots=True)
class Found:
    """A cause that is far above the usual. ``usual``: people an hour that are expected now.
    ``complaints``: all of them since ``began_at``, by time."""

    cause: str
    began_at: datetime
    chance: float
    usual: float
    complaints: tuple[Complaint, ...]

    @property
    def people(self) -> frozenset[int]:
        return frozenset(one.person for one in self.complaints)


def chance_of(
    complaints: Sequence[Complaint], cause: str, usual: Usual, now: datetime, rules: Rules
) -> float:
    """The smallest tail probability over the windows, 1 where too few people complain."""
    smallest = 1.0
    for length in rules.windows:
        people = len({one.person for one in complaints if now - length < one.at <= now})
        if people >= rules.people:
            mean, counted = usual.expected(cause, now - length, now)
            smallest = min(smallest, tail(people, mean, min(rules.shape, counted)))
    return smallest


def began(complaints: Sequence[Complaint], usual_an_hour: float, now: datetime) -> datetime:
    """Where the step up to the present rate lies. ``complaints`` by time, at least one."""
    first: dict[int, datetime] = {}
    for one in complaints:
        first.setdefault(one.person, one.at)
    times = sorted(first.values())
    usual = max(usual_an_hour, 0.05)
    best, at = 0.0, times[-1]
    for i, start in enumerate(times):
        hours = max((now - start) / HOUR, 1 / 60)
        number = len(times) - i
        if number <= usual * hours:
            continue
        ratio = number * log(number / (usual * hours)) - (number - usual * hours)
        if ratio > best:
            best, at = ratio, start
    return at


def _candidates(
    complaints: Sequence[Complaint], usual: Usual, rules: Rules
) -> dict[str, list[Complaint]]:
    """Causes that enough people name, each with its complaints by time."""
    named: dict[str, list[Complaint]] = {}
    for name in NAMES:
        if usual.is_settled(name, rules):
            named[name] = [one for one in complaints if has_cause(one, name)]
    everyone = len({one.person for one in complaints})
    if usual.is_settled(WORD, rules):
        for word, people in people_by_word(complaints).items():
            share = usual.words.share(word)
            enough = max(rules.people, rules.lift * share * everyone)
            if len(people) >= enough and share < rules.common:
                named[WORD + word] = [one for one in complaints if word in one.words]
    return named


def find(complaints: Sequence[Complaint], usual: Usual, now: datetime, rules: Rules) -> list[Found]:
    """The causes that are far above the usual at this moment.

    ``complaints``: of the longest window at least, by time. ``now`` carries the shop's zone.
    """
    recent = [one for one in complaints if now - rules.longest < one.at <= now]
    if len({one.person for one in recent}) < rules.people:
        return []
    found = []
    for cause, mine in _candidates(recent, usual, rules).items():
        chance = chance_of(mine, cause, usual, now, rules)
        if chance < rules.tail:
            an_hour, _ = usual.expected(cause, now - HOUR, now)
            start = began(mine, an_hour, now)
            since = tuple(one for one in mine if one.at >= start)
            found.append(Found(cause, start, chance, an_hour, since))
    return found


def _kind(cause: str) -> int:
    return 2 if cause == ANY else 1 if cause.startswith(WORD) else 0


def _each_once(found: Sequence[Found], rules: Rules) -> list[Found]:
    """One cause for each trouble. Where causes share their people, a known one stands for a word,
    and a word for all complaints; of two of a kind the one that more people name."""
    told: list[Found] = []
    for one in sorted(found, key=lambda one: (_kind(one.cause), -len(one.people), one.cause)):
        if not any(is_same(one.people, other.people, rules) for other in told):
            told.append(one)
    return told


def is_same(some: frozenset[int], others: frozenset[int], rules: Rules) -> bool:
    """Whether two causes are one trouble: so large a part of the smaller has both."""
    smaller = min(len(some), len(others))
    return smaller > 0 and len(some & others) >= rules.shared * smaller


def is_calm(
    complaints: Sequence[Complaint], cause: str, usual: Usual, now: datetime, rules: Rules
) -> bool:
    """Whether the last hour of a cause could be any other."""
    people = len({one.person for one in complaints if now - HOUR < one.at <= now})
    if people < 3:
        return True
    mean, counted = usual.expected(cause, now - HOUR, now)
    return tail(people, mean, min(rules.shape, counted)) > rules.calm_tail


@dataclass(frozen=True, slots=True)
class Running:
    """A spike that is on. ``loud_at``: when it was last far above the usual."""

    cause: str
    began_at: datetime
    loud_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What a look found: spikes that begin, causes that are far above the usual still, and causes
    that are over. ``parts``: by the cause of a spike, known causes that are part of it now."""

    begun: tuple[Found, ...] = ()
    loud: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)


def look(
    running: Sequence[Running],
    complaints: Sequence[Complaint],
    usual: Usual,
    now: datetime,
    rules: Rules,
) -> Step:
    """One look at the complaints of the longest window, by time. One spike begins once: what is
    far above the usual while it runs, and mostly of the same people, is part of it."""
    found = find(complaints, usual, now, rules)
    recent = [one for one in complaints if now - rules.longest < one.at <= now]
    people = {
        one.cause: frozenset(
            item.person for item in recent if item.at >= one.began_at and has_cause(item, one.cause)
        )
        for one in running
    }
    begun: list[Found] = []
    loud: set[str] = set()
    parts: dict[str, set[str]] = {}
    for one in _each_once(found, rules):
        same = [cause for cause in people if _is_part(one, cause, people[cause], rules)]
        loud.update(same)
        if not same:
            begun.append(one)
            people[one.cause] = one.people
    for one in found:
        if _kind(one.cause) == 0:
            for cause, theirs in people.items():
                if cause != one.cause and _kind(cause) == 0 and is_same(one.people, theirs, rules):
                    parts.setdefault(cause, set()).add(one.cause)
    ended = set()
    for item in running:
        rested = now - item.loud_at >= rules.rest and item.cause not in loud
        if rested and is_calm(
            [one for one in recent if has_cause(one, item.cause)], item.cause, usual, now, rules
        ):
            ended.add(item.cause)
    return Step(
        tuple(begun),
        frozenset(loud),
        frozenset(ended),
        {cause: frozenset(found) for cause, found in parts.items()},
    )


def _is_part(found: Found, cause: str, people: frozenset[int], rules: Rules) -> bool:
    """Whether ``found`` is the spike of ``cause`` that is on. Everyone is among all complaints: so
    a known cause is a part of those only if it makes up most of them."""
    if found.cause == cause:
        return True
    if cause == ANY and _kind(found.cause) == 0:
        return len(found.people & people) >= rules.shared * len(people)
    return is_same(found.people, people, rules)
