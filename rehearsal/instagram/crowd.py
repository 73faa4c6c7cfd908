"""Customers of the simulated Instagram; see ``rehearsal.crowd`` for their stories.

They comment under the shop's posts, write to it privately, mention it in their stories, send
pictures, take back what they wrote by mistake, correct it, put a heart under an answer, and post
about the shop under its hashtag.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from rehearsal.crowd import BOTH_NAME, Customers, Opening
from rehearsal.instagram.model import User
from rehearsal.instagram.simulator import open_shop
from rehearsal.instagram.world import World
from rehearsal.pictures import draw_picture
from rehearsal.records import Json
from rehearsal.words import Door, Tale, Tongue
from rehearsal.words.instagram import CAPTIONS, EDITED, INSTAGRAM, STRANGERS, TYPOS

_COMMENTABLE = frozenset({Door.MENTION, Door.QUOTE})
_SOON = timedelta(seconds=25)
"""After so long what was written by mistake is taken back, or corrected."""


class Crowd(Customers[World]):
    """Under a post of the shop nobody need name it."""

    SHOP = ""
    PRIVATE = 1 / 4
    BOTH_DOOR = Door.DM
    BOTH_WORDS = "سلام، سفارش {order} هنوز نرسیده. تو توییتر هم نوشتم، کسی جواب نداد"

    def _draw(self, *what: Any) -> random.Random:
        """Others than those of X write here, at other times."""
        return super()._draw("instagram", *what)

    def _shop(self) -> User:
        return open_shop(self._world)

    def _shop_posts(self) -> list[str]:
        shop = self._shop()
        made = []
        for number, caption in enumerate(CAPTIONS):
            picture = self._picture(self._draw("post", number), (360, 360))
            made.append(self._world.post(shop.id, caption, picture, likes=40 + 17 * number).id)
        return made

    def _tales(self, tongue: Tongue) -> tuple[Tale, ...]:
        """What is said everywhere, where it fits under a post or in a message; and their own."""
        everywhere = tuple(
            tale
            for tale in tongue.tales
            if tale.door in (*_COMMENTABLE, Door.DM) and tale.kind not in ("long", "praise")
        )
        own = INSTAGRAM[tongue.lang]
        mine = {tale.kind for tale in own}
        return (*own, *own, *(tale for tale in everywhere if tale.kind not in mine))

    def _begin_story(self, person: str, opening: Opening, draw: random.Random) -> str:
        shop, lang = self._shop(), opening.tongue.lang
        if draw.random() < 0.06:
            caption = draw.choice(STRANGERS[lang])
            self._world.post(person, caption, self._picture(draw), tagged=(shop.id,))
        if opening.door is Door.STORY:
            story = self._world.post(
                person, f"@{shop.username}", self._picture(draw), is_story=True
            )
            said = self._world.message(
                person, shop.id, opening.text, kind="story_mention", media_id=story.id
            )
            return said.id
        if opening.door is Door.DM:
            if opening.kind in ("broken", "damaged"):
                picture = self._picture(draw)
                self._world.message(person, shop.id, "", kind="image", picture=picture)
            return self._world.message(person, shop.id, opening.text).id
        posts = self._world.media_of(shop.id)
        # Most comment on what is newest.
        place = posts[min(int(draw.expovariate(1.2)), len(posts) - 1)]
        return self._world.comment(person, place.id, opening.text).id

    def _is_private(self, story: Json) -> bool:
        return story["door"] in (Door.DM, Door.STORY)

    def _say(self, story: Json, words: str, answer: str | None) -> str:
        text = words.format(**story["slots"]).strip()
        if self._is_private(story):
            return self._world.message(story["person"], self._shop().id, text).id
        first = self._world.comments[story["first"]]
        # Who was answered answers there; who was not writes anew, or under the own comment.
        under = answer if answer in self._world.comments else None
        if under is None and self._draw(story["first"], text).random() < 0.5:
            under = first.id
        return self._world.comment(story["person"], first.media_id, text, reply_to=under).id

    def _thank(self, story: Json, words: str, answer: str) -> None:
        """Privately a heart may be all the thanks; whoever reads an answer has seen it."""
        if answer in self._world.messages:
            self._world.see(answer)
            if self._draw(answer).random() < 0.4:
                self._world.react(answer, story["person"], "❤️")
                return
        self._say(story, words, answer)

    def _answer_to(self, story: Json) -> str | None:
        shop, person = self._shop(), story["person"]
        said = self._world.last_from(shop.id, person)
        first_at = self._at(story["first"])
        if said is not None and said.unsent_at is None and said.created_at >= first_at:
            return said.id
        if self._is_private(story):
            return None
        for one in (story["first"], story["last"]):
            comment = self._world.comments.get(one)
            top = comment.parent_id or comment.id if comment else one
            for reply in self._world.replies_to(top):
                if reply.author_id == shop.id and reply.created_at >= first_at:
                    return reply.id
        return None

    def _at(self, one: str) -> datetime:
        found = self._world.messages.get(one) or self._world.comments[one]
        return found.created_at

    def _meanwhile(self, key: str, story: Json, now: datetime) -> int:
        """A few take something back, or correct it."""
        if story["door"] != Door.DM or story.get("fumbled") or story["state"] != "asked":
            return 0
        draw = self._draw("fumble", key)
        chance, person = draw.random(), story["person"]
        if chance > 0.35 or now - self._at(story["first"]) < _SOON:
            return 0
        if chance < 0.15 and "typo" not in story:
            typo = self._world.message(person, self._shop().id, TYPOS[story["lang"]])
            self._world.note(key, {**story, "typo": typo.id})
            return 1
        if "typo" in story:
            if now - self._at(story["typo"]) < _SOON:
                return 0
            self._world.unsend(story["typo"])
        else:
            message = self._world.messages[story["first"]]
            pattern = EDITED.get(story["lang"], "{text} (right number: {order})")
            order = story["slots"]["order"]
            self._world.edit(message.id, pattern.format(text=message.text, order=order))
        self._world.note(key, {**story, "fumbled": True})
        return 0

    def _person(self, key: str, tongue: Tongue, draw: random.Random) -> str:
        name, stem = draw.choice(tongue.people)
        dotted = stem.replace("_", ".") if draw.random() < 0.4 else stem
        followers = int(draw.paretovariate(0.9) * 60)
        handle = f"{dotted}{draw.randrange(100)}"[:30]
        return self._world.add_user(handle, name, followers=min(followers, 2_000_000)).id

    def _known(self) -> str:
        return self._world.add_user("leila.karimi", BOTH_NAME, followers=540).id

    def _picture(self, draw: random.Random, size: tuple[int, int] = (320, 200)) -> str:
        content, drawn = draw_picture(draw, size)
        return self._world.add_picture(content, "image/png", drawn).id
