"""The key that signs session cookies, and what is derived from it: a file in the data folder, made
on first use."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

NAME = "secret.key"
_LENGTH = 32


def secret_key(home: Path) -> bytes:
    """The key in ``home``, made (readable by its owner only) when there is none.

    Raises ``OSError`` when it can be neither read nor made, ``ValueError`` when what is there is
    too short to be a key.
    """
    path = home / NAME
    try:
        return _read(path)
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: two processes that start at once agree on one key, and
    # none ever reads half a key.
    aside = home / f".{NAME}.{secrets.token_hex(8)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_LENGTH).hex().encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    return _read(path)


def derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose, from which neither ``key`` nor that of another can be told."""
    return hmac.digest(key, f"shenava {purpose}".encode(), hashlib.sha256)


def _read(path: Path) -> bytes:
    key = path.read_bytes().strip()
    if len(key) < _LENGTH:
        raise ValueError(f"{path} holds no key; remove the file and start again.")
    return key
