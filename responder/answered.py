"""What the shop wrote, wherever it wrote it: answers stop the clock, echoes find their row.

What was sent from here comes back when the account's own posts are read: perhaps before the
request itself returned. Both are one own message, known by the platform's id of it. Where that
is not known (the answer was lost, or the person answered by hand), an echo is matched by what it
answers and by its words; two candidates are no match.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from responder.outcome import fact
from responder.policy import Policy
from responder.record import facts, locked
from responder.retriage import retriage
from responder.triage import Priority
from shenava.channels import OwnMessage
from shenava.messages import Deed
from shenava.store import (
    Account,
    Case,
    Conversation,
    FactKind,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    changes,
)
from shenava.store.bulk import insert_into

_SLACK = timedelta(minutes=5)
"""How far a platform's clock may be from ours."""

_BY_HAND = timedelta(hours=1)
"""An answer given by hand is written down within this time of being given."""

ANSWERS = (Deed.ANSWER, Deed.DM, Deed.PRIVATE_REPLY)
"""Deeds by which a customer is answered: they stop the clock."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The shop answered a case at ``at`` (the platform's time). ``by``: the colleague, where
    known."""

    case_id: int
    at: datetime
    by: int | None


def answered(
    session: Session, case_id: int, at: datetime, now: datetime, policy: Policy, *, by: int | None
) -> None:
    """One answer: see :func:`answered_all`."""
    answered_all(session, [Answer(case_id, at, by)], now, policy)


def answered_all(
    session: Session, answers: Iterable[Answer], now: datetime, policy: Policy
) -> None:
    """The shop answered some cases: their clocks stop, unless the customer wrote after that; then
    they run from there.

    Told of answers in any order, or twice, it ends in the same.
    """
    told = sorted(answers, key=lambda answer: answer.at)
    cases = {case.id: case for case in locked(session, {answer.case_id for answer in told})}
    first: dict[int, Answer] = {}
    last: dict[int, Answer] = {}
    for answer in told:
        case = cases.get(answer.case_id)
        if case is not None and not case.historic and answer.at >= case.opened_at:
            first.setdefault(case.id, answer)
            last[case.id] = answer
    if not last:
        return
    later = _written_after(session, {key: last[key].at for key in last if cases[key].waiting_since})
    responses = {}
    for key, answer in last.items():
        case = cases[key]
        if case.waiting_since is not None:
            case.waiting_since = later.get(key)
        case.answered_at = max(case.answered_at or answer.at, answer.at)
        at, by = first[key].at, first[key].by
        if case.first_response_at is None or at < case.first_response_at:
            case.first_response_at = at
            opened = case.opened_at.isoformat()
            responses[key] = {
                "at": at.isoformat(),
                "opened_at": opened,
                "by": by,
                "urgent": case.priority == Priority.URGENT,
            }
    facts(session, FactKind.FIRST_RESPONSE, now, responses)
    session.flush()
    retriage(session, last, policy, now)


def _written_after(session: Session, answered_at: Mapping[int, datetime]) -> dict[int, datetime]:
    """By case, the first that the customer wrote, or put otherwise, after the answer."""
    if not answered_at:
        return {}
    found: dict[int, datetime] = {}
    said_at = func.coalesce(Message.edited_at, Message.written_at)
    for row in session.execute(
        select(Message.case_id, said_at.label("said_at")).where(
            Message.case_id.in_(answered_at),
            said_at > min(answered_at.values()),
            Message.removed_at.is_(None),
        )
    ):
        if row.said_at > answered_at[row.case_id]:
            found[row.case_id] = min(found.get(row.case_id, row.said_at), row.said_at)
    return found


def own_taker(policy: Policy) -> Callable[[Session, int, Sequence[OwnMessage], datetime], None]:
    """What ``collectors.fetch`` calls for each page: see :func:`take_own`."""

    def take(session: Session, account_id: int, own: Sequence[OwnMessage], now: datetime) -> None:
        take_own(session, account_id, own, now, policy)

    return take


def own_cases(session: Session, account_id: int, own: Sequence[OwnMessage]) -> set[int]:
    """The cases that :func:`take_own` will change, as far as they are there. Who locks cases
    before it, in the same transaction, locks these with them."""
    account = session.get_one(Account, account_id)
    places = (_place(session, account, item)[2] for item in own)
    return {case_id for case_id in places if case_id is not None}


def take_own(
    session: Session, account_id: int, own: Sequence[OwnMessage], now: datetime, policy: Policy
) -> int:
    """Store what the shop wrote, each once, and do what follows; returns how many were new."""
    account = session.get_one(Account, account_id)
    # All cases at once and in their order, as everywhere: one by one, in the order of the page,
    # two transactions could wait for each other.
    locked(session, own_cases(session, account_id, own))
    return sum(_take(session, account, item, now, policy) for item in own)


