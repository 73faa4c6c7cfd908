"""The addresses of the inbox."""

from __future__ import annotations

from flask import Blueprint

from dashboard.inbox import actions, bulk, export, live, pages

inbox = Blueprint("inbox", __name__)
inbox.add_app_template_filter(pages.waiting)

# To read.
inbox.add_url_rule("/inbox/", "index", pages.index)
inbox.add_url_rule("/inbox/case/<int:case_id>", "case", pages.case)
inbox.add_url_rule("/inbox/export.csv", "export", export.export)

# What an open page asks for.
inbox.add_url_rule("/changes", "changes", live.changes_since)
inbox.add_url_rule("/inbox/rows", "rows", live.rows_of)

# One case.
inbox.add_url_rule("/inbox/case/<int:case_id>/assign", "assign", actions.assign, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/close", "close", actions.close, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/reopen", "reopen", actions.reopen, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/snooze", "snooze", actions.snooze, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/wake", "wake", actions.wake, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/note", "note", actions.note, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/block", "block", actions.block, methods=["POST"])
inbox.add_url_rule("/inbox/case/<int:case_id>/vip", "vip", actions.vip, methods=["POST"])
inbox.add_url_rule(
    "/inbox/message/<int:message_id>/correct", "correct", actions.correct, methods=["POST"]
)

# Many cases, and the way back.
inbox.add_url_rule("/inbox/bulk", "bulk", bulk.bulk, methods=["POST"])
inbox.add_url_rule("/inbox/undo", "undo", bulk.undo, methods=["POST"])
