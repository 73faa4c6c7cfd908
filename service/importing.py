"""``shenava import``: a file through the intake, judged as it goes, with progress and a report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from sqlalchemy import func, select

from collectors.file_import import BATCH_ROWS, ImportOptions, ImportReport, import_file
from service.errors import Halt
from service.pipeline import LEASE
from shenava.store import Message, Store

if TYPE_CHECKING:
    from service.pipeline import Pipeline

_STDIN = "-"
_PAUSE_S = 0.5


def import_and_judge(
    store: Store,
    pipeline: Pipeline | None,
    source: str,
    options: ImportOptions,
    *,
    rejects: Path | None = None,
    progress: bool = False,
) -> ImportReport:
    """Import the file ``source`` (``-``: standard input), judging batch by batch.

    ``pipeline`` is ``None`` to leave the verdicts to a running service. ``rejects`` names a file
    for the rejected rows, made readable by its owner only. ``progress`` shows a bar on standard
    error. Raises :class:`Halt` or ``ImportFileError``.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(_opened(source))
        rejected = stack.enter_context(_opened_for_rejects(rejects, source)) if rejects else None
        tell = stack.enter_context(_bar(source, progress))
        judge = None if pipeline is None else stack.enter_context(pipeline.ahead(BATCH_ROWS))

        def after_batch(report: ImportReport, position: int) -> None:
            tell(report, position)
            if judge is not None:
                judge()

        report = import_file(store, stream, options, after_batch=after_batch, rejects=rejected)
    if pipeline is not None:
        settle(store, pipeline)
    return report


def settle(store: Store, pipeline: Pipeline, pause: Callable[[float], None] = time.sleep) -> None:
    """Judge what waits now, also what another worker has claimed and, being killed, left.

    Such a claim runs out after :data:`service.pipeline.LEASE`; until then this waits. What the
    model failed on is set aside for longer and is not waited for. ``pause`` sleeps, in seconds.
    """
    with store.read() as session:
        newest = session.scalar(select(func.max(Message.id))) or 0
    claimed = (
        select(Message.id)
        .where(
            Message.judge_after.is_not(None),
            Message.judge_after <= store.clock.now() + LEASE,
            Message.id <= newest,
        )
        .limit(1)
    )
    while True:
        pipeline.run_until_idle(BATCH_ROWS)
        with store.read() as session:
            if session.scalar(claimed) is None:
                return
        pause(_PAUSE_S)


def check_readable(source: str) -> None:
    """Raise :class:`Halt` for a file that is not there, before anything slow is begun."""
    path = Path(source)
    if source == _STDIN or (path.exists() and not path.is_dir() and os.access(path, os.R_OK)):
        return
    reason = "it is a folder" if path.is_dir() else "no right to" if path.exists() else "not there"
    raise Halt(f"The file {source} cannot be read: {reason}.")


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == _STDIN:
        yield sys.stdin.buffer
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115
    except OSError as error:
        raise Halt(f"The file {source} cannot be read: {error.strerror}.") from None
    with stream:
        yield stream


@contextmanager
def _opened_for_rejects(path: Path, source: str) -> Iterator[TextIO]:
    if source != _STDIN and path.exists() and path.samefile(source):
        raise Halt("The file for rejected rows is the file to import; name another.")
    try:
        # They hold what customers wrote.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Halt(f"The file {path} cannot be written: {error.strerror}.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as rejects:
        yield rejects


@contextmanager
def _bar(source: str, shown: bool) -> Iterator[Callable[[ImportReport, int], None]]:
    """A progress bar over the bytes of the file; it is told where reading stands."""
    from tqdm import tqdm

    total = None
    if source != _STDIN and Path(source).is_file():
        total = Path(source).stat().st_size
    with tqdm(
        total=total, disable=not shown, unit="B", unit_scale=True, file=sys.stderr, desc="import"
    ) as bar:

        def tell(report: ImportReport, position: int) -> None:
            bar.update(position - bar.n)
            bar.set_postfix_str(f"{report.new:,} new, {report.rejected:,} rejected", refresh=False)

        yield tell
