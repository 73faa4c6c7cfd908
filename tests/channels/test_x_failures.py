"""Each failure of X is told apart, over real sockets."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.conftest import KEYS, MakeChannel
from channels.scripted_x import SHOP, Cut, Drip, Drop, Raw, Reply, Reset, ScriptedX, Silence

from shenava.channels import (
    ChannelError,
    Deed,
    OutcomeUnknown,
    Outgoing,
    PaymentRequired,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.x import XChannel
from shenava.clock import SetClock
from shenava.messages import Source

ANSWER = Outgoing(Deed.ANSWER, "سلام، پیگیری می‌کنیم", to_key="77")
DM = Outgoing(Deed.DM, "سلام", to_native_id="2000")
HIDE = Outgoing(Deed.HIDE, to_key="77")
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

NO_ANSWER = [
    Reset(),
    Drop(),
    Silence(),
    Cut({"data": [{"id": "1", "text": "half of it"}]}),
    Raw(OK_HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"dat\r\n'),
    Raw(OK_HEAD + b'\r\n{"data": '),
    Raw(OK_HEAD + b"Content-Length: 9\r\n\r\n<html>hm>"),
    Raw(OK_HEAD + b"Content-Length: 2\r\n\r\n[]"),
    Raw(b"\x16\x03 what is this\r\n\r\n"),
    Reply({"title": "broken"}, 500),
    Reply({"title": "broken"}, 503),
    Reply(b"<html>bad gateway</html>", 502),
    Cut({"title": "broken"}, 500),
]


def failure(channel: XChannel, outgoing: Outgoing = ANSWER) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        channel.send(outgoing)
    return caught.value


@pytest.mark.parametrize("bad", NO_ANSWER, ids=repr)
def test_a_reading_without_a_whole_answer_may_be_repeated(
    x: ScriptedX, hasty: XChannel, bad: Any
) -> None:
    for source in (Source.MENTION, Source.INBOX, Source.SEARCH, Source.OWN):
        x.say(bad)
        with pytest.raises(Unreachable):
            hasty.read(source, {})
    assert len(x.seen) <= 4, "a channel never retries by itself"


@pytest.mark.parametrize("outgoing", [ANSWER, DM], ids=["answer", "dm"])
@pytest.mark.parametrize("bad", NO_ANSWER, ids=repr)
def test_a_send_that_left_without_a_whole_answer_is_unknown(
    x: ScriptedX, hasty: XChannel, bad: Any, outgoing: Outgoing
) -> None:
    x.say(bad)
    assert type(failure(hasty, outgoing)) is OutcomeUnknown
    assert len(x.seen) <= 1


@pytest.mark.parametrize("bad", NO_ANSWER, ids=repr)
def test_hiding_may_be_repeated_for_twice_is_the_same_as_once(
    x: ScriptedX, hasty: XChannel, bad: Any
) -> None:
    x.say(bad)
    assert type(failure(hasty, HIDE)) is Unreachable


def test_a_send_that_never_left_may_be_repeated(make: MakeChannel) -> None:
    with socket.socket() as bound:  # bound, not listening: refused
        bound.bind(("127.0.0.1", 0))
        closed = make(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}")
        assert type(failure(closed)) is Unreachable


def test_a_host_without_an_address_is_unreachable(make: MakeChannel) -> None:
    assert type(failure(make(base_url="https://x.invalid"))) is Unreachable


def test_a_connection_torn_down_before_the_request_left_is_unreachable(
    x: ScriptedX, make: MakeChannel
) -> None:
    # what censors do: TLS is spoken to something that answers with rubbish or a reset
    x.say(Reset())
    assert type(failure(make(base_url=x.url.replace("http:", "https:")))) is Unreachable
    assert x.seen == []


def test_what_is_said_to_a_proxy_is_not_yet_the_request(
    x: ScriptedX, make: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", x.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert type(failure(make(base_url="https://x.invalid"))) is Unreachable
    x.say(Drop())
    assert type(failure(make(base_url="https://x.invalid"))) is Unreachable
    assert [seen.method for seen in x.seen] == ["CONNECT", "CONNECT"]


def test_an_answer_that_drips_is_not_waited_for(x: ScriptedX, hasty: XChannel) -> None:
    x.say(Drip(OK_HEAD + b"Content-Length: 100000000\r\n\r\n{"))
    assert type(failure(hasty)) is OutcomeUnknown


def test_each_request_has_a_connection_of_its_own(x: ScriptedX, channel: XChannel) -> None:
    # a kept one that X has closed meanwhile would make a send unknown for nothing
    x.say({"meta": {}}, Drop(), Reply({"data": {"id": "5", "text": ""}}, 201))
    channel.read(Source.MENTION, {})
    with pytest.raises(Unreachable):
        channel.read(Source.MENTION, {})
    assert channel.send(ANSWER).native_key == "5"
    assert len({seen.port for seen in x.seen}) == 3


REFUSALS = [
    (401, {"title": "Unauthorized", "status": 401}, Unauthorised, None),
    (402, {"title": "Payment Required", "detail": "credits depleted"}, PaymentRequired, None),
    (
        429,
        {"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"},
        PaymentRequired,
        None,
    ),
    (
        403,
        {"detail": "You are not allowed to create a Tweet with duplicate content."},
        Rejected,
        RejectedBecause.DUPLICATE,
    ),
    (403, {"errors": [{"code": 187, "message": "x"}]}, Rejected, RejectedBecause.DUPLICATE),
    (
        403,
        {"detail": "Reply to this conversation is not allowed because …"},
        Rejected,
        RejectedBecause.NOT_ALLOWED,
    ),
    (
        403,
        {"detail": "You attempted to reply to a Tweet that is deleted or not visible to you."},
        Rejected,
        RejectedBecause.NOT_FOUND,
    ),
    (403, {"detail": "Your Tweet text is too long."}, Rejected, RejectedBecause.TOO_LONG),
    (403, ["of another shape"], Rejected, RejectedBecause.NOT_ALLOWED),
    (403, {"errors": None, "detail": 7}, Rejected, RejectedBecause.NOT_ALLOWED),
    (403, b"<html>", Rejected, RejectedBecause.NOT_ALLOWED),
    (404, {"title": "Not Found"}, Rejected, RejectedBecause.NOT_FOUND),
    (400, {"errors": ["a bare text"]}, Rejected, RejectedBecause.BAD_REQUEST),
    (413, {}, Rejected, RejectedBecause.TOO_LARGE),
    (418, {}, Rejected, RejectedBecause.BAD_REQUEST),
    (302, {}, Unreachable, None),
]


@pytest.mark.parametrize(("status", "body", "kind", "because"), REFUSALS)
def test_each_refusal_has_its_kind(
    x: ScriptedX,
    channel: XChannel,
    status: int,
    body: Any,
    kind: type[ChannelError],
    because: RejectedBecause | None,
) -> None:
    x.say(Reply(body, status), Reply(body, status))
    with pytest.raises(ChannelError) as sending:
        channel.send(ANSWER)
    with pytest.raises(ChannelError) as reading:
        channel.read(Source.MENTION, {})
    for caught in (sending.value, reading.value):
        assert type(caught) is kind
        if isinstance(caught, Rejected):
            assert caught.because is because


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Unauthorised), (402, PaymentRequired), (429, RateLimited), (403, Unreachable)],
)
def test_a_refusal_counts_though_its_body_is_cut(
    x: ScriptedX, channel: XChannel, status: int, kind: type[ChannelError]
) -> None:
    x.say(Cut({"detail": "duplicate, or what?"}, status))
    assert type(failure(channel)) is kind


class TestTooManyRequests:
    def limited(self, x: ScriptedX, channel: XChannel, **headers: object) -> RateLimited:
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        x.say(Reply({"title": "Too Many Requests"}, 429, named))
        error = failure(channel)
        assert type(error) is RateLimited
        return error

    def test_with_a_time(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        at = clock.now() + timedelta(minutes=7)
        error = self.limited(x, channel, x_rate_limit_reset=int(at.timestamp()))
        assert (error.retry_at, error.named) == (at, True)

    def test_with_retry_after(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        error = self.limited(x, channel, Retry_After=90)
        assert (error.retry_at, error.named) == (clock.now() + timedelta(seconds=90), True)

    def test_with_retry_after_as_a_date(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        error = self.limited(x, channel, Retry_After="Sat, 03 Jan 2026 07:00:00 GMT")
        assert (error.retry_at, error.named) == (datetime(2026, 1, 3, 7, tzinfo=UTC), True)

    def test_with_neither(self, x: ScriptedX, channel: XChannel, clock: SetClock) -> None:
        error = self.limited(x, channel)
        assert (error.retry_at, error.named) == (clock.now() + timedelta(minutes=15), False)

    @pytest.mark.parametrize("rubbish", ["", "soon", "-5", "9" * 30, "1e9"])
    def test_with_rubbish(
        self, x: ScriptedX, channel: XChannel, clock: SetClock, rubbish: str
    ) -> None:
        error = self.limited(x, channel, x_rate_limit_reset=rubbish, Retry_After=rubbish)
        assert (error.retry_at, error.named) == (clock.now() + timedelta(minutes=15), False)

    def test_with_a_time_that_has_passed(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        past = int((clock.now() - timedelta(minutes=1)).timestamp())
        error = self.limited(x, channel, x_rate_limit_reset=past)
        assert clock.now() < error.retry_at < clock.now() + timedelta(minutes=1)

    def test_when_the_day_is_used_up_and_not_the_quarter(
        self, x: ScriptedX, channel: XChannel, clock: SetClock
    ) -> None:
        soon, tomorrow = clock.now() + timedelta(minutes=5), clock.now() + timedelta(hours=20)
        error = self.limited(
            x,
            channel,
            x_rate_limit_reset=int(soon.timestamp()),
            x_user_limit_24hour_remaining=0,
            x_user_limit_24hour_reset=int(tomorrow.timestamp()),
        )
        assert error.retry_at == tomorrow


def test_errors_repeat_neither_words_of_customers_nor_of_ours(
    x: ScriptedX, channel: XChannel
) -> None:
    for status in (400, 403, 404, 500):
        body = {"detail": ANSWER.text, "title": ANSWER.text, "errors": [{"message": ANSWER.text}]}
        x.say(Reply(body, status))
        error = failure(channel)
        assert "پیگیری" not in f"{error} {error!r}"


def test_plain_http_is_for_this_machine_only(clock: SetClock) -> None:
    for address in ("http://api.x.com", "ftp://127.0.0.1", "nonsense", "http://10.0.0.7:80"):
        with pytest.raises(ValueError):
            XChannel(KEYS, clock, base_url=address, profile=SHOP)
