"""The addresses of the weekly report."""

from __future__ import annotations

from flask import Blueprint

from dashboard.reports import views

reports = Blueprint("reports", __name__, url_prefix="/reports")
reports.add_url_rule("/", "index", views.index)
reports.add_url_rule("/<name>", "week", views.week)
reports.add_url_rule("/<name>/list", "rows", views.rows)
reports.add_url_rule("/<name>.pdf", "pdf", views.pdf)
reports.add_url_rule("/<name>.csv", "csv", views.csv)
reports.add_url_rule("/<name>.json", "json", views.json)
