"""Addresses of signing in and out."""

from __future__ import annotations

from flask import Blueprint

from dashboard.auth import views

auth = Blueprint("auth", __name__)

auth.add_url_rule("/sign-in", "sign_in", views.sign_in_page, methods=["GET", "POST"])
auth.add_url_rule("/sign-out", "sign_out", views.sign_out_now, methods=["POST"])
auth.add_url_rule("/language", "language", views.choose_language, methods=["POST"])
auth.add_url_rule("/link/<token>", "link", views.open_link, methods=["GET", "POST"])
