"""Each way in which the Graph API fails, and what is made of it: never a repeat, never a sleep."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from channels.conftest import HASTY, MakeInstagram
from channels.scripted import (
    Cut,
    Drip,
    Drop,
    Raw,
    Reply,
    Reset,
    Said,
    Scripted,
    Silence,
)
from channels.scripted_instagram import error
from support.factories import START

from shenava.channels import (
    ChannelError,
    Deed,
    OutcomeUnknown,
    Outgoing,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.messages import Source

MESSAGE = Outgoing(Deed.DM, "سلام", to_native_id="123")
ANSWER = Outgoing(Deed.ANSWER, "سلام", to_key="17850")
HIDING = Outgoing(Deed.HIDE, to_key="17850")


def failed(instagram: MakeInstagram, said: Said, server: Scripted, outgoing: Outgoing | None):  # type: ignore[no-untyped-def]
    """What one request that is answered so comes to: a reading, or a sending."""
    server.answer = lambda seen: said
    channel = instagram(timeout=HASTY) if not isinstance(said, Reply) else instagram()
    with pytest.raises(ChannelError) as caught:
        if outgoing is None:
            channel.read(Source.INBOX, {})
        else:
            channel.send(outgoing)
    assert len(server.seen) == 1, "asked once"
    assert "سلام" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("subcode", [0, 458, 459, 460, 463, 464, 467])
@pytest.mark.parametrize("status", [400, 401])
def test_a_token_that_is_not_taken(
    instagram: MakeInstagram, server: Scripted, subcode: int, status: int
) -> None:
    told = failed(instagram, error(190, subcode, status), server, MESSAGE)
    assert isinstance(told, Unauthorised)


@pytest.mark.parametrize("code", [4, 17, 32, 80002])
@pytest.mark.parametrize("status", [400, 403, 429])
@pytest.mark.parametrize("outgoing", [None, MESSAGE, HIDING])
def test_too_many_requests_wait_an_hour_where_nothing_says_how_long(
    instagram: MakeInstagram,
    server: Scripted,
    code: int,
    status: int,
    outgoing: Outgoing | None,
) -> None:
    told = failed(instagram, error(code, status=status), server, outgoing)
    assert isinstance(told, RateLimited)
    assert (told.retry_at, told.named) == (START + timedelta(hours=1), False)


def test_calls_by_the_second_wait_a_minute(instagram: MakeInstagram, server: Scripted) -> None:
    told = failed(instagram, error(613), server, None)
    assert isinstance(told, RateLimited)
    assert told.retry_at == START + timedelta(minutes=1)


def test_the_header_says_in_minutes_when_to_come_back(
    instagram: MakeInstagram, server: Scripted
) -> None:
    usage = {"17841": [{"type": "instagram", "estimated_time_to_regain_access": 19}]}
    said = error(80002, X_Business_Use_Case_Usage=json.dumps(usage))
    told = failed(instagram, said, server, None)
    assert isinstance(told, RateLimited)
    assert (told.retry_at, told.named) == (START + timedelta(minutes=19), True)


@pytest.mark.parametrize("header", ["", "nonsense", "[1]", '{"a": 1}', '{"a": [1]}'])
def test_an_odd_header_is_no_header(
    instagram: MakeInstagram, server: Scripted, header: str
) -> None:
    told = failed(instagram, error(80002, X_Business_Use_Case_Usage=header), server, None)
    assert isinstance(told, RateLimited)
    assert told.retry_at == START + timedelta(hours=1)


@pytest.mark.parametrize(
    ("code", "subcode", "because"),
    [
        (10, 2534022, RejectedBecause.NOT_ALLOWED),
        (10, 2018278, RejectedBecause.NOT_ALLOWED),
        (10, 2018108, RejectedBecause.NOT_ALLOWED),
        (10, 0, RejectedBecause.NOT_ALLOWED),
        (200, 2534041, RejectedBecause.NOT_ALLOWED),
        (230, 0, RejectedBecause.NOT_ALLOWED),
        (551, 1545041, RejectedBecause.NOT_ALLOWED),
        (551, 0, RejectedBecause.NOT_ALLOWED),
        (100, 2534014, RejectedBecause.NOT_ALLOWED),
        (100, 2534001, RejectedBecause.NOT_ALLOWED),
        (368, 0, RejectedBecause.NOT_ALLOWED),
        (100, 2534025, RejectedBecause.DUPLICATE),
        (100, 33, RejectedBecause.NOT_FOUND),
        (24, 0, RejectedBecause.NOT_FOUND),
        (803, 0, RejectedBecause.NOT_FOUND),
        (36000, 2207004, RejectedBecause.TOO_LARGE),
        (36004, 2207010, RejectedBecause.TOO_LONG),
        (36001, 2207005, RejectedBecause.NOT_A_PICTURE),
        (100, 0, RejectedBecause.BAD_REQUEST),
        (2500, 0, RejectedBecause.BAD_REQUEST),
        (999, 999, RejectedBecause.BAD_REQUEST),
    ],
)
def test_what_is_refused_for_good(
    instagram: MakeInstagram,
    server: Scripted,
    code: int,
    subcode: int,
    because: RejectedBecause,
) -> None:
    told = failed(instagram, error(code, subcode), server, MESSAGE)
    assert isinstance(told, Rejected)
    assert told.because is because


def test_a_text_that_is_too_long_for_instagram(instagram: MakeInstagram, server: Scripted) -> None:
    said = Reply(
        {"error": {"message": "Length of param message[text] must be …", "code": 100}}, 400
    )
    told = failed(instagram, said, server, ANSWER)
    assert isinstance(told, Rejected)
    assert told.because is RejectedBecause.TOO_LONG


def test_a_reader_that_is_held_back_comes_back_in_an_hour(
    instagram: MakeInstagram, server: Scripted
) -> None:
    told = failed(instagram, error(368), server, None)
    assert isinstance(told, RateLimited)


@pytest.mark.parametrize(
    "said",
    [
        error(1, status=500),
        error(2, status=500),
        error(2, status=400),
        error(-1, 2207001, status=400),
        Reply({}, 500),
        Reply(b"<html>Bad gateway</html>", 502),
        Reply({}, 503),
        Reply({}, 408),
    ],
)
def test_after_a_failure_of_theirs_a_sending_is_unknown_and_a_reading_is_repeated(
    instagram: MakeInstagram, server: Scripted, said: Reply
) -> None:
    assert isinstance(failed(instagram, said, server, MESSAGE), OutcomeUnknown)
    server.seen.clear()
    assert isinstance(failed(instagram, said, server, ANSWER), OutcomeUnknown)
    server.seen.clear()
    assert isinstance(failed(instagram, said, server, HIDING), Unreachable)
    server.seen.clear()
    assert isinstance(failed(instagram, said, server, None), Unreachable)


@pytest.mark.parametrize(
    "said",
    [
        Reset(),
        Drop(),
        Silence(),
        Cut({"message_id": "m" * 40}),
        Raw(b"HTTP/1.1 2"),
        Reply(b"no json"),
        Reply([1]),
        Reply({"recipient_id": "123"}),
        Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
    ],
    ids=lambda said: type(said).__name__,
)
def test_no_whole_answer_leaves_a_sending_unknown(
    instagram: MakeInstagram, server: Scripted, said: Said
) -> None:
    assert isinstance(failed(instagram, said, server, MESSAGE), OutcomeUnknown)


@pytest.mark.parametrize("status", [301, 418])
def test_what_stands_between_is_no_outcome(
    instagram: MakeInstagram, server: Scripted, status: int
) -> None:
    told = failed(instagram, Reply({}, status), server, MESSAGE)
    assert isinstance(told, Unreachable | Rejected)


def test_who_cannot_be_reached_was_sent_nothing(instagram: MakeInstagram, server: Scripted) -> None:
    channel = instagram(base_url="http://127.0.0.1:9", timeout=HASTY)
    for outgoing in (MESSAGE, ANSWER, HIDING):
        with pytest.raises(Unreachable):
            channel.send(outgoing)


def test_a_success_that_tells_of_a_failure_is_one(
    instagram: MakeInstagram, server: Scripted
) -> None:
    said = Reply({"error": {"code": 10, "error_subcode": 2534022, "message": "x"}}, 200)
    assert isinstance(failed(instagram, said, server, MESSAGE), Rejected)


def test_reading_waits_when_little_is_left_so_that_answers_still_leave(
    instagram: MakeInstagram, server: Scripted
) -> None:
    usage = json.dumps({"17841": [{"call_count": 91, "total_time": 2}]})
    server.answer = lambda seen: Reply(
        {"data": [], "message_id": "m1"}, 200, {"X-Business-Use-Case-Usage": usage}
    )
    channel = instagram()
    page = channel.read(Source.INBOX, {})
    with pytest.raises(RateLimited):
        channel.read(Source.INBOX, page.cursor)
    assert len(server.seen) == 1
    assert channel.send(MESSAGE).native_key == "m1"


@pytest.mark.parametrize("key", ["", "..", "1/2", "1?a=b", "1#", "../me", "1 2", "ا"])
def test_ids_that_lead_elsewhere_never_leave(
    instagram: MakeInstagram, server: Scripted, key: str
) -> None:
    channel = instagram()
    for outgoing in (
        Outgoing(Deed.ANSWER, "x", to_key=key),
        Outgoing(Deed.DM, "x", to_native_id=key),
        Outgoing(Deed.HIDE, to_key=key),
        Outgoing(Deed.DELETE, to_key=key),
        Outgoing(Deed.PRIVATE_REPLY, "x", to_key=key),
    ):
        with pytest.raises(Rejected):
            channel.send(outgoing)
    assert server.seen == []
