"""The ONNX graph, written out by hand: ids in, logits and the words' shares out.

Only training imports this module (it needs the ``onnx`` package). See :mod:`sentiment.features`
for the recipe it follows.

Inputs: ``input_ids`` int64 [batch, length], padded with 0 on the right, ``length`` at least 1.
Outputs: ``logits`` float [batch, heads]; ``own`` and ``pairs`` float [batch, length, shares]: what
the n-grams that begin at a position, and the pairs that end with the word beginning there, add
to each of the shares' logits. They add up to the logit less its bias, exactly but for rounding.

The table holds 8-bit integers. Sums of them stay below 2^24, where float is exact, so a text's
logits do not depend on the batch it is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sentiment.features import (
    KINDS,
    LONGEST,
    PAIR,
    PRIME,
    SALTS,
    SKIP,
    SPREAD,
    STEP,
    WORD,
    codes_for,
)

OPSET = 17
FAR = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learned. Shapes: ``table`` int8 [rows, size], ``scale`` float [size],
    ``heads`` float [heads, size], ``bias`` float [heads]; ``power`` is the exponent of the number
    of features by which their sum is divided; ``shares`` are the heads that are explained."""

    table: NDArray[np.int8]
    scale: NDArray[np.float32]
    heads: NDArray[np.float32]
    bias: NDArray[np.float32]
    power: float
    shares: tuple[int, ...]


