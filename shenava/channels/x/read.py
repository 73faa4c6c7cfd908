"""Reading to the last known message, however many pages there are and wherever one is stopped.

A *walk* goes from the newest message down to the *floor*: the newest that a complete reading has
seen before. X hands out newest first. The floor moves only when the walk has reached it; until
then all that a walk knows is in its cursor, which is stored with each page. So a process that is
killed between two pages goes on below the last page it stored, and messages that arrive
meanwhile are above the walk's *ceiling*: the next walk brings them.

Posts are walked by ``until_id`` (only posts older than the last seen), not by X's page tokens,
which end without notice. DMs have no such parameter: there tokens are used, and one that X no
longer takes begins the walk anew below the same ceiling, handing out nothing twice.

When the list ends before the floor: mentions reach back 800 posts only; then the rest is fetched
by searching for the account's name, which reaches back seven days, at the price of a search. A
gap is told when that does not reach either.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shenava.channels.base import Cursor, OwnMessage, Page, Reads
from shenava.channels.errors import Rejected, RejectedBecause
from shenava.channels.x.client import Client
from shenava.channels.x.parse import (
    Body,
    Us,
    body_of,
    id_of,
    message_of,
    post_of,
    private_message_of,
    time_of,
)
from shenava.channels.x.rules import REACH, SEARCH_QUERY_LIMIT, resource_of
from shenava.messages import Incoming, Source

PAGE = 100
"""The most that X gives at once."""
_FIRST_DMS = 25
"""DMs asked for at first when some are known: there is no ``since_id``, so each look costs what
it returns, and a look every minute mostly finds nothing. If the floor is not among them, the
whole page is asked for; X bills none of them twice on one day."""
_SLACK = 100
"""X's reach counts posts that it then does not show (deleted, of suspended authors). This near
to it the list may have ended because of it."""
_STRETCHED = timedelta(minutes=1)
"""X's reach counts back from now. After a pause of this between two pages of a walk (a rate limit,
a restart), what came meanwhile may have pushed the rest of the walk out of reach unseen."""
_EMPTY_PAGES = 5
"""So many pages in a row without a message and yet with more to come are taken for the end."""
_RESTARTS = 3
_EARLY = timedelta(hours=1)
"""Search is not asked for what lies so near to the end of its reach that X might refuse it."""

POST_FIELDS = {
    "tweet_fields": [
        "attachments",
        "author_id",
        "conversation_id",
        "created_at",
        "edit_history_tweet_ids",
        "entities",
        "in_reply_to_user_id",
        "note_tweet",
        "referenced_tweets",
    ],
    "expansions": ["attachments.media_keys", "author_id"],
    "user_fields": ["name", "public_metrics", "username"],
    "media_fields": [
        "alt_text",
        "height",
        "media_key",
        "preview_image_url",
        "type",
        "url",
        "width",
    ],
}
DM_FIELDS = {
    "event_types": ["MessageCreate"],
    "dm_event_fields": [
        "attachments",
        "created_at",
        "dm_conversation_id",
        "entities",
        "event_type",
        "sender_id",
        "text",
    ],
    "expansions": ["attachments.media_keys", "sender_id"],
    "user_fields": POST_FIELDS["user_fields"],
    "media_fields": POST_FIELDS["media_fields"],
}


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a reading stands. Between two walks only ``floor`` and ``as_of`` are set.

    ``as_of``: when the last complete walk began; all that was written before was there to be
    read then. ``down_to``: read down to this time, instead of to the floor.
    """

    floor: int | None = None
    as_of: datetime | None = None
    down_to: datetime | None = None
    began: datetime | None = None
    ceiling: int | None = None
    until: int | None = None
    oldest: datetime | None = None
    token: str | None = None
    seen: int = 0
    empty: int = 0
    restarts: int = 0
    floor_refused: bool = False
    by_search: bool = False
    full: bool = False

    @classmethod
    def of(cls, cursor: Cursor) -> Walk:
        """Read a cursor. What cannot be read counts as absent: then more is read, not less."""
        values: dict[str, Any] = {}
        for one in fields(cls):
            text = cursor.get(one.name)
            if text is None:
                continue
            try:
                if one.name in ("as_of", "down_to", "began", "oldest"):
                    values[one.name] = datetime.fromisoformat(text).astimezone(UTC)
                elif one.name in ("floor_refused", "by_search", "full"):
                    values[one.name] = text == "1"
                else:
                    values[one.name] = text if one.name == "token" else int(text)
            except ValueError:
                continue
        return cls(**values)

    def cursor(self) -> dict[str, str]:
        told: dict[str, str] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None or value is False or (one.name in _COUNTS and value == 0):
                continue
            if isinstance(value, datetime):
                told[one.name] = value.isoformat()
            else:
                told[one.name] = "1" if value is True else str(value)
        return told


