"""What the API takes: parameters of addresses, and bodies."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from dashboard.api.words import Asked, Id, Instant, Parameters, Words
from dashboard.inbox.wanted import QUERY_LIMIT
from responder.approval import WORD_LIMIT
from responder.broadcasts.content import TEXT_LIMIT
from responder.casework import NOTE_LIMIT
from responder.collision import SEEN_PATTERN
from shenava.messages import Intent, Language, Platform, Sentiment
from shenava.store import BroadcastState, OutboxState, Stage

LIMIT = 200
"""Items on one page at most."""

Limit = Annotated[int, Field(ge=1, le=LIMIT)]
Cursor = Annotated[
    str,
    StringConstraints(max_length=100),
    Field(description="The `next` of the page before."),
]
Search = Annotated[
    str,
    StringConstraints(max_length=QUERY_LIMIT),
    Field(description="Words that all must be in a message, the last as a beginning."),
]
Seen = Annotated[
    str,
    StringConstraints(pattern=f"^{SEEN_PATTERN}$"),
    Field(description="The `seen` of the case as you read it."),
]

ANSWER_LIMIT = 25_000
"""Characters of an answer; platforms allow far fewer, and the gate says so."""


class CaseQueue(StrEnum):
    """The inbox's lists of cases."""

    URGENT = "urgent"
    APPROVAL = "approval"
    UNASSIGNED = "unassigned"
    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class CaseOrder(StrEnum):
    """``number`` never moves, so that reading page by page misses no case that stays in the
    list; ``rank`` is the order of the inbox, most urgent first, in which cases move."""

    NUMBER = "number"
    RANK = "rank"


class MessageOrder(StrEnum):
    """By the order in which messages came in."""

    NEWEST = "newest"
    OLDEST = "oldest"


class CaseQuery(Parameters):
    queue: CaseQueue = CaseQueue.OPEN
    q: Search | None = Field(
        default=None,
        description="A search over the messages of all cases, whatever their queue; the case with"
        " the newest message found comes first.",
    )
    platform: Platform | None = None
    account: Id | None = None
    language: Language | None = None
    sentiment: Sentiment | None = None
    complaint: Literal["yes", "no", "unsure"] | None = None
    intent: Intent | None = None
    assignee: Id | Literal["none"] | None = Field(
        default=None, description="The number of a person, or none."
    )
    order: CaseOrder = CaseOrder.NUMBER
    cursor: Cursor | None = None
    limit: Limit = 50


class MessageQuery(Parameters):
    q: Search | None = None
    since: Id | None = Field(
        default=None,
        description="Only messages that came in after this one. With `order=oldest`, asking with"
        " the last id you have misses none.",
    )
    case: Id | None = None
    order: MessageOrder = MessageOrder.NEWEST
    cursor: Cursor | None = None
    limit: Limit = 50


class AnswerQuery(Parameters):
    state: OutboxState | None = None
    case: Id | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class CustomerShow(StrEnum):
    """Lists of customers."""

    EVERYONE = "everyone"
    OPEN = "open"
    VIP = "vip"
    CHANNELS = "channels"
    BLOCKED = "blocked"
    OPTED_OUT = "opted_out"


class CustomerQuery(Parameters):
    show: CustomerShow = Field(
        default=CustomerShow.EVERYONE,
        description="`open`: with open cases; `channels`: on more than one platform.",
    )
    q: (
        Annotated[
            str,
            StringConstraints(max_length=QUERY_LIMIT),
            Field(description="Words of a name or handle, the last as a beginning."),
        ]
        | None
    ) = None
    cursor: Cursor | None = None
    limit: Limit = 50


class BroadcastQuery(Parameters):
    state: BroadcastState | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class ChangeQuery(Parameters):
    since: Annotated[str, StringConstraints(pattern="^[0-9]{1,18}$")] | None = Field(
        default=None,
        description="The `upto` of the answer before; without it you are only told the number.",
    )


class ReportQuery(Parameters):
    week: str | None = Field(
        default=None,
        description="A date in the week, as 2026-01-03; without it the last week that is over.",
    )
    as_of: Instant | None = Field(
        default=None,
        description="As known then. Without it: what was reported, else what is known now.",
    )


class ReportRowQuery(ReportQuery):
    figure: str = Field(description="The name of a figure, as reports tell it.")
    segment: str = Field(
        default="",
        description=(
            "Of a figure one segment, such as `channel:x`; of messages and complaints `since:A-B`"
            " too, from second A of the epoch to before second B."
        ),
    )
    until: Instant | None = Field(
        default=None, description="The `counted_until` of a report whose week is not over."
    )
    cursor: str | None = Field(default=None, description="The `next` of the answer before.")
    limit: int = Field(default=50, ge=1, le=200)


