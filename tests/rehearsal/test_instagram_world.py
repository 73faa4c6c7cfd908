"""The state of the simulated Instagram, its journal, and the strings behind the stage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.factories import START
from support.simulated_instagram import Place

from rehearsal.instagram import World
from rehearsal.instagram.asking import parse
from rehearsal.instagram.problems import Problem
from rehearsal.remote import RemoteError
from shenava.clock import SetClock


def test_nothing_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    clock, journal = SetClock(START), tmp_path / "instagram.journal"
    world = World(clock, journal)
    shop = world.add_user("noora_shop", "Noora", professional=True)
    sara = world.add_user("sara", "سارا")
    picture = world.add_picture(b"\xff\xd8\xff", "image/jpeg", (1, 1))
    post = world.post(shop.id, "سلام", picture.id, tagged=(sara.id,))
    comment = world.comment(sara.id, post.id, "؟")
    answer = world.comment(shop.id, post.id, "!", reply_to=comment.id)
    said = world.message(sara.id, shop.id, "الو")
    world.react(said.id, shop.id, "❤️")
    world.hide(comment.id, True)
    world.publish(world.contain(shop.id, "x", picture.id).id)
    world.accept("comment", shop.id, answer.id, text="!")
    with journal.open("a", encoding="utf-8") as out:
        out.write('{"kind": "comment", "key": "1", "va')  # cut short by the kill
    again = World(clock, journal)
    for name in ("users", "media", "comments", "messages", "pictures", "containers", "ledger"):
        assert getattr(again, name) == getattr(world, name), name
    assert again.replies_to(comment.id) == [answer]
    fresh = again.comment(sara.id, post.id, "باز")
    assert fresh.id not in world.comments
    world.close()
    again.close()


def test_deleting_a_comment_takes_what_hangs_under_it(instagram: Place) -> None:
    post = instagram.own_post()
    comment = instagram.comment(post)
    instagram.world.comment(instagram.shop.id, post.id, "!", reply_to=comment.id)
    instagram.world.delete_comment(comment.id)
    assert not instagram.world.comments_of(post.id) and not instagram.world.replies_to(comment.id)


def test_fields_are_read_with_all_they_hold() -> None:
    (first, second) = parse("id,comments.limit(5).after(QV){text,replies{id}}")
    assert (first.name, first.inner) == ("id", None)
    assert second.arguments == {"limit": "5", "after": "QV"}
    assert second.inner is not None and [one.name for one in second.inner] == ["text", "replies"]
    for wrong in ("", "id,", "a{b", "a}", "a{}"):
        with pytest.raises(Problem):
            parse(wrong)


def test_the_strings_write_as_a_customer_does(instagram: Place) -> None:
    remote = instagram.remote()
    with pytest.raises(RemoteError, match="posted nothing"):
        remote.call("POST", "/comments", author="sara", text="کو؟")
    remote.call("POST", "/media", author="shop", caption="حراج")
    comment = remote.call("POST", "/comments", author="sara", text="کو؟")
    remote.call("POST", "/comments", author="shop", text="در راه", reply_to=comment["id"])
    said = remote.call("POST", "/messages", sender="sara", text="الو")
    remote.call("PUT", f"/messages/{said['id']}", text="الو؟", reaction="❤️", by="shop", seen=True)
    message = instagram.world.messages[said["id"]]
    assert (message.text, message.edits, message.seen_at) == ("الو؟", 1, instagram.clock.now())
    remote.call("PUT", "/users/sara", blocks_shop=True, username="sara2")
    assert instagram.world.named("sara2") is not None and instagram.world.named("sara") is None
    state = remote.call("GET", "/state")
    assert (state["comments"], state["messages"], state["media"]) == (2, 1, 1)
    remote.call("DELETE", f"/comments/{comment['id']}")
    remote.call("POST", "/clock", seconds=60)
    assert instagram.clock.now() == START + timedelta(minutes=1)
    keys = instagram.served.credentials
    remote.call("POST", "/reset")
    assert not instagram.world.comments and instagram.served.credentials == keys
    instagram.get("me")


def test_strangers_do_not_pull_the_strings(instagram: Place) -> None:
    instagram.session.trust_env = False
    address = f"{instagram.served.base_url}/_control/state"
    assert instagram.session.get(address).status_code == 403
    headers = {"X-Control-Token": instagram.served.control_token, "Host": "evil.example"}
    assert instagram.session.get(address, headers=headers).status_code == 403
