"""Promises of the report's pages: every number opens its list, an instant is always the same."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import update
from support.browser import Browser, sign_in
from support.factories import SHOP_TELEGRAM
from support.reporting import CountedShop, any_day

from config import Settings
from config.settings import Calendar, UiLanguage
from dashboard.context import Desk
from dashboard.dates import Dates
from dashboard.reader import reader_of, speaking_to
from dashboard.reports.letters import letter_to, page_alone
from dashboard.reports.pdf import pdf_of
from dashboard.reports.sheet import Addresses, Cell, Sheet, sheet_of
from reports.book import settled
from reports.issuing import Rules, issue_due
from reports.making import Report, make_report
from shenava.clock import SetClock
from shenava.messages import Intent
from shenava.store import Message, User

MakeUser = Callable[..., User]
WEEK = "/reports/2026-01-03"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Days pass in these tests, and nobody is to be signed out meanwhile."""
    return Settings(home=tmp_path / "home", language="en", session_hours=720)  # type: ignore[arg-type]


@pytest.fixture
def agent(request: pytest.FixtureRequest, client: Browser, make_user: MakeUser) -> User:
    """An agent, signed in on the day on which the test begins."""
    if "shop" in request.fixturenames:
        request.getfixturevalue("shop")
    user = make_user("agent@shop.example", name="Omid")
    assert sign_in(client, user.email).status_code == 302
    return user


@pytest.fixture
def shop(desk: Desk, clock: SetClock) -> CountedShop:
    """Two weeks of everything that can happen; it is the Tuesday after."""
    shop = CountedShop(desk.store, desk.settings, clock)
    any_day(shop, 1, "2025-12-27")
    any_day(shop, 2, "2026-01-03")
    for number in range(12):
        case = shop.writes(
            f"2026-01-07 19:{number:02d}", f"out{number}", "urgent complaint", account=SHOP_TELEGRAM
        )
        if number % 3 == 0:
            shop.answers("2026-01-07 20:00", case)
    shop.corrects("2026-01-08 10:00", "out1", complaint=False)
    shop.now_is("2026-01-13 10:00")
    return shop


def report_of(shop: CountedShop) -> Report:
    return make_report(shop.store, shop.policy.hours, shop.week("2026-01-03"))


def sheet(shop: CountedShop, language: str = "en") -> Sheet:
    who = reader_of(language, None, shop.settings)
    with speaking_to(who):
        report = report_of(shop)
        return sheet_of(report, who, report.week.zone, Addresses())


def cells(sheet: Sheet) -> list[Cell]:
    found = [one.value for one in sheet.headlines]
    found += [detail for one in sheet.headlines for detail in one.details]
    found += [one.before for one in sheet.headlines if one.before]
    for section in sheet.sections:
        if section.table:
            found += [cell for row in section.table.rows for cell in row]
    return found


def rows_at(client: Browser, address: str) -> int:
    """How many rows the list has, all its pages together."""
    total = 0
    while True:
        page = client.get(address)
        assert page.status_code == 200, address
        total += len(re.findall(r'<p class="row-head">', page.text))
        onward = re.search(r'<a class="button" href="([^"]+after=[^"]+)"', page.text)
        if onward is None:
            return total
        address = unescape(onward[1])


