"""Which customers someone wants to see, as an address says it and a form asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dashboard.inbox.wanted import QUERY_LIMIT


class Show(StrEnum):
    """The lists of customers, in the order in which they are shown."""

    EVERYONE = "everyone"
    OPEN = "open"
    VIP = "vip"
    CHANNELS = "channels"
    """On more than one platform."""
    BLOCKED = "blocked"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``words``: a search over names and handles, present and former, within the list."""

    show: Show = Show.EVERYONE
    words: str = ""

    def listed(self, show: Show) -> Wanted:
        return replace(self, show=show)

    def args(self) -> dict[str, Any]:
        """As the address says it; nothing that is as it always is."""
        said = {"show": self.show.value, "q": self.words}
        return {key: value for key, value in said.items() if value and value != Show.EVERYONE}


def read(args: Mapping[str, str]) -> Wanted:
    """What ``args`` of an address ask for; what cannot be read is left out."""
    value = args.get("show", "")
    return Wanted(
        show=Show(value) if value in set(Show) else Show.EVERYONE,
        words=" ".join(args.get("q", "").replace("\x00", "").split())[:QUERY_LIMIT],
    )
