"""One account on Instagram, ready to be used, through Meta's official interface."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shenava.channels import media
from shenava.channels.base import Cursor, LookedUp, Outgoing, Page, Profile, Reads, Sent
from shenava.channels.errors import Rejected, RejectedBecause, Unauthorised, Unreachable
from shenava.channels.instagram import oauth, pointers
from shenava.channels.instagram.client import Client, base_of, checked
from shenava.channels.instagram.credentials import Login, Token
from shenava.channels.instagram.failures import TALK
from shenava.channels.instagram.parse import (
    Us,
    mapping_of,
    mentioning_of,
    profile_of,
    tagged_of,
    text_of,
)
from shenava.channels.instagram.read import MENTIONING_FIELDS, TAG_FIELDS, Reader, cursor_from
from shenava.channels.instagram.send import Sender
from shenava.channels.webhooks import Fetched, Pointer, PointerKind
from shenava.channels.wire import Timeouts, Wire
from shenava.clock import Clock
from shenava.messages import AccountRef, Incoming, MediaRef, Platform, Source

_PICTURES = (".cdninstagram.com", ".fbcdn.net", ".fbsbx.com")
"""Where Meta keeps pictures; the addresses carry a signature, and no token goes there."""
LOOK_UP_LIMIT = 20
"""Comments in one look-up; each is a request."""


class InstagramChannel:
    """Reads and writes in the name of one account; see :class:`shenava.channels.Channel`.

    ``profile``: whose account it is, if that is known; else Instagram is asked once, when it is
    first needed. ``query``: the hashtag that ``Source.SEARCH`` looks for. ``settle``: see
    :class:`shenava.channels.instagram.send.Sender`. ``base_url`` is for a rehearsal: another place
    that speaks the Graph API.

    Raises ``ValueError`` for addresses that cannot be right.
    """

    def __init__(
        self,
        token: Token,
        clock: Clock,
        *,
        base_url: str | None = None,
        timeout: Timeouts | None = None,
        profile: Profile | None = None,
        query: str = "",
        settle: timedelta = timedelta(seconds=90),
    ) -> None:
        self._token = token
        self._clock = clock
        self._wire = Wire(base_url or base_of(token.login), timeout)
        self._real = base_url is None
        self._client = Client(token, clock, self._wire)
        self._profile = profile
        self._ids: frozenset[str] = frozenset({profile.native_id} if profile else ())
        self._query = query.lstrip("#")
        self._settle = settle
        self._sender: Sender | None = None
        self._counted = 0

    def __repr__(self) -> str:
        handle = self._profile.handle if self._profile else "?"
        return f"<InstagramChannel @{handle} at {self._wire.host}>"

    # --- who we are -------------------------------------------------------------------------

    def check(self) -> Profile:
        if self._token.login is Login.INSTAGRAM:
            fields = "id,user_id,username,name,account_type,followers_count,media_count"
            found = profile_of(self._client.get("/me", fields=fields))
        else:
            fields = "id,instagram_business_account{id,username,name,followers_count}"
            page = self._client.get("/me", fields=fields)
            linked = mapping_of(page, "instagram_business_account")
            if not linked:
                raise Rejected(
                    RejectedBecause.BAD_REQUEST, "no Instagram account is linked to this page"
                )
            found = profile_of(linked)
        if found is None:
            raise Unreachable("Instagram did not say whose token it is")
        self._profile, self._ids = found
        return self._profile

    def sources(self) -> Sequence[Source]:
        told = []
        if self._token.allows("instagram_business_manage_comments", "instagram_manage_comments"):
            told.append(Source.COMMENT)
        if self._token.allows("instagram_business_manage_messages", "instagram_manage_messages"):
            told.append(Source.INBOX)
        if self._token.login is Login.FACEBOOK:
            told.append(Source.MENTION)
            if self._query:
                told.append(Source.SEARCH)
        return told

    def _us(self) -> Us:
        profile = self._profile or self.check()
        # A page's token speaks of the page as "me", and messages are the page's.
        messaging = profile.native_id if self._token.login is Login.INSTAGRAM else "me"
        account = AccountRef(Platform.INSTAGRAM, profile.handle)
        return Us(profile, account, self._ids, messaging)

    # --- tokens -----------------------------------------------------------------------------

    @property
    def expires_at(self) -> datetime | None:
        """When the token ends; ``None`` for one that does not."""
        return self._token.expires_at

    def refresh(self) -> Token:
        """Ask for the token of the next sixty days, and hand it back without using it: store it,
        commit, then call :meth:`use`. Raises ``Unauthorised`` when a person must connect again.
        """
        if not self._token.renews:
            raise Unauthorised("this token cannot be renewed; connect the account again")
        return oauth.refresh(self._wire, self._clock, self._token)

    def use(self, token: Token) -> None:
        """From now on use this one, which has been stored."""
        self._token = token
        self._client.use(token)

    # --- reading ----------------------------------------------------------------------------

    def read(self, source: Source, cursor: Cursor) -> Page:
        if source not in self.sources():
            raise Rejected(RejectedBecause.BAD_REQUEST, f"cannot read {source} with this token")
        reader = Reader(self._client, self._us(), self._query)
        return reader.page(source, cursor, self._clock.now())

    def cursor_from(self, source: Source, since: datetime) -> Cursor:
        return cursor_from(since)

    def mention(self, media: str, comment: str | None = None) -> Incoming | None:
        """The post, or the comment under it, that a webhook says names the account: by its id,
        for no list has it (Graph API, "Mentioned Media", "Mentioned Comment"). With a page's token
        only. ``None`` when it is ours, or gone."""
        us, now = self._us(), self._clock.now()
        us_there = f"/{checked(us.profile.native_id)}"
        if comment is None:
            asked = f"mentioned_media.media_id({checked(media)}){{{TAG_FIELDS}}}"
            told = mapping_of(self._client.get(us_there, fields=asked), "mentioned_media")
            found = tagged_of({"id": media, **told}, us, now, Source.WEBHOOK)
            return found and replace(found, summoned=True)
        asked = f"mentioned_comment.comment_id({checked(comment)}){{{MENTIONING_FIELDS}}}"
        told = mapping_of(self._client.get(us_there, fields=asked), "mentioned_comment")
        return mentioning_of(told, comment, media, us, now)

    def follow(self, pointer: Pointer) -> Fetched:
        """Fetch what a webhook only points to; see :class:`shenava.channels.webhooks.Receiver`."""
        us, now = self._us(), self._clock.now()
        match pointer.kind:
            case PointerKind.COMMENT:
                return pointers.comment(self._client, us, pointer.key, now)
            case PointerKind.MESSAGE:
                return pointers.message(self._client, us, pointer.key, now)
            case PointerKind.MENTION_COMMENT:
                found = self.mention(pointer.post_key or "", pointer.key)
            case PointerKind.MENTION_POST:
                found = self.mention(pointer.key)
        return Fetched((found,)) if found is not None else Fetched()

    def subscribed(self) -> frozenset[str]:
        return pointers.subscribed(self._client)

    def subscribe(self) -> None:
        pointers.subscribe(self._client, self._token.login)

    def look_up(self, keys: Sequence[str]) -> LookedUp:
        """Which of at most :data:`LOOK_UP_LIMIT` comments are still there. Raises ``ValueError``
        for more keys than that."""
        if len(keys) > LOOK_UP_LIMIT:
            raise ValueError(f"at most {LOOK_UP_LIMIT} comments can be looked up at once")
        present, gone = set(), set()
        asked = [key for key in dict.fromkeys(keys) if key.isascii() and key.isdigit()]
        for key in asked:
            try:
                answer = self._client.get(f"/{checked(key)}", fields="id")
            except Rejected as refused:
                if refused.because is not RejectedBecause.NOT_FOUND:
                    raise
                gone.add(key)
            else:
                present |= {key} & {text_of(answer, "id")}
        reads = Reads({"message": len(present)} if present else {}, requests=len(asked))
        return LookedUp(frozenset(present), frozenset(gone), frozenset(), {}, reads)

    def fetch_media(self, ref: MediaRef, max_bytes: int) -> bytes:
        rehearsal = None if self._real else self._wire.base_url
        hosts = media.Hosts(open=_PICTURES, rehearsal=rehearsal)
        return media.fetch(self._wire, TALK, ref, max_bytes, self._clock.now(), hosts)

    # --- sending ----------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> Sent:
        return self._sending().send(outgoing, self._clock.now())

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        before = self._client.requests
        try:
            return self._sending().find(outgoing, after, known, self._clock.now())
        finally:
            self._counted += self._client.requests - before

    def take_reads(self) -> Reads:
        back = self._sender.take_reads() if self._sender else Reads(requests=0)
        taken = Reads(back.resources, self._counted)
        self._counted = 0
        return taken

    def _sending(self) -> Sender:
        if self._sender is None:
            self._sender = Sender(self._client, self._us(), self._settle)
        return self._sender
