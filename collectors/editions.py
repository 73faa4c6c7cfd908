"""Versions of edited messages: which deliveries are one message, and what each adds to it.

Some platforms give an edited message a new key and tell the keys it had (X); on others an edit
keeps the key, and ``Incoming.edited_at`` tells the versions apart. Either way the row of the
message holds the newest version, :class:`MessageVersion` those before, and whichever comes first,
twice, or through another source, the end is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shenava.messages import Incoming, Platform
from shenava.store import (
    Clue,
    Correction,
    Fact,
    FactKind,
    Message,
    MessageVersion,
    VerdictRow,
)
from shenava.store.bulk import insert_into
from shenava.text import NORMALISER_VERSION, clean, index_text

MessageKey = tuple[Platform, str, str]
"""(platform, scope, native key)."""

_MARK = 4
"""The edition begins with so many digits, the place among new keys; a mark of time may follow."""


@dataclass(frozen=True, slots=True)
class Known:
    """A message that is in the store: the version it shows."""

    message_id: int
    native_key: str
    edition: str
    removed: bool

    def shows(self, item: Incoming) -> bool:
        """Whether ``item`` is the version that the message shows."""
        return item.native_key == self.native_key and mark_of(item.edition) == mark_of(self.edition)


@dataclass(slots=True)
class Family:
    """All that a batch brings of one message, in the order of delivery."""

    items: list[Incoming]
    known: Known | None
    message_id: int = field(default=0)

    @property
    def newest(self) -> Incoming:
        """The newest of the versions here; of several deliveries of it the first."""
        return max(self.items, key=lambda item: item.edition)

    @property
    def first_at(self) -> datetime:
        return min(item.written_at for item in self.items)

    @property
    def last_at(self) -> datetime:
        """When the newest version was written; of several times told of one, the earliest."""
        told: dict[tuple[str, str], datetime] = {}
        for item in self.items:
            version = (item.native_key, mark_of(item.edition))
            told[version] = min(told.get(version, item.version_at), item.version_at)
        return max(told.values())


@dataclass(frozen=True, slots=True)
class Edit:
    """What versions that were not known changed of a message. ``newer``: it shows other words."""

    message_id: int
    case_id: int
    first_at: datetime
    last_at: datetime
    newer: bool


def mark_of(edition: str) -> str:
    """What tells versions of one key apart; empty where an edit has a key of its own."""
    return edition[_MARK:]


def key_of(item: Incoming) -> MessageKey:
    return (item.account.platform, item.scope, item.native_key)


def _keys_of(item: Incoming) -> list[MessageKey]:
    """Its own key, and those that its earlier versions had."""
    own = key_of(item)
    return [own, *((own[0], own[1], key) for key in item.edited_from)]


def families(session: Session, batch: Sequence[Incoming]) -> list[Family]:
    """The batch, parted by message; of each the row that it is already, if it is."""
    keys = [_keys_of(item) for item in batch]
    known = _known(session, {key for each in keys for key in each})
    lead: dict[MessageKey, MessageKey] = {}

    def root(key: MessageKey) -> MessageKey:
        while (up := lead.get(key, key)) != key:
            key = up
        return key

    for each in keys:
        for key in each[1:]:
            one, other = root(each[0]), root(key)
            if one != other:
                lead[other] = one
    # Versions that are not linked within the batch may be of one message all the same.
    of_message: dict[int, MessageKey] = {}
    for key, found in known.items():
        one, other = root(key), root(of_message.setdefault(found.message_id, key))
        if one != other:
            lead[other] = one

    grouped: dict[MessageKey, Family] = {}
    for item, each in zip(batch, keys, strict=True):
        there = next((known[key] for key in each if key in known), None)
        family = grouped.setdefault(root(each[0]), Family([], there))
        family.items.append(item)
        family.known = family.known or there
    for family in grouped.values():
        if family.known is not None:
            family.message_id = family.known.message_id
    return list(grouped.values())


def _known(session: Session, wanted: Iterable[MessageKey]) -> dict[MessageKey, Known]:
    """The messages that have, or had, these keys."""
    by_place: dict[tuple[Platform, str], list[str]] = {}
    for platform, scope, key in wanted:
        by_place.setdefault((platform, scope), []).append(key)
    known: dict[MessageKey, Known] = {}
    shown = (Message.id, Message.native_key, Message.edition, Message.removed_at)
    for (platform, scope), keys in by_place.items():
        earlier = (
            select(MessageVersion.native_key.label("key"), *shown)
            .join(Message, Message.id == MessageVersion.message_id)
            .where(
                MessageVersion.platform == platform,
                MessageVersion.scope == scope,
                MessageVersion.native_key.in_(keys),
            )
        )
        now = select(Message.native_key.label("key"), *shown).where(
            Message.platform == platform, Message.scope == scope, Message.native_key.in_(keys)
        )
        for asked in (earlier, now):
            for row in session.execute(asked):
                known[(platform, scope, row.key)] = Known(
                    row.id, row.native_key, row.edition, row.removed_at is not None
                )
    return known


def with_news(found: Iterable[Family]) -> list[Family]:
    """Those known messages of which a version may be new."""
    return [
        family
        for family in found
        if family.known is not None
        and any(
            item.edition > family.known.edition or not family.known.shows(item)
            for item in family.items
        )
    ]


def apply(session: Session, edited: Sequence[Family], now: datetime) -> list[Edit]:
    """Bring versions that are not known to messages that are. The rows of the messages are locked.

    A newer one takes the place of what the message showed, which becomes an earlier version; its
    verdicts and corrections spoke of other words and hold no more. An older one is kept. To a
    tombstone nothing is added but the keys.
    """
    if not edited:
        return []
    ids = [family.message_id for family in edited]
    rows = {
        row.id: row
        for row in session.execute(
            select(
                Message.id,
                Message.platform,
                Message.scope,
                Message.native_key,
                Message.edition,
                Message.text,
                Message.raw,
                Message.written_at,
                Message.edited_at,
                Message.removed_at,
                Message.case_id,
            ).where(Message.id.in_(ids))
        )
    }
    texts: dict[int, set[tuple[str, str]]] = {}
    for row in session.execute(
        select(MessageVersion.message_id, MessageVersion.native_key, MessageVersion.edition).where(
            MessageVersion.message_id.in_(ids), MessageVersion.text.is_not(None)
        )
    ):
        texts.setdefault(row.message_id, set()).add((row.native_key, mark_of(row.edition)))
    done = (_apply_one(session, each, rows[each.message_id], texts, now) for each in edited)
    return [edit for edit in done if edit is not None]


def _apply_one(
    session: Session,
    family: Family,
    row: Any,
    texts: dict[int, set[tuple[str, str]]],
    now: datetime,
) -> Edit | None:
    shown = (row.native_key, mark_of(row.edition))
    have = texts.get(row.id, set()) | {shown}
    fresh: dict[tuple[str, str], Incoming] = {}
    for item in family.items:
        fresh.setdefault((item.native_key, mark_of(item.edition)), item)
    if row.removed_at is not None:
        keep_keys(session, row.id, family.items, row.native_key)
        return None
    newest = family.newest
    newer = newest.edition > row.edition and (newest.native_key, mark_of(newest.edition)) != shown
    fresh = {key: item for key, item in fresh.items() if key not in have}
    if newer:
        _keep(
            session,
            row.id,
            (row.platform, row.scope, row.native_key),
            row.edition,
            (row.text, row.raw),
            row.edited_at or row.written_at,
        )
        _show(session, row.id, newest, now)
    elif newest.edition > row.edition:
        # The version it shows, told with its place among others for the first time.
        _set(session, row.id, edition=newest.edition, edited_at=newest.version_at)
    for item in fresh.values():
        if not (newer and item is newest):
            _keep(session, row.id, key_of(item), item.edition, clean(item.text), item.version_at)
    keep_keys(session, row.id, family.items, newest.native_key if newer else row.native_key)
    if not fresh:
        return None
    first = min(item.written_at for item in fresh.values())
    if first < row.written_at:
        _began_earlier(session, row.id, first, now)
    return Edit(row.id, row.case_id, first, max(item.version_at for item in fresh.values()), newer)


def versions_of(family: Family, message_id: int) -> list[dict[str, Any]]:
    """The earlier versions that a new message came with, as rows; see also :func:`keep_keys`."""
    newest = family.newest
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for item in family.items:
        key = (item.native_key, mark_of(item.edition))
        if key == (newest.native_key, mark_of(newest.edition)):
            continue
        text, raw = clean(item.text)
        found.setdefault(
            key,
            _row(message_id, key_of(item), item.edition, (text, raw), item.version_at),
        )
    return list(found.values())


def keep_new(session: Session, families_: Iterable[Family]) -> None:
    """Write what :func:`versions_of` tells of messages that were just made."""
    for family in families_:
        if len(family.items) > 1 or family.newest.edited_from:
            for values in versions_of(family, family.message_id):
                _upsert(session, values)
            keep_keys(session, family.message_id, family.items, family.newest.native_key)


def keep_keys(session: Session, message_id: int, items: Iterable[Incoming], shown: str) -> None:
    """Remember the keys of versions that nobody has seen, so that they are known when they come."""
    told: dict[MessageKey, str] = {}
    for item in items:
        own = key_of(item)
        for place, key in enumerate(item.edited_from):
            told.setdefault((own[0], own[1], key), f"{place:04d}" if place else "")
        told.setdefault(own, item.edition)
    wanted = sorted((key, edition) for key, edition in told.items() if key[2] != shown)
    if not wanted:
        return
    there = set(
        session.scalars(
            select(MessageVersion.native_key).where(MessageVersion.message_id == message_id)
        )
    )
    for earlier, edition in wanted:
        if earlier[2] not in there:
            session.execute(
                insert_into(session, MessageVersion)
                .values(**_row(message_id, earlier, edition, (None, None), None))
                .on_conflict_do_nothing()
            )


def _keep(
    session: Session,
    message_id: int,
    key: MessageKey,
    edition: str,
    words: tuple[str, bytes | None],
    written_at: datetime,
) -> None:
    _upsert(session, _row(message_id, key, edition, words, written_at))


def _row(
    message_id: int,
    key: MessageKey,
    edition: str,
    words: tuple[str | None, bytes | None],
    written_at: datetime | None,
) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "platform": key[0],
        "scope": key[1],
        "native_key": key[2],
        "edition": edition,
        "text": words[0],
        "raw": words[1],
        "written_at": written_at,
    }


def _upsert(session: Session, values: dict[str, Any]) -> None:
    """One version; a row that held no more than its key is filled."""
    if not mark_of(values["edition"]):
        # The key alone tells such a version: what a later one told of its place is kept.
        filled = session.execute(
            update(MessageVersion)
            .where(
                MessageVersion.message_id == values["message_id"],
                MessageVersion.native_key == values["native_key"],
                func.length(MessageVersion.edition) <= _MARK,
            )
            .values(
                text=func.coalesce(MessageVersion.text, values["text"]),
                raw=func.coalesce(MessageVersion.raw, values["raw"]),
                written_at=func.coalesce(MessageVersion.written_at, values["written_at"]),
            )
            .returning(MessageVersion.id)
            .execution_options(synchronize_session=False)
        ).all()
        if filled:
            return
    session.execute(insert_into(session, MessageVersion).values(**values).on_conflict_do_nothing())


def _show(session: Session, message_id: int, item: Incoming, now: datetime) -> None:
    """Let the message show this version, and wait for a verdict on it."""
    text, raw = clean(item.text)
    author = item.author
    _set(
        session,
        message_id,
        native_key=item.native_key,
        permalink=item.permalink,
        reply_to_key=item.reply_to_key,
        text=text,
        raw=raw,
        search_text=index_text(text, author.name or "", author.handle or ""),
        normaliser=NORMALISER_VERSION,
        edition=item.edition,
        edited_at=item.version_at,
        judge_after=now,
    )
    # The row of this version, if only its key had been known, is the message itself now.
    session.execute(
        delete(MessageVersion).where(
            MessageVersion.message_id == message_id,
            MessageVersion.native_key == item.native_key,
            MessageVersion.edition == item.edition,
        )
    )
    session.execute(delete(VerdictRow).where(VerdictRow.message_id == message_id))
    session.execute(delete(Clue).where(Clue.message_id == message_id))
    session.execute(
        update(Correction)
        .where(Correction.message_id == message_id, Correction.superseded_at.is_(None))
        .values(superseded_at=now)
        .execution_options(synchronize_session=False)
    )


def _began_earlier(session: Session, message_id: int, at: datetime, now: datetime) -> None:
    """A version that was written before all known ones: the message is as old as that, and its
    case waits since then. The pipeline finds its verdict there, and decides on the case anew."""
    _set(session, message_id, written_at=at, judge_after=now)
    session.execute(
        update(Fact)
        .where(
            Fact.kind.in_((FactKind.MESSAGE_RECEIVED, FactKind.MESSAGE_JUDGED)),
            Fact.message_id == message_id,
            Fact.happened_at > at,
        )
        .values(happened_at=at)
        .execution_options(synchronize_session=False)
    )


def _set(session: Session, message_id: int, **values: Any) -> None:
    session.execute(
        update(Message)
        .where(Message.id == message_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def lock(session: Session, message_ids: Collection[int]) -> None:
    """These messages, nobody else's to change until the commit, in the order of all."""
    session.execute(
        select(Message.id)
        .where(Message.id.in_(message_ids))
        .order_by(Message.id)
        .with_for_update(key_share=True)
    ).all()
