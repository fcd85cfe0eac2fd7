"""Milliseconds of nodes, predicted."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import lcnn_engine
from lcnn_engine import ModelFormatError, Net, SettingError, estimate
from lcnn_engine.analysis.estimate import estimated_nodes
from lcnn_engine.kernels import usable_variants
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.one_operation import CASES, network_of

PRECISIONS = ("float32", "bfloat16", "int8")


def _layer(**given: Any) -> Network:
    """A lookup layer of a size that is the middle of the sweeps here, or as ``given`` says."""
    size = {"size": 28, "channels": 32, "k": 32, "filters": 64, "density": 0.05, **given}
    network = Network((size["size"], size["size"], size["channels"]), seeded("middle"), k=size["k"])
    network.density = size["density"]
    network.add("lookup_conv2d", filters=size["filters"], kernel_size=(3, 3), padding=(1, 1, 1, 1), name="layer")
    return network


@pytest.mark.parametrize("variant", usable_variants())
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", CASES)
def test_every_operation_has_a_time_in_every_precision_and_variant(case: str, precision: str, variant: str) -> None:
    graph, tensors, _ = network_of(case)
    found = estimated_nodes(graph, tensors, variant=variant, precision=precision)
    assert list(found) == [graph.input.name, *graph.by_name]
    assert all(math.isfinite(ms) and ms >= 0 for ms in found.values())
    assert sum(found.values()) > 0


@pytest.mark.parametrize("variant", usable_variants())
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("k", (8, 32, 128, 512)),
        ("density", (0.01, 0.05, 0.2, 0.5)),
        ("size", (7, 14, 28, 56)),
        ("filters", (16, 64, 256)),
        ("channels", (16, 64, 256)),
    ],
)
def test_more_takes_longer(name: str, values: tuple[float, ...], precision: str, variant: str) -> None:
    """Of atoms, whose lookups grow with them, of lookups, of pixels, of filters, of channels."""
    times = []
    for value in values:
        network = _layer(**{name: value})
        times.append(estimated_nodes(network.graph(), network.tensors, variant=variant, precision=precision)["layer"])
    assert all(before <= after for before, after in itertools.pairwise(times)), times  # no more, once multiplied out
    assert times[0] < times[-1]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_more_of_a_dense_convolution_takes_longer(precision: str) -> None:
    times = []
    for filters in (32, 64, 128, 256):
        network = Network((14, 14, 64), seeded("conv"))
        network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1), name="layer")
        times.append(estimate(network.graph(), network.tensors, precision=precision)["layer"])
    assert all(before < after for before, after in itertools.pairwise(times)), times


def test_what_runs_with_another_node_and_what_nothing_needs_takes_nothing() -> None:
    network = Network((9, 9, 4), seeded("fused"))
    network.add("conv2d", filters=6, kernel_size=(3, 3), name="conv")
    network.add("activation", activation="relu", name="relu")
    network.add("softmax", "conv", name="aside")
    network.add("max_pool2d", "relu", pool_size=(2, 2), name="pool")
    found = estimate(network.graph(), network.tensors)
    assert found["relu"] == found["aside"] == 0
    assert found["conv"] > 0
    assert found["pool"] > 0
    assert found["image"] > 0


def test_it_is_a_public_name_and_takes_what_a_file_gives(tmp_path: Any) -> None:
    network = _layer()
    path = tmp_path / "layer.safetensors"
    lcnn_engine.write_model(network.graph(), network.tensors, path)
    assert lcnn_engine.estimate(*lcnn_engine.read_model(path)) == estimate(network.graph(), network.tensors)
    assert "estimate" in lcnn_engine.__all__


def test_a_precision_is_that_of_the_net() -> None:
    network = _layer()
    graph, tensors = network.graph(), network.tensors
    same = {name: estimate(graph, tensors, precision=name) for name in (*PRECISIONS, "fastest")}
    runs = Net(graph, tensors, precision="fastest").precision
    assert same["fastest"] == same[runs]


@pytest.mark.parametrize("precision", ["fp8", "", None, 8, ["int8"]])
def test_what_is_no_precision_is_refused(precision: Any) -> None:
    network = _layer()
    with pytest.raises(SettingError, match="expected precision to be one of float32, bfloat16, int8, fastest, got"):
        estimate(network.graph(), network.tensors, precision=precision)


def test_what_is_no_model_is_refused() -> None:
    network = _layer()
    with pytest.raises(ModelFormatError):
        estimate(network.graph(), {**network.tensors, "layer/bias": np.zeros(3, np.float32)})
    with pytest.raises(ModelFormatError, match="expected a Graph and its tensors"):
        estimate("model.safetensors", {})  # type: ignore[arg-type]
    with pytest.raises(SettingError):
        estimate(network.graph(), network.tensors, max_bytes=0)
    with pytest.raises(ModelFormatError, match="max_multiplications"):
        estimate(network.graph(), network.tensors, max_multiplications=10)
