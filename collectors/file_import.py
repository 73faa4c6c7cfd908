"""File import: a CSV or JSONL file of messages, of any size, through the one intake.

The file is read a line at a time and handed to :func:`collectors.intake.take_in` in batches,
each a short transaction of its own. A row that cannot be used is reported with its line and the
reason; the rest go in. An import that was cut off is simply run again: what is in already
counts as duplicate. ``docs/import.md`` is the same for people who have a file.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import IO, Any, TextIO, TypeVar
from zoneinfo import ZoneInfo

from collectors.import_rows import BadRow, ImportFileError, Row, RowReader
from collectors.intake import take_in
from shenava.messages import (
    AccountRef,
    Author,
    Incoming,
    IntakeResult,
    MessageKind,
    Platform,
    PostRef,
    Source,
)
from shenava.store import Store

BATCH_ROWS = 500
SHOWN_REJECTS = 20

FIELDS: Mapping[str, str] = {
    "id": "the platform's id of the message, unique there; always text",
    "created_at": "when it was written: ISO 8601, or seconds since 1970",
    "text": "what was written",
    "author": "the writer's handle, with or without @",
    "author_id": "the platform's id of the writer",
    "author_name": "the writer's name as shown",
    "followers": "how many follow the writer",
    "platform": "one of " + ", ".join(Platform),
    "account": "which of your accounts it was written to, as shop or x:shop",
    "kind": "one of " + ", ".join(MessageKind),
    "post": "the id of the public post it stands under",
    "reply_to": "the id of the message it answers",
    "permalink": "its public address",
    "scope": "what makes the id unique, where the platform's ids are not (a Telegram chat)",
}
"""The fields of a message; a column of the same name is taken for each, unless mapped."""

DEFAULT_KINDS: Mapping[Platform, MessageKind] = {
    Platform.X: MessageKind.MENTION,
    Platform.INSTAGRAM: MessageKind.COMMENT,
    Platform.TELEGRAM: MessageKind.DM,
    Platform.BALE: MessageKind.DM,
    Platform.WHATSAPP: MessageKind.DM,
    Platform.BLUESKY: MessageKind.MENTION,
    Platform.MASTODON: MessageKind.MENTION,
    Platform.EMAIL: MessageKind.EMAIL,
    Platform.WEB: MessageKind.REVIEW,
}
"""What a message is taken for where neither the row nor the command says."""

# As wide as the columns of the store.
_LIMITS = {"id": 300, "author": 200, "author_id": 290, "account": 200, "post": 300, "reply_to": 300}
_SCOPE_LIMIT = 200
_NAME_LIMIT = 300
_MOST_FOLLOWERS = 2_000_000_000
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)
# Seconds of this size lie beyond the year 5000; they are milliseconds.
_MILLISECONDS_FROM = 100_000_000_000
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+\d+")
_SPACED_OFFSET = re.compile(r" ([+-]\d\d:?\d\d)$")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_Word = TypeVar("_Word", bound=StrEnum)


class RowError(Exception):
    """A row cannot be a message. The text says why, without quoting what was written."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read a file.

    ``zone`` is that of times without an offset. ``platform``, ``account`` and ``kind`` stand in
    where a row has none. ``columns`` names the column of a field where it is not the field's own
    name. ``historic`` marks old posts. ``make_ids`` derives an id for rows that have none.
    """

    zone: ZoneInfo
    platform: Platform | None = None
    account: str | None = None
    kind: MessageKind | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    historic: bool = False
    make_ids: bool = False

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in FIELDS:
                raise ImportFileError(
                    f"There is no field {name!r} to map; the fields are {', '.join(FIELDS)}."
                )

    def column(self, name: str) -> str:
        """The column, in lower case, that holds the field ``name``."""
        return self.columns.get(name, name).strip().casefold()


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: the line it begins on, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import came to: ``read`` = ``new`` + ``duplicate`` + ``rejected`` rows.

    ``rejects`` are the first of the rejected, at most :data:`SHOWN_REJECTS`.
    """

    read: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()

    def with_batch(self, result: IntakeResult) -> ImportReport:
        """This report and one batch more."""
        return replace(
            self,
            read=self.read + result.new + result.duplicate,
            new=self.new + result.new,
            duplicate=self.duplicate + result.duplicate,
        )

    def with_reject(self, reject: Reject) -> ImportReport:
        """This report and one rejected row more."""
        rejects = self.rejects
        if len(rejects) < SHOWN_REJECTS:
            rejects = (*rejects, reject)
        return replace(self, read=self.read + 1, rejected=self.rejected + 1, rejects=rejects)


