"""The page of webhooks: where platforms send them, how they come, what was not understood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors import inbound
from collectors.inbound import AccountWebhooks
from dashboard.accounts import words
from dashboard.audit import Deed, record
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.reader import me
from dashboard.webhooks.doors import Doors, doors
from shenava.channels import ChannelError
from shenava.store import (
    Account,
    AccountState,
    App,
    InboundDoor,
    InboundEvent,
    InboundState,
    Role,
)

SHOWN = 50


@dataclass(frozen=True, slots=True)
class DoorView:
    """The door of one app. ``url`` is ``None`` while there is no address to be reached at;
    without its secret a door opens to nobody."""

    app: App
    url: str | None
    token: str
    door: InboundDoor | None
    refused: bool
    has_secret: bool
    accounts: tuple[tuple[Account, AccountWebhooks | None], ...]


@needs(Role.ADMIN)
def webhooks() -> ResponseReturnValue:
    found = doors()
    if found is None:
        abort(404)
    with desk().store.read() as session:
        now = desk().store.clock.now()
        return render_template(
            "accounts/webhooks.html",
            doors=_doors(session, found, now),
            events=_not_understood(session),
            unknown=_unknown(session),
            outside=desk().settings.outside,
            secure=desk().settings.address.startswith("https://"),
            days=desk().settings.webhook_days,
            words=words,
        )


def _doors(session: Session, found: Doors, now: datetime) -> list[DoorView]:
    state = inbound.webhooks(session, now)
    outside = desk().settings.outside
    views = []
    for app in session.scalars(select(App).order_by(App.id)):
        if found.secrets.receiver(app.platform) is None:
            continue
        accounts = session.scalars(
            select(Account)
            .where(Account.app_id == app.id, Account.state != AccountState.IMPORTED)
            .order_by(Account.id)
        )
        path = url_for("knocking.door", platform=app.platform.value, app_id=app.id)
        views.append(
            DoorView(
                app,
                outside + path if outside else None,
                found.verify_token(app.platform, app.id),
                session.get(InboundDoor, app.id),
                app.id in state.refused,
                found.secrets.secret(app.platform, app.id) is not None,
                tuple((one, state.accounts.get(one.id)) for one in accounts),
            )
        )
    return views


def _not_understood(session: Session) -> list[InboundEvent]:
    return list(
        session.scalars(
            select(InboundEvent)
            .where(InboundEvent.state == InboundState.FAILED)
            .order_by(InboundEvent.received_at.desc(), InboundEvent.id.desc())
            .limit(SHOWN)
        )
    )


def _unknown(session: Session) -> list[tuple[str, int]]:
    """Fields that are not known here, in the last events: names from the platform's own wire."""
    told: dict[str, int] = {}
    for outcome in session.scalars(
        select(InboundEvent.outcome).order_by(InboundEvent.id.desc()).limit(500)
    ):
        for name, count in outcome.get("unknown", {}).items():
            told[name] = told.get(name, 0) + count
    return sorted(told.items())


@needs(Role.ADMIN)
def retry() -> ResponseReturnValue:
    """Have what was not understood tried again: one event, or all."""
    event_id = request.form.get("event", type=int)
    with desk().store.write() as session:
        now = desk().store.clock.now()
        count = inbound.retry(session, now, event_id)
        record(session, Deed.WEBHOOKS_RETRIED, now, by=me().id, events=str(count))
    text = ngettext(
        "%(num)s webhook is tried again now.", "%(num)s webhooks are tried again now.", count
    )
    flash(text, "good")
    return redirect(url_for("accounts.webhooks"))


@needs(Role.ADMIN)
def order(account_id: int) -> ResponseReturnValue:
    """Ask the platform to send webhooks for an account."""
    found = doors()
    with desk().store.read() as session:
        account = session.get(Account, account_id)
    if found is None or account is None:
        abort(404)
    try:
        found.secrets.order(account_id)
    except ChannelError:
        flash(
            _(
                "The platform did not take the order. Nothing was changed. Test the connection "
                "of the account, then try again."
            ),
            "urgent",
        )
    else:
        with desk().store.write() as session:
            now = desk().store.clock.now()
            record(session, Deed.WEBHOOKS_ORDERED, now, by=me().id, account=account.handle)
        flash(_("Webhooks are ordered for @%(account)s.", account=account.handle), "good")
    return redirect(url_for("accounts.webhooks"))
