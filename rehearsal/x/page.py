"""What the page of the simulated X shows; see ``rehearsal.page``.

Links to posts (``/HANDLE/status/ID``, as on x.com) lead to a form for answering by hand: there
nobody need have summoned the shop.
"""

from __future__ import annotations

from flask import Flask, Response

from rehearsal.page import CHATS, COMMON, THREADS, Focus, Page
from rehearsal.page import install as install_page
from rehearsal.records import Json
from rehearsal.x.model import DirectMessage, Post
from rehearsal.x.simulator import Simulator
from rehearsal.x.text import LIMIT, units
from shenava.text import direction

WORDS = {
    "en": {
        **COMMON["en"],
        "title": "Simulated X",
        "public": "Public posts",
        "byhand": "Answer by hand, as in X's own app",
    },
    "fa": {
        **COMMON["fa"],
        "title": "ایکسِ شبیه‌سازی‌شده",
        "public": "پست‌های عمومی",
        "byhand": "جواب دستی، مثل برنامهٔ خود ایکس",
    },
}


def state(sim: Simulator) -> Json:
    """What the page shows, as JSON. Times in milliseconds of Unix time."""
    world = sim.world
    shop = sim.shop

    def post(one: Post) -> Json:
        author = world.users[one.author_id]
        before = "".join(f"@{name} " for name in one.prefix)
        pictures = (world.pictures.get(key.partition("_")[2]) for key in one.media)
        return {
            "id": one.id,
            "name": author.name,
            "handle": author.username,
            "shop": one.author_id == shop.id,
            "text": before + one.text,
            "dir": direction(one.text),
            "at": int(one.created_at.timestamp() * 1000),
            "hidden": one.hidden,
            "edited": len(one.versions) > 1,
            "pictures": [f"/media/{pic.file_name}" for pic in pictures if pic],
        }

    threads: dict[str, list[Post]] = {}
    for one in world.all_posts():
        if one.conversation_id not in threads and len(threads) == THREADS:
            break
        threads.setdefault(one.conversation_id, []).append(one)
    chats: dict[str, list[DirectMessage]] = {}
    for message in world.dms_of(shop.id):
        if message.conversation_id not in chats and len(chats) == CHATS:
            break
        chats.setdefault(message.conversation_id, []).append(message)

    def chat(messages: list[DirectMessage]) -> Json:
        first = messages[0]
        other = first.recipient_id if first.sender_id == shop.id else first.sender_id
        return {
            "id": first.conversation_id,
            "name": world.users[other].name,
            "handle": world.users[other].username,
            "messages": [
                {
                    "id": one.id,
                    "shop": one.sender_id == shop.id,
                    "text": one.text,
                    "dir": direction(one.text),
                    "at": int(one.created_at.timestamp() * 1000),
                }
                for one in reversed(messages)
            ],
        }

    return {
        "handle": shop.username,
        "spent": f"${sim.purse.spent / 1_000_000:.3f}",
        "accepted": sum(1 for line in world.ledger if line.deed in ("post", "dm")),
        "threads": [[post(one) for one in reversed(posts)] for posts in threads.values()],
        "chats": [chat(messages) for messages in chats.values()],
    }


def install(app: Flask, sim: Simulator) -> None:
    def answer(to: str, words: str) -> str | None:
        post = sim.world.posts.get(to)
        there = post is not None and sim.world.is_listed(post)
        if not there or units(words) > LIMIT:
            return None
        return sim.world.post(sim.shop.id, words, reply_to=to).id

    page = Page(WORDS, lambda: state(sim), answer, sim.beside)
    show = install_page(app, sim, page)

    @app.get("/<handle>/status/<post_id>")
    @app.get("/i/web/status/<post_id>")
    def permalink(post_id: str, handle: str = "") -> Response:
        post = sim.world.posts.get(post_id)
        if post is None or not sim.world.is_listed(post):
            return Response("This post is not there (any more).", 404, mimetype="text/plain")
        return show(Focus(post.id, post.text, direction(post.text)))
