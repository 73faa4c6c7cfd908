"""What Shenava has learned: shown with its check, switched off and back by admins."""

from __future__ import annotations

import pytest
from support.factories import START

from dashboard.context import Desk
from responder import learning
from responder.learning import Claim, Lessons
from sentiment.lessons import Taught
from sentiment.shop import LEARNED, Layer, Part
from shenava.store import LearnedVersion, VersionState


def _layer() -> Layer:
    import numpy as np

    return Layer(
        "shenava-bag-1",
        262_144,
        np.ones(LEARNED, np.float32),
        np.zeros(LEARNED, np.float32),
        np.zeros(0, np.int32),
        np.zeros((0, LEARNED), np.int8),
        np.ones(LEARNED, np.float32),
    )


CHECK = {
    "sentiment": {"rows": 70, "said": 40, "enough": True, "on": True,
                  "log_loss": [0.9, 0.7], "macro_f1": [0.52, 0.61]},
    "complaint": {"rows": 70, "said": 31, "enough": True, "on": False,
                  "log_loss": [0.5, 0.6], "macro_f1": [0.7, 0.69]},
    "urgent": {"rows": 0, "said": 3, "enough": False, "on": False},
    "intents": {"rows": 0, "said": 0, "enough": False, "on": False},
}  # fmt: skip


@pytest.fixture
def versions(desk: Desk) -> list[int]:
    made = []
    for _ in range(2):
        with desk.store.write() as session:
            claim = learning.claim(session, START, base="shenava-bag-1", every=0, asked=True)
            assert isinstance(claim, Claim)
            number = learning.write_version(
                session,
                claim,
                Lessons((), (), 204, 0, 310),
                Taught(_layer(), (Part.SENTIMENT,), CHECK, 514),
                START,
                base="shenava-bag-1",
            )
            assert number is not None
            made.append(number)
    return made


def state(desk: Desk, number: int) -> VersionState:
    with desk.store.read() as session:
        return session.get_one(LearnedVersion, number).state


def test_agents_do_not_see_it(client, agent, versions) -> None:
    assert client.get("/settings/learned").status_code == 403
    for deed in ("off", "by-itself", f"{versions[0]}/on"):
        assert client.send(f"/settings/learned/{deed}").status_code == 403


def test_an_empty_page_tells_what_to_do(client, admin) -> None:
    page = client.get("/settings/learned").text
    assert "Nothing learned yet" in page
    assert "After 20 corrections" in page


def test_the_check_before_and_after_is_shown(client, admin, versions) -> None:
    page = client.get("/settings/learned").text
    assert f"Version {versions[1]} is in use" in page
    assert "52%" in page
    assert "61%" in page
    assert "on 70 held-back texts" in page
    assert "Not better, so not used" in page
    assert "Too little to learn from: 3 words of staff so far" in page
    assert "204 corrections" in page


def test_an_admin_switches_off_and_back(client, admin, desk, versions) -> None:
    old, new = versions
    client.send("/settings/learned/off")
    page = client.get("/settings/learned").text
    assert "The model alone gives verdicts from now on." in page
    assert "Learning by itself is off" in page
    assert state(desk, new) is VersionState.OFF
    client.send(f"/settings/learned/{old}/on")
    assert (state(desk, old), state(desk, new)) == (VersionState.ON, VersionState.OFF)
    client.send("/settings/learned/by-itself")
    page = client.get("/settings/learned").text
    assert "Shenava learns by itself again" in page
    page = client.get("/settings/audit").text
    assert "switched off what Shenava learned" in page
    assert "let Shenava learn by itself again" in page


def test_a_version_that_is_gone_cannot_be_used(client, admin, desk, versions) -> None:
    from shenava.store.learning import let_go

    with desk.store.write() as session:
        let_go(session, [versions[0]])
    client.send(f"/settings/learned/{versions[0]}/on")
    page = client.get("/settings/learned").text
    assert "This version cannot be used any more" in page
    assert state(desk, versions[0]) is VersionState.GONE
