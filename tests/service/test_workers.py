"""Promises of the parts of the running process: server, pipeline job, health, upkeep, log."""

from __future__ import annotations

import http.client
import io
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from support.factories import incoming, many
from support.judges import WordJudge

from collectors.intake import take_in
from responder.policy import Policy
from service.health import SILENT_AFTER, Health
from service.importing import settle
from service.logs import OneLine
from service.pipeline import LEASE, Pipeline
from service.run import judge_what_waits, logged, wake_all
from service.sample import fill_if_empty, read_sample
from service.upkeep import KEEP_CHANGES, KEEP_FAILURES, prune_changes, prune_sign_in_failures
from service.web import WebServer, listen
from shenava.clock import SetClock
from shenava.messages import Verdict
from shenava.store import (
    Case,
    CaseState,
    Change,
    Customer,
    Message,
    SignInFailure,
    Store,
    changes,
)

SECRET = "what a customer wrote"


class FailingJudge(WordJudge):
    """Fails until it is mended, saying in its error what it must never say in a log."""

    broken = True

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        if self.broken:
            raise RuntimeError(SECRET)
        return super().classify(texts)


class FailingPipeline:
    broken = True

    def run_once(self, limit: int = 500) -> int:
        if self.broken:
            raise RuntimeError(SECRET)
        return 0


@pytest.fixture
def health(store: Store) -> Health:
    return Health(store, lambda: True)


# The web server.


def test_a_stop_lets_the_request_in_hand_finish_and_takes_no_more() -> None:
    entered, release, stop = threading.Event(), threading.Event(), threading.Event()

    def slow(_environ: Any, start_response: Any) -> list[bytes]:
        entered.set()
        assert release.wait(10)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * 300_000]

    (opened,) = listen("127.0.0.1", 0)
    port = opened.getsockname()[1]
    server = WebServer(slow, [opened], 2)
    with ThreadPoolExecutor(2) as pool:
        serving = pool.submit(server.serve, stop)
        asked = pool.submit(_get, port)
        assert entered.wait(10)
        stop.set()
        # The listening socket goes first; the answer is still owed.
        refused = threading.Event()
        while not refused.is_set():
            try:
                _connect(port)
            except ConnectionResetError:
                pass  # it was still in the queue of the socket
            except ConnectionRefusedError:
                refused.set()
        assert not serving.done()
        release.set()
        assert asked.result(10) == b"x" * 300_000
        serving.result(10)


