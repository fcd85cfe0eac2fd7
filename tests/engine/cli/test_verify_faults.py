"""``lcnn verify`` finds what a kernel does wrong, at the node where it is, and takes rounding for nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import write_model
from lcnn_engine.cli import verify
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.kernels import usable_variants
from lcnn_engine.plan import Plan
from tests.helpers.model_files import GraphObject, Tensors, node
from tests.helpers.running import ROOT, Run

Fault = Callable[[GraphObject, Tensors], None]


def network() -> tuple[GraphObject, Tensors]:
    """Five layers with random weights, (12, 12, 3) -> 5 classes."""
    rng = np.random.default_rng(7)

    def layer(name: str, source: str, m: int, n: int, **options: Any) -> dict[str, Any]:
        tensors[f"{name}/kernel"] = (rng.standard_normal((n, m, 3, 3)) / 3).astype(np.float32)
        tensors[f"{name}/bias"] = rng.standard_normal(n).astype(np.float32)
        return {"name": name, "op": "conv2d", "inputs": [source], "filters": n, "kernel_size": [3, 3], **options}

    tensors: Tensors = {}
    nodes = [
        layer("first", "image", 3, 16, padding=[1, 1, 1, 1], activation="relu"),
        layer("second", "first", 16, 24, strides=[2, 2], padding=[1, 0, 1, 0], activation="silu"),
        layer("third", "second", 24, 24, padding=[1, 1, 1, 1], activation="relu6"),
        {"name": "pool", "op": "global_avg_pool2d", "inputs": ["third"]},
        {"name": "logits", "op": "dense", "inputs": ["pool"], "units": 5},
        {"name": "probabilities", "op": "softmax", "inputs": ["logits"]},
    ]
    tensors["logits/kernel"] = (rng.standard_normal((5, 24)) / 5).astype(np.float32)
    graph = {"name": "five", "input": {"name": "image", "shape": [12, 12, 3]}, "output": "probabilities"}
    return graph | {"nodes": nodes}, tensors


def one_weight(name: str) -> Fault:
    def change(_: GraphObject, tensors: Tensors) -> None:
        kernel = tensors[f"{name}/kernel"]
        kernel.flat[kernel.size // 2] += 0.01 * np.abs(kernel).max()

    return change


def swapped_axes(name: str) -> Fault:
    def change(_: GraphObject, tensors: Tensors) -> None:
        tensors[f"{name}/kernel"] = np.ascontiguousarray(tensors[f"{name}/kernel"].swapaxes(2, 3))

    return change


def with_attribute(name: str, key: str, value: Any) -> Fault:
    def change(graph: GraphObject, _: Tensors) -> None:
        node(graph, name)[key] = value

    return change


FAULTS: dict[str, tuple[str, Fault]] = {
    "one weight of the first layer": ("first", one_weight("first")),
    "one weight in the middle": ("third", one_weight("third")),
    "one weight of a dense layer": ("logits", one_weight("logits")),
    "height and width of a kernel": ("second", swapped_axes("second")),
    "a padding at the other side": ("second", with_attribute("second", "padding", [0, 1, 1, 0])),
    "no relu": ("first", with_attribute("first", "activation", "linear")),
    "no silu": ("second", with_attribute("second", "activation", "linear")),
    "relu for relu6": ("third", with_attribute("third", "activation", "relu")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_where_it_is_and_nowhere_else(
    fault: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, change = FAULTS[fault]
    graph, tensors = network()
    write_model(graph, tensors, tmp_path / "right.safetensors")
    assert run("verify", tmp_path / "right.safetensors", "--all-isa")[0] == 0
    wrong_graph, wrong_tensors = copy.deepcopy((graph, tensors))
    change(wrong_graph, wrong_tensors)
    wrong = graph_from_object(wrong_graph)
    monkeypatch.setattr(verify, "Plan", lambda _graph, _tensors, **options: Plan(wrong, wrong_tensors, **options))
    status, out, _ = run("verify", tmp_path / "right.safetensors", "--json", "--all-isa")
    facts = json.loads(out)
    assert status == 1
    assert facts["failed"][0] == name
    assert set(facts["failed"]) <= {name, verify.FUSED}
    assert all(item["of_allowed"][variant] <= 1 for item in facts["nodes"] if item["name"] not in facts["failed"]
               for variant in usable_variants())  # fmt: skip


def test_a_fault_of_the_fused_plan_alone_is_found(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one in a kernel that only serves where nodes run as one."""
    graph, tensors = network()
    write_model(graph, tensors, tmp_path / "right.safetensors")
    wrong = copy.deepcopy(tensors)
    swapped_axes("second")(graph, wrong)
    monkeypatch.setattr(
        verify, "Plan", lambda g, t, **options: Plan(g, t if "outputs" in options else wrong, **options)
    )
    status, out, _ = run("verify", tmp_path / "right.safetensors", "--json")
    assert (status, json.loads(out)["failed"]) == (1, [verify.FUSED])


def test_rounding_that_the_next_layer_makes_large_is_no_fault(run: Run, tmp_path: Path) -> None:
    """Differences of nearly equal values: the output is a thousandth of what was summed."""
    rng = np.random.default_rng(3)
    half = rng.standard_normal((16, 32, 3, 3))
    near = half + 1e-3 * rng.standard_normal(half.shape)
    differences = np.concatenate([np.eye(16), -np.eye(16)], axis=1)
    tensors = {
        "pairs/kernel": np.concatenate([half, near]).astype(np.float32),
        "differences/kernel": differences.reshape(16, 32, 1, 1).astype(np.float32),
        "again/kernel": (rng.standard_normal((8, 16, 1, 1))).astype(np.float32),
    }
    nodes = [
        {"name": "pairs", "op": "conv2d", "inputs": ["image"], "filters": 32, "kernel_size": [3, 3]},
        {"name": "differences", "op": "conv2d", "inputs": ["pairs"], "filters": 16, "kernel_size": [1, 1]},
        {"name": "again", "op": "conv2d", "inputs": ["differences"], "filters": 8, "kernel_size": [1, 1]},
    ]
    graph = {"name": "near", "input": {"name": "image", "shape": [12, 12, 32]}, "output": "again", "nodes": nodes}
    write_model(graph, tensors, tmp_path / "near.safetensors")
    status, out, _ = run("verify", tmp_path / "near.safetensors", "--all-isa", "--json")
    facts = json.loads(out)
    assert (status, facts["failed"]) == (0, [])
    assert max(facts["nodes"][-1]["difference"].values()) > verify.TOLERANCE  # of the whole network, beside float64


def test_the_shipped_model_passes(run: Run) -> None:
    model = ROOT / "weights" / "mnist-alexnet-lcnn-fast.safetensors"
    digits = sorted((ROOT / "tests" / "data" / "digits").glob("*.png"))[:2]
    assert run("verify", model, *digits, "--all-isa")[0] == 0
