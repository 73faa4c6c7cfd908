"""``shenava account public``: switching the reading of what is public on Instagram on and off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.errors import Halt

if TYPE_CHECKING:
    from shenava.store import Store
    from shenava.vault import Vault


@contextmanager
def _opened() -> Iterator[tuple[Store, Vault]]:
    from config import load
    from service.connecting import open_vault
    from service.opening import open_store
    from shenava.vault import VaultError

    settings = load()
    store = open_store(settings)
    try:
        yield store, open_vault(settings)
    except VaultError as error:
        raise Halt(str(error)) from None
    finally:
        store.close()


def _account(store: Store, handle: str) -> int:
    from sqlalchemy import func, select

    from shenava.messages import Platform
    from shenava.store import Account

    with store.read() as session:
        found = session.scalar(
            select(Account.id).where(
                Account.platform == Platform.INSTAGRAM, func.lower(Account.handle) == handle.lower()
            )
        )
    if found is None:
        raise Halt(f"There is no account @{handle} of Instagram here; connect it first.")
    return found


@click.command()
@click.argument("handle", metavar="ACCOUNT")
@click.option(
    "--session",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The session file that instaloader --login wrote.",
)
@click.option("--as", "username", required=True, metavar="NAME", help="Whose session it is.")
@click.option("--tagged", is_flag=True, help="Read posts that tag ACCOUNT.")
@click.option(
    "--hashtag",
    multiple=True,
    metavar="TAG",
    help="Read posts with a hashtag; may be given more than once.",
)
@click.option(
    "--post",
    multiple=True,
    metavar="ADDRESS",
    help="Read the comments of a public post; may be given more than once.",
)
@click.option("--yes", is_flag=True, help="The risk is known: do not ask.")
def public(
    handle: str,
    file: Path,
    username: str,
    tagged: bool,
    hashtag: tuple[str, ...],
    post: tuple[str, ...],
    yes: bool,
) -> None:
    """Read what is public on Instagram with somebody's session. Think twice.

    Instagram's terms forbid reading its website by a program. The account whose session is used
    may be limited or closed: use one that you can lose, never the shop's own. It breaks every few
    weeks, when Instagram changes its pages. It is never the only way to see a complaint. ACCOUNT is
    an account of Instagram that is known here. What is given replaces what was read before; the
    file may be removed afterwards, its content is kept encrypted. See docs/instagram.md.
    """
    from service.public_reading import RISK, switch_on, wanted_of
    from shenava.channels.instagram.public import session_of

    name = handle.removeprefix("@")
    asked = [f"@{name}"] if tagged else []
    asked += [f"#{one.removeprefix('#')}" for one in hashtag] + list(post)
    if not asked:
        raise Halt("Say what to read: --tagged, --hashtag or --post.")
    try:
        wanted = [wanted_of(one) for one in asked]
        web = session_of(username.removeprefix("@"), file.read_bytes())
    except ValueError as error:
        raise Halt(f"{error}.".replace("..", ".").capitalize()) from None
    if web.username.casefold() == name.casefold():
        raise Halt("This is the shop's own account. Use one that you can lose.")
    click.echo(RISK)
    if not yes:
        click.confirm("Switch it on?", abort=True)
    with _opened() as (store, vault):
        account_id = _account(store, name)
        with store.write() as session:
            switch_on(session, vault, account_id, web, wanted, store.clock.now())
    click.echo(f"On. The running service reads within a minute: {', '.join(asked)}.")


@click.command("public-off")
@click.argument("handle", metavar="ACCOUNT")
def public_off(handle: str) -> None:
    """Read nothing public any more, and forget the session. What was read stays."""
    from service.public_reading import switch_off

    with _opened() as (store, _vault):
        account_id = _account(store, handle.removeprefix("@"))
        with store.write() as session:
            was_on = switch_off(session, account_id)
    click.echo("Off; the session is forgotten." if was_on else "It was off.")
