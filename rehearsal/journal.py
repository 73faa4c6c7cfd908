"""How a simulated platform keeps its state: in memory behind one lock, and in a journal.

With a journal every change is a line in a file before the call returns, so that not even killing
the simulator takes back what it accepted; the journal is read when the world is made, and a last
line that was cut short is left out.
"""

from __future__ import annotations

import json
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, ClassVar, TypeVar

from rehearsal.records import Accepted, Json, Record
from shenava.clock import Clock, SystemClock

_R = TypeVar("_R", bound=Record)


class Kept(ABC):
    """The state of one platform. Methods may be called from any thread."""

    KINDS: ClassVar[Mapping[str, type[Record]]]
    """The platform's records by the word that stands in the journal; ``accepted`` is known."""

    COUNTED: ClassVar[frozenset[str]] = frozenset({"post", "dm"})
    """Deeds of the ledger that must not be done twice."""

    def __init__(self, clock: Clock | None = None, journal: Path | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.lock = threading.RLock()
        self.version = 0
        """Grows with every change."""
        self.ledger: list[Accepted] = []
        self.notes: dict[str, Json] = {}
        self._journal: IO[str] | None = None
        self._path = journal
        self._clear()
        if journal is not None:
            if journal.exists():
                self._load(journal)
            journal.parent.mkdir(parents=True, exist_ok=True)
            self.save(journal)
            self._journal = _open_private(journal, "a")

    # --- what each platform says of its records -----------------------------------------------

    @abstractmethod
    def _clear(self) -> None:
        """Empty all tables; calls that of this class."""
        self.ledger.clear()
        self.notes = {}

    @abstractmethod
    def _tables(self) -> Iterator[tuple[str, Mapping[str, Record]]]:
        """The tables to be saved, with the word for their records."""

    @abstractmethod
    def _index(self, kind: str, key: str, record: Record) -> None:
        """Put a record into its table and whatever finds it."""

    # --- the ledger ---------------------------------------------------------------------------

    def accept(self, deed: str, user_id: str, result_id: str, **more: str) -> Accepted:
        """Write down that the interface took something in."""
        with self.lock:
            number = len(self.ledger) + 1
            line = Accepted(number, self.clock.now(), deed, user_id, result_id, **more)
            return self._put("accepted", str(number), line)

    def answered(self, number: int, how: str) -> None:
        """Write down what became of the answer to line ``number`` of the ledger."""
        with self.lock:
            line = self.ledger[number - 1]
            line.answer = how
            self._put("accepted", str(number), line)

    def doubles(self) -> list[list[Accepted]]:
        """What was taken in more than once: the same words of the same account to the same
        place, or the same client key."""
        groups: dict[tuple[str, ...], list[Accepted]] = {}
        for line in self.ledger:
            if line.deed not in self.COUNTED:
                continue
            groups.setdefault((line.deed, line.user_id, line.target, line.text), []).append(line)
            if line.client_key:
                groups.setdefault((line.user_id, line.client_key), []).append(line)
        return [lines for lines in groups.values() if len(lines) > 1]

    # --- keeping ------------------------------------------------------------------------------

    def note(self, key: str, value: Json) -> None:
        """Remember something for a part that has no record of its own (tokens, stories)."""
        with self.lock:
            self.notes[key] = value
            self._line("note", key, value)

    def forget(self) -> None:
        """Empty everything: a new, bare platform. The journal begins anew."""
        with self.lock:
            self._clear()
            self.version += 1
            if self._journal is not None and self._path is not None:
                self._journal.close()
                self._journal = _open_private(self._path, "w")

    def save(self, path: Path) -> None:
        """Write the whole state to ``path``, at once or not at all."""
        with self.lock:
            fresh = path.with_suffix(".new")
            with _open_private(fresh, "w") as out:
                for kind, key, value in self._everything():
                    out.write(_as_line(kind, key, value))
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(path)
            if self._journal is not None and path == self._path:
                self._journal.close()
                self._journal = _open_private(path, "a")

    def close(self) -> None:
        with self.lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    def _everything(self) -> Iterator[tuple[str, str, Json]]:
        for kind, table in self._tables():
            for key, record in table.items():
                yield kind, key, record.to_json()
        for line in self.ledger:
            yield "accepted", str(line.number), line.to_json()
        for key, value in self.notes.items():
            yield "note", key, value

    def _load(self, path: Path) -> None:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break
                found = json.loads(line)
                kind, key, value = found["kind"], found["key"], found["value"]
                if kind == "note":
                    self.notes[key] = value
                elif kind == "accepted":
                    self._enter(Accepted.from_json(value))
                else:
                    self._index(kind, key, self.KINDS[kind].from_json(value))

    def _put(self, kind: str, key: str, record: _R) -> _R:
        """A record is new or has changed: index it, and write it down."""
        if isinstance(record, Accepted):
            self._enter(record)
        else:
            self._index(kind, key, record)
        self._line(kind, key, record.to_json())
        return record

    def _enter(self, line: Accepted) -> None:
        if line.number > len(self.ledger):
            self.ledger.append(line)
        else:
            self.ledger[line.number - 1] = line

    def _line(self, kind: str, key: str, value: Json) -> None:
        self.version += 1
        if self._journal is not None:
            self._journal.write(_as_line(kind, key, value))
            self._journal.flush()


def _open_private(path: Path, mode: str) -> IO[str]:
    """Open to write, for its owner only: keys of the pretended app stand in there."""
    how = os.O_APPEND if mode == "a" else os.O_TRUNC
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600), mode, encoding="utf-8")


def _as_line(kind: str, key: str, value: Json) -> str:
    line = {"kind": kind, "key": key, "value": value}
    return json.dumps(line, ensure_ascii=False) + "\n"
