"""instaloader led to the public pages of a simulated Instagram, whatever sessions it makes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

HOSTS = {"www.instagram.com": "/_www", "i.instagram.com": "/_i"}


class Led(HTTPAdapter):
    """Takes requests for Instagram's hosts to ``base``."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: requests.PreparedRequest, *rest: Any, **options: Any) -> Any:
        split = urlsplit(request.url or "")
        query = f"?{split.query}" if split.query else ""
        request.headers.pop("Host", None)
        request.url = f"{self._base}{HOSTS[split.hostname or '']}{split.path}{query}"
        answer = super().send(request, *rest, **options)
        answer.url = split.geturl()
        return answer


@contextmanager
def led_to(base: str) -> Iterator[None]:
    """instaloader makes new sessions inside: each is led to ``base`` where it is made."""
    made: list[requests.Session] = []
    make = requests.Session.__init__

    def led(session: requests.Session) -> None:
        make(session)
        session.trust_env = False
        for host in HOSTS:
            session.mount(f"https://{host}", Led(base))
        made.append(session)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "__init__", led)
        yield
    for session in made:
        session.close()


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def website(answer: Callable[[str, str], Answer]) -> Iterator[str]:
    """A bare server that answers (method, path) as told; its address."""

    class Handler(BaseHTTPRequestHandler):
        def _say(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _say

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(status: int, body: Any, **headers: str) -> Callable[[str, str], Answer]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _method, _path: (status, headers, content)
