"""One's own settings."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.audit import Deed, record
from dashboard.auth import limits, passwords
from dashboard.auth.addresses import page_before
from dashboard.auth.person import person_of
from dashboard.auth.session import new_session_key, refresh, sign_in, wants_json
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.reader import me, reader
from dashboard.staff.forms import ChangePasswordForm, ProfileForm, ThemeForm
from shenava.store import User

_REPORT_MAIL = {None: "shop", True: "yes", False: "no"}


def profile() -> ResponseReturnValue:
    """Name, language, calendar, theme, density, the weekly report by e-mail."""
    person, read = me(), reader()
    with desk().store.read() as session:
        wanted = session.get_one(User, person.id).report_mail
    form = ProfileForm(
        name=person.name,
        language=read.language.value,
        calendar=read.calendar.value,
        theme=read.theme,
        density=read.density,
        report_mail=_REPORT_MAIL[wanted],
    )
    if not form.validate_on_submit():
        return render_template("staff/profile.html", form=form)
    with desk().store.write() as session:
        user = session.get_one(User, person.id)
        changed = []
        for field in ("name", "language", "calendar", "theme", "density"):
            if getattr(user, field) != form[field].data:
                setattr(user, field, form[field].data)
                changed.append(field)
        if _REPORT_MAIL[user.report_mail] != form.report_mail.data:
            user.report_mail = {"yes": True, "no": False}.get(form.report_mail.data or "")
            changed.append("report_mail")
        if changed:
            now = desk().store.clock.now()
            record(session, Deed.PROFILE_CHANGED, now, by=user.id, fields=" ".join(changed))
        fresh = person_of(user)
    refresh(fresh)
    flash(_("Saved."), "good")
    return redirect(url_for("staff.profile"))


def theme() -> ResponseReturnValue:
    """The quick switch of the menu; a script or a form asks."""
    form = ThemeForm()
    if form.validate_on_submit():
        with desk().store.write() as session:
            session.get_one(User, me().id).theme = form.theme.data
    if wants_json():
        return "", 204
    return redirect(page_before(request))


def password() -> ResponseReturnValue:
    """Change one's own password: the present one is asked for, others are signed out."""
    person = me()
    form = ChangePasswordForm()
    form.email_of = person.email
    if not form.validate_on_submit():
        return render_template("staff/password.html", form=form)
    store = desk().store
    # As limited as a sign-in: a screen left open must not be a place to try passwords at.
    attempt = limits.begin_attempt(
        store, person.email, request.remote_addr, desk().settings.sign_in_attempts
    )
    if isinstance(attempt, limits.Refused):
        return render_template("staff/password.html", form=form, until=attempt.until), 429
    with store.read() as session:
        kept = session.get_one(User, person.id).password_hash
    if not passwords.matches(kept, form.present.data or ""):
        form.present.errors = [_("This is not your present password.")]
        return render_template("staff/password.html", form=form), 422
    limits.attempt_was_right(store, attempt)
    fresh_hash = passwords.hashed(form.password.data)
    with store.write() as session:
        user = session.get_one(User, person.id)
        user.password_hash = fresh_hash
        user.session_key = new_session_key()
        record(session, Deed.PASSWORD_CHANGED, store.clock.now(), by=user.id)
        fresh = person_of(user)
    sign_in(fresh)
    flash(_("Your password is changed. All your other devices are signed out."), "good")
    return redirect(url_for("staff.profile"))


def sign_out_everywhere() -> ResponseReturnValue:
    """End every session of one's own but this one."""
    store = desk().store
    with store.write() as session:
        user = session.get_one(User, me().id)
        user.session_key = new_session_key()
        record(session, Deed.SIGNED_OUT_EVERYWHERE, store.clock.now(), by=user.id)
        fresh = person_of(user)
    sign_in(fresh)
    flash(_("All your other devices are signed out."), "good")
    return redirect(url_for("staff.profile"))
