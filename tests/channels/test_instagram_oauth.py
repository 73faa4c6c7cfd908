"""Connecting an account of Instagram, and keeping it connected."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from channels.conftest import CALM, HASTY, PAGE_TOKEN, TOKEN, MakeInstagram
from channels.scripted import Drop, Reply, Scripted, Silence
from channels.scripted_instagram import error
from support.factories import START

from shenava.channels import ChannelError, Deed, Outgoing, Unauthorised, Unreachable
from shenava.channels.instagram import Login, Token, oauth
from shenava.channels.instagram.oauth import Places
from shenava.clock import SetClock
from shenava.messages import Source

BACK = "https://shop.example/accounts/connect/instagram/callback"
LIVED = {"access_token": "IGAA-l0ng", "token_type": "bearer", "expires_in": 5_183_944}


@pytest.fixture
def places(server: Scripted) -> Places:
    return Places.of(server.url, CALM)


def exchange(places: Places, clock: SetClock) -> Token:
    return oauth.exchange(
        places, clock, app_id="4321", app_secret="4pp-s3cret", redirect_uri=BACK, code="c0de"
    )


def test_the_question_names_the_app_the_way_back_and_what_is_asked_for() -> None:
    question = oauth.begin(Places.of(None), "4321", BACK)
    parts = urlsplit(question.url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == oauth.AUTHORISE
    assert asked == {
        "client_id": "4321",
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": ",".join(oauth.SCOPES),
        "state": question.state,
    }
    assert oauth.begin(Places.of(None), "4321", BACK).state != question.state


def test_only_the_answer_to_our_own_question_counts() -> None:
    state = "s" * 43
    assert oauth.code_from(f"{BACK}?code=abc&state={state}#_", state) == "abc"
    for answer in (
        f"{BACK}?code=abc&state=other",
        f"{BACK}?code=abc",
        f"{BACK}?state={state}",
        f"{BACK}?error=access_denied&state={state}",
    ):
        with pytest.raises(Unauthorised):
            oauth.code_from(answer, state)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_code_becomes_a_token_of_sixty_days(
    places: Places, server: Scripted, clock: SetClock, wrapped: bool
) -> None:
    short: dict[str, Any] = {
        "access_token": "IGAA-sh0rt",
        "user_id": 1,
        "permissions": "instagram_business_basic,instagram_business_manage_comments",
    }
    server.say({"data": [short]} if wrapped else short, LIVED)
    token = exchange(places, clock)
    assert (token.access_token, token.login) == ("IGAA-l0ng", Login.INSTAGRAM)
    assert token.expires_at == START + timedelta(seconds=5_183_944)
    assert token.issued_at == START
    assert token.allows("instagram_business_manage_comments")
    assert not token.allows("instagram_business_manage_messages")
    first, second = server.seen
    assert (first.method, first.path) == ("POST", "/oauth/access_token")
    assert b"code=c0de" in first.body
    assert (second.path, second.query["grant_type"]) == ("/access_token", "ig_exchange_token")
    assert second.query["access_token"] == "IGAA-sh0rt"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            Reply({"error_type": "OAuthException", "code": 400, "error_message": "used"}, 400),
            Unauthorised,
        ),
        (error(100), Unauthorised),
        (Reply({"data": []}), Unreachable),
        (Reply({}), Unreachable),
        (Reply({}, 500), Unreachable),
        (Drop(), Unreachable),
    ],
)
def test_a_code_that_is_not_taken(
    places: Places, server: Scripted, clock: SetClock, said: Any, kind: type[ChannelError]
) -> None:
    server.say(said)
    with pytest.raises(kind):
        exchange(places, clock)
    assert len(server.seen) == 1


def test_a_token_is_renewed_and_keeps_what_it_allows(
    instagram: MakeInstagram, server: Scripted, clock: SetClock
) -> None:
    scopes = frozenset({"instagram_business_manage_comments"})
    old = Token("IGAA-old", Login.INSTAGRAM, "4321", "4pp-s3cret", START, START, scopes)
    server.say(LIVED)
    fresh = instagram(old).refresh()
    assert (fresh.access_token, fresh.scopes, fresh.app_id) == ("IGAA-l0ng", scopes, "4321")
    assert fresh.expires_at == clock.now() + timedelta(seconds=5_183_944)
    assert server.seen[0].query == {"grant_type": "ig_refresh_token", "access_token": "IGAA-old"}


def test_what_does_not_end_is_not_renewed(instagram: MakeInstagram, server: Scripted) -> None:
    for token in (PAGE_TOKEN, TOKEN):
        with pytest.raises(Unauthorised):
            instagram(token).refresh()
    assert server.seen == []


def test_plain_http_to_another_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="plain http"):
        Places.of("http://instagram.example")


# Secrets.

SECRETS = ("acc3ss-t0ken", "4pp-s3cret", "c0de", "sh0rt")


def clean(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


def test_keys_are_not_in_what_is_printed(instagram: MakeInstagram) -> None:
    for thing in (TOKEN, PAGE_TOKEN, instagram(), [TOKEN]):
        assert clean(f"{thing} {thing!r}")
    with pytest.raises(ValueError, match="access_token") as caught:
        Token("acc3ss-t0ken\n", Login.INSTAGRAM)
    assert clean(str(caught.value))


@pytest.mark.parametrize("said", [error(190), error(100), Reply({}, 500), Drop(), Silence()])
@pytest.mark.parametrize("token", [TOKEN, PAGE_TOKEN], ids=["instagram", "facebook"])
def test_keys_are_not_in_errors_nor_in_logs_at_their_most_talkative(
    server: Scripted,
    instagram: MakeInstagram,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
    said: Any,
    token: Token,
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = instagram(token, timeout=HASTY, profile=None)
    known = instagram(token, timeout=HASTY)
    renewable = instagram(Token("acc3ss-t0ken", Login.INSTAGRAM, expires_at=START), timeout=HASTY)
    server.answer = lambda seen: said
    calls = [
        channel.check,
        lambda: known.read(Source.COMMENT, {}),
        lambda: known.send(Outgoing(Deed.DM, "سلام", to_native_id="1")),
        renewable.refresh,
        lambda: exchange(Places.of(server.url, HASTY), clock),
    ]
    for call in calls:
        with pytest.raises(ChannelError) as caught:
            call()
        told = "".join(traceback.format_exception(caught.value))
        assert clean(f"{told} {caught.value!r}")
    assert clean(caplog.text)
    assert len(server.seen) == len(calls)
