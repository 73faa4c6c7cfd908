"""Pages of customers over HTTP, from a real service: lists, searches, one of them, two of them."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from urllib.parse import quote

from sqlalchemy import select

from benchmarks.inbox import TARGET_MS, Reader, p95, times
from benchmarks.result import Result, Target
from benchmarks.seeding import seeded_home
from config import Settings
from responder import customer_notes, merging, people
from responder.policy import policy_of
from shenava.store import Identity, Store, User
from tests.support.processes import running_service

ROUNDS = 20
_MARKED = 300
"""Customers of each kind that staff have marked, merged, blocked."""

_LISTS = ("", "?show=open", "?show=vip", "?show=channels", "?show=blocked", "?show=opted_out")
_WORDS = (
    "customer",  # everyone
    "customer_000123",
    "علي",
    "رضا",
    "zzz",
    "c",
)


def measure_customers(size: int) -> Iterator[Result]:
    """Lists, searches, pages of one and of two, at ``size`` identities."""
    with tempfile.TemporaryDirectory(prefix="shenava-bench-") as folder:
        home = Path(folder) / "home"
        seeded_home(size, home)
        ones = _work(home)
        with running_service(home, language="en") as service:
            reader = Reader(service)
            reader.sign_in()
            groups = {
                "list": [f"/customers/{one}" for one in _LISTS],
                "search": [f"/customers/?q={quote(words)}" for words in _WORDS],
                "one": [f"/customers/{one}" for one in ones],
                "compare": [f"/customers/{ones[0]}/merge/{one}" for one in ones[-10:]],
            }
            values: dict[str, float] = {}
            for name, addresses in groups.items():
                times(reader, addresses, 1)  # warm, as a service is that has run for a minute
                for address in addresses if name != "one" and name != "compare" else ():
                    found = times(reader, [address], ROUNDS)
                    values[f"{address} p95_ms"] = p95(found)
                found = times(reader, addresses, ROUNDS)
                values[f"{name}_p50_ms"] = statistics.median(found)
                values[f"{name}_p95_ms"] = p95(found)
            reader.close()
    targets = {name: Target(TARGET_MS) for name in values if name.endswith("p95_ms")}
    yield Result(f"customers {size:,}", values, targets, {"identities": size})


def _work(home: Path) -> Sequence[int]:
    """What staff have done by now; returns some customers to look at."""
    store = Store(f"sqlite:///{home / 'shenava.db'}")
    policy, now, dice = policy_of(Settings()), store.clock.now(), Random(7)
    with store.read() as session:
        ids = list(session.scalars(select(Identity.id)))
        actor = session.scalars(select(User.id)).first() or 0
    some = dice.sample(ids, _MARKED * 5)
    pairs = list(zip(some[:_MARKED], some[_MARKED : 2 * _MARKED], strict=True))
    with store.write() as session:
        for one, other in pairs:
            merging.merge(session, actor, [one], [other], now, policy)
            customer_notes.write_note(session, actor, one, now, "a note")
        for one in some[2 * _MARKED : 3 * _MARKED]:
            people.set_vip(session, actor, one, now, policy, on=True)
        for one in some[3 * _MARKED : 4 * _MARKED]:
            people.set_blocked(session, actor, one, now, policy, on=True)
        for one in some[4 * _MARKED :]:
            people.set_opted_out(session, actor, one, now, policy, on=True)
    store.close()
    return [one for one, _ in pairs[:20]] + some[2 * _MARKED : 2 * _MARKED + 20]
