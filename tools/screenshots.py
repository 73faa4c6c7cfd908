"""Pictures of the dashboard: ``python tools/screenshots.py OUT [--pages …] [--languages …]``.

Starts the dashboard on a new store with sample data, on loopback, and shoots every page in each
size, theme and language with the machine's Chromium. To look at while designing; the README's
picture is made the same way.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

sys.path.insert(0, str(Path(__file__).parent.parent))

from collectors.intake import take_in
from config import Settings
from dashboard.app import create_app
from dashboard.auth.links import PATH, create_link
from dashboard.auth.passwords import hashed
from dashboard.broadcasts.form import from_template
from dashboard.context import Desk
from dashboard.staff import members
from responder import customer_notes, learning, merging, outbox, people
from responder.broadcasts import drafting, running
from responder.broadcasts.planning import house_of, plan_broadcast
from responder.circumstances import Rules
from responder.outbox import UNDO
from responder.policy import policy_of
from sentiment.classifier import Classifier
from sentiment.lessons import Lesson
from service.instagram_accounts import InstagramWays
from service.learning import Teacher
from service.pipeline import Pipeline
from service.sample import fill_if_empty
from service.x_accounts import XWays
from shenava.clock import SetClock
from shenava.messages import (
    AccountRef,
    Author,
    Deed,
    Incoming,
    Language,
    MessageKind,
    Platform,
    Source,
)
from shenava.store import (
    Account,
    AccountState,
    App,
    Case,
    CaseState,
    Feed,
    Identity,
    LinkPurpose,
    Message,
    OutboxState,
    Role,
    Spike,
    SpikeCase,
    Stage,
    Store,
    User,
    UserState,
)
from shenava.store.migrations import upgrade

CHROMIUM = "/usr/bin/chromium"
RULES: Rules = {Platform.X: XWays(), Platform.INSTAGRAM: InstagramWays()}
PASSWORD = "a long enough sentence"
NOW = datetime(2026, 1, 3, 6, 30, tzinfo=UTC)
SIZES = {"wide": (1440, 900), "small": (390, 844)}
THEMES = ("light", "dark")
LANGUAGES = ("fa", "en", "ar")
STAFF = (
    ("سارا احمدی", "sara@shop.example", Role.ADMIN, UserState.ACTIVE),
    ("امید رضایی", "omid@shop.example", Role.AGENT, UserState.ACTIVE),
    ("ليلى حسن", "layla@shop.example", Role.AGENT, UserState.ACTIVE),
    ("James Carter", "james@shop.example", Role.AGENT, UserState.DISABLED),
    ("نگار محمدی", "negar@shop.example", Role.AGENT, UserState.INVITED),
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page to shoot. ``open_menu`` opens the first menu that this selector finds."""

    name: str
    path: str
    signed_in: bool = True
    open_menu: str = ""


PAGES = [
    Page("sign-in", "/sign-in", signed_in=False),
    Page("first-admin", f"{PATH}{{first_admin}}", signed_in=False),
    Page("invitation", f"{PATH}{{invitation}}", signed_in=False),
    Page("link-gone", f"{PATH}gone", signed_in=False),
    Page("inbox", "/inbox/"),
    Page("case", "/inbox/case/{case}"),
    Page("search", "/inbox/?q=سفارش"),
    Page("customers", "/customers/"),
    Page("customers-channels", "/customers/?show=channels"),
    Page("customers-nobody", "/customers/?show=blocked"),
    Page("customer", "/customers/{customer}"),
    Page("customer-merged", "/customers/{merged}"),
    Page("customer-choose", "/customers/{customer}/merge"),
    Page("customer-erase", "/customers/{merged}/erase"),
    Page("customer-compare", "/customers/{customer}/merge/{other}"),
    Page("case-of-customer", "/inbox/case/{case_of_customer}"),
    Page("nothing-mine", "/inbox/?queue=mine"),
    Page("approval", "/inbox/?queue=approval"),
    Page("spike", "/spikes/{spike}"),
    Page("cases-of-spike", "/inbox/?queue=open&spike={spike}"),
    Page("broadcasts", "/broadcasts/"),
    Page("broadcast-write", "/broadcasts/new?kind=payment"),
    Page("broadcast-planned", "/broadcasts/{planned}"),
    Page("broadcast-approval", "/broadcasts/{to_approve}"),
    Page("broadcast-sending", "/broadcasts/{sending}"),
    Page("broadcast-people", "/broadcasts/{sending}/ledger"),
    Page("posts", "/posts/"),
    Page("post-write", "/posts/new"),
    Page("reports", "/reports/"),
    Page("report", "/reports/2026-W01"),
    Page("accounts", "/accounts/"),
    Page("account-ledger", "/accounts/{account}"),
    Page("on-its-way", "/accounts/sending"),
    Page("connect", "/accounts/connect"),
    Page("duty", "/settings/duty"),
    Page("replies", "/settings/replies"),
    Page("tokens", "/settings/tokens"),
    Page("token-make", "/settings/tokens/new"),
    Page("profile", "/settings/"),
    Page("me-menu", "/settings/", open_menu=".rail-me"),
    Page("staff", "/settings/staff"),
    Page("staff-menu", "/settings/staff", open_menu=".row-menu"),
    Page("invite", "/settings/staff/invite"),
    Page("password", "/settings/password"),
    Page("audit", "/settings/audit"),
    Page("learned", "/settings/learned"),
    Page("not-found", "/nothing-here"),
]


