"""A simulated X, a simulated Instagram for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.simulated_instagram import Place as InstagramPlace
from support.simulated_instagram import simulated_instagram
from support.simulated_x import Place, simulated_x


@pytest.fixture
def x() -> Iterator[Place]:
    """A simulated X with a shop, whose clock stands until it is moved."""
    with simulated_x() as place:
        yield place


@pytest.fixture
def instagram() -> Iterator[InstagramPlace]:
    """A simulated Instagram with a shop, whose clock stands until it is moved."""
    with simulated_instagram() as place:
        yield place
