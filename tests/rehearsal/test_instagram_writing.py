"""What the simulated Instagram takes in, when, and what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from support.simulated_instagram import Place, simulated_instagram

HOUR = timedelta(hours=1)


def test_an_answer_hangs_under_the_comment_at_the_top(instagram: Place) -> None:
    post = instagram.own_post()
    comment = instagram.comment(post)
    first = instagram.post(f"{comment.id}/replies", message="در راه است")
    second = instagram.post(f"{first['id']}/replies", message="تا عصر می‌رسد")
    assert instagram.world.comments[second["id"]].parent_id == comment.id
    assert [line.deed for line in instagram.world.ledger] == ["comment", "comment"]
    assert instagram.world.ledger[0].target == comment.id


def test_hiding_and_deleting(instagram: Place) -> None:
    comment = instagram.comment(instagram.own_post())
    assert instagram.post(comment.id, hide="true") == {"success": True}
    assert instagram.world.comments[comment.id].hidden
    assert instagram.refused(f"{comment.id}/replies", "POST", message="x")[1] == 100
    instagram.post(comment.id, hide="false")
    assert not instagram.world.comments[comment.id].hidden
    assert instagram.ask(comment.id, "DELETE").json() == {"success": True}
    assert instagram.refused(f"{comment.id}/replies", "POST", message="x") == (400, 100, 33)
    assert instagram.refused(comment.id, "DELETE") == (400, 100, 33)


def test_strangers_posts_are_not_the_shops(instagram: Place) -> None:
    stranger = instagram.customer("ali")
    post = instagram.world.post(stranger.id, "@noora_shop کجایید؟")
    comment = instagram.world.comment(stranger.id, post.id, "؟")
    assert instagram.refused(f"{comment.id}/replies", "POST", message="x") == (400, 100, 33)
    me = instagram.shop.id
    said = instagram.post(f"{me}/mentions", facebook=True, media_id=post.id, message="همین‌جا")
    assert instagram.world.comments[said["id"]].media_id == post.id


@pytest.mark.parametrize(
    ("after", "tag", "is_open"),
    [
        (23 * HOUR, None, True),
        (25 * HOUR, None, False),
        (25 * HOUR, "HUMAN_AGENT", True),
        (7 * 24 * HOUR + HOUR, "HUMAN_AGENT", False),
    ],
)
def test_the_window_of_the_customer(
    instagram: Place, after: timedelta, tag: str | None, is_open: bool
) -> None:
    said = instagram.dm("سلام")
    instagram.clock.advance(after)
    body = instagram.send({"id": said.sender_id}, **({"tag": tag} if tag else {}))
    if is_open:
        sent = instagram.post("me/messages", json=body)
        assert sent["recipient_id"] == said.sender_id
        assert instagram.world.messages[sent["message_id"]].by_api
    else:
        assert instagram.refused("me/messages", "POST", json=body) == (403, 10, 2534022)
        assert not instagram.world.ledger


def test_who_never_wrote_cannot_be_written_to(instagram: Place) -> None:
    sara = instagram.customer()
    assert instagram.refused("me/messages", "POST", json=instagram.send({"id": sara.id})) == (
        403,
        10,
        2534022,
    )
    nobody = instagram.send({"id": "1234"})
    assert instagram.refused("me/messages", "POST", json=nobody) == (400, 100, 2534014)


def test_who_has_blocked_the_shop_is_not_there(instagram: Place) -> None:
    said = instagram.dm()
    instagram.world.set_block(said.sender_id, True)
    body = instagram.send({"id": said.sender_id})
    assert instagram.refused("me/messages", "POST", json=body) == (400, 100, 2534014)


def test_a_comment_is_answered_privately_once_and_within_seven_days(instagram: Place) -> None:
    post = instagram.own_post()
    first, second, third = (instagram.comment(post, str(n)) for n in range(3))
    body = instagram.send({"comment_id": first.id}, "در خدمتیم")
    sent = instagram.post("me/messages", json=body)
    assert instagram.world.messages[sent["message_id"]].comment_id == first.id
    assert instagram.refused("me/messages", "POST", json=body) == (400, 100, 2534025)
    # It does not open the window.
    again = instagram.send({"id": sent["recipient_id"]})
    assert instagram.refused("me/messages", "POST", json=again) == (403, 10, 2534022)
    instagram.world.delete_comment(second.id)
    gone = instagram.send({"comment_id": second.id})
    assert instagram.refused("me/messages", "POST", json=gone) == (400, 100, 33)
    instagram.clock.advance(timedelta(days=7, minutes=1))
    late = instagram.send({"comment_id": third.id})
    assert instagram.refused("me/messages", "POST", json=late) == (403, 10, 2534022)
    assert len(instagram.world.ledger) == 1


def test_a_thousand_bytes_and_no_more(instagram: Place) -> None:
    said = instagram.dm()
    who = {"id": said.sender_id}
    instagram.post("me/messages", json=instagram.send(who, "س" * 500))
    long = instagram.send(who, "س" * 501)
    assert instagram.refused("me/messages", "POST", json=long)[:2] == (400, 100)
    odd = {"recipient": who, "message": {"text": "x", "sticker": "y"}}
    assert instagram.refused("me/messages", "POST", json=odd)[:2] == (400, 100)
    assert instagram.refused("me/messages", "POST", json={"recipient": who})[:2] == (400, 100)


def test_conversations_are_asked_for_twice_a_second(instagram: Place) -> None:
    asked = {"platform": "instagram"}
    instagram.get("me/conversations", **asked)
    instagram.get("me/conversations", **asked)
    assert instagram.refused("me/conversations", **asked) == (400, 613, None)
    instagram.clock.advance(timedelta(seconds=1))
    instagram.get("me/conversations", **asked)


def test_private_replies_by_the_hour_and_messaging_by_the_engaged(instagram: Place) -> None:
    limits = instagram.served.sim.rates.limits
    limits.private_replies_an_hour = 2
    post = instagram.own_post()
    comments = [instagram.comment(post, str(n)) for n in range(4)]
    for comment in comments[:2]:
        instagram.post("me/messages", json=instagram.send({"comment_id": comment.id}))
    third = instagram.send({"comment_id": comments[2].id})
    assert instagram.refused("me/messages", "POST", json=third) == (400, 613, None)
    instagram.clock.advance(HOUR)
    instagram.post("me/messages", json=third)
    limits.engaged_before, limits.calls_for_each_engaged = 1, 4
    answer = instagram.ask(
        "me/messages", "POST", json=instagram.send({"comment_id": comments[3].id})
    )
    assert answer.json()["error"]["code"] == 80002
    assert '"estimated_time_to_regain_access": 1' in answer.headers["X-Business-Use-Case-Usage"]
    instagram.dm()  # one more engaged person
    instagram.post("me/messages", json=instagram.send({"comment_id": comments[3].id}))


# Publishing and pictures.


def jpeg(width: int, height: int, fill: int = 0) -> bytes:
    """The head of a JPEG of that size, and ``fill`` bytes more: what the simulator looks at."""
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xd8\xff\xc0\x00\x11\x08" + size + b"\x03" + b"\0" * 9 + b"\xff\xd9" + bytes(fill)


@contextmanager
def pictures(**files: bytes) -> Iterator[str]:
    """A server of pictures on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.strip("/"))
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_post_is_published_in_two_steps() -> None:
    with simulated_instagram(fetch_local=True) as place, pictures(a=jpeg(1080, 1080)) as base:
        place.served.sim.manners.container_takes = timedelta(seconds=5)
        made = place.post("me/media", image_url=f"{base}/a", caption="حراج #نورا")
        assert place.get(made["id"], fields="status_code")["status_code"] == "IN_PROGRESS"
        early = place.refused("me/media_publish", "POST", creation_id=made["id"])
        assert early == (400, 9007, 2207027)
        place.clock.advance(timedelta(seconds=5))
        assert place.get(made["id"], fields="status_code")["status_code"] == "FINISHED"
        media = place.post("me/media_publish", creation_id=made["id"])["id"]
        assert place.get(media, fields="caption")["caption"] == "حراج #نورا"
        url = place.get(media, fields="media_url")["media_url"]
        assert place.session.get(url).content == jpeg(1080, 1080)
        again = place.refused("me/media_publish", "POST", creation_id=made["id"])
        assert again == (400, 24, 2207008)
        limit = place.get("me/content_publishing_limit", fields="quota_usage,config")["data"][0]
        assert limit["quota_usage"] == 1 and limit["config"]["quota_total"] == 100
        late = place.post("me/media", image_url=f"{base}/a")
        place.clock.advance(timedelta(hours=24))
        assert place.get(late["id"], fields="status_code")["status_code"] == "EXPIRED"


