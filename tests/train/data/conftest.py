"""A small ImageNet with images that cannot be read, for tests of reading and of batches."""

from __future__ import annotations

import pytest

from lcnn_train.data.folder import read_folder
from tests.helpers.image_trees import make_kit, make_train, make_val


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """A small ImageNet, and the paths of its two training images that cannot be read."""
    folder = tmp_path_factory.mktemp("imagenet")
    unreadable = make_train(folder)
    make_kit(folder, make_val(folder))
    return folder, unreadable


@pytest.fixture
def train(imagenet):
    return read_folder(imagenet[0], "train")
