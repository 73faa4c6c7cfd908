"""What the platforms know, against what the database says, at the end of ``bench_kill``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.kill_parts import FastClock, Side, Truth
from shenava.messages import Platform
from shenava.store import (
    Account,
    Case,
    Conversation,
    Coverage,
    Fact,
    FactKind,
    Feed,
    Identity,
    InboundEvent,
    InboundState,
    Message,
    OutboxRow,
    OutboxState,
    Sighting,
    Store,
)

_FIGURES = ("messages_lost", "messages_doubled", "sent_twice", "unknown")


@dataclass(slots=True)
class Found:
    """The figures of each platform, and in words what is not as it must be."""

    by_platform: dict[str, dict[str, int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    log: str = ""

    @property
    def figures(self) -> dict[str, int]:
        return {name: sum(one[name] for one in self.by_platform.values()) for name in _FIGURES}

    def tell(self, written: int, webhooks: str) -> None:
        """On standard error: how it went."""
        lines = [f"{written} messages written", *self.notes]
        if webhooks:
            told, failed, lost, given_up = webhooks.split()
            lines.append(
                f"webhooks: {told} answered with 200, {failed} tries were not, "
                f"{lost} lost on the way, {given_up} given up"
            )
        if self.log:
            lines.append(f"the workers' log:\n{self.log[-8000:]}")
        for line in [*lines, *self.wrong]:
            print(line, file=sys.stderr)


def reckon(store: Store, folder: Path, clock: FastClock, sides: Sequence[Side]) -> Found:
    found = Found()
    with store.read() as session:
        for side in sides:
            _platform(session, side.platform, side.truth(folder, clock), found)
        told = folder / "told"
        if told.exists():
            _webhooks(session, set(told.read_text("ascii").split()), found)
    log = folder / "worker.log"
    found.log = log.read_text(encoding="utf-8") if log.exists() else ""
    return found


def _platform(session: Session, platform: Platform, truth: Truth, found: Found) -> None:
    keys, counted, facts = _taken_in(session, platform)
    rows = session.scalars(
        select(OutboxRow)
        .join(Account, Account.id == OutboxRow.account_id)
        .where(Account.platform == platform)
        .order_by(OutboxRow.id)
    ).all()
    texts = Counter(one.text for one in truth.taken_in)
    unknown = [row for row in rows if row.state is OutboxState.UNKNOWN]
    found.by_platform[platform.value] = {
        "messages": len(keys),
        "messages_lost": len(truth.written - set(keys)),
        "messages_doubled": len(keys)
        - len(set(keys))
        + abs(counted - len(keys))
        + abs(facts - len(keys)),
        "sent": sum(row.state is OutboxState.SENT for row in rows),
        "sent_twice": sum(count - 1 for count in texts.values()),
        "hidden": len(truth.hidden),
        "unknown": len(unknown),
        "never_arrived": sum(not texts[row.text] for row in unknown),
    }
    found.rows += len(rows)
    found.wrong += [
        f"{platform}: row {row.id} ({row.deed}) is {row.state} ({row.reason}, {row.evidence}), "
        f"and the platform took it in {texts[row.text]} times"
        for row in rows
        if row.state is not OutboxState.UNKNOWN
        and texts[row.text] != (row.state is OutboxState.SENT)
    ]
    found.wrong += [
        f"{platform}: row {row.id} ({row.deed}) is unknown ({row.reason}, {row.evidence}), "
        "but the platform shows it"
        for row in unknown
        if texts[row.text] and row.text not in truth.hidden
    ]
    found.wrong += [
        f"{platform}: {key} was taken in, and nobody wrote it" for key in set(keys) - truth.written
    ]
    _note(platform, rows, truth, found)
    repaired = session.scalar(
        select(func.sum(Coverage.repaired))
        .join(Feed, Feed.id == Coverage.feed_id)
        .join(Account, Account.id == Feed.account_id)
        .where(Account.platform == platform)
    )
    found.notes.append(f"{platform}: {repaired or 0} messages that a sweep had to repair")


def _taken_in(session: Session, platform: Platform) -> tuple[list[str], int, int]:
    """The keys of messages; how many the cases count, and the facts."""
    of_platform = Identity.platform == platform
    keys = session.scalars(
        select(Message.native_key)
        .join(Identity, Identity.id == Message.identity_id)
        .where(of_platform)
    ).all()
    counted = session.scalar(
        select(func.sum(Case.message_count))
        .join(Conversation, Conversation.id == Case.conversation_id)
        .join(Identity, Identity.id == Conversation.identity_id)
        .where(of_platform)
    )
    facts = session.scalar(
        select(func.count())
        .select_from(Fact)
        .join(Message, Message.id == Fact.message_id)
        .join(Identity, Identity.id == Message.identity_id)
        .where(of_platform, Fact.kind == FactKind.MESSAGE_RECEIVED)
    )
    return list(keys), int(counted or 0), int(facts or 0)


def _note(platform: Platform, rows: Iterable[OutboxRow], truth: Truth, found: Found) -> None:
    rows = list(rows)
    states = Counter(f"{row.deed} {row.state}" for row in rows)
    told_by = Counter(str(row.evidence.get("found", "answered")) for row in rows)
    lost = Counter(one.answer for one in truth.taken_in if one.answer != "whole")
    found.notes.append(
        f"{platform}: outbox {dict(states)}, told by {dict(told_by)}; "
        f"taken in without an answer: {dict(lost)}, of these hidden: {len(truth.hidden)}"
    )


def _webhooks(session: Session, told: set[str], found: Found) -> None:
    """What was answered with 200 is there, and came to something."""
    events = {
        row.body_hash: row
        for row in session.execute(
            select(
                InboundEvent.body_hash,
                InboundEvent.state,
                InboundEvent.reason,
                InboundEvent.outcome,
                InboundEvent.deliveries,
            )
        )
    }
    figures = found.by_platform[Platform.INSTAGRAM.value]
    figures["webhooks"] = len(told)
    figures["messages_lost"] += len(told - set(events))
    found.wrong += [f"the webhook {one} was answered with 200 and is lost"
                    for one in told - set(events)]  # fmt: skip
    found.wrong += [
        f"a webhook is {row.state} ({row.reason}): {row.outcome}"
        for row in events.values()
        if row.state is not InboundState.DONE
    ]
    again = sum(row.deliveries - 1 for row in events.values())
    seen = Counter(
        session.scalars(
            select(Sighting.source)
            .join(Message, Message.id == Sighting.message_id)
            .join(Identity, Identity.id == Message.identity_id)
            .where(Identity.platform == Platform.INSTAGRAM)
        )
    )
    found.notes.append(
        f"instagram: {len(events)} webhooks kept, {again} of them came again; "
        f"messages seen by { ({one.value: n for one, n in seen.items()}) }"
    )
