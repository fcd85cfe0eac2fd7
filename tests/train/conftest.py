"""What the trainer's tests share."""

from __future__ import annotations

import keras
import pytest

from lcnn_train.data import idx
from tests.helpers.commands import CONFIG
from tests.helpers.image_trees import make_kit, make_train, make_val
from tests.helpers.training import SMALL


@pytest.fixture(scope="session")
def digits() -> idx.Split:
    """50 real digits of the test set, uint8 (50, 28, 28)."""
    return idx.read_folder(SMALL, "test")


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(7)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a configuration and ImageNet in `set`, and the images of it that cannot be read."""
    folder = tmp_path_factory.mktemp("commands")
    unreadable = make_train(folder / "set")
    make_kit(folder / "set", make_val(folder / "set"))
    (folder / "tiny.yaml").write_text(CONFIG)
    return folder, unreadable
