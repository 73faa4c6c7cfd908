"""Sending, once; and finding on Instagram what we cannot tell whether it was sent.

Instagram takes no key that would make a repeat harmless, and does not refuse the same words twice.
What it does offer is used: answers stand under their comment, private messages in their
conversation, posts in the list of posts, to read back from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shenava.channels.base import Outgoing, OwnMessage, Reads, Sent
from shenava.channels.errors import (
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unreachable,
)
from shenava.channels.instagram.client import Client, checked
from shenava.channels.instagram.failures import TALK
from shenava.channels.instagram.parse import (
    Json,
    Us,
    after_of,
    items_of,
    mapping_of,
    message_of,
    number_of,
    post_of,
    text_of,
    time_of,
)
from shenava.channels.instagram.read import MESSAGE_FIELDS, POST_FIELDS
from shenava.channels.instagram.rules import (
    ALT_CHARACTERS,
    COMMENTS_PAGE,
    CONVERSATION_MESSAGES,
    HUMAN_AGENT,
    PICTURE_LIMIT_BYTES,
    length_of,
)
from shenava.channels.media import kind_of_picture
from shenava.channels.talk import Purpose
from shenava.messages import Deed

_SKEW = timedelta(seconds=60)
"""How far Meta's clock and ours may differ."""
_PAGES = 10
_TOO_MUCH = "too much was written since to look through it all"
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069\ufeff]")
_FULL = timedelta(hours=1)
_SOON = timedelta(seconds=20)


