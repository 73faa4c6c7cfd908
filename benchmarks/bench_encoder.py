"""Is a small transformer worth its cost? ``python -m benchmarks.bench_encoder --data FOLDER``.

From scratch, on the processor: subwords (byte pairs, 16,000), three layers of 192, about 4.6
million weights. It first learns all texts by masked words and, with them, the labels of the data
folder and of four fifths of the own messages that training may see; then the own messages again.
It is measured on the last part of those (part 0 of five, by hash), never on the held-out fifth,
beside the linear model taught on the same rows, and averaged with it. Nothing of it is shipped:
docs/model-card.md says why.

About an hour on two cores that can multiply in bfloat16. Prints one JSON line a judge.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional as F

from sentiment.bags import Labels, make_bags, make_labels
from sentiment.calibrate import sigmoid
from sentiment.corpus import fold_of, is_held_out, read_rows
from sentiment.data import OWN, from_corpus, language_examples, read_examples
from sentiment.evaluate import f1, macro_f1
from sentiment.heads import COMPLAINT, HEADS, INTENT, SENTIMENT, TONGUE, URGENT
from sentiment.stages import SecondStage, Settings, first_stage, logits_of, rarity, sampled
from sentiment.tokens import build_tokenizer, model_text
from sentiment.train import JOINED_ROWS, OWN_WEIGHT, PARTS

log = logging.getLogger("benchmarks.bench_encoder")

PAD, UNKNOWN, START, MASK = range(4)
PIECES, SIZE, LAYERS, LONGEST = 16_000, 192, 3, 80
PART = 0
Floats = NDArray[np.float64]


class Block(nn.Module):
    """One layer: attention, then a feed-forward net, each after a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(SIZE), nn.LayerNorm(SIZE)
        self.qkv, self.out = nn.Linear(SIZE, 3 * SIZE), nn.Linear(SIZE, SIZE)
        self.wide, self.narrow = nn.Linear(SIZE, 4 * SIZE), nn.Linear(4 * SIZE, SIZE)

    def forward(self, x: torch.Tensor, real: torch.Tensor, drop: float) -> torch.Tensor:
        texts, length, _ = x.shape
        heads = SIZE // 64
        q, k, v = self.qkv(self.before(x)).view(texts, length, 3, heads, 64).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None, :])
        seen = self.out(seen.transpose(1, 2).reshape(texts, length, SIZE))
        x = x + F.dropout(seen, drop, self.training)
        return x + F.dropout(self.narrow(F.gelu(self.wide(self.after(x)))), drop, self.training)


