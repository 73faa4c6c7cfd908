"""Customers on the pages: found, read, marked, merged with what speaks for it, and split again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.answering import words_of
from support.browser import Browser
from support.factories import SHOP, SHOP_TELEGRAM, START, incoming
from support.judges import WordJudge

from collectors.intake import take_in
from dashboard.context import Desk
from dashboard.customers import queries
from dashboard.customers.wanted import Show, Wanted
from responder import merging, people
from responder.suggesting import person_of
from service.pipeline import Pipeline
from shenava.messages import Author, Incoming, MessageKind
from shenava.store import (
    Audit,
    Case,
    CaseState,
    Clue,
    CustomerNote,
    Identity,
    Merge,
    OwnMessageRow,
    Store,
    User,
)

Hear = Callable[..., None]

NEDA = Author("x1", "neda_rezaei", "ندا رضایی", 1_200)
NEDA_TOO = Author("t1", "neda.rezaei", "Neda Rezaei", 90)


def hear_in(store: Store, desk: Desk) -> Hear:
    def hear(*batch: Incoming) -> None:
        take_in(store, list(batch))
        Pipeline(store, WordJudge(), desk.policy).run_until_idle()

    return hear


@pytest.fixture
def hear(desk: Desk) -> Hear:
    return hear_in(desk.store, desk)


@pytest.fixture
def twins(hear: Hear, desk: Desk) -> tuple[int, int]:
    """One person on two platforms, of whom it is not said yet."""
    hear(
        incoming("1", "سفارش ۵۵۵۱۲ نرسید complaint", author=NEDA, minutes_ago=90),
        incoming(
            "2",
            "order 55512?",
            author=NEDA_TOO,
            account=SHOP_TELEGRAM,
            kind=MessageKind.DM,
            minutes_ago=20,
        ),
    )
    return identity(desk, "id:x1"), identity(desk, "id:t1")


def identity(desk: Desk, key: str) -> int:
    with desk.store.read() as session:
        return session.scalars(select(Identity.id).where(Identity.key == key)).one()


def listed(desk: Desk, show: Show = Show.EVERYONE, words: str = "") -> list[str | None]:
    """The keys of the customers in a list, page by page."""
    found: list[int] = []
    after = None
    with desk.store.read() as session:
        while True:
            page = queries.page(session, Wanted(show, words), after, size=2)
            found += page.ids
            if page.next is None:
                break
            after = page.next
        return [session.get_one(Identity, one).key for one in found]


# Lists. --------------------------------------------------------------------------------------


@pytest.mark.parametrize("few", [queries.FEW, 0])
def test_lists_hold_whom_they_say_each_once_last_heard_of_first(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Whether few or many fit is no difference but in speed."""
    monkeypatch.setattr(queries, "FEW", few)
    desk = Desk(store, desk.settings, desk.policy)
    hear_in(store, desk)(
        incoming("1", author=Author("a", "anna", "Anna Karimi"), minutes_ago=50),
        incoming("2", author=Author("b", "bob_x", "Bob"), minutes_ago=40, account=SHOP_TELEGRAM),
        incoming("3", author=Author("c", "cyrus.k", "علي كريمي"), minutes_ago=30),
        incoming("4", author=Author("d", "dora", "Dora"), minutes_ago=20),
        incoming("5", "stop", author=Author("e", "eve", "Eve"), minutes_ago=10),
    )
    with store.write() as session:
        ids = {row.key: row.id for row in session.scalars(select(Identity))}
        user = User(
            email="a@b.c", name="A", role="agent", state="invited", session_key="k",
            created_at=START,
        )  # fmt: skip
        session.add(user)
        session.flush()
        merging.merge(session, user.id, [ids["id:a"]], [ids["id:b"]], START, desk.policy)
        people.set_vip(session, user.id, ids["id:a"], START, desk.policy, on=True)
        people.set_blocked(session, user.id, ids["id:d"], START, desk.policy, on=True)
        closed = session.scalars(select(Case).where(Case.identity_id == ids["id:c"])).one()
        closed.state, closed.closed_at = CaseState.CLOSED, START

    assert listed(desk) == ["id:e", "id:d", "id:c", "id:b"], "the two are one, by the later"
    assert listed(desk, Show.VIP) == ["id:b"]
    assert listed(desk, Show.CHANNELS) == ["id:b"]
    assert listed(desk, Show.BLOCKED) == ["id:d"]
    assert listed(desk, Show.OPTED_OUT) == ["id:e"]
    assert listed(desk, Show.OPEN) == ["id:e", "id:d", "id:b"]
    assert listed(desk, words="anna") == ["id:b"], "by a name of either"
    assert listed(desk, words="کریمی") == ["id:c"]
    assert listed(desk, words="كريمي عل") == ["id:c"], "letters of another keyboard, a beginning"
    assert listed(desk, words="karim") == ["id:b"]
    assert listed(desk, words="@cyrus.k") == ["id:c"]
    assert listed(desk, words="arimi") == []
    assert listed(desk, words="anna cyrus") == []
    assert listed(desk, Show.VIP, "bob") == ["id:b"]
    assert listed(desk, Show.BLOCKED, "bob") == []
    assert listed(desk, words="%") == listed(desk, words="_") == []


