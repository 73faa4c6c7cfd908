"""Whatever is asked of the API, it answers as its document says, and never with an error of ours.

On both databases: what one of them takes in silence, the other refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from support.api import Api, new_token
from support.factories import many
from support.platform import ScriptedPlatform
from support.shop import connect_shop

from collectors.intake import take_in
from config import Settings
from dashboard.api.document import ALL_ROUTES
from dashboard.context import Desk
from responder.policy import policy_of
from shenava.clock import SetClock
from shenava.store import Role, Store, User


@pytest.fixture
def desk(store: Store, settings: Settings, clock: SetClock) -> Desk:
    connect_shop(store)
    take_in(store, many(12))
    return Desk(store, settings, policy_of(settings), ScriptedPlatform(clock).rules)


@pytest.fixture
def api(app: Flask, desk: Desk, make_user: Callable[..., User]) -> Api:
    mina = make_user("mina@shop.example", name="Mina", role=Role.ADMIN)
    return Api(app, new_token(desk.store, mina.id))


_VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(
        ["open", "closed", "rank", "newest", "oldest", "none", "fa", "yes", "x", "queued", "1"]
    ),
    st.from_regex(r"[0-9a-f]{12}\.[A-Za-z0-9_-]{0,20}", fullmatch=True),
)
_LISTS = {
    route.path: tuple(route.query.model_fields) for route in ALL_ROUTES if route.query.model_fields
}
_MINUTE = timedelta(minutes=1)
_FUZZ = examples(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.data())
@_FUZZ
def test_no_parameter_breaks_it(api: Api, clock: SetClock, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(_LISTS)))
    names = st.one_of(st.sampled_from(_LISTS[path]), st.text(min_size=1, max_size=8))
    query = data.draw(st.dictionaries(names, _VALUES, max_size=3))
    clock.advance(_MINUTE)
    assert api.ask("GET", path, query_string=query).status_code in (200, 422)


_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.sampled_from(["1", "0.0.0", "2026-02-01T00:00:00Z", "9999-12-31T23:59:59-14:00"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(data=st.data())
@_FUZZ
def test_no_body_breaks_it(api: Api, clock: SetClock, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from([route for route in ALL_ROUTES if route.body is not None]))
    assert route.body is not None
    names = st.one_of(st.sampled_from([*route.body.model_fields, "x"]), st.text(max_size=5))
    body = data.draw(st.dictionaries(names, _JSON, max_size=4))
    number = data.draw(st.sampled_from(["1", "2", "999", "x"]))
    key = data.draw(st.text("ab", min_size=1, max_size=2))
    clock.advance(_MINUTE)
    path = route.path.partition("{")[0] + number + route.path.partition("}")[2]
    assert api.post(path, body, key=key).status_code < 500
