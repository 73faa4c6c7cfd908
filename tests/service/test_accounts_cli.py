"""``shenava account``, as processes against a simulated X on loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.connecting import keys_of
from support.processes import shenava
from support.simulated_instagram import simulated_instagram
from support.simulated_x import Place, simulated_x

from service.accounts_cli import VARIABLES

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place() -> Iterator[Place]:
    with simulated_x() as place:
        yield place


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def command(home: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``shenava account …`` with the shop's keys in the environment."""
    for name, key in keys_of(place).items():
        monkeypatch.setenv(VARIABLES[name], key)

    def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return shenava(home, "account", *words, given=given, x_base_url=place.served.base_url)

    return run


def listed(command: Command) -> dict[str, object]:
    done = command("list", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_from_keys_to_a_connected_account(command: Command, place: Place, home: Path) -> None:
    handle = place.shop.username
    assert "No account yet" in command("list").stdout
    words = ("add", "--from-env", "--app=Noora", "--search=نورا, #نورا", "--days=30")
    asked = command(*words)
    assert asked.returncode == 2
    assert "mention: 30 days back, $0.001 each, at most $0.80" in asked.stderr
    assert "Nobody is there to agree" in asked.stderr
    refused = command(*words, given="n\n")
    assert (refused.returncode, listed(command)["accounts"]) == (2, [])
    done = command(*words, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"X says that this is @{handle}" in done.stderr
    assert done.stdout == f"@{handle} is connected.\n"
    found = listed(command)
    (account,) = found["accounts"]  # type: ignore[misc]
    assert (account["handle"], account["state"]) == (handle, "connected")
    assert [one["source"] for one in account["sources"]] == ["mention", "inbox", "own", "search"]
    (app,) = found["apps"]  # type: ignore[misc]
    assert (app["spent_usd"], app["money_limit_usd"]) == (0.01, 50)
    for said in (asked, refused, done):
        assert not any(key in said.stdout + said.stderr for key in keys_of(place).values())
    assert not any(
        key.encode() in (home / "shenava.db").read_bytes() for key in keys_of(place).values()
    )

    assert f"this is @{handle}" in command("test", handle).stdout
    assert "is paused" in command("pause", f"@{handle.upper()}").stdout
    assert "paused" in command("list").stdout
    assert "not connected" in command("backfill", handle, "--days=5", "--yes").stderr
    assert "goes on" in command("resume", handle).stdout
    asked = command("backfill", handle, "--days=5", given="n\n")
    assert (asked.returncode, "inbox: 5 days back" in asked.stderr) == (2, True)
    done = command("backfill", handle, "--days=5", "--yes")
    assert "4 sources" in done.stdout


def test_keys_are_asked_for_and_wrong_ones_change_nothing(command: Command, place: Place) -> None:
    keys = [*keys_of(place).values()]
    wrong = command("add", "--yes", given="\n".join([*keys[:3], "not-the-right-one", ""]))
    assert wrong.returncode == 2
    assert "The keys were not saved" in wrong.stderr
    assert listed(command)["accounts"] == []
    # A terminal would not show them either; here they must not be echoed at the least.
    right = command("add", "--yes", "--collect=mention", given="\n".join([*keys, ""]))
    assert right.returncode == 0, right.stderr
    assert not any(key in right.stdout + right.stderr for key in keys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("test", "nobody"), "There is no account @nobody"),
        (("add", "--from-env", "--yes", "--search=a"), "two letters at least"),
        (("add", "--from-env", "--yes", "--money-limit=much"), "Write limits as"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    command: Command, words: tuple[str, ...], said: str
) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_without_the_keys_is_told_which(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("X_ACCESS_TOKEN")
    done = command("add", "--from-env", "--yes")
    assert done.returncode == 2
    assert "X_ACCESS_TOKEN" in done.stderr


def test_from_a_token_to_a_connected_account_of_instagram(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated_instagram() as there:
        keys = there.served.credentials

        def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
            address = there.served.base_url
            return shenava(home, "account", *words, given=given, instagram_base_url=address)

        refused = run("add-instagram", given="IGAA-wrong\n\n")
        assert refused.returncode == 2
        assert "IGAA-wrong" not in refused.stderr + refused.stdout
        monkeypatch.setenv("INSTAGRAM_ACCESS_TOKEN", keys.facebook_token)
        done = run("add-instagram", "--from-env", "--hashtag=نورا", "--days=30")
        assert done.returncode == 0, done.stderr
        assert f"Instagram says that this is @{there.shop.username}" in done.stderr
        row = json.loads(run("list", "--json").stdout)["accounts"][0]
        assert (row["platform"], row["state"]) == ("instagram", "connected")
        assert {one["source"] for one in row["sources"]} == {
            "mention",
            "comment",
            "inbox",
            "search",
        }
        tested = run("test", f"instagram:{there.shop.username}")
        assert "Instagram says" in tested.stdout
        again = run("backfill", there.shop.username, "--days=10")
        assert again.returncode == 0, again.stderr
        for secret in (keys.facebook_token, keys.app_secret):
            assert secret not in done.stdout + done.stderr + tested.stdout
