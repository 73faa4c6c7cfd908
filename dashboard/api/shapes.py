"""What the API answers, as JSON: cases, messages, notes, accounts, answers, changes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import Field

from dashboard.api.words import Id, Instant, Told
from shenava.messages import (
    Deed,
    Intent,
    Language,
    MediaKind,
    MessageKind,
    Platform,
    Script,
    Sentiment,
)
from shenava.store import (
    AccountState,
    AttachmentState,
    BroadcastState,
    CaseState,
    OutboxState,
    PausedBecause,
    RemovedBecause,
    Stage,
)

_Item = TypeVar("_Item")


class Page(Told, Generic[_Item]):
    """Some items and where to go on."""

    items: list[_Item]
    next: str | None = Field(description="Give it as `cursor` for the next page; null at the end.")


class Staff(Told):
    """Someone who works here."""

    id: Id
    name: str


class Place(Told):
    """One of the shop's own places on a platform."""

    id: Id
    platform: Platform
    handle: str


class Customer(Told):
    """A person on one platform, as they were last seen."""

    id: Id
    name: str | None
    handle: str | None
    followers: int | None
    vip: bool
    blocked: bool


class Identity(Told):
    """A person on one platform. What is blocked or opted out is so there, and nowhere else."""

    id: Id
    platform: Platform
    name: str
    handle: str | None
    followers: int | None
    blocked_at: Instant | None
    opted_out_at: Instant | None


class CustomerSummary(Told):
    """A customer: one or more identities that are one person."""

    id: Id = Field(description="The identity that was heard of last; any of theirs will do.")
    name: str
    vip: bool
    identities: list[Identity] = Field(description="Last heard of first.")
    open_cases: int
    last_message_at: Instant | None


class Reason(Told):
    """Why a case has its priority."""

    code: str
    params: dict[str, Any]


class CaseSummary(Told):
    """A case: one episode of a conversation, from open to closed."""

    id: Id
    conversation_id: Id
    reopened_from_id: Id | None
    state: CaseState
    historic: bool = Field(description="Old messages that were imported; closed from the start.")
    priority: int = Field(ge=0, le=3, description="0 low, 1 normal, 2 high, 3 urgent.")
    reasons: list[Reason] = Field(description="The strongest first.")
    needs_answer: bool
    account: Place
    customer: Customer
    assignee: Staff | None
    language: Language | None
    sentiment: Sentiment | None
    complaint: bool | None = Field(description="Null: not sure, or not judged yet.")
    urgent: bool | None = Field(description="Null: not sure, or not judged yet.")
    judged: bool = Field(description="Every message so far has its verdict.")
    message_count: int
    opened_at: Instant
    last_message_at: Instant
    waiting_since: Instant | None
    due_at: Instant | None = Field(description="When a first answer is due.")
    first_response_at: Instant | None
    answered_at: Instant | None
    snoozed_until: Instant | None
    closed_at: Instant | None


class ScoredSentiment(Told):
    """A sentiment with its calibrated probability."""

    value: Sentiment
    probability: float


class ScoredAnswer(Told):
    """Yes, no or not sure (null). The probability is that of the value, or of yes."""

    value: bool | None
    probability: float


class ScoredIntent(Told):
    """An intent with its calibrated probability."""

    value: Intent
    probability: float


class ModelWord(Told):
    """What the model says, whatever a person said after."""

    name: str
    judged_at: Instant
    sentiment: ScoredSentiment
    complaint: ScoredAnswer
    urgent: ScoredAnswer
    intents: list[ScoredIntent]
    why: list[str] = Field(description="The words that decided, the strongest first.")


class Verdict(Told):
    """What is held to be true of a message: the model's word as people corrected it."""

    language: Language
    script: Script
    sentiment: Sentiment
    complaint: bool | None = Field(description="Null: not sure.")
    urgent: bool | None = Field(description="Null: not sure.")
    intents: list[Intent]
    corrected: bool = Field(description="A person's word stands over the model's somewhere.")
    model: ModelWord


class Attachment(Told):
    """A picture or film that hangs on a message."""

    kind: MediaKind
    alt: str = Field(description="Its author's description; empty without one.")
    state: AttachmentState = Field(
        description="`kept`: a picture of it can be seen in the dashboard. The others: why not."
    )
    width: int | None = Field(description="Pixels, as the platform told.")
    height: int | None