def test_the_list_teaches_while_it_is_empty(client: Browser, agent: User, hear: Hear) -> None:
    assert "Nobody has written yet" in client.get("/customers/").text
    hear(incoming("1", author=NEDA))
    assert "neda_rezaei" in client.get("/customers/").text
    for show in ("vip", "channels", "blocked", "opted_out"):
        assert "Nobody" in client.get(f"/customers/?show={show}").text
    assert "Nobody found" in client.get("/customers/?q=zzz").text
    assert client.get("/customers/?show=nonsense&after=nonsense&q=\x00").status_code == 200


# One customer. -------------------------------------------------------------------------------


def test_a_page_shows_everything_of_someone_without_a_customer_row(
    client: Browser, agent: User, hear: Hear, desk: Desk
) -> None:
    hear(
        incoming("1", "complaint <b>!</b>", author=Author("x1", "old_neda", "Neda"), minutes_ago=60)
    )
    hear(incoming("2", "thanks", author=Author("x1", "neda", "Neda", 7), minutes_ago=30))
    one = identity(desk, "id:x1")
    with desk.store.write() as session:
        case = session.scalars(select(Case)).one()
        case.first_response_at = case.opened_at + timedelta(minutes=25)
        session.add(
            OwnMessageRow(
                platform=SHOP.platform,
                native_key="own",
                account_id=case.account_id,
                kind="answer",
                text="we are on it",
                written_at=START - timedelta(minutes=35),
                received_at=START,
                case_id=case.id,
                identity_id=one,
            )
        )
    page = client.get(f"/customers/{one}")
    text = words_of(page.text)
    assert "old_neda" in text and "Messages 2" in text and "Complaints 1" in text
    assert "Mean time to a first answer 25 min" in text
    assert "complaint <b>!</b>" in text and "<b>!</b>" not in page.text
    order = [text.index(said) for said in ("complaint <b>", "we are on it", "thanks")]
    assert order[0] < order[1] < text.rindex("thanks")
    with desk.store.read() as session:
        assert session.get_one(Identity, one).customer_id is None, "reading makes nothing"


def test_a_long_timeline_is_read_window_by_window_and_nothing_is_left_out(
    client: Browser, agent: User, hear: Hear, desk: Desk
) -> None:
    hear(
        *(
            incoming(f"m{n}", f"text number {n}.", author=NEDA, minutes_ago=500 - n)
            for n in range(95)
        )
    )
    address: str | None = f"/customers/{identity(desk, 'id:x1')}"
    seen: list[int] = []
    windows = 0
    while address is not None:
        page = client.get(address).text
        timeline = page[page.index('id="timeline"') :]
        seen = [int(n) for n in re.findall(r"text number (\d+)\.", timeline)] + seen
        found = re.search(r'href="([^"]+before=[^"]+)#timeline"', timeline)
        address = found[1] if found else None
        windows += 1
    assert seen == list(range(95))
    assert windows == 3


def test_marking_a_customer_from_their_page_makes_their_case_float(
    client: Browser, agent: User, twins: tuple[int, int], desk: Desk
) -> None:
    with desk.store.read() as session:
        before = session.scalars(select(Case).where(Case.identity_id == twins[1])).one()
    client.send(f"/customers/{twins[1]}/vip", on="1")
    with desk.store.read() as session:
        case = session.get_one(Case, before.id)
        assert case.rank < before.rank and "vip" in [reason["code"] for reason in case.reasons]
    assert "VIP" in words_of(client.get(f"/inbox/case/{before.id}").text)
    client.send(f"/customers/{twins[1]}/vip", on="0")
    with desk.store.read() as session:
        assert session.get_one(Case, before.id).rank == before.rank


