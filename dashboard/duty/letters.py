"""The words of the mail that tells someone about urgent cases and spikes, in their language.

What customers wrote is in none of them: mail passes through hands that the shop does not choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from config import Settings
from dashboard.dates import DAY, Dates
from dashboard.duty.words import because_in_mail
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.inbox import words
from dashboard.inbox.rows import called
from dashboard.reader import Reader, direction_of, reader_of, speaking_to
from dashboard.spikes import words as spike_words
from responder.alert_mail import Departure, Item, SpikeItem
from responder.alerts import rules_of

MOST = 20
"""Cases that one mail lists; the rest is counted."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates" / "duty"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a mail brings; ``kind``/``subkind`` is its media type."""

    name: str
    kind: str
    subkind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, as plain text and as HTML. ``language``: as in HTML's ``lang``."""

    subject: str
    text: str
    html: str
    language: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    about: str
    link: str
    open_word: str


def letter(departure: Departure, settings: Settings) -> Letter:
    """The mail about all of ``departure.items`` and ``departure.spikes``."""
    who = reader_of(departure.language, departure.calendar, settings)
    with speaking_to(who):
        return _letter(departure, settings, who)


def _letter(departure: Departure, settings: Settings, who: Reader) -> Letter:
    dates = Dates(who.language, who.calendar, settings.zone)
    items = departure.items
    count = len(items)
    title = _title(departure)
    lines = [_spike_line(one, dates, departure, settings) for one in departure.spikes]
    lines += [_line(item, departure, dates, settings) for item in items[:MOST]]
    more = ""
    if count > MOST:
        more = ngettext("and %(num)s more", "and %(num)s more", count - MOST)
    why = _whys((*departure.spikes, *items)) + _next(departure, dates, settings)
    queue = f"{settings.address}/inbox/?queue=urgent"
    html = _TEMPLATES.get_template("mail.html").render(
        language=who.language.value,
        direction=direction_of(who.language),
        title=title,
        why=why,
        lines=lines,
        more=more,
        queue=queue,
        queue_word=_("All urgent cases"),
        house=_("Shenava"),
    )
    return Letter(
        subject=_subject(departure, title, settings),
        text=_plain(title, why, lines, more, queue),
        html=html,
        language=who.language.value,
    )


def _title(departure: Departure) -> str:
    told, count = [], len(departure.items)
    if len(departure.spikes) == 1:
        told.append(_spike_name(departure.spikes[0]))
    elif departure.spikes:
        told.append(_("Many complain at once"))
    if count == 1:
        told.append(_("An urgent case is waiting"))
    elif count:
        told.append(
            ngettext("%(num)s urgent case is waiting", "%(num)s urgent cases are waiting", count)
        )
    return " · ".join(told)


def _next(departure: Departure, dates: Dates, settings: Settings) -> list[str]:
    """When the next colleague is called."""
    span = dates.span(rules_of(settings).escalate_after)
    told = []
    if departure.spikes:
        told.append(
            _(
                "If nobody looks into these complaints or announces the trouble within %(span)s,"
                " the next colleague is called.",
                span=span,
            )
        )
    if departure.items:
        told.append(
            _(
                "If nobody opens, takes or answers a case within %(span)s,"
                " the next colleague is called.",
                span=span,
            )
        )
    return told


def _subject(departure: Departure, title: str, settings: Settings) -> str:
    items = departure.items
    if not settings.alert_subject_names or len(items) != 1 or departure.spikes:
        return title
    return _("Urgent: %(reason)s, %(name)s", reason=_reason(items[0]), name=_name(items[0]))


def _line(item: Item, departure: Departure, dates: Dates, settings: Settings) -> _Line:
    about = [_reason(item), str(words.PLATFORMS[item.platform])]
    if item.waiting_since is not None:
        about.append(_("waiting %(span)s", span=dates.span(departure.at - item.waiting_since)))
    link = f"{settings.address}/inbox/case/{item.case_id}"
    return _Line(_name(item), " · ".join(about), link, _("Open the case"))


def _spike_line(item: SpikeItem, dates: Dates, departure: Departure, settings: Settings) -> _Line:
    about = [
        _("since %(when)s", when=_began(item, dates, departure)),
        spike_words.usually(item.usual),
    ]
    link = f"{settings.address}/spikes/{item.spike_id}"
    return _Line(_spike_name(item), " · ".join(about), link, _("See what they write"))


def _began(item: SpikeItem, dates: Dates, departure: Departure) -> str:
    if departure.at - item.began_at < DAY:
        return dates.clock(item.began_at)
    return dates.day(item.began_at, departure.at)


def _spike_name(item: SpikeItem) -> str:
    return spike_words.call(item.people, spike_words.without_quotes(item.causes))


def _name(item: Item) -> str:
    return called(item.name, item.handle)


def _reason(item: Item) -> str:
    return next(iter(words.reasons(item.reasons)), "") or _("urgent")


def _whys(items: Iterable[Item | SpikeItem]) -> list[str]:
    """Why this person is told, each reason once."""
    return [because_in_mail(one) for one in dict.fromkeys(item.because for item in items)]


def _plain(title: str, why: Sequence[str], lines: Sequence[_Line], more: str, queue: str) -> str:
    # A name keeps its own direction: U+2068 to U+2069 stands apart from the words around it.
    listed = [f"• \u2068{line.name}\u2069 · {line.about}\n{line.link}" for line in lines]
    if more:
        listed.append(f"{more}\n{queue}")
    return "\n\n".join([title, *listed, *why]) + "\n"
