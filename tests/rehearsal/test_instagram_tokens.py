"""Codes and tokens of Business Login for Instagram."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.simulated_instagram import Place

from rehearsal.instagram.oauth import SCOPES

BACK = "http://127.0.0.1:8000/accounts/instagram/back"


def agree(place: Place, **more: str) -> dict[str, str]:
    """What the browser comes back with after the shop pressed the button."""
    given = {
        "client_id": place.served.credentials.app_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": ",".join(SCOPES),
        "state": "s1",
        "agree": "yes",
        **more,
    }
    place.session.trust_env = False
    answer = place.session.get(
        f"{place.served.base_url}/oauth/authorize", params=given, allow_redirects=False
    )
    assert answer.status_code == 302, answer.text
    target = answer.headers["Location"]
    assert target.startswith(BACK) and target.endswith("#_")
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


def exchange(place: Place, code: str, **more: str) -> Any:
    keys = place.served.credentials
    form = {
        "client_id": keys.app_id,
        "client_secret": keys.app_secret,
        "grant_type": "authorization_code",
        "redirect_uri": BACK,
        "code": code,
        **more,
    }
    return place.session.post(f"{place.served.base_url}/oauth/access_token", data=form)


def change(place: Place, path: str, grant: str, token: str) -> Any:
    given = {"grant_type": grant, "access_token": token}
    given["client_secret"] = place.served.credentials.app_secret
    return place.session.get(f"{place.served.base_url}/{path}", params=given)


def test_from_the_button_to_a_token_of_sixty_days(instagram: Place) -> None:
    back = agree(instagram)
    assert back["state"] == "s1"
    short = exchange(instagram, back["code"] + "#_").json()
    assert short["user_id"] == instagram.shop.id and set(short["permissions"]) == set(SCOPES)
    assert exchange(instagram, back["code"]).status_code == 400, "a code works once"
    long = change(instagram, "access_token", "ig_exchange_token", short["access_token"]).json()
    assert long["token_type"] == "bearer" and long["expires_in"] == 60 * 86_400
    instagram.clock.advance(timedelta(hours=2))
    assert instagram.refused("me", token=short["access_token"]) == (400, 190, 463)
    instagram.get("me", token=long["access_token"])
    instagram.clock.advance(timedelta(days=60))
    assert instagram.refused("me", token=long["access_token"]) == (400, 190, 463)
    renewed = change(instagram, "refresh_access_token", "ig_refresh_token", long["access_token"])
    assert renewed.json()["error"]["code"] == 190, "what has ended cannot be renewed"


def test_a_token_is_renewed_when_it_is_a_day_old(instagram: Place) -> None:
    token = instagram.served.credentials.access_token
    renew = ("refresh_access_token", "ig_refresh_token")
    assert change(instagram, *renew, token).json()["error"]["code"] == 100
    instagram.clock.advance(timedelta(hours=24))
    fresh = change(instagram, *renew, token).json()["access_token"]
    instagram.clock.advance(timedelta(days=59, hours=1))
    instagram.get("me", token=fresh)
    assert instagram.refused("me", token=token) == (400, 190, 463)


def test_who_says_no_sends_back_a_refusal(instagram: Place) -> None:
    back = agree(instagram, agree="no")
    assert back["error"] == "access_denied" and "code" not in back


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_secret": "nonsense"},
        {"redirect_uri": BACK + "/other"},
        {"grant_type": "password"},
        {"client_id": "1"},
    ],
)
def test_a_code_is_changed_for_its_owner_only(instagram: Place, wrong: dict[str, str]) -> None:
    answer = exchange(instagram, agree(instagram)["code"], **wrong)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error_type", "code", "error_message"}


def test_the_page_says_what_is_asked_and_sends_nobody_away(instagram: Place) -> None:
    instagram.session.trust_env = False
    given = {
        "client_id": instagram.served.credentials.app_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": ",".join(SCOPES),
    }
    address = f"{instagram.served.base_url}/oauth/authorize"
    page = instagram.session.get(address, params=given).text
    assert all(scope in page for scope in SCOPES) and "Simulation" in page
    for wrong in ({"redirect_uri": "https://example.com/"}, {"scope": "everything"}):
        assert instagram.session.get(address, params={**given, **wrong}).status_code == 400


def test_a_token_may_what_was_agreed_to(instagram: Place) -> None:
    short = exchange(instagram, agree(instagram, scope="instagram_business_basic")["code"]).json()
    instagram.get("me", token=short["access_token"])
    post = instagram.own_post()
    assert instagram.refused(f"{post.id}/comments", token=short["access_token"])[:2] == (403, 10)


def test_the_shop_takes_access_away_and_gives_it_back(instagram: Place) -> None:
    remote = instagram.remote()
    remote.call("POST", "/tokens/end")
    assert instagram.refused("me") == (400, 190, 458)
    remote.call("POST", "/tokens/end", how="password")
    assert instagram.refused("me") == (400, 190, 460)
    remote.call("POST", "/tokens/restore")
    instagram.get("me")
