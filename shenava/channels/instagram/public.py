"""What is public on Instagram, read as a visitor of its website: by instaloader, best effort.

The official interface shows a shop its own posts, and tags to those with a Facebook login. This
reads more: posts that tag any account, hashtags, comments of any public post. It has its price,
which is told where it is switched on: Instagram forbids automated reading of its website in its
terms, may limit or close the account whose session is used, and changes its pages every few weeks,
whereupon instaloader needs an upgrade. So it is off unless somebody switches it on, behind a
breaker (``service.public_reading``), and **never the only way to see a complaint**: it vouches for
no stretch of time.

instaloader 4.16 (source read 2026-11-22) is kept on a short leash: its rate controller does not
sleep but gives up; one attempt, with a time-out; no pauses of its own; no files; nothing on the
terminal. A checkpoint is raised as ``AbortDownloadException``, which is no
``InstaloaderException``; with one attempt, a 429 comes wrapped in a ``ConnectionException``.
"""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import instaloader
import requests

from shenava.channels.base import Cursor, Outgoing, Page, Profile, Reads, Sent
from shenava.channels.errors import (
    ChannelError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.instagram.links import PUBLIC, shortcode_of
from shenava.clock import Clock
from shenava.messages import (
    AccountRef,
    Author,
    Incoming,
    MediaKind,
    MediaRef,
    MessageKind,
    PostRef,
    Source,
)

T = TypeVar("T")

SITE = "https://www.instagram.com"
TIMEOUT_S = 20.0
MOST_POSTS = 48
"""Posts of one reading: four answers of Instagram. What lies behind them was there before."""
MOST_COMMENTS = 150
PAGE = 12
_SLACK = timedelta(hours=6)
"""Lists are only nearly in order of time."""
_SETTLED = timedelta(hours=1)
_AFTER_429 = timedelta(minutes=30)
_AFTER_WAIT = timedelta(hours=1)

_HASHTAG = re.compile(r"\w{1,100}")
_HANDLE = re.compile(r"[A-Za-z0-9._]{1,30}")


# --- what is asked for ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to read: posts that tag an account, posts with a hashtag, comments of one post."""

    tagged: str | None = None
    hashtag: str | None = None
    shortcode: str | None = None

    @property
    def query(self) -> str:
        """As the feed's row has it."""
        if self.tagged is not None:
            return f"{PUBLIC}@{self.tagged}"
        return f"{PUBLIC}#{self.hashtag}" if self.hashtag else f"{PUBLIC}/p/{self.shortcode}"


def wanted_of(query: str) -> Wanted:
    """What a feed's query asks for. Raises ``ValueError``."""
    said = query.removeprefix(PUBLIC)
    if said.startswith("@") and _HANDLE.fullmatch(said[1:]):
        return Wanted(tagged=said[1:].lower())
    if said.startswith("#") and _HASHTAG.fullmatch(said[1:]):
        return Wanted(hashtag=said[1:])
    code = shortcode_of(said)
    if code is None:
        raise ValueError(f"{said!r} is no @account, no #hashtag and no address of a post")
    return Wanted(shortcode=code)


# --- the session ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WebSession:
    """The cookies of somebody who is logged in on the website. Never printed."""

    username: str
    cookies: Mapping[str, str] = field(repr=False)


class _NoClasses(pickle.Unpickler):
    """A session file is a dictionary of words. A pickle that names any class is something else."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def session_of(username: str, content: bytes) -> WebSession:
    """The session in a file that ``instaloader --login`` has written. Raises ``ValueError``."""
    try:
        found = _NoClasses(io.BytesIO(content)).load()
    except Exception:
        raise ValueError("this is no session file of instaloader") from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(value, str) for name, value in found.items()
    ):
        raise ValueError("this is no session file of instaloader")
    if not found.get("sessionid") or "csrftoken" not in found:
        raise ValueError("the session in this file is not logged in; make it anew")
    return WebSession(username, found)


# --- how it fails -----------------------------------------------------------------------------


class _MustWait(Exception):
    """instaloader's own count says: later."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = seconds


class _NeverSleeps(instaloader.RateController):
    def sleep(self, secs: float) -> None:
        raise _MustWait(secs)


_CHANGED = (
    instaloader.BadResponseException,
    instaloader.QueryReturnedBadRequestException,
    instaloader.PostChangedException,
    json.JSONDecodeError,
    requests.exceptions.JSONDecodeError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    AssertionError,
)
"""What comes of a page that is not as instaloader knows it."""


def failure_of(error: BaseException, now: datetime) -> ChannelError:
    """One of our kinds for whatever instaloader raised."""
    chain = list(_chain(error))
    said = " ".join(str(one) for one in chain).lower()
    if (wait := next((one for one in chain if isinstance(one, _MustWait)), None)) is not None:
        return RateLimited(now + timedelta(seconds=wait.seconds), named=False)
    if any(isinstance(one, instaloader.TooManyRequestsException) for one in chain):
        return RateLimited(now + _AFTER_429, named=False)
    if any(isinstance(one, instaloader.AbortDownloadException) for one in chain):
        return Unauthorised("Instagram wants a person to look after the session")
    if "please wait" in said or "wait a few minutes" in said:
        return RateLimited(now + _AFTER_WAIT, named=False)
    if (
        any(
            isinstance(one, instaloader.LoginRequiredException | instaloader.LoginException)
            for one in chain
        )
        or "401 unauthorized" in said
    ):
        return Unauthorised("the session is not logged in any more")
    if any(
        isinstance(
            one,
            instaloader.ProfileNotExistsException
            | instaloader.QueryReturnedNotFoundException
            | instaloader.PrivateProfileNotFollowedException,
        )
        for one in chain
    ):
        return Rejected(RejectedBecause.NOT_FOUND, "there is nothing public of that name")
    if any(isinstance(one, _CHANGED) for one in chain):
        return Rejected(RejectedBecause.BAD_REQUEST, "Instagram's page is not as it was")
    return Unreachable("Instagram's website could not be read")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _say_nothing(*_: object, **__: object) -> None:
    return None


# --- reading ----------------------------------------------------------------------------------


class PublicInstagram:
    """Reads one :class:`Wanted` thing with a session; see :class:`shenava.channels.Channel`.

    ``account``: the shop's account for which it is read. ``site``: how addresses of posts begin.
    It can neither check keys nor send.
    """

    def __init__(
        self,
        session: WebSession,
        account: AccountRef,
        query: str,
        clock: Clock,
        *,
        site: str = SITE,
    ) -> None:
        self._account, self._clock, self._site = account, clock, site
        self._wanted = wanted_of(query)
        self._session = session
        self._loader: Any = None
        self._rest: Iterator[Incoming] | None = None
        self._top: datetime | None = None
        self._read = 0

    def __repr__(self) -> str:
        return f"<PublicInstagram {self._wanted.query}>"

    def sources(self) -> Sequence[Source]:
        return (Source.SEARCH,)

    def check(self) -> Profile:
        """Ask the website who is logged in."""

        def ask() -> str | None:
            found: str | None = self._context().test_login()
            return found

        username = self._guarded(ask)
        if username is None:
            raise Unauthorised("the session is not logged in any more")
        return Profile(self._session.cookies.get("ds_user_id", username), username, username, None)

    def read(self, source: Source, cursor: Cursor) -> Page:
        """The next dozen. The cursor keeps the time of the newest that a whole reading has seen; it
        moves at the end of a reading only, so that one which fails is begun again."""
        if source is not Source.SEARCH:
            raise Rejected(RejectedBecause.BAD_REQUEST, f"{source} is not public")
        floor = datetime.fromisoformat(cursor["seen"]) if cursor.get("seen") else None

        def some() -> list[Incoming]:
            if self._rest is None:
                self._rest = self._found(floor)
            return list(islice(self._rest, PAGE))

        items = self._guarded(some)
        self._read += len(items)
        for item in items:
            self._top = max(self._top or item.written_at, item.written_at)
        complete = len(items) < PAGE
        seen = {"seen": cursor["seen"]} if cursor.get("seen") else {}
        if complete and self._top is not None and (floor is None or self._top > floor):
            seen = {"seen": self._top.isoformat()}
        # It claims no stretch: nobody promises that this list is whole.
        return Page(tuple(items), (), seen, complete, Reads({"public": len(items)}))

    def send(self, outgoing: Outgoing) -> Sent:
        raise Rejected(RejectedBecause.NOT_ALLOWED, "what is public is read only")

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        raise OutcomeUnknown("what is public is read only")

    def take_reads(self) -> Reads:
        return Reads(requests=0)

    def _found(self, floor: datetime | None) -> Iterator[Incoming]:
        wanted = self._wanted
        if wanted.shortcode is not None:
            post = instaloader.Post.from_shortcode(self._context(), wanted.shortcode)
            yield from islice(self._comments(post), MOST_COMMENTS)
            return
        posts: Iterable[Any]
        if wanted.tagged is not None:
            profile = instaloader.Profile.from_username(self._context(), wanted.tagged)
            posts = profile.get_tagged_posts()
        else:
            posts = instaloader.Hashtag.from_name(
                self._context(), wanted.hashtag or ""
            ).get_posts_resumable()
        for post in islice(posts, MOST_POSTS):
            at = post.date_utc.replace(tzinfo=UTC)
            if floor is not None and at < floor - _SLACK:
                return
            if floor is not None and at < floor - _SETTLED:
                # Seen by a reading before; asking who posted it would cost a request.
                continue
            if (item := self._post(post, at)) is not None:
                yield item

    def _post(self, post: Any, at: datetime) -> Incoming | None:
        handle = str(post.owner_username)
        if handle.casefold() == self._account.handle.casefold():
            return None
        link = f"{self._site}/p/{post.shortcode}/"
        key = str(post.mediaid)
        mentions = self._wanted.tagged is not None
        return Incoming(
            account=self._account,
            native_key=key,
            kind=MessageKind.MENTION if mentions else MessageKind.POST,
            author=Author(None, handle),
            text=post.caption or "",
            written_at=at,
            source=Source.SEARCH,
            post=PostRef(key, link),
            permalink=link,
            media=(MediaRef(key, None, MediaKind.VIDEO if post.is_video else MediaKind.PHOTO),),
            summoned=True if mentions else None,
        )

    def _comments(self, post: Any) -> Iterator[Incoming]:
        key, link = str(post.mediaid), f"{self._site}/p/{post.shortcode}/"
        for comment in post.get_comments():
            at = comment.created_at_utc
            if (item := self._comment(comment, at, key, link, key)) is not None:
                yield item
            for answer in comment.answers:
                found = self._comment(answer, answer.created_at_utc, key, link, str(comment.id))
                if found is not None:
                    yield found

    def _comment(
        self, comment: Any, at: datetime, post: str, link: str, answers: str
    ) -> Incoming | None:
        handle = str(comment.owner.username)
        if handle.casefold() == self._account.handle.casefold():
            return None
        return Incoming(
            account=self._account,
            native_key=str(comment.id),
            kind=MessageKind.COMMENT,
            author=Author(None, handle),
            text=comment.text or "",
            written_at=at.replace(tzinfo=UTC),
            source=Source.SEARCH,
            post=PostRef(post, link),
            reply_to_key=answers,
            permalink=f"{link}c/{comment.id}/",
        )

    def _context(self) -> Any:
        if self._loader is None:
            self._loader = instaloader.Instaloader(
                sleep=False,
                quiet=True,
                max_connection_attempts=1,
                request_timeout=TIMEOUT_S,
                rate_controller=_NeverSleeps,
                download_pictures=False,
                download_videos=False,
                save_metadata=False,
            )
            # It would write what it thinks to the terminal, addresses and all.
            self._loader.context.error = _say_nothing
            self._loader.load_session(self._session.username, dict(self._session.cookies))
        return self._loader.context

    def _guarded(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except ChannelError:
            raise
        except Exception as error:
            self._rest = None
            raise failure_of(error, self._clock.now()) from None
