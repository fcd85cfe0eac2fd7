"""What the trainer's tests share."""

from __future__ import annotations

import keras
import pytest

from lcnn_train.data import idx
from tests.helpers.training import SMALL


@pytest.fixture(scope="session")
def digits() -> idx.Split:
    """50 real digits of the test set, uint8 (50, 28, 28)."""
    return idx.read_folder(SMALL, "test")


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(7)
