"""Many rows in one statement, spelt so that both databases understand it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shenava.messages import Platform
from shenava.store.base import Base


def either(platform: Any, column: Any, keys: Iterable[tuple[Platform, str]]) -> Any:
    """A condition that (platform, column) is one of ``keys``."""
    by_platform: dict[Platform, list[str]] = {}
    for place, key in keys:
        by_platform.setdefault(place, []).append(key)
    return or_(
        *(and_(platform == place, column.in_(found)) for place, found in by_platform.items())
    )


def smaller(a: Any, b: Any) -> Any:
    return case((a < b, a), else_=b)


def larger(a: Any, b: Any) -> Any:
    return case((a > b, a), else_=b)


def insert_into(session: Session, row: type[Base]) -> Any:
    """An INSERT that can say what happens on a conflict; both databases spell it alike."""
    name = session.get_bind().dialect.name
    table: Any = row.__table__
    return (sqlite.insert if name == "sqlite" else postgresql.insert)(table)


def insert_rows(session: Session, row: type[Base], values: Sequence[dict[str, Any]]) -> None:
    """One prepared INSERT for all of ``values``, which name the same columns."""
    if values:
        table: Any = row.__table__
        session.connection().execute(insert(table), list(values))


def insert_numbered(
    session: Session, row: type[Base], values: Sequence[dict[str, Any]]
) -> list[int]:
    """The same; returns the rows' numbers, in order.

    They are taken beforehand: SQLite tells the numbers it gives for one row at a time only, and
    has one writer, who is us.
    """
    numbers = _take_numbers(session, row, len(values))
    insert_rows(session, row, [{"id": n, **told} for n, told in zip(numbers, values, strict=True)])
    return numbers


def _take_numbers(session: Session, row: type[Base], count: int) -> list[int]:
    table: Any = row.__table__
    if session.get_bind().dialect.name == "sqlite":
        first = (session.scalar(select(func.max(table.c.id))) or 0) + 1
        return list(range(first, first + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    return list(
        session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count)))
    )


def update_by_id(session: Session, row: type[Base], values: Sequence[dict[str, Any]]) -> None:
    """One prepared UPDATE for all of ``values``, each naming its row in ``b_id``."""
    table: Any = row.__table__
    columns = [name for name in values[0] if name != "b_id"]
    statement = (
        update(table)
        .where(table.c.id == bindparam("b_id"))
        .values({name: bindparam(name) for name in columns})
    )
    session.connection().execute(statement, list(values))