def _take(
    session: Session, account: Account, item: OwnMessage, now: datetime, policy: Policy
) -> bool:
    keys = [item.native_key, *item.edited_from]
    known = session.scalars(
        select(OwnMessageRow)
        .where(OwnMessageRow.platform == account.platform, OwnMessageRow.native_key.in_(keys))
        .limit(1)
    ).one_or_none()
    if known is not None:
        if item.edited_from and not _is_erased(session, known.identity_id):
            known.text = item.text
        return False
    identity_id, conversation_id, case_id = _place(session, account, item)
    if case_id is not None:
        # The case before the outbox, as everywhere, so that no two wait for each other.
        locked(session, [case_id])
    row = _sent_from_here(session, account.id, item)
    made = session.scalar(
        insert_into(session, OwnMessageRow)
        .values(
            platform=account.platform,
            scope="",
            native_key=item.native_key,
            account_id=account.id,
            kind=item.kind.value,
            text="" if _is_erased(session, identity_id) else item.text,
            written_at=item.written_at,
            received_at=now,
            reply_to_key=item.reply_to_key,
            permalink=item.permalink,
            identity_id=identity_id,
            conversation_id=conversation_id,
            case_id=case_id,
            outbox_id=row.id if row is not None else None,
        )
        .on_conflict_do_nothing()
        .returning(OwnMessageRow.id)
    )
    if made is None:
        return False
    if row is not None:
        _echoed(session, row, item, now)
    if case_id is not None:
        changes.note(session, [case_id])
        if item.kind in ANSWERS and (row is None or row.state is OutboxState.SENT):
            by = row.created_by if row is not None else None
            answered(session, case_id, item.written_at, now, policy, by=by)
    return True


def _is_erased(session: Session, identity_id: int | None) -> bool:
    """Whether the person was erased whom it answers: its words are about them."""
    if identity_id is None:
        return False
    asked = select(Identity.id).where(Identity.id == identity_id, Identity.erased_at.is_not(None))
    return session.scalar(asked) is not None


def _echoed(session: Session, row: OutboxRow, item: OwnMessage, now: datetime) -> None:
    """An echo found its row. One whose outcome was unknown is settled by it. One that is being
    sent stays with its worker, which will find the echo here."""
    if row.state is OutboxState.UNKNOWN:
        row.state, row.reason, row.look_at = OutboxState.SENT, None, None
        row.sent_at = item.written_at
        row.evidence = row.evidence | {"found": "echo"}
        row.native_key, row.permalink = item.native_key, item.permalink
        session.flush()
        fact(session, row, FactKind.ANSWER_SENT, now)
    elif row.state is OutboxState.SENT and row.native_key is None:
        row.native_key, row.permalink = item.native_key, row.permalink or item.permalink
        session.flush()


def link_echo(session: Session, row: OutboxRow, now: datetime) -> None:
    """``row`` was sent: make its own message, or find the echo that came before."""
    link_echoes(session, [row], now)


def link_echoes(session: Session, sent: Iterable[OutboxRow], now: datetime) -> None:
    """The same for some rows."""
    rows = {row.id: row for row in sent if row.native_key is not None}
    if not rows:
        return
    # A match by words that turns out to be another's gives the row free again.
    matched = session.execute(
        select(OwnMessageRow.id, OwnMessageRow.outbox_id, OwnMessageRow.native_key).where(
            OwnMessageRow.outbox_id.in_(rows)
        )
    ).all()
    wrong = [one.id for one in matched if one.native_key != rows[one.outbox_id].native_key]
    if wrong:
        session.execute(
            update(OwnMessageRow)
            .where(OwnMessageRow.id.in_(wrong))
            .values(outbox_id=None)
            .execution_options(synchronize_session=False)
        )
    accounts = {row.account_id for row in rows.values()}
    platforms = {
        one.id: one.platform
        for one in session.execute(
            select(Account.id, Account.platform).where(Account.id.in_(accounts))
        )
    }
    messages = {row.message_id for row in rows.values() if row.message_id is not None}
    conversations = {
        one.id: one.conversation_id
        for one in session.execute(
            select(Message.id, Message.conversation_id).where(Message.id.in_(messages))
        )
    }
    statement = insert_into(session, OwnMessageRow)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["platform", "scope", "native_key"],
            set_={
                "outbox_id": func.coalesce(OwnMessageRow.outbox_id, statement.excluded.outbox_id)
            },
        ),
        [
            {
                "platform": platforms[row.account_id],
                "scope": "",
                "native_key": row.native_key,
                "account_id": row.account_id,
                "kind": row.deed.value,
                "text": row.text,
                "written_at": row.sent_at,
                "received_at": now,
                "reply_to_key": row.to_key,
                "permalink": row.permalink,
                "identity_id": row.identity_id,
                "conversation_id": conversations.get(row.message_id or 0),
                "case_id": row.case_id,
                "outbox_id": row.id,
            }
            for row in rows.values()
        ],
    )


