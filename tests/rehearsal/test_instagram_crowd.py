"""Customers of the simulated Instagram: the same for the same seed, and each a small story."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from support.factories import START
from support.simulated_instagram import Place, simulated_instagram

from rehearsal.crowd import BOTH_NAME, BOTH_ORDER
from rehearsal.instagram import World, serve
from rehearsal.instagram.crowd import Crowd
from rehearsal.instagram.simulator import open_shop
from rehearsal.words import Door
from rehearsal.words.instagram import CAPTIONS, INSTAGRAM
from rehearsal.x import World as XWorld
from rehearsal.x.crowd import Crowd as XCrowd
from shenava.clock import SetClock

TEN_SECONDS = timedelta(seconds=10)


class Stage:
    """A world and its customers, driven by hand."""

    def __init__(self, seed: int = 7, **more: object) -> None:
        self.clock = SetClock(START)
        self.world = World(self.clock)
        self.shop = open_shop(self.world)
        self.crowd = Crowd(self.world, seed, **more)  # type: ignore[arg-type]
        self.crowd.begin()

    def play(self, minutes: float) -> None:
        until = self.clock.now() + timedelta(minutes=minutes)
        while self.clock.now() < until:
            self.crowd.step(self.clock.now())
            self.clock.advance(TEN_SECONDS)

    def stories(self, kind: str | None = None) -> list[dict[str, str]]:
        return [
            story
            for key, story in self.world.notes.items()
            if key.startswith("story:") and kind in (None, story["kind"])
        ]


def test_every_text_can_be_said_and_none_is_said_twice() -> None:
    slots = {"shop": "", "brand": "", "order": "123456", "amount": "1,000 x"}
    for tales in INSTAGRAM.values():
        texts = [text for tale in tales for text in tale.ask if text]
        assert len(texts) == len(set(texts))
        assert all("{" not in text.format(**slots) for text in texts)


def test_the_same_seed_says_the_same_at_the_same_times() -> None:
    def said(seed: int) -> list[tuple[str, str, str]]:
        stage = Stage(seed, outage_after=timedelta(minutes=5))
        stage.play(12)
        everything = [*stage.world.comments.values(), *stage.world.messages.values()]
        return [(one.id, one.text, str(one.created_at)) for one in everything]

    assert said(3) == said(3)
    assert said(3) != said(4)


def test_they_come_through_every_door() -> None:
    stage = Stage(every=timedelta(seconds=10), patience=timedelta(minutes=2))
    stage.play(60)
    world, shop = stage.world, stage.shop
    assert len(world.media_of(shop.id)) == len(CAPTIONS)
    kinds = Counter(message.kind for message in world.messages.values())
    assert kinds["story_mention"] > 3 and kinds["image"] > 3 and kinds["text"] > 50
    assert any(message.unsent_at for message in world.messages.values())
    assert any(message.edits for message in world.messages.values())
    assert any(comment.parent_id for comment in world.comments.values())
    assert world.media_tagged(shop.id) and world.media_with("نورا")
    assert {story["lang"] for story in stage.stories()} == {"fa", "ar", "en"}
    states = Counter(story["state"] for story in stage.stories())
    assert states["gone"] > 20 and not states["thanked"]
    assert not any("@noora_shop" in one.text for one in world.comments.values())


def test_who_is_answered_is_done() -> None:
    stage = Stage(patience=timedelta(minutes=30), every=timedelta(seconds=15))
    stage.play(10)
    waiting = [story for story in stage.stories() if story["state"] == "asked"]
    for story in waiting:
        if story["door"] in (Door.DM, Door.STORY):
            stage.world.message(stage.shop.id, story["person"], "چشم")
        else:
            first = stage.world.comments[story["first"]]
            stage.world.comment(stage.shop.id, first.media_id, "چشم", reply_to=first.id)
    stage.play(0.5)
    done = {story["first"]: story["state"] for story in stage.stories()}
    assert {done[story["first"]] for story in waiting} == {"thanked"}
    assert any(message.reactions for message in stage.world.messages.values())
    assert any(message.seen_at for message in stage.world.messages.values())


def test_a_comment_that_was_answered_privately_is_done_too() -> None:
    stage = Stage(patience=timedelta(minutes=30), every=timedelta(seconds=15))
    stage.play(5)
    story = next(s for s in stage.stories() if s["door"] == Door.MENTION and s["state"] == "asked")
    stage.world.message(stage.shop.id, story["person"], "دایرکت را ببینید")
    stage.play(0.2)
    done = {one["first"]: one["state"] for one in stage.stories()}
    assert done[story["first"]] == "thanked"


def test_an_outage_is_a_wave_under_posts_and_in_messages() -> None:
    stage = Stage(every=timedelta(hours=1), outage_after=timedelta(minutes=1), outage_size=400)
    stage.play(8)
    stories = stage.stories("outage")
    assert len(stories) == 400
    ways = Counter(story["door"] for story in stories)
    assert ways[Door.MENTION] > 230 and ways[Door.DM] > 60
    assert not any("@" in stage.world.comments[one["first"]].text for one in stories
                   if one["door"] == Door.MENTION)  # fmt: skip


def test_one_customer_is_on_both_platforms_with_the_same_order() -> None:
    stage = Stage()
    stage.play(1)
    x = XWorld(stage.clock)
    crowd = XCrowd(x, 7)
    crowd.begin()
    stage.clock.advance(timedelta(minutes=1))
    crowd.step(stage.clock.now())
    here, there = stage.world.named("leila.karimi"), x.named("leila_karimi")
    assert here is not None and there is not None
    assert here.name == there.name == BOTH_NAME
    (said,) = [one.text for one in x.posts.values() if one.author_id == there.id]
    last = stage.world.last_from(here.id, stage.shop.id)
    assert last is not None and BOTH_ORDER in said and BOTH_ORDER in last.text


def test_an_outage_comes_at_a_word_too() -> None:
    clock = SetClock(START)
    world = World(clock)
    with serve(world, crowd=Crowd(world, every=timedelta(hours=1))) as served:
        place = Place(served, clock)
        remote = place.remote()
        assert remote.call("POST", "/outage", complaints=40, minutes=1) == {"complaints": 40}
        clock.advance(timedelta(minutes=1))
        assert remote.call("POST", "/step")["written"] >= 40
        remote.call("POST", "/reset")
        assert len(world.media) == len(CAPTIONS) and not world.comments
        place.close()


def test_without_customers_nobody_can_be_told_to_complain() -> None:
    with simulated_instagram() as place:
        assert place.ask("me").status_code == 200
        assert place.world.media == {}