@dataclass(slots=True)
class Sender:
    """Sends in the name of one account, and looks for what was sent. ``settle``: for so long
    after a send began, its absence proves nothing: it may still be on its way through Meta."""

    client: Client
    us: Us
    settle: timedelta
    counted: int = field(default=0)

    # --- sending ------------------------------------------------------------------------

    def send(self, outgoing: Outgoing, now: datetime) -> Sent:
        """Do it, once. Raises ``ChannelError``; what cannot be right is refused before it
        leaves."""
        _hold(outgoing)
        match outgoing.deed:
            case Deed.ANSWER:
                edge = "comments" if outgoing.own_thread else "replies"
                answer = self.client.post(
                    f"/{checked(outgoing.to_key)}/{edge}", Purpose.SEND, message=outgoing.text
                )
                return Sent(_new_key(answer, "id"), None)
            case Deed.DM | Deed.PRIVATE_REPLY:
                answer = self.client.post(
                    f"/{checked(self.us.messaging)}/messages", Purpose.SEND, _message(outgoing)
                )
                return Sent(_new_key(answer, "message_id"), None)
            case Deed.HIDE:
                answer = self.client.post(
                    f"/{checked(outgoing.to_key)}", Purpose.HARMLESS, hide="true"
                )
            case Deed.DELETE:
                answer = self._delete(outgoing)
            case Deed.POST:
                return self._publish(outgoing, now)
        if answer.get("success") is not True:
            raise Unreachable("Instagram did not say that it is done")
        assert outgoing.to_key is not None
        return Sent(outgoing.to_key, None)

    def _delete(self, outgoing: Outgoing) -> dict[str, Any]:
        try:
            return self.client.delete(f"/{checked(outgoing.to_key)}")
        except Rejected as refused:
            if refused.because is RejectedBecause.NOT_FOUND:
                return {"success": True}  # it is not there, which is what was wanted
            raise

    def _publish(self, outgoing: Outgoing, now: datetime) -> Sent:
        """A post: a container that shows to nobody, and then the one request that shows it.

        Instagram fetches the picture meanwhile. If it is not ready, the row comes back a little
        later and begins with a new container; Meta lets 400 be made in a day.
        """
        me = checked(self.us.profile.native_id)
        self._hold_quota(me, now)
        made = self.client.post(
            f"/{me}/media",
            Purpose.HARMLESS,
            image_url=outgoing.picture_url,
            caption=outgoing.text or None,
            alt_text=outgoing.picture_alt or None,
        )
        container = text_of(made, "id")
        if container is None:
            raise Unreachable("Instagram did not name the container of the post")
        state = text_of(
            self.client.get(f"/{checked(container)}", fields="status_code"), "status_code"
        )
        if state in ("ERROR", "EXPIRED"):
            raise Rejected(RejectedBecause.NOT_A_PICTURE, f"container {state}")
        if state == "IN_PROGRESS":
            raise RateLimited(now + _SOON, named=False)
        answer = self.client.post(f"/{me}/media_publish", Purpose.SEND, creation_id=container)
        return Sent(_new_key(answer, "id"), None)

    def _hold_quota(self, me: str, now: datetime) -> None:
        """Posts of the last day, by whatever app: Instagram counts them all."""
        answer = self.client.get(f"/{me}/content_publishing_limit", fields="config,quota_usage")
        told = next(iter(items_of(answer)), {})
        used = number_of(told, "quota_usage")
        most = number_of(mapping_of(told, "config"), "quota_total")
        if used is not None and most is not None and used >= most > 0:
            raise RateLimited(now + _FULL, named=False)

    # --- reading back -------------------------------------------------------------------

    def find(
        self, outgoing: Outgoing, after: datetime, known: Collection[str], now: datetime
    ) -> Sent | None:
        """Look for what may have been sent since ``after``. See ``Channel.find_sent``."""
        _hold(outgoing)
        since = after - _SKEW
        try:
            if outgoing.deed in (Deed.HIDE, Deed.DELETE):
                return self._find_state(outgoing)
            found = self._find(outgoing, since, known, now)
        except Rejected as refused:
            raise OutcomeUnknown(f"reading back was refused: {refused.because}") from None
        if found is None and now < after + self.settle:
            raise OutcomeUnknown("not to be seen; too early to say that it is not there")
        return found

    def _find(
        self, outgoing: Outgoing, since: datetime, known: Collection[str], now: datetime
    ) -> Sent | None:
        if outgoing.deed is Deed.ANSWER:
            candidates = self._answers(outgoing, now)
        elif outgoing.deed is Deed.POST:
            candidates = self._posts(since, now)
        else:
            candidates = self._messages(outgoing, since, now)
        fitting = [
            one
            for one in candidates
            if one.written_at >= since
            and one.native_key not in known
            and same_text(outgoing.text, one.text)
        ]
        if not fitting:
            return None
        first = min(fitting, key=lambda one: one.written_at)
        return Sent(first.native_key, first.permalink, first.written_at)

    def _find_state(self, outgoing: Outgoing) -> Sent | None:
        """What hiding and taking away have come to can be seen on the comment itself."""
        assert outgoing.to_key is not None
        try:
            answer = self.client.get(f"/{checked(outgoing.to_key)}", fields="id,hidden")
        except Rejected as refused:
            if refused.because is not RejectedBecause.NOT_FOUND:
                raise
            return Sent(outgoing.to_key, None) if outgoing.deed is Deed.DELETE else None
        hidden = outgoing.deed is Deed.HIDE and answer.get("hidden") is True
        return Sent(outgoing.to_key, None) if hidden else None

    def _answers(self, outgoing: Outgoing, now: datetime) -> Iterator[OwnMessage]:
        """Our answers under a comment, or a post of ours. The former all stand under the first
        of their thread."""
        fields = "id,text,timestamp,username,from"
        try:
            if outgoing.own_thread:
                path = f"/{checked(outgoing.to_key)}/comments"
            else:
                asked = self.client.get(f"/{checked(outgoing.to_key)}", fields="id,parent_id")
                path = f"/{checked(text_of(asked, 'parent_id') or outgoing.to_key)}/replies"
            pages = list(self._pages(path, fields=fields))
        except Rejected as refused:
            if refused.because is RejectedBecause.NOT_FOUND:
                return  # with the comment go its answers
            raise
        for one in (each for page in pages for each in items_of(page)):
            author = {**mapping_of(one, "from"), "username": one.get("username")}
            key = text_of(one, "id")
            if key is not None and self.us.wrote(author):
                at = time_of(one.get("timestamp"), now)
                yield OwnMessage(key, Deed.ANSWER, text_of(one, "text") or "", at)

    def _pages(self, path: str, **asked: Any) -> Iterator[Json]:
        after: str | None = None
        for _ in range(_PAGES):
            answer = self.client.get(path, limit=COMMENTS_PAGE, after=after, **asked)
            self.counted += len(items_of(answer))
            yield answer
            after = after_of(answer)
            if after is None:
                return
        raise OutcomeUnknown(_TOO_MUCH)

    def _posts(self, since: datetime, now: datetime) -> Iterator[OwnMessage]:
        path = f"/{checked(self.us.profile.native_id)}/media"
        for page in self._pages(path, fields=POST_FIELDS):
            posts = [post for one in items_of(page) if (post := post_of(one, self.us, now))]
            yield from posts
            if any(post.written_at < since for post in posts):
                return

    def _messages(self, outgoing: Outgoing, since: datetime, now: datetime) -> Iterator[OwnMessage]:
        """Our messages to one person. Instagram shows the newest 20 of a conversation."""
        person = outgoing.to_native_id or self._author_of(outgoing)
        answer = self.client.get(
            f"/{checked(self.us.messaging)}/conversations",
            platform="instagram",
            user_id=person,
            fields=f"messages.limit({CONVERSATION_MESSAGES}){{{MESSAGE_FIELDS}}}",
        )
        for conversation in items_of(answer):
            told = items_of(conversation.get("messages"))
            if not told:
                key = text_of(conversation, "id")
                fields = f"messages.limit({CONVERSATION_MESSAGES}){{{MESSAGE_FIELDS}}}"
                whole = self.client.get(f"/{checked(key)}", fields=fields)
                told = items_of(whole.get("messages"))
            self.counted += len(told)
            times = []
            for one in told[:CONVERSATION_MESSAGES]:
                times.append(time_of(one.get("created_time"), now))
                if times[-1] < since:
                    continue
                if not mapping_of(one, "from"):
                    one = self.client.get(f"/{checked(text_of(one, 'id'))}", fields=MESSAGE_FIELDS)
                message = message_of(one, self.us, now)
                if isinstance(message, OwnMessage):
                    yield message
            if len(times) >= CONVERSATION_MESSAGES and min(times) >= since:
                raise OutcomeUnknown(_TOO_MUCH)

    def _author_of(self, outgoing: Outgoing) -> str | None:
        answer = self.client.get(f"/{checked(outgoing.to_key)}", fields="from")
        person = text_of(mapping_of(answer, "from"), "id")
        if person is None:
            raise OutcomeUnknown("Instagram does not tell who wrote the comment")
        return person

    def take_reads(self) -> Reads:
        """What was read back since this was last asked."""
        taken, self.counted = self.counted, 0
        return Reads({"message": taken} if taken else {}, requests=0)


