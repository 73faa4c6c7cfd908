"""The addresses of the shop's own places."""

from __future__ import annotations

from flask import Blueprint

from dashboard.accounts import (
    collect_views,
    connect_instagram,
    connect_views,
    ledger_views,
    list_views,
    webhook_views,
)

accounts = Blueprint("accounts", __name__, url_prefix="/accounts")

# Everyone.
accounts.add_url_rule("/", "index", list_views.index)
accounts.add_url_rule("/<int:account_id>", "ledger", ledger_views.ledger)
accounts.add_url_rule("/sending", "sending", list_views.sending)

# Admins.
accounts.add_url_rule("/webhooks", "webhooks", webhook_views.webhooks)
accounts.add_url_rule("/webhooks/retry", "retry_webhooks", webhook_views.retry, methods=["POST"])
accounts.add_url_rule(
    "/<int:account_id>/webhooks", "order_webhooks", webhook_views.order, methods=["POST"]
)
accounts.add_url_rule("/app/<int:app_id>/limits", "limits", list_views.limits, methods=["POST"])
accounts.add_url_rule("/<int:account_id>/pause", "pause", list_views.pause, methods=["POST"])
accounts.add_url_rule("/<int:account_id>/resume", "resume", list_views.resume, methods=["POST"])
accounts.add_url_rule("/<int:account_id>/test", "test", list_views.test, methods=["POST"])
accounts.add_url_rule(
    "/<int:account_id>/collect", "collect", collect_views.collect, methods=["GET", "POST"]
)
accounts.add_url_rule(
    "/<int:account_id>/back-fill", "backfill", collect_views.backfill, methods=["GET", "POST"]
)

# Connecting an account: which platform, and the word to save.
accounts.add_url_rule("/connect", "choose", connect_views.choose)
accounts.add_url_rule("/connect/confirm", "confirm", connect_views.confirm, methods=["GET", "POST"])

# Of X.
accounts.add_url_rule("/connect/x", "connect", connect_views.connect)
accounts.add_url_rule("/connect/x/keys", "keys", connect_views.keys, methods=["POST"])
accounts.add_url_rule("/connect/x/ask", "ask", connect_views.ask, methods=["POST"])
accounts.add_url_rule("/connect/x/callback", "callback", connect_views.callback)

# Of Instagram.
accounts.add_url_rule("/connect/instagram", "connect_instagram", connect_instagram.connect)
accounts.add_url_rule(
    "/connect/instagram/token", "token", connect_instagram.token, methods=["POST"]
)
accounts.add_url_rule(
    "/connect/instagram/ask", "ask_instagram", connect_instagram.ask, methods=["POST"]
)
accounts.add_url_rule(
    "/connect/instagram/callback", "callback_instagram", connect_instagram.callback
)
