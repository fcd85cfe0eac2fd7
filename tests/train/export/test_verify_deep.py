"""In networks of a hundred nodes both commands find each of many faults at the node where it is, and no other."""

import sys

import numpy as np
import pytest

from lcnn_engine import Net, kernel_info, read_model, write_model
from lcnn_engine.cli import verify as lcnn_verify
from lcnn_engine.format.graph_json import graph_from_object, graph_to_object
from lcnn_engine.plan import Plan
from lcnn_train import export, verify
from tests.helpers.applications import given_back, network, noise

NETWORKS = ("DenseNet121", "MobileNetV2")


def one_weight(node, tensors, values):
    """Change a weight by a hundredth of the largest: of the channel that the image reaches most, for a live filter."""
    kernel = tensors[f"{node['name']}/kernel"]
    source, made = (
        np.abs(values[name]).reshape(-1, values[name].shape[-1]) for name in (node["inputs"][0], node["name"])
    )
    ceiling = 6 if node.get("activation") == "relu6" else np.inf
    groups = node.get("groups", 1)
    reached = np.repeat(source.mean(0).reshape(groups, -1), len(kernel) // groups, axis=0)  # by filter and channel
    alive = ((made > 0) & (made < ceiling)).mean(0)
    o, i = np.unravel_index((reached * alive[:, None]).argmax(), reached.shape)
    center = tuple(size // 2 for size in kernel.shape[2:])
    kernel[(o, i, *center)] += 0.01 * np.abs(kernel).max()
    return True


def swapped_axes(node, tensors, _):
    """Height and width of a kernel."""
    name = f"{node['name']}/kernel"
    if tensors[name].ndim != 4 or tensors[name].shape[2:] == (1, 1):
        return False
    tensors[name] = np.ascontiguousarray(tensors[name].swapaxes(2, 3))
    return True


def moved_padding(node, *_):
    """By a pixel, where there is a border."""
    top, bottom, left, right = node.get("padding", (0, 0, 0, 0))
    if top == bottom == 0:
        return False
    node["padding"] = [top + 1, bottom - 1, left, right] if bottom else [top - 1, bottom + 1, left, right]
    return True


def no_activation(node, _, values):
    """Left out, where something is below 0 before it."""
    return node.pop("activation", None) is not None and bool((values[node["name"]] == 0).any())


FAULTS = (one_weight, swapped_axes, moved_padding, no_activation)


def with_faults(path, values):
    """The graph and tensors of a file with a fault in every other node that has weights; the kind, by node's name."""
    graph, tensors = read_model(path)
    found, tensors = graph_to_object(graph), {name: tensor.copy() for name, tensor in tensors.items()}
    weighted = [node for node in found["nodes"] if f"{node['name']}/kernel" in tensors]
    where = {}
    for number, node in enumerate(weighted[::2]):
        kinds = FAULTS[number % 4 :] + FAULTS[: number % 4]
        where[node["name"]] = next(fault for fault in kinds if fault(node, tensors, values))
    return found, tensors, where


@pytest.mark.parametrize("name", NETWORKS)
def test_each_fault_is_found(name, tmp_path, monkeypatch):
    """By the numbers alone: that a file has other tensors is not asked; a wrong plan stands for wrong kernels."""
    right, wrong, x = tmp_path / "right.safetensors", tmp_path / "wrong.safetensors", noise(64)
    with given_back():
        model = network(name, 64, variances=(0.3, 2.0))
        export(model, right)
        net = Net.load(right)
        values = {net.graph.input.name: x[0], **{n: v[0] for n, v in net.features(x, list(net.graph.by_name)).items()}}
        graph, tensors, where = with_faults(right, values)
        assert set(where.values()) == set(FAULTS)
        write_model(graph, tensors, wrong)

        module = sys.modules[verify.__module__]
        monkeypatch.setattr(module, "_check_same", lambda *_: None)
        monkeypatch.setattr(module, "_check_verified", lambda *_: None)
        assert {node.name for node in verify(model, wrong, x).nodes if not node.share <= 1} == set(where)

    of_file = graph_from_object(graph)
    monkeypatch.setattr(lcnn_verify, "Plan", lambda _graph, _tensors, **options: Plan(of_file, tensors, **options))
    nodes = lcnn_verify.compare(*read_model(right), x, [kernel_info()["isa"]], 1)
    assert {name for name, node in nodes.items() if not node.ok} - {lcnn_verify.FUSED} == set(where)
