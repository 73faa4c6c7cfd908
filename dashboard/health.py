"""``/healthz``: whether this service can do its work, for monitors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from dashboard.auth.roles import public
from dashboard.context import desk
from shenava import __version__
from shenava.store import migrations

log = logging.getLogger(__name__)

Health = Callable[[], dict[str, Any]]
"""More to report: names to plain values. ``{"ok": False}`` among them makes the answer a 503."""


def install(app: Flask, more: Health | None) -> None:
    """Serve ``/healthz`` of ``app``: 200 when all is well, 503 when not."""
    head = migrations.head()

    @public
    def healthz() -> ResponseReturnValue:
        report: dict[str, Any] = {"ok": True, "version": __version__}
        report["database"] = _database(head)
        report["ok"] = report["database"] == "ok"
        if more is not None:
            added = more()
            report = {**added, **report, "ok": report["ok"] and bool(added.get("ok", True))}
        response = jsonify(report)
        response.headers["Cache-Control"] = "no-store"
        return response, 200 if report["ok"] else 503

    app.add_url_rule("/healthz", "healthz", healthz)


def _database(head: str) -> str:
    """``ok``, ``outdated`` (not at the newest step) or ``unreachable``."""
    try:
        with desk().store.read() as session:
            session.execute(select(1))
        return "ok" if migrations.current(desk().store) == head else "outdated"
    except SQLAlchemyError:
        log.exception("the database does not answer")
        return "unreachable"
