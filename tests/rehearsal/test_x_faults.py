"""Every way to fail, as a client on the other end of a real socket sees it."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
import requests
import tweepy
from support.processes import wait_until
from support.simulated_x import Place, raw_exchange

from rehearsal.x import Kind

POST = "POST /2/tweets"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.UNAUTHORISED, tweepy.Unauthorized),
        (Kind.PAYMENT, tweepy.HTTPException),
        (Kind.DUPLICATE, tweepy.Forbidden),
        (Kind.FORBIDDEN, tweepy.Forbidden),
        (Kind.RATE, tweepy.TooManyRequests),
        (Kind.RATE_BARE, tweepy.TooManyRequests),
        (Kind.RATE_RETRY_AFTER, tweepy.TooManyRequests),
        (Kind.ERROR_500, tweepy.TwitterServerError),
        (Kind.ERROR_503, tweepy.TwitterServerError),
        (Kind.RESET_BEFORE, requests.ConnectionError),
        (Kind.SILENCE_BEFORE, requests.Timeout),
    ],
)
def test_before_nothing_was_done(x: Place, kind: Kind, error: type[Exception]) -> None:
    x.served.sim.faults.add(kind, POST)
    with pytest.raises(error):
        x.client(timeout=0.3).create_tweet(text="سلام")
    assert not x.served.world.ledger
    x.client().create_tweet(text="سلام")
    assert len(x.served.world.ledger) == 1


@pytest.mark.parametrize(
    ("kind", "error", "noted"),
    [
        (Kind.RESET_AFTER, requests.ConnectionError, "reset"),
        (Kind.SILENCE_AFTER, requests.Timeout, "silence"),
        (Kind.CUT_BODY, requests.exceptions.ChunkedEncodingError, "cut"),
        (Kind.BAD_JSON, requests.JSONDecodeError, "bad_json"),
        (Kind.LOST_500, tweepy.TwitterServerError, "lost_500"),
    ],
)
def test_after_it_was_done_and_the_ledger_has_it(
    x: Place, kind: Kind, error: type[Exception], noted: str
) -> None:
    x.served.sim.faults.add(kind, POST)
    with pytest.raises(error):
        x.client(timeout=0.3).create_tweet(text="سلام")
    (line,) = x.served.world.ledger
    assert (line.text, line.answer) == ("سلام", noted)
    with pytest.raises(tweepy.Forbidden, match="duplicate"):
        x.client().create_tweet(text="سلام")


def test_a_reset_is_a_reset_on_the_wire(x: Place) -> None:
    x.served.sim.faults.add(Kind.RESET_BEFORE)
    with pytest.raises(ConnectionResetError):
        raw_exchange(x.served.base_url, b"GET /2/users/me HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_cut_body_ends_before_its_length(x: Place) -> None:
    x.served.sim.faults.add(Kind.CUT_BODY)
    answer = raw_exchange(x.served.base_url, b"GET /2/users/me HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    (length,) = [
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"Content-Length" in line
    ]
    assert 0 < len(body) < length


def test_silence_ends_when_its_time_is_over(x: Place) -> None:
    x.served.sim.faults.add(Kind.SILENCE_BEFORE, seconds=0.05)
    answer = raw_exchange(x.served.base_url, b"GET /2/users/me HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer == b""


def test_a_slow_answer_is_the_right_one(x: Place) -> None:
    x.served.sim.faults.add(Kind.SLOW, seconds=0.05)
    assert x.client().get_me().data.username == "noora_shop"


def test_429_says_when_or_does_not(x: Place) -> None:
    faults, client = x.served.sim.faults, x.client()
    faults.add(Kind.RATE, seconds=60)
    with pytest.raises(tweepy.TooManyRequests) as named:
        client.get_me()
    assert named.value.reset_time == int((x.clock.now() + timedelta(seconds=60)).timestamp())
    faults.add(Kind.RATE_BARE)
    with pytest.raises(tweepy.TooManyRequests) as bare:
        client.get_me()
    assert bare.value.reset_time is None and "Retry-After" not in bare.value.response.headers
    faults.add(Kind.RATE_RETRY_AFTER, seconds=7)
    with pytest.raises(tweepy.TooManyRequests) as later:
        client.get_me()
    assert later.value.response.headers["Retry-After"] == "7"


def test_a_fault_keeps_to_its_endpoint_its_skip_and_its_count(x: Place) -> None:
    x.served.sim.faults.add(Kind.ERROR_503, POST, times=2, skip=1)
    client = x.client()
    outcome = []
    for n in range(5):
        assert client.get_me().data
        try:
            client.create_tweet(text=str(n))
            outcome.append("ok")
        except tweepy.TwitterServerError:
            outcome.append("503")
    assert outcome == ["ok", "503", "503", "ok", "ok"]


def test_chance_is_the_same_for_the_same_seed(x: Place) -> None:
    def run() -> list[bool]:
        fault = x.served.sim.faults.add(Kind.ERROR_500, "GET", times=None, probability=0.4, seed=11)
        session = x.session()
        answers = [session.get(f"{x.served.base_url}/2/users/me") for _ in range(30)]
        x.served.sim.faults.remove(fault.number)
        return [answer.status_code == 500 for answer in answers]

    first = run()
    assert first == run()
    assert 3 < sum(first) < 25


def test_faults_do_not_touch_the_page_or_the_control(x: Place) -> None:
    x.served.sim.faults.add(Kind.RESET_BEFORE, times=None)
    assert x.session().get(x.served.base_url + "/").status_code == 200
    assert x.remote().call("GET", "/state")["faults"][0]["kind"] == "reset_before"


def test_stopping_ends_every_silence(x: Place) -> None:
    """The fixture stops the server while a client still waits for an answer."""
    x.served.sim.faults.add(Kind.SILENCE_BEFORE)
    failed: list[Exception] = []

    def ask() -> None:
        try:
            x.client(timeout=60).get_me()
        except Exception as error:
            failed.append(error)

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    wait_until(lambda: any(one.fault for one in x.served.sim.requests))
    assert not failed


def test_requests_are_kept_without_their_secrets(x: Place) -> None:
    x.client().create_tweet(text="سلام")
    (asked,) = x.served.sim.requests
    assert (asked.method, asked.path, asked.status) == ("POST", "/2/tweets", 201)
    assert json.loads(asked.body) == {"text": "سلام"}
    assert x.served.credentials.access_token not in str(asked)
