"""Promises of triage: what comes first, by when, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.triage import (
    MAX_REASONS,
    CaseFacts,
    Priority,
    Reason,
    ReasonCode,
    Targets,
    Triage,
    VerdictFacts,
    triage,
)
from shenava.hours import BusinessHours, is_open, parse_week
from shenava.messages import Intent, Sentiment

LOW, NORMAL, HIGH, URGENT = Priority
NEGATIVE, NEUTRAL, POSITIVE = Sentiment

TEHRAN = BusinessHours(
    ZoneInfo("Asia/Tehran"), parse_week("sat-wed 09:00-13:00,14:00-18:00; thu 09:00-13:00"), 5
)
ALWAYS = BusinessHours(ZoneInfo("UTC"), parse_week("always"))
NEVER = BusinessHours(ZoneInfo("UTC"), {})
SATURDAY_10 = datetime(2026, 1, 3, 6, 30, tzinfo=UTC)  # 10:00 in Tehran
FRIDAY = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SATURDAY_9 = datetime(2026, 1, 3, 5, 30, tzinfo=UTC)
NOW = datetime(2026, 1, 3, 7, 0, tzinfo=UTC)
PLAIN = Targets()


def said(
    *intents: Intent,
    complaint: bool | None = False,
    urgent: bool | None = False,
    sentiment: Sentiment = NEUTRAL,
) -> VerdictFacts:
    return VerdictFacts(sentiment, complaint, urgent, intents)


PAID_NO_ORDER = said(
    Intent.PAYMENT,
    Intent.ORDER_NOT_REGISTERED,
    complaint=True,
    urgent=True,
    sentiment=NEGATIVE,
)
LATE = said(Intent.DELIVERY_LATE, complaint=True, sentiment=NEGATIVE)
QUESTION = said(Intent.QUESTION)
PRAISE = said(Intent.PRAISE, sentiment=POSITIVE)
SPAM = said(Intent.SPAM)
EMOJI = said()


def case(
    *verdicts: VerdictFacts,
    waiting_since: datetime | None = SATURDAY_10,
    unanswered: int | None = None,
    vip: bool = False,
    followers: int | None = None,
    is_public: bool = True,
    historic: bool = False,
    blocked: bool = False,
) -> CaseFacts:
    count = len(verdicts) if unanswered is None else unanswered
    return CaseFacts(verdicts, waiting_since, count, vip, followers, is_public, historic, blocked)


def decide(
    facts: CaseFacts, hours: BusinessHours = TEHRAN, targets: Targets = PLAIN, now: datetime = NOW
) -> Triage:
    return triage(facts, hours, targets, now)


def codes(decision: Triage) -> list[str]:
    return [reason.code.value for reason in decision.reasons]


# One message.


@pytest.mark.parametrize(
    ("verdict", "is_public", "priority", "reasons"),
    [
        (PAID_NO_ORDER, False, URGENT, ["payment_no_order"]),
        (said(Intent.THREAT, Intent.PAYMENT, urgent=True), True, URGENT, ["threat"]),
        (said(Intent.ACCOUNT_LOGIN, urgent=True), False, URGENT, ["account"]),
        (said(Intent.OUTAGE, complaint=True, urgent=True), True, URGENT, ["outage"]),
        (said(Intent.CHANGE_OR_CANCEL, urgent=True), False, URGENT, ["change_before_sent"]),
        (said(Intent.OTHER, complaint=True, urgent=True), True, URGENT, ["public_anger"]),
        (said(Intent.PRICE, complaint=True, urgent=True), True, URGENT, ["public_anger"]),
        (said(Intent.OTHER, complaint=True, urgent=True), False, URGENT, ["urgent"]),
        (said(Intent.DELIVERY_LATE, complaint=True, urgent=True), True, URGENT, ["urgent"]),
        (said(Intent.PAYMENT, urgent=True), False, URGENT, ["urgent"]),
        (said(urgent=True, complaint=None), False, URGENT, ["urgent"]),
        (said(Intent.SPAM, urgent=True), False, URGENT, ["urgent"]),
        (LATE, True, HIGH, ["complaint"]),
        (said(complaint=True, sentiment=POSITIVE), True, HIGH, ["complaint"]),
        (said(complaint=True, urgent=None), True, HIGH, ["complaint", "unsure"]),
        (said(complaint=None), True, NORMAL, ["unsure"]),
        (said(Intent.PRAISE, urgent=None, sentiment=POSITIVE), True, NORMAL, ["unsure"]),
        (said(Intent.SPAM, complaint=None), True, NORMAL, ["unsure"]),
        (said(Intent.REFUND, complaint=None), True, NORMAL, ["unsure", "question"]),
        (QUESTION, True, NORMAL, ["question"]),
        (said(Intent.CHANGE_OR_CANCEL), False, NORMAL, ["question"]),
        (said(Intent.PRAISE, Intent.QUESTION, sentiment=POSITIVE), True, NORMAL, ["question"]),
        (said(sentiment=NEGATIVE), True, NORMAL, ["negative"]),
        (said(), False, NORMAL, ["private"]),
        (PRAISE, False, LOW, ["praise"]),
        (said(sentiment=POSITIVE), False, LOW, ["praise"]),
        (said(Intent.SPAM, Intent.QUESTION), False, LOW, ["spam"]),
        (EMOJI, True, LOW, []),
    ],
)
def test_the_table_of_rules(
    verdict: VerdictFacts, is_public: bool, priority: Priority, reasons: list[str]
) -> None:
    decision = decide(case(verdict, is_public=is_public))
    assert (decision.priority, codes(decision)) == (priority, reasons)


def test_the_example_of_the_outage_evening() -> None:
    decision = decide(case(PAID_NO_ORDER, LATE, QUESTION, vip=True, followers=12_000))
    assert decision.priority is URGENT
    assert [reason.as_json() for reason in decision.reasons] == [
        {"code": "payment_no_order", "params": {}},
        {"code": "complaint", "params": {"intent": "delivery_late"}},
        {"code": "vip", "params": {}},
        {"code": "reach", "params": {"followers": 12_000}},
    ]
    assert json.loads(json.dumps([reason.as_json() for reason in decision.reasons]))


def test_of_two_complaints_the_graver_matter_is_named() -> None:
    refund = said(Intent.PRICE, Intent.REFUND, complaint=True)
    damaged = said(Intent.WRONG_OR_DAMAGED, complaint=True)
    decision = decide(case(refund, damaged, said(complaint=True)))
    assert decision.reasons[0] == Reason(ReasonCode.COMPLAINT, {"intent": "wrong_or_damaged"})


def test_three_messages_without_an_answer_are_named() -> None:
    assert "repeated" not in codes(decide(case(QUESTION, QUESTION)))
    decision = decide(case(QUESTION, QUESTION, QUESTION))
    assert decision.reasons[0] == Reason(ReasonCode.REPEATED, {"messages": 3})


def test_praise_is_not_mentioned_beside_a_complaint() -> None:
    assert codes(decide(case(PRAISE, LATE))) == ["complaint"]
    assert codes(decide(case(SPAM, LATE))) == ["complaint"]


# When no clock runs.


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        (case(PAID_NO_ORDER, historic=True, vip=True), ["historic"]),
        (case(PAID_NO_ORDER, blocked=True, followers=10**6), ["blocked"]),
        (case(PAID_NO_ORDER, waiting_since=None, vip=True), []),
        (case(waiting_since=None), []),
    ],
)
def test_old_blocked_and_answered_cases_wait_for_nothing(
    facts: CaseFacts, reasons: list[str]
) -> None:
    decision = decide(facts, targets=Targets(low=600))
    assert (decision.priority, decision.due_at, decision.needs_answer) == (LOW, None, False)
    assert codes(decision) == reasons


@pytest.mark.parametrize("facts", [case(unanswered=1), case(PRAISE, unanswered=2)])
def test_a_message_without_a_verdict_is_for_a_person_to_see(facts: CaseFacts) -> None:
    decision = decide(facts)
    assert decision.priority is NORMAL
    assert codes(decision) == ["unsure"]
    assert decision.needs_answer


# Who writes.


def test_a_vip_is_raised_one_step_and_waits_half_as_long() -> None:
    decision = decide(case(LATE, vip=True))
    assert decision.priority is URGENT
    assert decision.due_at == SATURDAY_10 + timedelta(minutes=7, seconds=30)
    assert decide(case(PRAISE, vip=True)).priority is NORMAL
    assert decide(case(PAID_NO_ORDER, vip=True)).priority is URGENT


def test_a_public_complaint_that_many_read_is_raised_one_step() -> None:
    assert decide(case(LATE, followers=10_000)).priority is URGENT
    assert decide(case(LATE, followers=9_999)).priority is HIGH
    assert decide(case(LATE, followers=None)).priority is HIGH
    private = decide(case(LATE, followers=10_000, is_public=False))
    assert private.priority is HIGH
    assert codes(private) == ["complaint", "reach"]
    asked = decide(case(QUESTION, followers=10_000))
    assert asked.priority is NORMAL
    assert codes(asked) == ["reach", "question"]


def test_nothing_raises_spam() -> None:
    decision = decide(case(SPAM, SPAM, SPAM, vip=True, followers=10**6), targets=Targets(low=600))
    assert decision == Triage(LOW, None, (Reason(ReasonCode.SPAM),), needs_answer=False)


# Due times.


@pytest.mark.parametrize(
    ("verdict", "due_at"),
    [
        (PAID_NO_ORDER, SATURDAY_9 + timedelta(minutes=15)),
        (LATE, SATURDAY_9 + timedelta(minutes=60)),
        (QUESTION, SATURDAY_9 + timedelta(minutes=240)),
        (PRAISE, None),
    ],
)
def test_due_times_count_business_hours_from_the_first_message_that_waits(
    verdict: VerdictFacts, due_at: datetime | None
) -> None:
    decision = decide(case(verdict, waiting_since=FRIDAY))
    assert decision.due_at == due_at
    assert decision.needs_answer is (due_at is not None)


def test_urgent_may_be_counted_around_the_clock() -> None:
    targets = Targets(urgent_around_the_clock=True)
    friday = FRIDAY.astimezone(TEHRAN.zone)
    due_at = decide(case(PAID_NO_ORDER, waiting_since=friday), targets=targets).due_at
    assert due_at == FRIDAY + timedelta(minutes=15)
    assert due_at.tzinfo is UTC
    late = decide(case(LATE, waiting_since=FRIDAY), targets=targets)
    assert late.due_at == SATURDAY_9 + timedelta(minutes=60)


def test_a_shop_that_never_opens_promises_no_time_but_owes_an_answer() -> None:
    decision = decide(case(PAID_NO_ORDER), hours=NEVER)
    assert decision.priority is URGENT
    assert decision.due_at is None
    assert decision.needs_answer


def test_a_platform_whose_clock_runs_ahead_gives_no_extra_time() -> None:
    ahead = case(LATE, waiting_since=NOW + timedelta(days=3))
    assert decide(ahead, ALWAYS).due_at == NOW + timedelta(minutes=60)


def test_a_target_for_low_makes_praise_wait_for_an_answer() -> None:
    decision = decide(case(PRAISE), ALWAYS, Targets(low=600))
    assert decision.due_at == SATURDAY_10 + timedelta(minutes=600)
    assert decision.needs_answer


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"urgent": 0}, "urgent must be at least 1 minute"),
        ({"high": 10}, r"high \(10 min\) is shorter"),
        ({"high": None}, r"normal \(240 min\) is shorter"),
        ({"low": 30}, r"low \(30 min\) is shorter"),
        ({"vip_factor": 0.0}, "VIP factor"),
        ({"vip_factor": 1.5}, "VIP factor"),
    ],
)
def test_targets_that_contradict_themselves_are_refused(
    wrong: dict[str, int | float | None], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(PLAIN, **wrong)  # type: ignore[arg-type]


# Laws.

verdicts = st.builds(
    VerdictFacts,
    sentiment=st.sampled_from(Sentiment),
    complaint=st.sampled_from([True, False, None]),
    urgent=st.sampled_from([True, False, False, None]),
    intents=st.lists(st.sampled_from(Intent), max_size=4, unique=True).map(tuple),
)
facts_of_cases = st.builds(
    CaseFacts,
    verdicts=st.lists(verdicts, max_size=5).map(tuple),
    waiting_since=st.none()
    | st.datetimes(datetime(2025, 12, 25), datetime(2026, 1, 5), timezones=st.just(UTC)),  # noqa: DTZ001
    unanswered=st.integers(0, 6),
    vip=st.booleans(),
    followers=st.none() | st.sampled_from([0, 9_999, 10_000, 2_000_000]),
    is_public=st.booleans(),
    historic=st.sampled_from([False, False, False, True]),
    blocked=st.sampled_from([False, False, False, True]),
)
hours_of_shops = st.sampled_from([TEHRAN, ALWAYS, NEVER])
targets_of_shops = st.builds(
    Targets,
    low=st.sampled_from([None, 600]),
    vip_factor=st.sampled_from([0.25, 0.5, 1.0]),
    urgent_around_the_clock=st.booleans(),
)


def never(at: datetime | None) -> datetime:
    """No due time, as one that is later than all."""
    return at or datetime.max.replace(tzinfo=UTC)


@given(facts_of_cases, hours_of_shops, targets_of_shops, st.randoms())
def test_the_order_of_messages_and_intents_does_not_matter(
    facts: CaseFacts, hours: BusinessHours, targets: Targets, random: Random
) -> None:
    shuffled = [
        replace(verdict, intents=tuple(random.sample(verdict.intents, len(verdict.intents))))
        for verdict in facts.verdicts
    ]
    random.shuffle(shuffled)
    other = replace(facts, verdicts=tuple(shuffled))
    assert decide(other, hours, targets) == decide(facts, hours, targets)


@given(facts_of_cases, verdicts, st.booleans(), hours_of_shops, targets_of_shops)
def test_one_more_urgent_message_never_lowers_or_delays_a_case(
    facts: CaseFacts, verdict: VerdictFacts, counted: bool, hours: BusinessHours, targets: Targets
) -> None:
    more = replace(
        facts,
        verdicts=(*facts.verdicts, replace(verdict, urgent=True)),
        unanswered=facts.unanswered + counted,
    )
    before, after = decide(facts, hours, targets), decide(more, hours, targets)
    assert after.priority >= before.priority
    assert never(after.due_at) <= never(before.due_at)
    assert after.needs_answer >= before.needs_answer


@given(facts_of_cases, verdicts, hours_of_shops, targets_of_shops)
def test_one_more_message_of_any_kind_never_lowers_or_delays_a_case(
    facts: CaseFacts, verdict: VerdictFacts, hours: BusinessHours, targets: Targets
) -> None:
    # Each message so far has been counted, so that the new one cannot stand in for another.
    facts = replace(facts, unanswered=max(facts.unanswered, len(facts.verdicts), 1))
    more = replace(facts, verdicts=(*facts.verdicts, verdict), unanswered=facts.unanswered + 1)
    before, after = decide(facts, hours, targets), decide(more, hours, targets)
    assert after.priority >= before.priority
    assert never(after.due_at) <= never(before.due_at)


@given(facts_of_cases, hours_of_shops, targets_of_shops)
def test_a_vip_never_waits_longer_than_anyone_else(
    facts: CaseFacts, hours: BusinessHours, targets: Targets
) -> None:
    vip = decide(replace(facts, vip=True), hours, targets)
    other = decide(replace(facts, vip=False), hours, targets)
    assert other.priority <= vip.priority <= other.priority + 1
    assert never(vip.due_at) <= never(other.due_at)


@given(facts_of_cases, hours_of_shops, targets_of_shops)
def test_every_decision_is_sound(facts: CaseFacts, hours: BusinessHours, targets: Targets) -> None:
    decision = decide(facts, hours, targets)
    found = [reason.code for reason in decision.reasons]
    assert len(found) <= MAX_REASONS
    places = [list(ReasonCode).index(code) for code in found]
    assert all(a < b for a, b in pairwise(places)), "the strongest first, no code twice"
    if decision.priority > LOW:
        assert found, "whoever stands above the rest is told why"
        assert decision.needs_answer
    if decision.due_at is not None:
        assert decision.needs_answer
        assert facts.waiting_since is not None
        assert decision.due_at >= min(facts.waiting_since, NOW)
        if not targets.urgent_around_the_clock:
            assert is_open(hours, decision.due_at - timedelta(microseconds=1))
