"""What can be written to the simulated X, and what it refuses, seen through tweepy."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
import tweepy
from support.simulated_x import PIXEL, Place, mounted


def test_an_answer_to_a_mention_is_taken_in_once(x: Place) -> None:
    post = x.mention()
    made = x.client().create_tweet(text="بررسی می‌کنیم", in_reply_to_tweet_id=post.id)
    assert made.data["text"] == "@sara بررسی می‌کنیم"
    (line,) = x.served.world.ledger
    assert (line.deed, line.text, line.target, line.result_id, line.answer) == (
        "post",
        "بررسی می‌کنیم",
        post.id,
        made.data["id"],
        "whole",
    )
    assert [one.id for one in x.served.world.answers_to(post.id)] == [made.data["id"]]


def test_the_same_words_again_are_a_duplicate_even_after_deleting(x: Place) -> None:
    post, client = x.mention(), x.client()
    made = client.create_tweet(text="سلام", in_reply_to_tweet_id=post.id)
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        client.create_tweet(text=" سلام ", in_reply_to_tweet_id=post.id)
    assert client.delete_tweet(made.data["id"]).data["deleted"]
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        client.create_tweet(text="سلام", in_reply_to_tweet_id=post.id)
    # Elsewhere the same words are welcome, and here too after a day.
    client.create_tweet(text="سلام", in_reply_to_tweet_id=x.mention("دوباره").id)
    x.clock.advance(timedelta(hours=25))
    client.create_tweet(text="سلام", in_reply_to_tweet_id=post.id)
    assert len([line for line in x.served.world.ledger if line.deed == "post"]) == 3


def test_only_who_summoned_the_shop_can_be_answered(x: Place) -> None:
    """X changelog, 23 February 2026: mentioned or quoted; one's own posts are free."""
    world, client = x.served.world, x.client()
    stranger = x.customer("stranger")
    own = world.post(x.shop.id, "حراج شروع شد")
    grumble = world.post(stranger.id, "نورا خوابه")
    with pytest.raises(tweepy.Forbidden, match="not been mentioned"):
        client.create_tweet(text="چه شده؟", in_reply_to_tweet_id=grumble.id)
    quote = world.post(stranger.id, "چه حراجی", quotes=own.id)
    under = world.post(stranger.id, "کی تمام می‌شود؟", reply_to=own.id)
    for number, target in enumerate((own, quote, under, x.mention())):
        client.create_tweet(text=f"جواب {number}", in_reply_to_tweet_id=target.id)
    world.delete(under.id)
    with pytest.raises(tweepy.Forbidden, match="deleted or not visible"):
        client.create_tweet(text="دیر", in_reply_to_tweet_id=under.id)


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("م" * 280, True),
        ("م" * 281, False),
        ("漢" * 140, True),
        ("漢" * 141, False),
        ("😀" * 140, True),
        ("👨‍👩‍👧‍👦" * 140, True),
        ("x" * 256 + " https://example.com/" + "y" * 200, True),
        ("x" * 257 + " https://example.com/" + "y" * 200, False),
        ("می‌شود" * 46 + "abcd", True),
    ],
)
def test_length_is_counted_as_x_counts(x: Place, words: str, fits: bool) -> None:
    if fits:
        x.client().create_tweet(text=words)
    else:
        with pytest.raises(tweepy.BadRequest, match="too long"):
            x.client().create_tweet(text=words)


def test_a_post_with_an_uploaded_picture_by_both_interfaces(x: Place) -> None:
    session = x.signed_session()
    new = session.post(
        "https://api.twitter.com/2/media/upload",
        files={"media": ("p.png", io.BytesIO(PIXEL), "image/png")},
        data={"media_category": "tweet_image"},
    ).json()
    keys = x.served.credentials
    old_api = tweepy.API(
        tweepy.OAuth1UserHandler(
            keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret
        )
    )
    x.sessions.append(mounted(old_api.session, x.served.base_url))
    old = old_api.simple_upload("p.png", file=io.BytesIO(PIXEL))
    described = session.post(
        "https://api.twitter.com/2/media/metadata",
        json={"id": new["data"]["id"], "metadata": {"alt_text": {"text": "یک نقطه"}}},
    )
    assert described.status_code == 200
    made = x.client().create_tweet(text="عکس", media_ids=[new["data"]["id"], old.media_id])
    found = x.client().get_tweet(
        made.data["id"],
        expansions=["attachments.media_keys"],
        media_fields=["url", "alt_text", "width"],
        user_auth=True,
    )
    first, second = found.includes["media"]
    assert (first.alt_text, first.width) == ("یک نقطه", 1)
    assert x.session().get(second.url).content == PIXEL
    refused = session.post(
        "https://api.twitter.com/2/media/upload", files={"media": ("p", io.BytesIO(b"no picture"))}
    )
    assert refused.status_code == 400


