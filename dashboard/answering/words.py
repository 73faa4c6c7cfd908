"""What answering calls things, in the reader's language: what stands in the way, what became of
an answer, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dashboard.filters import digits, present_dates, span
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy
from dashboard.inbox import words as inbox_words
from dashboard.reader import reader
from responder.collision import Cannot
from responder.gate import Way, Why
from shenava.channels import RejectedBecause
from shenava.channels.instagram.rules import PRIVATE_REPLY
from shenava.channels.rules import Reason, WayOut
from shenava.messages import Deed, Platform

# Reasons of the gate and of the platforms' rules: what stands in the way. `%(channel)s` is filled.
_WHY = {
    Why.CHANGED: lazy("The text was changed after it was approved."),
    Why.EXPIRED: lazy("Its time was over before it could leave."),
    Why.BLOCKED: lazy("You have blocked this customer."),
    Why.AUTOMATIC_SENDER: lazy("The other side is a machine, and so was this answer."),
    Why.CUSTOMER_WROTE: lazy("The customer wrote again before it left. Read that first."),
    Why.NOT_CONNECTED: lazy(
        "The account is not connected to %(channel)s now. What was collected is safe."
    ),
    Why.EMPTY: lazy("There is nothing in it to send."),
    Why.TOO_LONG: lazy("It is too long for %(channel)s."),
    Why.MONEY: lazy("The budget of this month for %(channel)s is used up."),
    Why.RATE: lazy("%(channel)s takes no more for now, and its time was over before that."),
    Reason.NOT_SUMMONED: lazy(
        "%(channel)s lets programs answer only those who named or quoted you, and this person"
        " did not."
    ),
    Reason.SUMMONS_UNKNOWN: lazy(
        "%(channel)s lets programs answer only those who named or quoted you, and it is not known"
        " whether this person did."
    ),
    Reason.NO_CONSENT: lazy("This person has neither written to you in private nor asked you to."),
    Reason.OPTED_OUT: lazy("This person asked to hear nothing more from you."),
    Reason.WINDOW_CLOSED: lazy("The time in which %(channel)s lets you answer is over."),
    Reason.NOT_OWN_POST: lazy("It does not stand under a post of yours."),
    Reason.NOT_OFFERED: lazy("%(channel)s does not let programs do this."),
    Reason.ANSWERED_PRIVATELY: lazy(
        "This comment has had its one private answer; %(channel)s lets no second one pass."
    ),
    Reason.PEOPLE_ONLY: lazy("By now %(channel)s lets only people answer, no machines."),
    Reason.NO_PICTURE: lazy("%(channel)s takes no post without a picture."),
}

_WAYS = {
    Way.SEND_AGAIN: lazy("Look at it once more, and send it anew."),
    Way.UNBLOCK: lazy("Unblock the customer first, if you want to answer."),
    Way.CONNECT: lazy("An admin has to connect it again; until then, answer on %(channel)s."),
    Way.SHORTEN: lazy("Make it shorter."),
    Way.RAISE_LIMIT: lazy(
        "An admin can raise the limit; it begins anew with the month. Until then, answer on"
        " %(channel)s."
    ),
    Way.WAIT: lazy("It leaves by itself when its time comes."),
    WayOut.OPEN_ON_PLATFORM: lazy(
        "Answer by hand on %(channel)s, then say here that you did: the clock stops."
    ),
    WayOut.ANSWER_PUBLICLY: lazy("Answer in public, and invite them to write to you in private."),
    WayOut.ANSWER_PRIVATELY: lazy("Answer their comment in private: that is possible once."),
    WayOut.ADD_PICTURE: lazy("Add a picture."),
    WayOut.WAIT_FOR_CUSTOMER: lazy("It becomes possible as soon as they write to you."),
}

_BY_PLATFORM = {
    RejectedBecause.DUPLICATE: lazy("%(channel)s refused it: the same words were just posted."),
    RejectedBecause.NOT_ALLOWED: lazy(
        "%(channel)s does not allow it: its rules forbid it, or the person has blocked you."
    ),
    RejectedBecause.NOT_FOUND: lazy("%(channel)s refused it: the message it answers is gone."),
    RejectedBecause.TOO_LONG: lazy("%(channel)s refused it: it is too long."),
    RejectedBecause.TOO_LARGE: lazy("%(channel)s refused it: the picture is too large."),
    RejectedBecause.NOT_A_PICTURE: lazy("%(channel)s refused it: the picture cannot be read."),
    RejectedBecause.BAD_REQUEST: lazy("%(channel)s refused it, and did not say why."),
}

_FAILED = {
    "unauthorised": lazy("%(channel)s did not accept the account's key any more."),
    "payment": lazy("%(channel)s wants money: the developer account has none left."),
    "unreachable": lazy("%(channel)s could not be reached, many times over."),
    "rate_limited": lazy("%(channel)s took no more, many times over."),
    "never_arrived": lazy("It never arrived at %(channel)s, many times over."),
    "not_sent": lazy("A colleague looked on %(channel)s and did not find it."),
}

_UNKNOWN = {
    "no_answer": lazy("It left, and %(channel)s never said whether it took it."),
    "worker_lost": lazy("Shenava was stopped while it was being sent."),
    "duplicate": lazy(
        "%(channel)s says the same words are there already: an earlier try may have arrived."
    ),
    "restored": lazy(
        "It waited when the backup was made; whether it left after that is not known."
    ),
    "fault": lazy("It left, and the answer of %(channel)s could not be read."),
}

_HELD_UP = {
    "unreachable": lazy("%(channel)s could not be reached. Nothing was sent."),
    "rate_limited": lazy("%(channel)s takes no more for now. Nothing was sent."),
    "rate": lazy("The pace that %(channel)s allows is used up for now."),
    "never_arrived": lazy("The first try surely never arrived at %(channel)s."),
}


_CANNOT = {
    Cannot.NO_ADDRESS: lazy("This person cannot be written to in private. Answer in public."),
    Cannot.NOT_ENDED: lazy("Only what failed or was refused can be tried again. Nothing was sent."),
    Cannot.ONES_OWN: lazy("Somebody else has to approve what you wrote. Nothing was sent."),
    Cannot.MAY_NOT_APPROVE: lazy(
        "Your own answers need approval, so you cannot approve. Nothing was sent."
    ),
    Cannot.WORD_TOO_LONG: lazy("That word is too long: 1,000 characters at most."),
}


def cannot(code: Cannot) -> str:
    """Why something could not be done at all, in a sentence."""
    known = _CANNOT.get(code)
    return (
        str(known) if known else _("This cannot be sent. Nothing was changed; load the page again.")
    )


def channel(platform: Platform) -> str:
    return str(inbox_words.PLATFORMS[platform])


def _told(text: object, platform: Platform) -> str:
    return _(str(getattr(text, "message", text)), channel=channel(platform))


def why(reason: str, platform: Platform) -> str:
    """A reason in a sentence; ``reason`` as an outbox row keeps it."""
    known: Mapping[str, object] = {str(key): text for key, text in _WHY.items()} | _FAILED
    rejected = reason.removeprefix("platform_")
    if rejected != reason and rejected in set(RejectedBecause):
        return _told(_BY_PLATFORM[RejectedBecause(rejected)], platform)
    return _told(known.get(reason) or lazy("%(channel)s did not take it."), platform)


def way_out(name: str, platform: Platform) -> str:
    """What is possible instead, in a sentence; empty where nothing is."""
    known = {str(key): text for key, text in _WAYS.items()}
    return _told(known[name], platform) if name in known else ""


def doubt(reason: str, platform: Platform) -> str:
    """Why nobody knows what became of it."""
    return _told(_UNKNOWN.get(reason) or _UNKNOWN["no_answer"], platform)


def held_up(reason: str | None, platform: Platform) -> str:
    """Why something that should have left is still waiting; empty without a reason."""
    known = _HELD_UP.get(reason or "")
    return _told(known, platform) if known else ""


def price(micros: int) -> str:
    """Millionths of a US dollar as people say them: cents below a dollar."""
    cents = micros / 10_000
    if micros == 0:
        return _("nothing")
    if micros >= 1_000_000:
        return _("%(dollars)s US dollars", dollars=_decimal(micros / 1_000_000))
    if cents == 1:
        return _("1 US cent")
    return _("%(cents)s US cents", cents=_decimal(cents))


def private_reply_lasts() -> str:
    """How long a comment can be answered in private; only Instagram has such replies."""
    return span(PRIVATE_REPLY.lasts)


def weekday_and_day(at: datetime) -> str:
    """A day to choose, by its weekday and date."""
    dates = present_dates()
    return f"{dates.weekday(at.astimezone(dates.zone).weekday())} {dates.day(at, at)}"


def _decimal(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return digits(text if reader().direction == "ltr" else text.replace(".", "٫"))


DEED_OF = {
    Deed.ANSWER: lazy("public answer"),
    Deed.DM: lazy("private message"),
    Deed.POST: lazy("public post"),
    Deed.PRIVATE_REPLY: lazy("private reply to a comment"),
    Deed.HIDE: lazy("hiding"),
    Deed.DELETE: lazy("deleting"),
}