def test_every_number_of_the_page_opens_a_list_of_as_many_rows(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    counted = 0
    for cell in cells(sheet(shop)):
        if cell.link is None or not re.fullmatch(r"[0-9,]+", cell.text):
            continue
        assert rows_at(client, cell.link) == int(cell.text.replace(",", "")), cell
        counted += 1
    assert counted > 50


def test_shares_and_times_open_what_they_were_made_of(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    made = sheet(shop)
    mood = next(one for one in made.headlines if one.title == "Unhappy messages")
    assert mood.value.link and mood.value.text.endswith("%")
    assert rows_at(client, mood.value.link) == int(mood.details[0].text.split()[0])
    first = next(one for one in made.headlines if one.title == "First answer, median")
    assert first.value.link
    number = re.search(r"of (\d+) answer", first.details[0].text)
    assert number
    assert rows_at(client, first.value.link) == int(number[1])


def test_a_removed_message_still_counts_and_stands_in_its_list(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    address = f"{WEEK}/list?figure=urgent"
    before = rows_at(client, address)
    with shop.store.write() as session:
        session.execute(
            update(Message)
            .where(Message.native_key == "out4")
            .values(text="", search_text="", removed_at=shop.clock.now(), removed_because="deleted")
        )
    assert rows_at(client, address) == before
    assert "This message was removed." in client.get(address).text


def main_of(page: str) -> str:
    return page.partition('<div id="report">')[2].partition("</main>")[0]


def test_the_same_instant_gives_the_same_bytes_whatever_comes_in_later(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    at = settled(shop.store, shop.policy.hours).isoformat().replace("+00:00", "Z")
    addresses = [f"{WEEK}{ending}?as_of={at}" for ending in ("", ".pdf", ".json", ".csv")]
    before = [client.get(address).data for address in addresses]
    shop.now_is("2026-01-14 10:00")
    shop.writes("2026-01-05 12:00", "late", "complaint", known_at="2026-01-14 10:01")
    shop.corrects("2026-01-14 10:02", "out2", complaint=False, intents=(Intent.PRAISE,))
    after = [client.get(address).data for address in addresses]
    assert main_of(before[0].decode()) == main_of(after[0].decode()) != ""
    assert before[1:] == after[1:]
    assert client.get(f"{WEEK}.json").data != before[2]


def test_a_report_that_was_made_is_shown_as_it_was_made(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    shop.now_is("2026-01-10 08:00")
    settled(shop.store, shop.policy.hours)
    rules = Rules(hour=8, to="nobody", mail_domain=None)  # type: ignore[arg-type]
    assert issue_due(shop.store, shop.policy.hours, rules) is not None
    made = client.get(f"{WEEK}.json").data
    shop.writes("2026-01-09 12:00", "late", "complaint", known_at="2026-01-12 10:01")
    assert client.get(f"{WEEK}.json").data == made
    assert "Count again" in client.get(WEEK).text
    again = json.loads(client.get(f"{WEEK}.json?now=1").data)
    assert again["figures"][0]["value"] == json.loads(made)["figures"][0]["value"] + 1


def test_the_running_week_says_that_it_is_not_over(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    shop.writes("2026-01-12 10:00", "now", "complaint")
    shop.now_is("2026-01-13 10:00")
    page = client.get("/reports/2026-01-10").text
    assert "This week is not over" in page
    assert "up to the same hour" in page
    assert "not over yet" in client.get("/reports/").text


def test_a_week_is_found_by_any_of_its_days_and_only_by_days(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    assert client.get("/reports/2026-01-07").headers["Location"].endswith(WEEK)
    for wrong in ("soon", "2026-13-01", "0001-01-01", "2030-01-05", "9999-12-31"):
        assert client.get(f"/reports/{wrong}").status_code == 404, wrong
    for wrong in (
        "figure=",
        "figure=nothing",
        "figure=messages&segment=mood:x",
        "figure=messages&segment=day:7",
        "figure=messages&segment=hour:1-24",
        "figure=complaints&segment=since:1-x",
        "figure=messages&as_of=yesterday",
        "figure=messages&as_of=2026-01-01",
    ):
        assert client.get(f"{WEEK}/list?{wrong}").status_code == 404, wrong


def test_an_empty_week_says_so_and_what_to_look_at(client: Browser, agent: User) -> None:
    assert "Nobody wrote in this week" in client.get("/reports/2025-12-20").text
    assert "Nothing to count yet" in client.get("/reports/").text


def test_what_customers_wrote_is_quoted_on_the_page_only(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    shop.writes("2026-01-07 21:00", "said", "SECRET WORDS urgent complaint")
    for number in range(40):
        shop.corrects("2026-01-07 21:01", "said", complaint=True if number % 2 else None)
    shop.now_is("2026-01-13 10:00")
    assert "SECRET WORDS" in client.get(WEEK).text
    report = report_of(shop)
    mail = letter_to(report, reader_of("en", None, shop.settings), shop.settings)
    pdf = mail.attachments[0].body
    shown = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    for text in (
        mail.subject, mail.text, mail.html, shown,
        page_alone(report, reader_of("en", None, shop.settings), shop.settings),
        client.get(f"{WEEK}.json").text, client.get(f"{WEEK}.csv").text,
    ):  # fmt: skip
        assert "SECRET" not in text


def test_the_csv_holds_every_number_of_the_json(
    client: Browser, agent: User, shop: CountedShop
) -> None:
    told = json.loads(client.get(f"{WEEK}.json").data)
    lines = list(csv.DictReader(io.StringIO(client.get(f"{WEEK}.csv").data.decode("utf-8-sig"))))
    counts = [line for line in lines if line["unit"] == "count"]
    numbers = {(line["figure"], line["segment"]): line["value"] for line in counts}
    assert numbers == {
        (one["figure"], one["segment"]): str(one["value"]) for one in told["figures"]
    }
    assert told["as_of"] == lines[0]["as_of"]


@pytest.mark.parametrize("language", list(UiLanguage))
def test_the_pdf_says_the_same_numbers_in_each_language(
    shop: CountedShop, language: UiLanguage
) -> None:
    who = reader_of(language.value, None, shop.settings)
    report = report_of(shop)
    with speaking_to(who):
        made = sheet_of(report, who, report.week.zone, Addresses("https://listen.shop.test"))
    body = pdf_of(made, report, None)
    with speaking_to(who):
        again = sheet_of(report, who, report.week.zone, Addresses("https://listen.shop.test"))
    assert pdf_of(again, report, None) == body
    pdf = PdfReader(io.BytesIO(body))
    links = [
        note.get_object()["/A"]["/URI"] for page in pdf.pages for note in page.get("/Annots", ())
    ]
    assert len(links) > 40
    house = "https://listen.shop.test/reports"
    assert all(link.startswith((f"{house}/2026-01-03/", f"{house}/2025-12-27/")) for link in links)
    if language is UiLanguage.EN:
        shown = "".join(page.extract_text() for page in pdf.pages)
        for one in made.headlines:
            assert one.value.text in shown


def test_charts_run_as_the_language_does(shop: CountedShop) -> None:
    from reports.charts import svg

    days = next(one for one in sheet(shop).sections if one.name == "days")
    assert days.chart
    rightwards = svg(days.chart, right_to_left=False)
    leftwards = svg(days.chart, right_to_left=True)
    places = {
        name: re.findall(rf'x="([0-9.]+)"[^>]*>{name}<', text)
        for text, name in ((rightwards, "Sat"), (leftwards, "Sat"))
    }
    assert float(places["Sat"][0]) > 180
    assert float(re.findall(r'x="([0-9.]+)"[^>]*>Sat<', rightwards)[0]) < 180
    assert "style=" not in rightwards and "<script" not in rightwards


def test_weeks_are_named_in_every_calendar(shop: CountedShop) -> None:
    first = shop.week("2026-01-03").starts_at + timedelta(hours=12)
    said = {
        calendar: Dates(UiLanguage.EN, calendar, shop.settings.zone).date(first)
        for calendar in Calendar
    }
    assert said == {
        Calendar.JALALI: "13 Dey 1404",
        Calendar.GREGORIAN: "3 January 2026",
        Calendar.HIJRI: "14 Rajab 1447",
    }
    assert Dates(UiLanguage.AR, Calendar.HIJRI, shop.settings.zone).date(first) == "١٤ رجب ١٤٤٧"


def test_everyone_chooses_whether_they_get_it_by_mail(
    client: Browser, agent: User, desk: Desk
) -> None:
    from config.settings import ReportTo
    from reports.issuing import recipients

    form = {
        "name": "Omid", "language": "en", "calendar": "hijri", "theme": "system",
        "density": "comfortable",
    }  # fmt: skip

    def who(to: ReportTo) -> list[int]:
        with desk.store.read() as session:
            return recipients(session, to)

    assert (who(ReportTo.ADMINS), who(ReportTo.EVERYONE)) == ([], [agent.id])
    client.send("/settings/", **form, report_mail="yes")
    assert who(ReportTo.NOBODY) == who(ReportTo.ADMINS) == [agent.id]
    assert 'value="yes" checked' in client.get("/settings/").text
    client.send("/settings/", **form, report_mail="no")
    assert who(ReportTo.EVERYONE) == []
