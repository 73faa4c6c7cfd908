"""Simulated customers: people with something to say, who wait, grow angry, and say thanks.

What is the same on every platform: who writes what, when; where and how they write is each
platform's own matter.

A :class:`Crowd` is told the time and acts: ``step(now)`` does everything that has come due. The
same seed and the same times give the same people, words and moments. Each story is a small
machine::

    asked ──no answer──▶ nagged ──no answer──▶ angry ──no answer──▶ gone
      └───────answer──────────┴───────answer───────┴──▶ thanked

Stories stand among the notes of the world, so they go on when the simulator is started again.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from rehearsal.journal import Kept
from rehearsal.records import Json
from rehearsal.words import Door, Tale, Tongue
from rehearsal.words.ar import ARABIC
from rehearsal.words.en import ENGLISH
from rehearsal.words.fa import PERSIAN

TONGUES: tuple[Tongue, ...] = (PERSIAN, ARABIC, ENGLISH)
_SHARES = (5, 3, 2)
"""Of ten customers, so many write Persian, Arabic, English."""

_EASTERN = {"fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"), "ar": str.maketrans({}), "en": {}}
_MONEY = {"fa": ("تومان", 1000), "ar": ("ريال", 1), "en": ("dollars", 1)}


BOTH = "story:both"
"""The story of the customer who is on every platform; she writes soon after the beginning."""
BOTH_AFTER = timedelta(seconds=12)
BOTH_ORDER = "481516"
BOTH_NAME = "لیلا کریمی"
"""One name on every platform, and handles that are alike: whether they are one person is for the
shop to find out, by the number of the order."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a story begins with."""

    tongue: Tongue
    kind: str
    door: Door
    words: str
    slots: dict[str, str]

    @property
    def text(self) -> str:
        return self.words.format(**self.slots).strip()


W = TypeVar("W", bound=Kept)


