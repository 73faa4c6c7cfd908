"""What is public, read by the real instaloader over real HTTP: what it finds, and how it fails."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import instaloader
import pytest
from support.factories import START
from support.public_pages import Answer, led_to, says, website
from support.simulated_instagram import Place, simulated_instagram

from rehearsal.instagram import ids
from shenava.channels import (
    ChannelError,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.base import Cursor
from shenava.channels.instagram.public import (
    MOST_POSTS,
    PublicInstagram,
    Wanted,
    WebSession,
    session_of,
    wanted_of,
)
from shenava.clock import SetClock
from shenava.messages import AccountRef, Incoming, MessageKind, Platform, Source

ACCOUNT = AccountRef(Platform.INSTAGRAM, "noora_shop")


def reader(query: str, session: str = "s", clock: SetClock | None = None) -> PublicInstagram:
    web = WebSession("somebody", {"sessionid": session, "ds_user_id": "1", "csrftoken": "t"})
    return PublicInstagram(web, ACCOUNT, query, clock or SetClock(START))


@pytest.fixture
def place() -> Iterator[Place]:
    with simulated_instagram() as found, led_to(found.served.base_url):
        yield found


def read_all(
    place: Place, query: str, cursor: Cursor | None = None
) -> tuple[list[Incoming], Cursor]:
    channel = reader(query, place.served.credentials.web_session, place.clock)
    found: list[Incoming] = []
    at: Cursor = cursor or {}
    while True:
        page = channel.read(Source.SEARCH, at)
        found += page.incoming
        at = page.cursor
        assert page.covered_from is page.covered_to is None, "it vouches for nothing"
        if page.complete:
            return found, at


# --- what it finds ----------------------------------------------------------------------------


def test_posts_that_tag_the_shop(place: Place) -> None:
    ali = place.customer("ali")
    posts = [
        place.world.post(ali.id, f"{n} never came", tagged=(place.shop.id,)) for n in range(14)
    ]
    found, cursor = read_all(place, "public:@noora_shop")
    assert len(found) == 14
    one = next(item for item in found if item.text == "3 never came")
    assert (one.kind, one.author.handle, one.author.native_id) == (
        MessageKind.MENTION, "ali", None,
    )  # fmt: skip
    assert one.permalink == f"https://www.instagram.com/p/{ids.shortcode(posts[3].id)}/"
    place.clock.advance(timedelta(hours=2))
    place.world.post(ali.id, "still nothing", tagged=(place.shop.id,))
    found, cursor = read_all(place, "public:@noora_shop", cursor)
    assert "still nothing" in [item.text for item in found]
    found, _ = read_all(place, "public:@noora_shop", cursor)
    assert [item.text for item in found] == ["still nothing"], "what was long seen is not asked for"


def test_posts_with_a_hashtag_and_not_the_shop_s_own(place: Place) -> None:
    place.world.post(place.customer("ali").id, "کو سفارشم #نورا")
    place.world.post(place.shop.id, "حراج #نورا")
    found, _ = read_all(place, "public:#نورا")
    assert [(item.kind, item.text) for item in found] == [(MessageKind.POST, "کو سفارشم #نورا")]


def test_comments_of_any_public_post_with_their_answers(place: Place) -> None:
    post = place.world.post(place.customer("blogger").id, "noora_shop is late")
    first = place.comment(post, "با من هم")
    place.world.comment(place.customer("mona").id, post.id, "نعم", reply_to=first.id)
    place.world.comment(place.shop.id, post.id, "ما پیگیریم", reply_to=first.id)
    found, _ = read_all(place, f"public:/p/{ids.shortcode(post.id)}")
    assert [(item.text, item.author.handle) for item in found] == [
        ("با من هم", "sara"), ("نعم", "mona"),
    ]  # fmt: skip
    assert [item.native_key for item in found][:1] == [first.id]
    assert found[1].reply_to_key == first.id


def test_a_reading_ends(place: Place) -> None:
    ali = place.customer("ali")
    for n in range(MOST_POSTS + 10):
        place.world.post(ali.id, str(n), tagged=(place.shop.id,))
    found, _ = read_all(place, "public:@noora_shop")
    assert len(found) == MOST_POSTS


# --- how it fails -----------------------------------------------------------------------------

CHECKPOINT = {"message": "checkpoint_required", "status": "fail"}
WAIT = {"message": "Please wait a few minutes before you try again.", "status": "fail"}


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (429, {"status": "fail"}, {}, RateLimited),
        (401, WAIT, {}, RateLimited),
        (401, {"message": "login_required", "status": "fail"}, {}, Unauthorised),
        (400, CHECKPOINT, {}, Unauthorised),
        (400, {"message": "feedback_required", "status": "fail"}, {}, Unauthorised),
        (302, b"", {"Location": "https://www.instagram.com/accounts/login/"}, Unauthorised),
        (200, {"status": "ok", "data": {}}, {}, Rejected),
        (200, b"<!doctype html><title>Instagram</title>", {}, Rejected),
        (200, {"status": "ok", "data": {"xdt_api__v1__media__shortcode__web_info": {
            "items": [{"code": "x"}]}}}, {}, Rejected),
        (200, [1], {}, Rejected),
        (400, {"message": "what", "status": "fail"}, {}, Rejected),
        (404, {"status": "fail"}, {}, Rejected),
        (500, b"oops", {}, Unreachable),
    ],
)  # fmt: skip
def test_whatever_the_website_answers_is_one_of_our_kinds(
    status: int, body: Any, headers: dict[str, str], kind: type[ChannelError]
) -> None:
    server = website(says(status, body, **headers))
    with server as base, led_to(base), pytest.raises(kind) as caught:
        reader("public:/p/CkLmNoPqRsT").read(Source.SEARCH, {"seen": START.isoformat()})
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_at > START
        assert not caught.value.named
    assert caught.value.__cause__ is None, "what instaloader says quotes addresses"


@pytest.mark.parametrize("query", ["public:@noora_shop", "public:#tag"])
@pytest.mark.parametrize("body", [{"status": "ok", "data": {}}, {"status": "ok"}, b"<html></html>"])
def test_a_changed_page_never_breaks_us(query: str, body: Any) -> None:
    with website(says(200, body)) as base, led_to(base), pytest.raises(ChannelError):
        reader(query).read(Source.SEARCH, {})


def test_a_connection_that_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with website(says(200, {})) as base:
        pass
    with led_to(base), pytest.raises(Unreachable):
        reader("public:/p/CkLmNoPqRsT").read(Source.SEARCH, {})


def test_a_silent_server_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shenava.channels.instagram.public.TIMEOUT_S", 0.2)
    done: list[bool] = []

    def silent(_method: str, _path: str) -> Answer:
        until = time.monotonic() + 5
        while not done and time.monotonic() < until:
            time.sleep(0.01)
        return 200, {}, b"{}"

    with website(silent) as base, led_to(base):
        with pytest.raises(Unreachable):
            reader("public:/p/CkLmNoPqRsT").read(Source.SEARCH, {})
        done.append(True)


def test_instaloader_s_own_pace_never_sleeps_in_a_worker(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instaloader.RateController, "query_waittime", lambda *_: 666.0)
    channel = reader("public:@noora_shop", place.served.credentials.web_session, place.clock)
    with pytest.raises(RateLimited) as caught:
        channel.read(Source.SEARCH, {})
    assert caught.value.retry_at == place.clock.now() + timedelta(seconds=666)


def test_nothing_is_said_and_no_file_written(
    place: Place, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    place.own_post()
    read_all(place, "public:@noora_shop")
    with pytest.raises(ChannelError):
        read_all(place, "public:@nobody_at_all")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


# --- what is asked for, and the session -------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("@Noora.Shop", Wanted(tagged="noora.shop")),
        ("#نورا", Wanted(hashtag="نورا")),
        ("https://www.instagram.com/p/CkLm-No_Pq/?igsh=x", Wanted(shortcode="CkLm-No_Pq")),
        ("https://instagram.com/reel/CkLmNoPq", Wanted(shortcode="CkLmNoPq")),
    ],
)
def test_what_is_asked_for(said: str, wanted: Wanted) -> None:
    assert wanted_of(said) == wanted
    assert wanted_of(wanted.query) == wanted


@pytest.mark.parametrize("said", ["", "noora", "@a b", "#", "# x", "https://x.test/p", "@../../x"])
def test_what_is_not_understood(said: str) -> None:
    with pytest.raises(ValueError):
        wanted_of(said)


def test_a_session_file_of_instaloader(tmp_path: Any) -> None:
    cookies = {"sessionid": "s", "csrftoken": "t", "ds_user_id": "1"}
    loader = instaloader.Instaloader(quiet=True)
    loader.load_session("somebody", cookies)
    loader.save_session_to_file(str(tmp_path / "session"))
    loader.close()
    found = session_of("somebody", (tmp_path / "session").read_bytes())
    assert found.cookies["sessionid"] == "s"
    assert "s'" not in repr(found)


class _Bad:
    def __reduce__(self) -> Any:
        return (print, ("this must never run",))


@pytest.mark.parametrize(
    "content",
    [b"", b"no pickle", pickle.dumps(_Bad()), pickle.dumps([1]), pickle.dumps({"a": 1}),
     pickle.dumps({"sessionid": "", "csrftoken": "t"})],
)  # fmt: skip
def test_a_file_that_is_something_else_runs_nothing(
    content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError):
        session_of("somebody", content)
    assert capsys.readouterr().out == ""


def test_it_only_reads(place: Place) -> None:
    channel = reader("public:@noora_shop")
    with pytest.raises(Rejected) as caught:
        channel.read(Source.INBOX, {})
    assert caught.value.because is RejectedBecause.BAD_REQUEST
