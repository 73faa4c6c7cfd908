"""The database: rows as typed mappings, the session, search, the changes feed, migrations.

The row is the truth; a queue is only a nudge.
"""

from shenava.store.base import Base
from shenava.store.cases import Case, CaseIntent, CaseRead, CaseState, Note, case_rank
from shenava.store.ledger import Audit, Change, Fact, FactKind
from shenava.store.messages import Conversation, Correction, Message, Sighting, VerdictRow
from shenava.store.people import Account, Customer, Identity, IdentityHandle, Post
from shenava.store.session import Alone, Store
from shenava.store.staff import LinkPurpose, OneTimeLink, Role, SignInFailure, User, UserState

__all__ = [
    "Account",
    "Alone",
    "Audit",
    "Base",
    "Case",
    "CaseIntent",
    "CaseRead",
    "CaseState",
    "Change",
    "Conversation",
    "Correction",
    "Customer",
    "Fact",
    "FactKind",
    "Identity",
    "IdentityHandle",
    "LinkPurpose",
    "Message",
    "Note",
    "OneTimeLink",
    "Post",
    "Role",
    "Sighting",
    "SignInFailure",
    "Store",
    "User",
    "UserState",
    "VerdictRow",
    "case_rank",
]
