"""What the tests of compression share."""

from __future__ import annotations

import keras
import pytest

from tests.helpers.classifiers import trained


@pytest.fixture(scope="session")
def digits_model() -> keras.Model:
    """A small network that knows some digits; not to be changed."""
    return trained()
