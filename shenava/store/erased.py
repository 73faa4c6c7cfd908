"""What stays of people who were erased: a seal by which they are known again, and no more.

The seal is an HMAC of the key of an identity (``id:…`` or ``handle:…``) under a secret that lies
outside database and backup. A plain hash would not do: ids are numbers that can all be tried.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from shenava.messages import Platform
from shenava.store.base import Base, text_enum

INFO = "shenava_seal"
"""Where a session keeps the secret."""


class ErasedKey(Base):
    """One key by which an erased person was known. What they wrote up to ``erased_at`` is not
    taken in again; should they write anew, ``opted_out`` and ``blocked`` hold for them still."""

    __tablename__ = "erased_keys"

    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"), primary_key=True)
    seal: Mapped[str] = mapped_column(String(64), primary_key=True)
    erased_at: Mapped[datetime]
    opted_out: Mapped[bool]
    blocked: Mapped[bool]


def sealed(session: Session, platform: Platform, key: str) -> str:
    """The seal of an identity's key, in hex."""
    secret: bytes = session.info.get(INFO, b"")
    return hmac.new(secret, f"{platform.value}\n{key}".encode(), hashlib.sha256).hexdigest()
