"""What Instagram lets pass, in which window, and what is possible instead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.factories import START

from shenava.channels.instagram import length_of, rules
from shenava.channels.rules import Allowed, Facts, NotAllowed, Reason, WayOut, window_for
from shenava.messages import Deed, MessageKind

COMMENT = Facts(Deed.ANSWER, kind=MessageKind.COMMENT, written_at=START, now=START)


def dm(hours: float, **more: bool) -> Facts:
    """A private message that was written so many hours ago."""
    wrote = START - timedelta(hours=hours)
    return Facts(
        Deed.DM,
        kind=MessageKind.DM,
        wrote_privately=True,
        wrote_privately_at=wrote,
        written_at=wrote,
        now=START,
        **more,
    )


def allowed(facts: Facts) -> Allowed:
    ruling = rules.may_answer(facts)
    assert isinstance(ruling, Allowed)
    return ruling


def refused(facts: Facts) -> tuple[Reason, WayOut]:
    ruling = rules.may_answer(facts)
    assert isinstance(ruling, NotAllowed)
    return ruling.reason, ruling.way_out


def test_within_a_day_anyone_may_answer_a_private_message() -> None:
    for automatic in (False, True):
        ruling = allowed(dm(23.9, automatic=automatic))
        assert ruling.window is rules.STANDARD
        assert ruling.until == START + timedelta(hours=0.1)


def test_after_a_day_only_a_person_may_and_only_within_a_week() -> None:
    ruling = allowed(dm(24))
    assert ruling.window is rules.HUMAN_AGENT
    assert ruling.until == START + timedelta(days=6)
    assert refused(dm(24, automatic=True)) == (Reason.PEOPLE_ONLY, WayOut.WAIT_FOR_CUSTOMER)
    assert allowed(dm(24 * 7 - 0.1)).window is rules.HUMAN_AGENT
    assert refused(dm(24 * 7)) == (Reason.WINDOW_CLOSED, WayOut.OPEN_ON_PLATFORM)


def test_who_never_wrote_privately_is_not_written_to() -> None:
    facts = Facts(Deed.DM, kind=MessageKind.COMMENT, now=START)
    assert refused(facts) == (Reason.NO_CONSENT, WayOut.ANSWER_PRIVATELY)
    facts = Facts(Deed.DM, kind=MessageKind.MENTION, now=START)
    assert refused(facts) == (Reason.NO_CONSENT, WayOut.WAIT_FOR_CUSTOMER)


def test_a_comment_may_have_one_private_reply_within_a_week() -> None:
    def reply(days: float, *, answered: bool = False) -> Facts:
        return Facts(
            Deed.PRIVATE_REPLY,
            kind=MessageKind.COMMENT,
            written_at=START - timedelta(days=days),
            now=START,
            answered_privately=answered,
        )

    assert allowed(reply(6.9)).window is rules.PRIVATE_REPLY
    assert refused(reply(7)) == (Reason.WINDOW_CLOSED, WayOut.ANSWER_PUBLICLY)
    assert refused(reply(0, answered=True)) == (
        Reason.ANSWERED_PRIVATELY,
        WayOut.ANSWER_PUBLICLY,
    )
    mention = Facts(Deed.PRIVATE_REPLY, kind=MessageKind.MENTION, written_at=START, now=START)
    assert refused(mention) == (Reason.NOT_OWN_POST, WayOut.OPEN_ON_PLATFORM)


@pytest.mark.parametrize("deed", [Deed.ANSWER, Deed.HIDE, Deed.DELETE])
def test_only_what_stands_under_own_posts_can_be_answered_hidden_or_taken_away(
    deed: Deed,
) -> None:
    assert isinstance(rules.may_answer(Facts(deed, kind=MessageKind.COMMENT)), Allowed)
    assert isinstance(rules.may_answer(Facts(deed, under_own_post=True)), Allowed)
    assert refused(Facts(deed, kind=MessageKind.MENTION)) == (
        Reason.NOT_OWN_POST,
        WayOut.OPEN_ON_PLATFORM,
    )


def test_what_is_our_own_can_be_taken_away_anywhere() -> None:
    assert isinstance(rules.may_answer(Facts(Deed.DELETE, own_message=True)), Allowed)


@pytest.mark.parametrize("deed", [Deed.ANSWER, Deed.DM, Deed.PRIVATE_REPLY])
def test_who_wants_to_hear_no_more_is_left_alone(deed: Deed) -> None:
    facts = Facts(deed, opted_out=True, kind=MessageKind.COMMENT, wrote_privately=True)
    assert refused(facts) == (Reason.OPTED_OUT, WayOut.NONE)


def test_a_post_needs_a_picture() -> None:
    assert refused(Facts(Deed.POST)) == (Reason.NO_PICTURE, WayOut.ADD_PICTURE)
    assert isinstance(rules.may_answer(Facts(Deed.POST, has_picture=True)), Allowed)


def test_private_messages_are_counted_in_bytes_and_comments_in_letters() -> None:
    assert length_of("س" * 500, Deed.DM) == (1_000, 1_000)
    assert length_of("س" * 500, Deed.DM).in_bytes
    assert length_of("س" * 500, Deed.PRIVATE_REPLY).fits
    assert not length_of("س" * 501, Deed.DM).fits
    assert length_of("a" * 1_000, Deed.DM).fits
    assert length_of("س" * 501, Deed.ANSWER) == (501, 2_200)
    assert not length_of("س" * 501, Deed.ANSWER).in_bytes
    # Half a sign, as a browser may send it, is counted and breaks nothing.
    assert length_of("\ud83d", Deed.DM).used > 0


def test_the_window_that_closes_next_is_told() -> None:
    def after(hours: float) -> object:
        return window_for(rules.WINDOWS, Deed.DM, START, START + timedelta(hours=hours))

    assert after(1) is rules.STANDARD
    assert after(24) is rules.HUMAN_AGENT
    assert after(24 * 7) is None


def test_a_private_reply_counts_against_both_paces() -> None:
    assert {limit.endpoint for limit in rules.limits_of(Deed.PRIVATE_REPLY)} == {
        "dm",
        "private_reply",
    }
    assert rules.limits_of(Deed.ANSWER) == ()
