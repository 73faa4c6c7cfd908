"""Rows of saved replies: what a shop says again and again, in each language it answers in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from shenava.store.base import Base, BigId


class SavedReply(Base):
    """A text to begin an answer with. ``shortcut`` is what is typed after ``/``, folded.

    A text is empty where the shop has none in that language; one at least is not. Places to fill
    stand in it as ``{order}``.
    """

    __tablename__ = "saved_replies"
    __table_args__ = (
        CheckConstraint("text_fa <> '' OR text_ar <> '' OR text_en <> ''", name="some_text"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    shortcut: Mapped[str] = mapped_column(String(30), unique=True)
    text_fa: Mapped[str] = mapped_column(Text)
    text_ar: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    changed_at: Mapped[datetime]
