"""The report as a PDF: figures, charts, tables and links; no words of customers."""

from __future__ import annotations

from pathlib import Path

from dashboard.reports.sheet import Cell, Headline, Sheet, Table
from reports.making import Report
from reports.pdf import Pages, Text


def pdf_of(sheet: Sheet, report: Report, font_file: Path | None) -> bytes:
    """The same sheet of the same instant gives the same bytes. Raises ``FontsMissing``."""
    pages = Pages(
        font_file,
        right_to_left=sheet.right_to_left,
        language=sheet.reader.language.value,
        made_at=report.as_of,
    )
    pages.title(sheet.title, sheet.dates)
    pages.line(sheet.dates, size=13)
    if sheet.state:
        pages.line(sheet.state, bold=True)
    pages.line(sheet.as_of, size=8.5, muted=True, gap=3)
    pages.boxes([_box(one) for one in sheet.headlines], 3)
    for section in sheet.sections:
        pages.heading(section.title, room=55 if section.chart else 30)
        for note in section.notes:
            pages.line(note, size=8.5, muted=True)
        if section.chart:
            pages.chart(section.chart)
            legend = " · ".join(f"{_MARKS[role]} {word}" for role, word in section.legend)
            if legend:
                pages.line(legend, size=8, muted=True, gap=1)
        if section.table and section.table.rows:
            table = section.table
            pages.table(
                table.head, [[_text(one) for one in row] for row in table.rows], _shares(table)
            )
        for definition in section.definitions:
            pages.line(definition, size=7.5, muted=True)
    for note in sheet.notes:
        pages.line(note, size=8, muted=True)
    return pages.output()


_MARKS = {"whole": "□", "part": "■", "cell": "■", "before": "–"}
"""What stands for the shapes of a chart in a line of text."""


def _box(one: Headline) -> list[Text | tuple[Text, float]]:
    change = f"{one.arrow} {one.change}".strip()
    if one.before:
        change += f" ({one.before.text})"
    return [
        (Text(one.title), 9.0),
        (Text(one.value.text, one.value.link, bold=True), 18.0),
        (Text(change), 8.5),
        *(Text(detail.text, detail.link) for detail in one.details),
        (Text(one.definition), 6.5),
    ]


def _text(cell: Cell) -> Text:
    return Text(cell.text, cell.link, cell.strong)


def _shares(table: Table) -> list[float]:
    """A column of sentences is as wide as several of numbers."""
    shares = []
    for place, _head in enumerate(table.head):
        longest = max(len(row[place].text) for row in table.rows)
        shares.append(min(4.0, max(1.0, longest / 14)))
    return shares
