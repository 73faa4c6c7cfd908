"""The shipped model beside a plain baseline and VADER: ``make bench-baseline DATA=FOLDER``.

The baseline is what anyone would try first: TF-IDF of words (one and two) and of characters
inside words (two to five), with a linear support vector machine, one for each language and
question, trained on the same rows as the model. VADER (English only) is a word list with rules,
and is not trained. All of them answer for the same rows: those of ``dev``, source by source, and
the held-out fifth of the project's own messages. A yes-or-no answer of the model is the likelier
one ("not sure" is none).

With ``--left-out``, both are trained anew without the named sources, one of each language at a time
(a baseline reads one language only), and measured on their ``dev`` rows. Needs the ``train`` and
``baseline`` extras. With ``--card``, the tables go into the model card.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.calibrate import fit_classes
from sentiment.classifier import Classifier
from sentiment.corpus import is_held_out, read_rows
from sentiment.data import Example, Rights, from_corpus, read_examples
from sentiment.encoder_training import Plan
from sentiment.evaluate import macro_f1
from sentiment.heads import COMPLAINT, SENTIMENT, SENTIMENTS, URGENT
from sentiment.pretrained import find_weights, read_pretrained
from sentiment.stages import Settings
from sentiment.tokens import model_text
from sentiment.train import gather, train_bag, train_reader

log = logging.getLogger("benchmarks.bench_baseline")

BEGIN, END = "<!-- baseline: begin -->", "<!-- baseline: end -->"
LEFT_OUT = ("afrisenti_ary", "goemotions", "marsa", "snappfood", "zekavat_ig")
COLUMNS = 2**20
"""Columns of the baseline's hashed features, for words and for characters each."""

Answer = Callable[[Sequence[str]], NDArray[np.int64]]


def language_of(example: Example) -> str:
    """``fa``, ``ar`` or ``en``, in whatever letters."""
    return example.language.split("-")[0] if example.language else ""


def baseline(texts: Sequence[str], truth: Sequence[int]) -> Answer:
    """Train the baseline on ``texts``; gives what answers for others."""
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    words = HashingVectorizer(ngram_range=(1, 2), n_features=COLUMNS, alternate_sign=False)
    characters = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), n_features=COLUMNS, alternate_sign=False
    )
    made = make_pipeline(
        make_union(
            make_pipeline(words, TfidfTransformer(sublinear_tf=True)),
            make_pipeline(characters, TfidfTransformer(sublinear_tf=True)),
        ),
        LinearSVC(C=0.5, class_weight="balanced", random_state=7),
    )
    made.fit([model_text(t) for t in texts], np.array(truth))
    return lambda asked: np.asarray(made.predict([model_text(t) for t in asked]), dtype=np.int64)


def mood(example: Example) -> int:
    assert example.sentiment is not None
    return SENTIMENTS.index(example.sentiment)


