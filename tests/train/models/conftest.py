"""What tests of networks share."""

from __future__ import annotations

import keras
import pytest


@pytest.fixture
def without_values():
    """Variables get shapes and no values, so that building takes no time."""
    with keras.StatelessScope(initialize_variables=False):
        yield
