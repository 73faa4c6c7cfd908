"""Pictures that platforms fetch from us: at which address, and whether they can at all."""

from __future__ import annotations

from config import Settings
from dashboard.secret import derived, secret_key
from responder.circumstances import Host
from shenava.public_media import LASTS, public_media_url
from shenava.store import Store

PURPOSE = "doors"
"""For which the key is derived that signs what is given out to platforms."""


def host_of(store: Store, settings: Settings) -> Host | None:
    """Gives a picture an address, good for some minutes; ``None`` where no platform would reach it.

    Raises ``OSError`` and ``ValueError`` as :func:`dashboard.secret.secret_key` does.
    """
    base = settings.outside
    if base is None or not settings.hosts_pictures:
        return None
    key = derived(secret_key(settings.home), PURPOSE)

    def host(picture_id: int) -> str:
        return public_media_url(base, key, picture_id, store.clock.now() + LASTS)

    return host
