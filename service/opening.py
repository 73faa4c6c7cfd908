"""Opening what commands work with: the database at this version's rows, the verdict model."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from config import Settings
from service.errors import Halt

if TYPE_CHECKING:
    from sentiment.classifier import Classifier
    from sentiment.other import OtherModel
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


def load_classifier(settings: Settings) -> Classifier | OtherModel:
    """Load the verdict model that is set. Raises :class:`Halt` when it cannot be used."""
    from sentiment.classifier import Classifier
    from sentiment.other import OtherModel, OtherModelError, is_shipped_kind

    threads = settings.model_threads
    try:
        if not settings.model:
            return Classifier.load(None, threads)
        folder = _model_folder(settings.model)
        if is_shipped_kind(folder):
            return Classifier.load(folder, threads)
        rest = Classifier.load(None, threads)
        name = Path(settings.model).name
        return OtherModel.load(folder, _labels(settings.model_labels), rest, name, threads)
    except OtherModelError as error:
        raise Halt(
            f"The verdict model {settings.model} cannot be used: {error}. Look at the settings "
            "model and model_labels (SHENAVA_MODEL, SHENAVA_MODEL_LABELS)."
        ) from error
    except Exception as error:
        # transformers and onnxruntime raise of many kinds on a broken folder.
        where = settings.model or "that comes with Shenava"
        raise Halt(
            f"The verdict model {where} cannot be loaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}). Look at the setting model "
            "(SHENAVA_MODEL), or install Shenava again."
        ) from error


_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_FILES = ["*.json", "*.txt", "*.model", "model.onnx*", "onnx/model.onnx*"]
_HUB_WEIGHTS = ["*.safetensors", "pytorch_model*.bin"]


def _model_folder(model: str) -> Path:
    """The folder of a model; what is no folder here is taken for its name on the hub and fetched,
    once: what was fetched before is used without asking again."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.absolute()
    if not _HUB_NAME.fullmatch(model) or model.startswith("."):
        raise FileNotFoundError(f"there is no folder {model}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    from sentiment.other import has_weights

    everything = [*_HUB_FILES, *_HUB_WEIGHTS]
    try:
        found = Path(snapshot_download(model, allow_patterns=everything, local_files_only=True))
        if has_weights(found):
            return found
    except LocalEntryNotFoundError:
        pass
    found = Path(snapshot_download(model, allow_patterns=_HUB_FILES))
    if not has_weights(found):
        found = Path(snapshot_download(model, allow_patterns=everything))
    return found


def _labels(told: str) -> dict[str, str]:
    pairs = (pair.rpartition("=") for pair in told.split(",") if pair.strip())
    return {label.strip(): meaning.strip() for label, _, meaning in pairs}
