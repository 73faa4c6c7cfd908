"""The refusals of X that can be ordered, as they go over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from rehearsal.faults import Fault
from rehearsal.wire import Headers
from rehearsal.x import problems
from rehearsal.x.faults import Kind

_REFUSALS: dict[str, Callable[[], problems.Problem]] = {
    Kind.UNAUTHORISED: problems.unauthorised,
    Kind.PAYMENT: problems.no_credit,
    Kind.DUPLICATE: problems.duplicate,
    Kind.FORBIDDEN: lambda: problems.forbidden("You are not permitted to perform this action."),
    Kind.RATE: problems.too_many,
    Kind.RATE_BARE: problems.too_many,
    Kind.RATE_RETRY_AFTER: problems.too_many,
    Kind.ERROR_500: lambda: problems.broken(500),
    Kind.ERROR_503: lambda: problems.broken(503),
}


def refusal(fault: Fault | None, now: datetime) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an ordered refusal; ``None``: of a 500."""
    problem = problems.broken(500) if fault is None else _REFUSALS[fault.kind]()
    headers: Headers = [("Content-Type", "application/problem+json")]
    if fault is not None and fault.kind == Kind.RATE:
        resets = now + timedelta(seconds=fault.seconds)
        headers += [
            ("x-rate-limit-limit", "15"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", str(int(resets.timestamp()))),
        ]
    elif fault is not None and fault.kind == Kind.RATE_RETRY_AFTER:
        headers.append(("Retry-After", str(int(fault.seconds))))
    return problem.status, headers, json.dumps(problem.body).encode()
