"""The guide tells what the rules say, and the page on adding a channel names places that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shenava
from shenava.channels import RejectedBecause
from shenava.channels.instagram import failures, oauth, rules
from shenava.channels.rules import Limit, Rule, Window

ROOT = Path(shenava.__file__).parents[1]
GUIDE = " ".join((ROOT / "docs" / "instagram.md").read_text(encoding="utf-8").split())
ADDING = (ROOT / "docs" / "add-a-channel.md").read_text(encoding="utf-8")
SPANS = {1: "a second", 3_600: "an hour", 86_400: "in 24 hours"}


@pytest.mark.parametrize("limit", [limit for all_ in rules.ENDPOINTS.values() for limit in all_])
def test_every_pace_is_told(limit: Limit) -> None:
    assert f"{limit.count} {SPANS[int(limit.window.total_seconds())]}" in GUIDE


@pytest.mark.parametrize("window", rules.WINDOWS)
def test_every_window_is_told(window: Window) -> None:
    days = window.lasts.total_seconds() / 86_400
    assert ("24 hours" if days == 1 else f"{days:.0f} days") in GUIDE


def test_lengths_and_reaches_are_told() -> None:
    for figure in (
        f"{rules.MESSAGE_BYTES:,} bytes",
        f"{rules.COMMENT_CHARACTERS:,} characters",
        f"{rules.CAPTION_HASHTAGS} hashtags",
        f"newest {rules.WATCHED_POSTS} posts",
        f"newest {rules.CONVERSATION_MESSAGES} messages",
        f"{rules.COMMENTS_PAGE} at a time",
        f"{rules.HASHTAGS_PER_WEEK} hashtags in 7 days",
        f"{rules.PICTURE_LIMIT_BYTES // 2**20} MB",
        f"{rules.CONVERSATIONS.count} times a second",
    ):
        assert figure in GUIDE


def test_every_code_that_means_something_is_told() -> None:
    told = {int(number) for number in re.findall(r"-?\d+", GUIDE)}
    known = failures._TOKEN | failures._PASSING | failures._WINDOW | {failures._BLOCKED}
    assert known | (failures._RATES - {80004}) <= told
    for subcode in (33, 2534025, 2534014, 1545041, 2207042, 2207010):
        assert subcode in told


def test_every_refusal_and_permission_is_told() -> None:
    for because in RejectedBecause:
        assert f"{because}`" in GUIDE
    for scope in oauth.SCOPES:
        assert f"`{scope}`" in GUIDE


@pytest.mark.parametrize("rule", rules.RULES)
def test_every_day_on_which_a_rule_was_read_is_told(rule: Rule) -> None:
    assert rule.basis.read_on.isoformat() in GUIDE


def test_the_page_on_adding_a_channel_names_places_that_exist() -> None:
    named = re.findall(
        r"`((?:shenava|service|dashboard|tests|rehearsal|config|docs)/[\w./]+)`", ADDING
    )
    assert len(named) > 10
    for path in named:
        for name in ("instagram",):
            assert (ROOT / path.replace("NAME", name)).exists(), path
