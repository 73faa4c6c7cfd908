"""A real HTTP server on loopback that answers as a test tells it to, well or badly.

Requests are kept as they came. Answers come from a queue, or from a function of the request.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    port: int
    """The client's own: a new one for each connection."""
    target: str
    """Path and query as they stood on the wire."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """These bytes, and then the connection ends."""

    content: bytes


@dataclass(frozen=True)
class Cut:
    """An answer that ends before it is over."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reset:
    """The connection is torn down instead of an answer."""


@dataclass(frozen=True)
class Drop:
    """The connection is closed politely instead of an answer."""


@dataclass(frozen=True)
class Silence:
    """Nothing, until the test is over."""


@dataclass(frozen=True)
class Drip:
    """These bytes, and then a blank every now and then, until the client goes or the test is
    over."""

    content: bytes


Said = Reply | Raw | Cut | Reset | Drop | Silence | Drip


class Scripted:
    """``say`` queues answers; ``answer`` may be set to a function instead. ``seen`` is what
    arrived, in order."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.queue: deque[Said] = deque()
        self.answer: Callable[[Seen], Said] | None = None
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def say(self, *answers: Said | Mapping[str, Any]) -> None:
        """Queue answers; a mapping is the JSON of a success."""
        self.queue.extend(Reply(a) if isinstance(a, Mapping) else a for a in answers)

    def next(self, seen: Seen) -> Said:
        self.seen.append(seen)
        if self.answer is not None:
            return self.answer(seen)
        return self.queue.popleft() if self.queue else Reply({"title": "unscripted"}, 418)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # the client went away: part of the play
                super().handle()

        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            port = int(self.client_address[1])
            said = server.next(
                Seen(self.command, parts.path, query, self.headers, body, port, self.path)
            )
            match said:
                case Reply():
                    self._head(said, said.body)
                case Cut():
                    self._head(said, said.body, lack=7)
                    self.close_connection = True
                case Raw():
                    self.wfile.write(said.content)
                    self.close_connection = True
                case Drip():
                    self.wfile.write(said.content)
                    while not server.over.wait(0.02):
                        self.wfile.write(b" ")
                    self.close_connection = True
                case Silence():
                    server.over.wait(30)
                    self.close_connection = True
                case Drop():
                    self.close_connection = True
                case Reset():
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                    self.close_connection = True

        def _head(self, said: Reply | Cut, body: Any, lack: int = 0) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - lack])

        do_GET = do_POST = do_PUT = do_DELETE = do_CONNECT = _any

    return Handler
