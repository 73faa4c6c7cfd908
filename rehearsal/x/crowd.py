"""Customers of the simulated X; see ``rehearsal.crowd`` for their stories."""

from __future__ import annotations

import random
from datetime import datetime

from rehearsal.crowd import BOTH, BOTH_NAME, TONGUES, Customers, Opening
from rehearsal.pictures import draw_picture
from rehearsal.records import Json
from rehearsal.words import Door, Tongue
from rehearsal.x.model import User
from rehearsal.x.simulator import SHOP, open_shop
from rehearsal.x.text import guess_language
from rehearsal.x.world import EDIT_WINDOW, World

_EDIT = 0.06
_DELETE = 0.03
"""Shares of the public stories whose first post is edited, or deleted, before an answer came."""

_AFTERTHOUGHT = {
    "fa": "(ویرایش: لطفاً زودتر پیگیری کنید)",
    "ar": "(تعديل: أرجو الرد بسرعة)",
    "en": "(edit: please look into this soon)",
}


class Crowd(Customers[World]):
    """They name the shop in posts, write to it privately, speak of it, and quote it."""

    SHOP = f"@{SHOP[0]}"
    BOTH_DOOR = Door.MENTION
    BOTH_WORDS = "{shop} سفارش {order} یک هفته‌ست «در حال ارسال» مونده. تو اینستاگرام هم پیام دادم"

    def _shop(self) -> User:
        return open_shop(self._world)

    def _shop_posts(self) -> list[str]:
        shop = self._shop()
        return [self._world.post(shop.id, words).id for one in TONGUES for words in one.posts]

    def _begin_story(self, person: str, opening: Opening, draw: random.Random) -> str:
        if opening.door is Door.DM:
            return self._world.dm(person, self._shop().id, opening.text).id
        # X knows the language, but not what is written in Latin letters.
        written = opening.tongue.lang
        knows = written == "en" or guess_language(opening.words) in ("fa", "ar")
        lang = written if knows else "und"
        if opening.door is Door.QUOTE:
            quoted = draw.choice(self._world.notes["crowd"]["posts"])
            return self._world.post(person, opening.text, quotes=quoted, lang=lang).id
        media: tuple[str, ...] = ()
        if opening.kind == "damaged":
            content, size = draw_picture(draw)
            media = (self._world.add_picture(person, content, "image/png", size=size).key,)
        return self._world.post(person, opening.text, media=media, lang=lang).id

    def _meanwhile(self, key: str, story: Json, now: datetime) -> int:
        """While she waits for a first answer, now and then a customer edits what she wrote in
        public, or thinks better of it and deletes it."""
        if story["state"] != "asked" or story["door"] == Door.DM or "mind" in story or key == BOTH:
            return 0
        if now < datetime.fromisoformat(story["due"]) - self._patience / 4:
            return 0
        mind = self._draw(key, "mind").random()
        changed = {**story, "mind": "kept"}
        if mind < _DELETE:
            self._world.delete(story["first"])
            changed |= {"mind": "deleted", "state": "gone"}
        elif mind < _DELETE + _EDIT and self._is_fresh(story["first"], now):
            words = f"{self._world.posts[story['first']].text} {_AFTERTHOUGHT[story['lang']]}"
            edited = self._world.edit(story["first"], words)
            changed |= {"mind": "edited", "first": edited.id, "last": edited.id}
        self._world.note(key, changed)
        return int(changed["mind"] == "edited")

    def _is_fresh(self, post_id: str, now: datetime) -> bool:
        return now - self._world.posts[post_id].created_at < EDIT_WINDOW

    def _say(self, story: Json, words: str, answer: str | None) -> str:
        text = words.format(**story["slots"])
        if story["door"] == Door.DM:
            return self._world.dm(story["person"], self._shop().id, text).id
        return self._world.post(story["person"], text, reply_to=answer or story["first"]).id

    def _answer_to(self, story: Json) -> str | None:
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

    def _person(self, key: str, tongue: Tongue, draw: random.Random) -> str:
        name, stem = draw.choice(tongue.people)
        handle = f"{stem}{draw.randrange(100)}"[:15]
        followers = int(draw.paretovariate(0.9) * 40)
        return self._world.add_user(handle, name, followers=min(followers, 2_000_000)).id

    def _known(self) -> str:
        return self._world.add_user("leila_karimi", BOTH_NAME, followers=312).id
