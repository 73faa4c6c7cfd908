"""Promises about pictures from outside: nothing of what came is shown but its pixels."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image
from support.painting import clear, painted

from shenava.pictures import LONGEST, THUMB, NotAPicture, TooManyPixels, remade


def _read(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_what_people_send_becomes_a_jpeg(kind: str) -> None:
    made = remade(painted(640, 480, kind))
    assert (made.mime, made.width, made.height) == ("image/jpeg", 640, 480)
    assert _read(made.content).format == "JPEG"
    assert max(_read(made.thumb).size) == THUMB


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_can_be_seen_through_stays_so(kind: str) -> None:
    made = remade(clear(kind=kind))
    assert made.mime == "image/png"
    assert _read(made.content).getchannel("A").getextrema() == (90, 90)


def test_large_pictures_are_made_smaller() -> None:
    made = remade(painted(6_000, 3_000))
    assert (made.width, made.height) == (LONGEST, LONGEST // 2)


def test_nothing_rides_along() -> None:
    """Neither where it was taken nor what was hidden behind the pixels."""
    image = Image.new("RGB", (40, 20), "#376b17")
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif[0x0112] = 6  # turned on its side
    out = BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"<script>secret comment</script>")
    made = remade(out.getvalue() + b"<script>secret tail</script>")
    assert b"secret" not in made.content + made.thumb
    assert (made.width, made.height) == (20, 40)


def _bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(999))), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("side", [6_000, 60_000])
def test_a_bomb_is_not_unfolded(side: int) -> None:
    with pytest.raises(TooManyPixels):
        remade(_bomb(side, side))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"\xff\xd8\xff\xe0" + bytes(40),
        painted()[:300],
        painted(kind="PNG")[:60],
        _bomb(40, 40),
    ],
    ids=lambda content: content[:8].hex() or "empty",
)
def test_what_is_no_whole_picture_is_none(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        remade(content)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_not_even_tried(kind: str) -> None:
    with pytest.raises(NotAPicture):
        remade(painted(40, 40, kind))
