"""The vault: what encrypts platform tokens before they are stored, and opens them again.

The key lies in a file of its own, outside database and backup, readable by its owner alone: who
finds either of the two has nothing. The file holds one key a line, the newest first. New secrets
are locked with the first; every key of the file opens. To change keys, :meth:`Vault.rotate` adds
one, the rows are locked anew (:meth:`Vault.relock`), and :meth:`Vault.forget_old` drops the rest.

Fernet (https://github.com/fernet/spec, ``cryptography.fernet``): AES-128-CBC and HMAC-SHA256, with
the instant of locking inside.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

FILE_NAME = "vault.key"


class VaultError(Exception):
    """A secret cannot be opened or the key file cannot be used. ``str()`` says what to do."""


class Vault:
    """Locks and opens small mappings of text, such as a pair of tokens."""

    def __init__(self, path: Path) -> None:
        """Use the key file ``path``; make it, with a new key, if there is none.

        Raises :class:`VaultError` when it is readable by others, or holds no key.
        """
        self._path = path
        self._keys = _read(path) if path.exists() else _make(path)

    def lock(self, secret: Mapping[str, str]) -> bytes:
        """Encrypt ``secret`` with the newest key."""
        return self._fernet().encrypt(json.dumps(dict(secret), sort_keys=True).encode())

    def open(self, locked: bytes) -> dict[str, str]:
        """The secret in ``locked``.

        Raises :class:`VaultError` when no key of the file opens it: it was locked with the key
        of another installation, or damaged.
        """
        try:
            found: dict[str, str] = json.loads(self._fernet().decrypt(locked))
        except InvalidToken:
            raise VaultError(
                f"A stored secret cannot be opened with the keys in {self._path}. Put back the "
                "key file that belongs to this database, or connect the account again."
            ) from None
        return found

    def relock(self, locked: bytes) -> bytes:
        """The same secret, locked with the newest key. Raises as :meth:`open` does."""
        try:
            return self._fernet().rotate(locked)
        except InvalidToken:
            self.open(locked)
            raise

    def rotate(self) -> None:
        """Make a new key, which locks from now on; the old ones still open."""
        self._keys = [Fernet.generate_key(), *self._keys]
        _write(self._path, self._keys)

    def forget_old(self) -> None:
        """Keep the newest key only. What was not locked anew is lost."""
        self._keys = self._keys[:1]
        _write(self._path, self._keys)

    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys])


def _read(path: Path) -> list[bytes]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise VaultError(
            f"The key file {path} can be read by others (its mode is {mode:o}); make it 600."
        )
    keys = path.read_bytes().split()
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = []
    if not keys:
        raise VaultError(f"The key file {path} holds no key that can be used; put the right one.")
    return keys


def _make(path: Path) -> list[bytes]:
    """Make the file. Of several processes that start at once, one does and all use its key."""
    keys = [Fernet.generate_key()]
    whole = _aside(path, keys)
    try:
        os.link(whole, path)
    except FileExistsError:
        return _read(path)
    finally:
        whole.unlink()
    return keys


def _write(path: Path, keys: list[bytes]) -> None:
    """Replace the file in one step: a crash leaves the old one or the new one, whole."""
    _aside(path, keys).replace(path)


def _aside(path: Path, keys: list[bytes]) -> Path:
    whole = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(b"\n".join(keys) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    return whole
