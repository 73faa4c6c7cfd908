"""The page of the simulated Instagram: what one would see in the app."""

from __future__ import annotations

import re

import pytest
from support.simulated_instagram import Place

from rehearsal.instagram import ids
from rehearsal.instagram.page import WORDS


def state(place: Place) -> dict[str, object]:
    place.session.trust_env = False
    answer = place.session.get(f"{place.served.base_url}/_page/state")
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def test_posts_stand_with_their_comments_and_answers(instagram: Place) -> None:
    first, second = instagram.own_post("one"), instagram.own_post("two")
    comment = instagram.comment(first, "چند؟")
    instagram.post(f"{comment.id}/replies", message="۲۰۰ تومان")
    instagram.world.hide(comment.id, True)
    instagram.world.post(instagram.customer("ali").id, "به ما مربوط نیست")
    shown = state(instagram)
    threads = shown["threads"]
    assert isinstance(threads, list) and len(threads) == 2
    lines = next(one for one in threads if one[0]["id"] == first.id)
    assert [(line["text"], line.get("level", 0)) for line in lines] == [
        ("one", 0),
        ("چند؟", 1),
        ("۲۰۰ تومان", 2),
    ]
    assert lines[1]["hidden"] and lines[1]["dir"] == "rtl" and lines[2]["shop"]
    assert shown["accepted"] == 1
    assert threads[1][0]["id"] == second.id or threads[0][0]["id"] == second.id


def test_conversations_stand_as_the_customer_sees_them(instagram: Place) -> None:
    said = instagram.dm("اشتباه")
    instagram.dm("سلام")
    instagram.world.unsend(said.id)
    sent = instagram.post("me/messages", json=instagram.send({"id": said.sender_id}, "بفرمایید"))
    instagram.world.react(sent["message_id"], said.sender_id, "❤️")
    instagram.world.see(sent["message_id"])
    chats = state(instagram)["chats"]
    assert isinstance(chats, list)
    (chat,) = chats
    assert [one["text"] for one in chat["messages"]] == ["", "سلام", "بفرمایید"]
    assert chat["messages"][0]["unsent"] and chat["messages"][2]["reactions"] == "❤️"
    assert chat["messages"][2]["seen"] and chat["messages"][2]["shop"]


def test_nothing_new_is_said_in_no_words(instagram: Place) -> None:
    version = state(instagram)["version"]
    address = f"{instagram.served.base_url}/_page/state?version={version}"
    assert instagram.session.get(address).status_code == 204
    instagram.own_post()
    assert instagram.session.get(address).status_code == 200


def test_the_address_of_a_post_leads_to_a_form(instagram: Place) -> None:
    ali = instagram.customer("ali")
    post = instagram.world.post(ali.id, "@noora_shop کو؟")
    instagram.session.trust_env = False
    base = instagram.served.base_url
    page = instagram.session.get(f"{base}/p/{ids.shortcode(post.id)}/")
    assert 'dir="rtl">@noora_shop کو؟' in page.text
    found = re.search(r'"X-Page-Token": "([^"]+)"', page.text)
    assert found is not None
    given = {"to": post.id, "text": "همین‌جا"}
    address = f"{base}/_page/answer"
    assert instagram.session.post(address, json=given).status_code == 403
    headers = {"X-Page-Token": found[1]}
    assert instagram.session.post(address, json=given, headers=headers).status_code == 201
    (comment,) = instagram.world.comments_of(post.id)
    assert (comment.author_id, comment.by_api) == (instagram.shop.id, False)
    long = {"to": post.id, "text": "x" * 2201}
    assert instagram.session.post(address, json=long, headers=headers).status_code == 400
    instagram.world.delete_media(post.id)
    assert instagram.session.get(page.url).status_code == 404


@pytest.mark.parametrize(("lang", "way"), [("fa", "rtl"), ("en", "ltr")])
def test_the_page_says_that_it_is_a_simulation_and_leads_to_the_others(
    instagram: Place, lang: str, way: str
) -> None:
    instagram.served.sim.beside["x"] = "http://127.0.0.1:1"
    instagram.session.trust_env = False
    answer = instagram.session.get(f"{instagram.served.base_url}/?lang={lang}")
    assert f'<html lang="{lang}" dir="{way}">' in answer.text
    assert WORDS[lang]["badge"] in answer.text and "{{" not in answer.text
    assert f'href="http://127.0.0.1:1/?lang={lang}"' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert set(WORDS["fa"]) == set(WORDS["en"])


def test_people_have_a_face_and_markup_in_a_name_is_none(instagram: Place) -> None:
    user = instagram.customer("odd", "<b>")
    instagram.session.trust_env = False
    answer = instagram.session.get(f"{instagram.served.base_url}/_page/avatar/{user.id}.svg")
    assert "&lt;" in answer.text and answer.headers["Content-Type"].startswith("image/svg+xml")
