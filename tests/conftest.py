"""Fixtures that several files of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine import Net, write_model
from tests.helpers.networks import small_classifier

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier on the disk."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    write_model(*small_classifier(), path)
    return path


@pytest.fixture
def net(model_path: Path) -> Net:
    """The small classifier, one thread."""
    return Net.load(model_path, threads=1)
