"""Simulated customers: people with something to say, who wait, grow angry, and say thanks.

A :class:`Crowd` is told the time and acts: ``step(now)`` does everything that has come due. The
same seed and the same times give the same people, words and moments. Each story is a small
machine::

    asked ──no answer──▶ nagged ──no answer──▶ angry ──no answer──▶ gone
      └───────answer──────────┴───────answer───────┴──▶ thanked

Stories stand among the notes of the world, so they go on when the simulator is started again.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from rehearsal.pictures import draw_picture
from rehearsal.records import Json
from rehearsal.words import Door, Tale, Tongue
from rehearsal.words.ar import ARABIC
from rehearsal.words.en import ENGLISH
from rehearsal.words.fa import PERSIAN
from rehearsal.x.model import DirectMessage, Post, User
from rehearsal.x.simulator import SHOP, open_shop
from rehearsal.x.text import guess_language
from rehearsal.x.world import World

TONGUES: tuple[Tongue, ...] = (PERSIAN, ARABIC, ENGLISH)
_SHARES = (5, 3, 2)
"""Of ten customers, so many write Persian, Arabic, English."""

_EASTERN = {"fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"), "ar": str.maketrans({}), "en": {}}
_MONEY = {"fa": ("تومان", 1000), "ar": ("ريال", 1), "en": ("dollars", 1)}


class Crowd:
    """Customers of the shop of one world.

    ``every``: mean time between new stories; ``patience``: how long a customer waits for an answer
    before each step towards anger (each draws between half and one and a half of it);
    ``outage_after``: when the payment gateway fails by itself, ``None`` for only when told.
    """

    def __init__(
        self,
        world: World,
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
        shop = self._shop()
        posts = [self._world.post(shop.id, words).id for one in TONGUES for words in one.posts]
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
                    written += self._go_on(key, dict(story), now)
            return written

    def outage(
        self,
        now: datetime,
        *,
        complaints: int = 120,
        over: timedelta = timedelta(minutes=6),
    ) -> int:
        """The payment gateway fails: ``complaints`` people (40 to 400) write within ``over``, most
        of them early, in three languages, one in six privately. The number that will write."""
        complaints = max(40, min(complaints, 400))
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
        tale = draw.choice(tongue.tales)
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
                private = draw.random() < 1 / 6
                words = draw.choice(tongue.outage_dm if private else tongue.outage)
                door = Door.DM if private else Door.MENTION
                self._tell(f"story:{key}:{done}", tongue, "outage", door, words, draw, now)
                done += 1
                written += 1
            if done != outage["done"]:
                self._world.note(key, {**outage, "done": done})
        return written

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
        person = self._person(key, tongue, draw)
        slots = self._slots(tongue, draw)
        tale = _tale(tongue, kind)
        # X knows the language, but not what is written in Latin letters.
        knows = tongue.lang == "en" or guess_language(words) in ("fa", "ar")
        lang = tongue.lang if knows else "und"
        if door is Door.DM:
            said: Post | DirectMessage = self._world.dm(
                person.id, self._shop().id, words.format(**slots)
            )
        elif door is Door.QUOTE:
            posts = self._world.notes["crowd"]["posts"]
            said = self._world.post(
                person.id, words.format(**slots), quotes=draw.choice(posts), lang=lang
            )
        else:
            media: tuple[str, ...] = ()
            if kind == "damaged":
                content, size = draw_picture(draw)
                media = (self._world.add_picture(person.id, content, "image/png", size=size).key,)
            said = self._world.post(person.id, words.format(**slots), media=media, lang=lang)
        waits = tale.waits if tale else True
        self._world.note(
            key,
            {
                "lang": tongue.lang,
                "kind": kind,
                "person": person.id,
                "door": str(door),
                "first": said.id,
                "last": said.id,
                "slots": slots,
                "state": "asked" if waits else "said",
                "due": self._lose_patience(draw, now),
            },
        )

    def _go_on(self, key: str, story: Json, now: datetime) -> int:
        """One step of one story: thanks if the shop has answered, else perhaps less patience."""
        tongue = next(one for one in TONGUES if one.lang == story["lang"])
        tale = _tale(tongue, story["kind"])
        draw = self._draw(key, story["state"])
        answer = self._answer_to(story)
        if answer is not None:
            thanks = tongue.relief if story["kind"] == "outage" else tale.thanks if tale else ()
            # Not everybody says thank you.
            if thanks and draw.random() < 0.7:
                self._say(story, draw.choice(thanks), answer)
            self._world.note(key, {**story, "state": "thanked"})
            return int(bool(thanks))
        if datetime.fromisoformat(story["due"]) > now:
            return 0
        generic = _tale(tongue, "payment")
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

    def _say(self, story: Json, words: str, answer: str | None) -> str:
        """The customer writes again, where the story began; under the shop's answer if there is
        one. The id of what was written."""
        text = words.format(**story["slots"])
        if story["door"] == Door.DM:
            return self._world.dm(story["person"], self._shop().id, text).id
        return self._world.post(story["person"], text, reply_to=answer or story["first"]).id

    def _answer_to(self, story: Json) -> str | None:
        """The id of what the shop has said to this customer since the story began, if anything."""
        shop = self._shop()
        first = int(story["first"])
        if story["door"] == Door.DM:
            for message in self._world.dms_of(story["person"], shop.id):
                if int(message.id) < first:
                    return None
                if message.sender_id == shop.id:
                    return message.id
            return None
        for said in {story["first"], story["last"]}:
            for one in self._world.answers_to(said):
                if one.author_id == shop.id:
                    return one.id
        return None

    # --- drawing ------------------------------------------------------------------------------

    def _draw(self, *what: Any) -> random.Random:
        """A source of chance for one decision: the same for the same seed and decision."""
        return random.Random(f"{self._seed} {what}")  # noqa: S311 - a repeatable draw

    def _lose_patience(self, draw: random.Random, now: datetime) -> str:
        return (now + self._patience * draw.uniform(0.5, 1.5)).isoformat()

    def _shop(self) -> User:
        return open_shop(self._world)

    def _person(self, key: str, tongue: Tongue, draw: random.Random) -> User:
        """Somebody of that language: a few come back, most are new."""
        name, stem = draw.choice(tongue.people)
        handle = f"{stem}{draw.randrange(100)}"[:15]
        followers = int(draw.paretovariate(0.9) * 40)
        return self._world.add_user(handle, name, followers=min(followers, 2_000_000))

    def _slots(self, tongue: Tongue, draw: random.Random) -> dict[str, str]:
        unit, factor = _MONEY[tongue.lang]
        digits = _EASTERN[tongue.lang] if draw.random() < 0.6 else {}
        amount = f"{draw.randrange(90, 4900) * factor:,}".translate(digits)
        return {
            "shop": f"@{SHOP[0]}",
            "brand": tongue.brand,
            "order": str(draw.randrange(100_000, 999_999)).translate(digits),
            "amount": f"{amount} {unit}",
        }


def _tale(tongue: Tongue, kind: str) -> Tale | None:
    return next((one for one in tongue.tales if one.kind == kind), None)
