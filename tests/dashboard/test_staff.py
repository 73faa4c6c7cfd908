"""Settings: one's own profile, the staff, the audit trail."""

from __future__ import annotations

import re
from threading import Barrier, Thread

import pytest
from sqlalchemy import select
from support.browser import PASSWORD, sign_in

from dashboard.context import Desk
from dashboard.staff import members
from dashboard.staff.audit_view import PAGE
from dashboard.staff.deeds import DEEDS
from responder.record import Deed as CaseDeed
from shenava.store import Audit, Role, Store, User, UserState

ADMIN_PAGES = ("/settings/staff", "/settings/staff/invite", "/settings/audit")


def row_of(desk: Desk, user: User) -> User:
    with desk.store.read() as session:
        return session.get_one(User, user.id)


def test_agents_see_no_pages_of_admins(client, agent) -> None:
    for page in ADMIN_PAGES:
        answer = client.get(page)
        assert answer.status_code == 403
        assert "This page is for admins" in answer.text
    assert "/settings/staff" not in client.get("/settings/").text
    for deed in ("link", "disable", "enable", "role"):
        assert client.send(f"/settings/staff/{agent.id}/{deed}", role="admin").status_code == 403


def test_admins_see_them(client, admin) -> None:
    for page in ADMIN_PAGES:
        assert client.get(page).status_code == 200


def test_the_profile_is_kept_and_shown_at_once(client, agent, desk: Desk) -> None:
    chosen = {
        "name": " امید ",
        "language": "fa",
        "calendar": "gregorian",
        "theme": "dark",
        "density": "compact",
    }
    client.send("/settings/", **chosen)
    page = client.get("/settings/").text
    assert '<html lang="fa" dir="rtl" data-density="compact" data-theme="dark">' in page
    row = row_of(desk, agent)
    assert (row.name, row.language, row.calendar) == ("امید", "fa", "gregorian")


@pytest.mark.parametrize(
    "wrong", [{"language": "tlh"}, {"calendar": "maya"}, {"name": ""}, {"theme": ""}]
)
def test_a_profile_with_something_unknown_is_not_kept(client, agent, desk: Desk, wrong) -> None:
    fields = {
        "name": "Omid",
        "language": "fa",
        "calendar": "jalali",
        "theme": "dark",
        "density": "compact",
    }
    assert client.send("/settings/", **{**fields, **wrong}).status_code == 200
    assert row_of(desk, agent).language is None


def test_a_changed_password_signs_other_devices_out(new_browser, client, agent) -> None:
    phone = new_browser()
    sign_in(phone, agent.email)
    wrong = client.send("/settings/password", present="no", password="quite another one")
    assert wrong.status_code == 422
    assert "not your present password" in wrong.text
    done = client.send("/settings/password", present=PASSWORD, password="quite another one")
    assert done.status_code == 302
    assert client.get("/settings/").status_code == 200
    assert phone.get("/settings/").status_code == 302
    assert sign_in(phone, agent.email, "quite another one").status_code == 302


def test_guessing_the_present_password_is_limited(client, agent, settings) -> None:
    for _ in range(settings.sign_in_attempts):
        client.send("/settings/password", present="no", password="quite another one")
    refused = client.send("/settings/password", present=PASSWORD, password="quite another one")
    assert refused.status_code == 429


def test_signing_out_everywhere_leaves_this_browser(new_browser, client, agent) -> None:
    phone = new_browser()
    sign_in(phone, agent.email)
    client.send("/settings/sign-out-everywhere")
    assert client.get("/settings/").status_code == 200
    assert phone.get("/settings/").status_code == 302


def test_nobody_is_invited_twice(client, admin, make_user) -> None:
    make_user("omid@shop.example")
    answer = client.send(
        "/settings/staff/invite", name="Omid", email="OMID@shop.example", role="agent"
    )
    assert answer.status_code == 422
    assert "on the list already" in answer.text


@pytest.mark.parametrize("email", ["", "omid", "omid@", "a b@shop.example", "omid@shop"])
def test_an_invitation_needs_an_address(client, admin, email: str) -> None:
    answer = client.send("/settings/staff/invite", name="Omid", email=email, role="agent")
    assert "does not look like an e-mail address" in answer.text


