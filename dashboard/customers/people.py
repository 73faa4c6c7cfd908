"""What pages show of customers: a row of the list, a face on a platform."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dashboard.inbox.rows import name_of, plain
from shenava.messages import Platform
from shenava.store import Case, CaseState, Customer, Identity

_PROFILES = {
    Platform.X: "https://x.com/{}",
    Platform.INSTAGRAM: "https://www.instagram.com/{}/",
    Platform.TELEGRAM: "https://t.me/{}",
    Platform.BALE: "https://ble.ir/{}",
    Platform.BLUESKY: "https://bsky.app/profile/{}",
}


@dataclass(frozen=True, slots=True)
class Face:
    """A person on one platform. ``name`` is never empty."""

    identity_id: int
    platform: Platform
    name: str
    handle: str | None
    followers: int | None
    heard_at: datetime
    blocked_at: datetime | None
    opted_out_at: datetime | None
    erased_at: datetime | None = None

    @property
    def profile(self) -> str | None:
        """Where the platform shows them."""
        address = _PROFILES.get(self.platform)
        known = self.handle and self.handle.lstrip("@")
        safe = bool(known) and all(sign.isalnum() or sign in "._-" for sign in known or "")
        return address.format(known) if address and safe else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A customer in a list. ``faces``: last heard of first."""

    faces: tuple[Face, ...]
    vip: bool
    open_cases: int
    last_at: datetime | None

    @property
    def id(self) -> int:
        """Any identity of theirs names the page of a customer."""
        return self.faces[0].identity_id

    @property
    def name(self) -> str:
        return self.faces[0].name

    @property
    def reach(self) -> int | None:
        """Followers, where they have most."""
        return max((one.followers for one in self.faces if one.followers is not None), default=None)

    @property
    def erased(self) -> bool:
        return any(one.erased_at for one in self.faces)

    @property
    def blocked(self) -> bool:
        return any(one.blocked_at for one in self.faces)

    @property
    def opted_out(self) -> bool:
        return any(one.opted_out_at for one in self.faces)


def face_of(row: Identity) -> Face:
    handle = plain(row.handle)
    name = "—" if row.erased_at else name_of(row.platform, row.key, row.name, row.handle)
    return Face(
        identity_id=row.id,
        platform=row.platform,
        name=name,
        handle=handle or None,
        followers=row.followers,
        heard_at=row.profile_at,
        blocked_at=row.blocked_at,
        opted_out_at=row.opted_out_at,
        erased_at=row.erased_at,
    )


def listed(session: Session, ids: Sequence[int]) -> list[Listed]:
    """The customers of these identities, in their order. A fixed number of questions."""
    if not ids:
        return []
    asked = session.execute(
        select(Identity.id, Identity.customer_id).where(Identity.id.in_(ids))
    ).all()
    customers = {row.id: row.customer_id for row in asked}
    known = {key for key in customers.values() if key is not None}
    faces: dict[Any, list[Face]] = defaultdict(list)
    for row in session.scalars(
        select(Identity)
        .where(or_(Identity.id.in_(ids), Identity.customer_id.in_(known)))
        .order_by(Identity.profile_at.desc(), Identity.id.desc())
    ):
        faces[_whose(row.id, row.customer_id)].append(face_of(row))
    vips = set(session.scalars(select(Customer.id).where(Customer.id.in_(known), Customer.vip)))
    cases = _cases(session, [one.identity_id for found in faces.values() for one in found])
    told = []
    for identity_id in ids:
        if identity_id not in customers:
            continue
        found = faces[_whose(identity_id, customers[identity_id])]
        mine = [cases[one.identity_id] for one in found if one.identity_id in cases]
        told.append(
            Listed(
                faces=tuple(found),
                vip=customers[identity_id] in vips,
                open_cases=sum(row.live for row in mine),
                last_at=max((row.last for row in mine), default=None),
            )
        )
    return told


def _whose(identity_id: int, customer_id: int | None) -> tuple[str, int]:
    return ("identity", identity_id) if customer_id is None else ("customer", customer_id)


def _cases(session: Session, identities: Collection[int]) -> dict[int, Any]:
    rows = session.execute(
        select(
            Case.identity_id,
            func.count(Case.id).filter(Case.state != CaseState.CLOSED).label("live"),
            func.max(Case.last_message_at).label("last"),
        )
        .where(Case.identity_id.in_(identities))
        .group_by(Case.identity_id)
    )
    return {row.identity_id: row for row in rows}
