"""``shenava classify``: JSON lines in, the same lines with verdicts out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol, TextIO

from shenava.messages import Judgement, Verdict

BATCH_LINES = 256


class GivesVerdicts(Protocol):
    """Anything that classifies as :class:`sentiment.classifier.Classifier` does."""

    def classify(self, texts: list[str], /) -> list[Verdict]: ...


def verdict_to_json(verdict: Verdict) -> dict[str, object]:
    """A verdict as the command line and the API show it; ``null`` is "not sure"."""

    def judgement(j: Judgement) -> dict[str, object]:
        return {"value": j.value, "probability": j.probability}

    return {
        "language": str(verdict.language),
        "script": str(verdict.script),
        "sentiment": {
            "label": str(verdict.sentiment.label),
            "probability": verdict.sentiment.probability,
        },
        "complaint": judgement(verdict.complaint),
        "urgent": judgement(verdict.urgent),
        "intents": [{"label": str(i.label), "probability": i.probability} for i in verdict.intents],
        "why": list(verdict.why),
        "model": verdict.model,
    }


def _read(line: str, number: int) -> dict[str, object]:
    """The object on a line, or what is wrong with it as ``error`` and ``line``."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {"error": f"not JSON: {error}", "line": number}
    if not isinstance(row, dict):
        return {"error": "not a JSON object", "line": number}
    if not isinstance(row.get("text"), str):
        return {"error": 'no "text", or it is not a string', "line": number}
    return row


def _is_bad(row: dict[str, object]) -> bool:
    return "text" not in row


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1; blank ones are passed over."""
    return ((n, line) for n, line in enumerate(lines, 1) if line.strip())


def classify_stream(
    lines: Iterable[str],
    out: TextIO,
    classifier: GivesVerdicts,
    *,
    progress: bool,
    total: int | None,
) -> int:
    """Write each JSON line of ``lines`` to ``out`` with a ``verdict`` added, in the same order.

    Lines are read and written in batches, so memory does not grow with the file. A line that is
    not an object with a ``text`` becomes ``{"error": …, "line": n}`` in its place. ``progress``
    shows a bar on standard error; ``total`` is the number of lines, if known.

    Returns the exit code: 0, or 1 when any line was bad.
    """
    from tqdm import tqdm

    bad = 0
    source = _numbered(lines)
    with tqdm(total=total, disable=not progress, unit="text", file=sys.stderr) as bar:
        while batch := list(islice(source, BATCH_LINES)):
            rows = [_read(line, number) for number, line in batch]
            texts = [str(row["text"]) for row in rows if not _is_bad(row)]
            verdicts = iter(classifier.classify(texts))
            for row in rows:
                if _is_bad(row):
                    bad += 1
                else:
                    row["verdict"] = verdict_to_json(next(verdicts))
                out.write(_dumped(row) + "\n")
            out.flush()
            bar.update(len(batch))
    return 1 if bad else 0


def _dumped(row: dict[str, object]) -> str:
    """``row`` as JSON that any file can hold: a lone surrogate is escaped, letters are not."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(row)
    return text
