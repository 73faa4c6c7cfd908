"""Webhooks: what Meta tells an app unasked, over HTTP, signed.

After "Webhooks: Getting Started" and "Instagram Platform: Webhook Notification Examples" (updated
24 November 2025): the handshake; ``X-Hub-Signature-256``, an HMAC of the raw body with the secret
of the app; many entries in one body; what is not answered with 200 comes again at once, then less
and less often for 36 hours, then never; nothing is promised of order, and things come twice. When
Meta tries again exactly is not written down; here it is ``RETRIES``. Meta waits for an answer for
some seconds; here five.

Told is what was subscribed to (``POST /me/subscribed_apps``), once the app has an address (set by
the control). With a token of Facebook Login that is asked of the page, whose fields have other
names; what is told of Instagram is then chosen in the app's dashboard, for all accounts at once
("Webhooks for Instagram"): here all of it is chosen there. What waits to be delivered does not
outlive the simulator.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import secrets
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from rehearsal.instagram import problems
from rehearsal.instagram.model import Comment, Media, Message
from rehearsal.instagram.world import names
from rehearsal.records import Json, Record

if TYPE_CHECKING:
    from rehearsal.instagram.simulator import Call, Simulator

FIELDS = (
    "comments",
    "live_comments",
    "mentions",
    "messages",
    "message_edit",
    "message_reactions",
    "messaging_optins",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
    "standby",
    "story_insights",
)
PAGE_FIELDS = (
    "feed",
    "mention",
    "message_echoes",
    "message_edits",
    "message_reactions",
    "message_reads",
    "messages",
    "messaging_handovers",
    "messaging_optins",
    "messaging_postbacks",
    "messaging_referrals",
    "standby",
)
"""Of a page, as far as they matter here ("Page: Subscribed Apps")."""
RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (0, 20, 60, 300, 1_200, 3_600, 7_200, 14_400, 28_800)
)
GIVES_UP = timedelta(hours=36)
TIMEOUT_S = 5.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = build_opener(ProxyHandler({}), _NoRedirect)


@dataclass(slots=True)
class Ways:
    """How things are told, to be changed by tests. ``batch``: so many entries in one body.
    ``lose`` and ``double``: the share of bodies that never come, or come twice; ``shuffle``: in no
    order; all drawn with ``seed``. ``in_changes``: comments stand in ``changes`` as for an app with
    Facebook Login, and not in the entry itself."""

    batch: int = 1
    lose: float = 0.0
    double: float = 0.0
    shuffle: bool = False
    seed: int = 0
    in_changes: bool = False


@dataclass(slots=True)
class Body:
    """One body on its way; ``tries`` so far, the next one ``due``."""

    content: bytes
    made: datetime
    due: datetime
    tries: int = 0


@dataclass
class Webhooks:
    """What waits to be told, and what became of what was. ``sent`` are the last bodies that were
    answered with 200; ``failed`` counts tries that were not; ``given_up`` bodies that will not
    come any more; ``lost`` those that were lost by order."""

    sim: Simulator
    ways: Ways = field(default_factory=Ways)
    failed: int = 0
    given_up: int = 0
    lost: int = 0
    told: int = 0
    sent: deque[bytes] = field(default_factory=lambda: deque(maxlen=1_000))

    def __post_init__(self) -> None:
        self._entries: deque[Json] = deque()
        self._bodies: list[Body] = []
        self._draw = random.Random(0)  # noqa: S311 - a repeatable draw
        self._delivering = threading.Lock()
        self.sim.world.listeners.append(self.hear)

    # --- subscription -------------------------------------------------------------------------

    @property
    def target(self) -> Json:
        return self.sim.world.notes.get("webhook", {})

    @property
    def subscribed(self) -> list[str]:
        return list(self.sim.world.notes.get("subscription", {}).get("fields", []))

    @property
    def _of_page(self) -> bool:
        """Whether the page of the account is subscribed, and not the account itself."""
        return bool(self.sim.world.notes.get("subscription", {}).get("page"))

    def point_to(self, url: str, verify_token: str) -> None:
        """Set the address of the app, after the handshake. Raises ``ValueError`` where nobody
        there answers it rightly; and for an address that is not on this machine."""
        if urlsplit(url).hostname not in _LOOPBACK:
            raise ValueError("the address must be on loopback")
        challenge = str(secrets.randbelow(2**31))
        asked = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": verify_token,
        }
        joint = "&" if urlsplit(url).query else "?"
        status, answer = _ask(Request(f"{url}{joint}{urlencode(asked)}"))  # noqa: S310 - loopback
        if status != 200 or answer.decode(errors="replace") != challenge:
            raise ValueError(
                "The callback URL or verify token couldn't be validated. Please verify the "
                f"provided information or try again later. (HTTP {status})"
            )
        self.sim.world.note("webhook", {"url": url, "verify_token": verify_token})

    def set_ways(self, **given: Any) -> Ways:
        self.ways = Ways(**{**asdict(self.ways), **given})
        self._draw = random.Random(self.ways.seed)  # noqa: S311 - a repeatable draw
        return self.ways

    def forget(self) -> None:
        self._entries.clear()
        self._bodies.clear()
        self.sent.clear()
        self.failed = self.given_up = self.lost = self.told = 0

    # --- what is told -------------------------------------------------------------------------

    def hear(self, what: str, record: Record) -> None:
        """Called by the world, with its lock held: note what is to be told."""
        found = self._entry(what, record)
        if found is not None and self.target and (self._of_page or found[0] in self.subscribed):
            self._entries.append(found[1])

    def _entry(self, what: str, record: Record) -> tuple[str, Json] | None:
        """The field and the entry for what happened; ``None`` for what nobody is told of."""
        if isinstance(record, Comment):
            return self._comment(record)
        if isinstance(record, Media):
            named = self.sim.shop.username.lower() in names(record.caption)
            if record.owner_id == self.sim.shop.id or not named:
                return None
            return "mentions", self._change("mentions", {"media_id": record.id})
        if isinstance(record, Message):
            return self._message(what, record)
        return None

    def _comment(self, comment: Comment) -> tuple[str, Json] | None:
        world, shop = self.sim.world, self.sim.shop
        media = world.media[comment.media_id]
        if media.owner_id != shop.id:
            if shop.username.lower() not in names(comment.text) or comment.author_id == shop.id:
                return None
            value: Json = {"comment_id": comment.id, "media_id": media.id}
            return "mentions", self._change("mentions", value)
        author: Json = {
            "id": comment.author_id,
            "username": world.users[comment.author_id].username,
        }
        if comment.author_id == shop.id:
            author["self_ig_scoped_id"] = self.sim.tokens.app["scoped_id"]
        value = {
            "id": comment.id,
            "from": author,
            "text": comment.text,
            "media": {"id": media.id, "media_product_type": "FEED"},
        }
        if comment.parent_id:
            value["parent_id"] = comment.parent_id
        return "comments", self._change("comments", value)

    def _change(self, name: str, value: Json) -> Json:
        change = {"field": name, "value": value}
        entry: Json = {
            "id": self.sim.shop.id,
            "time": int(self.sim.world.clock.now().timestamp()),
        }
        if self.ways.in_changes or self._of_page:
            return {**entry, "changes": [change]}
        return {**entry, **change}

    def _message(self, what: str, message: Message) -> tuple[str, Json] | None:
        shop = self.sim.shop.id
        if shop not in (message.sender_id, message.recipient_id):
            return None
        ours = message.sender_id == shop
        other = message.recipient_id if ours else message.sender_id
        sender = message.sender_id
        if what == "message":
            name, item = "messages", {"message": self._words(message, echo=ours)}
        elif what == "unsent":
            name, item = "messages", {"message": {"mid": message.id, "is_deleted": True}}
        elif what == "edited":
            edit = {"mid": message.id, "text": message.text, "num_edit": message.edits}
            name, item = "message_edit", {"message_edit": edit}
        elif what == "reaction":
            # Told is what the customer put there or took away; the shop's own are not told.
            sign = [one.split(" ", 1)[1] for one in message.reactions if one.startswith(other)]
            reaction: Json = {"mid": message.id, "action": "react" if sign else "unreact"}
            if sign:
                reaction |= {"reaction": "love" if "❤" in sign[0] else "other", "emoji": sign[0]}
            name, item, sender = "message_reactions", {"reaction": reaction}, other
        elif what == "seen" and ours:
            name, item, sender = "messaging_seen", {"read": {"mid": message.id}}, other
        else:
            return None
        now = int(self.sim.world.clock.now().timestamp() * 1000)
        parties = {
            "sender": {"id": sender},
            "recipient": {"id": other if sender == shop else shop},
            "timestamp": now,
        }
        return name, {"id": shop, "time": now, "messaging": [{**parties, **item}]}

    def _words(self, message: Message, *, echo: bool) -> Json:
        world, origin = self.sim.world, self.sim.origin
        said: Json = {"mid": message.id}
        if message.text:
            said["text"] = message.text
        media = world.media.get(message.media_id)
        picture = message.picture or (media.picture if media else "")
        url = f"{origin}/media/{world.pictures[picture].file_name}" if picture else ""
        if message.kind in ("image", "audio", "story_mention", "share"):
            said["attachments"] = [{"type": message.kind, "payload": {"url": url}}]
        elif message.kind == "unsupported":
            said["is_unsupported"] = True
        elif media is not None and media.is_story:
            said["reply_to"] = {"story": {"url": url, "id": media.id}}
        if message.reply_to:
            said["reply_to"] = {"mid": message.reply_to}
        if echo:
            said["is_echo"] = True
        return said

    # --- delivering ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Nothing to begin with."""

    def step(self, now: datetime) -> int:
        """Pack what was heard, send what is due; how many bodies were answered with 200."""
        with self._delivering:
            with self.sim.world.lock:
                self._pack(now)
                due = [body for body in self._bodies if body.due <= now]
                url, secret = self.target.get("url", ""), self.sim.tokens.app["app_secret"]
            done = 0
            for body in due:
                if self._deliver(body, url, secret, now):
                    done += 1
            return done

    def hurry(self, now: datetime) -> None:
        """Tell at once what waits for its next try, as if it had not been tried yet."""
        with self.sim.world.lock:
            for body in self._bodies:
                body.due, body.tries = now, 0

    def _pack(self, now: datetime) -> None:
        heard = list(self._entries)
        self._entries.clear()
        if self.ways.shuffle:
            self._draw.shuffle(heard)
        for at in range(0, len(heard), max(1, self.ways.batch)):
            entries = heard[at : at + max(1, self.ways.batch)]
            content = json.dumps({"object": "instagram", "entry": entries}).encode()
            if self._draw.random() < self.ways.lose:
                self.lost += 1
                continue
            copies = 2 if self._draw.random() < self.ways.double else 1
            self._bodies += [Body(content, now, now) for _ in range(copies)]

    def _deliver(self, body: Body, url: str, secret: str, now: datetime) -> bool:
        signature = hmac.new(secret.encode(), body.content, hashlib.sha256).hexdigest()
        request = Request(  # noqa: S310 - loopback, see point_to
            url,
            data=body.content,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "facebookexternalua",
                "X-Hub-Signature-256": f"sha256={signature}",
            },
        )
        status, _ = _ask(request)
        if status == 200:
            self._bodies.remove(body)
            self.sent.append(body.content)
            self.told += 1
            return True
        self.failed += 1
        pause = RETRIES[min(body.tries, len(RETRIES) - 1)]
        body.tries += 1
        body.due = now + pause
        if body.due - body.made > GIVES_UP:
            self._bodies.remove(body)
            self.given_up += 1
        return False

    def state(self) -> Json:
        return {
            "url": self.target.get("url", ""),
            "fields": self.subscribed,
            "waiting": len(self._entries) + len(self._bodies),
            "told": self.told,
            "failed": self.failed,
            "given_up": self.given_up,
            "lost": self.lost,
            "ways": asdict(self.ways),
        }


