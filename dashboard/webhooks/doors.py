"""What the doors of webhooks ask of whoever has the secrets: the dashboard itself has none."""

from __future__ import annotations

import hmac
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol, cast

from flask import current_app

from shenava.channels.webhooks import Receiver
from shenava.messages import Platform

EXTENSION = "shenava_webhooks"

BAD_A_MINUTE = 30
"""Bodies without a good signature, for one app, that are counted in the database in a minute.
More are refused without touching it, so that nobody can keep it busy; good ones pass."""
_MINUTE = timedelta(minutes=1)


class Secrets(Protocol):
    """``service.webhooks.Doors``. Used by many threads."""

    def receiver(self, platform: Platform) -> Receiver | None:
        """How a platform's webhooks are; ``None`` when it has none that we know."""

    def secret(self, platform: Platform, app_id: int) -> str | None:
        """What bodies for an app are signed with."""

    def order(self, account_id: int) -> None:
        """Ask the platform to send webhooks for an account. Raises ``ChannelError``."""


class Pace:
    """How many bad bodies came for each app lately, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bad: defaultdict[int, deque[datetime]] = defaultdict(deque)

    def takes(self, app_id: int, now: datetime) -> bool:
        """Count one more; false when it is one too many."""
        with self._lock:
            bad = self._bad[app_id]
            while bad and bad[0] <= now - _MINUTE:
                bad.popleft()
            if len(bad) >= BAD_A_MINUTE:
                return False
            bad.append(now)
            return True


@dataclass(frozen=True, slots=True)
class Doors:
    """Handed to ``create_app`` by the service. ``key``: signs what we give out."""

    secrets: Secrets
    key: bytes = field(repr=False)
    pace: Pace = field(default_factory=Pace)
    pictures: Callable[[int], bytes | None] = field(default=lambda _picture_id: None)
    """The JPEG bytes of a picture; ``None`` when there is none."""

    def verify_token(self, platform: Platform, app_id: int) -> str:
        """The word by which a platform shows, when it tries the address, that an admin gave it to
        it. Always the same for one app, so that it need not be kept."""
        said = f"webhook {platform.value} {app_id}".encode()
        return hmac.new(self.key, said, sha256).hexdigest()[:32]


def doors() -> Doors | None:
    """Those of the application that answers the present request; ``None`` where there are none."""
    return cast("Doors | None", current_app.extensions.get(EXTENSION))