class Customers(ABC, Generic[W]):
    """Customers of the shop of one platform.

    ``every``: mean time between new stories; ``patience``: how long a customer waits for an answer
    before each step towards anger (each draws between half and one and a half of it);
    ``outage_after``: when the payment gateway fails by itself, ``None`` for only when told.
    """

    SHOP: ClassVar[str]
    """How customers call the shop in a text; empty where they need not."""
    PRIVATE: ClassVar[float] = 1 / 6
    """The share of complaints in an outage that are written privately."""
    BOTH_DOOR: ClassVar[Door]
    BOTH_WORDS: ClassVar[str]

    def __init__(
        self,
        world: W,
        seed: int = 1,
        *,
        every: timedelta = timedelta(seconds=25),
        patience: timedelta = timedelta(minutes=4),
        outage_after: timedelta | None = None,
        outage_size: int = 120,
    ) -> None:
        self._world = world
        self._seed = seed
        self._every, self._patience = every, patience
        self._outage_after, self._outage_size = outage_after, outage_size

    def begin(self) -> None:
        """Take up the stories where they stood, or begin: the shop has posted something already."""
        if "crowd" in self._world.notes:
            return
        now = self._world.clock.now()
        posts = self._shop_posts()
        self._world.note(
            "crowd",
            {"began": now.isoformat(), "told": 0, "next": now.isoformat(), "posts": posts},
        )

    def step(self, now: datetime) -> int:
        """Do all that has come due by ``now``; the number of texts written. A step after a long
        time writes all of it at once, dated now: step often for life-like times."""
        with self._world.lock:
            self.begin()
            state = dict(self._world.notes["crowd"])
            written = 0
            began = datetime.fromisoformat(state["began"])
            if (
                self._outage_after is not None
                and "outage" not in self._world.notes
                and now >= began + self._outage_after
            ):
                self.outage(now, complaints=self._outage_size)
            if BOTH not in self._world.notes and now >= began + BOTH_AFTER:
                written += self._tell_both(now)
            while datetime.fromisoformat(state["next"]) <= now:
                written += self._open(state["told"], now)
                draw = self._draw("gap", state["told"])
                gap = min(draw.expovariate(1.0), 4.0) * self._every
                due = max(datetime.fromisoformat(state["next"]), now - 5 * self._every)
                state["next"] = (due + gap + timedelta(milliseconds=1)).isoformat()
                state["told"] += 1
                self._world.note("crowd", state)
            written += self._complain(now)
            for key, story in list(self._world.notes.items()):
                if key.startswith("story:") and story["state"] not in ("thanked", "gone", "said"):
                    written += self._meanwhile(key, story, now)
                    written += self._go_on(key, dict(self._world.notes[key]), now)
            return written

    def outage(
        self,
        now: datetime,
        *,
        complaints: int = 120,
        over: timedelta = timedelta(minutes=6),
    ) -> int:
        """The payment gateway fails: ``complaints`` people (20 to 400) write within ``over``, most
        of them early, in three languages, some privately. The number that will write."""
        complaints = max(20, min(complaints, 400))
        draw = self._draw("outage", len(self._world.notes))
        # Most within the first third: news of trouble comes as a wave, then trickles.
        moments = sorted(draw.betavariate(1.6, 3.2) for _ in range(complaints))
        number = sum(1 for key in self._world.notes if key.startswith("outage"))
        self._world.note(
            "outage" if number == 0 else f"outage:{number}",
            {"at": [(now + moment * over).isoformat() for moment in moments], "done": 0},
        )
        return complaints

    # --- stories ------------------------------------------------------------------------------

    def _open(self, number: int, now: datetime) -> int:
        draw = self._draw("story", number)
        tongue = draw.choices(TONGUES, _SHARES)[0]
        tale = draw.choice(self._tales(tongue))
        self._tell(
            f"story:{number}", tongue, tale.kind, tale.door, draw.choice(tale.ask), draw, now
        )
        return 1

    def _complain(self, now: datetime) -> int:
        written = 0
        for key, outage in list(self._world.notes.items()):
            if not key.startswith("outage"):
                continue
            done = outage["done"]
            while done < len(outage["at"]) and datetime.fromisoformat(outage["at"][done]) <= now:
                draw = self._draw(key, done)
                tongue = draw.choices(TONGUES, _SHARES)[0]
                private = draw.random() < self.PRIVATE
                words = draw.choice(tongue.outage_dm if private else tongue.outage)
                door = Door.DM if private else Door.MENTION
                self._tell(f"story:{key}:{done}", tongue, "outage", door, words, draw, now)
                done += 1
                written += 1
            if done != outage["done"]:
                self._world.note(key, {**outage, "done": done})
        return written

    def _tell_both(self, now: datetime) -> int:
        """The one customer who is on every platform, with the same order."""
        tongue = next(one for one in TONGUES if one.lang == "fa")
        draw = self._draw(BOTH)
        self._tell(BOTH, tongue, "late", self.BOTH_DOOR, self.BOTH_WORDS, draw, now)
        return 1

    def _tell(
        self,
        key: str,
        tongue: Tongue,
        kind: str,
        door: Door,
        words: str,
        draw: random.Random,
        now: datetime,
    ) -> None:
        """The first words of a story, and its note."""
        person = self._known() if key == BOTH else self._person(key, tongue, draw)
        slots = self._slots(tongue, draw)
        if key == BOTH:
            slots["order"] = BOTH_ORDER
        tale = self._tale(tongue, kind)
        first = self._begin_story(person, Opening(tongue, kind, door, words, slots), draw)
        waits = tale.waits if tale else True
        self._world.note(
            key,
            {
                "lang": tongue.lang,
                "kind": kind,
                "person": person,
                "door": str(door),
                "first": first,
                "last": first,
                "slots": slots,
                "state": "asked" if waits else "said",
                "due": self._lose_patience(draw, now),
            },
        )

    def _go_on(self, key: str, story: Json, now: datetime) -> int:
        """One step of one story: thanks if the shop has answered, else perhaps less patience."""
        tongue = next(one for one in TONGUES if one.lang == story["lang"])
        tale = self._tale(tongue, story["kind"])
        draw = self._draw(key, story["state"])
        answer = self._answer_to(story)
        if answer is not None:
            thanks = tongue.relief if story["kind"] == "outage" else tale.thanks if tale else ()
            # Not everybody says thank you.
            if thanks and draw.random() < 0.7:
                self._thank(story, draw.choice(thanks), answer)
            self._world.note(key, {**story, "state": "thanked"})
            return int(bool(thanks))
        if datetime.fromisoformat(story["due"]) > now:
            return 0
        generic = self._tale(tongue, "payment")
        assert generic is not None
        source = tale if tale is not None else generic
        following = {"asked": ("nagged", source.nag), "nagged": ("angry", source.rage)}
        state, choice = following.get(story["state"], ("gone", ()))
        written = 0
        # After an outage many only wait: the same person does not always write again.
        if choice and (story["kind"] != "outage" or draw.random() < 0.4):
            story["last"] = self._say(story, draw.choice(choice), None)
            written = 1
        due = self._lose_patience(draw, now)
        self._world.note(key, {**story, "state": state, "due": due})
        return written

    def _tales(self, tongue: Tongue) -> tuple[Tale, ...]:
        """The stories that are told on this platform."""
        return tongue.tales

    def _tale(self, tongue: Tongue, kind: str) -> Tale | None:
        return next((one for one in self._tales(tongue) if one.kind == kind), None)

    def _meanwhile(self, key: str, story: Json, now: datetime) -> int:
        """What else a customer does while she waits; how many texts it was."""
        return 0

    def _thank(self, story: Json, words: str, answer: str) -> None:
        self._say(story, words, answer)

    # --- what each platform does in its own way -----------------------------------------------

    @abstractmethod
    def _shop_posts(self) -> list[str]:
        """What the shop has posted before the stories begin; the ids."""

    @abstractmethod
    def _begin_story(self, person: str, opening: Opening, draw: random.Random) -> str:
        """The customer writes for the first time; the id of what was written."""

    @abstractmethod
    def _say(self, story: Json, words: str, answer: str | None) -> str:
        """The customer writes again, where the story began; under the shop's answer if there is
        one. The id of what was written."""

    @abstractmethod
    def _answer_to(self, story: Json) -> str | None:
        """The id of what the shop has said to this customer since the story began, if anything."""

    @abstractmethod
    def _person(self, key: str, tongue: Tongue, draw: random.Random) -> str:
        """The id of somebody of that language: a few come back, most are new."""

    @abstractmethod
    def _known(self) -> str:
        """The id of the customer who is on every platform."""

    # --- drawing ------------------------------------------------------------------------------

    def _draw(self, *what: Any) -> random.Random:
        """A source of chance for one decision: the same for the same seed and decision."""
        return random.Random(f"{self._seed} {what}")  # noqa: S311 - a repeatable draw

    def _lose_patience(self, draw: random.Random, now: datetime) -> str:
        return (now + self._patience * draw.uniform(0.5, 1.5)).isoformat()

    def _slots(self, tongue: Tongue, draw: random.Random) -> dict[str, str]:
        unit, factor = _MONEY[tongue.lang]
        digits = _EASTERN[tongue.lang] if draw.random() < 0.6 else {}
        amount = f"{draw.randrange(90, 4900) * factor:,}".translate(digits)
        return {
            "shop": self.SHOP,
            "brand": tongue.brand,
            "order": str(draw.randrange(100_000, 999_999)).translate(digits),
            "amount": f"{amount} {unit}",
        }