class Writer:
    """Collects nodes and constants, and names them."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def number(self, value: int) -> str:
        return self.constant(np.array(value, dtype=np.int64))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def several(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        names = [f"n{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def named(self, kind: str, output: str, *inputs: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))

    def cut(self, value: str, start: int, end: int = FAR, axis: int = 0) -> str:
        return self.op("Slice", value, self.ints(start), self.ints(end), self.ints(axis))

    def shift(self, value: str, by: int, fill: int) -> str:
        padded = self.op("Concat", value, self.ints(*([fill] * by)), axis=0)
        return self.cut(padded, by)

    def modulo(self, value: str) -> str:
        return self.op("Mod", value, self.number(PRIME))

    def follow(self, value: str, following: str) -> str:
        """One step of the polynomial hash."""
        return self.modulo(self.op("Add", self.op("Mul", value, self.number(STEP)), following))

    def bucket(self, hashes: str, kind: int, rows: int) -> str:
        salted = self.op("Add", hashes, self.number(SALTS[kind]))
        spread = self.modulo(self.op("Mul", salted, self.number(SPREAD)))
        return self.op("Mod", spread, self.number(rows))

    def when(self, condition: str, then: str, otherwise: int) -> str:
        yes = self.op("Cast", condition, to=TensorProto.BOOL)
        return self.op("Where", yes, then, self.number(otherwise))


def _grams(w: Writer, codes: str, begins: str, real: str, rows: int) -> tuple[list[str], str]:
    """Buckets of the character n-grams, and each character's part of its word's hash."""
    one = w.number(1)
    valid, hashes, within = real, codes, codes
    columns = [w.when(valid, w.bucket(hashes, 0, rows), rows)]
    for n in range(2, LONGEST + 1):
        valid = w.op("Mul", valid, w.op("Sub", one, w.shift(begins, n - 1, 1)))
        following = w.shift(codes, n - 1, 0)
        hashes = w.follow(hashes, following)
        if n <= 3:
            within = w.follow(within, w.op("Mul", following, valid))
        columns.append(w.when(valid, w.bucket(hashes, n - 1, rows), rows))
    part = w.op("Mul", w.modulo(w.op("Mul", within, within)), real)
    return columns, part


def _words(w: Writer, part: str, starts: str, length: str, rows: int) -> list[str]:
    """Buckets of words and pairs, each put at the position where its (last) word begins."""
    at = w.op("Reshape", w.op("NonZero", starts), w.ints(-1))
    before = w.op("Gather", w.op("CumSum", part, w.number(0), exclusive=1), at)
    total = w.op("ReduceSum", part, w.ints(0), keepdims=1)
    after = w.cut(w.op("Concat", before, total, axis=0), 1)
    whole = w.modulo(w.op("Sub", after, before))
    row = w.op("Div", at, length)
    buckets = [w.bucket(whole, WORD, rows)]
    for kind, back in ((PAIR, 1), (SKIP, 2)):
        earlier = w.cut(w.op("Concat", w.ints(*[0] * back), whole, axis=0), 0, -back)
        its_row = w.cut(w.op("Concat", w.ints(*[-1] * back), row, axis=0), 0, -back)
        same = w.op("Equal", row, its_row)
        buckets.append(w.when(same, w.bucket(w.follow(earlier, whole), kind, rows), rows))
    empty = numpy_helper.from_array(np.array([rows], dtype=np.int64))
    nothing = w.op("ConstantOfShape", w.op("Shape", starts), value=empty)
    return [w.op("ScatterElements", nothing, at, b, axis=0) for b in buckets]


def build_graph(weights: Weights, begins: NDArray[np.bool_]) -> onnx.ModelProto:
    """The whole model. ``begins`` says of each token id whether a word begins with it."""
    rows, size = weights.table.shape
    w = Writer()
    real_of = np.ones(len(begins), dtype=np.int64)
    real_of[0] = 0
    shape = w.op("Shape", "input_ids")
    length = w.op("Gather", shape, w.number(1))
    flat = w.op("Reshape", "input_ids", w.ints(-1))
    codes = w.op("Gather", w.constant(codes_for(len(begins))), flat)
    breaks = w.op("Gather", w.constant(begins.astype(np.int64)), flat)
    real = w.op("Gather", w.constant(real_of), flat)

    grams, part = _grams(w, codes, breaks, real, rows)
    words = _words(w, part, w.op("Mul", breaks, real), length, rows)
    columns = [w.op("Unsqueeze", c, w.ints(1)) for c in (*grams, *words)]
    features = w.op("Concat", *columns, axis=1)

    # One more row of zeros stands for "no feature here".
    table = w.constant(np.concatenate([weights.table, np.zeros((1, size), dtype=np.int8)]))

    def summed(first: int, last: int) -> str:
        part_of = w.cut(features, first, last, axis=1)
        rows_of = w.op("Cast", w.op("Gather", table, part_of), to=TensorProto.FLOAT)
        total = w.op("ReduceSum", rows_of, w.ints(1), keepdims=0)
        dims = w.op("Concat", shape, w.ints(size), axis=0)
        return w.op("Reshape", total, dims)

    own, pairs = summed(0, PAIR), summed(PAIR, KINDS)
    everything = w.op("ReduceSum", w.op("Add", own, pairs), w.ints(1), keepdims=0)
    present = w.op("Cast", w.op("Less", features, w.number(rows)), to=TensorProto.FLOAT)
    per_place = w.op("ReduceSum", present, w.ints(1), keepdims=0)
    per_text = w.op("ReduceSum", w.op("Reshape", per_place, shape), w.ints(1), keepdims=1)
    count = w.op("Max", per_text, w.constant(np.array(1.0, dtype=np.float32)))
    divisor = w.op("Pow", count, w.constant(np.array(weights.power, dtype=np.float32)))

    heads = (weights.heads * weights.scale).astype(np.float32)
    hidden = w.op("Unsqueeze", w.op("Div", everything, divisor), w.ints(1))
    # Multiply and add instead of MatMul, whose rounding may depend on the size of the batch.
    products = w.op("Mul", hidden, w.constant(heads[None]))
    w.named(
        "Add",
        "logits",
        w.op("ReduceSum", products, w.ints(2), keepdims=0),
        w.constant(weights.bias.astype(np.float32)),
    )
    explained = w.constant(np.ascontiguousarray(heads[list(weights.shares)].T))
    per_position = w.op("Unsqueeze", divisor, w.ints(2))
    for name, value in (("own", own), ("pairs", pairs)):
        w.named("Div", name, w.op("MatMul", value, explained), per_position)

    shares = len(weights.shares)
    graph = helper.make_graph(
        w.nodes,
        "shenava-bag",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(heads)]),
            *(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "length", shares])
                for name in ("own", "pairs")
            ),
        ],
        list(w.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
