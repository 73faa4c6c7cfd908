"""Connecting an account, and refresh tokens that can be used once."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from channels.conftest import CALM, KEYS, MakeChannel
from channels.scripted_x import Drop, Reply, Said, ScriptedX, Seen

from shenava.channels import ChannelError, RateLimited, Unauthorised, Unreachable
from shenava.channels.x import OAuth2, Wire, oauth
from shenava.clock import SetClock
from shenava.messages import Source


def form(seen: Seen) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}


GRANT = {
    "token_type": "bearer",
    "expires_in": 7200,
    "access_token": "n3w-access",
    "refresh_token": "n3w-refresh",
    "scope": "tweet.read users.read dm.read",
}


class TestPkce:
    def test_the_challenge_is_that_of_the_standard(self) -> None:
        # RFC 7636, appendix B
        verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        assert oauth.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def test_the_question_shows_the_challenge_and_keeps_the_verifier(self) -> None:
        asked = oauth.begin("client-1d", "https://shop.ir/back?a=1")
        query = {n: v[0] for n, v in parse_qs(urlsplit(asked.url).query).items()}
        assert asked.url.startswith("https://x.com/i/oauth2/authorize?")
        assert query["code_challenge"] == oauth.challenge_of(asked.verifier)
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == "https://shop.ir/back?a=1"
        assert "offline.access" in query["scope"].split()
        assert asked.verifier not in asked.url
        assert 43 <= len(asked.verifier) <= 128
        assert asked.state not in repr(asked)
        assert oauth.begin("c", "r").state != oauth.begin("c", "r").state

    def test_only_the_answer_to_our_question_counts(self) -> None:
        back = "https://shop.ir/back?state=s1&code=c0de"
        assert oauth.code_from(back, "s1") == "c0de"
        for address in (
            "https://shop.ir/back?state=s2&code=c0de",
            "https://shop.ir/back?code=c0de",
            "https://shop.ir/back?state=s1&error=access_denied",
            "https://shop.ir/back?state=s1",
        ):
            with pytest.raises(Unauthorised):
                oauth.code_from(address, "s1")

    @pytest.mark.parametrize("secret", ["cli3nt-s3cret", None])
    def test_a_code_becomes_credentials(
        self, x: ScriptedX, clock: SetClock, secret: str | None
    ) -> None:
        x.say(GRANT)
        made = oauth.exchange(
            Wire(x.url, CALM),
            clock,
            client_id="client-1d",
            client_secret=secret,
            redirect_uri="https://shop.ir/back",
            code="c0de",
            verifier="v" * 43,
        )
        assert (made.access_token, made.refresh_token) == ("n3w-access", "n3w-refresh")
        assert made.expires_at == clock.now() + timedelta(hours=2)
        assert made.allows("dm.read")
        assert not made.allows("tweet.write")
        sent = form(x.seen[0])
        assert (sent["grant_type"], sent["code_verifier"]) == ("authorization_code", "v" * 43)
        if secret:
            proof = base64.b64encode(b"client-1d:cli3nt-s3cret").decode()
            assert x.seen[0].headers["Authorization"] == f"Basic {proof}"
            assert "client_id" not in sent
        else:
            assert "Authorization" not in x.seen[0].headers
            assert sent["client_id"] == "client-1d"


class SingleUse:
    """An X whose refresh tokens work once; the reuse of one kills the family."""

    def __init__(self) -> None:
        self.number = 0
        self.refresh, self.access = "refr3sh-t0ken", "acc3ss-t0ken"
        self.dead = False

    def answer(self, seen: Seen) -> Said:
        if seen.path != "/2/oauth2/token":
            good = seen.headers["Authorization"] == f"Bearer {self.access}" and not self.dead
            return Reply({"meta": {}}) if good else Reply({"title": "Unauthorized"}, 401)
        if self.dead or form(seen)["refresh_token"] != self.refresh:
            self.dead = True
            body = {"error": "invalid_request", "error_description": "Value passed … invalid."}
            return Reply(body, 400)
        self.number += 1
        self.refresh, self.access = f"refresh{self.number}", f"access{self.number}"
        return Reply(GRANT | {"access_token": self.access, "refresh_token": self.refresh})


def test_a_new_pair_is_stored_before_it_is_used(
    x: ScriptedX, make: MakeChannel, tokens: OAuth2
) -> None:
    play = SingleUse()
    x.answer = play.answer
    channel = make(tokens)
    channel.read(Source.MENTION, {})
    for round_ in (1, 2, 3):
        pair = channel.refresh()
        assert (pair.access_token, pair.refresh_token) == (f"access{round_}", f"refresh{round_}")
        # Here the caller stores it. Nothing has used it so far: the channel has the old one.
        with pytest.raises(Unauthorised):
            channel.read(Source.MENTION, {})
        assert x.seen[-1].headers["Authorization"] != f"Bearer access{round_}"
        channel.use(pair)
        assert channel.expires_at == pair.expires_at
        channel.read(Source.MENTION, {})


def test_a_second_use_of_a_refresh_token_means_connecting_again(
    x: ScriptedX, make: MakeChannel, tokens: OAuth2
) -> None:
    x.answer = SingleUse().answer
    channel = make(tokens)
    channel.refresh()
    with pytest.raises(Unauthorised):
        channel.refresh()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Drop(), Unreachable),
        (Reply({}, 503), Unreachable),
        (Reply({}, 429), RateLimited),
        (Reply({"error": "invalid_grant"}, 400), Unauthorised),
        (Reply({"error": "unauthorized_client"}, 401), Unauthorised),
        (Reply({"access_token": ""}), Unreachable),
        (Reply({"access_token": "سلام"}), Unreachable),
        (Reply([]), Unreachable),
    ],
)
def test_a_refresh_that_fails_says_how(
    x: ScriptedX, make: MakeChannel, tokens: OAuth2, said: Any, kind: type[ChannelError]
) -> None:
    x.say(said)
    with pytest.raises(ChannelError) as caught:
        make(tokens).refresh()
    assert type(caught.value) is kind


def test_keys_that_do_not_expire_are_not_refreshed(make: MakeChannel) -> None:
    channel = make()
    assert channel.expires_at is None
    with pytest.raises(Unauthorised):
        channel.refresh()


def test_without_a_refresh_token_a_person_must_connect(make: MakeChannel, tokens: OAuth2) -> None:
    bare = OAuth2("a", tokens.expires_at, "c")
    with pytest.raises(Unauthorised, match=r"offline\.access"):
        make(bare).refresh()


def test_requests_are_signed_with_all_four_keys(x: ScriptedX, make: MakeChannel) -> None:
    x.say({"meta": {}})
    make(KEYS).read(Source.MENTION, {})
    header = x.seen[0].headers["Authorization"]
    assert header.startswith("OAuth ")
    assert 'oauth_token="1000-t0ken"' in header
    assert "oauth_signature=" in header
    assert "s3cret" not in header
