"""Static files, kept for long by browsers, and never stale.

The address of each holds a hash over all of them. One hash for all, so that a script that imports
its neighbour, or a style that names a picture, gets the neighbour of the same release.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

from dashboard.auth.roles import public

FOLDER = Path(__file__).parent / "static"
_YEAR = 365 * 24 * 60 * 60


def release(folder: Path = FOLDER) -> str:
    """Twelve letters that change when any file under ``folder`` does."""
    whole = hashlib.sha256()
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]


def install(app: Flask) -> None:
    """Serve the static files of ``app`` as endpoint ``static``."""
    present = release()

    @public
    def static(release: str, filename: str) -> Response:
        response = send_from_directory(FOLDER, filename)
        if release == present:
            response.cache_control.public = True
            response.cache_control.no_cache = None
            response.cache_control.max_age = _YEAR
            response.cache_control.immutable = True
        else:
            # A page from before an update asks for what is no more; today's file must not be
            # kept under yesterday's address.
            response.cache_control.no_store = True
        return response

    def add_release(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("release", present)

    app.add_url_rule("/static/<release>/<path:filename>", "static", static)
    app.url_defaults(add_release)
