"""Trains the model: ``python -m sentiment.train --data FOLDER --out sentiment/model``.

Two stages. The first learns sentiment, complaint and language from every labelled row of the data
folder: an embedding for each row of the n-gram table, and a linear layer. The second learns all
heads from the project's own messages by logistic regression, on top of what the first stage says.
Both are linear in the n-grams, so they fold into one table with a column for each head.

The second stage is done five times more, each time without a part of the own messages, to see
what the model says of messages it never saw: calibration and thresholds come from those answers,
never from the held-out fifth.

Needs the ``train`` extra (torch, onnx). Nothing here is imported at run time.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from sentiment.bags import make_bags, make_labels
from sentiment.calibrate import Calibration, calibrate
from sentiment.classifier import MODEL_TYPE, Classifier
from sentiment.corpus import fold_of, is_held_out, read_rows
from sentiment.data import OWN, Rights, from_corpus, language_examples, read_examples
from sentiment.evaluate import dev_figures, own_figures
from sentiment.graph import Weights, build_graph
from sentiment.heads import HEADS, INTENTS, SENTIMENTS, SHARES, TONGUES
from sentiment.stages import (
    POWER,
    SecondStage,
    Settings,
    first_stage,
    logits_of,
    rarity,
    sampled,
)
from sentiment.tokens import (
    MAX_CHARACTERS,
    PAD,
    UNKNOWN,
    begins_word,
    build_tokenizer,
    model_text,
)
from shenava.text import NORMALISER_VERSION

log = logging.getLogger("sentiment.train")

Floats = NDArray[np.float32]

NAME = "shenava-bag-2"
JOINED_ROWS = 2_000
"""So many texts of two languages are put together for the language head."""
OWN_WEIGHT = 4
"""An own text counts as so many when the tokenizer's characters are chosen."""


def _quantised(table: Floats) -> tuple[NDArray[np.int8], Floats]:
    """The table in 8 bits, and the size of a step in each column."""
    scale = np.abs(table).max(axis=0) / 127
    return np.round(table / scale).astype(np.int8), scale.astype(np.float32)


def export(
    table: Floats,
    bias: Floats,
    calibration: Calibration,
    tokenizer: Any,
    settings: Settings,
    rights: Rights,
    out: Path,
) -> None:
    """Write the model in Hugging Face form, with the calibration folded into its last layer."""
    out.mkdir(parents=True, exist_ok=True)
    small, scale = _quantised(table)
    weights = Weights(
        small,
        scale,
        np.diag(calibration.slope).astype(np.float32),
        bias * calibration.slope + calibration.offset,
        POWER,
        SHARES,
    )
    begins = np.array(begins_word(tokenizer))
    onnx.save(build_graph(weights, begins), str(out / "model.onnx"))
    tokenizer.save(str(out / "tokenizer.json"))
    _write_json(
        out / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": PAD,
            "unk_token": UNKNOWN,
            "model_max_length": MAX_CHARACTERS,
            "model_input_names": ["input_ids"],
            "clean_up_tokenization_spaces": False,
        },
    )
    _write_json(
        out / "config.json",
        {
            "model_type": MODEL_TYPE,
            "architectures": ["ShenavaBag"],
            "model_name": NAME,
            "normaliser_version": NORMALISER_VERSION,
            "vocab_size": len(begins),
            "table_rows": settings.rows,
            "hidden_size": HEADS,
            "pooling_power": POWER,
            "rights": str(rights),
            "heads": {
                "sentiment": list(SENTIMENTS),
                "complaint": ["yes"],
                "urgent": ["yes"],
                "intents": list(INTENTS),
                "language": list(TONGUES),
            },
            "complaint_band": calibration.complaint_band,
            "urgent_band": calibration.urgent_band,
            "intent_yes": calibration.intent_yes,
        },
    )


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def train(data: Path, out: Path, rights: Rights, settings: Settings) -> None:
    """The whole of it; see the module's words."""
    began = time.monotonic()
    general = list(read_examples(data / "train.jsonl.xz", rights))
    dev = list(read_examples(data / "dev.jsonl.xz"))
    rows = list(read_rows())
    own_rows = [r for r in rows if not is_held_out(r.text)]
    own, held_out = from_corpus(own_rows), from_corpus(r for r in rows if is_held_out(r.text))
    general += language_examples(general, random.Random(settings.seed), JOINED_ROWS)  # noqa: S311
    log.info("%d general rows, %d own, %d held out", len(general), len(own), len(held_out))

    tokenizer = build_tokenizer(
        [model_text(e.text) for e in general] + OWN_WEIGHT * [model_text(e.text) for e in own]
    )
    examples = general + own + dev
    bags = make_bags([e.text for e in examples], tokenizer, settings.rows)
    sources = [*sorted({e.source for e in examples} - {OWN}), OWN]
    labels = make_labels(examples, sources)
    theirs = np.arange(len(general))
    ours = np.arange(len(own)) + len(general)
    devs = np.arange(len(dev)) + len(general) + len(own)

    first = first_stage(settings, bags, labels, len(sources), theirs)
    weight = rarity(bags, np.concatenate([theirs, ours]), settings.rows, settings.own_rarity)
    replayed = sampled(labels.source[theirs].numpy(), settings.replayed, settings.seed)
    second = SecondStage(settings, first, bags, labels, replayed, weight)
    unseen = np.zeros((len(own), HEADS))
    fold = np.array([fold_of(e.text, settings.folds) for e in own])
    for k in range(settings.folds):
        unseen[fold == k] = logits_of(*second.learn(ours[fold != k]), bags, ours[fold == k])
        log.info("part %d of %d answered, %.0f s", k + 1, settings.folds, time.monotonic() - began)
    table, bias = second.learn(ours)
    labelled = [i for i, e in enumerate(dev) if e.sentiment is not None]
    calibration = calibrate(
        unseen, own, logits_of(table, bias, bags, devs[labelled]), [dev[i] for i in labelled]
    )
    export(table, bias, calibration, tokenizer, settings, rights, out)

    classifier = Classifier.load(out, threads=torch.get_num_threads())
    _write_json(
        out / "metrics.json",
        {
            "model": NAME,
            "rights": str(rights),
            "settings": asdict(settings),
            "rows": {
                "general": len(general),
                "own": len(own),
                "held_out": len(held_out),
                "dev": len(dev),
                "sources": dict(Counter(e.source for e in general)),
            },
            "calibration": {
                "complaint_band": calibration.complaint_band,
                "urgent_band": calibration.urgent_band,
                "intent_yes": calibration.intent_yes[0],
            },
            "dev": dev_figures(classifier, dev),
            "held_out": own_figures(classifier, held_out),
        },
    )
    log.info("done in %.0f s", time.monotonic() - began)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sentiment.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with train.jsonl.xz")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--rights", type=Rights, choices=list(Rights), default=Rights.ALL)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(given.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    train(given.data, given.out, given.rights, replace(Settings(), seed=given.seed))


if __name__ == "__main__":
    main()
