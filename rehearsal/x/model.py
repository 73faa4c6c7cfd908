"""What stands on the simulated X: people, posts, private messages, pictures, and the ledger.

Plain records that go into the state file as JSON and come back the same. All ids are strings of
digits; all times aware, in UTC. The texts are as their authors typed them: what the wire makes
of them (links shortened, ``&`` escaped) is the matter of ``rehearsal.x.text``.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

Json = dict[str, Any]


class Record:
    """Turns a flat dataclass into JSON and back; the few rich types are told by their look."""

    def to_json(self) -> Json:
        out: Json = {}
        for one in fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if isinstance(value, datetime):
                value = {"at": value.isoformat()}
            elif isinstance(value, bytes):
                value = {"b64": base64.b64encode(value).decode("ascii")}
            elif isinstance(value, tuple):
                value = list(value)
            out[one.name] = value
        return out

    @classmethod
    def from_json(cls, data: Json) -> Self:
        arguments: Json = {}
        for name, value in data.items():
            if isinstance(value, dict) and set(value) == {"at"}:
                arguments[name] = datetime.fromisoformat(value["at"]).astimezone(UTC)
            elif isinstance(value, dict) and set(value) == {"b64"}:
                arguments[name] = base64.b64decode(value["b64"])
            elif isinstance(value, list):
                arguments[name] = tuple(value)
            else:
                arguments[name] = value
        return cls(**arguments)


@dataclass(slots=True)
class User(Record):
    """A person or a shop. ``premium`` accounts may write long posts. ``open_dms``: strangers
    may write privately. A suspended user is missing from ``includes`` and from look-ups; the
    posts are gone too, unless ``posts_listed`` (the timelines of X lag behind at times)."""

    id: str
    username: str
    name: str
    created_at: datetime
    followers: int = 0
    description: str = ""
    premium: bool = False
    open_dms: bool = True
    suspended: bool = False
    posts_listed: bool = False


@dataclass(slots=True)
class Post(Record):
    """A public post. ``prefix`` are the handles that X puts before the text of an answer.
    ``versions`` are the ids of all versions of an edited post, this one included, oldest first;
    ``replaced_by`` is set on all but the newest. ``by_api``: written through the interface."""

    id: str
    author_id: str
    text: str
    created_at: datetime
    conversation_id: str
    lang: str
    prefix: tuple[str, ...] = ()
    reply_to: str | None = None
    reply_to_user: str | None = None
    quotes: str | None = None
    repost_of: str | None = None
    media: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    replaced_by: str | None = None
    deleted_at: datetime | None = None
    hidden: bool = False
    by_api: bool = False


@dataclass(slots=True)
class DirectMessage(Record):
    """A private message. The conversation id of two is their ids, the smaller first."""

    id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    text: str
    created_at: datetime
    media: tuple[str, ...] = ()
    by_api: bool = False


@dataclass(slots=True)
class Picture(Record):
    """A picture that was uploaded. ``id`` is the media id; ``key`` is what posts name it by."""

    id: str
    key: str
    owner_id: str
    mime: str
    content: bytes
    width: int = 0
    height: int = 0
    alt: str = ""

    @property
    def file_name(self) -> str:
        ending = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
        return f"{self.key}.{ending.get(self.mime, 'bin')}"


@dataclass(slots=True)
class Accepted(Record):
    """One line of the ledger: something that the platform took in through its interface.

    ``deed`` is ``post``, ``dm``, ``hide``, ``delete`` or ``upload``; ``target`` the post
    answered or hidden, or the person a private message went to. ``client_key`` is what the
    client sent as ``Idempotency-Key``, if anything: X ignores it, a test may count by it.
    ``answer`` says what became of the response: ``whole``, ``cut``, ``silence``, ``reset``,
    ``bad_json``.
    """

    number: int
    at: datetime
    deed: str
    user_id: str
    result_id: str
    text: str = ""
    target: str = ""
    client_key: str = ""
    answer: str = "whole"