def test_a_disabled_person_is_out_and_can_come_back(
    new_browser, client, admin, make_user, desk: Desk
) -> None:
    user = make_user("omid@shop.example")
    theirs = new_browser()
    sign_in(theirs, user.email)
    client.send(f"/settings/staff/{user.id}/disable")
    assert theirs.get("/settings/").status_code == 302
    assert sign_in(theirs, user.email).status_code == 401
    client.send(f"/settings/staff/{user.id}/enable")
    assert theirs.get("/settings/").status_code == 302  # the old session stays dead
    assert sign_in(theirs, user.email).status_code == 302


def test_who_never_joined_is_invited_again_when_enabled(
    client, admin, make_user, desk: Desk
) -> None:
    user = make_user("omid@shop.example", state=UserState.INVITED)
    client.send(f"/settings/staff/{user.id}/disable")
    client.send(f"/settings/staff/{user.id}/enable")
    assert row_of(desk, user).state is UserState.INVITED


def test_the_last_admin_can_be_neither_disabled_nor_demoted(
    client, admin, make_user, desk: Desk
) -> None:
    make_user("away@shop.example", role=Role.ADMIN, state=UserState.DISABLED)
    client.send(f"/settings/staff/{admin.id}/disable")
    client.send(f"/settings/staff/{admin.id}/role", role="agent")
    page = client.get("/settings/staff").text
    assert "This is the last active admin" in page
    row = row_of(desk, admin)
    assert (row.role, row.state) == (Role.ADMIN, UserState.ACTIVE)


def test_two_admins_who_demote_each_other_leave_one(store: Store) -> None:
    now = store.clock.now()
    with store.write() as session:
        users = [
            User(
                email=f"{name}@shop.example",
                name=name,
                role=Role.ADMIN,
                state=UserState.ACTIVE,
                password_hash="-",
                session_key=name,
                created_at=now,
            )
            for name in ("one", "two")
        ]
        session.add_all(users)
    one, two = (user.id for user in users)
    together = Barrier(2)
    refused = []

    def demote(by: int, whom: int) -> None:
        together.wait()
        try:
            with store.write() as session:
                members.change_role(session, by, whom, Role.AGENT, now)
        except members.Refusal:
            refused.append(whom)

    racers = [Thread(target=demote, args=pair) for pair in ((one, two), (two, one))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    with store.read() as session:
        admins = session.scalars(select(User.id).where(User.role == Role.ADMIN)).all()
    assert list(admins) == refused
    assert len(refused) == 1


def test_a_changed_role_counts_at_once(new_browser, client, admin, make_user) -> None:
    user = make_user("omid@shop.example")
    theirs = new_browser()
    sign_in(theirs, user.email)
    assert theirs.get("/settings/audit").status_code == 403
    client.send(f"/settings/staff/{user.id}/role", role="admin")
    assert theirs.get("/settings/audit").status_code == 200


def test_the_trail_names_who_did_what_to_whom(client, admin, make_user) -> None:
    user = make_user("omid@shop.example", name="Omid <b>")
    client.send(f"/settings/staff/{user.id}/role", role="admin")
    page = client.get("/settings/audit").text
    assert "changed the role of <strong><bdi>Omid &lt;b&gt;</bdi></strong> to admin" in page


def test_the_trail_has_words_for_every_deed(client, admin, desk: Desk) -> None:
    now = desk.store.clock.now()
    with desk.store.write() as session:
        session.add_all(
            Audit(at=now, user_id=admin.id, action=action, details={"user_id": admin.id})
            for action in [*DEEDS, *CaseDeed]
        )
    page = client.get("/settings/audit").text
    shown = re.findall(r"<td>\s*([^<]*)", page)
    for action in [*DEEDS, *CaseDeed]:
        assert action.value not in shown, f"{action.value} has no words"


def test_the_trail_is_read_page_by_page(client, admin, desk: Desk) -> None:
    now = desk.store.clock.now()
    with desk.store.write() as session:
        session.add_all(
            Audit(at=now, user_id=admin.id, action=f"deed-{number}.", details={})
            for number in range(2 * PAGE)
        )
    seen: list[str] = []
    page = "/settings/audit"
    while page:
        text = client.get(page).text
        seen += re.findall(r"deed-\d+\.", text)
        # A deed that comes in between moves nothing on the older pages.
        with desk.store.write() as session:
            session.add(Audit(at=now, user_id=admin.id, action="later", details={}))
        older = re.search(r'href="(/settings/audit\?before=\d+)"', text)
        page = older[1] if older else ""
    assert seen == [f"deed-{number}." for number in reversed(range(2 * PAGE))]


def test_an_empty_trail_says_what_will_be_there(client, admin, desk: Desk) -> None:
    assert "What staff do from now on" in client.get("/settings/audit?before=0").text