def fill(desk: Desk) -> dict[str, str]:
    """Put the sample into the store; what the paths of pages need to know comes back."""
    store, password = desk.store, hashed(PASSWORD)
    with store.write() as session:
        first = create_link(session, LinkPurpose.FIRST_ADMIN, None, NOW, 72)
        users = [
            User(
                name=name,
                email=email,
                role=role,
                state=state,
                password_hash=None if state is UserState.INVITED else password,
                session_key=email,
                created_at=NOW - timedelta(days=90),
                signed_in_at=None
                if state is UserState.INVITED
                else NOW - timedelta(minutes=7 ** (number + 1)),
            )
            for number, (name, email, role, state) in enumerate(STAFF)
        ]
        session.add_all(users)
        session.flush()
        admin, agent, other, away, _ = (user.id for user in users)
        members.change_role(session, admin, other, Role.ADMIN, NOW - timedelta(days=2))
        members.change_role(session, admin, other, Role.AGENT, NOW - timedelta(hours=30))
        members.enable(session, admin, away, NOW - timedelta(days=1))
        members.disable(session, admin, away, NOW - timedelta(hours=3))
        members.new_link(session, admin, agent, NOW - timedelta(hours=2), 72)
        made = members.invite(
            session, admin, name="مریم", email="maryam@shop.example",
            role=Role.AGENT, now=NOW - timedelta(minutes=12), hours=72,
        )  # fmt: skip
    fill_if_empty(store)
    Pipeline(store, Classifier.load(), desk.policy).run_until_idle()
    known = meet_twice(desk, admin)
    teach_it(desk)
    known |= connect(desk)
    known |= let_it_fail(desk, admin, agent)
    with store.read() as session:
        top = session.scalars(
            select(Case.id).where(Case.state == CaseState.OPEN).order_by(Case.rank).limit(1)
        ).one()
    return {"first_admin": first, "invitation": made.token, "case": str(top)} | known


def teach_it(desk: Desk) -> None:
    """Labelled texts of a shop, learned from twice."""
    bad = (
        "بسته‌ام هنوز تو انباره",
        "باز هم انبارگردانی",
        "الطرد عالق في المخزن",
        "still in the depot",
    )
    fine = ("از انبار تحویل گرفتم", "وصل الطرد", "picked it up at the depot", "مرسی از انبار")
    teacher = Teacher(desk.store, Classifier.load(), 20)
    for count in (25, 50):
        with desk.store.write() as session:
            lessons = [
                Lesson(f"{text} {number}", complaint=texts is bad)
                for texts in (bad, fine)
                for text in texts
                for number in range(count)
            ]
            learning.add_labelled(session, lessons, NOW)
        teacher.learn_now()