class Encoder(nn.Module):
    """Subwords in; guesses for masked ones and logits of every head out."""

    def __init__(self, sources: int) -> None:
        super().__init__()
        self.drop = 0.0
        self.pieces, self.places = nn.Embedding(PIECES, SIZE), nn.Embedding(LONGEST, SIZE)
        self.first, self.last = nn.LayerNorm(SIZE), nn.LayerNorm(SIZE)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.guess, self.guess_norm = nn.Linear(SIZE, SIZE), nn.LayerNorm(SIZE)
        self.guess_bias = nn.Parameter(torch.zeros(PIECES))
        self.pool, self.heads = nn.Linear(2 * SIZE, SIZE), nn.Linear(SIZE, HEADS)
        # As in the first stage: what is peculiar to a source is learned apart.
        self.source = nn.Parameter(torch.zeros(sources, COMPLAINT + 1))
        for part in self.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.normal_(part.weight, 0, 0.02)
            if isinstance(part, nn.Linear):
                nn.init.zeros_(part.bias)

    def read(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        real = ids != PAD
        x = self.first(self.pieces(ids) + self.places.weight[: ids.shape[1]])
        for block in self.blocks:
            x = block(x, real, self.drop)
        return self.last(x), real

    def guesses(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(self.guess_norm(F.gelu(self.guess(x))), self.pieces.weight, self.guess_bias)

    def judge(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        weight = real[..., None].to(x.dtype)
        mean = (x * weight).sum(1) / weight.sum(1)
        most = x.masked_fill(~real[..., None], -1e4).amax(1)
        both = torch.tanh(self.pool(torch.cat([mean, most], -1)))
        logits: torch.Tensor = self.heads(F.dropout(both, 2 * self.drop, self.training))
        return logits


def loss_of(model: Encoder, logits: torch.Tensor, labels: Labels) -> torch.Tensor:
    """As in the first stage, with the heads that only own messages have labels for."""
    own_way, total = model.source[labels.source], torch.zeros(())
    has = labels.sentiment >= 0
    if has.any():
        scores = logits[has][:, SENTIMENT] + own_way[has][:, :3]
        total = total + F.cross_entropy(scores, labels.sentiment[has], label_smoothing=0.05)
    has = labels.tongue >= 0
    if has.any():
        total = total + 0.3 * F.cross_entropy(logits[has][:, TONGUE], labels.tongue[has])
    known = ~torch.isnan(labels.yes_no)
    if known.any():
        asked = torch.cat(
            [
                logits[:, COMPLAINT : COMPLAINT + 1] + own_way[:, 3:],
                logits[:, URGENT : INTENT.stop],
            ],
            1,
        )
        wrong = F.binary_cross_entropy_with_logits(
            asked[known], labels.yes_no[known], reduction="sum"
        )
        total = total + wrong / known.any(1).sum() / 4
    return total


def batches(
    ids: Sequence[Sequence[int]], which: NDArray[np.int64], most: int, rng: np.random.Generator
) -> list[list[int]]:
    """Texts of like length together, at most ``most`` subwords with the padding, in any order."""
    lengths = np.array([len(ids[i]) for i in which]) + rng.random(len(which)) * 4
    made: list[list[int]] = [[]]
    for i in which[np.argsort(lengths)]:
        longest = max(len(ids[j]) for j in [*made[-1][-1:], i])
        if made[-1] and longest * (len(made[-1]) + 1) > most:
            made.append([])
        made[-1].append(int(i))
    order = rng.permutation(len(made))
    return [made[k] for k in order]


def padded(ids: Sequence[Sequence[int]], which: Sequence[int]) -> torch.Tensor:
    found = np.zeros((len(which), max(len(ids[i]) for i in which)), dtype=np.int64)
    for place, i in enumerate(which):
        found[place, : len(ids[i])] = ids[i]
    return torch.from_numpy(found)


def learn(
    model: Encoder,
    ids: Sequence[Sequence[int]],
    labels: Labels,
    plan: Sequence[list[int]],
    rate: float,
    *,
    guessing: bool,
) -> None:
    """One step a batch of ``plan``; with ``guessing``, masked words are learned too."""
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    warm = 300 if guessing else 60
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / warm) * max(0.02, 1 - s / len(plan))
    )
    model.train()
    model.drop = 0.0 if guessing else 0.1
    began = time.monotonic()
    for step, part in enumerate(plan, 1):
        text = padded(ids, part)
        hidden = (text > MASK) & (torch.rand(text.shape) < (0.15 if guessing else 0.1))
        shown = torch.where(hidden, MASK, text)
        with torch.autocast("cpu", torch.bfloat16):
            x, real = model.read(shown)
            guessed = model.guesses(x[hidden]) if guessing else None
        loss = loss_of(model, model.judge(x.float(), real), labels.take(np.array(part)))
        if guessed is not None:
            loss = 0.5 * loss + F.cross_entropy(guessed.float(), text[hidden])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 200 == 0:
            spent = time.monotonic() - began
            log.info("step %d/%d, loss %.3f, %.0f s", step, len(plan), float(loss), spent)


@torch.no_grad()
def answers(model: Encoder, ids: Sequence[Sequence[int]]) -> Floats:
    """Logits of every head for each text."""
    model.eval()
    found = np.zeros((len(ids), HEADS))
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for at in range(0, len(order), 256):
        part = order[at : at + 256]
        found[part] = model.judge(*model.read(padded(ids, part))).numpy()
    return found


def subwords(texts: Sequence[str]) -> Tokenizer:
    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    named = ["[PAD]", "[UNK]", "[START]", "[MASK]"]
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=PIECES, special_tokens=named, show_progress=False,
            limit_alphabet=600, max_token_length=12,
        ),
    )  # fmt: skip
    return made


