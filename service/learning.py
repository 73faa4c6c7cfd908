"""Learning from the shop, as the schedule and the command line call it; and its use in verdicts."""

from __future__ import annotations

import csv
import logging
import threading
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from responder import learning
from responder.learning import Lessons
from sentiment.lessons import Lesson, Taught, teach
from sentiment.shop import Layer, LayerError
from service.errors import Halt
from shenava.messages import Intent, Sentiment, Verdict
from shenava.store import Store

if TYPE_CHECKING:
    from sentiment.classifier import Classifier
    from sentiment.other import OtherModel

log = logging.getLogger(__name__)


class ShopJudge:
    """The model with what the shop has taught: the version in use is looked up for each batch, so
    that a switch holds from the next message on, whichever process judges it."""

    def __init__(self, store: Store, classifier: Classifier | OtherModel) -> None:
        self._store = store
        self._plain = classifier
        self._lock = threading.Lock()
        self._version: int | None = None
        self._in_force: Classifier | OtherModel = classifier

    @property
    def name(self) -> str:
        """The model and the version in use."""
        return self._now().name

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        """One verdict for each text, in their order."""
        return self._now().classify(texts)

    def _now(self) -> Classifier | OtherModel:
        with self._store.read() as session:
            found = learning.in_use(session)
            version = found[0] if found and found[1] == self._plain.base else None
            with self._lock:
                if version == self._version:
                    return self._in_force
            kept = learning.weights_of(session, version) if version is not None else None
        made = self._plain
        if version is not None and kept is not None:
            try:
                made = self._plain.taught(Layer.from_bytes(kept), version)
            except (LayerError, ValueError) as error:
                log.error("what was learned (%d) cannot be used: %s", version, error)
        with self._lock:
            self._version, self._in_force = version, made
        return made


class Teacher:
    """What learns. Any number of processes may have one on the same database."""

    def __init__(self, store: Store, classifier: Classifier, every: int) -> None:
        self._store = store
        self._classifier = classifier
        self._every = every

    def tick(self) -> int | None:
        """Learn if that is due; returns the number of the version made."""
        return self._learn(asked=False)

    def learn_now(self, actor: int | None = None) -> int | None:
        """Learn at once. ``None`` when somebody is at it, or what was learned from went away
        meanwhile."""
        return self._learn(asked=True, actor=actor)

    def _learn(self, *, asked: bool, actor: int | None = None) -> int | None:
        base = self._classifier.base
        with self._store.write() as session:
            claimed = learning.claim(
                session, self._store.clock.now(), base=base, every=self._every, asked=asked
            )
        if claimed is None:
            return None
        try:
            found, taught = self._taught()
        except BaseException:
            with self._store.write() as session:
                learning.give_up(session, claimed, self._store.clock.now())
            raise
        with self._store.write() as session:
            made = learning.write_version(
                session, claimed, found, taught, self._store.clock.now(), base=base, actor=actor
            )
        if made is not None:
            log.info(
                "learned version %d from %d corrections and %d labelled texts; better in: %s",
                made,
                found.corrected,
                found.labelled,
                ", ".join(taught.parts) or "nothing",
            )
        return made

    def _taught(self) -> tuple[Lessons, Taught]:
        with self._store.read() as session:
            found = learning.gather(session)
        return found, teach(self._classifier, found.lessons)


MOST_ERRORS = 20

_YES = frozenset({"yes", "true", "1", "y"})
_NO = frozenset({"no", "false", "0", "n"})
_FIELDS = ("text", "sentiment", "complaint", "urgent", "intents")


def read_labelled(file: Path) -> list[Lesson]:
    """The rows of a CSV file of labelled messages, in UTF-8: ``text``, and any of ``sentiment``
    (negative, neutral, positive), ``complaint`` and ``urgent`` (yes, no), ``intents`` (names with
    spaces or ``;`` between, ``none`` for none). An empty cell tells nothing. Raises
    :class:`Halt`, naming each line that cannot be used, when there is one."""
    try:
        body = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Halt(f"The file {file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Halt(f"The file {file} is not UTF-8. Save it again as CSV UTF-8.") from None
    reader = csv.DictReader(StringIO(body, newline=""), strict=True)
    wrong: list[str] = []
    lessons: list[Lesson] = []
    try:
        names = reader.fieldnames or []
        unknown = [name for name in names if name not in _FIELDS]
        if "text" not in names or len(names) < 2 or unknown:
            raise Halt(
                f"The first line of {file} must name its columns: text, and at least one of "
                f"sentiment, complaint, urgent, intents; found: {', '.join(names) or 'nothing'}."
            )
        for row in reader:
            try:
                lessons.append(_lesson(row))
            except ValueError as error:
                wrong.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        wrong.append(f"line {reader.line_num}: {error}")
    if wrong:
        more = len(wrong) - MOST_ERRORS
        tail = [f"… and {more:,} more"] if more > 0 else []
        raise Halt(
            "Nothing was taken in. These lines cannot be used:\n  "
            + "\n  ".join([*wrong[:MOST_ERRORS], *tail])
        )
    if not lessons:
        raise Halt(f"The file {file} has no rows. Nothing was taken in.")
    return lessons


def _lesson(row: dict[str, str | None]) -> Lesson:
    if None in row:
        raise ValueError("more cells than columns")
    cells = {name: (value or "").strip() for name, value in row.items()}
    if not cells["text"]:
        raise ValueError("no text")
    sentiment = cells.get("sentiment", "").lower()
    if sentiment and sentiment not in set(Sentiment):
        raise ValueError(f"sentiment is {sentiment!r}; write negative, neutral or positive")
    lesson = Lesson(
        cells["text"],
        Sentiment(sentiment) if sentiment else None,
        _yes_or_no(cells, "complaint"),
        _yes_or_no(cells, "urgent"),
        _intents(cells.get("intents", "").lower()),
    )
    labels = (lesson.sentiment, lesson.complaint, lesson.urgent, lesson.intents)
    if all(label is None for label in labels):
        raise ValueError("no label")
    return lesson


def _yes_or_no(cells: dict[str, str], name: str) -> bool | None:
    value = cells.get(name, "").lower()
    if not value:
        return None
    if value in _YES:
        return True
    if value in _NO:
        return False
    raise ValueError(f"{name} is {value!r}; write yes or no")


def _intents(value: str) -> frozenset[Intent] | None:
    if not value:
        return None
    names = value.replace(";", " ").replace(",", " ").split()
    if names == ["none"]:
        return frozenset()
    known = set(Intent)
    for name in names:
        if name not in known:
            raise ValueError(f"there is no intent {name!r}; there are: {', '.join(sorted(known))}")
    return frozenset(Intent(name) for name in names)
