"""What can be read: oneself, mentions, one's posts, search, look-up, private messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from flask import Flask, request

from rehearsal.records import Json
from rehearsal.x import limits, paging, problems, shapes
from rehearsal.x.ids import first_id_at, made_at
from rehearsal.x.model import Post
from rehearsal.x.oauth import Caller
from rehearsal.x.search import compile_query
from rehearsal.x.simulator import Simulator, arguments, endpoint

MENTIONS_KEPT = 800
POSTS_KEPT = 3_200
SEARCH_DAYS = 7
DM_DAYS = 30
"""How far back one can read: posts of a timeline, days of search, days of private messages (X
docs, "Timelines", "Search Posts", "Direct Messages lookup", read 2026-08)."""

_POST = shapes.parameters("post")
_DM = (*shapes.parameters("dm"), "max_results", "pagination_token", "event_types")


def install(app: Flask, sim: Simulator) -> None:
    world = sim.world

    @endpoint(app, sim, "GET /2/users/me", scopes="tweet.read users.read")
    def me(caller: Caller) -> tuple[Json, int]:
        asked = shapes.wanted("user", arguments("user.fields", *_POST))
        assert caller.user_id is not None
        user = world.users[caller.user_id]
        if user.suspended:
            raise problems.forbidden("Your account is suspended.")
        return {"data": sim.shapes(asked).user(user)}, 200

    @endpoint(app, sim, "GET /2/users/:id/mentions", scopes="tweet.read users.read", app_too=True)
    def mentions(caller: Caller, id: str) -> tuple[Json, int]:
        given = arguments(*paging.PAGING, *_POST)
        found = _until(sim, world.mentions_of(id), sim.manners.index_lag)
        return _timeline(sim, caller, id, given, paging.newest(found, MENTIONS_KEPT))

    @endpoint(app, sim, "GET /2/users/:id/tweets", scopes="tweet.read users.read", app_too=True)
    def tweets(caller: Caller, id: str) -> tuple[Json, int]:
        given = arguments(*paging.PAGING, *_POST, "exclude")
        without = given.pop("exclude", "").split(",")
        found = (
            post
            for post in paging.newest(world.posts_of(id), POSTS_KEPT)
            if not ("replies" in without and post.reply_to)
            and not ("retweets" in without and post.repost_of)
        )
        return _timeline(sim, caller, id, given, found)

    @endpoint(app, sim, "GET /2/tweets/search/recent", scopes="tweet.read users.read", app_too=True)
    def search(caller: Caller) -> tuple[Json, int]:
        given = arguments(*paging.PAGING, *_POST, "query", "next_token", "sort_order")
        if not given.get("query"):
            raise problems.invalid("The `query` query parameter can not be empty", query="")
        fits = compile_query(given["query"])
        now = world.clock.now()
        oldest = now - timedelta(days=SEARCH_DAYS)
        bounds = paging.read(given, least=10, usual=10, now=now)
        _not_before(given, oldest)
        found = (
            post
            for post in _until(sim, world.all_posts(bounds.below), sim.manners.search_lag)
            if fits(world, post)
        )
        above = max(bounds.above, first_id_at(oldest))
        bounds = paging.Bounds(above, bounds.below, bounds.most)
        return _posts(sim, given, found, bounds, limits.POST_READ)

    @endpoint(app, sim, "GET /2/tweets", scopes="tweet.read users.read", app_too=True)
    def lookup(caller: Caller) -> tuple[Json, int]:
        given = arguments("ids", *_POST)
        ids = [one for one in given.get("ids", "").split(",") if one]
        if not 1 <= len(ids) <= 100:
            raise problems.invalid(
                f"The number of values in the `ids` query parameter list [{len(ids)}] is not "
                "between 1 and 100",
                ids=given.get("ids", ""),
            )
        return _look_up(sim, given, ids, "ids")

    @endpoint(app, sim, "GET /2/tweets/:id", scopes="tweet.read users.read", app_too=True)
    def one_tweet(caller: Caller, id: str) -> tuple[Json, int]:
        body, status = _look_up(sim, arguments(*_POST), [id], "id")
        if "data" in body:
            body["data"] = body["data"][0]
        return body, status

    @endpoint(app, sim, "GET /2/dm_events", scopes="dm.read tweet.read users.read")
    def dm_events(caller: Caller) -> tuple[Json, int]:
        return _private(sim, caller, None)

    @endpoint(
        app,
        sim,
        "GET /2/dm_conversations/with/:participant_id/dm_events",
        scopes="dm.read tweet.read users.read",
    )
    def dm_with(caller: Caller, participant_id: str) -> tuple[Json, int]:
        return _private(sim, caller, participant_id)


def _until(sim: Simulator, found: Iterator[Post], lag: timedelta) -> Iterator[Post]:
    """Without what is too new to be indexed."""
    newest = sim.world.clock.now() - lag
    return (post for post in found if post.created_at <= newest)


def _not_before(given: dict[str, str], oldest: datetime) -> None:
    """Search refuses to begin before its seven days (wording seen in the wild, 2026-06)."""
    first = first_id_at(oldest)
    since = given.get("since_id")
    if since and int(since) < first and int(since) != 0:
        raise problems.invalid(
            f"'since_id' must be a tweet id created after {oldest:%Y-%m-%dT%H:%MZ}. Please use a "
            f"'since_id' that is larger than {first}",
            since_id=since,
        )
    start = given.get("start_time")
    if start and datetime.fromisoformat(start) < oldest.replace(microsecond=0):
        raise problems.invalid(
            f"Invalid 'start_time':'{start}'. 'start_time' must be on or after "
            f"{oldest:%Y-%m-%dT%H:%MZ}",
            start_time=start,
        )


def _timeline(
    sim: Simulator, caller: Caller, user_id: str, given: dict[str, str], found: Iterator[Post]
) -> tuple[Json, int]:
    user = sim.world.users.get(user_id)
    if user is None:
        return {"errors": [problems.missing("user", user_id, "id")]}, 200
    if user.suspended:
        return {"errors": [problems.suspended(user_id, "id")]}, 200
    bounds = paging.read(given, least=5, usual=10, now=sim.world.clock.now())
    # Cheaper for the account that the app belongs to (X changelog, 20 April 2026).
    owned = caller.user_id == user_id == sim.tokens.app["user_id"]
    price = limits.OWNED_READ if owned else limits.POST_READ
    return _posts(sim, given, found, bounds, price)


def _posts(
    sim: Simulator,
    given: dict[str, str],
    found: Iterator[Post],
    bounds: paging.Bounds,
    price: int,
) -> tuple[Json, int]:
    shaper = sim.shapes(shapes.wanted("post", given))
    data, meta = paging.cut(found, bounds, shaper.post)
    sim.purse.read("post", [one["id"] for one in data], price)
    return paging.body(data, meta, shaper.includes(), shaper.errors), 200


def _look_up(
    sim: Simulator, given: dict[str, str], ids: list[str], parameter: str
) -> tuple[Json, int]:
    """Posts by id; what is gone stands in ``errors`` beside ``data``, with status 200."""
    shaper = sim.shapes(shapes.wanted("post", given))
    data: list[Json] = []
    gone: list[Json] = []
    for one in dict.fromkeys(ids):
        if not one.isascii() or not one.isdigit() or len(one) > 19:
            raise problems.invalid(
                f"The `{parameter}` query parameter value [{one}] is not valid", **{parameter: one}
            )
        post = sim.world.posts.get(one)
        if post is None or post.deleted_at is not None:
            gone.append(problems.missing("tweet", one, parameter))
        elif sim.world.users[post.author_id].suspended:
            gone.append(problems.not_to_be_seen(one, parameter))
        else:
            data.append(shaper.post(post))
    sim.purse.read("post", [one["id"] for one in data], limits.POST_READ)
    parts = (("data", data), ("includes", shaper.includes()), ("errors", gone + shaper.errors))
    return {name: value for name, value in parts if value}, 200


def _private(sim: Simulator, caller: Caller, other: str | None) -> tuple[Json, int]:
    given = arguments(*_DM)
    given.pop("event_types", None)
    if len(request.args.get("pagination_token", "x" * 16)) < 16:
        raise problems.invalid("The `pagination_token` query parameter is too short")
    assert caller.user_id is not None
    now = sim.world.clock.now()
    bounds = paging.read(given, least=1, usual=100, now=now)
    shaper = sim.shapes(shapes.wanted("dm", given))
    found = (
        message
        for message in sim.world.dms_of(caller.user_id, other)
        if shapes.young_enough(made_at(int(message.id)), now, DM_DAYS)
    )
    data, meta = paging.cut(found, bounds, shaper.dm, with_ids=False)
    sim.purse.read("dm", [one["id"] for one in data], limits.DM_READ)
    return paging.body(data, meta, shaper.includes(), shaper.errors), 200
