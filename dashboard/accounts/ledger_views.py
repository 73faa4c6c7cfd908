"""The page of one account's coverage ledger."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from dashboard.accounts import words
from dashboard.accounts.connections import connections
from dashboard.accounts.ledger import Bar, bars, first_midnight, runs, whole
from dashboard.accounts.overview import account_view
from dashboard.context import desk
from dashboard.filters import present_dates
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from shenava.store import Account, Feed


def ledger(account_id: int) -> ResponseReturnValue:
    """``?before=ID`` goes on where the page before ended. Everyone may see it."""
    now = desk().store.clock.now()
    start = first_midnight(now, desk().settings.zone)
    with desk().store.read() as session:
        account = session.get(Account, account_id)
        if account is None:
            abort(404)
        feeds = session.scalars(
            select(Feed).where(Feed.account_id == account_id, Feed.enabled).order_by(Feed.id)
        ).all()
        return render_template(
            "accounts/ledger.html",
            view=account_view(session, account, now),
            bars=bars(session, feeds, start, now),
            whole=whole(session, feeds, now),
            runs=runs(session, account_id, request.args.get("before", type=int)),
            first=request.args.get("before") is None,
            days=[start + timedelta(days=day, hours=12) for day in range(7)],
            words=words,
            in_words=in_words,
            can_connect=connections() is not None,
        )


def in_words(bar: Bar) -> str:
    """What a bar shows, for those who do not see it."""
    if bar.first is None:
        return _("Nothing of the last seven days is covered yet.")
    read = present_dates()
    told = [_("Covered since %(start)s.", start=read.exact(bar.first))]
    if bar.gaps:
        told.append(
            ngettext("%(num)s gap:", "%(num)s gaps:", len(bar.gaps))
            + " "
            + "; ".join(
                _("%(start)s to %(end)s", start=read.exact(gap.start), end=read.exact(gap.end))
                for gap in bar.gaps[:10]
            )
            + "."
        )
    else:
        told.append(_("No gap."))
    if bar.running is not None:
        told.append(_("It is being read at this moment."))
    return " ".join(told)
