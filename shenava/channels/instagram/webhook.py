"""Webhooks of Instagram: who sent a body, and what is in it. Pure.

What is done after which page of Meta's, all read 2026-11-22:

* the signature, the handshake, and that a body may hold many updates, come again for 36 hours and
  in any order: "Webhooks: Getting Started" (developers.facebook.com/docs/graph-api/webhooks).
* ``comments``, ``live_comments`` and ``mentions`` with their fields: "Instagram Platform: Webhook
  Notification Examples" (updated 2025-11-24) and "Webhooks Reference: Instagram". The first shows
  comments in two shapes: as ``field`` and ``value`` right in the entry (login with Instagram), and
  in ``changes`` (login with Facebook). Both are read, whichever login it is.
* private messages (``messaging``; ``standby`` while another app has the conversation): the same
  examples, "Webhooks for Instagram Messaging", and "Instagram Post Shares: New Attachment Type"
  (updated 2025-10-30) for ``ig_post`` beside ``share``.

What is not told in those pages, and how it is met:

* A comment comes without its time. Until it is read it has that of the notice; the earliest time
  told of a message is its time (``collectors.again``).
* Under an album the notice does not name the album ("Webhooks for Instagram", limitations). So a
  comment under a post that is not known is a pointer too: where it can be fetched, it is.
* ``message_edit`` may come without words. Then it is a pointer.
* That ``mid`` is the id under which the Conversations API lists the same message is nowhere said;
  the examples of both look alike. If it is not so, each message would be there twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shenava.channels.base import OwnMessage
from shenava.channels.instagram.parse import Json, items_of, mapping_of, text_of
from shenava.channels.webhooks import Delivery, Pointer, PointerKind, Told, Unreadable
from shenava.messages import (
    About,
    AboutKind,
    AccountRef,
    Author,
    Deed,
    Incoming,
    MediaKind,
    MediaRef,
    MessageKind,
    PostRef,
    Source,
)

SIGNATURE = "x-hub-signature-256"

_COMMENTS = frozenset({"comments", "live_comments"})
_MESSAGING = frozenset(
    {"messages", "message_edit", "message_edits", "message_reactions", "messaging_seen",
     "messaging_postbacks", "messaging_referral", "messaging_optins", "messaging_handover",
     "standby"}
)  # fmt: skip
"""The app dashboard sends its tests of these in ``changes``; the rest is in ``messaging``."""
_NEEDS_NOTHING = frozenset({"story_insights"})

_PARTIES = frozenset({"sender", "recipient", "timestamp", "is_self"})
_NOTED = {
    "reaction": "reaction",
    "read": "seen",
    "delivery": "delivered",
    "referral": "referral",
    "optin": "optin",
    "pass_thread_control": "handover",
    "take_thread_control": "handover",
    "request_thread_control": "handover",
    "app_roles": "handover",
}
_OF_MESSAGE = frozenset(
    {"mid", "text", "attachments", "is_deleted", "is_echo", "is_self", "is_unsupported",
     "quick_reply", "referral", "reply_to", "app_id", "metadata", "sticker_id"}
)  # fmt: skip
_OF_COMMENT = frozenset(
    {"id", "comment_id", "from", "media", "text", "parent_id", "timestamp", "created_time",
     "self_ig_scoped_id"}
)  # fmt: skip

_MEDIA = {
    "image": MediaKind.PHOTO,
    "video": MediaKind.VIDEO,
    "audio": MediaKind.VOICE,
    "file": MediaKind.FILE,
}
_SHARES = frozenset({"share", "ig_post", "ig_reel", "reel"})
_LIKES = frozenset({"like_heart"})

_TEST_ENTRY = "0"
"""Entry of a test that somebody sends from the app dashboard."""

_NAMES = 40
"""Different names of unknown fields that are told of one body."""


def sign(body: bytes, secret: str) -> str:
    """The value of the header with which Meta sends ``body``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class InstagramReceiver:
    """See :class:`shenava.channels.webhooks.Receiver`."""

    kept_headers = frozenset({SIGNATURE, "content-type", "user-agent"})

    def secret_of(self, app: Mapping[str, str]) -> str | None:
        return app.get("app_secret") or None

    def is_signed(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        given = headers.get(SIGNATURE, "")
        return hmac.compare_digest(given.encode(errors="replace"), sign(body, secret).encode())

    def challenge(self, asked: Mapping[str, str], token: str) -> str | None:
        given = asked.get("hub.verify_token", "")
        same = hmac.compare_digest(given.encode(errors="replace"), token.encode())
        if asked.get("hub.mode") != "subscribe" or not same:
            return None
        return asked.get("hub.challenge", "")

    def read(self, body: bytes, accounts: Mapping[str, AccountRef]) -> Delivery:
        return _Reading(accounts).read(body)


def _instant(value: Any) -> datetime | None:
    """Seconds or milliseconds of Unix time, as a number or in words; to the second, as the same
    message is told when it is read."""
    try:
        number = float(value)
        return datetime.fromtimestamp(int(number / 1000 if number > 10**11 else number), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


@dataclass
class _Account:
    ref: AccountRef
    incoming: list[Incoming] = field(default_factory=list)
    own: list[OwnMessage] = field(default_factory=list)
    pointers: list[Pointer] = field(default_factory=list)


class _Reading:
    """One body being read."""

    def __init__(self, accounts: Mapping[str, AccountRef]) -> None:
        self._refs = accounts
        self._accounts: dict[AccountRef, _Account] = {}
        self._strangers: set[str] = set()
        self._noted: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._faults: list[str] = []

    def read(self, body: bytes) -> Delivery:
        for entry in _entries(body):
            self._entry(entry)
        return Delivery(
            told=tuple(
                Told(one.ref, tuple(one.incoming), tuple(one.own), tuple(one.pointers))
                for one in self._accounts.values()
            ),
            strangers=frozenset(self._strangers),
            noted=dict(self._noted),
            unknown=dict(self._unknown.most_common(_NAMES)),
            faults=tuple(self._faults),
        )

    def _entry(self, entry: Json) -> None:
        key = text_of(entry, "id")
        if key == _TEST_ENTRY:
            self._noted["test"] += 1
            return
        ref = self._refs.get(key or "")
        if ref is None:
            self._strangers.add((key or "")[:60])
            return
        account = self._accounts.setdefault(ref, _Account(ref))
        at = _instant(entry.get("time"))
        for name in ("messaging", "standby"):
            for item in items_of(entry.get(name)):
                self._messaging(account, item, key or "")
        for change in [*items_of(entry.get("changes")), *([entry] if "field" in entry else [])]:
            self._change(account, change, key or "", at)
        self._note_unknown(
            "entry", entry, {"id", "time", "messaging", "standby", "changes", "field", "value"}
        )

    def _change(self, account: _Account, change: Json, us: str, at: datetime | None) -> None:
        name, value = text_of(change, "field") or "", mapping_of(change, "value")
        if name in _COMMENTS:
            self._comment(account, value, us, at)
        elif name == "mentions":
            self._mention(account, value, at)
        elif name in _MESSAGING:
            self._messaging(account, value, us)
        elif name in _NEEDS_NOTHING:
            self._noted[name] += 1
        else:
            self._unknown[f"field {name[:60]}"] += 1

    # Comments and mentions.

    def _comment(self, account: _Account, value: Json, us: str, sent: datetime | None) -> None:
        key = text_of(value, "id") or text_of(value, "comment_id")
        media, author = mapping_of(value, "media"), mapping_of(value, "from")
        at = _instant(value.get("timestamp") or value.get("created_time")) or sent
        post = text_of(media, "id")
        if key is None or post is None or at is None:
            self._faults.append("a comment without its id, its post or any time")
            return
        self._note_unknown("comment", value, _OF_COMMENT)
        text, parent = text_of(value, "text") or "", text_of(value, "parent_id")
        if text_of(author, "id") == us or text_of(author, "self_ig_scoped_id"):
            account.own.append(OwnMessage(key, Deed.ANSWER, text, at, parent or post))
            return
        native_id, handle = text_of(author, "id"), text_of(author, "username")
        if native_id is None and handle is None:
            account.pointers.append(Pointer(PointerKind.COMMENT, key, post, at))
            return
        account.incoming.append(
            Incoming(
                account=account.ref,
                native_key=key,
                kind=MessageKind.COMMENT,
                author=Author(native_id, handle),
                text=text,
                written_at=at,
                source=Source.WEBHOOK,
                post=PostRef(post),
                reply_to_key=parent or post,
            )
        )

    def _mention(self, account: _Account, value: Json, at: datetime | None) -> None:
        comment, post = text_of(value, "comment_id"), text_of(value, "media_id")
        if at is None or (comment is None and post is None):
            self._faults.append("a mention without any id or time")
            return
        kind = PointerKind.MENTION_COMMENT if comment else PointerKind.MENTION_POST
        account.pointers.append(Pointer(kind, comment or post or "", post, at))
        self._note_unknown("mention", value, {"comment_id", "media_id"})

    # Private messages.

    def _messaging(self, account: _Account, item: Json, us: str) -> None:
        sender = text_of(mapping_of(item, "sender"), "id")
        recipient = text_of(mapping_of(item, "recipient"), "id")
        at = _instant(item.get("timestamp"))
        for name, noted in _NOTED.items():
            if name in item:
                self._noted[noted] += 1
        self._note_unknown("messaging", item, {*_PARTIES, *_NOTED, "message", "message_edit",
                                               "postback"})  # fmt: skip
        message = mapping_of(item, "message")
        edit, postback = mapping_of(item, "message_edit"), mapping_of(item, "postback")
        if not (message or edit or postback):
            return
        key = text_of(message or edit or postback, "mid")
        if key is None or sender is None or at is None:
            self._faults.append("a private message without its id, its sender or its time")
            return
        if sender == recipient or item.get("is_self") is True or message.get("is_self") is True:
            self._noted["to oneself"] += 1
            return
        if sender == us or message.get("is_echo") is True:
            if message and message.get("is_deleted") is not True:
                text = text_of(message, "text") or ""
                account.own.append(OwnMessage(key, Deed.DM, text, at, to_native_id=recipient))
            else:
                self._noted["own changed"] += 1
            return
        if edit:
            self._edited(account, edit, key, sender, at)
        else:
            account.incoming.append(self._private(account.ref, message, postback, key, sender, at))

    def _edited(self, account: _Account, edit: Json, key: str, sender: str, at: datetime) -> None:
        if (text := text_of(edit, "text")) is None:
            account.pointers.append(Pointer(PointerKind.MESSAGE, key, None, at))
            return
        account.incoming.append(_dm(account.ref, key, sender, text, at, edited_at=at))

    def _private(
        self, ref: AccountRef, message: Json, postback: Json, key: str, sender: str, at: datetime
    ) -> Incoming:
        if postback:
            # A button that the shop offers: what stands on it is what the customer says.
            return _dm(ref, key, sender, text_of(postback, "title") or "", at)
        self._note_unknown("message", message, _OF_MESSAGE)
        if message.get("is_deleted") is True:
            return _dm(ref, key, sender, "", at, about=About(AboutKind.UNSENT))
        text = text_of(message, "text") or ""
        attachments = items_of(message.get("attachments"))
        media = tuple(_media(key, attachments))
        reply = mapping_of(message, "reply_to")
        about = self._about(message, attachments, reply, bool(text or media))
        return _dm(ref, key, sender, text, at, about=about, media=media,
                   reply_to_key=text_of(reply, "mid"))  # fmt: skip

    def _about(
        self, message: Json, attachments: list[Json], reply: Json, says_something: bool
    ) -> About | None:
        story = mapping_of(reply, "story")
        if story:
            return About(AboutKind.STORY_REPLY, text_of(story, "url"))
        odd = False
        for each in attachments:
            name, url = text_of(each, "type") or "", text_of(mapping_of(each, "payload"), "url")
            if name == "story_mention":
                return About(AboutKind.STORY_MENTION, url)
            if name in _SHARES:
                return About(AboutKind.SHARED_POST, url)
            if name in _LIKES:
                return About(AboutKind.LIKE)
            if name not in _MEDIA:
                odd = True
                self._unknown[f"attachment {name[:60]}"] += 1
        if odd or message.get("is_unsupported") is True or not says_something:
            return About(AboutKind.UNSUPPORTED)
        return None

    def _note_unknown(self, where: str, one: Json, known: set[str] | frozenset[str]) -> None:
        for name in one:
            if name not in known:
                self._unknown[f"{where} {str(name)[:60]}"] += 1


def _dm(ref: AccountRef, key: str, sender: str, text: str, at: datetime, **more: Any) -> Incoming:
    return Incoming(
        account=ref,
        native_key=key,
        kind=MessageKind.DM,
        author=Author(sender, None),
        text=text,
        written_at=at,
        source=Source.WEBHOOK,
        **more,
    )


def _media(key: str, attachments: list[Json]) -> Iterator[MediaRef]:
    for number, each in enumerate(attachments):
        kind = _MEDIA.get(text_of(each, "type") or "")
        if kind is None:
            continue
        url = text_of(mapping_of(each, "payload"), "url")
        # Of a film or a sound the address is that of the thing itself, which is no picture.
        still = url if kind is MediaKind.PHOTO else None
        yield MediaRef(f"{key}:{number}", still, kind)


def _entries(body: bytes) -> list[Json]:
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON ({type(error).__name__})") from None
    # Meta's page shows the object within a list; what arrives is the object.
    if isinstance(whole, list) and len(whole) == 1:
        (whole,) = whole
    if not isinstance(whole, Mapping) or whole.get("object") != "instagram":
        raise Unreadable("it is not about Instagram")
    entries = whole.get("entry")
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) for one in entries):
        raise Unreadable("it has no entries")
    return entries
