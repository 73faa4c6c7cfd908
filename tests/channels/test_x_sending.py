"""Sending once, and finding again what may have been sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from channels.conftest import MakeChannel
from channels.scripted_x import Cut, Drop, Reply, ScriptedX, dm, post
from support.factories import START

from shenava.channels import (
    Deed,
    OutcomeUnknown,
    Outgoing,
    RateLimited,
    Rejected,
    RejectedBecause,
    Sent,
    Unauthorised,
    Unreachable,
)
from shenava.channels.x import XChannel
from shenava.clock import SetClock

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
ANSWER = Outgoing(Deed.ANSWER, "سلام، پیگیری می‌کنیم", to_key="77")


class TestSending:
    @pytest.mark.parametrize("status", [200, 201])
    def test_an_answer(self, x: ScriptedX, channel: XChannel, status: int) -> None:
        x.say(Reply({"data": {"id": "99", "text": "…"}}, status))
        assert channel.send(ANSWER) == Sent("99", f"{x.url}/digikala/status/99")
        assert (x.seen[0].method, x.seen[0].path) == ("POST", "/2/tweets")
        assert x.seen[0].json == {"text": ANSWER.text, "reply": {"in_reply_to_tweet_id": "77"}}

    def test_a_post_with_a_picture_and_what_it_shows(self, x: ScriptedX, channel: XChannel) -> None:
        x.say(
            {"data": {"id": "555", "media_key": "3_555"}},
            {"data": {"id": "555"}},
            Reply({"data": {"id": "99", "text": "…"}}, 201),
        )
        channel.send(Outgoing(Deed.POST, "حراج", picture=PNG, picture_alt="پوستر"))
        assert [seen.path for seen in x.seen] == [
            "/2/media/upload",
            "/2/media/metadata",
            "/2/tweets",
        ]
        assert PNG in x.seen[0].body
        assert b'name="media_category"\r\n\r\ntweet_image' in x.seen[0].body
        assert x.seen[1].json == {"id": "555", "metadata": {"alt_text": {"text": "پوستر"}}}
        assert x.seen[2].json == {"text": "حراج", "media": {"media_ids": ["555"]}}

    def test_a_private_message(self, x: ScriptedX, channel: XChannel) -> None:
        x.say(Reply({"data": {"dm_conversation_id": "1000-2000", "dm_event_id": "88"}}, 201))
        sent = channel.send(Outgoing(Deed.DM, "سلام", to_native_id="2000"))
        assert sent == Sent("88", None)
        assert x.seen[0].path == "/2/dm_conversations/with/2000/messages"
        assert x.seen[0].json == {"text": "سلام"}

    def test_hiding(self, x: ScriptedX, channel: XChannel) -> None:
        x.say({"data": {"hidden": True}}, {"data": {"hidden": False}})
        assert channel.send(Outgoing(Deed.HIDE, to_key="77")).native_key == "77"
        assert (x.seen[0].method, x.seen[0].json) == ("PUT", {"hidden": True})
        with pytest.raises(Unreachable):
            channel.send(Outgoing(Deed.HIDE, to_key="77"))

    @pytest.mark.parametrize(
        "odd", [{}, {"data": {}}, {"data": {"id": 5}}, {"data": {"id": "../"}}]
    )
    def test_a_success_without_an_id_is_unknown(
        self, x: ScriptedX, channel: XChannel, odd: Any
    ) -> None:
        x.say(Reply(odd, 201))
        with pytest.raises(OutcomeUnknown):
            channel.send(ANSWER)

    @pytest.mark.parametrize("bad", [Drop(), Cut(), Reply({}, 500), Reply({"data": {}}, 200)])
    def test_an_upload_that_fails_shows_to_nobody(
        self, x: ScriptedX, channel: XChannel, bad: Any
    ) -> None:
        x.say(bad)
        with pytest.raises(Unreachable):
            channel.send(Outgoing(Deed.POST, "حراج", picture=PNG))
        assert len(x.seen) == 1

    @pytest.mark.parametrize(
        ("outgoing", "because"),
        [
            (Outgoing(Deed.ANSWER, "x"), RejectedBecause.BAD_REQUEST),
            (Outgoing(Deed.ANSWER, "x", to_key="7/../../1"), RejectedBecause.BAD_REQUEST),
            (Outgoing(Deed.ANSWER, "x", to_key="۷"), RejectedBecause.BAD_REQUEST),
            (Outgoing(Deed.DM, "x", to_native_id=""), RejectedBecause.BAD_REQUEST),
            (Outgoing(Deed.POST, "  "), RejectedBecause.BAD_REQUEST),
            (Outgoing(Deed.POST, "x" * 281), RejectedBecause.TOO_LONG),
            (Outgoing(Deed.POST, "x", picture=b"<svg/>"), RejectedBecause.NOT_A_PICTURE),
            (Outgoing(Deed.POST, "x", picture=b"GIF89a"), RejectedBecause.NOT_A_PICTURE),
            (Outgoing(Deed.POST, "x", picture=PNG + bytes(5 << 20)), RejectedBecause.TOO_LARGE),
            (
                Outgoing(Deed.POST, "x", picture=PNG, picture_alt="x" * 1_001),
                RejectedBecause.TOO_LONG,
            ),
        ],
    )
    def test_what_cannot_be_right_does_not_leave(
        self, x: ScriptedX, channel: XChannel, outgoing: Outgoing, because: RejectedBecause
    ) -> None:
        with pytest.raises(Rejected) as caught:
            channel.send(outgoing)
        assert caught.value.because is because
        assert x.seen == []

    def test_premium_accounts_may_write_more(self, x: ScriptedX, make: MakeChannel) -> None:
        x.say(Reply({"data": {"id": "99", "text": "…"}}, 201))
        make(long_posts=True).send(Outgoing(Deed.POST, "x" * 281))


def mine(key: int, text: str, *, to: str | None = "77", **more: Any) -> dict[str, Any]:
    """A post of the shop, written when the tests' clock began."""
    references = {"referenced_tweets": [{"type": "replied_to", "id": to}]} if to else {}
    at = more.pop("at", "2026-01-03T06:30:01.000Z")
    return post(key, text, by="1000", at=at, **references, **more)


