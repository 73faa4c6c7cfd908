"""``shenava run``: the whole service in one process.

The main thread answers the web; APScheduler's threads do the rest: the pipeline comes by every
second, so do those who read from the platforms and send to them; snoozed cases wake, house-keeping
runs hourly. Every job can be cut off anywhere and run
again: the rows are the truth. What fails is logged and tried again; it never ends the process.
"""

from __future__ import annotations

import gc
import logging
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from config import Settings
from service import logs, upkeep
from service.errors import Halt
from service.health import Health
from service.learning import ShopJudge, Teacher
from service.lock import running_lock
from service.opening import load_classifier, make_home, open_store
from service.pipeline import Pipeline
from service.web import WebServer, listen
from shenava import __version__
from shenava.clock import SystemClock
from shenava.store import Store

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler
    from flask import Flask

    from dashboard.context import Desk
    from dashboard.webhooks.doors import Doors
    from responder.policy import Policy
    from service.alerting import Alerting
    from service.channels import Channels
    from service.connecting import Connecting
    from service.rehearsal import Rehearsal
    from service.reporting import Reporting
    from shenava.vault import Vault

log = logging.getLogger(__name__)

PIPELINE_EVERY_S = 1
EXCHANGE_EVERY_S = 1
SWEEP_EVERY_S = 30
KEEP_EVERY_S = 2
SUBSCRIPTIONS_EVERY_S = 600
WAKE_EVERY_S = 30
LOOK_EVERY_S = 60
CLUES_EVERY_S = 5
ALERTS_EVERY_S = 3
REPORT_EVERY_S = 30
LEARN_EVERY_S = 15
SPIKES_EVERY_S = 30
UPKEEP_EVERY_S = 3600

JOB_THREADS = 24

WORKERS = 2
"""That read, and as many that send: a platform that keeps one waiting does not stop the rest."""


def run(settings: Settings, out: TextIO, *, sample: bool = False, rehearse: bool = False) -> None:
    """Serve until SIGTERM or SIGINT.

    1. Take the lock of the data folder and the port. 2. Open the database, load the model.
    3. Start the schedule. 4. Tell ``out`` the address and, while there is no admin, the link for
    the first one. 5. Answer. 6. On a signal: take no more requests, finish what is in hand, end.

    ``sample``: fill a database that has no message with the bundled ones first. ``rehearse``:
    with simulated platforms (:mod:`service.rehearsal`).
    Raises :class:`service.errors.Halt` when it cannot start.
    """
    from dashboard.auth.links import first_admin_link
    from dashboard.context import Desk
    from responder.policy import policy_of
    from service.alerting import Alerting
    from service.channels import Channels
    from service.connecting import kinds
    from service.rehearsal import Rehearsal, at_any_hour, hold_apart
    from service.reporting import Reporting

    logs.set_up(settings.log_level)
    if rehearse:
        settings = at_any_hour(settings)
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
        rehearsal = Rehearsal(settings) if rehearse else None
        store = open_store(settings, rehearsal.clock if rehearsal else None)
        stack.callback(store.close)
        hold_apart(settings, store, rehearse=rehearse)
        if store.is_sqlite:
            from service.recovery import take_over

            # We hold the lock: whoever claimed something is dead.
            take_over(store)
        _try_again(store)
        if rehearsal is not None:
            simulated = stack.enter_context(rehearsal.up())
            settings = settings.model_copy(update=simulated.places)
        vault = _vault(settings)
        if rehearsal is not None:
            from service.rehearsal_shop import connect_shop

            connect_shop(store, vault, settings, rehearsal.simulated)
        channels = Channels(store, vault, kinds(store, vault, settings))
        classifier = load_classifier(settings)
        pipeline = Pipeline(store, ShopJudge(store, classifier), policy)
        if sample:
            _fill(store)
        desk = Desk(store=store, settings=settings, policy=policy, rules=channels.rules)
        scheduler = _scheduler()
        health = Health(store, lambda: bool(scheduler.running))
        connections = _connecting(store, vault, settings)
        doors = _doors(store, vault, settings, channels)
        server = WebServer(_app(desk, health, connections, doors), sockets, settings.web_threads)
        _schedule(scheduler, store, settings, pipeline, health, stop)
        add_jobs(scheduler, exchange(settings, store, channels, policy, stop))
        add_jobs(scheduler, _broadcast_jobs(store, channels, policy, settings, stop))
        if rehearsal is not None:
            add_jobs(scheduler, _rehearsal_jobs(store, rehearsal, doors, settings))
        add_jobs(scheduler, _alert_jobs(Alerting(store, settings, policy)))
        teacher = Teacher(store, classifier.teachable, settings.learn_every_corrections)
        add_jobs(scheduler, {"learn": (logged("learn", teacher.tick), LEARN_EVERY_S)})
        add_jobs(scheduler, _report_jobs(Reporting(store, settings, policy)))
        scheduler.start()
        # Waits for the job in hand; jobs with more to do look at the event between batches.
        stack.callback(scheduler.shutdown, wait=True)
        _settle_down()
        _greet(settings, first_admin_link(desk), out, rehearsal)
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


