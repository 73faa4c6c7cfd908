"""What the simulated Instagram gives to read, as Meta's pages say."""

from __future__ import annotations

import re
from datetime import timedelta

from support.simulated_instagram import Place

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000")


def test_me_tells_who_the_account_is(instagram: Place) -> None:
    keys = instagram.served.credentials
    me = instagram.get("me", fields="id,user_id,username,name,account_type,media_count")
    assert (me["user_id"], me["username"]) == (keys.user_id, "noora_shop")
    # The id of ``/me`` is another than that of the account, which webhooks name.
    assert me["id"] == keys.scoped_id != keys.user_id
    assert instagram.get(keys.user_id) == instagram.get("me") == {"id": keys.scoped_id}
    instagram.served.sim.manners.wrapped = True
    assert instagram.get("me", fields="user_id")["data"][0]["user_id"] == keys.user_id


def test_a_version_may_be_left_out_and_a_token_may_stand_in_the_header(instagram: Place) -> None:
    keys = instagram.served.credentials
    answer = instagram.session.get(
        f"{instagram.served.base_url}/me", headers={"Authorization": f"Bearer {keys.access_token}"}
    )
    assert answer.json() == {"id": keys.scoped_id}


def test_posts_come_newest_first_with_the_fields_asked_for(instagram: Place) -> None:
    first = instagram.own_post("one")
    instagram.clock.advance(timedelta(minutes=1))
    second = instagram.own_post("two #sale")
    found = instagram.get("me/media", fields="id,caption,timestamp,permalink,comments_count")
    assert [one["id"] for one in found["data"]] == [second.id, first.id]
    assert found["data"][0]["caption"] == "two #sale" and TIME.fullmatch(
        found["data"][0]["timestamp"]
    )
    assert found["data"][0]["permalink"].startswith(f"{instagram.served.base_url}/p/")
    assert instagram.get("me/media")["data"] == [{"id": second.id}, {"id": first.id}]
    assert instagram.refused(second.id, fields="id,nonsense") == (400, 100, None)
    instagram.world.delete_media(first.id)
    assert instagram.refused(first.id) == (400, 100, 33)


def test_comments_come_with_their_answers(instagram: Place) -> None:
    post = instagram.own_post()
    comment = instagram.comment(post, "چند؟")
    instagram.world.comment(instagram.shop.id, post.id, "۲۰۰ تومان", reply_to=comment.id)
    instagram.world.comment(instagram.customer("ali").id, post.id, "گرونه", reply_to=comment.id)
    fields = "id,text,timestamp,username,from,hidden,like_count,parent_id,replies{id,text,from}"
    (found,) = instagram.get(f"{post.id}/comments", fields=fields)["data"]
    sara = instagram.customer()
    assert found["from"] == {"id": sara.id, "username": "sara"}
    assert "parent_id" not in found and found["hidden"] is False
    assert [one["text"] for one in found["replies"]["data"]] == ["۲۰۰ تومان", "گرونه"]
    assert found["replies"]["data"][0]["from"]["self_ig_scoped_id"]
    plain = instagram.get(f"{post.id}/comments")["data"][0]
    assert set(plain) == {"id", "text", "timestamp"}


def test_ids_do_not_tell_the_order(instagram: Place) -> None:
    post = instagram.own_post()
    made = [instagram.comment(post, str(n)).id for n in range(30)]
    assert len(set(made)) == 30 and made != sorted(made)
    assert all(one.isdigit() and len(one) == 17 for one in made)


def test_pages_are_walked_by_their_cursors_and_by_their_links(instagram: Place) -> None:
    post = instagram.own_post()
    for n in range(120):
        instagram.comment(post, str(n))
        instagram.clock.advance(timedelta(seconds=1))
    page = instagram.get(f"{post.id}/comments", limit=500)
    assert len(page["data"]) == 50, "never more than fifty"
    texts = [one["text"] for one in page["data"]]
    # What is new on top does not shift what follows.
    instagram.comment(post, "new")
    while "next" in page["paging"]:
        page = instagram.session.get(page["paging"]["next"]).json()
        texts += [one["text"] for one in page["data"]]
    assert texts == [str(n) for n in range(119, -1, -1)]
    after = instagram.get(f"{post.id}/comments", limit=2)["paging"]["cursors"]["after"]
    assert instagram.get(f"{post.id}/comments", limit=1, after=after)["data"][0]["text"] == "118"
    assert instagram.refused(f"{post.id}/comments", after="bad") == (400, 100, None)


def test_a_page_within_a_page_has_its_own_cursor(instagram: Place) -> None:
    post = instagram.own_post()
    for n in range(5):
        instagram.comment(post, str(n))
    found = instagram.get("me/media", fields="comments.limit(2){text}")["data"][0]["comments"]
    assert [one["text"] for one in found["data"]] == ["4", "3"]
    after = found["paging"]["cursors"]["after"]
    rest = instagram.get(post.id, fields=f"comments.limit(9).after({after}){{text}}")["comments"]
    assert [one["text"] for one in rest["data"]] == ["2", "1", "0"]


def test_conversations_newest_movement_first_and_their_messages(instagram: Place) -> None:
    first = instagram.dm("سلام", "sara")
    instagram.clock.advance(timedelta(minutes=1))
    instagram.dm("مرحبا", "ali")
    instagram.clock.advance(timedelta(minutes=1))
    instagram.world.message(instagram.shop.id, instagram.customer("sara").id, "بله؟")
    page = instagram.get("me/conversations", platform="instagram", fields="participants")
    assert page["data"][0]["id"] == first.conversation_id
    names = {one["username"] for one in page["data"][0]["participants"]["data"]}
    assert names == {"sara", "noora_shop"}
    instagram.clock.advance(timedelta(seconds=2))
    found = instagram.get(first.conversation_id, fields="messages{id,message,from,to,created_time}")
    texts = [one["message"] for one in found["messages"]["data"]]
    assert texts == ["بله؟", "سلام"]
    assert found["messages"]["data"][1]["from"]["username"] == "sara"
    only = instagram.get(
        "me/conversations", platform="instagram", user_id=instagram.customer("ali").id
    )
    assert len(only["data"]) == 1
    assert instagram.refused("me/conversations")[1] in (100, 613)


