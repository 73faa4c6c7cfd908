"""The command line: ``shenava COMMAND``.

Each command is a thin door to a function elsewhere. What is heavy (the web, the model) is
imported inside the command that needs it, so that the others answer at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

import click

from config import SettingsError, load
from service.accounts_cli import account
from service.broadcast_cli import broadcast
from service.erasing_cli import erase
from service.errors import Halt
from service.learning_cli import learn
from service.public_cli import public, public_off
from shenava import __version__
from shenava.messages import MessageKind, Platform

EXIT_UNWELL = 1
EXIT_CANNOT = 2


class _Spoken(click.ClickException):
    """An error as people read it: one sentence on standard error, no traceback."""

    exit_code = EXIT_CANNOT

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"shenava: {self.message}", err=True)


class _Commands(click.Group):
    """Turns the errors that are to be expected into sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Halt, SettingsError) as error:
            raise _Spoken(str(error)) from None
        except Exception as error:
            sentence = _expected(error)
            if sentence is None:
                raise
            raise _Spoken(sentence) from None


def _expected(error: Exception) -> str | None:
    """A sentence for an error of the layers below, told by where it comes from, for importing
    them here would slow down every command; ``None`` for one that is a mistake of ours."""
    kind = type(error)
    if kind.__name__ == "ImportFileError":
        return str(error)
    if kind.__module__.partition(".")[0] == "sqlalchemy" and hasattr(error, "orig"):
        # The first line only: PostgreSQL quotes the row in the next.
        reason = str(error.orig).strip().partition("\n")[0]
        return (
            f"The database failed: {reason}. What was committed before that stays; run the same "
            "command again when it is mended. shenava doctor tells more."
        )
    return None


def main() -> None:
    """The entry point ``shenava``."""
    # What it writes holds customers' words and keys: for whoever runs it, and nobody else.
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Persian and Arabic whatever the locale; JSON is UTF-8 by its definition.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        cli()
    except BrokenPipeError:
        # Whoever read our output has left (| head).
        sys.stdout = None
        sys.exit(EXIT_UNWELL)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shenava", message="%(prog)s %(version)s")
def cli() -> None:
    """Listen to your customers on social media, and answer them."""


@cli.command()
@click.option("--sample", is_flag=True, help="Begin with a few messages of a made-up shop.")
@click.option(
    "--rehearsal", is_flag=True, help="With simulated platforms and their customers; no keys."
)
def run(sample: bool, rehearsal: bool) -> None:
    """Start the service: the dashboard, the pipeline, the schedule, in one process.

    It prints its address and, while there is no account yet, a link to make the first. Ctrl-C
    or SIGTERM stops it cleanly. With --sample, a database that has no message yet is filled with
    the ones that come with Shenava, to look around in.

    With --rehearsal, a simulated X and a simulated Instagram run beside it: customers write,
    answers arrive, half a minute in the shop's payment gateway fails. Nothing leaves this
    computer. See docs/rehearsal.md.
    """
    from service.run import run as run_service

    run_service(load(), sys.stdout, sample=sample, rehearse=rehearsal)


account.add_command(public)
account.add_command(public_off)
cli.add_command(account)
cli.add_command(erase)
cli.add_command(broadcast)
cli.add_command(learn)


@cli.group()
def rehearse() -> None:
    """Direct the rehearsal that runs on the data folder (shenava run --rehearsal)."""


@rehearse.command()
@click.option(
    "--complaints",
    type=click.IntRange(40, 400),
    default=120,
    show_default=True,
    metavar="N",
    help="How many people complain: 40 to 400.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 60),
    default=6,
    show_default=True,
    metavar="MINUTES",
    help="Minutes within which they write, most of them early: 0.1 to 60.",
)
def outage(complaints: int, minutes: float) -> None:
    """Let the payment gateway of the shop fail: N people complain within MINUTES."""
    from service.rehearsal import running

    found = running(load()).outage(complaints, minutes)
    click.echo(f"The payment gateway fails: {found} people are about to write.")