def echo_of(session: Session, row: OutboxRow) -> OwnMessageRow | None:
    """The echo that was matched to a row, if one has come."""
    return session.scalars(
        select(OwnMessageRow).where(OwnMessageRow.outbox_id == row.id)
    ).one_or_none()


# Matching.


def _place(
    session: Session, account: Account, item: OwnMessage
) -> tuple[int | None, int | None, int | None]:
    """(identity, conversation, case) that an own message answers, as far as they are known."""
    if item.reply_to_key is not None:
        message = session.execute(
            select(Message.identity_id, Message.conversation_id, Message.case_id)
            .where(Message.platform == account.platform, Message.native_key == item.reply_to_key)
            .limit(1)
        ).one_or_none()
        if message is not None:
            case_id = _case_at(session, message.conversation_id, item.written_at)
            return message.identity_id, message.conversation_id, case_id or message.case_id
        # A thread of one's own goes on where it began.
        before = session.execute(
            select(
                OwnMessageRow.identity_id, OwnMessageRow.conversation_id, OwnMessageRow.case_id
            ).where(
                OwnMessageRow.platform == account.platform,
                OwnMessageRow.native_key == item.reply_to_key,
            )
        ).one_or_none()
        if before is not None:
            return before.identity_id, before.conversation_id, before.case_id
    if item.to_native_id is not None:
        found = session.execute(
            select(Identity.id, Conversation.id.label("conversation_id"))
            .outerjoin(
                Conversation,
                (Conversation.identity_id == Identity.id)
                & (Conversation.account_id == account.id)
                & (Conversation.thread == "dm"),
            )
            .where(Identity.platform == account.platform, Identity.key == f"id:{item.to_native_id}")
        ).one_or_none()
        if found is not None:
            conversation_id = found.conversation_id
            case_id = None
            if conversation_id is not None:
                case_id = _case_at(session, conversation_id, item.written_at)
            return found.id, conversation_id, case_id
    return None, None, None


def _case_at(session: Session, conversation_id: int, at: datetime) -> int | None:
    """The case of a conversation that was open, or the last that had been, at ``at``."""
    return session.scalar(
        select(Case.id)
        .where(Case.conversation_id == conversation_id, ~Case.historic, Case.opened_at <= at)
        .order_by(Case.opened_at.desc(), Case.id.desc())
        .limit(1)
    )


def _sent_from_here(session: Session, account_id: int, item: OwnMessage) -> OutboxRow | None:
    """The outbox row that an own message is the echo of."""
    by_key = session.scalars(
        select(OutboxRow)
        .where(OutboxRow.account_id == account_id, OutboxRow.native_key == item.native_key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if by_key is not None:
        return by_key if echo_of(session, by_key) is None else None
    linked = select(OwnMessageRow.id).where(OwnMessageRow.outbox_id == OutboxRow.id).exists()
    in_doubt = OutboxRow.state.in_((OutboxState.SENDING, OutboxState.UNKNOWN)) & (
        OutboxRow.sending_at <= item.written_at + _SLACK
    )
    by_hand = (
        OutboxRow.by_hand
        & OutboxRow.native_key.is_(None)
        & (OutboxRow.sent_at >= item.written_at - _SLACK)
        & (OutboxRow.sent_at <= item.written_at + _BY_HAND)
    )
    rows = session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.account_id == account_id,
            OutboxRow.deed.in_(_ECHOES.get(item.kind, (item.kind,))),
            or_(in_doubt, by_hand),
            ~linked,
            OutboxRow.to_key.is_not_distinct_from(item.reply_to_key)
            if item.kind is Deed.ANSWER
            else OutboxRow.to_native_id.is_not_distinct_from(item.to_native_id),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    said = spoken(item.text)
    same = [row for row in rows if spoken(row.text) == said]
    return same[0] if len(same) == 1 else None


_ECHOES = {Deed.DM: (Deed.DM, Deed.PRIVATE_REPLY)}
"""A private reply to a comment comes back as a private message."""

_MENTIONS = re.compile(r"^(?:@\w+\s+)+")
_LINK = re.compile(r"https?://\S+")


def spoken(text: str) -> str:
    """The words of a text without what platforms change in them: the names they put in front of
    an answer, links that they shorten, escapes, blanks."""
    plain = _LINK.sub("", _MENTIONS.sub("", html.unescape(text)))
    return " ".join(plain.split())
