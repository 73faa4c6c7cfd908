"""Who waits for whom on PostgreSQL, and what statements ask for: seen, not guessed by sleeping."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, text

from shenava.store import Store

_WAITS = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")


def until_someone_waits_for_a_row(store: Store) -> None:
    """Return once some transaction waits for a row that another holds."""
    waiting = 0
    while not waiting:
        with store.read() as session:
            waiting = session.scalar(_WAITS) or 0


@dataclass(frozen=True, slots=True)
class Question:
    """A SELECT that was sent: how many parameters it took, how many rows it gave."""

    parameters: int
    rows: int


@contextmanager
def questions(store: Store) -> Iterator[list[Question]]:
    """Every SELECT that ``store`` (PostgreSQL) is asked within."""
    asked: list[Question] = []

    def note(_c: Any, cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append(Question(len(parameters), cursor.rowcount))

    event.listen(store.engine, "after_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(store.engine, "after_cursor_execute", note)
