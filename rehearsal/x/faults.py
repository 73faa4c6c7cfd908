"""How X fails on demand; see ``rehearsal.faults``."""

from __future__ import annotations

from enum import StrEnum

from rehearsal.faults import Wire


class Kind(StrEnum):
    """The ways to fail: X's refusals, which come before anything is carried out, and the ways of
    any network."""

    UNAUTHORISED = "unauthorised"
    """Before: 401."""
    PAYMENT = "payment"
    """Before: 402."""
    DUPLICATE = "duplicate"
    """Before: 403, duplicate content."""
    FORBIDDEN = "forbidden"
    """Before: 403, some other reason."""
    RATE = "rate"
    """Before: 429 with ``x-rate-limit-reset``, ``seconds`` from now."""
    RATE_BARE = "rate_bare"
    """Before: 429 that says nothing of when."""
    RATE_RETRY_AFTER = "rate_retry_after"
    """Before: 429 with ``Retry-After`` of ``seconds`` (from a proxy in front of X)."""
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    RESET_BEFORE = Wire.RESET_BEFORE
    SILENCE_BEFORE = Wire.SILENCE_BEFORE
    RESET_AFTER = Wire.RESET_AFTER
    SILENCE_AFTER = Wire.SILENCE_AFTER
    CUT_BODY = Wire.CUT_BODY
    BAD_JSON = Wire.BAD_JSON
    LOST_500 = Wire.LOST_500
    SLOW = Wire.SLOW
