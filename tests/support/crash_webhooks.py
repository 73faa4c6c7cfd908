"""Killed while a webhook comes in, or while it is worked through.

    python -m support.crash_webhooks door HOME PORT STATEMENT
    python -m support.crash_webhooks work HOME MINUTES STATEMENT

The first serves the dashboard on ``PORT`` of the loopback until it is killed; the second works
through what waits, its clock ``MINUTES`` after the start of tests. Each kills itself with SIGKILL
at its ``STATEMENT``-th statement after it began; 0: it lives. Run by
``tests/service/test_webhooks_killed.py``.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from dashboard.webhooks.doors import Doors
from responder.policy import policy_of
from service import webhooks
from service.web import WebServer, listen
from shenava.clock import SetClock
from shenava.store import Store
from shenava.vault import Vault
from support.factories import START
from support.stops import kill_self, stop_at
from support.webhooks import Follower


def main(what: str, home: Path, number: int, statement: int) -> None:
    settings = Settings(home=home)
    minutes = number if what == "work" else 0
    store = Store(settings.database, SetClock(START + timedelta(minutes=minutes)))
    with ExitStack() as stack:
        if what == "work":
            if statement:
                stack.enter_context(stop_at(store, statement, kill_self))
            while webhooks.run_one(store, Follower(), policy_of(settings)):
                pass
        else:
            _serve(store, settings, number, statement, stack)
    store.close()


def _serve(store: Store, settings: Settings, port: int, statement: int, stack: ExitStack) -> None:
    doors = Doors(webhooks.Doors(store, Vault(settings.home / "vault.key")), b"k" * 32)
    app = create_app(Desk(store, settings, policy_of(settings)), doors=doors)
    server = WebServer(app, listen("127.0.0.1", port), 2)
    if statement:
        stack.enter_context(stop_at(store, statement, kill_self))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
