"""``shenava learn``: labelled messages in, a checked version out; the list; undoing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config import load

if TYPE_CHECKING:
    from responder.learning import Learned
    from shenava.store import LearnedVersion


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--list", "listed", is_flag=True, help="List what was learned, the newest first.")
@click.option("--undo", is_flag=True, help="Go back to the version before, or to the model alone.")
@click.option("--use", type=int, metavar="N", help="Use version N from now on.")
@click.option("--forget-files", is_flag=True, help="Remove all labelled texts of files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def learn(
    file: Path | None,
    listed: bool,
    undo: bool,
    use: int | None,
    forget_files: bool,
    as_json: bool,
) -> None:
    """Learn from the shop's corrections, and from FILE if one is given.

    FILE is a CSV file in UTF-8 of labelled messages, with the columns text and any of sentiment
    (negative, neutral, positive), complaint, urgent (yes, no) and intents. If one line cannot be
    used, nothing is taken in. Its texts are kept in the database to learn from again. Without
    FILE, what is known is learned anew. What is learned is checked on what was held back, and used
    for new messages only where it is at least as good. The service may be running. See
    docs/learning.md.
    """
    from responder import learning
    from service.errors import Halt
    from service.learning import read_labelled
    from service.opening import open_store

    if sum((file is not None, listed, undo, use is not None, forget_files)) > 1:
        raise Halt("Choose one of FILE, --list, --undo, --use and --forget-files.")
    lessons = read_labelled(file) if file is not None else []
    settings = load()
    store = open_store(settings)
    try:
        now = store.clock.now()
        if undo or use is not None:
            try:
                with store.write() as session:
                    _through_command_line(session)
                    if use is None:
                        use = learning.undo(session, None, now)
                    else:
                        learning.switch_on(session, None, use, now)
            except learning.LearningError as error:
                raise Halt(str(error)) from None
            click.echo(f"Version {use} is in use." if use else "The model alone is in use.")
            return
        if forget_files:
            with store.write() as session:
                count = learning.forget_files(session, now)
            click.echo(f"Removed {count:,} labelled texts, and what was learned with them.")
            return
        if not listed:
            _learn(store, settings, lessons)
        with store.read() as session:
            found = learning.learned(session, store.clock.now())
    finally:
        store.close()
    _show(found, as_json=as_json, newest=not listed)


def _through_command_line(session: Any) -> None:
    from responder.record import COMMAND_LINE, act_through

    act_through(session, COMMAND_LINE)


def _learn(store: Any, settings: Any, lessons: list[Any]) -> None:
    from responder import learning
    from service.errors import Halt
    from service.learning import Teacher
    from service.opening import load_classifier

    teacher = Teacher(store, load_classifier(settings).teachable, settings.learn_every_corrections)
    if lessons:
        with store.write() as session:
            count = learning.add_labelled(session, lessons, store.clock.now())
        click.echo(f"Took in {count:,} labelled texts.", err=True)
    if teacher.learn_now() is None:
        raise Halt(
            "Shenava is learning already, or something that it learned from was removed meanwhile. "
            "What you gave is kept; look with shenava learn --list in a minute."
        )


def _show(found: Learned, *, as_json: bool, newest: bool) -> None:
    versions: list[dict[str, Any]] = [
        _plain(row) for row, _ in found.versions[: 1 if newest else None]
    ]
    if as_json:
        whole = {
            "by_itself": found.by_itself,
            "labelled_texts": found.labelled,
            "versions": versions,
        }
        click.echo(json.dumps(whole, ensure_ascii=False))
        return
    if not versions:
        click.echo("Nothing was learned yet.")
    for told in versions:
        click.echo(
            f"version {told['version']}, {told['made_at'][:16]} UTC, {told['state']}: from "
            f"{told['corrected']:,} corrections, {told['labelled']:,} labelled texts, "
            f"{told['let_stand']:,} let stand"
        )
        for part, figures in told["figures"].items():
            click.echo(f"  {part}: {_figures(figures)}")
    if not found.by_itself:
        click.echo("A person switched learning off: new versions wait to be switched on (--use N).")
    sys.stdout.flush()


def _plain(row: LearnedVersion) -> dict[str, Any]:
    return {
        "version": row.id,
        "base": row.base,
        "state": row.state.value,
        "made_at": row.made_at.isoformat(),
        "corrected": row.corrected,
        "labelled": row.labelled,
        "let_stand": row.let_stand,
        "figures": row.figures,
    }


def _figures(found: dict[str, Any]) -> str:
    if not found["enough"]:
        return f"too little to learn from ({found['said']} words of people)"
    (f1, new_f1), (loss, new_loss) = found["macro_f1"], found["log_loss"]
    verdict = "used" if found["on"] else "not better, not used"
    return (
        f"macro-F1 {100 * f1:.1f} to {100 * new_f1:.1f}, log-loss {loss:.3f} to {new_loss:.3f} "
        f"on {found['rows']:,} held back; {verdict}"
    )
