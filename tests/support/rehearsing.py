"""A rehearsal on a data folder, looked at from outside: its simulated X and its database."""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from config import Settings
from rehearsal.x import World
from rehearsal.x.search import compile_query
from responder.outbox import Asker, Draft, Plan, enqueue
from service.instagram_accounts import InstagramWays
from service.rehearsal import Simulated, find
from service.x_accounts import XWays
from shenava.messages import Deed, MessageKind, Platform, Source
from shenava.store import Account, Feed, Message, OutboxRow, Sighting, Store
from support.processes import Service, running_service, shenava, wait_until


@dataclass(frozen=True, slots=True)
class Stage:
    """One data folder of a rehearsal."""

    home: Path
    port: int

    def service(self, **settings: object) -> AbstractContextManager[Service]:
        """``shenava run --rehearsal``; at the same address each time."""
        given = {"business_hours": "always", **settings}
        return running_service(self.home, "--rehearsal", port=self.port, **given)

    def rehearse(self, *words: object) -> Any:
        """``shenava rehearse …``: what it says."""
        done = shenava(self.home, "rehearse", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)

    def simulated(self) -> Simulated:
        found = find(self.settings)
        assert found is not None, "no simulated X runs"
        return found

    def clear(self) -> None:
        """End a simulator that was left behind."""
        found = find(self.settings)
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
            wait_until(lambda: find(self.settings) is None, what="the end of the simulator")

    # --- the simulated X --------------------------------------------------------------------

    def world(self) -> World:
        """What stands on the simulated X now: a copy, to look at."""
        copy = self.home.parent / "copy.journal"
        shutil.copyfile(self.home / "rehearsal" / "x.journal", copy)
        return World(journal=copy)

    def written(self) -> set[str]:
        """Ids of what customers wrote that the feeds are to bring."""
        world = self.world()
        shop = world.named("noora_shop")
        assert shop is not None
        with self.store() as store, store.read() as session:
            query = session.scalars(
                select(Feed.query)
                .join(Account, Account.id == Feed.account_id)
                .where(Feed.source == Source.SEARCH, Account.platform == Platform.X)
            ).one()
        fits = compile_query(query)
        found = {
            post.id
            for post in world.posts.values()
            if post.author_id != shop.id and (shop.id in world.named_by(post) or fits(world, post))
        }
        found |= {one.id for one in world.dms.values() if one.sender_id != shop.id}
        world.close()
        return found

    def ledger(self) -> list[dict[str, Any]]:
        """What the simulated X took in, posts and private messages."""
        told = self.simulated().x.call("GET", "/ledger")
        assert told["doubles"] == []
        return [line for line in told["lines"] if line["deed"] in ("post", "dm")]

    # --- the database -----------------------------------------------------------------------

    def store(self) -> OpenStore:
        return OpenStore(f"sqlite:///{self.home / 'shenava.db'}")

    def held(self) -> list[str]:
        """Ids of the messages in the database."""
        with self.store() as store, store.read() as session:
            return list(session.scalars(select(Message.native_key)))

    def told_unasked(self) -> set[str]:
        """Ids of the messages of which a webhook told."""
        with self.store() as store, store.read() as session:
            found = (
                select(Message.native_key)
                .join(Sighting, Sighting.message_id == Message.id)
                .where(Sighting.source == Source.WEBHOOK)
            )
            return set(session.scalars(found))

    def read_inbox_now(self) -> None:
        """Let the private messages be read at once; X lets them be read once a minute."""
        with self.store() as store, store.write() as session:
            session.execute(
                update(Feed)
                .where(Feed.source == Source.INBOX)
                .values(next_at=store.clock.now() - timedelta(minutes=1))
            )

    def answer(self, key: str, text: str) -> int:
        """Put an answer to the newest mention on X into the outbox; its number there."""
        with self.store() as store, store.write() as session:
            account_id = session.scalars(
                select(Account.id).where(Account.platform == Platform.X)
            ).one()
            message_id = session.scalar(
                select(func.max(Message.id)).where(
                    Message.kind == MessageKind.MENTION, Message.platform == Platform.X
                )
            )
            now = store.clock.now()
            draft = Draft(Deed.ANSWER, account_id, text, message_id=message_id)
            row = enqueue(
                session,
                Asker("test", key),
                draft,
                now,
                {Platform.X: XWays()},
                plan=Plan(not_before=now),
            )
            return row.id

    def answer_on_instagram(self, key: str, text: str, message_key: str, deed: Deed) -> int:
        """Put an answer to a message there into the outbox; its number."""
        with self.store() as store, store.write() as session:
            message_id = session.scalars(
                select(Message.id).where(Message.native_key == message_key)
            ).one()
            account_id = session.scalars(
                select(Account.id).where(Account.platform == Platform.INSTAGRAM)
            ).one()
            now = store.clock.now()
            row = enqueue(
                session,
                Asker("test", key),
                Draft(deed, account_id, text, message_id=message_id),
                now,
                {Platform.INSTAGRAM: InstagramWays()},
                plan=Plan(not_before=now),
            )
            return row.id

    def state_of(self, row_id: int) -> str:
        with self.store() as store, store.read() as session:
            return session.get_one(OutboxRow, row_id).state.value


class OpenStore:
    """A store for as long as a block runs."""

    def __init__(self, url: str) -> None:
        self._store = Store(url)

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()


def as_json(said: str) -> Any:
    return json.loads(said.splitlines()[-1])
