"""What people write of a broadcast, as a form holds it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from dashboard.answering import later
from dashboard.i18n import gettext as _
from responder.broadcasts.content import LANGUAGES, TEXT_LIMIT, Aim, Content, Place
from responder.broadcasts.drafting import Notice
from responder.broadcasts.templates import KINDS, still_to_fill, template
from shenava.messages import Intent, Language, Platform
from shenava.store import Broadcast, Stage
from shenava.text import clean

SINCE = {"1h": 1, "3h": 3, "12h": 12, "24h": 24, "3d": 72, "7d": 168}
"""Hours back that complaints are looked for, by the name of the choice."""

LASTS = (1, 3, 6, 12, 24, 48)
_LINK_LIMIT = 500


@dataclass(slots=True)
class Draft:
    """The form: what was typed and chosen. ``since``: a name of :data:`SINCE`, or empty: all."""

    key: str
    kind: str = "other"
    stage: Stage = Stage.INVESTIGATING
    parent_id: int | None = None
    texts: dict[Language, str] = field(default_factory=dict)
    personal: dict[Language, str] = field(default_factory=dict)
    special: dict[Platform, dict[Language, str]] = field(default_factory=dict)
    link: str = ""
    picture: bool = False
    places: dict[int, Language] = field(default_factory=dict)
    intents: set[Intent] = field(default_factory=set)
    since: str = "24h"
    cases: set[int] = field(default_factory=set)
    spike: int | None = None
    """The spike of complaints that it was begun from."""
    vips: bool = False
    open_windows: bool = False
    urgent: bool = False
    close_cases: bool = False
    lasts_hours: int = 12
    at: datetime | None = None
    when: str = "now"
    at_day: str = ""
    at_time: str = "09:00"

    def content(self) -> Content:
        return Content(self.texts, self.special, self.personal, self.link, self.picture)

    def notice(self, now: datetime) -> Notice:
        hours = SINCE.get(self.since)
        aim = Aim(
            places=tuple(Place(one, spoken) for one, spoken in sorted(self.places.items())),
            intents=frozenset(self.intents),
            since=now - timedelta(hours=hours) if hours else None,
            cases=frozenset(self.cases),
            vips=self.vips,
            open_windows=self.open_windows,
        )
        return Notice(
            content=self.content(),
            aim=aim,
            stage=self.stage,
            kind=self.kind,
            parent_id=self.parent_id,
            not_before=self.at,
            lasts_hours=self.lasts_hours,
            urgent=self.urgent,
            close_cases=self.close_cases,
        )

    def wrong(self) -> str:
        """What stands in the way of a plan, in a sentence; empty when nothing does."""
        if not self.content().languages:
            return _("Write the notice in one language at least.")
        open_ = [
            word
            for text in (*self.texts.values(), *self.personal.values())
            for word in still_to_fill(text)
        ]
        if open_:
            return _("Fill in what stands in brackets: %(what)s", what=open_[0])
        if self.link and not self.link.startswith(("https://", "http://")):
            return _("A link begins with https://")
        if self.parent_id is None and not (
            self.places or self.intents or self.cases or self.vips or self.open_windows
        ):
            return _("Choose at least one place or one group of people.")
        return ""


def from_template(
    kind: str, stage: Stage, accounts: Mapping[int, Language], lasts_hours: int
) -> Draft:
    """A form to begin with: words ready, every account that works, the complaints about it."""
    words = template(kind if kind in KINDS else "other", stage)
    return Draft(
        key=secrets.token_urlsafe(16),
        kind=words.kind,
        stage=stage,
        texts=dict(words.texts),
        personal=dict(words.personal),
        places=dict(accounts),
        intents=set(words.intents),
        lasts_hours=lasts_hours,
    )


def of_row(row: Broadcast) -> Draft:
    """The form of a draft that was saved."""
    content, aim = Content.of_json(row.content), Aim.of_json(row.aim)
    back = round((row.created_at - aim.since).total_seconds() / 3600) if aim.since else None
    return Draft(
        key=row.key,
        kind=row.kind,
        stage=row.stage,
        parent_id=row.parent_id,
        texts=dict(content.texts),
        personal=dict(content.personal),
        special={place: dict(said) for place, said in content.special.items()},
        link=content.link,
        picture=content.picture,
        places={one.account_id: one.language for one in aim.places},
        intents=set(aim.intents),
        since=_nearest(back),
        cases=set(aim.cases),
        vips=aim.vips,
        open_windows=aim.open_windows,
        urgent=row.urgent,
        close_cases=row.close_cases,
        lasts_hours=row.lasts_hours,
        at=row.not_before,
        when="kept" if row.not_before else "now",
    )


def _nearest(hours: int | None) -> str:
    if hours is None:
        return ""
    return min(SINCE, key=lambda name: abs(SINCE[name] - hours))


def read(
    form: MultiDict[str, str], accounts: Iterable[int], now: datetime, zone: ZoneInfo
) -> tuple[Draft, str]:
    """The form that was sent, and what of it could not be understood (empty: nothing)."""
    draft = Draft(
        key=form.get("key", "")[:100] or secrets.token_urlsafe(16),
        kind=form.get("kind", "") if form.get("kind", "") in KINDS else "other",
        stage=_stage(form.get("stage", "")),
        parent_id=_number(form.get("parent", "")),
        texts=_texts(form, "text"),
        personal=_texts(form, "personal"),
        special={
            place: said for place in Platform if (said := _texts(form, f"special_{place.value}"))
        },
        link=clean(form.get("link", ""))[0].strip()[:_LINK_LIMIT],
        picture=_is_on(form, "picture"),
        places={
            one: _language(form.get(f"language_{one}", ""))
            for one in accounts
            if _is_on(form, f"place_{one}")
        },
        intents={one for one in Intent if one.value in form.getlist("intent")},
        since=form.get("since", "") if form.get("since", "") in SINCE else "",
        cases={n for word in form.get("cases", "").split() if (n := _number(word))},
        spike=_number(form.get("spike", "")),
        vips=_is_on(form, "vips"),
        open_windows=_is_on(form, "open_windows"),
        urgent=_is_on(form, "urgent"),
        close_cases=_is_on(form, "close_cases"),
        lasts_hours=min(168, max(1, _number(form.get("lasts", "")) or 12)),
        when=form.get("when", "now"),
        at_day=form.get("at_day", ""),
        at_time=form.get("at_time", "")[:5],
    )
    try:
        draft.at = later.chosen(form, now, zone)
    except later.NotATime:
        return draft, _("Choose a time that is still to come, as 18:30.")
    return draft, ""


def _texts(form: Mapping[str, str], name: str) -> dict[Language, str]:
    found = {}
    for one in LANGUAGES:
        text = clean(form.get(f"{name}_{one.value}", ""))[0][:TEXT_LIMIT]
        text = text.replace("\r\n", "\n").strip()
        if text:
            found[one] = text
    return found


def _is_on(form: Mapping[str, str], name: str) -> bool:
    return form.get(name) == "1"


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else None


def _language(word: str) -> Language:
    return Language(word) if word in [one.value for one in LANGUAGES] else Language.FA


def _stage(word: str) -> Stage:
    return Stage(word) if word in list(Stage) else Stage.INVESTIGATING
