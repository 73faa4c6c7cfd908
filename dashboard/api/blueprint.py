"""Serving the API: its routes, and its errors wherever they arise."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.routing import RequestRedirect

from dashboard.api.document import ALL_ROUTES
from dashboard.api.problems import PREFIX, not_found
from dashboard.api.serving import serve

api = Blueprint("api", __name__, url_prefix=PREFIX)

for _route in ALL_ROUTES:
    api.add_url_rule(
        _route.rule,
        _route.name,
        serve(_route),
        methods=[_route.method],
        provide_automatic_options=False,
    )


def install(app: Flask, csrf: CSRFProtect) -> None:
    """Serve the API of ``app``. It takes no cookies, so that no page of another site can use it
    in somebody's name, and ``csrf`` has nothing to check."""
    csrf.exempt(api)
    app.register_blueprint(api)
    app.before_request(_lead_nowhere)


def _lead_nowhere() -> Response | None:
    """Flask would answer an address with doubled slashes by a page that leads elsewhere."""
    if request.path.startswith(PREFIX) and isinstance(request.routing_exception, RequestRedirect):
        return not_found("address").answer()
    return None
