"""The places and people that messages hang on: found, or made, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shenava.messages import AccountRef, Author, Incoming, Platform
from shenava.store import (
    Account,
    Case,
    CaseState,
    ErasedKey,
    Identity,
    IdentityHandle,
    Post,
    changes,
)
from shenava.store.bulk import either, insert_into, insert_numbered, larger, smaller, update_by_id

IdentityKey = tuple[Platform, str]

NOBODY: Mapping[IdentityKey, ErasedKey] = {}


def identity_key(item: Incoming) -> IdentityKey:
    """What makes the author one person on their platform: the native id, else the handle."""
    author = item.author
    if author.native_id:
        return (item.account.platform, f"id:{author.native_id}")
    if not author.handle:
        raise ValueError(f"message {item.native_key}: the author has neither id nor handle")
    return (item.account.platform, f"handle:{author.handle.casefold()}")


def accounts(
    session: Session, wanted: Iterable[AccountRef], now: datetime
) -> dict[AccountRef, int]:
    found: dict[AccountRef, int] = {}
    for ref in sorted(wanted, key=lambda ref: (ref.platform, ref.handle)):
        query = select(Account.id).where(
            Account.platform == ref.platform, Account.handle == ref.handle
        )
        account_id = session.scalar(query)
        if account_id is None:
            account = Account(platform=ref.platform, handle=ref.handle, created_at=now)
            session.add(account)
            session.flush()
            account_id = account.id
        found[ref] = account_id
    return found


def identities(
    session: Session,
    fresh: Sequence[Incoming],
    marks: Mapping[IdentityKey, ErasedKey] = NOBODY,
) -> dict[IdentityKey, int]:
    """Find or make the authors, and keep of each the profile of the newest message that told one.

    ``marks``: those who were erased and write anew. What they wished, and whether they are
    blocked, holds still.

    Rows are changed by ascending id, as everyone does, so that no two wait for each other.
    """
    told: dict[IdentityKey, _Profile] = {}
    for item in fresh:
        key = identity_key(item)
        profile = _Profile.of(item.author, item.version_at)
        told[key] = max(told.get(key, profile), profile, key=_Profile.order)

    known = {
        (row.platform, row.key): row
        for row in session.execute(
            select(
                Identity.id,
                Identity.platform,
                Identity.key,
                Identity.handle,
                Identity.name,
                Identity.followers,
                Identity.profile_at,
            ).where(either(Identity.platform, Identity.key, told))
        )
    }
    ids = {key: row.id for key, row in known.items()}
    missing = [key for key in told if key not in known]
    if missing:
        new = [
            {
                "platform": key[0],
                "key": key[1],
                "opted_out_at": mark.erased_at
                if (mark := marks.get(key)) and mark.opted_out
                else None,
                "blocked_at": mark.erased_at if mark and mark.blocked else None,
                **told[key].values(),
            }
            for key in missing
        ]
        ids.update(zip(missing, insert_numbered(session, Identity, new), strict=True))
    newer = [
        {"b_id": row.id, **told[key].values()}
        for key, row in sorted(known.items(), key=lambda item: item[1].id)
        if told[key].order() > _Profile(row.handle, row.name, row.followers, row.profile_at).order()
    ]
    if newer:
        update_by_id(session, Identity, newer)
        before = {row.id: (row.handle, row.name) for row in known.values()}
        renamed = [
            row["b_id"] for row in newer if (row["handle"], row["name"]) != before[row["b_id"]]
        ]
        # A list shows the name: the rows of these people are read anew.
        changes.note(
            session,
            session.scalars(
                select(Case.id).where(Case.identity_id.in_(renamed), Case.state != CaseState.CLOSED)
            )
            if renamed
            else (),
        )
    _handles(session, fresh, ids)
    return ids


def tells_more(item: Incoming, known: Any) -> bool:
    """Whether ``item`` says something newer of its author than ``known``, the row of them, or that
    they wrote later where nobody said what they are called."""
    before = _Profile(known.handle, known.name, known.followers, known.profile_at)
    told = _Profile.of(item.author, item.version_at)
    return told.order() > before.order()


@dataclass(frozen=True, slots=True)
class _Profile:
    handle: str | None
    name: str | None
    followers: int | None
    profile_at: datetime

    @classmethod
    def of(cls, author: Author, at: datetime) -> _Profile:
        return cls(author.handle, author.name, author.followers, at)

    def order(self) -> tuple[bool, datetime, str, str, int]:
        """Newest last. Before all come those that tell nothing (a post that came without its
        author): they must not wipe what is known. The rest only so that two of one instant do not
        depend on arrival."""
        followers = -1 if self.followers is None else self.followers
        handle, name = self.handle or "", self.name or ""
        tells = bool(handle or name or followers >= 0)
        return (tells, self.profile_at, handle, name, followers)

    def values(self) -> dict[str, Any]:
        return {
            "handle": self.handle,
            "name": self.name,
            "followers": self.followers,
            "profile_at": self.profile_at,
        }


def _handles(session: Session, fresh: Sequence[Incoming], ids: dict[IdentityKey, int]) -> None:
    seen: dict[tuple[int, str], tuple[datetime, datetime]] = {}
    for item in fresh:
        if item.author.handle:
            key = (ids[identity_key(item)], item.author.handle)
            low, high = seen.get(key, (item.version_at, item.version_at))
            seen[key] = (min(low, item.version_at), max(high, item.version_at))
    if not seen:
        return
    statement = insert_into(session, IdentityHandle)
    told = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["identity_id", "handle"],
            set_={
                "first_seen": smaller(IdentityHandle.first_seen, told.first_seen),
                "last_seen": larger(IdentityHandle.last_seen, told.last_seen),
            },
        ),
        [
            {"identity_id": identity_id, "handle": handle, "first_seen": low, "last_seen": high}
            for (identity_id, handle), (low, high) in seen.items()
        ],
    )


def posts(session: Session, fresh: Sequence[Incoming]) -> dict[tuple[Platform, str], int]:
    """Find or make the posts. Of several permalinks told of one, the smallest is kept."""
    told = {
        (item.account.platform, item.post.native_key, item.post.permalink or "")
        for item in fresh
        if item.post is not None
    }
    if not told:
        return {}
    statement = insert_into(session, Post)
    link = statement.excluded.permalink
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["platform", "native_key"],
            set_={"permalink": smaller(link, func.coalesce(Post.permalink, link))},
            where=link.is_not(None),
        ),
        [
            {"platform": platform, "native_key": key, "permalink": permalink or None}
            for platform, key, permalink in sorted(told)
        ],
    )
    wanted = {(platform, key) for platform, key, _ in told}
    return {
        (row.platform, row.native_key): row.id
        for row in session.execute(
            select(Post.id, Post.platform, Post.native_key).where(
                either(Post.platform, Post.native_key, wanted)
            )
        )
    }