def _get(port: int) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def _connect(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.connect()


# The pipeline as a job.


def test_a_failing_pipeline_is_logged_once_tried_again_and_never_quotes(
    health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline: Any = FailingPipeline()
    for _ in range(3):
        judge_what_waits(pipeline, health, threading.Event())
    assert len(caplog.records) == 1
    assert not health()["ok"]
    line = OneLine().format(caplog.records[0])
    assert "RuntimeError at test_workers.py" in line
    assert SECRET not in line
    pipeline.broken = False
    with caplog.at_level(logging.INFO):
        judge_what_waits(pipeline, health, threading.Event())
    assert "works again" in caplog.records[-1].getMessage()
    assert health()["ok"]


def test_the_pipeline_stops_between_batches(
    store: Store, policy: Policy, judge: WordJudge, health: Health
) -> None:
    take_in(store, many(20))
    stop = threading.Event()
    stop.set()
    judge_what_waits(Pipeline(store, judge, policy), health, stop)
    assert not judge.seen
    judge_what_waits(Pipeline(store, judge, policy), health, threading.Event())
    assert len(judge.seen) == 20


def test_a_failing_job_is_logged_and_does_not_end_the_schedule(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise RuntimeError(SECRET)

    logged("wake snoozed", fail)()
    assert "'wake snoozed' failed" in caplog.records[0].getMessage()
    assert SECRET not in OneLine().format(caplog.records[0])


def test_what_postgresql_refused_is_logged_by_its_code_and_our_own_places(
    postgresql_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The libraries between us and the error say nothing; a code says what it was."""

    def fail() -> None:
        with postgresql_store.write() as session:
            session.execute(text("SELECT CAST(:secret AS INTEGER)"), {"secret": SECRET})

    logged("wake snoozed", fail)()
    line = OneLine().format(caplog.records[0])
    assert "DataError 22P02 at " in line
    assert " < run.py:" in line
    assert SECRET not in line


def test_an_import_waits_for_what_a_killed_worker_had_claimed(
    store: Store, policy: Policy, judge: WordJudge, clock: SetClock
) -> None:
    take_in(store, many(5))
    with store.write() as session:
        session.execute(update(Message).values(judge_after=clock.now() + LEASE))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(timedelta(seconds=30))

    settle(store, Pipeline(store, judge, policy), pause)
    assert len(judge.seen) == 5
    assert len(pauses) == LEASE / timedelta(seconds=30)


def test_an_import_does_not_wait_for_what_the_model_failed_on(store: Store, policy: Policy) -> None:
    take_in(store, many(3))

    def pause(_seconds: float) -> None:
        raise AssertionError("nothing to wait for")

    settle(store, Pipeline(store, FailingJudge(), policy), pause)


# Health.


def test_health_tells_lag_and_silence(
    store: Store, clock: SetClock, health: Health, policy: Policy, judge: WordJudge
) -> None:
    assert health()["pipeline"] == {"last_run": None, "failing": False, "lag_seconds": 0.0}
    take_in(store, [incoming()])
    clock.advance(timedelta(seconds=40))
    assert health()["pipeline"]["lag_seconds"] == 40
    judge_what_waits(Pipeline(store, judge, policy), health, threading.Event())
    assert health()["pipeline"] == {
        "last_run": clock.now().isoformat(),
        "failing": False,
        "lag_seconds": 0.0,
    }
    clock.advance(SILENT_AFTER)
    assert not health()["ok"]


def test_a_schedule_that_died_is_not_healthy(store: Store) -> None:
    assert not Health(store, lambda: False)()["ok"]


# House-keeping.


def test_changes_older_than_a_day_go_and_the_number_never_falls(
    store: Store, clock: SetClock
) -> None:
    take_in(store, many(4, authors=4))
    with store.read() as session:
        newest = changes.latest(session)
    clock.advance(KEEP_CHANGES)
    assert prune_changes(store) == 0
    clock.advance(timedelta(seconds=1))
    assert prune_changes(store) == newest - 1
    assert prune_changes(store) == 0
    with store.read() as session:
        assert changes.latest(session) == newest
        assert session.scalar(select(func.count()).select_from(Change)) == 1


def test_failed_sign_ins_older_than_a_day_go(store: Store, clock: SetClock) -> None:
    with store.write() as session:
        session.add(SignInFailure(subject="old", failed_at=clock.now()))
    clock.advance(KEEP_FAILURES + timedelta(seconds=1))
    with store.write() as session:
        session.add(SignInFailure(subject="new", failed_at=clock.now()))
    assert prune_sign_in_failures(store) == 1
    with store.read() as session:
        assert session.scalars(select(SignInFailure.subject)).all() == ["new"]


def test_every_snoozed_case_wakes_when_its_time_has_come(
    store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("responder.casework.BATCH", 2)
    take_in(store, many(5, authors=5))
    with store.write() as session:
        until = clock.now() + timedelta(hours=1)
        session.execute(update(Case).values(state=CaseState.SNOOZED, snoozed_until=until))
    assert wake_all(store) == 0
    clock.advance(timedelta(hours=1))
    assert wake_all(store) == 5
    with store.read() as session:
        assert set(session.scalars(select(Case.state))) == {CaseState.OPEN}


# The sample.


def test_the_sample_is_fresh_varied_and_marks_its_vips(store: Store, clock: SetClock) -> None:
    sample = [item for item, _ in read_sample(clock.now())]
    assert 80 <= len(sample) <= 120
    assert len({item.account for item in sample}) == 3
    assert len({item.native_key for item in sample}) == len(sample)
    newest = max(item.written_at for item in sample)
    assert clock.now() - timedelta(minutes=10) < newest <= clock.now()
    assert fill_if_empty(store) == len(sample)
    assert fill_if_empty(store) == 0
    with store.read() as session:
        vips = session.scalars(select(Customer).where(Customer.vip)).all()
        assert len(vips) == sum(vip for _, vip in read_sample(clock.now()))


# The log.


def test_an_event_is_one_line_whatever_is_in_it() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OneLine())
    log = logging.getLogger("test.oneline")
    log.addHandler(handler)
    log.propagate = False
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("it\nfailed\u202e for %s", "x")
    assert out.getvalue().count("\n") == 1
    assert SECRET not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "ERROR test.oneline it failed" in out.getvalue()
    assert "ValueError at test_workers.py" in out.getvalue()
