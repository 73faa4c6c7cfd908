"""The guide tells what the rules say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shenava
from shenava.channels import RejectedBecause
from shenava.channels.rules import Limit
from shenava.channels.x import oauth, rules

GUIDE = (Path(shenava.__file__).parents[1] / "docs" / "x.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("price", [p for p in rules.PRICES.values() if p.micros])
def test_every_price_is_told(price: rules.Price) -> None:
    assert f"{price.micros / 1_000_000:.3f}" in GUIDE


@pytest.mark.parametrize(
    "limit", [limit for limits in rules.ENDPOINTS.values() for limit in limits if limit.count > 75]
)
def test_every_pace_is_told(limit: Limit) -> None:
    window = "24 h" if limit.window.days else "15 min"
    assert f"{limit.count:,} in {window}" in GUIDE


def test_every_refusal_and_permission_is_told() -> None:
    told = GUIDE.replace("\n", " ")
    for because in RejectedBecause:
        if because not in (RejectedBecause.TOO_LARGE, RejectedBecause.NOT_A_PICTURE):
            assert f"`Rejected: {because}`" in told
    for scope in oauth.SCOPES:
        assert f"`{scope}`" in told
    for figure in ("800 posts", "3,200 posts", "7 days", "30 days", "5 MB", "10,000"):
        assert figure in told


def test_every_day_on_which_a_rule_was_read_is_told() -> None:
    days = {each.basis.read_on.isoformat() for each in (*rules.RULES, *rules.PRICES.values())}
    assert days <= set(re.findall(r"2026-\d\d-\d\d", GUIDE))