def test_a_note_is_kept_shown_beside_the_case_and_deleted_by_its_writer_alone(
    client: Browser,
    agent: User,
    twins: tuple[int, int],
    desk: Desk,
    new_browser: Callable[[], Browser],
    make_user: Callable[..., User],
) -> None:
    from support.browser import sign_in

    client.send(f"/customers/{twins[0]}/notes", text="likes <i>blue</i>")
    page = client.get(f"/customers/{twins[0]}").text
    assert "likes &lt;i&gt;blue" in page
    with desk.store.read() as session:
        note = session.scalars(select(CustomerNote.id)).one()
        case = session.scalars(select(Case.id).where(Case.identity_id == twins[0])).one()
    assert "likes &lt;i&gt;blue" in client.get(f"/inbox/case/{case}").text
    other = new_browser()
    sign_in(other, make_user("other@shop.example", name="Other").email)
    assert f"notes/{note}/delete" not in other.get(f"/customers/{twins[0]}").text
    other.send(f"/customers/{twins[0]}/notes/{note}/delete")
    assert "likes" in client.get(f"/customers/{twins[0]}").text
    client.send(f"/customers/{twins[0]}/notes/{note}/delete")
    assert "likes" not in client.get(f"/customers/{twins[0]}").text
    with desk.store.read() as session:
        actions = session.scalars(select(Audit.action)).all()
    assert actions.count("customer_note_deleted") == 1


def test_blocking_and_opting_out_are_of_one_platform(
    client: Browser, agent: User, twins: tuple[int, int], desk: Desk
) -> None:
    for deed in ("block", "opt-out"):
        client.send(f"/customers/{twins[0]}/{deed}", on="1", back=str(twins[1]))
    with desk.store.read() as session:
        mine, theirs = (session.get_one(Identity, one) for one in twins)
        assert mine.blocked_at == mine.opted_out_at == START
        assert theirs.blocked_at is theirs.opted_out_at is None
    text = words_of(client.get(f"/customers/{twins[0]}").text)
    assert "Unblock on X" in text and "opted out" in text
    for deed in ("block", "opt-out"):
        client.send(f"/customers/{twins[0]}/{deed}", on="0")
    with desk.store.read() as session:
        mine = session.get_one(Identity, twins[0])
        assert mine.blocked_at is mine.opted_out_at is None


# Two who may be one. -------------------------------------------------------------------------


