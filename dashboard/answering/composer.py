"""The composer under a case: what is said before something is sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from dashboard.answering import later, places, replies
from dashboard.answering.foresight import (
    Outlook,
    deeds_for,
    offered,
    outlook,
    spent_private_reply,
)
from dashboard.answering.own import Own, own_messages, own_rows
from dashboard.answering.target import Target, open_comment_case, target_of
from dashboard.context import Desk
from dashboard.pictures.upload import Attached, known, takes_pictures
from responder import collision, presence
from responder.collision import Collision, CollisionKind, Seen, look_for_collision
from shenava.channels.rules import Reason
from shenava.messages import Deed
from shenava.store import Message, OutboxRow, OutboxState, OwnMessageRow, PresenceKind

TEXT_LIMIT = 25_000
"""Characters of an answer; platforms allow far fewer, and the composer says so."""

KEY_LIMIT = 100

_CUSTOMERS = (
    CollisionKind.CUSTOMER_WROTE,
    CollisionKind.CUSTOMER_EDITED,
    CollisionKind.CUSTOMER_DELETED,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What someone had written and chosen, to be shown again because it did not leave.

    ``seen``: as the page had it. ``values``: for open places. ``stopped``: somebody else was
    faster. ``conflict``: the number of the row that has this key already. ``error``: a sentence.
    """

    text: str = ""
    deed: Deed | None = None
    message_id: int | None = None
    key: str = ""
    seen: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    stopped: Collision | None = None
    conflict: int | None = None
    error: str = ""
    by_hand_link: str | None = None
    picture: Attached | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """A colleague who has the case open."""

    name: str
    writing: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """What happened to the case before this answer came: shown instead of sending.

    ``own``: the answer of a colleague; ``message``: what the customer wrote,
    as it reads now.
    """

    kind: CollisionKind
    by: str | None = None
    own: Own | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """An open place of the text, with what was typed for it so far."""

    place: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Composer:
    """``options``: ways to answer that can be chosen; ``chosen`` is one of them. With none,
    ``refused`` says what stands in the way of the customer's own one (``None`` where the person
    cannot be addressed at all). ``seen``: what had been seen of the case when
    the words were begun, ``shows``: what this page shows of it. ``key``: makes a
    second press the same as the first. ``deliberate``: the person is warned, and may go on."""

    target: Target
    options: tuple[Outlook, ...]
    refused: Outlook | None
    chosen: Deed | None
    text: str
    key: str
    seen: str
    shows: str
    others: tuple[Other, ...]
    gaps: tuple[Gap, ...]
    stop: Stop | None
    already: Own | None
    error: str
    variants: tuple[replies.Variant, ...]
    choices: tuple[later.Choice, ...]
    days: Sequence[tuple[str, datetime]]
    restored: bool
    by_hand_link: str
    picture: Attached | None = None
    takes_picture: bool = False
    spent: Outlook | None = None
    """The private reply that a comment may have no more, with the reason."""
    comment_case: int | None = None
    """Where a private window is over: a case in which the person can be answered in public."""

    @property
    def window_over(self) -> bool:
        """Nothing can be sent because the platform's time to answer is over."""
        refused = self.refused.refused if self.refused else None
        return not self.options and refused is not None and refused.reason is Reason.WINDOW_CLOSED

    @property
    def deliberate(self) -> bool:
        return self.stop is not None or self.already is not None

    @property
    def by_hand_deed(self) -> Deed:
        """What an answer given on the platform was."""
        private = not self.target.is_public and bool(deeds_for(self.target))
        return Deed.DM if private else Deed.ANSWER


