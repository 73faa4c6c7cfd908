"""The addresses of duty and alerts, and what every page shows of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from dashboard.duty import deeds, feed, page
from dashboard.duty.opening import note_opened
from dashboard.duty.queries import my_standing

duty = Blueprint("duty", __name__)

duty.add_url_rule("/settings/duty", "duty", page.duty_page)
duty.add_url_rule("/settings/duty/switch", "switch", deeds.switch_me, methods=["POST"])
duty.add_url_rule("/settings/duty/<int:user_id>/switch", "put", deeds.put, methods=["POST"])
duty.add_url_rule("/settings/duty/<int:user_id>/hours", "hours", deeds.hours, methods=["POST"])
duty.add_url_rule("/settings/duty/<int:user_id>/place", "place", deeds.place, methods=["POST"])

# What an open page asks for.
duty.add_url_rule("/alerts", "alerts", feed.alerts_since)

duty.after_app_request(note_opened)


@duty.app_context_processor
def _for_pages() -> dict[str, Any]:
    return {"my_standing": my_standing}
