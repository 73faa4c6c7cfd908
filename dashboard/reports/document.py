"""The table of figures in ``docs/report.md``: ``python -m dashboard.reports.document FILE``."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboard.reports.words import DEFINITIONS, TITLES
from reports.figures import FIGURES, Figure

_BEGIN, _END = "<!-- figures -->\n", "<!-- /figures -->"


def figures_table() -> str:
    """Every figure: its title, its name for programs, what it can be split by, what it counts."""
    lines = ["| Figure | What it counts |", "| --- | --- |"]
    for figure in Figure:
        by = ", ".join(f"`{one.value}`" for one in FIGURES[figure].by)
        split = f" Split by {by}." if by else ""
        title = TITLES[figure].message
        lines.append(f"| {title} (`{figure.value}`) | {DEFINITIONS[figure].message}{split} |")
    return "\n".join(lines)


def with_figures(page: str) -> str:
    """The page with its table as it is today."""
    head, _, rest = page.partition(_BEGIN)
    return f"{head}{_BEGIN}{figures_table()}\n{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_figures(path.read_text(encoding="utf-8")), encoding="utf-8")
