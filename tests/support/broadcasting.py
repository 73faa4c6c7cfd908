"""A shop that announces: customers with cases, a connected account, a notice to plan and send."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select, update

from collectors.intake import take_in
from responder.broadcasts import drafting, running
from responder.broadcasts.content import Aim, Content, Place
from responder.broadcasts.drafting import Notice
from responder.broadcasts.plan import Plan, Snapshot, make_plan
from responder.broadcasts.progress import Progress, progress
from responder.broadcasts.quiet import QuietHours
from responder.broadcasts.snapshot import Means, take_snapshot
from responder.circumstances import Host
from responder.outbox import UNDO, Asker
from responder.policy import Policy
from service.broadcasting import Fleet
from service.pipeline import Pipeline
from service.sending import run_due
from shenava.channels.instagram import rules as instagram
from shenava.channels.rules import Facts, Length, Ruling, Window
from shenava.messages import Deed, Intent, Language, MessageKind
from shenava.store import Broadcast, Case, Identity, OutboxRow, Recipient, Store
from support.factories import START, incoming
from support.judges import WordJudge
from support.platform import Fate, ScriptedPlatform
from support.shop import add_person, connect_shop

TEXTS = {
    Language.FA: "پرداخت اینترنتی قطع است. در حال رفع آن هستیم.",
    Language.EN: "Payment is down. We are on it.",
}
CONTENT = Content(texts=TEXTS)
COMPLAINTS = frozenset(Intent)
PICTURE = b"\x89PNG picture"


class ScriptedInstagram(ScriptedPlatform):
    """A scripted platform under the true rules of Instagram."""

    def may_answer(self, facts: Facts) -> Ruling:
        return instagram.may_answer(facts)

    def window_of(self, deed: Deed, opened_at: datetime, now: datetime) -> Window | None:
        return instagram.window_of(deed, opened_at, now)

    def length_of(self, text: str, deed: Deed = Deed.ANSWER) -> Length:
        return instagram.length_of(text, deed)

    def needs_picture(self, deed: Deed) -> bool:
        return instagram.needs_picture(deed)

    def takes_picture(self, deed: Deed) -> bool:
        return instagram.takes_picture(deed)


@dataclass
class AnnouncingShop:
    """``writer`` writes, ``second`` is a colleague."""

    store: Store
    platform: ScriptedPlatform
    policy: Policy
    account: int = 0
    writer: int = 0
    second: int = 0
    written: int = 0
    quiet: QuietHours | None = None
    means: Means = field(default_factory=Means)
    host: Host | None = None

    def open(self) -> AnnouncingShop:
        self.account = self.account or connect_shop(self.store)
        self.writer = add_person(self.store, "sara")
        self.second = add_person(self.store, "nima")
        return self

    def complain(
        self,
        authors: Iterable[str],
        *,
        kind: MessageKind = MessageKind.DM,
        text: str = "my payment is late, this is a complaint",
        summoned: bool | None = True,
    ) -> None:
        """Each writes once; and each gets a verdict."""
        items = []
        for author in authors:
            self.written += 1
            written_at = self.store.clock.now() - timedelta(minutes=5)
            one = incoming(
                f"c{self.written}", text, author=author, kind=kind, written_at=written_at
            )
            items.append(replace(one, summoned=summoned))
        take_in(self.store, items)
        Pipeline(self.store, WordJudge(), self.policy).run_until_idle()

    def aim(self, *, place: bool = True, **more: object) -> Aim:
        places = (Place(self.account, Language.EN),) if place else ()
        return replace(Aim(places=places, intents=COMPLAINTS), **more)  # type: ignore[arg-type]

    def write(self, notice: Notice | None = None, key: str = "") -> int:
        notice = notice or Notice(CONTENT, self.aim())
        self.written += 1
        asker = Asker(f"user:{self.writer}", key or f"b{self.written}", self.writer)
        with self.store.write() as session:
            return drafting.create(session, asker, notice, self.store.clock.now()).id

    def plan(self, broadcast_id: int) -> Plan:
        with self.store.read() as session:
            row = session.get_one(Broadcast, broadcast_id)
            plan = make_plan(
                Content.of_json(row.content), self.snapshot(broadcast_id), self.platform.rules
            )
            version = row.version
        with self.store.write() as session:
            assert drafting.keep_plan(
                session, self.writer, broadcast_id, version, plan, self.store.clock.now()
            )
        return plan

    def snapshot(self, broadcast_id: int) -> Snapshot:
        """One that can be gone through any number of times."""
        now = self.store.clock.now()
        with self.store.read() as session:
            row = session.get_one(Broadcast, broadcast_id)
            taken = take_snapshot(
                session,
                Aim.of_json(row.aim),
                self.platform.rules,
                now,
                start=now,
                until=now + timedelta(hours=row.lasts_hours),
                parent_id=row.parent_id,
                means=self.means,
            )
            return replace(taken, people=list(taken.people))

    def release(self, broadcast_id: int, plan: Plan, *, second_person: bool = False) -> None:
        with self.store.write() as session:
            assert drafting.release(
                session,
                self.writer,
                broadcast_id,
                plan.hash,
                self.store.clock.now(),
                self.quiet,
                second_person=second_person,
            )

    def announce(self, notice: Notice | None = None) -> int:
        """Written, planned, released; nothing has left yet."""
        broadcast_id = self.write(notice)
        self.release(broadcast_id, self.plan(broadcast_id))
        return broadcast_id

    def tick(self) -> int:
        return running.tick(self.store, self.quiet, lambda wanted: (PICTURE, "notice"))

    def work(self, *fates: Fate, after: timedelta = UNDO, threads: int = 1) -> None:
        """Time passes; the schedule comes by until nothing moves at this instant."""
        self.store.clock.advance(after)  # type: ignore[attr-defined]
        self.platform.fates = deque(fates)
        fleet = Fleet(
            self.store,
            self.platform,
            self.policy,
            threads=threads,
            host=self.host,
            chance=Random(1),
        )
        while self.tick() + fleet.run():
            pass
        run_due(self.store, self.platform, self.policy, host=self.host, chance=Random(1))
        self.tick()

    def work_until_done(self, broadcast_id: int) -> None:
        for _ in range(60):
            self.work(after=timedelta(minutes=20))
            if self.row(broadcast_id).ended_at is not None:
                return
        raise AssertionError("it does not end")

    # What is there.

    def row(self, broadcast_id: int) -> Broadcast:
        with self.store.read() as session:
            return session.get_one(Broadcast, broadcast_id)

    def progress(self, broadcast_id: int) -> Progress:
        with self.store.read() as session:
            return progress(session, broadcast_id)

    def outbox(self, broadcast_id: int) -> list[OutboxRow]:
        with self.store.read() as session:
            return list(
                session.scalars(
                    select(OutboxRow)
                    .join(Recipient, Recipient.outbox_id == OutboxRow.id)
                    .where(Recipient.broadcast_id == broadcast_id)
                    .order_by(Recipient.id)
                )
            )

    def ledger(self, broadcast_id: int) -> dict[str, Recipient]:
        with self.store.read() as session:
            rows = session.scalars(
                select(Recipient).where(Recipient.broadcast_id == broadcast_id)
            ).all()
        return {row.key: row for row in rows}

    def of(self, author: str, broadcast_id: int) -> Recipient:
        return self.ledger(broadcast_id)[f"identity:{self.identity(author)}"]

    def identity(self, author: str) -> int:
        with self.store.read() as session:
            return session.scalars(
                select(Identity.id).where(Identity.key == f"id:id-{author}")
            ).one()

    def cases(self) -> list[Case]:
        with self.store.read() as session:
            return list(session.scalars(select(Case).order_by(Case.id)))

    def set_person(self, author: str, **values: object) -> None:
        with self.store.write() as session:
            session.execute(
                update(Identity).where(Identity.id == self.identity(author)).values(**values)
            )

    def accepted(self) -> list[str]:
        """To whom the platform took something in: ids of people, ``post`` for a public one."""
        return [sent.to_native_id or sent.to_key or "post" for _, _, sent in self.platform.accepted]


def names(count: int, word: str = "customer") -> list[str]:
    return [f"{word}{n}" for n in range(count)]


__all__ = [
    "COMPLAINTS",
    "CONTENT",
    "PICTURE",
    "START",
    "TEXTS",
    "AnnouncingShop",
    "ScriptedInstagram",
    "names",
]
