"""The web server: waitress on sockets of our own, with an end that lets answers finish.

The sockets are opened before anything slow is loaded, so that a port in use is said at once and
whoever asks during the start waits a moment instead of being refused.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any

from service.errors import Halt

_BACKLOG = 256
_POLL_S = 0.25
_GRACE_S = 5.0
_LARGEST_REQUEST = 16 * 1024 * 1024

SLOWEST_S = 60.0
"""So long may a request take to come in whole. Waitress shows out who is silent; who drips a letter
now and then would keep a connection for ever, and there are a hundred of them."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket for each address that ``host`` stands for.

    Raises :class:`Halt` when the port is in use, not allowed, or the host is not of this machine.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError):
        raise Halt(
            f"The setting host (SHENAVA_HOST) {host!r} is no address of this machine."
        ) from None
    sockets: list[socket.socket] = []
    refused: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            sockets.append(_open(family, kind, protocol, address))
        except OSError as error:
            # A name may stand for an IPv6 address on a machine without IPv6.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                refused = error
                continue
            for opened in sockets:
                opened.close()
            raise Halt(_refusal(host, port, error)) from None
    if not sockets:
        assert refused is not None
        raise Halt(_refusal(host, port, refused))
    return sockets


def _open(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use by another program; stop it, or choose another "
            "port with SHENAVA_PORT."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Port {port} may not be opened by this user; choose one above 1023 with SHENAVA_PORT."
        )
    return f"The setting host (SHENAVA_HOST) {host!r} is no address of this machine."


class WebServer:
    """Answers HTTP with ``application`` (WSGI) on ``sockets``, with ``threads`` threads."""

    def __init__(self, application: Any, sockets: list[socket.socket], threads: int) -> None:
        from waitress import create_server

        self._map: dict[int, Any] = {}
        create_server(
            application,
            map=self._map,
            sockets=sockets,
            threads=threads,
            backlog=_BACKLOG,
            ident=None,
            max_request_body_size=_LARGEST_REQUEST,
            # The dashboard decides which proxies' headers are believed (trusted_proxies).
            clear_untrusted_proxy_headers=False,
        )
        servers = [found for found in self._map.values() if hasattr(found, "task_dispatcher")]
        self._servers = servers
        self._workers = servers[0].task_dispatcher
        self._incoming: dict[Any, tuple[Any, float]] = {}

    def serve(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set; then take no more, finish what is being answered (for at
        most five seconds) and close. Runs in the thread that calls it."""
        while not stop.is_set():
            self._turn()
        self._refuse_more()
        until = time.monotonic() + _GRACE_S
        while self._is_answering() and time.monotonic() < until:
            self._turn()
        self._workers.shutdown(timeout=1)
        for part in list(self._map.values()):
            part.close()

    def _turn(self) -> None:
        from waitress import wasyncore

        wasyncore.loop(timeout=_POLL_S, use_poll=True, map=self._map, count=1)
        self._show_out_the_slow(time.monotonic())

    def _show_out_the_slow(self, now: float) -> None:
        """Close connections on which one request has been coming in for too long."""
        before, self._incoming = self._incoming, {}
        for server in self._servers:
            for channel in list(server.active_channels.values()):
                request = channel.request
                if request is None:
                    continue
                known, since = before.get(channel, (None, now))
                if known is not request:
                    since = now
                self._incoming[channel] = (request, since)
                if now - since > SLOWEST_S:
                    channel.handle_close()

    def _refuse_more(self) -> None:
        from waitress import wasyncore

        for server in self._servers:
            # Not server.close(): that would also close the pipe by which answers are flushed.
            server.accepting = False
            wasyncore.dispatcher.close(server)

    def _is_answering(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len
            for server in self._servers
            for channel in list(server.active_channels.values())
        )
