"""The counting rule: the numbers of LCNN's paper and of its dense equivalent, and small ones worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.analysis.cost import NodeCost, cost_of
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.model import graph as g
from tests.helpers.model_files import valid_graph, valid_tensors
from tests.helpers.networks import chain

DICTIONARIES = {"conv1": 3, "conv2": 30, "conv3": 30, "conv4": 30, "conv5": 30, "fc6": 512, "fc7": 512}
DENSITIES = dict(zip(DICTIONARIES, (0.083, 0.034, 0.008, 0.013, 0.027, 0.001, 0.002), strict=True))
FILTERS = dict(zip(DICTIONARIES, (64, 192, 384, 256, 256, 4096, 4096), strict=True))


def alexnet(kind: type[g.Conv2D] | type[g.LookupConv2D]) -> g.Graph:
    """The AlexNet of the LCNN code, 224 x 224 x 3 and 1000 classes."""

    def conv(name: str, source: str, size: int, stride: int = 1, padding: int = 0) -> g.Node:
        return kind(name=name, inputs=(source,), filters=FILTERS[name], kernel_size=(size, size),
                    strides=(stride, stride), padding=(padding,) * 4, activation="relu")  # fmt: skip

    def pool(name: str, source: str) -> g.Node:
        return g.MaxPool2D(name=name, inputs=(source,), pool_size=(3, 3), strides=(2, 2))

    nodes = [
        conv("conv1", "image", 11, 4, 2), pool("pool1", "conv1"),
        conv("conv2", "pool1", 5, padding=2), pool("pool2", "conv2"),
        conv("conv3", "pool2", 3, padding=1), conv("conv4", "conv3", 3, padding=1),
        conv("conv5", "conv4", 3, padding=1), pool("pool5", "conv5"),
        conv("fc6", "pool5", 6), conv("fc7", "fc6", 1), g.Flatten(name="flat", inputs=("fc7",)),
        g.Dense(name="fc8", inputs=("flat",), units=1000), g.Softmax(name="probabilities", inputs=("fc8",)),
    ]  # fmt: skip
    return chain(nodes, (224, 224, 3))


def costs(graph: g.Graph) -> dict[str, NodeCost]:
    """Costs with tensors of the right sizes; views of one number, as only sizes count."""
    tensors = {}
    for node in graph.nodes:
        channels = graph.shapes[node.inputs[0]][-1]
        if isinstance(node, g.LookupConv2D):
            atoms = DICTIONARIES[node.name]
            columns = node.kernel_size[0] * node.kernel_size[1] * atoms
            lookups = round(DENSITIES[node.name] * node.filters * columns)
            tensors[f"{node.name}/dictionary"] = np.broadcast_to(np.float32(0), (atoms, channels))
            tensors[f"{node.name}/indices"] = np.broadcast_to(np.int32(0), (lookups,))
        elif isinstance(node, (g.Conv2D, g.Dense)):
            for name, spec in graph.tensor_specs(node).items():
                tensors[f"{node.name}/{name}"] = np.broadcast_to(np.float32(0), spec.shape)  # type: ignore[arg-type]
    return {cost.name: cost for cost in cost_of(graph, tensors, {})}


def test_dense_equivalent() -> None:
    found = costs(alexnet(g.Conv2D))
    assert sum(cost.multiplications for cost in found.values()) == pytest.approx(714.19e6, rel=1e-5)
    assert all(cost.dense == cost.multiplications for cost in found.values())


def test_lcnn_fast() -> None:
    found = costs(alexnet(g.LookupConv2D)).values()
    assert sum(cost.dense for cost in found) == pytest.approx(714.19e6, rel=1e-5)
    assert sum(cost.multiplications for cost in found) == pytest.approx(28.93e6, rel=2e-4)
    assert sum(cost.of_lookups for cost in found) == pytest.approx(10.09e6, rel=5e-4)


def test_by_hand() -> None:
    """The valid model: 6 x 6 x 3, padded to 8 x 8, two atoms and five lookups; then 36 numbers and three lookups."""
    found = {cost.name: cost for cost in cost_of(graph_from_object(valid_graph()), valid_tensors(), {"fc/indices": 7})}
    conv = found["conv"]
    assert (conv.atoms, conv.lookups, conv.density) == (2, 5, 5 / (4 * 3 * 3 * 2))
    assert conv.of_lookups == 5 * 36
    assert conv.multiplications == 8 * 8 * 2 * 3 + 5 * 36
    assert conv.dense == 6 * 6 * 4 * 3 * 3 * 3
    assert conv.weights == 2 * 3 + 5 + 4
    assert conv.bytes == 4 * (2 * 3 + 5 + 5 + 5 + 4)
    fc = found["fc"]
    assert (fc.atoms, fc.lookups, fc.density) == (36, 3, 3 / (3 * 36))
    assert (fc.multiplications, fc.of_lookups, fc.dense) == (3, 3, 3 * 36)
    assert fc.bytes == 4 * 4 + 7 + 4 * 3
    assert found["grouped"].multiplications == 3 * 3 * 4 * 2
    assert found["logits"].multiplications == 6
    assert [found[name].multiplications for name in ("pool", "sum", "norm", "flat", "probabilities")] == [0] * 5


def test_lookup_dense_with_a_dictionary() -> None:
    graph = g.Graph("g", g.Input("x", (1, 2, 3)), "fc", (
        g.Flatten(name="flat", inputs=("x",)), g.LookupDense(name="fc", inputs=("flat",), units=5)))  # fmt: skip
    tensors = {"fc/dictionary": np.zeros((4, 6), np.float32), "fc/indices": np.arange(3, dtype=np.int32)}
    cost = cost_of(graph, tensors, {})[1]
    assert (cost.multiplications, cost.of_lookups, cost.dense) == (4 * 6 + 3, 3, 5 * 6)
    assert cost.density == 3 / (5 * 4)
