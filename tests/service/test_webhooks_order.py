"""However webhooks come (late, twice, in any order, many in a body) and whatever is read meanwhile:
the end is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.content import content, differences
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import START, incoming
from support.judges import WordJudge
from support.webhooks import SHOP, Follower, InstagramShop, body, comment, dm, instagram_shop

from collectors import inbound
from collectors.intake import take_in
from responder.policy import Policy
from service import webhooks
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Author, Deed, Incoming, MessageKind, Platform, PostRef, Source
from shenava.store import OwnMessageRow, Store

TEXTS = ("پول کم شد ولی سفارش ثبت نشد!! فوری", "thanks 🌹", "قیمت چند است؟", "شكرا")


@dataclass(frozen=True)
class Thing:
    """A comment or a private message: when it was written, how much later the notice says."""

    key: str
    author: str
    text: str
    minutes: int
    late_s: int
    private: bool
    post: str
    taken_back: bool

    @property
    def written_at(self) -> Any:
        return START - timedelta(minutes=self.minutes)

    def notices(self) -> list[dict[str, Any]]:
        at = self.written_at + timedelta(seconds=self.late_s)
        if not self.private:
            return [comment(self.key, self.text, author=self.author, post=self.post, at=at)]
        said = [dm(self.key, self.text, author=self.author, at=self.written_at)]
        if self.taken_back:
            said.append(dm(self.key, None, author=self.author, at=at, is_deleted=True))
        return said

    def read(self) -> Incoming:
        kind = MessageKind.DM if self.private else MessageKind.COMMENT
        link = f"https://www.instagram.com/p/{self.post}/"
        return incoming(
            self.key,
            self.text,
            account=SHOP,
            author=Author(self.author, f"user{self.author}"),
            kind=kind,
            written_at=self.written_at,
            source=Source.INBOX if self.private else Source.MENTION,
            post=None if self.private else PostRef(self.post, link),
            reply_to_key=None if self.private else self.post,
            permalink=None if self.private else f"{link}c/{self.key}/",
        )


THINGS = st.lists(
    st.builds(
        Thing,
        key=st.sampled_from([f"k{n}" for n in range(8)]),
        author=st.sampled_from(["501", "502", "503"]),
        text=st.sampled_from(TEXTS),
        minutes=st.integers(1, 40),
        late_s=st.integers(0, 1200),
        private=st.booleans(),
        post=st.sampled_from(["m1", "m2"]),
        taken_back=st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda thing: thing.key,
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """The same things told in two ways: each a list of bodies (a list of notices) and readings."""
    things = draw(THINGS)
    notices = [notice for thing in things for notice in thing.notices()]
    told = draw(st.lists(st.sampled_from(notices), min_size=1, max_size=12))
    seen = draw(st.lists(st.sampled_from([thing.read() for thing in things]), max_size=8))
    parts: list[Any] = [[one] for one in told] + list(seen)
    shuffled = draw(st.permutations(parts + draw(st.lists(st.sampled_from(parts), max_size=6))))
    joined: list[Any] = []
    for part in shuffled:
        if (
            isinstance(part, list)
            and joined
            and isinstance(joined[-1], list)
            and draw(st.booleans())
        ):
            joined[-1] = joined[-1] + part
        else:
            joined.append(part)
    return parts, joined


class World:
    """A store with the shop's posts in it, into which one way of telling is delivered."""

    def __init__(self, databases: Any, policy: Policy, stack: ExitStack) -> None:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.store = Store(stack.enter_context(databases.database()), SetClock(START))
        stack.callback(self.store.close)
        self.policy = policy
        self.shop: InstagramShop = instagram_shop(self.store, home)
        self.pipeline = Pipeline(self.store, WordJudge(), policy)
        with self.store.write() as session:
            for key in ("m1", "m2"):
                session.add(
                    OwnMessageRow(
                        platform=Platform.INSTAGRAM,
                        native_key=key,
                        account_id=self.shop.account_id,
                        kind=Deed.POST,
                        text="",
                        written_at=START,
                        received_at=START,
                    )
                )

    def deliver(self, parts: Sequence[Any], judging: bool) -> dict[str, Any]:
        for part in parts:
            if isinstance(part, list):
                with self.store.write() as session:
                    inbound.keep(
                        session, Platform.INSTAGRAM, self.shop.app_id, body(*part), {}, START
                    )
                webhooks.run_one(self.store, Follower(), self.policy)
            else:
                take_in(self.store, [part])
            if judging:
                self.pipeline.run_until_idle()
        self.pipeline.run_until_idle()
        return content(self.store)


def _same_end(databases: Any, policy: Policy, ways: tuple[list[Any], list[Any]]) -> None:
    plain, shuffled = ways
    # What was judged before it was taken back keeps the verdict on its words.
    judging = not any("is_deleted" in repr(part) for part in plain)
    with ExitStack() as stack:
        one = World(databases, policy, stack).deliver(plain, judging=False)
        other = World(databases, policy, stack).deliver(shuffled, judging=judging)
        assert "\n".join(differences(other, one)) == ""


# Looking for the smallest of what fails would take minutes.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(
    max_examples=40, phases=_PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ways=deliveries())
def test_the_end_is_the_same(
    sqlite_files: SqliteFiles, policy: Policy, ways: tuple[list[Any], list[Any]]
) -> None:
    _same_end(sqlite_files, policy, ways)


@settings(
    max_examples=10, phases=_PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ways=deliveries())
def test_the_end_is_the_same_on_postgresql(
    postgresql: PostgresqlServer, policy: Policy, ways: tuple[list[Any], list[Any]]
) -> None:
    _same_end(postgresql, policy, ways)
