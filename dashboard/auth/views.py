"""Pages of signing in, of one-time links, and the choice of language."""

from __future__ import annotations

from datetime import datetime

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import UiLanguage
from dashboard.audit import Deed, record
from dashboard.auth import limits, passwords
from dashboard.auth.addresses import safe_next
from dashboard.auth.forms import FirstAdminForm, JoinForm, NewPasswordForm, SignInForm
from dashboard.auth.links import claim_link, find_link, has_active_admin, withdraw_links
from dashboard.auth.person import Person, person_of
from dashboard.auth.roles import public
from dashboard.auth.session import new_session_key, sign_in, sign_out
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.reader import LANGUAGE_COOKIE, forget_reader, person_or_none, reader
from shenava.store import LinkPurpose, OneTimeLink, Role, User, UserState

_YEAR = 365 * 24 * 60 * 60


@public
def sign_in_page() -> ResponseReturnValue:
    """The sign-in page, and the sign-in."""
    wanted = request.values.get("next")
    if person_or_none():
        return redirect(safe_next(wanted))
    form = SignInForm()
    if not form.validate_on_submit():
        return _sign_in_form(form, wanted)
    email, password = form.email.data or "", form.password.data or ""
    store = desk().store
    attempt = limits.begin_attempt(
        store, email, request.remote_addr, desk().settings.sign_in_attempts
    )
    if isinstance(attempt, limits.Refused):
        return _too_many(form, wanted, attempt.until)
    person = _person_with(email, password)
    if person is None:
        return _sign_in_form(form, wanted, wrong=True)
    limits.attempt_was_right(store, attempt)
    sign_in(person)
    return redirect(safe_next(wanted))


def sign_out_now() -> ResponseReturnValue:
    """Sign out of this browser."""
    person = person_or_none()
    if person:
        with desk().store.write() as session:
            record(session, Deed.SIGNED_OUT, desk().store.clock.now(), by=person.id)
    sign_out()
    return redirect(url_for("auth.sign_in"))


@public
def choose_language() -> ResponseReturnValue:
    """Keep the choice of language in a cookie: before the sign-in there is no other place."""
    response = make_response(redirect(safe_next(request.form.get("next"))))
    chosen = request.form.get("language")
    if chosen and chosen in [language.value for language in UiLanguage]:
        response.set_cookie(
            LANGUAGE_COOKIE,
            chosen,
            max_age=_YEAR,
            httponly=True,
            samesite="Lax",
            secure=desk().settings.address.startswith("https://"),
        )
    return response


@public
def open_link(token: str) -> ResponseReturnValue:
    """The page of a one-time link; sending its form uses the link up."""
    with desk().store.read() as session:
        link = find_link(session, token, desk().store.clock.now())
        user = session.get(User, link.user_id) if link and link.user_id else None
    if link is None:
        return _link_is_gone()
    form = _form_of(link, user)
    if not form.validate_on_submit():
        response = make_response(
            render_template("auth/link.html", form=form, purpose=link.purpose, user=user)
        )
        # The page is worth as much as its link.
        response.headers["Cache-Control"] = "no-store"
        return response
    person = _use_link(token, form, link.user_id)
    if person is None:
        return _link_is_gone()
    sign_in(person)
    flash(_("Welcome, %(name)s. You are signed in.", name=person.name), "good")
    return redirect(url_for("home"))


def _form_of(link: OneTimeLink, user: User | None) -> NewPasswordForm:
    if link.purpose is LinkPurpose.FIRST_ADMIN:
        return FirstAdminForm()
    assert user is not None
    form = JoinForm(name=user.name) if link.purpose is LinkPurpose.INVITE else NewPasswordForm()
    form.email_of = user.email
    return form


def _use_link(token: str, form: NewPasswordForm, user_id: int | None) -> Person | None:
    """Claim the link and do what it is for; ``None`` when someone else was first."""
    now = desk().store.clock.now()
    kept = passwords.hashed(form.password.data)
    # The language of this page was understood; it stays theirs until they choose another.
    language = reader().language.value
    with desk().store.write() as session:
        if user_id is not None:
            # The person before the link, as an admin who disables them locks both.
            session.get(User, user_id, with_for_update=True)
        link = claim_link(session, token, now)
        if link is None:
            return None
        user = _user_for(session, link, form, now)
        if user is None:
            return None
        deed = {
            LinkPurpose.FIRST_ADMIN: Deed.FIRST_ADMIN_MADE,
            LinkPurpose.INVITE: Deed.JOINED,
            LinkPurpose.RESET: Deed.PASSWORD_RESET,
        }[link.purpose]
        user.password_hash = kept
        user.session_key = new_session_key()
        user.state = UserState.ACTIVE
        user.signed_in_at = now
        user.language = user.language or language
        session.flush()
        withdraw_links(session, user.id)
        record(session, deed, now, by=user.id)
        person = person_of(user)
    forget_reader()
    return person


def _user_for(
    session: Session, link: OneTimeLink, form: NewPasswordForm, now: datetime
) -> User | None:
    """Whose password is set: a new admin's, or that of the person whom the link names."""
    if link.purpose is LinkPurpose.FIRST_ADMIN:
        if has_active_admin(session):
            return None
        email = form.email.data
        user = session.scalar(select(User).where(User.email == email))
        if user is None:
            user = User(email=email, created_at=now, session_key="", state=UserState.INVITED)
            session.add(user)
        user.name, user.role = form.name.data, Role.ADMIN
        return user
    user = session.get(User, link.user_id)
    if user is None or user.state is UserState.DISABLED:
        return None
    if link.purpose is LinkPurpose.INVITE:
        user.name = form.name.data
    return user


def _person_with(email: str, password: str) -> Person | None:
    """The active person of ``email`` when ``password`` is theirs; the sign-in is written down."""
    store = desk().store
    with store.read() as session:
        user = session.scalar(select(User).where(User.email == email))
    usable = user is not None and user.state is UserState.ACTIVE
    # No early answer: unknown, invited and disabled addresses take as long as a wrong password.
    right = passwords.matches(user.password_hash if user and usable else None, password)
    now = store.clock.now()
    known = user.password_hash if user else None
    rehashed = (
        passwords.hashed(password) if right and known and passwords.is_outdated(known) else None
    )
    with store.write() as session:
        fresh = session.get(User, user.id) if user else None
        if not right or fresh is None or fresh.state is not UserState.ACTIVE:
            # Written for unknown addresses too: a commit takes time that could be measured.
            record(session, Deed.SIGN_IN_FAILED, now, by=None, to=user.id if user else None)
            return None
        if rehashed and fresh.password_hash == known:
            fresh.password_hash = rehashed
        fresh.signed_in_at = now
        record(session, Deed.SIGNED_IN, now, by=fresh.id)
        return person_of(fresh)


def _sign_in_form(form: SignInForm, wanted: str | None, wrong: bool = False) -> ResponseReturnValue:
    page = render_template("auth/sign_in.html", form=form, wanted=wanted, wrong=wrong)
    return page, 401 if wrong else 200


def _too_many(form: SignInForm, wanted: str | None, until: datetime) -> ResponseReturnValue:
    left = (until - desk().store.clock.now()).total_seconds()
    page = render_template("auth/sign_in.html", form=form, wanted=wanted, until=until)
    return page, 429, {"Retry-After": str(max(1, int(left) + 1))}


def _link_is_gone() -> ResponseReturnValue:
    return render_template("auth/link_gone.html"), 410
