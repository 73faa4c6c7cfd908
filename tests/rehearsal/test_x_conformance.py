"""Every kind of answer of the simulated X satisfies X's own OpenAPI document."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from support.simulated_x import PIXEL, Place
from support.x_document import Document

from rehearsal.faults import is_before
from rehearsal.x import Kind
from rehearsal.x.crowd import Crowd
from rehearsal.x.endpoints import endpoint_of
from rehearsal.x.limits import LIMITS, Limit

pytestmark = pytest.mark.conformance

API = "https://api.twitter.com"
POST_FIELDS = (
    "attachments,author_id,conversation_id,created_at,display_text_range,edit_controls,"
    "edit_history_tweet_ids,entities,id,in_reply_to_user_id,lang,note_tweet,possibly_sensitive,"
    "public_metrics,referenced_tweets,reply_settings,text"
)
USER_FIELDS = (
    "created_at,description,id,name,profile_image_url,protected,public_metrics,receives_your_dm,"
    "subscription_type,username,verified,verified_type"
)
ALL = {
    "tweet.fields": POST_FIELDS,
    "user.fields": USER_FIELDS,
    "media.fields": "alt_text,height,media_key,type,url,width",
    "expansions": "author_id,referenced_tweets.id,referenced_tweets.id.author_id,"
    "in_reply_to_user_id,entities.mentions.username,attachments.media_keys,edit_history_tweet_ids,"
    "referenced_tweets.id.attachments.media_keys",
}
ALL_DM = {
    "dm_event.fields": "attachments,created_at,dm_conversation_id,entities,event_type,id,"
    "participant_ids,referenced_tweets,sender_id,text",
    "expansions": "sender_id,participant_ids,attachments.media_keys,referenced_tweets.id",
    "user.fields": USER_FIELDS,
    "media.fields": "url,width",
    "tweet.fields": POST_FIELDS,
}


@pytest.fixture(scope="module")
def document() -> Document:
    return Document(Path(os.environ["SHENAVA_X_OPENAPI"]))


def lively(x: Place) -> dict[str, str]:
    """A world with one of everything; ids by name."""
    world = x.served.world
    crowd = Crowd(world, 5, every=timedelta(seconds=20), outage_after=timedelta(minutes=5))
    for _ in range(60):
        crowd.step(x.clock.now())
        x.clock.advance(timedelta(seconds=20))
    own = world.post(x.shop.id, "حراج noora.shop/sale")
    mention = x.mention("ببینید <این> & https://example.com/a?b=c&d #حراج_نورا")
    long = x.mention("خیلی " * 120)
    quote = world.post(x.customer("quoter").id, "@noora_shop واقعا؟", quotes=own.id)
    picture = world.add_picture(mention.author_id, PIXEL, "image/png", size=(1, 1))
    world.describe_picture(picture.id, "یک نقطه")
    pictured = x.mention("عکس", media=(picture.key,))
    answer = world.post(x.shop.id, "سلام", reply_to=mention.id)
    under = world.post(mention.author_id, "ممنون", reply_to=answer.id)
    old = x.mention("غلت")
    edited = world.edit(old.id, "@noora_shop غلط")
    gone = x.mention("پاک")
    world.post(mention.author_id, "@noora_shop چرا پاک شد", reply_to=gone.id)
    world.delete(gone.id)
    lost = x.mention("رفتم", "lost")
    world.repost(x.customer("fan").id, own.id)
    sara = mention.author_id
    world.dm(sara, x.shop.id, f"این را ببینید https://x.com/sara/status/{mention.id} #سلام")
    world.dm(x.shop.id, sara, "با عکس", media=(picture.key,))
    world.suspend(lost.author_id, posts_listed=True)
    names = locals()
    posts = ("own", "mention", "long", "quote", "pictured", "answer", "under", "edited", "gone")
    return {
        **{name: names[name].id for name in (*posts, "old", "lost")},
        "sara": sara,
        "media": picture.id,
    }


def judged(document: Document, answer: requests.Response) -> None:
    path = answer.request.path_url.partition("?")[0]
    endpoint = endpoint_of(answer.request.method or "", path)
    assert endpoint is not None
    kind = answer.headers["Content-Type"]
    faults = document.answer(endpoint, answer.status_code, kind, answer.json())
    assert not faults, f"{endpoint} {answer.status_code} {answer.text[:2000]}\n{faults}"


READS: dict[str, tuple[str, dict[str, str]]] = {
    "me": ("/2/users/me", {"user.fields": USER_FIELDS}),
    "me, bare": ("/2/users/me", {}),
    "mentions": ("/2/users/{shop}/mentions", {**ALL, "max_results": "100"}),
    "mentions, bare": ("/2/users/{shop}/mentions", {}),
    "mentions, none": ("/2/users/{shop}/mentions", {"since_id": "9" * 18 + "0"}),
    "mentions of nobody": ("/2/users/1/mentions", {}),
    "own posts": ("/2/users/{shop}/tweets", {**ALL, "max_results": "100"}),
    "search": ("/2/tweets/search/recent", {**ALL, "query": "@noora_shop", "max_results": "100"}),
    "search, tags": ("/2/tweets/search/recent", {**ALL, "query": "#حراج_نورا OR نورا"}),
    "look-up": (
        "/2/tweets",
        {
            **ALL,
            "ids": "{mention},{long},{quote},{pictured},{under},{edited},{old},{gone},{lost},1",
        },
    ),
    "look-up, all gone": ("/2/tweets", {"ids": "{gone}"}),
    "one": ("/2/tweets/{pictured}", ALL),
    "one gone": ("/2/tweets/{gone}", {}),
    "messages": ("/2/dm_events", ALL_DM),
    "messages, bare": ("/2/dm_events", {"max_results": "3"}),
    "messages with": ("/2/dm_conversations/with/{sara}/dm_events", ALL_DM),
    "messages with nobody": ("/2/dm_conversations/with/1/dm_events", {}),
    "bad amount": ("/2/users/{shop}/mentions", {"max_results": "4"}),
    "bad field": ("/2/tweets", {"ids": "1", "tweet.fields": "shoe"}),
    "bad query": ("/2/tweets/search/recent", {"query": "(is:reply"}),
    "old since": ("/2/tweets/search/recent", {"query": "نورا", "since_id": "5"}),
}


@pytest.mark.parametrize("name", READS)
def test_reading(x: Place, document: Document, name: str) -> None:
    names = {**lively(x), "shop": x.shop.id}
    path, query = READS[name]
    params = {key: value.format(**names) for key, value in query.items()}
    session = x.signed_session()
    answer = session.get(API + path.format(**names), params=params)
    judged(document, answer)
    body = answer.json()
    while token := body.get("meta", {}).get("next_token"):
        answer = session.get(
            API + path.format(**names), params={**params, "pagination_token": token}
        )
        judged(document, answer)
        body = answer.json()


WRITES: dict[str, tuple[str, str, dict[str, object] | None, int]] = {
    "post": ("POST", "/2/tweets", {"text": "سلام"}, 201),
    "answer": (
        "POST",
        "/2/tweets",
        {"text": "چشم", "reply": {"in_reply_to_tweet_id": "{mention}"}},
        201,
    ),
    "with a picture": ("POST", "/2/tweets", {"media": {"media_ids": ["{media}"]}}, 201),
    "empty": ("POST", "/2/tweets", {}, 400),
    "too long": ("POST", "/2/tweets", {"text": "x" * 281}, 400),
    "not summoned": (
        "POST",
        "/2/tweets",
        {"text": "سلام", "reply": {"in_reply_to_tweet_id": "{stranger}"}},
        403,
    ),
    "message": ("POST", "/2/dm_conversations/with/{sara}/messages", {"text": "سلام"}, 201),
    "message to nobody": ("POST", "/2/dm_conversations/with/1/messages", {"text": "سلام"}, 403),
    "delete": ("DELETE", "/2/tweets/{own}", None, 200),
    "delete another's": ("DELETE", "/2/tweets/{mention}", None, 403),
    "hide": ("PUT", "/2/tweets/{under_own}/hidden", {"hidden": True}, 200),
    "hide another's": ("PUT", "/2/tweets/{mention}/hidden", {"hidden": True}, 403),
    "describe": (
        "POST",
        "/2/media/metadata",
        {"id": "{media}", "metadata": {"alt_text": {"text": "نقطه"}}},
        200,
    ),
}


def filled(value: object, names: dict[str, str]) -> object:
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, names) for one in value]
    return value.format(**names) if isinstance(value, str) else value


@pytest.mark.parametrize("name", WRITES)
def test_writing(x: Place, document: Document, name: str) -> None:
    names = lively(x)
    world = x.served.world
    names["stranger"] = world.post(x.customer("stranger").id, "نورا؟").id
    names["under_own"] = world.post(names["sara"], "بد", reply_to=names["own"]).id
    method, path, body, status = WRITES[name]
    answer = x.signed_session().request(
        method, API + path.format(**names), json=filled(body, names) if body is not None else None
    )
    assert answer.status_code == status, answer.text
    judged(document, answer)
    if status < 300:
        assert not document.request(x.served.sim.requests[-1])


def test_uploading(x: Place, document: Document) -> None:
    answer = x.signed_session().post(
        f"{API}/2/media/upload",
        files={"media": ("p.png", PIXEL, "image/png")},
        data={"media_category": "tweet_image"},
    )
    judged(document, answer)


def _unsigned(x: Place) -> requests.Session:
    return x.session()


def _app_alone(x: Place) -> requests.Session:
    session = x.session()
    session.headers["Authorization"] = f"Bearer {x.served.credentials.bearer_token}"
    return session


def _poor(x: Place) -> requests.Session:
    x.served.sim.purse.balance = 0
    return x.signed_session()


def _hasty(x: Place) -> requests.Session:
    x.served.sim.rates.limits["GET /2/dm_events"] = Limit(0)
    return x.signed_session()


REFUSALS: dict[str, tuple[int, Callable[[Place], requests.Session]]] = {
    "nobody": (401, _unsigned),
    "the app alone": (403, _app_alone),
    "no money": (402, _poor),
    "too often": (429, _hasty),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusing(x: Place, document: Document, name: str) -> None:
    status, session = REFUSALS[name]
    answer = session(x).get(f"{API}/2/dm_events")
    assert answer.status_code == status
    judged(document, answer)


BEFORE = [
    one for one in Kind if is_before(one) and one not in (Kind.RESET_BEFORE, Kind.SILENCE_BEFORE)
]


@pytest.mark.parametrize("kind", BEFORE)
def test_failing_on_demand(x: Place, document: Document, kind: Kind) -> None:
    x.served.sim.faults.add(kind)
    judged(document, x.signed_session().get(f"{API}/2/users/me"))


def test_every_endpoint_but_the_old_upload_is_in_the_document(document: Document) -> None:
    assert [name for name in LIMITS if not document.knows(name)] == ["POST /1.1/media/upload.json"]


def test_the_judge_finds_what_is_wrong(document: Document) -> None:
    """A judge that never says no proves nothing."""
    kind = "application/json"
    endpoint = "GET /2/users/:id/mentions"
    assert document.answer(endpoint, 200, kind, {"data": [], "meta": {"result_count": 0}})
    assert document.answer(endpoint, 200, kind, {"data": [{"id": "x", "text": "?"}]})
    assert document.answer(endpoint, 200, kind, {"data": [{"id": "1", "text": "?", "shoe": 1}]})
    assert document.answer(endpoint, 200, kind, {"errors": [{"title": "no type"}]})
    assert document.answer(endpoint, 401, "text/html", {})
