"""The page of the shop's own places, and what admins do there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.accounts import deeds, words
from dashboard.accounts.connections import Limits, connections
from dashboard.accounts.forms import LimitsForm, count_of, money_of
from dashboard.accounts.overview import overview
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox.words import PLATFORMS
from dashboard.reader import me
from dashboard.staff.members import Refusal
from shenava.channels import ChannelError
from shenava.messages import Platform
from shenava.store import Account, OutboxRow, OutboxState, Role
from shenava.store.spending import next_month

T = TypeVar("T")

SHOWN = 100


def index() -> ResponseReturnValue:
    """Everyone sees how the places are; money and keys are for admins."""
    return _page(LimitsForm(formdata=None), None)


def _page(form: LimitsForm, app_id: int | None, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "accounts/list.html",
        overview=overview(desk().store),
        words=words,
        platforms=PLATFORMS,
        form=form,
        form_of=app_id,
        resets_at=next_month(_now()),
        can_connect=connections() is not None,
        simulated=_simulated(),
    )
    return page, status


def _simulated() -> set[Platform]:
    """The platforms that are a rehearsal here."""
    settings = desk().settings
    told = {Platform.X: settings.x_base_url, Platform.INSTAGRAM: settings.instagram_base_url}
    return {platform for platform, address in told.items() if address}


@needs(Role.ADMIN)
def limits(app_id: int) -> ResponseReturnValue:
    form = LimitsForm()
    if not form.validate_on_submit():
        return _page(form, app_id, 422)
    wanted = Limits(money_of(form.money.data), count_of(form.reads.data))
    return _done(
        lambda session: deeds.set_limits(session, me().id, app_id, wanted, _now()),
        lambda app: _("The limits of %(app)s are saved.", app=app.name),
    )


@needs(Role.ADMIN)
def pause(account_id: int) -> ResponseReturnValue:
    return _done(
        lambda session: deeds.pause(session, me().id, account_id, _now()),
        lambda account: _(
            "@%(account)s is paused: nothing is read and nothing is sent.", account=account.handle
        ),
    )


@needs(Role.ADMIN)
def resume(account_id: int) -> ResponseReturnValue:
    return _done(
        lambda session: deeds.resume(session, me().id, account_id, _now()),
        lambda account: _(
            "@%(account)s goes on. What was written meanwhile is read now.",
            account=account.handle,
        ),
    )


@needs(Role.ADMIN)
def test(account_id: int) -> ResponseReturnValue:
    """Ask the platform who the account is, with its stored keys."""
    asker = connections()
    with desk().store.read() as session:
        account = session.get(Account, account_id)
        if asker is None or account is None:
            abort(404)
    try:
        profile = asker.test(account_id)
    except ChannelError as error:
        flash(words.refusal_of(error, account.platform), "urgent")
    else:
        flash(
            _(
                "The connection works: %(channel)s says that this is @%(account)s.",
                channel=str(PLATFORMS[account.platform]),
                account=profile.handle,
            ),
            "good",
        )
    return redirect(url_for("accounts.index"))


def sending() -> ResponseReturnValue:
    """What waits to be sent, and what may or may not have been sent; each leads to its case."""
    states = (OutboxState.UNKNOWN, OutboxState.QUEUED, OutboxState.CLAIMED, OutboxState.SENDING)
    with desk().store.read() as session:
        rows = session.execute(
            select(
                OutboxRow.id,
                OutboxRow.state,
                OutboxRow.deed,
                OutboxRow.case_id,
                OutboxRow.not_before,
                OutboxRow.sending_at,
                OutboxRow.look_at,
                Account.handle,
            )
            .join(Account, Account.id == OutboxRow.account_id)
            .where(OutboxRow.state.in_(states))
            .order_by(OutboxRow.state != OutboxState.UNKNOWN, OutboxRow.not_before, OutboxRow.id)
            .limit(SHOWN + 1)
        ).all()
    return render_template(
        "accounts/sending.html", rows=rows[:SHOWN], more=len(rows) > SHOWN, words=words
    )


def _done(change: Callable[[Session], T], said: Callable[[T], str]) -> ResponseReturnValue:
    try:
        with desk().store.write() as session:
            changed = change(session)
    except Refusal as refusal:
        flash(str(refusal.reason), "urgent")
    else:
        flash(said(changed), "good")
    return redirect(url_for("accounts.index"))


def _now() -> datetime:
    return desk().store.clock.now()
