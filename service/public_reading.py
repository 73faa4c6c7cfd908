"""Reading what is public on Instagram: by a person who was told the risk, behind a breaker.

A failure here never touches the official connection of the account: where Instagram wants a person,
the breaker opens and the page of accounts says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from collectors.breaker import Breaker
from shenava.channels import (
    ChannelError,
    Cursor,
    Outgoing,
    Page,
    Profile,
    RateLimited,
    Reads,
    Rejected,
    RejectedBecause,
    Sent,
    Unauthorised,
    Unreachable,
)
from shenava.channels.instagram.links import PUBLIC
from shenava.channels.instagram.public import (
    SITE,
    PublicInstagram,
    Wanted,
    WebSession,
    wanted_of,
)
from shenava.messages import AccountRef, Platform, Source
from shenava.store import Account, Feed, PublicReader, PublicTrouble, Store
from shenava.vault import Vault, VaultError

T = TypeVar("T")

EVERY_S = 1800
"""Seconds between two readings of one thing: the website is asked as seldom as a person would."""
_TRIAL = timedelta(minutes=5)

RISK = (
    "Instagram's terms forbid reading its website by a program. The account whose session is used "
    "may be limited, asked to prove that it is a person, or closed; use one that you can lose, and "
    "never the shop's own. It breaks every few weeks, when Instagram changes its pages, until "
    "instaloader is upgraded. It is never the only way to see a complaint: what it shows may be "
    "late, in part, or nothing."
)


class PublicReading:
    """Makes the guarded readers of accounts. Safe to use from many threads."""

    def __init__(self, store: Store, vault: Vault, site: str = SITE) -> None:
        self._store, self._vault, self._site = store, vault, site

    def connect(self, account_id: int, query: str) -> Guarded:
        """A reader for a feed. Raises ``RateLimited`` while the breaker is open, ``Rejected`` when
        it was switched off, or no stored key opens its session."""
        now = self._store.clock.now()
        with self._store.write() as session:
            row = session.get(PublicReader, account_id, with_for_update=True)
            account = session.get(Account, account_id)
            if row is None or account is None:
                raise Rejected(RejectedBecause.NOT_ALLOWED, "public reading is switched off")
            _let_through(row, now)
            ref = AccountRef(account.platform, account.handle)
            username, locked = row.username, row.session
        try:
            cookies = self._vault.open(locked)
        except VaultError as error:
            raise Rejected(RejectedBecause.NOT_ALLOWED, str(error)) from None
        reader = PublicInstagram(
            WebSession(username, cookies), ref, query, self._store.clock, site=self._site
        )
        return Guarded(reader, self._store, account_id)


def _let_through(row: PublicReader, now: datetime) -> None:
    breaker = _breaker(row)
    if breaker.is_open(now):
        assert row.open_until is not None
        raise RateLimited(row.open_until, named=False)
    if breaker.is_half_open(now):
        if row.trial_until is not None and row.trial_until > now:
            raise RateLimited(row.trial_until, named=False)
        row.trial_until = now + _TRIAL


def _breaker(row: PublicReader) -> Breaker:
    return Breaker(row.failures, row.opened, row.open_until)


class Guarded:
    """A reader whose fate is written into its breaker; see :class:`shenava.channels.Channel`."""

    def __init__(self, reader: PublicInstagram, store: Store, account_id: int) -> None:
        self._reader, self._store, self._account_id = reader, store, account_id

    def check(self) -> Profile:
        return self._watched(self._reader.check)

    def sources(self) -> Sequence[Source]:
        return self._reader.sources()

    def read(self, source: Source, cursor: Cursor) -> Page:
        return self._watched(lambda: self._reader.read(source, cursor))

    def send(self, outgoing: Outgoing) -> Sent:
        return self._reader.send(outgoing)

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        return self._reader.find_sent(outgoing, after, known)

    def take_reads(self) -> Reads:
        return self._reader.take_reads()

    def _watched(self, ask: Callable[[], T]) -> T:
        try:
            found = ask()
        except ChannelError as error:
            raise self._failed(error) from None
        self._write(Breaker(), None)
        return found

    def _failed(self, error: ChannelError) -> ChannelError:
        """Write the failure down; what the feed is told must not end the whole account."""
        now = self._store.clock.now()
        trouble = _trouble_of(error)
        if trouble is None:
            return error
        with self._store.read() as session:
            row = session.get(PublicReader, self._account_id)
            before = _breaker(row) if row is not None else Breaker()
        breaker = before.failed(
            now,
            at_once=trouble in (PublicTrouble.ASKED_TO_WAIT, PublicTrouble.NEEDS_PERSON),
            not_before=error.retry_at if isinstance(error, RateLimited) else None,
        )
        self._write(breaker, trouble)
        if breaker.open_until is not None:
            return RateLimited(breaker.open_until, named=False)
        return error

    def _write(self, breaker: Breaker, trouble: PublicTrouble | None) -> None:
        now = self._store.clock.now()
        values = {
            "failures": breaker.failures,
            "opened": breaker.opened,
            "open_until": breaker.open_until,
            "trial_until": None,
            "trouble": trouble,
            "trouble_at": now if trouble else None,
        }
        # One that is well, and was, is not written anew with every page.
        news = (
            () if trouble else (or_(PublicReader.failures > 0, PublicReader.trouble.is_not(None)),)
        )
        with self._store.write() as session:
            session.execute(
                update(PublicReader)
                .where(PublicReader.account_id == self._account_id, *news)
                .values(**values)
            )


def _trouble_of(error: ChannelError) -> PublicTrouble | None:
    """``None``: it says nothing of the session (what was asked for is not there)."""
    if isinstance(error, RateLimited):
        return PublicTrouble.ASKED_TO_WAIT
    if isinstance(error, Unauthorised):
        return PublicTrouble.NEEDS_PERSON
    if isinstance(error, Rejected):
        gone = error.because is RejectedBecause.NOT_FOUND
        return None if gone else PublicTrouble.PAGE_CHANGED
    return PublicTrouble.UNREACHABLE if isinstance(error, Unreachable) else None


# --- switching --------------------------------------------------------------------------------


def switch_on(
    session: Session,
    vault: Vault,
    account_id: int,
    web: WebSession,
    wanted: Sequence[Wanted],
    now: datetime,
) -> None:
    """Read ``wanted`` for an account, with this session; a new session closes the breaker.

    Raises ``ValueError`` for an account that is not one of Instagram.
    """
    account = session.get(Account, account_id)
    if account is None or account.platform is not Platform.INSTAGRAM:
        raise ValueError("only an account of Instagram has a public side that is read so")
    row = session.get(PublicReader, account_id) or PublicReader(account_id=account_id)
    row.username, row.session = web.username, vault.lock(web.cookies)
    row.switched_on_at = now
    row.failures = row.opened = 0
    row.open_until = row.trial_until = row.trouble = row.trouble_at = None
    session.add(row)
    queries = {one.query for one in wanted}
    for feed in _feeds(session, account_id):
        feed.enabled = feed.query in queries
        feed.next_at = now
        queries.discard(feed.query)
    for query in sorted(queries):
        session.add(
            Feed(
                account_id=account_id,
                source=Source.SEARCH,
                query=query,
                cursor={},
                every_s=EVERY_S,
                next_at=now,
            )
        )


def switch_off(session: Session, account_id: int) -> bool:
    """Read nothing public any more and forget the session; what was read stays. False: it was
    off."""
    row = session.get(PublicReader, account_id)
    if row is None:
        return False
    session.delete(row)
    for feed in _feeds(session, account_id):
        feed.enabled = False
    return True


def _feeds(session: Session, account_id: int) -> Sequence[Feed]:
    return session.scalars(
        select(Feed)
        .where(Feed.account_id == account_id, Feed.query.startswith(PUBLIC))
        .with_for_update()
    ).all()


__all__ = ["RISK", "Guarded", "PublicReading", "switch_off", "switch_on", "wanted_of"]
