"""Sending, once; and finding on X what we cannot tell whether it was sent.

X takes no key that would make a repeat harmless. What it does offer is used: the refusal of an
identical post, and one's own timeline and conversations to read back from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shenava.channels.base import Outgoing, OwnMessage, Reads, Sent
from shenava.channels.errors import OutcomeUnknown, Rejected, RejectedBecause, Unreachable
from shenava.channels.media import kind_of_picture
from shenava.channels.talk import Purpose
from shenava.channels.x.client import Client
from shenava.channels.x.failures import TALK
from shenava.channels.x.length import length_of, links_in
from shenava.channels.x.parse import Body, Us, body_of, id_of, post_of, private_message_of
from shenava.channels.x.read import DM_FIELDS, PAGE, POST_FIELDS
from shenava.channels.x.rules import PICTURE_LIMIT_BYTES
from shenava.messages import Deed

_SKEW = timedelta(seconds=30)
"""How far X's clock and ours may differ. X's times are whole seconds."""
_SURELY_LATER = timedelta(minutes=5)
"""A private message this long after the time from which we look was sent after ours, whatever
clocks, time-outs and a slow way did."""
_PAGES = 5
"""Pages read back at most: five hundred own posts since the send are another matter."""
_TOO_MUCH = "too much was written since to look through it all"
_NOT_YET = (
    "not to be seen on X, and nothing later either: the list of private messages may be behind"
)
_KEY = re.compile(r"[0-9]{1,19}")
_ALT_LIMIT = 1_000
"""Characters of a picture's description (X's OpenAPI document 2.159, ``AltText``)."""
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069\ufeff]")
_HANDLES = re.compile(r"^(?:@\w{1,15}\s+)+")


@dataclass(slots=True)
class Sender:
    """Sends in the name of one account, and looks for what was sent.

    ``settle``: for so long after a send began, its absence from X proves nothing: the request
    may still be on its way through X. Longer than the time-out of a request.
    ``own_posts_cost``: the kind of price of one's own timeline.
    """

    client: Client
    us: Us
    settle: timedelta
    long_posts: bool
    own_posts_cost: str
    counted: dict[str, list[str]] = field(default_factory=dict)
    requests: int = 0

    # --- sending ----------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> Sent:
        """Do it, once. Raises ``ChannelError``; what cannot be right is refused before it
        leaves."""
        _hold(outgoing, self.long_posts)
        api = self.client.api
        if outgoing.deed is Deed.HIDE:
            answer = api.hide_reply(outgoing.to_key)
            if _data(answer).get("hidden") is not True:
                raise Unreachable("X did not say that it is hidden now")
            assert outgoing.to_key is not None
            return Sent(outgoing.to_key, self.us.permalink(outgoing.to_key, None))
        picture = self._upload(outgoing) if outgoing.picture is not None else None
        text = outgoing.text or None
        if outgoing.deed is Deed.DM:
            answer = api.create_direct_message(
                participant_id=outgoing.to_native_id, text=text, media_id=picture
            )
            return Sent(_new_key(answer, "dm_event_id"), None)
        answer = api.create_tweet(
            text=text,
            in_reply_to_tweet_id=outgoing.to_key if outgoing.deed is Deed.ANSWER else None,
            media_ids=[picture] if picture is not None else None,
        )
        key = _new_key(answer, "id")
        return Sent(key, self.us.permalink(key, self.us.profile.handle))

    def _upload(self, outgoing: Outgoing) -> str:
        """Hand X the picture, and what it shows; the id to post it by. Shows to nobody."""
        assert outgoing.picture is not None
        kind = kind_of_picture(outgoing.picture)
        category = "dm_image" if outgoing.deed is Deed.DM else "tweet_image"
        answer = self.client.ask(
            "POST",
            "/2/media/upload",
            Purpose.HARMLESS,
            data={"media_category": category, "media_type": kind},
            files={"media": ("picture", outgoing.picture, kind)},
        )
        key = _data(answer).get("id")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise TALK.of_unreadable(Purpose.HARMLESS)
        if outgoing.picture_alt:
            words = {"alt_text": {"text": outgoing.picture_alt}}
            self.client.ask(
                "POST",
                "/2/media/metadata",
                Purpose.HARMLESS,
                json={"id": key, "metadata": words},
            )
        return key

    # --- reading back -----------------------------------------------------------------------

    def find(
        self, outgoing: Outgoing, after: datetime, known: Collection[str], now: datetime
    ) -> Sent | None:
        """Look for what may have been sent since ``after``. See ``Channel.find_sent``."""
        _hold(outgoing, self.long_posts)
        if outgoing.deed is Deed.HIDE:
            return None  # X does not tell what is hidden; but hiding twice is the same as once
        since = after - _SKEW
        try:
            if outgoing.deed is Deed.DM:
                found = self._find_dm(outgoing, since, known, now)
            else:
                found = self._find_post(outgoing, since, known, now)
        except Rejected as refused:
            raise OutcomeUnknown(f"reading back was refused: {refused.because}") from None
        if found is None and now < after + self.settle:
            raise OutcomeUnknown("not to be seen on X; too early to say that it is not there")
        return found

    def _find_post(
        self, outgoing: Outgoing, since: datetime, known: Collection[str], now: datetime
    ) -> Sent | None:
        token: str | None = None
        found: list[Sent] = []
        for _ in range(_PAGES):
            asked: dict[str, Any] = {**POST_FIELDS, "max_results": PAGE, "start_time": since}
            if token is not None:
                asked["pagination_token"] = token
            answer = self.client.api.get_users_tweets(
                self.us.profile.native_id, exclude=["retweets"], **asked
            )
            body = self._counted(body_of(answer), self.own_posts_cost)
            for one in body.data:
                post = post_of(one, body, now)
                if post.key in known or post.written_at < since:
                    continue
                if outgoing.deed is Deed.ANSWER and post.reply_to != outgoing.to_key:
                    continue
                if outgoing.deed is Deed.POST and post.reply_to is not None:
                    continue
                if (outgoing.picture is not None) == bool(post.media) and same_text(
                    outgoing.text, post.text
                ):
                    link = self.us.permalink(post.key, self.us.profile.handle)
                    found.append(Sent(post.key, link, post.written_at))
            token = body.next_token
            if token is None:
                return _earliest(found)
        if not found:
            raise OutcomeUnknown(_TOO_MUCH)
        return _earliest(found)

    def _find_dm(
        self, outgoing: Outgoing, since: datetime, known: Collection[str], now: datetime
    ) -> Sent | None:
        token: str | None = None
        found: list[Sent] = []
        something_later = False
        for _ in range(_PAGES):
            asked: dict[str, Any] = {**DM_FIELDS, "max_results": PAGE}
            if token is not None:
                asked["pagination_token"] = token
            answer = self.client.api.get_direct_message_events(
                participant_id=outgoing.to_native_id, **asked
            )
            body = self._counted(body_of(answer), "dm_event")
            passed = False
            for event in body.data:
                message = private_message_of(event, body, self.us, now)
                if message is None:
                    continue
                passed = passed or message.written_at < since
                something_later |= message.written_at >= since + _SURELY_LATER
                if not isinstance(message, OwnMessage) or message.native_key in known:
                    continue
                if _is_it(message, outgoing, bool(event.get("attachments")), since):
                    found.append(Sent(message.native_key, None, message.written_at))
            token = body.next_token
            if passed or token is None:
                break
        else:
            if not found:
                raise OutcomeUnknown(_TOO_MUCH)
        if not found and not something_later:
            raise OutcomeUnknown(_NOT_YET)
        return _earliest(found)

    def _counted(self, body: Body, resource: str) -> Body:
        self.requests += 1
        self.counted.setdefault(resource, []).extend(str(id_of(one)) for one in body.data)
        return body

    def take_reads(self) -> Reads:
        """What was read back since this was last asked."""
        keys = {what: tuple(dict.fromkeys(ids)) for what, ids in self.counted.items() if ids}
        taken = Reads({what: len(ids) for what, ids in keys.items()}, self.requests, keys)
        self.counted.clear()
        self.requests = 0
        return taken


def same_text(ours: str, theirs: str) -> bool:
    """Whether ``theirs``, as X shows it, is what became of ``ours``.

    X composes letters (NFC), drops blanks at the ends, puts the handles of those answered in
    front, and shortens links; ``theirs`` has the links made whole again where X told them.
    """
    my_handles, mine = _apart(ours)
    handles, shown = _apart(theirs)
    return my_handles <= handles and _same_words(mine, shown)


def _apart(text: str) -> tuple[set[str], str]:
    """The handles at the beginning of a text, and the rest of it."""
    found = _HANDLES.match(text.lstrip() + " ")
    if found is None:
        return set(), text
    return set(found[0].casefold().split()), text.lstrip()[found.end() :]


def _same_words(ours: str, theirs: str) -> bool:
    mine, my_links = _comparable(ours)
    shown, links = _comparable(theirs)
    if shown != mine or len(links) != len(my_links):
        return False
    return all(link == my or _is_short(link) for link, my in zip(links, my_links, strict=True))


def _comparable(text: str) -> tuple[str, list[str]]:
    """A text without what X may change in it, each link a mark in it; and the links."""
    text = unicodedata.normalize("NFC", text)
    links = []
    pieces = []
    at = 0
    for start, end in links_in(text):
        pieces.append(text[at:start])
        links.append(re.sub(r"^https?://", "", text[start:end], flags=re.I).rstrip("/").casefold())
        at = end
    pieces.append(text[at:])
    bare = "\ue000".join(_UNSEEN.sub("", piece) for piece in pieces)
    return " ".join(bare.split()), links


def _is_short(link: str) -> bool:
    return link.startswith("t.co/")


def _is_it(message: OwnMessage, outgoing: Outgoing, has_picture: bool, since: datetime) -> bool:
    """Whether a private message of ours is the one that was to be sent."""
    return (
        message.written_at >= since
        and (outgoing.picture is not None) == has_picture
        and same_text(outgoing.text, message.text)
    )


def _earliest(found: list[Sent]) -> Sent | None:
    return min(found, key=lambda sent: int(sent.native_key), default=None)


def _hold(outgoing: Outgoing, long_posts: bool) -> None:
    """Raise ``Rejected`` for what X would refuse, or what would go somewhere else than meant:
    keys become parts of addresses."""
    if outgoing.deed in (Deed.ANSWER, Deed.HIDE) and not _is_key(outgoing.to_key):
        raise Rejected(RejectedBecause.BAD_REQUEST, "to_key is no id of X")
    if outgoing.deed is Deed.DM and not _is_key(outgoing.to_native_id):
        raise Rejected(RejectedBecause.BAD_REQUEST, "to_native_id is no id of X")
    if outgoing.deed is Deed.HIDE:
        return
    if not outgoing.text.strip() and outgoing.picture is None:
        raise Rejected(RejectedBecause.BAD_REQUEST, "nothing to send")
    if not length_of(outgoing.text, outgoing.deed, long_posts=long_posts).fits:
        raise Rejected(RejectedBecause.TOO_LONG)
    if outgoing.picture is not None:
        if kind_of_picture(outgoing.picture) not in ("image/jpeg", "image/png", "image/webp"):
            raise Rejected(RejectedBecause.NOT_A_PICTURE)
        if len(outgoing.picture) > PICTURE_LIMIT_BYTES:
            raise Rejected(RejectedBecause.TOO_LARGE)
        if len(outgoing.picture_alt) > _ALT_LIMIT:
            raise Rejected(RejectedBecause.TOO_LONG, "picture_alt")


def _is_key(key: str | None) -> bool:
    return key is not None and _KEY.fullmatch(key) is not None


def _data(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    data = answer.get("data")
    return data if isinstance(data, Mapping) else {}


def _new_key(answer: Mapping[str, Any], name: str) -> str:
    """The id of what was made. Without one X may have made it all the same."""
    key = _data(answer).get(name)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise TALK.of_unreadable(Purpose.SEND)
    return key
