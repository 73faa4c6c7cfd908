"""Intake: the one path by which messages enter the store, whatever collected them.

One batch is one short transaction. The same batch handed in twice, in another order, cut into
other batches, or cut off in the middle and handed in again, ends in the same rows: everything
kept of several messages is a smallest, a largest or a count of rows that are unique.

What is decided here, and why:

* Rows are locked as everywhere: identities, then messages, then cases, each by ascending id.
* A message is known by (platform, scope, native key). Seen again, it gains a sighting, and what was
  not told the first time (``collectors.again``).
* Versions of an edited message are one message (:mod:`collectors.editions`). A newer version is
  judged anew, and its case waits from then on if it had been answered; were the case closed, it
  is opened again, for nobody can have read it then.
* A removed message, and what an erased person wrote, is not taken in again.
* A message belongs to the account through which it was first seen; seen through another of the
  shop's accounts it gains a sighting there, not a second case.
* A conversation has one case that is not closed. A new message goes there, wakes it if it was
  snoozed, or opens a new case: also one written before the last case was closed, for nobody can
  have read it then.
* Old posts (``historic``) gather in one closed case of their conversation: found, counted, with
  no due time and no alert.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from collectors import attachments, editions, erased, people, reconcile
from collectors.again import learn
from collectors.editions import Edit, Family, MessageKey, key_of
from collectors.storable import storable
from collectors.taken_back import take_back
from shenava.messages import (
    AboutKind,
    AccountRef,
    Incoming,
    IntakeResult,
    MessageKind,
    Platform,
    Source,
)
from shenava.store import (
    Alone,
    Case,
    CaseRead,
    CaseState,
    Conversation,
    Fact,
    FactKind,
    Message,
    OwnMessageRow,
    Sighting,
    Store,
    case_rank,
    changes,
)
from shenava.store.bulk import insert_into, insert_numbered, insert_rows, update_by_id
from shenava.text import NORMALISER_VERSION, clean, index_text

ConversationKey = tuple[int, int, str]

LOOK_AFTER = timedelta(hours=20)
"""When it is first looked whether a message is still there: within a day, with room to be late."""


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
    delivered = [storable(item) for item in batch]
    marks = erased.marks(session, delivered)
    batch = reconcile.same(session, erased.allowed(marks, delivered))
    batch = _not_our_own(session, batch)
    if not batch:
        return IntakeResult(duplicate=len(delivered))
    found = editions.families(session, batch)
    fresh = [family for family in found if family.known is None]
    edited = editions.with_news(found)

    accounts = people.accounts(session, {item.account for item in batch}, now)
    told = [
        item for family in (*fresh, *edited) if not _is_removed(family) for item in family.items
    ]
    identities = people.identities(session, told, marks) if told else {}
    ids = {key_of(item): family.message_id for family in found for item in family.items}
    known = {key: number for key, number in ids.items() if number}
    if edited:
        editions.lock(session, known.values())
    # Those of messages that were there: they are others' to lock too, and come before any case.
    _write_summons(session, batch, known)
    edits = editions.apply(session, edited, now)
    unsent = [family for family in found if family.known and _is_unsent(family)]
    take_back(session, {family.message_id for family in unsent}, now)
    learnt = learn(
        session, [(item, known[key]) for item in batch if (key := key_of(item)) in known], now
    )
    also = {*also, *_cases_of(session, edits), *learnt.case_ids}
    if not fresh:
        _lock(session, also)
    if fresh:
        posts = people.posts(session, [family.newest for family in fresh])
        rows = [
            _FreshMessage.of(
                family, accounts[family.items[0].account], identities[_author_of(family)]
            )
            for family in fresh
        ]
        conversations = _conversations(session, rows, posts)
        cases, opened = _cases(session, rows, conversations, also)
        new_ids = _write_messages(session, rows, conversations, cases, now)
        for family, new_id in zip(fresh, new_ids, strict=True):
            family.message_id = new_id
            ids |= {key_of(item): new_id for item in family.items}
        editions.keep_new(session, fresh)
        unsent = [family for family in fresh if _is_unsent(family)]
        take_back(session, {family.message_id for family in unsent}, now)
        made = set(new_ids)
        _write_summons(session, batch, {key: n for key, n in ids.items() if n in made})
        _write_facts(session, rows, new_ids, conversations, cases, opened, now)
        changes.note(session, cases.values())
    if edits:
        _grow_edited(session, edits, now)
    learnt.move(session)
    shown = [family for family in found if not _is_unsent(family)]
    attachments.take_in(session, shown, {edit.message_id for edit in edits if edit.newer}, now)
    _write_sightings(session, batch, ids, accounts, now)
    return IntakeResult(
        new=len(fresh),
        duplicate=len(delivered) - len(fresh),
        message_ids=tuple(family.message_id for family in fresh),
    )


def _not_our_own(session: Session, batch: Sequence[Incoming]) -> Sequence[Incoming]:
    """``batch`` without what the shop wrote itself. A search finds that too, and some platforms
    do not say who wrote what it finds (Instagram's hashtags)."""
    found = {(item.account.platform, item.native_key) for item in batch if _may_be_ours(item)}
    if not found:
        return batch
    ours = {
        (row.platform, row.native_key)
        for row in session.execute(
            select(OwnMessageRow.platform, OwnMessageRow.native_key).where(
                OwnMessageRow.platform.in_({platform for platform, _ in found}),
                OwnMessageRow.native_key.in_({key for _, key in found}),
            )
        )
    }
    return [
        item
        for item in batch
        if not _may_be_ours(item) or (item.account.platform, item.native_key) not in ours
    ]


def _may_be_ours(item: Incoming) -> bool:
    return item.kind is MessageKind.POST and item.source is Source.SEARCH


@dataclass(frozen=True, slots=True)
class _FreshMessage:
    """A message that is new, with the rows it hangs on."""

    item: Incoming
    account_id: int
    identity_id: int
    first_at: datetime
    last_at: datetime

    @classmethod
    def of(cls, family: Family, account_id: int, identity_id: int) -> _FreshMessage:
        """The newest version; it belongs to the account through which the first one came."""
        item = replace(family.newest, account=family.items[0].account)
        return cls(item, account_id, identity_id, family.first_at, family.last_at)

    @property
    def conversation_key(self) -> ConversationKey:
        return (self.account_id, self.identity_id, _thread(self.item))


def _is_unsent(family: Family) -> bool:
    return any(
        item.about is not None and item.about.kind is AboutKind.UNSENT for item in family.items
    )


def _author_of(family: Family) -> people.IdentityKey:
    return people.identity_key(family.items[0])


def _is_removed(family: Family) -> bool:
    return family.known is not None and family.known.removed


def _thread(item: Incoming) -> str:
    """Which conversation of one person with one account this message is part of."""
    if item.kind is MessageKind.DM:
        return "dm"
    if item.post is not None:
        return f"post:{item.post.native_key}"
    return "private" if not item.kind.is_public else "public"


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
        known = arrivals.setdefault(
            key, _Arrivals(row.first_at, row.last_at, 0, row.account_id, row.identity_id)
        )
        known.first, known.last = min(known.first, row.first_at), max(known.last, row.last_at)
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
        text, raw = clean(item.text)
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
                "written_at": row.first_at,
                "received_at": now,
                "judge_after": now,
                "about": item.about.kind if item.about else None,
                "about_url": item.about.url if item.about else None,
                "edition": item.edition,
                "edited_at": item.version_at if item.edition else None,
                "look_at": now + LOOK_AFTER if _is_looked_after(item) else None,
            }
        )
    return insert_numbered(session, Message, values)


