"""What the pages of customers call things, in the reader's language."""

from __future__ import annotations

from dashboard.customers.wanted import Show
from dashboard.filters import digits
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy, ngettext
from responder.likeness import Evidence, EvidenceKind, Strength

SHOWS = {
    Show.EVERYONE: lazy("Everyone"),
    Show.OPEN: lazy("With open cases"),
    Show.VIP: lazy("VIP"),
    Show.CHANNELS: lazy("On several channels"),
    Show.BLOCKED: lazy("Blocked"),
    Show.OPTED_OUT: lazy("Opted out"),
}

STRENGTHS = {
    Strength.STRONG: lazy("very likely the same person"),
    Strength.LIKELY: lazy("probably the same person"),
    Strength.POSSIBLE: lazy("perhaps the same person"),
}

KINDS = {
    EvidenceKind.EMAIL: lazy("the same e-mail address"),
    EvidenceKind.PHONE: lazy("the same phone number"),
    EvidenceKind.LINK: lazy("a link to the other's profile"),
    EvidenceKind.ORDER: lazy("the same order number"),
    EvidenceKind.HANDLE: lazy("the same handle"),
    EvidenceKind.NAME: lazy("the same name"),
    EvidenceKind.SOUND: lazy("names that sound alike"),
}


def evidence(piece: Evidence) -> str:
    """One piece of evidence in a sentence; what is shared is told, but for how names sound."""
    value = shown(piece)
    said = {
        EvidenceKind.EMAIL: _("Both wrote the e-mail address %(value)s.", value=value),
        EvidenceKind.PHONE: _("Both gave the phone number that ends in %(value)s.", value=value),
        EvidenceKind.LINK: _(
            "One of them gave the other as their profile: %(value)s.", value=value
        ),
        EvidenceKind.ORDER: _("Both wrote about order %(value)s.", value=value),
        EvidenceKind.HANDLE: _("Both have the handle %(value)s.", value=value),
        EvidenceKind.NAME: _("Both have the name %(value)s.", value=value),
        EvidenceKind.SOUND: _("Their names sound alike in the two scripts."),
    }[piece.kind]
    if not piece.others:
        return said
    more = ngettext("So does %(num)s other person.", "So do %(num)s other people.", piece.others)
    return f"{said} {more}"


_PHONE_SHOWN = 4


def shown(piece: Evidence) -> str:
    """The value that is shared, kept apart from the direction of the words around it."""
    value = piece.value
    if piece.kind is EvidenceKind.PHONE:
        value = value[-_PHONE_SHOWN:]
    if piece.kind in (EvidenceKind.PHONE, EvidenceKind.ORDER):
        value = digits(value)
    if piece.kind is EvidenceKind.LINK:
        value = value.replace(":", " · ")
    return f"\u2068{value}\u2069"
