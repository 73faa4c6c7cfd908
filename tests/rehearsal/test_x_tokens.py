"""Whose request it is, and how often one may ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import tweepy
from support.simulated_x import Place, mounted

from rehearsal.x.limits import Limit
from rehearsal.x.oauth import SCOPES

REDIRECT = "http://127.0.0.1:9/back"


def consented(x: Place, scope: str = SCOPES) -> tuple[tweepy.OAuth2UserHandler, dict[str, str]]:
    """Goes through consent as a browser does; the handler, and its first tokens."""
    keys = x.served.credentials
    handler = tweepy.OAuth2UserHandler(
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        redirect_uri=REDIRECT,
        scope=scope.split(),
    )
    x.sessions.append(mounted(handler, x.served.base_url))
    asked = urlsplit(handler.get_authorization_url())
    page = x.session().get(f"{x.served.base_url}{asked.path}?{asked.query}")
    assert "noora_shop" in page.text and 'id="approve"' in page.text
    agreed = x.session().get(
        f"{x.served.base_url}{asked.path}?{asked.query}&agree=yes", allow_redirects=False
    )
    assert agreed.status_code == 302
    back = agreed.headers["Location"]
    assert back.startswith(REDIRECT)
    # The redirect of the test is plain HTTP on loopback; the library wants to hear https.
    return handler, handler.fetch_token(back.replace("http://", "https://"))


def refreshed(x: Place, token: str) -> requests.Response:
    keys = x.served.credentials
    return x.session().post(
        "https://api.twitter.com/2/oauth2/token",
        data={"grant_type": "refresh_token", "refresh_token": token},
        auth=(keys.client_id, keys.client_secret),
    )


@pytest.mark.parametrize("part", ["consumer_secret", "access_token_secret", "access_token"])
def test_a_wrong_secret_does_not_sign(x: Place, part: str) -> None:
    wrong = replace(x.served.credentials, **{part: "wrong"})
    client = tweepy.Client(
        None,
        wrong.consumer_key,
        wrong.consumer_secret,
        wrong.access_token,
        wrong.access_token_secret,
    )
    x.sessions.append(mounted(client.session, x.served.base_url))
    with pytest.raises(tweepy.Unauthorized):
        client.get_me()


def test_a_signed_request_cannot_be_sent_again_or_changed(x: Place) -> None:
    session = x.signed_session()
    url = f"https://api.twitter.com/2/users/{x.shop.id}/mentions?max_results=5"
    prepared = session.prepare_request(requests.Request("GET", url))
    seen = str(prepared.url)
    assert session.send(prepared.copy()).status_code == 200
    assert session.send(prepared.copy()).status_code == 401
    other = session.prepare_request(requests.Request("GET", url))
    other.url = seen.replace("=5", "=6")
    assert session.send(other).status_code == 401


def test_the_app_alone_may_search_but_not_read_private_messages(x: Place) -> None:
    x.mention("آبی")
    client = x.client(bearer=x.served.credentials.bearer_token)
    assert len(client.search_recent_tweets("آبی").data) == 1
    with pytest.raises(tweepy.Forbidden) as refused:
        client.create_tweet(text="سلام", user_auth=False)
    assert refused.value.response.json()["title"] == "Unsupported Authentication"
    with pytest.raises(tweepy.Unauthorized):
        x.client(bearer="wrong").search_recent_tweets("آبی")


def test_consent_gives_tokens_that_live_two_hours(x: Place) -> None:
    _, tokens = consented(x)
    client = x.client(bearer=tokens["access_token"])
    assert client.get_me(user_auth=False).data.username == "noora_shop"
    x.clock.advance(timedelta(hours=2))
    with pytest.raises(tweepy.Unauthorized):
        client.get_me(user_auth=False)


def test_a_refresh_token_works_once_and_twice_ends_the_grant(x: Place) -> None:
    _, tokens = consented(x)
    second = refreshed(x, tokens["refresh_token"]).json()
    assert x.client(bearer=second["access_token"]).get_me(user_auth=False).data
    with pytest.raises(tweepy.Unauthorized):
        x.client(bearer=tokens["access_token"]).get_me(user_auth=False)
    again = refreshed(x, tokens["refresh_token"])
    assert again.status_code == 400
    assert again.json()["error_description"] == "Value passed for the token was invalid."
    with pytest.raises(tweepy.Unauthorized):
        x.client(bearer=second["access_token"]).get_me(user_auth=False)
    assert refreshed(x, second["refresh_token"]).status_code == 400


def test_a_code_is_good_once_for_thirty_seconds_with_its_verifier(x: Place) -> None:
    keys, sim = x.served.credentials, x.served.sim

    def trade(code: str, verifier: str) -> int:
        return (
            x.session()
            .post(
                "https://api.twitter.com/2/oauth2/token",
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": REDIRECT,
                    "code_verifier": verifier,
                },
                auth=(keys.client_id, keys.client_secret),
            )
            .status_code
        )

    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert trade(sim.tokens.grant_code(x.shop.id, REDIRECT, challenge, SCOPES), "wrong") == 400
    code = sim.tokens.grant_code(x.shop.id, REDIRECT, challenge, SCOPES)
    assert trade(code, verifier) == 200
    assert trade(code, verifier) == 400
    late = sim.tokens.grant_code(x.shop.id, REDIRECT, challenge, SCOPES)
    x.clock.advance(timedelta(seconds=31))
    assert trade(late, verifier) == 400


def test_consent_sends_nobody_away_from_this_machine(x: Place) -> None:
    query = {
        "response_type": "code",
        "client_id": x.served.credentials.client_id,
        "redirect_uri": "https://evil.example/back",
        "scope": SCOPES,
        "code_challenge": "x",
        "code_challenge_method": "S256",
    }
    answer = x.session().get(f"{x.served.base_url}/i/oauth2/authorize?{urlencode(query)}&agree=yes")
    assert answer.status_code == 400 and "loopback" in answer.text


def test_a_token_reaches_only_as_far_as_its_scopes(x: Place) -> None:
    _, tokens = consented(x, "tweet.read users.read")
    assert "refresh_token" not in tokens
    client = x.client(bearer=tokens["access_token"])
    assert client.get_me(user_auth=False).data
    with pytest.raises(tweepy.Forbidden, match="scope"):
        client.create_tweet(text="سلام", user_auth=False)


def test_revoking_ends_every_token_of_the_user(x: Place) -> None:
    _, tokens = consented(x)
    x.remote().call("POST", "/tokens/revoke")
    with pytest.raises(tweepy.Unauthorized):
        x.client().get_me()
    with pytest.raises(tweepy.Unauthorized):
        x.client(bearer=tokens["access_token"]).get_me(user_auth=False)
    x.remote().call("POST", "/tokens/restore")
    assert x.client().get_me().data


def test_a_window_of_fifteen_minutes_is_counted_and_opens_again(x: Place) -> None:
    client = x.client()
    began = x.clock.now()
    for _ in range(15):
        client.get_direct_message_events()
    with pytest.raises(tweepy.TooManyRequests) as refused:
        client.get_direct_message_events()
    assert refused.value.reset_time == int((began + timedelta(minutes=15)).timestamp())
    headers = refused.value.response.headers
    assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("15", "0")
    assert client.get_me().data, "other endpoints have windows of their own"
    x.clock.advance(timedelta(minutes=15))
    assert client.get_direct_message_events().meta == {"result_count": 0}


def test_remaining_requests_are_told(x: Place) -> None:
    answer = x.signed_session().get("https://api.twitter.com/2/users/me")
    assert answer.headers["x-rate-limit-limit"] == "75"
    assert answer.headers["x-rate-limit-remaining"] == "74"


def test_private_messages_end_at_1440_a_day_while_the_short_window_is_open(x: Place) -> None:
    client, sara = x.client(), x.customer()
    sim = x.served.sim
    assert (
        sim.rates.limits["POST /2/dm_conversations/with/:participant_id/messages"].user_day == 1440
    )
    sim.rates.limits["POST /2/dm_conversations/with/:participant_id/messages"] = Limit(
        15, None, 20, 20
    )
    for n in range(20):
        client.create_direct_message(participant_id=sara.id, text=str(n))
        x.clock.advance(timedelta(minutes=2))
    with pytest.raises(tweepy.TooManyRequests) as refused:
        client.create_direct_message(participant_id=sara.id, text="بیشتر")
    headers = refused.value.response.headers
    assert headers["x-user-limit-24hour-remaining"] == "0"
    assert int(headers["x-rate-limit-remaining"]) > 0
    x.clock.advance(timedelta(hours=24))
    client.create_direct_message(participant_id=sara.id, text="فردا")


def test_the_state_of_consent_comes_back(x: Place) -> None:
    keys = x.served.credentials
    query = {
        "response_type": "code",
        "client_id": keys.client_id,
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "s&1",
        "code_challenge": "x",
        "code_challenge_method": "S256",
        "agree": "yes",
    }
    answer = x.session().get(
        f"{x.served.base_url}/i/oauth2/authorize?{urlencode(query)}", allow_redirects=False
    )
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == ["s&1"]


def test_rates_are_exact_however_many_ask_at_once(x: Place) -> None:
    sara = x.customer()

    def send(number: int) -> bool:
        try:
            x.client().create_direct_message(participant_id=sara.id, text=str(number))
        except tweepy.TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(send, range(40)))
    assert sum(sent) == 15 == len(x.served.world.ledger)
    assert len({line.result_id for line in x.served.world.ledger}) == 15


def test_an_app_without_a_secret_shows_its_id_only(x: Place) -> None:
    _, tokens = consented(x)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": x.served.credentials.client_id,
    }
    url = "https://api.twitter.com/2/oauth2/token"
    assert x.session().post(url, data=form).status_code == 401
    x.served.sim.manners.public_client = True
    assert x.session().post(url, data=form).json()["refresh_token"]
