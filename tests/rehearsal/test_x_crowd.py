"""Customers of the simulated X: the same for the same seed, and each a small story."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from support.factories import START
from support.processes import wait_until
from support.simulated_x import Place

from rehearsal.crowd import TONGUES
from rehearsal.pictures import draw_picture, look_at
from rehearsal.words import Door
from rehearsal.x import World, serve
from rehearsal.x.crowd import Crowd
from rehearsal.x.simulator import SHOP
from rehearsal.x.text import LIMIT, units
from shenava.clock import SetClock

TEN_SECONDS = timedelta(seconds=10)


class Stage:
    """A world and its customers, driven by hand."""

    def __init__(self, seed: int = 7, **more: object) -> None:
        self.clock = SetClock(START)
        self.world = World(self.clock)
        self.crowd = Crowd(self.world, seed, **more)  # type: ignore[arg-type]
        self.crowd.begin()
        self.shop = self.world.add_user(*SHOP)

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


def test_there_is_enough_to_say_and_nothing_twice() -> None:
    texts = [text for tongue in TONGUES for text in tongue.all_texts()]
    assert len(texts) == len(set(texts)) >= 200
    for tongue in TONGUES:
        assert len(tongue.all_texts()) >= 70
        slots = {"shop": "@noora_shop", "brand": "", "order": "123456", "amount": "1,000,000 x"}
        for text in tongue.all_texts():
            assert "{" not in text.format(**slots)
        short = [t for t in tongue.all_texts() if units(t.format(**slots)) > LIMIT]
        assert len(short) == 1, "one long story each, to try long posts with"


def test_the_same_seed_says_the_same_at_the_same_times() -> None:
    def said(seed: int) -> list[tuple[str, str, str]]:
        stage = Stage(seed, outage_after=timedelta(minutes=10))
        stage.play(20)
        everything = [*stage.world.posts.values(), *stage.world.dms.values()]
        return [(one.id, one.text, str(one.created_at)) for one in everything]

    assert said(3) == said(3)
    assert said(3) != said(4)


def test_who_is_not_answered_grows_angry_and_goes() -> None:
    stage = Stage(patience=timedelta(minutes=2), every=timedelta(seconds=30))
    stage.play(60)
    states = Counter(story["state"] for story in stage.stories())
    assert states["gone"] > 30
    # Those who wait for a thing write up to three times; those who praise write once.
    payment = stage.stories("payment")[0]
    wrote = [p.text for p in stage.world.posts.values() if p.author_id == payment["person"]]
    assert len(wrote) >= 3
    assert {story["state"] for story in stage.stories("praise")} == {"said"}


@pytest.mark.parametrize("door", [Door.MENTION, Door.DM])
def test_who_is_answered_is_done(door: Door) -> None:
    stage = Stage(patience=timedelta(minutes=30), every=timedelta(seconds=20))
    stage.play(15)
    waiting = [s for s in stage.stories() if s["state"] == "asked" and s["door"] == door]
    assert waiting
    for story in waiting:
        if door is Door.DM:
            stage.world.dm(stage.shop.id, story["person"], "چشم، درست شد")
        else:
            stage.world.post(stage.shop.id, "چشم، درست شد", reply_to=story["first"])
    stage.play(0.5)
    done = {story["first"]: story["state"] for story in stage.stories()}
    assert {done[story["first"]] for story in waiting} == {"thanked"}
    before = len(stage.world.posts)
    stage.crowd.step(stage.clock.now())
    assert len(stage.world.posts) - before <= 2, "thanked once only"


def test_a_grumble_does_not_name_the_shop() -> None:
    stage = Stage()
    stage.play(60)
    grumbles = stage.stories("grumble")
    assert grumbles
    for story in grumbles:
        assert stage.shop.id not in stage.world.named_by(stage.world.posts[story["first"]])


def test_an_outage_comes_as_a_wave_in_three_languages_and_two_ways() -> None:
    stage = Stage(every=timedelta(hours=1), outage_after=timedelta(minutes=1), outage_size=400)
    stage.play(0.9)
    assert not stage.stories("outage")
    stage.play(7)
    stories = stage.stories("outage")
    assert len(stories) == 400
    assert {story["lang"] for story in stories} == {"fa", "ar", "en"}
    ways = Counter(story["door"] for story in stories)
    assert ways[Door.MENTION] > 250 and ways[Door.DM] > 30
    firsts = [int(story["first"]) for story in stories]
    minutes = Counter((one >> 22) // 60_000 for one in firsts)
    assert max(minutes.values()) > 400 / 6, "a wave, not a trickle"
    texts = [stage.world.posts[s["first"]].text for s in stories if s["door"] == Door.MENTION]
    assert len(set(texts)) > 100


def test_an_outage_comes_at_a_word_too() -> None:
    clock = SetClock(START)
    world = World(clock)
    with serve(world, crowd=Crowd(world, every=timedelta(hours=1))) as served:
        place = Place(served, clock, [])
        remote = place.remote()
        assert remote.call("POST", "/outage", complaints=40, minutes=1) == {"complaints": 40}
        place.clock.advance(timedelta(minutes=1))
        assert remote.call("POST", "/step")["written"] >= 40
        assert len(list(world.mentions_of(place.shop.id))) > 25
        remote.call("POST", "/reset")
        assert len(world.posts) == sum(len(tongue.posts) for tongue in TONGUES)
        place.close()


def test_stories_go_on_after_the_simulator_was_killed() -> None:
    stage = Stage(patience=timedelta(minutes=2), every=timedelta(seconds=30))
    stage.play(10)
    again = Crowd(stage.world, 7, patience=timedelta(minutes=2), every=timedelta(seconds=30))
    told = stage.world.notes["crowd"]["told"]
    stage.crowd = again
    stage.play(10)
    assert stage.world.notes["crowd"]["told"] > told
    assert len({story["first"] for story in stage.stories()}) == len(stage.stories())


def test_damaged_goods_are_shown_in_a_picture() -> None:
    stage = Stage(every=timedelta(seconds=10))
    stage.play(20)
    story = stage.stories("damaged")[0]
    (key,) = stage.world.posts[story["first"]].media
    picture = stage.world.pictures[key.partition("_")[2]]
    assert look_at(picture.content) == ("image/png", (320, 200))
    first, _ = draw_picture(stage.crowd._draw("a"))
    assert first != draw_picture(stage.crowd._draw("b"))[0]


def test_customers_come_by_themselves_while_it_is_served() -> None:
    clock = SetClock(START)
    world = World(clock)
    with serve(world, crowd=Crowd(world), tick=0.01):
        shop_posts = sum(len(tongue.posts) for tongue in TONGUES)
        wait_until(lambda: len(world.posts) + len(world.dms) > shop_posts)


def test_some_think_better_of_what_they_wrote() -> None:
    stage = Stage(patience=timedelta(minutes=2), every=timedelta(seconds=10))
    stage.play(60)
    minds = Counter(story.get("mind", "none") for story in stage.stories())
    assert minds["edited"] > 3
    assert minds["deleted"] > 1
    assert minds["kept"] > 10 * minds["deleted"]
    for story in stage.stories():
        post = stage.world.posts.get(story["first"])
        if story.get("mind") == "edited":
            assert post is not None
            assert len(post.versions) == 2
        if story.get("mind") == "deleted":
            assert post is not None
            assert post.deleted_at is not None
