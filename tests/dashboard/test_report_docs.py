"""``docs/report.md`` says of every figure what the program says of it."""

from __future__ import annotations

from pathlib import Path

from dashboard.reports.document import figures_table, with_figures
from reports.figures import Figure

PAGE = Path(__file__).parent.parent.parent / "docs" / "report.md"


def test_the_page_defines_every_figure_as_the_program_does() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_figures(page), "run python -m dashboard.reports.document docs/report.md"
    assert figures_table() in page
    for figure in Figure:
        assert f"(`{figure.value}`)" in page
