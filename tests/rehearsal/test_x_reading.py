"""What the simulated X lets one read, seen through tweepy over real HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
import tweepy
from support.simulated_x import PIXEL, Place

FIELDS = {
    "expansions": ["author_id", "referenced_tweets.id", "attachments.media_keys"],
    "tweet_fields": ["created_at", "conversation_id", "entities", "note_tweet", "lang"],
    "user_fields": ["public_metrics"],
    "media_fields": ["url", "alt_text"],
}


def test_whose_token_it_is(x: Place) -> None:
    me = x.client().get_me(user_fields=["public_metrics"])
    assert (me.data.username, me.data.id) == ("noora_shop", int(x.shop.id))
    assert me.data.public_metrics["followers_count"] == 48_210


def test_nothing_found_is_an_answer_without_data(x: Place) -> None:
    answer = x.client(return_type=dict).get_users_mentions(x.shop.id, user_auth=True)
    assert answer == {"meta": {"result_count": 0}}


def test_only_fields_asked_for_come_back(x: Place) -> None:
    x.mention()
    bare = x.client(return_type=dict).get_users_mentions(x.shop.id, user_auth=True)
    assert set(bare["data"][0]) == {"id", "text", "edit_history_tweet_ids"}
    assert "includes" not in bare
    full = x.client(return_type=dict).get_users_mentions(x.shop.id, user_auth=True, **FIELDS)
    assert {"author_id", "created_at", "conversation_id", "entities"} <= set(full["data"][0])
    assert full["includes"]["users"][0]["username"] == "sara"


def test_all_mentions_are_paged_once_each_while_more_arrive(x: Place) -> None:
    wrote = [x.mention(f"پیام {n}").id for n in range(230)]
    client, seen, token = x.client(), [], None
    while True:
        page = client.get_users_mentions(
            x.shop.id, max_results=100, pagination_token=token, user_auth=True
        )
        seen += [str(post.id) for post in page.data]
        x.mention(f"تازه {len(seen)}")
        token = page.meta.get("next_token")
        if token is None:
            break
    assert seen == wrote[::-1]


def test_since_and_until_bound_a_page(x: Place) -> None:
    ids = [int(x.mention(str(n)).id) for n in range(10)]
    page = x.client().get_users_mentions(
        x.shop.id, since_id=ids[2], until_id=ids[8], max_results=5, user_auth=True
    )
    assert [post.id for post in page.data] == ids[3:8][::-1]
    assert page.meta["oldest_id"] == str(ids[3])


def test_only_the_newest_800_mentions_can_be_had(x: Place) -> None:
    for n in range(805):
        x.mention(str(n))
    client, token, seen = x.client(), None, 0
    while True:
        page = client.get_users_mentions(
            x.shop.id, max_results=100, pagination_token=token, user_auth=True
        )
        seen += len(page.data or [])
        token = page.meta.get("next_token")
        if token is None:
            break
    assert seen == 800


@pytest.mark.parametrize("amount", [4, 101])
def test_an_amount_out_of_bounds_is_refused(x: Place, amount: int) -> None:
    with pytest.raises(tweepy.BadRequest, match="is not between 5 and 100"):
        x.client().get_users_mentions(x.shop.id, max_results=amount, user_auth=True)


def test_unknown_fields_and_parameters_are_refused(x: Place) -> None:
    with pytest.raises(tweepy.BadRequest, match="is not one of"):
        x.client().get_me(user_fields=["shoe_size"])
    answer = x.signed_session().get(f"https://api.twitter.com/2/users/{x.shop.id}/mentions?tw=1")
    assert answer.status_code == 400


def test_a_long_post_comes_cut_with_the_whole_beside_it(x: Place) -> None:
    words = "سلام " * 100
    x.mention(words)
    post = x.client().get_users_mentions(x.shop.id, user_auth=True, **FIELDS).data[0]
    assert post.text.startswith("@noora_shop") and "… https://t.co/" in post.text
    assert post.data["note_tweet"]["text"] == f"@noora_shop {words}"


def test_links_are_shortened_and_signs_escaped(x: Place) -> None:
    x.mention("a < b & c, see https://example.com/order?id=5.")
    post = x.client().get_users_mentions(x.shop.id, user_auth=True, **FIELDS).data[0]
    assert "a &lt; b &amp; c" in post.text and "example.com" not in post.text
    (link,) = post.entities["urls"]
    assert link["expanded_url"] == "https://example.com/order?id=5"
    assert post.text[link["start"] : link["end"]] == link["url"]
    assert len(link["url"]) == 23
    (name,) = post.entities["mentions"]
    assert post.text[name["start"] : name["end"]] == "@noora_shop" and name["id"] == x.shop.id


def test_answers_stand_in_the_conversation_with_the_handles_before_them(x: Place) -> None:
    first = x.mention()
    answer = x.served.world.post(x.shop.id, "در حال بررسی هستیم", reply_to=first.id)
    again = x.served.world.post(first.author_id, "ممنون", reply_to=answer.id)
    page = x.client().get_users_mentions(
        x.shop.id, user_auth=True, tweet_fields=["conversation_id", "referenced_tweets"]
    )
    post = page.data[0]
    assert (str(post.id), post.text) == (again.id, "@noora_shop ممنون")
    assert str(post.conversation_id) == first.id
    assert [(r.type, str(r.id)) for r in post.referenced_tweets] == [("replied_to", answer.id)]
    own = x.client().get_users_tweets(x.shop.id, user_auth=True)
    assert own.data[0].text == "@sara در حال بررسی هستیم"
    without = x.client().get_users_tweets(x.shop.id, exclude=["replies"], user_auth=True)
    assert without.data is None


def test_deleted_posts_stand_in_errors_beside_data(x: Place) -> None:
    kept, gone = x.mention("یک"), x.mention("دو")
    x.served.world.delete(gone.id)
    answer = x.client().get_tweets([kept.id, gone.id], user_auth=True)
    assert [str(post.id) for post in answer.data] == [kept.id]
    assert answer.errors[0]["resource_id"] == gone.id
    assert answer.errors[0]["title"] == "Not Found Error"
    alone = x.client().get_tweet(gone.id, user_auth=True)
    assert alone.data is None and alone.errors[0]["parameter"] == "id"


def test_a_suspended_author_is_missing_from_includes(x: Place) -> None:
    post = x.mention()
    x.served.world.suspend(post.author_id, posts_listed=True)
    page = x.client().get_users_mentions(x.shop.id, user_auth=True, **FIELDS)
    assert len(page.data) == 1 and "users" not in page.includes
    assert page.errors[0]["detail"] == f"User has been suspended: [{post.author_id}]."
    x.served.world.suspend(post.author_id)
    assert x.client().get_users_mentions(x.shop.id, user_auth=True).data is None
    assert x.client().get_tweet(post.id, user_auth=True).errors[0]["section"] == "data"


def test_an_edited_post_has_a_new_id_and_its_history(x: Place) -> None:
    old = x.mention("رنک آبی")
    x.clock.advance(timedelta(minutes=3))
    new = x.served.world.edit(old.id, "@noora_shop رنگ آبی")
    (post,) = x.client().get_users_mentions(x.shop.id, user_auth=True).data
    assert str(post.id) == new.id
    assert [str(one) for one in post.edit_history_tweet_ids] == [old.id, new.id]
    before = x.client().get_tweet(old.id, user_auth=True).data
    assert "رنک" in before.text and before.edit_history_tweet_ids == post.edit_history_tweet_ids


@pytest.mark.parametrize("origin", [None, "https://pbs.twimg.com"])
def test_a_picture_can_be_fetched_from_where_it_is_said_to_be(x: Place, origin: str | None) -> None:
    x.served.sim.manners.media_origin = origin
    author = x.customer()
    picture = x.served.world.add_picture(author.id, PIXEL, "image/png", size=(1, 1))
    x.mention("شکسته رسید", media=(picture.key,))
    page = x.client().get_users_mentions(x.shop.id, user_auth=True, **FIELDS)
    (medium,) = page.includes["media"]
    assert medium.url.startswith(f"{origin or x.served.base_url}/media/")
    fetched = x.session().get(medium.url)
    assert (fetched.content, fetched.headers["Content-Type"]) == (PIXEL, "image/png")
    assert x.session().get("https://pbs.twimg.com/media/no.png").status_code == 404


def test_search_finds_who_did_not_name_the_shop(x: Place) -> None:
    grumbler = x.customer("grumbler")
    found = x.served.world.post(grumbler.id, "پشتیبانی نورا خوابه؟")
    x.served.world.post(grumbler.id, "نوراالدین سلام")
    x.served.world.repost(x.customer("other").id, found.id)
    page = x.client().search_recent_tweets("نورا lang:fa -is:retweet", user_auth=True)
    assert [str(post.id) for post in page.data] == [found.id]


def test_search_reaches_back_seven_days_and_says_so(x: Place) -> None:
    old = x.mention("قدیمی #حراج")
    x.clock.advance(timedelta(days=8))
    new = x.mention("تازه #حراج")
    page = x.client().search_recent_tweets("#حراج", user_auth=True)
    assert [str(post.id) for post in page.data] == [new.id]
    with pytest.raises(tweepy.BadRequest, match="must be a tweet id created after"):
        x.client().search_recent_tweets("#حراج", since_id=old.id, user_auth=True)
    with pytest.raises(tweepy.BadRequest, match="must be on or after"):
        x.client().search_recent_tweets(
            "#حراج", start_time=x.clock.now() - timedelta(days=9), user_auth=True
        )


def test_private_messages_come_newest_first_for_thirty_days(x: Place) -> None:
    sara = x.customer()
    x.served.world.dm(sara.id, x.shop.id, "قدیمی")
    x.clock.advance(timedelta(days=31))
    for n in range(5):
        x.served.world.dm(sara.id, x.shop.id, f"پیام {n}")
        x.served.world.dm(x.shop.id, sara.id, f"جواب {n}")
    page = x.client().get_direct_message_events(
        max_results=3, dm_event_fields=["sender_id", "created_at", "dm_conversation_id"]
    )
    assert [event.text for event in page.data] == ["جواب 4", "پیام 4", "جواب 3"]
    assert page.data[1].sender_id == int(sara.id)
    rest = x.client().get_direct_message_events(pagination_token=page.meta["next_token"])
    assert len(rest.data) == 7
    alone = x.client().get_direct_message_events(participant_id=sara.id)
    assert len(alone.data) == 10
    with pytest.raises(tweepy.HTTPException):
        x.client(bearer=x.served.credentials.bearer_token).get_direct_message_events(
            user_auth=False
        )


def test_newer_names_can_be_spoken(x: Place) -> None:
    """Version 2.167 of X's document has ``posts`` for ``tweets``."""
    x.served.sim.manners.newer_names = True
    first = x.mention()
    x.served.world.post(first.author_id, "@noora_shop الو؟", reply_to=first.id)
    answer = x.signed_session().get(
        f"https://api.twitter.com/2/users/{x.shop.id}/mentions"
        "?post.fields=author_id&expansions=referenced_tweets.id"
    )
    body = answer.json()
    assert body["data"][0]["referenced_posts"][0]["id"] == first.id
    assert body["includes"]["posts"][0]["id"] == first.id
    assert "author_id" in body["data"][0]


def test_an_unknown_address_is_a_problem(x: Place) -> None:
    answer: requests.Response = x.session().get("https://api.twitter.com/2/shoes")
    assert answer.status_code == 404 and answer.json()["title"] == "Not Found"
