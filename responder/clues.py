"""What people are found and recognised by: read once from profiles and messages, kept as rows.

The first half is pure: text in, clues out. The second writes them. The pipeline does so for the
messages in its hands, so that no page ever looks through messages: it asks an index for who else
has a value. :class:`CatchUp` reads, a little at a time, those whom the pipeline has never met,
such as all of a database from before there were clues.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from responder.names import name_of, sound_of
from shenava.messages import Platform
from shenava.store import Clue, ClueKind, Identity, IdentityHandle, Message, Store
from shenava.store.bulk import insert_into
from shenava.text import clean, index_text, normalise

Found = tuple[ClueKind, str]

_VALUE_LIMIT = 100
_TEXT_LIMIT = 5_000
"""Characters of a message that are looked through."""

_PER_MESSAGE = 20
_HANDLE_FROM = 3
"""Signs of a handle below which it says nothing of who has it."""


# --- from text to clues ---------------------------------------------------------------------


def clues_of_profile(
    platform: Platform, key: str, name: str | None, handles: Iterable[str]
) -> set[Found]:
    """What a profile tells: ``handles`` present and former, ``key`` as identities have it."""
    native = key.partition(":")[2]
    known = [handle for handle in handles if handle]
    found: set[Found] = {
        (ClueKind.WORD, word) for word in index_text(name or "", *known, native).split()
    }
    for handle in known:
        folded = fold_handle(handle)
        if len(folded) >= _HANDLE_FROM:
            found.add((ClueKind.HANDLE, folded))
    if name:
        found.add((ClueKind.NAME, name_of(name)))
        found.add((ClueKind.SOUND, sound_of(name) or ""))
    if platform is Platform.WHATSAPP and (number := _phone(native)):
        found.add((ClueKind.PHONE, number))
    if platform is Platform.EMAIL:
        found |= {(ClueKind.EMAIL, address) for address in _EMAIL.findall(native.lower())}
    return _storable(found)


def clues_of_text(text: str) -> set[Found]:
    """What someone tells of themselves in a message: orders, phones, addresses, profiles."""
    plain = normalise(text[:_TEXT_LIMIT])
    found: list[Found] = [
        (ClueKind.LINK, f"{_PLACES[match['place']].value}:{fold_handle(match['handle'])}")
        for match in _LINK.finditer(plain)
        if match["handle"] not in _NO_PROFILES
    ]
    found += [(ClueKind.EMAIL, address) for address in _EMAIL.findall(plain)]
    without = _EMAIL.sub(" ", plain)
    orders = {match["number"] or match["tagged"] for match in _ORDER.finditer(without)}
    found += [(ClueKind.ORDER, number) for number in sorted(orders)]
    found += [
        (ClueKind.PHONE, number)
        for match in _PHONE.finditer(without)
        if match[0] not in orders and (number := _phone(match[0]))
    ]
    return _storable(found[:_PER_MESSAGE])


def fold_handle(handle: str) -> str:
    """``handle`` as it is compared between platforms, which allow different signs in it."""
    return _BETWEEN.sub("", handle.casefold().lstrip("@"))


def _storable(found: Iterable[Found]) -> set[Found]:
    cleaned = ((kind, clean(value)[0][:_VALUE_LIMIT]) for kind, value in found)
    return {(kind, value) for kind, value in cleaned if value}


_BETWEEN = re.compile(r"[._\-\s]")
_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9][\w.+-]{0,63}@[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,4}"
)
_PHONE = re.compile(r"(?<![\w+])(?:\+|00)?\d(?:[ ()-]{0,2}\d){7,14}(?!\w)")
_ORDER = re.compile(
    r"(?:سفارش|الطلب|طلب|مرسوله|رهگیری|order|sefaresh|talab|tracking)\w{0,3}"
    r"(?: ?(?:شماره|ام|م|من|رقم|کد|number|no|num|id|code|is|my|shomare|raqam))?[\s.:#-]{0,3}"
    r"(?P<number>[a-z]{0,4}-?\d{4,12})(?!\w)|(?<!\w)#(?P<tagged>\d{5,12})(?!\w)"
)
_PLACES = {
    "x.com": Platform.X,
    "twitter.com": Platform.X,
    "instagram.com": Platform.INSTAGRAM,
    "instagr.am": Platform.INSTAGRAM,
    "t.me": Platform.TELEGRAM,
    "telegram.me": Platform.TELEGRAM,
    "ble.ir": Platform.BALE,
    "bsky.app/profile": Platform.BLUESKY,
}
_LINK = re.compile(
    r"(?<![\w.@/-])(?:https?://)?(?:www\.|mobile\.|m\.)?"
    rf"(?P<place>{'|'.join(map(re.escape, _PLACES))})/@?(?P<handle>[a-z0-9_.-]{{3,60}})"
    r"(?=/?(?:\?\S{0,200})?(?:[\s),;!]|$))"
)
_NO_PROFILES = frozenset(
    {"explore", "home", "hashtag", "search", "intent", "share", "login", "settings", "messages"}
    | {"notifications", "about", "joinchat", "reel", "reels", "stories", "status", "privacy"}
)
# How far a number goes abroad is written in too many ways; its end is the same in all.
_PHONE_END = 9


def _phone(written: str) -> str | None:
    """A phone number as it is compared; ``None`` where it may be any number."""
    digits = re.sub(r"\D", "", written)
    abroad = written.lstrip().startswith(("+", "00"))
    local = re.fullmatch(r"09\d{9}|05\d{8}|01\d{9}|989\d{9}|9665\d{8}", digits)
    if not (local or (abroad and 10 <= len(digits.lstrip("0")) <= 15)):
        return None
    return digits[-_PHONE_END:]


# --- from clues to rows ---------------------------------------------------------------------


def note_clues(session: Session, message_ids: Iterable[int]) -> None:
    """Keep what these messages and their writers' profiles tell."""
    rows = session.execute(
        select(Message.id, Message.identity_id, Message.text)
        .join(Identity, Identity.id == Message.identity_id)
        # Nothing is kept again of someone who was erased.
        .where(Message.id.in_(list(message_ids)), Identity.erased_at.is_(None))
        .order_by(Message.id)
    ).all()
    told: dict[int, dict[Found, int | None]] = defaultdict(dict)
    for row in rows:
        for found in clues_of_text(row.text):
            told[row.identity_id].setdefault(found, row.id)
    _keep(session, {row.identity_id for row in rows}, told)


