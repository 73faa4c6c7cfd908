"""The status strip of every page: one muted line when all is well, words in colour when not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, render_template, url_for
from markupsafe import Markup

from collectors.inbound import AccountWebhooks
from dashboard.accounts.state import Habits, Place, Queue, State, state
from dashboard.accounts.words import handle
from dashboard.context import desk
from dashboard.filters import when
from dashboard.i18n import ngettext
from dashboard.i18n import page_gettext as _
from dashboard.inbox.words import PLATFORMS
from dashboard.reader import person_or_none
from responder import approval
from shenava.store import AccountState, FeedError, PausedBecause

_HABITS = "shenava_habits"


@dataclass(frozen=True, slots=True)
class Item:
    """``level``: calm, note, soon or urgent."""

    level: str
    text: Markup
    url: str | None = None


def install(app: Flask) -> None:
    """Give the templates of ``app`` the strip."""
    app.extensions[_HABITS] = Habits()
    app.jinja_env.globals["strip_items"] = items


def habits() -> Habits:
    return cast(Habits, current_app.extensions[_HABITS])


def markup() -> str:
    """The strip as it stands on a page, for pages that are open."""
    return render_template("strip.html")


def items() -> list[Item]:
    """What the strip says to the present reader, what is worst first."""
    person = person_or_none()
    with desk().store.read() as session:
        found = state(session, habits(), desk().store.clock.now())
        waiting = approval.how_many(session, person.id) if person else 0
    told = [*_places(found), *_webhooks(found), *_queue(found.queue, found), *_approval(waiting)]
    order = {"note": 0, "urgent": 1, "soon": 2, "calm": 3}
    return sorted(told, key=lambda item: order[item.level])


def _places(found: State) -> list[Item]:
    told = []
    if found.places and (desk().settings.x_base_url or desk().settings.instagram_base_url):
        told.append(Item("note", _("Rehearsal: simulated platforms"), url_for("accounts.index")))
    several = len({place.platform for place in found.places}) > 1
    told += [item for place in found.places for item in _of_place(place, several)]
    if not found.places:
        text = _("No account is connected: nothing new arrives by itself")
        told.append(Item("calm", text, url_for("accounts.index")))
    return told


def _of_place(place: Place, several: bool) -> list[Item]:
    """``several``: accounts of more than one platform are told of, mostly by the same handle."""
    ledger = url_for("accounts.ledger", account_id=place.account_id)
    name = handle(place.handle)
    if several:
        name = Markup("{} ({})").format(name, PLATFORMS[place.platform])

    def item(level: str, text: Markup) -> Item:
        return Item(level, text, ledger)

    if place.state is AccountState.UNAUTHORISED:
        return [item("urgent", _("%(account)s must be connected again", account=name))]
    if place.paused_because is PausedBecause.PAYMENT:
        return [item("urgent", _("%(account)s stands still: X wants money", account=name))]
    if place.state is AccountState.PAUSED:
        return [item("soon", _("%(account)s is paused", account=name))]
    told = []
    if FeedError.BUDGET in place.errors:
        told.append(item("urgent", _("%(account)s: this month's limit is reached", account=name)))
    if FeedError.REJECTED in place.errors:
        told.append(item("urgent", _("%(account)s: a reading is refused", account=name)))
    if place.late:
        text = _("%(account)s not read", account=name)
        if place.read_at is not None:
            text = _("%(account)s not read since %(when)s", account=name, when=when(place.read_at))
        told.append(item("soon", text))
    if place.gaps:
        first = when(place.gaps[0].start)
        text = Markup(  # noqa: S704 - the words are ours, what fills them is escaped
            ngettext(
                "%(num)s gap at %(account)s, since %(when)s",
                "%(num)s gaps at %(account)s, since %(when)s",
                len(place.gaps),
                account=name,
                when=first,
            )
        )
        told.append(item("soon", text))
    if place.silent_since is not None:
        since = when(place.silent_since)
        text = _("%(account)s is unusually silent, since %(when)s", account=name, when=since)
        told.append(item("soon", text))
    if place.expiry_days is not None:
        level = "urgent" if place.expiry_days <= 1 else "soon"
        told.append(item(level, _expiry(place.expiry_days, name)))
    if told:
        return told
    if place.sources == 0:
        return [item("soon", _("Nothing is collected from %(account)s yet", account=name))]
    if place.read_at is None:
        return [item("calm", _("%(account)s is being read for the first time", account=name))]
    return [item("calm", _("%(account)s read %(when)s", account=name, when=when(place.read_at)))]


def _webhooks(found: State) -> list[Item]:
    told, url = [], url_for("accounts.webhooks")
    if found.webhooks.refused:
        told.append(Item("urgent", _("Webhooks are refused: the app secret is wrong"), url))
    if found.webhooks.waits_since is not None:
        since = when(found.webhooks.waits_since)
        told.append(Item("soon", _("A webhook waits since %(when)s", when=since), url))
    if found.webhooks.failed:
        text = ngettext(
            "%(num)s webhook was not understood",
            "%(num)s webhooks were not understood",
            found.webhooks.failed,
        )
        told.append(Item("soon", Markup.escape(text), url))
    for place in found.places:
        one = found.webhooks.accounts.get(place.account_id)
        if one is not None and place.state is AccountState.CONNECTED:
            told += _webhooks_of(one, handle(place.handle), url)
    return told


def _webhooks_of(one: AccountWebhooks, name: Markup, url: str) -> list[Item]:
    if one.lost:
        text = _("Instagram sends no more webhooks for %(account)s", account=name)
        return [Item("urgent", text, url)]
    if not one.missed:
        return []
    text = Markup(  # noqa: S704 - the words are ours, what fills them is escaped
        ngettext(
            "%(num)s message at %(account)s came without its webhook",
            "%(num)s messages at %(account)s came without their webhook",
            one.missed,
            account=name,
        )
    )
    return [Item("soon", text, url)]


def _expiry(days: int, name: Markup) -> Markup:
    if days == 0:
        return _("The keys of %(account)s have ended", account=name)
    return Markup(  # noqa: S704 - the words are ours, what fills them is escaped
        ngettext(
            "The keys of %(account)s end within %(num)s day",
            "The keys of %(account)s end within %(num)s days",
            days,
            account=name,
        )
    )


def _approval(waiting: int) -> list[Item]:
    """What waits for the reader: to be approved by them, or by others, or come back to them."""
    if not waiting:
        return []
    text = ngettext(
        "An answer waits for approval in %(num)s case",
        "Answers wait for approval in %(num)s cases",
        waiting,
    )
    return [Item("soon", Markup.escape(text), url_for("inbox.index", queue="approval"))]


def _queue(queue: Queue, found: State) -> list[Item]:
    told = []
    url = url_for("accounts.sending")
    if queue.unknown:
        text = ngettext(
            "%(num)s answer of unknown outcome: look at it",
            "%(num)s answers of unknown outcome: look at them",
            queue.unknown,
        )
        told.append(Item("urgent", Markup.escape(text), url))
    if queue.waiting:
        text = ngettext(
            "%(num)s answer waits to be sent", "%(num)s answers wait to be sent", queue.waiting
        )
        words = Markup.escape(text)
        slow = queue.oldest is not None and queue.is_slow(found.at)
        if slow and queue.oldest is not None:
            words += _(", the first since %(when)s", when=when(queue.oldest))
        told.append(Item("soon" if slow else "calm", words, url))
    elif found.places:
        told.append(Item("calm", _("Nothing waits to be sent")))
    return told
