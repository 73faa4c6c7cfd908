"""Promises of the broadcast's worker: threads, kills and paces on a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.broadcasting import AnnouncingShop, names
from support.platform import ScriptedPlatform
from support.processes import shenava
from support.shop import connect_shop

from responder.policy import Policy
from shenava.clock import SetClock
from shenava.store import BroadcastState, Store

ROOT = Path(__file__).parent.parent.parent


def _bench(*words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_broadcast", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_killed_again_and_again_nobody_is_told_twice_or_silently_left_out() -> None:
    told = _bench("--kills", "6", "--recipients", "150")
    assert (told["sent_twice"], told["left_out"], told["kills"]) == (0, 0, 6)


def test_several_threads_tell_everyone_once(store: Store, clock: SetClock, policy: Policy) -> None:
    account = connect_shop(store)
    shop = AnnouncingShop(store, ScriptedPlatform(clock), policy, account=account).open()
    shop.complain(names(40))
    number = shop.announce()
    shop.work(threads=8)
    assert shop.row(number).state is BroadcastState.DONE
    assert len(shop.accepted()) == len(set(shop.accepted())) == 41


@pytest.mark.parametrize("words", [["show", "7"], ["pause", "7"]])
def test_a_broadcast_that_is_not_there_is_told_in_a_sentence(
    tmp_path: Path, words: list[str]
) -> None:
    done = shenava(tmp_path / "home", "broadcast", *words)
    assert done.returncode == 2
    assert "Broadcast 7" in done.stderr or "no broadcast 7" in done.stderr


def test_a_notice_can_be_written_and_planned_from_the_command_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = shenava(home, "broadcast", "write", "--kind", "payment", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["recipients"]) == ("planned", {})
    refused = shenava(home, "broadcast", "write", "--kind", "payment", "--send", "--yes")
    assert refused.returncode == 2
    assert "reaches nobody" in refused.stderr
    listed = shenava(home, "broadcast", "list")
    assert "payment" in listed.stdout
