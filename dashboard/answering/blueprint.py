"""The addresses of answering."""

from __future__ import annotations

from flask import Blueprint

from dashboard.answering import actions, deciding, live, replies_views, windows, words

answering = Blueprint("answering", __name__)
answering.add_app_template_filter(words.price)
answering.add_app_template_filter(words.weekday_and_day)
answering.add_app_template_filter(windows.window_ends)

# From a case.
answering.add_url_rule(
    "/inbox/case/<int:case_id>/answer", "answer", actions.answer, methods=["GET", "POST"]
)
answering.add_url_rule(
    "/inbox/case/<int:case_id>/by-hand", "by_hand", actions.by_hand, methods=["GET", "POST"]
)

# What an open case asks for.
answering.add_url_rule("/inbox/case/<int:case_id>/here", "here", live.here, methods=["POST"])
answering.add_url_rule("/inbox/case/<int:case_id>/gone", "gone", live.gone, methods=["POST"])
answering.add_url_rule("/inbox/case/<int:case_id>/weigh", "weigh", live.weigh, methods=["POST"])

# What became of it.
for name, view in (
    ("cancel", actions.cancel),
    ("send_now", actions.send_now),
    ("retry", actions.retry),
    ("settle", actions.settle),
    ("approve", deciding.approve),
    ("send_back", deciding.send_back),
):
    address = f"/inbox/outbox/<int:row_id>/{name.replace('_', '-')}"
    answering.add_url_rule(address, name, view, methods=["POST"])

# Saved replies, in the settings.
answering.add_url_rule("/settings/replies", "replies", replies_views.index)
answering.add_url_rule(
    "/settings/replies/add", "add_reply", replies_views.add, methods=["GET", "POST"]
)
answering.add_url_rule(
    "/settings/replies/<int:reply_id>", "reply", replies_views.edit, methods=["GET", "POST"]
)
answering.add_url_rule(
    "/settings/replies/<int:reply_id>/delete",
    "delete_reply",
    replies_views.delete,
    methods=["POST"],
)
answering.add_url_rule(
    "/settings/replies/examples", "example_replies", replies_views.examples, methods=["POST"]
)
