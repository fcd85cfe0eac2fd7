"""Model files with seeded damage: every one is refused with a ModelFormatError, or loads and runs.

``LCNN_FUZZ_SECONDS`` lets each test go on for that long (default: a few seconds, for the suite).
"""

from __future__ import annotations

import copy
import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, Net
from tests.golden import make_golden
from tests.helpers.model_files import container, unchecked_file, valid_graph, valid_tensors

SECONDS = float(os.environ.get("LCNN_FUZZ_SECONDS", "2"))
MAX_BYTES = 20_000_000
ODD_NUMBERS = [
    0, -0.0, 1, -1, 2, 3, 7, 8, 255, 2**15, 2**30, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**50, -(2**31), 1.0, 0.5,
    1e-46, 1e38, 1e39, True, False,
]  # fmt: skip
ODD_VALUES = [
    None, "", "relu", "leaky_relu", "image", "conv", "flat", "\u0000", "x" * 300, [], {}, [[]], {"a": 1}, [1], [1, 1],
    [2, 2], [1, 1, 1, 1], [3, 0, 0, 3], [10**9] * 4, [2**31 - 1] * 2, ["image"], ["conv", "conv"],
]  # fmt: skip


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


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def damage(value: Any, rng: random.Random) -> None:
    """Change one value inside a JSON value."""
    everywhere = list(paths(value))
    if not everywhere:
        return
    path = rng.choice(everywhere)
    parent, key = at(value, path[:-1]), path[-1]
    action = rng.randrange(6)
    if action == 0:
        del parent[key]
    elif action == 1:
        parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    elif action == 2:
        parent[key] = copy.deepcopy(at(value, rng.choice(everywhere)))
    elif action == 3 and isinstance(parent, dict):
        parent[rng.choice(["groups", "alpha", "activation", "padding", "x", "dilation"])] = parent[key]
    elif action == 4 and isinstance(parent, list):
        rng.shuffle(parent)
    else:
        parent[key] = rng.choice(ODD_NUMBERS)


def run(make: Any, seed: int) -> None:
    """Feed what ``make`` makes to the engine until the time is up; both outcomes must have come up."""
    rng = random.Random(seed)
    seen = {"refused": 0, "loaded": 0}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
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

    def make(rng: random.Random) -> bytes:
        data = bytearray(intact)
        for _ in range(rng.choice([1, 1, 2, 8])):
            position = rng.randrange(len(data))
            action = rng.randrange(4)
            if action == 0:
                data[position] ^= 1 << rng.randrange(8)
            elif action == 1:
                data[position] = rng.choice(b'\0\xff"{}[],:0-\\ \n')
            elif action == 2:
                del data[position : position + rng.choice([1, 4, 100])]
            else:
                data[position:position] = data[: rng.choice([1, 4, 100])]
            data = data or bytearray(1)
        return bytes(data)

    run(make, 1)


def test_damaged_graph(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    graph, tensors = model

    def make(rng: random.Random) -> bytes:
        changed = copy.deepcopy(graph)
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            damage(changed, rng)
        return unchecked_file(changed, tensors)

    run(make, 2)


def test_damaged_header(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    intact = unchecked_file(*model)
    length = int.from_bytes(intact[:8], "little")
    header = json.loads(intact[8 : 8 + length])

    def make(rng: random.Random) -> bytes:
        changed = copy.deepcopy(header)
        for _ in range(rng.choice([0, 1, 1, 2])):
            damage(changed, rng)
        return container(changed, intact[8 + length :])

    run(make, 3)


def test_damaged_tensors(model: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    graph, tensors = model

    def make(rng: random.Random) -> bytes:
        changed = {name: tensor.copy() for name, tensor in tensors.items()}
        for _ in range(rng.choice([1, 1, 2, 4])):
            tensor = changed[rng.choice(list(changed))].reshape(-1)
            if tensor.size:
                odd = [0, 1, -1, 5, 2**31 - 1, -(2**31)] if tensor.dtype == np.int32 else [0, np.nan, np.inf, 65504]
                tensor[rng.randrange(tensor.size)] = rng.choice(odd)
        return unchecked_file(graph, changed)

    run(make, 4)
