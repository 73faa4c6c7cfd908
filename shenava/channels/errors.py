"""How a channel fails, in the few kinds that call for different deeds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class ChannelError(Exception):
    """Something went wrong with a platform. ``str()`` is a sentence for the log, without secrets
    and without text of customers."""


class RateLimited(ChannelError):
    """The platform says: later. Nothing was done. ``retry_at`` is aware, in UTC; where the
    platform named no time it is the channel's own estimate, and ``named`` is false."""

    def __init__(self, retry_at: datetime, *, named: bool) -> None:
        super().__init__(f"rate limited until {retry_at.isoformat()}")
        self.retry_at = retry_at
        self.named = named


class RejectedBecause(StrEnum):
    """Why a platform refuses for good."""

    DUPLICATE = "duplicate"
    """The same text was posted a moment ago. Evidence that an earlier try did arrive."""
    NOT_ALLOWED = "not_allowed"
    """The rules of the platform: not summoned, window closed, blocked by the customer."""
    NOT_FOUND = "not_found"
    """What is answered is gone."""
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    """A picture of too many bytes, sent or fetched."""
    NOT_A_PICTURE = "not_a_picture"
    """The bytes are of no kind of picture that we send or show."""
    BAD_REQUEST = "bad_request"


class Rejected(ChannelError):
    """The platform refuses this request for good; repeating it is pointless. Nothing was done."""

    def __init__(self, because: RejectedBecause, detail: str = "") -> None:
        super().__init__(f"rejected: {because}" + (f" ({detail})" if detail else ""))
        self.because = because
        self.detail = detail


class PaymentRequired(ChannelError):
    """The developer account has no money left, or its spending limit is reached. Nothing was
    done."""


class Unauthorised(ChannelError):
    """The token is not good (any more). Nothing was done; a person must connect again."""


class Unreachable(ChannelError):
    """Nothing was done that shows, or only reading failed, or doing it twice is the same as
    once (hiding): the request may be repeated."""


class OutcomeUnknown(ChannelError):
    """A sending request left and no whole answer came back: it may or may not have been done.
    It must not be repeated blindly. ``said_failed``: the platform did answer, that it failed,
    which some say of what they have done."""

    def __init__(self, message: str = "", *, said_failed: bool = False) -> None:
        super().__init__(message)
        self.said_failed = said_failed
