"""Nothing is missed and nothing handed out twice, wherever a reading is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from channels.conftest import CALM, KEYS, MakeChannel
from channels.listing_x import Listing
from channels.scripted_x import SHOP, Reply, ScriptedX, dm, post, user
from hypothesis import given, settings
from hypothesis import strategies as st
from support.factories import START

from shenava.channels import Page, RateLimited, Rejected
from shenava.channels.base import Cursor
from shenava.channels.x import XChannel
from shenava.channels.x.rules import read_price
from shenava.clock import SetClock
from shenava.messages import Source


@pytest.fixture(scope="module")
def shared_x() -> Iterator[ScriptedX]:
    """One server for all examples of a property; each brings its own listing."""
    server = ScriptedX()
    yield server
    server.close()


@dataclass
class Collector:
    """Stores pages as the real one does: rows and cursor together or not at all."""

    channel: XChannel
    source: Source
    cursor: Cursor = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def step(self, *, killed: bool = False) -> Page:
        page = self.channel.read(self.source, self.cursor)
        if not killed:
            self.stored += [m.native_key for m in page.incoming]
            self.cursor = page.cursor
            self.pages.append(page)
        return page

    def finish(self) -> Page:
        for _ in range(400):
            page = self.step()
            if page.complete:
                return page
        raise AssertionError("the walk does not end")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(1, 7)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("read"), st.just(0)),
        st.tuples(st.just("killed"), st.just(0)),
        st.tuples(st.just("token dies"), st.just(0)),
    ),
    max_size=40,
)


@pytest.mark.parametrize("source", [Source.MENTION, Source.SEARCH, Source.INBOX, Source.OWN])
@settings(max_examples=60)
@given(steps=STEPS, page=st.integers(1, 4))
def test_whatever_happens_between_pages_each_message_is_read_once(
    shared_x: ScriptedX, source: Source, steps: list[tuple[str, int]], page: int
) -> None:
    clock = SetClock(START)
    listing = Listing(page=page)
    shared_x.answer = listing.answer
    rows = listing.events if source is Source.INBOX else listing.posts
    channel = XChannel(
        KEYS, clock, base_url=shared_x.url, profile=SHOP, timeout=CALM, query="digikala"
    )
    collector = Collector(channel, source)
    newest = 1_000
    deleted = set()
    for what, number in steps:
        clock.advance(timedelta(seconds=20))
        if what == "arrive":
            for _ in range(number):
                newest += 3
                rows[newest] = clock.now()
        elif what == "delete" and rows:
            gone = sorted(rows)[number % len(rows)]
            del rows[gone]
            deleted.add(str(gone))
        elif what == "token dies" and "token" in collector.cursor:
            listing.dead_tokens.add(collector.cursor["token"])
        elif what in ("read", "killed"):
            collector.step(killed=what == "killed")
    last = collector.finish()
    if not last.gap:
        last = collector.finish()  # what came above the ceiling of the walk that was under way
    assert not last.gap
    assert len(collector.stored) == len(set(collector.stored)), "handed out twice"
    assert {str(key) for key in rows} <= set(collector.stored), "missed"
    assert set(collector.stored) <= {str(key) for key in rows} | deleted
    assert not any(p.gap for p in collector.pages)


@pytest.fixture
def listing(x: ScriptedX) -> Listing:
    listing = Listing(page=100)
    x.answer = listing.answer
    return listing


def written(listing: Listing, number: int, *, first: int = 1, minutes: float = 1) -> None:
    """So many posts, the newest just before the clock's start, one every ``minutes``."""
    for n in range(number):
        listing.posts[first + n] = START - timedelta(minutes=minutes * (number - n))


def test_forty_pages_are_read_to_the_end(listing: Listing, channel: XChannel) -> None:
    listing.page = 20
    written(listing, 795)
    collector = Collector(channel, Source.MENTION)
    last = collector.finish()
    assert len(collector.pages) == 40
    assert len(set(collector.stored)) == 795
    assert (last.gap, last.covered_to) == (False, START)
    assert last.covered_from == START - timedelta(minutes=795)


def test_the_floor_moves_only_when_it_is_reached(listing: Listing, channel: XChannel) -> None:
    listing.page = 5
    written(listing, 5)
    collector = Collector(channel, Source.MENTION)
    collector.finish()
    resting = dict(collector.cursor)
    assert resting == {"floor": "5", "as_of": START.isoformat()}
    written(listing, 20, first=6)
    collector.step()
    assert collector.cursor["floor"] == "5"
    assert collector.cursor["ceiling"] == "25"
    assert collector.finish().covered_from is None, "it joins what was covered before"
    assert collector.cursor["floor"] == "25"


def test_nothing_new_costs_nothing(listing: Listing, channel: XChannel) -> None:
    written(listing, 30)
    collector = Collector(channel, Source.MENTION)
    collector.finish()
    page = collector.step()
    assert page.complete
    assert (page.incoming, read_price(page.reads), page.reads.requests) == ((), 0, 1)