@rehearse.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def status(as_json: bool) -> None:
    """Say how the rehearsal stands: where it is, what was written, what was taken in."""
    from service.rehearsal import running

    found = running(load()).state()
    if as_json:
        click.echo(json.dumps(found))
        return
    x, instagram = found["x"], found["instagram"]
    click.echo(f"In the rehearsal it is {found['now'][:19]} UTC.")
    click.echo(
        f"The simulated X is at {x['address']}: {x['users']:,} people, {x['posts']:,} posts, "
        f"{x['dms']:,} private messages, {x['outages']} outages. Taken in from Shenava: "
        f"{x['accepted']:,}, for {x['spent_micros'] / 1_000_000:,.2f} dollars with the reading."
    )
    click.echo(
        f"The simulated Instagram is at {instagram['address']}: {instagram['users']:,} people, "
        f"{instagram['media']:,} posts, {instagram['comments']:,} comments, "
        f"{instagram['messages']:,} private messages. Taken in from Shenava: "
        f"{instagram['accepted']:,}."
    )


@rehearse.command()
def reset() -> None:
    """Begin the simulated worlds anew, empty but for the shop; half a minute later the gateway
    fails again. What Shenava has taken in stays."""
    from service.rehearsal import running

    running(load()).reset()
    click.echo("The simulated worlds begin anew. What Shenava has taken in stays.")


@rehearse.command()
@click.argument("minutes", type=click.FloatRange(0.1, 60 * 24 * 30))
def clock(minutes: float) -> None:
    """Move the clock of the rehearsal ahead by MINUTES: customers lose patience, due times pass.

    Shenava lives by the same clock within two seconds. It cannot be moved back.
    """
    from service.rehearsal import running

    found = running(load()).x.call("POST", "/clock", seconds=minutes * 60)
    click.echo(f"In the rehearsal it is now {found['now'][:19]} UTC.")


def _mapping(
    _context: click.Context, _option: click.Parameter, pairs: Iterable[str]
) -> dict[str, str]:
    """``field=column`` pairs as a dictionary."""
    found = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign or not name.strip() or not column.strip():
            raise click.BadParameter(f"{pair!r} is not of the form text=tweet_text.")
        found[name.strip()] = column.strip()
    return found


