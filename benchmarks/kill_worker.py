"""The worker of ``bench_kill``: everything that the service does between a platform and the
database, at once, until it is killed."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from benchmarks.kill_parts import FastClock, Side
from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.webhooks.doors import Doors
from responder.policy import policy_of
from service import collecting, sending, webhooks
from service.channels import Channels
from service.pipeline import Pipeline
from service.recovery import take_over
from service.web import WebServer
from shenava.messages import Platform
from shenava.store import Store
from shenava.vault import Vault
from tests.support.judges import WordJudge

KEY = b"k" * 32
"""Signs what the doors give out."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker works on. ``base_urls``: of the platforms. ``port``: where webhooks come in.
    ``alone``: no other process works on the database, so what a dead one held is taken over."""

    url: str
    folder: Path
    clock: FastClock
    sides: tuple[Side, ...]
    base_urls: Mapping[Platform, str]
    port: int
    alone: bool


def channels_of(store: Store, work: Work) -> Channels:
    """Real channels of the real adapters."""
    kinds = {
        side.platform: side.kind(work.clock, work.base_urls[side.platform]) for side in work.sides
    }
    return Channels(store, Vault(work.folder / "vault.key"), kinds)


def doors_of(store: Store, folder: Path) -> Doors:
    return Doors(webhooks.Doors(store, Vault(folder / "vault.key")), KEY)


def dashboard_of(work: Work) -> Flask:
    """The whole dashboard, with the doors of webhooks."""
    settings = Settings(home=work.folder)
    store = Store(work.url, work.clock)
    return create_app(
        Desk(store, settings, policy_of(settings)), doors=doors_of(store, work.folder)
    )


def be_a_worker(work: Work, app: Flask) -> None:
    """Take in webhooks, judge, collect, sweep and send until killed, each in a thread, as the
    service does."""
    threading.Thread(target=_open_door, args=(app, work.port), daemon=True).start()
    store = Store(work.url, work.clock)
    policy = policy_of(Settings(home=work.folder))
    if work.alone:
        take_over(store)
    channels = channels_of(store, work)
    pipeline = Pipeline(store, WordJudge(), policy)
    jobs: list[Callable[[], object]] = [
        lambda: pipeline.run_once(50),
        lambda: webhooks.run_one(store, channels, policy),
        lambda: webhooks.run_one(store, channels, policy),
        lambda: collecting.run_one(store, channels, policy),
        lambda: collecting.run_one(store, channels, policy),
        lambda: collecting.run_one(store, channels, policy),
        lambda: collecting.run_one(store, channels, policy, sweep=True),
        lambda: sending.run_due(store, channels, policy, limit=5),
        lambda: sending.run_due(store, channels, policy, limit=5),
    ]
    for job in jobs[1:]:
        threading.Thread(target=_again, args=(job,), daemon=True).start()
    _again(jobs[0])


def _again(job: Callable[[], object]) -> None:
    while True:
        try:
            if job():
                continue
        except Exception:
            logging.exception("a job failed")
        time.sleep(0.02)


def _open_door(app: Flask, port: int) -> None:
    """The service's own web server. Two processes have one address, as behind a balancer."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind(("127.0.0.1", port))
    opened.listen(64)
    WebServer(app, [opened], 2).serve(threading.Event())