class Assign(Asked):
    """Give a case to someone, or to nobody."""

    to: Id | None = Field(description="The number of a person; null: nobody.")
    expected: Id | None = Field(
        default=None,
        description="Who has it as far as you know (null: nobody). If it is someone else, nothing"
        " is changed. Leave it out to take the case whoever has it.",
    )


class Close(Asked):
    """End a case."""

    seen: Seen | None = None


class Reopen(Asked):
    """Open a closed case again, as a new case about the same messages."""


class Snooze(Asked):
    """Put a case away for a while; it comes back then, or when the customer writes."""

    until: Instant
    seen: Seen | None = None


class WriteNote(Asked):
    """Write a note for colleagues."""

    text: Annotated[Words, StringConstraints(min_length=1, max_length=NOTE_LIMIT)]


class MarkCustomer(Asked):
    """Mark a customer as loyal, who waits less, or no longer."""

    vip: bool


class MergeCustomers(Asked):
    """Say that two customers are one person."""

    other: Id = Field(description="Any identity of the other one.")
    identities: Annotated[list[Id], Field(max_length=400)] | None = Field(
        default=None,
        description="All identities of both as you saw them; if they differ now, nothing is done.",
    )


class SplitCustomer(Asked):
    """Take a merge back."""

    merge: Id


class Correct(Asked):
    """Say what a message is. A field that is left out stays as people said; null lets the
    model's word stand."""

    sentiment: Sentiment | None = None
    complaint: bool | None = None
    urgent: bool | None = None
    intents: Annotated[list[Intent], Field(max_length=len(Intent))] | None = None


class Approve(Asked):
    """Let an answer leave that waits for approval."""

    body_hash: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] = Field(
        description="The `body_hash` of the answer as you read it; if it is another by now,"
        " nothing is changed."
    )


class SendBack(Asked):
    """Give an answer back to its writer."""

    word: Annotated[Words, StringConstraints(max_length=WORD_LIMIT)] = Field(
        default="", description="What to change, for its writer."
    )


class WriteAnswer(Asked):
    """Answer a customer."""

    text: Annotated[Words, StringConstraints(min_length=1, max_length=ANSWER_LIMIT)]
    message_id: Id = Field(description="The message that this answers, of the same conversation.")
    private: bool = Field(default=False, description="Send it as a DM to the writer.")
    automatic: bool = Field(
        default=False, description="True when no person wrote or read it before you send it."
    )
    approval: bool = Field(default=False, description="Wait until a person approves it.")
    not_before: Instant | None = Field(
        default=None, description="Send later; without it, in ten seconds."
    )
    expires_at: Instant | None = Field(default=None, description="Do not send after this.")
    seen: Seen | None = None


BroadcastText = Annotated[Words, StringConstraints(max_length=TEXT_LIMIT)]
Spoken = Literal["fa", "ar", "en"]


class BroadcastAccount(Asked):
    """One of the shop's own places, and the language of the public post there."""

    id: Id
    language: Spoken | None = None


class WriteBroadcast(Asked):
    """Tell everyone at once."""

    text: dict[Spoken, BroadcastText] = Field(description="The notice, by language.")
    personal: dict[Spoken, BroadcastText] = Field(
        default_factory=dict,
        description="What people are told who are written to one by one; without it, the notice.",
    )
    link: Annotated[Words, StringConstraints(max_length=500)] = ""
    picture: bool = Field(default=False, description="Post the notice as a picture too.")
    kind: Literal["payment", "site", "delivery", "support", "other"] = "other"
    stage: Annotated[Stage, Field(strict=False)] = Stage.INVESTIGATING
    accounts: Annotated[list[BroadcastAccount], Field(max_length=100)] | None = Field(
        default=None,
        description="Where to post in public; null: every connected account (of a follow-up: where"
        " the notice before was posted); an empty list: nowhere.",
    )
    complaints_about: Annotated[
        list[Annotated[Intent, Field(strict=False)]], Field(max_length=len(Intent))
    ] = Field(default_factory=list, description="Answer open complaints about these.")
    complaints_since: Instant | None = Field(
        default=None, description="Only of cases that were written to since."
    )
    cases: Annotated[list[Id], Field(max_length=10_000)] = Field(
        default_factory=list, description="Answer these cases too."
    )
    vips: bool = False
    open_windows: bool = Field(
        default=False, description="Write to everyone who may be written to in private."
    )
    follows: Id | None = Field(
        default=None, description="The broadcast whose people are to hear this; no others do."
    )
    close_cases: bool = Field(
        default=False, description="Close the cases of those who are told, unless they write again."
    )
    urgent: bool = Field(default=False, description="It leaves in quiet hours too.")
    not_before: Instant | None = None
    expires_after_hours: Annotated[int, Field(ge=1, le=168)] | None = None
    send: bool = Field(default=False, description="Send what was planned; else it is only planned.")
