"""Charts as plain shapes: drawn once, written as SVG on pages and as vectors in the PDF.

A chart is laid out along the line of reading: ``x`` grows from where a line of text begins. Written
from right to left it is mirrored, so that time and bars run as the eyes do: in a Persian or Arabic
report Saturday stands on the right. Words are handed in; roles say what a shape means, and the
style sheet or the PDF says how that looks. No meaning is told by colour alone: what is counted is
filled, the whole is outlined, the week before is a bar's tick, and numbers stand beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from markupsafe import Markup, escape

WIDTH = 360.0
"""Of every chart, in units in which its text is 12 high."""

_TEXT = 12.0
_ROW = 26.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. ``role``: ``whole``, ``part``, ``before``, ``cell``, ``ground``, ``line``."""

    x: float
    y: float
    width: float
    height: float
    role: str


@dataclass(frozen=True, slots=True)
class Words:
    """A text on its base line. ``anchor``: ``start``, ``middle`` or ``end`` along the reading."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    role: str = "label"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart. ``about`` says in words what it shows."""

    height: float
    shapes: tuple[Box | Words, ...]
    about: str
    width: float = WIDTH

    def mirrored(self) -> Drawing:
        """As it is read from right to left."""
        return Drawing(
            self.height,
            tuple(
                Box(self.width - one.x - one.width, one.y, one.width, one.height, one.role)
                if isinstance(one, Box)
                else Words(self.width - one.x, one.y, one.text, one.anchor, one.role)
                for one in self.shapes
            ),
            self.about,
            self.width,
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. ``text`` stands at its end; ``before``: where it was a week before."""

    name: str
    value: float
    text: str
    part: float = 0
    before: float | None = None


def columns(bars: Sequence[Bar], about: str) -> Drawing:
    """Upright bars side by side: days. ``part`` is filled within each."""
    top, bottom = 22.0, 22.0
    height = 150.0
    most = max([1.0, *(max(bar.value, bar.before or 0) for bar in bars)])
    scale = (height - top - bottom) / most
    base = height - bottom
    each = WIDTH / max(1, len(bars))
    shapes: list[Box | Words] = [Box(0, base, WIDTH, 1, "line")]
    for place, bar in enumerate(bars):
        x, width = place * each + each * 0.2, each * 0.6
        if bar.value:
            shapes.append(Box(x, base - bar.value * scale, width, bar.value * scale, "whole"))
        if bar.part:
            shapes.append(Box(x, base - bar.part * scale, width, bar.part * scale, "part"))
        if bar.before is not None:
            shapes.append(Box(x - 4, base - bar.before * scale - 1, width + 8, 2, "before"))
        above = base - max(bar.value, bar.before or 0) * scale - 6
        shapes.append(Words(x + width / 2, above, bar.text, "middle", "value"))
        shapes.append(Words(x + width / 2, height - 6, bar.name, "middle"))
    return Drawing(height, tuple(shapes), about)


def bars(rows: Sequence[Bar], about: str) -> Drawing:
    """Lying bars, one below the other, each with its name above it."""
    most = max([1.0, *(max(row.value, row.before or 0) for row in rows)])
    room = WIDTH - 64
    shapes: list[Box | Words] = []
    for place, row in enumerate(rows):
        y = place * (_ROW + 8)
        shapes.append(Words(0, y + _TEXT, row.name))
        length = row.value / most * room
        if row.value:
            shapes.append(Box(0, y + 17, max(1.5, length), 11, "whole"))
        if row.part:
            shapes.append(Box(0, y + 17, max(1.5, row.part / most * room), 11, "part"))
        reach = length
        if row.before is not None:
            at = row.before / most * room
            shapes.append(Box(max(0.0, at - 1), y + 14, 2, 17, "before"))
            reach = max(length, at)
        shapes.append(Words(reach + 6, y + 27, row.text, "start", "value"))
    return Drawing(max(1, len(rows)) * (_ROW + 8), tuple(shapes), about)


def hours(
    values: Mapping[tuple[int, int], int],
    days: Sequence[str],
    clock: Sequence[tuple[int, str]],
    about: str,
) -> Drawing:
    """A week as squares, a row a day and a column an hour: the larger a square, the more.

    ``clock``: the hours that are named above.
    """
    start, top = 66.0, 18.0
    each = (WIDTH - start) / 24
    most = max([1, *values.values()])
    shapes: list[Box | Words] = [
        Words(start + hour * each, 12, name, "start") for hour, name in clock
    ]
    for day, name in enumerate(days):
        y = top + day * (each + 6)
        shapes.append(Words(0, y + each - 1, name))
        for hour in range(24):
            x = start + hour * each
            shapes.append(Box(x + each / 2 - 0.7, y + each / 2 - 0.7, 1.4, 1.4, "ground"))
            value = values.get((day, hour), 0)
            if value:
                side = max(3.0, (each - 1) * sqrt(value / most))
                edge = (each - side) / 2
                shapes.append(Box(x + edge, y + edge, side, side, "cell"))
    return Drawing(top + len(days) * (each + 6), tuple(shapes), about)


def svg(drawing: Drawing, *, right_to_left: bool) -> Markup:
    """The chart as SVG, styled by classes alone: pages forbid styles that stand in them."""
    shown = drawing.mirrored() if right_to_left else drawing
    parts = []
    for one in shown.shapes:
        if isinstance(one, Box):
            parts.append(
                f'<rect class="{escape(one.role)}" x="{_n(one.x)}" y="{_n(one.y)}"'
                f' width="{_n(one.width)}" height="{_n(one.height)}"/>'
            )
        else:
            parts.append(
                f'<text class="{escape(one.role)}" x="{_n(one.x)}" y="{_n(one.y)}"'
                f' text-anchor="{escape(one.anchor)}">{escape(one.text)}</text>'
            )
    direction = "rtl" if right_to_left else "ltr"
    return Markup(  # noqa: S704 - every text above is escaped
        f'<svg class="chart" viewBox="0 0 {_n(shown.width)} {_n(shown.height)}" role="img"'
        f' direction="{direction}" aria-label="{escape(shown.about)}">{"".join(parts)}</svg>'
    )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