def figures(logits: Floats, labels: Labels) -> dict[str, float]:
    """Macro-F1 of complaint and sentiment, precision of urgent where 80 % are found, micro-F1 of
    the intents; thresholds are those that serve best on these very rows."""
    truth = labels.yes_no.numpy() > 0.5
    chance = sigmoid(logits)
    steps = np.arange(0.1, 0.9, 0.01)

    def best(score: Any) -> float:
        return round(100 * max(score(s) for s in steps), 1)

    complaint, urgent, intents = truth[:, 0], truth[:, 1], truth[:, 2:]
    found = np.sort(logits[urgent, URGENT])[int(0.2 * urgent.sum())]
    return {
        "complaint_macro_f1": best(
            lambda s: macro_f1(complaint.astype(int), (chance[:, COMPLAINT] >= s).astype(int))
        ),
        "urgent_precision_at_80": round(100 * float(urgent[logits[:, URGENT] >= found].mean()), 1),
        "intents_micro_f1": best(lambda s: f1(intents.ravel(), (chance[:, INTENT] >= s).ravel())),
        "sentiment_macro_f1": round(
            100 * macro_f1(labels.sentiment.numpy(), logits[:, SENTIMENT].argmax(1)), 1
        ),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_encoder")
    parser.add_argument("--data", type=Path, required=True, help="folder with train.jsonl.xz")
    parser.add_argument("--epochs", type=float, default=4, help="over all texts [4]")
    parser.add_argument("--rows", type=int, help="of the data folder: fewer, to try it out")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for judge, found in measured(given.data, given.epochs, given.rows):
        print(json.dumps({"benchmark": "encoder", "judge": judge, **found}), flush=True)


def measured(data: Path, epochs: float, most: int | None) -> Iterator[tuple[str, dict[str, float]]]:
    """Each judge and its figures."""
    settings = Settings()
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    general = list(read_examples(data / "train.jsonl.xz"))[:most]
    own = from_corpus(row for row in read_rows() if not is_held_out(row.text))
    general += language_examples(general, random.Random(settings.seed), JOINED_ROWS)
    examples = general + own
    names = [*sorted({e.source for e in examples} - {OWN}), OWN]
    labels = make_labels(examples, names)
    part = np.array([fold_of(e.text, PARTS) == PART for e in own])
    ours = np.arange(len(own)) + len(general)
    seen, other = ours[~part], ours[part]
    asked = labels.take(other)

    texts = [model_text(e.text) for e in examples]
    characters = build_tokenizer(texts + (OWN_WEIGHT - 1) * texts[len(general) :])
    bags = make_bags([e.text for e in examples], characters, settings.rows)
    theirs = np.arange(len(general))
    first = first_stage(settings, bags, labels, len(names), theirs)
    weight = rarity(bags, np.concatenate([theirs, ours]), settings.rows, settings.own_rarity)
    replayed = sampled(labels.source[theirs].numpy(), settings.replayed, settings.seed)
    second = SecondStage(settings, first, bags, labels, replayed, weight)
    linear = logits_of(*second.learn(seen), bags, other).astype(np.float64)
    yield "linear", figures(linear, asked)

    cut = subwords(texts)
    ids = [[START, *e.ids[: LONGEST - 1]] for e in cut.encode_batch_fast(texts)]
    model = Encoder(len(names))
    shown = np.concatenate([theirs, seen])
    plan: list[list[int]] = []
    for _ in range(math.ceil(epochs)):
        plan += batches(ids, shown, 4096, rng)
    learn(model, ids, labels, plan[: int(len(plan) * epochs / math.ceil(epochs))], 1.5e-3,
          guessing=True)  # fmt: skip
    plan = []
    for _ in range(8):
        again = rng.choice(theirs, min(len(seen), len(theirs)), replace=False)
        plan += batches(ids, np.concatenate([seen, again]), 2048, rng)
    learn(model, ids, labels, plan, 5e-4, guessing=False)
    encoder = answers(model, [ids[i] for i in other])
    yield "encoder", figures(encoder, asked)
    yield "average", figures(linear + 0.5 * encoder, asked)


if __name__ == "__main__":
    main()
