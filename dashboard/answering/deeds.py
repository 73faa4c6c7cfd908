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
    "broadcast_written": lazy("wrote a broadcast"),
    "broadcast_planned": lazy("planned a broadcast"),
    "broadcast_submitted": lazy("asked for approval of a broadcast"),
    "broadcast_released": lazy("sent a broadcast"),
    "broadcast_approved": lazy("approved a broadcast"),
    "broadcast_withdrawn": lazy("withdrew a broadcast"),
    "broadcast_hurried": lazy("sent a broadcast without waiting"),
    "broadcast_started": lazy("a broadcast began to leave"),
    "broadcast_paused": lazy("paused a broadcast"),
    "broadcast_resumed": lazy("let a broadcast go on"),
    "broadcast_stopped": lazy("stopped a broadcast"),
    "broadcast_retried": lazy("tried again what failed of a broadcast"),
    "broadcast_ended": lazy("a broadcast ended"),
    "reply_saved": lazy("changed a saved reply"),
    "reply_deleted": lazy("deleted a saved reply"),
    "reply_examples_added": lazy("added the example replies"),
}
