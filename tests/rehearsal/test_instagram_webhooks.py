"""Webhooks as they arrive at a real HTTP server: signed, again, twice, late, or never."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.simulated_instagram import Place

from rehearsal.instagram.webhooks import FIELDS, GIVES_UP
from rehearsal.remote import RemoteError


@dataclass
class App:
    """The app's own server. ``statuses``: what it answers with, in this order, then 200."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def entries(self) -> list[Any]:
        """Every entry that came, in the order in which it came."""
        return [entry for body in self.bodies for entry in json.loads(body)["entry"]]


@pytest.fixture
def app() -> Iterator[App]:
    app = App()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            good = asked.get("hub.verify_token") == ["sesame"]
            good = good and asked.get("hub.mode") == ["subscribe"]
            self.send_response(200 if good else 403)
            self.end_headers()
            self.wfile.write(asked["hub.challenge"][0].encode() if good else b"no")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = app.statuses.pop(0) if app.statuses else 200
            if status == 200:
                app.bodies.append(body)
                app.signatures.append(self.headers["X-Hub-Signature-256"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    app.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield app
    server.shutdown()
    server.server_close()
    thread.join()


def listen(place: Place, app: App, **ways: Any) -> None:
    place.remote().call("POST", "/webhooks", url=app.url, verify_token="sesame", **ways)
    place.post("me/subscribed_apps", subscribed_fields=",".join(FIELDS))


def deliver(place: Place) -> int:
    told = place.remote().call("POST", "/webhooks/deliver")["told"]
    assert isinstance(told, int)
    return told


def test_the_address_is_tried_before_it_is_used(instagram: Place, app: App) -> None:
    remote = instagram.remote()
    with pytest.raises(RemoteError, match="couldn't be validated"):
        remote.call("POST", "/webhooks", url=app.url, verify_token="wrong")
    with pytest.raises(RemoteError, match="loopback"):
        remote.call("POST", "/webhooks", url="http://example.com/", verify_token="sesame")
    state = remote.call("POST", "/webhooks", url=app.url, verify_token="sesame")
    assert (state["url"], state["fields"]) == (app.url, [])


def test_only_what_was_subscribed_to_is_told(instagram: Place, app: App) -> None:
    instagram.remote().call("POST", "/webhooks", url=app.url, verify_token="sesame")
    assert instagram.get("me/subscribed_apps") == {"data": []}
    assert instagram.refused("me/subscribed_apps", "POST", subscribed_fields="feed")[1] == 100
    instagram.post("me/subscribed_apps", subscribed_fields="messages")
    assert instagram.get("me/subscribed_apps")["data"][0]["subscribed_fields"] == ["messages"]
    instagram.comment(instagram.own_post())
    instagram.dm("سلام")
    assert deliver(instagram) == 1
    assert instagram.ask("me/subscribed_apps", "DELETE").json() == {"success": True}
    instagram.dm("هست؟")
    assert deliver(instagram) == 0


def test_a_body_is_signed_with_the_secret_of_the_app(instagram: Place, app: App) -> None:
    listen(instagram, app)
    instagram.dm("سلام «دنیا» 🌍")
    assert deliver(instagram) == 1
    secret = instagram.served.credentials.app_secret.encode()
    wanted = "sha256=" + hmac.new(secret, app.bodies[0], hashlib.sha256).hexdigest()
    assert app.signatures == [wanted]
    assert app.entries[0]["messaging"][0]["message"]["text"] == "سلام «دنیا» 🌍"


def test_comments_and_mentions_are_told_as_meta_shows_them(instagram: Place, app: App) -> None:
    listen(instagram, app)
    post = instagram.own_post()
    comment = instagram.comment(post, "چند؟")
    answer = instagram.world.comment(instagram.shop.id, post.id, "۲۰۰", reply_to=comment.id)
    ali = instagram.customer("ali")
    other = instagram.world.post(ali.id, "از @noora_shop خریدم")
    named = instagram.world.comment(ali.id, other.id, "@noora_shop ممنون")
    instagram.world.comment(ali.id, other.id, "به کسی مربوط نیست")
    deliver(instagram)
    assert [entry["field"] for entry in app.entries] == ["comments"] * 2 + ["mentions"] * 2
    assert {entry["id"] for entry in app.entries} == {instagram.shop.id}
    assert app.entries[0]["value"] == {
        "id": comment.id,
        "from": {"id": comment.author_id, "username": "sara"},
        "text": "چند؟",
        "media": {"id": post.id, "media_product_type": "FEED"},
    }
    second = app.entries[1]["value"]
    assert second["id"] == answer.id and second["parent_id"] == comment.id
    assert second["from"]["self_ig_scoped_id"] == instagram.served.credentials.scoped_id
    assert app.entries[2]["value"] == {"media_id": other.id}
    assert app.entries[3]["value"] == {"comment_id": named.id, "media_id": other.id}


def test_everything_that_happens_to_a_message_is_told(instagram: Place, app: App) -> None:
    listen(instagram, app)
    remote, shop = instagram.remote(), instagram.shop.id
    said = remote.call("POST", "/messages", sender="sara", text="سلام")
    sara = said["sender_id"]
    story = remote.call("POST", "/media", author="shop", story=True, picture="/9j/2Q==")
    remote.call("POST", "/messages", sender="sara", text="چند؟", media=story["id"])
    remote.call("POST", "/messages", sender="sara", kind="story_mention", picture="/9j/2Q==")
    remote.call("POST", "/messages", sender="sara", picture="/9j/2Q==")
    remote.call("PUT", f"/messages/{said['id']}", text="سلام!", reaction="❤️", by="sara")
    sent = instagram.post("me/messages", json=instagram.send({"id": sara}, "بفرمایید"))
    remote.call("PUT", f"/messages/{sent['message_id']}", seen=True)
    remote.call("PUT", f"/messages/{said['id']}", unsent=True)
    deliver(instagram)
    items = [entry["messaging"][0] for entry in app.entries]
    assert all({item["sender"]["id"], item["recipient"]["id"]} == {sara, shop} for item in items)
    assert items[0]["message"] == {"mid": said["id"], "text": "سلام"}
    assert items[1]["message"]["reply_to"]["story"]["id"] == story["id"]
    kinds = [item["message"]["attachments"][0]["type"] for item in items[2:4]]
    assert kinds == ["story_mention", "image"]
    url = items[3]["message"]["attachments"][0]["payload"]["url"]
    assert instagram.session.get(url).status_code == 200
    assert items[4]["message_edit"] == {"mid": said["id"], "text": "سلام!", "num_edit": 1}
    assert items[5]["reaction"]["action"] == "react" and items[5]["reaction"]["emoji"] == "❤️"
    assert items[6]["message"]["is_echo"] and items[6]["sender"]["id"] == shop
    assert items[7]["read"] == {"mid": sent["message_id"]}
    assert items[8]["message"] == {"mid": said["id"], "is_deleted": True}


def test_what_is_not_answered_comes_again_less_and_less_often(instagram: Place, app: App) -> None:
    listen(instagram, app)
    app.statuses = [500, 503, 404]
    instagram.dm("سلام")
    assert [deliver(instagram) for _ in range(3)] == [0, 0, 0]
    assert app.statuses == [404], "at once, then not before its time"
    instagram.clock.advance(timedelta(seconds=20))
    assert deliver(instagram) == 0
    instagram.clock.advance(timedelta(seconds=60))
    assert deliver(instagram) == 1
    assert len(app.bodies) == 1
    app.statuses = [500] * 99
    instagram.dm("الو")
    for _ in range(40):
        deliver(instagram)
        instagram.clock.advance(timedelta(hours=2))
    state = instagram.remote().call("GET", "/webhooks")
    assert (state["given_up"], state["waiting"]) == (1, 0)
    assert len(app.statuses) > 99 - 15, f"not for longer than {GIVES_UP}"


def test_what_waits_for_its_next_try_can_be_told_at_once(instagram: Place, app: App) -> None:
    listen(instagram, app)
    app.statuses = [500] * 6
    instagram.dm("سلام")
    for _ in range(6):
        deliver(instagram)
        instagram.clock.advance(timedelta(minutes=20))
    assert (app.statuses, app.bodies, deliver(instagram)) == ([], [], 0)
    instagram.served.sim.webhooks.hurry(instagram.clock.now())
    assert deliver(instagram) == 1
    assert len(app.bodies) == 1


def test_batches_doubles_losses_and_disorder_on_demand(instagram: Place, app: App) -> None:
    listen(instagram, app, batch=4, double=0.5, lose=0.3, shuffle=True, seed=5)
    for n in range(40):
        instagram.dm(str(n))
    deliver(instagram)
    texts = [entry["messaging"][0]["message"]["text"] for entry in app.entries]
    assert all(len(json.loads(body)["entry"]) == 4 for body in app.bodies)
    assert len(set(texts)) < 40, "some were lost"
    assert len(texts) > len(set(texts)), "some came twice"
    assert texts != sorted(texts, key=int)
    state = instagram.remote().call("GET", "/webhooks")
    assert state["lost"] * 4 == 40 - len(set(texts))


def test_with_facebook_login_the_page_is_subscribed(instagram: Place, app: App) -> None:
    instagram.remote().call("POST", "/webhooks", url=app.url, verify_token="sesame")
    asked = {"facebook": True, "subscribed_fields": "messages,message_reads"}
    assert instagram.refused("me/subscribed_apps", "POST", subscribed_fields="message_reads")[1]
    instagram.post("me/subscribed_apps", **asked)
    comment = instagram.comment(instagram.own_post())
    said = instagram.dm("سلام")
    deliver(instagram)
    first, second = app.entries
    assert first["changes"][0]["value"]["id"] == comment.id
    assert second["messaging"][0]["message"]["mid"] == said.id


def test_a_login_with_facebook_tells_in_changes(instagram: Place, app: App) -> None:
    listen(instagram, app, in_changes=True)
    comment = instagram.comment(instagram.own_post())
    deliver(instagram)
    (change,) = app.entries[0]["changes"]
    assert change["field"] == "comments" and change["value"]["id"] == comment.id
