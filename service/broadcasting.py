"""Broadcasts, as the schedule calls them: what is due starts, and leaves in convoys.

One thread asks the store what may leave and writes down what came back; several threads carry the
requests. So one commit serves many rows, and a platform that takes its time with one request keeps
only one thread waiting.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from random import Random

from sqlalchemy.exc import DBAPIError

from config import Settings
from responder.broadcasts.feeding import PictureWanted
from responder.broadcasts.running import Draw
from responder.circumstances import Host
from responder.convoy import (
    FENCE,
    Arrived,
    Convoy,
    Departed,
    NotBegun,
    arrive,
    depart,
    has_work,
)
from responder.dispatch import Means, before_leaving
from responder.policy import Policy
from service.sending import Senders
from shenava.channels import Channel, OutcomeUnknown, PaymentRequired, Sent, Unauthorised
from shenava.store import Store
from shenava.store.session import may_be_repeated

log = logging.getLogger(__name__)

THREADS = 8
"""That carry requests at once."""

MOST = 256
"""Rows under way at once, at most: so many are unknown for a while should the process die."""

ALT_LIMIT = 1_000
"""Characters of a picture's description: what the tightest platform takes."""

_PATIENCE = timedelta(seconds=1.5)
"""If nothing may leave for longer than that, the schedule's next turn is soon enough."""

_SLICE_S = 0.02
_GATHER_S = 0.004
"""How long the first answer waits for others to be written down with."""


def drawer(settings: Settings) -> Draw:
    """Makes pictures as ``settings`` say: in the shop's colour, with the font they name."""
    from responder.broadcasts.templates import STAGE_WORDS
    from shenava.fonts import FontsMissing, find_fonts
    from shenava.notice import Notice, NoticeTooLong, draw_notice

    def draw(wanted: PictureWanted) -> tuple[bytes, str] | None:
        name = settings.shop_name or wanted.name
        stage = STAGE_WORDS[wanted.stage][wanted.language]
        try:
            fonts = find_fonts(settings.font_file)
            drawn = draw_notice(Notice(wanted.text, name, stage, settings.brand_colour), fonts)
        except (FontsMissing, NoticeTooLong, OSError) as error:
            log.error("the picture of a broadcast could not be made: %s", error)
            return None
        return drawn, wanted.text[:ALT_LIMIT]

    return draw


class Lines:
    """Channels, made once and used by one thread at a time, for as long as one run lasts."""

    def __init__(self, connect: Callable[[int], Channel]) -> None:
        self._connect = connect
        self._free: dict[int, list[Channel]] = {}
        self._dead: set[int] = set()
        self._lock = threading.Lock()

    def carry(self, departed: Departed, now: datetime) -> Sent | Exception:
        """Make the request, once, or say that it was not begun."""
        account_id = departed.claim.account_id
        if account_id in self._dead:
            return NotBegun("the account is out of order")
        if now - departed.at >= FENCE:
            return NotBegun("its turn came too late")
        with self._lock:
            free = self._free.setdefault(account_id, [])
            channel = free.pop() if free else None
        if channel is None:
            try:
                channel = self._connect(account_id)
            except Exception as error:
                return self._told(account_id, before_leaving(error))
        try:
            sent = channel.send(departed.outgoing)
        except Exception as error:
            return self._told(account_id, error)
        with self._lock:
            self._free[account_id].append(channel)
        return sent

    def _told(self, account_id: int, error: Exception) -> Exception:
        if isinstance(error, Unauthorised | PaymentRequired):
            self._dead.add(account_id)
        return error


