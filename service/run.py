"""``shenava run``: the whole service in one process.

The main thread answers the web; APScheduler's threads do the rest: the pipeline comes by every
second, snoozed cases wake, house-keeping runs hourly. Every job can be cut off anywhere and run
again: the rows are the truth. What fails is logged and tried again; it never ends the process.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from config import Settings
from service import logs
from service.errors import Halt
from service.health import Health
from service.lock import running_lock
from service.opening import load_classifier, make_home, open_store
from service.pipeline import Pipeline
from service.upkeep import prune_changes, prune_sign_in_failures
from service.web import WebServer, listen
from shenava import __version__
from shenava.store import Store

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler
    from flask import Flask

    from dashboard.context import Desk

log = logging.getLogger(__name__)

PIPELINE_EVERY_S = 1
WAKE_EVERY_S = 30
UPKEEP_EVERY_S = 3600


def run(settings: Settings, out: TextIO, *, sample: bool = False) -> None:
    """Serve until SIGTERM or SIGINT.

    1. Take the lock of the data folder and the port. 2. Open the database, load the model.
    3. Start the schedule. 4. Tell ``out`` the address and, while there is no admin, the link for
    the first one. 5. Answer. 6. On a signal: take no more requests, finish what is in hand, end.

    ``sample``: fill a database that has no message with the bundled ones first.
    Raises :class:`service.errors.Halt` when it cannot start.
    """
    from dashboard.auth.links import first_admin_link
    from dashboard.context import Desk
    from responder.policy import policy_of

    logs.set_up(settings.log_level)
    stop = threading.Event()
    make_home(settings)
    with ExitStack() as stack:
        if settings.database.startswith("sqlite"):
            stack.enter_context(running_lock(settings.home))
        sockets = listen(settings.host, settings.port)
        for opened in sockets:
            stack.callback(opened.close)
        policy = policy_of(settings)
        _stop_on_signals(stop, stack)
        store = open_store(settings)
        stack.callback(store.close)
        pipeline = Pipeline(store, load_classifier(settings), policy)
        if sample:
            _fill(store)
        desk = Desk(store=store, settings=settings, policy=policy)
        scheduler = _scheduler()
        health = Health(store, lambda: bool(scheduler.running))
        server = WebServer(_app(desk, health), sockets, settings.web_threads)
        _schedule(scheduler, store, pipeline, health, stop)
        scheduler.start()
        # Waits for the job in hand; jobs with more to do look at the event between batches.
        stack.callback(scheduler.shutdown, wait=True)
        _greet(settings, first_admin_link(desk), out)
        server.serve(stop)
        log.info("stopping")
    log.info("stopped")


def _stop_on_signals(stop: threading.Event, stack: ExitStack) -> None:
    """Let SIGTERM and SIGINT set ``stop``; a second one ends the process as usual."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in numbers:
        signal.signal(number, handle)
    stack.callback(restore)


def _fill(store: Store) -> None:
    from service.sample import fill_if_empty

    if count := fill_if_empty(store):
        log.info("took in a sample of %d messages, as the database had none", count)


def _greet(settings: Settings, link: str | None, out: TextIO) -> None:
    lines = [f"Shenava {__version__} listens on {settings.address}"]
    if link:
        lines.append(f"Make the first account here (good once): {link}")
    lines.append("Stop it with Ctrl-C.")
    out.write("\n".join(lines) + "\n")
    out.flush()
    log.info("listening on %s", settings.address)


def _app(desk: Desk, health: Health) -> Flask:
    from dashboard.app import create_app

    try:
        return create_app(desk, health=health)
    except (OSError, ValueError) as error:
        raise Halt(f"The secret key in the data folder cannot be used: {error}") from None


def _scheduler() -> BackgroundScheduler:
    from apscheduler.schedulers.background import BackgroundScheduler

    # Late is better than never: a job is run once however often its turn was missed.
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    return BackgroundScheduler(timezone=UTC, job_defaults=defaults)


def _schedule(
    scheduler: BackgroundScheduler,
    store: Store,
    pipeline: Pipeline,
    health: Health,
    stop: threading.Event,
) -> None:
    def judge() -> None:
        judge_what_waits(pipeline, health, stop)

    jobs: dict[str, tuple[Callable[[], object], int]] = {
        "pipeline": (judge, PIPELINE_EVERY_S),
        "wake snoozed": (logged("wake snoozed", lambda: wake_all(store)), WAKE_EVERY_S),
        "prune changes": (logged("prune changes", lambda: prune_changes(store)), UPKEEP_EVERY_S),
        "prune sign-in failures": (
            logged("prune sign-in failures", lambda: prune_sign_in_failures(store)),
            UPKEEP_EVERY_S,
        ),
    }
    for name, (job, seconds) in jobs.items():
        scheduler.add_job(
            job, "interval", seconds=seconds, id=name, next_run_time=store.clock.now()
        )


def judge_what_waits(pipeline: Pipeline, health: Health, stop: threading.Event) -> None:
    """Judge and triage until nothing waits or ``stop`` is set. Whatever fails is tried again."""
    try:
        while not stop.is_set():
            judged = pipeline.run_once()
            if health.pipeline_ran(failed=False):
                log.info("the pipeline works again")
            if not judged:
                return
            log.debug("judged %d messages", judged)
    except Exception:
        # Said once, not each second while it lasts; /healthz tells that it goes on.
        if health.pipeline_ran(failed=True):
            log.exception("the pipeline failed; it is tried again every second, nothing is lost")


def wake_all(store: Store) -> int:
    """Open every snoozed case whose time has come, in short transactions; returns how many."""
    from responder.casework import BATCH, wake_snoozed

    total = 0
    while True:
        with store.write() as session:
            woken = len(wake_snoozed(session, store.clock.now(), BATCH).changed)
        total += woken
        if woken < BATCH:
            return total


def logged(name: str, job: Callable[[], object]) -> Callable[[], None]:
    """``job`` as a job of the schedule: a failure is logged, and its next turn tries again."""

    def attempt() -> None:
        try:
            job()
        except Exception:
            log.exception("the job %r failed; it will be tried again", name)

    return attempt
