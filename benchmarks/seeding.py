"""Data folders full of conversations, made once and kept in the machine's temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from zlib import crc32
from zoneinfo import ZoneInfo

from sqlalchemy import event, text

from benchmarks.messages import rows
from collectors.file_import import ImportOptions, read_message
from collectors.intake import take_in
from config import Settings
from dashboard.auth.passwords import hashed
from responder.policy import policy_of
from service.pipeline import Pipeline
from shenava.messages import (
    Intent,
    Judgement,
    Language,
    Platform,
    ScoredIntent,
    ScoredSentiment,
    Script,
    Sentiment,
    Verdict,
)
from shenava.store import Role, Store, User, UserState, migrations

EMAIL = "bench@example.com"
PASSWORD = "a long enough sentence"
BATCH = 5_000


def seeded_home(conversations: int, home: Path) -> None:
    """Fill ``home`` with a database of so many conversations: most closed, as in a shop that has
    worked for a while, thousands open, some snoozed, some assigned, each with its verdict."""
    folder = Path(tempfile.gettempdir())
    kept = folder / f"shenava-bench-{conversations}-{_layout():08x}.db"
    if not kept.exists():
        for outdated in folder.glob(f"shenava-bench-{conversations}-*.db"):
            outdated.unlink()
        making = kept.with_suffix(".making")
        making.unlink(missing_ok=True)
        _fill(making, conversations)
        making.rename(kept)
    home.mkdir(mode=0o700)
    shutil.copyfile(kept, home / "shenava.db")


def _layout() -> int:
    """Another number for another layout of the tables."""
    steps = Path(migrations.__path__[0]).glob("versions/*.py")
    return crc32(b"".join(step.read_bytes() for step in sorted(steps)))


def _fill(file: Path, conversations: int) -> None:
    store = Store(f"sqlite:///{file}")
    event.listen(store.engine, "connect", lambda db, _: db.execute("PRAGMA synchronous = OFF"))
    store.close()  # connections from here on
    migrations.upgrade(store)
    pipeline = Pipeline(store, _Dice(), policy_of(Settings()))
    options = ImportOptions(zone=ZoneInfo("UTC"), platform=Platform.X)
    now = datetime.now(UTC)
    told = (
        {name: str(value) for name, value in row.items()}
        for row in rows(conversations, people=conversations)
    )
    while batch := [
        read_message(row, options, now) for row, _ in zip(told, range(BATCH), strict=False)
    ]:
        take_in(store, batch)
        pipeline.run_until_idle(BATCH)
    with store.write() as session:
        session.add(
            User(
                email=EMAIL,
                name="Bench",
                role=Role.ADMIN,
                state=UserState.ACTIVE,
                password_hash=hashed(PASSWORD),
                session_key="bench",
                created_at=now,
            )
        )
        session.flush()
        for statement in _WORKED:
            session.execute(text(statement), {"now": now.replace(tzinfo=None)})
    with store.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    store.close()


def seeded_facts(store: Store, messages: int, at: datetime) -> None:
    """Messages taken in and judged, as any are, written at ``at``; for their facts."""
    options = ImportOptions(zone=ZoneInfo("UTC"), platform=Platform.X)
    pipeline = Pipeline(store, _Dice(), policy_of(Settings()))
    told = [
        {name: str(value) for name, value in row.items()} | {"created_at": at.isoformat()}
        for row in rows(messages, people=messages)
    ]
    now = store.clock.now()
    for begin in range(0, messages, BATCH):
        take_in(store, [read_message(row, options, now) for row in told[begin : begin + BATCH]])
        pipeline.run_until_idle(BATCH)


# What staff have done by now. One in ten is open, whatever the size, and thousands at the largest.
_WORKED = (
    "UPDATE cases SET state = 'closed', closed_at = last_message_at, waiting_since = NULL,"
    " due_at = NULL, needs_answer = false, priority = 0 WHERE id % 10 > 1",
    "UPDATE cases SET state = 'snoozed', snoozed_until = datetime(:now, '+1 day') || '.000000'"
    " WHERE id % 100 = 1",
    "UPDATE cases SET assignee_id = 1 WHERE state = 'open' AND id % 3 = 0",
)


class _Dice:
    """Verdicts that depend on the text alone, in the proportions of real ones, and cost nothing."""

    name = "dice"

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        return [self._judge(Random(crc32(one.encode()))) for one in texts]

    def _judge(self, random: Random) -> Verdict:
        mood = random.choices(list(Sentiment), [6, 3, 2])[0]
        complaint = mood is Sentiment.NEGATIVE and random.random() < 0.6
        chance = random.random()
        return Verdict(
            language=random.choices(list(Language), [4, 2, 3, 1, 1])[0],
            script=Script.NATIVE,
            sentiment=ScoredSentiment(mood, 0.5 + chance / 2),
            complaint=Judgement(complaint if chance > 0.1 else None, 0.8),
            urgent=Judgement(complaint and chance > 0.8, 0.8),
            intents=(ScoredIntent(random.choice(list(Intent)), 0.8),),
            why=("پول کم شد",) if complaint else (),
            model=self.name,
        )
