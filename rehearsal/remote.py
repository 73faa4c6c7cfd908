"""Pulls the strings of a simulator in another process, over ``/_control/``."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

_OPENER = build_opener(ProxyHandler({}))
"""Never by way of a proxy: the simulator is on this machine."""


class RemoteError(Exception):
    """The simulator refused; ``str()`` says why."""


class Remote:
    """``Remote(base_url, token).call("POST", "/outage", complaints=200)``; see
    ``rehearsal.x.control`` and
    ``rehearsal.instagram.control`` for what can be called."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 10) -> None:
        self._base, self._token, self._timeout = base_url, token, timeout

    def call(self, method: str, path: str, **given: Any) -> Any:
        """What the simulator answers. Raises ``RemoteError`` when it refuses, ``OSError`` when it
        is not there."""
        request = Request(  # noqa: S310 - the address of our own simulator
            f"{self._base}/_control{path}",
            method=method,
            data=json.dumps(given).encode() if given else None,
            headers={"X-Control-Token": self._token, "Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=self._timeout) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise RemoteError(error.read().decode(errors="replace")) from None
