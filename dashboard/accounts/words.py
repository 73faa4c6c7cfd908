"""What is said of the shop's own places: states, sources, errors, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from dashboard.accounts.connections import NoBudget
from dashboard.filters import number
from dashboard.i18n import Lazy, lazy
from dashboard.i18n import gettext as _
from shenava.channels import (
    ChannelError,
    PaymentRequired,
    RateLimited,
    Rejected,
    Unauthorised,
)
from shenava.channels.instagram.links import PUBLIC as PUBLIC_PREFIX
from shenava.messages import Platform, Source
from shenava.store import (
    AccountState,
    CoverageKind,
    Feed,
    FeedError,
    InboundReason,
    OutboxState,
    PausedBecause,
    PublicTrouble,
)

SOURCES = {
    Source.MENTION: lazy("Mentions and answers to you"),
    Source.COMMENT: lazy("Comments under your posts"),
    Source.INBOX: lazy("Private messages"),
    Source.OWN: lazy("Your own posts"),
    Source.SEARCH: lazy("Search"),
}

STATES = {
    AccountState.IMPORTED: lazy("From imported files only"),
    AccountState.CONNECTED: lazy("Connected"),
    AccountState.UNAUTHORISED: lazy("Must be connected again"),
    AccountState.PAUSED: lazy("Paused"),
}

RUNS = {
    CoverageKind.RUN: lazy("reading"),
    CoverageKind.SWEEP: lazy("sweep"),
    CoverageKind.BACKFILL: lazy("back-fill"),
}

OUTBOX = {
    OutboxState.QUEUED: lazy("waits to be sent"),
    OutboxState.CLAIMED: lazy("is being sent"),
    OutboxState.SENDING: lazy("is being sent"),
    OutboxState.UNKNOWN: lazy("outcome unknown"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong and what to do. ``level``: soon, or urgent when a person has to act."""

    level: str
    what: Lazy
    todo: Lazy


_CONNECT_AGAIN = lazy("Connect it again; reading then goes on where it stopped.")

TROUBLES = {
    FeedError.RATE_LIMITED: Trouble(
        "soon",
        lazy("The platform asked to be asked less often."),
        lazy("Nothing to do: it goes on at the time the platform named."),
    ),
    FeedError.UNREACHABLE: Trouble(
        "soon",
        lazy("The platform could not be reached, or did not answer properly."),
        lazy("Nothing to do: it is tried again, and what was written meanwhile is then read."),
    ),
    FeedError.UNAUTHORISED: Trouble(
        "urgent", lazy("The platform does not take the keys any more."), _CONNECT_AGAIN
    ),
    FeedError.PAYMENT: Trouble(
        "urgent",
        lazy("The platform wants money: the developer account has no credit left."),
        lazy("Buy credits in the platform's developer console, then resume the account."),
    ),
    FeedError.BUDGET: Trouble(
        "urgent",
        lazy("The app's own limit of the month is reached, so nothing more is read."),
        lazy("Raise the limit below, or wait for next month: what is missing is then read."),
    ),
    FeedError.REJECTED: Trouble(
        "urgent",
        lazy("The platform refuses this reading."),
        lazy("Check the app's permissions and the search words; the log tells more."),
    ),
    FeedError.INTERNAL: Trouble(
        "urgent",
        lazy("Something failed on our side. What was read before is safe."),
        lazy("It is tried again. If it stays, tell whoever runs Shenava; the log tells more."),
    ),
}

