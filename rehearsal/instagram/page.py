"""What the page of the simulated Instagram shows; see ``rehearsal.page``.

The shop's posts with their comments, strangers' posts that name it, the conversations as the
customers see them. Links to posts (``/p/WORD/``, as on instagram.com) lead to a form for commenting
by hand.
"""

from __future__ import annotations

from html import escape

from flask import Flask, Response

from rehearsal.instagram import ids
from rehearsal.instagram.model import Comment, Media, Message
from rehearsal.instagram.simulator import Simulator
from rehearsal.instagram.world import names
from rehearsal.instagram.writing import COMMENT_LETTERS
from rehearsal.page import CHATS, COMMON, THREADS, Focus, Page
from rehearsal.page import install as install_page
from rehearsal.records import Json
from shenava.text import direction

COMMENTS = 40
"""Comments shown under one post, the newest."""

WORDS = {
    "en": {
        **COMMON["en"],
        "title": "Simulated Instagram",
        "public": "Posts and comments",
        "byhand": "Comment by hand, as in Instagram's own app",
    },
    "fa": {
        **COMMON["fa"],
        "title": "اینستاگرامِ شبیه‌سازی‌شده",
        "public": "پست‌ها و کامنت‌ها",
        "byhand": "کامنت دستی، مثل برنامهٔ خود اینستاگرام",
    },
}

_HUES = 12


def state(sim: Simulator) -> Json:
    """What the page shows, as JSON. Times in milliseconds of Unix time."""
    world, shop = sim.world, sim.shop

    def one(who: str, text: str, at: float, **more: object) -> Json:
        author = world.users[who]
        return {
            "name": author.name,
            "handle": author.username,
            "shop": who == shop.id,
            "text": text,
            "dir": direction(text),
            "at": int(at * 1000),
            **{name: value for name, value in more.items() if value},
        }

    def pictures(*found: str) -> list[str]:
        return [f"/media/{world.pictures[key].file_name}" for key in found if key]

    def post(media: Media) -> Json:
        at = media.created_at.timestamp()
        shown = pictures(media.picture)
        return one(media.owner_id, media.caption, at, id=media.id, pictures=shown)

    def comment(found: Comment, level: int) -> Json:
        at = found.created_at.timestamp()
        return one(found.author_id, found.text, at, id=found.id, hidden=found.hidden, level=level)

    def thread(media: Media) -> list[Json]:
        lines = [post(media)]
        for top in reversed(world.comments_of(media.id)[:COMMENTS]):
            lines.append(comment(top, 1))
            lines += [comment(reply, 2) for reply in world.replies_to(top.id)]
        return lines

    def message(found: Message) -> Json:
        media = world.media.get(found.media_id)
        picture = found.picture or (media.picture if media and world.is_there(media) else "")
        return one(
            found.sender_id,
            "" if found.unsent_at else found.text,
            found.created_at.timestamp(),
            id=found.id,
            pictures=[] if found.unsent_at else pictures(picture),
            unsent=bool(found.unsent_at),
            edited=bool(found.edits),
            story=media is not None and media.is_story,
            seen=found.seen_at is not None and found.sender_id == shop.id,
            reactions=" ".join(one.split(" ", 1)[1] for one in found.reactions),
        )

    def chat(said: list[Message]) -> Json:
        first = said[0]
        other = world.users[first.recipient_id if first.sender_id == shop.id else first.sender_id]
        return {
            "id": first.conversation_id,
            "name": other.name,
            "handle": other.username,
            "messages": [message(one) for one in said],
        }

    def concerns(media: Media) -> bool:
        named = shop.username in names(media.caption) or shop.id in media.tagged
        return not media.is_story and world.is_there(media) and (media.owner_id == shop.id or named)

    posts = [media for media in reversed(world.media.values()) if concerns(media)]
    moved = {media.id: _moved(sim, media) for media in posts}
    posts.sort(key=lambda media: moved[media.id], reverse=True)
    chats = [world.whole_conversation(said[0].conversation_id)
             for said in world.conversations_of(shop.id)[:CHATS]]  # fmt: skip
    taken = ("comment", "message", "private_reply", "publish")
    return {
        "handle": shop.username,
        "accepted": sum(line.deed in taken for line in world.ledger),
        "threads": [thread(media) for media in posts[:THREADS]],
        "chats": [chat(said) for said in chats],
    }


def _moved(sim: Simulator, media: Media) -> float:
    """When something was last written at a post."""
    last = media.created_at
    for comment in sim.world.comments_of(media.id):
        last = max(
            [last, comment.created_at]
            + [reply.created_at for reply in sim.world.replies_to(comment.id)]
        )
    return last.timestamp()


def install(app: Flask, sim: Simulator) -> None:
    world = sim.world

    def answer(to: str, words: str) -> str | None:
        if len(words) > COMMENT_LETTERS:
            return None
        comment, media = world.comments.get(to), world.media.get(to)
        if comment is not None and comment.deleted_at is None:
            return world.comment(sim.shop.id, comment.media_id, words, reply_to=to).id
        if media is not None and world.is_there(media):
            return world.comment(sim.shop.id, to, words).id
        return None

    show = install_page(app, sim, Page(WORDS, lambda: state(sim), answer, sim.beside))

    @app.get("/p/<word>/")
    @app.get("/p/<word>/c/<comment_id>/")
    def permalink(word: str, comment_id: str = "") -> Response:
        found = next((one for one in world.media if ids.shortcode(one) == word), "")
        media, comment = world.media.get(found), world.comments.get(comment_id)
        gone = comment is not None and comment.deleted_at is not None
        if media is None or not world.is_there(media) or gone:
            return Response("This post is not there (any more).", 404, mimetype="text/plain")
        if comment is not None:
            return show(Focus(comment.id, comment.text, direction(comment.text)))
        return show(Focus(media.id, media.caption, direction(media.caption)))

    @app.get("/_page/avatar/<user_id>.svg")
    def avatar(user_id: str) -> Response:
        """A round picture of a person: the first letter of the name."""
        user = world.users.get(user_id)
        if user is None:
            return Response(status=404)
        hue = int(user.id) % _HUES * (360 // _HUES)
        picture = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" '
            f'r="32" fill="hsl({hue} 45% 40%)"/><text x="32" y="42" font-size="28" fill="#fff" '
            f'text-anchor="middle" font-family="sans-serif">{escape(user.name[:1])}</text></svg>'
        )
        return Response(picture, mimetype="image/svg+xml")
