"""How soon a disruption is told, and how often wrongly: ``python -m benchmarks.bench_spikes``.

One JSON line for each of two replays, every shop from an empty database, a look every half minute:

1. ``rehearsed``: weeks of what simulated customers write, with an outage every day or two.
2. ``airlines``: posts to six airlines, each a shop of its own. ``SHENAVA_REPLAY`` names the folder;
   they are not part of the project. The disruptions were marked beforehand (``disruptions.json``).

The figures:

- ``delay_s``: from the post of the tenth person whose post fits the words of the disruption to the
  alarm, median; negative where the alarm came first. ``told``: how many ``disruptions`` had one.
- ``false_a_week``: alarms outside of every marked disruption, a week of one shop.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sentiment.spikes import HOUR, NAMES, Found, Rules, Running, Usual, hour_of_week, look
from sentiment.topics import Complaint, has_cause, words_of

ZONE = ZoneInfo("America/New_York")
EVERY = timedelta(seconds=30)
TENTH = 10
REHEARSED_WEEKS = 6
UNUSUAL_FOR = timedelta(hours=24)
MARKS = Path(__file__).with_name("disruptions.json")


@dataclass(frozen=True, slots=True)
class Post:
    airline: str
    at: datetime
    text: str
    person: int
    complaint: Complaint | None


@dataclass(frozen=True, slots=True)
class Alarm:
    at: datetime
    found: Found


@dataclass(slots=True)
class Shop:
    """A service that watches one airline, minute by minute."""

    rules: Rules
    usual: Usual = field(default_factory=Usual)
    running: list[Running] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    def replay(self, complaints: Sequence[Complaint], begin: datetime, end: datetime) -> None:
        now, seen, first = begin, 0, 0
        while now < end:
            now += EVERY
            before = seen
            while seen < len(complaints) and complaints[seen].at <= now:
                seen += 1
            while first < seen and complaints[first].at <= now - self.rules.longest:
                first += 1
            if seen > before or (self.running and now.second == 0 and now.minute % 5 == 0):
                self._look(complaints[first:seen], now)
            if now.minute == now.second == 0:
                self._fold([one for one in complaints[first:seen] if one.at > now - HOUR], now)

    def _look(self, complaints: Sequence[Complaint], now: datetime) -> None:
        step = look(self.running, complaints, self.usual, now, self.rules)
        self.running = [
            Running(one.cause, one.began_at, now if one.cause in step.loud else one.loud_at)
            for one in self.running
            if one.cause not in step.ended
        ]
        for found in step.begun:
            self.running.append(Running(found.cause, found.began_at, now))
            self.alarms.append(Alarm(now, found))

    def _fold(self, complaints: Sequence[Complaint], now: datetime) -> None:
        """An hour has gone by; one with a spike in it was not usual, but for one that stays."""
        if any(now - one.began_at < UNUSUAL_FOR for one in self.running):
            return
        hour = hour_of_week(now - HOUR)
        for name in NAMES:
            people = {one.person for one in complaints if has_cause(one, name)}
            self.usual.hours[name].fold(hour, len(people))
        self.usual.words.learn(complaints)


def read_posts(file: Path) -> list[Post]:
    """Every post once, by time, with the verdict of the shipped model."""
    from sentiment.classifier import Classifier

    rows: dict[str, dict[str, str]] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault(row["id"], row)
    model = Classifier.load()
    verdicts = model.classify([row["text"] for row in rows.values()])
    people: dict[str, int] = {}
    posts = []
    for number, (row, said) in enumerate(zip(rows.values(), verdicts, strict=True)):
        at = datetime.fromisoformat(row["created_at"]).astimezone(ZONE)
        intents = frozenset(one.label for one in said.intents)
        person = people.setdefault(row["author"], len(people))
        complaint = Complaint(number, person, at, intents, words_of(row["text"]))
        posts.append(
            Post(
                row["account"],
                at,
                row["text"],
                person,
                complaint if said.complaint.value or said.urgent.value else None,
            )
        )
    return sorted(posts, key=lambda one: one.at)


@dataclass(frozen=True, slots=True)
class Mark:
    """A disruption, as it was marked."""

    airline: str
    began: datetime
    ended: datetime
    words: str
    counted: bool

    def holds(self, airline: str, at: datetime) -> bool:
        return airline == self.airline and self.began <= at <= self.ended

    def tenth(self, posts: Sequence[Post]) -> datetime:
        """When the tenth person wrote something that belongs to it."""
        seen: set[int] = set()
        for post in posts:
            if self.holds(post.airline, post.at) and re.search(self.words, post.text, re.I):
                seen.add(post.person)
                if len(seen) == TENTH:
                    return post.at
        raise ValueError(f"fewer than ten people complain of {self.airline}, {self.began}")


def read_marks() -> list[Mark]:
    told = json.loads(MARKS.read_text(encoding="utf-8"))["disruptions"]
    return [
        Mark(
            one["airline"],
            datetime.fromisoformat(one["began"]),
            datetime.fromisoformat(one["ended"]),
            one["words"],
            one["counted"],
        )
        for one in told
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Alarms by airline, and what they come to."""

    alarms: dict[str, list[Alarm]]
    weeks: float
    marks: list[Mark]
    posts: Sequence[Post]

    def delays(self) -> dict[Mark, float | None]:
        """Seconds from the tenth person to the first alarm; ``None`` where there was none."""
        found: dict[Mark, float | None] = {}
        for mark in self.marks:
            if mark.counted:
                told = [
                    one.at
                    for one in self.alarms[mark.airline]
                    if mark.began <= one.at <= mark.ended
                ]
                tenth = mark.tenth(self.posts)
                found[mark] = (min(told) - tenth).total_seconds() if told else None
        return found

    def false(self) -> list[tuple[str, Alarm]]:
        return [
            (airline, alarm)
            for airline, alarms in self.alarms.items()
            for alarm in alarms
            if not any(mark.holds(airline, alarm.at) for mark in self.marks)
        ]

    def figures(self) -> dict[str, Any]:
        delays = [one for one in self.delays().values() if one is not None]
        return {
            "benchmark": "spikes",
            "delay_s": round(median(delays)) if delays else None,
            "delays_s": sorted(round(one) for one in delays),
            "told": len(delays),
            "disruptions": len(self.delays()),
            "alarms": sum(map(len, self.alarms.values())),
            "false_alarms": len(self.false()),
            "false_a_week": round(len(self.false()) / self.weeks, 2),
            "weeks": round(self.weeks, 1),
        }


