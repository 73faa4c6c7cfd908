"""The deeds of answering as the audit trail names them, to follow the name of who did it."""

from __future__ import annotations

from dashboard.i18n import lazy

DEEDS = {
    "outbox_queued": lazy("answered"),
    "outbox_cancelled": lazy("took an answer back"),
    "outbox_approved": lazy("approved an answer"),
    "outbox_returned": lazy("sent an answer back to its writer"),
    "outbox_hurried": lazy("sent an answer without waiting"),
    "outbox_settled": lazy("said what became of an answer"),
    "outbox_retried": lazy("tried an answer again"),
    "outbox_set_aside": lazy("set an answer aside after a restore"),
    "outbox_by_hand": lazy("recorded an answer given on the platform"),
    "reply_saved": lazy("changed a saved reply"),
    "reply_deleted": lazy("deleted a saved reply"),
    "reply_examples_added": lazy("added the example replies"),
}