_COUNTS = ("seen", "empty", "restarts")


def cursor_from(since: datetime) -> Cursor:
    """A cursor that begins a walk from now down to ``since``."""
    return Walk(down_to=since.astimezone(UTC)).cursor()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the pages of one account. ``query``: what Source.SEARCH searches for, in X's own
    operators."""

    client: Client
    us: Us
    query: str
    owns_app: bool

    def page(self, source: Source, cursor: Cursor, now: datetime) -> Page:
        """The next page. Raises ``ChannelError``; the cursor handed in then still holds."""
        walk = Walk.of(cursor)
        if walk.began is None:
            walk = replace(walk, began=now)
        if source is Source.INBOX:
            return self._inbox(walk, now)
        return self._posts(source, walk, now)

    # --- posts ------------------------------------------------------------------------------

    def _posts(self, source: Source, walk: Walk, now: datetime) -> Page:
        if walk.floor is not None and walk.until is not None and walk.until <= walk.floor + 1:
            return _ended(walk, source, Reads(requests=0), gap=False)
        searched = source is Source.SEARCH or walk.by_search
        week = _reach_of_search(now)
        if searched and walk.oldest is not None and walk.oldest < week:
            # stopped for so long that the rest is out of reach
            return _ended(walk, source, Reads(requests=0), gap=True)
        try:
            body = self._ask_posts(source, walk, week)
        except Rejected as refused:
            onward = _after_refusal(walk, refused, searched)
            if onward is None:
                raise
            return _onward(onward, (), (), Reads())
        paid = Source.SEARCH if walk.by_search else source
        reads = _reads(resource_of(paid, owns_app=self.owns_app), body)
        # Only where the floor could not be named do posts below it come along.
        reached = walk.floor is not None and any(id_of(one) <= walk.floor for one in body.data)
        messages = [
            message_of(post_of(one, body, now), body, self.us, source)
            for one in body.data
            if walk.floor is None or id_of(one) > walk.floor
        ]
        incoming = tuple(m for m in messages if isinstance(m, Incoming))
        own = tuple(m for m in messages if isinstance(m, OwnMessage))
        assert walk.began is not None
        stretched = walk.until is not None and now - walk.began > _STRETCHED
        walk, more = _stepped(walk, body, now)
        if reached:
            return _ended(walk, source, reads, False, incoming, own)
        if more:
            return _onward(walk, incoming, own, reads)
        reach = REACH[source].messages
        bound = (
            not walk.by_search and reach is not None and (walk.as_of is not None or _not_down(walk))
        )
        short = bound and reach is not None and walk.seen >= reach - _SLACK
        if (short or (bound and stretched)) and source is Source.MENTION:
            filling = replace(walk, by_search=True, token=None, empty=0)
            return _onward(filling, incoming, own, reads)
        gap = short or (searched and _beyond(walk, week))
        return _ended(walk, source, reads, gap=gap, incoming=incoming, own=own)

    def _ask_posts(self, source: Source, walk: Walk, week: datetime) -> Body:
        searched = source is Source.SEARCH or walk.by_search
        asked: dict[str, Any] = {**POST_FIELDS, "max_results": PAGE}
        if source is Source.SEARCH:
            # who wrote what is quoted: whether it was us. Mentions need not be asked.
            asked["expansions"] = [*POST_FIELDS["expansions"], "referenced_tweets.id"]
        start = walk.down_to
        if walk.by_search and start is None and walk.floor is None and walk.as_of is not None:
            start = walk.as_of - _EARLY
        if start is not None and not (searched and start < week):
            asked["start_time"] = start
        old = searched and walk.as_of is not None and walk.as_of < week
        if walk.floor is not None and not (walk.floor_refused or old):
            asked["since_id"] = str(walk.floor)
        if walk.until is not None:
            asked["until_id"] = str(walk.until)
        if walk.token is not None:
            asked["next_token" if searched else "pagination_token"] = walk.token
        api, me = self.client.api, self.us.profile.native_id
        if searched:
            query = self.query if source is Source.SEARCH else named(self.us.profile.handle)
            return body_of(api.search_recent_tweets(query, **asked))
        if source is Source.OWN:
            return body_of(api.get_users_tweets(me, exclude=["retweets"], **asked))
        return body_of(api.get_users_mentions(me, **asked))

    # --- private messages -------------------------------------------------------------------

    def _inbox(self, walk: Walk, now: datetime) -> Page:
        known = walk.floor is not None or walk.down_to is not None
        size = _FIRST_DMS if known and not walk.full and walk.token is None else PAGE
        asked: dict[str, Any] = {**DM_FIELDS, "max_results": size}
        if walk.token is not None:
            asked["pagination_token"] = walk.token
        try:
            body = body_of(self.client.api.get_direct_message_events(**asked))
        except Rejected as refused:
            if walk.token is None or refused.because is not RejectedBecause.BAD_REQUEST:
                raise
            if walk.restarts >= _RESTARTS:
                raise
            anew = replace(walk, token=None, full=True, restarts=walk.restarts + 1)
            return _onward(anew, (), (), Reads())
        incoming: list[Incoming] = []
        own: list[OwnMessage] = []
        reached = False
        for event in body.data:
            key = id_of(event)
            at = time_of(event, now)
            reached = reached or (walk.floor is not None and key <= walk.floor)
            reached = reached or (walk.down_to is not None and at < walk.down_to)
            if not _is_new(walk, key, at):
                continue
            message = private_message_of(event, body, self.us, now)
            if isinstance(message, Incoming):
                incoming.append(message)
            elif message is not None:
                own.append(message)
        reads = _reads("dm_event", body)
        small = size < PAGE
        walk = _stepped_inbox(walk, body)
        more = body.next_token is not None and walk.empty < _EMPTY_PAGES
        if reached or not more:
            # The list ends where X's 30 days end; what came after the last reading began was in
            # it, unless that reading is older than they are.
            gap = not reached and walk.as_of is not None and walk.as_of < now - _inbox_reach()
            return _ended(walk, Source.INBOX, reads, gap, tuple(incoming), tuple(own))
        # After the small first look: the same again, whole, instead of a token for small pages.
        walk = replace(walk, token=None if small else body.next_token, full=True)
        return _onward(walk, tuple(incoming), tuple(own), reads)


def named(handle: str) -> str:
    """The search for what names the account: what the mentions would have brought."""
    return f"@{handle} -is:retweet"


def query_of(terms: list[str], handle: str) -> str:
    """A search for any of ``terms`` (words, phrases, hashtags), without reposts, and without
    what the account wrote or is named in: that comes with the mentions, at a fifth of the price.

    Raises ``ValueError`` when there is no term, or for a query longer than X takes.
    """
    wanted = [" ".join(term.replace('"', " ").split()) for term in terms]
    wanted = [
        term if term.startswith("#") and " " not in term else f'"{term}"' for term in wanted if term
    ]
    if not wanted:
        raise ValueError("a search needs a word to search for")
    query = f"({' OR '.join(wanted)}) -is:retweet -from:{handle} -@{handle}"
    if len(query) > SEARCH_QUERY_LIMIT:
        raise ValueError(f"the search is longer than the {SEARCH_QUERY_LIMIT} signs X allows")
    return query


def _stepped(walk: Walk, body: Body, now: datetime) -> tuple[Walk, bool]:
    """The walk after a page, and whether X has more."""
    ids = [id_of(one) for one in body.data]
    below = [key for key in ids if walk.until is None or key < walk.until]
    walk = replace(walk, seen=walk.seen + len(ids), token=None)
    if ids and walk.ceiling is None:
        walk = replace(walk, ceiling=max(ids))
    if below:
        times = [time_of(one, now) for one in body.data]
        oldest = min([*times, walk.oldest] if walk.oldest else times)
        walk = replace(walk, until=min(below), oldest=oldest, empty=0)
        return walk, body.next_token is not None
    # Nothing new below, and yet X has more: only its token leads on.
    walk = replace(walk, token=body.next_token, empty=walk.empty + 1)
    return walk, body.next_token is not None and walk.empty < _EMPTY_PAGES


def _stepped_inbox(walk: Walk, body: Body) -> Walk:
    """The walk after a page of DMs. A walk begun anew passes many pages that it knows."""
    ids = [id_of(one) for one in body.data]
    if not ids:
        return replace(walk, empty=walk.empty + 1)
    return replace(
        walk,
        seen=walk.seen + len(ids),
        ceiling=max(ids) if walk.ceiling is None else walk.ceiling,
        until=min(ids) if walk.until is None else min(walk.until, *ids),
        empty=0,
    )


def _after_refusal(walk: Walk, refused: Rejected, searched: bool) -> Walk | None:
    """How to go on after X refused a parameter; ``None`` when there is no way."""
    if refused.because is not RejectedBecause.BAD_REQUEST:
        return None
    if walk.token is not None:
        return (
            replace(walk, token=None, empty=walk.empty + 1) if walk.empty < _EMPTY_PAGES else None
        )
    # Search refuses a since_id that is older than its seven days.
    if searched and walk.floor is not None and "since_id" in refused.detail:
        return None if walk.floor_refused else replace(walk, floor_refused=True)
    return None


def _is_new(walk: Walk, key: int, at: datetime) -> bool:
    """Neither known from an earlier reading nor handed out by this one. What is above the
    ceiling came while walking: the next walk brings it."""
    if walk.floor is not None and key <= walk.floor:
        return False
    if walk.until is not None and key >= walk.until:
        return False
    return walk.down_to is None or at >= walk.down_to


def _beyond(walk: Walk, week: datetime) -> bool:
    """A search that cannot have reached where the last reading ended."""
    wanted = walk.down_to or walk.as_of
    if wanted is not None:
        return wanted < week or walk.floor_refused
    return walk.floor_refused


def _not_down(walk: Walk) -> bool:
    """It should reach down to a time and has not."""
    return walk.down_to is not None and (walk.oldest is None or walk.oldest > walk.down_to)


def _reach_of_search(now: datetime) -> datetime:
    age = REACH[Source.SEARCH].age
    assert age is not None
    return now - age + _EARLY


def _inbox_reach() -> timedelta:
    age = REACH[Source.INBOX].age
    assert age is not None
    return age


def _reads(resource: str, body: Body) -> Reads:
    # X bills each of them once in a UTC day, whichever page it came with.
    named = {
        resource: [str(id_of(one)) for one in body.data],
        "included_user": list(body.users),
        "included_post": list(body.posts),
    }
    keys = {what: tuple(dict.fromkeys(ids)) for what, ids in named.items() if ids}
    return Reads({what: len(ids) for what, ids in keys.items()}, keys=keys)


def _onward(
    walk: Walk, incoming: tuple[Incoming, ...], own: tuple[OwnMessage, ...], reads: Reads
) -> Page:
    return Page(incoming, own, walk.cursor(), complete=False, reads=reads)


def _ended(
    walk: Walk,
    source: Source,
    reads: Reads,
    gap: bool,
    incoming: tuple[Incoming, ...] = (),
    own: tuple[OwnMessage, ...] = (),
) -> Page:
    """The last page of a walk: the floor moves up to its ceiling."""
    assert walk.began is not None
    tops = [key for key in (walk.floor, walk.ceiling) if key is not None]
    resting = Walk(floor=max(tops, default=None), as_of=walk.began)
    start = min(walk.oldest or walk.began, walk.began)
    if gap:
        covered_from: datetime | None = start
    elif walk.down_to is not None:
        covered_from = min(walk.down_to, walk.began)
    elif walk.as_of is not None:
        covered_from = None
    else:
        covered_from = start
    return Page(
        incoming,
        own,
        resting.cursor(),
        complete=True,
        reads=reads,
        gap=gap,
        covered_from=covered_from,
        covered_to=walk.began,
    )
