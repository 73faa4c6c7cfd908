"""When a platform stops letting a customer be answered: told where the clock of a case is shown."""

from __future__ import annotations

from datetime import datetime

from dashboard.context import desk
from dashboard.inbox.rows import Row
from shenava.messages import Deed
from shenava.store import CaseState


def window_ends(row: Row) -> datetime | None:
    """When the private conversation of a case that waits can be answered no longer, or no longer
    as now; ``None`` where nothing ends: the platform knows no window, or it is over."""
    known = desk().rules.get(row.platform)
    if known is None or not row.private or row.state is not CaseState.OPEN or not row.waits:
        return None
    window = known.window_of(Deed.DM, row.at, desk().store.clock.now())
    return window.ends(row.at) if window is not None else None
