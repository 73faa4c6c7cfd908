"""Which cases someone wants to see: a queue or a search, narrowed by filters.

A :class:`Wanted` is read from the address and written back to it, so that every list has an
address of its own. What cannot be read is left out: an old link still shows something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeVar

from shenava.messages import Intent, Language, Platform, Sentiment

_Member = TypeVar("_Member", bound=StrEnum)

QUERY_LIMIT = 200
"""Characters of a search; what is longer is cut."""


class Queue(StrEnum):
    """The lists that a working day is made of, in the order in which they are shown."""

    URGENT = "urgent"
    APPROVAL = "approval"
    """Where an answer waits for the reader: to be approved, or come back to them."""
    MINE = "mine"
    UNASSIGNED = "unassigned"
    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class Holder(StrEnum):
    """Who has a case, where it is not somebody by number."""

    ME = "me"
    NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``words``: a search, over all messages whatever their case's queue. The other fields
    narrow a queue or a search; ``None`` is "any". ``account``, ``spike`` and a numeric ``holder``
    are row numbers."""

    queue: Queue = Queue.OPEN
    words: str = ""
    platform: Platform | None = None
    account: int | None = None
    language: Language | None = None
    sentiment: Sentiment | None = None
    complaint: Answer | None = None
    intent: Intent | None = None
    holder: Holder | int | None = None
    spike: int | None = None

    @property
    def is_search(self) -> bool:
        return bool(self.words)

    @property
    def filters(self) -> dict[str, str]:
        """The filters in force, as the address names them."""
        args = self.args()
        return {name: value for name, value in args.items() if name not in ("queue", "q")}

    def without(self, name: str) -> Wanted:
        """The same, but for one filter, named as in the address."""
        return read({key: value for key, value in self.args().items() if key != name})

    def unfiltered(self) -> Wanted:
        return Wanted(queue=self.queue, words=self.words)

    def in_queue(self, queue: Queue) -> Wanted:
        """Another queue with the same filters, and no search."""
        return replace(self, queue=queue, words="")

    def args(self) -> dict[str, Any]:
        """As the address says it; nothing that is as it always is."""
        said: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                said[_IN_ADDRESS.get(field.name, field.name)] = str(value)
        return said


_IN_ADDRESS = {"words": "q", "sentiment": "mood"}


def read(args: Mapping[str, str]) -> Wanted:
    """What ``args`` of an address (or of a form) ask for."""
    holder: Holder | int | None = _member(Holder, args.get("holder"))
    return Wanted(
        queue=_member(Queue, args.get("queue")) or Queue.OPEN,
        words=" ".join(args.get("q", "").replace("\x00", "").split())[:QUERY_LIMIT],
        platform=_member(Platform, args.get("platform")),
        account=row_number(args.get("account")),
        language=_member(Language, args.get("language")),
        sentiment=_member(Sentiment, args.get("mood")),
        complaint=_member(Answer, args.get("complaint")),
        intent=_member(Intent, args.get("intent")),
        holder=holder if holder is not None else row_number(args.get("holder")),
        spike=row_number(args.get("spike")),
    )


def row_number(text: str | None) -> int | None:
    """A row's number from an address; ``None`` for anything that cannot be one."""
    if text and text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    return None


def _member(enum: type[_Member], value: str | None) -> _Member | None:
    try:
        return enum(value) if value else None
    except ValueError:
        return None