def meet_twice(desk: Desk, admin: int) -> dict[str, str]:
    """Customers who write on two platforms: two of whom it is not said yet, two of whom it is."""
    instagram = AccountRef(Platform.INSTAGRAM, "rangin_shop")
    x = AccountRef(Platform.X, "rangin")

    def said(key: str, who: Author, text: str, account: AccountRef, hours: float) -> Incoming:
        return Incoming(
            account=account,
            native_key=f"twice-{key}",
            kind=MessageKind.DM if account is instagram else MessageKind.MENTION,
            author=who,
            text=text,
            written_at=NOW - timedelta(hours=hours),
            source=Source.IMPORT,
            summoned=account is x,
        )

    neda = Author("x-neda", "neda_rezaei", "ندا رضایی", 1_240)
    neda_too = Author("ig-neda", "neda.rezaei", "Neda Rezaei", 18_400)
    karim = Author("x-karim", "karim_ahmadi", "کریم احمدی", 310)
    karim_too = Author("ig-karim", "karimahmadi", "کریم احمدی", 90)
    take_in(
        desk.store,
        [
            said("1", neda, "سلام، سفارش ۵۵۵۱۲ قرار بود دیروز برسه، هنوز خبری نیست!", x, 27),
            said(
                "7",
                neda,
                "صفحهٔ https://rangin.example/pay?o=55512 باز نمیشه. به help@rangin.example هم "
                "نوشتم، شماره‌ام +98 912 000 0012 است. #سفارش #order به @rangin_help، نسخهٔ C++!",
                x,
                4,
            ),
            said("2", neda, "@rangin کسی جواب نمیده؟ سه بار پیام دادم، @rangin_help", x, 3),
            said("3", neda_too, "Hi, it's about order 55512. Any news? 🙏", instagram, 2),
            said("4", karim, "رنگ آبی این کفش کی موجود میشه؟", x, 50),
            said("5", karim_too, "مرسی، رسید. عالی بود 🌹", instagram, 5),
            said("6", karim_too, "لغو", instagram, 4),
        ],
    )
    Pipeline(desk.store, Classifier.load(), desk.policy).run_until_idle()
    with desk.store.write() as session:
        ids = {row.key: row.id for row in session.scalars(select(Identity))}
        one, two = ids["id:x-karim"], ids["id:ig-karim"]
        merging.merge(session, admin, [one], [two], NOW - timedelta(hours=3), desk.policy)
        people.set_vip(session, admin, one, NOW, desk.policy, on=True)
        text = "مشتری چندین ساله است؛ همیشه با آرامش جواب بدهید."
        customer_notes.write_note(session, admin, one, NOW - timedelta(hours=1), text)
        customer_notes.write_note(session, admin, ids["id:x-neda"], NOW, "قول ارسال رایگان دادیم.")
        case = session.scalars(select(Case.id).where(Case.identity_id == ids["id:x-neda"])).one()
    return {
        "customer": str(ids["id:x-neda"]),
        "other": str(ids["id:ig-neda"]),
        "merged": str(one),
        "case_of_customer": str(case),
    }


def connect(desk: Desk) -> dict[str, str]:
    """An app for each platform; the shop's accounts read just now."""
    with desk.store.write() as session:
        accounts = session.scalars(select(Account).where(Account.platform.in_(RULES))).all()
        apps = {one: App(platform=one, name="Rangin", created_at=NOW) for one in RULES}
        session.add_all(apps.values())
        session.flush()
        for account in accounts:
            account.app_id = apps[account.platform].id
            account.state, account.connected_at = AccountState.CONNECTED, NOW
            session.add(
                Feed(account_id=account.id, source=Source.MENTION, next_at=NOW, last_ok_at=NOW)
            )
        return {"account": str(accounts[0].id)}