def _is_looked_after(item: Incoming) -> bool:
    """Whether to look later if its platform still has it: what came from there, in public."""
    return item.kind.is_public and item.source is not Source.IMPORT


def _cases_of(session: Session, edits: Sequence[Edit]) -> Sequence[int]:
    """The cases of what was edited, and of their conversations the live ones."""
    if not edits:
        return ()
    cases = [edit.case_id for edit in edits]
    of = select(Case.conversation_id).where(Case.id.in_(cases))
    live = and_(Case.conversation_id.in_(of), Case.state != CaseState.CLOSED)
    return session.scalars(select(Case.id).where(or_(Case.id.in_(cases), live))).all()


def _lock(session: Session, case_ids: Collection[int]) -> None:
    if case_ids:
        session.execute(
            select(Case.id)
            .where(Case.id.in_(case_ids))
            .order_by(Case.id)
            .with_for_update(key_share=True)
        ).all()


def _grow_edited(session: Session, edits: Sequence[Edit], now: datetime) -> None:
    """What versions that came late or anew mean for the cases of their messages."""
    by_case: dict[int, list[Edit]] = {}
    for edit in edits:
        by_case.setdefault(edit.case_id, []).append(edit)
    reopened: dict[int, tuple[Any, datetime]] = {}
    for found in session.execute(
        select(*Case.__table__.columns).where(Case.id.in_(by_case)).order_by(Case.id)
    ).all():
        of_case = by_case[found.id]
        newer = [edit.last_at for edit in of_case if edit.newer]
        if found.state is CaseState.CLOSED and not found.historic:
            if newer:
                reopened[found.conversation_id] = (found, max(newer))
            continue
        first = min(edit.first_at for edit in of_case)
        values: dict[str, Any] = {
            "opened_at": min(found.opened_at, first),
            "last_message_at": max(found.last_message_at, *(edit.last_at for edit in of_case)),
        }
        if found.historic:
            values["closed_at"] = values["last_message_at"]
        elif newer or found.waiting_since is not None:
            values["waiting_since"] = min(found.waiting_since or min(newer), first)
            values["rank"] = case_rank(found.priority, found.due_at, values["waiting_since"])
        if newer:
            values |= {"judged": False, "needs_answer": not found.historic}
            if found.state is CaseState.SNOOZED:
                values |= {"state": CaseState.OPEN, "snoozed_until": None}
        update_by_id(session, Case, [{"b_id": found.id, **values}])
        if newer:
            _unread(session, found.id, found.message_count)
    changes.note(session, by_case)
    _reopen(session, reopened, now)


