"""Broadcasts, as programs announce: written, planned and sent in one request, once for each key."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.api import asked, shapes
from dashboard.api.paging import onward, place
from dashboard.api.problems import PREFIX, Kind, Problem, invalid, not_found
from dashboard.api.serving import Placed, writing
from dashboard.api.tokens import Caller
from dashboard.context import desk
from dashboard.inbox.queries import Cursor
from responder.broadcasts import drafting
from responder.broadcasts.content import Aim, Content, Place
from responder.broadcasts.drafting import BroadcastError, KeyTaken, Notice
from responder.broadcasts.planning import house_of, plan_broadcast
from responder.broadcasts.progress import Outcome, progress
from responder.broadcasts.templates import still_to_fill
from responder.outbox import Asker
from shenava.messages import Language
from shenava.store import Account, AccountState, Broadcast, BroadcastState


def write_broadcast(caller: Caller, body: asked.WriteBroadcast, key: str) -> Placed:
    """Tell everyone at once. The notice is written and planned: the answer says whom it reaches,
    what it costs and who is left out. With `send` it leaves after ten seconds, or when a second
    person has approved it where the shop wants that. Asked again with the same key and body,
    nothing is sent twice: the same broadcast is answered as it stands then."""
    store, now = desk().store, desk().store.clock.now()
    home = house_of(desk().settings)
    asker = Asker(caller.principal, key, caller.maker, automatic=True)
    with writing(caller) as session:
        notice = _notice(session, body)
        try:
            row = drafting.create(session, asker, notice, now)
        except KeyTaken as error:
            raise Problem(Kind.KEY_REUSED, str(error)) from None
        except BroadcastError as error:
            raise Problem(Kind.INVALID, str(error)) from None
        number, state, hash_ = row.id, row.state, row.plan_hash
    if state is BroadcastState.DRAFT:
        plan = plan_broadcast(store, number, desk().rules, home, caller.maker)
        state, hash_ = BroadcastState.PLANNED, plan.hash if plan else None
    if body.send and state is BroadcastState.PLANNED and hash_ is not None:
        with writing(caller) as session:
            try:
                drafting.release(
                    session,
                    caller.maker,
                    number,
                    hash_,
                    store.clock.now(),
                    home.quiet,
                    second_person=home.second_person,
                )
            except BroadcastError as error:
                raise Problem(Kind.INVALID, str(error)) from None
    return Placed(_read(number), f"{PREFIX}/broadcasts/{number}")


def get_broadcast(caller: Caller, broadcast_id: int) -> shapes.Broadcast:
    """Read one broadcast. What was planned, and what became of everyone so far."""
    return _read(broadcast_id)


def list_broadcasts(caller: Caller, query: asked.BroadcastQuery) -> shapes.BroadcastPage:
    """List broadcasts. The newest first, without what became of everyone."""
    after = place(query, query.cursor)
    wanted = select(Broadcast).order_by(Broadcast.id.desc()).limit(query.limit + 1)
    if query.state is not None:
        wanted = wanted.where(Broadcast.state == query.state)
    if after is not None:
        wanted = wanted.where(Broadcast.id < after.id)
    with desk().store.read() as session:
        rows = session.scalars(wanted).all()
    end = Cursor(0, rows[query.limit - 1].id) if len(rows) > query.limit else None
    return shapes.BroadcastPage(
        items=[_summary(row) for row in rows[: query.limit]], next=onward(query, end)
    )


def _notice(session: Session, body: asked.WriteBroadcast) -> Notice:
    texts = {Language(name): text for name, text in body.text.items() if text.strip()}
    personal = {Language(name): text for name, text in body.personal.items() if text.strip()}
    if not texts:
        raise invalid("Say it in one language at least.", pointer="#/text")
    if open_ := [
        word for text in (*texts.values(), *personal.values()) for word in still_to_fill(text)
    ]:
        raise invalid(f"Fill in {open_[0]} first.", pointer="#/text")
    if body.link and not body.link.startswith(("https://", "http://")):
        raise invalid("A link begins with https://", pointer="#/link")
    aim = Aim(
        places=_places(session, body, texts),
        intents=frozenset(body.complaints_about),
        since=body.complaints_since,
        cases=frozenset(int(one) for one in body.cases),
        vips=body.vips,
        open_windows=body.open_windows,
    )
    if body.follows is None and not (
        aim.places or aim.intents or aim.cases or aim.vips or aim.open_windows
    ):
        raise invalid("Name a place or a group of people.", pointer="#/accounts")
    return Notice(
        content=Content(texts, {}, personal, body.link, body.picture),
        aim=aim,
        stage=body.stage,
        kind=body.kind,
        parent_id=int(body.follows) if body.follows else None,
        not_before=body.not_before,
        lasts_hours=body.expires_after_hours or desk().settings.broadcast_lasts_hours,
        urgent=body.urgent,
        close_cases=body.close_cases,
    )


def _places(
    session: Session, body: asked.WriteBroadcast, texts: dict[Language, str]
) -> tuple[Place, ...]:
    """The accounts named, or every one that is connected."""
    own = Language(desk().settings.language.value)
    language = own if own in texts else next(iter(texts))
    rows = session.scalars(select(Account).order_by(Account.id)).all()
    known = {row.id: row for row in rows if row.platform in desk().rules}
    if body.accounts is None:
        if body.follows is not None:
            parent = session.get(Broadcast, int(body.follows))
            return Aim.of_json(parent.aim).places if parent else ()
        return tuple(
            Place(row.id, language) for row in known.values() if row.state is AccountState.CONNECTED
        )
    found = []
    for number, one in enumerate(body.accounts):
        if int(one.id) not in known:
            raise invalid("There is no such account.", pointer=f"#/accounts/{number}/id")
        found.append(Place(int(one.id), Language(one.language) if one.language else language))
    return tuple(found)


def _read(broadcast_id: int) -> shapes.Broadcast:
    with desk().store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None:
            raise not_found("broadcast")
        counted = progress(session, broadcast_id)
    plan = row.plan or {}
    return shapes.Broadcast(
        **_summary(row).model_dump(),
        posts=[
            shapes.BroadcastPost(
                account_id=str(one["account"]),
                language=Language(one["language"]),
                text=one["text"],
                length=one["length"][0],
                length_limit=one["length"][1],
                price_micros=one["price"],
                left_out_because=one["reason"],
            )
            for one in plan.get("places", ())
        ],
        left_out=[
            shapes.LeftOut(account_id=str(one["account"]), reason=one["reason"], count=one["count"])
            for one in plan.get("left_out", ())
        ],
        progress=shapes.BroadcastProgress(
            **{outcome.value: counted.of(outcome) for outcome in Outcome}
        ),
    )


def _summary(row: Broadcast) -> shapes.BroadcastSummary:
    plan = row.plan or {}
    return shapes.BroadcastSummary(
        id=str(row.id),
        state=row.state,
        stage=row.stage,
        kind=row.kind,
        follows=str(row.parent_id) if row.parent_id else None,
        created_at=row.created_at,
        not_before=row.not_before,
        expires_at=row.expires_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        recipients=plan.get("told", 0),
        people=plan.get("people", 0),
        price_micros=plan.get("price", 0),
        seconds=plan.get("seconds", 0),
    )
