"""Fixtures of the tests of the command ``lcnn``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import write_model
from lcnn_engine.cli import main
from tests.helpers.model_files import valid_graph, valid_tensors, without
from tests.helpers.running import Run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # of argparse
            status = int(exit_.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Three images of noise."""
    rng = np.random.default_rng(5)
    paths = [tmp_path / f"image {i}.png" for i in range(3)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (30, 25, 3)).astype(np.uint8)).save(path)
    return paths


@pytest.fixture
def bare_model(tmp_path: Path) -> Path:
    """A model that says nothing of preprocessing."""
    path = tmp_path / "bare"
    write_model(without(valid_graph(), "preprocessing"), valid_tensors(), path)
    return path
