"""How much a shop's corrections win back: ``make bench-learn DATA=FOLDER``.

A source of ``dev`` that the model never saw in training stands for a new shop. A third of its rows,
by hash, is put aside to measure on. The others come one after the other, as messages would: a
person corrects the mood where the verdict shown is wrong and lets it stand where it is right;
Shenava learns at every 50 corrections, checks itself, and uses what passed. Beside it: the same
number of rows labelled in a file, right or wrong; and all rows labelled, the most that this layer
can win ("all"). One line of JSON a source; with ``--card``, the table goes into the model card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from sentiment.classifier import MODEL_FOLDER, Classifier
from sentiment.data import Example, read_examples
from sentiment.heads import SENTIMENT, SENTIMENTS
from sentiment.lessons import MOST, Lesson, Taught, class_f1, teach

BEGIN, END = "<!-- learning: begin -->", "<!-- learning: end -->"
EVERY = 50
TOLD = (50, 200, 500)
MOST_STOOD = 800
"""As the service has it (``responder.learning``)."""


def _place(text: str) -> str:
    return hashlib.sha256(f"replay {text}".encode("utf-8", "replace")).hexdigest()


def _judge(classifier: Classifier, taught: Taught | None) -> Classifier:
    return classifier.taught(taught.layer, 1) if taught is not None else classifier


def _moods(classifier: Classifier, rows: Sequence[Example]) -> Any:
    return classifier.scores([row.text for row in rows])[:, SENTIMENT]


def _measured(classifier: Classifier, rows: Sequence[Example]) -> float:
    truth = np.array([SENTIMENTS.index(row.sentiment) for row in rows if row.sentiment])
    return round(100 * class_f1(_moods(classifier, rows), truth), 1)


def replay(classifier: Classifier, rows: Sequence[Example]) -> dict[str, Any]:
    """The figures of one source."""
    rows = sorted(rows, key=lambda row: _place(row.text))
    test, stream = rows[: len(rows) // 3], rows[len(rows) // 3 :]
    found: dict[str, Any] = {"rows": len(rows), "measured_on": len(test)}
    found["corrections"] = {"0": _measured(classifier, test)}
    found["read"] = {"0": 0}
    lessons: list[Lesson] = []
    corrected, judge, slowest = 0, classifier, 0.0
    at = 0
    while at < len(stream) and corrected < max(TOLD):
        said = _moods(judge, stream[at:]).argmax(axis=1)
        for guess in said:
            row = stream[at]
            at += 1
            wrong = SENTIMENTS[guess] is not row.sentiment
            lessons.append(Lesson(row.text, row.sentiment, said=wrong))
            corrected += wrong
            if wrong and corrected % EVERY == 0:
                break
        if not corrected or corrected % EVERY:
            break
        began = perf_counter()
        judge = _judge(classifier, teach(classifier, _newest(lessons)))
        slowest = max(slowest, perf_counter() - began)
        if corrected in TOLD:
            found["corrections"][str(corrected)] = _measured(judge, test)
            found["read"][str(corrected)] = at
    found["labelled"] = {}
    whole = [Lesson(row.text, row.sentiment) for row in stream]
    for told in TOLD:
        if told <= len(whole):
            learned = _judge(classifier, teach(classifier, whole[:told]))
            found["labelled"][str(told)] = _measured(learned, test)
    most = whole[:MOST]
    found["all"] = {
        "rows": len(most),
        "macro_f1": _measured(_judge(classifier, teach(classifier, most)), test),
    }
    found["slowest_s"] = round(slowest, 1)
    before, after = found["corrections"]["0"], found["corrections"].get("200")
    if after is not None:
        lost = found["all"]["macro_f1"] - before
        found["won_back"] = round(100 * (after - before) / lost) if lost > 0 else None
    return found


def _newest(lessons: Sequence[Lesson]) -> list[Lesson]:
    stood = [one for one in lessons if not one.said][-MOST_STOOD:]
    return [one for one in lessons if one.said] + stood


def table(figures: dict[str, dict[str, Any]]) -> str:
    """The card's table."""
    lines = [
        "| source | 0 | 50 corrections | 200 | 500 | 200 labelled rows | all rows | "
        "won back by 200 corrections | slowest learning |",
        "|" + "---|" * 9,
    ]
    for source, found in figures.items():
        told = found["corrections"]
        cells = [
            f"{told[key]} ({found['read'][key]:,} read)" if key in told else "–"
            for key in ("50", "200", "500")
        ]
        won = found.get("won_back")
        lines.append(
            f"| {source} | {told['0']} | {' | '.join(cells)} | "
            f"{found['labelled'].get('200', '–')} | "
            f"{found['all']['macro_f1']} ({found['all']['rows']:,}) | "
            f"{'–' if won is None else f'{won} %'} | {found['slowest_s']} s |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_learn")
    parser.add_argument("--data", type=Path, required=True, help="folder with dev.jsonl.xz")
    parser.add_argument("--card", type=Path, help="model card to write the table into")
    parser.add_argument("--source", action="append", help="these instead of all unseen ones")
    given = parser.parse_args()
    classifier = Classifier.load(threads=2)
    metrics = json.loads((MODEL_FOLDER / "metrics.json").read_text(encoding="utf-8"))
    dev = [row for row in read_examples(given.data / "dev.jsonl.xz") if row.sentiment]
    unseen = sorted({row.source for row in dev} - set(metrics["rows"]["sources"]))
    figures = {}
    for source in given.source or unseen:
        rows = [row for row in dev if row.source == source]
        figures[source] = replay(classifier, rows)
        print(
            json.dumps({"source": source, "model": classifier.base} | figures[source]), flush=True
        )
    if given.card is not None:
        card = given.card.read_text(encoding="utf-8")
        before, rest = card.split(BEGIN)
        _, after = rest.split(END)
        given.card.write_text(
            f"{before}{BEGIN}\n\n{table(figures)}\n\n{END}{after}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
