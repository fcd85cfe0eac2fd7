"""The benchmark networks are the ones they claim to be."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.networks import workloads
from benchmarks.networks.builder import as_stored
from benchmarks.networks.dense_equivalents import lookup_multiplications
from lcnn_engine import Net, from_onnx, read_model, write_model
from lcnn_engine.interop.dense import is_lookup, two_layer_equivalent
from lcnn_engine.interop.onnx import onnx_model
from lcnn_engine.model import graph as g


def test_the_small_ones_lookups_come_back_from_onnx() -> None:
    """Written as two layers each, D and P, of which half are zeros in the first."""
    pytest.importorskip("onnx")
    network = workloads.small_lookup()
    back, found = from_onnx(onnx_model(*two_layer_equivalent(*network)))
    kinds = [(node.name, node.op) for node in network[0].nodes]
    assert [(node.name, node.op) for node in back.nodes] == kinds
    assert found.keys() == network[1].keys()
    for name, array in network[1].items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def _dense_multiplications(graph: g.Graph) -> int:
    """The counting rule for dense convolutions: outputs times the size of one filter."""
    return sum(
        math.prod(graph.shapes[node.name][:-1]) * math.prod(graph.tensor_specs(node)["kernel"].shape)
        for node in graph.nodes
        if isinstance(node, g.Conv2D | g.Dense)
    )


def _atoms(network: workloads.Network) -> list[int]:
    graph, tensors = network
    return [len(tensors[f"{node.name}/dictionary"]) for node in graph.nodes if is_lookup(node)]


def _densities(network: workloads.Network) -> list[float]:
    graph, tensors = network
    found = []
    for node in filter(is_lookup, graph.nodes):
        dictionary = tensors.get(f"{node.name}/dictionary")
        atoms = graph.shapes[node.inputs[0]][-1] if dictionary is None else len(dictionary)
        columns = math.prod(getattr(node, "kernel_size", (1,))) * atoms
        found.append(len(tensors[f"{node.name}/indices"]) / columns / (len(tensors[f"{node.name}/indptr"]) - 1))
    return found


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_is_a_valid_model(name: str, tmp_path) -> None:
    graph, tensors = workloads.WORKLOADS[name]()
    assert graph.name == name
    path = tmp_path / "model.safetensors"
    write_model(graph, as_stored(tensors), path)  # checks every rule of the format
    found, weights = read_model(path)
    assert found.nodes == graph.nodes
    assert all(np.array_equal(weights[key], tensors[key]) for key in tensors)


def test_is_the_same_every_time() -> None:
    (_, first), (_, second) = workloads.small_lookup(), workloads.small_lookup()
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_fast_has_the_published_lookups() -> None:
    network = workloads.alexnet_lcnn_fast()
    assert _atoms(network) == [3, 30, 30, 30, 30, 512, 512]
    assert _densities(network) == pytest.approx(workloads.FAST_DENSITIES, rel=0.01)
    assert lookup_multiplications(*network) == pytest.approx(10.09e6, rel=1e-3)
    assert network[0].shapes["conv1"] == (55, 55, 64)
    assert network[0].shapes["fc6"] == (1, 1, 4096)


def test_accurate_has_the_published_lookups() -> None:
    network = workloads.alexnet_lcnn_accurate()
    assert _atoms(network) == [3, 500, 500, 500, 30, 1024, 1024]
    assert _densities(network) == pytest.approx(workloads.ACCURATE_DENSITIES, rel=0.01)


@pytest.mark.parametrize("name", [name for name in workloads.WORKLOADS if "-16" in name])
def test_lookups_that_go_together_are_as_many(name: str) -> None:
    base, _, suffix = name.rpartition("-16")
    structure = workloads.STRUCTURES[f"-16{suffix}"]
    graph, tensors = workloads.WORKLOADS[name]()
    _, unstructured = workloads.WORKLOADS[base]()
    for node in filter(is_lookup, graph.nodes):
        indptr, indices = tensors[f"{node.name}/indptr"], tensors[f"{node.name}/indices"]
        assert len(indices) == pytest.approx(len(unstructured[f"{node.name}/indices"]), abs=16, rel=1e-3)
        lists = [indices[first:last].tolist() for first, last in pairwise(indptr)]
        assert all(lists[o] == lists[o // 16 * 16] for o in range(len(lists)))
        atoms = len(tensors.get(f"{node.name}/dictionary", [0] * graph.shapes[node.inputs[0]][-1]))
        if structure.atoms_of == 2 and atoms % 2 == 0:
            assert np.array_equal(indices[::2] + 1, indices[1::2])
            assert not np.any(indices[::2] % 2)


@pytest.mark.parametrize(("name", "millions"), [("alexnet-dense", 714.19), ("alexnet-dense-wide", 1135.26)])
def test_dense_alexnets_have_the_published_multiplications(name: str, millions: float) -> None:
    graph, _ = workloads.WORKLOADS[name]()
    assert _dense_multiplications(graph) == pytest.approx(1e6 * millions, abs=5e3)


@pytest.mark.parametrize(
    ("name", "atoms"),
    [("resnet18-lookup-fast", (16, 32, 64, 128)), ("resnet18-lookup-accurate", (128, 256, 512, 1024))],
)
def test_lookup_resnet(name: str, atoms: tuple[int, ...]) -> None:
    graph, _ = network = workloads.WORKLOADS[name]()
    assert _atoms(network) == [3, *(k for k in atoms for _ in range(4))]
    assert _densities(network) == pytest.approx([0.05] * 17, rel=0.01)
    dense = [node.name for node in graph.nodes if isinstance(node, g.Conv2D | g.Dense)]
    assert dense == [*(f"stage{stage}.block1.shortcut" for stage in (2, 3, 4)), "logits"]
    assert graph.shapes["stage4.block2.sum"] == (7, 7, 512)


def test_pruned_resnet_has_no_dictionary() -> None:
    graph, tensors = network = workloads.resnet18_pruned()
    assert not any(name.endswith("/dictionary") for name in tensors)
    assert _densities(network) == pytest.approx([0.1] * 17, rel=0.01)
    assert {graph[name].inputs for name in ("stage2.block1.conv1", "stage2.block1.shortcut")} == {
        ("stage1.block2.sum",)
    }


def test_dense_resnet_has_the_known_multiplications() -> None:
    graph, _ = workloads.resnet18_dense()
    assert _dense_multiplications(graph) == pytest.approx(1.814e9, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "millions", "weights"),
    [("efficientnet-lite0", 385.2, 4_652_008), ("mobilenet-v2", 300.8, 3_504_872), ("cnn28", 9.09, 131_178)],
)
def test_networks_of_users_have_the_known_sizes(name: str, millions: float, weights: int) -> None:
    """Those in use have a scale and a shift for each filter, where these have a bias."""
    graph, tensors = workloads.WORKLOADS[name]()
    assert _dense_multiplications(graph) == pytest.approx(1e6 * millions, rel=1e-3)
    biases = sum(tensors[f"{node.name}/bias"].size for node in graph.nodes if isinstance(node, g.Conv2D))
    assert sum(tensor.size for tensor in tensors.values()) + biases == weights


def test_the_small_cnn_is_narrowed_and_pruned() -> None:
    full, half, pruned = (workloads.WORKLOADS[f"cnn28{of}"]() for of in ("", "-half", "-pruned"))
    assert [node.filters for node in half[0].nodes if isinstance(node, g.Conv2D)] == [16, 32, 32, 64]
    assert _densities(pruned) == pytest.approx([0.1] * 3, rel=0.01)
    assert full[0].shapes["conv4"] == pruned[0].shapes["conv4"] == (7, 7, 128)


@pytest.mark.parametrize(
    "name",
    ["alexnet-lcnn-fast", "resnet18-lookup-fast", "resnet18-pruned", "cnn28-quarter", "cnn28-pruned",
     "efficientnet-lite0", "mobilenet-v2"],
)  # fmt: skip
def test_numbers_stay_in_range(name: str) -> None:
    """Neither dead nor exploded: the last features vary, at a size near one."""
    network = workloads.WORKLOADS[name]()
    net = Net(*network, threads=1)
    x = np.random.default_rng(0).standard_normal(net.input_shape, dtype=np.float32)
    features = net.features(x, "logits")
    assert 0.05 < features.std() < 20


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workloads.main(["small-lookup", str(tmp_path / "small")]) == 0
    assert read_model(tmp_path / "small")[0].name == "small-lookup"
    assert workloads.main(["small-lookup", str(tmp_path / "none" / "small")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
