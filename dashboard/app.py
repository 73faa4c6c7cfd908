"""The Flask application: what stands in front of every page, and which features there are."""

from __future__ import annotations

from typing import Any

from flask import Flask, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from dashboard import assets, errors, filters, i18n, security
from dashboard import health as _health
from dashboard.accounts import connect_views, strip
from dashboard.accounts.blueprint import accounts
from dashboard.accounts.connections import EXTENSION as CONNECTIONS
from dashboard.accounts.connections import Connections
from dashboard.answering.blueprint import answering
from dashboard.api import blueprint as api
from dashboard.api.pages import tokens
from dashboard.auth import session as auth_session
from dashboard.auth.blueprint import auth
from dashboard.broadcasts.blueprint import broadcasts
from dashboard.context import EXTENSION, Desk
from dashboard.customers.blueprint import customers
from dashboard.duty.blueprint import duty
from dashboard.inbox.blueprint import inbox
from dashboard.pictures import upload
from dashboard.pictures.blueprint import pictures
from dashboard.posts.blueprint import posts
from dashboard.reader import person_or_none, reader
from dashboard.reports.blueprint import reports
from dashboard.secret import secret_key
from dashboard.spikes.blueprint import spikes
from dashboard.staff.blueprint import staff
from dashboard.webhooks.blueprint import knocking
from dashboard.webhooks.doors import EXTENSION as DOORS
from dashboard.webhooks.doors import Doors

LANGUAGES = (("fa", "فارسی"), ("ar", "العربية"), ("en", "English"))
"""What people may choose from, each in its own words."""

MAX_BODY = 1024 * 1024
"""Bytes of one request; the largest form here is a note of some thousand letters."""


class _RowNumber(IntegerConverter):
    """A number in an address: no longer than a row's can be, so that none overflows a query."""

    regex = r"\d{1,18}"


def create_app(
    desk: Desk,
    *,
    health: _health.Health | None = None,
    connections: Connections | None = None,
    doors: Doors | None = None,
) -> Flask:
    """The dashboard over ``desk``, whose database is at the newest step.

    ``health`` adds to what ``/healthz`` reports; ``connections`` speaks to platforms, without it no
    account can be connected; ``doors`` knows the secrets of webhooks. Raises ``OSError`` or
    ``ValueError`` when the secret key cannot be had.
    """
    settings = desk.settings
    https = settings.address.startswith("https://")
    app = Flask("dashboard", static_folder=None)
    app.extensions[EXTENSION] = desk
    app.extensions[CONNECTIONS] = connections
    app.extensions[DOORS] = doors
    app.config.update(
        SECRET_KEY=secret_key(settings.home),
        MAX_CONTENT_LENGTH=MAX_BODY,
        SESSION_COOKIE_NAME="shenava_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        # A token is as good as the session it belongs to; pages stay open for a whole shift.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_I18N_ENABLED=False,
    )
    app.url_map.converters["int"] = _RowNumber
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    i18n.install(app)
    filters.install(app)
    security.install(app, https=https)
    errors.install(app)
    # The guard comes before the CSRF check: someone signed out is asked to sign in, whatever
    # their page is worth.
    auth_session.install(app)
    # Before the form is read for its token.
    upload.install(app)
    csrf = CSRFProtect(app)
    assets.install(app)
    _health.install(app, health)
    strip.install(app)
    connect_views.install(app)
    app.context_processor(_for_pages)
    app.add_url_rule("/", "home", _home)
    for blueprint in (
        auth,
        staff,
        inbox,
        customers,
        answering,
        broadcasts,
        accounts,
        duty,
        pictures,
        posts,
        reports,
        spikes,
        tokens,
    ):
        app.register_blueprint(blueprint)
    api.install(app, csrf)
    csrf.exempt(knocking)
    app.register_blueprint(knocking)
    return app


def _home() -> ResponseReturnValue:
    return redirect(url_for("inbox.index"))


def _for_pages() -> dict[str, Any]:
    return {"me": person_or_none(), "reader": reader(), "languages": LANGUAGES}
