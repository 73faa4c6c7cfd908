"""Promises of the vault: what is stored cannot be read without the key file."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shenava.vault import Vault, VaultError

SECRET = {"access": "the token", "refresh": "راز"}


def test_what_is_locked_can_be_opened_and_shows_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.key")
    locked = vault.lock(SECRET)
    assert vault.open(locked) == SECRET
    assert b"token" not in locked
    assert Vault(tmp_path / "vault.key").open(locked) == SECRET


def test_the_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    Vault(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(VaultError, match="600"):
        Vault(path)


def test_another_key_does_not_open_and_says_what_to_do(tmp_path: Path) -> None:
    locked = Vault(tmp_path / "a.key").lock(SECRET)
    with pytest.raises(VaultError, match="connect the account again"):
        Vault(tmp_path / "b.key").open(locked)


def test_keys_are_changed_without_losing_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    vault = Vault(path)
    old = vault.lock(SECRET)
    vault.rotate()
    assert vault.open(old) == Vault(path).open(old) == SECRET
    anew = vault.relock(old)
    vault.forget_old()
    assert Vault(path).open(anew) == SECRET
    with pytest.raises(VaultError):
        Vault(path).open(old)
    assert [file.name for file in tmp_path.iterdir()] == ["vault.key"]


def test_processes_that_start_at_once_use_one_key(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault(path), range(8)))
    locked = vaults[0].lock(SECRET)
    assert all(vault.open(locked) == SECRET for vault in vaults)


@pytest.mark.parametrize("content", [b"", b"not a key\n"])
def test_a_file_without_a_key_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(VaultError, match="holds no key"):
        Vault(path)
