"""Pictures: what kind and size they are, and simple ones that are drawn by chance."""

from __future__ import annotations

import random
import struct
import zlib


def look_at(content: bytes) -> tuple[str, tuple[int, int]]:
    """Kind and size in pixels of a picture, from its first bytes; ``("", (0, 0))`` for others."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        return "image/png", struct.unpack(">II", content[16:24])
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", _jpeg_size(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", (0, 0)
    return "", (0, 0)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
    return 0, 0


def draw_picture(
    draw: random.Random, size: tuple[int, int] = (320, 200)
) -> tuple[bytes, tuple[int, int]]:
    """A small PNG (stripes in two colours of chance), and its width and height in pixels."""
    width, height = size
    one, other = (bytes(draw.randrange(40, 230) for _ in range(3)) for _ in range(2))
    slant = draw.randrange(8, 40)
    rows = b"".join(
        b"\0" + b"".join(one if (x + y) // slant % 2 else other for x in range(width))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 6)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts), (width, height)