@cli.command("import")
@click.argument("file")
@click.option(
    "--platform",
    type=click.Choice([one.value for one in Platform]),
    help="Platform of rows that name none.",
)
@click.option(
    "--kind",
    type=click.Choice([one.value for one in MessageKind]),
    help="Kind of rows that name none.",
)
@click.option("--account", help="Your account, for rows that name none: shop, or x:shop.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=_mapping,
    metavar="FIELD=COLUMN",
    help="Take a field from a column of another name; may be given more than once.",
)
@click.option("--historic", is_flag=True, help="Old posts: counted and found, no due time.")
@click.option("--time-zone", metavar="ZONE", help="Zone of times without one [the shop's].")
@click.option("--make-ids", is_flag=True, help="Derive an id for rows that have none.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rejected rows to this file, as JSON lines with line and reason.",
)
@click.option("--no-judge", is_flag=True, help="Leave the verdicts to the running service.")
@click.option("--progress", is_flag=True, help="Show progress also when not on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
def import_(
    file: str,
    platform: str | None,
    kind: str | None,
    account: str | None,
    columns: dict[str, str],
    historic: bool,
    time_zone: str | None,
    make_ids: bool,
    rejects: Path | None,
    no_judge: bool,
    progress: bool,
    as_json: bool,
) -> None:
    """Take in the messages of FILE, CSV or JSONL (- reads standard input).

    Every row becomes one message, however often it is imported. A row that cannot be used is
    reported with its line; the rest go in. The service may be running. See docs/import.md.
    """
    from collectors.file_import import ImportOptions
    from responder.policy import policy_of
    from service.importing import check_readable, import_and_judge
    from service.learning import ShopJudge
    from service.opening import load_classifier, open_store
    from service.pipeline import Pipeline
    from service.rehearsal import keep_out

    settings = load(**({"time_zone": time_zone} if time_zone else {}))
    options = ImportOptions(
        zone=settings.zone,
        platform=Platform(platform) if platform else None,
        account=account,
        kind=MessageKind(kind) if kind else None,
        columns=columns,
        historic=historic,
        make_ids=make_ids,
    )
    policy = policy_of(load())
    check_readable(file)
    keep_out(settings, "import")
    store = open_store(settings)
    try:
        pipeline = (
            None
            if no_judge
            else Pipeline(store, ShopJudge(store, load_classifier(settings)), policy)
        )
        report = import_and_judge(
            store,
            pipeline,
            file,
            options,
            rejects=rejects,
            progress=progress or sys.stderr.isatty(),
        )
    finally:
        store.close()
    for reject in report.rejects:
        click.echo(f"line {reject.line}: {reject.reason}", err=True)
    if report.rejected > len(report.rejects):
        more = report.rejected - len(report.rejects)
        click.echo(f"… and {more:,} more; --rejects FILE keeps them all.", err=True)
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        click.echo(
            f"Read {report.read:,} rows: {report.new:,} new, {report.duplicate:,} known already, "
            f"{report.rejected:,} rejected."
        )


@cli.command()
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    default=True,
    help="Write JSON lines: the default, and so far the only form.",
)
@click.option("--progress", is_flag=True, help="Show progress also when not on a terminal.")
def classify(file: IO[str], as_json: bool, progress: bool) -> None:
    """Give a verdict on each line of FILE: JSON with a "text" (- reads standard input).

    Writes the same objects in the same order, each with its "verdict". A line that cannot be read
    becomes {"error", "line"} in its place; the exit code is then 1. Nothing is stored.
    """
    from sentiment.cli import classify_stream
    from service.opening import load_classifier

    classifier = load_classifier(load())
    shown = progress or sys.stderr.isatty()
    code = classify_stream(file, sys.stdout, classifier, progress=shown, total=None)
    sys.exit(code)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def doctor(as_json: bool) -> None:
    """Check what the service needs, and say what is wrong. Changes nothing.

    The exit code is 1 when a check failed.
    """
    from service.doctor import examine

    checks = []
    for check in examine():
        checks.append(check)
        if not as_json:
            click.echo(f"{'✓' if check.ok else '✗'} {check.name}: {check.words}")
    failed = sum(not check.ok for check in checks)
    if as_json:
        result = {
            "ok": not failed,
            "version": __version__,
            "checks": [asdict(check) for check in checks],
        }
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        click.echo(f"{failed} of {len(checks)} checks failed." if failed else "All is well.")
    sys.exit(EXIT_UNWELL if failed else 0)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write database and settings to FILE (a .tar.gz), also while the service runs.

    The keys of the data folder are not in it, so that who finds it cannot get in: see
    docs/running.md. SQLite only; PostgreSQL has pg_dump.
    """
    from dashboard.secret import NAME as KEY_NAME
    from service.backup import back_up

    settings = load()
    manifest = back_up(settings, file.absolute())
    size = file.stat().st_size / 1_000_000
    click.echo(f"{file}: {', '.join(manifest.files)} at step {manifest.schema}, {size:.1f} MB.")
    click.echo(
        f"The keys in {settings.home} ({KEY_NAME}, vault.key and, once there is one, seal.key) "
        "are not in it, on purpose: keep a copy of them in another safe place. Without them, after "
        "a restore everyone has to sign in again and every account to be connected again."
    )


@cli.command("after-restore")
@click.option(
    "--made",
    metavar="TIME",
    help="When the dump was made, as 2026-01-31T10:00+03:30. Without it, the last change that is in"
    " the database counts.",
)
def after_restore(made: str | None) -> None:
    """Make a database that was restored by other means safe: after pg_restore.

    Run it before the service starts, once. What waited in the outbox may have left since the dump
    was made: it is set aside, and a person says of each what became of it. Everybody has to sign
    in again. shenava restore does the same by itself.
    """
    from service.backup import make_safe

    count = make_safe(load(), _instant(made) if made else None)
    click.echo(
        f"Messages in the outbox that may have left since: {count}. None is sent again by itself; "
        "a person must say of each what became of it. Everybody has to sign in again."
    )


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise click.BadParameter(
            "write it with its offset, as 2026-01-31T10:00+03:30", param_hint="--made"
        )
    return at


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also over a database; the old one is kept aside.")
def restore(file: Path, force: bool) -> None:
    """Put the backup FILE in place, checked and brought to this version.

    The service and all other commands must have ended. Where there is a database, nothing
    happens without --force. Everybody has to sign in again, and what may have been sent since the
    backup is not sent again by itself.
    """
    from service.backup import restore as restore_backup

    settings = load()
    done = restore_backup(settings, file, force=force)
    click.echo(
        f"Restored {', '.join(done.manifest.files)} as of {done.manifest.made_at} "
        f"into {settings.home}."
    )
    for path in done.kept:
        click.echo(f"What was there is kept as {path}.")
    if done.beside:
        click.echo(f"Your settings file was left as it is; the backup's is {done.beside}.")
    click.echo(
        f"Messages in the outbox that may have left since the backup: {done.set_aside}. None is "
        "sent again by itself; a person must say of each what became of it."
    )
    click.echo(
        "Everybody has to sign in again, and links to sign in have ended. Look at Staff and API "
        "tokens: people disabled, passwords changed and tokens revoked since the backup are as "
        "they were then."
    )


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def settings(as_json: bool) -> None:
    """Print every setting: its value, where that comes from, what it is for."""
    from service.inventory import plain_value, settings_in_force

    found = settings_in_force(load())
    if as_json:
        plain = {
            item.name: {"value": plain_value(item.value), "source": item.source, "doc": item.doc}
            for item in found
        }
        click.echo(json.dumps(plain, ensure_ascii=False))
        return
    for item in found:
        click.echo(f"{item.name} = {item.shown}  ({item.source})\n    {item.doc}")


@cli.command("admin-link")
@click.argument("email", required=False)
def admin_link(email: str | None) -> None:
    """Print a one-time link: to make the first admin, or for EMAIL to choose a new password.

    Without EMAIL it works only while there is no admin. The link before it stops working. Who
    can run this command runs the machine, so nothing else is asked.
    """
    from dashboard.context import Desk
    from responder.policy import policy_of
    from service.admin_link import admin_link as make_link
    from service.opening import open_store

    settings = load()
    policy = policy_of(settings)
    store = open_store(settings)
    try:
        click.echo(make_link(Desk(store=store, settings=settings, policy=policy), email))
    finally:
        store.close()


@cli.command()
@click.option("--week", metavar="DATE", help="A date in the week, as 2026-01-03 [the last week].")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv", "pdf", "html"]),
    default="json",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--language",
    type=click.Choice(["fa", "ar", "en"]),
    help="Language of pdf and html [the setting].",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@click.option("--send", is_flag=True, help="Mail it instead, to those who have not been sent it.")
def report(week: str | None, form: str, language: str | None, out: Path | None, send: bool) -> None:
    """Write the weekly report, or mail it.

    What was reported once is written with what was known then; any other week with what is known
    now. With --send nobody is mailed the same report twice. See docs/report.md.
    """
    from config.settings import UiLanguage
    from responder.policy import policy_of
    from service.opening import open_store
    from service.reporting import Reporting, chosen_week, written

    settings = load()
    policy = policy_of(settings)
    store = open_store(settings)
    try:
        if send:
            reporting = Reporting(store, settings, policy)
            queued = reporting.queue(chosen_week(store, policy, week))
            sent = reporting.send()
            click.echo(f"Queued {queued} mails; tried {sent} now. The service sends the rest.")
            return
        told = UiLanguage(language) if language else None
        body = written(store, settings, policy, week, form, told)
    finally:
        store.close()
    if out is not None:
        out.write_bytes(body)
    else:
        sys.stdout.buffer.write(body)
