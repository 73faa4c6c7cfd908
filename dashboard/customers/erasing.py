"""Erasing a customer: a page that says what goes and what stays, and the deed, for admins."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.customers.person import person
from dashboard.customers.views import around
from dashboard.customers.wanted import Wanted
from dashboard.i18n import gettext as _
from dashboard.reader import me
from responder.erasing import ErasingError, erase_person
from shenava.store import Alone, Role


@needs(Role.ADMIN)
def erase(identity_id: int) -> ResponseReturnValue:
    """GET: what would go. POST with ``sure`` and ``people`` (all identities, as the page showed
    them): it goes."""
    with desk().store.read() as session:
        found = person(session, identity_id, me().id, {})
    if found is None:
        abort(404)
    people = ".".join(str(one) for one in found.identity_ids)
    if request.method == "GET" or request.form.get("sure") != "1":
        return render_template(
            "customers/erase.html",
            person=found,
            people=people,
            unsure=request.method == "POST",
            **around(Wanted()),
        )
    if request.form.get("people") != people:
        # Somebody merged or split them since: who is erased must be who was shown.
        flash(_("Someone changed who is who in the meantime. Nothing was erased."), "urgent")
        return redirect(url_for("customers.erase", identity_id=identity_id))
    store = desk().store
    try:
        with store.write_alone(Alone.INTAKE) as session:
            erase_person(session, identity_id, store.clock.now(), desk().policy, actor=me().id)
    except ErasingError:
        flash(
            _("An answer to them is being sent right now. Nothing was erased; try in a minute."),
            "urgent",
        )
        return redirect(url_for("customers.one", identity_id=identity_id))
    store.settle_files()
    flash(_("Erased. Backups that were made before still hold them."), "good")
    return redirect(url_for("customers.index"))