def merge_form(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(mine|theirs)" value="([\d.]+)"', page))


def test_two_are_merged_after_their_evidence_was_seen_and_split_again(
    client: Browser, agent: User, twins: tuple[int, int], desk: Desk
) -> None:
    one, two = twins
    text = words_of(client.get(f"/customers/{one}").text)
    assert "Maybe the same person" in text and "very likely the same person" in text
    page = client.get(f"/customers/{one}/merge/{two}").text
    said = re.sub("[\u2068\u2069]", "", words_of(page))
    assert "Both wrote about order 55512." in said
    assert "Both have the handle nedarezaei." in said
    assert "Their names sound alike" in said

    answer = client.send(f"/customers/{one}/merge/{two}", **merge_form(page))
    assert answer.status_code == 302
    with desk.store.read() as session:
        assert person_of(session, one) == tuple(sorted(twins))
        row = session.scalars(select(Merge)).one()
        assert {piece["kind"] for piece in row.evidence} == {"order", "handle", "sound"}
        assert row.merged_by == agent.id
    page = client.get(answer.location).text
    assert "They are one customer now" in page
    for key in twins:
        both = words_of(client.get(f"/customers/{key}").text)
        assert "سفارش ۵۵۵۱۲" in both and "order 55512?" in both, "one timeline"
        assert "Because of:" in both and "Maybe the same person" not in both
    assert client.get(f"/customers/{one}/merge/{two}").status_code == 302, "they are one"

    assert f"/customers/{one}/split/{row.id}" in page
    client.send(f"/customers/{one}/split/{row.id}")
    with desk.store.read() as session:
        assert person_of(session, one) == (one,)
    assert "They have been split already" in words_of(
        client.post(
            f"/customers/{one}/split/{row.id}",
            data={"csrf_token": client.token()},
            follow_redirects=True,
        ).text
    )


def test_of_two_colleagues_the_second_is_told(
    client: Browser, agent: User, twins: tuple[int, int], desk: Desk
) -> None:
    one, two = twins
    form = merge_form(client.get(f"/customers/{one}/merge/{two}").text)
    client.send(f"/customers/{one}/merge/{two}", **form)
    again = client.post(
        f"/customers/{one}/merge/{two}",
        data={**form, "csrf_token": client.token()},
        follow_redirects=True,
    )
    assert "They are one customer already." in words_of(again.text)
    with desk.store.read() as session:
        assert len(session.scalars(select(Merge)).all()) == 1


def test_what_will_hold_is_said_before(
    client: Browser, agent: User, twins: tuple[int, int]
) -> None:
    one, two = twins
    client.send(f"/customers/{one}/block", on="1")
    client.send(f"/customers/{two}/vip", on="1")
    text = words_of(client.get(f"/customers/{one}/merge/{two}").text)
    assert "Stays blocked on X, and only there." in text
    assert "VIP on every channel" in text


def test_not_the_same_person_is_remembered(
    client: Browser, agent: User, twins: tuple[int, int]
) -> None:
    one, two = twins
    form = merge_form(client.get(f"/customers/{one}/merge/{two}").text)
    client.send(f"/customers/{one}/apart/{two}", **form)
    for key in twins:
        assert "Maybe the same person" not in client.get(f"/customers/{key}").text


def test_the_other_one_is_looked_for_by_name(
    client: Browser, agent: User, twins: tuple[int, int]
) -> None:
    one, two = twins
    page = client.get(f"/customers/{one}/merge?q=neda").text
    assert f"/customers/{one}/merge/{two}" in page
    assert f"/customers/{one}/merge/{one}" not in page


def test_staff_see_in_a_case_that_the_same_customer_waits_elsewhere(
    client: Browser, agent: User, twins: tuple[int, int], desk: Desk
) -> None:
    one, two = twins
    with desk.store.read() as session:
        cases = {row.identity_id: row.id for row in session.scalars(select(Case))}
    assert "Also wrote" not in client.get(f"/inbox/case/{cases[one]}").text
    form = merge_form(client.get(f"/customers/{one}/merge/{two}").text)
    client.send(f"/customers/{one}/merge/{two}", **form)
    page = client.get(f"/inbox/case/{cases[one]}").text
    assert "Also wrote on Telegram, 20 min ago" in words_of(page)
    assert f'href="/inbox/case/{cases[two]}"' in page
    with desk.store.write() as session:
        closed = session.get_one(Case, cases[two])
        closed.state, closed.closed_at = CaseState.CLOSED, START
    assert "Also wrote" not in client.get(f"/inbox/case/{cases[one]}").text


@pytest.mark.parametrize(
    "address", ["/customers/999", "/customers/999/merge", "/customers/1/merge/999"]
)
def test_who_is_not_there_is_not_found(client: Browser, agent: User, address: str) -> None:
    assert client.get(address).status_code == 404


# Erasing. ------------------------------------------------------------------------------------


def test_an_admin_erases_a_customer_after_reading_what_goes(
    client: Browser, admin: User, twins: tuple[int, int], desk: Desk
) -> None:
    one, two = twins
    form = merge_form(client.get(f"/customers/{one}/merge/{two}").text)
    client.send(f"/customers/{one}/merge/{two}", **form)
    page = client.get(f"/customers/{one}/erase").text
    assert "the words and pictures of 2 messages" in words_of(page)
    shown = re.search(r'name="people" value="([\d.]+)"', page)
    assert shown is not None
    unsure = client.send(f"/customers/{one}/erase", people=shown[1])
    assert "Nothing was erased" in words_of(unsure.text)
    others = client.send(f"/customers/{one}/erase", people=str(one), sure="1")
    assert others.location.endswith("/erase"), "who is erased is who was shown"
    with desk.store.read() as session:
        assert session.get_one(Identity, two).erased_at is None
    client.send(f"/customers/{one}/erase", people=shown[1], sure="1")
    with desk.store.read() as session:
        assert all(session.get_one(Identity, key).erased_at for key in twins)
    Pipeline(desk.store, WordJudge(), desk.policy).run_until_idle()
    listed_now = client.get("/customers/").text
    assert "neda" not in listed_now and "ندا" not in listed_now
    left = client.get(f"/customers/{one}").text
    assert "This person was erased" in left and "neda" not in left and "55512" not in left
    with desk.store.read() as session:
        assert session.scalars(select(Clue)).all() == []


def test_nobody_else_erases(client: Browser, agent: User, twins: tuple[int, int]) -> None:
    assert "/erase" not in client.get(f"/customers/{twins[0]}").text
    assert client.get(f"/customers/{twins[0]}/erase").status_code == 403
    answer = client.send(f"/customers/{twins[0]}/erase", people=str(twins[0]), sure="1")
    assert answer.status_code == 403
