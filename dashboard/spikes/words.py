"""What a spike is called, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dashboard.filters import clock, day, now, number
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.inbox.words import INTENTS
from responder.spikes import Shown
from sentiment.topics import ANY, WORD
from shenava.messages import Intent
from shenava.store import Spike, SpikeClosed

KINDS = {
    Intent.PAYMENT.value: "payment",
    Intent.ORDER_NOT_REGISTERED.value: "payment",
    Intent.OUTAGE.value: "site",
    Intent.ACCOUNT_LOGIN.value: "site",
    Intent.DELIVERY_LATE.value: "delivery",
}
"""The kind of notice that a cause asks for; any other is written from nothing."""


def kind(spike: Spike) -> str:
    return KINDS.get(spike.cause, "other")


def causes(shown: Shown) -> Markup:
    """The names of all that is told as one."""
    return Markup(" · ").join(cause(one) for one in (shown.spike, *shown.with_it))


def cause(spike: Spike) -> Markup:
    """A name of a few words: what the intent is called, or the words as customers write them."""
    if spike.cause.startswith(WORD):
        return _quoted([spike.cause.removeprefix(WORD)])
    if spike.cause == ANY and spike.words:
        return _quoted(spike.words)
    return Markup("{}").format(_named(spike.cause))


def _named(name: str) -> str:
    """What a cause is called that is no word of customers."""
    return str(INTENTS[Intent(name)]) if name in set(Intent) else _("all sorts of things")


def _quoted(said: list[str]) -> Markup:
    return Markup(" · ").join(Markup("<bdi>“{}”</bdi>").format(one) for one in said)


def sentence(shown: Shown) -> Markup:
    """How many complain, of what, since when, and how many do otherwise."""
    spike = shown.spike
    today = clock(spike.began_at)
    since = today if (now() - spike.began_at).days < 1 else day(spike.began_at)
    return Markup(  # noqa: S704 - the words are ours, what fills them is escaped
        ngettext(
            "%(num)s person complains since %(when)s: %(cause)s",
            "%(num)s people complain since %(when)s: %(cause)s",
            shown.people,
            when=since,
            cause=Markup("<strong>{}</strong>").format(causes(shown)),
        )
    )


def call(people: int, causes: str) -> str:
    """How many complain, of what, as plain words: for a notification and a mail."""
    return ngettext(
        "%(num)s person complains of: %(cause)s",
        "%(num)s people complain of: %(cause)s",
        people,
        cause=causes,
    )


def without_quotes(names: Iterable[str]) -> str:
    """What causes are called without a word of customers: mail passes through other hands."""
    said = (
        _("one and the same thing") if name.startswith(WORD) else _named(name) for name in names
    )
    return " · ".join(dict.fromkeys(said))


def usual(spike: Spike) -> str:
    """How many people an hour complain of it otherwise."""
    return usually(spike.usual)


def usually(people: float) -> str:
    """So many an hour, as what is usual."""
    if people < 1:
        return _("usually hardly one an hour")
    return _("usually %(count)s an hour", count=number(round(people)))


def fate(spike: Spike) -> str:
    """Why it is shown no more; empty while it is."""
    if spike.closed_because is SpikeClosed.NOT_OUTAGE:
        return _("Somebody here said that this is no outage.")
    if spike.closed_because is SpikeClosed.RESOLVED:
        return _("Those who were told have been told that it works again.")
    if spike.ended_at is not None:
        return _("It is over: complaints are as usual again.")
    return ""
