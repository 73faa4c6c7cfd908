"""The wire: an HTTP/1.1 server that can fail the way networks do.

It runs the WSGI application in one thread a connection, and carries out the faults of
``rehearsal.faults`` on the socket itself: a real TCP reset, half a body, silence.
"""

from __future__ import annotations

import io
import os
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask
from werkzeug.wrappers import Response

from rehearsal.faults import Fault, Faults, Wire, is_before
from rehearsal.journal import Kept

MOST_BYTES = 16 * 1024 * 1024
"""Largest body of a request."""

_HOW = {
    Wire.RESET_AFTER: "reset",
    Wire.SILENCE_AFTER: "silence",
    Wire.CUT_BODY: "cut",
    Wire.BAD_JSON: "bad_json",
    Wire.LOST_500: "lost_500",
}

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Asked:
    """One request as it came in, for tests to look at (no secrets). ``fault`` names what was
    done to it; ``status`` is 0 where no status went out."""

    at: datetime
    method: str
    path: str
    query: str
    body: str
    endpoint: str = ""
    status: int = 0
    fault: str = ""


class Platform(Protocol):
    """What the wire has to know of a simulated platform."""

    @property
    def world(self) -> Kept: ...

    @property
    def faults(self) -> Faults: ...

    @property
    def requests(self) -> deque[Asked]:
        """What was asked of the interface, newest last."""

    asked_at: float
    """When the last request of any kind came in, on the monotonic clock."""

    def endpoint_of(self, method: str, path: str) -> str | None:
        """Name of the door of the interface; ``None`` for what is not of it (page, control)."""

    def refuse(self, fault: Fault | None) -> tuple[int, Headers, bytes]:
        """Status, headers and body of a refusal of the platform's own; ``None``: of its 500."""

    def seen(self, text: str) -> str:
        """A query or a body, as it may be kept: without secrets."""


