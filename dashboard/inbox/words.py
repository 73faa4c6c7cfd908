"""What the inbox calls things, in the reader's language: reasons, verdicts, states, deeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.answering.deeds import DEEDS as ANSWERING_DEEDS
from dashboard.filters import number
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy, ngettext
from dashboard.inbox.wanted import Answer, Holder, Queue, Wanted
from responder.record import Deed, Refusal
from responder.triage import ReasonCode
from shenava.messages import (
    AboutKind,
    Intent,
    Language,
    MediaKind,
    MessageKind,
    Platform,
    Sentiment,
)
from shenava.store import AttachmentState, CaseState, RemovedBecause

QUEUES = {
    Queue.URGENT: lazy("Urgent"),
    Queue.APPROVAL: lazy("For approval"),
    Queue.MINE: lazy("Mine"),
    Queue.UNASSIGNED: lazy("Unassigned"),
    Queue.OPEN: lazy("Open"),
    Queue.SNOOZED: lazy("Snoozed"),
    Queue.CLOSED: lazy("Closed"),
}

STATES = {
    CaseState.OPEN: lazy("open"),
    CaseState.SNOOZED: lazy("snoozed"),
    CaseState.CLOSED: lazy("closed"),
}

PLATFORMS = {
    Platform.X: lazy("X"),
    Platform.INSTAGRAM: lazy("Instagram"),
    Platform.TELEGRAM: lazy("Telegram"),
    Platform.BALE: lazy("Bale"),
    Platform.WHATSAPP: lazy("WhatsApp"),
    Platform.BLUESKY: lazy("Bluesky"),
    Platform.MASTODON: lazy("Mastodon"),
    Platform.EMAIL: lazy("E-mail"),
    Platform.WEB: lazy("Website"),
}

KINDS = {
    MessageKind.MENTION: lazy("public mention"),
    MessageKind.COMMENT: lazy("public comment"),
    MessageKind.DM: lazy("private message"),
    MessageKind.POST: lazy("public post that does not address you"),
    MessageKind.EMAIL: lazy("e-mail"),
    MessageKind.REVIEW: lazy("public review"),
}

ABOUT = {
    AboutKind.STORY_MENTION: lazy("Named you in a story"),
    AboutKind.STORY_REPLY: lazy("Answers your story"),
    AboutKind.SHARED_POST: lazy("Passed on a post"),
    AboutKind.LIKE: lazy("Sent a heart"),
    AboutKind.UNSENT: lazy("Took this message back. Its words are gone here too."),
    AboutKind.UNSUPPORTED: lazy("Sent something that the platform shows in its own app only."),
}

LANGUAGES = {
    Language.FA: lazy("Persian"),
    Language.AR: lazy("Arabic"),
    Language.EN: lazy("English"),
    Language.MIXED: lazy("several languages"),
    Language.OTHER: lazy("another language"),
}

MOODS = {
    Sentiment.NEGATIVE: lazy("negative"),
    Sentiment.NEUTRAL: lazy("neutral"),
    Sentiment.POSITIVE: lazy("positive"),
}

INTENTS = {
    Intent.PAYMENT: lazy("payment"),
    Intent.ORDER_NOT_REGISTERED: lazy("order not registered"),
    Intent.DELIVERY_LATE: lazy("late delivery"),
    Intent.WRONG_OR_DAMAGED: lazy("wrong or damaged goods"),
    Intent.CHANGE_OR_CANCEL: lazy("change or cancel"),
    Intent.REFUND: lazy("refund"),
    Intent.ACCOUNT_LOGIN: lazy("account or sign-in"),
    Intent.OUTAGE: lazy("something is down"),
    Intent.PRICE: lazy("price"),
    Intent.PRAISE: lazy("praise"),
    Intent.QUESTION: lazy("question"),
    Intent.SPAM: lazy("spam"),
    Intent.THREAT: lazy("legal or safety threat"),
    Intent.OTHER: lazy("something else"),
}

REMOVED = {
    RemovedBecause.DELETED: lazy("Removed: its author deleted it."),
    RemovedBecause.HIDDEN: lazy("Removed: the platform does not show it any more."),
    RemovedBecause.ERASED: lazy("Removed: this person was erased."),
}

NO_PICTURE = {
    AttachmentState.WAITING: lazy("is on its way"),
    AttachmentState.TOO_LARGE: lazy("is too large to be shown here"),
    AttachmentState.NOT_A_PICTURE: lazy("is no picture that can be shown safely"),
    AttachmentState.GONE: lazy("cannot be had from the platform"),
    AttachmentState.FAILED: lazy("could not be fetched"),
}

MEDIA = {
    MediaKind.PHOTO: lazy("Picture"),
    MediaKind.VIDEO: lazy("Film"),
    MediaKind.ANIMATION: lazy("Moving picture"),
    MediaKind.VOICE: lazy("Voice message"),
    MediaKind.FILE: lazy("File"),
}

_PLAIN_REASONS = {
    ReasonCode.THREAT: lazy("legal or safety threat"),
    ReasonCode.PAYMENT_NO_ORDER: lazy("payment taken, no order"),
    ReasonCode.ACCOUNT: lazy("account in danger"),
    ReasonCode.OUTAGE: lazy("something is down"),
    ReasonCode.CHANGE_BEFORE_SENT: lazy("change before it is sent"),
    ReasonCode.PUBLIC_ANGER: lazy("public anger"),
    ReasonCode.URGENT: lazy("urgent"),
    ReasonCode.COMPLAINT: lazy("complaint"),
    ReasonCode.UNSURE: lazy("not sure, a person should look"),
    ReasonCode.VIP: lazy("VIP"),
    ReasonCode.QUESTION: lazy("question"),
    ReasonCode.NEGATIVE: lazy("negative tone"),
    ReasonCode.PRIVATE: lazy("written in private"),
    ReasonCode.PRAISE: lazy("praise"),
    ReasonCode.SPAM: lazy("spam"),
    ReasonCode.BLOCKED: lazy("blocked"),
    ReasonCode.HISTORIC: lazy("old message, imported"),
}

REFUSALS = {
    Refusal.NO_SUCH_CASE: lazy("There is no such case."),
    Refusal.NO_SUCH_MESSAGE: lazy("There is no such message."),
    Refusal.NO_SUCH_PERSON: lazy("A case can only be given to someone who works here now."),
    Refusal.TAKEN: lazy("Someone else took the case in the meantime. Nothing was changed."),
    Refusal.NO_SUCH_CUSTOMER: lazy("There is no such customer."),
    Refusal.NO_SUCH_NOTE: lazy("There is no such note, or it is not yours to delete."),
    Refusal.KEY_REUSED: lazy("This key was used before, for another note. Nothing was written."),
    Refusal.SAME_ALREADY: lazy("They are one customer already."),
    Refusal.SPLIT_ALREADY: lazy("They have been split already. Nothing was changed."),
    Refusal.PEOPLE_CHANGED: lazy(
        "Someone changed who is who in the meantime. Nothing was changed; look again."
    ),
    Refusal.NOTE_EMPTY: lazy("A note needs some text."),
    Refusal.NOTE_TOO_LONG: lazy("A note holds 5,000 characters at most. Nothing was saved."),
    Refusal.SNOOZE_PAST: lazy("Choose a time in the future to be reminded at."),
    Refusal.SNOOZE_TOO_FAR: lazy("A case can be snoozed for a year at most."),
}

_DEEDS = {
    Deed.CLOSED: lazy("closed the case"),
    Deed.REOPENED: lazy("opened it again"),
    Deed.SNOOZED: lazy("snoozed it"),
    Deed.WOKEN: lazy("took it up again"),
    Deed.NOTED: lazy("wrote a note"),
    Deed.BLOCKED: lazy("blocked the customer"),
    Deed.UNBLOCKED: lazy("unblocked the customer"),
    Deed.VIP: lazy("marked the customer as VIP"),
    Deed.NOT_VIP: lazy("took the VIP mark off"),
    Deed.OPTED_OUT: lazy("noted that the customer wants to hear nothing more"),
    Deed.OPTED_IN: lazy("noted that the customer wants to hear from you again"),
    Deed.LEARNED: lazy("had Shenava learn from corrections"),
    Deed.LEARNED_ON: lazy("switched on what Shenava learned"),
    Deed.LEARNED_OFF: lazy("switched off what Shenava learned"),
    Deed.LEARNS_BY_ITSELF: lazy("let Shenava learn by itself again"),
    Deed.MERGED: lazy("made two customers one"),
    Deed.SPLIT: lazy("split a customer in two again"),
    Deed.NOT_SAME: lazy("said that two customers are not the same person"),
    Deed.CUSTOMER_NOTED: lazy("wrote a note about the customer"),
    Deed.CUSTOMER_NOTE_DELETED: lazy("deleted their note about the customer"),
    Deed.REMOVED: lazy("removed what is not on its platform any more"),
    Deed.ERASED: lazy("erased the customer"),
    Deed.CORRECTED: lazy("corrected the verdict"),
    Deed.CORRECTION_UNDONE: lazy("took a correction back"),
    Deed.SPIKE_DISMISSED: lazy("said that a wave of complaints is no outage"),
}


def reason(entry: Mapping[str, Any]) -> str:
    """One reason of ``Case.reasons`` in words; empty for one that this version does not know."""
    try:
        code = ReasonCode(str(entry.get("code")))
    except ValueError:
        return ""
    params = entry.get("params") or {}
    if code is ReasonCode.REACH:
        return _followers(int(params.get("followers", 0)))
    if code is ReasonCode.REPEATED:
        count = int(params.get("messages", 0))
        return ngettext("%(num)s message waiting", "%(num)s messages waiting", count)
    matter = intent(params.get("intent"))
    if matter and code is ReasonCode.URGENT:
        return _("urgent: %(matter)s", matter=matter)
    if matter and code is ReasonCode.COMPLAINT:
        return _("complaint: %(matter)s", matter=matter)
    if matter and code is ReasonCode.QUESTION:
        return _("question: %(matter)s", matter=matter)
    return str(_PLAIN_REASONS[code])


def reasons(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """The reasons of a case in words, the strongest first."""
    return [found for found in map(reason, entries) if found]


def intent(name: object) -> str:
    """An intent by its name in the database; empty for one that this version does not know."""
    return str(INTENTS[Intent(name)]) if name in {item.value for item in Intent} else ""


def _followers(count: int) -> str:
    if count >= 1_000_000:
        return _("%(count)s M followers", count=number(count / 1_000_000, 1))
    if count >= 10_000:
        return _("%(count)s k followers", count=number(count // 1_000))
    return ngettext("%(num)s follower", "%(num)s followers", count)


def complaint(value: bool | None) -> str:
    """The verdict on one question, as it stands in the verdict line."""
    if value is None:
        return _("complaint? not sure")
    return _("complaint") if value else _("no complaint")


def urgent(value: bool | None) -> str:
    if value is None:
        return _("urgent? not sure")
    return _("urgent") if value else _("not urgent")


def deed(action: str, details: Mapping[str, Any], people: Mapping[int, str]) -> str:
    """A line of the audit trail in words, to follow the name of who did it."""
    if action == Deed.ASSIGNED:
        to = details.get("to")
        if to is None:
            return _("gave it to nobody")
        return _("gave it to %(name)s", name=people.get(to, "?"))
    if action in ANSWERING_DEEDS:
        return str(ANSWERING_DEEDS[action])
    try:
        return str(_DEEDS[Deed(action)])
    except (ValueError, KeyError):
        return action


def chip(wanted: Wanted, name: str) -> str:
    """A filter in force, in words; ``name`` is what the address calls it."""
    if name == "complaint" and wanted.complaint:
        return {
            Answer.YES: _("complaint"),
            Answer.NO: _("no complaint"),
            Answer.UNSURE: _("complaint? not sure"),
        }[wanted.complaint]
    if name == "intent" and wanted.intent:
        return str(INTENTS[wanted.intent])
    if name == "mood" and wanted.sentiment:
        return str(MOODS[wanted.sentiment])
    if name == "language" and wanted.language:
        return str(LANGUAGES[wanted.language])
    if name == "platform" and wanted.platform:
        return str(PLATFORMS[wanted.platform])
    if name == "account":
        return _("one account")
    if name == "spike":
        return _("one wave of complaints")
    if wanted.holder is Holder.ME:
        return _("yours")
    return _("nobody has it") if wanted.holder is Holder.NOBODY else _("one colleague's")
