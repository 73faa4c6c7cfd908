"""Every kind of request that the adapter sends satisfies X's own OpenAPI document."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from channels.conftest import KEYS, MakeChannel
from channels.scripted_x import Reply, Said, ScriptedX, Seen, dm, post, user
from support.factories import START
from support.x_document import Document

from rehearsal.wire import Asked
from rehearsal.x.endpoints import endpoint_of
from shenava.channels import Deed, OutcomeUnknown, Outgoing
from shenava.channels.x import OAuth2, XChannel
from shenava.channels.x.read import Walk
from shenava.clock import SetClock
from shenava.messages import Source

pytestmark = pytest.mark.conformance

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SINCE = START - timedelta(days=1)
MIDWAY = Walk(
    floor=5, as_of=SINCE, began=START, ceiling=90, until=70, oldest=SINCE, seen=200
).cursor()


@pytest.fixture(scope="module")
def document() -> Document:
    return Document(Path(os.environ["SHENAVA_X_OPENAPI"]))


def kindly(seen: Seen) -> Said:
    """A good answer to anything."""
    if seen.method == "PUT":
        return Reply({"data": {"hidden": True}})
    if seen.method == "POST":
        data = {"id": "99", "text": "…", "dm_event_id": "99", "dm_conversation_id": "1-2"}
        return Reply({"data": data, "meta": {}}, 201)
    if seen.path.endswith("/me"):
        return Reply({"data": user("1000", "digikala")})
    listed = [dm(7)] if "dm_" in seen.path else [post(7)]
    token = {} if "pagination_token" in seen.query else {"next_token": "token-of-sixteen-signs"}
    return Reply({"data": listed, "meta": token})


def looked_for(x: XChannel, outgoing: Outgoing) -> None:
    """An empty list of private messages proves nothing, and is asked for all the same."""
    with suppress(OutcomeUnknown):
        x.find_sent(outgoing, START)


CALLS: dict[str, Callable[[XChannel], object]] = {
    "check": lambda x: x.check(),
    "look up": lambda x: x.look_up(["7", "1346889436626259968"]),
    **{
        f"{source} {name}": lambda x, source=source, cursor=cursor: x.read(source, cursor)
        for source in (Source.MENTION, Source.SEARCH, Source.OWN, Source.INBOX)
        for name, cursor in {
            "from the start": {},
            "from a floor": {"floor": "5", "as_of": SINCE.isoformat()},
            "midway": MIDWAY,
            "by search": MIDWAY | {"by_search": "1"},
            "by token": MIDWAY | {"token": "token-of-sixteen-signs"},
            "down to a time": {"down_to": SINCE.isoformat()},
        }.items()
    },
    "answer": lambda x: x.send(Outgoing(Deed.ANSWER, "سلام", to_key="7")),
    "post": lambda x: x.send(Outgoing(Deed.POST, "سلام")),
    "picture": lambda x: x.send(Outgoing(Deed.POST, "", picture=PNG, picture_alt="پوستر")),
    "dm": lambda x: x.send(Outgoing(Deed.DM, "سلام", to_native_id="2000")),
    "dm with a picture": lambda x: x.send(Outgoing(Deed.DM, "", to_native_id="2", picture=PNG)),
    "hide": lambda x: x.send(Outgoing(Deed.HIDE, to_key="7")),
    "find an answer": lambda x: x.find_sent(Outgoing(Deed.ANSWER, "سلام", to_key="7"), START),
    "find a dm": lambda x: looked_for(x, Outgoing(Deed.DM, "سلام", to_native_id="2000")),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("keys", ["OAuth1", "OAuth2"])
def test_each_request_is_one_that_x_describes(
    x: ScriptedX,
    make: MakeChannel,
    clock: SetClock,
    tokens: OAuth2,
    document: Document,
    name: str,
    keys: str,
) -> None:
    x.answer = kindly
    channel = make(KEYS if keys == "OAuth1" else tokens, query="(دیجی OR #digikala) -is:retweet")
    clock.advance(timedelta(minutes=5))
    CALLS[name](channel)
    assert x.seen
    for seen in x.seen:
        faults = faults_of(document, seen, clock)
        assert not faults, f"{seen.method} {seen.target}\n{faults}"


def faults_of(document: Document, seen: Seen, clock: SetClock) -> list[str]:
    endpoint = endpoint_of(seen.method, seen.path) or ""
    whole = seen.headers["Content-Type"] == "application/json"
    body = seen.body.decode() if whole else ""
    query = urlsplit(seen.target).query
    asked = Asked(clock.now(), seen.method, seen.path, query, body, endpoint)
    faults: list[str] = document.request(asked)
    template = re.sub(r":\w+", r"[0-9]{1,19}", endpoint)
    if not re.fullmatch(template, f"{seen.method} {seen.path}"):
        faults.append("an id in the path is none")
    if seen.headers["Content-Type"] and not whole:
        faults += _form_faults(document, seen)
    return faults


def _form_faults(document: Document, seen: Seen) -> list[str]:
    """The fields of a multipart form must be those of the one-shot upload."""
    head = f"Content-Type: {seen.headers['Content-Type']}\r\n\r\n".encode()
    form: dict[str, Any] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + seen.body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        form[str(name)] = "" if name == "media" else content.decode()
    schema = {"$ref": "#/components/schemas/MediaUploadRequestOneShot"}
    return document._faults(schema, form)


def test_the_judge_sees_what_is_wrong(
    x: ScriptedX, make: MakeChannel, clock: SetClock, document: Document
) -> None:
    x.answer = kindly
    channel = make()
    channel.read(Source.MENTION, {"floor": "5"})
    channel.send(Outgoing(Deed.POST, "سلام"))
    good, sent = x.seen
    bad = [
        Seen(**{**vars(good), "target": good.target.replace("max_results=100", "max_results=3")}),
        Seen(**{**vars(good), "target": good.target + "&colour=blue"}),
        Seen(**{**vars(good), "target": good.target.replace("created_at", "made_at")}),
        Seen(**{**vars(sent), "body": b'{"txt": "\\u0633"}'}),
        Seen(**{**vars(good), "path": "/2/users/me/mentions"}),
    ]
    assert faults_of(document, good, clock) == []
    assert [bool(faults_of(document, seen, clock)) for seen in bad] == [True] * len(bad)