def test_a_limit_in_the_middle_loses_nothing(
    x: ScriptedX, listing: Listing, channel: XChannel
) -> None:
    listing.page = 10
    written(listing, 40)
    collector = Collector(channel, Source.MENTION)
    collector.step()
    x.answer = lambda seen: Reply({}, 429)
    with pytest.raises(RateLimited):
        collector.step()
    x.answer = listing.answer
    collector.finish()
    assert len(set(collector.stored)) == len(collector.stored) == 40


class TestBeyondTheReachOfMentions:
    def behind(self, listing: Listing, channel: XChannel, clock: SetClock) -> Collector:
        """A collector that has slept while two thousand mentions came."""
        written(listing, 10)
        collector = Collector(channel, Source.MENTION)
        collector.finish()
        for n in range(2_000):
            listing.posts[100 + n] = START + timedelta(seconds=10 * n)
        clock.advance(timedelta(hours=6))
        return collector

    def test_search_brings_the_rest(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        collector = self.behind(listing, channel, clock)
        last = collector.finish()
        assert len(set(collector.stored)) == len(collector.stored) == 2_010
        assert (last.gap, last.covered_from) == (False, None)
        searches = [seen for seen in listing.asked if "search" in seen.path]
        assert searches[0].query["query"] == "@digikala -is:retweet"
        assert {m.source for p in collector.pages for m in p.incoming} == {Source.MENTION}
        bill = [p.reads.resources for p in collector.pages[1:]]
        assert sum(b.get("owned_post", 0) for b in bill) == 800
        assert sum(b.get("post", 0) for b in bill) == 1_200

    def test_what_search_cannot_reach_is_told_as_a_gap(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        collector = self.behind(listing, channel, clock)
        clock.advance(timedelta(days=8))
        listing.search_from = clock.now() - timedelta(days=7)
        last = collector.finish()
        assert last.gap
        assert last.covered_from == listing.posts[100 + 2_000 - 800]
        assert collector.finish().gap is False, "a gap is told once"

    def test_the_first_reading_takes_what_there_is(
        self, listing: Listing, channel: XChannel
    ) -> None:
        written(listing, 2_000)
        collector = Collector(channel, Source.MENTION)
        last = collector.finish()
        assert len(collector.stored) == 800
        assert not last.gap
        assert last.covered_from == listing.posts[1_201]
        assert not [seen for seen in listing.asked if "search" in seen.path]


class TestSearch:
    def test_a_since_id_older_than_a_week_is_not_sent(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        written(listing, 3)
        collector = Collector(channel, Source.SEARCH)
        collector.finish()
        clock.advance(timedelta(days=9))
        listing.search_from = clock.now() - timedelta(days=7)
        listing.posts[50] = clock.now() - timedelta(days=1)
        last = collector.finish()
        assert "since_id" not in listing.asked[-1].query
        assert last.gap
        assert collector.stored[-1] == "50"

    def test_one_that_is_refused_all_the_same_is_left_out(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        written(listing, 3)
        collector = Collector(channel, Source.SEARCH)
        collector.finish()
        listing.search_from = clock.now() - timedelta(seconds=30)
        listing.posts[50] = clock.now()
        page = collector.step()
        assert (page.complete, page.incoming) == (False, ())
        assert collector.finish().gap
        assert "50" in collector.stored

    def test_known_posts_that_come_along_end_the_walk(
        self, x: ScriptedX, channel: XChannel
    ) -> None:
        cursor = {"floor": "7", "floor_refused": "1", "as_of": START.isoformat()}
        x.say({"data": [post(9), post(7), post(5)], "meta": {"next_token": "more"}})
        page = channel.read(Source.SEARCH, cursor)
        assert [m.native_key for m in page.incoming] == ["9"]
        assert (page.complete, page.gap) == (True, False)

    def test_another_refusal_is_told(self, x: ScriptedX, channel: XChannel) -> None:
        x.say(Reply({"errors": [{"parameters": {"query": ["("]}}]}, 400))
        with pytest.raises(Rejected, match="parameters: query"):
            channel.read(Source.SEARCH, {"floor": "3"})

    def test_a_walk_stopped_for_a_week_ends_with_a_gap(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        listing.page = 2
        written(listing, 6)
        collector = Collector(channel, Source.SEARCH)
        collector.step()
        clock.advance(timedelta(days=8))
        page = collector.step()
        assert (page.complete, page.gap, page.reads.requests) == (True, True, 0)


class TestInbox:
    def events(self, listing: Listing, number: int, first: int = 1) -> None:
        for n in range(number):
            listing.events[first + n] = START - timedelta(minutes=number - n)

    def test_a_look_that_finds_nothing_asks_for_few(
        self, listing: Listing, channel: XChannel
    ) -> None:
        self.events(listing, 250)
        collector = Collector(channel, Source.INBOX)
        collector.finish()
        assert [seen.query["max_results"] for seen in listing.asked] == ["100"] * 3
        listing.handed = 0
        page = collector.step()
        assert page.complete
        assert (page.incoming, listing.handed) == ((), 25)

    def test_a_burst_is_read_whole_down_to_the_known(
        self, listing: Listing, channel: XChannel
    ) -> None:
        self.events(listing, 50)
        collector = Collector(channel, Source.INBOX)
        collector.finish()
        self.events(listing, 260, first=51)
        last = collector.finish()
        assert (last.gap, last.covered_from) == (False, None)
        assert len(set(collector.stored)) == len(collector.stored) == 310

    def test_a_walk_begun_anew_passes_what_it_knows(
        self, listing: Listing, channel: XChannel
    ) -> None:
        listing.page = 4
        self.events(listing, 120)
        collector = Collector(channel, Source.INBOX)
        for _ in range(20):
            collector.step()
        listing.dead_tokens.add(collector.cursor["token"])
        collector.finish()
        assert len(set(collector.stored)) == len(collector.stored) == 120

    def test_a_token_that_is_always_refused_does_not_turn_for_ever(
        self, listing: Listing, channel: XChannel
    ) -> None:
        listing.page = 4
        self.events(listing, 12)
        collector = Collector(channel, Source.INBOX)
        listing.tokens_stay_dead = True
        listing.dead_tokens |= {f"token-long-enough-{n}" for n in range(13)}
        with pytest.raises(Rejected):
            collector.finish()

    def test_a_quiet_month_is_no_gap_and_an_absent_one_is(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        self.events(listing, 2)
        collector = Collector(channel, Source.INBOX)
        collector.finish()
        clock.advance(timedelta(days=20))
        collector.finish()
        clock.advance(timedelta(days=20))
        listing.events = {90: clock.now()}  # X keeps thirty days
        assert collector.finish().gap is False, "the last look was twenty days ago"
        clock.advance(timedelta(days=31))
        listing.events = {95: clock.now()}
        assert collector.finish().gap is True


class TestReadingAgain:
    def test_a_sweep_reads_down_to_a_time(
        self, listing: Listing, channel: XChannel, clock: SetClock
    ) -> None:
        written(listing, 300)
        since = clock.now() - timedelta(minutes=120)
        for source in (Source.MENTION, Source.SEARCH, Source.OWN):
            collector = Collector(channel, source, channel.cursor_from(source, since))
            last = collector.finish()
            assert len(collector.stored) == 120
            assert (last.covered_from, last.covered_to) == (since, START)
            assert listing.asked[0].query["start_time"] == "2026-01-03T04:30:00Z"

    def test_of_the_inbox_too(self, listing: Listing, channel: XChannel, clock: SetClock) -> None:
        for n in range(300):
            listing.events[1 + n] = START - timedelta(minutes=300 - n)
        since = clock.now() - timedelta(minutes=120)
        collector = Collector(channel, Source.INBOX, channel.cursor_from(Source.INBOX, since))
        last = collector.finish()
        assert len(collector.stored) == 120
        assert (last.covered_from, last.gap) == (since, False)


def test_a_page_without_messages_and_with_more_to_come_is_passed(
    x: ScriptedX, channel: XChannel
) -> None:
    x.say(
        {"meta": {"result_count": 0, "next_token": "t1"}},
        {"meta": {"result_count": 1}, "data": [post(7)]},
    )
    collector = Collector(channel, Source.MENTION)
    collector.finish()
    assert collector.stored == ["7"]
    assert x.seen[1].query["pagination_token"] == "t1"


def test_an_x_that_never_ends_is_left(x: ScriptedX, channel: XChannel) -> None:
    body = {"meta": {"next_token": "again"}, "data": [post(7)]}
    x.answer = lambda seen: Reply(body)
    Collector(channel, Source.MENTION).finish()
    assert len(x.seen) < 10


def test_a_cursor_of_another_day_is_read_as_far_as_it_can_be(
    listing: Listing, make: MakeChannel
) -> None:
    written(listing, 4)
    page = make().read(Source.MENTION, {"floor": "two", "colour": "blue", "as_of": "yesterday"})
    assert len(page.incoming) == 4


def test_each_look_at_the_inbox_tells_which_events_it_read(x: ScriptedX, channel: XChannel) -> None:
    """X bills an event once a day; the meter has to know which one it was."""
    both = [dm(8), dm(7)]
    for _ in range(2):
        x.say({"data": both, "includes": {"users": [user()]}, "meta": {}})
        page = channel.read(Source.INBOX, {})
        assert page.reads.resources["dm_event"] == 2
        assert page.reads.keys["dm_event"] == ("8", "7")
        assert page.reads.keys["included_user"] == ("2000",)


def test_so_do_looking_up_and_asking_who_we_are(x: ScriptedX, channel: XChannel) -> None:
    x.say({"data": [post(7), post(9)]})
    assert channel.look_up(["7", "9"]).reads.keys == {"post": ("7", "9")}
    x.say({"data": {"id": "1", "username": "digikala", "name": "Digikala"}})
    channel.check()
    assert channel.take_reads().keys == {"user": ("1",)}
