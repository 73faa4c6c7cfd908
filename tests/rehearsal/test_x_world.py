"""The state of the simulated X: ids, keeping, the strings behind the stage, and the page."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.factories import START
from support.processes import ROOT, wait_until
from support.simulated_x import PIXEL, Place

from rehearsal.remote import Remote, RemoteError
from rehearsal.x import World, problems
from rehearsal.x.ids import Ids, first_id_at, made_at
from rehearsal.x.page import WORDS
from rehearsal.x.search import compile_query
from rehearsal.x.text import links, names, on_the_wire, units
from shenava.clock import SetClock


@given(st.lists(st.integers(-5, 5_000), max_size=60))
def test_ids_grow_whatever_the_clock_does(steps: list[int]) -> None:
    clock = SetClock(START)
    ids = Ids(clock)
    made = []
    for step in steps:
        clock.advance(timedelta(milliseconds=step))
        made.append(int(ids.new()))
    assert made == sorted(set(made))
    assert all(len(str(one)) <= 19 for one in made)


def test_an_id_tells_when_it_was_made() -> None:
    assert made_at(first_id_at(START)) == START
    # A post whose id and time X's docs give: 6 January 2021, 18:40:40.
    assert f"{made_at(1_346_889_436_626_259_968):%Y-%m-%d %H:%M:%S}" == "2021-01-06 18:40:40"


def test_everything_is_there_again_after_a_kill(tmp_path: Path) -> None:
    """The journal is read as a kill leaves it: never closed, its last line cut short."""
    clock, journal = SetClock(START), tmp_path / "x.journal"
    world = World(clock, journal)
    shop, sara = world.add_user("noora_shop", "نورا"), world.add_user("sara", "سارا")
    picture = world.add_picture(sara.id, PIXEL, "image/png")
    post = world.post(sara.id, "@noora_shop سلام", media=(picture.key,))
    edited = world.edit(post.id, "@noora_shop سلام!")
    answer = world.post(shop.id, "بله", reply_to=edited.id, by_api=True)
    world.accept("post", shop.id, answer.id, text="بله", target=edited.id)
    world.answered(1, "silence")
    world.dm(sara.id, shop.id, "خصوصی")
    world.note("story", {"state": "asked"})
    world.delete(answer.id)
    world.suspend(sara.id, posts_listed=True)
    with journal.open("a", encoding="utf-8") as torn:
        torn.write('{"kind": "post", "key": "9')
    again = World(clock, journal)
    for table in ("users", "posts", "dms", "pictures", "notes", "ledger"):
        assert getattr(again, table) == getattr(world, table), table
    assert [one.id for one in again.mentions_of(shop.id)] == [edited.id]
    assert int(again.post(sara.id, "بعد").id) > max(map(int, [*world.dms, *world.posts]))
    again.close()
    third = World(clock, journal)
    assert len(third.posts) == len(again.posts)
    third.close()
    world.close()


@pytest.mark.parametrize(
    ("words", "length"),
    [
        ("", 0),
        ("سلام", 4),
        ("می‌شود", 6),
        ("漢字", 4),
        ("👍🏽", 2),
        ("🇮🇷", 2),
        ("👩‍💻", 2),
        ("1️⃣", 2),
        ("noora.shop", 23),
        ("(https://example.com/a)", 25),
        ("e\u0301", 1),
        ("“quoted”", 8),
    ],
)
def test_units(words: str, length: int) -> None:
    """X docs, "Counting characters"."""
    assert units(words) == length


@given(st.text(max_size=80))
def test_any_text_can_be_laid_out(words: str) -> None:
    wire = on_the_wire(words, salt="1", who=lambda name: "7")
    for kind in wire.entities.values():
        for entity in kind:
            assert 0 <= entity["start"] < entity["end"] <= len(wire.text)
    assert "<" not in wire.text


def test_names_tags_and_links_are_found() -> None:
    words = (
        "سلام @Noora_Shop و me@mail.com #حراج_نورا ببینید noora.shop/a?b=1، نه @toolong_toolong_x"
    )
    assert names(words) == ["noora_shop"]
    assert links(words) == ["noora.shop/a?b=1"]
    tags = on_the_wire(words, salt="1", who=lambda name: None).entities["hashtags"]
    assert [one["tag"] for one in tags] == ["حراج_نورا"]


QUERIES = [
    ("نورا", "پشتیبانی نورا خوابه؟", True),
    ("نورا", "نوراالدین", False),
    ("NOORA", "love Noora!", True),
    ('"پشتیبانی نورا"', "پشتیبانی نورا خوابه", True),
    ('"نورا پشتیبانی"', "پشتیبانی نورا خوابه", False),
    ("درگاه OR پرداخت", "پرداخت نمیشه", True),
    ("(درگاه OR پرداخت) نورا", "پرداخت نمیشه", False),
    ("نورا -تخفیف", "نورا تخفیف زده", False),
    ("نورا -(تخفیف OR حراج)", "نورا خوابه", True),
    ("#حراج", "این #حراج است", True),
    ("حراج", "این #حراج است", True),
    ("@noora_shop", "@Noora_shop سلام", True),
    ("from:sara نورا", "نورا", True),
    ("from:ali نورا", "نورا", False),
    ("نورا lang:fa", "نورا گران شد", True),
    ("نورا lang:en", "نورا گران شد", False),
    ("نورا -is:reply -is:retweet", "نورا", True),
    ("نورا has:links", "نورا noora.shop", True),
]


@pytest.mark.parametrize(("query", "words", "found"), QUERIES)
def test_search(query: str, words: str, found: bool) -> None:
    world = World(SetClock(START))
    world.add_user("noora_shop", "نورا")
    post = world.post(world.add_user("sara", "سارا").id, words)
    assert compile_query(query)(world, post) is found


@pytest.mark.parametrize(
    "query",
    ["is:reply", "-نورا", "lang:fa -is:retweet", "(نورا", "نورا)", "shoe:5", "x" * 513, "OR"],
)
def test_a_query_that_x_refuses(query: str) -> None:
    with pytest.raises(problems.Problem):
        compile_query(query)


def test_a_post_is_edited_five_times_within_the_hour_and_no_more() -> None:
    clock = SetClock(START)
    world = World(clock)
    post = world.post(world.add_user("sara", "سارا").id, "0")
    late = world.post(post.author_id, "دیر")
    for number in range(5):
        post = world.edit(post.id, str(number + 1))
    with pytest.raises(problems.Problem):
        world.edit(post.id, "6")
    clock.advance(timedelta(minutes=61))
    with pytest.raises(problems.Problem):
        world.edit(late.id, "دیرتر")


def test_the_strings_behind_the_stage(x: Place) -> None:
    remote = x.remote()
    post = remote.call("POST", "/posts", author="sara", text="@noora_shop سلام")
    remote.call("PUT", f"/posts/{post['id']}", text="@noora_shop سلام!")
    remote.call("POST", "/dms", sender="sara", text="خصوصی")
    remote.call("POST", "/reposts", author="ali", post=post["id"])
    remote.call("PUT", "/users/sara", suspended=True, posts_listed=True)
    remote.call("POST", "/faults", kind="error_500", endpoint="GET", times=None)
    remote.call("POST", "/clock", seconds=60)
    remote.call("POST", "/balance", micros=5)
    remote.call("POST", "/manners", search_lag=30, created=200)
    state = remote.call("GET", "/state")
    assert (state["posts"], state["dms"], state["balance_micros"]) == (3, 1, 5)
    assert x.clock.now() == START + timedelta(minutes=1)
    assert x.served.sim.manners.search_lag == timedelta(seconds=30)
    assert remote.call("GET", "/faults")[0]["kind"] == "error_500"
    remote.call("DELETE", "/faults")
    remote.call("DELETE", f"/posts/{post['id']}")
    assert remote.call("GET", "/ledger") == {"lines": [], "doubles": []}
    assert remote.call("GET", "/credentials")["username"] == "noora_shop"
    before = x.served.credentials
    assert remote.call("POST", "/reset")["posts"] == 0
    assert x.served.credentials == before and x.client().get_me().data
    for path, body in (("/outage", {}), ("/faults", {"kind": "shoe"}), ("/posts", {"text": "?"})):
        with pytest.raises(RemoteError, match="error"):
            remote.call("POST", path, **body)


def test_the_strings_are_for_this_machine_and_its_token_only(x: Place) -> None:
    with pytest.raises(RemoteError, match="not for you"):
        Remote(x.served.base_url, "wrong").call("GET", "/ledger")
    other = {"Host": "evil.example", "X-Control-Token": x.served.control_token}
    for path in ("/_control/ledger", "/", "/_page/state"):
        answer = x.session().get(x.served.base_url + path, headers=other)
        assert answer.status_code == 403


def test_what_is_too_new_is_not_found_yet(x: Place) -> None:
    x.served.sim.manners.search_lag = timedelta(seconds=30)
    x.served.sim.manners.index_lag = timedelta(seconds=10)
    x.mention("آبی")
    client = x.client()
    assert client.get_users_mentions(x.shop.id, user_auth=True).data is None
    x.clock.advance(timedelta(seconds=15))
    assert client.get_users_mentions(x.shop.id, user_auth=True).data
    assert client.search_recent_tweets("آبی", user_auth=True).data is None
    x.clock.advance(timedelta(seconds=15))
    assert client.search_recent_tweets("آبی", user_auth=True).data


def test_the_page_shows_an_answer_when_it_arrives(x: Place) -> None:
    session, base = x.session(), x.served.base_url
    hostile = x.mention("<script>alert(1)</script>")
    first = session.get(f"{base}/_page/state").json()
    assert first["threads"][0][0]["dir"] == "ltr"
    unchanged = session.get(f"{base}/_page/state", params={"version": first["version"]})
    assert unchanged.status_code == 204
    x.client().create_tweet(text="در حال بررسی", in_reply_to_tweet_id=hostile.id)
    x.served.world.dm(x.shop.id, hostile.author_id, "سلام")
    state = session.get(f"{base}/_page/state", params={"version": first["version"]}).json()
    (thread,) = state["threads"]
    assert [(one["shop"], one["text"]) for one in thread] == [
        (False, "@noora_shop <script>alert(1)</script>"),
        (True, "@sara در حال بررسی"),
    ]
    assert (state["accepted"], state["spent"]) == (1, "$0.010")
    assert state["chats"][0]["messages"][0]["shop"]


def test_anyone_can_be_answered_by_hand_where_a_permalink_leads(x: Place) -> None:
    session, base = x.session(), x.served.base_url
    grumble = x.served.world.post(x.customer("stranger").id, "نورا </p> {{token}} خوابه؟")
    shown = session.get(f"{base}/stranger/status/{grumble.id}?lang=fa").text
    assert "نورا &lt;/p&gt; {{token}} خوابه؟" in shown and 'id="byhand" hidden' not in shown
    token = re.findall(r'"X-Page-Token": "([^"]+)"', shown)[0]
    sent = {"to": grumble.id, "text": "پیگیری می‌کنیم"}
    assert session.post(f"{base}/_page/answer", json=sent).status_code == 403
    headers = {"X-Page-Token": token}
    assert session.post(f"{base}/_page/answer", json=sent, headers=headers).status_code == 201
    (answer,) = x.served.world.answers_to(grumble.id)
    assert (answer.author_id, answer.by_api) == (x.shop.id, False)
    own = x.client().get_users_tweets(x.shop.id, user_auth=True)
    assert own.data[0].text == "@stranger پیگیری می‌کنیم"
    for wrong in ({"to": "1", "text": "x"}, {**sent, "text": " "}, {**sent, "text": "x" * 281}):
        assert session.post(f"{base}/_page/answer", json=wrong, headers=headers).status_code == 400
    x.served.world.delete(grumble.id)
    assert session.get(f"{base}/stranger/status/{grumble.id}").status_code == 404


@pytest.mark.parametrize(("lang", "way"), [("fa", "rtl"), ("en", "ltr")])
def test_the_page_says_that_it_is_a_simulation(x: Place, lang: str, way: str) -> None:
    answer = x.session().get(f"{x.served.base_url}/?lang={lang}")
    assert f'<html lang="{lang}" dir="{way}">' in answer.text
    assert WORDS[lang]["badge"] in answer.text and "{{" not in answer.text
    assert 'id="byhand" hidden' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert set(WORDS["fa"]) == set(WORDS["en"])


def test_a_process_of_its_own_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rehearsal", "--home", str(tmp_path), "--no-crowd"]

    def start() -> tuple[subprocess.Popen[str], Remote]:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        assert "simulated x at http://127.0.0.1:" in process.stdout.readline()
        found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
        return process, Remote(found["base_url"], found["control_token"])

    process, remote = start()
    try:
        post = remote.call("POST", "/posts", author="sara", text="@noora_shop سلام")
        keys = remote.call("GET", "/credentials")
        for name in ("x.json", "x.journal"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    finally:
        process.kill()
        process.communicate()
    process, remote = start()
    try:
        assert remote.call("GET", "/credentials") == keys
        assert remote.call("GET", "/state")["posts"] == 1
        assert remote.call("DELETE", f"/posts/{post['id']}")
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: process.poll() is not None, what="the end after SIGTERM")
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
