"""Reading Instagram: everything once, in any order, however often a reading is cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from channels.conftest import PAGE_TOKEN, MakeInstagram
from channels.scripted import Reply, Scripted, Seen
from channels.scripted_instagram import SARA, SHOP, US, Account, Post, at, comment, error, message
from support.factories import START

from shenava.channels import Cursor, OwnMessage, Page, RateLimited, Rejected, RejectedBecause
from shenava.channels.instagram import InstagramChannel, Login, Token
from shenava.channels.instagram.rules import CONVERSATIONS, WATCHED_POSTS
from shenava.clock import SetClock
from shenava.messages import AboutKind, Deed, Incoming, MediaKind, MessageKind, Source

ALI = {"id": "222", "username": "ali"}


@pytest.fixture
def account(server: Scripted) -> Account:
    made = Account()
    server.answer = made.answer
    return made


def walk(
    channel: InstagramChannel, source: Source, cursor: Cursor | None = None
) -> tuple[list[Page], Cursor]:
    """Read to the end, each page with a cursor that was written down and read back."""
    pages: list[Page] = []
    at = dict(cursor or {})
    while not pages or not pages[-1].complete:
        pages.append(channel.read(source, at))
        at = {str(name): str(value) for name, value in pages[-1].cursor.items()}
        assert len(pages) < 300, "a reading ends"
    return pages, at


def incoming(pages: list[Page]) -> list[Incoming]:
    return [message for page in pages for message in page.incoming]


def own(pages: list[Page]) -> list[OwnMessage]:
    return [message for page in pages for message in page.own]


def keys(pages: list[Page]) -> list[str]:
    return sorted(message.native_key for message in incoming(pages))


# Comments.


def test_comments_come_with_their_post_their_thread_and_their_address(
    instagram: MakeInstagram, account: Account
) -> None:
    replies = {
        "data": [
            comment("c3", "@sara.b فردا می‌رسد", by=US, minutes_ago=1, parent_id="c1"),
            comment("c2", "من هم", by=ALI, minutes_ago=5, parent_id="c1"),
        ]
    }
    account.posts = [Post("p1", [comment("c1", "چرا نرسید؟", minutes_ago=9, replies=replies)])]
    pages, _ = walk(instagram(), Source.COMMENT)
    first, second = incoming(pages)
    assert (first.native_key, first.kind, first.source) == (
        "c1",
        MessageKind.COMMENT,
        Source.COMMENT,
    )
    assert first.author.native_id == SARA["id"]
    assert first.author.handle == "sara.b"
    assert first.post is not None
    assert first.post.native_key == first.reply_to_key == "p1"
    assert first.permalink == "https://www.instagram.com/p/p1/c/c1/"
    assert first.written_at == START - timedelta(minutes=9)
    assert (second.native_key, second.reply_to_key) == ("c2", "c1")
    post, answer = own(pages)
    assert (post.kind, post.native_key, post.text) == (Deed.POST, "p1", "تخفیف")
    assert (answer.kind, answer.reply_to_key) == (Deed.ANSWER, "c1")
    assert pages[-1].complete


def test_an_answer_that_names_someone_answers_them_and_not_the_first_of_the_thread(
    instagram: MakeInstagram, account: Account
) -> None:
    replies = {
        "data": [
            comment("c2", "من هم", by=ALI, minutes_ago=8),
            comment("c4", "@ali پیگیری شد", by=US, minutes_ago=6),
            comment("c5", "و من؟", by=ALI, minutes_ago=5),
            comment("c6", "@nobody سلام", by=US, minutes_ago=4),
        ]
    }
    account.posts = [Post("p1", [comment("c1", minutes_ago=9, replies=replies)])]
    pages, _ = walk(instagram(), Source.COMMENT)
    answers = {m.native_key: m.reply_to_key for m in own(pages) if m.kind is Deed.ANSWER}
    assert answers == {"c4": "c2", "c6": "c1"}


def test_only_posts_whose_number_of_comments_has_changed_are_looked_at(
    instagram: MakeInstagram, account: Account, server: Scripted, clock: SetClock
) -> None:
    account.posts = [Post(f"p{n}", [comment(f"c{n}")]) for n in range(20)]
    _, cursor = walk(instagram(), Source.COMMENT)
    server.seen.clear()
    clock.advance(timedelta(minutes=5))
    pages, cursor = walk(instagram(), Source.COMMENT, cursor)
    assert [seen.path for seen in server.seen] == [f"/v25.0/{SHOP.native_id}/media"]
    assert keys(pages) == []
    assert own(pages) == []
    account.posts[17].comments.insert(0, comment("late", minutes_ago=-4))
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert keys(pages) == ["late"]
    assert len(server.seen) == 3


def test_an_answer_to_an_old_comment_far_down_is_found(
    instagram: MakeInstagram, account: Account, clock: SetClock
) -> None:
    """Comments come newest first by the age of the first, not of what was answered to it."""
    old = [comment(f"c{n}", minutes_ago=600 + n) for n in range(120)]
    account.posts = [Post("p1", old)]
    _, cursor = walk(instagram(), Source.COMMENT)
    clock.advance(timedelta(minutes=30))
    old[110]["replies"] = {"data": [comment("deep", by=ALI, minutes_ago=-20, parent_id="c110")]}
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert keys(pages) == ["deep"]


def test_a_clock_of_ours_that_is_slow_does_not_make_known_comments_new(
    instagram: MakeInstagram, account: Account, clock: SetClock
) -> None:
    """Known ones were written after our instant of reading them, as Instagram dates them."""
    known = [comment(f"c{n}", minutes_ago=-60) for n in range(3)]
    known += [comment(f"c{n}", minutes_ago=600 + n) for n in range(3, 120)]
    account.posts = [Post("p1", known)]
    _, cursor = walk(instagram(), Source.COMMENT)
    clock.advance(timedelta(minutes=30))
    known[110]["replies"] = {"data": [comment("deep", by=ALI, minutes_ago=-90, parent_id="c110")]}
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert "deep" in keys(pages)


def test_a_clock_of_ours_that_is_fast_lets_no_new_comment_pass_by(
    instagram: MakeInstagram, account: Account, clock: SetClock
) -> None:
    account.posts = [Post("p1", [comment("c1", minutes_ago=300)])]
    _, cursor = walk(instagram(), Source.COMMENT)
    clock.advance(timedelta(minutes=5))
    account.posts[0].comments.insert(0, comment("new", minutes_ago=120))
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert keys(pages) == ["new"]


def test_a_busy_post_is_not_read_to_its_end_each_time(
    instagram: MakeInstagram, account: Account, server: Scripted, clock: SetClock
) -> None:
    account.posts = [Post("p1", [comment(f"c{n}", minutes_ago=600 + n) for n in range(500)])]
    _, cursor = walk(instagram(), Source.COMMENT)
    clock.advance(timedelta(minutes=30))
    account.posts[0].comments[:0] = [comment("new", minutes_ago=-20)]
    server.seen.clear()
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert keys(pages) == ["new"]
    assert len(server.seen) == 2


def test_more_answers_than_come_along_are_asked_for(
    instagram: MakeInstagram, account: Account
) -> None:
    every = [comment(f"r{n:03}", by=ALI, minutes_ago=8) for n in range(130)]
    paging = {"cursors": {"after": "50"}, "next": "more"}
    replies = {"data": every[:50], "paging": paging}
    account.posts = [Post("p1", [comment("c1", minutes_ago=9, replies=replies, all_replies=every)])]
    pages, _ = walk(instagram(), Source.COMMENT)
    assert keys(pages) == sorted(["c1", *(one["id"] for one in every)])
    assert {m.reply_to_key for m in incoming(pages)} == {"p1", "c1"}


@pytest.mark.parametrize("page", [1, 3, 50])
def test_a_reading_that_is_cut_off_after_any_page_loses_nothing(
    instagram: MakeInstagram, account: Account, clock: SetClock, page: int
) -> None:
    account.page = page
    account.posts = [
        Post(f"p{n}", [comment(f"c{n}.{k}", minutes_ago=n + k) for k in range(n)]) for n in range(6)
    ]
    wanted = sorted(one["id"] for post in account.posts for one in post.comments)
    cursor: Cursor = {}
    found: list[str] = []
    for _ in range(300):
        # A page was read and stored, and the process was killed: a new channel each time.
        read = instagram().read(Source.COMMENT, cursor)
        cursor = dict(read.cursor)
        found += [message.native_key for message in read.incoming]
        if read.complete:
            break
        clock.advance(timedelta(minutes=1))
    assert sorted(found) == wanted
    # What came while it was read, above where it stood, is brought by the next.
    account.posts[5].comments.insert(0, comment("meanwhile", minutes_ago=-1))
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert "meanwhile" in keys(pages)


def test_a_failure_between_two_pages_leaves_the_cursor_where_it_stood(
    instagram: MakeInstagram, account: Account, server: Scripted
) -> None:
    account.posts = [Post(f"p{n}", [comment(f"c{n}")]) for n in range(4)]
    channel = instagram()
    first = channel.read(Source.COMMENT, {})
    server.answer = lambda seen: Reply({}, 500)
    with pytest.raises(Exception, match="500"):
        channel.read(Source.COMMENT, first.cursor)
    server.answer = account.answer
    pages, _ = walk(instagram(), Source.COMMENT, first.cursor)
    assert keys(pages) == ["c0", "c1", "c2", "c3"]


def test_a_post_that_was_taken_away_while_reading_is_passed_by(
    instagram: MakeInstagram, account: Account
) -> None:
    account.posts = [Post("p1", [comment("c1")]), Post("p2", [comment("c2")])]
    channel = instagram()
    listed = channel.read(Source.COMMENT, {})
    del account.posts[0]
    pages, _ = walk(channel, Source.COMMENT, listed.cursor)
    assert keys(pages) == ["c2"]


def test_a_sweep_looks_at_every_post_whatever_the_numbers_say(
    instagram: MakeInstagram, account: Account, clock: SetClock
) -> None:
    account.posts = [Post("p1", [comment("c1", minutes_ago=100)]), Post("p2", [comment("c2")])]
    channel = instagram()
    _, cursor = walk(channel, Source.COMMENT)
    clock.advance(timedelta(minutes=30))
    # One taken away and one written: the number is the same.
    account.posts[1].comments = [comment("swapped", minutes_ago=-20)]
    pages, _ = walk(channel, Source.COMMENT, cursor)
    assert keys(pages) == []
    swept, _ = walk(
        channel, Source.COMMENT, channel.cursor_from(Source.COMMENT, START - timedelta(hours=1))
    )
    assert keys(swept) == ["swapped"]
    assert swept[-1].covered_from == START - timedelta(hours=1)


def test_the_newest_posts_are_watched_and_no_more(
    instagram: MakeInstagram, account: Account, server: Scripted
) -> None:
    account.page = 100
    account.posts = [Post(f"p{n}", [comment(f"c{n}")]) for n in range(WATCHED_POSTS + 7)]
    pages, _ = walk(instagram(), Source.COMMENT)
    assert len(keys(pages)) == WATCHED_POSTS
    assert f"c{WATCHED_POSTS}" not in keys(pages)


def test_comments_whose_authors_are_not_told_come_in_all_the_same(
    instagram: MakeInstagram, account: Account
) -> None:
    nameless = [{"id": f"c{n}", "text": "پولم کجاست؟", "timestamp": at()} for n in range(2)]
    account.posts = [Post("p1", nameless)]
    pages, _ = walk(instagram(), Source.COMMENT)
    assert keys(pages) == ["c0", "c1"]
    assert len({message.author for message in incoming(pages)}) == 2, "not one person"


# Private messages.


@pytest.mark.parametrize("bare", [False, True])
def test_private_messages_come_in_and_ours_with_them(
    instagram: MakeInstagram, account: Account, bare: bool
) -> None:
    account.bare = bare
    account.talks = {
        "t1": [message("m2", "فردا", by=US, minutes_ago=1), message("m1", "کی؟", minutes_ago=3)]
    }
    pages, _ = walk(instagram(), Source.INBOX)
    (theirs,), (ours,) = incoming(pages), own(pages)
    assert (theirs.native_key, theirs.kind, theirs.text) == ("m1", MessageKind.DM, "کی؟")
    assert theirs.author.native_id == SARA["id"]
    assert theirs.post is None
    assert (ours.native_key, ours.kind, ours.to_native_id) == ("m2", Deed.DM, SARA["id"])
    assert not pages[-1].gap


def test_only_conversations_that_moved_are_opened(
    instagram: MakeInstagram, account: Account, server: Scripted, clock: SetClock
) -> None:
    account.talks = {f"t{n}": [message(f"m{n}", minutes_ago=60 + n)] for n in range(120)}
    _, cursor = walk(instagram(), Source.INBOX)
    clock.advance(timedelta(minutes=60))
    account.talks = {"t7": [message("new", minutes_ago=-50), *account.talks.pop("t7")]} | (
        account.talks
    )
    server.seen.clear()
    pages, _ = walk(instagram(), Source.INBOX, cursor)
    assert keys(pages) == ["new"]
    assert len(server.seen) <= 3


@pytest.mark.parametrize("bare", [False, True])
def test_private_messages_are_asked_for_twice_a_second_at_most(
    instagram: MakeInstagram, account: Account, server: Scripted, clock: SetClock, bare: bool
) -> None:
    account.bare = bare
    account.talks = {f"t{n}": [message(f"m{n}{i}") for i in range(3)] for n in range(9)}
    cursor: Cursor = {}
    seen: list[str] = []
    for _ in range(30):
        channel = instagram()
        before = len(server.seen)
        page = channel.read(Source.INBOX, cursor)
        assert len(server.seen) - before == page.reads.requests <= CONVERSATIONS.count
        seen += [one.native_key for one in page.incoming]
        cursor = page.cursor
        if page.complete:
            break
        assert page.again_at == clock.now() + timedelta(seconds=1)
        clock.advance(timedelta(seconds=1))
    assert page.complete and page.again_at is None
    assert sorted(seen) == sorted(f"m{n}{i}" for n in range(9) for i in range(3))


def test_what_came_before_a_failure_in_the_inbox_is_kept(
    instagram: MakeInstagram, account: Account, server: Scripted
) -> None:
    account.talks = {f"t{n}": [message(f"m{n}")] for n in range(4)}
    refused = {"t2"}
    server.answer = lambda seen: (
        error(613, status=400) if seen.path.rsplit("/", 1)[-1] in refused else account.answer(seen)
    )
    channel = instagram()
    first = channel.read(Source.INBOX, {})
    second = channel.read(Source.INBOX, first.cursor)
    assert keys([first, second]) == ["m0", "m1"]
    with pytest.raises(RateLimited):
        channel.read(Source.INBOX, second.cursor)
    refused.clear()
    rest, _ = walk(channel, Source.INBOX, second.cursor)
    assert keys(rest) == ["m2", "m3"]


def test_more_new_messages_than_instagram_shows_of_a_conversation_are_a_gap(
    instagram: MakeInstagram, account: Account, clock: SetClock
) -> None:
    account.talks = {"t1": [message("m0", minutes_ago=500)]}
    _, cursor = walk(instagram(), Source.INBOX)
    clock.advance(timedelta(hours=5))
    fresh = [message(f"n{n}", minutes_ago=n - 290) for n in range(25)]
    account.talks["t1"] = fresh + account.talks["t1"]
    pages, _ = walk(instagram(), Source.INBOX, cursor)
    assert len(keys(pages)) == 20
    assert pages[-1].gap
    # Exactly twenty, with a known one below, is none.
    account.talks["t1"] = [*fresh[:19], message("m0", minutes_ago=500)]
    pages, _ = walk(instagram(), Source.INBOX, cursor)
    assert len(keys(pages)) == 19
    assert not pages[-1].gap


KINDS: list[tuple[dict[str, Any], AboutKind | None, tuple[MediaKind, ...]]] = [
    ({"story": {"mention": {"link": "https://x/s", "id": "1"}}}, AboutKind.STORY_MENTION, ()),
    ({"story": {"reply_to": {"link": "https://x/s", "id": "1"}}}, AboutKind.STORY_REPLY, ()),
    ({"shares": {"data": [{"link": "https://x/p"}]}}, AboutKind.SHARED_POST, ()),
    ({"is_unsupported": True}, AboutKind.UNSUPPORTED, ()),
    ({}, AboutKind.UNSUPPORTED, ()),
    (
        {"attachments": {"data": [{"id": "9", "image_data": {"render_as_sticker": True}}]}},
        AboutKind.LIKE,
        (),
    ),
    (
        {"attachments": {"data": [{"id": "9", "image_data": {"url": "https://x/1.jpg"}}]}},
        None,
        (MediaKind.PHOTO,),
    ),
    (
        {"attachments": {"data": [{"id": "9", "video_data": {"url": "https://x/1.mp4"}}]}},
        None,
        (MediaKind.VIDEO,),
    ),
    (
        {
            "attachments": {
                "data": [{"id": "9", "mime_type": "audio/mp4", "file_url": "https://x/1.m4a"}]
            }
        },
        None,
        (MediaKind.VOICE,),
    ),
    (
        {"attachments": {"data": [{"id": "9", "mime_type": "application/pdf", "file_url": "u"}]}},
        None,
        (MediaKind.FILE,),
    ),
]


@pytest.mark.parametrize(("told", "about", "media"), KINDS)
def test_what_has_no_words_is_told_as_what_it_is(
    instagram: MakeInstagram,
    account: Account,
    told: dict[str, Any],
    about: AboutKind | None,
    media: tuple[MediaKind, ...],
) -> None:
    account.talks = {"t1": [message("m1", "", **told)]}
    pages, _ = walk(instagram(), Source.INBOX)
    (found,) = incoming(pages)
    assert (found.about.kind if found.about else None) is about
    assert tuple(ref.kind for ref in found.media) == media
    if about in (AboutKind.STORY_MENTION, AboutKind.SHARED_POST):
        assert found.about is not None
        assert found.about.url is not None


def test_odd_answers_do_not_stop_a_reading(
    instagram: MakeInstagram, account: Account, server: Scripted
) -> None:
    odd = [
        {"id": "m1"},
        {"id": 7, "from": "x", "message": 3},
        {"from": dict(SARA), "message": "no id"},
        message("m2", minutes_ago=3, attachments="?", story=[1], shares={"data": "?"}),
        {**message("m3"), "created_time": 1_767_420_000},
        {**message("m4"), "created_time": "yesterday"},
    ]
    server.answer = lambda seen: (
        Reply({"data": [{"id": "t1", "updated_time": at()}, {}, 3]})
        if seen.path.endswith("conversations")
        else Reply({"messages": {"data": odd}})
        if seen.path.endswith("t1")
        else error(100, 33)
    )
    pages, _ = walk(instagram(), Source.INBOX)
    assert keys(pages) == ["m2", "m3", "m4"]


@pytest.mark.parametrize(
    "cursor", [{"todo": "{", "began": "x"}, {"as_of": "soon"}, {"counts": "[1]"}, {"pages": "ten"}]
)
def test_a_cursor_that_cannot_be_read_reads_more_not_less(
    instagram: MakeInstagram, account: Account, cursor: Cursor
) -> None:
    account.posts = [Post("p1", [comment("c1")])]
    pages, _ = walk(instagram(), Source.COMMENT, cursor)
    assert keys(pages) == ["c1"]


# Tags, hashtags, what a token allows.


def tagged(key: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "caption": "عالی بود @noora.shop",
        "media_type": "IMAGE",
        "media_url": "https://x/1.jpg",
        "permalink": f"https://www.instagram.com/p/{key}/",
        "timestamp": at(30),
        "username": "mina",
        **more,
    }


def test_posts_that_tag_the_shop_come_with_a_page_token_once(
    instagram: MakeInstagram, account: Account, clock: SetClock
) -> None:
    account.tags = [tagged(f"g{n}") for n in range(70)]
    channel = instagram(PAGE_TOKEN)
    pages, cursor = walk(channel, Source.MENTION)
    assert len(keys(pages)) == 70
    found = incoming(pages)[0]
    assert (found.kind, found.author.handle, found.summoned) == (MessageKind.MENTION, "mina", True)
    assert found.media[0].url == "https://x/1.jpg"
    # An old post may be tagged today: its age does not tell that it is known.
    account.tags.insert(0, tagged("old", timestamp=at(60 * 24 * 90)))
    pages, _ = walk(channel, Source.MENTION, cursor)
    assert keys(pages) == ["old"]


def hashtag_of(posts: list[dict[str, Any]], own: Sequence[Post] = ()) -> Callable[[Seen], Reply]:
    """Instagram with one hashtag, and posts of the shop's own."""

    def answer(seen: Seen) -> Reply:
        if "search" in seen.path:
            return Reply({"data": [{"id": "1784"}]})
        if seen.path.endswith("/recent_media"):
            return Reply({"data": posts})
        return Reply({"data": [post.listed() for post in own]})

    return answer


