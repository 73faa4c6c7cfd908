"""A small shop's last two days, written for Shenava: what ``shenava run --sample`` begins with.

``messages.jsonl`` holds rows as a file import takes them, with two fields of its own:
``minutes_ago`` in place of ``created_at``, so that the messages are always fresh, and ``vip``.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from collectors.file_import import ImportOptions, read_message
from collectors.intake import take_in
from collectors.people import identity_key
from shenava.messages import Incoming
from shenava.store import Customer, Identity, Message, Store

FILE = Path(__file__).parent / "messages.jsonl"


def read_sample(now: datetime) -> list[tuple[Incoming, bool]]:
    """The bundled messages as of ``now`` (aware), each with whether its writer is a VIP."""
    options = ImportOptions(zone=ZoneInfo("UTC"))
    found = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        at = now - timedelta(minutes=row["minutes_ago"])
        found.append(
            (read_message({**row, "created_at": at.isoformat()}, options, now), "vip" in row)
        )
    return found


def fill_if_empty(store: Store) -> int:
    """Take the bundled messages in if the store has no message yet; returns how many were new."""
    with store.read() as session:
        if session.scalar(select(Message.id).limit(1)) is not None:
            return 0
    now = store.clock.now()
    sample = read_sample(now)
    result = take_in(store, [item for item, _ in sample])
    vips = {identity_key(item) for item, vip in sample if vip}
    with store.write() as session:
        for platform, key in sorted(vips):
            identity = session.scalars(
                select(Identity).where(Identity.platform == platform, Identity.key == key)
            ).one()
            identity.customer = identity.customer or Customer(created_at=now)
            identity.customer.vip = True
    return result.new
