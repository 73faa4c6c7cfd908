"""The public pages, as the real instaloader reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from support.simulated_instagram import Place

from rehearsal.instagram import Kind, ids

instaloader = pytest.importorskip("instaloader")


class ToSimulator(HTTPAdapter):
    """Takes requests for Instagram's hosts to the simulator's public pages."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = base_url

    def send(self, request: requests.PreparedRequest, *rest: Any, **options: Any) -> Any:
        split = urlsplit(request.url or "")
        prefix = {"www.instagram.com": "/_www", "i.instagram.com": "/_i"}[split.hostname or ""]
        query = f"?{split.query}" if split.query else ""
        request.headers.pop("Host", None)
        request.url = f"{self._base}{prefix}{split.path}{query}"
        answer = super().send(request, *rest, **options)
        answer.url = split.geturl()
        return answer


@pytest.fixture
def loader(instagram: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An instaloader whose every session is led to the simulator, logged in."""
    opened: list[requests.Session] = []
    make = requests.Session.__init__

    def led(session: requests.Session) -> None:
        make(session)
        session.trust_env = False
        for host in ("https://www.instagram.com", "https://i.instagram.com"):
            session.mount(host, ToSimulator(instagram.served.base_url))
        opened.append(session)

    monkeypatch.setattr(requests.Session, "__init__", led)

    class Never(instaloader.RateController):  # type: ignore[name-defined,misc]
        def sleep(self, secs: float) -> None:
            raise TimeoutError(secs)

    found = instaloader.Instaloader(
        sleep=False, quiet=True, max_connection_attempts=1, rate_controller=Never
    )
    keys = instagram.served.credentials
    cookies = {"sessionid": keys.web_session, "ds_user_id": "1", "csrftoken": "simulated"}
    found.load_session("somebody", cookies)
    yield found
    found.close()
    for session in opened:
        session.close()


def test_comments_of_a_public_post_with_their_answers(instagram: Place, loader: Any) -> None:
    post = instagram.own_post("حراج")
    first = instagram.comment(post, "چند؟")
    instagram.world.comment(instagram.shop.id, post.id, "۲۰۰", reply_to=first.id)
    hidden = instagram.comment(post, "بد")
    instagram.world.hide(hidden.id, True)
    found = instaloader.Post.from_shortcode(loader.context, ids.shortcode(post.id))
    assert (found.caption, found.owner_username) == ("حراج", "noora_shop")
    assert found.date_utc == instagram.clock.now().replace(microsecond=0, tzinfo=None)
    (comment,) = list(found.get_comments())
    assert (comment.text, comment.owner.username) == ("چند؟", "sara")
    assert int(comment.id) == int(first.id)
    assert [answer.text for answer in comment.answers] == ["۲۰۰"]


def test_more_comments_than_a_page(instagram: Place, loader: Any) -> None:
    post = instagram.own_post()
    for n in range(30):
        instagram.comment(post, str(n))
    found = instaloader.Post.from_shortcode(loader.context, ids.shortcode(post.id))
    assert [one.text for one in found.get_comments()] == [str(n) for n in range(29, -1, -1)]


def test_a_profile_and_its_posts(instagram: Place, loader: Any) -> None:
    for n in range(15):
        instagram.own_post(str(n))
    profile = instaloader.Profile.from_username(loader.context, "noora_shop")
    assert (profile.full_name, profile.userid) == ("نورا | Noora", int(instagram.shop.id))
    assert [one.caption for one in profile.get_posts()] == [str(n) for n in range(14, -1, -1)]
    with pytest.raises(instaloader.ProfileNotExistsException):
        instaloader.Profile.from_username(loader.context, "nobody")


def test_posts_that_tag_the_shop_and_posts_with_its_hashtag(instagram: Place, loader: Any) -> None:
    ali, secret = instagram.customer("ali"), instagram.customer("hidden", private=True)
    for n in range(14):
        instagram.world.post(ali.id, f"{n} #نورا", tagged=(instagram.shop.id,))
    instagram.world.post(secret.id, "#نورا", tagged=(instagram.shop.id,))
    profile = instaloader.Profile.from_username(loader.context, "noora_shop")
    tagged = [one.caption for one in profile.get_tagged_posts()]
    assert tagged == [f"{n} #نورا" for n in range(13, -1, -1)]
    tag = instaloader.Hashtag.from_name(loader.context, "نورا")
    assert [str(one.owner_id) for one in tag.get_posts_resumable()] == [ali.id] * 14


def test_without_a_login_profiles_and_posts_but_no_comments(instagram: Place, loader: Any) -> None:
    post = instagram.own_post("یک")
    instagram.comment(post)
    anonymous = instaloader.Instaloader(sleep=False, quiet=True, max_connection_attempts=1)
    profile = instaloader.Profile.from_username(anonymous.context, "noora_shop")
    (found,) = list(profile.get_posts())
    assert found.caption == "یک"
    with pytest.raises(instaloader.LoginRequiredException):
        list(found.get_comments())
    anonymous.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.WEB_TOO_MANY, instaloader.ConnectionException),
        (Kind.WEB_WAIT, instaloader.ConnectionException),
        (Kind.WEB_CHECKPOINT, instaloader.AbortDownloadException),
        (Kind.WEB_LOGIN, instaloader.AbortDownloadException),
        (Kind.WEB_CHANGED, instaloader.BadResponseException),
        (Kind.RESET_BEFORE, instaloader.ConnectionException),
    ],
)
def test_what_goes_wrong(instagram: Place, loader: Any, kind: Kind, error: type[Exception]) -> None:
    post = instagram.own_post()
    instagram.served.sim.faults.add(kind, "POST /_www")
    with pytest.raises(error):
        instaloader.Post.from_shortcode(loader.context, ids.shortcode(post.id))
    instaloader.Post.from_shortcode(loader.context, ids.shortcode(post.id))
