"""``shenava erase``: a person's wish to be forgotten."""

from __future__ import annotations

import click

from config.settings import load
from service.errors import Halt


@click.command()
@click.option("--identity", type=int, help="Number of the person on one platform.")
@click.option("--platform", help="Platform on which they are known by --handle, as x.")
@click.option("--handle", help="Their handle there, without @.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def erase(identity: int | None, platform: str | None, handle: str | None, yes: bool) -> None:
    """Erase a person: their messages, names, pictures, and what was answered.

    On every platform on which they are known to be the same customer. Counts and dates stay. It
    cannot be undone. Backups that were made before still hold them.
    """
    from responder.erasing import ErasingError, erase_person
    from responder.policy import policy_of
    from service.opening import open_store
    from shenava.store import Alone

    settings = load()
    store = open_store(settings)
    try:
        number = _who(store, identity, platform, handle)
        if not yes:
            click.confirm(
                f"Erase person {number}, with all they wrote? This cannot be undone",
                abort=True,
            )
        try:
            with store.write_alone(Alone.INTAKE) as session:
                done = erase_person(session, number, store.clock.now(), policy_of(settings))
        except ErasingError as error:
            raise Halt(str(error)) from None
        store.settle_files()
    finally:
        store.close()
    click.echo(
        f"Erased: {done.messages} messages of {len(done.identities)} identities. Older backups "
        "still hold them: delete those, or let them run out."
    )


def _who(store: object, identity: int | None, platform: str | None, handle: str | None) -> int:
    from sqlalchemy import func, select

    from shenava.messages import Platform
    from shenava.store import Identity, IdentityHandle, Store

    assert isinstance(store, Store)
    if identity is not None:
        return identity
    if not platform or not handle:
        raise Halt("Say who: --identity NUMBER, or --platform and --handle.")
    if platform not in {one.value for one in Platform}:
        raise Halt(f"There is no platform {platform!r}.")
    with store.read() as session:
        found = session.scalars(
            select(Identity.id)
            .outerjoin(IdentityHandle, IdentityHandle.identity_id == Identity.id)
            .where(
                Identity.platform == Platform(platform),
                (func.lower(Identity.handle) == handle.lower().removeprefix("@"))
                | (func.lower(IdentityHandle.handle) == handle.lower().removeprefix("@")),
            )
            .distinct()
        ).all()
    if len(found) != 1:
        numbers = ", ".join(map(str, found)) or "nobody"
        raise Halt(f"By that handle there is {numbers}. Say which with --identity.")
    return found[0]
