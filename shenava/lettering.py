"""Lettering: Persian, Arabic and English set into lines of glyphs, as readers of each expect.

Letters of Arabic script join and turn around; a line that mixes directions is reordered by the
Unicode Bidirectional Algorithm. HarfBuzz shapes each run and fills its outlines, python-bidi gives
the levels; both come as wheels, so that nothing has to be installed beside them.

Emoji and other signs that no font at hand has are left out; :meth:`Typeface.lacks` names them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import uharfbuzz as hb
from bidi import algorithm as bidi
from PIL import Image

# Text from outside may turn itself around; here each line has its own direction and nothing else.
_CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069\ufeff]"
)
_JOINERS = ("\u200c", "\u200d")


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph and where its origin stands, in pixels from the line's left end."""

    face: int
    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class SetLine:
    """One line, ready to be drawn: glyphs from left to right, ``width`` in pixels."""

    glyphs: tuple[Glyph, ...]
    width: float
    is_rtl: bool


class Typeface:
    """Some font files as one: for each letter the first that has it."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._fonts = [hb.Font(hb.Face(hb.Blob.from_file_path(str(path)))) for path in files]

    def lacks(self, text: str) -> str:
        """The signs of ``text`` that no file has, each once."""
        found = (sign for sign in plain(text) if not sign.isspace() and self._face_of(sign) is None)
        return "".join(dict.fromkeys(found))

    def heights(self, size: float) -> tuple[float, float]:
        """How far lines of ``size`` pixels reach above and below their base, at most."""
        up = down = 0.0
        for font in self._fonts:
            extents = font.get_font_extents("ltr")
            scale = size / font.face.upem
            up, down = max(up, extents.ascender * scale), max(down, -extents.descender * scale)
        return up, down

    def wrap(self, text: str, size: float, width: float) -> list[SetLine]:
        """Break ``text`` into lines no wider than ``width``, at blanks where it can be. Each
        paragraph has the direction of its first letter that has one."""
        lines: list[SetLine] = []
        for paragraph in plain(text).split("\n"):
            is_rtl = _is_rtl(paragraph)
            words = paragraph.split()
            if not words:
                lines.append(SetLine((), 0, is_rtl))
                continue
            line = ""
            for word in words:
                longer = f"{line} {word}" if line else word
                if not line or self.set_line(longer, size, is_rtl=is_rtl).width <= width:
                    line = longer
                else:
                    lines.append(self.set_line(line, size, is_rtl=is_rtl))
                    line = word
                while self.set_line(line, size, is_rtl=is_rtl).width > width and len(line) > 1:
                    line = self._cut(line, size, width, lines, is_rtl=is_rtl)
            lines.append(self.set_line(line, size, is_rtl=is_rtl))
        return lines

    def _cut(
        self, word: str, size: float, width: float, lines: list[SetLine], *, is_rtl: bool
    ) -> str:
        """Set as much of a word as fits a line, such as a long link; returns the rest."""
        low, high = 1, len(word) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.set_line(word[:middle], size, is_rtl=is_rtl).width <= width:
                low = middle
            else:
                high = middle - 1
        lines.append(self.set_line(word[:low], size, is_rtl=is_rtl))
        return word[low:]

    def set_line(self, text: str, size: float, *, is_rtl: bool) -> SetLine:
        """Set one line of :func:`plain` text, without breaking it."""
        glyphs: list[Glyph] = []
        at = 0.0
        for run, face, level in self._runs(text, is_rtl=is_rtl):
            font = self._fonts[face]
            scale = size / font.face.upem
            buffer = hb.Buffer()
            buffer.add_str(run)
            buffer.guess_segment_properties()
            buffer.direction = "rtl" if level % 2 else "ltr"
            hb.shape(font, buffer)
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                x = at + place.x_offset * scale
                glyphs.append(Glyph(face, info.codepoint, x, place.y_offset * scale))
                at += place.x_advance * scale
        return SetLine(tuple(glyphs), at, is_rtl)

    def draw(
        self,
        onto: Image.Image,
        line: SetLine,
        left: float,
        base: float,
        size: float,
        colour: tuple[int, int, int],
    ) -> None:
        """Draw a line with its left end at ``left`` and its base at ``base``, pixels from the top
        left of the picture."""
        if not line.glyphs:
            return
        up, down = self.heights(size)
        wide, high = int(line.width + 2 * size), int((up + down) * 1.6) + 2
        origin = int(down * 1.3) + 1
        raster = hb.RasterDraw()
        raster.extents = hb.RasterExtents(0, 0, wide, high, 0)
        for glyph in line.glyphs:
            font = self._fonts[glyph.face]
            scale = size / font.face.upem
            shift = (left % 1.0) + size / 2
            raster.transform = (scale, 0.0, 0.0, scale, glyph.x + shift, glyph.y + origin)
            raster.draw_glyph(font, glyph.number)
        filled = raster.render()
        if filled is None:
            return
        seen = filled.extents
        mask = Image.frombuffer(
            "L", (seen.width, seen.height), bytes(filled.buffer), "raw", "L", seen.stride, -1
        )
        corner = (int(left) - int(size / 2), int(base) + origin - seen.height)
        onto.paste(colour, (corner[0], corner[1]), mask)

    # Runs.

    def _runs(self, text: str, *, is_rtl: bool) -> list[tuple[str, int, int]]:
        """The line as runs of one face and one level, from left to right: (text, face, level)."""
        runs: list[tuple[str, int, int]] = []
        face = 0
        for sign, level in _levels(text, is_rtl=is_rtl):
            found = face if _is_mark(sign) else self._face_of(sign)
            if found is None:
                continue
            if sign.isspace():
                found = face
            face = found
            if runs and runs[-1][1] == face and runs[-1][2] == level:
                runs[-1] = (runs[-1][0] + sign, face, level)
            else:
                runs.append((sign, face, level))
        return _left_to_right(runs)

    def _face_of(self, sign: str) -> int | None:
        if sign.isspace() or _is_mark(sign):
            return 0
        for place, font in enumerate(self._fonts):
            if font.get_nominal_glyph(ord(sign)):
                return place
        return None


def plain(text: str) -> str:
    """A text as it is set: composed, without controls that would turn it around."""
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))


@lru_cache(maxsize=4)
def typeface(files: tuple[Path, ...]) -> Typeface:
    """The same files are opened once."""
    return Typeface(files)


def _is_mark(sign: str) -> bool:
    return sign in _JOINERS or unicodedata.category(sign) in ("Mn", "Me", "Cf")


def _is_rtl(text: str) -> bool:
    for sign in text:
        kind = unicodedata.bidirectional(sign)
        if kind in ("R", "AL"):
            return True
        if kind == "L":
            return False
    return False


def _levels(text: str, *, is_rtl: bool) -> list[tuple[str, int]]:
    """Each sign of one line with its level: odd ones run from right to left."""
    storage = bidi.get_empty_storage()
    storage["base_level"] = int(is_rtl)
    storage["base_dir"] = "R" if is_rtl else "L"
    # Joiners would be removed on the way; they have the level of what stands before them.
    kept = [sign for sign in text if sign not in _JOINERS]
    bidi.get_embedding_levels("".join(kept), storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    levels = iter([one["level"] for one in storage["chars"]])
    found: list[tuple[str, int]] = []
    for sign in text:
        if sign in _JOINERS:
            found.append((sign, found[-1][1] if found else int(is_rtl)))
        else:
            found.append((sign, next(levels)))
    return found


def _left_to_right(runs: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Rule L2: from the highest level down to the lowest odd one, turn what is at least so high."""
    ordered = list(runs)
    levels = [level for _, _, level in runs]
    if not levels:
        return ordered
    lowest_odd = min((level for level in levels if level % 2), default=max(levels) + 1)
    for level in range(max(levels), lowest_odd - 1, -1):
        begin = 0
        while begin < len(ordered):
            end = begin
            while end < len(ordered) and ordered[end][2] >= level:
                end += 1
            if end > begin:
                ordered[begin:end] = ordered[begin:end][::-1]
            begin = max(end, begin + 1)
    return ordered
