"""Connecting an account: which platform; the keys of X, the way over X's own page; the test and
the word to save, which are the same for all (:mod:`dashboard.accounts.connect_instagram`).

Nothing is stored before X has said whose keys they are and a person has seen it. Until then they
are in :mod:`dashboard.accounts.pending`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import (
    Flask,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from dashboard.accounts import words
from dashboard.accounts.connections import Connection, Connections, Limits, connections
from dashboard.accounts.forms import ClientForm, KeysForm, LimitsForm, count_of, money_of
from dashboard.accounts.pending import Asked, Pending
from dashboard.auth.roles import needs
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.reader import me
from shenava.channels import ChannelError, Profile, Unauthorised
from shenava.channels.instagram import Token
from shenava.channels.x import Credentials, OAuth1, oauth, rules
from shenava.messages import Platform
from shenava.store import Feed, Role

_PENDING = "shenava_pending_connections"
FIRST_LIMIT = "50"
"""US dollars a month: what an app that is new may use unless someone says otherwise."""


def install(app: Flask) -> None:
    app.extensions[_PENDING] = Pending()


@needs(Role.ADMIN)
def choose() -> ResponseReturnValue:
    """Which platform."""
    return render_template("accounts/choose.html", x=Platform.X, instagram=Platform.INSTAGRAM)


@needs(Role.ADMIN)
def connect() -> ResponseReturnValue:
    """What is needed, and one of the two ways: ``?way=oauth2``, else the four keys."""
    if request.args.get("way") == "oauth2":
        return _connect_page(ClientForm(formdata=None))
    return _connect_page(KeysForm(formdata=None))


@needs(Role.ADMIN)
def keys() -> ResponseReturnValue:
    """OAuth 1.0a: the four keys, tested at once."""
    form = KeysForm()
    if not form.validate_on_submit():
        return _connect_page(form, 422)
    credentials = OAuth1(
        form.consumer_key.data,
        form.consumer_secret.data,
        form.token.data,
        form.token_secret.data,
    )
    return _test(
        credentials, form.app_name.data, bool(form.owns_app.data), bool(form.long_posts.data)
    )


@needs(Role.ADMIN)
def ask() -> ResponseReturnValue:
    """OAuth 2.0: make the question, and show the way to X's page.

    A link, not a redirect: our own pages may send forms to nobody else (form-action), and one
    sees the address before one goes.
    """
    form = ClientForm()
    if not form.validate_on_submit() or not _can_return():
        return _connect_page(form, 422)
    redirect_uri = return_address()
    question = asker().begin(form.client_id.data, redirect_uri)
    pending().keep(
        me().id,
        Asked(
            state=question.state,
            verifier=question.verifier,
            client_id=form.client_id.data,
            client_secret=form.client_secret.data or None,
            redirect_uri=redirect_uri,
            app_name=form.app_name.data,
            owns_app=bool(form.owns_app.data),
            long_posts=bool(form.long_posts.data),
        ),
        desk().store.clock.now(),
    )
    return once(render_template("accounts/leave.html", url=question.url, **around(Platform.X)))


@needs(Role.ADMIN)
def callback() -> ResponseReturnValue:
    """Where X sends the person back to. Only the answer to this browser's own question counts,
    and only once: whatever comes of it, the question is forgotten."""
    state = request.args.get("state", "")
    asked = pending().asked(Asked, me().id, state, desk().store.clock.now())
    if asked is None:
        flash(no_answer(), "urgent")
        return redirect(url_for("accounts.connect"))
    try:
        code = oauth.code_from(request.url, asked.state)
    except Unauthorised:
        flash(_("X says that it was not allowed. Nothing was saved."), "urgent")
        return redirect(url_for("accounts.connect"))
    try:
        credentials = asker().exchange(
            client_id=asked.client_id,
            client_secret=asked.client_secret,
            redirect_uri=asked.redirect_uri,
            code=code,
            verifier=asked.verifier,
        )
    except ChannelError as error:
        flash(words.refusal_of(error, Platform.X), "urgent")
        return redirect(url_for("accounts.connect"))
    return _test(credentials, asked.app_name, asked.owns_app, asked.long_posts)


@needs(Role.ADMIN)
def confirm() -> ResponseReturnValue:
    """Whose keys these are; the word to save them, and the hard stop of a new app."""
    now = desk().store.clock.now()
    found = pending().tested(me().id, now)
    if found is None:
        flash(_("Nothing waits to be saved any more. Begin again."), "urgent")
        return redirect(url_for("accounts.choose"))
    form = LimitsForm(money=FIRST_LIMIT)
    if not form.validate_on_submit():
        page = render_template(
            "accounts/confirm.html", found=found, form=form, **around(found.platform)
        )
        return once(page, 422 if form.errors else 200)
    found = pending().take(me().id, now)
    if found is None:
        return redirect(url_for("accounts.choose"))
    limits = Limits()
    if found.platform is Platform.X:
        limits = Limits(money_of(form.money.data), count_of(form.reads.data))
    account_id = asker().save(found, limits, me().id)
    with desk().store.read() as session:
        has_sources = session.query(Feed.id).filter_by(account_id=account_id, enabled=True).first()
    if has_sources is None:
        flash(_("@%(account)s is connected.", account=found.profile.handle), "good")
        return redirect(url_for("accounts.collect", account_id=account_id))
    flash(
        _(
            "@%(account)s is connected again. Reading goes on where it stopped.",
            account=found.profile.handle,
        ),
        "good",
    )
    return redirect(url_for("accounts.ledger", account_id=account_id))


def return_address() -> str:
    """The address X sends people back to: to be entered in its console, to the letter."""
    return desk().settings.address + url_for("accounts.callback")


def _can_return() -> bool:
    """Whether X can send a person back here. A rehearsal is on this machine anyway."""
    return bool(desk().settings.public_url) or asker().simulated(Platform.X)


def _test(
    credentials: Credentials, app_name: str, owns_app: bool, long_posts: bool
) -> ResponseReturnValue:
    return tested(
        lambda profile: Connection(app_name, credentials, profile, owns_app, long_posts),
        app_name,
        credentials,
        url_for("accounts.connect"),
    )


def tested(
    connection: Callable[[Profile], Connection],
    app_name: str,
    credentials: Credentials | Token,
    back: str,
) -> ResponseReturnValue:
    """Ask whose keys these are; then a person is asked for a word to save them."""
    try:
        profile = asker().try_keys(app_name, credentials)
    except ChannelError as error:
        platform = Platform.INSTAGRAM if isinstance(credentials, Token) else Platform.X
        flash(words.refusal_of(error, platform), "urgent")
        return redirect(back)
    pending().keep(me().id, connection(profile), desk().store.clock.now())
    return redirect(url_for("accounts.confirm"))


def no_answer() -> str:
    return _(
        "This is no answer to a question of yours, or it came a second time or too late. "
        "Nothing was saved. Begin again."
    )


def _connect_page(form: KeysForm | ClientForm, status: int = 200) -> ResponseReturnValue:
    if not form.is_submitted():
        form.owns_app.data = True
    page = render_template(
        "accounts/connect.html",
        form=form,
        way="oauth2" if isinstance(form, ClientForm) else "keys",
        can_return=_can_return(),
        return_address=return_address(),
        scopes=oauth.SCOPES,
        user_price=rules.PRICES["user"].micros,
        **around(Platform.X),
    )
    return once(page, status)


def around(platform: Platform) -> dict[str, object]:
    return {"words": words, "platform": platform, "simulated": asker().simulated(platform)}


def once(page: str, status: int = 200) -> ResponseReturnValue:
    """A page that no cache keeps: it belongs to one moment."""
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def asker() -> Connections:
    found = connections()
    if found is None:
        abort(404)
    return found


def pending() -> Pending:
    return cast(Pending, current_app.extensions[_PENDING])
