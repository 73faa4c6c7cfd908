"""The pages of broadcasts: the list, the one page of a broadcast, its ledger by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.answering import later
from dashboard.auth.roles import background
from dashboard.broadcasts import seeing, words
from dashboard.broadcasts.form import LASTS, SINCE, Draft, from_template, of_row, read
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox.words import INTENTS
from dashboard.reader import me, reader
from responder import spikes
from responder.broadcasts import drafting
from responder.broadcasts.content import LANGUAGES, Aim
from responder.broadcasts.drafting import BroadcastError
from responder.broadcasts.planning import House, earliest, house_of, plan_broadcast
from responder.broadcasts.progress import Outcome, marks
from responder.broadcasts.templates import KINDS
from responder.outbox import Asker
from shenava.messages import Deed, Intent, Language
from shenava.store import (
    Account,
    Broadcast,
    BroadcastState,
    RecipientKind,
    Spike,
    Stage,
    User,
    changes,
)

_LISTED = 50


def house() -> House:
    return house_of(desk().settings)


def index() -> ResponseReturnValue:
    """All broadcasts, the newest first; and the kinds of outage to begin from."""
    with desk().store.read() as session:
        rows = session.scalars(
            select(Broadcast)
            .where(Broadcast.state != BroadcastState.WITHDRAWN)
            .order_by(Broadcast.id.desc())
            .limit(_LISTED)
        ).all()
        complaints = seeing.open_complaints(session)
        accounts = seeing.accounts_of(session, desk().rules)
    return render_template(
        "broadcasts/list.html",
        rows=rows,
        kinds=KINDS,
        complaints=complaints,
        accounts=accounts,
        says=words,
        parents={row.parent_id for row in rows if row.parent_id},
    )


def new() -> ResponseReturnValue:
    """Begin one: ``kind`` of outage; or, with ``parent``, a follow-up at ``stage``. POST: look at
    it once more (``do=look``), or plan it."""
    with desk().store.read() as session:
        accounts = seeing.accounts_of(session, desk().rules)
        if request.method == "POST":
            draft, wrong = _read(accounts)
            parent = _parent(session, draft.parent_id)
        else:
            parent = _parent(session, request.args.get("parent", type=int))
            draft, wrong = _begin(session, accounts, parent), ""
    if request.method == "GET" or request.form.get("do") == "look":
        return _write_page(draft, accounts, parent, wrong=wrong)
    wrong = wrong or draft.wrong()
    if wrong:
        return _write_page(draft, accounts, parent, wrong=wrong, status=422)
    store = desk().store
    now = store.clock.now()
    try:
        with store.write() as session:
            asker = Asker(f"user:{me().id}", draft.key, me().id)
            number = drafting.create(session, asker, draft.notice(now), now).id
            if draft.spike is not None:
                for spike_id in spikes.alike(session, draft.spike):
                    spikes.link(session, spike_id, number)
    except drafting.KeyTaken:
        wrong = _("This was saved before, with other words. Look at the list of broadcasts.")
        return _write_page(draft, accounts, parent, wrong=wrong, status=409)
    except BroadcastError:
        abort(404)
    plan_broadcast(store, number, desk().rules, house(), me().id)
    return redirect(url_for("broadcasts.show", broadcast_id=number) + "#plan")


def edit(broadcast_id: int) -> ResponseReturnValue:
    """Change the words or the aim of one that nobody has released."""
    store = desk().store
    with store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None:
            abort(404)
        accounts = seeing.accounts_of(session, desk().rules)
        parent = _parent(session, row.parent_id)
        if request.method == "POST":
            draft, wrong = _read(accounts)
            draft.parent_id = row.parent_id
        else:
            draft, wrong = of_row(row), ""
    if row.state not in (BroadcastState.DRAFT, BroadcastState.PLANNED):
        return redirect(url_for("broadcasts.show", broadcast_id=broadcast_id))
    if request.method == "GET" or request.form.get("do") == "look":
        return _write_page(draft, accounts, parent, row, wrong=wrong)
    wrong = wrong or draft.wrong()
    if wrong:
        return _write_page(draft, accounts, parent, row, wrong=wrong, status=422)
    now = store.clock.now()
    version = request.form.get("version", type=int) or 0
    with store.write() as session:
        done = drafting.edit(session, me().id, broadcast_id, version, draft.notice(now), now)
    if not done:
        wrong = _("A colleague changed it meanwhile. Yours is here still; look at theirs first.")
        return _write_page(draft, accounts, parent, row, wrong=wrong, status=409)
    plan_broadcast(store, broadcast_id, desk().rules, house(), me().id)
    return redirect(url_for("broadcasts.show", broadcast_id=broadcast_id) + "#plan")


def show(broadcast_id: int) -> ResponseReturnValue:
    """One broadcast: its plan, and what became of it."""
    with desk().store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None:
            abort(404)
        accounts = {one.id: one for one in session.scalars(select(Account))}
        names = _names(session, row)
        children = session.scalars(
            select(Broadcast)
            .where(Broadcast.parent_id == broadcast_id, Broadcast.state != BroadcastState.WITHDRAWN)
            .order_by(Broadcast.id)
        ).all()
        parent = _parent(session, row.parent_id)
        seen = seeing.watch(session, row) if row.started_at else None
        lines = seeing.place_lines(session, broadcast_id)
        under_way = marks(session, broadcast_id).get(broadcast_id, "")
        upto = changes.latest(session)
    home = house()
    now = desk().store.clock.now()
    start = earliest(now, row.not_before, home.quiet, urgent=row.urgent)
    return render_template(
        "broadcasts/page.html",
        row=row,
        plan=row.plan,
        accounts=accounts,
        names=names,
        parent=parent,
        children=children,
        watch=seen,
        under_way=under_way,
        upto=upto,
        says=words,
        house=home,
        place_lines=lines,
        quiet_until=start if start > max(now, row.not_before or now) else None,
        kind_of=RecipientKind,
        deed_of=Deed,
        language_of=Language,
        stages=_next_stages(row.stage),
        **_told(),
    )


def progress(broadcast_id: int) -> ResponseReturnValue:
    """The part of the page that moves. ``X-State``: whether the rest of it is another, too."""
    with desk().store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None:
            abort(404)
        seen = seeing.watch(session, row) if row.started_at else None
    page = render_template(
        "broadcasts/progress_alone.html", row=row, watch=seen, says=words, **_told()
    )
    return page, 200, {"X-State": row.state.value, "Cache-Control": "no-store"}


progress = background(progress)


def ledger(broadcast_id: int) -> ResponseReturnValue:
    """Everyone in the ledger, by name; ``outcome``: only those that ended so."""
    wanted = request.args.get("outcome", "")
    outcome = Outcome(wanted) if wanted in list(Outcome) else None
    with desk().store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None:
            abort(404)
        found = seeing.people(session, row, outcome, request.args.get("after", 0, type=int))
    return render_template(
        "broadcasts/ledger.html", row=row, found=found, wanted=outcome, says=words, **_told()
    )


def weigh() -> ResponseReturnValue:
    """The previews of a form that is being written, without the page around them."""
    with desk().store.read() as session:
        accounts = seeing.accounts_of(session, desk().rules)
    draft, _wrong = _read(accounts)
    shown = seeing.previews(draft, accounts, desk().rules)
    return render_template(
        "broadcasts/previews_alone.html", previews=shown, says=words, house=house(), **_told()
    )


weigh = background(weigh)


# Parts of the above.


def _read(accounts: Sequence[Account]) -> tuple[Draft, str]:
    now = desk().store.clock.now()
    return read(request.form, [one.id for one in accounts], now, desk().settings.zone)


def begin_to(case_ids: Iterable[int]) -> ResponseReturnValue:
    """A new notice to the writers of these cases, and no others."""
    with desk().store.read() as session:
        accounts = seeing.accounts_of(session, desk().rules)
        draft = _begin(session, accounts, None)
    draft.cases, draft.intents = set(case_ids), set()
    return _write_page(draft, accounts, None)


def _begin(session: Session, accounts: Sequence[Account], parent: Broadcast | None) -> Draft:
    language = Language(desk().settings.language.value)
    stage = Stage.INVESTIGATING
    kind = request.args.get("kind", "payment")
    if parent is not None:
        kind = parent.kind
        wanted = request.args.get("stage", "")
        stage = Stage(wanted) if wanted in list(Stage) else Stage.RESOLVED
    places = {one.id: language for one in accounts if one.state.value == "connected"}
    draft = from_template(kind, stage, places, desk().settings.broadcast_lasts_hours)
    cases = request.args.get("cases", "")
    draft.cases = {int(n) for n in cases.split() if n.isascii() and n.isdigit() and len(n) < 19}
    spike = session.get(Spike, request.args.get("spike", 0, type=int))
    if spike is not None:
        draft.spike = spike.id
        draft.cases = set(spikes.open_cases(session, spikes.alike(session, spike.id)))
    if draft.cases:
        # These and no others; the kinds of complaints can be ticked beside them.
        draft.intents = set()
    if parent is not None:
        draft.parent_id = parent.id
        draft.places = {one.account_id: one.language for one in Aim.of_json(parent.aim).places}
        draft.intents = set()
    return draft


def _parent(session: Session, number: int | None) -> Broadcast | None:
    found = session.get(Broadcast, number) if number is not None else None
    return found if found is not None and found.started_at is not None else None


def _write_page(
    draft: Draft,
    accounts: Sequence[Account],
    parent: Broadcast | None,
    row: Broadcast | None = None,
    *,
    wrong: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    store = desk().store
    now = store.clock.now()
    home = house()
    with store.read() as session:
        complaints = seeing.open_complaints(session)
    page = render_template(
        "broadcasts/write.html",
        draft=draft,
        accounts=accounts,
        parent=parent,
        row=row,
        wrong=wrong,
        previews=seeing.previews(draft, accounts, desk().rules),
        says=words,
        house=home,
        quiet_until=home.quiet.over_at(now) if home.quiet else None,
        complaints=complaints,
        intents=[one for one in INTENTS if one not in (Intent.PRAISE, Intent.SPAM)],
        intent_words=INTENTS,
        since=SINCE,
        lasts=sorted({*LASTS, draft.lasts_hours}),
        days=later.days(now, desk().settings.zone),
        stages=list(Stage),
        own_language=Language(reader().language.value),
        **_told(),
    )
    return page, status


def _told() -> dict[str, object]:
    return {"languages_of": LANGUAGES, "Outcome": Outcome}


def _next_stages(stage: Stage) -> list[Stage]:
    order = list(Stage)
    return order[order.index(stage) :] if stage is not Stage.RESOLVED else [Stage.RESOLVED]


def _names(session: Session, row: Broadcast) -> dict[int, str]:
    wanted = {one for one in (row.created_by, row.submitted_by, row.approved_by) if one}
    rows = session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
    return {one.id: one.name for one in rows}