PAUSED = {
    PausedBecause.PERSON: Trouble(
        "soon",
        lazy("Someone here paused it: nothing is read, and nothing is sent."),
        lazy("Resume it; what was written meanwhile is then read."),
    ),
    PausedBecause.PAYMENT: TROUBLES[FeedError.PAYMENT],
}
DEAD = TROUBLES[FeedError.UNAUTHORISED]
LATE = Trouble(
    "soon",
    lazy("It was not read to its end for longer than usual."),
    lazy("It is tried again by itself. If it stays, test the connection."),
)
SILENT = Trouble(
    "soon",
    lazy("It is quieter than it ever was at this time of the week."),
    lazy("Look on the platform whether customers write: if they do, connect the account again."),
)
GAPS = Trouble(
    "soon",
    lazy("For a part of the last day we cannot vouch that nothing is missing."),
    lazy("The ledger shows which. Look at that time on the platform."),
)
NO_WEBHOOKS = Trouble(
    "urgent",
    lazy("The platform says that no webhooks are ordered for this account any more."),
    lazy("Messages are still read, some minutes later. Order the webhooks again."),
)
SILENT_WEBHOOKS = Trouble(
    "soon",
    lazy("Webhooks bring nothing any more, though new messages were found by reading."),
    lazy("Look at the page of webhooks whether the platform reaches our address."),
)
_BY_ITSELF = lazy("It is tried again by itself. Your own connection is not touched, and goes on.")
PUBLIC = {
    PublicTrouble.NEEDS_PERSON: Trouble(
        "soon",
        lazy("Public reading stands still: Instagram wants a person to look after its session."),
        lazy(
            "Log in with that account in a browser, make a new session file and switch public "
            "reading on with it. Your own connection is not touched, and goes on."
        ),
    ),
    PublicTrouble.ASKED_TO_WAIT: Trouble(
        "soon", lazy("Instagram asked public reading to wait."), _BY_ITSELF
    ),
    PublicTrouble.PAGE_CHANGED: Trouble(
        "soon",
        lazy("Public reading is paused: Instagram has changed its pages."),
        lazy(
            "Upgrade instaloader; until then nothing public is read. Your own connection is not "
            "touched, and goes on."
        ),
    ),
    PublicTrouble.UNREACHABLE: Trouble(
        "soon", lazy("Public reading is paused: Instagram's website does not answer."), _BY_ITSELF
    ),
}
NOT_UNDERSTOOD = {
    InboundReason.UNREADABLE: lazy("The platform signed it, but it is nothing we can read."),
    InboundReason.STRANGER: lazy("It is about an account that is not connected here."),
    InboundReason.FAULTY: lazy("A part of it lacks what it should have."),
    InboundReason.UNFETCHED: lazy("It points to something that could not be fetched."),
    InboundReason.INTERNAL: lazy("Something failed on our side; the log tells more."),
}
EXPIRES = Trouble(
    "urgent", lazy("The keys end soon and cannot be renewed by themselves."), _CONNECT_AGAIN
)


def refusal_of(error: ChannelError, platform: Platform) -> str:
    """What to tell someone whose test of a connection failed, and what to do."""
    if platform is Platform.INSTAGRAM:
        return _refusal_of_instagram(error)
    if isinstance(error, NoBudget):
        return _(
            "The app's own limit of this month leaves no room for asking X. Nothing was asked. "
            "Raise the limit, then try again."
        )
    if isinstance(error, Unauthorised):
        return _(
            "X does not take these keys. Nothing was saved. Check that all of them were copied "
            "whole and that they were made after the permissions were set."
        )
    if isinstance(error, PaymentRequired):
        return _(
            "X wants money before it answers. Nothing was saved. Buy credits in X's console, "
            "then try again."
        )
    if isinstance(error, RateLimited):
        return _("X asks to be asked later. Nothing was saved. Try again in a few minutes.")
    if isinstance(error, Rejected):
        return _(
            "X refuses what these keys ask for. Nothing was saved. Give the app “Read and write "
            "and Direct Messages” in X's console, make new keys, and try again."
        )
    return _("X could not be reached. Nothing was saved. Check the network, then try again.")


def _refusal_of_instagram(error: ChannelError) -> str:
    if isinstance(error, Unauthorised):
        return _(
            "Instagram does not take this token. Nothing was saved. Make a new one in Meta's "
            "dashboard, copy it whole, and try again."
        )
    if isinstance(error, RateLimited | NoBudget):
        return _("Instagram asks to be asked later. Nothing was saved. Try again in an hour.")
    if isinstance(error, Rejected):
        return _(
            "Instagram refuses what this token asks for. Nothing was saved. The account must be "
            "a professional one (business or creator); a page's token must be of the page that "
            "it is linked to, with the permissions below."
        )
    return _(
        "Instagram could not be reached. Nothing was saved. Check the network, then try again."
    )


def money(micros: int) -> str:
    """Millionths of a US dollar, to the tenth of a cent where that shows."""
    places = 2 if micros % 10_000 == 0 else 3
    return _("$%(amount)s", amount=number(micros / 1_000_000, places))


def source_of(feed: Feed) -> Markup:
    """What a feed reads, in words."""
    return source(feed.source, feed.query)


def source(kind: Source, query: str) -> Markup:
    name = escape(str(SOURCES.get(kind, kind.value)))
    if kind is not Source.SEARCH or not query:
        return name
    if query.startswith(PUBLIC_PREFIX):
        asked = query.removeprefix(PUBLIC_PREFIX)
        return Markup("{}: <bdi>{}</bdi>").format(_("Public pages"), asked)
    terms = Markup(" · ").join(Markup("<bdi>{}</bdi>").format(term) for term in terms_of(query))
    return name + ": " + terms


def terms_of(query: str) -> list[str]:
    """The words in a search that ``shenava.channels.x.query_of`` made: without its operators."""
    inner, closed, _rest = query.removeprefix("(").partition(") -is:retweet")
    return [term.strip('"') for term in inner.split(" OR ")] if closed else [query]


def handle(name: str) -> Markup:
    """A handle, kept apart from the text around it."""
    return Markup('<bdi dir="ltr">@{}</bdi>').format(name)
