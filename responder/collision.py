"""Two people, one customer: has something happened to the case since the page was read?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shenava.store import Message, MessageVersion, OutboxRow, OutboxState, OwnMessageRow


class Cannot(StrEnum):
    """Why something cannot be done in the outbox at all, as programs and translations name it."""

    NO_SUCH_ANSWER = "no_such_answer"
    NO_SUCH_ACCOUNT = "no_such_account"
    NO_SUCH_MESSAGE = "no_such_message"
    NO_SUCH_CASE = "no_such_case"
    NO_SUCH_PICTURE = "no_such_picture"
    ANSWERS_NOTHING = "answers_nothing"
    """It does not say which message it answers."""
    NO_ADDRESS = "no_address"
    """The person's id on the platform is not known, so nothing can be written in private."""
    NOT_ENDED = "not_ended"
    """Only what failed or was refused can be tried again."""
    KEY_REUSED = "key_reused"
    COLLISION = "collision"
    ONES_OWN = "ones_own"
    """Nobody approves what they wrote themselves."""
    MAY_NOT_APPROVE = "may_not_approve"
    WORD_TOO_LONG = "word_too_long"


_SENTENCES = {
    Cannot.NO_SUCH_ANSWER: "There is no such message in the outbox.",
    Cannot.NO_SUCH_ACCOUNT: "There is no such account.",
    Cannot.NO_SUCH_MESSAGE: "There is no such message.",
    Cannot.NO_SUCH_CASE: "There is no such case.",
    Cannot.NO_SUCH_PICTURE: "There is no such picture.",
    Cannot.ANSWERS_NOTHING: "It must be said which message this answers.",
    Cannot.NO_ADDRESS: "The person's id on the platform is not known; answer in public.",
    Cannot.NOT_ENDED: "Only what failed or was refused can be tried again. Nothing was sent.",
    Cannot.KEY_REUSED: "This key was used before, for another message. Nothing was sent twice.",
    Cannot.COLLISION: "Something happened to this case in the meantime. Nothing was sent; look at"
    " it first.",
    Cannot.ONES_OWN: "Nobody approves what they wrote themselves. Nothing was sent.",
    Cannot.MAY_NOT_APPROVE: "Your own answers need approval, so you cannot approve. Nothing was"
    " sent.",
    Cannot.WORD_TOO_LONG: "A word to a colleague holds 1,000 characters at most. Nothing was"
    " changed.",
}


class OutboxError(Exception):
    """Something cannot be done in the outbox at all. Nothing was written. ``str()`` is a sentence
    in English; ``code`` is for translations and programs."""

    def __init__(self, code: Cannot) -> None:
        super().__init__(_SENTENCES[code])
        self.code = code


class CollisionKind(StrEnum):
    CUSTOMER_WROTE = "customer_wrote"
    CUSTOMER_EDITED = "customer_edited"
    """The customer changed the words of a message that was there already."""
    CUSTOMER_DELETED = "customer_deleted"
    """A message that was there is taken away."""
    COLLEAGUE = "colleague"
    """A colleague's answer is on its way or was sent."""
    ELSEWHERE = "elsewhere"
    """Someone answered in the platform's own app."""


class Collision(OutboxError):
    """Something happened to the case since the page was read; nothing was written.

    ``row_id`` names the message (``CUSTOMER_…``), the outbox row (``COLLEAGUE``) or the own
    message (``ELSEWHERE``), ``user_id`` the colleague, where one is known.
    """

    def __init__(self, kind: CollisionKind, row_id: int, user_id: int | None = None) -> None:
        super().__init__(Cannot.COLLISION)
        self.kind = kind
        self.row_id = row_id
        self.user_id = user_id


SEEN_PATTERN = r"[0-9]{1,18}(\.[0-9]{1,18}){2,3}"
"""How :class:`Seen` is carried through pages and programs."""
_WORD = re.compile(SEEN_PATTERN)


