"""What is collected from an account, and reading back: chosen, priced, confirmed, in that order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.accounts import deeds, words
from dashboard.accounts.connections import About, connections
from dashboard.accounts.forms import (
    SEARCHES,
    TOO_MANY,
    SearchError,
    count_of,
    hashtag_from,
    query_from,
)
from dashboard.accounts.prices import MOST_DAYS, SOURCES, Price, backfill_price
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.reader import me
from dashboard.staff.members import Refusal
from shenava.channels import Cursor, Unauthorised
from shenava.channels.instagram.links import PUBLIC
from shenava.channels.instagram.read import cursor_from as instagram_cursor_from
from shenava.channels.x.read import cursor_from as x_cursor_from
from shenava.messages import Platform, Source
from shenava.store import Account, App, Feed, Role
from shenava.store.spending import Spent, spent

FIRST_DAYS = 7

Key = tuple[Source, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """The account that a page is about."""

    account: Account
    app: App
    spent: Spent
    feeds: Sequence[Feed]
    about: About

    @property
    def sources(self) -> tuple[Source, ...]:
        """What can be read on its platform."""
        return SOURCES[self.account.platform]

    @property
    def known(self) -> set[Key]:
        return {(feed.source, feed.query) for feed in self.feeds}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What someone asks for. ``errors``: by field, a sentence each."""

    keys: tuple[Key, ...]
    days: int
    searches: str
    errors: dict[str, str]


@needs(Role.ADMIN)
def collect(account_id: int) -> ResponseReturnValue:
    """Choose what is collected; what is new is priced first."""
    subject = _subject(account_id)
    if request.method == "GET":
        return _choose_page(subject, _present(subject))
    wanted = _wanted(subject)
    if wanted.errors:
        return _choose_page(subject, wanted, 422)
    new = [key for key in wanted.keys if key not in subject.known]
    price = _price(subject, new, wanted.days)
    if price.lines and request.form.get("agreed") != mark_of(price):
        return _price_page(subject, wanted, price, back=url_for(".collect", account_id=account_id))
    now = _now()

    def change(session: Session) -> str:
        deeds.choose(
            session,
            me().id,
            account_id,
            wanted.keys,
            lambda _source: _cursor(subject, deeds.days_back(now, wanted.days)),
            now,
        )
        return _("Saved. Reading begins within a minute.") if new else _("Saved.")

    return _do(account_id, change)


@needs(Role.ADMIN)
def backfill(account_id: int) -> ResponseReturnValue:
    """Read further back than before; priced first."""
    subject = _subject(account_id)
    chosen = tuple((feed.source, feed.query) for feed in subject.feeds if feed.enabled)
    days, wrong = _days()
    wanted = Wanted(chosen, days, "", {"days": wrong} if wrong else {})
    if request.method == "GET" or wrong or not chosen:
        page = render_template(
            "accounts/backfill.html", subject=subject, wanted=wanted, **_around()
        )
        return page, 422 if wrong else 200
    price = _price(subject, chosen, days)
    if price.lines and request.form.get("agreed") != mark_of(price):
        return _price_page(subject, wanted, price, back=url_for(".backfill", account_id=account_id))
    now = _now()

    def change(session: Session) -> str:
        count = deeds.backfill(
            session,
            me().id,
            account_id,
            deeds.days_back(now, days),
            lambda _source, since: _cursor(subject, since),
            now,
        )
        return ngettext(
            "%(num)s source is read back now.", "%(num)s sources are read back now.", count
        )

    return _do(account_id, change)


def _price(subject: Subject, wanted: Sequence[Key], days: int) -> Price:
    platform = subject.account.platform
    return backfill_price(wanted, days, owns_app=subject.about.owns_app, platform=platform)


def _cursor(subject: Subject, since: datetime) -> Cursor:
    """A cursor that begins a reading from now down to ``since``."""
    is_x = subject.account.platform is Platform.X
    return x_cursor_from(since) if is_x else instagram_cursor_from(since)


