"""Requests to a platform whose failures are told in our kinds: what all platforms share.

What a platform's own answers mean, only its own module knows; what it means that no whole answer
came is the same everywhere, and is said here once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from requests.auth import AuthBase

from shenava.channels.errors import ChannelError, OutcomeUnknown, Unreachable
from shenava.channels.wire import Answer, Broken, Wire
from shenava.clock import Clock

Json = dict[str, Any]


class Purpose(Enum):
    """What a request is for, which decides what a missing answer means."""

    READ = "read"
    SEND = "send"
    """Doing it twice would show."""
    HARMLESS = "harmless"
    """It changes something, but doing it twice is the same as once, or shows to nobody: hiding,
    uploading a picture, refreshing a token."""


@dataclass(frozen=True, slots=True)
class Talk:
    """How one platform is talked to. ``of_answer`` says what an answer means that is no success;
    ``refusals`` are the statuses that, come whole, say that nothing was done, and tell more than
    that in their headers."""

    name: str
    of_answer: Callable[[Answer, Purpose, datetime], ChannelError]
    refusals: tuple[int, ...] = (401, 402, 429)

    def ask(
        self,
        wire: Wire,
        clock: Clock,
        auth: AuthBase,
        method: str,
        path: str,
        purpose: Purpose,
        **content: Any,
    ) -> Json:
        """Make one request; the body of a success as a JSON object. Raises ``ChannelError``."""
        answer = self.whole_answer(wire, clock, auth, method, path, purpose, **content)
        return self.read(answer, purpose)

    def read(self, answer: Answer, purpose: Purpose) -> Json:
        """The body of a success. Raises ``ChannelError`` when it is not what it should be."""
        try:
            return answer.json()
        except ValueError:
            raise self.of_unreadable(purpose) from None

    def whole_answer(
        self,
        wire: Wire,
        clock: Clock,
        auth: AuthBase,
        method: str,
        path: str,
        purpose: Purpose,
        **content: Any,
    ) -> Answer:
        """Make one request; the answer if it is a success (2xx). Raises ``ChannelError``."""
        try:
            answer = wire.ask(method, path, auth=auth, **content)
        except Broken as broken:
            raise self.of_broken(broken, purpose, clock.now()) from None
        if not 200 <= answer.status < 300:
            raise self.of_answer(answer, purpose, clock.now())
        return answer

    def of_broken(self, broken: Broken, purpose: Purpose, now: datetime) -> ChannelError:
        """What to say when no whole answer came."""
        name = self.name
        if broken.status is not None and broken.status >= 300:
            # The status line came whole. Nothing was done that was refused, whatever else it said.
            if broken.status in self.refusals:
                return self.of_answer(Answer(broken.status, broken.headers, b""), purpose, now)
            if broken.status < 500:
                return Unreachable(f"{name} answered {broken.status} and was cut off ({broken})")
        if purpose is Purpose.SEND and broken.left:
            return OutcomeUnknown(f"the request left and no whole answer came ({broken})")
        return Unreachable(f"{name} cannot be reached ({broken})")

    def of_unreadable(self, purpose: Purpose) -> ChannelError:
        """What to say of a success whose body is not what it should be."""
        if purpose is Purpose.SEND:
            return OutcomeUnknown(f"{self.name} took it and answered something unreadable")
        return Unreachable(f"{self.name} answered something that cannot be read")


def retry_after(value: str | None, now: datetime) -> datetime | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,7}", value.strip()):
        return now + timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
