"""Addresses of the settings."""

from __future__ import annotations

from flask import Blueprint

from dashboard.staff import audit_view, learned_views, profile_views, staff_views

staff = Blueprint("staff", __name__, url_prefix="/settings")

staff.add_url_rule("/", "profile", profile_views.profile, methods=["GET", "POST"])
staff.add_url_rule("/theme", "theme", profile_views.theme, methods=["POST"])
staff.add_url_rule("/password", "password", profile_views.password, methods=["GET", "POST"])
staff.add_url_rule(
    "/sign-out-everywhere", "everywhere", profile_views.sign_out_everywhere, methods=["POST"]
)

staff.add_url_rule("/staff", "people", staff_views.people)
staff.add_url_rule("/staff/invite", "invite", staff_views.invite, methods=["GET", "POST"])
staff.add_url_rule("/staff/<int:user_id>/link", "link", staff_views.link, methods=["POST"])
staff.add_url_rule("/staff/<int:user_id>/disable", "disable", staff_views.disable, methods=["POST"])
staff.add_url_rule("/staff/<int:user_id>/enable", "enable", staff_views.enable, methods=["POST"])
staff.add_url_rule("/staff/<int:user_id>/role", "role", staff_views.role, methods=["POST"])
staff.add_url_rule(
    "/staff/<int:user_id>/approval", "approval", staff_views.approval, methods=["POST"]
)

staff.add_url_rule("/learned", "learned", learned_views.learned)
staff.add_url_rule("/learned/off", "learned_off", learned_views.switch_off, methods=["POST"])
staff.add_url_rule(
    "/learned/by-itself", "learned_by_itself", learned_views.by_itself, methods=["POST"]
)
staff.add_url_rule(
    "/learned/<int:version_id>/on", "learned_on", learned_views.switch_on, methods=["POST"]
)

staff.add_url_rule("/audit", "audit", audit_view.trail)