class Message(Told):
    """One thing that a customer wrote."""

    id: Id = Field(description="Grows in the order in which messages came in.")
    case_id: Id
    conversation_id: Id
    platform: Platform
    kind: MessageKind
    author: Customer
    text: str
    permalink: str | None
    historic: bool
    written_at: Instant = Field(description="The platform's time.")
    received_at: Instant
    edited_at: Instant | None = Field(description="When its author last put it otherwise.")
    removed: RemovedBecause | None = Field(
        description="Why nothing is left of it but its place; `text` is empty then."
    )
    attachments: list[Attachment]
    verdict: Verdict | None = Field(description="Null: not judged yet.")


class Note(Told):
    """What staff tell each other about a case or a customer. Customers never see it."""

    id: Id
    text: str
    by: Staff
    written_at: Instant


class CustomerMerge(Told):
    """Someone said that two customers are one person."""

    id: Id
    identities: list[Identity] = Field(description="Those that came with it.")
    by: str
    merged_at: Instant
    evidence: list[str] = Field(description="Kinds of what spoke for it then.")


class MaybeSame(Told):
    """Someone else who may be the same person. Nothing is merged by itself."""

    identities: list[Identity]
    strength: str = Field(description="strong, likely or possible.")
    evidence: list[str] = Field(description="Kinds of what both share, the most telling first.")


class CustomerWhole(CustomerSummary):
    """A customer with all that is known of them; what they wrote is read with their cases."""

    messages: int
    cases: int
    complaints: int
    first_answer_seconds: int | None = Field(
        description="The mean time from the opening of a case to its first answer, by the clock."
    )
    open_case_ids: list[Id]
    notes: list[Note] = Field(description="The newest first.")
    merges: list[CustomerMerge] = Field(description="Those that hold, the newest first.")
    maybe: list[MaybeSame]


class CustomerMerged(Told):
    """What a merge came to."""

    merge_id: Id = Field(description="To take it back.")
    customer: CustomerWhole


class CaseWhole(CaseSummary):
    """A case with everything in it."""

    messages: list[Message] = Field(description="The newest 200, the oldest first.")
    messages_left_out: int = Field(description="How many older ones `/messages?case=` has.")
    notes: list[Note] = Field(description="The newest 200, the oldest first.")
    notes_left_out: int
    seen: str = Field(
        description="What there was to see. Give it back when you close, snooze or answer:"
        " should something have happened meanwhile, nothing is done."
    )


class CaseDone(Told):
    """What a deed came to."""

    changed: bool = Field(description="False: it was so already.")
    case: CaseSummary


class Account(Place):
    """One of the shop's own places, and how it stands with its platform."""

    name: str | None
    state: AccountState
    paused_because: PausedBecause | None
    connected_at: Instant | None
    token_expires_at: Instant | None


class Answer(Told):
    """One thing to send, once: a row of the outbox."""

    id: Id
    state: OutboxState
    deed: Deed
    account_id: Id
    case_id: Id | None
    message_id: Id | None
    text: str
    body_hash: str = Field(
        description="SHA-256 of all that is sent and to whom: give it to approve just this."
    )
    by: str = Field(description="Who asked: `user:7`, `token:3`, `broadcast:12`.")
    key: str = Field(description="The key they made.")
    automatic: bool
    by_hand: bool = Field(description="Given on the platform itself, and recorded here.")
    created_at: Instant
    not_before: Instant
    expires_at: Instant | None
    sending_at: Instant | None
    sent_at: Instant | None
    native_key: str | None = Field(description="The platform's own id of what was sent.")
    permalink: str | None
    reason: str | None = Field(description="Why it was refused, failed or is unknown: a code.")
    way_out: str | None = Field(description="What is possible instead: a code.")
    approved_by: Id | None
    returned_by: Id | None = Field(description="Who did not approve it; `reason` is `returned`.")
    returned_word: str | None = Field(description="What they said to its writer.")
    price_micros: int = Field(description="Millionths of a US dollar.")


class AnswerDone(Told):
    """What a decision came to."""

    changed: bool = Field(description="False: it waited no longer, or its text is another.")
    answer: Answer


