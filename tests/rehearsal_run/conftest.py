"""A rehearsal as people have it: ``shenava run --rehearsal``, real processes on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import free_port
from support.rehearsing import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A data folder that is not there yet, and whatever runs on it, ended with the test."""
    stage = Stage(tmp_path / "home", free_port())
    yield stage
    stage.clear()
