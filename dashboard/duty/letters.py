"""The words of the mail that tells someone about urgent cases, in their own language.

What customers wrote is in none of them: mail passes through hands that the shop does not choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from config import Settings
from dashboard.dates import Dates
from dashboard.duty.words import because_in_mail
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.inbox import words
from dashboard.inbox.rows import called
from dashboard.reader import Reader, direction_of, reader_of, speaking_to
from responder.alert_mail import Departure, Item
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


def letter(departure: Departure, settings: Settings) -> Letter:
    """The mail about all of ``departure.items``, of which there is at least one."""
    who = reader_of(departure.language, departure.calendar, settings)
    with speaking_to(who):
        return _letter(departure, settings, who)


def _letter(departure: Departure, settings: Settings, who: Reader) -> Letter:
    dates = Dates(who.language, who.calendar, settings.zone)
    items = departure.items
    count = len(items)
    title = _("An urgent case is waiting")
    if count > 1:
        title = ngettext(
            "%(num)s urgent case is waiting", "%(num)s urgent cases are waiting", count
        )
    lines = [_line(item, departure, dates, settings) for item in items[:MOST]]
    more = ""
    if count > MOST:
        more = ngettext("and %(num)s more", "and %(num)s more", count - MOST)
    why = _whys(items)
    span = dates.span(rules_of(settings).escalate_after)
    next_one = _(
        "If nobody opens, takes or answers a case within %(span)s, the next colleague is called.",
        span=span,
    )
    queue = f"{settings.address}/inbox/?queue=urgent"
    html = _TEMPLATES.get_template("mail.html").render(
        language=who.language.value,
        direction=direction_of(who.language),
        title=title,
        why=why,
        lines=lines,
        more=more,
        queue=queue,
        open_word=_("Open the case"),
        queue_word=_("All urgent cases"),
        next_one=next_one,
        house=_("Shenava"),
    )
    return Letter(
        subject=_subject(items, title, settings),
        text=_plain(title, why, lines, more, queue, next_one),
        html=html,
        language=who.language.value,
    )


def _subject(items: Sequence[Item], title: str, settings: Settings) -> str:
    if not settings.alert_subject_names or len(items) > 1:
        return title
    return _("Urgent: %(reason)s, %(name)s", reason=_reason(items[0]), name=_name(items[0]))


def _line(item: Item, departure: Departure, dates: Dates, settings: Settings) -> _Line:
    about = [_reason(item), str(words.PLATFORMS[item.platform])]
    if item.waiting_since is not None:
        about.append(_("waiting %(span)s", span=dates.span(departure.at - item.waiting_since)))
    return _Line(_name(item), " · ".join(about), f"{settings.address}/inbox/case/{item.case_id}")


def _name(item: Item) -> str:
    return called(item.name, item.handle)


def _reason(item: Item) -> str:
    return next(iter(words.reasons(item.reasons)), "") or _("urgent")


def _whys(items: Iterable[Item]) -> list[str]:
    """Why this person is told, each reason once."""
    return [because_in_mail(one) for one in dict.fromkeys(item.because for item in items)]


def _plain(
    title: str, why: Sequence[str], lines: Sequence[_Line], more: str, queue: str, next_one: str
) -> str:
    # A name keeps its own direction: U+2068 to U+2069 stands apart from the words around it.
    listed = [f"• \u2068{line.name}\u2069 · {line.about}\n{line.link}" for line in lines]
    if more:
        listed.append(f"{more}\n{queue}")
    return "\n\n".join([title, *listed, *why, next_one]) + "\n"
