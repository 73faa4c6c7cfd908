"""A shop that answers on X: a connected account, customers, colleagues, a platform in memory."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from random import Random

from sqlalchemy import select
from werkzeug.test import TestResponse

from collectors.intake import take_in
from dashboard.context import Desk
from responder import outbox
from responder.outbox import UNDO, Asker, Draft
from service.pipeline import Pipeline
from service.sending import run_due
from shenava.channels import Outgoing
from shenava.channels.rules import Facts, Length, Ruling
from shenava.channels.x import length_of, rules
from shenava.channels.x.links import key_of
from shenava.clock import SetClock
from shenava.messages import Author, Deed, MessageKind
from shenava.store import Message, OutboxRow
from support.browser import Browser
from support.factories import START, incoming
from support.judges import WordJudge
from support.platform import Fate, ScriptedPlatform


class ScriptedX(ScriptedPlatform):
    """A scripted platform under the true rules of X."""

    def may_answer(self, facts: Facts) -> Ruling:
        return rules.may_answer(facts)

    def length_of(self, text: str, deed: Deed = Deed.ANSWER) -> Length:
        return length_of(text, deed)

    def key_of(self, link: str) -> str | None:
        return key_of(link)

    def takes_picture(self, deed: Deed) -> bool:
        return rules.takes_picture(deed)

    def price_of(self, outgoing: Outgoing, summoned: bool = False) -> int:
        return rules.price_of(outgoing, summoned)


@dataclass
class AnsweringShop:
    """``account``: the number of the connected account."""

    desk: Desk
    platform: ScriptedX
    clock: SetClock
    account: int

    def bring(
        self,
        key: str = "1",
        text: str = "my order is late, this is a complaint",
        *,
        author: str = "neda",
        name: str = "Neda",
        kind: MessageKind = MessageKind.MENTION,
        summoned: bool | None = True,
        minutes_ago: float = 10,
    ) -> int:
        """A customer writes; returns the number of the case."""
        item = incoming(
            key,
            text,
            author=Author(f"id-{author}", author, name),
            kind=kind,
            written_at=START - timedelta(minutes=minutes_ago),
            permalink=f"https://x.com/{author}/status/{key}",
        )
        take_in(self.desk.store, [replace(item, summoned=summoned)])
        Pipeline(self.desk.store, WordJudge(), self.desk.policy).run_until_idle()
        with self.desk.store.read() as session:
            return session.scalars(select(Message.case_id).where(Message.native_key == key)).one()

    def answer_of(self, user: int, case_id: int, text: str, key: str = "theirs") -> int:
        """A colleague answers, past the screen."""
        with self.desk.store.write() as session:
            message = session.scalars(
                select(Message.id).where(Message.case_id == case_id).limit(1)
            ).one()
            draft = Draft(Deed.ANSWER, self.account, text, message_id=message, case_id=case_id)
            asker = Asker(f"user:{user}", key, user)
            now = self.clock.now()
            return outbox.enqueue(session, asker, draft, now, self.desk.rules).id

    def work(self, *fates: Fate, after: timedelta = UNDO) -> None:
        """Time passes, and the workers send what is due; the platform answers as told."""
        self.clock.advance(after)
        self.platform.fates = deque(fates)
        run_due(self.desk.store, self.platform, self.desk.policy, chance=Random(1))

    def rows(self) -> list[OutboxRow]:
        with self.desk.store.read() as session:
            return list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def page_of(client: Browser, case_id: int, more: str = "") -> str:
    answer = client.get(f"/inbox/case/{case_id}{more}")
    assert answer.status_code == 200
    return answer.text


def form_fields(page: str, action: str) -> dict[str, str]:
    """The fields of the form of ``page`` that goes to ``action``, as a browser would send them
    when nothing is touched."""
    forms = re.findall(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page, re.S)
    bodies = [body for address, body in forms if address == action]
    assert bodies, f"there is no form to {action}"
    found = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', bodies[0]))
    for name, value in re.findall(
        r'type="radio" name="(\w+)" id="[^"]+" value="(\w+)" checked', bodies[0]
    ):
        found[name] = value
    for name, value in re.findall(
        r"<textarea[^>]*name=\"(\w+)\"[^>]*>(.*?)</textarea>", bodies[0], re.S
    ):
        found[name] = unescape(value.removeprefix("\n"))
    for name, value in re.findall(
        r'<input id="[^"]+" name="(place_\w+)"[^>]*value="([^"]*)"', bodies[0]
    ):
        found[name] = unescape(value)
    return {name: unescape(value) for name, value in found.items()}


def submit(client: Browser, page: str, action: str, **fields: str) -> TestResponse:
    """Send a form of ``page`` as a person does, and follow where it leads."""
    return client.post(action, data={**form_fields(page, action), **fields}, follow_redirects=True)


def send(client: Browser, case_id: int, text: str, **fields: str) -> TestResponse:
    """Open the case, write, press the button."""
    page = page_of(client, case_id)
    return submit(
        client, page, f"/inbox/case/{case_id}/answer", text=text, **{"when": "now", **fields}
    )


def bubble(page: str, element: str) -> str:
    """The markup of one message on a page."""
    found = re.search(rf'<section class="bubble[^"]*" id="{element}".*?</section>', page, re.S)
    assert found, f"there is no {element}"
    return found[0]


def words_of(markup: str) -> str:
    """What a person reads."""
    plain = " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())
    return re.sub(r" (?=[.:])", "", plain)
