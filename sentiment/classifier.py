"""The model at run time: texts in, verdicts out.

The folder holds a model in Hugging Face form (``config.json``, ``tokenizer.json``,
``tokenizer_config.json``, ``model.onnx``), and in its folder ``encoder`` a small transformer, whose
answers are added to those of the bag of n-grams (:mod:`sentiment.encoder`). transformers reads such
a folder, but is not needed for it, and would cost each process most of a second: the two files are
read as they are. The graphs are run by onnxruntime; torch is never needed.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.encoder import FOLDER as ENCODER_FOLDER
from sentiment.encoder import Encoder, Read
from sentiment.heads import (
    COMPLAINT,
    HEADS,
    INTENT,
    INTENTS,
    NEGATIVE,
    POSITIVE,
    SENTIMENT,
    SENTIMENTS,
    SHARES,
    TONGUE,
    URGENT,
)
from sentiment.language import identify
from sentiment.shop import LEARNED, Layer
from sentiment.tokens import MAX_CHARACTERS, begins_word, model_text, word_spans
from shenava.messages import (
    Intent,
    Judgement,
    Language,
    ScoredIntent,
    ScoredSentiment,
    Script,
    Sentiment,
    Verdict,
)

Floats = NDArray[np.float32]

MODEL_FOLDER = Path(__file__).parent / "model"
MODEL_TYPE = "shenava-bag"

BATCH_TEXTS = 64
BATCH_CHARACTERS = 8_192
"""A batch holds at most this many characters with its padding: bounds memory."""

MOST_WORDS = 5
LONGEST_WORD = 60
"""What is longer is an address or noise, and no word to show."""
LEAST_SHARE = 0.08
"""A word is named only if it has at least this share of what speaks for the answer…"""
LEAST_LOGIT = 0.15
"""…and adds at least this much log-odds."""


@dataclass(frozen=True, slots=True)
class Band:
    """Probabilities of "yes" from ``yes`` up are yes, below ``no`` are no, between: not sure."""

    no: float
    yes: float

    def judge(self, probability: float) -> Judgement:
        """The answer for a calibrated probability of "yes"."""
        probability = round(probability, 4)
        if probability >= self.yes:
            return Judgement(True, probability)
        if probability < self.no:
            return Judgement(False, round(1.0 - probability, 4))
        return Judgement(None, probability)


@dataclass(frozen=True, slots=True)
class Rules:
    """How probabilities become answers; fitted in training, kept in ``config.json``."""

    complaint: Band
    urgent: Band
    intent_yes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """The graphs' answer for one text, and the text as they were given it. ``read`` is what the
    transformer adds, already part of ``logits``."""

    text: str
    encoding: Any
    logits: Floats
    own: Floats
    pairs: Floats
    read: Read | None


def _sigmoid(x: Floats) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x.astype(np.float64))))


def is_wordless(text: str) -> bool:
    """True when nothing is left that could carry meaning: no letter, digit, sign or emoji."""
    return not any(unicodedata.category(c)[0] in "LNS" for c in text)


def read_config(folder: Path) -> dict[str, Any]:
    """What ``config.json`` of a model's folder says.

    Raises ``OSError`` where there is none, ``ValueError`` where it is no JSON object.
    """
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if not isinstance(told, dict):
        raise ValueError(f"config.json in {folder} is no JSON object")
    return told


def open_session(file: Path, threads: int) -> Any:
    """The graph, with threads pinned and nobody spinning while there is nothing to do."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Batches are of many shapes: a plan of memory for each would take more than it saves.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


