"""The rules of Instagram, as data: who may be answered, in which window, how fast, how long.

Read in Meta's own documentation; each entry names the page and the day. ``docs/instagram.md`` tells
the same in whole sentences; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from shenava.channels.base import Outgoing, Reads
from shenava.channels.rules import (
    Allowed,
    Basis,
    Facts,
    Length,
    LengthInBytes,
    Limit,
    NotAllowed,
    Per,
    Reach,
    Reason,
    Rule,
    Ruling,
    WayOut,
    Window,
    window_for,
)
from shenava.messages import Deed, MessageKind, Source

_META = "https://developers.facebook.com/documentation"
_PLATFORM = f"{_META}/instagram-platform"
_READ = date(2026, 11, 22)
_MESSAGING = Basis(f"{_PLATFORM}/instagram-api-with-instagram-login/messaging-api", _READ)
_CONVERSATIONS = Basis(f"{_PLATFORM}/instagram-api-with-instagram-login/conversations-api", _READ)
_PRIVATE_REPLIES = Basis(f"{_PLATFORM}/private-replies", _READ)
_HUMAN_AGENT = Basis("https://developers.facebook.com/docs/features-reference/human-agent", _READ)
_MODERATION = Basis(f"{_PLATFORM}/comment-moderation", _READ)
_COMMENTS = Basis(f"{_PLATFORM}/instagram-graph-api/reference/ig-media/comments", _READ)
_PUBLISHING = Basis(f"{_PLATFORM}/content-publishing", _READ)
_PUBLISH = Basis(f"{_PLATFORM}/instagram-graph-api/reference/ig-user/media_publish", _READ)
_MEDIA = Basis(f"{_PLATFORM}/instagram-graph-api/reference/ig-user/media", _READ)
_HASHTAGS = Basis(f"{_PLATFORM}/instagram-graph-api/reference/ig-hashtag", _READ)
_RATES = Basis(
    f"{_META}/business-messaging/messenger-platform/overview/rate-limiting (23 March 2026)", _READ
)
_GRAPH_RATES = Basis("https://developers.facebook.com/docs/graph-api/overview/rate-limiting", _READ)
_COMMENT_LENGTH = Basis("what the app takes; Meta's pages name no figure", _READ, sure=False)

_DAY = timedelta(hours=24)
_WEEK = timedelta(days=7)

# --- windows --------------------------------------------------------------------------------

STANDARD = Window("instagram.standard", Deed.DM, _DAY, _MESSAGING)
HUMAN_AGENT = Window("instagram.human_agent", Deed.DM, _WEEK, _HUMAN_AGENT, people_only=True)
PRIVATE_REPLY = Window(
    "instagram.private_reply", Deed.PRIVATE_REPLY, _WEEK, _PRIVATE_REPLIES, once=True
)
WINDOWS = (STANDARD, HUMAN_AGENT, PRIVATE_REPLY)

# --- who may be answered --------------------------------------------------------------------

PUBLIC_ANSWER = Rule(
    "instagram.public_answer",
    "Comments under one's own posts may be answered in public at any time; an answer to an answer "
    "is put under the first comment. Hidden comments and those under live films cannot be.",
    _MODERATION,
)
OWN_POSTS_ONLY = Rule(
    "instagram.own_posts_only",
    "The interface answers, hides and takes away comments under one's own posts only.",
    _MODERATION,
)
WITHIN_A_DAY = Rule(
    "instagram.within_a_day",
    "A customer who wrote privately may be answered within 24 hours of their last message.",
    _MESSAGING,
)
WITHIN_A_WEEK = Rule(
    "instagram.within_a_week",
    "After that, and within seven days, only a person may answer (tag HUMAN_AGENT, which Meta "
    "approves by app review and business verification).",
    _HUMAN_AGENT,
)
FIRST_BY_CUSTOMER = Rule(
    "instagram.first_by_customer",
    "A private conversation begins with a message of the customer. A private reply to a comment "
    "begins none until they answer it.",
    _MESSAGING,
)
ONE_PRIVATE_REPLY = Rule(
    "instagram.one_private_reply",
    "A comment may have one private reply, within seven days.",
    _PRIVATE_REPLIES,
)
PICTURE_POSTS = Rule(
    "instagram.picture_posts",
    "A post needs a picture (JPEG), which Instagram fetches from a public address.",
    _PUBLISHING,
)
RULES = (
    PUBLIC_ANSWER,
    OWN_POSTS_ONLY,
    WITHIN_A_DAY,
    WITHIN_A_WEEK,
    FIRST_BY_CUSTOMER,
    ONE_PRIVATE_REPLY,
    PICTURE_POSTS,
)


def may_answer(facts: Facts) -> Ruling:
    """Whether Instagram lets this deed pass, and if not, what is possible instead. Pure.

    Without ``facts.now`` windows count as open: nothing is being sent yet.
    """
    if facts.opted_out and facts.deed in (Deed.ANSWER, Deed.DM, Deed.PRIVATE_REPLY):
        return NotAllowed(Reason.OPTED_OUT, WayOut.NONE, FIRST_BY_CUSTOMER)
    if facts.deed is Deed.POST:
        if facts.has_picture:
            return Allowed(PICTURE_POSTS)
        return NotAllowed(Reason.NO_PICTURE, WayOut.ADD_PICTURE, PICTURE_POSTS)
    if facts.deed is Deed.DM:
        return _may_write(facts)
    if facts.own_message and facts.deed in (Deed.ANSWER, Deed.DELETE):
        return Allowed(PUBLIC_ANSWER if facts.deed is Deed.ANSWER else OWN_POSTS_ONLY)
    if not (facts.kind is MessageKind.COMMENT or facts.under_own_post):
        return NotAllowed(Reason.NOT_OWN_POST, WayOut.OPEN_ON_PLATFORM, OWN_POSTS_ONLY)
    if facts.deed is Deed.PRIVATE_REPLY:
        return _may_reply_privately(facts)
    return Allowed(PUBLIC_ANSWER if facts.deed is Deed.ANSWER else OWN_POSTS_ONLY)


def _may_write(facts: Facts) -> Ruling:
    if not facts.wrote_privately:
        comment = facts.kind is MessageKind.COMMENT
        way_out = WayOut.ANSWER_PRIVATELY if comment else WayOut.WAIT_FOR_CUSTOMER
        return NotAllowed(Reason.NO_CONSENT, way_out, FIRST_BY_CUSTOMER)
    opened_at, now = facts.wrote_privately_at, facts.now
    if opened_at is None or now is None:
        return Allowed(WITHIN_A_DAY)
    window = window_for(WINDOWS, Deed.DM, opened_at, now)
    if window is None:
        return NotAllowed(Reason.WINDOW_CLOSED, WayOut.OPEN_ON_PLATFORM, WITHIN_A_WEEK)
    if window.people_only and (facts.automatic or facts.one_of_many):
        return NotAllowed(Reason.PEOPLE_ONLY, WayOut.WAIT_FOR_CUSTOMER, WITHIN_A_WEEK)
    rule = WITHIN_A_WEEK if window.people_only else WITHIN_A_DAY
    return Allowed(rule, window.ends(opened_at), window)


def _may_reply_privately(facts: Facts) -> Ruling:
    if facts.answered_privately:
        return NotAllowed(Reason.ANSWERED_PRIVATELY, WayOut.ANSWER_PUBLICLY, ONE_PRIVATE_REPLY)
    if facts.written_at is None or facts.now is None:
        return Allowed(ONE_PRIVATE_REPLY)
    if not PRIVATE_REPLY.is_open(facts.written_at, facts.now):
        return NotAllowed(Reason.WINDOW_CLOSED, WayOut.ANSWER_PUBLICLY, ONE_PRIVATE_REPLY)
    return Allowed(ONE_PRIVATE_REPLY, PRIVATE_REPLY.ends(facts.written_at), PRIVATE_REPLY)


def window_of(deed: Deed, opened_at: datetime, now: datetime) -> Window | None:
    """The window for ``deed`` that closes next; ``None`` when there is none, or all are over."""
    return window_for(WINDOWS, deed, opened_at, now)


def may_repeat(deed: Deed) -> bool:
    """Whether the same, sent once more, can never show twice: a comment has one private reply
    (``ONE_PRIVATE_REPLY``), and hiding twice is hiding once. All else Instagram takes in again,
    word for word."""
    return deed in (Deed.PRIVATE_REPLY, Deed.HIDE, Deed.DELETE)


def needs_picture(deed: Deed) -> bool:
    """Whether Instagram takes ``deed`` with a picture only."""
    return deed is Deed.POST


def takes_picture(deed: Deed) -> bool:
    """Whether a picture of ours may go along. Private messages take one in place of words, which
    nobody is offered here."""
    return deed is Deed.POST


# --- how fast -------------------------------------------------------------------------------

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)

ENDPOINTS: Mapping[str, tuple[Limit, ...]] = {
    # Meta's two pages name 100 and 300 a second; the smaller is held.
    "dm": (Limit("dm", Per.USER, 100, _SECOND, _GRAPH_RATES),),
    "private_reply": (Limit("private_reply", Per.USER, 750, _HOUR, _RATES),),
    # Pages of Meta name 25, 50 and 100; the reference of the endpoint itself is held.
    "post": (Limit("post", Per.USER, 50, _DAY, _PUBLISH),),
}
"""Paces that Meta names as figures. What else it allows grows with the reach of the account and
is told in a header of each answer only: see :func:`shenava.channels.instagram.failures.usage_of`.
"""
CONVERSATIONS = Limit("conversations", Per.USER, 2, _SECOND, _RATES)
"""Of reading private messages: a page of them is so many requests, and says when the next may
follow. What a webhook points to is asked for besides; what comes too fast all the same is refused
(613), and tried again later."""

_OF_DEED = {
    Deed.DM: ("dm",),
    Deed.PRIVATE_REPLY: ("dm", "private_reply"),
    Deed.POST: ("post",),
}


def limits_of(what: Deed | Source) -> tuple[Limit, ...]:
    """The paces that one deed counts against; of reading none is reserved."""
    if isinstance(what, Source):
        return ()
    return tuple(limit for name in _OF_DEED.get(what, ()) for limit in ENDPOINTS[name])


# --- how long -------------------------------------------------------------------------------

MESSAGE_BYTES = 1_000
"""Of a private message, in UTF-8: some five hundred letters of Persian or Arabic."""
MESSAGE_BASIS = _MESSAGING
COMMENT_CHARACTERS = 2_200
COMMENT_BASIS = _COMMENT_LENGTH
CAPTION_CHARACTERS = 2_200
CAPTION_HASHTAGS = 30
CAPTION_BASIS = _MEDIA
PICTURE_LIMIT_BYTES = 8 * 1024 * 1024
PICTURE_LIMIT_BASIS = _MEDIA
ALT_CHARACTERS = 1_000


def length_of(text: str, deed: Deed = Deed.ANSWER) -> Length:
    """How long a text is for ``deed``, as Instagram counts."""
    if deed in (Deed.DM, Deed.PRIVATE_REPLY):
        return LengthInBytes(len(text.encode("utf-8", "replace")), MESSAGE_BYTES)
    limit = CAPTION_CHARACTERS if deed is Deed.POST else COMMENT_CHARACTERS
    return Length(len(text), limit)


# --- how far back ---------------------------------------------------------------------------

WATCHED_POSTS = 200
"""The newest posts whose comments are looked for; those under older ones come by webhook only."""
COMMENTS_PAGE = 50
"""The most that Instagram gives at once."""
CONVERSATION_MESSAGES = 20
"""The newest of a conversation; of older ones Instagram tells nothing but that they are."""
HASHTAG_REACH = _DAY
HASHTAGS_PER_WEEK = 30

REACH: Mapping[Source, Reach] = {
    Source.COMMENT: Reach(None, None, _COMMENTS),
    Source.INBOX: Reach(CONVERSATION_MESSAGES, None, _CONVERSATIONS),
    Source.MENTION: Reach(
        None, None, Basis(f"{_PLATFORM}/instagram-graph-api/reference/ig-user/tags", _READ)
    ),
    Source.SEARCH: Reach(None, HASHTAG_REACH, _HASHTAGS),
}

# --- at what price --------------------------------------------------------------------------


def price_of(outgoing: Outgoing, summoned: bool = False) -> int:
    """Nothing: Meta asks no money for this interface."""
    return 0


def read_price(reads: Reads) -> int:
    """Nothing."""
    return 0


def page_price(source: Source) -> int:
    """Nothing."""
    return 0
