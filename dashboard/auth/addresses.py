"""Where to go after a sign-in: only to a page of this dashboard."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, url_for


def safe_next(wanted: str | None) -> str:
    """``wanted`` when it is a path on this very site, else the first page.

    Browsers read ``//host``, ``/\\host`` and addresses with control characters as other sites.
    """
    if wanted and wanted.startswith("/") and wanted.isprintable() and "\\" not in wanted:
        try:
            parts = urlsplit(wanted)
        except ValueError:
            return url_for("home")
        if not parts.scheme and not parts.netloc and not wanted.startswith("//"):
            return wanted
    return url_for("home")


def page_before(request: Request) -> str:
    """The page of this dashboard that a form was sent from, else the first page."""
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        return url_for("home")
    if parts.netloc != request.host:
        return url_for("home")
    return safe_next(parts.path + (f"?{parts.query}" if parts.query else ""))
