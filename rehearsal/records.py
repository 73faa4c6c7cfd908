"""Records of a simulated platform: what stands there, and the lines of its ledger.

Plain records that go into the state file as JSON and come back the same. All ids are strings;
all times aware, in UTC.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

Json = dict[str, Any]


class Record:
    """Turns a flat dataclass into JSON and back; the few rich types are told by their look."""

    def to_json(self) -> Json:
        out: Json = {}
        for one in fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if isinstance(value, datetime):
                value = {"at": value.isoformat()}
            elif isinstance(value, bytes):
                value = {"b64": base64.b64encode(value).decode("ascii")}
            elif isinstance(value, tuple):
                value = list(value)
            out[one.name] = value
        return out

    @classmethod
    def from_json(cls, data: Json) -> Self:
        arguments: Json = {}
        for name, value in data.items():
            if isinstance(value, dict) and set(value) == {"at"}:
                arguments[name] = datetime.fromisoformat(value["at"]).astimezone(UTC)
            elif isinstance(value, dict) and set(value) == {"b64"}:
                arguments[name] = base64.b64decode(value["b64"])
            elif isinstance(value, list):
                arguments[name] = tuple(value)
            else:
                arguments[name] = value
        return cls(**arguments)


@dataclass(slots=True)
class Accepted(Record):
    """One line of the ledger: something that the platform took in through its interface.

    ``deed`` is a word of the platform's (``post``, ``dm``, ``hide``, …); ``target`` what was
    answered or hidden, or the person a private message went to. ``client_key`` is what the client
    sent as ``Idempotency-Key``, if anything: the platforms ignore it, a test may count by it.
    ``answer`` says what became of the response: ``whole``, ``cut``, ``silence``, ``reset``,
    ``bad_json``, ``lost_500``, ``gone``.
    """

    number: int
    at: datetime
    deed: str
    user_id: str
    result_id: str
    text: str = ""
    target: str = ""
    client_key: str = ""
    answer: str = "whole"
