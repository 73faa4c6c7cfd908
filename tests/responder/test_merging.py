"""Promises of merging: two people become one and two again, and nothing is lost between."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from support.factories import SHOP, SHOP_TELEGRAM, START, incoming
from support.judges import WordJudge
from support.locks import until_someone_waits_for_a_row
from support.shop import add_person

from collectors.intake import take_in
from responder import customer_notes, people
from responder.merging import merge, say_apart, split
from responder.policy import Policy
from responder.record import CaseworkError, Refusal
from responder.retriage import retriage
from responder.suggesting import person_of, suggestions
from responder.triage import Priority
from service.pipeline import Pipeline
from shenava.messages import Author
from shenava.store import (
    Audit,
    Case,
    Customer,
    CustomerNote,
    Identity,
    Merge,
    NotSame,
    Store,
)

PEOPLE = 5


@pytest.fixture
def actor(store: Store) -> int:
    return add_person(store)


@pytest.fixture
def strangers(store: Store, policy: Policy) -> list[int]:
    """Five people, each with an open case that waits for an answer."""
    take_in(
        store,
        [
            incoming(
                f"m{n}",
                "this is a complaint",
                author=Author(f"n{n}", f"stranger{n}x", f"Person {n}"),
                account=SHOP if n % 2 else SHOP_TELEGRAM,
            )
            for n in range(PEOPLE)
        ],
    )
    Pipeline(store, WordJudge(), policy).run_until_idle()
    with store.read() as session:
        return list(session.scalars(select(Identity.id).order_by(Identity.key)))


def join(store: Store, policy: Policy, actor: int, a: int, b: int) -> int:
    with store.write() as session:
        mine, theirs = person_of(session, a), person_of(session, b)
        return merge(session, actor, mine, theirs, START, policy).merge_id


def part(store: Store, policy: Policy, actor: int, number: int) -> None:
    with store.write() as session:
        split(session, actor, number, START, policy)


def told(store: Store) -> dict[int, Any]:
    """Of each identity: with whom it is one, whether they are VIP, and the notes about them."""
    with store.read() as session:
        rows = session.execute(
            select(Identity.id, Customer.id.label("customer"), Customer.vip)
            .outerjoin(Customer, Customer.id == Identity.customer_id)
            .order_by(Identity.id)
        ).all()
        notes = session.execute(select(CustomerNote.customer_id, CustomerNote.text)).all()
        return {
            row.id: (
                person_of(session, row.id),
                bool(row.vip),
                sorted(note.text for note in notes if note.customer_id == row.customer),
            )
            for row in rows
        }


def reasons(store: Store) -> dict[int, list[str]]:
    with store.read() as session:
        cases = session.scalars(select(Case).order_by(Case.identity_id))
        return {case.identity_id: [reason["code"] for reason in case.reasons] for case in cases}


def test_a_merge_makes_one_of_two_and_a_split_two_of_one(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    before = told(store)
    number = join(store, policy, actor, strangers[0], strangers[1])
    both = tuple(sorted(strangers[:2]))
    assert [told(store)[one][0] for one in both] == [both, both]
    part(store, policy, actor, number)
    assert told(store) == before
    with store.read() as session:
        kept = session.scalars(select(Merge)).one()
        assert (kept.merged_by, kept.split_by, kept.merged_at) == (actor, actor, START)
        trail = session.scalars(select(Audit.action).order_by(Audit.id)).all()
        assert trail[-2:] == ["customers_merged", "customers_split"]


def test_the_mark_of_either_holds_for_both_until_they_are_split(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    first, second, *_ = sorted(strangers)
    with store.write() as session:
        people.set_vip(session, actor, second, START, policy, on=True)
    assert "vip" in reasons(store)[second] and "vip" not in reasons(store)[first]

    number = join(store, policy, actor, first, second)
    assert "vip" in reasons(store)[first], "the cases of both are triaged at once"
    with store.read() as session:
        marked = session.scalars(select(Case).where(Case.identity_id == first)).one()
        assert marked.priority is not None and marked.priority >= Priority.HIGH

    part(store, policy, actor, number)
    assert "vip" in reasons(store)[second] and "vip" not in reasons(store)[first]


def test_marking_one_of_two_that_are_one_triages_the_cases_of_both(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    join(store, policy, actor, strangers[0], strangers[1])
    with store.read() as session:
        before = {row.identity_id: row.due_at for row in session.scalars(select(Case))}
    for on in (True, False):
        with store.write() as session:
            people.set_vip(session, actor, strangers[0], START, policy, on=on)
        assert [("vip" in reasons(store)[one]) for one in strangers[:3]] == [on, on, False]
        with store.read() as session:
            due = {row.identity_id: row.due_at for row in session.scalars(select(Case))}
        sooner = [due[one] < before[one] for one in strangers[:3]]
        assert sooner == [on, on, False], "a VIP has less time"


def test_blocks_stay_where_they_are(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    with store.write() as session:
        people.set_blocked(session, actor, strangers[0], START, policy, on=True)
    number = join(store, policy, actor, strangers[0], strangers[1])

    def blocked() -> list[bool]:
        with store.read() as session:
            found = [session.get_one(Identity, one).blocked_at for one in strangers[:2]]
        return [at is not None for at in found]

    assert blocked() == [True, False]
    assert reasons(store)[strangers[0]] == ["blocked"] != reasons(store)[strangers[1]]
    part(store, policy, actor, number)
    assert blocked() == [True, False]


def test_splitting_in_any_order_takes_along_what_came_with_it(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    a, b, c, d, _ = sorted(strangers)
    inner = join(store, policy, actor, b, c)
    outer = join(store, policy, actor, a, b)
    join(store, policy, actor, a, d)
    part(store, policy, actor, outer)
    assert told(store)[b][0] == (b, c), "c came with b, and goes with b"
    assert told(store)[a][0] == (a, d)
    again = join(store, policy, actor, a, c)
    part(store, policy, actor, inner)
    assert told(store)[c][0] == (c,)
    assert told(store)[b][0] == (a, b, d), "b stays, for it came by a merge that holds"
    part(store, policy, actor, again)
    assert told(store)[b][0] == (b,)


Step = tuple[str, int, int]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "merge", "split", "split", "vip", "note"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_STEPS, st.randoms(use_true_random=False))
def test_any_merges_and_splits_lose_nothing(
    store: Store, policy: Policy, actor: int, strangers: list[int], steps: list[Step], dice: Any
) -> None:
    """After any steps, splitting all that holds, in any order, leaves everyone as they would be
    had nobody ever merged anything; and each split right after its merge changes nothing."""
    _forget(store, policy)
    notes = 0
    for name, first, second in steps:
        a, b = strangers[first], strangers[second]
        if name == "merge" and b not in told(store)[a][0]:
            before = told(store)
            number = join(store, policy, actor, a, b)
            together = told(store)
            assert set(together[a][0]) == {*before[a][0], *before[b][0]}
            assert together[a][1] == (before[a][1] or before[b][1])
            part(store, policy, actor, number)
            assert told(store) == before
            join(store, policy, actor, a, b)
            assert told(store) == together
        elif name == "split":
            held = _in_force(store)
            if held:
                part(store, policy, actor, held[first % len(held)])
        elif name == "vip":
            with store.write() as session:
                people.set_vip(session, actor, a, START, policy, on=bool(second % 2))
        elif name == "note":
            notes += 1
            with store.write() as session:
                customer_notes.write_note(session, actor, a, START, f"note {notes}")
        _cases_say_what_holds(store)
    left = _in_force(store)
    dice.shuffle(left)
    for number in left:
        part(store, policy, actor, number)
        _cases_say_what_holds(store)
    assert [found[0] for found in told(store).values()] == [(one,) for one in sorted(strangers)]
    assert sum(len(found[2]) for found in told(store).values()) == notes


def _cases_say_what_holds(store: Store) -> None:
    why = reasons(store)
    for one, (_, vip, _notes) in told(store).items():
        assert ("vip" in why[one]) == vip


def _in_force(store: Store) -> list[int]:
    with store.read() as session:
        return list(
            session.scalars(select(Merge.id).where(Merge.split_at.is_(None)).order_by(Merge.id))
        )


def _forget(store: Store, policy: Policy) -> None:
    with store.write() as session:
        session.execute(update(Identity).values(customer_id=None, home_id=None))
        for row in (CustomerNote, Merge, Customer, NotSame):
            session.execute(delete(row))
        retriage(session, session.scalars(select(Case.id)).all(), policy, START)


def test_who_saw_other_people_than_there_are_is_told_and_nothing_is_done(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    a, b, c, *_ = strangers
    join(store, policy, actor, b, c)
    for mine, theirs, why in (
        ([a], [b], Refusal.PEOPLE_CHANGED),
        ([a], [b, c, 999_999], Refusal.PEOPLE_CHANGED),
        ([b], [c], Refusal.SAME_ALREADY),
        ([], [a], Refusal.PEOPLE_CHANGED),
    ):
        with pytest.raises(CaseworkError) as refused, store.write() as session:
            merge(session, actor, mine, theirs, START, policy)
        assert refused.value.refusal is why
    assert len(_in_force(store)) == 1


def test_a_split_is_done_once(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    number = join(store, policy, actor, strangers[0], strangers[1])
    part(store, policy, actor, number)
    with pytest.raises(CaseworkError) as refused:
        part(store, policy, actor, number)
    assert refused.value.refusal is Refusal.SPLIT_ALREADY


def test_of_two_who_merge_the_same_people_at_once_one_wins_and_the_other_is_told(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    """Both looked before either pressed."""
    a, b, *_ = strangers
    start = threading.Barrier(2)
    told_: list[object] = []

    def press() -> None:
        start.wait()
        try:
            with store.write() as session:
                told_.append(merge(session, actor, [a], [b], START, policy).merge_id)
        except CaseworkError as error:
            told_.append(error.refusal)

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_in_force(store)) == 1
    assert sum(isinstance(one, int) for one in told_) == 1
    assert [one for one in told_ if not isinstance(one, int)] == [Refusal.SAME_ALREADY]


def test_a_merge_that_waited_sees_who_joined_meanwhile(
    postgresql_store: Store, policy: Policy
) -> None:
    """b and c become one while someone merges a with b: they saw b alone, and are told."""
    store = postgresql_store
    actor = add_person(store)
    take_in(store, [incoming(f"m{n}", author=f"someone{n}") for n in range(3)])
    with store.read() as session:
        a, b, c = session.scalars(select(Identity.id).order_by(Identity.id))
    refusals: list[Refusal] = []

    def late() -> None:
        try:
            with store.write() as session:
                merge(session, actor, [a], [b], START, policy)
        except CaseworkError as error:
            refusals.append(error.refusal)

    with store.write() as session:
        merge(session, actor, [b], [c], START, policy)
        thread = threading.Thread(target=late)
        thread.start()
        until_someone_waits_for_a_row(store)
    thread.join()
    assert refusals == [Refusal.PEOPLE_CHANGED]
    assert len(_in_force(store)) == 1


def test_what_was_said_not_to_be_the_same_is_not_suggested_again(
    store: Store, policy: Policy, actor: int
) -> None:
    take_in(
        store,
        [
            incoming("1", author=Author("1", "neda_rezaei", "ندا رضایی")),
            incoming("2", author=Author("2", "neda.rezaei", "Neda Rezaei"), account=SHOP_TELEGRAM),
            incoming("3", author=Author("3", "nedarezaei", "Neda R"), account=SHOP_TELEGRAM),
        ],
    )
    Pipeline(store, WordJudge(), policy).run_until_idle()
    with store.read() as session:
        one, two, three = session.scalars(select(Identity.id).order_by(Identity.key))
        assert [found.identity_ids for found in suggestions(session, [one])] == [(two,), (three,)]
    with store.write() as session:
        assert say_apart(session, actor, [one], [two], START)
        assert not say_apart(session, actor, [two], [one], START)
    with store.read() as session:
        assert [found.identity_ids for found in suggestions(session, [one])] == [(three,)]
        assert one not in {
            key for found in suggestions(session, [two]) for key in found.identity_ids
        }


def test_only_the_writer_of_a_note_deletes_it(
    store: Store, policy: Policy, actor: int, strangers: list[int]
) -> None:
    other = add_person(store, "omid")
    with store.write() as session:
        note = customer_notes.write_note(session, actor, strangers[0], START, "likes blue")
    with pytest.raises(CaseworkError), store.write() as session:
        customer_notes.delete_note(session, other, note, START)
    with store.write() as session:
        customer_notes.delete_note(session, actor, note, START)
    with store.read() as session:
        assert session.scalars(select(CustomerNote)).all() == []
        line = session.scalars(select(Audit).order_by(Audit.id.desc()).limit(1)).one()
        assert (line.action, line.user_id) == ("customer_note_deleted", actor)
        assert "blue" not in str(line.details)
