"""Every way to fail, as a client on the other end of a real socket sees it."""

from __future__ import annotations

import pytest
import requests
from support.simulated_instagram import Place

from rehearsal.instagram import Kind

SEND = "POST /:user/messages"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.TOKEN, (400, 190, None)),
        (Kind.TOKEN_EXPIRED, (400, 190, 463)),
        (Kind.PASSWORD_CHANGED, (400, 190, 460)),
        (Kind.APP_REMOVED, (400, 190, 458)),
        (Kind.PERMISSION, (403, 10, None)),
        (Kind.WINDOW, (403, 10, 2534022)),
        (Kind.NOBODY, (400, 100, 2534014)),
        (Kind.GONE, (400, 100, 33)),
        (Kind.RATE_APP, (403, 4, None)),
        (Kind.RATE_USER, (400, 17, None)),
        (Kind.RATE_CALLS, (400, 613, None)),
        (Kind.RATE_ACCOUNT, (400, 80002, None)),
        (Kind.BLOCKED, (400, 368, 1390008)),
        (Kind.ERROR_1, (500, 1, None)),
        (Kind.ERROR_2, (500, 2, None)),
    ],
)
def test_before_nothing_was_done(
    instagram: Place, kind: Kind, expected: tuple[int, int, int | None]
) -> None:
    said = instagram.dm()
    body = instagram.send({"id": said.sender_id})
    instagram.served.sim.faults.add(kind, SEND)
    assert instagram.refused("me/messages", "POST", json=body) == expected
    assert not instagram.world.ledger
    instagram.post("me/messages", json=body)
    assert len(instagram.world.ledger) == 1


def test_a_machine_in_front_answers_in_html(instagram: Place) -> None:
    instagram.served.sim.faults.add(Kind.HTML_502)
    answer = instagram.ask("me")
    assert answer.status_code == 502 and answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("kind", "error", "noted"),
    [
        (Kind.RESET_AFTER, requests.ConnectionError, "reset"),
        (Kind.SILENCE_AFTER, requests.Timeout, "silence"),
        (Kind.CUT_BODY, requests.exceptions.ChunkedEncodingError, "cut"),
    ],
)
def test_after_it_was_done_and_the_ledger_has_it(
    instagram: Place, kind: Kind, error: type[Exception], noted: str
) -> None:
    comment = instagram.comment(instagram.own_post())
    instagram.served.sim.faults.add(kind, "POST /:comment/replies")
    with pytest.raises(error):
        instagram.ask(f"{comment.id}/replies", "POST", message="در راه است", timeout=0.3)
    (line,) = instagram.world.ledger
    assert (line.text, line.answer) == ("در راه است", noted)
    assert len(instagram.world.replies_to(comment.id)) == 1


def test_a_fault_keeps_to_its_door(instagram: Place) -> None:
    post = instagram.own_post()
    instagram.served.sim.faults.add(Kind.ERROR_2, "GET /:media/comments", times=2, skip=1)
    answers = [instagram.ask(f"{post.id}/comments").status_code for _ in range(4)]
    assert answers == [200, 500, 500, 200]
    instagram.served.sim.faults.add(Kind.RESET_BEFORE, times=None)
    assert instagram.remote().call("GET", "/state")["faults"][0]["kind"] == "reset_before"
    with pytest.raises(requests.ConnectionError):
        instagram.ask("me")


def test_a_used_up_account_says_for_how_long(instagram: Place) -> None:
    instagram.served.sim.faults.add(Kind.RATE_ACCOUNT, seconds=90)
    used = instagram.ask("me").headers["X-Business-Use-Case-Usage"]
    assert '"estimated_time_to_regain_access": 2' in used


def test_requests_are_kept_without_their_secrets(instagram: Place) -> None:
    said = instagram.dm()
    instagram.post("me/messages", json=instagram.send({"id": said.sender_id}))
    keys = instagram.served.credentials
    (asked,) = instagram.served.sim.requests
    assert (asked.endpoint, asked.status) == (SEND, 200)
    assert keys.access_token not in str(asked)
