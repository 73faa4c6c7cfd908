"""The addresses of spikes, and what every page shows of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from dashboard.spikes import pages, words

spikes = Blueprint("spikes", __name__, url_prefix="/spikes")

spikes.add_url_rule("/<int:spike_id>", "one", pages.one)
spikes.add_url_rule("/<int:spike_id>/dismiss", "dismiss", pages.dismiss, methods=["POST"])


@spikes.app_context_processor
def _for_pages() -> dict[str, Any]:
    return {"spikes_on": pages.on, "spike_words": words}
