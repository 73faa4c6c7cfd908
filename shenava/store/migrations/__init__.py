"""Bringing a database to the rows of this version, step by step, with Alembic.

Each file of ``versions`` is one step. ``upgrade`` is what ``shenava run`` calls at its start.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shenava.store.session import Alone, Store


def upgrade(store: Store, revision: str = "head") -> None:
    """Bring the database up to ``revision``, in one transaction. Nothing happens if it is there.

    Of several processes that start at once, one does it and the others wait."""
    with store.write_alone(Alone.UPGRADE) as session:
        config = _config()
        config.attributes["connection"] = session.connection()
        command.upgrade(config, revision)


def current(store: Store) -> str | None:
    """The step the database is at; ``None`` for a new one."""
    with store.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def head() -> str:
    """The newest step this version knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
