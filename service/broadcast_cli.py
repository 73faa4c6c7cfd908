"""``shenava broadcast``: tell everyone at once from the command line, and see what became of it.

It writes rows as the dashboard does; ``shenava run`` sends them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from service.errors import Halt

if TYPE_CHECKING:
    from config import Settings
    from responder.broadcasts.content import Place
    from responder.circumstances import Rules
    from shenava.messages import Language
    from shenava.store import Store

_KINDS = ("payment", "site", "delivery", "support", "other")
_STAGES = ("investigating", "identified", "monitoring", "resolved")
PRINCIPAL = "command-line"


@dataclass(frozen=True, slots=True)
class _Opened:
    settings: Settings
    store: Store
    rules: Rules


@click.group()
def broadcast() -> None:
    """Tell everyone at once, pause and stop it, see what became of everyone.

    NUMBER is that of the broadcast. The service sends what is written here, when it runs.
    """


@contextmanager
def _opened() -> Iterator[_Opened]:
    from config import load
    from service.channels import Channels
    from service.connecting import kinds, open_vault
    from service.opening import open_store
    from shenava.vault import VaultError

    settings = load()
    store = open_store(settings)
    try:
        vault = open_vault(settings)
        yield _Opened(settings, store, Channels(store, vault, kinds(store, vault, settings)).rules)
    except VaultError as error:
        raise Halt(str(error)) from None
    finally:
        store.close()


@broadcast.command()
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="payment",
    show_default=True,
    help="What is wrong: its words and complaints are the beginning.",
)
@click.option(
    "--stage",
    type=click.Choice(_STAGES),
    default="investigating",
    show_default=True,
    help="How far the trouble is.",
)
@click.option("--fa", metavar="TEXT", help="The notice in Persian, instead of the template's.")
@click.option("--ar", metavar="TEXT", help="The notice in Arabic.")
@click.option("--en", metavar="TEXT", help="The notice in English.")
@click.option("--link", metavar="URL", default="", help="A link to put at the end.")
@click.option(
    "--language",
    type=click.Choice(["fa", "ar", "en"]),
    help="Language of the public posts; the dashboard's, if none is given.",
)
@click.option("--no-complaints", is_flag=True, help="Do not answer open complaints about it.")
@click.option(
    "--hours",
    type=click.IntRange(1, 168),
    default=24,
    show_default=True,
    metavar="HOURS",
    help="How old the complaints may be.",
)
@click.option("--vips", is_flag=True, help="Write to VIP customers who may be written to.")
@click.option(
    "--follows",
    type=int,
    metavar="NUMBER",
    help="Tell the same people as this broadcast did, and no others.",
)
@click.option("--picture", is_flag=True, help="Post the notice as a picture too.")
@click.option("--urgent", is_flag=True, help="Leave in quiet hours too.")
@click.option("--send", is_flag=True, help="Send it; else it is only planned.")
@click.option("--yes", is_flag=True, help="Agree to the price without being asked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def write(
    kind: str,
    stage: str,
    fa: str | None,
    ar: str | None,
    en: str | None,
    link: str,
    language: str | None,
    no_complaints: bool,
    hours: int,
    vips: bool,
    follows: int | None,
    picture: bool,
    urgent: bool,
    send: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Write a notice and plan it: whom it reaches, what it costs, who is left out.

    With --send it leaves ten seconds after you agreed. Without any text the template of the kind
    is used, in three languages.
    """
    from responder.broadcasts import drafting
    from responder.broadcasts.content import Aim, Content
    from responder.broadcasts.drafting import BroadcastError, Notice
    from responder.broadcasts.planning import house_of, plan_broadcast
    from responder.broadcasts.templates import still_to_fill, template
    from responder.outbox import Asker
    from shenava.messages import Language
    from shenava.store import Stage

    words = template(kind, Stage(stage))
    given = {Language(name): text for name, text in (("fa", fa), ("ar", ar), ("en", en)) if text}
    content = Content(
        texts=given or words.texts,
        personal={} if given else words.personal,
        link=link,
        picture=picture,
    )
    if open_ := [word for text in content.texts.values() for word in still_to_fill(text)]:
        raise Halt(
            f"The words of this kind are to be filled in ({open_[0]}): give --fa, --ar or "
            "--en. Nothing was written."
        )
    with _opened() as opened:
        now = opened.store.clock.now()
        spoken = Language(language or opened.settings.language.value)
        aim = Aim(
            places=_places(opened, content.nearest(spoken) or spoken, follows),
            intents=frozenset() if no_complaints or follows else words.intents,
            since=now - timedelta(hours=hours),
            vips=vips,
        )
        home = house_of(opened.settings)
        notice = Notice(
            content, aim, Stage(stage), kind, follows, urgent=urgent, lasts_hours=home.lasts_hours
        )
        try:
            with opened.store.write() as session:
                asker = Asker(PRINCIPAL, secrets.token_hex(16))
                number = drafting.create(session, asker, notice, now).id
            plan = plan_broadcast(opened.store, number, opened.rules, home, None)
        except BroadcastError as error:
            raise Halt(str(error)) from None
        assert plan is not None, "just written"
        if not as_json:
            _tell_plan(number, drafting.summary(plan))
        if send:
            if not yes:
                click.confirm("Send this?", abort=True)
            try:
                with opened.store.write() as session:
                    drafting.release(
                        session,
                        None,
                        number,
                        plan.hash,
                        opened.store.clock.now(),
                        home.quiet,
                        second_person=home.second_person,
                    )
            except BroadcastError as error:
                raise Halt(str(error)) from None
        _tell(opened.store, number, as_json=as_json)


