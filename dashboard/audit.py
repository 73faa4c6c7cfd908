"""Writing the audit trail: who did what, in ids and choices, never in text."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from shenava.store import Audit


class Deed(StrEnum):
    """What staff can do to accounts, those of staff and those of the shop. The inbox names its
    own deeds."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    FIRST_ADMIN_LINK_MADE = "first_admin_link_made"
    FIRST_ADMIN_MADE = "first_admin_made"
    INVITED = "invited"
    INVITE_LINK_MADE = "invite_link_made"
    JOINED = "joined"
    RESET_LINK_MADE = "reset_link_made"
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PROFILE_CHANGED = "profile_changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    ROLE_CHANGED = "role_changed"
    APPROVAL_ASKED = "approval_asked"
    APPROVAL_WAIVED = "approval_waived"
    WENT_ON_DUTY = "went_on_duty"
    WENT_OFF_DUTY = "went_off_duty"
    PUT_ON_DUTY = "put_on_duty"
    PUT_OFF_DUTY = "put_off_duty"
    DUTY_PLANNED = "duty_planned"
    ESCALATION_CHANGED = "escalation_changed"
    ACCOUNT_CONNECTED = "account_connected"
    ACCOUNT_PAUSED = "account_paused"
    ACCOUNT_RESUMED = "account_resumed"
    ACCOUNT_SOURCES_CHOSEN = "account_sources_chosen"
    ACCOUNT_BACKFILLED = "account_backfilled"
    APP_LIMITS_CHANGED = "app_limits_changed"
    WEBHOOKS_ORDERED = "webhooks_ordered"
    WEBHOOKS_RETRIED = "webhooks_retried"
    API_TOKEN_MADE = "api_token_made"  # noqa: S105
    API_TOKEN_REVOKED = "api_token_revoked"  # noqa: S105


def record(
    session: Session,
    deed: Deed,
    at: datetime,
    *,
    by: int | None,
    to: int | None = None,
    **choices: str,
) -> None:
    """Add that user ``by`` did ``deed``, to user ``to`` where that is another, with ``choices``."""
    details: dict[str, object] = dict(choices)
    if to is not None:
        details["user_id"] = to
    session.add(Audit(at=at, user_id=by, action=deed.value, details=details))