def test_private_messages_go_to_those_who_let_us(x: Place) -> None:
    world, client = x.served.world, x.client()
    shy = x.customer("shy", open_dms=False)
    with pytest.raises(tweepy.Forbidden, match="permission to DM"):
        client.create_direct_message(participant_id=shy.id, text="سلام")
    world.dm(shy.id, x.shop.id, "سلام، سفارشم؟")
    made = client.create_direct_message(participant_id=shy.id, text="بررسی می‌کنیم")
    assert next(world.dms_of(shy.id)).id == made.data["dm_event_id"]
    # X refuses no repeated message: this is what makes an unknown outcome dangerous.
    client.create_direct_message(participant_id=shy.id, text="بررسی می‌کنیم")
    assert [len(group) for group in world.doubles()] == [2]


def test_an_answer_under_the_shops_post_can_be_hidden(x: Place) -> None:
    world, client = x.served.world, x.client()
    own = world.post(x.shop.id, "حراج")
    rude = world.post(x.customer("rude").id, "کلاهبردار", reply_to=own.id)
    assert client.hide_reply(rude.id).data["hidden"] and world.posts[rude.id].hidden
    assert not client.unhide_reply(rude.id).data["hidden"]
    with pytest.raises(tweepy.Forbidden):
        client.hide_reply(x.mention().id)


def test_only_ones_own_posts_can_be_deleted(x: Place) -> None:
    with pytest.raises(tweepy.Forbidden, match="not authorized to delete"):
        x.client().delete_tweet(x.mention().id)
    assert x.client().delete_tweet("1").data == {"deleted": False}


def test_a_created_post_may_be_answered_with_200(x: Place) -> None:
    x.served.sim.manners.created = 200
    made = x.client(return_type=dict)
    assert made.create_tweet(text="سلام")["data"]["id"]
    raw = x.signed_session().post("https://api.twitter.com/2/tweets", json={"text": "سلام دو"})
    assert raw.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "  "},
        {"text": "x", "shoe": 1},
        {"text": "x", "reply": {"in_reply_to_tweet_id": 5}},
        {"text": "x", "media": {"media_ids": ["9"]}},
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_done(x: Place, body: dict[str, object]) -> None:
    answer = x.signed_session().post("https://api.twitter.com/2/tweets", json=body)
    assert answer.status_code == 400
    assert not x.served.world.ledger


def test_the_clients_key_is_kept_in_the_ledger(x: Place) -> None:
    for words in ("یک", "دو"):
        x.signed_session().post(
            "https://api.twitter.com/2/tweets",
            json={"text": words},
            headers={"Idempotency-Key": "k1"},
        )
    assert [line.client_key for line in x.served.world.ledger] == ["k1", "k1"]
    assert [len(group) for group in x.served.world.doubles()] == [2]


Price = tuple[str, int, Callable[[Place], object]]
PRICES: list[Price] = [
    ("post", 15_000, lambda x: x.client().create_tweet(text="سلام")),
    ("link", 200_000, lambda x: x.client().create_tweet(text="ببینید noora.shop/sale")),
    (
        "answer",
        10_000,
        lambda x: x.client().create_tweet(text="بله", in_reply_to_tweet_id=x.mention().id),
    ),
    (
        "dm",
        15_000,
        lambda x: x.client().create_direct_message(participant_id=x.customer().id, text="سلام"),
    ),
    (
        "own mention",
        1_000,
        lambda x: (x.mention(), x.client().get_users_mentions(x.shop.id, user_auth=True)),
    ),
    (
        "search",
        5_000,
        lambda x: (x.mention("آبی"), x.client().search_recent_tweets("آبی", user_auth=True)),
    ),
    (
        "dm read",
        10_000,
        lambda x: (
            x.served.world.dm(x.customer().id, x.shop.id, "سلام"),
            x.client().get_direct_message_events(),
        ),
    ),
]


@pytest.mark.parametrize(("price", "deed"), [p[1:] for p in PRICES], ids=[p[0] for p in PRICES])
def test_what_it_costs(x: Place, price: int, deed: Callable[[Place], object]) -> None:
    """X price list, 22 August 2026, in millionths of a dollar."""
    deed(x)
    assert x.served.sim.purse.spent == price


def test_the_same_post_costs_once_a_day_and_an_empty_purse_stops_all(x: Place) -> None:
    purse = x.served.sim.purse
    purse.balance = 2_500
    for n in range(3):
        x.mention(str(n))
    client = x.client()
    client.get_users_mentions(x.shop.id, user_auth=True)
    assert purse.spent == 3_000 and purse.balance == -500
    with pytest.raises(tweepy.HTTPException) as refused:
        client.get_users_mentions(x.shop.id, user_auth=True)
    assert refused.value.response.status_code == 402
    assert refused.value.response.json()["type"].endswith("/credits-depleted")
    purse.balance = 10_000
    client.get_users_mentions(x.shop.id, user_auth=True)
    assert purse.spent == 3_000
    x.clock.advance(timedelta(days=1))
    client.get_users_mentions(x.shop.id, user_auth=True)
    assert purse.spent == 6_000