def composer(
    session: Session,
    desk: Desk,
    case_id: int,
    me: int,
    people: Mapping[int, str],
    *,
    attempt: Attempt | None = None,
    draft_of: int | None = None,
) -> Composer | None:
    """The composer of a case; ``None`` where nothing can be sent from here.

    ``draft_of``: a row that did not leave, whose text is taken up again.
    """
    tried = attempt or Attempt()
    target = target_of(session, case_id, tried.message_id)
    if target is None:
        return None
    now = desk.store.clock.now()
    text, deed, restored = tried.text, tried.deed, attempt is not None
    picture = tried.picture
    taken_up = session.get(OutboxRow, draft_of) if draft_of and not restored else None
    if taken_up and taken_up.case_id == case_id and _did_not_leave(taken_up):
        text, deed, restored = taken_up.text, taken_up.deed, True
        if taken_up.picture_id is not None:
            picture = known(session, taken_up.picture_id, taken_up.picture_alt)
    # Whether one can write at all does not hang on what is written; what it costs does.
    plain = [outlook(session, target, one, "…", desk.rules, now) for one in deeds_for(target)]
    options = tuple(
        outlook(session, target, one.deed, text, desk.rules, now, picture) for one in offered(plain)
    )
    fresh_seen = str(collision.seen(session, case_id))
    values = known_values(target, people.get(me, ""))
    shown = replies.all_replies(session)
    return Composer(
        target=target,
        options=options,
        refused=plain[0] if plain and not plain[0].allowed else None,
        chosen=_chosen(options, deed),
        text=text,
        key=new_key() if not tried.key or tried.conflict else tried.key,
        seen=fresh_seen if tried.stopped or not tried.seen else tried.seen,
        shows=fresh_seen,
        others=others(session, case_id, me, people, now),
        gaps=gaps(text, tried.values),
        stop=_stop(session, tried.stopped, me, people) if tried.stopped else None,
        already=_row(session, tried.conflict, me, people),
        error=tried.error,
        variants=tuple(
            _filled(replies.variant(one, target.language, desk.settings.language), values)
            for one in shown
        ),
        choices=later.choices(now, desk.settings.zone),
        days=later.days(now, desk.settings.zone),
        restored=restored,
        by_hand_link=tried.by_hand_link or "",
        picture=picture,
        takes_picture=bool(options)
        and all(takes_pictures(desk.rules.get(target.platform), one.deed) for one in options),
        spent=spent_private_reply(plain),
        comment_case=None if options else open_comment_case(session, target),
    )


def new_key() -> str:
    """A key that nobody has used."""
    return secrets.token_hex(16)


def read_seen(word: str) -> Seen | None:
    """What a hidden field says; ``None`` when it is nothing of ours."""
    try:
        return Seen.of(word)
    except ValueError:
        return None


def known_values(target: Target, agent: str) -> dict[str, str]:
    """What is known of the places of saved replies."""
    return {
        "name": target.called,
        "handle": f"@{target.handle}" if target.handle else "",
        "shop": target.shop,
        "agent": agent,
    }


def gaps(text: str, values: Mapping[str, str]) -> tuple[Gap, ...]:
    """The open places of a text: they are asked for before it can leave."""
    return tuple(
        Gap(place, places.label(place), values.get(place, "")) for place in places.places(text)
    )


def others(
    session: Session, case_id: int, me: int, people: Mapping[int, str], now: datetime
) -> tuple[Other, ...]:
    """Who else has the case open, writers first."""
    return tuple(
        Other(people.get(row.user_id, "?"), row.kind is PresenceKind.WRITING)
        for row in presence.others(session, case_id, me, now)
    )


def news(
    session: Session, case_id: int, seen: Seen, me: int, people: Mapping[int, str]
) -> Stop | None:
    """What would stop an answer now: told while someone still writes."""
    try:
        look_for_collision(session, case_id, seen, f"user:{me}")
    except Collision as found:
        return _stop(session, found, me, people)
    return None


def _filled(found: replies.Variant, values: Mapping[str, str]) -> replies.Variant:
    text = places.fill(found.text, values)
    return replies.Variant(found.id, found.name, found.shortcut, text, found.language)


def _chosen(options: Sequence[Outlook], wanted: Deed | None) -> Deed | None:
    deeds = [option.deed for option in options]
    if wanted in deeds:
        return wanted
    return deeds[0] if deeds else None


def _did_not_leave(row: OutboxRow) -> bool:
    return row.state in (OutboxState.CANCELLED, OutboxState.REFUSED, OutboxState.FAILED)


def _stop(session: Session, found: Collision, me: int, people: Mapping[int, str]) -> Stop:
    by = people.get(found.user_id or 0)
    if found.kind is CollisionKind.COLLEAGUE:
        return Stop(found.kind, by, own=_row(session, found.row_id, me, people))
    if found.kind in _CUSTOMERS:
        message = session.get(Message, found.row_id)
        return Stop(found.kind, message=message.text if message else "")
    return Stop(found.kind, by, own=_elsewhere(session, found.row_id, me, people))


def _row(session: Session, row_id: int | None, me: int, people: Mapping[int, str]) -> Own | None:
    if row_id is None:
        return None
    return next(iter(own_rows(session, [row_id], me, people)), None)


def _elsewhere(session: Session, own_id: int, me: int, people: Mapping[int, str]) -> Own | None:
    row = session.get(OwnMessageRow, own_id)
    if row is None or row.case_id is None:
        return None
    found = own_messages(session, [row.case_id], me, people)
    return next((one for one in found if not one.is_row and one.id == own_id), None)