def test_pictures_that_instagram_does_not_take() -> None:
    files = {
        "png": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\1\0\0\0\1\0",
        "wide": jpeg(2000, 1000),
        "high": jpeg(700, 1000),
        "large": jpeg(1000, 1000, 8 * 1024 * 1024),
        "good": jpeg(1080, 566),
    }
    with simulated_instagram(fetch_local=True) as place, pictures(**files) as base:
        refused = {
            name: place.refused("me/media", "POST", image_url=f"{base}/{name}")[1:]
            for name in ("png", "wide", "high", "large", "missing")
        }
        assert refused == {
            "png": (36001, 2207005),
            "wide": (36003, 2207009),
            "high": (36003, 2207009),
            "large": (36000, 2207004),
            "missing": (9004, 2207052),
        }
        place.post("me/media", image_url=f"{base}/good")
        long = place.refused("me/media", "POST", image_url=f"{base}/good", caption="x" * 2201)
        assert long[1:] == (36004, 2207010)


def test_meta_cannot_reach_this_machine_unless_it_is_a_rehearsal(instagram: Place) -> None:
    with pictures(a=jpeg(1000, 1000)) as base:
        said = instagram.dm()
        for url in (f"{base}/a", "http://10.1.2.3/a.jpg", "file:///etc/passwd", "http://[::1]/a"):
            assert instagram.refused("me/media", "POST", image_url=url)[1:] == (9004, 2207052)
            image = {"attachment": {"type": "image", "payload": {"url": url}}}
            body = {"recipient": {"id": said.sender_id}, "message": image}
            assert instagram.refused("me/messages", "POST", json=body)[1:] == (100, 2018047)
        instagram.served.sim.manners.fetch_local = True
        body["message"] = {"attachment": {"type": "image", "payload": {"url": f"{base}/a"}}}
        sent = instagram.post("me/messages", json=body)
        found = instagram.get(sent["message_id"], fields="attachments")["attachments"]["data"][0]
        assert instagram.session.get(found["image_data"]["url"]).status_code == 200
