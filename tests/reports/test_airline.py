"""A real week: posts to six airlines, 16 to 22 February 2015, counted independently of the book.

The posts are not part of the project; ``SHENAVA_REPLAY`` names the folder they lie in.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from support.judges import WordJudge
from support.reporting import assert_every_number_equals_its_list, by, counted

from collectors.file_import import ImportOptions
from config import Settings
from reports.figures import Figure
from reports.weeks import week_named
from responder.policy import policy_of
from service.importing import import_and_judge
from service.pipeline import Pipeline
from shenava.messages import Platform
from shenava.store import Store

pytestmark = pytest.mark.replay
ZONE = ZoneInfo("America/Los_Angeles")
NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def test_a_real_week_is_counted_as_plain_python_and_sql_count_it(sqlite_store: Store) -> None:
    store = sqlite_store
    file = Path(os.environ["SHENAVA_REPLAY"]) / "airline_mentions.csv"
    settings = Settings(
        time_zone=ZONE.key, first_weekday="monday", business_hours="mon-fri 09:00-17:00"
    )
    policy = policy_of(settings)
    options = ImportOptions(zone=settings.zone, platform=Platform.X, historic=True)
    import_and_judge(
        store,
        Pipeline(store, WordJudge(), policy),
        str(file),
        options,
        rejects=None,
        progress=False,
    )
    week = week_named(policy.hours, "2015-02-16")
    counts = counted(store, policy, week)

    # Each id once, as it first stands in the file; times with the offset that they carry.
    posts: dict[str, tuple[datetime, str]] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            at = datetime.fromisoformat(row["created_at"]).astimezone(ZONE)
            posts.setdefault(row["id"], (at, row["text"]))
    of_week = [
        (at, words)
        for at, words in posts.values()
        if datetime(2015, 2, 16, tzinfo=ZONE) <= at < datetime(2015, 2, 23, tzinfo=ZONE)
    ]
    assert len(of_week) > 5_000
    assert counts.of(Figure.MESSAGES) == counts.of(Figure.READ) == len(of_week)
    days = Counter(str(at.weekday()) for at, _ in of_week)
    assert by(counts, Figure.MESSAGES, "day") == dict(sorted(days.items()))
    hours = Counter(f"{at.weekday()}-{at.hour}" for at, _ in of_week)
    assert by(counts, Figure.MESSAGES, "hour") == dict(hours)

    # What the judge says, asked of it again; and of the rows, in SQL.
    said = WordJudge().classify([words for _, words in of_week])
    assert counts.of(Figure.COMPLAINTS) == sum(one.complaint.value is True for one in said)
    assert counts.of(Figure.URGENT) == sum(one.urgent.value is True for one in said)
    assert by(counts, Figure.READ, "mood") == dict(Counter(one.sentiment.label for one in said))
    assert by(counts, Figure.READ, "language") == dict(Counter(one.language for one in said))
    with store.read() as session:
        rows = session.execute(
            text(
                "SELECT count(*), sum(v.complaint) FROM messages m JOIN verdicts v"
                " ON v.message_id = m.id WHERE m.written_at >= '2015-02-16 08:00:00'"
                " AND m.written_at < '2015-02-23 08:00:00'"
            )
        ).one()
    assert tuple(rows) == (counts.of(Figure.MESSAGES), counts.of(Figure.COMPLAINTS))
    assert counts.of(Figure.CASES) == counts.of(Figure.URGENT_UNANSWERED) == 0
    assert assert_every_number_equals_its_list(store, policy, week) > 100
