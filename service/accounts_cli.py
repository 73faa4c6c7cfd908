"""``shenava account``: the shop's own places from the command line.

Keys are asked for without echo, or taken from the environment of a machine; never from arguments,
which other users of the machine could read. Connecting over X's own page (OAuth 2.0) needs a
browser: it is on the dashboard's page of accounts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from service.errors import Halt

if TYPE_CHECKING:
    from config import Settings
    from dashboard.accounts.prices import Price
    from service.connecting import Connecting
    from shenava.store import Account, Store

VARIABLES = {
    "consumer_key": "X_CONSUMER_KEY",
    "consumer_secret": "X_CONSUMER_SECRET",
    "token": "X_ACCESS_TOKEN",
    "token_secret": "X_ACCESS_TOKEN_SECRET",
}
"""Where the four keys stand in the environment of a machine."""

_SOURCES = ("mention", "inbox", "own")


@click.group()
def account() -> None:
    """Connect the shop's own accounts, test them, see how they are, read back.

    ACCOUNT is a handle, with or without @; where two platforms have the same, as instagram:HANDLE.
    The service may be running.
    """


@contextmanager
def _opened() -> Iterator[tuple[Settings, Store, Connecting]]:
    from config import load
    from service.connecting import Connecting, open_vault
    from service.opening import open_store
    from service.rehearsal import is_rehearsal, running
    from shenava.vault import VaultError

    settings = load()
    if is_rehearsal(settings):
        settings = settings.model_copy(update=running(settings).places)
    store = open_store(settings)
    try:
        yield settings, store, Connecting(store, open_vault(settings), settings)
    except VaultError as error:
        raise Halt(str(error)) from None
    finally:
        store.close()


@account.command()
@click.option("--app", "app_name", default="X app", show_default=True, help="Name of the app.")
@click.option("--from-env", is_flag=True, help="Take the keys from the environment.")
@click.option(
    "--collect",
    type=click.Choice(_SOURCES),
    multiple=True,
    help="What to collect; may be given more than once. All three, if none is given.",
)
@click.option(
    "--search",
    multiple=True,
    metavar="WORDS",
    help="Search for words or #hashtags, between commas; may be given more than once.",
)
@click.option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="How many days to read back at first.",
)
@click.option("--money-limit", metavar="USD", default="50", help="Hard stop of a new app a month.")
@click.option("--reads-limit", metavar="NUMBER", default="", help="The same in resources read.")
@click.option("--other-app", is_flag=True, help="The account does not own the developer app.")
@click.option("--premium", is_flag=True, help="The account has Premium: posts may be long.")
@click.option("--yes", is_flag=True, help="Agree to the price without being asked.")
def add(
    app_name: str,
    from_env: bool,
    collect: tuple[str, ...],
    search: tuple[str, ...],
    days: int,
    money_limit: str,
    reads_limit: str,
    other_app: bool,
    premium: bool,
    yes: bool,
) -> None:
    """Connect an account of X with its four keys (OAuth 1.0a).

    The keys are asked for without being shown, or taken from X_CONSUMER_KEY, X_CONSUMER_SECRET,
    X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET. They are tested first; what reading back may cost is
    shown and confirmed; then they are stored, encrypted. An account that was connected before
    goes on where it stopped. See docs/x.md for what to set in X's console.
    """
    from dashboard.accounts import deeds
    from dashboard.accounts.connections import Connection, Limits
    from dashboard.accounts.forms import SearchError, count_of, money_of, query_from
    from dashboard.accounts.prices import backfill_price
    from shenava.channels import ChannelError
    from shenava.channels.x import OAuth1
    from shenava.channels.x.read import cursor_from
    from shenava.messages import Source

    try:
        limits = Limits(money_of(money_limit), count_of(reads_limit))
    except ValueError:
        raise Halt("Write limits as 25 or 12.50, and as a whole number; empty is none.") from None
    with _opened() as (_settings, store, connecting):
        try:
            credentials = OAuth1(**_keys(from_env))
        except ValueError as error:
            raise Halt(f"{error}. Copy it again, whole. Nothing was saved.") from None
        try:
            profile = connecting.try_keys(app_name, credentials)
        except ChannelError as error:
            raise Halt(f"The keys were not saved: {error}.") from None
        click.echo(_who("X", profile.handle, profile.name, profile.followers), err=True)
        wanted = [(Source(name), "") for name in dict.fromkeys(collect or _SOURCES)]
        try:
            wanted += [(Source.SEARCH, query_from(words, profile.handle)) for words in search]
        except SearchError as error:
            raise Halt(f"{error.reason.message} Nothing was saved.") from None
        price = backfill_price(wanted, days, owns_app=not other_app)
        _agree(price, limits.money_micros, yes)
        connection = Connection(app_name, credentials, profile, not other_app, premium)
        account_id = connecting.save(connection, limits, None)
        with store.write() as session:
            now = store.clock.now()
            since = deeds.days_back(now, days)
            deeds.choose(session, None, account_id, wanted, lambda _source: cursor_from(since), now)
        click.echo(f"@{profile.handle} is connected.")


@account.command("add-instagram")
@click.option("--app", "app_name", default="Instagram app", show_default=True, help="Its name.")
@click.option("--from-env", is_flag=True, help="Take the token from the environment.")
@click.option(
    "--hashtag",
    multiple=True,
    metavar="WORD",
    help="Collect a hashtag, with a page's token; may be given more than once.",
)
@click.option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="How many days to read back at first.",
)
def add_instagram(app_name: str, from_env: bool, hashtag: tuple[str, ...], days: int) -> None:
    """Connect an account of Instagram with a token, of it or of its Facebook page.

    The token is asked for without being shown, or taken from INSTAGRAM_ACCESS_TOKEN, and the app's
    secret from INSTAGRAM_APP_SECRET. It is tested first, then stored, encrypted; all that it allows
    is collected. An account that was connected before goes on where it stopped. See
    docs/instagram.md for what to set in Meta's dashboard.
    """
    from dashboard.accounts import deeds
    from dashboard.accounts.connections import Connection, Limits
    from dashboard.accounts.forms import SearchError, hashtag_from
    from shenava.channels import ChannelError
    from shenava.channels.instagram import Login, Token
    from shenava.channels.instagram.read import cursor_from
    from shenava.messages import Source

    with _opened() as (_settings, store, connecting):
        text, secret = _instagram_keys(from_env)
        try:
            login = Login.FACEBOOK if text.startswith("EAA") else Login.INSTAGRAM
            token = connecting.dated(Token(text, login, app_secret=secret))
            profile = connecting.try_keys(app_name, token)
            searches = [(Source.SEARCH, hashtag_from(word)) for word in hashtag]
        except ValueError as error:
            raise Halt(f"{error}. Copy it again, whole. Nothing was saved.") from None
        except ChannelError as error:
            raise Halt(f"The token was not saved: {error}.") from None
        except SearchError as error:
            raise Halt(f"{error.reason.message} Nothing was saved.") from None
        click.echo(_who("Instagram", profile.handle, profile.name, profile.followers), err=True)
        account_id = connecting.save(Connection(app_name, token, profile), Limits(), None)
        able = connecting.about(account_id).sources
        if searches and Source.SEARCH not in able:
            raise Halt("Hashtags need the token of a Facebook page. The account is connected.")
        wanted = [(one, "") for one in Source if one in able and one is not Source.SEARCH]
        with store.write() as session:
            now = store.clock.now()
            since = deeds.days_back(now, days)
            keys = [*wanted, *searches]
            deeds.choose(session, None, account_id, keys, lambda _source: cursor_from(since), now)
        click.echo(f"@{profile.handle} is connected.")


def _instagram_keys(from_env: bool) -> tuple[str, str | None]:
    if from_env:
        token = os.environ.get("INSTAGRAM_ACCESS_TOKEN", "").strip()
        if not token:
            raise Halt("Not in the environment: INSTAGRAM_ACCESS_TOKEN. Nothing was saved.")
        return token, os.environ.get("INSTAGRAM_APP_SECRET", "").strip() or None
    token = click.prompt("Access token", hide_input=True, err=True).strip()
    words = "App secret (empty: none)"
    secret = click.prompt(words, hide_input=True, err=True, default="", show_default=False)
    return token, secret.strip() or None


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def list_(as_json: bool) -> None:
    """Show every account: its state, when it was last read, gaps, money of the month."""
    from dashboard.accounts.overview import overview

    with _opened() as (_settings, store, _connecting):
        found = overview(store)
    accounts = [_account_row(view) for view in found.accounts]
    apps = [
        {
            "name": view.app.name,
            "platform": view.app.platform.value,
            "spent_usd": view.spent.micros / 1_000_000,
            "money_limit_usd": _usd(view.spent.money_limit_micros),
            "reads": view.spent.reads,
            "reads_limit": view.spent.reads_limit,
        }
        for view in found.apps
    ]
    if as_json:
        click.echo(json.dumps({"accounts": accounts, "apps": apps}, ensure_ascii=False))
        return
    for row in accounts:
        read = row["read_at"] or "never"
        troubles = "".join(f"\n    {told}" for told in row["troubles"])
        click.echo(
            f"@{row['handle']}  {row['state']}  read {read}  {row['gaps']} gaps  "
            f"{row['repaired']} repaired{troubles}"
        )
    for app in apps:
        limit = app["money_limit_usd"]
        of = f" of ${limit:,.2f}" if limit is not None else ", no limit"
        click.echo(f"App {app['name']}: ${app['spent_usd']:,.3f}{of} this month")
    if not accounts:
        click.echo("No account yet. shenava account add connects one.")


@account.command()
@click.argument("account")
def test(account: str) -> None:
    """Ask the platform who ACCOUNT is, with its stored keys. On X it costs a user read."""
    from shenava.channels import ChannelError
    from shenava.messages import Platform

    with _opened() as (_settings, store, connecting):
        row = _find(store, account)
        try:
            profile = connecting.test(row.id)
        except ChannelError as error:
            raise Halt(f"@{row.handle}: {error}.") from None
        platform = "X" if row.platform is Platform.X else "Instagram"
        click.echo(_who(platform, profile.handle, profile.name, profile.followers))


@account.command()
@click.argument("account")
@click.option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, 365),
    required=True,
    help="How many days to read back.",
)
@click.option("--yes", is_flag=True, help="Agree to the price without being asked.")
def backfill(account: str, days: int, yes: bool) -> None:
    """Read everything that is collected from ACCOUNT again, down to so many days ago.

    Says what it may cost first. The running service does the reading.
    """
    from dashboard.accounts import deeds
    from dashboard.accounts.prices import backfill_price
    from shenava.channels import Unauthorised
    from shenava.channels.instagram.read import cursor_from as instagram_cursor_from
    from shenava.channels.x.read import cursor_from as x_cursor_from
    from shenava.messages import Platform
    from shenava.store import App, Feed

    with _opened() as (_settings, store, connecting):
        row = _find(store, account)
        try:
            about = connecting.about(row.id)
        except Unauthorised as error:
            raise Halt(f"@{row.handle}: {error}.") from None
        with store.read() as session:
            feeds = session.query(Feed).filter_by(account_id=row.id, enabled=True)
            wanted = [(feed.source, feed.query) for feed in feeds.order_by(Feed.id)]
            limit = session.get_one(App, row.app_id).money_limit_micros
        if not wanted:
            raise Halt(deeds.NOTHING_CHOSEN.message)
        cursor_from = x_cursor_from if row.platform is Platform.X else instagram_cursor_from
        if row.platform is Platform.X:
            _agree(backfill_price(wanted, days, owns_app=about.owns_app), limit, yes)

        def change(session: Any, now: datetime) -> int:
            since = deeds.days_back(now, days)
            return deeds.backfill(
                session, None, row.id, since, lambda _source, at: cursor_from(at), now
            )

        count = _do(store, change)
        click.echo(f"{count} sources of @{row.handle} will be read back to {days} days ago.")


@account.command()
@click.argument("account")
def pause(account: str) -> None:
    """Hold ACCOUNT still: nothing is read from it, nothing is sent through it."""
    from dashboard.accounts import deeds

    with _opened() as (_settings, store, _connecting):
        row = _find(store, account)
        _do(store, lambda session, now: deeds.pause(session, None, row.id, now))
        click.echo(f"@{row.handle} is paused.")


@account.command()
@click.argument("account")
def resume(account: str) -> None:
    """Let ACCOUNT go on: what was written meanwhile is read."""
    from dashboard.accounts import deeds

    with _opened() as (_settings, store, _connecting):
        row = _find(store, account)
        _do(store, lambda session, now: deeds.resume(session, None, row.id, now))
        click.echo(f"@{row.handle} goes on.")


def _do(store: Store, change: Any) -> Any:
    from dashboard.staff.members import Refusal

    try:
        with store.write() as session:
            return change(session, store.clock.now())
    except Refusal as refusal:
        raise Halt(refusal.reason.message) from None


def _keys(from_env: bool) -> dict[str, str]:
    if not from_env:
        words = {
            "consumer_key": "Consumer key",
            "consumer_secret": "Consumer secret",
            "token": "Access token",
            "token_secret": "Access token secret",
        }
        return {
            name: click.prompt(word, hide_input=True, err=True).strip()
            for name, word in words.items()
        }
    missing = [name for name in VARIABLES.values() if not os.environ.get(name)]
    if missing:
        raise Halt(f"Not in the environment: {', '.join(missing)}. Nothing was saved.")
    return {name: os.environ[variable].strip() for name, variable in VARIABLES.items()}


def _who(platform: str, handle: str, name: str, followers: int | None) -> str:
    count = f", {followers:,} followers" if followers is not None else ""
    return f"{platform} says that this is @{handle} ({name}{count})."


def _agree(price: Price, limit: int | None, yes: bool) -> None:
    """Show what reading back may cost, and ask. Raises :class:`Halt` for a no."""
    for line in price.lines:
        most = "no upper bound" if line.at_most is None else f"at most ${line.at_most / 1e6:,.2f}"
        if line.beyond is not None:
            most += f", and ${line.beyond / 1e6:.3f} for each of the last 7 days beyond 800"
        name = line.source.value if not line.query else f"{line.source.value} {line.query}"
        each = f"${line.each / 1e6:.3f} each"
        click.echo(f"  {name}: {line.days} days back, {each}, {most}", err=True)
    stop = "nothing here stops it" if limit is None else f"stops at ${limit / 1e6:,.2f} a month"
    click.echo(f"Reading back costs at most ${price.bounded / 1e6:,.2f} for what X bounds; "
               f"the app {stop}.", err=True)  # fmt: skip
    if yes:
        return
    try:
        agreed = click.confirm("Agree?", err=True)
    except click.Abort:
        raise Halt("Nobody is there to agree to the price; --yes agrees beforehand.") from None
    if not agreed:
        raise Halt("Nothing was read, nothing was saved.")


def _find(store: Store, name: str) -> Account:
    from sqlalchemy import func, select

    from shenava.store import Account

    platform, named, handle = name.strip().rpartition(":")
    folded = handle.removeprefix("@").lower()
    with store.read() as session:
        found = session.scalars(
            select(Account)
            .where(func.lower(Account.handle) == folded, Account.app_id.is_not(None))
            .order_by(Account.id)
        ).all()
    rows = [row for row in found if not named or row.platform.value == platform.lower()]
    if len(rows) > 1:
        told = " or ".join(f"{row.platform.value}:{row.handle}" for row in rows)
        raise Halt(f"There are several accounts @{folded}; say {told}.")
    row = rows[0] if rows else None
    if row is None:
        raise Halt(f"There is no account @{folded}; shenava account list shows them.")
    return row


def _usd(micros: int | None) -> float | None:
    return None if micros is None else micros / 1_000_000


def _account_row(view: Any) -> dict[str, Any]:
    found = view.account
    return {
        "handle": found.handle,
        "platform": found.platform.value,
        "state": found.state.value,
        "read_at": view.read_at.isoformat() if view.read_at else None,
        "gaps": view.gap_count,
        "gaps_since": view.gap_since.isoformat() if view.gap_since else None,
        "repaired": view.repaired,
        "silent_since": view.silent_since.isoformat() if view.silent_since else None,
        "keys_end": found.token_expires_at.isoformat() if found.token_expires_at else None,
        "sources": [
            {
                "source": one.feed.source.value,
                "query": one.feed.query,
                "read_at": one.feed.last_ok_at.isoformat() if one.feed.last_ok_at else None,
                "error": one.feed.last_error.value if one.feed.last_error else None,
            }
            for one in view.feeds
        ],
        "troubles": [told.trouble.what.message for told in view.troubles],
    }