def _places(opened: _Opened, language: Language, follows: int | None) -> tuple[Place, ...]:
    from sqlalchemy import select

    from responder.broadcasts.content import Aim, Place
    from shenava.store import Account, AccountState, Broadcast

    with opened.store.read() as session:
        if follows is not None:
            parent = session.get(Broadcast, follows)
            if parent is None or parent.started_at is None:
                raise Halt(f"Broadcast {follows} has told nobody yet, so nothing can follow it.")
            return Aim.of_json(parent.aim).places
        rows = session.scalars(
            select(Account).where(Account.state == AccountState.CONNECTED).order_by(Account.id)
        )
        return tuple(Place(row.id, language) for row in rows if row.platform in opened.rules)


def _tell_plan(number: int, plan: dict[str, Any]) -> None:
    click.echo(
        f"Broadcast {number}: {plan['told'] - plan['people']} public posts, "
        f"{plan['people']} people, {plan['price'] / 1_000_000:.3f} US dollars, "
        f"{-(-plan['seconds'] // 60)} minutes at the platforms' pace."
    )
    for one in plan["places"]:
        used, limit = one["length"]
        why = f" LEFT OUT: {one['reason']}" if one["reason"] else ""
        click.echo(
            f"  {one['platform']} @{one['handle']} ({one['language']}, {used} of {limit}){why}"
        )
    for one in plan["left_out"]:
        click.echo(f"  left out: {one['count']} ({one['reason']})")


@broadcast.command()
@click.argument("number", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(number: int, as_json: bool) -> None:
    """Say what became of everyone so far."""
    with _opened() as opened:
        _tell(opened.store, number, as_json=as_json)


@broadcast.command("list")
def list_() -> None:
    """List the newest broadcasts."""
    from sqlalchemy import select

    from shenava.store import Broadcast

    with _opened() as opened, opened.store.read() as session:
        for row in session.scalars(select(Broadcast).order_by(Broadcast.id.desc()).limit(20)):
            told = (row.plan or {}).get("told", 0)
            at = row.started_at or row.created_at
            click.echo(
                f"{row.id}  {at:%Y-%m-%d %H:%M}Z  {row.state.value}  {row.kind}  "
                f"{row.stage.value}  {told} recipients"
            )


def _turn(number: int, name: str) -> None:
    from responder.broadcasts import drafting, running

    deeds: dict[str, Any] = {
        "pause": running.pause,
        "resume": running.go_on,
        "stop": running.stop,
        "withdraw": drafting.withdraw,
    }
    with _opened() as opened:
        with opened.store.write() as session:
            done = deeds[name](session, None, number, opened.store.clock.now())
        if not done:
            raise Halt(
                f"Broadcast {number} is not in a state for that. Nothing was changed; "
                f"shenava broadcast show {number} says how it stands."
            )
        _tell(opened.store, number, as_json=False)


@broadcast.command()
@click.argument("number", type=int)
def pause(number: int) -> None:
    """Let nothing more leave until it is resumed."""
    _turn(number, "pause")


@broadcast.command()
@click.argument("number", type=int)
def resume(number: int) -> None:
    """Let a paused broadcast go on."""
    _turn(number, "resume")


@broadcast.command()
@click.argument("number", type=int)
def stop(number: int) -> None:
    """End it for good: what has not left never will."""
    _turn(number, "stop")


@broadcast.command()
@click.argument("number", type=int)
def withdraw(number: int) -> None:
    """Take it back before anything left."""
    _turn(number, "withdraw")


@broadcast.command()
@click.argument("number", type=int)
def retry(number: int) -> None:
    """Try again those that failed, and no others."""
    from responder.broadcasts.drafting import BroadcastError
    from responder.broadcasts.running import retry_failed

    with _opened() as opened:
        total = 0
        while True:
            try:
                with opened.store.write() as session:
                    some = retry_failed(
                        session, None, number, opened.store.clock.now(), opened.rules
                    )
            except BroadcastError as error:
                raise Halt(str(error)) from None
            total += some
            if not some:
                break
        click.echo(f"{total} are tried again.")


def _tell(store: Store, number: int, *, as_json: bool) -> None:
    from responder.broadcasts.progress import progress
    from shenava.store import Broadcast

    with store.read() as session:
        row = session.get(Broadcast, number)
        if row is None:
            raise Halt(f"There is no broadcast {number}; shenava broadcast list shows them.")
        counts = dict(progress(session, number).counts())
    if as_json:
        told = {"id": number, "state": row.state.value, "recipients": counts, "plan": row.plan}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    parts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items())
    click.echo(f"Broadcast {number} is {row.state.value.replace('_', ' ')}: {parts or 'nobody'}.")
