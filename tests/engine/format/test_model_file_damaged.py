"""Model files with seeded damage: every one is refused with a ModelFormatError, or loads and runs.

``LCNN_FUZZ_SECONDS`` lets each test go on for that long (default: a few seconds, for the suite).
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, Net
from tests.golden import make_golden
from tests.helpers.damage import damaged_bytes, damaged_graph, damaged_header, damaged_tensors
from tests.helpers.model_files import unchecked_file, valid_graph, valid_tensors

SECONDS = float(os.environ.get("LCNN_FUZZ_SECONDS", "2"))
MAX_BYTES = 20_000_000


def outcome(data: bytes) -> str:
    """``"refused"``, or ``"loaded"`` after a run that gave numbers or said why not."""
    message = ""
    try:
        net = Net.load(data, threads=1, max_bytes=MAX_BYTES)
    except ModelFormatError as error:
        message = str(error)
    if message:
        assert "expected" in message
        assert len(message) < 2000
        return "refused"
    if np.prod(net.input_shape) < 10**6:
        result = net.run(np.full(net.input_shape, 0.5, np.float32))
        assert result.shape == net.output_shape
    return "loaded"


def run(make: Any, seed: int) -> None:
    """Feed what ``make`` makes to the engine until the time is up; both outcomes must have come up."""
    rng = random.Random(seed)
    seen = {"refused": 0, "loaded": 0}
    end = time.monotonic() + SECONDS
    slow = end + 60  # for a machine at other work, or a sanitizer, to come to what follows
    while time.monotonic() < end or (time.monotonic() < slow and not (seen["refused"] > 20 and seen["loaded"])):
        seen[outcome(make(rng))] += 1
    assert seen["refused"] > 20
    assert seen["loaded"] > 0


@pytest.fixture(scope="module", params=["every operation", "small"])
def model(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if request.param == "small":
        return valid_graph(), valid_tensors()
    return make_golden.graph(), make_golden.tensors(make_golden.FLAT)


def test_damaged_bytes(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    intact = unchecked_file(*model)
    run(lambda rng: damaged_bytes(intact, rng), 1)


def test_damaged_graph(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    run(lambda rng: damaged_graph(*model, rng), 2)


def test_damaged_header(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    intact = unchecked_file(*model)
    run(lambda rng: damaged_header(intact, rng), 3)


def test_damaged_tensors(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    run(lambda rng: damaged_tensors(*model, rng), 4)
