"""Whom an answer from a case goes to: the account, the customer, and the message it answers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.inbox.rows import person_of, plain
from responder.effective import held_verdicts
from shenava.messages import Language, MessageKind, Platform
from shenava.store import Account, AccountState, Case, CaseState, Customer, Identity, Message


@dataclass(frozen=True, slots=True)
class Target:
    """``message``: the one that is answered. ``name`` and ``handle``: the customer's, plain.
    ``language``: of the message, where it is known."""

    case: Case
    account: Account
    identity: Identity
    message: Message
    name: str
    handle: str | None
    language: Language | None

    @property
    def platform(self) -> Platform:
        return self.account.platform

    @property
    def is_public(self) -> bool:
        """Whether the customer wrote in public."""
        return self.message.kind.is_public

    @property
    def link(self) -> str | None:
        """Where the message stands on its platform."""
        return web_link(self.message.permalink)

    @property
    def called(self) -> str:
        """What the customer can be called to their face; empty while no name is known."""
        names = (plain(self.identity.name), plain(self.identity.handle))
        return next((one for one in names if one not in ("", "?")), "")

    @property
    def shop(self) -> str:
        return plain(self.account.name) or plain(self.account.handle)


def target_of(session: Session, case_id: int, message_id: int | None = None) -> Target | None:
    """The target of an answer from this case; ``None`` where nothing can be sent from here: its
    account is known from files only, or there is nothing to answer.

    ``message_id``: one of the conversation's messages; else the newest of the case (of the one
    before it, while the customer has not written since it was opened again).
    """
    case = session.get(Case, case_id)
    if case is None:
        return None
    account = session.get_one(Account, case.account_id)
    message = _named(session, case, message_id) or _newest(session, case)
    if account.state is AccountState.IMPORTED or message is None:
        return None
    identity = session.get_one(Identity, case.identity_id)
    vip = session.scalar(select(Customer.vip).where(Customer.id == identity.customer_id))
    person = person_of(identity, bool(vip))
    held = held_verdicts(session, [message.id]).get(message.id)
    return Target(
        case=case,
        account=account,
        identity=identity,
        message=message,
        name=person.name,
        handle=person.handle,
        language=held.language if held else None,
    )


def open_comment_case(session: Session, target: Target) -> int | None:
    """The newest open case in which the same person commented to the same account: where a private
    window is over, that one can still be answered in public."""
    return session.scalars(
        select(Case.id)
        .join(Message, Message.case_id == Case.id)
        .where(
            Case.identity_id == target.identity.id,
            Case.account_id == target.account.id,
            Case.id != target.case.id,
            Case.state != CaseState.CLOSED,
            Message.kind == MessageKind.COMMENT,
            Message.removed_because.is_(None),
        )
        .order_by(Message.written_at.desc(), Message.id.desc())
        .limit(1)
    ).one_or_none()


def _named(session: Session, case: Case, message_id: int | None) -> Message | None:
    found = session.get(Message, message_id) if message_id is not None else None
    return found if found and found.conversation_id == case.conversation_id else None


def _newest(session: Session, case: Case) -> Message | None:
    for case_id in (case.id, case.reopened_from_id):
        found = session.scalars(
            select(Message)
            .where(Message.case_id == case_id)
            .order_by(Message.written_at.desc(), Message.id.desc())
            .limit(1)
        ).one_or_none()
        if found is not None:
            return found
    return None


def web_link(link: str | None) -> str | None:
    """A link that came from outside; anything but the web (``javascript:``) is none."""
    return link if link and link.startswith(("https://", "http://")) else None
