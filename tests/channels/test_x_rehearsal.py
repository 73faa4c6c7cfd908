"""The adapter and the simulated X, together: what customers write arrives, what is sent is there
once, and what hid is found again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from channels.conftest import CALM
from support.factories import START
from support.simulated_x import PIXEL

from rehearsal.x import Kind, Served, World, serve
from shenava.channels import (
    Deed,
    OutcomeUnknown,
    Outgoing,
    RateLimited,
    Rejected,
    RejectedBecause,
)
from shenava.channels.base import Cursor
from shenava.channels.x import OAuth1, XChannel
from shenava.clock import SetClock
from shenava.messages import Source


@dataclass
class Stage:
    served: Served
    clock: SetClock
    channel: XChannel

    def mention(self, words: str, handle: str = "sara") -> str:
        """A customer writes to the shop; the key of it."""
        author = self.served.world.add_user(handle, handle.title())
        self.clock.advance(timedelta(seconds=1))
        return self.served.world.post(author.id, f"@{self.served.sim.shop.username} {words}").id

    def read(self, source: Source) -> dict[str, str]:
        """All that can be read, by key."""
        return self.read_on({}, source)

    def read_on(self, cursor: Cursor, source: Source = Source.MENTION) -> dict[str, str]:
        """All that can be read after ``cursor``, by key."""
        found: dict[str, str] = {}
        while True:
            page = self.channel.read(source, cursor)
            found |= {message.native_key: message.text for message in (*page.incoming, *page.own)}
            cursor = page.cursor
            if page.complete:
                return found


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = SetClock(START)
    world = World(clock)
    with serve(world) as served:
        keys = served.credentials
        channel = XChannel(
            OAuth1(
                keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret
            ),
            clock,
            base_url=served.base_url,
            timeout=CALM,
        )
        yield Stage(served, clock, channel)
    world.close()


def test_what_customers_write_arrives_as_they_wrote_it(stage: Stage) -> None:
    words = ["سفارش من & کجاست؟ <فوری>", "see https://example.com/a?b=1&c=2", "طولانی " * 80]
    keys = [stage.mention(each) for each in words]
    handle = stage.served.sim.shop.username
    found = stage.read(Source.MENTION)
    assert found == {k: f"@{handle} {w}".rstrip() for k, w in zip(keys, words, strict=True)}


def test_what_comes_during_a_pause_pushes_nothing_out_of_a_reading(stage: Stage) -> None:
    stage.mention("first")
    floor = stage.channel.read(Source.MENTION, {})
    assert floor.complete
    wanted = {stage.mention(f"before {n}", f"user{n % 9}") for n in range(300)}
    page = stage.channel.read(Source.MENTION, floor.cursor)
    found = {message.native_key for message in page.incoming}
    assert not page.complete
    # A rate limit; meanwhile so much is written that the rest is not among X's newest 800.
    late = {stage.mention(f"meanwhile {n}", f"user{n % 9}") for n in range(750)}
    stage.clock.advance(timedelta(minutes=15))
    while not page.complete:
        page = stage.channel.read(Source.MENTION, page.cursor)
        found |= {message.native_key for message in page.incoming}
        assert not page.gap
    assert found == wanted
    assert late <= set(stage.read_on(page.cursor))


@pytest.mark.parametrize(
    "kind", [Kind.RESET_AFTER, Kind.SILENCE_AFTER, Kind.CUT_BODY, Kind.BAD_JSON, Kind.LOST_500]
)
@pytest.mark.parametrize("deed", [Deed.ANSWER, Deed.POST, Deed.DM])
def test_what_was_taken_in_without_an_answer_is_found(stage: Stage, kind: Kind, deed: Deed) -> None:
    key = stage.mention("سلام")
    author = stage.served.world.posts[key].author_id
    stage.served.world.dm(author, stage.served.sim.shop.id, "سلام")
    outgoing = Outgoing(
        deed, "پیگیری می‌کنیم & shop.ir/a?b=1&c=2 😀", to_key=key, to_native_id=author
    )
    if deed is Deed.POST:
        outgoing = Outgoing(deed, outgoing.text, picture=PIXEL)
    endpoint = "POST /2/tweets"
    if deed is Deed.DM:
        endpoint = "POST /2/dm_conversations/with/:participant_id/messages"
    stage.channel.check()
    stage.served.sim.faults.add(kind, endpoint, seconds=0.05)
    before = stage.clock.now()
    with pytest.raises(OutcomeUnknown):
        stage.channel.send(outgoing)
    found = stage.channel.find_sent(outgoing, before)
    assert found is not None
    sent = [line.result_id for line in stage.served.world.ledger if line.deed != "upload"]
    assert sent == [found.native_key]


@pytest.mark.parametrize("kind", [Kind.RESET_BEFORE, Kind.ERROR_500, Kind.SILENCE_BEFORE])
def test_what_was_not_taken_in_is_surely_not_there_after_a_while(stage: Stage, kind: Kind) -> None:
    outgoing = Outgoing(Deed.ANSWER, "پیگیری می‌کنیم", to_key=stage.mention("سلام"))
    stage.channel.check()
    stage.served.sim.faults.add(kind, "POST /2/tweets", seconds=0.05)
    before = stage.clock.now()
    with pytest.raises(OutcomeUnknown):
        stage.channel.send(outgoing)
    with pytest.raises(OutcomeUnknown):
        stage.channel.find_sent(outgoing, before)
    stage.clock.advance(timedelta(minutes=2))
    assert stage.channel.find_sent(outgoing, before) is None


def test_a_second_identical_answer_and_an_unsummoned_one_are_refused(stage: Stage) -> None:
    outgoing = Outgoing(Deed.ANSWER, "پیگیری می‌کنیم", to_key=stage.mention("سلام"))
    stage.channel.send(outgoing)
    with pytest.raises(Rejected) as twice:
        stage.channel.send(outgoing)
    assert twice.value.because is RejectedBecause.DUPLICATE
    stranger = stage.served.world.add_user("ali", "Ali")
    post = stage.served.world.post(stranger.id, "نورا چطور است؟")
    with pytest.raises(Rejected) as unasked:
        stage.channel.send(Outgoing(Deed.ANSWER, "سلام", to_key=post.id))
    assert unasked.value.because is RejectedBecause.NOT_ALLOWED


def test_the_limit_of_private_messages_names_its_time(stage: Stage) -> None:
    stage.channel.check()
    for _ in range(15):
        stage.channel.read(Source.INBOX, {})
    with pytest.raises(RateLimited) as limited:
        stage.channel.read(Source.INBOX, {})
    assert limited.value.named
    assert limited.value.retry_at <= stage.clock.now() + timedelta(minutes=15)


def test_the_coming_names_are_read_too(stage: Stage) -> None:
    stage.served.sim.manners.newer_names = True
    key = stage.mention("سلام")
    answer = stage.channel.send(Outgoing(Deed.ANSWER, "سلام", to_key=key))
    own = stage.channel.read(Source.OWN, {}).own
    assert [(m.native_key, m.reply_to_key) for m in own] == [(answer.native_key, key)]


def test_deleted_and_edited_posts_are_told(stage: Stage) -> None:
    world = stage.served.world
    kept, gone, old = (stage.mention(words) for words in ("یک", "دو", "سه"))
    stage.clock.advance(timedelta(seconds=1))
    new = world.edit(old, "@noora_shop چهار").id
    world.delete(gone)
    told = stage.channel.look_up([kept, gone, old])
    assert (told.present, told.gone, told.edited) == ({kept, old}, {gone}, {old: new})
    (newest, *_) = stage.channel.read(Source.MENTION, {}).incoming
    assert (newest.native_key, newest.edited_from) == (new, (old,))
