"""The addresses of customers. Any identity of a customer names their page, so that an address
holds through merges and splits."""

from __future__ import annotations

from flask import Blueprint

from dashboard.customers import actions, erasing, views

customers = Blueprint("customers", __name__, url_prefix="/customers")

_ONE = "/<int:identity_id>"

# To read.
customers.add_url_rule("/", "index", views.index)
customers.add_url_rule(_ONE, "one", views.one)
customers.add_url_rule(f"{_ONE}/merge", "choose", views.choose)
customers.add_url_rule(f"{_ONE}/merge/<int:other_id>", "compare", views.compare)

customers.add_url_rule(f"{_ONE}/erase", "erase", erasing.erase, methods=["GET", "POST"])

# To do.
customers.add_url_rule(f"{_ONE}/vip", "vip", actions.vip, methods=["POST"])
customers.add_url_rule(f"{_ONE}/block", "block", actions.block, methods=["POST"])
customers.add_url_rule(f"{_ONE}/opt-out", "opt_out", actions.opt_out, methods=["POST"])
customers.add_url_rule(f"{_ONE}/notes", "note", actions.note, methods=["POST"])
customers.add_url_rule(
    f"{_ONE}/notes/<int:note_id>/delete", "delete_note", actions.delete_note, methods=["POST"]
)
customers.add_url_rule(f"{_ONE}/merge/<int:other_id>", "merge", actions.merge, methods=["POST"])
customers.add_url_rule(f"{_ONE}/apart/<int:other_id>", "apart", actions.apart, methods=["POST"])
customers.add_url_rule(f"{_ONE}/split/<int:merge_id>", "split", actions.split, methods=["POST"])
