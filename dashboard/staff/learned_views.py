"""What Shenava has learned from the shop: the versions, the check of each, the switch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import Lazy, lazy, ngettext
from dashboard.i18n import gettext as _
from dashboard.reader import me
from responder import learning
from responder.learning import LearningError, LearningRefusal
from sentiment.shop import Part
from shenava.store import LearnedVersion, Role, VersionState

PARTS = {
    Part.SENTIMENT: lazy("Mood"),
    Part.COMPLAINT: lazy("Complaint"),
    Part.URGENT: lazy("Urgency"),
    Part.INTENTS: lazy("What it is about"),
}

REFUSALS: dict[LearningRefusal, Lazy] = {
    LearningRefusal.NO_SUCH_VERSION: lazy("There is no such version."),
    LearningRefusal.NOTHING_ON: lazy(
        "Nothing that was learned is in use: there is nothing to undo."
    ),
    LearningRefusal.NO_WEIGHTS: lazy("This version cannot be used any more. Nothing was changed."),
}


@dataclass(frozen=True, slots=True)
class PartView:
    """One line of a check: shares of 1, before and after; ``None`` where there was too little."""

    name: Lazy
    used: bool
    said: int
    rows: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class VersionView:
    row: LearnedVersion
    asked_by: str | None
    parts: tuple[PartView, ...]

    @property
    def can_be_used(self) -> bool:
        return self.row.state is VersionState.OFF

    @property
    def sources(self) -> str:
        """What it was learned from, in words: of each kind that there was, how many."""
        row, told = self.row, []
        if row.corrected:
            told.append(ngettext("%(num)s correction", "%(num)s corrections", row.corrected))
        if row.labelled:
            told.append(ngettext("%(num)s labelled text", "%(num)s labelled texts", row.labelled))
        if row.let_stand:
            told.append(
                ngettext(
                    "%(num)s verdict that staff let stand",
                    "%(num)s verdicts that staff let stand",
                    row.let_stand,
                )
            )
        return _("learned from %(what)s", what=" + ".join(told)) if told else ""


@needs(Role.ADMIN)
def learned() -> ResponseReturnValue:
    with desk().store.read() as session:
        found = learning.learned(session, desk().store.clock.now())
        versions = [VersionView(row, name, _parts(row.figures)) for row, name in found.versions]
    return render_template(
        "staff/learned.html",
        found=found,
        versions=versions,
        in_use=next((one for one in versions if one.row.state is VersionState.ON), None),
        every=desk().settings.learn_every_corrections,
    )


def _parts(figures: dict[str, Any]) -> tuple[PartView, ...]:
    views = []
    for part in Part:
        told = figures.get(part, {})
        f1 = told.get("macro_f1", (None, None))
        views.append(
            PartView(
                name=PARTS[part],
                used=bool(told.get("on")),
                said=told.get("said", 0),
                rows=told.get("rows", 0),
                before=f1[0],
                after=f1[1],
            )
        )
    return tuple(views)


@needs(Role.ADMIN)
def switch_off() -> ResponseReturnValue:
    return _done(
        lambda session: learning.switch_off(session, me().id, desk().store.clock.now()),
        _("The model alone gives verdicts from now on."),
    )


@needs(Role.ADMIN)
def switch_on(version_id: int) -> ResponseReturnValue:
    return _done(
        lambda session: learning.switch_on(session, me().id, version_id, desk().store.clock.now()),
        _("The version is in use from the next message on."),
    )


@needs(Role.ADMIN)
def by_itself() -> ResponseReturnValue:
    return _done(
        lambda session: learning.learn_by_itself(session, me().id, desk().store.clock.now()),
        _("Shenava learns by itself again, beginning now."),
    )


def _done(deed: Callable[[Session], object], said: str) -> ResponseReturnValue:
    try:
        with desk().store.write() as session:
            deed(session)
    except LearningError as error:
        flash(str(REFUSALS[error.refusal]), "urgent")
    else:
        flash(said, "good")
    return redirect(url_for("staff.learned"))