class Fleet:
    """Sends what broadcasts have queued. Any number of processes may have one each."""

    def __init__(
        self,
        store: Store,
        channels: Senders,
        policy: Policy,
        *,
        threads: int = THREADS,
        most: int = MOST,
        host: Host | None = None,
        chance: Random | None = None,
    ) -> None:
        self._store = store
        self._threads = threads
        self._most = most
        self._connect = channels.connect
        self._means = Means(
            connect=channels.connect,
            rules=channels.rules,
            policy=policy,
            # Spreads tries over time; nobody must be unable to guess it.
            chance=chance or Random(),  # noqa: S311
            host=host,
        )
        self._worker = f"{os.getpid()}:convoy"

    def run(self, stop: threading.Event | None = None) -> int:
        """Send until nothing more may leave soon, or ``stop`` is set; returns how many left.

        What is under way when it is to stop is waited for, and written down. Raises what the
        database raises; the rows then tell where it stopped.
        """
        if not has_work(self._store):
            return 0
        back: SimpleQueue[Arrived] = SimpleQueue()
        lines = Lines(self._connect)
        under_way = sent = 0
        quick = float(self._threads * 4)
        looked_at: datetime | None = None
        again_at: datetime | None = None
        broken: Exception | None = None
        with ThreadPoolExecutor(self._threads, thread_name_prefix="convoy") as carriers:

            def carry(departed: Departed) -> None:
                outcome: Sent | Exception
                try:
                    self._hold_until(departed.leave_at)
                    outcome = lines.carry(departed, self._store.clock.now())
                except BaseException as error:  # whatever it is, the loop waits for an answer
                    log.exception("a carrier failed oddly")
                    outcome = OutcomeUnknown(type(error).__name__)
                back.put(Arrived(departed, outcome, self._store.clock.now()))

            while True:
                now = self._store.clock.now()
                stopping = broken is not None or (stop is not None and stop.is_set())
                room = int(min(self._most, quick)) - under_way
                may_ask = again_at is None or now >= again_at
                if not stopping and may_ask and room >= max(1, min(self._most, quick) // 4):
                    try:
                        convoy = depart(self._store, self._means, self._worker, room)
                    except Exception as error:
                        # None of them left. Those that left before are still waited for: what
                        # came of them must not be lost with this.
                        if not (isinstance(error, DBAPIError) and may_be_repeated(error)):
                            broken = error
                        convoy = Convoy(again_at=now + timedelta(seconds=_SLICE_S))
                    for departed in convoy.rows:
                        carriers.submit(carry, departed)
                    under_way += len(convoy.rows)
                    sent += len(convoy.rows)
                    again_at = convoy.again_at
                    if not convoy.rows and again_at is None and not under_way:
                        return sent
                    if not convoy.rows and again_at is None:
                        # Nothing more is queued; what comes back may queue something again.
                        again_at = now + timedelta(seconds=_SLICE_S)
                if under_way:
                    came = _gather(back, self._wait(again_at))
                    if came:
                        self._write_down(came)
                        under_way -= len(came)
                        quick = _grown(quick, came, self._threads)
                        if again_at is not None and again_at - now > _PATIENCE:
                            # It was reckoned while nothing had been answered yet.
                            again_at = None
                    continue
                if broken is not None:
                    raise broken
                if stopping or again_at is None or again_at - now > _PATIENCE:
                    return sent
                if looked_at == now:
                    return sent  # the clock stands still: waiting would last for ever
                looked_at = now
                time.sleep(self._wait(again_at))

    def _hold_until(self, at: datetime) -> None:
        """Wait for a moment that is near; not by a clock that stands still."""
        before: datetime | None = None
        while (now := self._store.clock.now()) < at and now != before:
            before = now
            time.sleep(min((at - now).total_seconds(), _SLICE_S))

    def _wait(self, again_at: datetime | None) -> float:
        if again_at is None:
            return _SLICE_S
        left = (again_at - self._store.clock.now()).total_seconds()
        return min(max(left, 0.001), _SLICE_S)

    def _write_down(self, came: Sequence[Arrived]) -> None:
        """All together; should that fail, one by one, so that one cannot cost the others."""
        try:
            arrive(self._store, self._means, came)
            return
        except Exception:
            log.warning("writing down a convoy failed; its rows follow one by one", exc_info=True)
        for one in came:
            try:
                arrive(self._store, self._means, [one])
            except Exception:
                # The lease of the row runs out; it is then looked up.
                log.exception("outbox row %d could not be written down", one.departed.claim.row_id)


def _gather(back: SimpleQueue[Arrived], wait: float) -> list[Arrived]:
    """What has come back: waits ``wait`` seconds for the first, a moment for those behind it."""
    try:
        came = [back.get(timeout=wait)]
    except Empty:
        return []
    until = time.monotonic() + _GATHER_S
    while len(came) < MOST:
        left = until - time.monotonic()
        try:
            came.append(back.get(timeout=left) if left > 0 else back.get_nowait())
        except Empty:
            break
    return came


def _grown(quick: float, came: Sequence[Arrived], threads: int) -> float:
    """How many rows may be under way: more where answers come fast, fewer where they do not."""
    if any(isinstance(one.outcome, NotBegun) for one in came):
        return max(float(threads), quick / 2)
    if len(came) >= quick / 4:
        return min(float(MOST), quick * 1.5)
    return max(float(threads * 2), quick * 0.9)