def _unread(session: Session, case_id: int, messages: int) -> None:
    """Nobody has read the newer words; the number of messages does not tell."""
    session.execute(
        update(CaseRead)
        .where(CaseRead.case_id == case_id, CaseRead.message_count >= messages)
        .values(message_count=messages - 1)
        .execution_options(synchronize_session=False)
    )


def _reopen(session: Session, closed: dict[int, tuple[Any, datetime]], now: datetime) -> None:
    """Open cases about closed ones in which a message was edited, where the conversation has no
    live one."""
    if not closed:
        return
    live = set(
        session.scalars(
            select(Case.conversation_id).where(
                Case.conversation_id.in_(closed), Case.state != CaseState.CLOSED
            )
        )
    )
    found = [closed[key] for key in sorted(closed) if key not in live]
    if not found:
        return
    ids = insert_numbered(
        session,
        Case,
        [
            {
                "conversation_id": case.conversation_id,
                "account_id": case.account_id,
                "identity_id": case.identity_id,
                "reopened_from_id": case.id,
                "state": CaseState.OPEN,
                "historic": False,
                "priority": 1,
                "rank": case_rank(1, None, at),
                "reasons": [],
                "needs_answer": True,
                "opened_at": now,
                "last_message_at": max(case.last_message_at, at),
                "waiting_since": at,
                "message_count": 0,
                "judged": False,
            }
            for case, at in found
        ],
    )
    insert_rows(
        session,
        Fact,
        [
            {
                "kind": FactKind.CASE_OPENED,
                "happened_at": now,
                "recorded_at": now,
                "case_id": case_id,
                "message_id": None,
                "details": {"historic": False, "reopened_from": case.id, "because": "edited"},
            }
            for case_id, (case, _) in zip(ids, found, strict=True)
        ],
    )
    changes.note(session, ids)


def _write_sightings(
    session: Session,
    batch: Sequence[Incoming],
    ids: dict[MessageKey, int],
    accounts: dict[AccountRef, int],
    now: datetime,
) -> None:
    seen = {(ids[key_of(item)], accounts[item.account], item.source) for item in batch}
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
        if item.summoned is not None and (message_id := ids.get(key_of(item))) is not None:
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
                "happened_at": row.first_at,
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
