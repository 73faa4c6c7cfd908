"""Shenava as its operators have it: real processes on loopback, each on a data folder."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-c", "from service.cli import main; main()"]
START_S = 90.0
"""Far more than a start takes, for machines that are busy with other things."""


def wait_until(holds: Callable[[], object], seconds: float = 30.0, what: str = "") -> None:
    """Wait for a condition; ``AssertionError`` when it does not hold within ``seconds``."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {what or holds}"
        time.sleep(0.02)


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def environment(home: Path, **settings: object) -> dict[str, str]:
    """The environment of a process whose data folder is ``home``, with ``settings`` by name."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHENAVA_")}
    given = {f"SHENAVA_{name.upper()}": str(value) for name, value in settings.items()}
    return {**plain, "PYTHONPATH": str(ROOT), "SHENAVA_HOME": str(home), **given}


def shenava(
    home: Path, *words: object, given: str = "", **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        env=environment(home, **settings),
        cwd=home.parent,
        input=given,
        text=True,
        encoding="utf-8",
        capture_output=True,
        timeout=START_S,
        check=False,
    )


@dataclass(slots=True)
class Service:
    """A ``shenava run`` that answers. ``out`` and ``err`` are what it has said so far."""

    process: subprocess.Popen[str]
    port: int
    out: list[str]
    err: list[str]

    @property
    def link(self) -> str:
        """The address of the first admin's page, as printed."""
        return next(word for line in self.out for word in line.split() if "/link/" in word)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one page; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def health(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/healthz")[1]))

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20.0) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def running_service(home: Path, *words: str, **settings: object) -> Iterator[Service]:
    """``shenava run`` on a free port, until the block ends; killed if it still runs then."""
    port = int(str(settings.pop("port", 0))) or free_port()
    process = subprocess.Popen(
        [*COMMAND, "run", *words],
        env=environment(home, port=port, **settings),
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    service = Service(process, port, [], [])
    readers = [
        threading.Thread(target=_read, args=(process.stdout, service.out)),
        threading.Thread(target=_read, args=(process.stderr, service.err)),
    ]
    for reader in readers:
        reader.start()
    try:
        wait_until(lambda: process.poll() is not None or _has_greeted(service), START_S, "start")
        assert process.poll() is None, "".join(service.err)
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for reader in readers:
            reader.join()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def _has_greeted(service: Service) -> bool:
    return any("Ctrl-C" in line for line in service.out)


def _read(stream: Any, lines: list[str]) -> None:
    for line in stream:
        lines.append(line)