def vader(texts: Sequence[str]) -> NDArray[np.int64]:
    """VADER's mood, with its authors' thresholds of 0.05 for the compound score."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    judge = SentimentIntensityAnalyzer()
    scores = [judge.polarity_scores(t)["compound"] for t in texts]
    # In the order of SENTIMENTS: negative, neutral, positive.
    return np.array([0 if s <= -0.05 else 2 if s >= 0.05 else 1 for s in scores])


def percent(truth: Sequence[int], said: NDArray[np.int64]) -> float:
    return round(100 * macro_f1(np.array(truth, dtype=np.int64), said), 1)


def moods_of(logits: Any, truth: Sequence[int]) -> NDArray[np.int64]:
    """The likeliest mood; where the source has no neutral rows, the likelier of the other two."""
    classes = np.unique(truth)
    return np.asarray(classes[logits[:, SENTIMENT][:, classes].argmax(axis=1)], dtype=np.int64)


class Rows:
    """All that is learned from and measured on."""

    def __init__(self, data: Path) -> None:
        self.general = list(read_examples(data / "train.jsonl.xz"))
        self.dev = list(read_examples(data / "dev.jsonl.xz"))
        own = list(read_rows())
        self.own = from_corpus(row for row in own if not is_held_out(row.text))
        self.held_out = from_corpus(row for row in own if is_held_out(row.text))

    def mood_baseline(self, language: str, without: str = "") -> Answer:
        rows = [
            e
            for e in self.general + self.own
            if e.sentiment and language_of(e) == language and e.source != without
        ]
        return baseline([e.text for e in rows], [mood(e) for e in rows])


def same_rows(rows: Rows, classifier: Classifier) -> list[list[object]]:
    """Lines of (question, rows, language, number, model, baseline, VADER)."""
    lines: list[list[object]] = []
    judges = {lang: rows.mood_baseline(lang) for lang in ("ar", "en", "fa")}
    log.info("three baselines of mood trained")
    groups = [(f"sentiment, {s}", [e for e in rows.dev if e.sentiment and e.source == s])
              for s in sorted({e.source for e in rows.dev if e.sentiment})]  # fmt: skip
    groups += [(f"sentiment, own, {lang}", [e for e in rows.held_out if language_of(e) == lang])
               for lang in judges]  # fmt: skip
    for name, group in groups:
        language, texts = language_of(group[0]), [e.text for e in group]
        truth = [mood(e) for e in group]
        ours = moods_of(classifier.scores(texts), truth)
        theirs = judges[language](texts)
        word_list = percent(truth, vader(texts)) if language == "en" else "–"
        lines.append(
            [name, language, len(group), percent(truth, ours), percent(truth, theirs), word_list]
        )
    for head, question in ((COMPLAINT, "complaint"), (URGENT, "urgent")):
        lines += yes_no(rows, classifier, head, question)
        log.info("%s measured", question)
    return lines


def yes_no(rows: Rows, classifier: Classifier, head: int, question: str) -> list[list[object]]:
    def truth_of(e: Example) -> bool | None:
        return e.complaint if head == COMPLAINT else e.urgent

    judges = {}
    for language in ("ar", "en", "fa"):
        known = [
            e for e in rows.general + rows.own if truth_of(e) is not None
            and language_of(e) == language
        ]  # fmt: skip
        judges[language] = baseline(
            [e.text for e in known], [int(bool(truth_of(e))) for e in known]
        )
    labelled = [e for e in rows.dev if truth_of(e) is not None]
    groups = [(f"{question}, {s}", [e for e in labelled if e.source == s])
              for s in sorted({e.source for e in labelled})]  # fmt: skip
    groups += [(f"{question}, own, {lang}", [e for e in rows.held_out if language_of(e) == lang])
               for lang in judges]  # fmt: skip
    lines: list[list[object]] = []
    for name, group in groups:
        language, texts = language_of(group[0]), [e.text for e in group]
        truth = [int(bool(truth_of(e))) for e in group]
        ours = (classifier.scores(texts)[:, head] >= 0).astype(np.int64)
        theirs = judges[language](texts)
        lines.append(
            [name, language, len(group), percent(truth, ours), percent(truth, theirs), "–"]
        )
    return lines


def one_of_each_language(dev: Sequence[Example], sources: Sequence[str]) -> list[dict[str, str]]:
    """``sources`` in as few groups as can be, none with two of one language: source by language."""
    groups: list[dict[str, str]] = []
    for source in sources:
        language = next(language_of(e) for e in dev if e.source == source)
        group = next((g for g in groups if language not in g), None)
        if group is None:
            groups.append(group := {})
        group[language] = source
    return groups


def added_up(bag: Any, reader: Any, dev: Sequence[Example], without: set[str]) -> Any:
    """What both readers say of ``dev`` together. How much each counts is fitted on the rows of the
    sources that are not left out."""
    said = np.stack([bag, reader], axis=1)[:, :, SENTIMENT].astype(np.float64)
    at = [i for i, e in enumerate(dev) if e.sentiment and e.source not in without]
    slope, offset = fit_classes(
        said[at], np.array([mood(dev[i]) for i in at]), np.ones(len(at), dtype=np.float64)
    )
    return np.einsum("trc,r->tc", said, slope) + offset


def left_out(data: Path, rows: Rows, sources: Sequence[str], share: float) -> list[list[object]]:
    """Lines of (source, language, rows, model, baseline), neither of which saw the source.

    Of the transformer's rounds over its texts only ``share`` is gone, for time."""
    pretrained, settings, plan = read_pretrained(find_weights()), Settings(), Plan()
    plan = replace(plan, rounds=share * plan.rounds)
    all_of_it = gather(data, Rights.ALL, settings.seed)
    source_of = np.array([all_of_it.examples[i].source for i in all_of_it.theirs])
    dev = [all_of_it.examples[i] for i in all_of_it.devs]
    lines: list[list[object]] = []
    for group in one_of_each_language(dev, sources):
        without = set(group.values())
        lessons = replace(
            all_of_it,
            theirs=all_of_it.theirs[~np.isin(source_of, list(without))],
            part=np.zeros_like(all_of_it.part),
            typed_part=np.zeros_like(all_of_it.typed_part),
        )
        bag, *_ = train_bag(lessons, settings)
        reader, *_ = train_reader(lessons, pretrained, plan, settings.seed)
        said = added_up(bag.dev, reader.dev, dev, without)
        for language, source in group.items():
            at = [i for i, e in enumerate(dev) if e.source == source and e.sentiment]
            truth = [mood(dev[i]) for i in at]
            plain = rows.mood_baseline(language, without=source)([dev[i].text for i in at])
            ours = percent(truth, moods_of(said[at], truth))
            lines.append([source, language, len(at), ours, percent(truth, plain)])
            log.info("%s", lines[-1])
    return sorted(lines, key=lambda line: str(line[0]))


def table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in cells)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_baseline")
    parser.add_argument("--data", type=Path, required=True, help="folder with train.jsonl.xz")
    parser.add_argument("--card", type=Path, help="model card to write the tables into")
    parser.add_argument("--left-out", nargs="*", default=list(LEFT_OUT), metavar="SOURCE")
    parser.add_argument("--share", type=float, default=1.0, help="of the transformer's rounds [1]")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows, classifier = Rows(given.data), Classifier.load(threads=2)
    lines = same_rows(rows, classifier)
    away = left_out(given.data, rows, given.left_out, given.share) if given.left_out else []
    print(json.dumps({"model": classifier.base, "same_rows": lines, "left_out": away}))
    parts = [
        f"Model `{classifier.base}`. Macro-F1 in percent.",
        table(["question", "language", "rows", "model", "baseline", "VADER"], lines),
    ]
    if away:
        gain = np.mean([float(line[3]) - float(line[4]) for line in away])  # type: ignore[arg-type]
        parts += [
            "**Trained without the source it is measured on** (sentiment)",
            table(["source", "language", "rows", "model", "baseline"], away),
            f"In the mean the model is {gain:+.1f} points away from the baseline there "
            f"(the transformer with {given.share:.0%} of its rounds).",
        ]
    if given.card is not None:
        before, rest = given.card.read_text(encoding="utf-8").split(BEGIN)
        text = "\n\n".join(parts)
        given.card.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
