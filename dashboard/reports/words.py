"""What the report calls its figures, what each of them counts, and how a change is put."""

from __future__ import annotations

from datetime import UTC, datetime

from dashboard.broadcasts.words import STAGES
from dashboard.dates import Dates
from dashboard.i18n import Lazy, lazy, plazy
from dashboard.i18n import gettext as _
from dashboard.inbox.words import INTENTS, LANGUAGES, MOODS, PLATFORMS
from dashboard.numerals import percent
from reports.change import Change, Says
from reports.figures import NOTHING_NAMED, By, Figure, Key
from shenava.messages import Intent, Language, Platform, Sentiment
from shenava.store import Stage

TITLES: dict[Figure, Lazy] = {
    Figure.MESSAGES: lazy("Messages"),
    Figure.READ: lazy("Read by the model"),
    Figure.UNREAD: lazy("Not read yet"),
    Figure.COMPLAINTS: lazy("Complaints"),
    Figure.UNSURE: lazy("Perhaps complaints"),
    Figure.COMPLAINTS_ABOUT: lazy("What complaints are about"),
    Figure.URGENT: lazy("Urgent messages"),
    Figure.URGENT_UNANSWERED: lazy("Urgent, and never answered"),
    Figure.CORRECTED: lazy("Verdicts corrected by people"),
    Figure.CASES: lazy("New cases"),
    Figure.REOPENED: lazy("Opened again"),
    Figure.FIRST_ANSWERS: lazy("First answers"),
    Figure.FIRST_ANSWERS_URGENT: lazy("First answers to urgent cases"),
    Figure.CLOSED: lazy("Cases closed"),
    Figure.SENT: lazy("Answers sent from here"),
    Figure.REFUSED: lazy("Answers refused"),
    Figure.FAILED: lazy("Answers that failed"),
    Figure.UNKNOWN: lazy("Answers whose fate nobody knows"),
    Figure.REPAIRED: lazy("Messages found late"),
    Figure.GAPS: lazy("Gaps in collecting"),
    Figure.BROADCASTS: plazy("figure", "Broadcasts"),
}

DEFINITIONS: dict[Figure, Lazy] = {
    Figure.MESSAGES: lazy(
        "Everything customers wrote in the week, by the platform's time, each once, old imported"
        " messages and removed ones too."
    ),
    Figure.READ: lazy("Messages of the week that the model has given its verdict on."),
    Figure.UNREAD: lazy("Messages of the week that had no verdict when the report was made."),
    Figure.COMPLAINTS: lazy(
        "Messages of the week that are held to be complaints: by the model, or by a person who"
        " corrected it."
    ),
    Figure.UNSURE: lazy("Messages of which the model is not sure whether they complain."),
    Figure.COMPLAINTS_ABOUT: lazy(
        "Complaints by what they are about. One about two things counts under both."
    ),
    Figure.URGENT: lazy("Messages of the week that are held to be urgent."),
    Figure.URGENT_UNANSWERED: lazy(
        "Urgent messages of the week whose case had no answer at all when the report was made; old"
        " imported messages do not count."
    ),
    Figure.CORRECTED: lazy("Messages of the week whose verdict a person has changed."),
    Figure.CASES: lazy(
        "Cases that began in the week. A case that is opened again counts as a new one."
    ),
    Figure.REOPENED: lazy("Cases of the week that continue one that had been closed."),
    Figure.FIRST_ANSWERS: lazy(
        "First answers given in the week, wherever they were written. Timed from the first message"
        " of the case, in the shop's opening hours; a case opened again from its opening."
    ),
    Figure.FIRST_ANSWERS_URGENT: lazy(
        "Those of them that went to cases which stood as urgent when they were answered."
    ),
    Figure.CLOSED: lazy(
        "Cases closed in the week, answered or not. Timed from their beginning to their closing, in"
        " the shop's opening hours."
    ),
    Figure.SENT: lazy("Answers of the week that the platform has taken."),
    Figure.REFUSED: lazy("Answers of the week that the rules, or the platform, did not allow."),
    Figure.FAILED: lazy("Answers of the week that did not leave, and were given up."),
    Figure.UNKNOWN: lazy(
        "Answers of the week that may or may not have arrived. None of them is sent again by"
        " itself."
    ),
    Figure.REPAIRED: lazy(
        "Messages found in the week that an earlier reading should have brought. They count in the"
        " week they were written in."
    ),
    Figure.GAPS: lazy(
        "Stretches of time of which a platform could no longer give us everything. What was written"
        " then may be missing above."
    ),
    Figure.BROADCASTS: lazy("Broadcasts that began to leave in the week."),
}

SPEEDS = (
    lazy("within 15 minutes"),
    lazy("within an hour"),
    lazy("within 4 hours"),
    lazy("within 24 hours"),
    lazy("later"),
)

_NO_MATTER = lazy("nothing named")


def change_words(change: Change, dates: Dates, *, points: bool = False) -> str:
    """A change in plain words. ``points``: it is one of shares, told in percentage points."""
    match change.says:
        case Says.ALONE:
            return _("no week before to compare with")
        case Says.FEW:
            return _("too few to tell")
        case Says.CHANCE:
            return _("about as before: within the usual ups and downs")
        case Says.MORE:
            return _("%(much)s more than the week before", much=_much(change, dates, points))
        case Says.FEWER:
            return _("%(much)s less than the week before", much=_much(change, dates, points))


def _much(change: Change, dates: Dates, points: bool) -> str:
    if change.by is None:
        return _("much")
    size = abs(change.by)
    if points:
        return _("%(points)s points", points=dates.digits(max(1, round(size * 100))))
    if size >= 9.995:
        return _("%(times)s times", times=dates.digits(round(change.by + 1)))
    if size >= 1:
        whole = round(size * 100)
        return _("%(share)s %%", share=dates.digits(whole))
    return percent(size, dates.language)


def segment_words(key: Key, dates: Dates, day_names: tuple[str, ...]) -> str:
    """What a segment is called; empty for the whole figure."""
    match key.by:
        case By.CHANNEL:
            return str(PLATFORMS[Platform(key.value)])
        case By.LANGUAGE:
            return str(LANGUAGES[Language(key.value)])
        case By.MOOD:
            return str(MOODS[Sentiment(key.value)])
        case By.INTENT:
            return matter(key.value)
        case By.DAY:
            return day_names[int(key.value)]
        case By.HOUR:
            day, _sign, hour = key.value.partition("-")
            return hour_words(day_names[int(day)], int(hour), dates)
        case By.SPEED:
            return str(SPEEDS[int(key.value)])
        case By.SINCE:
            return _between(key, dates)
        case None:
            return ""


def _between(key: Key, dates: Dates) -> str:
    begin, _sign, end = key.value.partition("-")
    first, last = (datetime.fromtimestamp(int(one), UTC) for one in (begin, end))
    return _("from %(first)s to %(last)s", first=dates.exact(first), last=dates.exact(last))


def stage_words(name: str) -> str:
    """How far a broadcast said that things are."""
    return str(STAGES[Stage(name)])


def matter(name: str) -> str:
    """What a complaint is about."""
    return str(_NO_MATTER) if name == NOTHING_NAMED else str(INTENTS[Intent(name)])


def hour_words(day: str, hour: int, dates: Dates) -> str:
    """One hour of one day."""
    begin, end = dates.digits(f"{hour}:00"), dates.digits(f"{(hour + 1) % 24}:00")
    return _("%(day)s, %(begin)s to %(end)s", day=day, begin=begin, end=end)
