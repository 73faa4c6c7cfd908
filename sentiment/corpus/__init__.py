"""The project's own labelled messages, and which of them are held out.

Rows are JSON objects, one a line, in the ``.jsonl`` files of this folder; ``GUIDE.md`` says what
the labels mean. ``languages.jsonl`` holds short texts with a language only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shenava.messages import Intent, Language, Script, Sentiment
from shenava.text import normalise

FOLDER = Path(__file__).parent
LANGUAGE_FILE = "languages.jsonl"


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One labelled message; see ``GUIDE.md``. ``dialect`` and ``channel`` may be empty."""

    id: str
    text: str
    language: Language
    script: Script
    sentiment: Sentiment
    complaint: bool
    urgent: bool
    intents: frozenset[Intent]
    channel: str
    dialect: str

    @property
    def group(self) -> str:
        """The language as figures are broken down by it, such as ``fa`` or ``fa-latin``."""
        return str(self.language) + ("-latin" if self.script is Script.LATIN else "")


def is_held_out(text: str) -> bool:
    """True for the fifth of texts (51 of 256) that is for testing only.

    The first byte of the SHA-256 of the normalised text decides, so that a text keeps its side
    when rows are added, moved, or typed on another keyboard.
    """
    return hashlib.sha256(normalise(text).encode()).digest()[0] < 51


def fold_of(text: str, folds: int) -> int:
    """Which of ``folds`` parts a training text belongs to, by another byte of the same hash."""
    return hashlib.sha256(normalise(text).encode()).digest()[1] % folds


def _row(raw: dict[str, object]) -> CorpusRow:
    intents = raw["intents"]
    if not isinstance(intents, list):
        raise ValueError("intents must be a list")
    for key in ("complaint", "urgent"):
        if not isinstance(raw[key], bool):
            raise ValueError(f"{key} must be true or false")
    if not intents or (Intent.OTHER in intents and len(intents) > 1):
        raise ValueError("at least one intent, and 'other' beside none")
    if raw["complaint"] and raw["sentiment"] != Sentiment.NEGATIVE:
        raise ValueError("every complaint is negative")
    return CorpusRow(
        id=str(raw["id"]),
        text=str(raw["text"]),
        language=Language(str(raw["lang"])),
        script=Script(str(raw["script"])),
        sentiment=Sentiment(str(raw["sentiment"])),
        complaint=raw["complaint"] is True,
        urgent=raw["urgent"] is True,
        intents=frozenset(Intent(i) for i in intents),
        channel=str(raw.get("channel") or ""),
        dialect=str(raw.get("dialect") or ""),
    )


def read_rows(folder: Path = FOLDER) -> Iterator[CorpusRow]:
    """Yield every labelled message of ``folder``, file by file.

    Raises ``ValueError`` that names file and line when a row does not fit the guide.
    """
    for file in sorted(folder.glob("*.jsonl")):
        if file.name == LANGUAGE_FILE:
            continue
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield _row(json.loads(line))
                except (ValueError, KeyError) as error:
                    raise ValueError(f"{file.name}, line {number}: {error!r}") from error


def read_languages(folder: Path = FOLDER) -> list[tuple[str, Language, Script]]:
    """The short texts that are labelled with language and script only."""
    rows = []
    with (folder / LANGUAGE_FILE).open(encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            rows.append((str(raw["text"]), Language(raw["lang"]), Script(raw["script"])))
    return rows