def _settle_down() -> None:
    """What is there after the start stays for ever: the collector of garbage need not go through
    it again and again while a plan for a hundred thousand people is made."""
    gc.collect()
    gc.freeze()


def _try_again(store: Store) -> None:
    """What another version did not understand may be understood by this one."""
    from collectors.inbound import retry_after_upgrade

    with store.write() as session:
        if count := retry_after_upgrade(session, __version__, store.clock.now()):
            log.info("%d webhooks that another version failed at are tried again", count)


def _vault(settings: Settings) -> Vault:
    from service.connecting import open_vault
    from shenava.vault import VaultError

    try:
        return open_vault(settings)
    except (VaultError, OSError) as error:
        raise Halt(f"The keys of the accounts cannot be used: {error}") from None


def _connecting(store: Store, vault: Vault, settings: Settings) -> Connecting:
    from service.connecting import Connecting

    try:
        return Connecting(store, vault, settings)
    except ValueError as error:
        raise Halt(
            f"The setting x_base_url (SHENAVA_X_BASE_URL) cannot be {settings.x_base_url!r}: "
            f"{error}."
        ) from None


def _fill(store: Store) -> None:
    from service.sample import fill_if_empty

    if count := fill_if_empty(store):
        log.info("took in a sample of %d messages, as the database had none", count)


def _greet(settings: Settings, link: str | None, out: TextIO, rehearsal: Rehearsal | None) -> None:
    lines = [f"Shenava {__version__} listens on {settings.address}"]
    if rehearsal is not None:
        found = rehearsal.simulated
        lines.append(f"This is a rehearsal. Its simulated X, to look at: {found.x.base_url}/")
        lines.append(f"Its simulated Instagram, to look at: {found.instagram.base_url}/")
    if link:
        lines.append(f"Make the first account here (good once): {link}")
    lines.append("Stop it with Ctrl-C.")
    out.write("\n".join(lines) + "\n")
    out.flush()
    log.info("listening on %s", settings.address)


def _doors(store: Store, vault: Vault, settings: Settings, channels: Channels) -> Doors:
    from dashboard.secret import derived, secret_key
    from dashboard.webhooks.doors import Doors
    from service.hosting import PURPOSE
    from service.webhooks import Doors as Secrets
    from service.webhooks import jpeg_of

    try:
        key = derived(secret_key(settings.home), PURPOSE)
    except (OSError, ValueError) as error:
        raise Halt(f"The secret key in the data folder cannot be used: {error}") from None
    secrets = Secrets(store, vault, channels)
    return Doors(secrets, key, pictures=lambda picture_id: jpeg_of(store, picture_id))


def _app(desk: Desk, health: Health, connections: Connecting, doors: Doors) -> Flask:
    from dashboard.app import create_app

    try:
        return create_app(desk, health=health, connections=connections, doors=doors)
    except (OSError, ValueError) as error:
        raise Halt(f"The secret key in the data folder cannot be used: {error}") from None


def _scheduler() -> BackgroundScheduler:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    # Late is better than never: a job is run once however often its turn was missed.
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    # A thread for each job that may last, so that a broadcast of hours holds up nobody's alarm.
    pool = {"default": ThreadPoolExecutor(JOB_THREADS)}
    return BackgroundScheduler(timezone=UTC, job_defaults=defaults, executors=pool)


def _schedule(
    scheduler: BackgroundScheduler,
    store: Store,
    settings: Settings,
    pipeline: Pipeline,
    health: Health,
    stop: threading.Event,
) -> None:
    from responder.clues import CatchUp
    from responder.spikes import Watch

    def judge() -> None:
        judge_what_waits(pipeline, health, stop)

    clues = CatchUp(store)
    watch = Watch(store, settings.zone)
    jobs: Jobs = {
        "clues": (logged("clues", clues.run_once), CLUES_EVERY_S),
        "pipeline": (judge, PIPELINE_EVERY_S),
        "spikes": (logged("spikes", watch.tick), SPIKES_EVERY_S),
        "wake snoozed": (logged("wake snoozed", lambda: wake_all(store)), WAKE_EVERY_S),
    }
    for name, job in upkeep.jobs(settings).items():
        jobs[name] = (logged(name, partial(job, store)), UPKEEP_EVERY_S)
    add_jobs(scheduler, jobs)


Jobs = dict[str, tuple[Callable[[], object], int]]
"""By name: what to call, and every how many seconds."""


