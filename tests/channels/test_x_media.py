"""Pictures are fetched from X's own hosts, small enough, and only if they are pictures."""

from __future__ import annotations

from typing import Any

import pytest
from channels.conftest import CALM, KEYS, MakeChannel
from channels.scripted_x import SHOP, Cut, Drop, Raw, Reply, ScriptedX, Silence

from shenava.channels import ChannelError, Rejected, RejectedBecause, Unreachable
from shenava.channels.x import OAuth2, XChannel, kind_of_picture
from shenava.clock import SetClock
from shenava.messages import MediaKind, MediaRef

JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


def ref(url: str | None) -> MediaRef:
    return MediaRef("3_1", url, MediaKind.PHOTO)


def test_a_picture(x: ScriptedX, channel: XChannel) -> None:
    x.say(Reply(JPEG))
    assert channel.fetch_media(ref(f"{x.url}/media/a.jpg"), 44) == JPEG


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<html>", None),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_kinds_are_told_by_the_first_bytes(content: bytes, kind: str | None) -> None:
    assert kind_of_picture(content) == kind


@pytest.mark.parametrize(
    ("said", "because"),
    [
        (Reply(JPEG + b"."), RejectedBecause.TOO_LARGE),
        (
            Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + JPEG + bytes(20)),
            RejectedBecause.TOO_LARGE,
        ),
        (Reply(b"<html>"), RejectedBecause.NOT_A_PICTURE),
        (Reply(b""), RejectedBecause.NOT_A_PICTURE),
        (Reply({}, 404), RejectedBecause.NOT_FOUND),
        (Reply({}, 403), RejectedBecause.NOT_ALLOWED),
        (Reply(b"", 302, {"Location": "http://127.0.0.1:1/x.jpg"}), RejectedBecause.NOT_ALLOWED),
        (Reply(b"", 302, {"Location": "https://evil.example/x.jpg"}), RejectedBecause.NOT_ALLOWED),
        (Reply(b"", 302, {"Location": "file:///etc/passwd"}), RejectedBecause.NOT_ALLOWED),
    ],
    ids=repr,
)
def test_what_is_not_kept(
    x: ScriptedX, channel: XChannel, said: Any, because: RejectedBecause
) -> None:
    x.say(said)
    with pytest.raises(Rejected) as caught:
        channel.fetch_media(ref(f"{x.url}/media/a.jpg"), 44)
    assert caught.value.because is because
    assert len(x.seen) == 1


@pytest.mark.parametrize("said", [Drop(), Cut(JPEG), Silence(), Reply({}, 500)], ids=repr)
def test_what_may_be_tried_again(x: ScriptedX, hasty: XChannel, said: Any) -> None:
    x.say(said)
    with pytest.raises(Unreachable):
        hasty.fetch_media(ref(f"{x.url}/media/a.jpg"), 44)


def test_a_redirect_on_the_same_host_is_followed_and_a_circle_is_left(
    x: ScriptedX, channel: XChannel
) -> None:
    x.say(Reply(b"", 301, {"Location": "/b.jpg"}), Reply(JPEG))
    assert channel.fetch_media(ref(f"{x.url}/a.jpg"), 99) == JPEG
    assert x.seen[1].path == "/b.jpg"
    x.answer = lambda seen: Reply(b"", 301, {"Location": "/a.jpg"})
    with pytest.raises(Unreachable):
        channel.fetch_media(ref(f"{x.url}/a.jpg"), 99)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://pbs.twimg.com/a.jpg",
        "https://pbs.twimg.com.evil.example/a.jpg",
        "https://eviltwimg.com/a.jpg",
        "https://pbs.twimg.com:8443/a.jpg",
        "https://sara@pbs.twimg.com/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://[::1/a.jpg",
        "https://ton.twitter.com/1.1/ton/data/dm/1/2/a.jpg",
    ],
)
def test_no_other_host_is_asked(clock: SetClock, tokens: OAuth2, url: str | None) -> None:
    real = XChannel(tokens, clock, profile=SHOP, timeout=CALM)
    with pytest.raises(Rejected):
        real.fetch_media(ref(url), 99)


def test_an_address_that_only_begins_like_ours_is_another(x: ScriptedX, make: MakeChannel) -> None:
    with pytest.raises(ChannelError):
        make(KEYS).fetch_media(ref(f"{x.url}0/a.jpg"), 99)
    assert x.seen == []