def _keep(session: Session, people: set[int], told: dict[int, dict[Found, int | None]]) -> None:
    if not people:
        return
    for identity_id, found in _profiles(session, people):
        told[identity_id].update(dict.fromkeys(found))
    known = {
        (row.identity_id, row.kind, row.value)
        for row in session.execute(
            select(Clue.identity_id, Clue.kind, Clue.value).where(Clue.identity_id.in_(people))
        )
    }
    fresh = [
        {"identity_id": person, "kind": kind, "value": value, "message_id": message_id}
        for person, found in sorted(told.items())
        for (kind, value), message_id in sorted(found.items(), key=lambda item: item[0])
        if (person, kind, value) not in known
    ]
    if fresh:
        session.connection().execute(insert_into(session, Clue).on_conflict_do_nothing(), fresh)


def _profiles(session: Session, people: set[int]) -> Iterator[tuple[int, set[Found]]]:
    handles: dict[int, list[str]] = defaultdict(list)
    for row in session.execute(
        select(IdentityHandle.identity_id, IdentityHandle.handle).where(
            IdentityHandle.identity_id.in_(people)
        )
    ):
        handles[row.identity_id].append(row.handle)
    for one in _identities(session, people):
        known = [*handles[one.id], one.handle or ""]
        yield one.id, clues_of_profile(one.platform, one.key, one.name, known)


def _identities(session: Session, people: set[int]) -> Any:
    return session.execute(
        select(Identity.id, Identity.platform, Identity.key, Identity.name, Identity.handle).where(
            Identity.id.in_(people)
        )
    )


_AT_ONCE = 2_000


class CatchUp:
    """Reads those of whom nothing is kept yet, oldest first, once through."""

    def __init__(self, store: Store, step: int = 500) -> None:
        self._store = store
        self._step = step
        self._after: int | None = 0

    def run_once(self) -> int:
        """Read up to ``step`` people; returns how many. None are left when it is 0."""
        if self._after is None:
            return 0
        with self._store.read() as session:
            people = session.scalars(
                select(Identity.id)
                .where(Identity.id > self._after, Identity.erased_at.is_(None))
                .where(~exists().where(Clue.identity_id == Identity.id))
                .order_by(Identity.id)
                .limit(self._step)
            ).all()
            if not people:
                self._after = None
                return 0
            of_people = select(Message.id).where(Message.identity_id.in_(people))
            messages = session.scalars(of_people.order_by(Message.id)).all()
        for begin in range(0, len(messages), _AT_ONCE):
            with self._store.write() as session:
                note_clues(session, messages[begin : begin + _AT_ONCE])
        self._after = people[-1]
        return len(people)