@dataclass(frozen=True, slots=True)
class Seen:
    """What someone has seen of a case: the numbers of its newest message, outbox row and own
    message; 0 where there was none. ``changes``: how often its messages were edited or taken away
    so far; ``None`` where nobody noted it, and then nobody is asked."""

    message_id: int = 0
    outbox_id: int = 0
    own_id: int = 0
    changes: int | None = None

    @classmethod
    def of(cls, word: str) -> Seen:
        """The way back from ``str()``. Raises ``ValueError`` for what is nothing of ours."""
        if not _WORD.fullmatch(word):
            raise ValueError("not what somebody saw of a case")
        return cls(*map(int, word.split(".")))

    def __str__(self) -> str:
        told = [self.message_id, self.outbox_id, self.own_id]
        return ".".join(map(str, told if self.changes is None else [*told, self.changes]))


def seen(session: Session, case_id: int) -> Seen:
    """What there is to see of a case now."""

    def newest(row: Any) -> int:
        return session.scalar(select(func.max(row.id)).where(row.case_id == case_id)) or 0

    return Seen(
        newest(Message), newest(OutboxRow), newest(OwnMessageRow), _changes(session, case_id)
    )


def _changes(session: Session, case_id: int) -> int:
    """Each edit leaves a version behind, and a message is taken away once: so this only grows."""
    versions = session.scalar(
        select(func.count())
        .select_from(MessageVersion)
        .join(Message, Message.id == MessageVersion.message_id)
        .where(Message.case_id == case_id)
    )
    removed = session.scalar(
        select(func.count())
        .select_from(Message)
        .where(Message.case_id == case_id, Message.removed_at.is_not(None))
    )
    return (versions or 0) + (removed or 0)


def look_for_collision(session: Session, case_id: int, seen: Seen, principal: str) -> None:
    """Raises :class:`Collision` for the first thing that the person has not seen. Who asks is
    ``principal``: what one sent oneself is no surprise."""
    message = session.scalar(
        select(Message.id)
        .where(Message.case_id == case_id, Message.id > seen.message_id)
        .order_by(Message.id)
        .limit(1)
    )
    if message is not None:
        raise Collision(CollisionKind.CUSTOMER_WROTE, message)
    if seen.changes is not None and _changes(session, case_id) > seen.changes:
        _raise_changed(session, case_id)
    theirs = session.execute(
        select(OutboxRow.id, OutboxRow.created_by)
        .where(
            OutboxRow.case_id == case_id,
            OutboxRow.id > seen.outbox_id,
            OutboxRow.state.not_in(
                (
                    OutboxState.DRAFT,
                    OutboxState.REFUSED,
                    OutboxState.FAILED,
                    OutboxState.CANCELLED,
                )
            ),
            OutboxRow.principal != principal,
        )
        .order_by(OutboxRow.id)
        .limit(1)
    ).one_or_none()
    if theirs is not None:
        raise Collision(CollisionKind.COLLEAGUE, theirs.id, theirs.created_by)
    own = session.scalar(
        select(OwnMessageRow.id)
        .where(
            OwnMessageRow.case_id == case_id,
            OwnMessageRow.id > seen.own_id,
            OwnMessageRow.outbox_id.is_(None),
        )
        .order_by(OwnMessageRow.id)
        .limit(1)
    )
    if own is not None:
        raise Collision(CollisionKind.ELSEWHERE, own)


def _raise_changed(session: Session, case_id: int) -> None:
    """Raises :class:`Collision` for the message of the case that changed last."""
    when = func.coalesce(Message.removed_at, Message.edited_at)
    message = session.execute(
        select(Message.id, Message.removed_at)
        .where(Message.case_id == case_id, when.is_not(None))
        .order_by(when.desc(), Message.id.desc())
        .limit(1)
    ).one_or_none()
    if message is None:
        return
    gone = message.removed_at is not None
    raise Collision(
        CollisionKind.CUSTOMER_DELETED if gone else CollisionKind.CUSTOMER_EDITED, message.id
    )
