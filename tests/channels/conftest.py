"""Channels against real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from channels.scripted_x import SHOP, ScriptedX

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
