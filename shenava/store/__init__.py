"""The database: rows as typed mappings, the session, search, the changes feed, migrations.

The row is the truth; a queue is only a nudge.
"""

from shenava.store.base import Base
from shenava.store.broadcasts import (
    Broadcast,
    BroadcastState,
    Recipient,
    RecipientKind,
    RecipientState,
    Stage,
)
from shenava.store.cases import Case, CaseIntent, CaseRead, CaseState, Note, case_rank
from shenava.store.collecting import (
    App,
    Billed,
    Coverage,
    CoverageKind,
    Feed,
    FeedError,
    RateUse,
    Spend,
)
from shenava.store.customers import Clue, ClueKind, CustomerNote, Merge, NotSame
from shenava.store.duty import (
    Alarm,
    Alert,
    AlertMail,
    CalledBecause,
    Duty,
    EndedBecause,
    Switch,
)
from shenava.store.erased import ErasedKey
from shenava.store.inbound import (
    InboundDoor,
    InboundEvent,
    InboundReason,
    InboundState,
    WebhookAccount,
    WebhookMiss,
)
from shenava.store.learning import LabelledText, LearnedVersion, Learning, VersionState
from shenava.store.ledger import Audit, Change, Fact, FactKind
from shenava.store.mails import MailRow, MailState
from shenava.store.media import Attachment, AttachmentState, Picture
from shenava.store.messages import (
    Conversation,
    Correction,
    Message,
    MessageVersion,
    RemovedBecause,
    Sighting,
    VerdictRow,
)
from shenava.store.outbox import (
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    Presence,
    PresenceKind,
)
from shenava.store.people import (
    Account,
    AccountState,
    Customer,
    Identity,
    IdentityHandle,
    PausedBecause,
    Post,
)
from shenava.store.public import OtherName, PublicReader, PublicTrouble
from shenava.store.replies import SavedReply
from shenava.store.reports import (
    EntryKind,
    ReportBook,
    ReportEntry,
    ReportMail,
    WeeklyReport,
)
from shenava.store.session import Alone, Store
from shenava.store.spikes import Spike, SpikeCase, SpikeClosed, UsualHour
from shenava.store.staff import LinkPurpose, OneTimeLink, Role, SignInFailure, User, UserState
from shenava.store.tokens import ApiNoteKey, ApiToken, ApiUse, Scope

__all__ = [
    "Account",
    "AccountState",
    "Alarm",
    "Alert",
    "AlertMail",
    "Alone",
    "ApiNoteKey",
    "ApiToken",
    "ApiUse",
    "App",
    "Attachment",
    "AttachmentState",
    "Audit",
    "Base",
    "Billed",
    "Broadcast",
    "BroadcastState",
    "CalledBecause",
    "Case",
    "CaseIntent",
    "CaseRead",
    "CaseState",
    "Change",
    "Clue",
    "ClueKind",
    "Conversation",
    "Correction",
    "Coverage",
    "CoverageKind",
    "Customer",
    "CustomerNote",
    "Duty",
    "EndedBecause",
    "EntryKind",
    "ErasedKey",
    "Fact",
    "FactKind",
    "Feed",
    "FeedError",
    "Identity",
    "IdentityHandle",
    "InboundDoor",
    "InboundEvent",
    "InboundReason",
    "InboundState",
    "LabelledText",
    "LearnedVersion",
    "Learning",
    "LinkPurpose",
    "MailRow",
    "MailState",
    "Merge",
    "Message",
    "MessageVersion",
    "NotSame",
    "Note",
    "OneTimeLink",
    "OtherName",
    "OutboxRow",
    "OutboxState",
    "OwnMessageRow",
    "PausedBecause",
    "Picture",
    "Post",
    "Presence",
    "PresenceKind",
    "PublicReader",
    "PublicTrouble",
    "RateUse",
    "Recipient",
    "RecipientKind",
    "RecipientState",
    "RemovedBecause",
    "ReportBook",
    "ReportEntry",
    "ReportMail",
    "Role",
    "SavedReply",
    "Scope",
    "Sighting",
    "SignInFailure",
    "Spend",
    "Spike",
    "SpikeCase",
    "SpikeClosed",
    "Stage",
    "Store",
    "Switch",
    "User",
    "UserState",
    "UsualHour",
    "VerdictRow",
    "VersionState",
    "WebhookAccount",
    "WebhookMiss",
    "WeeklyReport",
    "case_rank",
]
