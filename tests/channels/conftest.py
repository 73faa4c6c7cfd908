"""Channels against real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from channels import scripted_instagram
from channels.scripted import Scripted
from channels.scripted_x import SHOP, ScriptedX

from shenava.channels.instagram import InstagramChannel, Login, Token
from shenava.channels.x import OAuth1, OAuth2, Timeouts, XChannel
from shenava.clock import SetClock

KEYS = OAuth1("consumer-k3y", "consumer-s3cret", "1000-t0ken", "t0ken-s3cret")
CALM = Timeouts(connect=20, read=60, total=120)
"""For answers that will come, on however busy a machine."""
HASTY = Timeouts(connect=20, read=0.2, total=0.4)
"""For answers that will not. It may take one that is late for one that is missing."""


@pytest.fixture
def x() -> Iterator[ScriptedX]:
    server = ScriptedX()
    yield server
    server.close()


@pytest.fixture
def tokens(clock: SetClock) -> OAuth2:
    return OAuth2(
        access_token="acc3ss-t0ken",
        expires_at=clock.now() + timedelta(hours=2),
        client_id="client-1d",
        refresh_token="refr3sh-t0ken",
        client_secret="cli3nt-s3cret",
    )


MakeChannel = Callable[..., XChannel]


@pytest.fixture
def make(x: ScriptedX, clock: SetClock) -> MakeChannel:
    """Makes channels to the scripted X."""

    def make_(credentials: Any = KEYS, **options: Any) -> XChannel:
        settled = {"base_url": x.url, "profile": SHOP, "timeout": CALM} | options
        return XChannel(credentials, clock, **settled)

    return make_


@pytest.fixture
def channel(make: MakeChannel) -> XChannel:
    return make(query="digikala")


@pytest.fixture
def hasty(make: MakeChannel) -> XChannel:
    return make(query="digikala", timeout=HASTY)


TOKEN = Token("IGAA-acc3ss-t0ken", Login.INSTAGRAM, app_id="4321", app_secret="4pp-s3cret")
PAGE_TOKEN = Token("EAA-acc3ss-t0ken", Login.FACEBOOK, app_id="4321", app_secret="4pp-s3cret")


@pytest.fixture
def server() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


MakeInstagram = Callable[..., InstagramChannel]


@pytest.fixture
def instagram(server: Scripted, clock: SetClock) -> MakeInstagram:
    """Makes channels to the scripted Instagram."""

    def make(token: Token = TOKEN, **options: Any) -> InstagramChannel:
        settled = {"base_url": server.url, "timeout": CALM, "profile": scripted_instagram.SHOP}
        return InstagramChannel(token, clock, **settled | options)

    return make
