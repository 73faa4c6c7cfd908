"""Promises of the changes feed: who asks "what moved since N?" is told all of it, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import delete, func, select, text
from support.factories import incoming, many

from collectors.intake import take_in
from shenava.store import Case, Change, Store, changes
from shenava.store.changes import Moved


def _since(store: Store, number: int, limit: int = 500) -> Moved:
    with store.read() as session:
        return changes.since(session, number, limit)


def _note(store: Store, case_ids: Iterable[int]) -> None:
    with store.write() as session:
        changes.note(session, case_ids)


def _cases(store: Store, number: int) -> list[int]:
    take_in(store, many(number, authors=number))
    with store.read() as session:
        return list(session.scalars(select(Case.id).order_by(Case.id)))


def test_a_new_store_has_nothing_to_tell(store: Store) -> None:
    assert _since(store, 0) == Moved(0, (), complete=True)


def test_who_asks_again_with_the_number_told_gets_each_change_once(store: Store) -> None:
    a, b, c = _cases(store, 3)
    first = _since(store, 0)
    assert (set(first.case_ids), first.complete) == ({a, b, c}, True)
    _note(store, [b, c])
    _note(store, [b])
    second = _since(store, first.upto)
    assert second.case_ids == (b, c)
    assert _since(store, second.upto) == Moved(second.upto, (), complete=True)


def test_many_notes_of_one_transaction_are_one_change_a_case(store: Store) -> None:
    a, b = _cases(store, 2)
    upto = _since(store, 0).upto
    with store.write() as session:
        for _ in range(5):
            changes.note(session, [b, a])
    with store.read() as session:
        number = session.scalar(select(func.count()).where(Change.id > upto))
    assert number == 2


def test_who_is_too_far_behind_is_told_to_read_afresh(store: Store) -> None:
    cases = _cases(store, 6)
    assert _since(store, 0, limit=6).complete
    behind = _since(store, 0, limit=5)
    assert (behind.case_ids, behind.complete) == ((), False)
    _note(store, cases[:1])
    assert _since(store, behind.upto).case_ids == (cases[0],)


def test_who_asks_from_before_what_was_pruned_is_told_to_read_afresh(store: Store) -> None:
    cases = _cases(store, 3)
    upto = _since(store, 0).upto
    for _ in range(4):
        _note(store, cases)
    newest = _since(store, upto).upto
    with store.write() as session:
        session.execute(delete(Change).where(Change.id < newest - 3))
    assert not _since(store, upto).complete
    assert _since(store, newest - 3) == Moved(newest, tuple(cases), complete=True)
    assert _since(store, newest).complete


def test_who_asks_after_everything_was_pruned_is_told_to_read_afresh(store: Store) -> None:
    cases = _cases(store, 3)
    upto = _since(store, 0).upto
    _note(store, cases)
    with store.write() as session:
        session.execute(delete(Change))
    afresh = _since(store, upto)
    assert (afresh.case_ids, afresh.complete) == ((), False)
    # No number comes a second time, so nothing is missed from here on.
    _note(store, cases[:1])
    later = _since(store, afresh.upto)
    assert later.upto > upto
    assert later.case_ids == (cases[0],)


def test_who_asks_with_a_number_of_a_later_day_after_a_restore_reads_afresh(store: Store) -> None:
    _cases(store, 1)
    upto = _since(store, 0).upto
    assert _since(store, upto + 1000) == Moved(upto, (), complete=False)


def test_who_asks_from_the_beginning_after_a_pruning_reads_afresh(store: Store) -> None:
    second = _cases(store, 2)[1]
    with store.write() as session:
        session.execute(delete(Change))
    _note(store, [second])
    assert not _since(store, 0).complete


def test_a_number_is_never_handed_out_before_a_smaller_one(postgresql_store: Store) -> None:
    """Two writers: the first has written its change and not yet committed. The second must wait,
    or a screen would be told its number and never ask for the first's."""
    store = postgresql_store
    first, second = _cases(store, 2)
    upto = _since(store, 0).upto
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            changes.note(session, [first])
            changes.write_pending(session, store.clock.now())
            waiting = pool.submit(_note, store, [second])
            _until_someone_waits_for_a_lock(store)
            assert not waiting.done()
            assert _since(store, upto).case_ids == ()
        waiting.result()
    assert _since(store, upto).case_ids == (first, second)


def _until_someone_waits_for_a_lock(store: Store) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
    waiting = 0
    while not waiting:
        with store.read() as session:
            waiting = session.scalar(waits) or 0


def test_a_reader_misses_nothing_while_four_writers_are_at_work(store: Store) -> None:
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        upto = 0
        while True:
            last_round = done.is_set()
            moved = _since(store, upto)
            assert moved.complete
            assert moved.upto >= upto
            seen.extend(moved.case_ids)
            upto = moved.upto
            if last_round and not moved.case_ids:
                return

    def write(number: int) -> None:
        for n in range(25):
            take_in(store, [incoming(f"{number}-{n}", author=f"{number}-{n}")])
            with store.read() as session:
                mine = session.scalars(select(Case.id).order_by(Case.id.desc()).limit(3)).all()
            _note(store, mine)

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, number) for number in range(4)]
        try:
            for writer in writers:
                writer.result()
        finally:
            done.set()
        reader.result()
    with store.read() as session:
        assert set(seen) == set(session.scalars(select(Case.id)))
        assert len(seen) >= session.scalar(select(func.count()).select_from(Case))
