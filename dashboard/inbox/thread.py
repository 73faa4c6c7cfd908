"""A case with its conversation: what the middle and the last column of the inbox show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dashboard.answering.own import Own, own_messages
from dashboard.answering.target import web_link
from dashboard.customers.card import Card, card
from dashboard.inbox.queries import Hit
from dashboard.inbox.rows import Row, Staff, name_of, rows
from dashboard.pictures.shown import Shown, pictures_of
from responder.casework import newest_message
from responder.corrections import MODELS_WORD, Said
from responder.effective import Held, held_verdicts
from shenava.messages import AboutKind, MessageKind, Platform
from shenava.store import (
    Account,
    Audit,
    Case,
    CaseState,
    Conversation,
    Identity,
    Message,
    MessageVersion,
    Note,
    Post,
    RemovedBecause,
    User,
    UserState,
)

MESSAGES = 200
"""Messages of a case that its page shows, the newest; the page says when there are more."""

_EARLIER_CASES = 5
_EARLIER_MESSAGES = 100
_HISTORY = 100
_OTHER_CASES = 20


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of an edited message."""

    text: str
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message. ``held``: what is held to be true of it; ``None`` before its verdict.

    ``edited_at``: its author put it otherwise then; ``earlier`` has what stood there before, the
    newest first, as far as it was seen. ``removed``: why nothing of it is left.
    """

    id: int
    case_id: int
    kind: MessageKind
    text: str
    permalink: str | None
    written_at: datetime
    held: Held | None
    corrected_by: str | None
    pictures: tuple[Shown, ...] = ()
    edited_at: datetime | None = None
    earlier: tuple[Earlier, ...] = ()
    removed: RemovedBecause | None = None
    about: AboutKind | None = None
    about_link: str | None = None

    @property
    def said(self) -> Said:
        """What a person says of it, where that differs from the model."""
        told = self.held.correction if self.held else None
        if told is None:
            return MODELS_WORD
        return Said(told.sentiment, told.complaint, told.urgent, told.intents)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class NoteView:
    id: int
    text: str
    by: Staff
    written_at: datetime


@dataclass(frozen=True, slots=True)
class HistoryLine:
    action: str
    details: dict[str, Any]
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Episode:
    """A case of the conversation with what was written in it, by both sides, by time."""

    case_id: int
    state: CaseState
    historic: bool
    opened_at: datetime
    closed_at: datetime | None
    message_count: int
    entries: tuple[Bubble | NoteView | Own, ...]

    @property
    def hidden(self) -> int:
        """How many messages are not among the entries."""
        return self.message_count - sum(isinstance(entry, Bubble) for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Thread:
    """``seen_upto``: the newest message when this was read, for closing and snoozing.
    ``others``: cases of the same customer elsewhere. ``handles``: former ones, newest first."""

    row: Row
    opened_at: datetime
    reopened_from_id: int | None
    live_case_id: int | None
    newest_id: int | None
    is_public: bool
    post_link: str | None
    answer_link: str | None
    present: Episode
    earlier: tuple[Episode, ...]
    history: tuple[HistoryLine, ...]
    others: tuple[Row, ...]
    identities: tuple[tuple[Platform, str], ...]
    card: Card
    staff: tuple[Staff, ...]
    people: dict[int, str] = field(repr=False)
    seen_upto: int = 0

    @property
    def id(self) -> int:
        return self.row.id

    @property
    def open_elsewhere(self) -> list[Row]:
        """What else of this customer waits for someone, the newest first."""
        return [other for other in self.others if other.state is not CaseState.CLOSED]


def thread(session: Session, case_id: int, me: int) -> Thread | None:
    """The case with everything around it, in a fixed number of questions; ``None`` without one."""
    seen_upto = newest_message(session)
    found = rows(session, [Hit(case_id)], me)
    case = session.get(Case, case_id)
    if not found or case is None:
        return None
    conversation = session.get_one(Conversation, case.conversation_id)
    people = _people(session)
    episodes = _episodes(session, case, me, people)
    about = (case.id, case.reopened_from_id)
    bubbles = [
        entry
        for entry in chain(*(episode.entries for episode in episodes if episode.case_id in about))
        if isinstance(entry, Bubble)
    ]
    newest = max(bubbles, key=lambda entry: (entry.written_at, entry.id), default=None)
    post = session.get(Post, conversation.post_id) if conversation.post_id else None
    return Thread(
        row=found[0],
        opened_at=case.opened_at,
        reopened_from_id=case.reopened_from_id,
        live_case_id=_live_case(session, case),
        newest_id=newest.id if newest else None,
        is_public=newest.kind.is_public if newest else True,
        post_link=web_link(post.permalink) if post else None,
        answer_link=web_link(newest.permalink) if newest else None,
        present=episodes[0],
        earlier=tuple(episodes[1:]),
        history=_history(session, case_id, people),
        others=_others(session, case, me),
        identities=_identities(session, case),
        card=card(session, case.identity_id, people),
        staff=_staff(session),
        people=people,
        seen_upto=seen_upto,
    )


def _people(session: Session) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(select(User.id, User.name))}


def _staff(session: Session) -> tuple[Staff, ...]:
    found = session.execute(
        select(User.id, User.name).where(User.state == UserState.ACTIVE).order_by(User.name)
    )
    return tuple(Staff(row.id, row.name) for row in found)


def staff(session: Session) -> tuple[Staff, ...]:
    """Everyone a case can be given to."""
    return _staff(session)


def _live_case(session: Session, case: Case) -> int | None:
    """The other case of the conversation that is being worked on, where this one is closed."""
    if case.state is not CaseState.CLOSED:
        return None
    return session.scalar(
        select(Case.id).where(
            Case.conversation_id == case.conversation_id, Case.state != CaseState.CLOSED
        )
    )


def _episodes(session: Session, case: Case, me: int, people: dict[int, str]) -> list[Episode]:
    """This case first, then the earlier ones of its conversation, newest first."""
    earlier = session.scalars(
        select(Case)
        .where(Case.conversation_id == case.conversation_id, Case.id != case.id)
        .order_by(Case.opened_at.desc(), Case.id.desc())
        .limit(_EARLIER_CASES)
    ).all()
    messages = _newest(session, [case.id], MESSAGES)
    if earlier:
        messages += _newest(session, [one.id for one in earlier], _EARLIER_MESSAGES)
    held = held_verdicts(session, (message.id for message in messages))
    ids = [message.id for message in messages]
    pictures = pictures_of(session, ids)
    earlier_words = _earlier_words(session, [one for one in messages if one.edited_at])
    bubbles = [
        replace(
            _bubble(message, held.get(message.id), people),
            pictures=pictures.get(message.id, ()),
            earlier=earlier_words.get(message.id, ()),
        )
        for message in messages
    ]
    every = [case.id, *(one.id for one in earlier)]
    notes = session.scalars(select(Note).where(Note.case_id.in_(every))).all()
    own = own_messages(session, every, me, people)
    return [_episode(one, bubbles, notes, own, people) for one in (case, *earlier)]


def _newest(session: Session, case_ids: Sequence[int], limit: int) -> list[Message]:
    found = session.scalars(
        select(Message)
        .where(Message.case_id.in_(case_ids))
        .order_by(Message.written_at.desc(), Message.id.desc())
        .limit(limit)
    )
    return list(found)


def _earlier_words(session: Session, edited: Sequence[Message]) -> dict[int, tuple[Earlier, ...]]:
    """What edited messages said before, newest first; a version with the same words is none."""
    texts = {message.id: message.text for message in edited}
    found: dict[int, list[Earlier]] = defaultdict(list)
    if texts:
        for row in session.scalars(
            select(MessageVersion)
            .where(MessageVersion.message_id.in_(texts), MessageVersion.text.is_not(None))
            .order_by(MessageVersion.message_id, MessageVersion.edition.desc())
        ):
            if row.text is not None and row.text != texts[row.message_id]:
                found[row.message_id].append(Earlier(row.text, row.written_at))
    return {key: tuple(group) for key, group in found.items()}


def _bubble(message: Message, held: Held | None, people: dict[int, str]) -> Bubble:
    corrected = held.correction if held and held.corrected else None
    return Bubble(
        id=message.id,
        case_id=message.case_id,
        kind=message.kind,
        text=message.text,
        permalink=web_link(message.permalink),
        edited_at=message.edited_at,
        removed=message.removed_because,
        written_at=message.written_at,
        held=held,
        corrected_by=people.get(corrected.user_id, "?") if corrected else None,
        about=message.about,
        about_link=web_link(message.about_url),
    )


def _episode(
    case: Case,
    bubbles: Iterable[Bubble],
    notes: Iterable[Note],
    own: Iterable[Own],
    people: dict[int, str],
) -> Episode:
    entries: list[Bubble | NoteView | Own] = [one for one in bubbles if one.case_id == case.id]
    entries += [
        NoteView(row.id, row.text, Staff(row.user_id, people.get(row.user_id, "?")), row.written_at)
        for row in notes
        if row.case_id == case.id
    ]
    entries += [one for one in own if one.case_id == case.id]
    entries.sort(key=lambda entry: (entry.written_at, not isinstance(entry, Bubble), entry.id))
    return Episode(
        case_id=case.id,
        state=case.state,
        historic=case.historic,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        message_count=case.message_count,
        entries=tuple(entries),
    )


def _history(session: Session, case_id: int, people: dict[int, str]) -> tuple[HistoryLine, ...]:
    found = session.scalars(
        select(Audit).where(Audit.case_id == case_id).order_by(Audit.id.desc()).limit(_HISTORY)
    )
    return tuple(
        HistoryLine(row.action, row.details, people.get(row.user_id or 0), row.at) for row in found
    )


def _others(session: Session, case: Case, me: int) -> tuple[Row, ...]:
    """The customer's newest cases in other conversations, on every channel they are known on."""
    mine = select(Identity.customer_id).where(Identity.id == case.identity_id).scalar_subquery()
    same_person = select(Identity.id).where(
        or_(Identity.id == case.identity_id, Identity.customer_id == mine)
    )
    found = session.scalars(
        select(Case.id)
        .where(Case.identity_id.in_(same_person), Case.conversation_id != case.conversation_id)
        .order_by(Case.last_message_at.desc(), Case.id.desc())
        .limit(_OTHER_CASES)
    )
    return tuple(rows(session, [Hit(key) for key in found], me))


def _identities(session: Session, case: Case) -> tuple[tuple[Platform, str], ...]:
    """Where this customer is known: platform and handle."""
    mine = select(Identity.customer_id).where(Identity.id == case.identity_id).scalar_subquery()
    found = session.execute(
        select(Identity.platform, Identity.key, Identity.handle, Identity.name)
        .where(or_(Identity.id == case.identity_id, Identity.customer_id == mine))
        .order_by(Identity.id)
        .limit(_OTHER_CASES)
    )
    return tuple(
        (row.platform, name_of(row.platform, row.key, row.handle, row.name)) for row in found
    )


def accounts(session: Session) -> list[Account]:
    """The shop's own places, for the filter."""
    return list(session.scalars(select(Account).order_by(Account.platform, Account.handle)))


def anything(session: Session) -> bool:
    """Whether the store holds any message: with none, the page teaches how to get some."""
    return session.scalar(select(func.min(Message.id))) is not None
