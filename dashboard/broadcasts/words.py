"""What broadcasts call things, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.answering.words import channel, why
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy, ngettext
from dashboard.inbox.words import LANGUAGES as _LANGUAGES
from responder.broadcasts.plan import LeftOut
from responder.broadcasts.progress import Outcome
from shenava.messages import Deed, Language, Platform
from shenava.store import BroadcastState, RecipientKind, Stage

STAGES = {
    Stage.INVESTIGATING: lazy("Investigating"),
    Stage.IDENTIFIED: lazy("Cause found"),
    Stage.MONITORING: lazy("Monitoring"),
    Stage.RESOLVED: lazy("Resolved"),
}

KINDS = {
    "payment": lazy("Payment fails"),
    "site": lazy("Site or app is down"),
    "delivery": lazy("Deliveries are late"),
    "support": lazy("Phone line is down"),
    "other": lazy("Something else"),
}
KIND_ICONS = {
    "payment": "bolt",
    "site": "globe",
    "delivery": "clock",
    "support": "note",
    "other": "plus",
}

STATES = {
    BroadcastState.DRAFT: lazy("draft"),
    BroadcastState.PLANNED: lazy("planned, not sent"),
    BroadcastState.AWAITING_APPROVAL: lazy("waits for a second person"),
    BroadcastState.SCHEDULED: lazy("about to leave"),
    BroadcastState.SENDING: lazy("being sent"),
    BroadcastState.PAUSED: lazy("paused"),
    BroadcastState.STOPPED: lazy("stopped"),
    BroadcastState.DONE: lazy("done"),
    BroadcastState.WITHDRAWN: lazy("withdrawn"),
}
TONES = {
    BroadcastState.AWAITING_APPROVAL: "soon",
    BroadcastState.SCHEDULED: "accent",
    BroadcastState.SENDING: "accent",
    BroadcastState.PAUSED: "soon",
    BroadcastState.STOPPED: "note",
    BroadcastState.DONE: "good",
}

OUTCOMES = {
    Outcome.WAITING: lazy("waiting"),
    Outcome.SENDING: lazy("on their way"),
    Outcome.SENT: lazy("sent"),
    Outcome.REFUSED: lazy("refused"),
    Outcome.FAILED: lazy("failed"),
    Outcome.UNKNOWN: lazy("outcome unknown"),
    Outcome.BY_HAND: lazy("to be posted by hand"),
    Outcome.LEFT_OUT: lazy("left out"),
    Outcome.STOPPED: lazy("stopped before their turn"),
}
TONE_OF = {
    Outcome.SENT: "good",
    Outcome.FAILED: "urgent",
    Outcome.REFUSED: "soon",
    Outcome.UNKNOWN: "soon",
    Outcome.BY_HAND: "accent",
    Outcome.LEFT_OUT: "note",
    Outcome.STOPPED: "note",
}

_LEFT_OUT: Mapping[str, object] = {
    LeftOut.BLOCKED: lazy("You have blocked them."),
    LeftOut.OPTED_OUT: lazy("They asked to hear nothing more from you."),
    LeftOut.NO_CHANNEL: lazy("The account is not connected to %(channel)s now."),
    LeftOut.TOLD_ELSEWHERE: lazy("The same customer is told through another account of theirs."),
    LeftOut.NO_TEXT: lazy("There is no text for them."),
    LeftOut.TOO_LONG: lazy("The text is too long for %(channel)s."),
    LeftOut.SAME_TEXT: lazy(
        "Another of your accounts on %(channel)s posts the very same words, which %(channel)s"
        " forbids. Choose another language, or other words."
    ),
    LeftOut.MONEY: lazy("The budget of this month for %(channel)s does not reach so far."),
    LeftOut.RATE: lazy(
        "The pace that %(channel)s allows does not reach them before the notice expires."
    ),
    LeftOut.NO_PICTURE: lazy("%(channel)s wants a picture, and none could be made."),
    "no_consent": lazy("They have not written to you in private on %(channel)s."),
    "not_summoned": lazy("They did not name you on %(channel)s, so programs may not answer them."),
    "summons_unknown": lazy(
        "It is not known whether they named you on %(channel)s, so they are not answered."
    ),
    "window_closed": lazy("The time in which %(channel)s lets you write to them is over."),
    "expired": lazy("The notice had expired before it was their turn."),
    "unauthorised": lazy("%(channel)s did not accept the account's key any more."),
}


def why_not(reason: str | None, platform: Platform) -> str:
    """A reason of the ledger or of the outbox, in a sentence about people in general."""
    if not reason:
        return ""
    known = _LEFT_OUT.get(reason)
    if known is None:
        return why(reason, platform)
    return _(str(getattr(known, "message", known)), channel=channel(platform))


def language(one: Language) -> str:
    return str(_LANGUAGES[one])


def group(kind: RecipientKind, deed: Deed, count: int) -> str:
    """Who they are and how they are told."""
    private = deed is not Deed.ANSWER
    if kind is RecipientKind.CASE:
        if private:
            return ngettext(
                "%(num)s open complaint, answered in private",
                "%(num)s open complaints, answered in private",
                count,
            )
        return ngettext(
            "%(num)s open complaint, answered in public",
            "%(num)s open complaints, answered in public",
            count,
        )
    if kind is RecipientKind.VIP:
        return ngettext("%(num)s VIP customer", "%(num)s VIP customers", count)
    if kind is RecipientKind.TOLD_BEFORE:
        return ngettext("%(num)s person told before", "%(num)s people told before", count)
    return ngettext(
        "%(num)s other person who wrote in private",
        "%(num)s other people who wrote in private",
        count,
    )


def minutes(seconds: int) -> str:
    """How long it takes, rounded up to what people say."""
    if seconds < 60:
        return _("under a minute")
    whole = -(-seconds // 60)
    if whole < 120:
        return ngettext("%(num)s minute", "%(num)s minutes", whole)
    return ngettext("%(num)s hour", "%(num)s hours", -(-whole // 60))
