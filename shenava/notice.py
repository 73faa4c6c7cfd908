"""The notice as a picture, for platforms that take no post without one: readable on a phone."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageDraw

from shenava.fonts import Fonts
from shenava.lettering import SetLine, Typeface, plain, typeface

SIZE = (1080, 1350)
"""Pixels: four to five, the tallest that Instagram shows whole in a feed."""

_EDGE = 64
_INSET = 72
_RADIUS = 36
_LARGEST, _SMALLEST = 76, 34
_NAME = 54
_STAGE = 40
_INK = (27, 31, 36)
_PAPER = (255, 255, 255)
_LEADING = 1.62
"""From one base to the next, in sizes: marks of Arabic script need air above and below."""
_ABOVE = 1.12
"""From the top of a line to its base, in sizes."""


class NoticeTooLong(ValueError):
    """The text does not fit a picture in letters that can be read on a phone."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What stands on it. ``colour``: of the shop, as ``#rrggbb``. ``stage``: how far the trouble
    is, in a word of the text's language."""

    text: str
    name: str
    stage: str
    colour: str


def draw_notice(notice: Notice, fonts: Fonts) -> bytes:
    """The picture, as JPEG. Raises :class:`NoticeTooLong`."""
    regular, bold = typeface(fonts.regular), typeface(fonts.bold)
    ground = _rgb(notice.colour)
    on_ground = _INK if _luminance(ground) > 0.45 else _PAPER
    picture = Image.new("RGB", SIZE, ground)
    pen = ImageDraw.Draw(picture)
    width = SIZE[0] - 2 * (_EDGE + _INSET)
    is_rtl = _mostly_rtl(regular, notice.text, width)

    name = _one_line(bold, notice.name, _NAME, SIZE[0] - 2 * _EDGE)
    up, down = bold.heights(_NAME)
    _place(picture, bold, name, _EDGE, _EDGE + up, _NAME, on_ground, is_rtl=is_rtl)
    top = _EDGE + up + down + 36

    stage = _one_line(bold, notice.stage, _STAGE, SIZE[0] - 2 * _EDGE)
    stage_up, stage_down = bold.heights(_STAGE)
    bottom = SIZE[1] - _EDGE - stage_up - stage_down - 36
    pen.rounded_rectangle((_EDGE, top, SIZE[0] - _EDGE, bottom), _RADIUS, fill=_PAPER)

    size, lines = _fit(regular, notice.text, width, bottom - top - 2 * _INSET)
    base = top + ((bottom - top) - len(lines) * size * _LEADING) / 2 + size * _ABOVE
    for line in lines:
        _place(picture, regular, line, _EDGE + _INSET, base, size, _INK, is_rtl=line.is_rtl)
        base += size * _LEADING

    base = bottom + 36 + stage_up
    _place(picture, bold, stage, _EDGE, base, _STAGE, on_ground, is_rtl=is_rtl)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue()


def left_out_signs(text: str, fonts: Fonts) -> str:
    """The signs of ``text`` that the picture will be without, such as emoji."""
    return typeface(fonts.regular).lacks(plain(text))


def _fit(face: Typeface, text: str, width: float, high: float) -> tuple[int, list[SetLine]]:
    """The largest letters in which the text fits, and its lines in them."""
    for size in range(_LARGEST, _SMALLEST - 1, -2):
        lines = face.wrap(text.strip(), size, width)
        if len(lines) * size * _LEADING <= high:
            return size, lines
    raise NoticeTooLong("The text is too long for a picture that can be read on a phone.")


def _one_line(face: Typeface, text: str, size: float, width: float) -> SetLine:
    lines = face.wrap(text, size, width)
    return lines[0] if lines else SetLine((), 0, is_rtl=False)


def _place(
    picture: Image.Image,
    face: Typeface,
    line: SetLine,
    edge: float,
    base: float,
    size: float,
    colour: tuple[int, int, int],
    *,
    is_rtl: bool,
) -> None:
    """Draw a line from where its reader begins."""
    left = SIZE[0] - edge - line.width if is_rtl else edge
    face.draw(picture, line, left, base, size, colour)


def _mostly_rtl(face: Typeface, text: str, width: float) -> bool:
    lines = [line for line in face.wrap(text, _SMALLEST, width) if line.glyphs]
    return bool(lines) and lines[0].is_rtl


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance, as WCAG counts it."""
    parts = [one / 255 for one in colour]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