class Changes(Told):
    """What moved."""

    upto: str = Field(pattern="^[0-9]+$", description="Ask with this number next.")
    complete: bool = Field(description="False: too much moved to tell; read afresh.")
    case_ids: list[Id]


class CasePage(Page[CaseSummary]):
    """Cases, and where to go on."""


class CustomerPage(Page[CustomerSummary]):
    """Customers, and where to go on."""


class MessagePage(Page[Message]):
    """Messages, and where to go on."""


class AccountPage(Page[Account]):
    """The shop's own places."""


class AnswerPage(Page[Answer]):
    """Answers, and where to go on."""


class ProblemKind(Told):
    """A kind of problem."""

    type: str
    title: str
    status: int


class Problems(Told):
    """All kinds of problems there are."""

    items: list[ProblemKind]


class BroadcastSummary(Told):
    """A notice to everyone at once."""

    id: Id
    state: BroadcastState
    stage: Stage
    kind: str
    follows: Id | None = Field(description="The broadcast whose people this one goes to.")
    created_at: Instant
    not_before: Instant | None
    expires_at: Instant | None
    started_at: Instant | None
    ended_at: Instant | None
    recipients: int = Field(description="Public posts and people that the plan reaches.")
    people: int = Field(description="Of these, people.")
    price_micros: int = Field(description="What the plan costs, in millionths of a US dollar.")
    seconds: int = Field(description="How long it takes at the platforms' pace.")


class BroadcastPost(Told):
    """A public post, as it will look."""

    account_id: Id
    language: Language
    text: str
    length: int = Field(description="As the platform counts.")
    length_limit: int
    price_micros: int
    left_out_because: str | None


class LeftOut(Told):
    """How many are not told, and why."""

    account_id: Id
    reason: str
    count: int


class BroadcastProgress(Told):
    """How many recipients ended in each way, or have not yet."""

    waiting: int
    sending: int
    sent: int
    refused: int
    failed: int
    unknown: int = Field(description="Sent or not: looked up, or left to a person.")
    by_hand: int = Field(description="A person has to post it.")
    left_out: int
    stopped: int


class Broadcast(BroadcastSummary):
    """A notice to everyone at once, with its plan and what became of everyone."""

    posts: list[BroadcastPost]
    left_out: list[LeftOut]
    progress: BroadcastProgress


class BroadcastPage(Page[BroadcastSummary]):
    """Some broadcasts."""


class ReportFigure(Told):
    """One number of a report."""

    figure: str
    segment: str = Field(description="Empty for the whole figure.")
    value: int
    before: int | None = Field(description="The week before; null where there is none to compare.")
    change: str = Field(description="`more`, `fewer`, `chance`, `few` (to tell) or `alone`.")
    p: float | None = Field(description="How likely so great a difference is by chance.")


class ReportSpans(Told):
    """Lengths of time: `open` counts opening hours only."""

    number: int
    median_open_s: int | None
    p90_open_s: int | None
    median_s: int | None
    p90_s: int | None


class ReportTimes(ReportSpans):
    """How long something took, this week and the week before."""

    figure: str
    before: ReportSpans
    change: str


class ReportBroadcast(Told):
    """A broadcast of the week, and the complaints around it."""

    id: Id
    began_at: Instant
    stage: str
    complaints_3h_before: int
    complaints_3h_after: int


class Report(Told):
    """The report of one week, as known at `as_of`."""

    week: str = Field(description="The local date it begins on.")
    time_zone: str
    starts_at: Instant
    ends_at: Instant
    counted_until: Instant
    as_of: Instant
    finished: bool
    compared: bool = Field(description="There is a week before to compare with.")
    figures: list[ReportFigure]
    times: list[ReportTimes]
    broadcasts: list[ReportBroadcast]


class ReportRow(Told):
    """One row behind a number. `kind` tells what `id` is the number of: a message, a case, an
    answer, or a line of the ledger of facts."""

    kind: str
    id: Id
    happened_at: Instant
    open_s: int | None = Field(description="Of a time: its seconds of opening hours.")
    elapsed_s: int | None


class ReportRows(Told):
    """Rows behind a number, and where to go on."""

    as_of: Instant
    items: list[ReportRow]
    next: str | None = Field(description="Give it as `cursor` for the next page; null at the end.")
