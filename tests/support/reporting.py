"""A shop whose weeks are counted by hand: customers write at times of the shop's own clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import select

from collectors.intake import take_in
from config import Settings
from reports.book import settled
from reports.counting import Counts, count
from reports.figures import Figure, Key
from reports.lists import Item, listed
from reports.weeks import Span, Week, week_named
from responder import casework
from responder.answered import answered
from responder.corrections import Said, correct
from responder.policy import Policy, policy_of
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import AccountRef, Intent, MessageKind
from shenava.store import Message, Role, Store, User, UserState
from support.factories import SHOP, incoming
from support.judges import WordJudge


@dataclass
class CountedShop:
    """``at`` of every deed is wall time in the shop's zone, as ``2026-01-04 09:30``."""

    store: Store
    settings: Settings
    clock: SetClock
    policy: Policy = field(init=False)
    _people: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = policy_of(self.settings)

    def instant(self, wall: str, fold: int = 0) -> datetime:
        return datetime.fromisoformat(wall).replace(tzinfo=self.settings.zone, fold=fold)

    def now_is(self, wall: str) -> datetime:
        """Set the clock."""
        at = self.instant(wall)
        self.clock.advance(at - self.clock.now())
        return at

    def writes(
        self,
        wall: str,
        key: str,
        text: str,
        *,
        author: str | None = None,
        account: AccountRef = SHOP,
        kind: MessageKind = MessageKind.MENTION,
        known_at: str | None = None,
        historic: bool = False,
        judge: bool = True,
        fold: int = 0,
    ) -> int:
        """A customer writes at ``wall`` and is read at once, or at ``known_at``; returns the case.
        Everyone writes under their own name unless ``author`` says so."""
        at = self.instant(wall, fold)
        known = self.instant(known_at) if known_at else at
        self.clock.advance(known - self.clock.now())
        item = incoming(
            key,
            text,
            author=author or f"author-{key}",
            account=account,
            kind=kind,
            written_at=at,
            historic=historic,
        )
        take_in(self.store, [item])
        if judge:
            self.read()
        with self.store.read() as session:
            return session.scalars(select(Message.case_id).where(Message.native_key == key)).one()

    def read(self) -> None:
        Pipeline(self.store, WordJudge(), self.policy).run_until_idle()

    def answers(self, wall: str, case_id: int, known_at: str | None = None) -> None:
        at = self.instant(wall)
        now = self.now_is(known_at or wall)
        with self.store.write() as session:
            answered(session, case_id, at, now, self.policy, by=None)

    def closes(self, wall: str, *case_ids: int) -> None:
        now, person = self.now_is(wall), self.person()
        with self.store.write() as session:
            casework.close(session, person, case_ids, now)

    def reopens(self, wall: str, case_id: int) -> int:
        now, person = self.now_is(wall), self.person()
        with self.store.write() as session:
            done = casework.reopen(session, person, [case_id], now, self.policy)
        (made,) = done.changed
        return made

    def corrects(
        self,
        wall: str,
        key: str,
        *,
        complaint: bool | None = None,
        urgent: bool | None = None,
        intents: tuple[Intent, ...] | None = None,
    ) -> None:
        now = self.now_is(wall)
        person = self.person()
        word = Said(complaint=complaint, urgent=urgent, intents=intents)
        with self.store.write() as session:
            number = session.scalars(select(Message.id).where(Message.native_key == key)).one()
            correct(session, person, number, now, self.policy, word)

    def person(self) -> int:
        if not self._people:
            with self.store.write() as session:
                user = User(
                    email="sara@shop.test",
                    name="Sara",
                    role=Role.AGENT,
                    state=UserState.ACTIVE,
                    password_hash="x",
                    session_key="sara",
                    created_at=self.clock.now(),
                )
                session.add(user)
                session.flush()
                self._people.append(user.id)
        return self._people[0]

    # Counting.

    def week(self, name: str) -> Week:
        return week_named(self.policy.hours, name)

    def count(self, name: str, as_of: datetime | None = None) -> Counts:
        return counted(self.store, self.policy, self.week(name), as_of)


def counted(store: Store, policy: Policy, week: Week, as_of: datetime | None = None) -> Counts:
    """All numbers of a week as known at ``as_of``, or now."""
    at = settled(store, policy.hours, as_of)
    with store.read() as session:
        return count(session, week, week.upto(at), at)


def numbers(counts: Counts) -> dict[str, int]:
    """Whole figures by name, those that are not 0."""
    return {
        str(key): number
        for key, number in sorted(counts.numbers.items(), key=str)
        if key.by is None and number
    }


def by(counts: Counts, figure: Figure, part: str) -> dict[str, int]:
    """A figure by one of its parts, what is not 0."""
    return {
        key.value: number
        for key, number in sorted(counts.numbers.items(), key=str)
        if key.figure is figure and key.by == part and number
    }


def all_rows(
    store: Store, key: Key, week: Week, span: Span, as_of: datetime, limit: int = 7
) -> list[Item]:
    """The whole list behind a number, page by page."""

    def pages() -> Iterator[Item]:
        after = None
        with store.read() as session:
            while True:
                page = listed(session, key, week, span, as_of, after=after, limit=limit)
                yield from page.items
                after = page.next
                if after is None:
                    return

    return list(pages())


def assert_every_number_equals_its_list(
    store: Store, policy: Policy, week: Week, as_of: datetime | None = None
) -> int:
    """Every number of the week, those that are 0 too; returns how many there are."""
    at = settled(store, policy.hours, as_of)
    span = week.upto(at)
    counts = counted(store, policy, week, at)
    keys = {Key(figure) for figure in Figure} | set(counts.numbers)
    for key in sorted(keys, key=str):
        rows = all_rows(store, key, week, span, at)
        assert len(rows) == counts.numbers[key], f"{key} as of {at}"
        repeated = Counter(row.subject_id for row in rows)
        assert all(number == 1 for number in repeated.values()) or key.figure is (
            Figure.COMPLAINTS_ABOUT
        ), f"{key} names a row twice"
    return len(keys)


def any_day(shop: CountedShop, seed: int, first: str) -> None:
    """A week of everything that can happen, thrown with dice."""
    dice = Random(seed)
    cases: list[int] = []
    texts = (
        "urgent: my money! complaint",
        "پول کم شد ولی ثبت نشد فوری",
        "thanks",
        "perhaps a complaint",
        "قیمت؟",
        "where is it? late",
    )
    for number in range(60):
        hour, day = dice.randrange(24), date.fromisoformat(first) + timedelta(dice.randrange(7))
        wall = f"{day} {hour:02d}:{dice.randrange(60):02d}"
        key = f"any{seed}-{number}"
        match dice.randrange(7):
            case 0 if cases:
                shop.answers(wall, dice.choice(cases))
            case 1 if cases:
                shop.closes(wall, dice.choice(cases))
            case 2 if number > 5:
                known = [f"any{seed}-{n}" for n in range(number)]
                with shop.store.read() as session:
                    there = session.scalars(
                        select(Message.native_key).where(Message.native_key.in_(known))
                    ).all()
                if there:
                    shop.corrects(
                        wall,
                        dice.choice(sorted(there)),
                        complaint=dice.choice((True, False, None)),
                        urgent=dice.choice((True, False, None)),
                        intents=dice.choice((None, (Intent.REFUND, Intent.PRICE), ())),
                    )
            case _:
                cases.append(
                    shop.writes(
                        wall,
                        key,
                        dice.choice(texts),
                        author=f"author{dice.randrange(20)}",
                        historic=dice.random() < 0.1,
                        judge=dice.random() < 0.8,
                    )
                )
