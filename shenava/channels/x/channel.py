"""One account on X, ready to be used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from requests.auth import AuthBase

from shenava.channels import media
from shenava.channels.base import Cursor, LookedUp, Outgoing, Page, Profile, Reads, Sent
from shenava.channels.errors import Rejected, RejectedBecause, Unauthorised, Unreachable
from shenava.channels.wire import Timeouts, Wire
from shenava.channels.x import oauth
from shenava.channels.x.client import API, Client, auth_of
from shenava.channels.x.credentials import Credentials, OAuth1, OAuth2
from shenava.channels.x.failures import TALK
from shenava.channels.x.parse import Body, Us, body_of, profile_of
from shenava.channels.x.read import Reader, cursor_from
from shenava.channels.x.rules import LOOK_UP_LIMIT, resource_of
from shenava.channels.x.send import Sender
from shenava.clock import Clock
from shenava.messages import AccountRef, MediaRef, Platform, Source

WEB = "https://x.com"
_PICTURES = (".twimg.com",)
_PRIVATE_PICTURES = ("ton.twitter.com", "ton.x.com")
"""Where pictures of private messages lie: given out against an OAuth 1.0a signature only."""


class XChannel:
    """Reads and writes in the name of one account on X; see :class:`shenava.channels.Channel`.

    ``profile``: whose account it is, if that is known; else X is asked once, when it is first
    needed, at the price of one user. ``query``: what ``Source.SEARCH`` searches for, in X's own
    operators (:func:`shenava.channels.x.query_of` makes one). ``owns_app``: the account is the
    owner of the developer app, so that its own data is read at X's cheap price. ``settle``: see
    :class:`shenava.channels.x.send.Sender`. ``long_posts``: the account has Premium.

    ``base_url`` is for a rehearsal: another place that speaks X's interface. Links to posts then
    lead there, and pictures may lie there. ``web_url`` overrides where links to posts lead.

    Raises ``ValueError`` for credentials, addresses or queries that cannot be right.
    """

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        *,
        base_url: str | None = None,
        timeout: Timeouts | None = None,
        profile: Profile | None = None,
        query: str = "",
        owns_app: bool = True,
        long_posts: bool = False,
        settle: timedelta = timedelta(seconds=90),
        web_url: str | None = None,
    ) -> None:
        query.encode()  # a lone surrogate would fail in the middle of a request
        self._credentials = credentials
        self._clock = clock
        self._wire = Wire(base_url or API, timeout)
        self._real = base_url is None
        self._client = Client(credentials, clock, self._wire)
        self._profile = profile
        self._query = query
        self._owns_app = owns_app
        self._long_posts = long_posts
        self._settle = settle
        self._web_url = (web_url or base_url or WEB).rstrip("/")
        self._sender: Sender | None = None
        self._asked = 0

    def __repr__(self) -> str:
        handle = self._profile.handle if self._profile else "?"
        return f"<XChannel @{handle} at {self._wire.host}>"

    # --- who we are -------------------------------------------------------------------------

    def check(self) -> Profile:
        answer = self._client.api.get_me(user_fields=["name", "public_metrics", "username"])
        self._asked += 1
        profile = profile_of(answer)
        if profile is None:
            raise Unreachable("X did not say whose keys these are")
        self._profile = profile
        return profile

    def sources(self) -> Sequence[Source]:
        told = [Source.MENTION, Source.OWN]
        credentials = self._credentials
        if isinstance(credentials, OAuth1) or credentials.allows("dm.read"):
            told.append(Source.INBOX)
        if self._query:
            told.append(Source.SEARCH)
        return told

    def _us(self) -> Us:
        profile = self._profile or self.check()
        return Us(profile, AccountRef(Platform.X, profile.handle), self._web_url)

    # --- tokens -----------------------------------------------------------------------------

    @property
    def expires_at(self) -> datetime | None:
        """When the access token ends; ``None`` for keys that do not (OAuth 1.0a)."""
        return self._credentials.expires_at if isinstance(self._credentials, OAuth2) else None

    def refresh(self) -> OAuth2:
        """Ask X for the next pair of tokens, and hand it back without using it.

        The old pair is worth nothing from here on, and a pair can be asked for once. So: store
        what this hands back, commit, then call :meth:`use`. One worker at a time.

        Raises ``Unauthorised`` when a person must connect again.
        """
        if not isinstance(self._credentials, OAuth2):
            raise Unauthorised("these keys do not expire; if X refuses them, connect again")
        return oauth.refresh(self._wire, self._clock, self._credentials)

    def use(self, credentials: Credentials) -> None:
        """From now on use these, which have been stored."""
        self._credentials = credentials
        self._client.use(credentials)

    # --- reading ----------------------------------------------------------------------------

    def read(self, source: Source, cursor: Cursor) -> Page:
        if source not in self.sources():
            raise Rejected(RejectedBecause.BAD_REQUEST, f"cannot read {source} with these keys")
        reader = Reader(self._client, self._us(), self._query, self._owns_app)
        return reader.page(source, cursor, self._clock.now())

    def cursor_from(self, source: Source, since: datetime) -> Cursor:
        return cursor_from(since)

    def look_up(self, keys: Sequence[str]) -> LookedUp:
        """Which of at most :data:`shenava.channels.x.rules.LOOK_UP_LIMIT` posts are still there.

        Costs a post read for each that is; what is gone costs nothing. Raises ``ValueError`` for
        more keys than that.
        """
        if len(keys) > LOOK_UP_LIMIT:
            raise ValueError(f"at most {LOOK_UP_LIMIT} posts can be looked up at once")
        asked = [key for key in dict.fromkeys(keys) if key.isascii() and key.isdigit()]
        if not asked:
            return LookedUp(frozenset(), frozenset(), frozenset(), {}, Reads(requests=0))
        answer = self._client.api.get_tweets(asked, tweet_fields=["edit_history_tweet_ids"])
        return _looked_up(body_of(answer), set(asked))

    def fetch_media(self, ref: MediaRef, max_bytes: int) -> bytes:
        signer: AuthBase | None = None
        if isinstance(self._credentials, OAuth1):
            signer = auth_of(self._credentials)
        hosts = media.Hosts(
            open=_PICTURES,
            signed=_PRIVATE_PICTURES,
            signer=signer,
            rehearsal=None if self._real else self._wire.base_url,
        )
        return media.fetch(self._wire, TALK, ref, max_bytes, self._clock.now(), hosts)

    # --- sending ----------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> Sent:
        return self._sending().send(outgoing)

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        return self._sending().find(outgoing, after, known, self._clock.now())

    def take_reads(self) -> Reads:
        back = self._sender.take_reads() if self._sender else Reads(requests=0)
        users = {"user": 1} if self._asked else {}
        ours = {"user": (self._profile.native_id,)} if users and self._profile else {}
        taken = Reads(
            {**back.resources, **users}, back.requests + self._asked, {**back.keys, **ours}
        )
        self._asked = 0
        return taken

    def _sending(self) -> Sender:
        if self._sender is None:
            self._sender = Sender(
                self._client,
                self._us(),
                self._settle,
                self._long_posts,
                resource_of(Source.OWN, owns_app=self._owns_app),
            )
        return self._sender


def _looked_up(body: Body, asked: set[str]) -> LookedUp:
    present: set[str] = set()
    edited: dict[str, str] = {}
    for one in body.data:
        key = str(one["id"])
        value = one.get("edit_history_tweet_ids", one.get("edit_history_post_ids"))
        versions = [str(each) for each in value] if isinstance(value, list) else []
        # X may answer with the newest version of a post that was asked for by an older key
        names = asked & {key, *versions}
        present |= names
        newest = max((int(each) for each in (key, *versions) if each.isdigit()), default=0)
        edited.update({name: str(newest) for name in names if int(name) < newest})
    gone: set[str] = set()
    hidden: set[str] = set()
    for error in body.errors:
        key = str(error.get("resource_id") or error.get("value") or "")
        kind = str(error.get("type", "")).rsplit("/", 1)[-1]
        if key in asked - present:
            if kind == "resource-not-found":
                gone.add(key)
            elif kind in ("not-authorized-for-resource", "resource-unavailable"):
                hidden.add(key)
    return LookedUp(
        frozenset(present),
        frozenset(gone),
        frozenset(hidden),
        edited,
        _post_reads(body),
    )


def _post_reads(body: Body) -> Reads:
    keys = tuple(dict.fromkeys(str(one["id"]) for one in body.data))
    return Reads({"post": len(keys)}, keys={"post": keys}) if keys else Reads()
