"""The addresses of pictures."""

from __future__ import annotations

from flask import Blueprint

from dashboard.pictures import views

pictures = Blueprint("pictures", __name__)

pictures.add_url_rule("/pictures/<int:picture_id>", "whole", views.whole)
pictures.add_url_rule("/pictures/<int:picture_id>/small", "small", views.small)
pictures.add_url_rule("/pictures/of/<int:attachment_id>", "of_message", views.of_message)
pictures.add_url_rule("/pictures/sent/<int:row_id>", "sent", views.sent)
