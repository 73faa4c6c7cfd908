"""How far two readers agree: ``python -m sentiment.agreement docs/model-card.md``.

``corpus/second_reading.tsv`` holds what somebody said of own messages who knew the guide, but
neither the labels that stand in the corpus nor the model: what two people do not agree on, no
model can be right about. Labels of the corpus are not changed for it.

A line is the number of the row, the sentiment, ``c`` (complaint), ``u`` (urgent), both or ``-``,
and the intents, with tabs between.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentiment.corpus import FOLDER, CorpusRow, read_rows
from sentiment.evaluate import macro_f1
from shenava.messages import Intent, Sentiment

FILE = FOLDER / "second_reading.tsv"
BEGIN, END = "<!-- agreement: begin -->", "<!-- agreement: end -->"
SMALLEST = 50
"""Groups with fewer messages are not told of by themselves."""
ANSWERS: list[object] = [False, True, *Sentiment]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the second reader said of one message."""

    sentiment: Sentiment
    complaint: bool
    urgent: bool
    intents: frozenset[Intent]


Pair = tuple[CorpusRow, Reading]


def read_second(file: Path = FILE) -> dict[str, Reading]:
    """By the number of the row. Raises ``ValueError`` that names the line that is none."""
    found = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row, mood, flags, intents = line.split("\t")
            named = frozenset(Intent(one) for one in intents.split(","))
            found[row] = Reading(Sentiment(mood), "c" in flags, "u" in flags, named)
        except ValueError as error:
            raise ValueError(f"{file.name}, line {number}: {error}") from error
    return found


def pairs(rows: Iterable[CorpusRow], second: dict[str, Reading]) -> list[Pair]:
    """The rows that were read twice, with both readings."""
    return [(row, second[row.id]) for row in rows if row.id in second]


def _alike(pairs: Sequence[Pair]) -> list[object]:
    def percent(question: Callable[[CorpusRow | Reading], object]) -> str:
        answers = np.array([[ANSWERS.index(question(one)) for one in pair] for pair in pairs])
        return f"{100 * macro_f1(answers[:, 0], answers[:, 1]):.1f}"

    both = sum(len(row.intents & said.intents) for row, said in pairs)
    named = sum(len(row.intents) + len(said.intents) for row, said in pairs)
    return [
        len(pairs),
        percent(lambda one: one.complaint),
        percent(lambda one: one.urgent),
        percent(lambda one: one.sentiment),
        f"{200 * both / named:.1f}",
    ]


def table(pairs: Sequence[Pair]) -> str:
    """Macro-F1 (intents: micro-F1) of the second reader, as if the first were the truth."""

    def lines() -> Iterator[list[object]]:
        yield ["all", *_alike(pairs)]
        for group in sorted({row.group for row, _ in pairs}):
            mine = [pair for pair in pairs if pair[0].group == group]
            if len(mine) >= SMALLEST:
                yield [group, *_alike(mine)]

    head = ["messages", "read twice", "complaint", "urgent", "sentiment", "intents"]
    cells: list[Sequence[object]] = [head, ["---"] * len(head), *lines()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in cells)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.agreement")
    parser.add_argument("card", type=Path, help="model card to write the table into")
    given = parser.parse_args()
    before, rest = given.card.read_text(encoding="utf-8").split(BEGIN)
    made = table(pairs(read_rows(), read_second()))
    given.card.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