class WireServer(ThreadingMixIn, HTTPServer):
    """Serves one simulated platform. ``stop`` ends it, open connections and silences included."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: Flask, sim: Platform) -> None:
        self.app, self.sim = app, sim
        self._open: set[socket.socket] = set()
        self._serving: set[threading.Thread] = set()
        self._guard = threading.Lock()
        self._stopping = False
        self.wake_read, self._wake_write = socket.socketpair()
        try:
            super().__init__(address, _Handler)
        except OSError:
            self._close_wakers()
            raise

    @property
    def base_url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        thread = threading.current_thread()
        with self._guard:
            self._serving.add(thread)
            self._open.add(request)
            stopping = self._stopping
        try:
            if not stopping:
                super().process_request_thread(request, client_address)
            else:
                self.shutdown_request(request)
        finally:
            with self._guard:
                self._serving.discard(thread)
                self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error here; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """After ``serve_forever`` was shut down: close every connection and wait for all."""
        with self._guard:
            self._stopping = True
            threads, connections = list(self._serving), list(self._open)
        self._wake_write.send(b"!")
        for one in connections:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in threads:
            thread.join(timeout=10)
        self.server_close()
        self._close_wakers()

    def _close_wakers(self) -> None:
        self.wake_read.close()
        self._wake_write.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WireServer

    def log_message(self, format: str, *args: object) -> None:
        """Requests are kept in ``Platform.requests``; nothing is printed."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    # --- one request --------------------------------------------------------------------------

    def _handle(self) -> None:
        """1. read the request; 2. fail before; 3. carry it out; 4. answer, or fail after."""
        sim = self.server.sim
        sim.asked_at = time.monotonic()
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self._send(411, [], b"")
            return
        if int(length) > MOST_BYTES:
            self.close_connection = True
            self._send(413, [], b"")
            return
        body = self.rfile.read(int(length))
        split = urlsplit(self.path)
        name = sim.endpoint_of(self.command, split.path)
        asked = Asked(
            sim.world.clock.now(),
            self.command,
            split.path,
            sim.seen(split.query),
            sim.seen(_legible(body)),
            name or "",
        )
        fault = None
        if name is not None:
            sim.requests.append(asked)
            fault = sim.faults.take(name)
        if fault is not None:
            asked.fault = str(fault.kind)
        if fault is not None and is_before(fault.kind):
            asked.status = self._fail_before(fault)
            return
        answer, line = self._carry_out(body)
        asked.status = answer.status_code
        headers = [(key, value) for key, value in answer.headers if key != "Content-Length"]
        payload = answer.get_data()
        if fault is None:
            with self._noting(line):
                self._send(answer.status_code, headers, payload)
            return
        if line is not None and fault.kind in _HOW:
            sim.world.answered(line, _HOW[Wire(fault.kind)])
        self._fail_after(fault, answer.status_code, headers, payload)

    @contextmanager
    def _noting(self, line: int | None) -> Iterator[None]:
        """Notes in the ledger when the client is gone before its answer could be written."""
        try:
            yield
        except OSError:
            if line is not None:
                self.server.sim.world.answered(line, "gone")
            raise

    def _carry_out(self, body: bytes) -> tuple[Response, int | None]:
        environ = self._environ(body)
        answer = Response.from_app(self.server.app, environ, buffered=True)
        return answer, environ["rehearsal.noted"].get("line")

    def _environ(self, body: bytes) -> dict[str, Any]:
        split = urlsplit(self.path)
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": _unquoted(split.path),
            "QUERY_STRING": split.query,
            "REQUEST_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "rehearsal.noted": {},  # what the application has to tell the wire
        }
        for key, value in self.headers.items():
            name = key.upper().replace("-", "_")
            if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                environ[f"HTTP_{name}"] = value
        return environ

    # --- failing ------------------------------------------------------------------------------

    def _fail_before(self, fault: Fault) -> int:
        """Carry out a fault of the first kind; the status that went out, or 0."""
        if fault.kind == Wire.RESET_BEFORE:
            self._reset()
            return 0
        if fault.kind == Wire.SILENCE_BEFORE:
            self._silence(fault.seconds)
            return 0
        status, headers, body = self.server.sim.refuse(fault)
        self._send(status, headers, body)
        return status

    def _fail_after(self, fault: Fault, status: int, headers: Headers, payload: bytes) -> None:
        if fault.kind == Wire.RESET_AFTER:
            self._reset()
        elif fault.kind == Wire.SILENCE_AFTER:
            self._silence(fault.seconds)
        elif fault.kind == Wire.CUT_BODY:
            self.close_connection = True
            self._send(status, headers, payload[: len(payload) // 2], length=len(payload))
        elif fault.kind == Wire.BAD_JSON:
            self._send(status, headers, payload[:-1] + b",,")
        elif fault.kind == Wire.LOST_500:
            self._send(*self.server.sim.refuse(None))
        else:
            self._wait(fault.seconds)
            self._send(status, headers, payload)

    def _reset(self) -> None:
        """A real RST: close with nothing lingering, so that the peer reads ``ECONNRESET``."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _silence(self, seconds: float) -> None:
        self.close_connection = True
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        """Until the time is over, the client hangs up, or the server stops."""
        select.select([self.connection, self.server.wake_read], [], [], seconds)

    def _send(
        self, status: int, headers: Headers, payload: bytes, *, length: int | None = None
    ) -> None:
        """Head and body in one write. ``length``: what the head claims the body to have."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines.append(f"Date: {self.date_time_string()}")
        lines += [f"{key}: {value}" for key, value in headers]
        lines.append(f"Content-Length: {len(payload) if length is None else length}")
        if self.close_connection:
            lines.append("Connection: close")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + payload)


def _unquoted(path: str) -> str:
    """The path as WSGI wants it: unquoted bytes, read as Latin-1 (PEP 3333)."""
    return unquote_to_bytes(path).decode("latin-1")


def _legible(body: bytes) -> str:
    """A body for the log of requests: text as it is, a picture as its length."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return f"{len(body)} bytes"
    return text if len(text) <= 40_000 else f"{len(body)} bytes"
