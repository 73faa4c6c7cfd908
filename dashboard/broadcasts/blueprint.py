"""The addresses of broadcasts."""

from __future__ import annotations

from flask import Blueprint

from dashboard.broadcasts import deeds, pages, words

broadcasts = Blueprint("broadcasts", __name__, url_prefix="/broadcasts")
broadcasts.add_app_template_filter(words.minutes)

broadcasts.add_url_rule("/", "index", pages.index)
broadcasts.add_url_rule("/new", "new", pages.new, methods=["GET", "POST"])
broadcasts.add_url_rule("/weigh", "weigh", pages.weigh, methods=["POST"])
broadcasts.add_url_rule("/<int:broadcast_id>", "show", pages.show)
broadcasts.add_url_rule("/<int:broadcast_id>/edit", "edit", pages.edit, methods=["GET", "POST"])
broadcasts.add_url_rule("/<int:broadcast_id>/progress", "progress", pages.progress)
broadcasts.add_url_rule("/<int:broadcast_id>/ledger", "ledger", pages.ledger)

for name, view in (
    ("plan_anew", deeds.plan_anew),
    ("release", deeds.release),
    ("approve", deeds.approve),
    ("withdraw", deeds.withdraw),
    ("hurry", deeds.hurry),
    ("pause", deeds.pause),
    ("go_on", deeds.go_on),
    ("stop", deeds.stop),
    ("retry", deeds.retry),
):
    address = f"/<int:broadcast_id>/{name.replace('_', '-')}"
    broadcasts.add_url_rule(address, name, view, methods=["POST"])

broadcasts.add_url_rule(
    "/<int:broadcast_id>/settle/<int:row_id>", "settle", deeds.settle, methods=["POST"]
)
broadcasts.add_url_rule(
    "/<int:broadcast_id>/by-hand/<int:recipient_id>", "by_hand", deeds.by_hand, methods=["POST"]
)
broadcasts.add_url_rule(
    "/<int:broadcast_id>/picture/<int:recipient_id>.jpg", "picture", deeds.picture
)