def _query(subject: Subject, line: str) -> str:
    if subject.account.platform is Platform.INSTAGRAM:
        return hashtag_from(line)
    return query_from(line, subject.account.handle)


def mark_of(price: Price) -> str:
    """What a confirmation is worth: this price and no other."""
    return hashlib.sha256(repr(price).encode()).hexdigest()[:32]


def _do(account_id: int, change: Callable[[Session], str]) -> ResponseReturnValue:
    try:
        with desk().store.write() as session:
            said = change(session)
    except Refusal as refusal:
        flash(str(refusal.reason), "urgent")
    else:
        flash(said, "good")
    return redirect(url_for("accounts.ledger", account_id=account_id))


def _subject(account_id: int) -> Subject:
    asker = connections()
    with desk().store.read() as session:
        account = session.get(Account, account_id)
        if asker is None or account is None or account.app_id is None:
            abort(404)
        app = session.get_one(App, account.app_id)
        used = spent(session, app.id, _now())
        feeds = session.scalars(
            select(Feed)
            .where(Feed.account_id == account_id, ~Feed.query.startswith(PUBLIC))
            .order_by(Feed.id)
        ).all()
    try:
        about = asker.about(account_id)
    except Unauthorised:
        # Choosing asks nobody; the keys can be mended before or after.
        about = About(frozenset(SOURCES[account.platform]), owns_app=False)
    return Subject(account, app, used, feeds, about)


def _present(subject: Subject) -> Wanted:
    """What stands on the page before anything is chosen."""
    enabled = [(feed.source, feed.query) for feed in subject.feeds if feed.enabled]
    if not subject.feeds:
        enabled = [
            (source, "")
            for source in subject.sources
            if source is not Source.SEARCH and source in subject.about.sources
        ]
    searches = "\n".join(
        ", ".join(words.terms_of(query)) for source, query in enabled if source is Source.SEARCH
    )
    return Wanted(tuple(enabled), FIRST_DAYS, searches, {})


def _wanted(subject: Subject) -> Wanted:
    """What was sent, held to what is possible."""
    errors: dict[str, str] = {}
    keys: list[Key] = [
        (source, "")
        for source in subject.sources
        if source.value in request.form.getlist("source")
        and source is not Source.SEARCH
        and source in subject.about.sources
    ]
    text = request.form.get("searches", "")[:10_000]
    try:
        queries = [_query(subject, line) for line in text.splitlines() if line.strip()]
        if len(queries) > SEARCHES:
            raise SearchError(TOO_MANY)
        keys += [(Source.SEARCH, query) for query in dict.fromkeys(queries)]
    except SearchError as error:
        errors["searches"] = str(error.reason)
    days, wrong = _days()
    if wrong:
        errors["days"] = wrong
    if not keys and not errors:
        errors["source"] = _("Choose at least one. To collect nothing, pause the account.")
    return Wanted(tuple(keys), days, text, errors)


def _days() -> tuple[int, str]:
    """How far back, and what is wrong with what was written."""
    try:
        days = count_of(request.form.get("days"))
    except ValueError:
        days = 0
    if days is None:
        return FIRST_DAYS, ""
    if not 1 <= days <= MOST_DAYS:
        return FIRST_DAYS, _("Write a number of days from 1 to 365.")
    return days, ""


def _choose_page(subject: Subject, wanted: Wanted, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "accounts/collect.html",
        subject=subject,
        wanted=wanted,
        chosen={source for source, _query in wanted.keys},
        sources=[source for source in subject.sources if source is not Source.SEARCH],
        **_around(),
    )
    return page, status


def _price_page(subject: Subject, wanted: Wanted, price: Price, *, back: str) -> str:
    return render_template(
        "accounts/price.html",
        subject=subject,
        wanted=wanted,
        price=price,
        agreed=mark_of(price),
        back=back,
        **_around(),
    )


def _around() -> dict[str, object]:
    return {"words": words, "most_days": MOST_DAYS}


def _now() -> datetime:
    return desk().store.clock.now()