def same_text(ours: str, theirs: str) -> bool:
    """Whether ``theirs``, as Instagram shows it, is what became of ``ours``."""
    return _comparable(ours) == _comparable(theirs)


def _comparable(text: str) -> str:
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFC", text)).split())


def _message(outgoing: Outgoing) -> dict[str, Any]:
    recipient = (
        {"comment_id": outgoing.to_key}
        if outgoing.deed is Deed.PRIVATE_REPLY
        else {"id": outgoing.to_native_id}
    )
    message: dict[str, Any] = {"text": outgoing.text}
    if outgoing.picture is not None:
        picture = {"type": "image", "payload": {"url": outgoing.picture_url}}
        message = {"attachments": [picture]}
    body: dict[str, Any] = {"recipient": recipient, "message": message}
    if outgoing.window == HUMAN_AGENT.code:
        body |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return body


def _hold(outgoing: Outgoing) -> None:
    """Raise ``Rejected`` for what Instagram would refuse, or what would go somewhere else than
    meant: keys become parts of addresses."""
    if outgoing.deed is Deed.DM:
        checked(outgoing.to_native_id)
    elif outgoing.deed is not Deed.POST:
        checked(outgoing.to_key)
    if outgoing.deed in (Deed.HIDE, Deed.DELETE):
        return
    _hold_picture(outgoing)
    if not outgoing.text.strip() and outgoing.picture is None:
        raise Rejected(RejectedBecause.BAD_REQUEST, "nothing to send")
    if not length_of(outgoing.text, outgoing.deed).fits:
        raise Rejected(RejectedBecause.TOO_LONG)


def _hold_picture(outgoing: Outgoing) -> None:
    if outgoing.picture is None:
        if outgoing.deed is Deed.POST:
            raise Rejected(RejectedBecause.BAD_REQUEST, "a post needs a picture")
        return
    if outgoing.deed not in (Deed.POST, Deed.DM):
        raise Rejected(RejectedBecause.BAD_REQUEST, "no picture goes along with this")
    if outgoing.deed is Deed.DM and outgoing.text.strip():
        raise Rejected(RejectedBecause.BAD_REQUEST, "a message is words or a picture")
    allowed = ("image/jpeg",) if outgoing.deed is Deed.POST else ("image/jpeg", "image/png")
    if kind_of_picture(outgoing.picture) not in allowed:
        raise Rejected(RejectedBecause.NOT_A_PICTURE)
    if len(outgoing.picture) > PICTURE_LIMIT_BYTES:
        raise Rejected(RejectedBecause.TOO_LARGE)
    if len(outgoing.picture_alt) > ALT_CHARACTERS:
        raise Rejected(RejectedBecause.TOO_LONG, "picture_alt")
    if outgoing.picture_url is None:
        raise Rejected(RejectedBecause.BAD_REQUEST, "no public address for the picture")


def _new_key(answer: Json, name: str) -> str:
    """The id of what was made. Without one Instagram may have made it all the same."""
    key = text_of(answer, name)
    if key is None:
        raise TALK.of_unreadable(Purpose.SEND)
    return key
