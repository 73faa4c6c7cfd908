"""Keys are in the requests to X and nowhere else."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from channels.conftest import HASTY, KEYS, MakeChannel
from channels.scripted_x import Drop, Reply, ScriptedX, Silence

from shenava.channels import ChannelError, Deed, Outgoing
from shenava.channels.x import OAuth1, OAuth2
from shenava.messages import MediaKind, MediaRef, Source

SECRETS = (
    "consumer-k3y",
    "consumer-s3cret",
    "1000-t0ken",
    "t0ken-s3cret",
    "acc3ss-t0ken",
    "refr3sh-t0ken",
    "cli3nt-s3cret",
)


def clean(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


def test_not_in_what_is_printed(make: MakeChannel, tokens: OAuth2) -> None:
    channel = make(tokens)
    for thing in (KEYS, tokens, make(), channel, [tokens], {"a": KEYS}):
        assert clean(f"{thing} {thing!r}")


@pytest.mark.parametrize(
    "said", [Reply({}, 401), Reply({}, 400), Reply({}, 500), Drop(), Silence()]
)
@pytest.mark.parametrize("kind", ["OAuth1", "OAuth2"])
def test_not_in_errors_nor_in_logs_at_their_most_talkative(
    x: ScriptedX,
    make: MakeChannel,
    tokens: OAuth2,
    caplog: pytest.LogCaptureFixture,
    said: Any,
    kind: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = make(KEYS if kind == "OAuth1" else tokens, timeout=HASTY)
    x.answer = lambda seen: said
    calls = [
        lambda: channel.read(Source.MENTION, {}),
        lambda: channel.send(Outgoing(Deed.POST, "سلام")),
        channel.refresh,
        channel.check,
    ]
    for call in calls:
        with pytest.raises(ChannelError) as caught:
            call()
        told = "".join(traceback.format_exception(caught.value))
        assert clean(f"{told} {caught.value!r}")
    assert clean(caplog.text)
    assert x.seen, "there was something to leak"


def test_not_in_complaints_about_keys_that_cannot_be(tokens: OAuth2) -> None:
    for bad in ("", "t0ken-s3cret\n", "\u200ft0ken-s3cret", "t0ken s3cret"):
        with pytest.raises(ValueError) as caught:
            OAuth1("consumer-k3y", "consumer-s3cret", "1000-t0ken", bad)
        assert clean(str(caught.value))
        with pytest.raises(ValueError):
            OAuth2("acc3ss-t0ken", tokens.expires_at, "client", refresh_token=bad)


def test_not_from_the_netrc_file(
    x: ScriptedX, make: MakeChannel, tokens: OAuth2, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    x.say({"meta": {}})
    make(tokens).read(Source.MENTION, {})
    assert x.seen[0].headers["Authorization"] == "Bearer acc3ss-t0ken"


def test_not_in_requests_for_pictures(x: ScriptedX, make: MakeChannel, tokens: OAuth2) -> None:
    x.answer = lambda seen: Reply(b"\xff\xd8\xff....")
    for credentials in (KEYS, tokens):
        make(credentials).fetch_media(MediaRef("3_1", f"{x.url}/p.jpg", MediaKind.PHOTO), 100)
    assert all("Authorization" not in seen.headers for seen in x.seen)
