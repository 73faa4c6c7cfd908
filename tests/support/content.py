"""All that a store holds, by natural keys instead of row numbers: two stores can be compared.

Left out is what tells when something arrived rather than what is so: ``received_at``,
``seen_at``, ``judged_at``, ``recorded_at``, the time a case was opened *by us* (that of its
``case_opened`` fact), and the changes feed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import Any

from sqlalchemy import select

from shenava.store import (
    Account,
    Attachment,
    Case,
    CaseIntent,
    Conversation,
    Fact,
    FactKind,
    Identity,
    IdentityHandle,
    Message,
    MessageVersion,
    Post,
    Sighting,
    Store,
    VerdictRow,
)

_NOT_CONTENT = {
    "id",
    "account_id",
    "identity_id",
    "conversation_id",
    "case_id",
    "customer_id",
    "message_id",
    "post_id",
    "received_at",
    "seen_at",
    "judged_at",
    "recorded_at",
    "created_at",
    "try_at",
    "claimed_by",
    "picture_id",
    "look_at",
}


def content(store: Store) -> dict[str, Any]:
    """Every table's content, each a sorted list of (natural key, values)."""
    with store.read() as session:
        rows = {
            row: session.scalars(select(row)).all()
            for row in (
                Account,
                Identity,
                IdentityHandle,
                Post,
                Conversation,
                Case,
                CaseIntent,
                Message,
                MessageVersion,
                Attachment,
                Sighting,
                VerdictRow,
                Fact,
            )
        }
    account = {row.id: (row.platform.value, row.handle) for row in rows[Account]}
    identity = {row.id: (row.platform.value, row.key) for row in rows[Identity]}
    post = {row.id: (row.platform.value, row.native_key) for row in rows[Post]}
    conversation = {
        row.id: (account[row.account_id], identity[row.identity_id], row.thread)
        for row in rows[Conversation]
    }
    message = {row.id: (row.platform.value, row.scope, row.native_key) for row in rows[Message]}
    edition = {row.id: row.edition for row in rows[Message]}
    case = _case_keys(rows[Case], conversation)
    intents = defaultdict(list)
    for row in rows[CaseIntent]:
        intents[row.case_id].append(row.intent.value)

    held = {
        "accounts": [(account[row.id], {}) for row in rows[Account]],
        "identities": [(identity[row.id], _values(row)) for row in rows[Identity]],
        "handles": [
            ((identity[row.identity_id], row.handle), _values(row)) for row in rows[IdentityHandle]
        ],
        "posts": [(post[row.id], _values(row)) for row in rows[Post]],
        "conversations": [
            (conversation[row.id], {"post": post.get(row.post_id)}) for row in rows[Conversation]
        ],
        "cases": [
            (case[row.id], _values(row) | {"intents": sorted(intents[row.id])})
            for row in rows[Case]
        ],
        "messages": [
            (
                message[row.id],
                _values(row)
                | {
                    "identity": identity[row.identity_id],
                    "conversation": conversation[row.conversation_id],
                    "case": case[row.case_id],
                    "judge_after": row.judge_after is not None,
                },
            )
            for row in rows[Message]
        ],
        "sightings": [
            ((message[row.message_id], account[row.account_id], row.source.value), {})
            for row in rows[Sighting]
        ],
        "versions": [((message[row.message_id],), _values(row)) for row in rows[MessageVersion]],
        "attachments": [
            ((message[row.message_id], row.key), _values(row)) for row in rows[Attachment]
        ],
        "verdicts": [
            ((message[row.message_id], row.model), _values(row)) for row in rows[VerdictRow]
        ],
        "facts": [
            (
                (row.kind.value, case[row.case_id], message.get(row.message_id, ())),
                {
                    "happened_at": None
                    if row.kind is FactKind.CASE_OPENED
                    else row.happened_at.isoformat(),
                    "details": _without_ids(row.details, account),
                },
            )
            for row in rows[Fact]
            # A version that was judged before it was edited may or may not have had its turn.
            if row.kind is not FactKind.MESSAGE_JUDGED
            or row.details.get("edition", "") == edition[row.message_id]
        ],
    }
    return {name: sorted(found, key=repr) for name, found in held.items()}


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Where the two differ, a line each; empty when they hold the same."""
    lines = []
    for name, rows in expected.items():
        had, wanted = Counter(map(repr, found[name])), Counter(map(repr, rows))
        lines += [f"{name}: has {row}" for row in had - wanted]
        lines += [f"{name}: wants {row}" for row in wanted - had]
    return lines


def _case_keys(cases: Any, conversation: dict[int, Any]) -> dict[int, Hashable]:
    """The n-th case of its conversation, historic or not."""
    number: Counter[Any] = Counter()
    keys = {}
    for row in sorted(cases, key=lambda row: row.id):
        place = (conversation[row.conversation_id], row.historic)
        keys[row.id] = (*place, number[place])
        number[place] += 1
    return keys


def _values(row: Any) -> dict[str, Any]:
    return {
        column.key: getattr(row, column.key)
        for column in row.__table__.columns
        if column.key not in _NOT_CONTENT
    }


def _without_ids(details: dict[str, Any], account: dict[int, Any]) -> dict[str, Any]:
    if "account" in details:
        return details | {"account": account[details["account"]]}
    return details
