"""The shipped model, loaded once."""

from __future__ import annotations

import pytest

from sentiment.classifier import Classifier


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return Classifier.load()
