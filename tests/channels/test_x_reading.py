"""What X sends becomes what its authors wrote, and one odd post stops nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from channels.conftest import MakeChannel
from channels.scripted_x import SHOP, Reply, ScriptedX, dm, post, user

from shenava.channels import Deed, OwnMessage, Page, Profile, Rejected, Unreachable
from shenava.channels.x import OAuth2, XChannel, query_of
from shenava.channels.x.rules import read_price
from shenava.clock import SetClock
from shenava.messages import Incoming, MediaKind, MessageKind, Source


def read(
    x: ScriptedX,
    channel: XChannel,
    *data: Any,
    source: Source = Source.MENTION,
    includes: Any = None,
    **more: Any,
) -> Page:
    body = {"data": list(data), "includes": includes or {"users": [user()]}, "meta": {}, **more}
    x.say(body)
    return channel.read(source, {})


def one(x: ScriptedX, channel: XChannel, data: Any, **more: Any) -> Incoming:
    (message,) = read(x, channel, data, **more).incoming
    return message


def test_a_mention_with_its_author(x: ScriptedX, channel: XChannel) -> None:
    message = one(x, channel, post(7, "@digikala سفارش من؟"))
    assert (message.native_key, message.text) == ("7", "@digikala سفارش من؟")
    assert message.written_at == datetime(2026, 1, 3, 6, tzinfo=UTC)
    assert (message.author.native_id, message.author.handle) == ("2000", "sara")
    assert (message.author.name, message.author.followers) == ("Sara", 12)
    assert (message.kind, message.source, message.scope) == (
        MessageKind.MENTION,
        Source.MENTION,
        "",
    )
    assert message.permalink == f"{x.url}/sara/status/7"
    assert message.post is not None
    assert message.post.native_key == "7"
    assert message.summoned is True


def test_nothing_found_is_told_by_no_data_at_all(x: ScriptedX, channel: XChannel) -> None:
    x.say({"meta": {"result_count": 0}})
    page = channel.read(Source.MENTION, {})
    assert (page.incoming, page.complete) == ((), True)


def test_an_author_missing_from_the_includes_does_not_lose_the_post(
    x: ScriptedX, channel: XChannel
) -> None:
    errors = [{"resource_id": "2000", "title": "Forbidden", "resource_type": "user"}]
    message = one(x, channel, post(7), includes={"users": [user("9")]}, errors=errors)
    assert (message.author.native_id, message.author.handle) == ("2000", None)
    assert message.permalink == f"{x.url}/i/status/7"


def test_nor_does_one_that_is_missing_altogether(x: ScriptedX, channel: XChannel) -> None:
    bare = {"id": "7", "text": "hm"}
    message = one(x, channel, bare, includes={})
    assert message.author.native_id == "author-of-7"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-03T06:00:00.000Z", datetime(2026, 1, 3, 6, tzinfo=UTC)),
        ("2026-01-03T06:00:00Z", datetime(2026, 1, 3, 6, tzinfo=UTC)),
        ("2026-01-03T09:30:00+03:30", datetime(2026, 1, 3, 6, tzinfo=UTC)),
        ("2026-01-03T06:00:00", datetime(2026, 1, 3, 6, tzinfo=UTC)),
    ],
)
def test_times_with_and_without_a_fraction(
    x: ScriptedX, channel: XChannel, text: str, at: datetime
) -> None:
    assert one(x, channel, dm(7, at=text), source=Source.INBOX).written_at == at
    assert one(x, channel, post(7, at=text)).written_at == at


@pytest.mark.parametrize("text", [None, "", "yesterday", 17])
def test_without_a_time_the_id_tells_it(x: ScriptedX, channel: XChannel, text: Any) -> None:
    key = 2_007_313_000_000_000_000
    message = one(x, channel, post(key, at=text))
    assert message.written_at.date().isoformat() == "2026-01-03"


def test_an_id_that_tells_no_time_leaves_ours(
    x: ScriptedX, channel: XChannel, clock: SetClock
) -> None:
    assert one(x, channel, post(7, at=None)).written_at == clock.now()


def test_reposts_say_nothing_new(x: ScriptedX, channel: XChannel) -> None:
    for name in ("referenced_tweets", "referenced_posts"):
        repost = post(8, "RT @sara: …", **{name: [{"type": "retweeted", "id": "7"}]})
        assert read(x, channel, repost).incoming == ()


def test_a_long_post_is_read_whole(x: ScriptedX, channel: XChannel) -> None:
    for name in ("note_tweet", "note_post"):
        whole = "خیلی " * 200 + "https://t.co/aB1"
        urls = [{"url": "https://t.co/aB1", "expanded_url": "https://shop.ir/o/12"}]
        note = {"text": whole, "entities": {"urls": urls}}
        message = one(x, channel, post(7, whole[:270], **{name: note}))
        assert message.text == "خیلی " * 200 + "https://shop.ir/o/12"


def test_links_pictures_and_signs_are_as_their_author_wrote_them(
    x: ScriptedX, channel: XChannel
) -> None:
    urls = [
        {"url": "https://t.co/aB1", "expanded_url": "https://shop.ir/a"},
        {"url": "https://t.co/aB12", "expanded_url": "https://shop.ir/b"},
        {
            "url": "https://t.co/pic",
            "expanded_url": "https://x.com/sara/status/7/photo/1",
            "media_key": "3_1",
        },
    ]
    text = "1 &lt; 2 &amp;amp; https://t.co/aB12 https://t.co/aB1 https://t.co/pic"
    data = post(7, text, entities={"urls": urls}, attachments={"media_keys": ["3_1", "7_2", "3_9"]})
    media = [
        {
            "media_key": "3_1",
            "type": "photo",
            "url": "https://pbs.twimg.com/media/a.jpg",
            "alt_text": "فاکتور",
            "width": 640,
            "height": 480,
        },
        {"media_key": "7_2", "type": "video", "preview_image_url": "https://pbs.twimg.com/v.jpg"},
    ]
    message = one(x, channel, data, includes={"users": [user()], "media": media})
    assert message.text == "1 < 2 &amp; https://shop.ir/b https://shop.ir/a"
    photo, video, lost = message.media
    assert (photo.key, photo.url) == ("3_1", "https://pbs.twimg.com/media/a.jpg")
    assert (photo.alt, photo.width, photo.height) == ("فاکتور", 640, 480)
    assert (video.kind, video.url) == (MediaKind.VIDEO, "https://pbs.twimg.com/v.jpg")
    assert (lost.key, lost.url) == ("3_9", None)


def test_an_edited_post_names_its_earlier_keys(x: ScriptedX, channel: XChannel) -> None:
    for name in ("edit_history_tweet_ids", "edit_history_post_ids"):
        data = {**post(9), name: ["7", "8", "9"]}
        if name != "edit_history_tweet_ids":
            del data["edit_history_tweet_ids"]
        assert one(x, channel, data).edited_from == ("7", "8")
    assert one(x, channel, post(9)).edited_from == ()


class TestConversations:
    def test_an_answer_under_our_post_is_a_comment(self, x: ScriptedX, channel: XChannel) -> None:
        data = post(
            9,
            conversation_id="5",
            in_reply_to_user_id=SHOP.native_id,
            referenced_tweets=[{"type": "replied_to", "id": "5"}],
        )
        message = one(x, channel, data)
        assert (message.kind, message.reply_to_key) == (MessageKind.COMMENT, "5")
        assert message.post is not None
        assert message.post.permalink == f"{x.url}/digikala/status/5"

    def test_an_answer_to_our_answer_is_a_mention(self, x: ScriptedX, channel: XChannel) -> None:
        data = post(
            9,
            conversation_id="5",
            in_reply_to_user_id=SHOP.native_id,
            referenced_tweets=[{"type": "replied_to", "id": "6"}],
        )
        message = one(x, channel, data)
        assert message.kind is MessageKind.MENTION
        assert message.post is not None
        assert (message.post.native_key, message.reply_to_key) == ("5", "6")

    @pytest.mark.parametrize(
        ("more", "included", "kind", "summoned"),
        [
            ({}, [], MessageKind.POST, False),
            (
                {"entities": {"mentions": [{"id": "1000", "username": "x"}]}},
                [],
                MessageKind.MENTION,
                True,
            ),
            ({"entities": {"mentions": [{"username": "DigiKala"}]}}, [], MessageKind.MENTION, True),
            (
                {"referenced_tweets": [{"type": "quoted", "id": "5"}]},
                [{"id": "5", "author_id": "1000"}],
                MessageKind.MENTION,
                True,
            ),
            (
                {"referenced_tweets": [{"type": "quoted", "id": "5"}]},
                [{"id": "5", "author_id": "3"}],
                MessageKind.POST,
                False,
            ),
            ({"referenced_tweets": [{"type": "quoted", "id": "5"}]}, [], MessageKind.POST, None),
        ],
    )
    def test_who_summoned_us(
        self,
        x: ScriptedX,
        channel: XChannel,
        more: Any,
        included: Any,
        kind: MessageKind,
        summoned: bool | None,
    ) -> None:
        for name in ("tweets", "posts"):
            includes = {"users": [user()], name: included}
            found = one(x, channel, post(9, **more), source=Source.SEARCH, includes=includes)
            assert (found.kind, found.summoned) == (kind, summoned)


class TestOurOwn:
    def test_answers_written_in_xs_own_app(self, x: ScriptedX, channel: XChannel) -> None:
        answer = post(
            9, "@sara سلام", by="1000", referenced_tweets=[{"type": "replied_to", "id": "7"}]
        )
        page = read(x, channel, answer, post(8, "حراج", by="1000"), source=Source.OWN)
        assert page.incoming == ()
        assert page.own[0] == OwnMessage(
            "9",
            Deed.ANSWER,
            "@sara سلام",
            datetime(2026, 1, 3, 6, tzinfo=UTC),
            reply_to_key="7",
            permalink=f"{x.url}/digikala/status/9",
        )
        assert (page.own[1].kind, page.own[1].reply_to_key) == (Deed.POST, None)
        assert x.seen[0].path == "/2/users/1000/tweets"
        assert x.seen[0].query["exclude"] == "retweets"

    def test_ours_found_by_search_is_not_a_customers(self, x: ScriptedX, channel: XChannel) -> None:
        page = read(x, channel, post(8, by="1000"), source=Source.SEARCH)
        assert (len(page.incoming), len(page.own)) == (0, 1)

    def test_private_messages_of_ours_name_whom_they_went_to(
        self, x: ScriptedX, channel: XChannel
    ) -> None:
        page = read(
            x,
            channel,
            dm(9, "بفرمایید", by="1000"),
            dm(8, "در گروه", by="1000", dm_conversation_id="77"),
            dm(7, "سلام"),
            {"id": "6", "event_type": "ParticipantsJoin", "sender_id": "2000"},
            source=Source.INBOX,
        )
        assert [(m.kind, m.to_native_id) for m in page.own] == [
            (Deed.DM, "2000"),
            (Deed.DM, None),
        ]
        (message,) = page.incoming
        assert (message.kind, message.author.handle) == (MessageKind.DM, "sara")


class TestWhatItCosts:
    def test_by_kind_of_price(self, x: ScriptedX, channel: XChannel) -> None:
        page = read(x, channel, post(7), post(8))
        assert page.reads.resources == {"owned_post": 2, "included_user": 1}
        assert read_price(page.reads) == 2_000
        page = read(x, channel, post(7), source=Source.SEARCH)
        assert read_price(page.reads) == 5_000
        page = read(x, channel, dm(7), dm(8), source=Source.INBOX)
        assert read_price(page.reads) == 20_000

    def test_own_data_through_anothers_app_is_not_cheap(
        self, x: ScriptedX, make: MakeChannel
    ) -> None:
        page = read(x, make(owns_app=False), post(7))
        assert read_price(page.reads) == 5_000

    def test_asking_who_we_are_is_metered(self, x: ScriptedX, make: MakeChannel) -> None:
        channel = make(profile=None)
        x.say({"data": user("1000", "digikala")}, {"meta": {}}, {"meta": {}})
        channel.read(Source.MENTION, {})
        channel.read(Source.MENTION, {})
        assert [seen.path for seen in x.seen] == ["/2/users/me"] + ["/2/users/1000/mentions"] * 2
        assert channel.take_reads().resources == {"user": 1}
        assert channel.take_reads().resources == {}


def test_the_connection_is_tested_by_asking_who_we_are(x: ScriptedX, channel: XChannel) -> None:
    x.say({"data": user("1000", "digikala", 5)})
    assert channel.check() == Profile("1000", "digikala", "Digikala", 5)
    for odd in ({}, {"data": {"id": "x"}}, {"data": []}, {"errors": [{}]}):
        x.say(odd)
        with pytest.raises(Unreachable):
            channel.check()


def test_what_can_be_read_depends_on_what_was_allowed(make: MakeChannel, tokens: OAuth2) -> None:
    assert make(query="ساعت").sources() == [
        Source.MENTION,
        Source.OWN,
        Source.INBOX,
        Source.SEARCH,
    ]
    narrow = OAuth2(
        access_token="a",
        expires_at=tokens.expires_at,
        client_id="c",
        scopes=frozenset({"tweet.read", "users.read"}),
    )
    assert make(narrow).sources() == [Source.MENTION, Source.OWN]
    with pytest.raises(Rejected):
        make(narrow).read(Source.INBOX, {})
    with pytest.raises(Rejected):
        make().read(Source.WEBHOOK, {})


@pytest.mark.parametrize(
    "odd",
    [
        {"data": {"id": "7"}},
        {"data": [None, 3, "x", {"text": "no id"}, {"id": "drop table"}]},
        {"data": [post(7, entities=[], referenced_tweets={}, attachments=[], note_tweet=3)]},
        {"data": [post(7, author_id=None)], "includes": [], "errors": {}, "meta": []},
        {"data": [post(7, edit_history_tweet_ids="7")], "includes": {"users": {"a": 1}}},
    ],
)
def test_odd_shapes_stop_nothing(x: ScriptedX, channel: XChannel, odd: Any) -> None:
    for source in (Source.MENTION, Source.SEARCH, Source.OWN, Source.INBOX):
        x.say(Reply(odd))
        assert channel.read(source, {}).complete


class TestLookingUp:
    def test_what_became_of_posts(self, x: ScriptedX, channel: XChannel) -> None:
        x.say(
            {
                "data": [post(1), {**post(22), "edit_history_tweet_ids": ["2", "22"]}],
                "errors": [
                    {
                        "resource_id": "3",
                        "type": "https://api.twitter.com/2/problems/resource-not-found",
                    },
                    {
                        "value": "4",
                        "type": "https://api.x.com/2/problems/not-authorized-for-resource",
                    },
                    {"value": "1", "type": "https://api.x.com/2/problems/resource-not-found"},
                    {"value": "5", "type": "about:blank"},
                ],
            }
        )
        told = channel.look_up(["1", "2", "3", "4", "5", "not a key"])
        assert told.present == {"1", "2"}
        assert (told.gone, told.hidden) == ({"3"}, {"4"})
        assert told.edited == {"2": "22"}
        assert read_price(told.reads) == 10_000
        assert x.seen[0].query["ids"] == "1,2,3,4,5"

    def test_nobody_is_asked_about_nothing(self, x: ScriptedX, channel: XChannel) -> None:
        assert channel.look_up([]).reads.requests == 0
        assert x.seen == []

    def test_more_than_x_takes_at_once_is_a_fault_of_ours(self, channel: XChannel) -> None:
        with pytest.raises(ValueError, match="100"):
            channel.look_up([str(n) for n in range(101)])


class TestSearchQueries:
    def test_are_made_of_words_and_tags(self) -> None:
        made = query_of(["دیجی کالا", "#digikala", 'a "b"'], "digikala")
        assert made == ('("دیجی کالا" OR #digikala OR "a b") -is:retweet -from:digikala -@digikala')

    def test_must_fit_and_mean_something(self) -> None:
        for terms in ([], ["  "], ["x" * 500]):
            with pytest.raises(ValueError):
                query_of(terms, "digikala")

    def test_cannot_be_garbled(self, make: MakeChannel) -> None:
        with pytest.raises(ValueError):
            make(query="\ud800")
