"""A browser without a screen: it keeps cookies and sends forms with the token of their page."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "a long enough sentence"
"""The password of everyone whom ``make_user`` makes."""

_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')


class Browser(FlaskClient):
    """A client that sends forms as a browser does: with the token of the page it last saw."""

    def open(self, *args: Any, **more: Any) -> TestResponse:
        # Read to the end at once, so that no test leaves a file open.
        return super().open(*args, **{"buffered": True, **more})

    def token(self, page: str = "/sign-in") -> str:
        """The CSRF token of this session, read from ``page`` (or where that leads)."""
        found = _CSRF.search(self.get(page, follow_redirects=True).text)
        assert found, f"{page} has no token"
        return found[1]

    def send(self, address: str, /, **fields: str) -> TestResponse:
        """POST ``fields`` to ``address``, with a token."""
        return self.post(address, data={**fields, "csrf_token": self.token()})

    def background(self, address: str) -> TestResponse:
        """Ask for ``address`` as a script of a page does."""
        return self.get(address, headers={"Accept": "application/json"})


def sign_in(client: Browser, email: str, password: str = PASSWORD) -> TestResponse:
    """Sign in as a person does, on the page."""
    return client.send("/sign-in", email=email, password=password)
