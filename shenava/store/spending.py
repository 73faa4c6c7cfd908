"""The spend meter: what an app used, and what is left of its budget of the month.

A budget is a hard stop: what a deed may cost at most is set aside before it is done, in one
transaction with the question whether it still fits, with the app's row locked. So several
workers together cannot pass the limit either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shenava.store.bulk import insert_into
from shenava.store.collecting import App, Billed, Feed, Spend
from shenava.store.people import Account

SENDING = "send:"
"""Prefix of ``Spend.what`` for what was sent; all else that costs is reading."""

REQUESTS = "requests"
"""``Spend.what`` for calls: told, but not a resource that counts against ``reads_limit``."""


LOOKED_UP = "looked_up"
"""``Spend.what`` for messages asked about, there or not; what that cost is counted beside it."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one app has used in a UTC month: money in millionths of a US dollar, resources read.

    The ``held`` parts are set aside for pages that are being read. Limits: ``None`` is none.
    """

    micros: int
    reads: int
    held_micros: int
    held_reads: int
    money_limit_micros: int | None
    reads_limit: int | None

    def fits(self, micros: int, reads: int = 0, share: float = 1.0) -> bool:
        """Whether so much more stays within ``share`` (0 to 1) of both limits."""
        money = self.micros + self.held_micros + micros
        read = self.reads + self.held_reads + reads
        return (
            self.money_limit_micros is None
            or micros == 0
            or money <= self.money_limit_micros * share
        ) and (self.reads_limit is None or reads == 0 or read <= self.reads_limit * share)


def lock_spent(session: Session, app_id: int, now: datetime) -> Spent:
    """What app ``app_id`` has used in the month of ``now``; nobody else's to change until the
    commit."""
    app = session.execute(
        select(App.money_limit_micros, App.reads_limit).where(App.id == app_id).with_for_update()
    ).one()
    return _spent(session, app_id, now, app.money_limit_micros, app.reads_limit)


def spent(session: Session, app_id: int, now: datetime) -> Spent:
    """The same, to look at only."""
    app = session.execute(
        select(App.money_limit_micros, App.reads_limit).where(App.id == app_id)
    ).one()
    return _spent(session, app_id, now, app.money_limit_micros, app.reads_limit)


def _spent(
    session: Session, app_id: int, now: datetime, money_limit: int | None, reads_limit: int | None
) -> Spent:
    month = month_of(now)
    micros = reads = 0
    for row in session.execute(
        select(Spend.what, func.sum(Spend.count).label("n"), func.sum(Spend.micros).label("micros"))
        .where(Spend.app_id == app_id, Spend.day >= month.date(), Spend.day < _next(month).date())
        .group_by(Spend.what)
    ):
        micros += int(row.micros)
        if row.what not in (REQUESTS, LOOKED_UP) and not row.what.startswith(SENDING):
            reads += int(row.n)
    held = session.execute(
        select(
            func.coalesce(func.sum(Feed.held_micros), 0).label("micros"),
            func.coalesce(func.sum(Feed.held_reads), 0).label("reads"),
        )
        .join(Account, Account.id == Feed.account_id)
        .where(Account.app_id == app_id)
    ).one()
    return Spent(micros, reads, int(held.micros), int(held.reads), money_limit, reads_limit)


def add(session: Session, app_id: int, at: datetime, used: Mapping[str, tuple[int, int]]) -> None:
    """Add to the meter of the UTC day of ``at``: by ``what``, how many and their micros.

    Negative numbers take back what was not done after all.
    """
    values = [
        {
            "app_id": app_id,
            "day": at.astimezone(UTC).date(),
            "what": what,
            "count": count,
            "micros": micros,
        }
        for what, (count, micros) in sorted(used.items())
        if count or micros
    ]
    if not values:
        return
    statement = insert_into(session, Spend)
    more = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["app_id", "day", "what"],
            set_={"count": Spend.count + more.count, "micros": Spend.micros + more.micros},
        ),
        values,
    )


class Used(Protocol):
    """What reading used, as ``shenava.channels.Reads`` tells it."""

    @property
    def resources(self) -> Mapping[str, int]: ...

    @property
    def requests(self) -> int: ...

    @property
    def keys(self) -> Mapping[str, Sequence[str]]: ...


def add_reads(
    session: Session, app_id: int, at: datetime, used: Used, price: Callable[[str, int], int]
) -> None:
    """Add what was read to the meter: of a resource that has a key, the first reading of the UTC
    day alone. ``price``: of so many of a kind, in micros.

    The app's row must be locked (:func:`lock_spent`): two that bill the same things at once would
    wait for each other.
    """
    counted: dict[str, tuple[int, int]] = {REQUESTS: (used.requests, 0)}
    for what, count in sorted(used.resources.items()):
        keys = used.keys.get(what, ())
        fresh = count - len(keys) + _newly_billed(session, app_id, at, what, keys)
        counted[what] = (fresh, price(what, fresh))
    add(session, app_id, at, counted)


def _newly_billed(
    session: Session, app_id: int, at: datetime, what: str, keys: Sequence[str]
) -> int:
    """How many of ``keys`` this app was not billed for on that day; they are written down."""
    if not keys:
        return 0
    day = at.astimezone(UTC).date()
    made = session.scalars(
        insert_into(session, Billed)
        .values(
            [
                {"app_id": app_id, "day": day, "digest": digest}
                for digest in sorted({_digest(what, key) for key in keys})
            ]
        )
        .on_conflict_do_nothing()
        .returning(Billed.digest)
    ).all()
    return len(made)


def _digest(what: str, key: str) -> int:
    """64 bits: among a hundred thousand a day, two that are alike come up once in ages, and
    then cost one read too few on our meter."""
    told = hashlib.blake2b(f"{what}\n{key}".encode(), digest_size=8).digest()
    return int.from_bytes(told, signed=True)


def prune_billed(session: Session, now: datetime) -> None:
    """Forget what was billed on days that are over."""
    session.execute(
        delete(Billed)
        .where(Billed.day < now.astimezone(UTC).date())
        .execution_options(synchronize_session=False)
    )


def month_of(at: datetime) -> datetime:
    """The first instant of the UTC month of ``at``."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(at: datetime) -> datetime:
    """The first instant of the UTC month after that of ``at``: when budgets begin anew."""
    return _next(month_of(at))


def _next(month: datetime) -> datetime:
    if month.month == 12:
        return month.replace(year=month.year + 1, month=1)
    return month.replace(month=month.month + 1)
