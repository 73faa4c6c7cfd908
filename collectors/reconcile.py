"""One post, one comment, though two interfaces of Instagram name them differently.

The official interface has its own numbers for posts and people; the website has others. What both
tell is the address of a post, with its shortcode. So:

* A **post** whose address is known is the post that is known, under the name that came first.
* A **comment** has, as far as can be seen, the same number in both (17 digits beginning with 178;
  Meta writes nothing of it). Where it has not, a comment of the other interface under the same
  post, by the same handle, with the same words, within two seconds, is the same.
* A **person** whom the website knows by handle alone is the one whom the official interface knows
  by that handle now.

Only accounts that read what is public are looked at; all others are told by one interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shenava.channels.instagram.links import shortcode_of
from shenava.messages import Incoming, MessageKind, Platform, Source
from shenava.store import Conversation, Identity, Message, OtherName, Post, PublicReader, Sighting

_CLOCKS = timedelta(seconds=2)
_SITE = "https://www.instagram.com"
_KINDS = ("p", "reel", "reels", "tv")


def same(session: Session, batch: Sequence[Incoming]) -> list[Incoming]:
    """The batch, each thing under the name by which it is known already."""
    if not any(item.account.platform is Platform.INSTAGRAM for item in batch) or (
        session.scalar(select(PublicReader.account_id).limit(1)) is None
    ):
        return list(batch)
    return [
        _one(session, item) if item.account.platform is Platform.INSTAGRAM else item
        for item in batch
    ]


def _one(session: Session, item: Incoming) -> Incoming:
    if _is_public(item):
        item = _known_author(session, item)
    item = _known_post(session, item)
    return _known_comment(session, item) if item.kind is MessageKind.COMMENT else item


def _is_public(item: Incoming) -> bool:
    """Whether the website told it: there, people have handles and no numbers."""
    return item.source is Source.SEARCH and item.author.native_id is None


def _known_author(session: Session, item: Incoming) -> Incoming:
    native_id = session.scalar(
        select(Identity.key)
        .where(
            Identity.platform == Platform.INSTAGRAM,
            Identity.handle == item.author.handle,
            Identity.key.startswith("id:"),
        )
        .order_by(Identity.profile_at.desc(), Identity.id)
        .limit(1)
    )
    if native_id is None:
        return item
    return replace(item, author=replace(item.author, native_id=native_id.removeprefix("id:")))


def _known_post(session: Session, item: Incoming) -> Incoming:
    post = item.post
    code = shortcode_of(post.permalink) if post and post.permalink else None
    if post is None or post.permalink is None or code is None:
        return item
    site = post.permalink.partition(f"/{code}")[0].rpartition("/")[0]
    addresses = {
        f"{base}/{kind}/{code}{end}"
        for base in (_SITE, site)
        for kind in _KINDS
        for end in ("/", "")
    }
    known = session.scalar(
        select(Post.native_key)
        .where(Post.platform == Platform.INSTAGRAM, Post.permalink.in_(addresses))
        .order_by(Post.id)
        .limit(1)
    )
    if known is None or known == post.native_key:
        return item
    is_the_post = item.native_key == post.native_key
    return replace(
        item,
        native_key=known if is_the_post else item.native_key,
        reply_to_key=known if item.reply_to_key == post.native_key else item.reply_to_key,
        post=replace(post, native_key=known),
    )


def _known_comment(session: Session, item: Incoming) -> Incoming:
    if item.post is None or not item.author.handle or _is_there(session, item.native_key):
        return item
    named = session.get(OtherName, (Platform.INSTAGRAM, item.native_key))
    if named is not None:
        return replace(item, native_key=named.known_as)
    seen_public = (
        select(Sighting.message_id)
        .where(Sighting.message_id == Message.id, Sighting.source == Source.SEARCH)
        .exists()
    )
    seen_officially = (
        select(Sighting.message_id)
        .where(Sighting.message_id == Message.id, Sighting.source != Source.SEARCH)
        .exists()
    )
    # Twice the same words within two seconds, told by one interface, are two comments.
    other = (
        (seen_officially, ~seen_public)
        if item.source is Source.SEARCH
        else (seen_public, ~seen_officially)
    )
    known = session.scalar(
        select(Message.native_key)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Post, Post.id == Conversation.post_id)
        .join(Identity, Identity.id == Message.identity_id)
        .where(
            Message.platform == Platform.INSTAGRAM,
            Message.kind == MessageKind.COMMENT,
            Post.native_key == item.post.native_key,
            Identity.handle == item.author.handle,
            Message.text == item.text,
            Message.written_at.between(item.written_at - _CLOCKS, item.written_at + _CLOCKS),
            *other,
        )
        .order_by(Message.id)
        .limit(1)
    )
    if known is None:
        return item
    session.add(OtherName(platform=Platform.INSTAGRAM, native_key=item.native_key, known_as=known))
    session.flush()
    return replace(item, native_key=known)


def _is_there(session: Session, key: str) -> bool:
    return (
        session.scalar(
            select(Message.id).where(
                Message.platform == Platform.INSTAGRAM,
                Message.scope == "",
                Message.native_key == key,
            )
        )
        is not None
    )
