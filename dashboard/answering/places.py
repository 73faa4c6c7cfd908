"""Places in saved replies that are filled when one is used: ``{name}``, ``{order}``.

Pure. What is known is filled in; what is not is asked for. A text with an open place never leaves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboard.i18n import Lazy, lazy

_PLACE = re.compile(r"\{([^\W\d]\w{0,29})\}")

KNOWN = {
    "name": lazy("the customer's name"),
    "handle": lazy("the customer's handle"),
    "shop": lazy("the shop's name"),
    "agent": lazy("your name"),
}
"""Places that fill themselves."""

ASKED = {
    "order": lazy("order number"),
    "tracking": lazy("tracking code"),
    "amount": lazy("amount"),
    "date": lazy("date"),
    "link": lazy("link"),
}
"""Places that have a name on the screen; any other is asked for by the name it has."""

_NAMES: Mapping[str, Lazy] = {**KNOWN, **ASKED}


def places(text: str) -> tuple[str, ...]:
    """The open places of ``text``, each once, in order."""
    return tuple(dict.fromkeys(_PLACE.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the places filled that ``values`` has something for. What is filled in is
    not looked at again."""
    return _PLACE.sub(lambda found: values.get(found[1], "").strip() or found[0], text)


def label(place: str) -> str:
    """What a place is called on the screen."""
    known = _NAMES.get(place)
    return str(known) if known else place