Progress = Callable[[ImportReport, int], None]
"""Told after each batch: the report so far, and how many bytes of the file have been read."""


def import_file(
    store: Store,
    stream: IO[bytes],
    options: ImportOptions,
    *,
    after_batch: Progress = lambda report, position: None,
    rejects: TextIO | None = None,
) -> ImportReport:
    """Take in every row of ``stream`` that is a message.

    ``after_batch`` is called when a batch has been committed. ``rejects`` gets one JSON object a
    line for each rejected row: ``line``, ``reason`` and the ``row`` as it stands in the file.

    Raises :class:`ImportFileError` when the file as a whole cannot be read. What went in before
    that stays.
    """
    reader = RowReader(stream)
    if reader.columns is not None:
        _check_columns(reader.columns, options)
    latest = store.clock.now() + _AHEAD
    report = ImportReport()
    batch: list[Incoming] = []

    def flush() -> None:
        nonlocal report
        report = report.with_batch(take_in(store, batch))
        batch.clear()
        after_batch(report, reader.bytes_read)

    for row in reader:
        try:
            if isinstance(row, BadRow):
                raise RowError(row.reason)
            batch.append(read_message(row.fields, options, latest))
        except RowError as error:
            report = report.with_reject(Reject(row.line, str(error)))
            _write_reject(rejects, row, str(error))
        if len(batch) >= BATCH_ROWS:
            flush()
    flush()
    return report


def _write_reject(rejects: TextIO | None, row: Row | BadRow, reason: str) -> None:
    if rejects is not None:
        # ASCII, for a row may hold what cannot be written as UTF-8.
        rejects.write(json.dumps({"line": row.line, "reason": reason, "row": row.raw}) + "\n")


def _check_columns(columns: tuple[str, ...], options: ImportOptions) -> None:
    """Refuse a CSV file in which every single row would be rejected."""
    missing = [name for name in options.columns if options.column(name) not in columns]
    needed = ["created_at", "text"] if options.make_ids else ["id", "created_at", "text"]
    missing += [name for name in needed if options.column(name) not in columns]
    if not missing:
        return
    name = missing[0]
    has = ", ".join(column for column in columns if column) or "none"
    if name in options.columns:
        raise ImportFileError(f"There is no column {options.columns[name]!r}; the file has {has}.")
    hint = " or derive one with --make-ids" if name == "id" else ""
    raise ImportFileError(
        f"There is no column {name}; the file has {has}. Say which it is with "
        f"--map {name}=COLUMN{hint}."
    )


def read_message(fields: Mapping[str, Any], options: ImportOptions, latest: datetime) -> Incoming:
    """Make a message of one row's fields (by column name in lower case).

    ``latest``: an instant after which nobody can have written yet. Raises :class:`RowError`.
    """
    values = _Fields(fields, options)
    account = _account(values, options)
    author = Author(
        native_id=values.key("author_id") or None,
        handle=values.key("author").lstrip("@").strip() or None,
        name=_NOT_STORABLE.sub("\ufffd", values.text("author_name"))[:_NAME_LIMIT] or None,
        followers=_followers(values.text("followers")),
    )
    if author.native_id is None and author.handle is None:
        raise RowError("no author: neither a handle (author) nor an id (author_id)")
    text = values.original("text")
    if not text.strip():
        raise RowError("no text")
    written_at = read_time(values.get("created_at"), options.zone)
    if written_at > latest:
        raise RowError("the time lies in the future")
    post = values.key("post")
    return Incoming(
        account=account,
        native_key=_native_key(values, options, account, author, written_at, text),
        kind=_kind(values.text("kind"), options.kind, account.platform),
        author=author,
        text=text,
        written_at=written_at,
        source=Source.IMPORT,
        scope=values.key("scope", _SCOPE_LIMIT),
        post=PostRef(post) if post else None,
        reply_to_key=values.key("reply_to") or None,
        permalink=_permalink(values.text("permalink")),
        historic=options.historic,
    )


