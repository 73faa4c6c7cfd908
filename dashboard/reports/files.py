"""The report for programs: JSON and CSV. The same instant gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from dashboard.reports.sheet import instant_text
from dashboard.reports.words import DEFINITIONS
from reports import change
from reports.change import Change
from reports.counting import Counts
from reports.figures import TIMES, Figure, Key
from reports.making import Report


def told_of(report: Report) -> dict[str, Any]:
    """The report as plain values: the JSON file and the API both say this."""
    return {
        "week": report.week.name,
        "time_zone": report.week.zone.key,
        "starts_at": instant_text(report.week.starts_at),
        "ends_at": instant_text(report.week.ends_at),
        "counted_until": instant_text(report.now.span.ends_at),
        "as_of": instant_text(report.as_of),
        "finished": report.finished,
        "compared": report.compared,
        "figures": [_figure(report, key) for key in _keys(report)],
        "times": [_times(report, figure) for figure in TIMES],
        "broadcasts": [
            {
                "id": str(one.broadcast_id),
                "began_at": instant_text(one.at),
                "stage": one.stage,
                "complaints_3h_before": one.complaints_before,
                "complaints_3h_after": one.complaints_after,
            }
            for one in report.broadcasts
        ],
    }


def json_of(report: Report) -> bytes:
    return (json.dumps(told_of(report), ensure_ascii=False, indent=2) + "\n").encode()


def csv_of(report: Report) -> bytes:
    """One line a number, UTF-8 with a byte order mark, which spreadsheets want."""
    stream = io.StringIO()
    out = csv.writer(stream)
    out.writerow(("week", "as_of", "figure", "segment", "value", "before", "change", "p", "unit"))
    begin = (report.week.name, instant_text(report.as_of))
    for key in _keys(report):
        one = _figure(report, key)
        out.writerow(
            (
                *begin,
                one["figure"],
                one["segment"],
                one["value"],
                one["before"],
                one["change"],
                one["p"],
                "count",
            )
        )
    for figure in TIMES:
        one = _times(report, figure)
        for name in ("median_open_s", "p90_open_s", "median_s", "p90_s"):
            unit = "seconds of opening hours" if "open" in name else "seconds"
            out.writerow(
                (
                    *begin,
                    one["figure"],
                    name,
                    one[name],
                    one["before"][name],
                    one["change"] if name == "median_open_s" else "",
                    "",
                    unit,
                )
            )
    return ("\ufeff" + stream.getvalue()).encode()


def definition(figure: Figure) -> str:
    """What a figure counts, in English, as documents for programs say it."""
    return DEFINITIONS[figure].message


def _keys(report: Report) -> list[Key]:
    """Whole figures always, segments where either week has something."""
    found = {Key(figure) for figure in Figure}
    found |= {key for key, number in report.now.numbers.items() if number}
    if report.compared:
        found |= {key for key, number in report.before.numbers.items() if number}
    order = list(Figure)
    return sorted(found, key=lambda key: (order.index(key.figure), key.segment))


def _figure(report: Report, key: Key) -> dict[str, Any]:
    now, before = report.now.numbers[key], report.before.numbers[key]
    found = change.of_counts(now, before) if report.compared else change.ALONE
    return {
        "figure": key.figure.value,
        "segment": key.segment,
        "value": now,
        "before": before if report.compared else None,
        **_change(found),
    }


def _times(report: Report, figure: Figure) -> dict[str, Any]:
    found = (
        change.of_times(report.now.times[figure], report.before.times[figure])
        if report.compared
        else change.ALONE
    )
    return {
        "figure": figure.value,
        **_spans(report.now, figure),
        "before": _spans(report.before, figure),
        "change": found.says.value,
    }


def _spans(counts: Counts, figure: Figure) -> dict[str, Any]:
    times, elapsed = counts.times[figure], counts.elapsed[figure]
    return {
        "number": times.number,
        "median_open_s": times.median,
        "p90_open_s": times.p90,
        "median_s": elapsed.median,
        "p90_s": elapsed.p90,
    }


def _change(found: Change) -> dict[str, Any]:
    return {
        "change": found.says.value,
        "p": None if found.p is None else float(f"{found.p:.3g}"),
    }
