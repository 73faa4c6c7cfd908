"""What goes wrong on demand: which requests, how often, and how.

A fault is about the wire, not about the state: it decides before the request is looked at, or
after it was carried out, what the client gets to see. ``Faults.take`` is asked once a request.
"""

from __future__ import annotations

import random
import threading
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Wire(StrEnum):
    """The ways in which any network fails; each platform has ways of its own beside them.
    *Before*: nothing was carried out. *After*: it was, and the ledger has it, but the client does
    not get the whole answer."""

    RESET_BEFORE = "reset_before"
    """Before: TCP reset."""
    SILENCE_BEFORE = "silence_before"
    """Before: no answer for ``seconds``, then the connection is closed."""
    RESET_AFTER = "reset_after"
    """After: TCP reset in place of an answer."""
    SILENCE_AFTER = "silence_after"
    """After: no answer for ``seconds``, then the connection is closed. Accepted, but unanswered."""
    CUT_BODY = "cut_body"
    """After: headers and half of the body, then the connection is closed."""
    BAD_JSON = "bad_json"
    """After: a whole answer that is not JSON."""
    LOST_500 = "lost_500"
    """After: 500, although it was carried out."""
    SLOW = "slow"
    """After: the right answer, ``seconds`` late."""


_AFTER = frozenset(Wire) - {Wire.RESET_BEFORE, Wire.SILENCE_BEFORE}


def is_before(kind: str) -> bool:
    """Whether a fault of this kind keeps the request from being carried out."""
    return kind not in _AFTER


@dataclass(slots=True)
class Fault:
    """One order to fail.

    ``endpoint`` is as in the limits of the platform (``"POST /2/tweets"``), a method alone
    (``"POST"``), or ``"*"`` for all of the interface. ``times``: how many requests, ``None`` for
    all until it is taken away; ``skip``: how many to let pass first; ``probability`` and ``seed``
    draw which of the rest. ``seconds``: see the kinds.
    """

    kind: StrEnum
    endpoint: str = "*"
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float = 900.0
    number: int = 0
    hits: int = 0

    def concerns(self, endpoint: str) -> bool:
        return self.endpoint in ("*", endpoint, endpoint.partition(" ")[0])


class Faults:
    """The orders that stand, in the order they were given; the first that fits is taken."""

    def __init__(self, kinds: type[StrEnum]) -> None:
        """``kinds``: the platform's ways to fail, those of :class:`Wire` among them."""
        self._kinds = kinds
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._draws: dict[int, random.Random] = {}
        self._count = 0

    def add(self, kind: str, endpoint: str = "*", **more: Any) -> Fault:
        """Give an order. Raises ``ValueError`` for a kind that there is not."""
        with self._lock:
            self._count += 1
            fault = Fault(self._kinds(kind), endpoint, number=self._count, **more)
            self._faults.append(fault)
            self._draws[fault.number] = random.Random(fault.seed)  # noqa: S311 - a repeatable draw
            return fault

    def remove(self, number: int) -> None:
        with self._lock:
            self._faults = [one for one in self._faults if one.number != number]

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def standing(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(one) for one in self._faults]

    def take(self, endpoint: str) -> Fault | None:
        """The fault for this request, if any; counts it."""
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(endpoint):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if self._draws[fault.number].random() >= fault.probability:
                    continue
                fault.hits += 1
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
            return None