class _Fields:
    """One row's values by the name of the field."""

    def __init__(self, fields: Mapping[str, Any], options: ImportOptions) -> None:
        self._fields = fields
        self._options = options

    def get(self, name: str) -> Any:
        return self._fields.get(self._options.column(name))

    def original(self, name: str) -> str:
        """The value as it stands, which must be text; empty when there is none."""
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise RowError(f"{name} is not text")
        return value

    def text(self, name: str) -> str:
        """The value as trimmed text; whole numbers count as text."""
        value = self.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float):
            if value.is_integer() and abs(value) < 2**53 and name == "followers":
                return str(int(value))
            raise RowError(f"{name} is a rounded number; write it as text")
        return self.original(name).strip()

    def key(self, name: str, limit: int | None = None) -> str:
        """The value as an id: text that the store can hold whole."""
        value = self.text(name)
        most = limit or _LIMITS[name]
        if len(value) > most:
            raise RowError(f"{name} is longer than {most} signs")
        if _NOT_STORABLE.search(value):
            raise RowError(f"{name} holds a NUL or half a sign")
        return value


def _account(values: _Fields, options: ImportOptions) -> AccountRef:
    """Which of the shop's accounts: the row's own word before the command's."""
    named = values.key("account") or (options.account or "").strip()
    stated = values.text("platform").casefold()
    platform = _member(Platform, stated, "platform") if stated else None
    before, colon, after = named.partition(":")
    if colon and before.strip().casefold() in set(Platform):
        carried = Platform(before.strip().casefold())
        if platform not in (None, carried):
            raise RowError(f"platform says {platform}, account says {carried}")
        platform, named = carried, after
    platform = platform or options.platform
    handle = named.strip().lstrip("@").strip()
    if platform is None:
        raise RowError("no platform: give one with --platform")
    if not handle:
        raise RowError("no account: give one with --account")
    return AccountRef(platform, handle)


def _member(kind: type[_Word], value: str, name: str) -> _Word:
    try:
        return kind(value)
    except ValueError:
        raise RowError(f"unknown {name}; known are {', '.join(kind)}") from None


def _kind(stated: str, default: MessageKind | None, platform: Platform) -> MessageKind:
    if stated:
        return _member(MessageKind, stated.casefold(), "kind")
    return default or DEFAULT_KINDS[platform]


def _native_key(
    values: _Fields,
    options: ImportOptions,
    account: AccountRef,
    author: Author,
    written_at: datetime,
    text: str,
) -> str:
    key = values.key("id")
    if _ROUNDED.fullmatch(key):
        # What a spreadsheet leaves of a long id: 5.70306E+17. The last digits are lost.
        raise RowError("the id was rounded by a spreadsheet; export it as text")
    if key:
        return key
    if not options.make_ids:
        raise RowError("no id; --make-ids derives one from platform, author, time and text")
    who = author.native_id or f"@{author.handle}".casefold()
    parts = json.dumps([account.platform, who, written_at.isoformat(), text])
    return "made:" + hashlib.sha256(parts.encode()).hexdigest()


def _followers(value: str) -> int | None:
    if not value:
        return None
    try:
        count = int(value.replace(",", "").removesuffix(".0"))
    except ValueError:
        raise RowError("followers is not a whole number") from None
    if not 0 <= count <= _MOST_FOLLOWERS:
        raise RowError("followers is no possible number")
    return count


def _permalink(value: str) -> str | None:
    if not value:
        return None
    # It becomes a link on the screen: nothing but web addresses may.
    if not value.startswith(("http://", "https://")) or _NOT_STORABLE.search(value):
        raise RowError("permalink is not a web address")
    return value


def read_time(value: object, zone: ZoneInfo) -> datetime:
    """Read an instant: ISO 8601 with or without offset, or seconds (or ms) since 1970.

    Without an offset it is a wall time in ``zone``; one that comes twice, when clocks go back,
    is the first of the two. Returns it in UTC. Raises :class:`RowError`.
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        raise RowError("no time (created_at)")
    try:
        at = _epoch(value) if _is_number(value) else _iso(str(value), zone)
        utc = at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise RowError(
            "unreadable time (created_at); write 2026-11-20T18:05:00+03:30 or seconds since 1970"
        ) from None
    if utc < _EARLIEST:
        raise RowError("the time lies before 1990")
    return utc


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\d{9,}(\.\d+)?", value, re.ASCII) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _epoch(value: object) -> datetime:
    seconds = float(str(value))
    if not math.isfinite(seconds):
        raise ValueError
    if seconds >= _MILLISECONDS_FROM:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC)


def _iso(value: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(_SPACED_OFFSET.sub(r"\1", value))
    return at if at.tzinfo else at.replace(tzinfo=zone)