class TestFindingAPost:
    def find(
        self,
        x: ScriptedX,
        channel: XChannel,
        clock: SetClock,
        *posts: Any,
        outgoing: Outgoing = ANSWER,
        known: tuple[str, ...] = (),
        later: timedelta = timedelta(minutes=5),
    ) -> Sent | None:
        clock.advance(later)
        x.say({"data": list(posts), "meta": {}} if posts else {"meta": {}})
        return channel.find_sent(outgoing, START, known)

    def test_that_is_there(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        sent = self.find(x, channel, clock, mine(99, "@sara سلام، پیگیری می‌کنیم"))
        assert sent is not None
        assert (sent.native_key, sent.sent_at) == ("99", START + timedelta(seconds=1))
        assert x.seen[0].query["start_time"] == "2026-01-03T06:29:30Z"
        assert channel.take_reads().resources == {"owned_post": 1}

    @pytest.mark.parametrize(
        "other",
        [
            mine(99, "پیگیری می‌کنیم"),
            mine(99, ANSWER.text, to="78"),
            mine(99, ANSWER.text, to=None),
            mine(99, ANSWER.text, at="2026-01-03T06:29:00.000Z"),
            mine(99, ANSWER.text, attachments={"media_keys": ["3_1"]}),
        ],
        ids=["other words", "other post", "no answer", "before", "with a picture"],
    )
    def test_that_is_not_there(
        self, x: ScriptedX, channel: XChannel, clock: SetClock, other: Any
    ) -> None:
        assert self.find(x, channel, clock, other) is None

    def test_absence_proves_nothing_too_early(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        with pytest.raises(OutcomeUnknown):
            self.find(x, channel, clock, later=timedelta(seconds=89))
        assert self.find(x, channel, clock, later=timedelta(seconds=1)) is None

    def test_one_must_not_vouch_for_another(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        twins = (mine(99, ANSWER.text), mine(98, ANSWER.text))
        first = self.find(x, channel, clock, *twins)
        assert first is not None
        assert first.native_key == "98"
        second = self.find(x, channel, clock, *twins, known=("98",))
        assert second is not None
        assert second.native_key == "99"
        assert self.find(x, channel, clock, *twins, known=("98", "99")) is None

    @pytest.mark.parametrize(
        ("ours", "theirs", "urls"),
        [
            ("سلام \n", "سلام", []),
            ("a & b < c", "a &amp; b &lt; c", []),
            ("cafe\u0301", "café", []),
            ("ببینید shop.ir/a", "ببینید https://t.co/x1", [("x1", "http://shop.ir/a")]),
            ("ببینید https://shop.ir/a/", "ببینید https://t.co/x1", [("x1", "https://shop.ir/a")]),
            ("ببینید https://shop.ir/a", "ببینید https://t.co/x1", []),
            ("\u2067سلام\u2069", "سلام", []),
            ("@sara سلام", "@sara سلام", []),
        ],
    )
    def test_as_x_alters_its_words(
        self,
        x: ScriptedX,
        channel: XChannel,
        clock: SetClock,
        ours: str,
        theirs: str,
        urls: list[tuple[str, str]],
    ) -> None:
        entities = {
            "urls": [{"url": f"https://t.co/{a}", "expanded_url": b} for a, b in urls],
        }
        found = self.find(
            x,
            channel,
            clock,
            mine(99, f"@sara @ali {theirs}", entities=entities),
            outgoing=Outgoing(Deed.ANSWER, ours, to_key="77"),
        )
        assert found is not None

    def test_another_link_is_another_post(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        entities = {"urls": [{"url": "https://t.co/x1", "expanded_url": "https://shop.ir/b"}]}
        other = mine(99, "ببینید https://t.co/x1", entities=entities)
        ours = Outgoing(Deed.ANSWER, "ببینید https://shop.ir/a", to_key="77")
        assert self.find(x, channel, clock, other, outgoing=ours) is None

    def test_with_its_picture(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        shown = mine(99, "حراج https://t.co/p", to=None, attachments={"media_keys": ["3_1"]})
        shown["entities"] = {
            "urls": [
                {
                    "url": "https://t.co/p",
                    "expanded_url": "https://x.com/digikala/status/99/photo/1",
                    "media_key": "3_1",
                }
            ]
        }
        ours = Outgoing(Deed.POST, "حراج", picture=PNG)
        assert self.find(x, channel, clock, shown, outgoing=ours) is not None

    def test_on_a_later_page(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        clock.advance(timedelta(minutes=5))
        x.say(
            {"data": [mine(101, "دیگر")], "meta": {"next_token": "t"}},
            {"data": [mine(99, ANSWER.text)], "meta": {}},
        )
        assert channel.find_sent(ANSWER, START) is not None
        assert x.seen[1].query["pagination_token"] == "t"

    def test_among_too_many_is_unknown(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        clock.advance(timedelta(minutes=5))
        full = Reply({"data": [mine(101, "دیگر")], "meta": {"next_token": "t"}})
        x.answer = lambda seen: full
        with pytest.raises(OutcomeUnknown):
            channel.find_sent(ANSWER, START)

    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            (Reply({}, 429), RateLimited),
            (Reply({}, 401), Unauthorised),
            (Reply({}, 500), Unreachable),
            (Drop(), Unreachable),
            (Reply({}, 403), OutcomeUnknown),
        ],
    )
    def test_when_reading_back_fails(
        self, x: ScriptedX, channel: XChannel, said: Any, kind: type[Exception]
    ) -> None:
        x.say(said)
        with pytest.raises(kind):
            channel.find_sent(ANSWER, START)


class TestFindingAPrivateMessage:
    OURS = Outgoing(Deed.DM, "سلام، بفرمایید", to_native_id="2000")

    def test_in_the_conversation(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        clock.advance(timedelta(minutes=5))
        at = "2026-01-03T06:30:01Z"
        x.say(
            {
                "data": [
                    dm(99, self.OURS.text, by="1000", at=at),
                    dm(98, self.OURS.text, by="2000", at=at),
                    dm(97, self.OURS.text, by="1000", at="2026-01-03T06:00:00Z"),
                ],
                "meta": {"next_token": "the-rest-is-older"},
            }
        )
        sent = channel.find_sent(self.OURS, START)
        assert sent is not None
        assert sent.native_key == "99"
        assert x.seen[0].path == "/2/dm_conversations/with/2000/dm_events"
        assert len(x.seen) == 1, "what is older than the send is not paid for"

    @pytest.mark.parametrize("by", ["1000", "2000"], ids=["us", "them"])
    def test_that_is_not_there_is_believed_where_something_later_is(
        self, x: ScriptedX, channel: XChannel, clock: SetClock, by: str
    ) -> None:
        clock.advance(timedelta(hours=1))
        x.say({"data": [dm(99, "دیگر", by=by, at="2026-01-03T06:36:01Z")], "meta": {}})
        assert channel.find_sent(self.OURS, START) is None

    @pytest.mark.parametrize("later", [timedelta(minutes=10), timedelta(days=3)])
    def test_a_list_that_may_be_behind_proves_nothing_however_late(
        self, x: ScriptedX, channel: XChannel, clock: SetClock, later: timedelta
    ) -> None:
        """X shows private messages when it gets to it; a customer must not read the same twice."""
        clock.advance(later)
        earlier = [dm(99, "دیگر", by="2000", at="2026-01-03T06:30:01Z")]
        for shown in (earlier, []):
            x.say({"data": shown, "meta": {}} if shown else {"meta": {}})
            with pytest.raises(OutcomeUnknown, match="nothing later"):
                channel.find_sent(self.OURS, START)


def test_hiding_need_not_be_found_for_it_may_be_done_again(x: ScriptedX, channel: XChannel) -> None:
    assert channel.find_sent(Outgoing(Deed.HIDE, to_key="77"), START) is None
    assert x.seen == []