def replay(posts: Sequence[Post], rules: Rules) -> Outcome:
    """All airlines, one after the other."""
    alarms, weeks = {}, 0.0
    for airline in sorted({one.airline for one in posts}):
        mine = [one for one in posts if one.airline == airline]
        shop = Shop(rules)
        begin = mine[0].at.replace(second=0, microsecond=0)
        shop.replay([one.complaint for one in mine if one.complaint], begin, mine[-1].at)
        alarms[airline] = shop.alarms
        weeks += (mine[-1].at - begin) / timedelta(weeks=1)
    return Outcome(alarms, weeks, read_marks(), posts)


def _lines(outcome: Outcome) -> Iterator[str]:
    false = {id(alarm) for _, alarm in outcome.false()}
    for airline, alarms in outcome.alarms.items():
        for one in alarms:
            yield (
                f"{'false' if id(one) in false else '     '} {airline:<15}{one.at:%d %H:%M:%S} "
                f"since {one.found.began_at:%d %H:%M}  {one.found.cause:<22}"
                f"{len(one.found.people):>4} people, usual {one.found.usual:.1f}"
            )


def _said(rng: random.Random, texts: Sequence[str]) -> str:
    return rng.choice(texts).format(shop="", brand="Noora", order="48213", amount="2,300,000")


def rehearse() -> Outcome:
    """Weeks of what simulated customers write, in three languages, with an outage every day or
    two: the words of the rehearsal, judged by the shipped model, at random times."""
    from rehearsal.words.ar import ARABIC
    from rehearsal.words.en import ENGLISH
    from rehearsal.words.fa import PERSIAN
    from sentiment.classifier import Classifier

    # The limits were chosen with another seed.
    rng = random.Random(11)
    begin = datetime(2026, 1, 5, tzinfo=ZONE)
    tongues = (PERSIAN, PERSIAN, ARABIC, ENGLISH)
    written: list[tuple[datetime, str, bool]] = []
    for hour in range(REHEARSED_WEEKS * 168):
        at = begin + hour * HOUR
        for _ in range(round(rng.gammavariate(2.0, (5.0 if 8 <= at.hour < 24 else 0.5) / 2))):
            tale = rng.choice(rng.choice(tongues).tales)
            written.append((at + rng.random() * HOUR, _said(rng, tale.ask), False))
    marks = []
    at = begin + timedelta(hours=5)
    while at < begin + timedelta(weeks=REHEARSED_WEEKS, hours=-12):
        length = timedelta(minutes=rng.choice([5, 10, 30, 60]))
        for _ in range(40):
            tongue = rng.choice(tongues)
            told = (*tongue.outage, *tongue.outage_dm)
            written.append((at + rng.random() * length, _said(rng, told), True))
        over = at + length + timedelta(minutes=10)
        marks.append(Mark("rehearsed", at, over, "", counted=True))
        at += timedelta(hours=rng.uniform(24, 48))
    written.sort()
    verdicts = Classifier.load().classify([text for _, text, _ in written])
    posts = []
    for number, ((at, text, related), said) in enumerate(zip(written, verdicts, strict=True)):
        intents = frozenset(one.label for one in said.intents)
        one = Complaint(number, number, at, intents, words_of(text))
        complaint = one if said.complaint.value or said.urgent.value else None
        airline = "rehearsed" if related else "other"
        posts.append(Post(airline, at, text, number, complaint))
    shop = Shop(Rules())
    shop.replay([one.complaint for one in posts if one.complaint], begin, posts[-1].at)
    return Outcome({"rehearsed": shop.alarms}, REHEARSED_WEEKS, marks, posts)


def main() -> int:
    """Measure and print; the alarms, one a line, for people."""
    print(json.dumps({**rehearse().figures(), "of": "rehearsed"}))
    folder = os.environ.get("SHENAVA_REPLAY")
    if not folder:
        print("SHENAVA_REPLAY names the folder that holds airline_mentions.csv", file=sys.stderr)
        return 0
    outcome = replay(read_posts(Path(folder) / "airline_mentions.csv"), Rules())
    for line in _lines(outcome):
        print(line, file=sys.stderr)
    print(json.dumps({**outcome.figures(), "of": "airlines"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
