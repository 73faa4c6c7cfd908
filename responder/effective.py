"""What is held to be true of a message: the newest verdict, as people corrected it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shenava.messages import Intent, Language, Sentiment
from shenava.store import Correction, VerdictRow

PIECE = 5_000
"""Messages asked about in one question: PostgreSQL takes 65,535 parameters, SQLite 32,766."""


@dataclass(frozen=True, slots=True)
class Held:
    """A verdict with its correction laid over it. ``corrected``: a person changed something.

    ``verdict`` has the columns of its row, and is not watched by any session.
    """

    verdict: VerdictRow
    sentiment: Sentiment
    complaint: bool | None
    urgent: bool | None
    intents: tuple[Intent, ...]
    correction: Correction | None

    @property
    def language(self) -> Language:
        return self.verdict.language

    @property
    def corrected(self) -> bool:
        """True when a person's word stands over the model's in at least one field."""
        told = self.correction
        return told is not None and any(
            value is not None
            for value in (told.sentiment, told.complaint, told.urgent, told.intents)
        )

    def as_json(self) -> dict[str, Any]:
        """As a fact keeps it. ``complaint_p``: how sure it is that this is a complaint, 0 to 1; a
        person's word is certain."""
        said = self.correction is not None and self.correction.complaint is not None
        return {
            "language": self.language.value,
            "sentiment": self.sentiment.value,
            "complaint": self.complaint,
            "complaint_p": 1.0 if said else self.verdict.complaint_p,
            "urgent": self.urgent,
            "intents": [one.value for one in self.intents],
            "corrected": self.corrected,
        }


def held_verdicts(session: Session, message_ids: Iterable[int]) -> dict[int, Held]:
    """The verdicts in force, by message. A message without one is left out. Two queries
    for every :data:`PIECE` messages."""
    verdicts: dict[int, Any] = {}
    corrections: dict[int, Correction] = {}
    ids = sorted(set(message_ids))
    for begin in range(0, len(ids), PIECE):
        wanted = ids[begin : begin + PIECE]
        # Rows, not objects that a session looks after: a batch of the pipeline reads thousands.
        for row in session.execute(
            select(*VerdictRow.__table__.columns)
            .where(VerdictRow.message_id.in_(wanted))
            .order_by(VerdictRow.id)
        ):
            verdicts[row.message_id] = row
        for told in session.scalars(
            select(Correction)
            .where(Correction.message_id.in_(wanted), Correction.superseded_at.is_(None))
            .order_by(Correction.id)
        ):
            corrections[told.message_id] = told
    return {key: _lay_over(row, corrections.get(key)) for key, row in verdicts.items()}


def _lay_over(verdict: VerdictRow, told: Correction | None) -> Held:
    said = tuple(Intent(item["label"]) for item in verdict.intents)
    if told is None:
        return Held(verdict, verdict.sentiment, verdict.complaint, verdict.urgent, said, None)
    return Held(
        verdict=verdict,
        sentiment=verdict.sentiment if told.sentiment is None else told.sentiment,
        complaint=verdict.complaint if told.complaint is None else told.complaint,
        urgent=verdict.urgent if told.urgent is None else told.urgent,
        intents=said if told.intents is None else tuple(Intent(label) for label in told.intents),
        correction=told,
    )
