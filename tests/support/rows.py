"""One valid row of each kind, to be spoilt by tests of constraints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from collectors.intake import take_in
from shenava.store import Case, Message, Role, Store, User, UserState
from support.factories import START, incoming


@dataclass(frozen=True, slots=True)
class Ids:
    """The row numbers of one message and what it hangs on."""

    account: int
    identity: int
    conversation: int
    case: int
    message: int
    user: int


def one_of_each(store: Store) -> Ids:
    """Take in one message and add one active user."""
    take_in(store, [incoming("1", minutes_ago=5)])
    with store.write() as session:
        user = User(
            email="sara@example.com",
            name="Sara",
            role=Role.AGENT,
            state=UserState.ACTIVE,
            password_hash="x",
            session_key="k",
            created_at=START,
        )
        session.add(user)
        session.flush()
        case = session.scalars(select(Case)).one()
        message = session.scalars(select(Message.id)).one()
        return Ids(
            case.account_id, case.identity_id, case.conversation_id, case.id, message, user.id
        )


def add_case(session: Session, ids: Ids, **values: Any) -> int:
    """Add a second case to the conversation: closed, unless ``values`` say otherwise."""
    row = {
        "conversation_id": ids.conversation,
        "account_id": ids.account,
        "identity_id": ids.identity,
        "state": "closed",
        "historic": False,
        "priority": 1,
        "rank": 1,
        "reasons": [],
        "needs_answer": False,
        "opened_at": START - timedelta(days=1),
        "last_message_at": START - timedelta(days=1),
        "closed_at": START,
        "message_count": 1,
        "judged": True,
    }
    number = session.scalar(insert(Case).values(row | values).returning(Case.id))
    assert number is not None
    return number
