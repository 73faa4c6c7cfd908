"""Planning, as people and programs ask for it: the store is read, the plan made and kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from config import Settings
from responder.broadcasts import drafting
from responder.broadcasts.content import Aim, Content
from responder.broadcasts.plan import Plan, make_plan
from responder.broadcasts.quiet import QuietHours, quiet_hours, start_of
from responder.broadcasts.snapshot import Means, take_snapshot
from responder.circumstances import Rules
from shenava.fonts import FontsMissing, find_fonts
from shenava.store import Broadcast, BroadcastState, Store


@dataclass(frozen=True, slots=True)
class House:
    """What the settings say about broadcasts. ``font_missing``: why no picture can be made."""

    quiet: QuietHours | None
    means: Means
    second_person: bool
    lasts_hours: int
    font_missing: str = ""


def house_of(settings: Settings) -> House:
    """What ``settings`` say."""
    missing = ""
    try:
        find_fonts(settings.font_file)
    except FontsMissing as error:
        missing = str(error)
    return House(
        quiet=quiet_hours(settings.broadcast_quiet_hours, settings.zone),
        means=Means(can_draw=not missing, can_host=settings.hosts_pictures),
        second_person=settings.broadcast_second_person,
        lasts_hours=settings.broadcast_lasts_hours,
        font_missing=missing,
    )


def plan_broadcast(
    store: Store, broadcast_id: int, rules: Rules, house: House, actor: int | None
) -> Plan | None:
    """Plan a draft, or plan it anew, and write its ledger. ``None`` when it is neither a draft nor
    a plan, or was changed meanwhile. Raises ``BroadcastError`` when there is no text."""
    with store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None or row.state not in (BroadcastState.DRAFT, BroadcastState.PLANNED):
            return None
        content, version = Content.of_json(row.content), row.version
        if not content.languages:
            raise drafting.BroadcastError("Write the notice in one language at least.")
        now = store.clock.now()
        start = earliest(now, row.not_before, house.quiet, urgent=row.urgent)
        snapshot = take_snapshot(
            session,
            Aim.of_json(row.aim),
            rules,
            now,
            start=start,
            until=start + timedelta(hours=row.lasts_hours),
            parent_id=row.parent_id,
            means=house.means,
        )
        plan = make_plan(content, snapshot, rules)
    with store.write() as session:
        kept = drafting.keep_plan(session, actor, broadcast_id, version, plan, store.clock.now())
    return plan if kept else None


def earliest(
    now: datetime, wish: datetime | None, quiet: QuietHours | None, *, urgent: bool
) -> datetime:
    """When a broadcast that is released now would leave."""
    return start_of(max(now, wish or now), quiet, urgent=urgent)
