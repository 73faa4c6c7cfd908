"""Intake: the one path by which messages enter the store, whatever collected them.

One batch is one short transaction. The same batch handed in twice, in another order, cut into
other batches, or cut off in the middle and handed in again, ends in the same rows: everything
kept of several messages is a smallest, a largest or a count of rows that are unique.

What is decided here, and why:

* Rows are locked as everywhere: identities, then messages, then cases, each by ascending id.
* A message is known by (platform, scope, native key). Seen again, it gains a sighting at most.
* A message belongs to the account through which it was first seen; seen through another of the
  shop's accounts it gains a sighting there, not a second case.
* A conversation has one case that is not closed. A new message goes there, wakes it if it was
  snoozed, or opens a new case: also one written before the last case was closed, for nobody can
  have read it then.
* Old posts (``historic``) gather in one closed case of their conversation: found, counted, with
  no due time and no alert.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from collectors import people
from collectors.storable import storable
from collectors.taken_back import take_back
from shenava.messages import AboutKind, AccountRef, Incoming, IntakeResult, MessageKind, Platform
from shenava.store import (
    Alone,
    Case,
    CaseState,
    Conversation,
    Fact,
    FactKind,
    Message,
    Sighting,
    Store,
    case_rank,
    changes,
)
from shenava.store.bulk import insert_into, insert_numbered, insert_rows, update_by_id
from shenava.text import NORMALISER_VERSION, clean, index_text

MessageKey = tuple[Platform, str, str]
ConversationKey = tuple[int, int, str]


def take_in(store: Store, batch: Sequence[Incoming]) -> IntakeResult:
    """Store a batch of messages, each once, with everything they hang on.

    Returns how many were new and how many were known already (in the store, or earlier in the
    batch). Nothing of the batch is kept if this raises; handing it in again is then the cure.
    """
    if not batch:
        return IntakeResult()
    with store.write_alone(Alone.INTAKE) as session:
        return take_in_session(session, batch, store.clock.now())


def take_in_session(
    session: Session, batch: Sequence[Incoming], now: datetime, *, also: Collection[int] = ()
) -> IntakeResult:
    """The same as part of the caller's transaction, which must be one of
    ``Store.write_alone(Alone.INTAKE)``: what else belongs to the batch is then stored with it.
    ``also``: further cases that the transaction will change. They are locked here, in one order
    with those of the batch: afterwards it would be too late for that.

    1. Find what is known. 2. Make sure of places and people. 3. Find or open conversations
    and cases. 4. Write messages, sightings, facts. 5. Tell the screens.
    """
    if not batch:
        return IntakeResult()
    batch = [storable(item) for item in batch]
    first: dict[MessageKey, Incoming] = {}
    for item in batch:
        if _is_unsent(item):
            first[_message_key(item)] = item
        first.setdefault(_message_key(item), item)
    ids = _known_messages(session, first)
    fresh = [item for key, item in first.items() if key not in ids]

    accounts = people.accounts(session, {item.account for item in batch}, now)
    identities = people.identities(session, fresh) if fresh else {}
    # Those of messages that were there: they are others' to lock too, and come before any case.
    _write_summons(session, batch, ids)
    unsent = {_message_key(item) for item in batch if _is_unsent(item)}
    take_back(session, {ids[key] for key in unsent if key in ids})
    if fresh:
        posts = people.posts(session, fresh)
        rows = [
            _FreshMessage(item, accounts[item.account], identities[people.identity_key(item)])
            for item in fresh
        ]
        conversations = _conversations(session, rows, posts)
        cases, opened = _cases(session, rows, conversations, also)
        new_ids = _write_messages(session, rows, conversations, cases, now)
        made = dict(zip(map(_message_key, fresh), new_ids, strict=True))
        _write_summons(session, batch, made)
        ids |= made
        _write_facts(session, rows, new_ids, conversations, cases, opened, now)
        changes.note(session, cases.values())
    _write_sightings(session, batch, ids, accounts, now)
    return IntakeResult(
        new=len(fresh),
        duplicate=len(batch) - len(fresh),
        message_ids=tuple(ids[_message_key(item)] for item in fresh),
    )


@dataclass(frozen=True, slots=True)
class _FreshMessage:
    """A message that is new, with the rows it hangs on."""

    item: Incoming
    account_id: int
    identity_id: int

    @property
    def conversation_key(self) -> ConversationKey:
        return (self.account_id, self.identity_id, _thread(self.item))


def _is_unsent(item: Incoming) -> bool:
    return item.about is not None and item.about.kind is AboutKind.UNSENT


def _message_key(item: Incoming) -> MessageKey:
    return (item.account.platform, item.scope, item.native_key)


def _thread(item: Incoming) -> str:
    """Which conversation of one person with one account this message is part of."""
    if item.kind is MessageKind.DM:
        return "dm"
    if item.post is not None:
        return f"post:{item.post.native_key}"
    return "private" if not item.kind.is_public else "public"


def _known_messages(session: Session, wanted: Iterable[MessageKey]) -> dict[MessageKey, int]:
    by_place: dict[tuple[Platform, str], list[str]] = {}
    for platform, scope, key in wanted:
        by_place.setdefault((platform, scope), []).append(key)
    known: dict[MessageKey, int] = {}
    for (platform, scope), keys in by_place.items():
        for message_id, key in session.execute(
            select(Message.id, Message.native_key).where(
                Message.platform == platform, Message.scope == scope, Message.native_key.in_(keys)
            )
        ):
            known[(platform, scope, key)] = message_id
    return known


def _conversations(
    session: Session,
    rows: Sequence[_FreshMessage],
    posts: dict[tuple[Platform, str], int],
) -> dict[ConversationKey, int]:
    post_of: dict[ConversationKey, int | None] = {}
    for row in rows:
        post = row.item.post
        post_of[row.conversation_key] = (
            posts[(row.item.account.platform, post.native_key)] if post else None
        )
    found: dict[ConversationKey, int] = {
        (row.account_id, row.identity_id, row.thread): row.id
        for row in session.execute(
            select(
                Conversation.id,
                Conversation.account_id,
                Conversation.identity_id,
                Conversation.thread,
            ).where(Conversation.identity_id.in_({key[1] for key in post_of}))
        )
    }
    missing = [key for key in post_of if key not in found]
    if missing:
        new = [
            {
                "account_id": key[0],
                "identity_id": key[1],
                "thread": key[2],
                "post_id": post_of[key],
            }
            for key in missing
        ]
        found.update(zip(missing, insert_numbered(session, Conversation, new), strict=True))
    return found


CaseKey = tuple[int, bool]
"""(conversation, historic)."""


@dataclass(slots=True)
class _Arrivals:
    """What one batch brings to one case."""

    first: datetime
    last: datetime
    count: int
    account_id: int
    identity_id: int


def _cases(
    session: Session,
    rows: Sequence[_FreshMessage],
    conversations: dict[ConversationKey, int],
    also: Collection[int],
) -> tuple[dict[CaseKey, int], set[int]]:
    """The case of each conversation that something arrived for, and which of them are new."""
    arrivals: dict[CaseKey, _Arrivals] = {}
    for row in rows:
        key = (conversations[row.conversation_key], row.item.historic)
        at = row.item.written_at
        known = arrivals.setdefault(key, _Arrivals(at, at, 0, row.account_id, row.identity_id))
        known.first, known.last = min(known.first, at), max(known.last, at)
        known.count += 1

    # Locked, so that nobody closes a case between this look and the message that goes there.
    theirs = and_(
        Case.conversation_id.in_({key[0] for key in arrivals}),
        or_(Case.state != CaseState.CLOSED, Case.historic),
    )
    present = {
        (found.conversation_id, found.historic): found
        for found in session.execute(
            select(
                Case.id,
                Case.conversation_id,
                Case.historic,
                Case.state,
                Case.priority,
                Case.due_at,
                Case.opened_at,
                Case.last_message_at,
                Case.waiting_since,
                Case.message_count,
            )
            .where(or_(theirs, Case.id.in_(also)) if also else theirs)
            .order_by(Case.id)
            .with_for_update(key_share=True)
        )
        # Of those that are only locked, a closed one takes nothing in.
        if found.historic or found.state is not CaseState.CLOSED
    }
    # In their order too, for who opens a second one of a conversation waits for the first.
    missing = sorted(key for key in arrivals if key not in present)
    ids: dict[CaseKey, int] = {key: found.id for key, found in present.items() if key in arrivals}
    _grow(session, [(found, arrivals[key]) for key, found in present.items() if key in arrivals])
    if missing:
        new = [_new_case(key, arrivals[key]) for key in missing]
        ids.update(zip(missing, insert_numbered(session, Case, new), strict=True))
    return ids, {ids[key] for key in missing}


def _new_case(key: CaseKey, arrived: _Arrivals) -> dict[str, Any]:
    conversation_id, historic = key
    waiting_since = None if historic else arrived.first
    priority = 0 if historic else 1
    return {
        "conversation_id": conversation_id,
        "account_id": arrived.account_id,
        "identity_id": arrived.identity_id,
        "state": CaseState.CLOSED if historic else CaseState.OPEN,
        "historic": historic,
        "priority": priority,
        "rank": case_rank(priority, None, waiting_since),
        "reasons": [],
        "needs_answer": not historic,
        "opened_at": arrived.first,
        "last_message_at": arrived.last,
        "waiting_since": waiting_since,
        "closed_at": arrived.last if historic else None,
        "message_count": arrived.count,
        "judged": False,
    }


def _grow(session: Session, grown: Sequence[tuple[Any, _Arrivals]]) -> None:
    """Add what arrived to cases that were there. A snoozed one wakes: the customer wrote."""
    if not grown:
        return
    values = []
    for found, arrived in grown:
        last = max(found.last_message_at, arrived.last)
        waiting = (
            None if found.historic else min(found.waiting_since or arrived.first, arrived.first)
        )
        values.append(
            {
                "b_id": found.id,
                "state": CaseState.CLOSED if found.historic else CaseState.OPEN,
                "snoozed_until": None,
                "opened_at": min(found.opened_at, arrived.first),
                "last_message_at": last,
                "waiting_since": waiting,
                "closed_at": last if found.historic else None,
                "message_count": found.message_count + arrived.count,
                "judged": False,
                "needs_answer": not found.historic,
                "rank": case_rank(found.priority, found.due_at, waiting),
            }
        )
    update_by_id(session, Case, values)


def _write_messages(
    session: Session,
    rows: Sequence[_FreshMessage],
    conversations: dict[ConversationKey, int],
    cases: dict[CaseKey, int],
    now: datetime,
) -> list[int]:
    values = []
    for row in rows:
        item = row.item
        conversation_id = conversations[row.conversation_key]
        text, raw = clean("" if _is_unsent(item) else item.text)
        author = item.author
        values.append(
            {
                "platform": item.account.platform,
                "scope": item.scope,
                "native_key": item.native_key,
                "kind": item.kind,
                "identity_id": row.identity_id,
                "conversation_id": conversation_id,
                "case_id": cases[(conversation_id, item.historic)],
                "reply_to_key": item.reply_to_key,
                "permalink": item.permalink,
                "text": text,
                "raw": raw,
                "search_text": index_text(text, author.name or "", author.handle or ""),
                "normaliser": NORMALISER_VERSION,
                "historic": item.historic,
                "written_at": item.written_at,
                "received_at": now,
                "judge_after": now,
                "about": item.about.kind if item.about else None,
                "about_url": item.about.url if item.about else None,
            }
        )
    return insert_numbered(session, Message, values)


def _write_sightings(
    session: Session,
    batch: Sequence[Incoming],
    ids: dict[MessageKey, int],
    accounts: dict[AccountRef, int],
    now: datetime,
) -> None:
    seen = {(ids[_message_key(item)], accounts[item.account], item.source) for item in batch}
    session.execute(
        insert_into(session, Sighting).on_conflict_do_nothing(),
        [
            {"message_id": message, "account_id": account, "source": source, "seen_at": now}
            for message, account, source in sorted(seen)
        ],
    )


def _write_summons(session: Session, batch: Sequence[Incoming], ids: dict[MessageKey, int]) -> None:
    """Whether the author of the messages in ``ids`` summoned the account, as far as any source
    told: yes outranks no."""
    told: dict[bool, set[int]] = {True: set(), False: set()}
    for item in batch:
        if item.summoned is not None and (message_id := ids.get(_message_key(item))) is not None:
            told[item.summoned].add(message_id)
    if not any(told.values()):
        return
    weaker = {
        True: or_(Message.summoned.is_(None), Message.summoned.is_(False)),
        False: Message.summoned.is_(None),
    }
    news = [and_(Message.id.in_(wanted), weaker[value]) for value, wanted in told.items()]
    found = session.scalars(
        select(Message.id).where(or_(*news)).order_by(Message.id).with_for_update(key_share=True)
    ).all()
    for value, wanted in told.items():
        changing = wanted.intersection(found)
        if changing:
            session.execute(
                update(Message)
                .where(Message.id.in_(changing), weaker[value])
                .values(summoned=value)
                .execution_options(synchronize_session=False)
            )


def _write_facts(
    session: Session,
    rows: Sequence[_FreshMessage],
    message_ids: Sequence[int],
    conversations: dict[ConversationKey, int],
    cases: dict[CaseKey, int],
    opened: set[int],
    now: datetime,
) -> None:
    facts: list[dict[str, Any]] = []
    for row, message_id in zip(rows, message_ids, strict=True):
        item = row.item
        facts.append(
            {
                "kind": FactKind.MESSAGE_RECEIVED,
                "happened_at": item.written_at,
                "recorded_at": now,
                "case_id": cases[(conversations[row.conversation_key], item.historic)],
                "message_id": message_id,
                "details": {
                    "platform": item.account.platform,
                    "account": row.account_id,
                    "kind": item.kind,
                    "historic": item.historic,
                },
            }
        )
    facts.extend(
        {
            "kind": FactKind.CASE_OPENED,
            "happened_at": now,
            "recorded_at": now,
            "case_id": case_id,
            "message_id": None,
            "details": {"historic": historic},
        }
        for (_, historic), case_id in cases.items()
        if case_id in opened
    )
    insert_rows(session, Fact, facts)