@pytest.mark.parametrize("number", ["h1", "another"])
def test_the_shop_s_own_posts_under_a_hashtag_are_no_customer_s(
    instagram: MakeInstagram, server: Scripted, number: str
) -> None:
    """Before its own posts were ever read; known by their number or their address."""
    posts = [tagged(f"h{n}") for n in range(3)]
    for post in posts:
        del post["username"]
    own = Post("h1", minutes_ago=30)
    server.answer = hashtag_of(posts, [own])
    posts[1]["id"] = number
    pages, _ = walk(instagram(PAGE_TOKEN, query="#نورا"), Source.SEARCH)
    assert keys(pages) == ["h0", "h2"]


def test_a_hashtag_is_read_down_to_what_is_known_and_its_writers_are_not_told(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    posts = [tagged(f"h{n}") for n in range(3)]
    for post in posts:
        del post["username"]
    server.answer = hashtag_of(posts)
    channel = instagram(PAGE_TOKEN, query="#نورا")
    pages, cursor = walk(channel, Source.SEARCH)
    assert server.seen[0].query["q"] == "نورا"
    assert keys(pages) == ["h0", "h1", "h2"]
    assert len({m.author.native_id for m in incoming(pages)}) == 3
    assert {m.kind for m in incoming(pages)} == {MessageKind.POST}
    server.seen.clear()
    clock.advance(timedelta(hours=30))
    pages, _ = walk(channel, Source.SEARCH, cursor)
    assert len(server.seen) == 1, "the hashtag's number is kept"
    assert pages[-1].gap, "Instagram shows a day of a hashtag only"


def test_what_a_token_allows_is_what_can_be_read(instagram: MakeInstagram) -> None:
    assert set(instagram().sources()) == {Source.COMMENT, Source.INBOX}
    assert set(instagram(PAGE_TOKEN, query="x").sources()) == {
        Source.COMMENT,
        Source.INBOX,
        Source.MENTION,
        Source.SEARCH,
    }
    narrow = Token("t", Login.INSTAGRAM, scopes=frozenset({"instagram_business_manage_comments"}))
    assert list(instagram(narrow).sources()) == [Source.COMMENT]
    with pytest.raises(Rejected):
        instagram(narrow).read(Source.INBOX, {})


def test_a_page_token_speaks_for_its_page_and_proves_the_apps_secret(
    instagram: MakeInstagram, server: Scripted
) -> None:
    linked = {"id": "17841", "username": "noora.shop", "name": "Noora", "followers_count": 7}
    server.say({"id": "page", "instagram_business_account": linked}, {"data": []})
    channel = instagram(PAGE_TOKEN, profile=None)
    assert channel.check().native_id == "17841"
    channel.read(Source.INBOX, {})
    assert server.seen[1].path == "/v25.0/me/conversations"
    for seen in server.seen:
        assert len(seen.query["appsecret_proof"]) == 64
        assert PAGE_TOKEN.access_token not in seen.target
    server.say({"id": "page"})
    with pytest.raises(Rejected) as caught:
        instagram(PAGE_TOKEN, profile=None).check()
    assert caught.value.because is RejectedBecause.BAD_REQUEST


def test_whose_token_it_is(instagram: MakeInstagram, server: Scripted) -> None:
    server.say({"id": "999", "user_id": "17841", "username": "noora.shop", "followers_count": 3})
    profile = instagram(profile=None).check()
    assert (profile.native_id, profile.handle, profile.followers) == ("17841", "noora.shop", 3)
    assert server.seen[0].headers["Authorization"].startswith("Bearer IGAA")
    assert "access_token" not in server.seen[0].query


def test_what_is_gone_is_told_by_looking_up(instagram: MakeInstagram, server: Scripted) -> None:
    server.answer = lambda seen: Reply({"id": "1"}) if seen.path.endswith("/1") else error(100, 33)
    told = instagram().look_up(["1", "2", "not-a-comment", "1"])
    assert (told.present, told.gone) == ({"1"}, {"2"})
    assert told.reads.requests == 2


def test_a_mention_by_webhook_is_fetched_by_its_number(
    instagram: MakeInstagram, server: Scripted
) -> None:
    told = {"id": "c9", "text": "@noora.shop کجایید؟", "timestamp": at(3), "username": "mina"}
    server.say({"mentioned_comment": told, "id": "17841"})
    found = instagram(PAGE_TOKEN).mention("m9", "c9")
    assert found is not None
    assert (found.text, found.kind, found.summoned) == (told["text"], MessageKind.MENTION, True)
    assert "mentioned_comment.comment_id(c9)" in server.seen[0].query["fields"]
