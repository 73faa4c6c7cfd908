"""What the dashboard works with: the store, the settings, the shop's own rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from config import Settings
from responder.circumstances import Rules
from responder.policy import Policy
from shenava.store import Store

EXTENSION = "shenava"


@dataclass(frozen=True, slots=True)
class Desk:
    """Handed to ``create_app`` by the service; the same for every request. ``rules``: those of
    every platform that can be sent on."""

    store: Store
    settings: Settings
    policy: Policy
    rules: Rules = field(default_factory=dict)


def desk() -> Desk:
    """The desk of the application that answers the present request."""
    return cast(Desk, current_app.extensions[EXTENSION])
