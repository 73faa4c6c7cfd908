"""The audit trail in words: what each deed is called on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from dashboard.audit import Deed
from dashboard.i18n import Lazy, lazy, page_gettext
from dashboard.inbox.words import deed as case_deed
from shenava.store import Role

DEEDS: dict[str, Lazy] = {
    Deed.SIGNED_IN: lazy("signed in"),
    Deed.SIGN_IN_FAILED: lazy("failed to sign in as %(name)s"),
    Deed.SIGNED_OUT: lazy("signed out"),
    Deed.SIGNED_OUT_EVERYWHERE: lazy("signed out all their other devices"),
    Deed.FIRST_ADMIN_LINK_MADE: lazy("made the link for the first admin"),
    Deed.FIRST_ADMIN_MADE: lazy("became the first admin"),
    Deed.INVITED: lazy("invited %(name)s as %(role)s"),
    Deed.INVITE_LINK_MADE: lazy("made a new invitation link for %(name)s"),
    Deed.JOINED: lazy("accepted the invitation"),
    Deed.RESET_LINK_MADE: lazy("made a password link for %(name)s"),
    Deed.PASSWORD_RESET: lazy("chose a new password by a link"),
    Deed.PASSWORD_CHANGED: lazy("changed their password"),
    Deed.PROFILE_CHANGED: lazy("changed their profile"),
    Deed.DISABLED: lazy("disabled %(name)s"),
    Deed.ENABLED: lazy("enabled %(name)s"),
    Deed.ROLE_CHANGED: lazy("changed the role of %(name)s to %(role)s"),
    Deed.APPROVAL_ASKED: lazy("lets answers of %(name)s wait for approval"),
    Deed.APPROVAL_WAIVED: lazy("lets answers of %(name)s leave at once"),
    Deed.WENT_ON_DUTY: lazy("went on duty"),
    Deed.WENT_OFF_DUTY: lazy("went off duty"),
    Deed.PUT_ON_DUTY: lazy("put %(name)s on duty"),
    Deed.PUT_OFF_DUTY: lazy("took %(name)s off duty"),
    Deed.DUTY_PLANNED: lazy("planned the duty hours of %(name)s"),
    Deed.ESCALATION_CHANGED: lazy("changed the order of escalation"),
    Deed.ACCOUNT_CONNECTED: lazy("connected %(account)s"),
    Deed.ACCOUNT_PAUSED: lazy("paused %(account)s"),
    Deed.ACCOUNT_RESUMED: lazy("resumed %(account)s"),
    Deed.ACCOUNT_SOURCES_CHOSEN: lazy("chose what is collected from %(account)s"),
    Deed.ACCOUNT_BACKFILLED: lazy("had older messages of %(account)s read"),
    Deed.APP_LIMITS_CHANGED: lazy("changed the monthly limits of the app %(app)s"),
    Deed.API_TOKEN_MADE: lazy("made an API token"),
    Deed.API_TOKEN_REVOKED: lazy("revoked an API token"),
}


ROLES = {Role.AGENT: lazy("agent"), Role.ADMIN: lazy("admin")}


def deed_in_words(action: str, details: Mapping[str, Any], people: Mapping[int, str]) -> str:
    """What ``action`` is called, to follow the name of who did it; ``people``: names by id.

    The inbox names what was done to cases; an action of a newer version has its own name only.
    """
    known = DEEDS.get(action)
    if known is None:
        return case_deed(action, details, people)
    name = people.get(details.get("user_id", 0), "?")
    role = details.get("role", "")
    return page_gettext(
        known.message,
        name=Markup("<strong><bdi>{}</bdi></strong>").format(name),
        role=ROLES[Role(role)] if role in set(Role) else role,
        account=Markup('<bdi dir="ltr">{}</bdi>').format(details.get("account", "?")),
        app=Markup("<bdi>{}</bdi>").format(details.get("app", "?")),
    )
