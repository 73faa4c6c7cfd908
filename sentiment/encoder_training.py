"""Teaches the transformer: :mod:`sentiment.train` says when.

It begins with the lowest layers and the subwords of a pretrained language model
(:mod:`sentiment.pretrained`), folded to this project's spelling. Needs torch. Nothing here is
imported at run time.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from torch.nn import functional as F

from sentiment.bags import Labels
from sentiment.encoder import LONGEST
from sentiment.encoder_graph import EncoderWeights, LayerWeights, Linear, Norm
from sentiment.heads import COMPLAINT, HEADS, INTENT, SHARES, URGENT
from sentiment.pretrained import Pretrained
from sentiment.stages import loss_of_classes
from sentiment.tokens import pipeline
from shenava.text import normalise

log = logging.getLogger("sentiment.train")

Floats = NDArray[np.float32]
Ids = Sequence[Sequence[int]]

PAD, BEGIN, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
MARKS = (PAD, BEGIN, END, UNKNOWN)
BLANK = "▁"
UNKNOWN_SCORE = -20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Every knob. Rates are per step of AdamW, ``heads_rate`` times as high for what is new;
    ``subwords`` of a batch count the padding. 20,000 ``pieces`` cover 99.3 % of what the texts are
    made of. In each of ``rounds`` an own text comes ``own_times``, one of another source that is
    labelled for complaint ``complaint_times``, any other once."""

    pieces: int = 20_000
    layers: tuple[int, ...] = (0, 1, 2)
    subwords: int = 3072
    rate: float = 4e-4
    rounds: float = 1.5
    own_times: int = 7
    complaint_times: int = 4
    heads_rate: float = 5.0
    drop: float = 0.1
    hide: float = 0.05
    decay: float = 0.01


def folded(pretrained: Pretrained) -> dict[str, list[int]]:
    """The vocabulary in this project's spelling: which pieces became one, by what they became."""
    found: dict[str, list[int]] = {}
    for number, piece in enumerate(pretrained.pieces):
        blank = BLANK if piece.startswith(BLANK) else ""
        inside = normalise(piece.replace(BLANK, " ")).replace(" ", BLANK)
        if number >= len(MARKS) and (inside or piece == BLANK):
            found.setdefault(blank + inside, []).append(number)
    return found


def _unigram(vocabulary: list[tuple[str, float]]) -> Tokenizer:
    made = Tokenizer(models.Unigram(vocabulary, unk_id=MARKS.index(UNKNOWN)))
    made.normalizer = pipeline()[0]
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def vocabulary_for(
    pretrained: Pretrained, texts: Iterable[str], size: int
) -> tuple[Tokenizer, Floats]:
    """The ``size`` pieces that ``texts`` (in ``model_text`` form) use most, as a tokenizer, and
    what the pretrained model knows of each [pieces, width]."""
    pieces = folded(pretrained)
    score = {piece: float(pretrained.scores[own].max()) for piece, own in pieces.items()}
    marks = [(mark, UNKNOWN_SCORE if mark == UNKNOWN else 0.0) for mark in MARKS]
    every = _unigram(marks + list(score.items()))
    used: Counter[int] = Counter()
    for encoding in every.encode_batch_fast(list(texts)):
        used.update(encoding.ids)
    common = [n for n, _ in used.most_common(size + len(MARKS)) if n >= len(MARKS)][:size]
    named = list(score)
    kept = [named[n - len(MARKS)] for n in sorted(common)]

    known = pretrained.matrix("emb.word", pretrained.width)
    rows = [known[pretrained.pieces.index(mark)] for mark in MARKS]
    for piece in kept:
        own = pieces[piece]
        share = np.exp(pretrained.scores[own])
        rows.append((known[own] * (share / share.sum())[:, None]).sum(axis=0))
    tokenizer = _unigram(marks + [(piece, score[piece]) for piece in kept])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        special_tokens=[(mark, MARKS.index(mark)) for mark in (BEGIN, END)],
    )
    tokenizer.enable_truncation(LONGEST)
    return tokenizer, np.stack(rows).astype(np.float32)


