"""Promises of ``shenava run --rehearsal``, kept by real processes."""

from __future__ import annotations

import http.client
import os
import signal
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from support.processes import free_port, shenava, wait_until
from support.rehearsing import Stage, as_json

from config import Settings
from service.rehearsal import at_any_hour, find
from shenava.messages import Deed
from shenava.store import Account, Feed


def test_customers_arrive_once_each_and_a_kill_loses_and_doubles_nothing(stage: Stage) -> None:
    with stage.service() as service:
        assert "rehearsal" in service.out[1]
        first = stage.simulated()
        assert f"{first.x.base_url}/" in service.out[1]
        assert f"{first.instagram.base_url}/" in service.out[2]
        assert _status(first.x.base_url) == _status(first.instagram.base_url) == 200
        stage.rehearse("outage", "--complaints", 40, "--minutes", 0.1)
        _wait_for_crowd(stage, 20)
        answer = stage.answer("1", "We are looking into it right now.")
        wait_until(lambda: stage.state_of(answer) == "sent", what="the answer")
        assert len(stage.ledger()) == 1
        before, written = set(stage.held()), len(stage.written())
        service.stop(signal.SIGKILL)

    # The simulator goes on without the service, and customers go on writing.
    left = stage.simulated()
    assert left == first
    left.x.call("POST", "/posts", author="nadia", text="@noora_shop is anybody there?")

    with stage.service() as service:
        assert stage.simulated() == first
        _wait_for_crowd(stage, written + 1)
        assert before < set(stage.held())
        assert stage.state_of(answer) == "sent"
        second = stage.answer("2", "Here we are again.")
        wait_until(lambda: stage.state_of(second) == "sent", what="the second answer")
        assert [line["text"] for line in stage.ledger()] == [
            "We are looking into it right now.",
            "Here we are again.",
        ]
        assert service.stop() == 0
    assert find(stage.settings) is None


def test_on_instagram_comments_and_messages_arrive_and_answers_reach_the_customer(
    stage: Stage,
) -> None:
    with stage.service() as service:
        instagram = stage.simulated().instagram
        wait_until(lambda: instagram.call("GET", "/webhooks")["fields"], 30, "webhooks ordered")
        comment = instagram.call("POST", "/comments", author="nadia", text="کی می‌رسد؟")["id"]
        said = instagram.call("POST", "/messages", sender="omid", text="سلام، سفارش من کو؟")["id"]
        wait_until(lambda: {comment, said} <= set(stage.held()), 30, "comment and message")
        rows = [
            stage.answer_on_instagram("1", "فردا می‌رسد.", comment, Deed.ANSWER),
            stage.answer_on_instagram("2", "الان نگاه می‌کنم.", said, Deed.DM),
        ]
        for row in rows:
            wait_until(lambda row=row: stage.state_of(row) == "sent", 30, "the answer")  # type: ignore[misc]
        told = instagram.call("GET", "/ledger")
        assert told["doubles"] == []
        assert {line["text"] for line in told["lines"]} == {"فردا می‌رسد.", "الان نگاه می‌کنم."}
        # What was read was told unasked too.
        wait_until(lambda: {comment, said} <= stage.told_unasked(), 30, "the webhooks")
        assert service.stop() == 0


def _wait_for_crowd(stage: Stage, least: int) -> None:
    """Until all that was written has been taken in, ``least`` at least; each of it once."""
    wait_until(lambda: len(stage.written()) >= least, 60, "customers to write")
    wanted = stage.written()
    stage.read_inbox_now()
    wait_until(lambda: wanted <= set(stage.held()), 60, "all to be taken in")
    assert len(stage.held()) == len(set(stage.held()))


def _status(address: str) -> int:
    split = urlsplit(address)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_ends_with_the_service_and_goes_on_where_it_was(stage: Stage) -> None:
    with stage.service() as service:
        first = stage.simulated()
        stage.rehearse("clock", 30)
        wait_until(lambda: _lives_ahead(stage, service.health()), what="the clock of the service")
        assert service.stop() == 0
        assert "Traceback" not in "".join(service.err)
    assert find(stage.settings) is None
    with stage.service() as service:
        # The same keys, people and time, at the same address; the account is there once.
        second = stage.simulated()
        assert second.pid != first.pid
        assert (second.x.base_url, second.x.keys) == (first.x.base_url, first.x.keys)
        assert second.instagram.base_url == first.instagram.base_url
        assert second.instagram.keys == first.instagram.keys
        status = as_json(stage.rehearse("status", "--json"))
        assert status["ahead_s"] == 1800
        with stage.store() as store, store.read() as session:
            assert len(session.scalars(select(Account)).all()) == 2
            assert len(session.scalars(select(Feed)).all()) == 8
        assert service.stop() == 0


def _lives_ahead(stage: Stage, health: dict[str, object]) -> bool:
    """Whether the service's clock is that of the rehearsal, half an hour ahead."""
    pipeline = health["pipeline"]
    assert isinstance(pipeline, dict)
    last = pipeline["last_run"]
    now = datetime.fromisoformat(as_json(stage.rehearse("status", "--json"))["now"])
    return last is not None and now - datetime.fromisoformat(last) < timedelta(minutes=5)


def test_a_simulator_that_dies_is_brought_back_as_it_was(stage: Stage) -> None:
    with stage.service() as service:
        first = stage.simulated()
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: (found := find(stage.settings)) and found.pid != first.pid, 30)
        assert stage.simulated().x.base_url == first.x.base_url
        assert service.stop() == 0
    assert find(stage.settings) is None


def test_rehearsal_and_real_thing_are_held_apart(stage: Stage) -> None:
    file = stage.home.parent / "real.csv"
    file.write_text(
        "id,created_at,author,account,text\n1,2026-11-22,sara,shop,سلام\n", encoding="utf-8"
    )
    assert shenava(stage.home, "import", file, "--platform=x").returncode == 0
    refused = shenava(stage.home, "run", "--rehearsal", port=free_port())
    assert refused.returncode == 2
    assert "is in real use" in refused.stderr
    assert not (stage.home / "rehearsal").exists()

    other = stage.home.parent / "other"
    (other / "rehearsal").mkdir(parents=True)
    refused = shenava(other, "run", port=free_port())
    assert refused.returncode == 2
    assert "holds a rehearsal" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_shop_of_a_rehearsal_is_open_at_any_hour_unless_its_hours_are_set() -> None:
    assert at_any_hour(Settings()).business_hours == "always"
    assert at_any_hour(Settings(business_hours="sat-wed 09:00-17:00")).business_hours == (
        "sat-wed 09:00-17:00"
    )


def test_directing_a_rehearsal_that_does_not_run_is_a_sentence(stage: Stage) -> None:
    for words in (["outage"], ["status"], ["reset"], ["clock", "5"]):
        done = shenava(stage.home, "rehearse", *words)
        assert done.returncode == 2
        assert "No rehearsal runs" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_reset_empties_the_world_and_keeps_the_keys(stage: Stage) -> None:
    with stage.service() as service:
        stage.simulated().x.call("POST", "/posts", author="nadia", text="@noora_shop hello")
        _wait_for_crowd(stage, 1)
        keys = stage.simulated().x.keys
        stage.rehearse("reset")
        assert as_json(stage.rehearse("status", "--json"))["x"]["accepted"] == 0
        assert stage.simulated().x.keys == keys
        stage.simulated().x.call("POST", "/posts", author="nadia", text="@noora_shop hello again")
        _wait_for_crowd(stage, 1)
        assert service.stop() == 0
