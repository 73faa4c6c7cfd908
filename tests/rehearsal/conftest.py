"""A simulated X for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.simulated_x import Place, simulated_x


@pytest.fixture
def x() -> Iterator[Place]:
    """A simulated X with a shop, whose clock stands until it is moved."""
    with simulated_x() as place:
        yield place
