"""The addresses of posts."""

from __future__ import annotations

from flask import Blueprint

from dashboard.posts import views

posts = Blueprint("posts", __name__)

posts.add_url_rule("/posts/", "index", views.index)
posts.add_url_rule("/posts/new", "new", views.new, methods=["GET", "POST"])
for name, view in (
    ("cancel", views.cancel),
    ("send_now", views.send_now),
    ("retry", views.retry),
    ("settle", views.settle),
):
    address = f"/posts/<int:row_id>/{name.replace('_', '-')}"
    posts.add_url_rule(address, name, view, methods=["POST"])