def _ask(request: Request) -> tuple[int, bytes]:
    """Status and body of an answer; 0 where none came."""
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read(100_000)
            return answer.status, content
    except URLError as error:
        return getattr(error, "code", 0) or 0, b""
    except (OSError, ValueError):
        return 0, b""


# The account's own subscription, which is asked for through the interface.


def install(sim: Simulator) -> None:
    sim.handlers |= {
        "GET /:user/subscribed_apps": subscriptions,
        "POST /:user/subscribed_apps": subscribe,
        "DELETE /:user/subscribed_apps": unsubscribe,
    }


def subscribe(call: Call) -> Json:
    call.only("subscribed_fields")
    wanted = [one.strip() for one in call.text("subscribed_fields").split(",") if one.strip()]
    known = PAGE_FIELDS if call.caller.facebook else FIELDS
    for one in wanted:
        if one not in known:
            choice = ", ".join(known)
            raise problems.parameter(f"Param subscribed_fields[0] must be one of {{{choice}}}")
    call.sim.world.note("subscription", {"fields": wanted, "page": call.caller.facebook})
    return {"success": True}


def unsubscribe(call: Call) -> Json:
    call.only("subscribed_fields")
    call.sim.world.note("subscription", {"fields": []})
    return {"success": True}


def subscriptions(call: Call) -> Json:
    call.only()
    fields = call.sim.webhooks.subscribed
    app = call.sim.tokens.app["app_id"]
    return {"data": [{"id": app, "subscribed_fields": fields}] if fields else []}
