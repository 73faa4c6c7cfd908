"""What the deeds of people share: how they are called, refused, answered and written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shenava.store import Audit, Case, Fact, FactKind


class Deed(StrEnum):
    """What the audit trail calls each deed."""

    ASSIGNED = "case_assigned"
    CLOSED = "case_closed"
    REOPENED = "case_reopened"
    SNOOZED = "case_snoozed"
    WOKEN = "case_woken"
    NOTED = "case_noted"
    BLOCKED = "identity_blocked"
    UNBLOCKED = "identity_unblocked"
    VIP = "customer_vip"
    NOT_VIP = "customer_not_vip"
    OPTED_OUT = "identity_opted_out"
    OPTED_IN = "identity_opted_in"
    MERGED = "customers_merged"
    SPLIT = "customers_split"
    NOT_SAME = "customers_not_same"
    CUSTOMER_NOTED = "customer_noted"
    CUSTOMER_NOTE_DELETED = "customer_note_deleted"
    REMOVED = "message_removed"
    ERASED = "person_erased"
    CORRECTED = "verdict_corrected"
    CORRECTION_UNDONE = "correction_undone"
    LEARNED = "learned"
    LEARNED_ON = "learned_on"
    LEARNED_OFF = "learned_off"
    LEARNS_BY_ITSELF = "learns_by_itself"
    SPIKE_DISMISSED = "spike_dismissed"


class Refusal(StrEnum):
    """Why a deed cannot be done at all. The value is the sentence in English."""

    NO_SUCH_CASE = "There is no such case."
    NO_SUCH_MESSAGE = "There is no such message."
    NO_SUCH_PERSON = "A case can only be given to someone who works here now."
    TAKEN = "Someone else took the case in the meantime. Nothing was changed."
    NO_SUCH_CUSTOMER = "There is no such customer."
    NO_SUCH_NOTE = "There is no such note, or it is not yours to delete."
    KEY_REUSED = "This key was used before, for another note. Nothing was written."
    SAME_ALREADY = "They are one customer already."
    SPLIT_ALREADY = "They have been split already. Nothing was changed."
    PEOPLE_CHANGED = "Someone changed who is who in the meantime. Nothing was changed; look again."
    NOTE_EMPTY = "A note needs some text."
    NOTE_TOO_LONG = "A note holds 5,000 characters at most. Nothing was saved."
    SNOOZE_PAST = "Choose a time in the future to be reminded at."
    SNOOZE_TOO_FAR = "A case can be snoozed for a year at most."


class CaseworkError(Exception):
    """A deed that cannot be done. Nothing was written; ``str()`` is a sentence for a person."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Done:
    """What a deed came to.

    ``changed``: the cases (for :func:`reopen` the new ones) that are now different.
    ``left``: those left alone because the customer wrote after the person looked.
    """

    changed: tuple[int, ...] = ()
    left: tuple[int, ...] = ()

    def __add__(self, other: Done) -> Done:
        return Done(self.changed + other.changed, self.left + other.left)


def locked(session: Session, case_ids: Iterable[int]) -> list[Case]:
    """These cases, nobody else's to change until the commit.

    Locked in one order, so that no two wait for each other, and before they are judged, so that
    what is judged still holds when it is written. Everyone locks identities, then messages, then
    cases, each by ascending id. A row that merely names a case (a note, a fact) waits for nobody:
    hence ``key_share``.
    """
    rows = session.scalars(
        select(Case)
        .where(Case.id.in_(sorted(set(case_ids))))
        .order_by(Case.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    return list(rows)


def one(session: Session, case_id: int) -> Case:
    """This case, locked. Raises ``CaseworkError`` when there is none."""
    rows = locked(session, [case_id])
    if not rows:
        raise CaseworkError(Refusal.NO_SUCH_CASE)
    return rows[0]


_THROUGH = "shenava_through"


DASHBOARD = "dashboard"
COMMAND_LINE = "command_line"


def act_through(session: Session, principal: str) -> None:
    """What is done in this transaction is done through ``principal`` (``token:3``,
    :data:`COMMAND_LINE`), in the name of the actor: each line of the trail says so."""
    session.info[_THROUGH] = principal


def through(session: Session, principal: str) -> str:
    """What something is done through that ``principal`` does: a person at the pages, unless it
    was said otherwise; else itself (``token:3``, ``broadcast:12``)."""
    said = session.info.get(_THROUGH)
    if said is not None:
        return str(said)
    return DASHBOARD if principal.startswith("user:") else principal


def audit(
    session: Session,
    actor: int | None,
    deed: Deed,
    now: datetime,
    details: Mapping[int | None, dict[str, Any]],
) -> None:
    """One line of the trail for each case in ``details`` (``None``: for none): ids and choices,
    never text."""
    through = session.info.get(_THROUGH)
    more = {"through": through} if through else {}
    if details:
        session.execute(
            insert(Audit),
            [
                {
                    "at": now,
                    "user_id": actor,
                    "action": deed,
                    "case_id": case_id,
                    "details": told | more,
                }
                for case_id, told in details.items()
            ],
        )


def facts(
    session: Session,
    kind: FactKind,
    happened_at: datetime,
    details: dict[int, dict[str, Any]],
    now: datetime | None = None,
) -> None:
    """One fact for each case in ``details``. ``now``: of what happened earlier than that."""
    if details:
        session.execute(
            insert(Fact),
            [
                {
                    "kind": kind,
                    "happened_at": happened_at,
                    "recorded_at": now or happened_at,
                    "case_id": case_id,
                    "message_id": None,
                    "details": told,
                }
                for case_id, told in details.items()
            ],
        )
