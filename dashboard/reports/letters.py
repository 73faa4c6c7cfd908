"""The mail that brings the weekly report: figures and links, and the PDF beside them.

No charts stand in it, for mail programs drop SVG and hide pictures until asked; a table reads
everywhere, and aloud. What customers wrote is in none of it: mail passes through hands that the
shop does not choose. The words stand behind the links, behind the sign-in.
"""

from __future__ import annotations

import logging
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from config import Settings
from dashboard.assets import FOLDER as STATIC
from dashboard.duty.letters import Attachment, Letter
from dashboard.i18n import gettext as _
from dashboard.reader import Reader, direction_of, reader_of, speaking_to
from dashboard.reports.pdf import pdf_of
from dashboard.reports.sheet import Addresses, Sheet, sheet_of
from reports.charts import svg
from reports.issuing import Departure
from reports.making import Report
from shenava.fonts import FontsMissing

log = logging.getLogger(__name__)

IN_MAIL = frozenset({"matters", "channels", "answers", "broadcasts"})
"""The parts that the mail has as tables; the page has all."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def letter(departure: Departure, report: Report, settings: Settings) -> Letter:
    """The mail of ``report`` to the person it departs to."""
    who = reader_of(departure.language, departure.calendar, settings)
    return letter_to(report, who, settings)


def letter_to(report: Report, who: Reader, settings: Settings) -> Letter:
    """The same to any reader."""
    with speaking_to(who):
        addresses = Addresses(settings.address)
        sheet = sheet_of(report, who, report.week.zone, addresses)
        link = addresses.week(report.week, report.as_of)
        subject = _("Weekly report: %(dates)s", dates=sheet.dates)
        html = _TEMPLATES.get_template("reports/mail.html").render(
            sheet=sheet,
            language=who.language.value,
            direction=direction_of(who.language),
            link=link,
            parts=[one for one in sheet.sections if one.name in IN_MAIL],
            words={
                "open": _("Open the report"),
                "before": _("before:"),
                "why": _("You get this because your profile, or the shop, says so."),
                "profile": _("Change it in your profile"),
                "empty": _("Nobody wrote in this week"),
                "house": _("Shenava"),
            },
            profile=f"{settings.address}/settings/",
        )
        return Letter(
            subject=subject,
            text=_plain(sheet, link),
            html=html,
            language=who.language.value,
            attachments=_pdf(sheet, report, settings),
        )


def page_alone(report: Report, who: Reader, settings: Settings) -> str:
    """The whole report as one HTML file that needs nothing else: for ``shenava report``."""
    with speaking_to(who):
        sheet = sheet_of(report, who, report.week.zone, Addresses(settings.address))
        styles = [
            (STATIC / "css" / f"{name}.css").read_text(encoding="utf-8")
            for name in ("tokens", "base", "parts", "reports")
        ]
        return _TEMPLATES.get_template("reports/alone.html").render(
            sheet=sheet,
            language=who.language.value,
            direction=direction_of(who.language),
            styles="\n".join(styles),
            svg=svg,
            before_word=_("before:"),
            table_word=_("As a table"),
            empty_word=_("Nobody wrote in this week"),
        )


def _pdf(sheet: Sheet, report: Report, settings: Settings) -> tuple[Attachment, ...]:
    try:
        body = pdf_of(sheet, report, settings.font_file)
    except FontsMissing as error:
        log.warning("the report is mailed without its PDF: %s", error)
        return ()
    return (Attachment(f"shenava-{report.week.name}.pdf", "application", "pdf", body),)


def _plain(sheet: Sheet, link: str) -> str:
    lines = [sheet.title, sheet.dates]
    if sheet.state:
        lines.append(sheet.state)
    lines.append("")
    for one in sheet.headlines:
        lines.append(f"{one.title}: {one.value.text}")
        change = f"{one.arrow} {one.change}".strip()
        lines.append(change + (f" ({_('before:')} {one.before.text})" if one.before else ""))
        lines += [detail.text for detail in one.details]
        if one.value.link:
            lines.append(one.value.link)
        lines.append("")
    lines += [_("Open the report"), link, "", sheet.as_of]
    return "\n".join(lines) + "\n"
