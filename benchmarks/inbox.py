"""Inbox pages and searches over HTTP, from a real service, while an import runs beside it."""

from __future__ import annotations

import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlencode

from benchmarks.messages import write_csv
from benchmarks.result import Result, Target
from benchmarks.seeding import EMAIL, PASSWORD, seeded_home
from tests.support.processes import COMMAND, Service, environment, running_service

TARGET_MS = 100
TARGET_GROWTH = 1.5
ROUNDS = 20
_IMPORTED = 200_000
"""Messages in the file that is imported meanwhile: more than it gets done."""

PAGES = (
    "/inbox/",
    "/inbox/?queue=urgent",
    "/inbox/?queue=mine",
    "/inbox/?queue=unassigned",
    "/inbox/?queue=closed",
    "/inbox/?queue=open&language=fa&complaint=yes",
)

WORDS = (
    "سفارش",  # every third message
    "سفارش ثبت نشد",
    "اينترنت",  # none
    "گوشي",  # with an Arabic letter
    "پو",  # a beginning
    "refund",
    "order lawyer",
    "customer_000123",  # one writer
    "الطلب",
    "hesabam kam shod",
)
_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')


def measure_inbox(sizes: Sequence[int]) -> Iterator[Result]:
    """Each size in turn, then how the largest compares with the smallest."""
    found: dict[int, dict[str, float]] = {}
    for size in sizes:
        found[size] = _measure(size)
        targets = {name: Target(TARGET_MS) for name in found[size] if name.endswith("p95_ms")}
        yield Result(f"inbox {size:,}", found[size], targets, {"conversations": size})
    if len(sizes) > 1:
        small, large = found[min(sizes)], found[max(sizes)]
        growth = {
            name.replace("_ms", "_growth"): large[name] / small[name]
            for name in small
            if name.endswith("p95_ms")
        }
        yield Result("inbox growth", growth, {name: Target(TARGET_GROWTH) for name in growth})


def _measure(size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="shenava-bench-") as folder:
        home = Path(folder) / "home"
        seeded_home(size, home)
        file = Path(folder) / "more.csv"
        write_csv(file, _IMPORTED, seed=2)
        with running_service(home, language="en") as service:
            reader = Reader(service)
            reader.sign_in()
            times(reader, PAGES, 2)  # warm, as a service is that has run for a minute
            times(reader, _searches(), 1)
            with _importing(home, file):
                begin, before = time.perf_counter(), _messages(home)
                pages = times(reader, PAGES, ROUNDS)
                searches = times(reader, _searches(), ROUNDS)
                imported = (_messages(home) - before) / (time.perf_counter() - begin)
            reader.close()
    return {
        "page_p50_ms": statistics.median(pages),
        "page_p95_ms": p95(pages),
        "search_p50_ms": statistics.median(searches),
        "search_p95_ms": p95(searches),
        "imported_meanwhile_per_s": imported,
    }


def _messages(home: Path) -> int:
    with closing(sqlite3.connect(home / "shenava.db")) as database:
        return int(database.execute("SELECT max(id) FROM messages").fetchone()[0])


def _searches() -> list[str]:
    return [f"/inbox/?q={quote(words)}" for words in WORDS]


def times(reader: Reader, addresses: Sequence[str], rounds: int) -> list[float]:
    """Milliseconds of each request, from its first byte sent to its last byte read."""
    times = []
    for _ in range(rounds):
        for address in addresses:
            begin = time.perf_counter()
            status, _body = reader.get(address)
            times.append((time.perf_counter() - begin) * 1000)
            if status != 200:
                raise RuntimeError(f"{address} answered {status}")
    return times


def p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


@contextmanager
def _importing(home: Path, file: Path) -> Iterator[None]:
    """An import in another process, from before the block to after it."""
    process = subprocess.Popen(
        [*COMMAND, "import", str(file), "--platform", "x", "--progress"],
        env=environment(home),
        cwd=home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        while b"new" not in process.stderr.read(200):  # the bar tells of the first batch
            if process.poll() is not None:
                raise RuntimeError("the import did not start")
        yield
        if process.poll() is not None:
            raise RuntimeError("the import ended before the measurement; make it larger")
    finally:
        process.kill()
        process.communicate()


class Reader:
    """A person with a browser that keeps its connection and its cookie."""

    def __init__(self, service: Service) -> None:
        self._connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
        self._cookie = ""

    def sign_in(self) -> None:
        token = _CSRF.search(self.get("/sign-in")[1].decode())
        assert token is not None
        form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token[1]}
        body = urlencode(form).encode()
        status, _ = self._ask("POST", "/sign-in", body)
        if status not in (302, 303):
            raise RuntimeError(f"signing in answered {status}")

    def get(self, address: str) -> tuple[int, bytes]:
        return self._ask("GET", address, None)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, address: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Referer"] = f"http://127.0.0.1:{self._connection.port}/sign-in"
        self._connection.request(method, address, body, headers)
        answer: HTTPResponse = self._connection.getresponse()
        text = answer.read()
        for value in answer.headers.get_all("Set-Cookie") or ():
            self._cookie = value.partition(";")[0]
        return answer.status, text