def let_it_fail(desk: Desk, admin: int, agent: int) -> dict[str, str]:
    """Many complain at once: a spike, three notices about it, an answer that waits for approval."""
    store = desk.store
    with store.write() as session:
        rows = session.execute(
            select(Case.id, Message.id.label("message"))
            .join(Message, Message.case_id == Case.id)
            .where(Case.state == CaseState.OPEN, Case.complaint.is_(True))
            .order_by(Case.rank, Message.id)
        ).all()
        cases = {row.id: row.message for row in rows}
        spike = Spike(
            cause="payment", also=[], began_at=NOW - timedelta(minutes=22), seen_at=NOW,
            loud_at=NOW, usual=0.4, words=["پرداخت", "درگاه"], examples=list(cases.values())[:3],
        )  # fmt: skip
        session.add(spike)
        session.flush()
        session.add_all(SpikeCase(spike_id=spike.id, case_id=case) for case in cases)
        number = spike.id
        message = session.scalars(select(Message).where(Message.native_key == "twice-2")).one()
        account = session.scalars(select(Case.account_id).where(Case.id == message.case_id)).one()
        outbox.enqueue(
            session,
            outbox.Asker(f"user:{agent}", "waits", agent),
            outbox.Draft(
                Deed.ANSWER, account, "ندا جان، امروز می‌رسد. ببخشید.", message_id=message.id
            ),
            NOW,
            RULES,
            plan=outbox.Plan(state=OutboxState.AWAITING_APPROVAL),
        )
    planned = announce(desk, agent, account, "payment")
    to_approve = announce(desk, agent, account, "delivery", second_person=True)
    sending = announce(desk, admin, account, "site", second_person=False)
    running.tick(store, None, lambda _wanted: (b"", ""))
    return {
        "spike": str(number),
        "planned": str(planned),
        "to_approve": str(to_approve),
        "sending": str(sending),
    }


def announce(
    desk: Desk, writer: int, account: int, kind: str, *, second_person: bool | None = None
) -> int:
    """A notice, planned; released too, where it is said whether a second person reads it."""
    draft = from_template(kind, Stage.INVESTIGATING, {account: Language.FA}, 12)
    draft.since = ""
    with desk.store.write() as session:
        asker = outbox.Asker(f"user:{writer}", kind, writer)
        number = drafting.create(session, asker, draft.notice(NOW), NOW - UNDO).id
    plan = plan_broadcast(desk.store, number, RULES, house_of(desk.settings), writer)
    if plan is not None and second_person is not None:
        with desk.store.write() as session:
            drafting.release(
                session, writer, number, plan.hash, NOW - UNDO, None, second_person=second_person
            )
    return number


@contextmanager
def dashboard() -> Iterator[tuple[Desk, str, dict[str, str]]]:
    """A running dashboard: its desk, its address, and what the paths need."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        store = Store(settings.database, SetClock(NOW))
        upgrade(store)
        desk = Desk(store, settings, policy_of(settings), RULES)
        known = fill(desk)
        server = make_server("127.0.0.1", 0, create_app(desk), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield desk, f"http://127.0.0.1:{server.server_port}", known
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            store.close()


def shoot(browser: Browser, asked: argparse.Namespace) -> None:
    """All pictures asked for; one browser context a language and theme."""
    with dashboard() as (desk, address, known):
        for language in asked.languages:
            with desk.store.write() as session:
                for user in session.query(User).filter(User.role == Role.ADMIN):
                    user.language = language
                    user.calendar = "gregorian" if language == "en" else None
            for theme in asked.themes:
                for size in asked.sizes:
                    _shoot_all(browser, asked, address, known, language, theme, size)


def _shoot_all(
    browser: Browser,
    asked: argparse.Namespace,
    address: str,
    known: dict[str, str],
    language: str,
    theme: str,
    size: str,
) -> None:
    width, height = SIZES[size]
    pages = [page for page in PAGES if not asked.pages or page.name in asked.pages]
    for signed_in in (False, True):
        chosen = [page for page in pages if page.signed_in is signed_in]
        if not chosen:
            continue
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            locale=language,
            reduced_motion="reduce",
        )
        tab = context.new_page()
        if signed_in:
            tab.goto(f"{address}/sign-in")
            tab.fill("#email", STAFF[0][1])
            tab.fill("#password", PASSWORD)
            tab.click("form.stack button")
        for page in chosen:
            tab.goto(address + page.path.format(**known))
            if page.open_menu:
                tab.locator(f"{page.open_menu} > summary").first.click()
            name = f"{page.name}-{language}-{theme}-{size}.png"
            tab.screenshot(path=asked.out / name)
            sys.stderr.write(f"{name}\n")
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--pages", nargs="*", default=[], help="names of pages; all of them")
    parser.add_argument("--languages", nargs="*", default=LANGUAGES, choices=LANGUAGES)
    parser.add_argument("--themes", nargs="*", default=THEMES, choices=THEMES)
    parser.add_argument("--sizes", nargs="*", default=tuple(SIZES), choices=tuple(SIZES))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            shoot(browser, asked)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
