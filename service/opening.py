"""Opening what commands work with: the database at this version's rows, the verdict model."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from typing import TYPE_CHECKING

from config import Settings
from service.errors import Halt

if TYPE_CHECKING:
    from sentiment.classifier import Classifier
    from shenava.clock import Clock
    from shenava.store import Store


def shown_database(settings: Settings) -> str:
    """The address of the database as people may read it: without its password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(settings.database).render_as_string(hide_password=True)
    except ArgumentError:
        return "(not an address)"


def make_home(settings: Settings) -> None:
    """Make the data folder, for its owner only: it holds what customers wrote."""
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Halt(
            f"The data folder {settings.home} cannot be made: {error.strerror}. Choose another "
            "with SHENAVA_HOME."
        ) from None


SEAL_NAME = "seal.key"


def seal_key(settings: Settings) -> bytes:
    """The secret by which erased people are known again; made once, and kept apart from the
    database: see ``shenava.store.erased``. Raises :class:`Halt` when it cannot be read."""
    path = settings.home / SEAL_NAME
    try:
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
        for _ in range(50):
            # Made by another process in this very moment, it may still be empty.
            if len(found := path.read_bytes()) == 32:
                return found
            time.sleep(0.01)
    except OSError as error:
        raise Halt(f"The file {path} cannot be used: {error.strerror}.") from None
    raise Halt(f"The file {path} is damaged; put it back from where you keep it.")


def open_store(settings: Settings, clock: Clock | None = None) -> Store:
    """Open the database and bring it to the rows of this version. ``clock``: the machine's own,
    unless a rehearsal has another.

    Raises :class:`Halt` when it cannot be reached, is damaged, or belongs to a newer version.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    from shenava.store import Store
    from shenava.store.migrations import upgrade

    make_home(settings)
    try:
        store = Store(settings.database, clock, seal=seal_key(settings))
    except (ArgumentError, NoSuchModuleError):
        raise Halt(
            "The setting database_url (SHENAVA_DATABASE_URL) is no database address; write "
            "postgresql+psycopg://user@host/name, or leave it empty for SQLite."
        ) from None
    except ModuleNotFoundError as error:
        raise Halt(
            f"The database needs the Python package {error.name}; "
            "install Shenava with it: pip install 'shenava[postgres]'."
        ) from None
    except OSError as error:
        raise Halt(_cannot_reach(settings, error)) from None
    try:
        upgrade(store)
    except CommandError:
        store.close()
        raise Halt(
            f"The database {shown_database(settings)} was made by a newer version of Shenava; "
            "install that version, or restore a backup of this one."
        ) from None
    except DBAPIError as error:
        store.close()
        raise Halt(_cannot_reach(settings, error.orig or error)) from None
    return store


def _cannot_reach(settings: Settings, error: BaseException) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return (
        f"The database {shown_database(settings)} cannot be used: {reason}. "
        "shenava doctor tells more."
    )


def load_classifier(settings: Settings) -> Classifier:
    """Load the verdict model. Raises :class:`Halt` when its folder holds no usable one."""
    from sentiment.classifier import Classifier

    try:
        return Classifier.load(settings.model_folder, settings.model_threads)
    except Exception as error:
        # transformers and onnxruntime raise of many kinds on a broken folder.
        where = settings.model_folder or "that comes with Shenava"
        raise Halt(
            f"The verdict model {where} cannot be loaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}). Look at the setting model_folder "
            "(SHENAVA_MODEL_FOLDER), or install Shenava again."
        ) from error
