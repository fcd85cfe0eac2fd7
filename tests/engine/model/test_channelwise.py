"""Shapes, tensors and rules of norms, slopes and pools over channels; those of files are in test_operations.py."""

from __future__ import annotations

import pytest

from lcnn_engine.errors import ModelFormatError
from lcnn_engine.model.channelwise import LRN, BatchNorm, ChannelMax, ChannelMean, GroupNorm, LayerNorm, PRelu
from lcnn_engine.model.node import Node

COMMON = {"name": "node", "inputs": ("x",)}
NODES: list[tuple[Node, set[str], tuple[int, ...]]] = [
    (BatchNorm(**COMMON), {"scale", "shift"}, (2, 3, 6)),
    (PRelu(**COMMON), {"slope"}, (2, 3, 6)),
    (LayerNorm(**COMMON, epsilon=0.0), {"scale", "shift"}, (2, 3, 6)),
    (GroupNorm(**COMMON, epsilon=0.0, groups=3), {"scale", "shift"}, (2, 3, 6)),
    (ChannelMax(**COMMON), set(), (2, 3, 1)),
    (ChannelMean(**COMMON), set(), (2, 3, 1)),
    (LRN(**COMMON, depth_radius=0, bias=0.0, alpha=1.0, beta=1.0), set(), (2, 3, 6)),
]


@pytest.mark.parametrize(("node", "tensors", "shape"), NODES, ids=lambda value: getattr(value, "op", None))
def test_shapes_and_one_number_a_channel(node: Node, tensors: set[str], shape: tuple[int, ...]) -> None:
    node.check()
    assert node.output_shape((2, 3, 6)) == shape
    specs = node.tensor_specs((2, 3, 6))
    assert {name: spec.shape for name, spec in specs.items()} == dict.fromkeys(tensors, (6,))
    assert all(spec.dtype == "F32" and not spec.optional for spec in specs.values())


@pytest.mark.parametrize(("node", "message"), [
    (GroupNorm(**COMMON, epsilon=1.0, groups=4), "input channels 6 to be a multiple of groups, found 4"),
    (GroupNorm(**COMMON, epsilon=1.0, groups=0), "groups to be an integer from 1"),
    (LayerNorm(**COMMON, epsilon=-1e-9), "epsilon of at least 0"),
    (LRN(**COMMON, depth_radius=-1, bias=0.0, alpha=1.0, beta=1.0), "depth_radius to be an integer from 0"),
    (LRN(**COMMON, depth_radius=1, bias=0.0, alpha=float("nan"), beta=1.0), "alpha to be a finite number"),
])  # fmt: skip
def test_what_breaks_a_rule(node: Node, message: str) -> None:
    def check() -> None:
        node.check()
        node.output_shape((2, 3, 6))

    with pytest.raises(ModelFormatError, match=message):
        check()


@pytest.mark.parametrize("node", [node for node, _, _ in NODES if node.rank == 3], ids=lambda node: node.op)
def test_those_of_an_image_take_no_vector(node: Node) -> None:
    with pytest.raises(ModelFormatError, match="node 'node': expected input 'x' of shape"):
        node.output_shape((6,))
