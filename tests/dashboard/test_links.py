"""One-time links: the first admin, invitations, new passwords."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import select
from support.browser import PASSWORD, sign_in

from dashboard.auth.links import claim_link, create_link, first_admin_link
from dashboard.context import Desk
from shenava.clock import SetClock
from shenava.store import LinkPurpose, OneTimeLink, Role, Store, User, UserState

NEW = "quite another sentence"


def path_of(address: str | None) -> str:
    assert address is not None
    return address.removeprefix("http://127.0.0.1:8000")


def link_on(page: str) -> str:
    found = re.search(r'id="link" value="([^"]+)"', page)
    assert found
    return path_of(found[1])


def user_of(desk: Desk, email: str) -> User:
    with desk.store.read() as session:
        return session.scalars(select(User).where(User.email == email)).one()


def test_the_first_admin_is_made_by_a_link_and_signed_in(client, desk: Desk) -> None:
    link = path_of(first_admin_link(desk))
    assert "Make the first admin" in client.get(link).text
    answer = client.send(link, name=" Mina ", email="Mina@Shop.example", password=NEW)
    assert answer.location == "/"
    assert client.get("/settings/staff").status_code == 200
    user = user_of(desk, "mina@shop.example")
    assert (user.name, user.role, user.state) == ("Mina", Role.ADMIN, UserState.ACTIVE)
    assert user.language == "en"  # the language of the page that was understood
    assert first_admin_link(desk) is None


def test_a_new_first_admin_link_withdraws_the_one_before(client, desk: Desk) -> None:
    old, new = path_of(first_admin_link(desk)), path_of(first_admin_link(desk))
    assert client.get(old).status_code == 410
    assert client.get(new).status_code == 200


def test_a_first_admin_link_is_worth_nothing_once_there_is_an_admin(
    client, desk: Desk, make_user
) -> None:
    link = path_of(first_admin_link(desk))
    make_user("mina@shop.example", role=Role.ADMIN)
    answer = client.send(link, name="Eve", email="eve@evil.example", password=NEW)
    assert answer.status_code == 410


def test_a_shop_whose_admins_are_all_disabled_gets_a_link_again(desk: Desk, make_user) -> None:
    make_user("mina@shop.example", role=Role.ADMIN, state=UserState.DISABLED)
    assert first_admin_link(desk)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("too short", "At least 10 characters, please"),
        ("mina@shop.example", "cannot be your e-mail address"),
        ("x" * 201, "At most 200 characters"),
    ],
)
def test_passwords_that_will_not_do_use_no_link_up(
    client, desk: Desk, password: str, said: str
) -> None:
    link = path_of(first_admin_link(desk))
    answer = client.send(link, name="Mina", email="mina@shop.example", password=password)
    assert said in answer.text
    assert client.get(link).status_code == 200


def test_an_invitation_is_accepted_once(new_browser, client, admin, desk: Desk) -> None:
    page = client.send(
        "/settings/staff/invite", name="Omid", email="omid@shop.example", role="agent"
    )
    assert page.headers["Cache-Control"] == "no-store"
    link = link_on(page.text)
    assert user_of(desk, "omid@shop.example").state is UserState.INVITED
    guest = new_browser()
    assert "omid@shop.example" in guest.get(link).text
    assert guest.send(link, name="Omid R.", password=NEW).location == "/"
    assert guest.get("/settings/").status_code == 200
    assert user_of(desk, "omid@shop.example").name == "Omid R."
    assert guest.send(link, name="Eve", password=PASSWORD).status_code == 410
    other = new_browser()
    assert sign_in(other, "omid@shop.example", NEW).status_code == 302


def test_links_grow_too_old(client, admin, clock: SetClock, settings) -> None:
    link = link_on(
        client.send(
            "/settings/staff/invite", name="Omid", email="omid@shop.example", role="agent"
        ).text
    )
    clock.advance(timedelta(hours=settings.invite_hours))
    answer = client.get(link)
    assert answer.status_code == 410
    assert "no longer works" in answer.text


def test_a_reset_link_gives_a_new_password_and_ends_old_sessions(
    new_browser, client, admin, make_user
) -> None:
    user = make_user("omid@shop.example")
    theirs = new_browser()
    sign_in(theirs, user.email)
    link = link_on(client.send(f"/settings/staff/{user.id}/link").text)
    assert theirs.get("/settings/").status_code == 200  # until it is used, nothing changes
    guest = new_browser()
    assert guest.send(link, password=NEW).location == "/"
    assert theirs.get("/settings/").status_code == 302
    assert sign_in(theirs, user.email, PASSWORD).status_code == 401
    assert sign_in(theirs, user.email, NEW).status_code == 302


def test_the_link_of_a_disabled_person_is_dead(app: Flask, client, admin, make_user) -> None:
    user = make_user("omid@shop.example")
    link = link_on(client.send(f"/settings/staff/{user.id}/link").text)
    client.send(f"/settings/staff/{user.id}/disable")
    assert app.test_client().get(link).status_code == 410


def test_tokens_are_not_kept(desk: Desk) -> None:
    token = path_of(first_admin_link(desk)).rpartition("/")[2]
    with desk.store.read() as session:
        row = session.scalars(select(OneTimeLink)).one()
    assert token not in row.token_hash
    assert len(row.token_hash) == 64


def test_of_two_racing_requests_one_gets_the_link(store: Store) -> None:
    now = store.clock.now()
    with store.write() as session:
        token = create_link(session, LinkPurpose.FIRST_ADMIN, None, now, 1)
    together = Barrier(2)
    got = []

    def race() -> None:
        together.wait()
        with store.write() as session:
            got.append(claim_link(session, token, now) is not None)

    racers = [Thread(target=race) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(got) == [False, True]
