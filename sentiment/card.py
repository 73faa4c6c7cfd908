"""Writes the figures of ``metrics.json`` into the model card, between two marks.

``python -m sentiment.card docs/model-card.md``; a test holds the card to the figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from sentiment.classifier import MODEL_FOLDER, Classifier
from sentiment.corpus import is_held_out, read_rows
from sentiment.data import from_corpus
from sentiment.evaluate import own_figures

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
Figures = dict[str, Any]


def _table(head: list[str], rows: list[list[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _yes_no(held_out: Figures, head: str) -> str:
    keys = ["rows", "positives", "precision", "recall", "f1", "recall_with_not_sure",
            "not_sure", "macro_f1", "ece"]  # fmt: skip
    return _table(
        ["messages", *(k.replace("_", " ") for k in keys)],
        [[group, *(figures[head][k] for k in keys)] for group, figures in held_out.items()],
    )


def figures_of(metrics: Figures) -> str:
    """The card's tables for the contents of ``metrics.json``."""
    own, dev = metrics["held_out"], metrics["dev"]
    parts = [
        f"Model `{metrics['model']}`, rights `{metrics['rights']}`. All figures in percent.",
        "**Own messages, held-out fifth: complaint**",
        _yes_no(own, "complaint"),
        "**Own messages, held-out fifth: urgent**",
        _yes_no(own, "urgent"),
        "**Own messages, held-out fifth: the rest**",
        _table(
            ["messages", "sentiment macro-F1", "sentiment ECE", "intents micro-F1",
             "intents macro-F1", "language and script right"],
            [[group, f["sentiment"]["macro_f1"], f["sentiment"].get("ece", "–"),
              f["intents"]["micro_f1"], f["intents"]["macro_f1"], f["language_accuracy"]]
             for group, f in own.items()],
        ),
        "**Own messages, held-out fifth: F1 of each intent**",
        _table(["intent", "F1"], [list(i) for i in own["all"]["intents"]["each_f1"].items()]),
        "**Dev rows: sentiment by source** (sources without neutral rows: two classes)",
        _table(
            ["source", "language", "rows", "macro-F1", "ECE"],
            [[s, f["language"], f["rows"], f["macro_f1"], f.get("ece", "–")]
             for s, f in dev["sources"].items()],
        ),
        "**Dev rows: sentiment by language, all sources together**",
        _table(
            ["language", "rows", "macro-F1", "ECE"],
            [[s, f["rows"], f["macro_f1"], f.get("ece", "–")]
             for s, f in dev["languages"].items()],
        ),
        "**Dev rows: complaint**",
        _table(
            ["source", "rows", "precision", "recall", "F1", "macro-F1", "ECE"],
            [[s, f["rows"], f["precision"], f["recall"], f["f1"], f["macro_f1"], f["ece"]]
             for s, f in dev.get("complaint", {}).items()],
        ),
    ]  # fmt: skip
    return "\n\n".join(parts)


def with_figures(card: str, metrics: Figures) -> str:
    """``card`` with everything between the marks replaced."""
    before, rest = card.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{figures_of(metrics)}\n\n{END}{after}"


def measured_anew() -> Figures:
    """The shipped model's metrics, with those of the held-out messages measured now: for when the
    corpus has grown and the model has not. Written to the model's folder."""
    file = MODEL_FOLDER / "metrics.json"
    metrics: Figures = json.loads(file.read_text(encoding="utf-8"))
    held_out = from_corpus(row for row in read_rows() if is_held_out(row.text))
    metrics["held_out"] = own_figures(Classifier.load(MODEL_FOLDER), held_out)
    metrics["rows"]["held_out"] = len(held_out)
    file.write_text(json.dumps(metrics, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return metrics


def main() -> None:
    """Rewrite the card named on the command line; with ``--measure`` after measuring anew."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.card", description=main.__doc__)
    parser.add_argument("card", type=Path)
    parser.add_argument("--measure", action="store_true", help="measure the held-out messages")
    asked = parser.parse_args()
    metrics = (
        measured_anew()
        if asked.measure
        else json.loads((MODEL_FOLDER / "metrics.json").read_text(encoding="utf-8"))
    )
    text = with_figures(asked.card.read_text(encoding="utf-8"), metrics)
    asked.card.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
