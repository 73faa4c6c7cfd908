"""Connecting an account of Instagram: a token from Meta's dashboard, or the way over Instagram's
own page. The test and the word to save are those of :mod:`dashboard.accounts.connect_views`."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.accounts import words
from dashboard.accounts.connect_views import around, asker, no_answer, once, pending, tested
from dashboard.accounts.connections import Connection
from dashboard.accounts.forms import InstagramAppForm, TokenForm
from dashboard.accounts.pending import AskedInstagram
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.reader import me
from shenava.channels import ChannelError, Unauthorised
from shenava.channels.instagram import Login, Token, oauth
from shenava.messages import Platform
from shenava.store import Role


@needs(Role.ADMIN)
def connect() -> ResponseReturnValue:
    """What is needed, and one of the two ways: ``?way=login``, else a token."""
    if request.args.get("way") == "login":
        return _page(InstagramAppForm(formdata=None))
    return _page(TokenForm(formdata=None))


@needs(Role.ADMIN)
def token() -> ResponseReturnValue:
    """A token that somebody made in Meta's dashboard, tested at once. Those of a Facebook page
    begin with EAA; they do not end."""
    form = TokenForm()
    if not form.validate_on_submit():
        return _page(form, 422)
    text = form.token.data
    login = Login.FACEBOOK if text.startswith("EAA") else Login.INSTAGRAM
    given = Token(text, login, app_secret=form.app_secret.data or None)
    try:
        given = asker().dated(given)
    except ChannelError as error:
        flash(words.refusal_of(error, Platform.INSTAGRAM), "urgent")
        return redirect(url_for("accounts.connect_instagram"))
    return _test(given, form.app_name.data)


@needs(Role.ADMIN)
def ask() -> ResponseReturnValue:
    """Make the question, and show the way to Instagram's page (see ``connect_views.ask``)."""
    form = InstagramAppForm()
    if not form.validate_on_submit() or not _can_return():
        return _page(form, 422)
    question = asker().begin_instagram(form.app_id.data, return_address())
    pending().keep(
        me().id,
        AskedInstagram(
            state=question.state,
            app_id=form.app_id.data,
            app_secret=form.app_secret.data,
            redirect_uri=return_address(),
            app_name=form.app_name.data,
        ),
        desk().store.clock.now(),
    )
    page = render_template("accounts/leave.html", url=question.url, **around(Platform.INSTAGRAM))
    return once(page)


@needs(Role.ADMIN)
def callback() -> ResponseReturnValue:
    """Where Instagram sends the person back to: only the answer to this browser's own question
    counts, and only once."""
    back = redirect(url_for("accounts.connect_instagram", way="login"))
    state = request.args.get("state", "")
    asked = pending().asked(AskedInstagram, me().id, state, desk().store.clock.now())
    if asked is None:
        flash(no_answer(), "urgent")
        return back
    try:
        code = oauth.code_from(request.url, asked.state)
    except Unauthorised:
        flash(_("Instagram says that it was not allowed. Nothing was saved."), "urgent")
        return back
    try:
        made = asker().exchange_instagram(
            app_id=asked.app_id,
            app_secret=asked.app_secret,
            redirect_uri=asked.redirect_uri,
            code=code,
        )
    except ChannelError as error:
        flash(words.refusal_of(error, Platform.INSTAGRAM), "urgent")
        return back
    return _test(made, asked.app_name)


def return_address() -> str:
    """The address Instagram sends people back to: to be entered in its dashboard, to the letter."""
    return desk().settings.address + url_for("accounts.callback_instagram")


def _can_return() -> bool:
    """Whether Instagram can send a person back here. A rehearsal is on this machine anyway."""
    return bool(desk().settings.public_url) or asker().simulated(Platform.INSTAGRAM)


def _test(given: Token, app_name: str) -> ResponseReturnValue:
    return tested(
        lambda profile: Connection(app_name, given, profile),
        app_name,
        given,
        url_for("accounts.connect_instagram"),
    )


def _page(form: TokenForm | InstagramAppForm, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "accounts/connect_instagram.html",
        form=form,
        way="login" if isinstance(form, InstagramAppForm) else "token",
        can_return=_can_return(),
        return_address=return_address(),
        scopes=oauth.SCOPES,
        **around(Platform.INSTAGRAM),
    )
    return once(page, status)
