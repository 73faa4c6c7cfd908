"""Pictures that the shop sends, and posts of its own: looked at first, sent once, told of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from random import Random

import pytest
from PIL import Image
from sqlalchemy import select
from support.answering import AnsweringShop, ScriptedX, form_fields, page_of, words_of
from support.browser import Browser
from support.painting import painted
from support.platform import Fate
from support.shop import connect_shop
from werkzeug.test import TestResponse

from dashboard.context import Desk
from dashboard.pictures.upload import MOST_BYTES
from service.upkeep import prune_pictures
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.store import OutboxRow, OutboxState, Picture, User


def upload(content: bytes, name: str = "photo.jpg") -> tuple[BytesIO, str]:
    return BytesIO(content), name


def post(client: Browser, page: str, **fields: object) -> TestResponse:
    data = {**form_fields(page, "/posts/new"), **fields}
    return client.post("/posts/new", data=data, content_type="multipart/form-data")


@pytest.fixture
def platform(clock: SetClock) -> ScriptedX:
    return ScriptedX(clock)


@pytest.fixture
def desk(desk: Desk, platform: ScriptedX) -> Desk:
    return replace(desk, rules=platform.rules)


@pytest.fixture
def shop(desk: Desk, platform: ScriptedX, clock: SetClock) -> AnsweringShop:
    return AnsweringShop(desk, platform, clock, connect_shop(desk.store))


@pytest.fixture
def writer(client: Browser, agent: User) -> Browser:
    return client


def rows(shop: AnsweringShop) -> list[OutboxRow]:
    with shop.desk.store.read() as session:
        return list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def account(shop: AnsweringShop) -> str:
    return str(shop.account)


def test_without_a_post_the_page_says_where_to_begin(shop: AnsweringShop, writer: Browser) -> None:
    page = words_of(writer.get("/posts/").text)
    assert "Nothing was posted from here yet" in page
    assert "New post" in page


def test_without_an_account_the_page_says_what_is_missing(desk: Desk, writer: Browser) -> None:
    for address in ("/posts/", "/posts/new"):
        assert "No account to post from" in words_of(writer.get(address).text)


def test_a_post_is_looked_at_and_then_leaves_once(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    looked = post(writer, page, account=account(shop), text="We open at nine", do="look").text
    assert "So it will stand on X" in looked
    assert rows(shop) == []
    for _ in range(2):
        assert (
            post(
                writer, looked, account=account(shop), text="We open at nine", when="now"
            ).status_code
            == 302
        )
    assert "Undo" in writer.get("/posts/").text
    shop.work(Fate.FINE)
    (row,) = rows(shop)
    assert (row.deed, row.state, row.case_id) == (Deed.POST, OutboxState.SENT, None)
    assert shop.platform.times_accepted("We open at nine") == 1
    assert "Sent" in writer.get("/posts/").text


def test_what_was_changed_since_is_looked_at_again(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    looked = post(writer, page, account=account(shop), text="one", do="look").text
    again = post(writer, looked, account=account(shop), text="another", when="now")
    assert "So it will stand on X" in again.text
    assert rows(shop) == []


def test_a_link_is_told_to_be_dear(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    looked = post(writer, page, account=account(shop), text="see shop.ir", do="look").text
    assert "The link makes it 13 times dearer" in looked


def test_too_long_and_empty_cannot_leave(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    long = post(writer, page, account=account(shop), text="x" * 281, do="look").text
    assert "1 character too long" in long
    assert 'id="post-it"' not in long
    empty = post(writer, page, account=account(shop), text=" ", do="look")
    assert "Write something first" in empty.text


def test_a_post_with_a_picture_and_its_description(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    shown = post(writer, page, account=account(shop), do="attach", picture=upload(painted())).text
    assert "The picture as it will be sent" in shown
    fields = {"account": account(shop), "text": "look", "picture_alt": "a blue door"}
    looked = post(writer, shown, **fields, do="look").text
    assert 'alt="a blue door"' in looked
    assert post(writer, looked, **fields, when="now").status_code == 302
    shop.work(Fate.FINE)
    ((_, _, sent),) = shop.platform.accepted
    assert sent.picture is not None
    assert Image.open(BytesIO(sent.picture)).format == "JPEG"
    assert sent.picture_alt == "a blue door"
    listed = writer.get("/posts/").text
    assert 'alt="a blue door"' in listed
    assert writer.get(f"/pictures/sent/{rows(shop)[0].id}").status_code == 200


def test_a_post_that_was_refused_is_taken_up_again_with_its_picture(
    shop: AnsweringShop, writer: Browser
) -> None:
    page = writer.get("/posts/new").text
    shown = post(writer, page, account=account(shop), do="attach", picture=upload(painted())).text
    looked = post(writer, shown, account=account(shop), text="hello", do="look").text
    post(writer, looked, account=account(shop), text="hello", when="now")
    shop.work(Fate.REJECTED)
    (row,) = rows(shop)
    assert row.state is OutboxState.REFUSED
    assert "Not sent." in writer.get("/posts/").text
    taken_up = writer.get(f"/posts/new?draft={row.id}").text
    assert f'name="picture_id" value="{row.picture_id}"' in taken_up


def test_a_post_can_be_taken_back_and_put_off(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    looked = post(writer, page, account=account(shop), text="later", do="look").text
    post(writer, looked, account=account(shop), text="later", when="1h")
    (row,) = rows(shop)
    assert row.not_before == shop.clock.now() + timedelta(hours=1)
    answer = writer.send(f"/posts/{row.id}/cancel")
    assert answer.headers["Location"].endswith(f"/posts/new?draft={row.id}")
    assert rows(shop)[0].state is OutboxState.CANCELLED
    assert ">later</textarea>" in writer.get(f"/posts/new?draft={row.id}").text


def test_an_answers_deeds_are_no_way_to_a_post_nor_the_reverse(
    shop: AnsweringShop, writer: Browser
) -> None:
    case_id = shop.bring()
    answer = shop.answer_of(1, case_id, "hello")
    assert writer.send(f"/posts/{answer}/cancel").status_code == 404


def _answer(client: Browser, case_id: int, page: str, **fields: object) -> TestResponse:
    action = f"/inbox/case/{case_id}/answer"
    return client.post(
        action,
        data={**form_fields(page, action), **fields},
        content_type="multipart/form-data",
    )


def test_an_answer_takes_a_picture_which_is_shown_before_it_leaves(
    shop: AnsweringShop, writer: Browser
) -> None:
    case_id = shop.bring()
    page = page_of(writer, case_id)
    first = _answer(writer, case_id, page, text="like this", when="now", picture=upload(painted()))
    assert first.status_code == 422
    assert "look at the picture first" in words_of(first.text)
    assert rows(shop) == []
    done = _answer(
        writer, case_id, first.text, text="like this", when="now", picture_alt="the handle"
    )
    assert done.status_code == 302
    shop.work(Fate.FINE)
    ((_, _, sent),) = shop.platform.accepted
    assert sent.picture is not None
    assert sent.picture.startswith(b"\xff\xd8\xff")
    assert sent.picture_alt == "the handle"
    assert 'alt="the handle"' in page_of(writer, case_id)


def test_a_picture_comes_off_again(shop: AnsweringShop, writer: Browser) -> None:
    case_id = shop.bring()
    page = page_of(writer, case_id)
    shown = _answer(writer, case_id, page, text="words", do="attach", picture=upload(painted()))
    assert 'name="picture_id"' in shown.text
    off = _answer(writer, case_id, shown.text, text="words", do="detach")
    assert 'name="picture_id"' not in off.text
    assert ">words</textarea>" in off.text


@pytest.mark.parametrize(
    "content", [b"<svg/>", b"<html><script>", painted()[:200], b""], ids=["svg", "html", "cut", "0"]
)
def test_what_is_no_picture_is_refused_and_no_word_is_lost(
    shop: AnsweringShop, writer: Browser, content: bytes
) -> None:
    case_id = shop.bring()
    page = page_of(writer, case_id)
    answer = _answer(
        writer, case_id, page, text="my words", when="now", picture=upload(content, "x.jpg")
    )
    assert answer.status_code == 422
    assert "no picture that can be sent" in words_of(answer.text)
    assert ">my words</textarea>" in answer.text
    assert rows(shop) == []


def test_a_customers_picture_cannot_be_sent_on(shop: AnsweringShop, writer: Browser) -> None:
    case_id = shop.bring()
    with shop.desk.store.write() as session:
        theirs = Picture(
            sha256="0" * 64,
            mime="image/jpeg",
            width=1,
            height=1,
            size=1,
            content=b"x",
            thumb=b"x",
            created_at=shop.clock.now(),
        )
        session.add(theirs)
        session.flush()
        number = theirs.id
    page = page_of(writer, case_id)
    answer = _answer(writer, case_id, page, text="x", do="look", picture_id=str(number))
    assert 'name="picture_id"' not in answer.text


@pytest.mark.parametrize(
    ("address", "size", "status"),
    [
        ("note", 2_000_000, 413),
        ("answer", MOST_BYTES + 1, 413),
    ],
)
def test_only_forms_that_take_a_picture_may_be_large(
    shop: AnsweringShop, writer: Browser, address: str, size: int, status: int
) -> None:
    case_id = shop.bring()
    answer = writer.post(
        f"/inbox/case/{case_id}/{address}",
        data=b"--x\r\n" + bytes(size - 5),
        content_type="multipart/form-data; boundary=x",
    )
    assert answer.status_code == status


def test_a_photograph_of_some_megabytes_is_taken(shop: AnsweringShop, writer: Browser) -> None:
    case_id = shop.bring()
    fields = form_fields(page_of(writer, case_id), f"/inbox/case/{case_id}/answer")
    image = Image.frombytes("RGB", (1_000, 800), Random(1).randbytes(1_000 * 800 * 3))
    out = BytesIO()
    image.save(out, "PNG")
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {**fields, "do": "attach", "text": "x"}.items()
    ]
    head = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
    assert len(out.getvalue()) > 2_000_000
    shown = writer.post(
        f"/inbox/case/{case_id}/answer",
        data=b"".join(parts) + head + out.getvalue() + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert shown.status_code == 200
    assert "The picture as it will be sent" in shown.text


def test_what_is_never_sent_goes_after_two_days(shop: AnsweringShop, writer: Browser) -> None:
    case_id = shop.bring()
    page = page_of(writer, case_id)
    _answer(writer, case_id, page, text="x", do="attach", picture=upload(painted()))
    shop.clock.advance(timedelta(days=1))
    assert prune_pictures(shop.desk.store) == 0
    shop.clock.advance(timedelta(days=2))
    assert prune_pictures(shop.desk.store) == 1


def test_one_in_doubt_is_settled_by_whoever_looked(shop: AnsweringShop, writer: Browser) -> None:
    page = writer.get("/posts/new").text
    looked = post(writer, page, account=account(shop), text="hello", do="look").text
    post(writer, looked, account=account(shop), text="hello", when="now")
    shop.platform.visible = False
    shop.work(Fate.LOST_ANSWER)
    (row,) = rows(shop)
    assert row.state is OutboxState.UNKNOWN
    assert "Nobody knows yet" in writer.get("/posts/").text
    link = "https://x.com/digikala/status/1234567890"
    writer.send(f"/posts/{row.id}/settle", sent="yes", permalink=link)
    (row,) = rows(shop)
    assert (row.state, row.native_key) == (OutboxState.SENT, "1234567890")
