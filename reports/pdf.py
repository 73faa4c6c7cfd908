"""Writing PDF pages: text of any of our scripts, tables, charts. Knows nothing of reports.

fpdf2 lays out, HarfBuzz (uharfbuzz) shapes Arabic script; fonts are the machine's own. With a fixed
date of creation the same content gives the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from fpdf import FPDF
from fpdf.enums import TextDirection, XPos, YPos

from reports.charts import Box, Drawing
from shenava.fonts import Fonts, find_fonts

_INK, _MUTED, _LINE = (28, 33, 36), (88, 95, 101), (200, 197, 189)
_FILLS = {
    "whole": ((220, 237, 240), (11, 101, 119)),
    "part": ((11, 101, 119), (11, 101, 119)),
    "cell": ((11, 101, 119), (11, 101, 119)),
    "before": (_INK, None),
    "ground": (_LINE, None),
    "line": (_LINE, None),
}
MARGIN = 14.0
"""Millimetres around every page."""

# It tells at length of each table of a font that it leaves out.
logging.getLogger("fontTools").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Text:
    """A text, perhaps a link."""

    text: str
    link: str | None = None
    bold: bool = False


class Pages:
    """A document on A4, written from its top to its end in one direction."""

    def __init__(
        self, font_file: Path | None, *, right_to_left: bool, language: str, made_at: datetime
    ) -> None:
        """Raises :class:`shenava.fonts.FontsMissing`. ``made_at``: the date that it carries."""
        self.right_to_left = right_to_left
        self._pdf = pdf = FPDF(format="A4")
        pdf.set_creation_date(made_at)
        pdf.set_lang(language)
        pdf.set_margins(MARGIN, MARGIN)
        pdf.set_auto_page_break(True, MARGIN)
        self._fonts(find_fonts(font_file))
        pdf.set_text_shaping(
            use_shaping_engine=True,
            direction=TextDirection.RTL if right_to_left else TextDirection.LTR,
        )
        pdf.add_page()

    def _fonts(self, fonts: Fonts) -> None:
        for style, files in (("", fonts.regular), ("B", fonts.bold)):
            for place, file in enumerate(files):
                self._pdf.add_font(f"f{place}", style, str(file))
        more = [f"f{place}" for place in range(1, len(fonts.regular))]
        self._pdf.set_font("f0", size=10)
        if more:
            self._pdf.set_fallback_fonts(more, exact_match=False)

    @property
    def width(self) -> float:
        return float(self._pdf.epw)

    @property
    def _align(self) -> str:
        return "R" if self.right_to_left else "L"

    def title(self, text: str, meta: str) -> None:
        """What the document is called, in its properties too."""
        self._pdf.set_title(f"{text} · {meta}")
        self._pdf.set_creator("Shenava")
        self.line(text, size=18, bold=True)

    def line(
        self,
        text: str,
        *,
        size: float = 10,
        bold: bool = False,
        muted: bool = False,
        link: str | None = None,
        gap: float = 0,
    ) -> None:
        """A paragraph over the whole width."""
        pdf = self._pdf
        pdf.set_font("f0", "B" if bold else "", size)
        pdf.set_text_color(*(_MUTED if muted else _INK))
        pdf.multi_cell(
            0,
            size * 0.55,
            text,
            align=self._align,
            link=link or "",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )
        if gap:
            pdf.ln(gap)

    def heading(self, text: str, *, room: float = 30) -> None:
        """A heading that stays with the ``room`` millimetres that follow it."""
        self.keep(room)
        self._pdf.ln(3)
        self.line(text, size=13, bold=True, gap=1)

    def keep(self, room: float) -> None:
        """Begin a new page where fewer millimetres are left."""
        if self._pdf.will_page_break(room):
            self._pdf.add_page()

    def boxes(self, boxes: Sequence[Sequence[Text | tuple[Text, float]]], columns: int) -> None:
        """Boxes side by side, each with its lines: (text, size), plain text at 8."""
        pdf = self._pdf
        gap = 4.0
        width = (self.width - gap * (columns - 1)) / columns
        for begin in range(0, len(boxes), columns):
            row = boxes[begin : begin + columns]
            heights = [self._height(lines, width - 6) + 6 for lines in row]
            self.keep(max(heights) + 2)
            top = pdf.get_y()
            for place, lines in enumerate(row):
                column = columns - 1 - place if self.right_to_left else place
                x = MARGIN + column * (width + gap)
                pdf.set_draw_color(*_LINE)
                pdf.rect(x, top, width, max(heights))
                y = top + 3
                for one in lines:
                    y = self._place(one, x + 3, y, width - 6)
            pdf.set_xy(MARGIN, top + max(heights) + gap)

    def _height(self, lines: Sequence[Text | tuple[Text, float]], width: float) -> float:
        total = 0.0
        for one in lines:
            text, size = one if isinstance(one, tuple) else (one, 8.0)
            self._pdf.set_font("f0", "B" if text.bold else "", size)
            total += cast(
                float,
                self._pdf.multi_cell(
                    width, size * 0.55, text.text, align=self._align, dry_run=True, output="HEIGHT"
                ),
            )
        return total

    def _place(self, one: Text | tuple[Text, float], x: float, y: float, width: float) -> float:
        text, size = one if isinstance(one, tuple) else (one, 8.0)
        self._pdf.set_font("f0", "B" if text.bold else "", size)
        self._pdf.set_text_color(*(_INK if text.bold or size > 8 else _MUTED))
        self._pdf.set_xy(x, y)
        self._pdf.multi_cell(
            width,
            size * 0.55,
            text.text,
            align=self._align,
            link=text.link or "",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )
        return float(self._pdf.get_y())

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[Text]], shares: Sequence[float]
    ) -> None:
        """A table; ``shares`` divide the width between its columns."""
        total = sum(shares)
        widths = [self.width * share / total for share in shares]
        self._row([Text(one) for one in head], widths, muted=True)
        for row in rows:
            self._row(row, widths)
        self._pdf.ln(1.5)

    def _row(self, cells: Sequence[Text], widths: Sequence[float], *, muted: bool = False) -> None:
        pdf = self._pdf
        heights = [
            self._height([(cell, 8.5)], width - 2)
            for cell, width in zip(cells, widths, strict=True)
        ]
        self.keep(max(heights) + 3)
        top = pdf.get_y()
        pdf.set_draw_color(*_LINE)
        if not muted:
            pdf.line(MARGIN, top, MARGIN + self.width, top)
        at = 0.0
        for cell, width in zip(cells, widths, strict=True):
            x = MARGIN + (self.width - at - width if self.right_to_left else at)
            pdf.set_font("f0", "B" if cell.bold else "", 8.5)
            pdf.set_text_color(*(_MUTED if muted else _INK))
            pdf.set_xy(x + 1, top + 1)
            pdf.multi_cell(
                width - 2,
                8.5 * 0.55,
                cell.text,
                align=self._align,
                link=cell.link or "",
                new_x=XPos.LMARGIN,
                new_y=YPos.NEXT,
            )
            at += width
        pdf.set_xy(MARGIN, top + max(heights) + 2)

    def chart(self, drawing: Drawing, width: float = 110) -> None:
        """A chart, ``width`` millimetres wide, at the side where lines begin."""
        pdf = self._pdf
        shown = drawing.mirrored() if self.right_to_left else drawing
        scale = width / shown.width
        self.keep(shown.height * scale + 2)
        top = pdf.get_y() + 1
        left = MARGIN + (self.width - width if self.right_to_left else 0)
        margin = pdf.c_margin
        for one in shown.shapes:
            if isinstance(one, Box):
                fill, edge = _FILLS[one.role]
                pdf.set_fill_color(*fill)
                if edge:
                    pdf.set_draw_color(*edge)
                pdf.rect(
                    left + one.x * scale,
                    top + one.y * scale,
                    one.width * scale,
                    one.height * scale,
                    style="DF" if edge else "F",
                )
                continue
            high = 12 * scale
            pdf.set_font("f0", "B" if one.role == "value" else "", high * 72 / 25.4)
            pdf.set_text_color(*_INK)
            # A cell as wide as need be, for only cells fall back to other fonts. Its base line is
            # at four fifths of its height.
            begins_left = (one.anchor == "start") != self.right_to_left
            x = left + one.x * scale
            # Never beyond the edge: a negative place would be one from the other side.
            wide = min(80.0, 2 * x if one.anchor == "middle" else 80.0 if begins_left else x)
            at = wide / 2 if one.anchor == "middle" else 0.0 if begins_left else wide
            pdf.c_margin = 0
            pdf.set_xy(x - at, top + one.y * scale - 0.8 * high)
            align = "C" if one.anchor == "middle" else "L" if begins_left else "R"
            pdf.cell(wide, high, one.text, align=align)
            pdf.c_margin = margin
        pdf.set_xy(MARGIN, top + shown.height * scale + 2)

    def output(self) -> bytes:
        return bytes(self._pdf.output())
