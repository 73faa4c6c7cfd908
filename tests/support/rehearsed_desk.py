"""Two people at their browsers, before a rehearsal with real processes and the real adapter."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page
from sqlalchemy import select

from dashboard.auth.passwords import hashed
from shenava.store import Message, Role, User, UserState
from support.browsing import PASSWORD, Shop
from support.processes import Service, wait_until
from support.rehearsing import Stage

COLLEAGUE = "omid@shop.example"


class Desk:
    """A rehearsal with two people at their browsers."""

    def __init__(self, stage: Stage, service: Service) -> None:
        self.stage, self.shop = stage, Shop(stage.home, service)

    def write(self, author: str, text: str) -> str:
        """A customer writes on the simulated X; the id of the post."""
        return str(self.stage.simulated().x.call("POST", "/posts", author=author, text=text)["id"])

    def case_of(self, key: str) -> int:
        """The number of the case that a post came to, once it has come."""
        wait_until(lambda: key in self.stage.held(), what="the message")
        with self.stage.store() as store, store.read() as session:
            return session.scalars(select(Message.case_id).where(Message.native_key == key)).one()

    def open_case(self, page: Page, key: str) -> None:
        page.goto(f"{self.shop.address}/inbox/case/{self.case_of(key)}")

    def answers(self) -> list[dict[str, Any]]:
        """What the simulated X took in from Shenava."""
        return self.stage.ledger()

    def add_colleague(self, *, approval: bool = False) -> None:
        """Omid; with ``approval`` what he answers is read by somebody else first."""
        with self.stage.store() as store, store.write() as session:
            session.add(
                User(
                    email=COLLEAGUE,
                    name="Omid",
                    role=Role.AGENT,
                    state=UserState.ACTIVE,
                    password_hash=hashed(PASSWORD),
                    session_key="omid",
                    created_at=store.clock.now(),
                    approval_since=store.clock.now() if approval else None,
                )
            )
