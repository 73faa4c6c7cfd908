"""Measures a classifier on the data folder's dev rows and on the own held-out fifth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.calibrate import expected_error, sigmoid, softmax
from sentiment.classifier import Classifier
from sentiment.data import Example
from sentiment.heads import COMPLAINT, INTENTS, SENTIMENT, SENTIMENTS, URGENT
from shenava.messages import Judgement, Verdict

Figures = dict[str, Any]
Bools = NDArray[np.bool_]


def f1(truth: Bools, said: Bools) -> float:
    """F1 of a yes-or-no answer; 0 when nothing is right."""
    both = int((truth & said).sum())
    return 2 * both / max(1, int(truth.sum() + said.sum()))


def macro_f1(truth: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur in ``truth``."""
    return float(np.mean([f1(truth == c, said == c) for c in np.unique(truth)]))


def _percent(x: float) -> float:
    return round(100 * x, 1)


def yes_no_figures(truth: Bools, judged: Sequence[Judgement], probability: Any) -> Figures:
    """How good a yes-or-no answer is, in percent. "Not sure" counts as no, except in
    ``recall_with_not_sure``; ``macro_f1`` takes the likelier answer."""
    yes = np.array([j.value is True for j in judged], dtype=bool)
    unsure = np.array([j.value is None for j in judged], dtype=bool)
    right = int((truth & yes).sum())
    likelier = probability >= 0.5
    return {
        "rows": len(truth),
        "positives": int(truth.sum()),
        "precision": _percent(right / max(1, int(yes.sum()))),
        "recall": _percent(right / max(1, int(truth.sum()))),
        "f1": _percent(f1(truth, yes)),
        "recall_with_not_sure": _percent((truth & (yes | unsure)).sum() / max(1, truth.sum())),
        "not_sure": _percent(float(unsure.mean())),
        "macro_f1": _percent((f1(truth, likelier) + f1(~truth, ~likelier)) / 2),
        "ece": _percent(expected_error(probability, truth)),
    }


def sentiment_figures(truth: NDArray[np.int64], logits: Any) -> Figures:
    """Macro-F1 and calibration error in percent. Where the source has no neutral rows, the
    likelier of negative and positive is taken as the answer, and no calibration is given."""
    classes = np.unique(truth)
    said = classes[logits[:, classes].argmax(axis=1)]
    figures: Figures = {"rows": len(truth), "macro_f1": _percent(macro_f1(truth, said))}
    if len(classes) == len(SENTIMENTS):
        probability = softmax(logits)
        sure = probability.max(axis=1)
        figures["ece"] = _percent(expected_error(sure, probability.argmax(axis=1) == truth))
    return figures


def _truths(examples: Sequence[Example]) -> NDArray[np.int64]:
    return np.array([SENTIMENTS.index(e.sentiment) for e in examples if e.sentiment])


def dev_figures(classifier: Classifier, examples: Sequence[Example]) -> Figures:
    """Figures on dev: ``sources`` one by one, ``languages`` together, ``complaint``."""
    logits = classifier.scores([e.text for e in examples]).astype(np.float64)
    figures: Figures = {"sources": {}, "languages": {}}
    labelled = np.array([e.sentiment is not None for e in examples])
    for key, name in (("sources", "source"), ("languages", "language")):
        for value in sorted({getattr(e, name) for e in examples if e.sentiment is not None}):
            at = [i for i, e in enumerate(examples) if labelled[i] and getattr(e, name) == value]
            found = sentiment_figures(_truths([examples[i] for i in at]), logits[at][:, SENTIMENT])
            figures[key][value] = {"language": examples[at[0]].language, **found}
    at = [i for i, e in enumerate(examples) if e.complaint is not None]
    if at:
        truth = np.array([examples[i].complaint for i in at], dtype=bool)
        judged = [v.complaint for v in classifier.classify([examples[i].text for i in at])]
        figures["complaint"] = {
            examples[at[0]].source: yes_no_figures(truth, judged, sigmoid(logits[at, COMPLAINT]))
        }
    return figures


def _intent_figures(examples: Sequence[Example], verdicts: Sequence[Verdict]) -> Figures:
    truth = np.array([[i in (e.intents or ()) for i in INTENTS] for e in examples])
    said = np.array([[i in {s.label for s in v.intents} for i in INTENTS] for v in verdicts])
    each = {
        str(i): _percent(f1(truth[:, k], said[:, k]))
        for k, i in enumerate(INTENTS)
        if truth[:, k].any()
    }
    return {
        "micro_f1": _percent(f1(truth.ravel(), said.ravel())),
        "macro_f1": round(float(np.mean(list(each.values()))), 1),
        "each_f1": each,
    }


def _group(examples: Sequence[Example], verdicts: Sequence[Verdict], logits: Any) -> Figures:
    right = [
        e.tongue is not None and (e.tongue.language, e.script) == (v.language, v.script)
        for e, v in zip(examples, verdicts, strict=True)
    ]
    return {
        "sentiment": sentiment_figures(_truths(examples), logits[:, SENTIMENT]),
        "complaint": yes_no_figures(
            np.array([e.complaint for e in examples], dtype=bool),
            [v.complaint for v in verdicts],
            sigmoid(logits[:, COMPLAINT]),
        ),
        "urgent": yes_no_figures(
            np.array([e.urgent for e in examples], dtype=bool),
            [v.urgent for v in verdicts],
            sigmoid(logits[:, URGENT]),
        ),
        "intents": _intent_figures(examples, verdicts),
        "language_accuracy": _percent(float(np.mean(right))),
    }


def own_figures(classifier: Classifier, examples: Sequence[Example]) -> Figures:
    """Figures on own messages: ``all`` together, then by language and script."""
    texts = [e.text for e in examples]
    verdicts = classifier.classify(texts)
    logits = classifier.scores(texts).astype(np.float64)
    figures: Figures = {"all": _group(examples, verdicts, logits)}
    for group in sorted({e.language for e in examples}):
        at = [i for i, e in enumerate(examples) if e.language == group]
        figures[group] = _group([examples[i] for i in at], [verdicts[i] for i in at], logits[at])
    return figures
