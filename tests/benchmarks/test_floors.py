"""Floors by hand, on limits that are round numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks import floors, machine, report, speed_limits
from benchmarks.building import NetBuilder
from benchmarks.speed_limits import Limits
from lcnn_engine import Net
from lcnn_engine.analysis.profile import ProfileStep
from lcnn_engine.plan.calls import StepKind

SIZES = {"L1": 100.0, "L2": 1000.0, "L3": 10000.0, "memory": float("inf")}
LIMITS = Limits(1e9, SIZES, {"L1": 8e9, "L2": 4e9, "L3": 2e9, "memory": 1e9})


def test_bytes_come_from_the_nearest_level_that_holds_them() -> None:
    assert [LIMITS.level(size) for size in (100, 101, 10000, 10001)] == ["L1", "L2", "L3", "memory"]
    assert LIMITS.seconds(500, 5000) == pytest.approx(500 / 2e9)


def test_the_limits_of_this_machine() -> None:
    sizes = speed_limits.cache_sizes()
    assert 8e3 <= sizes["L1"] < sizes["L2"] <= sizes["L3"]
    assert 1e8 < speed_limits._read_rate(2**16) < 1e13
    assert 1e8 < speed_limits._multiply_rate() < 1e13


@pytest.fixture
def network() -> floors.Network:
    """A lookup convolution of 20 lookups on 10x10x4 with 8 atoms, then a dense layer of half zeros."""
    net = NetBuilder("two layers", (10, 10, 4))
    net.lookup_conv("conv", 16, 3, 1, 1, atoms=8, density=20 / (16 * 9 * 8))
    net.add("global_max_pool2d", "pooled")
    net.dense("last", 10)
    graph, tensors = net.finish()
    own = floors.Network(Net(graph, tensors, threads=1), tensors, np.zeros(graph.input.shape, np.float32), LIMITS)
    own._nonzero["pooled"] = 0.5
    return own


@pytest.mark.parametrize(
    ("step", "op", "multiplications", "weights", "activations"),
    [
        ("conv", "S = D X", 3200, 4 * 8 * 4, 4 * (400 + 800)),
        ("conv", "split by stride", 0, 0, 2 * 4 * 400),
        ("conv", "lookup_conv2d", 2000, 8 * 20, 4 * (800 + 1600)),
        ("pooled", "global_max_pool2d", 0, 0, 4 * (1600 + 16)),
        ("last", "list nonzeros", 0, 0, 4 * 16),
        ("last", "matrix x vector", 80, 4 * 80, 4 * (16 + 10)),
        ("last", "output", 0, 0, 2 * 4 * 10),
        ("image", "input", 0, 0, 2 * 4 * 400),
    ],
)
def test_what_a_step_must_move(
    step: str, op: str, multiplications: int, weights: int, activations: int, network: floors.Network
) -> None:
    made = 2 * multiplications if op == "matrix x vector" else multiplications  # half of them are of zeros
    found = network.floor(ProfileStep(step, op, "kernel", 1e-3, made, StepKind.POINTWISE))
    # The network's 2 KB of weights lie in "L3".
    memory = weights / 2e9 + LIMITS.seconds(activations, activations)
    assert found.floor_us == pytest.approx(1e6 * max(multiplications / 1e9, memory))
    assert found.times == pytest.approx(1000 / found.floor_us)
    assert (found.bound == "multiplications") == (multiplications / 1e9 >= memory)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(machine, "pin", lambda core: None)
    monkeypatch.setattr(speed_limits, "measure", lambda: LIMITS)
    assert floors.main(["small-lookup", "--runs", "3", "--name", "floors"]) == 0
    found = json.loads((tmp_path / "floors.json").read_text())
    steps = found["networks"]["small-lookup"]
    assert {"conv1", "logits"} <= {step["step"] for step in steps}
    assert found["limits"]["multiplications"] >= 1e9  # raised by what steps do
    assert capsys.readouterr().out.startswith("this core: ")
    assert floors.main(["missing.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
