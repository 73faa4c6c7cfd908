"""A night's outage in a browser: told on X and on Instagram at once, each complaint answered in its
own language, "it works again" to the same places and people, and the week's report tells of it."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select
from support.browsing import PASSWORD, Shop, make_admin, sign_in, told_to_the_end
from support.processes import Service, free_port, wait_until
from support.rehearsing import Stage

from config.settings import UiLanguage
from dashboard.auth.passwords import hashed
from dashboard.broadcasts.words import STAGES
from dashboard.i18n import words
from dashboard.numerals import number as in_digits
from rehearsal.instagram import World as InstagramWorld
from rehearsal.instagram.model import Media
from responder.broadcasts.content import Content
from responder.broadcasts.templates import template
from shenava.messages import Language, Platform
from shenava.store import (
    Account,
    Broadcast,
    BroadcastState,
    Case,
    CaseIntent,
    CaseState,
    OutboxRow,
    OutboxState,
    Picture,
    Recipient,
    RecipientKind,
    RecipientState,
    Role,
    User,
    UserState,
)
from shenava.store import Stage as Step

COMPLAINTS = 40
"""On both platforms together: the fewest that a rehearsed outage has."""

SLOW_S = 120

DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")


@dataclass(frozen=True, slots=True)
class Told:
    """Someone, or some place, as the ledger has them, with the row that went out."""

    platform: Platform
    line: Recipient
    row: OutboxRow
    spoken: Language | None


class Night:
    """A rehearsal, its shop, and what both platforms hold of it."""

    def __init__(self, stage: Stage, service: Service) -> None:
        self.stage, self.shop = stage, Shop(stage.home, service)

    def complaints(self, platform: Platform) -> int:
        """Open ones about payment that came from there."""
        with self.stage.store() as store, store.read() as session:
            return (
                session.scalar(
                    select(func.count(Case.id.distinct()))
                    .join(Account, Account.id == Case.account_id)
                    .join(CaseIntent, CaseIntent.case_id == Case.id)
                    .where(
                        Account.platform == platform,
                        Case.state == CaseState.OPEN,
                        Case.complaint.is_(True),
                        CaseIntent.intent.in_(template("payment", Step.INVESTIGATING).intents),
                    )
                )
                or 0
            )

    def add_colleague(self) -> None:
        with self.stage.store() as store, store.write() as session:
            session.add(
                User(
                    email="omid@shop.example",
                    name="Omid",
                    role=Role.ADMIN,
                    state=UserState.ACTIVE,
                    password_hash=hashed(PASSWORD),
                    session_key="omid",
                    created_at=store.clock.now(),
                )
            )

    def broadcast(self, number: int) -> Broadcast:
        with self.stage.store() as store, store.read() as session:
            return session.get_one(Broadcast, number)

    def is_done(self, number: int) -> bool:
        return self.broadcast(number).state is BroadcastState.DONE

    def told(self, number: int) -> list[Told]:
        """All that was put into the outbox for a broadcast."""
        with self.stage.store() as store, store.read() as session:
            found = session.execute(
                select(Account.platform, Recipient, OutboxRow, Case.language)
                .join(OutboxRow, OutboxRow.id == Recipient.outbox_id)
                .join(Account, Account.id == Recipient.account_id)
                .outerjoin(Case, Case.id == Recipient.case_id)
                .where(Recipient.broadcast_id == number)
                .order_by(Recipient.id)
            ).all()
            return [Told(*one) for one in found]

    def place(self, number: int, platform: Platform) -> OutboxRow:
        """The public post, or what stands under it."""
        (row,) = (
            one.row
            for one in self.told(number)
            if one.platform is platform and one.line.kind is RecipientKind.PLACE
        )
        return row

    def picture(self, row: OutboxRow) -> bytes:
        with self.stage.store() as store, store.read() as session:
            picture = session.get_one(Picture, row.picture_id)
            assert picture.mime == "image/jpeg"
            return picture.content

    def instagram(self) -> InstagramWorld:
        """What stands on the simulated Instagram now: a copy, to look at."""
        copy = self.stage.home.parent / "instagram.copy"
        shutil.copyfile(self.stage.home / "rehearsal" / "instagram.journal", copy)
        return InstagramWorld(journal=copy)

    def accepted(self, platform: Platform) -> dict[str, dict[str, Any]]:
        """What a platform took in from Shenava, by the key it gave; nothing twice."""
        simulated = self.stage.simulated()
        one = simulated.x if platform is Platform.X else simulated.instagram
        told = one.call("GET", "/ledger")
        assert told["doubles"] == []
        return {line["result_id"]: line for line in told["lines"]}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "home", free_port())
    yield stage
    stage.clear()


def shoot(page: Page, name: str) -> None:
    """A picture to look at, where ``OUTAGE_PICTURES`` names a folder for them."""
    folder = os.environ.get("OUTAGE_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def _number(page: Page) -> int:
    return int(page.url.partition("/broadcasts/")[2].split("/")[0].split("?")[0].split("#")[0])


def _each_told_once_in_their_language(night: Night, number: int) -> None:
    """Of one broadcast: everyone in the outbox is on the platform, once, in their own words."""
    content = Content.of_json(night.broadcast(number).content)
    told = night.told(number)
    accepted = {one: night.accepted(one) for one in (Platform.X, Platform.INSTAGRAM)}
    assert {one.row.state for one in told} == {OutboxState.SENT}
    for one in told:
        assert one.row.native_key is not None
        assert accepted[one.platform][one.row.native_key]["text"] == one.row.text
        if one.line.kind is RecipientKind.CASE:
            language = content.nearest(one.spoken)
            assert language is not None
            assert one.line.language is language
            said = content.personal.get(language) or content.texts[language]
            assert one.row.text == said
    assert max(Counter(one.line.key for one in told).values()) == 1
    assert max(Counter(one.row.native_key for one in told).values()) == 1


def _release(page: Page, night: Night, approver: Page | None) -> int:
    """Press the button; where a second person has to read it, they do, and press theirs."""
    with page.expect_navigation():
        page.click("#release")
    number = _number(page)
    if approver is not None:
        expect(page.locator("form[action$='/approve']")).to_have_count(0)
        approver.goto(f"{night.shop.address}/broadcasts/{number}")
        approver.click("form[action$='/approve'] button")
    return number


def _number_in(text: str) -> int:
    found = re.search(r"\d+", text.translate(DIGITS))
    assert found, text
    return int(found[0])


def _rows_behind(page: Page, link: Locator) -> int:
    """Click a number: the rows of the list that opens, all its pages together. Then back."""
    report = page.url
    link.click()
    page.wait_for_url("**/list?**")
    rows = page.locator(".rows-behind > li").count()
    while (more := page.locator(".actions a[href*='after=']")).count():
        with page.expect_navigation():
            more.click()
        rows += page.locator(".rows-behind > li").count()
    page.goto(report)
    return rows


def _the_report_tells_of_it(page: Page, night: Night, told: list[int], language: str) -> None:
    """The running week: the complaints in their hour, both notices with what came before and after
    each, and every number that is clicked has as many rows."""
    page.click(".rail a[href='/reports/']")
    page.click(".weeks li:first-child a")
    page.wait_for_selector(".headlines")
    say = words(UiLanguage(language)).gettext

    # The hours of complaints: the outage is the only one, and stands in the chart.
    assert page.locator(".part-hours svg .cell").count() >= 1
    complaints = page.locator(".headline:nth-child(2) .great a")
    number = _number_in(complaints.inner_text())
    assert number >= 10
    assert _rows_behind(page, complaints) == number

    # The notices, each with who was told, in the reader's words.
    rows = page.locator(".part-broadcasts tbody tr")
    expect(rows).to_have_count(len(told))
    stages = (Step.INVESTIGATING, Step.RESOLVED)
    for place, (broadcast, stage) in enumerate(zip(told, stages, strict=True)):
        row = rows.nth(place)
        expect(row.locator(f"a[href$='/broadcasts/{broadcast}']")).to_have_count(1)
        expect(row).to_contain_text(say(STAGES[stage].message))
        sent = sum(1 for one in night.told(broadcast) if one.row.state is OutboxState.SENT)
        expect(row).to_contain_text(f"{say('sent')}: {in_digits(sent, UiLanguage(language))}")

    # The spike came before the first notice; after the last it is over.
    around = [
        [rows.nth(place).locator("a[href*='since']").nth(side) for side in (0, 1)]
        for place in range(len(told))
    ]
    before, after = _number_in(around[0][0].inner_text()), _number_in(around[1][1].inner_text())
    assert before >= 10 > after
    assert _rows_behind(page, around[0][0]) == before
    assert _rows_behind(page, around[1][1]) == after


@pytest.mark.parametrize(("language", "width"), [("fa", 1440), ("en", 390)])
def test_an_outage_is_told_on_both_platforms_and_so_is_its_end(
    stage: Stage,
    open_page: Callable[[str, int], Page],
    axe: Callable[[Page], None],
    language: str,
    width: int,
) -> None:
    with_second = language == "en"
    with stage.service(broadcast_second_person=with_second) as service:
        night = Night(stage, service)
        page = open_page(language, width)
        page.emulate_media(color_scheme="dark" if width < 700 else "light")
        make_admin(page, night.shop)
        sign_in(page, night.shop)
        approver: Page | None = None
        if with_second:
            night.add_colleague()
            approver = open_page(language, 1440)
            approver.goto(night.shop.address)
            approver.fill("input[name=email]", "omid@shop.example")
            approver.fill("input[name=password]", PASSWORD)
            approver.keyboard.press("Enter")
            approver.wait_for_url("**/inbox/**")

        stage.rehearse("outage", "--complaints", COMPLAINTS, "--minutes", 0.1)
        for platform in (Platform.X, Platform.INSTAGRAM):
            wait_until(
                lambda where=platform: night.complaints(where) >= 5,  # type: ignore[misc]
                what=f"complaints on {platform}",
                seconds=SLOW_S,
            )

        # Written: the words are ready, both places are chosen.
        page.goto(f"{night.shop.address}/broadcasts/")
        page.click("a[href*='kind=payment']")
        page.wait_for_selector("#previews .post-preview >> nth=1")
        expect(page.locator("input[name^=place_]:checked")).to_have_count(2)
        axe(page)
        shoot(page, f"write-{language}")

        # Planned: both posts as they will look, one with its picture, and whom it reaches.
        page.click("#plan-it")
        page.wait_for_selector("#release")
        expect(page.locator(".post-preview")).to_have_count(2)
        expect(page.locator(".post-preview img.post-picture")).to_have_count(1)
        axe(page)
        shoot(page, f"plan-{language}")

        first = _release(page, night, approver)
        told_to_the_end(page, SLOW_S)
        assert night.is_done(first)
        expect(page.locator(".channel-part")).to_have_count(2)
        expect(page.locator(".posted")).to_have_count(2)
        names = ["ایکس", "اینستاگرام"] if language == "fa" else ["X", "Instagram"]
        for number, name in enumerate(names):
            expect(page.locator(".posted").nth(number)).to_contain_text(name)
        axe(page)
        shoot(page, f"watch-{language}")

        # Everyone once; complaints of both platforms, each in its language.
        _each_told_once_in_their_language(night, first)
        told = night.told(first)
        people = [one for one in told if one.line.kind is RecipientKind.CASE]
        assert {one.platform for one in people} == {Platform.X, Platform.INSTAGRAM}
        assert len({one.line.language for one in people}) > 1

        # Instagram fetched the picture that Shenava drew, and shows it with the words.
        ours = night.place(first, Platform.INSTAGRAM)
        world = night.instagram()
        media: Media = world.media[str(ours.native_key)]
        assert (media.caption, media.by_api) == (ours.text, True)
        assert world.pictures[media.picture].content == night.picture(ours)
        assert media.alt == ours.picture_alt
        world.close()

        # It works again.
        page.click("a[href*='stage=resolved']")
        page.wait_for_selector("#previews .post-preview >> nth=1")
        axe(page)
        shoot(page, f"write-again-{language}")
        page.click("#plan-it")
        page.wait_for_selector("#release")
        axe(page)
        shoot(page, f"plan-again-{language}")
        second = _release(page, night, approver)
        told_to_the_end(page, SLOW_S)
        assert night.is_done(second)
        expect(page.locator(".posted")).to_have_count(2)
        axe(page)
        shoot(page, f"watch-again-{language}")
        _each_told_once_in_their_language(night, second)

        # To the same places, under what stands there ...
        x = stage.world()
        under = x.posts[str(night.place(second, Platform.X).native_key)]
        assert under.reply_to == night.place(first, Platform.X).native_key
        x.close()
        world = night.instagram()
        comment = world.comments[str(night.place(second, Platform.INSTAGRAM).native_key)]
        assert (comment.media_id, comment.parent_id) == (media.id, None)
        world.close()

        # ... and to the same people, or with the reason why not.
        heard = {one.line.key for one in people}
        with stage.store() as store, store.read() as session:
            lines = session.scalars(
                select(Recipient).where(
                    Recipient.broadcast_id == second, Recipient.kind != RecipientKind.PLACE
                )
            ).all()
            assert {one.key for one in lines} == heard
            again = {one.key for one in lines if one.state is RecipientState.HANDED}
            assert {one.reason for one in lines if one.key not in again} <= {
                "answered_privately",
                "no_consent",
                "rate",
                "told_elsewhere",
            }
        assert again

        _the_report_tells_of_it(page, night, [first, second], language)
        axe(page)
        shoot(page, f"report-{language}")
        # What listens for news would complain in the console that the service is gone.
        for one in (page, approver):
            if one is not None:
                one.goto("about:blank")
        assert service.stop() == 0
