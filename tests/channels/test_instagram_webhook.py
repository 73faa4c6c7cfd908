"""What Instagram tells unasked, read as the words of the house; forgiving where it must be."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.factories import START
from support.webhooks import SECRET, SHOP, US, body, comment, dm, entry, messaging

from shenava.channels.instagram.webhook import InstagramReceiver, sign
from shenava.channels.webhooks import Delivery, PointerKind, Told, Unreadable
from shenava.messages import AboutKind, Deed, MediaKind, MessageKind, Source

RECEIVER = InstagramReceiver()


def read(*entries: dict[str, Any]) -> Delivery:
    return RECEIVER.read(body(*entries), {US: SHOP})


def told(*entries: dict[str, Any]) -> Told:
    (one,) = read(*entries).told
    return one


# --- who sent it ----------------------------------------------------------------------------


def test_a_signature_that_another_program_made_is_taken() -> None:
    # printf %s BODY | openssl dgst -sha256 -hmac SECRET
    said = b'{"object":"instagram","entry":[]}'
    made = "41b7ffcf51c3bf823aa76bc50fd85711997c3c57b08fc5633ab45767b05d4a5c"
    assert RECEIVER.is_signed({"x-hub-signature-256": f"sha256={made}"}, said, SECRET)
    assert not RECEIVER.is_signed({"x-hub-signature-256": made}, said, SECRET)
    assert not RECEIVER.is_signed({"x-hub-signature-256": "sha256=" + "2f" * 32}, said, SECRET)
    assert not RECEIVER.is_signed({}, said, SECRET)
    assert not RECEIVER.is_signed({"x-hub-signature-256": "é"}, said, SECRET)


@given(said=st.binary(min_size=1, max_size=200), at=st.integers(0), mask=st.integers(1, 255))
def test_one_changed_bit_is_not_signed(said: bytes, at: int, mask: int) -> None:
    changed = bytearray(said)
    changed[at % len(said)] ^= mask
    given_ = {"x-hub-signature-256": sign(said, SECRET)}
    assert RECEIVER.is_signed(given_, said, SECRET)
    assert not RECEIVER.is_signed(given_, bytes(changed), SECRET)
    assert not RECEIVER.is_signed(given_, said, SECRET + "x")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "w", "hub.challenge": "115"}, "115"),
        ({"hub.mode": "subscribe", "hub.verify_token": "x", "hub.challenge": "115"}, None),
        ({"hub.mode": "unsubscribe", "hub.verify_token": "w", "hub.challenge": "115"}, None),
        ({"hub.mode": "subscribe", "hub.challenge": "115"}, None),
        ({}, None),
    ],
)
def test_the_handshake_is_answered_only_with_the_agreed_word(
    asked: dict[str, str], answer: str | None
) -> None:
    assert RECEIVER.challenge(asked, "w") == answer


# --- comments and mentions ------------------------------------------------------------------


@pytest.mark.parametrize("in_changes", [True, False])
def test_a_comment_in_both_of_its_shapes(in_changes: bool) -> None:
    (found,) = told(comment(in_changes=in_changes, parent_id="c0")).incoming
    assert (found.native_key, found.scope, found.kind) == ("c1", "", MessageKind.COMMENT)
    assert (found.author.native_id, found.author.handle) == ("501", "user501")
    assert found.post is not None and found.post.native_key == "m1"
    assert (found.reply_to_key, found.written_at, found.source) == ("c0", START, Source.WEBHOOK)


def test_a_comment_right_under_a_post_answers_the_post() -> None:
    assert told(comment()).incoming[0].reply_to_key == "m1"


@pytest.mark.parametrize(
    "author", [{"id": US}, {"id": "9", "self_ig_scoped_id": "88"}], ids=["id", "scoped id"]
)
def test_our_own_comment_is_an_own_message(author: dict[str, str]) -> None:
    found = told(comment(**{"from": author, "parent_id": "c0"}))
    assert found.incoming == ()
    assert [(one.kind, one.reply_to_key) for one in found.own] == [(Deed.ANSWER, "c0")]


def test_a_comment_whose_author_is_kept_from_us_is_to_be_fetched() -> None:
    found = told(comment(**{"from": {}}))
    assert [(one.kind, one.key) for one in found.pointers] == [(PointerKind.COMMENT, "c1")]


def test_mentions_only_point() -> None:
    changes = [
        {"field": "mentions", "value": {"media_id": "m9"}},
        {"field": "mentions", "value": {"media_id": "m9", "comment_id": "c9"}},
    ]
    found = told(entry(changes=changes)).pointers
    assert [(one.kind, one.key, one.post_key) for one in found] == [
        (PointerKind.MENTION_POST, "m9", "m9"),
        (PointerKind.MENTION_COMMENT, "c9", "m9"),
    ]


# --- private messages -----------------------------------------------------------------------


def attached(name: str, **payload: Any) -> dict[str, Any]:
    return dm(text=None, attachments=[{"type": name, "payload": payload}])


def test_words() -> None:
    (found,) = told(dm(reply_to={"mid": "d0"})).incoming
    assert (found.native_key, found.kind, found.text) == ("d1", MessageKind.DM, "کسی هست؟")
    assert (found.author.native_id, found.author.handle) == ("501", None)
    assert (found.reply_to_key, found.about, found.media) == ("d0", None, ())


@pytest.mark.parametrize(
    ("name", "kind", "url"),
    [
        ("image", MediaKind.PHOTO, "https://x.test/1"),
        ("video", MediaKind.VIDEO, None),
        ("audio", MediaKind.VOICE, None),
        ("file", MediaKind.FILE, None),
    ],
)
def test_what_is_attached(name: str, kind: MediaKind, url: str | None) -> None:
    (found,) = told(attached(name, url="https://x.test/1")).incoming
    assert [(one.key, one.kind, one.url) for one in found.media] == [("d1:0", kind, url)]
    assert found.about is None


@pytest.mark.parametrize(
    ("message", "kind", "url"),
    [
        (attached("story_mention", url="https://s"), AboutKind.STORY_MENTION, "https://s"),
        (dm(reply_to={"story": {"id": "s", "url": "https://s"}}), AboutKind.STORY_REPLY,
         "https://s"),
        (attached("share", url="https://p"), AboutKind.SHARED_POST, "https://p"),
        (attached("ig_post", url="https://p", ig_post_media_id="1"), AboutKind.SHARED_POST,
         "https://p"),
        (attached("ig_reel", url="https://p"), AboutKind.SHARED_POST, "https://p"),
        (attached("like_heart"), AboutKind.LIKE, None),
        (dm(text=None, is_deleted=True), AboutKind.UNSENT, None),
        (dm(text=None, is_unsupported=True), AboutKind.UNSUPPORTED, None),
        (dm(text=None), AboutKind.UNSUPPORTED, None),
        (attached("hologram", url="https://h"), AboutKind.UNSUPPORTED, None),
    ],
)  # fmt: skip
def test_what_a_message_is_beside_words(
    message: dict[str, Any], kind: AboutKind, url: str | None
) -> None:
    (found,) = told(message).incoming
    assert found.about is not None
    assert (found.about.kind, found.about.url) == (kind, url)


def test_a_button_says_what_stands_on_it() -> None:
    postback = {"postback": {"mid": "d1", "title": "Where is my order?", "payload": "P"}}
    (found,) = told(messaging(postback)).incoming
    assert found.text == "Where is my order?"


def test_an_echo_is_our_own_message_to_the_customer() -> None:
    found = told(dm(author=US, to="501", is_echo=True))
    assert found.incoming == ()
    assert [(one.kind, one.to_native_id, one.native_key) for one in found.own] == [
        (Deed.DM, "501", "d1")
    ]


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"reaction": {"mid": "d1", "action": "react", "emoji": "❤️"}}, "reaction"),
        ({"read": {"mid": "d1"}}, "seen"),
        ({"referral": {"ref": "r", "source": "SHORTLINK"}}, "referral"),
        ({"take_thread_control": {}}, "handover"),
        ({"message": {"mid": "d1", "text": "x"}, "is_self": True}, "to oneself"),
    ],
)
def test_what_needs_nothing_is_counted(item: dict[str, Any], name: str) -> None:
    found = read(messaging(item))
    assert found.noted == {name: 1}
    assert found.unknown == {}
    assert found.told[0].incoming == found.told[0].own == ()


def test_an_edit_without_its_words_is_to_be_fetched() -> None:
    found = told(messaging({"message_edit": {"mid": "d1", "num_edit": 1}}))
    assert [(one.kind, one.key) for one in found.pointers] == [(PointerKind.MESSAGE, "d1")]


def test_a_message_while_another_app_has_the_conversation() -> None:
    said = dm()
    found = told({"id": US, "time": said["time"], "standby": said["messaging"]})
    assert [one.text for one in found.incoming] == ["کسی هست؟"]


# --- a body as a whole ----------------------------------------------------------------------


def test_many_entries_and_changes_in_one_body() -> None:
    two = entry(changes=[*comment("c1")["changes"], *comment("c2")["changes"]])
    found = told(two, comment("c3", in_changes=False), dm("d1"), dm("d2"))
    assert [one.native_key for one in found.incoming] == ["c1", "c2", "c3", "d1", "d2"]


def test_times_in_seconds_milliseconds_and_words() -> None:
    later = START + timedelta(milliseconds=349)
    (private,) = told(dm(at=later)).incoming
    assert private.written_at == START
    value = comment()["changes"][0]["value"] | {"timestamp": str(int(START.timestamp()))}
    late = entry(START + timedelta(hours=3), field="comments", value=value)
    assert told(late).incoming[0].written_at == START


def test_a_test_from_the_dashboard_of_the_app_is_counted() -> None:
    found = RECEIVER.read(body({**comment(), "id": "0"}), {US: SHOP})
    assert (found.told, found.noted, found.strangers) == ((), {"test": 1}, frozenset())


def test_an_account_that_is_not_connected_is_named() -> None:
    found = RECEIVER.read(body(comment()), {})
    assert (found.told, found.strangers) == ((), frozenset({US}))


def test_what_is_not_known_is_counted_by_name_and_nothing_is_lost_by_it() -> None:
    said = comment(mood="angry")
    said["changes"].append({"field": "hovercrafts", "value": {"eels": 3}})
    said["weather"] = "rain"
    found = read(said, dm(bubbles=True))
    assert found.unknown == {
        "comment mood": 1, "field hovercrafts": 1, "entry weather": 1, "message bubbles": 1,
    }  # fmt: skip
    assert [one.native_key for one in found.told[0].incoming] == ["c1", "d1"]
    assert found.faults == ()


@pytest.mark.parametrize(
    "spoilt",
    [
        comment(id=None),
        comment(media={}),
        messaging({"message": {"text": "no id"}}),
        entry(changes=[{"field": "mentions", "value": {}}]),
    ],
)
def test_a_part_that_lacks_what_it_needs_is_a_fault_and_the_rest_is_read(
    spoilt: dict[str, Any],
) -> None:
    found = read(spoilt, comment("c2"))
    assert len(found.faults) == 1
    assert [one.native_key for one in found.told[0].incoming] == ["c2"]


@pytest.mark.parametrize(
    "odd",
    [b"", b"{", b"[]", b"3", b'{"object":"page","entry":[]}', b'{"object":"instagram"}',
     b'{"object":"instagram","entry":[1]}', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_what_is_no_notice_is_unreadable(odd: bytes) -> None:
    with pytest.raises(Unreadable):
        RECEIVER.read(odd, {US: SHOP})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = (
    *("messaging", "changes", "field", "value", "message", "mid", "sender", "recipient", "id"),
    *("timestamp", "from", "media", "attachments", "type", "payload", "reply_to", "story"),
)
ENTRIES = st.recursive(
    JSON | st.sampled_from(["comments", "mentions", US]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@given(entries=st.lists(st.dictionaries(st.sampled_from(NAMES), ENTRIES), max_size=3))
def test_whatever_stands_in_an_entry_it_is_read_or_told_of(entries: list[dict[str, Any]]) -> None:
    said = json.dumps({"object": "instagram", "entry": [{**one, "id": US} for one in entries]})
    RECEIVER.read(said.encode(), {US: SHOP})
