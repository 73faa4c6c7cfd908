"""The transformer's ONNX graph, written out by hand: ids in, logits and the subwords' shares out.

Only training imports this module (it needs the ``onnx`` package).

Inputs: ``input_ids`` int64 [batch, length], padded with 0 on the right. Outputs: ``logits`` float
[batch, heads]; ``own`` float [batch, length, shares]: what each subword adds to the shares' logits.

Weights are 8-bit integers, one scale for each output; what goes into a product is rounded to 8 bits
too, on a scale fixed in training. So products are exact, and do not depend on the batch. The
operators of the domain ``com.microsoft`` are onnxruntime's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from sentiment.graph import Writer

Floats = NDArray[np.float32]

OPSET = 18
RUNTIME = "com.microsoft"
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class Linear:
    """``weight`` float [out, in] and ``bias`` [out]; what goes in lies between ``low`` and
    ``high``, or is cut to it."""

    weight: Floats
    bias: Floats
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer: attention, then a feed-forward net, each followed by a normalisation."""

    query_key_value: Linear
    out: Linear
    after_attention: Norm
    up: Linear
    down: Linear
    after_feed: Norm


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """What was learned. ``pieces`` [vocabulary, width], ``places`` [longest, width], ``heads``
    [heads, width]; ``shares`` are the heads that are explained."""

    pieces: Floats
    places: Floats
    first: Norm
    layers: Sequence[LayerWeights]
    attention_heads: int
    pool: Linear
    heads: Floats
    bias: Floats
    shares: tuple[int, ...]


def eight_bit(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Rows in 8 bits, and the size of a step in each row."""
    step = np.maximum(np.abs(weight).max(axis=1), 1e-9) / 127
    return np.round(weight / step[:, None]).astype(np.int8), step.astype(np.float32)


def _norm(w: Writer, value: str, norm: Norm) -> str:
    return w.op(
        "LayerNormalization",
        value,
        w.constant(norm.weight),
        w.constant(norm.bias),
        axis=-1,
        epsilon=SMALLEST,
    )


def _linear(w: Writer, value: str, linear: Linear) -> str:
    weight, step = eight_bit(linear.weight)
    low, high = min(linear.low, 0.0), max(linear.high, 0.0)
    scale = max(high - low, 1e-6) / 255
    its_scale = w.constant(np.array(scale, dtype=np.float32))
    zero = w.constant(np.array(round(-low / scale), dtype=np.uint8))
    small = w.op("QuantizeLinear", value, its_scale, zero)
    return w.op(
        "MatMulIntegerToFloat",
        small,
        w.constant(np.ascontiguousarray(weight.T)),
        its_scale,
        w.constant(step),
        zero,
        "",
        w.constant(linear.bias),
        domain=RUNTIME,
    )


def _layer(w: Writer, x: str, real: str, layer: LayerWeights, attention_heads: int) -> str:
    together = _linear(w, x, layer.query_key_value)
    parts = w.several("Split", 3, together, axis=2, num_outputs=3)
    seen = w.op("MultiHeadAttention", *parts, "", real, domain=RUNTIME, num_heads=attention_heads)
    x = _norm(w, w.op("Add", x, _linear(w, seen, layer.out)), layer.after_attention)
    wide = w.op("Gelu", _linear(w, x, layer.up), domain=RUNTIME)
    return _norm(w, w.op("Add", x, _linear(w, wide, layer.down)), layer.after_feed)


def build_encoder_graph(weights: EncoderWeights) -> onnx.ModelProto:
    """The whole transformer."""
    w = Writer()
    pieces, step = eight_bit(weights.pieces)
    known = w.op("Cast", w.op("Gather", w.constant(pieces), "input_ids"), to=TensorProto.FLOAT)
    sized = w.op("Gather", w.constant(step[:, None]), "input_ids")
    length = w.cut(w.op("Shape", "input_ids"), 1, 2)
    places = w.op("Slice", w.constant(weights.places), w.ints(0), length, w.ints(0))
    x = _norm(w, w.op("Add", w.op("Mul", known, sized), places), weights.first)

    is_real = w.op("Not", w.op("Equal", "input_ids", w.number(0)))
    for layer in weights.layers:
        x = _layer(
            w, x, w.op("Cast", is_real, to=TensorProto.INT32), layer, weights.attention_heads
        )

    real = w.op("Cast", is_real, to=TensorProto.FLOAT)
    weight = w.op("Div", real, w.op("ReduceSum", real, w.ints(1), keepdims=1))
    pooled = w.op("Tanh", _linear(w, x, weights.pool))
    # Written so that the order in which numbers are added is the same whatever the size of the
    # batch: a product for each text by itself, then sums over the last axis.
    mean = w.op("MatMul", w.op("Unsqueeze", weight, w.ints(1)), pooled)
    heads = w.op("Mul", mean, w.constant(weights.heads[None].astype(np.float32)))
    total = w.op("ReduceSum", heads, w.ints(2), keepdims=0)
    w.named("Add", "logits", total, w.constant(weights.bias.astype(np.float32)))
    explained = np.ascontiguousarray(weights.heads[list(weights.shares)].T, dtype=np.float32)
    each = w.op("Mul", pooled, w.op("Unsqueeze", weight, w.ints(2)))
    w.named("MatMul", "own", each, w.constant(explained))

    size = len(weights.heads)
    graph = helper.make_graph(
        w.nodes,
        "shenava-encoder",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", size]),
            helper.make_tensor_value_info(
                "own", TensorProto.FLOAT, ["batch", "length", len(weights.shares)]
            ),
        ],
        list(w.constants.values()),
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIME, 1)]
    )
    model.ir_version = 9
    return model
