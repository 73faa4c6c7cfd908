"""Changing a table that other rows point to: its CHECKs, or what a column may hold.

PostgreSQL changes it in place. SQLite cannot: the table is made anew with other words, from the
words it was made with. Its rows are kept aside meanwhile, and come back under the same name
within the same transaction, so that what points to them points to them still.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from alembic import op


def change_checks(table: str, checks: Mapping[str, str]) -> None:
    """Give ``table`` the CHECKs in ``checks`` (name to condition) for those of the same names.

    Raises ``ValueError`` when the table has none of that name.
    """
    if op.get_bind().dialect.name == "postgresql":
        for name, condition in checks.items():
            op.drop_constraint(op.f(name), table, type_="check")
            op.create_check_constraint(op.f(name), table, condition)
        return

    def changed(words: str) -> str:
        for name, condition in checks.items():
            words = _with_check(words, name, condition)
        return words

    make_anew(table, changed)


def make_anew(table: str, change: Callable[[str], str]) -> None:
    """On SQLite: make ``table`` of the words that ``change`` makes of its own. What it had as
    columns is kept; its indexes come back."""
    bind = op.get_bind()
    made = bind.execute(
        sa.text("SELECT type, sql FROM sqlite_schema WHERE tbl_name = :table AND sql IS NOT NULL"),
        {"table": table},
    ).all()
    (words,) = [row.sql for row in made if row.type == "table"]
    words = change(words)
    columns = ", ".join(row.name for row in bind.execute(sa.text(f"PRAGMA table_info({table})")))
    # Rows of others point nowhere until the table is back; that is looked at at the commit.
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TEMP TABLE kept_aside AS SELECT {columns} FROM {table}")  # noqa: S608
    op.execute(f"DROP TABLE {table}")
    bind.exec_driver_sql(words)
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_aside")  # noqa: S608
    op.execute("DROP TABLE kept_aside")
    for row in made:
        if row.type != "table":
            bind.exec_driver_sql(row.sql)


def _with_check(words: str, name: str, condition: str) -> str:
    """``words`` (a CREATE TABLE) with another condition in the CHECK called ``name``."""
    marker = f"CONSTRAINT {name} CHECK ("
    before, found, rest = words.partition(marker)
    if not found:
        raise ValueError(f"the table has no CHECK called {name}")
    depth, at = 1, 0
    while depth:
        depth += {"(": 1, ")": -1}.get(rest[at], 0)
        at += 1
    return f"{before}{marker}{condition}){rest[at:]}"
