"""Each deed on Instagram: what leaves, what comes back, and what reading back can tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from channels.conftest import PAGE_TOKEN, MakeInstagram
from channels.scripted import Drop, Reply, Scripted
from channels.scripted_instagram import SARA, SHOP, US, comment, error, message
from support.factories import START

from shenava.channels import (
    Deed,
    OutcomeUnknown,
    Outgoing,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unreachable,
)
from shenava.channels.instagram import rules
from shenava.clock import SetClock

JPEG = b"\xff\xd8\xff" + b"j" * 20
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 20
PICTURE = "https://shop.example/pictures/1-abc.jpg"
ANSWER = Outgoing(Deed.ANSWER, "سلام، پیگیری شد", to_key="17850")
DM = Outgoing(Deed.DM, "سلام", to_native_id=SARA["id"])
PRIVATE = Outgoing(Deed.PRIVATE_REPLY, "سلام", to_key="17850", to_native_id=SARA["id"])
POST = Outgoing(
    Deed.POST, "درگاه پرداخت قطع است", picture=JPEG, picture_alt="شرح", picture_url=PICTURE
)
LATER = timedelta(minutes=10)
QUOTA = {"data": [{"quota_usage": 3, "config": {"quota_total": 50, "quota_duration": 86400}}]}


def form(seen: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}


# What leaves.


def test_an_answer_stands_under_its_comment(instagram: MakeInstagram, server: Scripted) -> None:
    server.say({"id": "17851"})
    assert instagram().send(ANSWER).native_key == "17851"
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v25.0/17850/replies")
    assert form(seen) == {"message": ANSWER.text}


def test_a_private_message_goes_to_one_person(instagram: MakeInstagram, server: Scripted) -> None:
    server.say({"recipient_id": SARA["id"], "message_id": "m1"})
    assert instagram().send(DM).native_key == "m1"
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/v25.0/{SHOP.native_id}/messages")
    assert seen.json == {"recipient": {"id": SARA["id"]}, "message": {"text": "سلام"}}


def test_after_a_day_the_message_says_that_a_person_answers(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.answer = lambda seen: Reply({"message_id": "m1"})
    channel = instagram()
    for window, tag in ((rules.STANDARD, None), (rules.HUMAN_AGENT, "HUMAN_AGENT")):
        channel.send(Outgoing(Deed.DM, "x", to_native_id="1", window=window.code))
        assert server.seen[-1].json.get("tag") == tag
    assert server.seen[-1].json["messaging_type"] == "MESSAGE_TAG"


def test_a_private_reply_is_addressed_by_its_comment(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.say({"message_id": "m1"})
    assert instagram().send(PRIVATE).native_key == "m1"
    assert server.seen[0].json["recipient"] == {"comment_id": "17850"}


def test_a_picture_in_a_message_is_fetched_by_instagram(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.say({"message_id": "m1"})
    instagram().send(Outgoing(Deed.DM, to_native_id="1", picture=PNG, picture_url=PICTURE))
    (picture,) = server.seen[0].json["message"]["attachments"]
    assert picture == {"type": "image", "payload": {"url": PICTURE}}


def test_hiding_and_taking_away(instagram: MakeInstagram, server: Scripted) -> None:
    server.answer = lambda seen: Reply({"success": True})
    channel = instagram()
    assert channel.send(Outgoing(Deed.HIDE, to_key="17850")).native_key == "17850"
    assert form(server.seen[-1]) == {"hide": "true"}
    channel.send(Outgoing(Deed.DELETE, to_key="17850"))
    assert server.seen[-1].method == "DELETE"
    server.answer = lambda seen: Reply({"success": False})
    with pytest.raises(Unreachable):
        channel.send(Outgoing(Deed.HIDE, to_key="17850"))


def test_taking_away_what_is_not_there_is_done(instagram: MakeInstagram, server: Scripted) -> None:
    server.say(error(100, 33))
    assert instagram().send(Outgoing(Deed.DELETE, to_key="1")).native_key == "1"


def test_a_post_is_made_ready_first_and_then_shown(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.say(QUOTA, {"id": "c1"}, {"status_code": "FINISHED"}, {"id": "p1"})
    assert instagram().send(POST).native_key == "p1"
    _, made, _, shown = server.seen
    assert form(made) == {"image_url": PICTURE, "caption": POST.text, "alt_text": "شرح"}
    assert (shown.path, form(shown)) == (
        f"/v25.0/{SHOP.native_id}/media_publish",
        {"creation_id": "c1"},
    )


def test_a_post_that_is_not_ready_comes_back_later_and_showed_to_nobody(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.say(QUOTA, {"id": "c1"}, {"status_code": "IN_PROGRESS"})
    with pytest.raises(RateLimited):
        instagram().send(POST)
    server.say(QUOTA, {"id": "c1"}, {"status_code": "FINISHED"}, error(9007, 2207027))
    with pytest.raises(RateLimited):
        instagram().send(POST)
    server.say(QUOTA, {"id": "c1"}, {"status_code": "ERROR"})
    with pytest.raises(Rejected):
        instagram().send(POST)


def test_what_fails_before_a_post_is_shown_may_be_repeated(
    instagram: MakeInstagram, server: Scripted
) -> None:
    for before in ([Drop()], [QUOTA, Drop()], [QUOTA, {"id": "c1"}, Reply({}, 500)]):
        server.say(*before)
        with pytest.raises(Unreachable):
            instagram().send(POST)
    server.say(QUOTA, {"id": "c1"}, {"status_code": "FINISHED"}, Drop())
    with pytest.raises(OutcomeUnknown):
        instagram().send(POST)


def test_the_posts_of_a_day_are_counted_by_instagram(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.say({"data": [{"quota_usage": 50, "config": {"quota_total": 50}}]})
    with pytest.raises(RateLimited):
        instagram().send(POST)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("outgoing", "because"),
    [
        (Outgoing(Deed.ANSWER, "  ", to_key="1"), RejectedBecause.BAD_REQUEST),
        (Outgoing(Deed.DM, "س" * 501, to_native_id="1"), RejectedBecause.TOO_LONG),
        (Outgoing(Deed.ANSWER, "x" * 2_201, to_key="1"), RejectedBecause.TOO_LONG),
        (Outgoing(Deed.POST, "words alone"), RejectedBecause.BAD_REQUEST),
        (Outgoing(Deed.POST, picture=PNG, picture_url=PICTURE), RejectedBecause.NOT_A_PICTURE),
        (Outgoing(Deed.POST, picture=JPEG), RejectedBecause.BAD_REQUEST),
        (
            Outgoing(Deed.DM, "both", to_native_id="1", picture=JPEG, picture_url=PICTURE),
            RejectedBecause.BAD_REQUEST,
        ),
        (
            Outgoing(Deed.ANSWER, "x", to_key="1", picture=JPEG, picture_url=PICTURE),
            RejectedBecause.BAD_REQUEST,
        ),
        (
            Outgoing(Deed.POST, picture=JPEG + b"x" * 2**23, picture_url=PICTURE),
            RejectedBecause.TOO_LARGE,
        ),
    ],
)
def test_what_cannot_be_right_never_leaves(
    instagram: MakeInstagram, server: Scripted, outgoing: Outgoing, because: RejectedBecause
) -> None:
    with pytest.raises(Rejected) as caught:
        instagram().send(outgoing)
    assert caught.value.because is because
    assert server.seen == []


# Reading back.


def talk(*messages: dict[str, Any]) -> Reply:
    return Reply({"data": [{"id": "t1", "messages": {"data": list(messages)}}]})


def test_a_message_that_arrived_is_found(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    ours = message("m9", "سلام", by=US, minutes_ago=-1)
    server.answer = lambda seen: talk(message("m10", "سلام", minutes_ago=-2), ours)
    for outgoing in (DM, PRIVATE):
        found = instagram().find_sent(outgoing, START)
        assert found is not None
        assert found.native_key == "m9"
    assert server.seen[0].query["user_id"] == SARA["id"]
    assert instagram().find_sent(DM, START, known={"m9"}) is None


def test_the_same_words_from_before_do_not_vouch(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    server.answer = lambda seen: talk(message("m1", "سلام", by=US, minutes_ago=30))
    assert instagram().find_sent(DM, START) is None


def test_too_early_absence_tells_nothing(instagram: MakeInstagram, server: Scripted) -> None:
    server.answer = lambda seen: Reply({"data": []})
    with pytest.raises(OutcomeUnknown):
        instagram().find_sent(DM, START)


def test_a_conversation_with_too_much_in_it_tells_nothing(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    many = [message(f"m{n}", f"x{n}", by=US, minutes_ago=-5) for n in range(20)]
    server.answer = lambda seen: talk(*many)
    with pytest.raises(OutcomeUnknown):
        instagram().find_sent(DM, START)


def test_an_answer_that_arrived_is_found_under_the_first_comment_of_its_thread(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    ours = comment("c9", ANSWER.text, by=US, minutes_ago=-1)
    theirs = comment("c8", ANSWER.text, minutes_ago=-1)
    server.say({"id": "17850", "parent_id": "17849"}, {"data": [theirs, ours]})
    found = instagram().find_sent(ANSWER, START)
    assert found is not None
    assert found.native_key == "c9"
    assert server.seen[1].path == "/v25.0/17849/replies"


def test_an_answer_whose_comment_is_gone_is_not_there(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    server.say(error(100, 33))
    assert instagram().find_sent(ANSWER, START) is None


def test_a_post_that_arrived_is_found(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    when = (START + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    link = "https://www.instagram.com/p/X/"
    post = {"id": "p1", "caption": POST.text, "timestamp": when, "permalink": link}
    server.answer = lambda seen: Reply({"data": [post]})
    found = instagram().find_sent(POST, START)
    assert found is not None
    assert (found.native_key, found.permalink) == ("p1", link)


@pytest.mark.parametrize(
    ("deed", "said", "found"),
    [
        (Deed.HIDE, Reply({"id": "1", "hidden": True}), True),
        (Deed.HIDE, Reply({"id": "1", "hidden": False}), False),
        (Deed.HIDE, error(100, 33), False),
        (Deed.DELETE, Reply({"id": "1", "hidden": True}), False),
        (Deed.DELETE, error(100, 33), True),
    ],
)
def test_hiding_and_taking_away_can_be_seen(
    instagram: MakeInstagram, server: Scripted, deed: Deed, said: Reply, found: bool
) -> None:
    server.say(said)
    assert (instagram().find_sent(Outgoing(deed, to_key="1"), START) is not None) is found


def test_what_reading_back_is_refused_tells_nothing(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    server.answer = lambda seen: error(10)
    for outgoing in (DM, ANSWER, POST, PRIVATE):
        with pytest.raises(OutcomeUnknown):
            instagram().find_sent(outgoing, START)


def test_reading_back_is_counted(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    clock.advance(LATER)
    channel = instagram()
    server.answer = lambda seen: talk(message("m1", "سلام", by=US, minutes_ago=-1))
    channel.find_sent(DM, START)
    reads = channel.take_reads()
    assert (dict(reads.resources), reads.requests) == ({"message": 1}, 1)
    assert channel.take_reads().requests == 0


def test_with_a_page_token_messages_are_the_pages(
    instagram: MakeInstagram, server: Scripted
) -> None:
    server.say({"message_id": "m1"})
    instagram(PAGE_TOKEN).send(DM)
    assert server.seen[0].path == "/v25.0/me/messages"