def add_jobs(scheduler: BackgroundScheduler, jobs: Jobs) -> None:
    """Put jobs on the schedule, which keeps real time; each begins at once."""
    for name, (job, seconds) in jobs.items():
        scheduler.add_job(
            job, "interval", seconds=seconds, id=name, next_run_time=SystemClock().now()
        )


def exchange(
    settings: Settings,
    store: Store,
    channels: Channels,
    policy: Policy,
    stop: threading.Event,
) -> Jobs:
    """Reading from the platforms and sending to them; between two pages, or some answers, they
    look at ``stop``."""
    from service import collecting, fetching, looking, sending, webhooks
    from service.hosting import host_of

    host = host_of(store, settings)

    def take_in() -> None:
        while not stop.is_set() and webhooks.run_one(store, channels, policy):
            pass

    def collect() -> None:
        while not stop.is_set() and collecting.run_one(
            store, channels, policy, stopping=stop.is_set
        ):
            pass

    def sweep() -> None:
        while not stop.is_set() and collecting.run_one(
            store, channels, policy, sweep=True, stopping=stop.is_set
        ):
            pass

    def send() -> None:
        while not stop.is_set() and sending.run_due(store, channels, policy, limit=10, host=host):
            pass

    def fetch() -> None:
        limit = settings.picture_megabytes * fetching.MEGABYTE
        while not stop.is_set() and fetching.run_one(store, channels, limit):
            pass

    def look() -> None:
        while not stop.is_set() and looking.run_one(
            store, channels, policy, settings.look_ups_per_day
        ):
            pass

    def ask() -> None:
        webhooks.ask_subscriptions(store, channels)

    jobs: Jobs = {
        "sweep": (logged("sweep", sweep), SWEEP_EVERY_S),
        "webhooks": (logged("webhooks", take_in), EXCHANGE_EVERY_S),
        "ask for webhooks": (logged("ask for webhooks", ask), SUBSCRIPTIONS_EVERY_S),
    }
    if settings.look_ups_per_day:
        jobs["look up"] = (logged("look up", look), LOOK_EVERY_S)
    if settings.picture_megabytes:
        jobs["pictures"] = (logged("pictures", fetch), EXCHANGE_EVERY_S)
    for number in range(1, WORKERS + 1):
        jobs[f"collect {number}"] = (logged("collect", collect), EXCHANGE_EVERY_S)
        jobs[f"send {number}"] = (logged("send", send), EXCHANGE_EVERY_S)
    return jobs


def _broadcast_jobs(
    store: Store, channels: Channels, policy: Policy, settings: Settings, stop: threading.Event
) -> Jobs:
    """Two: a convoy that takes hours must not keep another broadcast from starting."""
    from responder.broadcasts.quiet import quiet_hours
    from responder.broadcasts.running import tick
    from service.broadcasting import Fleet, drawer
    from service.hosting import host_of

    quiet = quiet_hours(settings.broadcast_quiet_hours, settings.zone)
    draw = drawer(settings)
    fleet = Fleet(store, channels, policy, host=host_of(store, settings))

    def keep() -> None:
        while not stop.is_set() and tick(store, quiet, draw):
            pass

    return {
        "broadcasts": (logged("broadcasts", keep), EXCHANGE_EVERY_S),
        "convoy": (logged("convoy", lambda: fleet.run(stop)), EXCHANGE_EVERY_S),
    }


def _rehearsal_jobs(store: Store, rehearsal: Rehearsal, doors: Doors, settings: Settings) -> Jobs:
    """What keeps a rehearsal going: its platforms live, and know where to send webhooks."""
    from rehearsal.remote import RemoteError
    from service.rehearsal_shop import order_webhooks
    from shenava.channels import ChannelError

    def order() -> None:
        # Not before we answer ourselves, and not while a fault is being rehearsed: tried again.
        with suppress(OSError, RemoteError, ChannelError):
            order_webhooks(store, rehearsal.simulated, doors, settings.address)

    return {
        "keep": (logged("keep", rehearsal.keep), KEEP_EVERY_S),
        "order webhooks": (logged("order webhooks", order), KEEP_EVERY_S),
    }


def _alert_jobs(alerting: Alerting) -> dict[str, tuple[Callable[[], object], int]]:
    """Two: a mail server that does not answer must not hold the alarms up."""
    return {
        "ring": (logged("ring", alerting.ring), ALERTS_EVERY_S),
        "alert mail": (logged("alert mail", alerting.send), ALERTS_EVERY_S),
    }


def _report_jobs(reporting: Reporting) -> Jobs:
    return {
        "report": (logged("report", reporting.tick), REPORT_EVERY_S),
        "report mail": (logged("report mail", reporting.send), REPORT_EVERY_S),
    }


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