class Classifier:
    """Gives verdicts. Safe to use from several threads; one text's verdict never depends on
    the texts beside it."""

    def __init__(
        self,
        name: str,
        rules: Rules,
        tokenizer: Any,
        session: Any,
        rows: int = 0,
        encoder: Encoder | None = None,
    ) -> None:
        self.name = name
        self.base = name
        """What the model is called without anything a shop has taught."""
        self.rows = rows
        """Rows of the n-gram table."""
        self._rules = rules
        self._tokenizer = tokenizer
        self._session = session
        self._encoder = encoder
        self._layer: Layer | None = None

    @classmethod
    def load(cls, folder: Path | None = None, threads: int = 1) -> Classifier:
        """Read the model in ``folder`` (default: the one in the package).

        ``threads`` is the number of threads one call of :meth:`classify` may use. Raises
        ``OSError`` when the folder does not hold a model, ``ValueError`` when it is of another
        kind.
        """
        folder = MODEL_FOLDER if folder is None else folder
        if not (folder / "model.onnx").is_file():
            raise FileNotFoundError(f"no model in {folder}: model.onnx is missing")
        if threads == 1:
            # The tokenizer's own thread pool ignores our limit; it reads this at each call.
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from tokenizers import Tokenizer

        config = read_config(folder)
        if config.get("model_type") != MODEL_TYPE:
            raise ValueError(f"the model in {folder} is of type {config.get('model_type')!r}")
        rules = Rules(
            complaint=Band(**config["complaint_band"]),
            urgent=Band(**config["urgent_band"]),
            intent_yes=tuple(config["intent_yes"]),
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_CHARACTERS)
        session = open_session(folder / "model.onnx", threads)
        second = folder / ENCODER_FOLDER
        encoder = None
        if (second / "model.onnx").is_file():
            # One thread to a batch, and several batches at once: that is the faster way round.
            encoder = Encoder.load(second, open_session(second / "model.onnx", 1), threads)
        rows = int(config["table_rows"])
        return cls(str(config["model_name"]), rules, tokenizer, session, rows, encoder)

    def taught(self, layer: Layer, version: int) -> Classifier:
        """The same model with what a shop has taught on top; its name tells the version. Raises
        ``ValueError`` for a layer of another model."""
        if layer.base != self.base or layer.rows != self.rows:
            raise ValueError(f"the layer belongs to the model {layer.base}, not to {self.base}")
        made = Classifier(
            f"{self.base}+shop{version}",
            self._rules,
            self._tokenizer,
            self._session,
            self.rows,
            self._encoder,
        )
        made.base = self.base
        made._layer = layer
        return made

    @property
    def teachable(self) -> Classifier:
        """What a shop can teach: itself."""
        return self

    @cached_property
    def begins(self) -> NDArray[np.bool_]:
        """For each token id, whether a word begins there."""
        return np.array(begins_word(self._tokenizer))

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """For each head, the probability from which it answers yes; of no use for the others."""
        least = np.full(HEADS, 0.5)
        least[COMPLAINT] = self._rules.complaint.yes
        least[URGENT] = self._rules.urgent.yes
        least[INTENT] = self._rules.intent_yes
        return least

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Texts as the graph is given them."""
        given = [model_text(readable(t)) for t in texts]
        return [e.ids for e in self._tokenizer.encode_batch(given)]

    def scores(self, texts: Sequence[str]) -> Floats:
        """Calibrated log-odds of every head ([texts, heads], order as in ``sentiment.heads``).

        For measuring, and for what builds on the model. A text with nothing in it gets zeros.
        """
        found = np.zeros((len(texts), HEADS), dtype=np.float32)
        for i, row in self._answers([readable(t) for t in texts]):
            found[i] = row.logits
        return found

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        """One verdict for each text, in their order.

        Any string is safe. Only the first ``MAX_CHARACTERS`` characters of a text are read.
        """
        texts = [readable(t) for t in texts]
        verdicts = [self._empty()] * len(texts)
        for i, row in self._answers(texts):
            verdicts[i] = self._verdict(texts[i], row)
        return verdicts

    def _answers(self, texts: Sequence[str]) -> Iterator[tuple[int, _Row]]:
        """What the graphs say of each text that has any token, in any order, with its index."""
        given = [model_text(t) for t in texts]
        ended = None if self._encoder is None else self._encoder.begin(given)
        encodings = self._tokenizer.encode_batch(given)
        ids = [e.ids for e in encodings]
        batches = [(batch, self._by_bag(ids, batch)) for batch in _batches([len(i) for i in ids])]
        read = None if ended is None else ended()
        for batch, (logits, own, pairs) in batches:
            if read is not None:
                logits = logits + np.stack([read[i].logits for i in batch])
            if self._layer is not None:
                given_ids = [ids[i] for i in batch]
                logits, own, pairs = _with_layer(
                    self._layer, given_ids, self.begins, logits, own, pairs
                )
            for place, i in enumerate(batch):
                size = len(ids[i])
                yield (
                    i,
                    _Row(
                        given[i],
                        encodings[i],
                        logits[place],
                        own[place, :size],
                        pairs[place, :size],
                        None if read is None else read[i],
                    ),
                )

    def _by_bag(
        self, ids: Sequence[Sequence[int]], batch: Sequence[int]
    ) -> tuple[Floats, Floats, Floats]:
        """Logits and shares of a batch, by the bag of n-grams alone."""
        padded = np.zeros((len(batch), max(len(ids[i]) for i in batch)), dtype=np.int64)
        for place, i in enumerate(batch):
            padded[place, : len(ids[i])] = ids[i]
        logits, own, pairs = self._session.run(None, {"input_ids": padded})
        return logits, own, pairs

    def _empty(self) -> Verdict:
        """The verdict on a text that says nothing."""
        return Verdict(
            language=Language.OTHER,
            script=Script.NATIVE,
            sentiment=ScoredSentiment(Sentiment.NEUTRAL, 1.0),
            complaint=Judgement(False, 1.0),
            urgent=Judgement(False, 1.0),
            intents=(),
            why=(),
            model=self.name,
        )

    def _verdict(self, text: str, row: _Row) -> Verdict:
        if is_wordless(text):
            return self._empty()
        tongue = identify(text, row.logits[TONGUE].tolist())
        scores = np.exp(row.logits[SENTIMENT].astype(np.float64) - row.logits[SENTIMENT].max())
        best = int(scores.argmax())
        chance = _sigmoid(row.logits)
        complaint = self._rules.complaint.judge(float(chance[COMPLAINT]))
        positive = float(scores[POSITIVE] / scores.sum())
        if complaint.value and positive > complaint.probability:
            # Every complaint is negative (the corpus's GUIDE.md): where praise is the surer of
            # two answers that contradict each other, be it irony or not, a person should look.
            complaint = Judgement(None, complaint.probability)
        urgent = self._rules.urgent.judge(float(chance[URGENT]))
        head = explained(complaint, urgent, SENTIMENTS[best])
        return Verdict(
            language=tongue.language,
            script=tongue.script,
            sentiment=ScoredSentiment(
                SENTIMENTS[best], round(float(scores[best] / scores.sum()), 4)
            ),
            complaint=complaint,
            urgent=urgent,
            intents=self._intents(chance[INTENT]),
            why=() if head is None else self._why(text, row, SHARES.index(head)),
            model=self.name,
        )

    def _intents(self, chances: NDArray[np.float64]) -> tuple[ScoredIntent, ...]:
        """Intents above their thresholds, likeliest first. "Other" stands beside none."""
        found = [
            ScoredIntent(intent, round(chance, 4))
            for intent, chance, least in zip(
                INTENTS, chances.tolist(), self._rules.intent_yes, strict=True
            )
            if chance >= least
        ]
        found.sort(key=lambda s: -s.probability)
        if found and found[0].label is Intent.OTHER:
            return (found[0],)
        return tuple(one for one in found if one.label is not Intent.OTHER)

    def _why(self, text: str, row: _Row, share: int) -> tuple[str, ...]:
        """The words that speak most for the head ``share`` of :data:`SHARES`.

        What a word adds is the sum over its n-grams and over the pairs it is part of, all that
        the bag would lose with it, and over its subwords. The transformer's other subwords would
        answer differently without it; that is not counted.
        """
        aligned = word_spans(text, row.text)
        if aligned is None:
            return ()
        spans, originals = aligned
        starts = np.array([start for start, _ in row.encoding.offsets])
        lost = _lost_with_word(starts, spans, row.own[:, share], row.pairs[:, share])
        if row.read is not None:
            slope = 1.0 if self._layer is None else float(self._layer.slope[SHARES[share]])
            places = _places(row.read.starts, spans)
            lost = lost + slope * row.read.lost_with(places, len(spans), share)
        return _strongest(originals, lost.tolist())


def _with_layer(
    layer: Layer,
    ids: Sequence[Sequence[int]],
    begins: NDArray[np.bool_],
    logits: Floats,
    own: Floats,
    pairs: Floats,
) -> tuple[Floats, Floats, Floats]:
    """What the graph said of a batch, with what the shop taught on top."""
    added = layer.apply(ids, begins, logits[:, :LEARNED])
    slope = layer.slope[list(SHARES)]
    logits, own, pairs = logits.copy(), own * slope, pairs * slope
    logits[:, :LEARNED] = added.logits
    begin = 0
    for place, one in enumerate(ids):
        own[place, : len(one)] += added.own[begin : begin + len(one)]
        pairs[place, : len(one)] += added.pairs[begin : begin + len(one)]
        begin += len(one)
    return logits, own, pairs


def explained(complaint: Judgement, urgent: Judgement, sentiment: Sentiment) -> int | None:
    """The head whose words are given: the gravest that is (or may be) answered with yes."""
    if urgent.value:
        return URGENT
    if complaint.value is not False:
        return COMPLAINT
    if urgent.value is None:
        return URGENT
    return NEGATIVE if sentiment is Sentiment.NEGATIVE else None


def _places(starts: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """For each token, by where it begins, which word of ``spans`` it belongs to."""
    places = np.searchsorted([end for _, end in spans], starts, side="right")
    return np.minimum(places, len(spans) - 1)


def _lost_with_word(
    starts: NDArray[np.int64], spans: Sequence[tuple[int, int]], own: Floats, pairs: Floats
) -> NDArray[np.float64]:
    """For each word of ``spans``, what the bag's logit would lose without it.

    ``starts`` is where each token begins. A pair's contribution stands where its last word
    begins; it is lost with either of its words, so it is counted for the word it stands at and
    for the word before.
    """
    places = _places(starts, spans)
    size = len(spans)
    lost = np.bincount(places, own + pairs, minlength=size)
    lost[:-1] += np.bincount(places, pairs, minlength=size)[1:]
    return np.asarray(lost, dtype=np.float64)


def _strongest(words: Sequence[str], lost: Sequence[float]) -> tuple[str, ...]:
    """At most :data:`MOST_WORDS` words, strongest first, each once."""
    everything = sum(x for x in lost if x > 0)
    chosen: list[str] = []
    for i in sorted(range(len(words)), key=lambda i: (-round(lost[i], 4), i)):
        if lost[i] < LEAST_LOGIT or lost[i] < LEAST_SHARE * everything:
            break
        word = _trimmed(words[i])
        if word and len(word) <= LONGEST_WORD and word not in chosen:
            chosen.append(word)
    return tuple(chosen[:MOST_WORDS])


def _trimmed(word: str) -> str:
    """``word`` without the punctuation around it, unless it is nothing else."""
    start, end = 0, len(word)
    while start < end and unicodedata.category(word[start])[0] in "PZC":
        start += 1
    while end > start and unicodedata.category(word[end - 1])[0] in "PZC":
        end -= 1
    return word[start:end]


def readable(text: str) -> str:
    """``text`` cut to length, without what no tokenizer can take (lone surrogates)."""
    text = text[:MAX_CHARACTERS]
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of the non-empty texts, in batches of like length and bounded size."""
    batch: list[int] = []
    for i in sorted((i for i, n in enumerate(lengths) if n), key=lambda i: lengths[i]):
        if batch and (
            len(batch) == BATCH_TEXTS or (len(batch) + 1) * lengths[i] > BATCH_CHARACTERS
        ):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