class Layer(nn.Module):
    """Attention, then a feed-forward net, each followed by a normalisation."""

    def __init__(self, pretrained: Pretrained, number: int) -> None:
        super().__init__()
        width = pretrained.width
        self._attention_heads = pretrained.attention_heads

        def tensor(name: str) -> torch.Tensor:
            return torch.from_numpy(pretrained.tensors[f"l{number}.{name}"])

        def linear(*names: str) -> nn.Linear:
            weight = torch.cat([tensor(f"{name}.w") for name in names])
            bias = torch.cat([tensor(f"{name}.b") for name in names])
            made = nn.Linear(len(weight) // len(bias), len(bias))
            made.weight.data, made.bias.data = weight.view(len(bias), -1), bias
            return made

        self.query_key_value = linear("q", "k", "v")
        self.out, self.up, self.down = linear("ao"), linear("fi"), linear("fo")
        self.after_attention = _normal(width, tensor("aln.w"), tensor("aln.b"))
        self.after_feed = _normal(width, tensor("oln.w"), tensor("oln.b"))

    def forward(self, x: torch.Tensor, hidden: torch.Tensor, drop: float) -> torch.Tensor:
        texts, length, width = x.shape
        size = width // self._attention_heads
        together = self.query_key_value(x).view(texts, length, 3, self._attention_heads, size)
        q, k, v = together.permute(2, 0, 3, 1, 4)
        # Written out: for texts this short it is twice as fast as torch's own.
        share = torch.softmax(q @ k.transpose(-1, -2) * size**-0.5 + hidden, dim=-1)
        seen = (share @ v).transpose(1, 2).reshape(texts, length, width)
        x = self.after_attention(x + self.out(seen))
        fed = self.down(F.gelu(self.up(x)))
        made: torch.Tensor = self.after_feed(x + F.dropout(fed, drop, self.training))
        return made


def _normal(width: int, weight: torch.Tensor, bias: torch.Tensor) -> nn.LayerNorm:
    made = nn.LayerNorm(width, 1e-12)
    made.weight.data, made.bias.data = weight.clone(), bias.clone()
    return made


class Reader(nn.Module):
    """Subwords in, logits of every head out.

    The heads read each subword by itself, and their answers are averaged: so what each subword
    adds is known. ``source`` is what is peculiar to each source, as in the first stage.
    """

    def __init__(self, pretrained: Pretrained, pieces: Floats, sources: int, plan: Plan) -> None:
        super().__init__()
        width = pretrained.width
        self.pieces = nn.Embedding.from_pretrained(torch.from_numpy(pieces.copy()), freeze=False)
        places = pretrained.matrix("emb.pos", width)[:LONGEST]
        self.places = nn.Parameter(
            torch.from_numpy(places + pretrained.matrix("emb.type", width)[0])
        )
        tensors = pretrained.tensors
        first_weight, first_bias = (torch.from_numpy(tensors[f"emb.ln.{k}"]) for k in "wb")
        self.first = _normal(width, first_weight, first_bias)
        self.layers = nn.ModuleList(Layer(pretrained, number) for number in plan.layers)
        self.pool, self.heads = nn.Linear(width, width), nn.Linear(width, HEADS)
        for new, spread in ((self.pool, 0.05), (self.heads, 0.02)):
            nn.init.normal_(new.weight, 0, spread)
            nn.init.zeros_(new.bias)
        self.source = nn.Parameter(torch.zeros(sources, COMPLAINT + 1))
        self._drop = plan.drop

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        real = ids != 0
        x = self.first(self.pieces(ids) + self.places[: ids.shape[1]])
        x = F.dropout(x, self._drop, self.training)
        hidden = (~real[:, None, None, :]).to(x.dtype) * -1e4
        for layer in self.layers:
            x = layer(x, hidden, self._drop)
        pooled = torch.tanh(self.pool(x)).float()
        weight = real[..., None].float()
        mean = (pooled * weight).sum(1) / weight.sum(1)
        logits: torch.Tensor = self.heads(F.dropout(mean, self._drop, self.training))
        return logits


def _loss(model: Reader, logits: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Mean loss over the labelled heads; heads without a label add nothing."""
    own_way = model.source[labels.source]
    total = loss_of_classes(logits, own_way, labels)
    known = ~torch.isnan(labels.yes_no)
    if known.any():
        complaint = logits[:, COMPLAINT : COMPLAINT + 1] + own_way[:, 3:]
        asked = torch.cat([complaint, logits[:, URGENT : INTENT.stop]], 1)
        wrong = F.binary_cross_entropy_with_logits(
            asked[known], labels.yes_no[known], reduction="sum"
        )
        total = total + wrong / known.any(1).sum() / 3
    return total


def _batches(
    ids: Ids, which: NDArray[np.int64], most: int, rng: np.random.Generator
) -> list[list[int]]:
    """Texts of like length together, at most ``most`` subwords with the padding, in any order."""
    lengths = np.array([len(ids[i]) for i in which]) + rng.random(len(which)) * 4
    made: list[list[int]] = [[]]
    longest = 0
    for i in which[np.argsort(lengths)].tolist():
        longest = max(longest, len(ids[i]))
        if made[-1] and longest * (len(made[-1]) + 1) > most:
            made.append([])
            longest = len(ids[i])
        made[-1].append(i)
    return [made[k] for k in rng.permutation(len(made))]


def _padded(ids: Ids, which: Sequence[int]) -> torch.Tensor:
    found = np.zeros((len(which), max(len(ids[i]) for i in which)), dtype=np.int64)
    for place, i in enumerate(which):
        found[place, : len(ids[i])] = ids[i]
    return torch.from_numpy(found)


def learn(model: Reader, ids: Ids, labels: Labels, steps: Sequence[list[int]], plan: Plan) -> None:
    """One step a batch of ``steps``, with a rate that rises soon and falls to nothing."""
    new = [*model.pool.parameters(), *model.heads.parameters(), model.source]
    old = [p for p in model.parameters() if not any(p is one for one in new)]
    optimiser = torch.optim.AdamW(
        [{"params": old, "lr": plan.rate}, {"params": new, "lr": plan.heads_rate * plan.rate}],
        betas=(0.9, 0.98),
        weight_decay=plan.decay,
        fused=True,
    )
    rising = max(20.0, 0.06 * len(steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / rising) * max(0.02, 1 - s / len(steps))
    )
    model.train()
    began, running = time.monotonic(), 0.0
    for step, part in enumerate(steps, 1):
        text = _padded(ids, part)
        shown = text.masked_fill(
            (text >= len(MARKS)) & (torch.rand(text.shape) < plan.hide), MARKS.index(UNKNOWN)
        )
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(shown)
        loss = _loss(model, logits.float(), labels.take(np.array(part)))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running += float(loss.detach())
        if step % 400 == 0:
            spent = time.monotonic() - began
            log.info(
                "encoder: step %d/%d, loss %.3f, %.0f s", step, len(steps), running / 400, spent
            )
            running = 0.0


def learn_all(
    model: Reader,
    ids: Ids,
    labels: Labels,
    own: NDArray[np.int64],
    others: NDArray[np.int64],
    plan: Plan,
    seed: int,
) -> None:
    """Learn from everything together, whatever each text is labelled for. The project's ``own``
    texts come again and again, as do those of ``others`` that are labelled for complaint: both are
    few."""
    complaints = others[~torch.isnan(labels.yes_no[others, 0]).numpy()]
    often = [own] * plan.own_times + [complaints] * (plan.complaint_times - 1)
    which = np.concatenate([others, *often])
    rng = np.random.default_rng(seed)
    begun = int(np.ceil(plan.rounds))
    steps: list[list[int]] = []
    for _ in range(begun):
        steps += _batches(ids, which, plan.subwords, rng)
    learn(model, ids, labels, steps[: int(len(steps) / begun * plan.rounds)], plan)


@torch.no_grad()
def answers(model: Reader, ids: Ids) -> Floats:
    """Logits of every head for each text."""
    model.eval()
    found = np.zeros((len(ids), HEADS), dtype=np.float32)
    for part in _batches(ids, np.arange(len(ids)), 8192, np.random.default_rng(0)):
        with torch.autocast("cpu", torch.bfloat16):
            found[part] = model(_padded(ids, part)).float().numpy()
    return found


class _Ranges:
    """Watches what goes into each product."""

    def __init__(self, model: Reader, beyond: float) -> None:
        self.of: dict[str, list[tuple[float, float]]] = {}
        self._beyond = beyond
        for name, part in model.named_modules():
            if isinstance(part, nn.Linear) and part is not model.heads:
                part.register_forward_pre_hook(self._watch(name))

    def _watch(self, name: str) -> Any:
        def seen(_: nn.Module, given: tuple[torch.Tensor]) -> None:
            values = given[0].detach().float().flatten()
            low, high = np.quantile(values.numpy(), [self._beyond, 1 - self._beyond])
            self.of.setdefault(name, []).append((float(low), float(high)))

        return seen

    def range_of(self, name: str) -> tuple[float, float]:
        lows, highs = zip(*self.of[name], strict=True)
        return float(np.mean(lows)), float(np.mean(highs))


def _array(tensor: torch.Tensor) -> Floats:
    return np.ascontiguousarray(tensor.detach().float().numpy())


@torch.no_grad()
def weights_of(model: Reader, ids: Ids, attention_heads: int, beyond: float) -> EncoderWeights:
    """The model for :func:`sentiment.encoder_graph.build_encoder_graph`. The texts ``ids`` tell
    how large the numbers become; of all of them the share ``beyond`` is cut at either end."""
    model.eval()
    ranges = _Ranges(model, beyond)
    for part in _batches(ids, np.arange(len(ids)), 4096, np.random.default_rng(0)):
        model(_padded(ids, part))

    def linear(name: str) -> Linear:
        part: Any = model.get_submodule(name)
        return Linear(_array(part.weight), _array(part.bias), *ranges.range_of(name))

    def norm(part: Any) -> Norm:
        return Norm(_array(part.weight), _array(part.bias))

    layers = [
        LayerWeights(
            linear(f"layers.{k}.query_key_value"),
            linear(f"layers.{k}.out"),
            norm(model.get_submodule(f"layers.{k}.after_attention")),
            linear(f"layers.{k}.up"),
            linear(f"layers.{k}.down"),
            norm(model.get_submodule(f"layers.{k}.after_feed")),
        )
        for k in range(len(model.layers))
    ]
    return EncoderWeights(
        _array(model.pieces.weight),
        _array(model.places),
        norm(model.first),
        layers,
        attention_heads,
        linear("pool"),
        _array(model.heads.weight),
        _array(model.heads.bias),
        SHARES,
    )
