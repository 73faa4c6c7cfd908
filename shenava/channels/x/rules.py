"""The rules of X, as data: who may be answered, how fast, how far back, at what price.

Read in X's own documentation (its public repository ``xdevplatform/docs``) and announcements;
each entry names the page and the day. ``docs/x.md`` tells the same in whole sentences; a test
holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from shenava.channels.base import Outgoing, Reads
from shenava.channels.rules import (
    Allowed,
    Basis,
    Facts,
    Limit,
    NotAllowed,
    Per,
    Price,
    Reach,
    Reason,
    Rule,
    Ruling,
    WayOut,
    Window,
)
from shenava.channels.x.length import links_in
from shenava.messages import Deed, Source

_PRICING = Basis("https://docs.x.com/x-api/getting-started/pricing", date(2026, 8, 28))
_RATES = Basis("https://docs.x.com/x-api/fundamentals/rate-limits", date(2026, 8, 22))
_POLICY = Basis("https://docs.x.com/developer-terms/policy", date(2026, 8, 22))
_REPLIES = Basis("https://docs.x.com/changelog (23 February 2026)", date(2026, 8, 22))
_TIMELINES = Basis("https://docs.x.com/x-api/posts/timelines/integrate", date(2026, 8, 22))
_DMS = Basis("https://docs.x.com/x-api/direct-messages/lookup/introduction", date(2026, 8, 22))
_SEARCH = Basis("https://docs.x.com/x-api/posts/search/introduction", date(2026, 8, 22))
_MEDIA = Basis("https://docs.x.com/x-api/media/quickstart/best-practices", date(2026, 8, 22))
_HIDING = Basis("https://docs.x.com/x-api/posts/hide-replies/introduction", date(2026, 8, 22))

# --- who may be answered --------------------------------------------------------------------

SUMMONED_ONLY = Rule(
    "x.summoned_only",
    "An answer through the interface is let through only if the author of the post named the "
    "account in it or quoted a post of the account. Enterprise contracts are exempt.",
    _REPLIES,
)
OWN_THREAD = Rule("x.own_thread", "One may go on under one's own posts.", _REPLIES)
NEW_POSTS = Rule("x.new_posts", "New posts are not restricted.", _REPLIES)
DM_CONSENT = Rule(
    "x.dm_consent",
    "Write privately only to people who have written to you or asked for it, and stop as soon "
    "as they ask you to.",
    _POLICY,
)
AUTOMATIC_CONSENT = Rule(
    "x.automatic_consent",
    "Automatic answers need the person's consent first, and an end to them at their word.",
    _POLICY,
)
HIDE_OWN_THREADS = Rule(
    "x.hide_own_threads", "Only answers in threads that one began can be hidden.", _HIDING
)
SAME_TEXT = Rule(
    "x.same_text",
    "No identical or nearly identical posts from several accounts; X refuses an identical post "
    "of one account with 403.",
    _POLICY,
)
REMOVE_DELETED = Rule(
    "x.remove_deleted",
    "What was deleted, withdrawn or hidden on X must be removed here as soon as can be, and "
    "within 24 hours of being asked.",
    _POLICY,
)
REMOVE_WITHIN = timedelta(hours=24)

RULES = (
    SUMMONED_ONLY,
    OWN_THREAD,
    NEW_POSTS,
    DM_CONSENT,
    AUTOMATIC_CONSENT,
    HIDE_OWN_THREADS,
    SAME_TEXT,
    REMOVE_DELETED,
)


def may_answer(facts: Facts) -> Ruling:
    """Whether X lets this deed pass, and if not, what is possible instead. Pure.

    ``facts.summoned`` is ``None`` for what came by import or without its mentions: then the
    platform is the better place, since a refusal would come only after the text is written.
    """
    if facts.opted_out and facts.deed in (Deed.ANSWER, Deed.DM):
        return NotAllowed(Reason.OPTED_OUT, WayOut.WAIT_FOR_CUSTOMER, DM_CONSENT)
    if facts.deed is Deed.POST:
        return Allowed(NEW_POSTS)
    if facts.deed is Deed.HIDE:
        if facts.under_own_post:
            return Allowed(HIDE_OWN_THREADS)
        return NotAllowed(Reason.NOT_OWN_POST, WayOut.OPEN_ON_PLATFORM, HIDE_OWN_THREADS)
    if facts.deed is Deed.DM:
        return _may_write_privately(facts)
    if facts.own_message:
        return Allowed(OWN_THREAD)
    if facts.summoned or (facts.unrestricted and not facts.automatic):
        return Allowed(SUMMONED_ONLY)
    if facts.automatic:
        return NotAllowed(Reason.NO_CONSENT, WayOut.OPEN_ON_PLATFORM, AUTOMATIC_CONSENT)
    reason = Reason.SUMMONS_UNKNOWN if facts.summoned is None else Reason.NOT_SUMMONED
    return NotAllowed(reason, WayOut.OPEN_ON_PLATFORM, SUMMONED_ONLY)


def window_of(deed: Deed, opened_at: datetime, now: datetime) -> Window | None:
    """X knows no windows: who may be answered, may be at any time."""
    return None


def may_repeat(deed: Deed) -> bool:
    """Whether the same, sent once more, can never show twice: X refuses it (``SAME_TEXT``), or
    twice is the same as once. Of private messages X says nothing like that."""
    return deed is not Deed.DM


def _may_write_privately(facts: Facts) -> Ruling:
    if facts.wrote_privately or (facts.asked_privately and not facts.automatic):
        return Allowed(DM_CONSENT)
    way_out = WayOut.ANSWER_PUBLICLY if facts.summoned else WayOut.WAIT_FOR_CUSTOMER
    return NotAllowed(Reason.NO_CONSENT, way_out, DM_CONSENT)


def takes_picture(deed: Deed) -> bool:
    """Whether a picture can go with it: X takes one with posts, answers and private messages."""
    return deed in (Deed.POST, Deed.ANSWER, Deed.DM)


# --- how fast -------------------------------------------------------------------------------

_QUARTER = timedelta(minutes=15)
_DAY = timedelta(hours=24)
PICTURE_LIMIT_BYTES = 5 * 1024 * 1024
"""The largest picture that X takes for a post or a private message."""
PICTURE_LIMIT_BASIS = _MEDIA
LOOK_UP_LIMIT = 100
"""Posts in one look-up (X's OpenAPI document 2.159, ``getPostsByIds``)."""
SEARCH_QUERY_LIMIT = 512
"""Characters of a search on self-serve plans (rate-limit page)."""


def _limits(endpoint: str, *counted: tuple[Per, int, timedelta]) -> tuple[Limit, ...]:
    return tuple(Limit(endpoint, per, count, window, _RATES) for per, count, window in counted)


ENDPOINTS: Mapping[str, tuple[Limit, ...]] = {
    "me": _limits("me", (Per.USER, 75, _QUARTER)),
    "mentions": _limits("mentions", (Per.USER, 300, _QUARTER), (Per.APP, 450, _QUARTER)),
    "search": _limits("search", (Per.USER, 300, _QUARTER), (Per.APP, 450, _QUARTER)),
    "own_posts": _limits("own_posts", (Per.USER, 900, _QUARTER), (Per.APP, 10_000, _QUARTER)),
    "look_up": _limits("look_up", (Per.USER, 5_000, _QUARTER), (Per.APP, 3_500, _QUARTER)),
    "dm_events": _limits("dm_events", (Per.USER, 15, _QUARTER)),
    "dm_with": _limits("dm_with", (Per.USER, 15, _QUARTER)),
    "post": _limits("post", (Per.USER, 100, _QUARTER), (Per.APP, 10_000, _DAY)),
    "dm": _limits("dm", (Per.USER, 15, _QUARTER), (Per.USER, 1_440, _DAY), (Per.APP, 1_440, _DAY)),
    "hide": _limits("hide", (Per.USER, 50, _QUARTER)),
    "upload": _limits("upload", (Per.USER, 500, _QUARTER), (Per.APP, 50_000, _DAY)),
    "alt_text": _limits("alt_text", (Per.USER, 500, _QUARTER), (Per.APP, 50_000, _DAY)),
}
"""Paces by endpoint. X counts a request made with a user's token against the user; the figures
for the app bind all accounts of the app together and are held too, to be on the safe side."""

_OF_DEED = {Deed.ANSWER: "post", Deed.POST: "post", Deed.DM: "dm", Deed.HIDE: "hide"}
_OF_SOURCE = {
    Source.MENTION: "mentions",
    Source.SEARCH: "search",
    Source.INBOX: "dm_events",
    Source.OWN: "own_posts",
}


def limits_of(what: Deed | Source) -> tuple[Limit, ...]:
    """The paces that one deed, or one page of a source, counts against.

    Raises ``KeyError`` for a source that X has not.
    """
    endpoint = _OF_DEED[what] if isinstance(what, Deed) else _OF_SOURCE[what]
    return ENDPOINTS[endpoint]


# --- how far back ---------------------------------------------------------------------------

REACH: Mapping[Source, Reach] = {
    Source.MENTION: Reach(800, None, _TIMELINES),
    Source.OWN: Reach(3_200, None, _TIMELINES),
    Source.SEARCH: Reach(None, timedelta(days=7), _SEARCH),
    Source.INBOX: Reach(None, timedelta(days=30), _DMS),
}

# --- at what price --------------------------------------------------------------------------

_GUESS = Basis(_PRICING.source, _PRICING.read_on, sure=False)

PRICES: Mapping[str, Price] = {
    price.code: price
    for price in (
        Price("owned_post", 1_000, _PRICING),
        Price("post", 5_000, _PRICING),
        Price("user", 10_000, _PRICING),
        Price("dm_event", 10_000, _PRICING),
        # X bills what a request returns; whether authors and quoted posts that come along with
        # posts count is not said. They are counted, so that the figure can be put right here.
        Price("included_user", 0, _GUESS),
        Price("included_post", 0, _GUESS),
        Price("send:post", 15_000, _PRICING),
        Price("send:post_with_link", 200_000, _PRICING),
        Price("send:summoned_answer", 10_000, _PRICING),
        Price("send:dm", 15_000, _PRICING),
        Price("send:hide", 5_000, _PRICING),
        Price("send:alt_text", 5_000, _PRICING),
        # No price is given for the upload itself.
        Price("send:picture", 0, _GUESS),
    )
}


def price_of(outgoing: Outgoing, summoned: bool = False) -> int:
    """What sending this costs, in micros.

    ``summoned``: it answers a post whose author summoned us. An answer with a link is taken to
    cost what a post with a link does: X does not say otherwise, and the dearer is the safer.
    """
    if outgoing.deed is Deed.HIDE:
        return PRICES["send:hide"].micros
    micros = 0
    if outgoing.picture is not None:
        micros += PRICES["send:picture"].micros
        if outgoing.picture_alt:
            micros += PRICES["send:alt_text"].micros
    if outgoing.deed is Deed.DM:
        return micros + PRICES["send:dm"].micros
    if links_in(outgoing.text):
        return micros + PRICES["send:post_with_link"].micros
    if outgoing.deed is Deed.ANSWER and summoned:
        return micros + PRICES["send:summoned_answer"].micros
    return micros + PRICES["send:post"].micros


def read_price(reads: Reads) -> int:
    """What a reading cost, in micros; at most, for X bills a resource once a UTC day.

    Raises ``KeyError`` for a kind of resource without a price: a meter must not guess.
    """
    return sum(PRICES[what].micros * count for what, count in reads.resources.items())


def page_price(source: Source, *, owns_app: bool = True) -> int:
    """The most that one page of a source can cost, in micros."""
    return 100 * PRICES[resource_of(source, owns_app=owns_app)].micros


def backfill_price(source: Source, *, owns_app: bool = True) -> int | None:
    """The most that reading a source as far back as it goes can cost, in micros; ``None`` where
    X sets no bound (search, DMs: as much as was written)."""
    reach = REACH[source].messages
    if reach is None:
        return None
    return reach * PRICES[resource_of(source, owns_app=owns_app)].micros


def resource_of(source: Source, *, owns_app: bool = True) -> str:
    """The kind of price of what a source returns. X's cheap price for own data holds only where
    the account is the owner of the developer app (``owns_app``)."""
    if source is Source.INBOX:
        return "dm_event"
    if source is Source.SEARCH or not owns_app:
        return "post"
    return "owned_post"
