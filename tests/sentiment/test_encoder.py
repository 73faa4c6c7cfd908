"""The transformer: its graph, its batches, and where it begins."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sentiment.classifier import MODEL_FOLDER, Classifier
from sentiment.corpus import read_rows
from sentiment.encoder import FOLDER, LONGEST, Encoder
from sentiment.encoder_graph import (
    EncoderWeights,
    LayerWeights,
    Linear,
    Norm,
    build_encoder_graph,
)
from sentiment.pretrained import NoPretrained, read_pretrained
from sentiment.tokens import model_text

Floats = NDArray[np.float32]

WIDTH, WIDER, VOCABULARY, HEADS, ATTENTION_HEADS = 32, 64, 50, 5, 4
REACH = 6.0
"""No number in the small transformer is larger."""


def small_weights() -> EncoderWeights:
    random = np.random.default_rng(5)

    def linear(out: int, inside: int) -> Linear:
        weight = random.normal(size=(out, inside)).astype(np.float32) * 0.2
        bias = random.normal(size=out).astype(np.float32) * 0.1
        return Linear(weight, bias, -REACH, REACH)

    def norm() -> Norm:
        weight = 1 + random.normal(size=WIDTH).astype(np.float32) * 0.1
        return Norm(weight.astype(np.float32), np.full(WIDTH, 0.05, dtype=np.float32))

    layers = [
        LayerWeights(
            linear(3 * WIDTH, WIDTH),
            linear(WIDTH, WIDTH),
            norm(),
            linear(WIDER, WIDTH),
            linear(WIDTH, WIDER),
            norm(),
        )
        for _ in range(2)
    ]
    return EncoderWeights(
        random.normal(size=(VOCABULARY, WIDTH)).astype(np.float32),
        random.normal(size=(LONGEST, WIDTH)).astype(np.float32) * 0.1,
        norm(),
        layers,
        ATTENTION_HEADS,
        linear(WIDTH, WIDTH),
        random.normal(size=(HEADS, WIDTH)).astype(np.float32),
        random.normal(size=HEADS).astype(np.float32),
        (1, 3),
    )


def by_hand(weights: EncoderWeights, ids: list[int]) -> Floats:
    """Logits of one text, in plain floating point."""

    def linear(x: Any, one: Linear) -> Any:
        return x @ one.weight.T + one.bias

    def norm(x: Any, one: Norm) -> Any:
        apart = x - x.mean(axis=-1, keepdims=True)
        return apart / np.sqrt((apart**2).mean(axis=-1, keepdims=True)) * one.weight + one.bias

    x = norm(weights.pieces[ids] + weights.places[: len(ids)], weights.first)
    size = WIDTH // ATTENTION_HEADS
    for layer in weights.layers:
        q, k, v = (
            part.reshape(len(ids), ATTENTION_HEADS, size).transpose(1, 0, 2)
            for part in np.split(linear(x, layer.query_key_value), 3, axis=1)
        )
        share = np.exp(q @ k.transpose(0, 2, 1) / math.sqrt(size))
        seen = (share / share.sum(axis=-1, keepdims=True)) @ v
        x = norm(
            x + linear(seen.transpose(1, 0, 2).reshape(len(ids), WIDTH), layer.out),
            layer.after_attention,
        )
        wide = linear(x, layer.up)
        erf = np.vectorize(math.erf)(wide / math.sqrt(2))
        x = norm(x + linear(wide * (1 + erf) / 2, layer.down), layer.after_feed)
    pooled = np.tanh(linear(x, weights.pool)).mean(axis=0)
    return np.asarray(weights.heads @ pooled + weights.bias, dtype=np.float32)


def run(weights: EncoderWeights, ids: list[list[int]]) -> tuple[Floats, Floats]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        build_encoder_graph(weights).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    padded = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
    for place, one in enumerate(ids):
        padded[place, : len(one)] = one
    logits, own = session.run(None, {"input_ids": padded})
    return logits, own


TEXTS = [[1, 7, 9, 30, 2], [1, 49, 2], [1, 4, 4, 8, 21, 33, 40, 12, 2]]


def test_the_graph_computes_a_transformer() -> None:
    """Within what rounding to 8 bits costs."""
    weights = small_weights()
    logits, own = run(weights, TEXTS)
    expected = np.stack([by_hand(weights, ids) for ids in TEXTS])
    assert np.abs(expected).max() > 3
    assert logits == pytest.approx(expected, abs=0.3)
    assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > 0.998
    assert own.sum(axis=1) + weights.bias[[1, 3]] == pytest.approx(logits[:, [1, 3]], abs=1e-4)
    assert not own[1, 3:].any(), "padding adds nothing"


def test_a_text_has_the_same_logits_in_any_batch_of_its_length() -> None:
    weights = small_weights()
    random = np.random.default_rng(2)
    ids = [[int(i) for i in random.integers(4, VOCABULARY, 16)] for _ in range(40)]
    together, _ = run(weights, ids)
    for place in range(0, 40, 7):
        alone, _ = run(weights, ids[place : place + 1])
        assert alone[0].tolist() == together[place].tolist()


def test_the_shipped_transformer_answers_alike_alone_and_beside_others() -> None:
    texts = [model_text(row.text) for row in read_rows()][:300]
    folder = MODEL_FOLDER / FOLDER
    one, two = (Encoder.load(folder, session_of(folder), threads) for threads in (1, 2))
    together = two.read(texts)
    for text, read in list(zip(texts, together, strict=True))[::11]:
        (alone,) = one.read([text])
        assert (alone.logits == read.logits).all()
        assert alone.own == pytest.approx(read.own, abs=1e-5)
        assert len(read.starts) == len(read.own)


def session_of(folder: Path) -> Any:
    from sentiment.classifier import open_session

    return open_session(folder / "model.onnx", 1)


def test_a_model_without_a_transformer_still_answers(tmp_path: Path) -> None:
    """Such models were shipped before."""
    for file in MODEL_FOLDER.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    texts = ["پول کم شد ولی سفارش ثبت نشد", "thanks, great service"]
    bag, both = Classifier.load(tmp_path), Classifier.load()
    assert [v.language for v in bag.classify(texts)] == [v.language for v in both.classify(texts)]
    assert (bag.scores(texts) != both.scores(texts)).all()


def test_an_encoder_without_its_tokenizer_is_told_of(tmp_path: Path) -> None:
    shutil.copytree(MODEL_FOLDER, tmp_path / "model")
    (tmp_path / "model" / FOLDER / "tokenizer.json").unlink()
    with pytest.raises(OSError, match=r"tokenizer\.json"):
        Classifier.load(tmp_path / "model")


def pretrained_file(file: Path) -> tuple[Floats, Floats]:
    """A file of the form of the package's; the weights it holds, in floats and in 4 bits."""
    random = np.random.default_rng(9)
    plain = random.normal(size=8).astype("<f4")
    steps = random.integers(-8, 8, size=(2, 32))
    scale = np.array([0.5, 0.25], dtype="<f2")
    packed = b"".join(
        scale[k].tobytes()
        + bytes(int(a + 8) | int(b + 8) << 4 for a, b in zip(row[:16], row[16:], strict=True))
        for k, row in enumerate(steps)
    )
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁سلام"]
    joined = "".join(pieces).encode()
    ends = np.cumsum([0] + [len(p.encode()) for p in pieces]).astype("<u4")
    head = b"E5S1" + struct.pack("<8i", 1, 32, 3, 4, 64, 5, 16, 1) + struct.pack("<fi", 1e-12, 32)
    head += struct.pack("<5i", len(pieces), 0, 2, 1, 3) + struct.pack("<Q", len(joined))
    head += ends.tobytes() + np.arange(5, dtype="<f4").tobytes() + joined
    head += struct.pack("<iI", 0, 3) + b"abc" + struct.pack("<i", 2)
    names = [b"emb.ln.w", b"emb.word"]
    at = len(head) + sum(2 + len(name) + 21 for name in names)
    for name, stored, count in zip(names, (plain.tobytes(), packed), (8, 64), strict=True):
        head += struct.pack("<H", len(name)) + name
        head += struct.pack("<BIQQ", 0, count, at, len(stored))
        at += len(stored)
    file.write_bytes(head + plain.tobytes() + packed)
    return plain, (steps * scale.astype(np.float32)[:, None]).ravel().astype(np.float32)


def test_the_pretrained_weights_are_read(tmp_path: Path) -> None:
    plain, packed = pretrained_file(tmp_path / "weights")
    found = read_pretrained(tmp_path / "weights")
    assert (found.width, found.layers, found.attention_heads) == (32, 3, 4)
    assert found.pieces[4] == "▁سلام"
    assert found.scores.tolist() == [0, 1, 2, 3, 4]
    assert (found.tensors["emb.ln.w"] == plain).all()
    assert found.matrix("emb.word", 32) == pytest.approx(packed.reshape(2, 32))


@pytest.mark.parametrize(("keep", "told"), [(3, "cut short"), (60, "cut short"), (0, "cut short")])
def test_pretrained_weights_that_are_cut_are_told_of(tmp_path: Path, keep: int, told: str) -> None:
    pretrained_file(tmp_path / "weights")
    cut = tmp_path / "cut"
    cut.write_bytes((tmp_path / "weights").read_bytes()[:keep])
    with pytest.raises(NoPretrained, match=told):
        read_pretrained(cut)


def test_a_file_of_another_form_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(NoPretrained, match="another form"):
        read_pretrained(tmp_path / "weights")
    with pytest.raises(NoPretrained, match="cannot be read"):
        read_pretrained(tmp_path / "none")
