"""People who were erased, known again by their seal: what they wrote before is not taken in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.people import IdentityKey, identity_key
from shenava.messages import Incoming
from shenava.store import ErasedKey
from shenava.store.bulk import either
from shenava.store.erased import sealed


def marks(session: Session, batch: Sequence[Incoming]) -> dict[IdentityKey, ErasedKey]:
    """Of the authors of a batch those who were erased."""
    if session.scalar(select(ErasedKey.platform).limit(1)) is None:
        return {}
    people = {identity_key(item) for item in batch}
    seals = {(key[0], sealed(session, *key)): key for key in people}
    found = session.scalars(
        select(ErasedKey).where(either(ErasedKey.platform, ErasedKey.seal, seals))
    )
    return {seals[(row.platform, row.seal)]: row for row in found}


def allowed(marks: dict[IdentityKey, ErasedKey], batch: Sequence[Incoming]) -> list[Incoming]:
    """The batch without what erased people wrote before they were erased."""
    if not marks:
        return list(batch)
    return [
        item
        for item in batch
        if (row := marks.get(identity_key(item))) is None or item.version_at > row.erased_at
    ]
