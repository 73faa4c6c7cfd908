"""Reading and working a case without scripts: links, forms and the pages they lead to."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select
from support.browser import Browser
from support.factories import SHOP_TELEGRAM, incoming
from support.judges import WordJudge
from werkzeug.test import TestResponse

from collectors.intake import take_in
from dashboard.context import Desk
from responder import casework
from responder.record import Done
from service.pipeline import Pipeline
from shenava.messages import Author, Incoming, MessageKind
from shenava.store import Case, CaseState, Correction, Message, Note, User

Bring = Callable[..., int]


@pytest.fixture
def bring(desk: Desk) -> Bring:
    """Takes messages in and judges them; returns the case of the last."""

    def bring(*batch: Incoming) -> int:
        take_in(desk.store, list(batch))
        Pipeline(desk.store, WordJudge(), desk.policy).run_until_idle()
        with desk.store.read() as session:
            found = session.scalar(
                select(Message.case_id).where(Message.native_key == batch[-1].native_key)
            )
        assert found is not None
        return found

    return bring


def case(desk: Desk, number: int) -> Case:
    with desk.store.read() as session:
        return session.get_one(Case, number)


def press(client: Browser, page: str, action: str, **fields: str) -> TestResponse:
    """Send the form of ``page`` that goes to ``action``, with its own hidden fields."""
    shown = client.get(page).text
    forms = re.findall(r"<form[^>]*action=\"([^\"]+)\"[^>]*>(.*?)</form>", shown, re.S)
    bodies = [body for address, body in forms if address == action]
    assert bodies, f"{page} has no form to {action}"
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', bodies[0]))
    return client.post(action, data={**hidden, **fields}, follow_redirects=True)


def test_the_inbox_asks_for_a_sign_in(client: Browser) -> None:
    for page in ("/inbox/", "/inbox/case/1", "/inbox/export.csv"):
        assert "/sign-in" in client.get(page).headers["Location"]
    assert client.background("/changes?since=0").status_code == 401


def test_an_empty_inbox_teaches_how_to_fill_it(client: Browser, agent: User) -> None:
    assert "shenava import" in client.get("/inbox/").text


@pytest.mark.parametrize("queue", ["urgent", "mine", "unassigned", "open", "snoozed", "closed"])
def test_an_empty_queue_says_what_comes_next(
    client: Browser, agent: User, bring: Bring, desk: Desk, queue: str
) -> None:
    number = bring(incoming("1"))
    with desk.store.write() as session:
        if queue != "closed":
            casework.close(session, agent.id, [number], desk.store.clock.now())
    shown = client.get(f"/inbox/?queue={queue}").text
    assert 'class="empty"' in shown
    assert "shenava import" not in shown


def test_a_queue_that_is_empty_shows_no_number(client: Browser, agent: User, bring: Bring) -> None:
    """A Persian zero looks like a full stop."""

    def counts() -> dict[str, str]:
        found = re.findall(r'data-count="(\w+)">(.*?)</span></a>', client.get("/inbox/").text, re.S)
        return {name: re.sub(r"<[^>]+>", "", markup).strip() for name, markup in found}

    assert set(counts().values()) == {""}
    bring(incoming("1"))
    assert counts() | {"unassigned": "", "open": ""} == dict.fromkeys(counts(), "")
    assert (counts()["unassigned"], counts()["open"]) == ("1", "1")


def test_a_row_says_why_it_is_on_top_and_how_long_is_left(
    client: Browser, agent: User, bring: Bring
) -> None:
    bring(incoming("1", "پول کم شد ولی سفارش ثبت نشد فوری", author=Author("7", "mina", "Mina")))
    shown = client.get("/inbox/").text
    for words in ("payment taken, no order", "waiting 10 min", "5 min left", "Mina", "nobody has"):
        assert words in shown
    assert 'class="row urgent unread"' in shown
    assert "Mood: negative" in shown


def test_reading_a_case_marks_it_read_for_the_reader_alone(
    client: Browser, agent: User, bring: Bring
) -> None:
    number = bring(incoming("1"))
    assert "unread" in client.get("/inbox/").text
    client.get(f"/inbox/case/{number}").close()
    assert "unread" not in client.get("/inbox/").text
    bring(incoming("2"))
    assert "unread" in client.get("/inbox/").text


def test_a_case_is_assigned_snoozed_woken_closed_and_opened_again(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1"))
    page = f"/inbox/case/{number}?queue=unassigned"

    answer = press(client, page, f"/inbox/case/{number}/assign", to="me")
    assert "The case is yours." in answer.text
    assert answer.request.query_string == b"queue=unassigned"
    assert case(desk, number).assignee_id == agent.id

    press(client, page, f"/inbox/case/{number}/snooze", until="tomorrow")
    assert case(desk, number).state is CaseState.SNOOZED
    press(client, page, f"/inbox/case/{number}/wake")
    assert case(desk, number).state is CaseState.OPEN

    answer = press(client, page, f"/inbox/case/{number}/close")
    assert "Closed." in answer.text
    assert case(desk, number).state is CaseState.CLOSED

    answer = press(client, page, f"/inbox/case/{number}/reopen")
    assert "Opened again" in answer.text
    assert answer.request.path == f"/inbox/case/{number + 1}"
    assert case(desk, number + 1).state is CaseState.OPEN
    assert "من کی می‌رسد" in answer.text  # what the case is about

    history = client.get(f"/inbox/case/{number}").text
    for words in ("gave it to Omid", "snoozed it", "took it up again", "closed the case"):
        assert words in history


def test_closing_can_be_undone_from_the_page_that_tells_of_it(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1"))
    told = press(client, f"/inbox/case/{number}", f"/inbox/case/{number}/close").text
    form = told[told.index('action="/inbox/undo"') :]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")]))
    answer = client.post("/inbox/undo", data=fields, follow_redirects=True)
    assert "Taken back." in answer.text
    with desk.store.read() as session:
        live = session.scalars(select(Case).where(Case.state == CaseState.OPEN)).one()
    assert live.reopened_from_id == number
    # It is told once.
    assert "Taken back." not in client.get(f"/inbox/case/{number}").text


def test_a_case_is_not_closed_over_a_message_that_came_meanwhile(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1"))
    page = client.get(f"/inbox/case/{number}").text
    seen = re.search(r'name="seen_upto" value="(\d+)"', page)
    assert seen
    bring(incoming("2", "سلام؟"))
    answer = client.post(
        f"/inbox/case/{number}/close",
        data={"seen_upto": seen[1], "csrf_token": client.token("/inbox/")},
        follow_redirects=True,
    )
    assert "the customer wrote again" in answer.text
    assert case(desk, number).state is CaseState.OPEN


def test_two_people_do_not_take_one_case(
    client: Browser, agent: User, bring: Bring, desk: Desk, make_user: Callable[..., User]
) -> None:
    number = bring(incoming("1"))
    other = make_user("ali@shop.example", name="Ali")
    token = client.token("/inbox/")
    with desk.store.write() as session:
        casework.assign(session, other.id, [number], desk.store.clock.now(), other.id)
    answer = client.post(
        f"/inbox/case/{number}/assign",
        data={"to": "me", "holder": "", "csrf_token": token},
        follow_redirects=True,
    )
    assert "Someone else took the case" in answer.text
    assert case(desk, number).assignee_id == other.id


def test_a_note_is_kept_and_shown(client: Browser, agent: User, bring: Bring, desk: Desk) -> None:
    number = bring(incoming("1"))
    page = f"/inbox/case/{number}"
    shown = press(client, page, f"{page}/note", text="<b>bank</b>\nاز بانک پرسیدم").text
    assert "&lt;b&gt;bank&lt;/b&gt;" in shown
    assert "Note by" in shown
    refused = press(client, page, f"{page}/note", text="x" * 5_001).text
    assert "5,000 characters" in refused
    with desk.store.read() as session:
        assert len(session.scalars(select(Note)).all()) == 1


def test_the_verdict_is_corrected_and_the_word_of_the_model_can_come_back(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1", "قیمت چند است؟"))
    page = f"/inbox/case/{number}"
    with desk.store.read() as session:
        message = session.scalars(select(Message.id)).one()
    shown = press(client, page, f"/inbox/message/{message}/correct", urgent="yes", mood="negative")
    assert "Corrected." in shown.text
    assert "corrected by" in shown.text
    assert case(desk, number).priority == 3
    model = {"urgent": "model", "mood": "model", "complaint": "model"}
    client.post(
        f"/inbox/message/{message}/correct",
        data={
            **model,
            "intents_given": "1",
            "intents": ["question", "price"],
            "csrf_token": client.token("/inbox/"),
        },
    )
    assert case(desk, number).priority == 1
    with desk.store.read() as session:
        latest = session.scalars(select(Correction).order_by(Correction.id.desc())).first()
    assert latest and (latest.urgent, latest.sentiment, latest.intents) == (None, None, None)


def test_intents_are_corrected_only_where_they_were_changed(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1", "قیمت چند است؟"))
    with desk.store.read() as session:
        message = session.scalars(select(Message.id)).one()
    address = f"/inbox/message/{message}/correct"
    same = {"intents_given": "1", "csrf_token": client.token("/inbox/")}
    client.post(address, data={**same, "intents": ["price", "question"], "urgent": "yes"})
    with desk.store.read() as session:
        assert session.scalars(select(Correction.intents)).all() == [None]
    client.post(address, data={**same, "intents": ["refund"]})
    with desk.store.read() as session:
        assert session.scalars(select(Correction.intents)).all() == [None, ["refund"]]
        found = session.scalars(select(Correction).order_by(Correction.id.desc())).first()
    assert found and found.urgent is True
    assert "refund" in client.get(f"/inbox/case/{number}").text


def test_customers_are_blocked_and_marked(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1"))
    page = f"/inbox/case/{number}"
    assert "Marked as VIP" in press(client, page, f"{page}/vip", on="1").text
    assert "No longer marked" in press(client, page, f"{page}/vip", on="0").text
    assert "Blocked." in press(client, page, f"{page}/block", on="1").text
    assert case(desk, number).priority == 0
    assert "No longer blocked." in press(client, page, f"{page}/block", on="0").text


def test_no_form_is_taken_without_its_token(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    number = bring(incoming("1"))
    for address in (f"/inbox/case/{number}/close", "/inbox/bulk", "/inbox/undo"):
        assert client.post(address, data={"deed": "close", "case": str(number)}).status_code == 400
        assert client.get(address).status_code == 405
    assert case(desk, number).state is CaseState.OPEN


def test_what_is_not_there_is_a_page_that_says_so(client: Browser, agent: User) -> None:
    assert client.get("/inbox/case/999").status_code == 404
    token = client.token("/inbox/")
    assert client.post("/inbox/message/9/correct", data={"csrf_token": token}).status_code == 404


def test_a_number_no_row_can_have_is_not_there_either(client: Browser, admin: User) -> None:
    assert client.get(f"/inbox/case/{'9' * 23}").status_code == 404
    assert client.get(f"/settings/audit?before={'9' * 23}").status_code == 200


def test_nothing_is_told_of_what_was_not_done(
    client: Browser, agent: User, bring: Bring, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = bring(incoming(text="where is my order"))
    token = client.token("/inbox/")

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("shenava.store.changes.write_pending", fail)
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    closed = client.post(f"/inbox/case/{number}/close", data={"csrf_token": token})
    assert closed.status_code == 500
    monkeypatch.undo()
    assert case(desk, number).state is CaseState.OPEN
    assert 'class="told-bar' not in client.get(f"/inbox/case/{number}").text


# Many at once.


def test_what_is_ticked_is_worked_on_together(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    numbers = [bring(incoming(str(n), author=f"a{n}")) for n in range(4)]
    token = client.token("/inbox/")
    told = client.post(
        "/inbox/bulk",
        data={"csrf_token": token, "deed": "assign", "to": "me", "case": numbers[:3]},
        follow_redirects=True,
    ).text
    assert "3 cases handed over." in told
    client.post("/inbox/bulk", data={"csrf_token": token, "deed": "close", "case": numbers[:2]})
    client.post("/inbox/bulk", data={"csrf_token": token, "deed": "unassign", "case": numbers})
    client.post(
        "/inbox/bulk",
        data={"csrf_token": token, "deed": "snooze", "until": "1h", "case": [numbers[3], "junk"]},
    )
    found = [case(desk, number) for number in numbers]
    assert [one.state.value for one in found] == ["closed", "closed", "open", "snoozed"]
    assert [one.assignee_id for one in found] == [agent.id, agent.id, None, None]


def test_everything_that_matches_is_worked_on_and_nothing_that_came_since(
    client: Browser, agent: User, bring: Bring, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casework, "BATCH", 2)
    for n in range(5):
        bring(incoming(f"x{n}", author=f"a{n}"))
    other = bring(incoming("t", author="t", account=SHOP_TELEGRAM, kind=MessageKind.DM))
    page = client.get("/inbox/?platform=x").text
    seen = re.search(r'name="seen_upto" value="(\d+)"', page)
    assert seen
    late = bring(incoming("late", "فوری", author="late"))
    told = client.post(
        "/inbox/bulk",
        data={
            "csrf_token": client.token("/inbox/"),
            "here": "platform=x",
            "seen_upto": seen[1],
            "deed": "close",
            "all": "1",
        },
        follow_redirects=True,
    )
    assert "5 cases closed." in told.text
    assert "1 case was left as it is" in told.text
    assert told.request.query_string == b"platform=x"
    assert case(desk, other).state is CaseState.OPEN
    assert case(desk, late).state is CaseState.OPEN


def test_nothing_ticked_does_nothing(client: Browser, agent: User, bring: Bring) -> None:
    bring(incoming("1"))
    token = client.token("/inbox/")
    told = client.post(
        "/inbox/bulk", data={"csrf_token": token, "deed": "close"}, follow_redirects=True
    )
    assert "Tick the cases first." in told.text
    wrong = {"csrf_token": token, "deed": "explode", "case": "1"}
    assert client.post("/inbox/bulk", data=wrong).status_code == 400


# What customers write is never markup, and turns nothing around.


def test_what_customers_write_is_shown_and_never_run(
    client: Browser, agent: User, bring: Bring
) -> None:
    evil = '<script>alert("1")</script> & \u202e turned \u2066'
    number = bring(
        incoming(
            "1",
            evil,
            author=Author("1", "<i>h</i>", '\u202e"><img src=x> evil'),
            permalink="javascript:alert(1)",
        )
    )
    for page in ("/inbox/", f"/inbox/case/{number}", "/inbox/?q=alert"):
        shown = client.get(page).text
        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert "<i>h" not in shown
        assert "javascript:" not in shown
        assert "&lt;script&gt;" in shown
        # The control stands only within elements that isolate it, never in a name or title.
        outside = re.sub(
            r'<(div|span) class="(?:text|preview)[^>]*dir="(?:rtl|ltr|auto)".*?</\1>',
            "",
            shown,
            flags=re.S,
        )
        assert "\u202e" not in outside


def test_deciding_words_are_underlined(client: Browser, agent: User, bring: Bring) -> None:
    number = bring(incoming("1", "late again & late"))
    shown = client.get(f"/inbox/case/{number}").text
    assert '<u class="why">late</u> <u class="why">again</u> &amp; <u class="why">late</u>' in shown


def test_a_link_to_answer_is_offered_only_where_there_is_one(
    client: Browser, agent: User, bring: Bring
) -> None:
    with_link = bring(incoming("1", author="a", permalink="https://x.com/a/1"))
    without = bring(incoming("2", author="b"))
    assert 'href="https://x.com/a/1"' in client.get(f"/inbox/case/{with_link}").text
    assert "Answer in X for now, as" in client.get(f"/inbox/case/{without}").text


def test_old_links_with_nonsense_still_show_a_list(
    client: Browser, agent: User, bring: Bring
) -> None:
    bring(incoming("1"))
    query = "queue=x&account=zz&language=q&mood=1&complaint=2&intent=3&holder=-1&after=%00&q=%00"
    assert client.get(f"/inbox/?{query}").status_code == 200


def test_other_cases_of_the_conversation_and_the_customer_are_at_hand(
    client: Browser, agent: User, bring: Bring, desk: Desk
) -> None:
    first = bring(incoming("1", "این همان پیام نخست"))
    with desk.store.write() as session:
        assert casework.close(session, agent.id, [first], desk.store.clock.now()) == Done((first,))
    second = bring(incoming("2", "پیام دوم"))
    elsewhere = bring(incoming("3", "زیر پست", post="P1", kind=MessageKind.COMMENT))
    shown = client.get(f"/inbox/case/{second}").text
    assert "پیام نخست" in shown
    assert f'href="/inbox/case/{elsewhere}"' in shown
    assert f'href="/inbox/case/{second}"' in client.get(f"/inbox/case/{first}").text