def test_only_the_twenty_newest_messages_can_be_had_whole(instagram: Place) -> None:
    said = []
    for n in range(25):
        said.append(instagram.dm(str(n)))
        instagram.clock.advance(timedelta(seconds=1))
    assert instagram.get(said[5].id, fields="message")["message"] == "5"
    assert instagram.refused(said[4].id, fields="message")[:2] == (400, 100)
    instagram.clock.advance(timedelta(seconds=1))
    found = instagram.get(said[0].conversation_id, fields="messages.limit(30){message}")
    assert len(found["messages"]["data"]) == 25
    assert [one.get("message") for one in found["messages"]["data"]][19:21] == ["5", None]


def test_what_was_taken_back_is_gone(instagram: Place) -> None:
    said = instagram.dm("ببخشید")
    instagram.dm("بماند")
    instagram.world.unsend(said.id)
    found = instagram.get(said.conversation_id, fields="messages{message}")
    assert [one["message"] for one in found["messages"]["data"]] == ["بماند"]
    assert instagram.refused(said.id)[:2] == (400, 100)


def test_a_story_is_seen_for_a_day(instagram: Place) -> None:
    remote = instagram.remote()
    said = remote.call("POST", "/messages", sender="sara", kind="story_mention", picture="/9j/2Q==")
    story = instagram.get(said["id"], fields="story,attachments,message")["story"]["mention"]
    assert instagram.session.get(story["link"]).status_code == 200
    instagram.clock.advance(timedelta(hours=25))
    assert instagram.get(said["id"], fields="story")["story"]["mention"]["link"] == ""


def test_who_never_wrote_is_not_to_be_seen(instagram: Place) -> None:
    sara = instagram.customer()
    assert instagram.refused(sara.id) == (403, 230, None)
    instagram.dm("سلام")
    assert instagram.get(sara.id, fields="name,username")["name"] == "سارا"
    instagram.world.set_block(sara.id, True)
    assert instagram.refused(sara.id) == (403, 230, None)


def test_tags_mentions_and_hashtags_need_facebook_login(instagram: Place) -> None:
    ali = instagram.customer("ali")
    handle = f"@{instagram.shop.username}"
    tagged = instagram.world.post(ali.id, "ببینید", tagged=(instagram.shop.id,))
    named = instagram.world.post(ali.id, f"از {handle} خریدم #نورا")
    said = instagram.world.comment(ali.id, named.id, f"{handle} ممنون")
    me = instagram.shop.id
    assert instagram.refused(f"{me}/tags")[:2] == (403, 10)
    assert instagram.refused(me, fields="mentioned_media.media_id(1){id}")[:2] == (400, 100)
    found = instagram.get(f"{me}/tags", facebook=True, fields="id,username")["data"]
    assert found == [{"id": tagged.id, "username": "ali"}]
    asked = f"mentioned_media.media_id({named.id}){{caption,permalink}}"
    found = instagram.get(me, facebook=True, fields=asked)["mentioned_media"]
    assert found["caption"].startswith("از")
    asked = f"mentioned_comment.comment_id({said.id}){{text,media{{id}}}}"
    found = instagram.get(me, facebook=True, fields=asked)["mentioned_comment"]
    assert (found["text"], found["media"]["id"]) == (f"{handle} ممنون", named.id)
    (tag,) = instagram.get("ig_hashtag_search", facebook=True, user_id=me, q="نورا")["data"]
    recent = {"facebook": True, "user_id": me, "fields": "id,caption"}
    assert [one["id"] for one in instagram.get(f"{tag['id']}/recent_media", **recent)["data"]] == [
        named.id
    ]
    assert instagram.refused(
        f"{tag['id']}/recent_media", facebook=True, user_id=me, fields="username"
    ) == (400, 100, None)
    instagram.clock.advance(timedelta(hours=25))
    assert instagram.get(f"{tag['id']}/recent_media", **recent)["data"] == []


def test_thirty_hashtags_a_week(instagram: Place) -> None:
    asked = {"facebook": True, "user_id": instagram.shop.id}
    for n in range(30):
        instagram.get("ig_hashtag_search", q=f"tag{n}", **asked)
    instagram.get("ig_hashtag_search", q="tag0", **asked)
    assert instagram.refused("ig_hashtag_search", q="another", **asked)[1] == 18
    instagram.clock.advance(timedelta(days=8))
    instagram.get("ig_hashtag_search", q="another", **asked)


def test_every_answer_tells_how_much_was_used(instagram: Place) -> None:
    headers = instagram.ask("me").headers
    assert '"call_count"' in headers["X-App-Usage"]
    assert instagram.shop.id in headers["X-Business-Use-Case-Usage"]


def test_what_is_not_there_is_refused_as_meta_does(instagram: Place) -> None:
    assert instagram.refused("123456") == (400, 100, 33)
    assert instagram.refused("me/nonsense") == (400, 2500, None)
    assert instagram.refused("me", fields="id,,name")[1] == 2500
    assert instagram.refused("me", token="IGAAnothing") == (400, 190, None)
    assert instagram.refused("me", token="") == (400, 104, None)
